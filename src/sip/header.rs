//! Header names, compact forms, and the list of a message's headers.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::name_addr::NameAddr;
use super::wire::excerpt::Excerpt;
use super::wire::{Invalid, Params, is_token, lexer, one_line};

macro_rules! names {
    ($($variant:ident $name:literal $(| $compact:literal)?;)*) => {
        /// A header's name: those that the product reads or writes, and every other as it came.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
            /// Some other name; the field keeps it.
            Other,
        }

        impl Name {
            /// As we write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$variant => $name,)*
                    Name::Other => "other header",
                }
            }
        }

        /// Every form of every name, the long one as we and nearly everybody write it.
        const FORMS: &[(&[u8], Name)] =
            &[$(($name.as_bytes(), Name::$variant), $(($compact, Name::$variant),)?)*];

        #[cfg(test)]
        const ALL: &[Name] = &[$(Name::$variant),*];
    };
}

names! {
    Accept "Accept";
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AlertInfo "Alert-Info";
    Allow "Allow";
    AllowEvents "Allow-Events" | b"u";
    AuthenticationInfo "Authentication-Info";
    Authorization "Authorization";
    CallId "Call-ID" | b"i";
    CallInfo "Call-Info";
    Contact "Contact" | b"m";
    ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" | b"e";
    ContentLanguage "Content-Language";
    ContentLength "Content-Length" | b"l";
    ContentType "Content-Type" | b"c";
    CSeq "CSeq";
    Date "Date";
    Diversion "Diversion";
    Event "Event" | b"o";
    Expires "Expires";
    From "From" | b"f";
    HistoryInfo "History-Info";
    MaxForwards "Max-Forwards";
    MinExpires "Min-Expires";
    MinSe "Min-SE";
    PAssertedIdentity "P-Asserted-Identity";
    Path "Path";
    Privacy "Privacy";
    ProxyAuthenticate "Proxy-Authenticate";
    ProxyAuthorization "Proxy-Authorization";
    ProxyRequire "Proxy-Require";
    RAck "RAck";
    Reason "Reason";
    RecordRoute "Record-Route";
    ReferTo "Refer-To" | b"r";
    ReferredBy "Referred-By" | b"b";
    Replaces "Replaces";
    Require "Require";
    RetryAfter "Retry-After";
    Route "Route";
    RSeq "RSeq";
    Server "Server";
    SessionExpires "Session-Expires" | b"x";
    Subject "Subject" | b"s";
    SubscriptionState "Subscription-State";
    Supported "Supported" | b"k";
    Timestamp "Timestamp";
    To "To" | b"t";
    Unsupported "Unsupported";
    UserAgent "User-Agent";
    Via "Via" | b"v";
    Warning "Warning";
    WwwAuthenticate "WWW-Authenticate";
}

/// [`FORMS`] by [`slot_of`]: one look and one comparison find a name.
static SLOTS: [(&[u8], Name); 256] = {
    let mut slots: [(&[u8], Name); 256] = [(b"", Name::Other); 256];
    let mut at = 0;
    while at < FORMS.len() {
        let slot = slot_of(FORMS[at].0);
        assert!(slots[slot].0.is_empty(), "two names in one slot: choose other factors");
        slots[slot] = FORMS[at];
        at += 1;
    }
    slots
};

/// Different for each of our names, in whatever case: no two agree in length and both end letters, and the factors,
/// found by trial, keep what differs apart.
const fn slot_of(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    let (first, last) = (first.to_ascii_lowercase() as usize, last.to_ascii_lowercase() as usize);
    (name.len() + 33 * first + 7 * last) % 256
}

impl Name {
    /// By long or compact form (RFC 3261 §7.3.3), in any case.
    pub(crate) fn from_bytes(name: &[u8]) -> Name {
        match SLOTS.get(slot_of(name)) {
            Some((form, known)) if *form == name || form.eq_ignore_ascii_case(name) => *known,
            _ => Name::Other,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One header line, unfolded.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    name: Name,
    written: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    pub fn name(&self) -> Name {
        self.name
    }

    /// The name as it is written.
    pub fn name_bytes(&self) -> &'a [u8] {
        self.written
    }

    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// Bytes that are not UTF-8 show as U+FFFD.
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.value)
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.written.eq_ignore_ascii_case(name)
    }
}

impl PartialEq for Field<'_> {
    fn eq(&self, other: &Field<'_>) -> bool {
        self.name == other.name && self.is_named(other.written) && self.value == other.value
    }
}

impl Eq for Field<'_> {}

/// Name and length: a value may hold numbers or credentials.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} octets", self.name_bytes().escape_ascii(), self.value.len())
    }
}

/// What the Contact headers say (RFC 3261 §20.10).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contacts {
    /// `*`: only in REGISTER, only with `Expires: 0`.
    Any,
    List(Vec<NameAddr>),
}

/// A line as [`Headers`] keep it.
#[derive(Clone)]
struct Line {
    name: Name,
    /// The value; where `name` is [`Name::Other`], the whole line.
    text: Excerpt,
    /// How long the name at the start of `text` is, and where the value begins. Zero for a name that we know.
    name_length: usize,
    value_at: usize,
}

/// All headers of a message in their order, but for Via, From, To, Call-ID, CSeq and Content-Length: those
/// are fields of the message itself.
#[derive(Clone, Default)]
pub struct Headers {
    /// What the lines that were read are excerpts of; empty where all are ours.
    message: Bytes,
    lines: Vec<Line>,
    /// The first Contact's address where a check of the lines has read it already.
    contact: Option<NameAddr>,
}

impl PartialEq for Headers {
    fn eq(&self, other: &Headers) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl Headers {
    pub(crate) fn with_capacity(lines: usize) -> Self {
        Headers { lines: Vec::with_capacity(lines), ..Headers::default() }
    }

    /// For lines of `message`.
    pub(crate) fn of(message: &Bytes) -> Self {
        Headers { message: message.clone(), ..Headers::with_capacity(16) }
    }

    /// A value of the message, under a name that we know.
    pub(crate) fn push_excerpt(&mut self, name: Name, value: Excerpt) {
        self.lines.push(Line { name, text: value, name_length: 0, value_at: 0 });
    }

    /// A line of the message under some other name, and where in it the name ends and the value begins.
    pub(crate) fn push_other(&mut self, line: Excerpt, name_length: usize, value_at: usize) {
        self.lines.push(Line { name: Name::Other, text: line, name_length, value_at });
    }

    /// Adds a line at the end. Line ends in `value` become spaces.
    pub fn push(&mut self, name: Name, value: impl Into<String>) {
        debug_assert!(name != Name::Other, "push_named names it");
        self.push_excerpt(name, Excerpt::Own(one_line(value.into().into_bytes())));
    }

    /// As [`push`](Self::push), the name as text. A name that is no token is not written (`false`), neither
    /// is one that the message itself holds (Via, From, To, Call-ID, CSeq, Content-Length).
    pub fn push_named(&mut self, name: &str, value: impl Into<String>) -> bool {
        match Name::from_bytes(name.as_bytes()) {
            known if !is_token(name.as_bytes()) || known.is_essential() => return false,
            Name::Other => {
                let line = one_line(format!("{name}: {}", value.into()).into_bytes());
                self.push_other(Excerpt::Own(line), name.len(), name.len() + 2);
            }
            known => self.push(known, value),
        }
        true
    }

    /// Replaces all lines of that name by one.
    pub fn set(&mut self, name: Name, value: impl Into<String>) {
        self.remove(name);
        self.push(name, value);
    }

    pub fn remove(&mut self, name: Name) {
        self.lines.retain(|line| line.name != name);
        if name == Name::Contact {
            self.contact = None;
        }
    }

    /// The lines of another message's headers of that name, in order (Record-Route into a response).
    pub fn copy_from(&mut self, other: &Headers, name: Name) {
        let lines = other.lines.iter().filter(|line| line.name == name);
        self.lines.extend(lines.map(|line| other.taken_out(line)));
    }

    /// All lines of another message's headers, in order, behind these.
    pub fn append(&mut self, other: &Headers) {
        self.lines.extend(other.lines.iter().map(|line| other.taken_out(line)));
    }

    /// A line as another message can have it.
    fn taken_out(&self, line: &Line) -> Line {
        Line { text: Excerpt::Own(line.text.bytes(&self.message)), ..*line }
    }

    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.lines.iter().map(|line| self.field(line))
    }

    fn field<'a>(&'a self, line: &'a Line) -> Field<'a> {
        let written = match line.name {
            Name::Other => line.text.text(&self.message).get(..line.name_length).unwrap_or_default(),
            known => known.as_str().as_bytes(),
        };
        Field { name: line.name, written, value: self.value_of(line) }
    }

    fn value_of<'a>(&'a self, line: &'a Line) -> &'a [u8] {
        line.text.text(&self.message).get(line.value_at..).unwrap_or_default()
    }

    fn lines_of(&self, name: Name) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn has(&self, name: Name) -> bool {
        self.value(name).is_some()
    }

    /// The first value of that name, as written.
    pub fn value(&self, name: Name) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The first value as text.
    pub fn text(&self, name: Name) -> Option<Cow<'_, str>> {
        self.value(name).map(String::from_utf8_lossy)
    }

    /// The first value of a header by its name as text, in any case, compact or long.
    pub fn named(&self, name: &str) -> Option<&[u8]> {
        match Name::from_bytes(name.as_bytes()) {
            Name::Other => self.iter().find(|field| field.is_named(name.as_bytes())).map(|field| field.value),
            known => self.value(known),
        }
    }

    /// Every line's value.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.lines_of(name).map(|line| self.value_of(line))
    }

    /// Every value of every line, split at the commas that separate, empty ones left out.
    pub fn list(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.all(name).flat_map(lexer::list).filter(|value| !value.is_empty())
    }

    /// Whether a list of tokens (Supported, Require, Allow, …) has `token`, in any case.
    pub fn lists(&self, name: Name, token: &str) -> bool {
        self.list(name).any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// A value of one decimal number. `None` where absent or not a number of 32 bits.
    pub fn number(&self, name: Name) -> Option<u32> {
        let value = self.value(name)?;
        // Parameters and comments may follow: `Retry-After: 120 (busy);duration=60`.
        let end = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
        match value.get(end) {
            None | Some(b';' | b'(' | b' ' | b'\t') => lexer::number(value.get(..end)?),
            Some(_) => None,
        }
    }

    /// A number of seconds: Expires, Min-Expires, Retry-After, Session-Expires, Min-SE.
    pub fn seconds(&self, name: Name) -> Option<Duration> {
        self.number(name).map(|s| Duration::from_secs(s.into()))
    }

    /// Addresses of Contact, Route, Record-Route, P-Asserted-Identity, Refer-To, … . Errors where one is
    /// malformed.
    pub fn addresses(&self, name: Name) -> Result<Vec<NameAddr>, BadHeader> {
        let found = self.address_values(name).map(|(owner, value)| NameAddr::from_parsed(owner, value));
        found.collect::<Result<_, Invalid>>().map_err(|Invalid| BadHeader(name))
    }

    /// Whether that can be read which every endpoint acts on in a request: Max-Forwards, and what
    /// [`addresses`](Self::addresses), or [`contacts`](Self::contacts) for Contact, is asked for. Names what cannot.
    pub(crate) fn check(&mut self) -> Result<(), BadHeader> {
        let any = self.value(Name::Contact) == Some(b"*");
        let mut contact = None;
        for line in &self.lines {
            let mut values = self.values_of(line);
            let readable = match line.name {
                Name::MaxForwards => self.number(Name::MaxForwards).is_some_and(|hops| hops <= 255),
                Name::Contact if !any => values.all(|value| match &contact {
                    Some(_) => NameAddr::check(value).is_ok(),
                    None => {
                        contact = NameAddr::from_parsed(line.text.owner(&self.message), value).ok();
                        contact.is_some()
                    }
                }),
                Name::Route | Name::RecordRoute => values.all(|value| NameAddr::check(value).is_ok()),
                _ => true,
            };
            if !readable {
                return Err(BadHeader(line.name));
            }
        }
        self.contact = contact;
        Ok(())
    }

    fn address_values(&self, name: Name) -> impl Iterator<Item = (&Bytes, &[u8])> {
        self.lines_of(name).flat_map(|line| {
            let owner = line.text.owner(&self.message);
            self.values_of(line).map(move |value| (owner, value))
        })
    }

    /// A header without any value is as good as absent; an empty value among others is a mistake.
    fn values_of<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = &'a [u8]> {
        let value = self.value_of(line);
        lexer::list(value).filter(|_| !value.is_empty())
    }

    pub fn contacts(&self) -> Result<Contacts, BadHeader> {
        if self.all(Name::Contact).any(|value| value == b"*") {
            // A `*` beside an address means nothing (RFC 3261 §10.3 step 6).
            let alone = self.all(Name::Contact).count() == 1;
            return if alone { Ok(Contacts::Any) } else { Err(BadHeader(Name::Contact)) };
        }
        self.addresses(Name::Contact).map(Contacts::List)
    }

    /// The first Contact's address: a dialog's remote target.
    pub fn contact(&self) -> Option<NameAddr> {
        if let Some(read) = &self.contact {
            return Some(read.clone());
        }
        let (owner, value) = self.address_values(Name::Contact).next()?;
        NameAddr::from_parsed(owner, value).ok()
    }

    /// `type/subtype` in lower case, without parameters.
    pub fn content_type(&self) -> Option<String> {
        let value = self.value(Name::ContentType)?;
        let kind = value.split(|&b| b == b';').next()?;
        let kind: Vec<u8> =
            kind.iter().filter(|&&b| !lexer::is_space(b)).map(u8::to_ascii_lowercase).collect();
        String::from_utf8(kind).ok()
    }

    /// The parameters of the first value of a header such as Session-Expires, Replaces or Content-Type.
    pub fn params(&self, name: Name) -> Option<Params> {
        let line = self.lines_of(name).next()?;
        let value = self.value_of(line);
        let at = value.iter().position(|&b| b == b';')?;
        Params::parse(line.text.owner(&self.message), value.get(at..)?).ok()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for field in self.iter() {
            out.extend_from_slice(field.written);
            out.extend_from_slice(b": ");
            out.extend_from_slice(field.value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl Name {
    /// Held by the message itself, never in [`Headers`].
    pub(crate) fn is_essential(self) -> bool {
        matches!(self, Name::Via | Name::From | Name::To | Name::CallId | Name::CSeq | Name::ContentLength)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A header whose value the grammar does not allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bad {0}")]
pub struct BadHeader(pub Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_and_compact() {
        for &name in ALL {
            assert_eq!(Name::from_bytes(name.as_str().to_ascii_uppercase().as_bytes()), name);
        }
        assert_eq!(Name::from_bytes(b"V"), Name::Via);
        assert_eq!(Name::from_bytes(b""), Name::Other);
        assert_eq!(Name::from_bytes(b"CxxxxxD"), Name::Other, "length and end letters of Call-ID");
        assert_eq!(Name::from_bytes(b"x-something"), Name::Other);
        assert_eq!(Name::from_bytes(&[b'a'; 100]), Name::Other);
    }
}
