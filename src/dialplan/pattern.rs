//! Patterns of dialled numbers: `95588`, `4XXX` (X is any one digit), `138.` (a dot at the end is any further
//! digits, at least one).

use std::fmt;

/// A number or a family of numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pattern(String);

impl Pattern {
    /// The reason where `text` is no pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let body = text.strip_suffix('.').unwrap_or(text);
        if body.is_empty() {
            return Err("a number needs at least one character before the dot");
        }
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '#' | '+' | '-' | '_');
        if !body.chars().all(good) {
            return Err("a number holds digits, * # +, letters, X for any digit, and a dot only at its end");
        }
        Ok(Pattern(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, number: &str) -> bool {
        let (body, open) = match self.0.strip_suffix('.') {
            Some(body) => (body, true),
            None => (self.0.as_str(), false),
        };
        let mut given = number.chars();
        for wanted in body.chars() {
            match given.next() {
                Some(c) if c == wanted => {}
                Some(c) if wanted == 'X' && c.is_ascii_digit() => {}
                _ => return false,
            }
        }
        let mut rest = given.peekable();
        if open { rest.peek().is_some() && rest.all(|c| c.is_ascii_digit()) } else { rest.peek().is_none() }
    }

    /// Of several patterns that match, the one of the lowest rank is meant: the most literal, closed before open.
    pub fn rank(&self) -> (bool, usize, usize) {
        let any = self.0.chars().filter(|c| *c == 'X').count();
        (self.0.ends_with('.'), any, usize::MAX - self.0.len())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_any_digit_and_open() {
        let matches = |pattern: &str, number: &str| Pattern::parse(pattern).unwrap().matches(number);
        assert!(matches("95588", "95588") && !matches("95588", "955880") && !matches("95588", "9558"));
        assert!(matches("4XXX", "4001") && !matches("4XXX", "40011") && !matches("4XXX", "4a01"));
        assert!(matches("138.", "1381") && !matches("138.", "138") && !matches("138.", "138#"));
        assert!(matches("*14", "*14") && matches("ivr", "ivr"));
    }

    #[test]
    fn the_most_literal_comes_first() {
        let mut patterns = ["4.", "4XXX", "40XX", "4001"].map(|p| Pattern::parse(p).unwrap());
        patterns.sort_by_key(Pattern::rank);
        assert_eq!(patterns.map(|p| p.to_string()), ["4001", "40XX", "4XXX", "4."]);
    }

    #[test]
    fn what_is_no_number() {
        assert!(
            Pattern::parse("").is_err() && Pattern::parse(".").is_err() && Pattern::parse("1.2").is_err()
        );
        assert!(Pattern::parse("12 34").is_err() && Pattern::parse("一二").is_err());
    }
}
