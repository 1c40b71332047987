//! Keys sent by SIP INFO. Neither body is an RFC's; both are what phones send.

use std::time::Duration;

use crate::media::Digit;

/// The bodies that are read; others are answered 415.
pub(super) const KINDS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];

/// A key, and for how long it was down as far as was said: `application/dtmf-relay` (lines `Signal=5` and
/// `Duration=160`, in milliseconds) or `application/dtmf` (`5`). `None` for what is no key, as a flash of the hook.
pub(super) fn key(kind: &str, body: &[u8]) -> Option<(Digit, Duration)> {
    let body = str::from_utf8(body).ok()?;
    let kind = kind.split(';').next().unwrap_or("").trim();
    let [relay, bare] = KINDS.map(|known| kind.eq_ignore_ascii_case(known));
    // Some phones write lines into the bare body, too, and some a bare key into the other.
    let (signal, duration) = match (relay || bare).then(|| field(body, "signal")) {
        Some(Some(signal)) => (signal, field(body, "duration")),
        Some(None) if !body.contains('=') => (body.trim(), None),
        _ => return None,
    };
    let milliseconds = duration.and_then(|text| text.parse().ok()).unwrap_or(0);
    Some((digit(signal)?, Duration::from_millis(milliseconds)))
}

/// A line `name = value`; lines end by CR, LF or both.
fn field<'a>(body: &'a str, wanted: &str) -> Option<&'a str> {
    body.split(['\r', '\n']).find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

/// By its character, or by the number of its event, as some phones write `*`, `#` and A to D (RFC 4733 §3.2).
fn digit(signal: &str) -> Option<Digit> {
    match (signal.parse::<u8>(), signal.len()) {
        (Ok(event @ 10..), _) => Digit::from_event(event),
        (_, 1) => signal.chars().next().and_then(Digit::from_char),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(kind: &str, body: &str) -> Option<(char, u64)> {
        key(kind, body.as_bytes()).map(|(digit, lasted)| (digit.key(), lasted.as_millis() as u64))
    }

    #[test]
    fn both_common_bodies_as_phones_write_them() {
        let relay = |body: &str| read("application/dtmf-relay", body);
        assert_eq!(relay("Signal=5\r\nDuration=160\r\n"), Some(('5', 160)));
        assert_eq!(relay("Signal= #\nDuration= 250"), Some(('#', 250)));
        assert_eq!(relay("signal = 7 \r duration = 90 \r"), Some(('7', 90)));
        assert_eq!(relay("\r\n\r\nDURATION=1000\r\nSIGNAL=a\r\n\r\n"), Some(('A', 1000)));
        assert_eq!(relay("Signal=\"3\""), Some(('3', 0)));
        assert_eq!(relay("Signal=10\r\n"), Some(('*', 0)), "by the number of its event");
        assert_eq!(relay("Signal=15\r\nDuration=x"), Some(('D', 0)));
        assert_eq!(relay("4"), Some(('4', 0)), "the other body under this name");
        let bare = |body: &str| read("Application/DTMF; charset=utf-8", body);
        assert_eq!(bare("7"), Some(('7', 0)));
        assert_eq!(bare(" *\r\n"), Some(('*', 0)));
        assert_eq!(bare("11"), Some(('#', 0)));
        assert_eq!(bare("Signal=8\r\nDuration=100"), Some(('8', 100)));
    }

    #[test]
    fn what_is_no_key() {
        for body in [
            "Duration=160",
            "Signal=\r\n",
            "Signal=16",
            "Signal=flash",
            "Signal=12 34",
            "",
            "x=1",
            "Signal=\u{ff15}",
        ] {
            assert_eq!(read("application/dtmf-relay", body), None, "{body:?}");
        }
        for body in ["123", "hf", "!", "-1", "16", "256"] {
            assert_eq!(read("application/dtmf", body), None, "{body:?}");
        }
        assert_eq!(read("text/plain", "5"), None);
        assert_eq!(key("application/dtmf", &[0xff, 0xfe]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_body_is_taken(body in proptest::collection::vec(any::<u8>(), 0..64), relay: bool) {
            let _ = key(KINDS[usize::from(relay)], &body);
        }
    }
}
