//! Ranges of bytes: the smallest pieces of RFC 3261 §25.1. Nothing here allocates, but for unescaping.

use std::borrow::Cow;

/// What was read is not what the grammar allows. Where and what is the caller's to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Invalid;

/// Something at the start of a text, and what follows it.
pub(crate) type Scanned<'a, T> = Result<(T, &'a [u8]), Invalid>;

/// A parameter's name and its value as written.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

const TOKEN: u8 = 1;
const HOST: u8 = 2;
const SPACE: u8 = 4;
/// Neither in a URI nor, but for quotes, around one: controls, spaces, `<`, `>`, `"`.
const NOT_URI: u8 = 8;
/// Ends a parameter's value, or cannot be in one: `;`, spaces, controls, `"`, `<`, `>`, `,`.
const NOT_VALUE: u8 = 16;
const AT: u8 = 32;
const QUESTION: u8 = 64;

/// One table look-up a byte instead of a chain of comparisons.
static CLASS: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut at = 0;
    while at < 256 {
        let c = at as u8;
        if c.is_ascii_alphanumeric() {
            table[at] = TOKEN | HOST;
        } else {
            table[at] = match c {
                b'-' | b'.' | b'_' => TOKEN | HOST,
                b'!' | b'%' | b'*' | b'+' | b'`' | b'\'' | b'~' => TOKEN,
                b' ' | b'\t' => SPACE | NOT_URI | NOT_VALUE,
                b'"' | b'<' | b'>' | 0..=b' ' | 0x7f => NOT_URI | NOT_VALUE,
                b',' | b';' => NOT_VALUE,
                b'@' => AT,
                b'?' => QUESTION,
                _ => 0,
            };
        }
        at += 1;
    }
    table
};

fn is(class: u8, byte: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

pub(crate) fn is_space(byte: u8) -> bool {
    is(SPACE, byte)
}

/// A non-empty `token` of RFC 3261 §25.1.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is(TOKEN, b))
}

/// A host name at the start of `text`, perhaps empty, and what follows it: letters, digits, `-`, `.` and the `_`
/// that real networks use.
pub(crate) fn host_name(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|&b| !is(HOST, b)).unwrap_or(text.len()))
}

/// What stands somewhere in a URI: one pass finds what need not be looked for afterwards.
#[derive(Clone, Copy)]
pub(crate) struct Marks {
    /// `@`
    pub(crate) at: bool,
    /// `?`
    pub(crate) question: bool,
}

impl Marks {
    /// `None` for bytes that no URI can hold (RFC 3986 §2; bytes above ASCII are taken).
    pub(crate) fn of_uri(text: &[u8]) -> Option<Marks> {
        let classes = text.iter().fold(0, |classes, &byte| classes | CLASS[usize::from(byte)]);
        let has = |class| classes & class != 0;
        (!has(NOT_URI)).then(|| Marks { at: has(AT), question: has(QUESTION) })
    }
}

pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_end(skip_space(text))
}

pub(crate) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// At the first `separator`; `None` where there is none.
pub(crate) fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The first token and the rest behind it.
pub(crate) fn token(text: &[u8]) -> Scanned<'_, &[u8]> {
    let end = text.iter().position(|&b| !is(TOKEN, b)).unwrap_or(text.len());
    if end == 0 {
        return Err(Invalid);
    }
    text.split_at_checked(end).ok_or(Invalid)
}

/// A decimal number of at most 32 bits (RFC 3261 §8.1.1.5: a larger one is an error, never a wrapped one).
pub(crate) fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let mut value = 0u32;
    for &byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?;
    }
    Some(value)
}

/// The quoted string at the start of `text`, quotes included, and what follows it.
pub(crate) fn quoted(text: &[u8]) -> Scanned<'_, &[u8]> {
    if text.first() != Some(&b'"') {
        return Err(Invalid);
    }
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return text.split_at_checked(at + 1).ok_or(Invalid),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Err(Invalid)
}

/// Without the quotes and escapes of a quoted string; other text as it is.
pub(crate) fn unquote(text: &[u8]) -> Cow<'_, str> {
    let [b'"', inner @ .., b'"'] = text else {
        return String::from_utf8_lossy(text);
    };
    if !inner.contains(&b'\\') {
        return String::from_utf8_lossy(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(if byte == b'\\' { *bytes.next().unwrap_or(&b'\\') } else { byte });
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

/// `text` as a quoted string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // RFC 3261 §25.1 has no control characters in `qdtext`.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// One `;name[=value]` at the start of `text`: name, raw value (empty without `=`), and what follows.
pub(crate) fn param(text: &[u8]) -> Scanned<'_, Pair<'_>> {
    let [b';', rest @ ..] = text else { return Err(Invalid) };
    let (name, rest) = token(skip_space(rest))?;
    let rest = skip_space(rest);
    let [b'=', rest @ ..] = rest else { return end_of_param((name, &[]), rest) };
    let rest = skip_space(rest);
    if rest.first() == Some(&b'"') {
        let (value, rest) = quoted(rest)?;
        return end_of_param((name, value), skip_space(rest));
    }
    // `a=` alone is tolerated: some phones send `;user=`. Delimiters of the surrounding grammar are not: they are
    // neither the end nor a `;`.
    let end = rest.iter().position(|&b| is(NOT_VALUE, b)).unwrap_or(rest.len());
    let (value, rest) = rest.split_at_checked(end).ok_or(Invalid)?;
    end_of_param((name, value), skip_space(rest))
}

/// The raw value of `name`, in any case, in a list that is known to be well formed: only the ends of its entries
/// are looked for.
pub(crate) fn value_of_param<'a>(list: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = list.strip_prefix(b";")?;
    loop {
        let (entry, behind) = until_semicolon(rest);
        if let Some((found, value)) = skip_space(entry).split_at_checked(name.len())
            && found.eq_ignore_ascii_case(name)
        {
            match skip_space(value) {
                [] => return Some(&[]),
                [b'=', value @ ..] => return Some(trim(value)),
                // A longer name.
                _ => {}
            }
        }
        rest = behind?;
    }
}

/// At the first `;` that is not quoted; `None` where there is none.
fn until_semicolon(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b';', b'"', rest) {
        let (_, found) = rest.split_at(at);
        if let [b';', behind @ ..] = found {
            return (text.get(..text.len() - found.len()).unwrap_or(text), Some(behind));
        }
        let Ok((_, behind)) = quoted(found) else { break };
        rest = behind;
    }
    (text, None)
}

fn end_of_param<'a>(pair: Pair<'a>, rest: &'a [u8]) -> Scanned<'a, Pair<'a>> {
    if rest.is_empty() || rest.first() == Some(&b';') { Ok((pair, rest)) } else { Err(Invalid) }
}

pub(crate) fn skip_space(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    text
}

/// The values of a comma-separated header: commas in quoted strings and in `<…>` do not separate. Pieces are
/// trimmed and may be empty; an unbalanced quote or bracket leaves its piece whole, for its own parser to
/// refuse.
pub(crate) fn list(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        // Most headers hold one value.
        if memchr::memchr(b',', text).is_none() {
            rest = None;
            return Some(trim(text));
        }
        let (mut at, mut angle) = (0, false);
        while let Some(&byte) = text.get(at) {
            match byte {
                b'"' if !angle => match quoted(text.get(at..)?) {
                    Ok((q, _)) => at += q.len() - 1,
                    Err(Invalid) => at = text.len(),
                },
                b'<' => angle = true,
                b'>' => angle = false,
                b',' if !angle => break,
                _ => {}
            }
            at += 1;
        }
        rest = text.get(at + 1..);
        // A piece at the very end leaves an empty rest, which is the end and not one more piece.
        if at >= text.len() {
            rest = None;
        }
        Some(trim(text.get(..at).unwrap_or(text)))
    })
}

/// Percent-escapes decoded once (RFC 3261 §19.1.2); `%` without two hex digits stays.
pub(crate) fn unescape(text: &[u8]) -> Cow<'_, str> {
    if !text.contains(&b'%') {
        return String::from_utf8_lossy(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Cow::Owned(String::from_utf8_lossy(&plain).into_owned()),
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                plain.push(hex(*high) << 4 | hex(*low));
                after
            }
            [byte, after @ ..] => {
                plain.push(*byte);
                after
            }
        };
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_wrap() {
        assert_eq!(number(b"0009"), Some(9));
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
    }

    #[test]
    fn commas_separate_only_outside_quotes_and_brackets() {
        let pieces = |text: &'static str| {
            list(text.as_bytes()).map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(pieces(r#""A, \"B" <sip:a,b@c>, <sip:d>"#), [r#""A, \"B" <sip:a,b@c>"#, "<sip:d>"]);
        assert_eq!(pieces("a"), ["a"]);
        assert_eq!(pieces(""), [""]);
        assert_eq!(pieces("a,"), ["a", ""]);
        assert_eq!(pieces(r#""a, b"#), [r#""a, b"#]);
    }

    #[test]
    fn quoting_is_undone_by_unquoting() {
        for text in ["", "plain", r#"a "b" \c"#, "王小明"] {
            assert_eq!(unquote(quote(text).as_bytes()), text);
        }
        assert_eq!(unquote(b"\"a\\\"b\""), "a\"b");
        assert_eq!(quote("a\r\nb"), "\"a  b\"");
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(unescape(b"a%2541%zz%4"), "a%41%zz%4");
        assert_eq!(unescape(b"null-%00-null"), "null-\0-null");
    }

    #[test]
    fn parameters_need_names_and_keep_quoted_semicolons() {
        assert_eq!(param(b"; a = \"x;y\" ;b"), Ok(((&b"a"[..], &b"\"x;y\""[..]), &b";b"[..])));
        assert_eq!(param(b";lr"), Ok(((&b"lr"[..], &b""[..]), &b""[..])));
        assert_eq!(param(b";;a"), Err(Invalid));
        assert_eq!(param(b";a=b c"), Err(Invalid));
    }
}
