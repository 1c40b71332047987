//! Confidential values as a type: what is masked cannot be logged by mistake.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A customer's number, name or keyed-in digits. `Debug` and `Display` show at most the first two and the
/// last two characters, and only where six or more remain hidden or the value is long enough not to be
/// guessed from them; [`Masked::expose`] is the one way to the value, and `tests/tidy.rs` lists the places
/// that may call it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    pub fn new(value: T) -> Self {
        Masked(value)
    }

    /// Nothing is hidden, for nothing is there.
    pub fn is_empty(&self) -> bool
    where
        T: AsRef<str>,
    {
        self.0.as_ref().is_empty()
    }

    /// The value itself: for the SIP encoder, spoken numbers, lookups, the store and role-checked views.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: AsRef<str>> fmt::Display for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.as_ref();
        let length = text.chars().count();
        if length == 0 {
            return f.write_str("-");
        }
        // An extension of three or four digits would be given away by its ends.
        let shown = if length >= 8 { 2 } else { 0 };
        for (at, c) in text.chars().enumerate() {
            let open = at < shown || at + shown >= length;
            fmt::Write::write_char(f, if open { c } else { '*' })?;
        }
        Ok(())
    }
}

impl<T: AsRef<str>> fmt::Debug for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&str> for Masked<String> {
    fn from(value: &str) -> Self {
        Masked(value.to_owned())
    }
}

impl From<String> for Masked<String> {
    fn from(value: String) -> Self {
        Masked(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_long_values_and_nothing_of_short_ones() {
        let shown = |s: &str| format!("{} {:?}", Masked::from(s), Masked::from(s));
        assert_eq!(shown("13812345678"), "13*******78 13*******78");
        assert_eq!(shown("8001"), "**** ****");
        assert_eq!(shown(""), "- -");
        assert_eq!(shown("王小明"), "*** ***");
    }
}
