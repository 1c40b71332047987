//! The number of a complaint, as it is spoken to the caller and keyed in again.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::CallId;

/// A complaint's number: that of the call in which it was first made, and a check digit. So it is unique for the life of
/// a state folder, nobody has to hand it out, and a digit that is keyed wrong, or two in the wrong order, name no case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber(CallId);

/// Fewer are hard to take for a number. The check digit comes on top.
const LEAST_DIGITS: usize = 6;

/// Of any number of a call's, with the check digit.
pub const MOST_DIGITS: usize = 20;

/// Damm's quasigroup of order 10: it finds every single wrong digit and every transposition of two neighbours.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

impl CaseNumber {
    /// Of a complaint that is first made in this call.
    pub fn of(call: CallId) -> CaseNumber {
        CaseNumber(call)
    }

    /// The call in which the complaint was first made.
    pub fn call(self) -> CallId {
        self.0
    }

    /// As it was keyed in or written; spaces and hyphens are how people group digits. `None`: it is no case's, for its
    /// check digit says so.
    pub fn parse(written: &str) -> Option<CaseNumber> {
        let digits: String = written.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let all =
            !digits.is_empty() && digits.len() <= MOST_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        if !all || check(&digits) != Some(0) {
            return None;
        }
        let call = digits.get(..digits.len() - 1)?.parse::<u64>().ok()?;
        Some(CaseNumber(CallId(call)))
    }
}

/// The digit that makes these whole; of digits that have theirs: 0.
fn check(digits: &str) -> Option<u8> {
    digits.bytes().try_fold(0, |interim, digit| {
        DAMM.get(usize::from(interim))?.get(usize::from(digit.checked_sub(b'0')?)).copied()
    })
}

/// The digits, in the order in which they are spoken.
impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0LEAST_DIGITS$}", self.0.0);
        write!(f, "{digits}{}", check(&digits).unwrap_or(0))
    }
}

impl fmt::Debug for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CaseNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CaseNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        CaseNumber::parse(&text).ok_or_else(|| serde::de::Error::custom("no case number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_is_said() {
        // The example of Damm's own: 572 has the check digit 4.
        assert_eq!(CaseNumber::of(CallId(572)).to_string(), "0005724");
        for call in [1, 9, 10, 572, 99_999, 1_234_567, u64::from(u32::MAX)] {
            let case = CaseNumber::of(CallId(call));
            assert_eq!(CaseNumber::parse(&case.to_string()), Some(case));
        }
        assert_eq!(CaseNumber::parse("5724"), CaseNumber::parse("000 572-4"), "zeros in front and groups");
    }

    #[test]
    fn each_wrong_digit_and_each_transposition_is_found() {
        for call in [1u64, 42, 572, 31_415, 271_828, 9_999_999] {
            let right = CaseNumber::of(CallId(call)).to_string();
            for at in 0..right.len() {
                for digit in b'0'..=b'9' {
                    let mut wrong = right.clone().into_bytes();
                    if std::mem::replace(&mut wrong[at], digit) != digit {
                        let wrong = String::from_utf8(wrong).unwrap();
                        assert_eq!(CaseNumber::parse(&wrong), None, "{right} keyed as {wrong}");
                    }
                }
                let mut wrong = right.clone().into_bytes();
                if at + 1 < wrong.len() && wrong[at] != wrong[at + 1] {
                    wrong.swap(at, at + 1);
                    let wrong = String::from_utf8(wrong).unwrap();
                    assert_eq!(CaseNumber::parse(&wrong), None, "{right} keyed as {wrong}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_at_all() {
        for wrong in ["", "0", "12a4", "c572", "*57", "123456789012345678901234"] {
            assert_eq!(CaseNumber::parse(wrong), None, "{wrong}");
        }
    }
}
