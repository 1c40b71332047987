//! Reasons and wishes as numbers that fit into an agent's word.

use super::word::AgentStep;
use crate::queue::Away;

const REASONS: [Away; 9] = [
    Away::NotReady,
    Away::Meeting,
    Away::Visitor,
    Away::Out,
    Away::Banquet,
    Away::Break,
    Away::Training,
    Away::NoAnswer,
    Away::Admin,
];
const OTHER: u32 = 16;

/// At most 17 bits.
pub(super) fn code(why: Away) -> u32 {
    match why {
        Away::Other(number) => OTHER + u32::from(number),
        why => REASONS.iter().position(|r| *r == why).unwrap_or(0) as u32,
    }
}

pub(super) fn reason(code: u32) -> Away {
    match code.checked_sub(OTHER) {
        Some(number) => Away::Other(number as u16),
        None => REASONS.get(code as usize).copied().unwrap_or(Away::Admin),
    }
}

/// What is to become of an agent, now or when the call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Away(Away),
    SignOff,
}

const AWAY: u32 = 1 << 17;
const SIGN_OFF: u32 = 1 << 18;

impl Wish {
    pub fn code(wish: Option<Wish>) -> u32 {
        match wish {
            None => 0,
            Some(Wish::Away(why)) => AWAY | code(why),
            Some(Wish::SignOff) => SIGN_OFF,
        }
    }

    pub fn of(code: u32) -> Option<Wish> {
        match code {
            0 => None,
            code if code & SIGN_OFF != 0 => Some(Wish::SignOff),
            code => Some(Wish::Away(reason(code & (AWAY - 1)))),
        }
    }

    /// To be away again for the reason of which this is the code.
    pub fn of_away(code: u32) -> Option<Wish> {
        Some(Wish::Away(reason(code)))
    }

    /// The state in which the wish is fulfilled.
    pub fn state(self) -> AgentStep {
        match self {
            Wish::Away(why) => AgentStep::Away(code(why)),
            Wish::SignOff => AgentStep::SignedOff,
        }
    }
}

/// Worth waiting for: will be free again without anybody's decision.
pub(super) fn will_return(state: AgentStep) -> bool {
    !matches!(state, AgentStep::SignedOff | AgentStep::Away(_)) && state.wish() == 0
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn reasons_and_wishes_come_back_as_they_were_written() {
        for why in REASONS.into_iter().chain([0, 7, u16::MAX].map(Away::Other)) {
            assert_eq!(reason(code(why)), why);
            let wish = Some(Wish::Away(why));
            assert_eq!(Wish::of(Wish::code(wish)), wish);
            assert!(Wish::code(wish) < 1 << 20);
        }
        assert_eq!(Wish::of(Wish::code(Some(Wish::SignOff))), Some(Wish::SignOff));
        assert_eq!(Wish::of(Wish::code(None)), None);
    }
}
