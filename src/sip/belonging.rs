//! To which of several endpoints a message belongs, without reading it.
//!
//! Endpoints that share one address mark what they give out: each tag and each branch of theirs begins with their
//! number and a point ([`Config::number`](super::Config::number)). A response is its Via's (RFC 3261 §18.1.2), a
//! request in a dialog its To tag's (§12.2.2), an INVITE with Replaces the tag's of the dialog that it names (RFC 3891
//! §3). So only a new INVITE is nobody's yet; the CANCEL that may follow it says no more than the INVITE's Call-ID.

use super::wire::lexer;

/// So much of a message is looked at, in octets and in header lines.
const LOOKED_AT: (usize, usize) = (16 * 1024, 96);

/// What can be seen in passing. Nothing here is checked: an endpoint that gets what is not its own answers as one that
/// has never heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belonging<'a> {
    /// The endpoint of this number made the transaction or the dialog.
    To(u8),
    /// An INVITE outside a dialog, or what else belongs to its transaction; by its Call-ID. `from`: the value of its From
    /// header, `to`: its request-URI; empty where there is none.
    NewCall { call_id: &'a [u8], from: &'a [u8], to: &'a [u8] },
    /// Other requests outside a dialog, names that no endpoint gave, and what is not SIP.
    Nobody,
}

impl<'a> Belonging<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Self::seen(message).unwrap_or(Belonging::Nobody)
    }

    fn seen(message: &'a [u8]) -> Option<Self> {
        let start = message.iter().position(|octet| !matches!(octet, b'\r' | b'\n'))?;
        let seen = message.get(start..)?;
        let mut lines = seen
            .get(..LOOKED_AT.0)
            .unwrap_or(seen)
            .split(|octet| *octet == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = lines.next()?;
        let is_response = first.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
        let (method, rest) = lexer::split(first, b' ')?;
        let opens = matches!(method, b"INVITE" | b"CANCEL" | b"ACK");
        let to = lexer::split(rest, b' ').map_or(&b""[..], |(uri, _)| uri);
        let (mut call_id, mut from, mut replaced) = (None, &b""[..], None);
        for line in lines.take(LOOKED_AT.1) {
            let Some((name, value)) = lexer::split(line, b':') else {
                if lexer::trim(line).is_empty() {
                    break;
                }
                continue;
            };
            let name = lexer::trim(name);
            let is = |long: &[u8], short: &[u8]| {
                name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short)
            };
            if is_response {
                if is(b"via", b"v") {
                    let branch = after(value, b"branch=")?;
                    return number(branch.strip_prefix(super::MAGIC_COOKIE.as_bytes())?).map(Belonging::To);
                }
            } else if is(b"to", b"t") {
                if let Some(tag) = after(value, b";tag=") {
                    return number(tag).map(Belonging::To);
                }
            } else if is(b"call-id", b"i") {
                call_id = Some(lexer::trim(value));
            } else if is(b"from", b"f") {
                from = lexer::trim(value);
            } else if name.eq_ignore_ascii_case(b"replaces") {
                replaced = after(value, b"to-tag=").and_then(number);
            }
        }
        match replaced {
            Some(number) if opens => Some(Belonging::To(number)),
            _ if opens => call_id.map(|call_id| Belonging::NewCall { call_id, from, to }),
            _ => None,
        }
    }
}

/// What follows `wanted` for the first time, in any case.
fn after<'a>(text: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(wanted.len()).position(|part| part.eq_ignore_ascii_case(wanted))?;
    text.get(at + wanted.len()..)
}

/// The mark at the beginning of a name of ours.
fn number(name: &[u8]) -> Option<u8> {
    let (digits, _) = lexer::split(name, b'.')?;
    let short = !digits.is_empty() && digits.len() <= 3;
    lexer::number(digits).filter(|_| short).and_then(|number| u8::try_from(number).ok())
}

/// A name that the endpoint of this number gives out; without a mark where there is but one.
pub(super) fn marked(number: Option<u8>, name: String) -> String {
    match number {
        Some(number) => format!("{number}.{name}"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_lead_to_who_gave_them() {
        for (message, belongs) in [
            (
                "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;rport;branch=z9hG4bK2.abc, SIP/2.0/UDP g;branch=z9hG4bK1.x\r\n\r\n",
                2,
            ),
            (
                "BYE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK9.theirs\r\nTo: <sip:a@h>;x=1;TAG=1.abc;y\r\n\r\n",
                1,
            ),
            ("ACK sip:h SIP/2.0\nt:<sip:h>;tag=0.q\n\n", 0),
            (
                "INVITE sip:h SIP/2.0\r\nTo: <sip:h>\r\nCall-ID: n\r\nReplaces: c1@p;from-tag=7.x ; to-tag=3.abc\r\n\r\n",
                3,
            ),
        ] {
            assert_eq!(Belonging::of(message.as_bytes()), Belonging::To(belongs), "{message}");
        }
    }

    #[test]
    fn a_new_call_and_its_cancel_are_one_and_the_rest_is_nobodys() {
        for method in ["INVITE", "CANCEL", "ACK"] {
            let text = format!(
                "\r\n{method} sip:h SIP/2.0\r\nTo: <sip:100@h>\r\nf: <sip:1@h>\r\ni:  abc@host \r\n\r\n"
            );
            let new = Belonging::NewCall { call_id: b"abc@host", from: b"<sip:1@h>", to: b"sip:h" };
            assert_eq!(Belonging::of(text.as_bytes()), new);
        }
        for other in [
            "REGISTER sip:h SIP/2.0\r\nTo: <sip:1001@h>\r\nCall-ID: a\r\n\r\n",
            "BYE sip:h SIP/2.0\r\nTo: <sip:a@h>;tag=abcdef\r\nCall-ID: a\r\n\r\n",
            "BYE sip:h SIP/2.0\r\nTo: <sip:a@h>;tag=4711.abcdef\r\nCall-ID: a\r\n\r\n",
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKabc\r\n\r\n",
            "INVITE sip:h SIP/2.0\r\n\r\nCall-ID: in the body\r\n",
            "\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "",
        ] {
            assert_eq!(Belonging::of(other.as_bytes()), Belonging::Nobody, "{other}");
        }
        assert_eq!(marked(Some(4), "abc".to_owned()), "4.abc");
        assert_eq!(number(marked(Some(4), "abc".to_owned()).as_bytes()), Some(4));
        assert_eq!(number(marked(None, "abc".to_owned()).as_bytes()), None);
    }
}
