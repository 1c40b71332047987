//! A message for a person to read, without what belongs to the customer.
//!
//! Works on bytes, not on a parsed message: what could not be parsed is what an operator most wants to see. It
//! shows what it knows to be harmless and nothing else, so a header that nobody has thought of is hidden:
//!
//! | what | becomes |
//! |---|---|
//! | addresses (From, Contact, P-Asserted-Identity, Diversion …) | users and display names [`Masked`], passwords and unknown parameters hidden |
//! | credentials and challenges | scheme, realm, algorithm, qop, nc; the rest hidden |
//! | headers that steer the protocol | as they came |
//! | every other header | its length |
//! | SDP | what RTP needs; names, keys and free text hidden |
//! | every other body | its length: digits of INFO, text of MESSAGE |
//!
//! A number that was masked in one place is sought in all others, since some peers build Call-IDs and tags of
//! numbers. What remains is printable ASCII; everything else is escaped, so that no peer writes to a terminal.

mod keys;
mod sdp;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use crate::base::Masked;

pub use self::keys::without_keys;

/// Digits in a row that make a number worth hiding, where nothing else says that they are one.
const NUMBER: usize = 5;
/// The same where a plain text has no business with digits.
const FEW: usize = 3;
/// What is hidden.
const HIDDEN: &str = "***";
/// No line of a sound message is as long.
const LONGEST: usize = 1000;

/// The lines of a message, each with its line end, all of them masked.
pub fn masked(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = split(&text);
    let mut mask = Mask::default();
    let mut lines = Vec::new();
    let mut kind = String::new();
    for (at, line) in unfolded(head).into_iter().enumerate() {
        lines.push(if at == 0 { mask.first_line(&line) } else { mask.header(&line, &mut kind) });
    }
    lines.push(String::new());
    lines.extend(mask.body(&kind, body));
    let mut out = String::with_capacity(bytes.len());
    for line in &lines {
        printable(&mask.hush(line), &mut out);
    }
    out
}

/// The lines of a message as they came, but for the keys of its audio and what a terminal would obey.
pub fn unmasked(bytes: &[u8]) -> String {
    let bytes = without_keys(bytes);
    let text = String::from_utf8_lossy(&bytes);
    let mut out = String::with_capacity(bytes.len());
    text.lines().for_each(|line| printable(line, &mut out));
    out
}

/// The hidden and the shown parts of one message, while it is read.
#[derive(Default)]
struct Mask {
    /// Digits of the numbers that were masked so far.
    numbers: Vec<String>,
}

impl Mask {
    fn first_line(&mut self, line: &str) -> String {
        if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
            let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let status = if status.len() == 3 { status } else { HIDDEN };
            return format!("SIP/2.0 {status} {}", without_digits(reason, FEW)).trim_end().to_owned();
        }
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next_back()) {
            (Some(method), Some(uri), Some("SIP/2.0")) if is_token(method) => {
                format!("{} {} SIP/2.0", without_digits(method, FEW), self.uri(uri))
            }
            _ => octets(line),
        }
    }

    /// `kind` is set by Content-Type.
    fn header(&mut self, line: &str, kind: &mut String) -> String {
        let Some((name, value)) = line.split_once(':') else { return octets(line) };
        let (name, value) = (name.trim(), value.trim());
        let lower = name.to_ascii_lowercase();
        let shown = match Class::of(&lower) {
            Class::Plain => {
                if matches!(lower.as_str(), "content-type" | "c") {
                    *kind = value.to_ascii_lowercase();
                }
                self.each(value, Mask::plain)
            }
            Class::Words => without_digits(value, NUMBER),
            Class::Addresses => self.each(value, Mask::address),
            Class::Credentials => self.credentials(value),
            Class::Unknown if is_token(name) => {
                return format!("{}: {}", without_digits(name, FEW), octets(value));
            }
            Class::Unknown => return octets(line),
        };
        format!("{name}: {shown}")
    }

    /// A list by commas.
    fn each(&mut self, value: &str, show: impl Fn(&mut Mask, &str) -> String) -> String {
        let items = split_outside(value, ',').into_iter().map(|item| show(self, item.trim()));
        items.collect::<Vec<_>>().join(", ")
    }

    /// `value;name=value`: the value is the protocol's, a parameter may be anybody's.
    fn plain(&mut self, item: &str) -> String {
        let mut pieces = split_outside(item, ';').into_iter().map(str::trim);
        let mut out = quoted_without_digits(pieces.next().unwrap_or(""));
        for param in pieces {
            out.push(';');
            out.push_str(&quoted_without_digits(&self.parameter(param, STEERING)));
        }
        out
    }

    /// `"Display" <uri>;params`, or without brackets (RFC 3261 §20.10).
    fn address(&mut self, item: &str) -> String {
        if item == "*" {
            return item.to_owned();
        }
        let (display, uri, params) = match find_outside_quotes(item, '<') {
            Some(open) => {
                let (display, rest) = item.split_at(open);
                let rest = rest.strip_prefix('<').unwrap_or(rest);
                let (uri, params) = rest.split_once('>').unwrap_or((rest, ""));
                (display.trim(), format!("<{}>", self.uri(uri)), params)
            }
            None => {
                let end = item.find(';').unwrap_or(item.len());
                let (uri, params) = item.split_at(end);
                ("", self.uri(uri), params)
            }
        };
        let mut out = String::new();
        if !display.is_empty() {
            let _ = write!(out, "\"{}\" ", self.value(display.trim_matches('"')));
        }
        out.push_str(&uri);
        out.push_str(&self.parameters(params));
        out
    }

    fn uri(&mut self, uri: &str) -> String {
        let Some((scheme, rest)) = uri.trim().split_once(':') else { return HIDDEN.to_owned() };
        match scheme.to_ascii_lowercase().as_str() {
            "sip" | "sips" => {
                // The last one: a user part may hold what looks like anything else.
                let (user, place) = match rest.rsplit_once('@') {
                    Some((user, place)) => (Some(user), place),
                    None => (None, rest),
                };
                let end = place.find([';', '?']).unwrap_or(place.len());
                let (host, tail) = place.split_at(end);
                let mut out = format!("{scheme}:");
                if let Some(user) = user {
                    let name = user.split(':').next().unwrap_or("");
                    let _ = write!(out, "{}@", self.value(name));
                    // A password or a user parameter is as confidential as the number.
                    user.split(':').skip(1).for_each(|secret| self.learn(secret));
                }
                out.push_str(&self.host(host));
                let (params, headers) = tail.split_at(tail.find('?').unwrap_or(tail.len()));
                out.push_str(&self.parameters(params));
                if !headers.is_empty() {
                    out.push('?');
                    out.push_str(HIDDEN);
                }
                out
            }
            "tel" => {
                let (number, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
                format!("{scheme}:{}{}", self.value(number), self.parameters(params))
            }
            _ if is_token(scheme) => format!("{}:{HIDDEN}", without_digits(scheme, FEW)),
            _ => HIDDEN.to_owned(),
        }
    }

    /// A number where a host should be (`sip:13800138000`) is what somebody dialled.
    fn host(&mut self, host: &str) -> String {
        let name = host.split(':').next().unwrap_or("");
        if name.len() >= FEW && name.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#' | '-'))
        {
            return self.value(name);
        }
        host.to_owned()
    }

    /// `;name=value` …: the values of known ones.
    fn parameters(&mut self, text: &str) -> String {
        let mut out = String::new();
        for param in split_outside(text, ';').into_iter().map(str::trim).filter(|param| !param.is_empty()) {
            out.push(';');
            out.push_str(&self.parameter(param, PARAMETERS));
        }
        out
    }

    fn parameter(&mut self, param: &str, known: &[&str]) -> String {
        let (name, value) = match param.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (param, None),
        };
        if known.contains(&name.to_ascii_lowercase().as_str()) {
            return param.to_owned();
        }
        if let Some(value) = value {
            self.learn(value);
        }
        let name = if is_token(name) { without_digits(name, FEW) } else { HIDDEN.to_owned() };
        if value.is_some() { format!("{name}={HIDDEN}") } else { name }
    }

    fn credentials(&mut self, value: &str) -> String {
        let (scheme, params) = value.split_once(' ').unwrap_or((value, ""));
        let mut out = if is_token(scheme) && !scheme.contains(|c: char| c.is_ascii_digit()) {
            scheme.to_owned()
        } else {
            HIDDEN.to_owned()
        };
        for (at, param) in split_outside(params, ',').into_iter().map(str::trim).enumerate() {
            out.push_str(if at == 0 { " " } else { ", " });
            // A token of its own (`Basic dXNlcg==`) is the secret itself.
            let shown = if param.contains('=') && !scheme.eq_ignore_ascii_case("basic") {
                self.parameter(param, CREDENTIALS)
            } else {
                HIDDEN.to_owned()
            };
            out.push_str(&shown);
        }
        out
    }

    fn body(&mut self, kind: &str, body: &str) -> Vec<String> {
        if body.is_empty() {
            return Vec::new();
        }
        if kind.starts_with("application/sdp") {
            return body.lines().map(|line| self.sdp_line(line)).collect();
        }
        // How far a transfer has come (RFC 3420, RFC 3515 §2.4.5): the status line is all that matters.
        let status = body.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
        match status.filter(|status| kind.starts_with("message/sipfrag") && digits(status) == 3) {
            Some(status) => vec![format!("SIP/2.0 {status} {}", octets(body))],
            None => vec![octets(body)],
        }
    }

    /// A user part, a number or a name: masked, and remembered.
    fn value(&mut self, value: &str) -> String {
        self.learn(value);
        Masked::from(value).to_string()
    }

    fn learn(&mut self, value: &str) {
        let number: String = value.chars().filter(char::is_ascii_digit).collect();
        if number.len() >= NUMBER {
            self.numbers.push(number);
        }
    }

    /// The line without the numbers that are hidden elsewhere, nor parts of them.
    fn hush(&self, line: &str) -> String {
        map_digits(line, NUMBER, |run| {
            let known =
                self.numbers.iter().any(|number| number.contains(run) || run.contains(number.as_str()));
            if known { Masked::from(run).to_string() } else { run.to_owned() }
        })
    }
}

enum Class {
    Plain,
    /// Free text, but of a kind that helps.
    Words,
    Addresses,
    Credentials,
    Unknown,
}

impl Class {
    /// By the name in lower case, long or compact.
    fn of(name: &str) -> Class {
        match name {
            "accept"
            | "accept-encoding"
            | "accept-language"
            | "allow"
            | "allow-events"
            | "u"
            | "call-id"
            | "i"
            | "content-disposition"
            | "content-encoding"
            | "e"
            | "content-length"
            | "l"
            | "content-type"
            | "c"
            | "cseq"
            | "date"
            | "event"
            | "o"
            | "expires"
            | "flow-timer"
            | "max-forwards"
            | "mime-version"
            | "min-expires"
            | "min-se"
            | "privacy"
            | "proxy-require"
            | "rack"
            | "refer-sub"
            | "replaces"
            | "require"
            | "retry-after"
            | "rseq"
            | "session-expires"
            | "x"
            | "sip-etag"
            | "sip-if-match"
            | "subscription-state"
            | "supported"
            | "k"
            | "target-dialog"
            | "timestamp"
            | "unsupported"
            | "via"
            | "v" => Class::Plain,
            "organization" | "reason" | "server" | "user-agent" | "warning" => Class::Words,
            "contact"
            | "m"
            | "diversion"
            | "from"
            | "f"
            | "history-info"
            | "p-asserted-identity"
            | "p-associated-uri"
            | "p-called-party-id"
            | "p-preferred-identity"
            | "path"
            | "record-route"
            | "refer-to"
            | "r"
            | "referred-by"
            | "b"
            | "remote-party-id"
            | "reply-to"
            | "route"
            | "service-route"
            | "to"
            | "t" => Class::Addresses,
            "authentication-info"
            | "authorization"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "www-authenticate" => Class::Credentials,
            _ => Class::Unknown,
        }
    }
}

/// Parameters of URIs and of addresses.
const PARAMETERS: &[&str] = &[
    "+sip.instance",
    "cause",
    "counter",
    "expires",
    "index",
    "isfocus",
    "lr",
    "maddr",
    "method",
    "ob",
    "party",
    "privacy",
    "q",
    "reason",
    "received",
    "reg-id",
    "rport",
    "screen",
    "tag",
    "transport",
    "ttl",
    "user",
];

/// Of headers that steer the protocol.
const STEERING: &[&str] = &[
    "alias",
    "branch",
    "charset",
    "duration",
    "early-only",
    "expires",
    "from-tag",
    "handling",
    "id",
    "keep",
    "maddr",
    "q",
    "reason",
    "received",
    "refresher",
    "retry-after",
    "rport",
    "to-tag",
    "ttl",
    "type",
    "version",
];

const CREDENTIALS: &[&str] = &["algorithm", "nc", "qop", "realm", "stale", "userhash"];

// -- text --

/// Head and body: at the first empty line, whatever its end.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(['\r', '\n']);
    let crlf = text.find("\r\n\r\n").map(|at| (at, 4));
    let lf = text.find("\n\n").map(|at| (at, 2));
    match crlf.into_iter().chain(lf).min() {
        Some((at, length)) => (text.get(..at).unwrap_or(""), text.get(at + length..).unwrap_or("")),
        None => (text, ""),
    }
}

/// Lines, those that begin with white space joined to the one before (RFC 3261 §7.3.1).
fn unfolded(head: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in head.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    lines
}

/// The pieces between separators that stand neither in quotation marks nor in angle brackets.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut pieces, mut from, mut quoted, mut escaped, mut depth) = (Vec::new(), 0, false, false, 0u32);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth = depth.saturating_sub(1),
            _ if c == separator && !quoted && depth == 0 => {
                pieces.push(text.get(from..at).unwrap_or(""));
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(text.get(from..).unwrap_or(""));
    pieces
}

fn find_outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == wanted && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Digits in quotation marks are somebody's words.
fn quoted_without_digits(value: &str) -> String {
    let pieces = value.split('"').enumerate();
    let shown =
        pieces.map(|(at, piece)| if at % 2 == 1 { without_digits(piece, FEW) } else { piece.to_owned() });
    shown.collect::<Vec<_>>().join("\"")
}

/// With every run of so many digits or more masked.
fn without_digits(text: &str, least: usize) -> String {
    map_digits(text, least, |run| Masked::from(run).to_string())
}

fn map_digits(text: &str, least: usize, change: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(from);
        let (run, after) =
            digits.split_at(digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()));
        out.push_str(before);
        if run.len() >= least {
            out.push_str(&change(run));
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn digits(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

fn is_token(text: &str) -> bool {
    super::wire::is_token(text.as_bytes())
}

fn octets(text: &str) -> String {
    format!("({} octets)", text.len())
}

/// One line of printable ASCII.
fn printable(line: &str, out: &mut String) {
    for c in line.chars().take(LONGEST) {
        match c {
            ' '..='~' => out.push(c),
            '\t' => out.push(' '),
            _ => out.extend(c.escape_default()),
        }
    }
    if line.chars().nth(LONGEST).is_some() {
        out.push_str("...");
    }
    out.push('\n');
}
