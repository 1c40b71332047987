//! Each press once, though a phone may say it in two ways.
//!
//! Some phones send every key as a telephone event and by INFO, or as a tone and by INFO. Neither is the better one:
//! the event may be lost with its packets, the INFO comes late, with its retransmissions. So both are taken, and what
//! arrives second is known for the press that was counted already:
//!
//! ```text
//!   event 5 -> counted        INFO 5 -> the same press         event 5 -> counted (a second press)
//!   event 5    lost           INFO 5 -> counted                event 5 -> counted (a second press)
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Instant;
use crate::media::{Digit, DigitMeans};

/// The presses of one leg that were counted and may still be told a second time.
#[derive(Debug, Default)]
pub(super) struct Keys {
    counted: VecDeque<Counted>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    digit: Digit,
    by: DigitMeans,
    at: Instant,
}

/// So much later the other way may tell of a press, counted from its beginning: an INFO is written at the end of a
/// press by some phones, and sent once more after 500 ms if it was lost (RFC 3261 §17.1.2.1).
const TOLD_AGAIN: Duration = Duration::from_secs(1);
/// An INFO may claim that its press lasted for anything.
const LONGEST: Duration = Duration::from_secs(30);

impl Keys {
    /// Whether this is a press that nobody has told of yet. `lasted`: how long ago it began, as far as was said.
    pub fn is_new(&mut self, now: Instant, digit: Digit, by: DigitMeans, lasted: Duration) -> bool {
        self.counted.retain(|press| now.since(press.at) <= TOLD_AGAIN + LONGEST);
        let since = TOLD_AGAIN + lasted.min(LONGEST);
        // The first of several: they are told again in the order in which they were pressed.
        let told = self
            .counted
            .iter()
            .position(|press| press.digit == digit && press.by != by && now.since(press.at) <= since);
        match told {
            Some(at) => {
                self.counted.remove(at);
                false
            }
            None => {
                self.counted.push_back(Counted { digit, by, at: now });
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use DigitMeans::{Info, TelephoneEvent, Tone};
    use proptest::prelude::*;

    use super::*;

    /// What is counted of (ms, key, by, lasted ms).
    fn counted(told: impl IntoIterator<Item = (u64, char, DigitMeans, u64)>) -> String {
        let mut keys = Keys::default();
        let new = |(ms, key, by, lasted): (u64, char, DigitMeans, u64)| {
            let digit = Digit::from_char(key)?;
            let now = Instant::from_micros(ms * 1000);
            keys.is_new(now, digit, by, Duration::from_millis(lasted)).then_some(key)
        };
        told.into_iter().filter_map(new).collect()
    }

    #[test]
    fn a_press_told_in_two_ways_counts_once_whichever_is_first() {
        assert_eq!(counted([(0, '5', TelephoneEvent, 0), (150, '5', Info, 160)]), "5");
        assert_eq!(counted([(0, '5', Info, 160), (80, '5', TelephoneEvent, 0)]), "5");
        assert_eq!(counted([(0, '5', Info, 160), (200, '5', Tone, 0)]), "5");
        assert_eq!(
            counted([(0, '5', TelephoneEvent, 0), (4000, '5', Info, 3900)]),
            "5",
            "at the end of a long press"
        );
    }

    #[test]
    fn the_same_key_again_is_another_press() {
        let told = [
            (0, '5', TelephoneEvent, 0),
            (250, '5', TelephoneEvent, 0),
            (300, '5', Info, 160),
            (560, '5', Info, 160),
            (800, '5', TelephoneEvent, 0),
        ];
        assert_eq!(counted(told), "555");
        assert_eq!(counted([(0, '5', Info, 160), (300, '5', Info, 160), (600, '6', Info, 160)]), "556");
        assert_eq!(
            counted([(0, '5', TelephoneEvent, 0), (1200, '5', Info, 160)]),
            "55",
            "too late to be the same"
        );
    }

    #[test]
    fn what_one_way_loses_the_other_brings() {
        let told =
            [(0, '1', TelephoneEvent, 0), (50, '1', Info, 160), (500, '2', Info, 160), (900, '3', Tone, 0)];
        assert_eq!(counted(told), "123");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A phone that says each press in both ways, whichever first, is heard once per press.
        #[test]
        fn both_ways_of_every_press(
            presses in proptest::collection::vec((0usize..3, 100u64..600, 0u64..400, any::<bool>()), 1..30),
        ) {
            let (mut told, mut keys, mut now) = (Vec::new(), String::new(), 0);
            for (key, gap, later, info_first) in presses {
                let key = ['1', '2', '#'][key];
                keys.push(key);
                let (first, second) = if info_first { (Info, TelephoneEvent) } else { (TelephoneEvent, Info) };
                told.push((now, key, first, 100));
                told.push((now + later.min(gap), key, second, 100));
                now += gap + 50;
            }
            told.sort_by_key(|(ms, ..)| *ms);
            prop_assert_eq!(counted(told), keys);
        }
    }
}
