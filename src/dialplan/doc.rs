//! Tables that carry their own documentation: what may be written, what it means, what is taken when nothing is
//! written. The reader takes its defaults and its bounds from here, the reference is printed from here: neither
//! can say something else than the other.

/// A verb or a table of the language.
#[derive(Debug)]
pub(crate) struct Doc {
    /// As it is written: `play`, or `queue.<name>` for a table.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The field that a value without a table stands for.
    pub(crate) short: Option<&'static str>,
    pub(crate) fields: &'static [Field],
    /// A whole plan's worth is added around it by the test that loads it.
    pub(crate) example: &'static str,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) default: Default,
    pub(crate) about: &'static str,
}

/// What is taken when nothing is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    /// It must be written.
    Needed,
    /// Written as in a dialplan; prompts are separated by spaces.
    Is(&'static str),
    /// Not one value: the words say what happens.
    Means(&'static str),
}

/// What may be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Text,
    Flag,
    /// A whole number within bounds.
    Count(i64, i64),
    /// A time such as `"15 s"`, within bounds in milliseconds.
    Time(u64, u64),
    /// A time or `"never"`.
    TimeOrNever(u64, u64),
    /// A prompt's name, or a list of them.
    Prompts,
    /// The name of something defined elsewhere.
    Name(&'static str),
    /// Something known of the call: `caller`, `dialled`, `manager`, `owner`, or the name of a `collect` or `find`.
    Value,
    /// One of these words.
    One(&'static [&'static str]),
    /// Anything else, in words.
    Other(&'static str),
}

impl Doc {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

impl Field {
    pub(crate) const fn needed(name: &'static str, form: Form, about: &'static str) -> Self {
        Field { name, form, default: Default::Needed, about }
    }

    pub(crate) const fn with(
        name: &'static str,
        form: Form,
        default: &'static str,
        about: &'static str,
    ) -> Self {
        Field { name, form, default: Default::Is(default), about }
    }

    pub(crate) const fn optional(
        name: &'static str,
        form: Form,
        means: &'static str,
        about: &'static str,
    ) -> Self {
        Field { name, form, default: Default::Means(means), about }
    }

    /// The default as written; empty where there is none.
    pub(crate) fn written_default(&self) -> &'static str {
        match self.default {
            Default::Is(text) => text,
            Default::Needed | Default::Means(_) => "",
        }
    }
}

/// `"15 s"`, `"300 ms"`, `"2 min"`, `"1 h"` in milliseconds. One form only: a number, a space, a unit.
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ')?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The same the other way round, in the largest unit that divides it.
pub(crate) fn show_time(millis: u64) -> String {
    for (unit, factor) in [("h", 3_600_000), ("min", 60_000), ("s", 1_000)] {
        if millis >= factor && millis.is_multiple_of(factor) {
            return format!("{} {unit}", millis / factor);
        }
    }
    if millis == 0 { "0 s".to_owned() } else { format!("{millis} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(parse_time("15 s"), Some(15_000));
        assert_eq!(parse_time("300 ms"), Some(300));
        assert_eq!(parse_time("2 min"), Some(120_000));
        assert_eq!(parse_time("1 h"), Some(3_600_000));
        for wrong in ["15", "15s", "-1 s", "1.5 s", " s", "1 day", "99999999999999999999 s", ""] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
        for millis in [0, 300, 15_000, 90_000, 120_000, 3_600_000] {
            assert_eq!(parse_time(&show_time(millis)), Some(millis));
        }
    }
}
