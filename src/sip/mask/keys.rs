//! Keys of SRTP: nobody who reads messages needs them, and with one of them every packet of the call can be heard.

use std::borrow::Cow;

/// The message with its keys (`a=crypto`, RFC 4568) overwritten, as long as it was; all else untouched.
pub fn without_keys(message: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Cow::Borrowed(message);
    let mut start = 0;
    for line in message.split(|octet| matches!(octet, b'\r' | b'\n')) {
        if is_crypto(line) {
            let fresh = out.to_mut();
            for (at, word) in words(line) {
                let key = method(word).map(|method| start + at + method..start + at + word.len());
                if let Some(key) = key.and_then(|key| fresh.get_mut(key)) {
                    key.fill(b'*');
                }
            }
        }
        start += line.len() + 1;
    }
    out
}

/// Blanks before the name and the value are what the reader of descriptions takes as well.
fn is_crypto(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let value = line.strip_prefix(b"a=").or_else(|| line.strip_prefix(b"A=")).unwrap_or_default();
    value.trim_ascii_start().get(..6).is_some_and(|name| name.eq_ignore_ascii_case(b"crypto"))
}

/// Each with its place.
fn words(line: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    line.split(u8::is_ascii_whitespace).map(move |word| {
        let at = start;
        start += word.len() + 1;
        (at, word)
    })
}

/// How long `inline:` is, where a key follows it.
fn method(word: &[u8]) -> Option<usize> {
    const INLINE: &[u8] = b"inline:";
    word.windows(INLINE.len()).position(|part| part.eq_ignore_ascii_case(INLINE)).map(|at| at + INLINE.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_and_nothing_else_changes() {
        let message = "INVITE sip:1@h SIP/2.0\r\nSubject: a=crypto\r\n\r\n\
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZi|2^20|1:4 WSH=64\r\n\
            a=Crypto: 2 X INLINE:abc;inline:def\na=rtpmap:8 inline:8\r\n a= crypto:3 X\tinline:k";
        let expected = message
            .replace("d0RmdmcmVCspeEc3QGZi|2^20|1:4", &"*".repeat(29))
            .replace("abc;inline:def", &"*".repeat(14))
            .replace("inline:k", "inline:*");
        assert_eq!(String::from_utf8_lossy(&without_keys(message.as_bytes())), expected);
        assert!(matches!(without_keys(b"a=rtpmap:0 PCMU/8000\r\n"), Cow::Borrowed(_)));
    }
}
