//! Somebody whom the hotline calls, and what their telephone does.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::caller::Caller;

/// What happens when the hotline calls a number.
#[derive(Clone, Debug)]
pub enum Ring {
    Refuses(u16),
    /// Until the hotline gives up.
    NobodyThere,
    Answers {
        after: Duration,
        /// What they do then; of whom they are in the world, the number alone is theirs.
        who: Box<Caller>,
    },
}

/// Those who may be called, by number: what their telephone does each time. After the last of it, and at all other
/// numbers, nobody is known (404).
#[derive(Default)]
pub(super) struct Called(BTreeMap<String, VecDeque<Ring>>);

impl Called {
    pub(super) fn expect(&mut self, number: String, rings: Vec<Ring>) {
        self.0.insert(number, rings.into());
    }

    pub(super) fn next(&mut self, number: &str) -> Ring {
        self.0.get_mut(number).and_then(VecDeque::pop_front).unwrap_or(Ring::Refuses(404))
    }
}
