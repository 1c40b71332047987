//! Patterns of dialled numbers: `95588`, `4XXX` (X is any one digit), `1[3-9]XXXXXXXXX` (one of these digits), `138.`
//! (a dot at the end is any further digits, at least one).

use std::fmt;

/// A number or a family of numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pattern(String);

/// What one character of a number may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece<'a> {
    This(char),
    AnyDigit,
    /// What stands between the brackets: digits and ranges of them.
    OneOf(&'a str),
}

impl Pattern {
    /// The reason where `text` is no pattern.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let body = text.strip_suffix('.').unwrap_or(text);
        if body.is_empty() {
            return Err("a number needs at least one character before the dot");
        }
        let mut rest = body;
        while !rest.is_empty() {
            let (piece, after) =
                first_piece(rest).ok_or("a bracket holds digits and ranges of them, `[13]`, `[3-9]`")?;
            if matches!(piece, Piece::This(c) if !c.is_ascii_alphanumeric() && !matches!(c, '*' | '#' | '+' | '-' | '_'))
            {
                return Err(
                    "a number holds digits, * # +, letters, X for any digit, [3-9] for one of these, and a dot \
                     only at its end",
                );
            }
            rest = after;
        }
        Ok(Pattern(text.to_owned()))
    }

    /// A pattern of telephone numbers, without letters but X; `x` means the same.
    pub fn parse_telephone(text: &str) -> Result<Self, &'static str> {
        let pattern = Pattern::parse(&text.replace('x', "X"))?;
        let telephone = pattern.0.chars().all(|c| c.is_ascii_digit() || "X[]-+*#.".contains(c));
        let dashes = pattern.pieces().any(|piece| piece == Piece::This('-'));
        if telephone && !dashes {
            Ok(pattern)
        } else {
            Err("a telephone number has no letters but x, for any digit")
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One of the numbers that match.
    pub fn a_number(&self) -> String {
        let piece = |piece: Piece<'_>| match piece {
            Piece::This(digit) => digit,
            Piece::AnyDigit => '5',
            Piece::OneOf(set) => set.chars().find(char::is_ascii_digit).unwrap_or('5'),
        };
        let open = self.0.ends_with('.').then_some('5');
        self.pieces().map(piece).chain(open).collect()
    }

    pub fn matches(&self, number: &str) -> bool {
        let mut given = number.chars();
        for piece in self.pieces() {
            let fits = given.next().is_some_and(|c| match piece {
                Piece::This(wanted) => c == wanted,
                Piece::AnyDigit => c.is_ascii_digit(),
                Piece::OneOf(set) => is_one_of(c, set),
            });
            if !fits {
                return false;
            }
        }
        let mut rest = given.peekable();
        if self.0.ends_with('.') {
            rest.peek().is_some() && rest.all(|c| c.is_ascii_digit())
        } else {
            rest.peek().is_none()
        }
    }

    /// Of several patterns that match, the one of the lowest rank is meant: the most literal, closed before open.
    pub fn rank(&self) -> (bool, usize, usize) {
        let vague: usize = self
            .pieces()
            .map(|piece| match piece {
                Piece::This(_) => 0,
                Piece::OneOf(_) => 1,
                Piece::AnyDigit => 2,
            })
            .sum();
        (self.0.ends_with('.'), vague, usize::MAX - self.pieces().count())
    }

    /// A number that matches; where any digit will do, this one (0 to 9).
    pub(super) fn example(&self, digit: usize) -> String {
        let any = (0..=9u32).cycle().nth(digit % 10).and_then(|d| char::from_digit(d, 10)).unwrap_or('0');
        let mut number: String = self
            .pieces()
            .map(|piece| match piece {
                Piece::This(only) => only,
                Piece::AnyDigit => any,
                Piece::OneOf(set) => ('0'..='9').find(|digit| is_one_of(*digit, set)).unwrap_or(any),
            })
            .collect();
        if self.0.ends_with('.') {
            number.push(any);
        }
        number
    }

    fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut rest = self.0.strip_suffix('.').unwrap_or(&self.0);
        std::iter::from_fn(move || {
            let (piece, after) = first_piece(rest)?;
            rest = after;
            Some(piece)
        })
    }
}

/// `None` at the end, and where a bracket holds what it may not.
fn first_piece(text: &str) -> Option<(Piece<'_>, &str)> {
    let first = text.chars().next()?;
    let after = text.get(first.len_utf8()..)?;
    match first {
        'X' => Some((Piece::AnyDigit, after)),
        '[' => {
            let (set, after) = after.split_once(']')?;
            let digits = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            let mut chars = set.chars();
            let mut valid = !set.is_empty();
            while let Some(c) = chars.next() {
                valid &= c.is_ascii_digit() || (c == '-' && digits(chars.clone().next()));
                valid &= c != '-' || !set.starts_with('-');
            }
            valid.then_some((Piece::OneOf(set), after))
        }
        other => Some((Piece::This(other), after)),
    }
}

fn is_one_of(digit: char, set: &str) -> bool {
    let mut last: Option<char> = None;
    let mut range = false;
    for c in set.chars() {
        match (c, last) {
            ('-', _) => range = true,
            (to, Some(from)) if range => {
                if (from..=to).contains(&digit) {
                    return true;
                }
                (range, last) = (false, None);
            }
            (c, _) if c == digit => return true,
            (c, _) => last = Some(c),
        }
    }
    false
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
    fn one_of_these_digits() {
        let matches = |pattern: &str, number: &str| Pattern::parse(pattern).unwrap().matches(number);
        for good in ["13800138000", "19912345678"] {
            assert!(matches("1[3-9]XXXXXXXXX", good), "{good}");
        }
        for bad in ["12800138000", "1380013800", "138001380000", "1-800138000", "10010000000"] {
            assert!(!matches("1[3-9]XXXXXXXXX", bad), "{bad}");
        }
        assert!(matches("[13]0", "10") && matches("[13]0", "30") && !matches("[13]0", "20"));
        assert!(matches("[1-35]", "5") && matches("[1-35]", "2") && !matches("[1-35]", "4"));
        for wrong in ["1[", "1[]", "1[a]", "1[-3]", "1[3-]", "1]", "[3-a]"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn telephone_numbers_have_no_letters() {
        assert_eq!(Pattern::parse_telephone("1[3-9]xxxxxxxxx"), Pattern::parse("1[3-9]XXXXXXXXX"));
        assert!(Pattern::parse_telephone("+86.").is_ok());
        for wrong in ["ivr", "010-1", "", "0086 1"] {
            assert!(Pattern::parse_telephone(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_most_literal_comes_first() {
        let mut patterns = ["4.", "4XXX", "4[0-3]XX", "40XX", "4001"].map(|p| Pattern::parse(p).unwrap());
        patterns.sort_by_key(Pattern::rank);
        assert_eq!(patterns.map(|p| p.to_string()), ["4001", "40XX", "4[0-3]XX", "4XXX", "4."]);
    }

    #[test]
    fn what_is_no_number() {
        assert!(
            Pattern::parse("").is_err() && Pattern::parse(".").is_err() && Pattern::parse("1.2").is_err()
        );
        assert!(Pattern::parse("12 34").is_err() && Pattern::parse("一二").is_err());
    }
}
