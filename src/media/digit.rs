//! One key of the telephone, by whatever means it is pressed.

use std::fmt;

/// One key of the telephone: `0`-`9`, `*`, `#`, `A`-`D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digit(u8);

/// In the order of their event codes (RFC 4733 §3.2).
const KEYS: &str = "0123456789*#ABCD";

/// The keypad (ITU-T Q.23): a row is a tone of [`LOW`], a column one of [`HIGH`].
const KEYPAD: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The tones of the rows in Hz (ITU-T Q.23 §4).
pub(super) const LOW: [u16; 4] = [697, 770, 852, 941];
/// The tones of the columns in Hz.
pub(super) const HIGH: [u16; 4] = [1209, 1336, 1477, 1633];

impl Digit {
    /// By event code (RFC 4733 §3.2): 0 to 15.
    pub fn from_event(code: u8) -> Option<Self> {
        (code < 16).then_some(Digit(code))
    }

    pub fn from_char(key: char) -> Option<Self> {
        KEYS.find(key.to_ascii_uppercase()).map(|at| Digit(at as u8))
    }

    /// By the places of its two tones in [`LOW`] and [`HIGH`].
    pub(super) fn from_tones(row: usize, column: usize) -> Option<Self> {
        Digit::from_char(*KEYPAD.get(row)?.get(column)?)
    }

    /// Its two tones in Hz, the low one first.
    pub(super) fn tones(self) -> (u16, u16) {
        let place = KEYPAD.as_flattened().iter().position(|key| *key == self.key()).unwrap_or(0);
        let tone = |of: &[u16; 4], at: usize| of.get(at).copied().unwrap_or(of[0]);
        (tone(&LOW, place / 4), tone(&HIGH, place % 4))
    }

    /// The event code.
    pub fn event(self) -> u8 {
        self.0
    }

    /// The key's character.
    pub fn key(self) -> char {
        self.as_ref().chars().next().unwrap_or('0')
    }
}

impl AsRef<str> for Digit {
    fn as_ref(&self) -> &str {
        let at = usize::from(self.0);
        KEYS.get(at..=at).unwrap_or("0")
    }
}

/// A key is confidential: it prints as a star.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_does_not_print() {
        assert_eq!(format!("{:?}", Digit::from_char('7')), "Some(*)");
        assert_eq!(Digit::from_char('d').map(Digit::event), Some(15));
        assert_eq!(Digit::from_char('x'), None);
    }

    #[test]
    fn every_key_has_its_own_two_tones() {
        let tones = |key| Digit::from_char(key).map(Digit::tones);
        assert_eq!(tones('1'), Some((697, 1209)));
        assert_eq!(tones('#'), Some((941, 1477)));
        assert_eq!(tones('D'), Some((941, 1633)));
        for (row, low) in LOW.iter().enumerate() {
            for (column, high) in HIGH.iter().enumerate() {
                let digit = Digit::from_tones(row, column).expect("a key");
                assert_eq!(digit.tones(), (*low, *high));
            }
        }
        assert_eq!(Digit::from_tones(4, 0), None);
    }
}
