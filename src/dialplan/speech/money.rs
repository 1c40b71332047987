//! Amounts of money, ordinals, dates with their year, telephone numbers: as natives of each language say them.

use std::time::Duration;

use jiff::civil::Date;

use super::{AGAIN, Speech, digit_parts, parts};
use crate::base::Clip;

/// Between the groups of a telephone number.
const BETWEEN_GROUPS: Duration = Duration::from_millis(120);
/// Between two readings of one: longer than between its groups.
const ONCE_MORE: Duration = Duration::from_millis(400);

/// Above this an ordinal is said as a number.
const LARGEST_ORDINAL: u64 = 999;

impl Speech {
    /// An amount of yuan and fen (hundredths).
    pub fn amount(&self, yuan: u64, fen: u8) -> Vec<Clip> {
        let fen = fen.min(99);
        self.all(if self.mandarin() {
            self.mandarin_amount(yuan, fen)
        } else {
            self.english_amount(yuan, fen)
        })
    }

    /// 一百元零五分: a place of the small coins that is skipped is 零, as inside a number.
    fn mandarin_amount(&self, yuan: u64, fen: u8) -> Vec<String> {
        let (tens, ones) = (fen / 10, fen % 10);
        let mut said = Vec::new();
        if yuan > 0 || fen == 0 {
            said.extend(self.count_parts(yuan));
            said.push("money/yuan".to_owned());
        }
        for (count, coin) in [(tens, "money/jiao"), (ones, "money/fen")] {
            if count == 0 {
                continue;
            }
            if coin == "money/fen" && tens == 0 && yuan > 0 {
                said.push("number/0".to_owned());
            }
            // 两角 alone, 二角 after something.
            let alone = said.is_empty();
            said.extend(if alone { self.count_parts(count.into()) } else { self.number_parts(count.into()) });
            said.push(coin.to_owned());
        }
        said
    }

    fn english_amount(&self, yuan: u64, fen: u8) -> Vec<String> {
        let mut said = Vec::new();
        if yuan > 0 || fen == 0 {
            said.extend(self.number_parts(yuan));
            said.push("money/yuan".to_owned());
        }
        if fen > 0 {
            if yuan > 0 {
                said.push("number/and".to_owned());
            }
            said.extend(self.number_parts(fen.into()));
            said.push("money/fen".to_owned());
        }
        said
    }

    /// First, second, third: 第一, 第二, 第三.
    pub fn ordinal(&self, n: u64) -> Vec<Clip> {
        if self.mandarin() {
            let mut said = parts(["number/ordinal"]);
            said.extend(self.number_parts(n));
            return self.all(said);
        }
        if n == 0 || n > LARGEST_ORDINAL {
            return self.number(n);
        }
        let (hundreds, rest) = (n / 100, n % 100);
        let mut said = Vec::new();
        if hundreds > 0 {
            said.push(format!("number/{hundreds}"));
            if rest == 0 {
                said.push("number/ordinal-hundred".to_owned());
            } else {
                said.extend(parts(["number/hundred", "number/and"]));
            }
        }
        match rest {
            0 => {}
            // Recorded as the days of a month.
            1..=31 => said.push(format!("time/day-{rest}")),
            _ if rest.is_multiple_of(10) => said.push(format!("number/ordinal-{rest}")),
            _ => said.extend([format!("number/{}", rest - rest % 10), format!("time/day-{}", rest % 10)]),
        }
        self.all(said)
    }

    /// 二零零五年十月一号; October first, two thousand and five.
    pub fn full_date(&self, date: Date) -> Vec<Clip> {
        let month = format!("time/month-{}", date.month());
        let day = format!("time/day-{}", date.day());
        let year = self.year_parts(u16::try_from(date.year()).unwrap_or(0));
        let said = if self.mandarin() {
            year.into_iter().chain([month, day]).collect::<Vec<_>>()
        } else {
            [month, day].into_iter().chain(year).collect()
        };
        self.all(said)
    }

    fn year_parts(&self, year: u16) -> Vec<String> {
        if self.mandarin() {
            // Digit by digit, but 一 and not 幺.
            let digits = year.to_string().chars().map(|digit| format!("number/{digit}")).collect::<Vec<_>>();
            return digits.into_iter().chain(parts(["time/year"])).collect();
        }
        let (century, rest) = (u64::from(year / 100), u64::from(year % 100));
        let mut said = Vec::new();
        match (century, rest) {
            // Two thousand and five; nobody says twenty oh five of these.
            (_, 0..=9) if century.is_multiple_of(10) => said.extend(self.number_parts(year.into())),
            (_, 0) => {
                said.extend(self.number_parts(century));
                said.push("number/hundred".to_owned());
            }
            (_, 1..=9) => {
                said.extend(self.number_parts(century));
                said.push("time/oh".to_owned());
                said.extend(self.number_parts(rest));
            }
            _ => {
                said.extend(self.number_parts(century));
                said.extend(self.number_parts(rest));
            }
        }
        said
    }

    /// A telephone number in the groups in which it is read: 138, 0013, 8000. In Mandarin 1 is 幺.
    pub fn telephone(&self, number: &str) -> Vec<Clip> {
        let groups = groups(number);
        let mut said = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let mut names = digit_parts(group);
            // The closing tune is for the last group alone.
            if at + 1 < groups.len() {
                names.iter_mut().for_each(|name| *name = name.trim_end_matches("-end").to_owned());
            }
            if at > 0 {
                said.push(Clip::Silence(BETWEEN_GROUPS));
            }
            said.extend(self.all(names));
        }
        said
    }

    /// The same twice: short Mandarin digits are easily misheard.
    pub fn telephone_twice(&self, number: &str) -> Vec<Clip> {
        let once = self.telephone(number);
        if once.is_empty() {
            return once;
        }
        let pause = if once.iter().any(|clip| matches!(clip, Clip::Silence(_))) { ONCE_MORE } else { AGAIN };
        [once.clone(), vec![Clip::Silence(pause)], once].concat()
    }
}

/// As people of this country read them: mobile numbers 3-4-4, 400 and 800 numbers 3-3-4, an area code apart from the rest,
/// which is 3-4 or 4-4. The country's own code is left out; what is none of these is one group.
fn groups(number: &str) -> Vec<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let abroad = ["+86", "0086"].into_iter().find_map(|code| number.trim_start().strip_prefix(code));
    let digits = match abroad.map(|rest| rest.chars().filter(char::is_ascii_digit).collect::<String>()) {
        None => digits,
        Some(rest) if is_mobile(&rest) || rest.starts_with("400") || rest.starts_with("800") => rest,
        Some(rest) if rest.starts_with('0') || rest.is_empty() => rest,
        // From abroad an area code is dialled without its 0.
        Some(rest) => format!("0{rest}"),
    };
    let lengths: &[usize] = match (digits.as_bytes(), digits.len()) {
        _ if is_mobile(&digits) => &[3, 4, 4],
        ([b'4' | b'8', b'0', b'0', ..], 10) => &[3, 3, 4],
        ([b'0', b'1' | b'2', ..], 11) => &[3, 4, 4],
        ([b'0', b'3'..=b'9', ..], 12) => &[4, 4, 4],
        ([b'0', b'3'..=b'9', ..], 11) => &[4, 3, 4],
        (_, 8) => &[4, 4],
        (_, 7) => &[3, 4],
        _ => &[],
    };
    let mut rest = digits.as_str();
    let mut groups = Vec::new();
    for length in lengths {
        let (group, more) = rest.split_at_checked(*length).unwrap_or((rest, ""));
        groups.push(group.to_owned());
        rest = more;
    }
    if !rest.is_empty() {
        groups.push(rest.to_owned());
    }
    groups
}

fn is_mobile(digits: &str) -> bool {
    matches!(digits.as_bytes(), [b'1', b'3'..=b'9', ..]) && digits.len() == 11
}

#[cfg(test)]
#[path = "money_tests.rs"]
mod tests;
