//! Codes that an agent keys in a talk: for phones that cannot transfer by themselves.

/// The agent's latest keys, and the number that a code asked for.
#[derive(Debug, Default)]
pub(in crate::call) struct Codes {
    latest: String,
    number: Option<String>,
}

/// Longer than any code, and than any number.
const MOST: usize = 32;

impl Codes {
    /// Which of `codes` this key completes; an empty one is none. The longest wins where one ends with another.
    pub fn told(&mut self, key: char, codes: &[&str]) -> Option<usize> {
        self.latest.push(key);
        if self.latest.chars().count() > MOST {
            self.latest.remove(0);
        }
        let told = codes
            .iter()
            .enumerate()
            .filter(|(_, code)| !code.is_empty() && self.latest.ends_with(**code))
            .max_by_key(|(_, code)| code.len())
            .map(|(at, _)| at);
        if told.is_some() {
            self.latest.clear();
        }
        told
    }

    /// From now on keys are a number, up to `#`.
    pub fn ask_number(&mut self) {
        self.number = Some(String::new());
    }

    /// A key of the number; the number once it is complete.
    pub fn number_key(&mut self, key: char) -> Option<String> {
        let number = self.number.as_mut()?;
        if key == '#' {
            return self.number.take();
        }
        number.push(key);
        if number.len() >= MOST { self.number.take() } else { None }
    }

    /// A digit of a number that has just so many; the number once it has.
    pub fn number_digits(&mut self, digit: char, many: usize) -> Option<String> {
        let number = self.number.as_mut()?;
        number.push(digit);
        if number.len() >= many { self.number.take() } else { None }
    }

    /// The agent keys no further: what there is is the number.
    pub fn take_number(&mut self) -> Option<String> {
        self.number.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_heard_wherever_it_comes_and_no_code_never() {
        let told = |keys: &str, codes: &[&str]| {
            let mut heard = Codes::default();
            keys.chars().filter_map(|key| heard.told(key, codes)).collect::<Vec<_>>()
        };
        assert_eq!(told("12**2*2", &["*1", "*2"]), [1, 1]);
        assert!(told("123", &["", ""]).is_empty());
        assert_eq!(told("**1", &["*1", "**1"]), [1]);
    }

    #[test]
    fn a_number_ends_with_the_pound_key_or_by_being_long_enough() {
        let mut codes = Codes::default();
        assert_eq!(codes.number_key('1'), None);
        codes.ask_number();
        assert_eq!("10#".chars().filter_map(|key| codes.number_key(key)).next(), Some("10".to_owned()));
        assert_eq!(codes.number_key('2'), None, "the number is over");
        codes.ask_number();
        assert_eq!((codes.number_key('7'), codes.take_number()), (None, Some("7".to_owned())));
    }
}
