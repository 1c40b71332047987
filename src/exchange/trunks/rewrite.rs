//! Numbers as the house writes them: what a trunk's numbers are turned into, by rules that are data.
//!
//! Every carrier writes its callers in its own way: `0086138…`, `+86138…`, `138…`, `010-…`. The dialplan, the records
//! and whoever looks for a caller's last call want one number for one telephone.

use crate::dialplan::Pattern;

/// One rule: a number that `fits` loses its first `strip` characters and is given `put` instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub fits: Pattern,
    pub strip: usize,
    pub put: String,
}

/// Rules in order; the first one that fits is the only one that is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite(pub Vec<Rule>);

impl Rewrite {
    /// The number by the rules; as it came, but for its visual separators (RFC 3966 §5.1.1), where none fits. What
    /// is no telephone number (a name, `anonymous`) is left alone.
    pub fn apply(&self, number: &str) -> String {
        let bare: String = number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' ')).collect();
        if !is_telephone(&bare) {
            return number.to_owned();
        }
        let Some(rule) = self.0.iter().find(|rule| rule.fits.matches(&bare)) else { return bare };
        let kept: String = bare.chars().skip(rule.strip).collect();
        format!("{}{kept}", rule.put)
    }
}

/// Digits, with a plus before them or none.
pub(in crate::exchange) fn is_telephone(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(written: &[(&str, usize, &str)]) -> Rewrite {
        let rule = |(fits, strip, put): &(&str, usize, &str)| Rule {
            fits: Pattern::parse_telephone(fits).unwrap(),
            strip: *strip,
            put: (*put).to_owned(),
        };
        Rewrite(written.iter().map(rule).collect())
    }

    /// What `hotline.toml` proposes for a trunk in Beijing.
    const BEIJING: &[(&str, usize, &str)] = &[
        ("+.", 0, ""),
        ("00.", 2, "+"),
        ("0[1-9]xxxxxx.", 1, "+86"),
        ("1[3-9]xxxxxxxxx", 0, "+86"),
        ("[2-8]xxxxxxx", 0, "+8610"),
    ];

    #[test]
    fn one_number_for_one_telephone() {
        let rules = rules(BEIJING);
        for (mobile, expected) in [
            ("13800138000", "+8613800138000"),
            ("+8613800138000", "+8613800138000"),
            ("008613800138000", "+8613800138000"),
            ("013800138000", "+8613800138000"),
            ("+86-138-0013-8000", "+8613800138000"),
            ("19912345678", "+8619912345678"),
            ("010-65881234", "+861065881234"),
            ("(010) 6588.1234", "+861065881234"),
            ("+86 10 65881234", "+861065881234"),
            ("00861065881234", "+861065881234"),
            ("65881234", "+861065881234"),
            ("0755-88881234", "+8675588881234"),
            ("00442079460000", "+442079460000"),
            ("+442079460000", "+442079460000"),
        ] {
            assert_eq!(rules.apply(mobile), expected, "{mobile}");
        }
    }

    #[test]
    fn short_codes_and_names_stay_what_they_are() {
        let rules = rules(BEIJING);
        for same in [
            "95588",
            "10086",
            "110",
            "12315",
            "8001",
            "4008123123",
            "",
            "anonymous",
            "ivr",
            "*21#",
            "alice.b",
        ] {
            assert_eq!(rules.apply(same), same);
        }
        assert_eq!(Rewrite::default().apply("010-65881234"), "01065881234");
    }

    #[test]
    fn a_prefix_can_be_taken_away_as_well() {
        let rules = rules(&[("+86.", 3, "0"), ("0086.", 4, "0")]);
        assert_eq!(rules.apply("+8613800138000"), "013800138000");
        assert_eq!(rules.apply("00861065881234"), "01065881234");
        // A rule that takes more than there is takes all.
        assert_eq!(
            super::Rewrite(vec![Rule { fits: Pattern::parse("1X").unwrap(), strip: 9, put: "7".into() }])
                .apply("12"),
            "7"
        );
    }
}
