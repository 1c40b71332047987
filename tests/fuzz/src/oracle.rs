//! `rsip` as a second opinion: what it accepts, we accept with equal From, To, Call-ID and CSeq, but for a
//! listed few.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use hotline::sip::{Malformed, Message, Name, NameAddr};
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::HeadersExt;

/// What identifies a message, as either parser saw it.
#[derive(Debug, PartialEq)]
pub struct Essence {
    from: Address,
    to: Address,
    call_id: String,
    cseq: (u32, String),
}

#[derive(Debug, PartialEq)]
struct Address {
    /// As written: rsip decodes no escapes.
    user: Option<String>,
    host: String,
    tag: Option<String>,
}

pub fn ours(message: &Message) -> Essence {
    let (from, to, call_id, number, method) = match message {
        Message::Request(m) => (&m.from, &m.to, &m.call_id, m.cseq, &m.method),
        Message::Response(m) => (&m.from, &m.to, &m.call_id, m.cseq.number, &m.cseq.method),
    };
    Essence {
        from: address(from),
        to: address(to),
        call_id: call_id.to_str().into_owned(),
        cseq: (number, method.to_string()),
    }
}

fn address(of: &NameAddr) -> Address {
    let uri = String::from_utf8_lossy(of.uri.as_bytes()).into_owned();
    let user = uri.split_once(':').and_then(|(_, rest)| rest.split_once('@')).map(|(user, _)| user);
    Address {
        user: user.and_then(|user| user.split(':').next()).map(str::to_owned),
        host: of.uri.host().to_string().to_ascii_lowercase(),
        tag: of.tag().map(|tag| tag.to_str().into_owned()),
    }
}

/// `None` where `rsip` refuses the message, or one of the four, or gives up in a panic.
pub fn theirs(raw: &[u8]) -> Option<Essence> {
    quietly(|| {
        let address = |uri: &rsip::Uri, tag: Option<&rsip::param::Tag>| Address {
            user: uri.user().map(str::to_owned),
            host: uri.host().to_string().to_ascii_lowercase(),
            tag: tag.map(|tag| tag.to_string()),
        };
        let message = rsip::SipMessage::try_from(raw).ok()?;
        let from = message.from_header().ok()?.typed().ok()?;
        let to = message.to_header().ok()?.typed().ok()?;
        let cseq = message.cseq_header().ok()?.typed().ok()?;
        Some(Essence {
            from: address(&from.uri, from.tag()),
            to: address(&to.uri, to.tag()),
            call_id: message.call_id_header().ok()?.value().to_owned(),
            cseq: (cseq.seq, cseq.method.to_string()),
        })
    })
}

/// Where `rsip` takes a message and we refuse it, the RFC is on our side.
pub fn is_stricter(why: Malformed) -> bool {
    match why {
        // RFC 3261 §18.3, §20.14; §20.22 and §8.1.1.6; §8.1.1.5.
        Malformed::ShortBody
        | Malformed::Repeated(_)
        | Malformed::CSeqMethod
        | Malformed::Missing(Name::Via) => true,
        // §7.3.1: a name and a colon; §25.1: what addresses, lists and numbers look like; rsip looks at few of them.
        Malformed::HeaderLine | Malformed::Bad(_) | Malformed::RequestUri => true,
        // §7.2: 100 to 699. §7.1: one space between method, Request-URI and version; SIP/2.0.
        Malformed::Status | Malformed::StartLine | Malformed::Version => true,
        // Our limits.
        Malformed::TooLarge | Malformed::TooManyHeaders | Malformed::LineTooLong => true,
        Malformed::Empty | Malformed::Truncated | Malformed::Missing(_) | Malformed::NoContentLength => false,
    }
}

/// Messages of the kind that `rsip` is made for. Beyond it the two differ for reasons that are known: rsip
/// keeps the first of two equal headers, takes no compact forms, no folding, no bare LF and no escapes, wants
/// `<>` around an address with parameters, and splits a user at its dots.
pub fn is_plain(raw: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(raw) else { return false };
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let printable = |value: &str| value.bytes().all(|b| (b' '..=b'~').contains(&b));
    let mut lines = head.split("\r\n");
    lines.next().is_some_and(printable)
        && lines.all(|line| {
            let Some((name, value)) = line.split_once(": ") else { return false };
            let usual = name.len() > 1 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let printable = printable(value) && value.trim() == value;
            let is = |n: &str| name.eq_ignore_ascii_case(n);
            usual
                && printable
                && (!(is("From") || is("To")) || is_plain_address(value))
                && (!is("CSeq") || is_plain_cseq(value))
                && (!is("Call-ID") || !value.contains(' '))
        })
}

/// `<sip:user@host>;tag=x`, letters and digits, a display name in quotes before it or none.
fn is_plain_address(value: &str) -> bool {
    let bare = match value.strip_prefix('"').and_then(|rest| rest.split_once("\" ")) {
        Some((name, rest)) if !name.contains(['"', '\\']) => rest,
        Some(_) => return false,
        None => value,
    };
    let Some((uri, tag)) = bare.strip_prefix("<sip:").and_then(|rest| rest.split_once('>')) else {
        return false;
    };
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let Some((user, host)) = uri.split_once('@') else { return false };
    let tagged = tag.is_empty() || tag.strip_prefix(";tag=").is_some_and(word);
    let name = host.starts_with(|c: char| c.is_ascii_alphabetic())
        && host.ends_with(|c: char| c.is_ascii_alphanumeric())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        && !host.contains("..");
    word(user) && name && tagged
}

fn is_plain_cseq(value: &str) -> bool {
    value.split_once(' ').is_some_and(|(number, method)| {
        number.bytes().all(|b| b.is_ascii_digit()) && method.bytes().all(|b| b.is_ascii_uppercase())
    })
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs other people's code whose panics are not our finds: libFuzzer's hook ends the process at any panic.
fn quietly<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    done.ok().flatten()
}
