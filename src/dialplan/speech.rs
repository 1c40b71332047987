//! Sentences put together from recorded parts, by each language's rules.
//!
//! Mandarin (`zh…`) has its own grammar; every other language uses the English order with its own files.
//! A part that the catalogue lacks is left out here: [`load`](super::load) has refused such a catalogue.

mod money;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::calendar::{self, DayPart, Span};
use crate::base::{Catalog, Clip, Language, Wall};

/// Between two readings of a number: short Mandarin digits are easily misheard, so they are said twice.
const AGAIN: Duration = Duration::from_millis(120);

/// Above this, a number is read digit by digit.
const LARGEST: u64 = 999_999_999;

/// What can be said in one language.
#[derive(Clone, Debug)]
pub struct Speech {
    catalog: Arc<Catalog>,
    language: Language,
    zone: TimeZone,
}

impl Speech {
    pub fn new(catalog: Arc<Catalog>, language: Language, zone: TimeZone) -> Self {
        Speech { catalog, language, zone }
    }

    pub fn language(&self) -> &Language {
        &self.language
    }

    /// One recording by its name; empty where it does not exist.
    pub fn prompt(&self, name: &str) -> Vec<Clip> {
        self.all([name.to_owned()])
    }

    /// 1,234 as a number.
    pub fn number(&self, n: u64) -> Vec<Clip> {
        self.all(self.number_parts(n))
    }

    /// A number before a measure word (位, 条, 分钟, 天): the Mandarin 2 is 两.
    pub fn count(&self, n: u64) -> Vec<Clip> {
        self.all(self.count_parts(n))
    }

    /// Digit by digit, with the closing tune on the last; what is no digit is left out.
    pub fn digits(&self, digits: &str) -> Vec<Clip> {
        self.all(digit_parts(digits))
    }

    /// The same twice, with a short pause between.
    pub fn digits_twice(&self, digits: &str) -> Vec<Clip> {
        let once = self.digits(digits);
        let mut twice = once.clone();
        if !once.is_empty() {
            twice.push(Clip::Silence(AGAIN));
            twice.extend(once);
        }
        twice
    }

    /// A time of the clock, hours 0 to 23.
    pub fn clock(&self, hour: u8, minute: u8) -> Vec<Clip> {
        self.all(self.clock_parts(hour, minute))
    }

    /// The time of the clock at a moment.
    pub fn time(&self, at: Wall) -> Vec<Clip> {
        calendar::local(&self.zone, at).map_or(Vec::new(), |t| self.clock(t.hour() as u8, t.minute() as u8))
    }

    /// Month, day and weekday of a moment.
    pub fn date(&self, at: Wall) -> Vec<Clip> {
        calendar::local(&self.zone, at).map_or(Vec::new(), |t| self.all(self.date_parts(t.date())))
    }

    /// How many are in line before the caller.
    pub fn position(&self, ahead: u32) -> Vec<Clip> {
        if ahead == 0 {
            return self.prompt("queue/position-next");
        }
        let n = if self.mandarin() { u64::from(ahead) } else { u64::from(ahead) + 1 };
        self.around("queue/position-before", self.count_parts(n), "queue/position-after")
    }

    /// The estimated wait as a range of whole minutes; `None` above: long.
    pub fn wait(&self, least: Duration, most: Option<Duration>) -> Vec<Clip> {
        let whole = |d: Duration| d.as_secs().div_ceil(60);
        let Some(most) = most.map(whole) else { return self.prompt("queue/wait-long") };
        let least = (least.as_secs() / 60).min(most);
        if most <= 1 && least == 0 {
            return self.prompt("queue/wait-under-a-minute");
        }
        if most == 1 {
            return self.all(parts(["queue/wait-before", "time/one-minute"]));
        }
        let mut range = Vec::new();
        if least > 0 && least < most {
            range.extend(self.count_parts(least));
            range.push("time/until".to_owned());
        }
        range.extend(self.count_parts(most));
        self.around("queue/wait-before", range, "queue/wait-after")
    }

    /// A time in whole minutes; nothing below one.
    pub fn minutes(&self, time: Duration) -> Vec<Clip> {
        match time.as_secs() / 60 {
            0 => Vec::new(),
            1 => self.prompt("time/one-minute"),
            n => {
                let mut said = self.count_parts(n);
                said.push("time/minutes".to_owned());
                self.all(said)
            }
        }
    }

    /// When the person is expected back.
    pub fn back_at(&self, at: Wall, now: Wall) -> Vec<Clip> {
        let when = self.moment(at, now);
        if when.is_empty() {
            Vec::new()
        } else {
            self.around("message/back-before", when, "message/back-after")
        }
    }

    /// A moment that is to come: today by the clock, later with the day.
    fn moment(&self, at: Wall, now: Wall) -> Vec<String> {
        let (Some(at), Some(now)) = (calendar::local(&self.zone, at), calendar::local(&self.zone, now))
        else {
            return Vec::new();
        };
        let mut when = Vec::new();
        if now.date().tomorrow().is_ok_and(|t| t == at.date()) {
            when.push("time/tomorrow".to_owned());
        } else if at.date() != now.date() {
            when.extend(self.date_parts(at.date()));
        }
        if !self.mandarin() {
            when.push("time/at".to_owned());
        }
        when.extend(self.clock_parts(at.hour() as u8, at.minute() as u8));
        when
    }

    /// That the caller is called then.
    pub fn we_call_at(&self, at: Wall, now: Wall) -> Vec<Clip> {
        self.around("promise/we-call-at", self.moment(at, now), "promise/we-call-then")
    }

    /// When to call again for somebody who is back then.
    pub fn call_again_after(&self, at: Wall, now: Wall) -> Vec<Clip> {
        self.around("person/call-again-after", self.moment(at, now), "person/call-again-then")
    }

    /// When somebody calls back who cannot come.
    pub fn calls_back_at(&self, at: Wall, now: Wall) -> Vec<Clip> {
        self.around("urgent/calls-back-before", self.moment(at, now), "urgent/calls-back-after")
    }

    /// That the person whose phone it is is expected back then.
    pub fn own_return(&self, at: Wall, now: Wall) -> Vec<Clip> {
        self.around("agent/back-before", self.moment(at, now), "agent/back-after")
    }

    /// Who takes the call, before the bridge.
    pub fn agent_number(&self, extension: &str) -> Vec<Clip> {
        self.around("queue/agent-number", digit_parts(extension), "queue/agent-serves-you")
    }

    /// A complaint's number, read twice.
    pub fn complaint_number(&self, number: &str) -> Vec<Clip> {
        let mut said = parts(["complaint/number-is"]);
        said.extend(digit_parts(number));
        said.push("complaint/number-again".to_owned());
        said.extend(digit_parts(number));
        self.all(said)
    }

    /// By when a complaint is answered, in working days.
    pub fn reply_within(&self, days: u32) -> Vec<Clip> {
        self.around("complaint/reply-before", self.count_parts(u64::from(days)), "complaint/reply-after")
    }

    /// The caller's own number, read back.
    pub fn phone_number(&self, number: &str) -> Vec<Clip> {
        let mut said = self.prompt("message/your-number-is");
        said.extend(self.telephone_twice(number));
        said
    }

    /// New messages in a box.
    pub fn messages(&self, n: u32) -> Vec<Clip> {
        match n {
            0 => self.prompt("mailbox/empty"),
            1 => self.prompt("mailbox/count-one"),
            n => self.around("mailbox/count-before", self.count_parts(u64::from(n)), "mailbox/count-after"),
        }
    }

    pub(super) fn opening_hours(&self, every_day: bool, spans: &[Span]) -> Vec<Clip> {
        let days = if every_day { "closed/every-day" } else { "closed/weekdays" };
        let mut said = parts(["closed/hours-before", days]);
        for span in spans {
            for (minute, after) in [(span.from, Some("time/until")), (span.until % 1440, None)] {
                said.extend(self.clock_parts((minute / 60) as u8, (minute % 60) as u8));
                said.extend(after.map(str::to_owned));
            }
        }
        self.all(said)
    }

    /// Good morning, and on a feast its wish.
    pub(super) fn greeting(&self, at: Wall, wish: Option<&str>) -> Vec<Clip> {
        let hour = calendar::local(&self.zone, at).map_or(12, |t| t.hour());
        let mut said = self.prompt(DayPart::of(hour).prompt());
        said.extend(wish.map(|name| self.prompt(name)).unwrap_or_default());
        said
    }

    fn mandarin(&self) -> bool {
        mandarin(&self.language)
    }

    fn all(&self, names: impl IntoIterator<Item = String>) -> Vec<Clip> {
        names.into_iter().filter_map(|n| self.catalog.find(&self.language, &n)).map(Clip::Prompt).collect()
    }

    /// A sentence with a gap. English has no `message/back-after`: what a language lacks is left out.
    fn around(&self, before: &str, middle: Vec<String>, after: &str) -> Vec<Clip> {
        let mut said = parts([before]);
        said.extend(middle);
        said.push(after.to_owned());
        self.all(said)
    }

    fn number_parts(&self, n: u64) -> Vec<String> {
        if n > LARGEST {
            return digit_parts(&n.to_string());
        }
        let mut out = Vec::new();
        if self.mandarin() {
            mandarin_number(n, &mut out)
        } else {
            english_number(n, &mut out)
        }
        out
    }

    fn count_parts(&self, n: u64) -> Vec<String> {
        if n == 2 && self.mandarin() { parts(["number/two-of"]) } else { self.number_parts(n) }
    }

    fn clock_parts(&self, hour: u8, minute: u8) -> Vec<String> {
        let (hour, minute) = (hour % 24, minute % 60);
        if self.mandarin() { mandarin_clock(hour, minute) } else { english_clock(hour, minute) }
    }

    fn date_parts(&self, date: Date) -> Vec<String> {
        let month = format!("time/month-{}", date.month());
        let day = format!("time/day-{}", date.day());
        let weekday = format!("time/weekday-{}", date.weekday().to_monday_one_offset());
        if self.mandarin() { vec![month, day, weekday] } else { vec![weekday, month, day] }
    }
}

fn mandarin(language: &Language) -> bool {
    language.0 == "zh" || language.0.starts_with("zh-")
}

fn parts<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

fn digit_parts(digits: &str) -> Vec<String> {
    let mut out: Vec<String> =
        digits.chars().filter(char::is_ascii_digit).map(|d| format!("digit/{d}")).collect();
    if let Some(last) = out.last_mut() {
        last.push_str("-end");
    }
    out
}

/// 0 to 99: whole files up to 60 and for the tens, the others are tens then ones.
fn below_hundred(n: u64, out: &mut Vec<String>) {
    if n <= 60 || n.is_multiple_of(10) {
        out.push(format!("number/{n}"));
    } else {
        out.push(format!("number/{}", n - n % 10));
        out.push(format!("number/{}", n % 10));
    }
}

fn english_number(n: u64, out: &mut Vec<String>) {
    let (millions, thousands, rest) = (n / 1_000_000, n / 1_000 % 1_000, n % 1_000);
    for (count, word) in [(millions, "number/million"), (thousands, "number/thousand")] {
        if count > 0 {
            english_below_thousand(count, false, out);
            out.push(word.to_owned());
        }
    }
    if rest > 0 || n == 0 {
        english_below_thousand(rest, n >= 1_000, out);
    }
}

/// `after`: a thousand or a million came before, so a rest below 100 is joined with "and".
fn english_below_thousand(n: u64, after: bool, out: &mut Vec<String>) {
    let (hundreds, rest) = (n / 100, n % 100);
    if hundreds > 0 {
        out.push(format!("number/{hundreds}"));
        out.push("number/hundred".to_owned());
    }
    if rest > 0 && (hundreds > 0 || after) {
        out.push("number/and".to_owned());
    }
    if rest > 0 || n == 0 {
        below_hundred(rest, out);
    }
}

fn mandarin_number(n: u64, out: &mut Vec<String>) {
    if n == 0 {
        out.push("number/0".to_owned());
        return;
    }
    let mut head = true;
    for (section, word) in [
        (n / 100_000_000, Some("number/hundred-million")),
        (n / 10_000 % 10_000, Some("number/ten-thousand")),
        (n % 10_000, None),
    ] {
        if section > 0 {
            match (section, word) {
                (2, Some(_)) if head => out.push("number/two-of".to_owned()),
                _ => mandarin_section(section, head, out),
            }
            out.extend(word.map(str::to_owned));
        }
        head &= section == 0;
    }
}

/// 1 to 9999. `head`: nothing came before it. A skipped place is one 零; 10 to 19 inside a number is 一十….
fn mandarin_section(n: u64, head: bool, out: &mut Vec<String>) {
    let (thousands, hundreds, rest) = (n / 1_000, n / 100 % 10, n % 100);
    let zero = |out: &mut Vec<String>| out.push("number/0".to_owned());
    if thousands > 0 {
        let two = thousands == 2;
        out.push(if two { "number/two-of".to_owned() } else { format!("number/{thousands}") });
        out.push("number/thousand".to_owned());
    } else if !head {
        zero(out);
    }
    if hundreds > 0 {
        out.push(format!("number/{hundreds}"));
        out.push("number/hundred".to_owned());
    } else if thousands > 0 && rest > 0 {
        zero(out);
    }
    match rest {
        0 => {}
        1..=9 => {
            if hundreds > 0 {
                zero(out);
            }
            out.push(format!("number/{rest}"));
        }
        10..=19 if !head || n >= 100 => {
            out.push("number/1".to_owned());
            out.push(format!("number/{rest}"));
        }
        _ => below_hundred(rest, out),
    }
}

fn mandarin_clock(hour: u8, minute: u8) -> Vec<String> {
    let part = match hour {
        0..=5 => "time/early-morning",
        6..=8 => "time/morning",
        9..=11 => "time/am",
        12 => "time/noon",
        13..=18 => "time/pm",
        _ => "time/evening",
    };
    let shown = if hour > 12 { hour - 12 } else { hour };
    let mut out = vec![part.to_owned(), format!("time/hour-{shown}")];
    match minute {
        0 => {}
        30 => out.push("time/half".to_owned()),
        _ => {
            if minute < 10 {
                out.push("number/0".to_owned());
            }
            out.push(format!("number/{minute}"));
            out.push("time/minute-mark".to_owned());
        }
    }
    out
}

fn english_clock(hour: u8, minute: u8) -> Vec<String> {
    let shown = if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    let half = if hour < 12 { "time/am" } else { "time/pm" };
    match minute {
        0 if hour == 12 => parts(["time/hour-12", "time/noon"]),
        0 => vec![format!("time/hour-{shown}"), half.to_owned()],
        1..=9 => {
            vec![format!("number/{shown}"), "time/oh".to_owned(), format!("number/{minute}"), half.to_owned()]
        }
        _ => vec![format!("number/{shown}"), format!("number/{minute}"), half.to_owned()],
    }
}

/// Every recording that sentences in this language may need.
pub(super) fn vocabulary(language: &Language) -> Vec<String> {
    let mut all: Vec<String> =
        (0..=9).flat_map(|d| [format!("digit/{d}"), format!("digit/{d}-end")]).collect();
    all.extend((0..=60).chain([70, 80, 90]).map(|n| format!("number/{n}")));
    all.extend((1..=12).map(|h| format!("time/hour-{h}")));
    all.extend((1..=12).map(|m| format!("time/month-{m}")));
    all.extend((1..=31).map(|d| format!("time/day-{d}")));
    all.extend((1..=7).map(|d| format!("time/weekday-{d}")));
    let both = "number/hundred number/thousand money/yuan money/fen time/am time/pm time/noon time/until time/one-minute \
        time/tomorrow queue/position-next queue/position-before queue/position-after queue/wait-before \
        queue/wait-after queue/wait-under-a-minute queue/wait-long queue/agent-number queue/agent-serves-you \
        person/call-again person/call-again-after agent/back-before urgent/calls-back-before \
        complaint/number-is complaint/number-again complaint/reply-before complaint/reply-after \
        message/back-before message/your-number-is mailbox/empty mailbox/count-one mailbox/count-before \
        mailbox/count-after closed/hours-before closed/weekdays closed/every-day greeting/good-morning \
        greeting/good-noon greeting/good-afternoon greeting/good-evening";
    let own = if mandarin(language) {
        "number/two-of number/ten-thousand number/hundred-million number/ordinal money/jiao time/year time/hour-0 time/early-morning time/morning \
         time/evening time/half time/minute-mark message/back-after person/call-again-then agent/back-after urgent/calls-back-after"
    } else {
        "number/million number/and number/ordinal-40 number/ordinal-50 number/ordinal-60 number/ordinal-70 \
         number/ordinal-80 number/ordinal-90 number/ordinal-hundred time/oh time/at"
    };
    all.extend(both.split_whitespace().chain(own.split_whitespace()).map(str::to_owned));
    all
}

#[cfg(test)]
#[path = "speech_tests.rs"]
mod tests;
