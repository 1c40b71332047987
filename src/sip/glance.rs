//! A look at a request without reading it: the little that decides whether reading it is worth the while.

use std::borrow::Cow;

use super::auth;
use super::wire::lexer;

/// So much of a message is looked at, in octets and in header lines; what a sieve would like to know stands in front.
const LOOKED_AT: (usize, usize) = (8 * 1024, 64);

/// What can be seen of a request in passing. Nothing here is checked: it is for those who want to be let in to look
/// well, and [`Message::parse`](super::Message::parse) has the last word on those who are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance<'a> {
    pub method: &'a [u8],
    /// The To has a tag: it claims to belong to a dialog (RFC 3261 §12.2).
    pub in_dialog: bool,
    /// Empty where there is none.
    pub user_agent: &'a [u8],
    authorization: Option<&'a [u8]>,
}

impl<'a> Glance<'a> {
    /// `None` for responses, keep-alives and what is not SIP. Folded lines are seen up to their first end.
    pub fn at(message: &'a [u8]) -> Option<Self> {
        let start = message.iter().position(|octet| !matches!(octet, b'\r' | b'\n'))?;
        let seen = message.get(start..)?;
        let mut lines = seen
            .get(..LOOKED_AT.0)
            .unwrap_or(seen)
            .split(|octet| *octet == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let (method, rest) = lexer::split(lines.next()?, b' ')?;
        if !lexer::is_token(method) || !lexer::trim(rest).ends_with(b"SIP/2.0") {
            return None;
        }
        let mut glance = Glance { method, in_dialog: false, user_agent: b"", authorization: None };
        for line in lines.take(LOOKED_AT.1) {
            let Some((name, value)) = lexer::split(line, b':') else {
                if lexer::trim(line).is_empty() {
                    break;
                }
                continue;
            };
            let name = lexer::trim(name);
            let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
            match name.len() {
                1 | 2 if is(b"t") || is(b"to") => {
                    glance.in_dialog = value.windows(5).any(|part| part.eq_ignore_ascii_case(b";tag="));
                }
                10 if is(b"user-agent") => glance.user_agent = lexer::trim(value),
                13 if is(b"authorization") => glance.authorization = Some(lexer::trim(value)),
                _ => {}
            }
        }
        Some(glance)
    }

    /// Whether it carries an answer to a challenge.
    pub fn has_credentials(&self) -> bool {
        self.authorization.is_some()
    }

    /// Whom the last Authorization header says that the request is from.
    pub fn username(&self) -> Option<Cow<'a, str>> {
        auth::username(self.authorization?)
    }

    /// Whether the User-Agent begins with one of these, in any case.
    pub fn is_agent(&self, prefixes: &[String]) -> bool {
        begins_with_any(self.user_agent, prefixes)
    }
}

/// Whether a User-Agent begins with one of these, in any case.
pub fn begins_with_any(agent: &[u8], prefixes: &[String]) -> bool {
    let begins = |prefix: &String| {
        agent.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    prefixes.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_a_sieve_asks_for() {
        let text = b"\r\nREGISTER sip:h SIP/2.0\r\nt: <sip:1001@h>\r\nUSER-AGENT :  friendly-scanner 1\r\n\
            Authorization: Digest realm=\"r\", username=\"10\\\"01\"\r\n\r\nTo: <sip:b>;tag=1\r\n";
        let glance = Glance::at(text).unwrap();
        assert_eq!(glance.method, b"REGISTER");
        assert!(!glance.in_dialog, "the body is not looked at");
        assert_eq!(glance.user_agent, b"friendly-scanner 1");
        assert_eq!(glance.username().as_deref(), Some("10\"01"));
        assert!(
            glance.is_agent(&["Friendly-Scanner".to_owned()]) && !glance.is_agent(&["scanner".to_owned()])
        );
        let bye = Glance::at(b"BYE sip:h SIP/2.0\nTo: <sip:1001@h>;TAG=x\n\n").unwrap();
        assert!(bye.in_dialog && !bye.has_credentials() && bye.user_agent.is_empty());
    }

    #[test]
    fn looks_away_from_all_else() {
        for other in
            [&b""[..], b"\r\n\r\n", b"\0", b"SIP/2.0 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"INVITE"]
        {
            assert_eq!(Glance::at(other), None, "{other:?}");
        }
        let long = [&b"OPTIONS sip:h SIP/2.0\r\n"[..], &[b'a'; 100_000]].concat();
        assert!(Glance::at(&long).is_some());
    }
}
