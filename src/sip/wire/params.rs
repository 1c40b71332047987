//! `;name=value` lists, as they stand behind addresses, Vias and media types.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::lexer::{self, Invalid, Pair};
use super::text::{Text, one_line};

/// The parameters of a header value or a URI (RFC 3261 §25.1 `generic-param`): kept as written, looked up by
/// scanning, because nearly every list has under five entries and most of them are never asked for.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params(Bytes);

impl Params {
    /// `raw`, a slice of `owner`, begins with `;` or is empty. Empty entries (`;;`) are an error, because
    /// they hide where a value ends (RFC 4475 §3.1.2.1).
    pub(crate) fn parse(owner: &Bytes, raw: &[u8]) -> Result<Self, Invalid> {
        Params::check(raw)?;
        Ok(Params(owner.slice_ref(raw)))
    }

    /// The entries before the first malformed one, and whether there is a malformed one.
    pub(crate) fn parse_prefix(owner: &Bytes, raw: &[u8]) -> (Self, Result<(), Invalid>) {
        let good = well_formed(raw);
        let all = if good.len() == raw.len() { Ok(()) } else { Err(Invalid) };
        (Params(owner.slice_ref(good)), all)
    }

    /// Whether [`parse`](Self::parse) would succeed.
    pub(crate) fn check(raw: &[u8]) -> Result<(), Invalid> {
        if well_formed(raw).len() == raw.len() { Ok(()) } else { Err(Invalid) }
    }

    /// The value of `name` (in any case) as written, quotes included; empty where there is no `=`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        lexer::value_of_param(&self.0, name.as_bytes())
    }

    /// As [`get`](Self::get), sharing this list's memory. `None` also where the value is empty.
    pub fn text(&self, name: &str) -> Option<Text> {
        let value = self.get(name)?;
        (!value.is_empty()).then(|| Text::from_parsed(self.0.slice_ref(value)))
    }

    /// The value without quotes and escapes; not UTF-8 shows as U+FFFD.
    pub fn unquoted(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(lexer::unquote)
    }

    /// The value as a decimal number. `None` where it is absent or not a number that fits.
    pub fn number(&self, name: &str) -> Option<u32> {
        lexer::number(self.get(name)?)
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets or replaces. An empty `value` writes the bare name. `name` and `value` are ours, so they are
    /// tokens, hosts or quoted strings; line ends become spaces all the same.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        let mut raw = Vec::with_capacity(self.0.len() + name.len() + value.len() + 2);
        raw.extend_from_slice(&self.0);
        raw.push(b';');
        raw.extend_from_slice(name.as_bytes());
        if !value.is_empty() {
            raw.push(b'=');
            raw.extend_from_slice(value.as_bytes());
        }
        self.0 = one_line(raw);
    }

    pub fn remove(&mut self, name: &str) {
        if !self.has(name) {
            return;
        }
        let mut raw = Vec::with_capacity(self.0.len());
        for (n, value) in self.iter().filter(|(n, _)| !n.eq_ignore_ascii_case(name.as_bytes())) {
            raw.push(b';');
            raw.extend_from_slice(n);
            if !value.is_empty() {
                raw.push(b'=');
                raw.extend_from_slice(value);
            }
        }
        self.0 = Bytes::from(raw);
    }

    /// Names and raw values in the order written.
    pub fn iter(&self) -> impl Iterator<Item = Pair<'_>> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (pair, after) = lexer::param(rest).ok()?;
            rest = after;
            Some(pair)
        })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Parameters of one list. The longest of everyday life is a mobile phone's Contact with about twenty; comparing
/// two URIs costs the product of theirs.
const MOST_PARAMS: usize = 64;

fn well_formed(raw: &[u8]) -> &[u8] {
    let mut rest = raw;
    for _ in 0..MOST_PARAMS {
        match lexer::param(rest) {
            Ok((_, after)) => rest = after,
            Err(Invalid) => break,
        }
    }
    raw.get(..raw.len() - rest.len()).unwrap_or(raw)
}

/// Names only: values may hold numbers.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, _) in self.iter() {
            write!(f, ";{}", name.escape_ascii())?;
        }
        Ok(())
    }
}
