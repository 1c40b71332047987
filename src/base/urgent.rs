//! What somebody answers to an urgent slip.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Wall;

/// One of the four answers to an urgent slip, by key, text or command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UrgentAnswer {
    /// The caller is put through at once.
    Now,
    /// I call back then; `None`: as soon as I can.
    CallBack { at: Option<Wall> },
    /// Who takes my calls takes this one.
    Delegate,
    /// The caller leaves a message.
    Message,
}

impl UrgentAnswer {
    /// The answers by their keys, the same by any means.
    pub const KEYS: [char; 4] = ['1', '2', '3', '4'];

    /// What this key answers; the second without a time.
    pub fn of_key(key: char) -> Option<UrgentAnswer> {
        Some(match key {
            '1' => UrgentAnswer::Now,
            '2' => UrgentAnswer::CallBack { at: None },
            '3' => UrgentAnswer::Delegate,
            '4' => UrgentAnswer::Message,
            _ => return None,
        })
    }

    /// An answer as somebody writes it: its key; after the second, when they call back (`2 15:30`, `2 1530`). `at` makes
    /// a moment of four digits. `None`: that is no answer.
    pub fn of_text(text: &str, at: impl FnOnce(&str) -> Option<Wall>) -> Option<UrgentAnswer> {
        let mut characters = text.trim().chars();
        let answer = UrgentAnswer::of_key(characters.next()?)?;
        let rest = characters.as_str().trim();
        match answer {
            UrgentAnswer::CallBack { .. } if !rest.is_empty() => {
                let at = at(&four_digits(rest)?)?;
                Some(UrgentAnswer::CallBack { at: Some(at) })
            }
            answer => rest.is_empty().then_some(answer),
        }
    }

    /// The word in events, commands and records.
    pub const fn name(self) -> &'static str {
        match self {
            UrgentAnswer::Now => "now",
            UrgentAnswer::CallBack { .. } => "call-back",
            UrgentAnswer::Delegate => "delegate",
            UrgentAnswer::Message => "message",
        }
    }
}

/// `15:30`, `1530` and `9:05` as the clock's four digits.
fn four_digits(time: &str) -> Option<String> {
    let (hours, minutes) = match time.split_once([':', '：', '.']) {
        Some(parts) => parts,
        None => time.split_at_checked(2)?,
    };
    let good = |part: &str, least| {
        (least..=2).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit())
    };
    (good(hours, 1) && good(minutes, 2)).then(|| format!("{hours:0>2}{minutes}"))
}

impl fmt::Display for UrgentAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_key_and_the_second_may_have_a_time() {
        let at = |digits: &str| digits.parse().ok().map(Wall::from_micros);
        let read = |text: &str| UrgentAnswer::of_text(text, at);
        let back = |at: i64| Some(UrgentAnswer::CallBack { at: Some(Wall::from_micros(at)) });
        assert_eq!(read(" 1\r\n"), Some(UrgentAnswer::Now));
        assert_eq!(read("2"), Some(UrgentAnswer::CallBack { at: None }));
        assert_eq!([read("2 1530"), read("2 15:30"), read("215：30")], [back(1530); 3]);
        assert_eq!(read("2 9:05"), back(905));
        assert_eq!([read("3"), read("4 ")], [Some(UrgentAnswer::Delegate), Some(UrgentAnswer::Message)]);
        for wrong in ["", "5", "11", "1 now", "ok", "2 noon", "2 153", "2 15305", "2 1:5", "２", "2 1五30"]
        {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
