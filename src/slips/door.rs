//! Whether a message box opens for who knocks.
//!
//! A PIN has few digits, so what guards it is how often it may be guessed: after [`WRONG_ONES`] the box stays [`SHUT`],
//! for the right one too.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{Instant, Masked};
use crate::call::{NotOpened, OpenBox};

/// Wrong PINs in a row, and how long a box is shut then.
const WRONG_ONES: u32 = 5;
const SHUT: Duration = Duration::from_secs(15 * 60);

/// Remembers who has guessed.
#[derive(Default)]
pub struct Door {
    /// By box, and whether at its owner's desk: who guesses from outside does not shut the owner out there.
    wrong: BTreeMap<(String, bool), (u32, Instant)>,
}

impl Door {
    /// `is_right` compares, slowly, with the box's PIN, or for as long with none.
    ///
    /// # Errors
    /// Why it stays shut, as far as who knocks may know.
    pub fn opens(
        &mut self,
        now: Instant,
        order: &OpenBox,
        has_pin: bool,
        is_right: impl FnOnce(&Masked<String>) -> bool,
    ) -> Result<(), NotOpened> {
        let Some(pin) = &order.pin else {
            // From outside there is no way in without one.
            return if order.own && !has_pin { Ok(()) } else { Err(NotOpened::NeedsPin) };
        };
        let which = (order.mailbox.clone(), order.own);
        // What lies long back is forgotten, and with it every name that nobody has.
        self.wrong.retain(|_, (_, last)| now.since(*last) < SHUT);
        if self.wrong.get(&which).is_some_and(|(count, _)| *count >= WRONG_ONES) {
            return Err(NotOpened::NotNow);
        }
        if is_right(pin) {
            self.wrong.remove(&which);
            return Ok(());
        }
        let (count, last) = self.wrong.entry(which).or_insert((0, now));
        (*count, *last) = (*count + 1, now);
        Err(NotOpened::WrongPin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knock(own: bool, pin: Option<&str>) -> OpenBox {
        OpenBox { mailbox: "4001".to_owned(), own, pin: pin.map(Masked::from) }
    }

    fn opens(door: &mut Door, at: Duration, order: &OpenBox) -> Result<(), NotOpened> {
        door.opens(Instant::ZERO + at, order, true, |pin| pin.expose() == "246813")
    }

    #[test]
    fn a_desk_opens_its_own_box_and_nobody_else_does_without_a_pin() {
        let mut door = Door::default();
        let mut without = |order| door.opens(Instant::ZERO, &order, false, |_| false);
        assert_eq!(without(knock(true, None)), Ok(()));
        assert_eq!(without(knock(false, None)), Err(NotOpened::NeedsPin));
        assert_eq!(without(knock(false, Some("246813"))), Err(NotOpened::WrongPin));
        assert_eq!(opens(&mut door, Duration::ZERO, &knock(true, None)), Err(NotOpened::NeedsPin));
        assert_eq!(opens(&mut door, Duration::ZERO, &knock(true, Some("246813"))), Ok(()));
    }

    #[test]
    fn a_box_is_shut_after_some_wrong_ones_for_a_while_and_not_at_its_desk() {
        let mut door = Door::default();
        let (wrong, right) = (knock(false, Some("000000")), knock(false, Some("246813")));
        for _ in 0..WRONG_ONES {
            assert_eq!(opens(&mut door, Duration::ZERO, &wrong), Err(NotOpened::WrongPin));
        }
        assert_eq!(opens(&mut door, SHUT / 2, &right), Err(NotOpened::NotNow));
        assert_eq!(opens(&mut door, SHUT / 2, &knock(true, Some("246813"))), Ok(()));
        assert_eq!(opens(&mut door, SHUT, &wrong), Err(NotOpened::WrongPin), "counted anew");
        assert_eq!(opens(&mut door, SHUT, &right), Ok(()));
    }

    #[test]
    fn the_right_one_clears_the_count() {
        let mut door = Door::default();
        for _ in 0..3 * WRONG_ONES {
            assert_eq!(opens(&mut door, Duration::ZERO, &knock(false, Some("1"))), Err(NotOpened::WrongPin));
            assert_eq!(opens(&mut door, Duration::ZERO, &knock(false, Some("246813"))), Ok(()));
        }
    }
}
