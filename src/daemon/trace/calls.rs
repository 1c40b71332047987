//! Which dialogs are legs of which call: both sides of a call belong into one ladder.

use std::collections::{HashMap, VecDeque};

use crate::base::CallId;

use super::Leg;

/// By Call-ID; the oldest are forgotten first.
#[derive(Clone, Default)]
pub struct Calls {
    legs: HashMap<String, (CallId, String)>,
    order: VecDeque<String>,
    most: usize,
}

impl Calls {
    pub fn new(most: usize) -> Calls {
        Calls { legs: HashMap::new(), order: VecDeque::new(), most }
    }

    pub fn learn(&mut self, leg: Leg) {
        let Leg { call_id, call, party } = leg;
        if self.legs.insert(call_id.clone(), (call, party)).is_none() {
            self.order.push_back(call_id);
        }
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.legs.remove(&oldest);
            }
        }
    }

    pub fn call(&self, call_id: &str) -> Option<CallId> {
        self.legs.get(call_id).map(|(call, _)| *call)
    }

    pub fn party(&self, call_id: &str) -> Option<&str> {
        self.legs.get(call_id).map(|(_, party)| party.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_legs_are_known() {
        let mut calls = Calls::new(2);
        for (number, call_id) in [(1, "a"), (1, "b"), (2, "a"), (3, "c")] {
            calls.learn(Leg { call_id: call_id.to_owned(), call: CallId(number), party: number.to_string() });
        }
        assert_eq!(
            (calls.call("a"), calls.call("b"), calls.call("c")),
            (None, Some(CallId(1)), Some(CallId(3)))
        );
        assert_eq!(calls.party("c"), Some("3"));
    }
}
