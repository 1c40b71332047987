//! Addresses: `sip:`, `sips:` and `tel:` URIs, and the names that stand before them.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;

use super::flow::Transport;
use super::wire::lexer::{self, Invalid, Marks, Scanned};
use super::wire::{Params, one_line};
use crate::base::Masked;

/// What kind of URI it is; decides whether we can do anything with it (RFC 3261 §8.2.2.1: else 416).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scheme {
    Sip,
    Sips,
    /// RFC 3966.
    Tel,
    /// Anything else; only its bytes are known.
    Other,
}

/// A host as it stands in a URI or a Via: an address (IPv6 in brackets) or a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host<'a> {
    Ip(IpAddr),
    /// As written; names compare without regard to case. Empty for `tel:` and unknown schemes.
    Name(&'a str),
}

impl Host<'_> {
    /// The same host, by RFC 3261 §19.1.4.
    pub fn matches(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Host::Ip(a), Host::Ip(b)) => a == b,
            (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Ip(ip) => write!(f, "{ip}"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URI as it came or as we built it, with its parts known (RFC 3261 §19.1, RFC 3966). One slice of the
/// message and offsets into it: cloning costs no allocation. `Debug` and `Display` mask the user part, which
/// is a caller's number; [`as_bytes`](Self::as_bytes) and [`user`](Self::user) are the ways to it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri {
    raw: Bytes,
    parts: Parts,
}

/// Where the parts of a URI lie in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Parts {
    scheme: Scheme,
    /// User without password; the number of a `tel:` URI.
    user: Option<Span>,
    host: Span,
    address: Option<IpAddr>,
    port: Option<u16>,
    params: Span,
    /// Behind `?`; never turned into headers of a request (RFC 4475 §3.1.2.11).
    headers: Span,
}

/// Offsets into the URI. The line limit keeps them far below 65,536; a longer URI is refused.
type Span = (u16, u16);

impl Uri {
    /// A URI without the `<>` around it. Errors where the grammar does: no scheme, spaces, a bad host (an
    /// IPv6 address without brackets), a port that is no port.
    pub fn parse(text: &str) -> Result<Self, BadUri> {
        Uri::from_parsed(Bytes::copy_from_slice(text.as_bytes())).map_err(|Invalid| BadUri)
    }

    /// `sip:user@host:port` with the user escaped (RFC 3261 §19.1.2).
    pub fn sip(user: Option<&str>, address: SocketAddr) -> Self {
        let host = Host::Ip(address.ip()).to_string();
        Uri::compose(Scheme::Sip, user, &host, Some(address.port())).unwrap_or_else(|Invalid| Uri::nowhere())
    }

    /// As [`sip`](Self::sip) with a host that may be a name: `example.com`, `192.0.2.1`, `[2001:db8::1]`.
    pub fn sip_at(user: Option<&str>, host: &str, port: Option<u16>) -> Result<Self, BadUri> {
        Uri::compose(Scheme::Sip, user, host, port).map_err(|Invalid| BadUri)
    }

    /// `sip:anonymous@anonymous.invalid` (RFC 3323 §4.1.1.3).
    pub fn nowhere() -> Self {
        let parts = Parts {
            scheme: Scheme::Sip,
            user: Some((4, 13)),
            host: (14, 31),
            address: None,
            port: None,
            params: (31, 31),
            headers: (31, 31),
        };
        Uri { raw: Bytes::from_static(b"sip:anonymous@anonymous.invalid"), parts }
    }

    fn compose(scheme: Scheme, user: Option<&str>, host: &str, port: Option<u16>) -> Result<Self, Invalid> {
        let mut raw = String::with_capacity(64);
        raw.push_str(if scheme == Scheme::Sips { "sips:" } else { "sip:" });
        if let Some(user) = user {
            escape_user(user, &mut raw);
            raw.push('@');
        }
        raw.push_str(host);
        if let Some(port) = port {
            raw.push_str(&format!(":{port}"));
        }
        Uri::from_parsed(Bytes::from(raw))
    }

    /// `raw` is trimmed and holds no line end.
    pub(crate) fn from_parsed(raw: Bytes) -> Result<Self, Invalid> {
        let parts = Parts::of(&raw)?;
        Ok(Uri { raw, parts })
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }

    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The user part, escapes decoded, without password; the number of a `tel:` URI. Confidential: wrap it in
    /// [`Masked`] before it is kept.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.parts.user.map(|span| lexer::unescape(self.part(span)))
    }

    /// The dialled number: [`user`](Self::user) up to its first `;`, without the visual separators of RFC
    /// 3966 §3 where what remains is a number.
    pub fn dialled(&self) -> Option<String> {
        let user = self.user()?;
        let number = user.split(';').next().unwrap_or_default();
        let bare: String = number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
        let digits = bare.strip_prefix('+').unwrap_or(&bare);
        let is_number =
            !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#');
        Some(if is_number { bare } else { number.to_owned() })
    }

    pub fn host(&self) -> Host<'_> {
        match self.parts.address {
            Some(ip) => Host::Ip(ip),
            None => Host::Name(str::from_utf8(self.part(self.parts.host)).unwrap_or_default()),
        }
    }

    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// `;transport=…`, `;lr`, `;ob` … of the URI itself.
    pub fn params(&self) -> Params {
        // Checked when the URI was read.
        Params::parse(&self.raw, self.part(self.parts.params)).unwrap_or_default()
    }

    /// The transport that the URI demands. `None`: none named, or one that we do not speak.
    pub fn transport(&self) -> Option<Transport> {
        self.params().get("transport").and_then(Transport::from_name)
    }

    /// Loose routing (RFC 3261 §19.1.1 `lr`).
    pub fn is_loose_router(&self) -> bool {
        self.params().has("lr")
    }

    /// Whether there are embedded headers (`?Route=…`), which are forbidden in a Request-URI (RFC 3261
    /// §19.1.5).
    pub fn has_headers(&self) -> bool {
        self.parts.headers.0 < self.parts.headers.1
    }

    /// An embedded header's value, escapes decoded: what a Refer-To says beside the address (RFC 3261 §19.1.1).
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let raw = self.part(self.parts.headers).strip_prefix(b"?")?;
        raw.split(|&b| b == b'&').find_map(|pair| {
            let (key, value) = lexer::split(pair, b'=')?;
            lexer::unescape(key).eq_ignore_ascii_case(name).then(|| lexer::unescape(value))
        })
    }

    /// The same address without embedded headers: what may stand in a Request-URI.
    pub fn without_headers(&self) -> Self {
        let end = usize::from(self.parts.headers.0);
        Uri::from_parsed(self.raw.slice(..end.min(self.raw.len()))).unwrap_or_else(|Invalid| self.clone())
    }

    /// With an embedded header added, escaped.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut raw = String::from_utf8_lossy(&self.raw).into_owned();
        raw.push(if self.has_headers() { '&' } else { '?' });
        raw.push_str(name);
        raw.push('=');
        for byte in value.bytes() {
            match byte {
                // RFC 3261 §25.1 `hnv-unreserved` and `unreserved`, those that no reader misunderstands.
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => raw.push(byte as char),
                _ => raw.push_str(&format!("%{byte:02X}")),
            }
        }
        Uri::from_parsed(Bytes::from(raw)).unwrap_or_else(|Invalid| self.clone())
    }

    /// Where to send without asking the DNS: the host when it is an address, with the port or that of the
    /// transport. For names, `None`: the host resolves them (RFC 3263).
    pub fn socket_address(&self) -> Option<SocketAddr> {
        let address = self.parts.address?;
        let port = self.parts.port.unwrap_or_else(|| self.carrier().default_port());
        Some(SocketAddr::new(address, port))
    }

    /// What carries a request to this URI where nothing but the URI is known (RFC 3263 §4.1): the transport that it
    /// names, UDP where it names none; for `sips` the secure one of its kind (RFC 3261 §26.2.2).
    pub fn carrier(&self) -> Transport {
        match (self.scheme(), self.transport()) {
            (Scheme::Sips, Some(Transport::Ws | Transport::Wss)) => Transport::Wss,
            (Scheme::Sips, _) => Transport::Tls,
            (_, named) => named.unwrap_or(Transport::Udp),
        }
    }

    /// With `;name=value` (or `;name`) added or replaced.
    pub fn with_param(&self, name: &str, value: &str) -> Self {
        let mut params = self.params();
        params.set(name, value);
        let mut raw = Vec::with_capacity(self.raw.len() + name.len() + value.len() + 2);
        raw.extend_from_slice(self.raw.get(..usize::from(self.parts.params.0)).unwrap_or(&self.raw));
        raw.extend_from_slice(params.as_bytes());
        raw.extend_from_slice(self.raw.get(usize::from(self.parts.params.1)..).unwrap_or_default());
        Uri::from_parsed(one_line(raw)).unwrap_or_else(|Invalid| self.clone())
    }

    /// RFC 3261 §19.1.4: scheme, user (case counts, escapes decoded), host, port and the parameters that
    /// matter everywhere (`user`, `ttl`, `method`, `maddr`, `transport`) are the same, and every other
    /// parameter that both have is the same.
    pub fn matches(&self, other: &Uri) -> bool {
        if self.parts.scheme != other.parts.scheme {
            return false;
        }
        if self.parts.scheme == Scheme::Other {
            return self.raw == other.raw;
        }
        let same_user = match self.parts.scheme {
            Scheme::Tel => self.dialled() == other.dialled(),
            _ => self.user() == other.user(),
        };
        same_user
            && self.host().matches(&other.host())
            && self.parts.port == other.parts.port
            && same_params(self, other)
    }

    fn part(&self, span: Span) -> &[u8] {
        self.raw.get(range(span)).unwrap_or_default()
    }
}

impl Parts {
    pub(crate) fn of(raw: &[u8]) -> Result<Self, Invalid> {
        if raw.len() > usize::from(u16::MAX) {
            return Err(Invalid);
        }
        let marks = Marks::of_uri(raw).ok_or(Invalid)?;
        let (scheme, rest) = lexer::split(raw, b':').ok_or(Invalid)?;
        if rest.is_empty() {
            return Err(Invalid);
        }
        let end = offset(raw.len());
        let empty = (end, end);
        let mut parts = Parts {
            scheme: scheme_of(scheme)?,
            user: None,
            host: empty,
            address: None,
            port: None,
            params: empty,
            headers: empty,
        };
        match parts.scheme {
            Scheme::Sip | Scheme::Sips => parts.find_sip(raw, rest, marks)?,
            Scheme::Tel => parts.find_tel(raw, rest)?,
            Scheme::Other => {}
        }
        Params::check(raw.get(range(parts.params)).unwrap_or_default())?;
        Ok(parts)
    }

    /// Every part is found as "what is left from here on", so its offset is a difference of lengths.
    fn find_sip(&mut self, raw: &[u8], mut rest: &[u8], marks: Marks) -> Result<(), Invalid> {
        let at = |rest: &[u8]| offset(raw.len() - rest.len());
        if marks.at
            && let Some((info, behind)) = lexer::split(rest, b'@')
        {
            let user = lexer::split(info, b':').map_or(info, |(user, _password)| user);
            if user.is_empty() {
                return Err(Invalid);
            }
            self.user = Some((at(rest), at(rest) + offset(user.len())));
            rest = behind;
        }
        let (SentBy { host, address, port }, behind) = host_port(rest)?;
        self.address = address;
        self.host = (at(rest), at(rest) + offset(host.len()));
        self.port = port;
        let headers = if marks.question { memchr::memchr(b'?', behind) } else { None };
        let tail = headers.unwrap_or(behind.len());
        self.params = (at(behind), at(behind) + offset(tail));
        self.headers = (self.params.1, offset(raw.len()));
        Ok(())
    }

    fn find_tel(&mut self, raw: &[u8], rest: &[u8]) -> Result<(), Invalid> {
        let length = rest.iter().position(|&b| b == b';').unwrap_or(rest.len());
        if length == 0 {
            return Err(Invalid);
        }
        let start = offset(raw.len() - rest.len());
        self.user = Some((start, start + offset(length)));
        self.params = (start + offset(length), offset(raw.len()));
        Ok(())
    }
}

fn range((start, end): Span) -> Range<usize> {
    usize::from(start)..usize::from(end)
}

/// Lossless: `Parts::of` refuses every longer URI first.
fn offset(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn scheme_of(name: &[u8]) -> Result<Scheme, Invalid> {
    match name {
        n if n.eq_ignore_ascii_case(b"sip") => Ok(Scheme::Sip),
        n if n.eq_ignore_ascii_case(b"sips") => Ok(Scheme::Sips),
        n if n.eq_ignore_ascii_case(b"tel") => Ok(Scheme::Tel),
        [first, rest @ ..]
            if first.is_ascii_alphabetic()
                && rest.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) =>
        {
            Ok(Scheme::Other)
        }
        _ => Err(Invalid),
    }
}

/// `host[:port]` as it stands in a URI or a Via.
pub(crate) struct SentBy<'a> {
    /// With its brackets.
    pub(crate) host: &'a [u8],
    /// What `host` spells; `None` for a name.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: Option<u16>,
}

/// `host[:port]` at the start of `text`, and what follows. Errors for a host that is neither address nor name.
pub(crate) fn host_port(text: &[u8]) -> Scanned<'_, SentBy<'_>> {
    let (host, address, rest) = match text.first() {
        Some(b'[') => {
            let end = text.iter().position(|&b| b == b']').ok_or(Invalid)? + 1;
            let (host, rest) = text.split_at_checked(end).ok_or(Invalid)?;
            (host, Some(IpAddr::V6(ipv6(host)?)), rest)
        }
        _ => {
            let (host, rest) = lexer::host_name(text);
            let ends = rest.first().is_none_or(|&b| matches!(b, b':' | b';' | b'?') || lexer::is_space(b));
            if host.is_empty() || !ends {
                return Err(Invalid);
            }
            (host, ipv4(host).map(IpAddr::V4), rest)
        }
    };
    let [b':', digits @ ..] = lexer::skip_space(rest) else {
        return Ok((SentBy { host, address, port: None }, rest));
    };
    let digits = lexer::skip_space(digits);
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let (port, rest) = digits.split_at_checked(end).ok_or(Invalid)?;
    let port = lexer::number(port).and_then(|port| u16::try_from(port).ok()).ok_or(Invalid)?;
    Ok((SentBy { host, address, port: Some(port) }, rest))
}

fn ipv6(bracketed: &[u8]) -> Result<Ipv6Addr, Invalid> {
    let inner = bracketed.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).ok_or(Invalid)?;
    str::from_utf8(inner).ok().and_then(|text| text.parse().ok()).ok_or(Invalid)
}

/// `300.1.1.1` is a name that no name server knows, as RFC 3261's grammar has it.
fn ipv4(host: &[u8]) -> Option<Ipv4Addr> {
    // Most names are seen to be one by their first letter.
    host.first().filter(|first| first.is_ascii_digit())?;
    str::from_utf8(host).ok()?.parse().ok()
}

/// What RFC 3261 §25.1 allows unescaped in a user part; the rest becomes `%XX`.
fn escape_user(user: &str, out: &mut String) {
    const FREE: &[u8] = b"-_.!~*'()&=+$,;?/";
    for &byte in user.as_bytes() {
        if byte.is_ascii_alphanumeric() || FREE.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn same_params(a: &Uri, b: &Uri) -> bool {
    const ALWAYS: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    let (a, b) = (a.params(), b.params());
    let same = |name: &str| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        (None, None) => true,
        _ => false,
    };
    // A name counts once (§19.1.1): of several the first, on both sides, or such a URI would not match itself.
    let first = |of: &Params, name: &[u8]| {
        of.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_ascii_lowercase())
    };
    let both_equal = a.iter().all(|(name, _)| {
        let other = first(&b, name);
        other.is_none() || other == first(&a, name)
    });
    both_equal && ALWAYS.into_iter().all(same)
}

/// `sip:13*******78@192.0.2.1:5060`: parameters are left out.
impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user().map(|user| Masked::new(user.escape_debug().to_string()));
        match (self.parts.scheme, user) {
            (Scheme::Sip, None) => write!(f, "sip:{}", self.host())?,
            (Scheme::Sip, Some(user)) => write!(f, "sip:{user}@{}", self.host())?,
            (Scheme::Sips, None) => write!(f, "sips:{}", self.host())?,
            (Scheme::Sips, Some(user)) => write!(f, "sips:{user}@{}", self.host())?,
            (Scheme::Tel, user) => write!(f, "tel:{}", user.unwrap_or_default())?,
            (Scheme::Other, _) => f.write_str("other:")?,
        }
        match self.parts.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        Uri::parse(text)
    }
}

/// Not a URI that RFC 3261 §25.1 or RFC 3966 §3 would accept. Says nothing of the text: it may be a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a valid SIP or tel URI")]
pub struct BadUri;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_what_phones_send() {
        let uri = |text: &str| Uri::parse(text).unwrap();
        let full = uri("sip:alice:pass@[2001:db8::1]:5070;transport=TCP;lr?subject=x");
        assert_eq!(full.user().as_deref(), Some("alice"));
        assert_eq!(full.socket_address(), "[2001:db8::1]:5070".parse().ok());
        assert_eq!(full.transport(), Some(Transport::Tcp));
        assert!(full.is_loose_router() && full.has_headers());
        assert_eq!(uri("sip:example.com").user(), None);
        assert_eq!(uri("sip:example.com").socket_address(), None);
        assert_eq!(uri("sip:192.0.2.1").socket_address(), "192.0.2.1:5060".parse().ok());
        assert_eq!(uri("tel:+86-10-95588;phone-context=x").params().get("phone-context"), Some(&b"x"[..]));
        assert_eq!(uri("isbn:2983792873").scheme(), Scheme::Other);
    }

    #[test]
    fn what_is_no_uri() {
        for text in [
            "",
            "sip",
            "sip:",
            ":x",
            "sip:@h",
            "sip:2001:db8::10",
            "sip:[2001:db8::1",
            "sip:h:",
            "sip:h:99999",
            "sip:a b@h",
            "sip:a@h;;x",
            "sip:a@h@i",
            "<sip:a@h>",
            "sip:a@h\r\n",
            "tel:",
            "1x:y",
            "sip:a@[::1]x",
            "sip:h;a=\"",
        ] {
            assert_eq!(Uri::parse(text), Err(BadUri), "{text:?}");
        }
        assert_eq!(Uri::parse(&format!("sip:{}", "a".repeat(70_000))), Err(BadUri));
    }

    #[test]
    fn dialled_numbers_lose_their_separators_and_names_keep_theirs() {
        let dialled = |text: &str| Uri::parse(text).unwrap().dialled();
        assert_eq!(dialled("tel:+86-(10)-955.88;ext=1").as_deref(), Some("+861095588"));
        assert_eq!(dialled("sip:+86-10;phone-context=x@h;user=phone").as_deref(), Some("+8610"));
        assert_eq!(dialled("sip:*43%23@h").as_deref(), Some("*43#"));
        assert_eq!(dialled("sip:wang.wei@h").as_deref(), Some("wang.wei"));
        assert_eq!(dialled("sip:h"), None);
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn equal_and_unequal_as_the_rfc_has_it() {
        let same = |a: &str, b: &str| {
            let (a, b) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
            assert_eq!(a.matches(&b), b.matches(&a));
            a.matches(&b)
        };
        assert!(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
        assert!(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
        assert!(same("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
        assert!(!same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
        assert!(!same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
        assert!(!same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
        assert!(same("tel:+86-10", "tel:+8610"));
        assert!(!same("sip:a@h", "sips:a@h"));
        // Not valid, and not to be mistaken for two phones either.
        assert!(same("sip:a@h;x=1;x=2", "sip:a@h;x=1;x=2"));
    }

    #[test]
    fn building_escapes_and_parameters_stand_before_headers() {
        let built = Uri::sip(Some("a b@c"), "[2001:db8::1]:5060".parse().unwrap());
        assert_eq!(built.as_bytes(), b"sip:a%20b%40c@[2001:db8::1]:5060");
        assert_eq!(built.user().as_deref(), Some("a b@c"));
        let with = Uri::parse("sip:a@h;lr?x=y").unwrap().with_param("transport", "tcp").with_param("lr", "");
        assert_eq!(with.as_bytes(), b"sip:a@h;transport=tcp;lr?x=y");
        assert_eq!(Uri::parse("sip:anonymous@anonymous.invalid"), Ok(Uri::nowhere()));
    }

    #[test]
    fn numbers_are_not_shown() {
        let uri = Uri::parse("sip:13812345678@192.0.2.1;x=13812345678").unwrap();
        assert_eq!(format!("{uri} {uri:?}"), "sip:13*******78@192.0.2.1 sip:13*******78@192.0.2.1");
    }
}
