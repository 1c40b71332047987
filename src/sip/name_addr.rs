//! `"Display" <uri>;params`: what From, To, Contact, Route and their like are made of (RFC 3261 §20.10).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::uri::{Parts, Uri};
use super::wire::{Invalid, Params, Text, lexer};
use crate::base::Masked;

/// An address with the name that is shown for it and the parameters of its header. Cloning does not allocate.
/// `Debug` and `Display` mask name and user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameAddr {
    /// As written, quotes included.
    display: Text,
    pub uri: Uri,
    /// Of the header, not of the URI: `tag`, `expires`, `q`.
    pub params: Params,
}

impl NameAddr {
    pub fn new(uri: Uri) -> Self {
        NameAddr { display: Text::default(), uri, params: Params::default() }
    }

    /// One value of a header, as [`to_value`](Self::to_value) writes it. `None` where the grammar does not allow it.
    pub fn parse(value: &str) -> Option<Self> {
        let bytes = Bytes::copy_from_slice(value.as_bytes());
        NameAddr::from_parsed(&bytes, &bytes).ok()
    }

    /// With the name to show, in any script; quoted where it is written.
    pub fn with_display(mut self, name: &str) -> Self {
        self.display = if name.is_empty() { Text::default() } else { Text::from(lexer::quote(name)) };
        self
    }

    /// With `;name=value` added or replaced.
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.params.set(name, value);
        self
    }

    /// Without the parameter of this name.
    pub fn without_param(mut self, name: &str) -> Self {
        self.params.remove(name);
        self
    }

    pub fn with_tag(self, tag: &Text) -> Self {
        let value = tag.to_str().into_owned();
        self.with_param("tag", &value)
    }

    /// `value`, a slice of `owner`, is one value: trimmed, without line ends.
    pub(crate) fn from_parsed(owner: &Bytes, value: &[u8]) -> Result<Self, Invalid> {
        let Pieces { display, uri, params } = Pieces::of(value)?;
        Ok(NameAddr {
            display: Text::from_parsed(owner.slice_ref(display)),
            uri: Uri::from_parsed(owner.slice_ref(uri))?,
            params: Params::parse(owner, params)?,
        })
    }

    /// Whether [`from_parsed`](Self::from_parsed) would succeed.
    pub(crate) fn check(value: &[u8]) -> Result<(), Invalid> {
        let Pieces { uri, params, .. } = Pieces::of(value)?;
        Parts::of(uri)?;
        Params::check(params)
    }

    /// The name to show, without quotes and escapes. Confidential.
    pub fn display_name(&self) -> Option<Cow<'_, str>> {
        (!self.display.is_empty()).then(|| lexer::unquote(self.display.as_bytes()))
    }

    /// The dialog's tag (RFC 3261 §19.3). `None` also where it is empty.
    pub fn tag(&self) -> Option<Text> {
        self.params.text("tag")
    }

    pub fn set_tag(&mut self, tag: &Text) {
        self.params.set("tag", &tag.to_str());
    }

    /// As a header's value. The URI always stands in `<>`: nobody can then mistake whose a parameter is.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if !self.display.is_empty() {
            out.extend_from_slice(self.display.as_bytes());
            out.push(b' ');
        }
        out.push(b'<');
        out.extend_from_slice(self.uri.as_bytes());
        out.push(b'>');
        out.extend_from_slice(self.params.as_bytes());
    }

    /// As a header's value, for [`Headers::push`](super::Headers::push). Bytes that are not UTF-8 are
    /// replaced.
    pub fn to_value(&self) -> String {
        let mut out = Vec::with_capacity(96);
        self.encode(&mut out);
        String::from_utf8(out).unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned())
    }
}

struct Pieces<'a> {
    display: &'a [u8],
    uri: &'a [u8],
    params: &'a [u8],
}

impl<'a> Pieces<'a> {
    fn of(value: &'a [u8]) -> Result<Self, Invalid> {
        let (display, rest) = display_part(value)?;
        if let [b'<', inside @ ..] = rest {
            let at = memchr::memchr(b'>', inside).ok_or(Invalid)?;
            let (uri, behind) = (inside.get(..at).ok_or(Invalid)?, inside.get(at + 1..).ok_or(Invalid)?);
            return Ok(Pieces { display, uri, params: lexer::trim(behind) });
        }
        // Without brackets a `;` begins the header's parameters (RFC 3261 §20), and `?` or `,` cannot be told
        // from what follows the address.
        let end = rest.iter().position(|&b| b == b';').unwrap_or(rest.len());
        let (uri, params) = rest.split_at_checked(end).ok_or(Invalid)?;
        if uri.iter().any(|&b| matches!(b, b'?' | b',')) {
            return Err(Invalid);
        }
        Ok(Pieces { display, uri: lexer::trim(uri), params: lexer::trim(params) })
    }
}

/// The display name as written, and the rest from `<` or from the URI on.
fn display_part(raw: &[u8]) -> Result<(&[u8], &[u8]), Invalid> {
    if raw.first() == Some(&b'"') {
        let (name, rest) = lexer::quoted(raw)?;
        let rest = lexer::skip_space(rest);
        return if rest.first() == Some(&b'<') { Ok((name, rest)) } else { Err(Invalid) };
    }
    let Some(at) = memchr::memchr(b'<', raw) else {
        return Ok((raw.get(..0).unwrap_or(raw), raw));
    };
    let (name, rest) = raw.split_at_checked(at).ok_or(Invalid)?;
    let name = lexer::trim(name);
    // Tokens by the grammar; in practice also other scripts without quotes, brackets, dots and colons. What
    // would let one value pass for two is refused (RFC 4475 §3.1.2.15).
    if name.iter().any(|&b| b < b' ' && b != b'\t' || matches!(b, b'"' | b',' | b';' | b'>' | 0x7f)) {
        return Err(Invalid);
    }
    Ok((name, rest))
}

impl From<Uri> for NameAddr {
    fn from(uri: Uri) -> Self {
        NameAddr::new(uri)
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.display_name() {
            write!(f, "\"{}\" ", Masked::new(name.escape_debug().to_string()))?;
        }
        write!(f, "<{}>", self.uri)
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{:?}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_an_address() {
        let read = |text: &'static str| {
            let bytes = Bytes::from_static(text.as_bytes());
            let found = NameAddr::from_parsed(&bytes, &bytes);
            assert_eq!(found.is_ok(), NameAddr::check(&bytes).is_ok());
            found.map(|a| (a.display_name().unwrap_or_default().into_owned(), a.tag(), a.to_value()))
        };
        let ok = |name: &str, tag: Option<&'static str>, written: &str| {
            Ok((name.to_owned(), tag.map(Text::from_static), written.to_owned()))
        };
        assert_eq!(read("sip:a@h;tag=1"), ok("", Some("1"), "<sip:a@h>;tag=1"));
        assert_eq!(read("<sip:a@h;x>;tag=1"), ok("", Some("1"), "<sip:a@h;x>;tag=1"));
        assert_eq!(read("caller<sip:a@h>"), ok("caller", None, "caller <sip:a@h>"));
        assert_eq!(
            read("\"a <b>, \\\"c\\\"\" <sip:a@h>"),
            ok("a <b>, \"c\"", None, "\"a <b>, \\\"c\\\"\" <sip:a@h>")
        );
        assert_eq!(read("王 小明 <sip:a@h>"), ok("王 小明", None, "王 小明 <sip:a@h>"));
        for bad in [
            "",
            "<>",
            "<sip:a@h",
            "\"a <sip:a@h>",
            "Bell, A <sip:a@h>",
            "sip:a@h?x=y",
            "<sip:a@h>x",
            "\"a\" sip:a@h",
        ] {
            assert_eq!(read(bad), Err(Invalid), "{bad}");
        }
    }

    #[test]
    fn names_and_numbers_are_not_shown() {
        let caller = NameAddr::new(Uri::parse("sip:13812345678@h").unwrap())
            .with_display("王小明")
            .with_param("tag", "x");
        assert_eq!(caller.to_value(), "\"王小明\" <sip:13812345678@h>;tag=x");
        assert_eq!(format!("{caller:?}"), "\"***\" <sip:13*******78@h>;tag");
    }
}
