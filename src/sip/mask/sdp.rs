//! The lines of a session description: what two peers need to find each other's RTP, and no more.

use super::{FEW, HIDDEN, Mask, is_token, octets, without_digits};

/// Attributes without names, keys or free text.
const ATTRIBUTES: &[&str] = &[
    "candidate",
    "extmap",
    "fingerprint",
    "fmtp",
    "group",
    "ice-lite",
    "ice-options",
    "inactive",
    "label",
    "maxptime",
    "mid",
    "ptime",
    "recvonly",
    "rtcp",
    "rtcp-fb",
    "rtcp-mux",
    "rtpmap",
    "sendonly",
    "sendrecv",
    "setup",
    "silencesupp",
];

impl Mask {
    pub(super) fn sdp_line(&mut self, line: &str) -> String {
        match line.split_once('=') {
            Some(("v" | "c" | "t" | "b" | "m" | "r", _)) => line.to_owned(),
            Some(("s", "-" | " ")) => line.to_owned(),
            Some(("o", value)) => {
                let (user, rest) = value.split_once(' ').unwrap_or((value, ""));
                let user = if user == "-" { user.to_owned() } else { self.value(user) };
                format!("o={user} {rest}")
            }
            Some(("a", value)) => self.attribute(value),
            Some((kind, value)) if kind.len() == 1 => {
                self.learn(value);
                format!("{kind}={HIDDEN}")
            }
            _ => octets(line),
        }
    }

    fn attribute(&mut self, attribute: &str) -> String {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        let lower = name.to_ascii_lowercase();
        if ATTRIBUTES.contains(&lower.as_str()) {
            return format!("a={attribute}");
        }
        // Which suite helps; the key opens the recording of every call (RFC 4568 §9.1).
        if lower == "crypto" {
            let mut words = value.split(' ');
            let (tag, suite) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            if is_token(suite) && tag.len() < FEW {
                return format!("a={name}:{tag} {suite} {HIDDEN}");
            }
        }
        self.learn(value);
        let name = if is_token(name) { without_digits(name, FEW) } else { HIDDEN.to_owned() };
        if value.is_empty() { format!("a={name}") } else { format!("a={name}:{HIDDEN}") }
    }
}
