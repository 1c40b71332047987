//! Text to [`Session`].

use super::{Attribute, Connection, Media, Origin, Session};

/// Why a description cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("not a session description")]
    NotSdp,
    /// Streams are answered one by one in their order, so that none may be skipped.
    #[error("malformed stream in line {line}")]
    BadMedia { line: usize },
    #[error("more than {limit} streams")]
    TooManyStreams { limit: usize },
}

/// Phones send one to four.
const MAX_STREAMS: usize = 32;

/// Reads a description. Lines may end in CRLF, LF or CR; unknown and malformed lines other than `m=` are skipped,
/// and what RFC 8866 requires (`v=`, `o=`, `s=`, `t=`) may be missing.
pub fn parse(text: &[u8]) -> Result<Session, SdpError> {
    let text = String::from_utf8_lossy(text);
    let mut session = Session::default();
    let mut lines = 0;
    for (at, line) in text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let Some((kind, value)) = line.split_once('=') else { continue };
        let value = value.trim_start();
        match kind {
            "o" => session.origin = origin(value),
            "c" => {
                let place = match session.media.last_mut() {
                    Some(media) => &mut media.connection,
                    None => &mut session.connection,
                };
                // The first of several: the others are layers of a multicast (RFC 8866 §5.7).
                if place.is_none() {
                    *place = connection(value);
                }
            }
            "a" => {
                let attributes = match session.media.last_mut() {
                    Some(media) => &mut media.attributes,
                    None => &mut session.attributes,
                };
                attributes.push(attribute(value));
            }
            "m" => {
                if session.media.len() == MAX_STREAMS {
                    return Err(SdpError::TooManyStreams { limit: MAX_STREAMS });
                }
                session.media.push(media(value).ok_or(SdpError::BadMedia { line: at + 1 })?);
            }
            "v" | "s" | "t" | "i" | "u" | "e" | "p" | "b" | "r" | "z" | "k" => {}
            _ => continue,
        }
        lines += 1;
    }
    if lines == 0 { Err(SdpError::NotSdp) } else { Ok(session) }
}

/// `username sess-id sess-version nettype addrtype unicast-address`
fn origin(value: &str) -> Option<Origin> {
    let mut words = value.split_ascii_whitespace();
    Some(Origin {
        user: words.next()?.to_owned(),
        session_id: words.next()?.to_owned(),
        version: words.next()?.to_owned(),
        address: address(words)?,
    })
}

/// `nettype addrtype connection-address`
fn connection(value: &str) -> Option<Connection> {
    address(value.split_ascii_whitespace())
}

/// `IN IP4 192.0.2.1`, with or without `/ttl` behind it.
pub(super) fn address<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Connection> {
    let _net = words.next()?;
    let family = words.next()?.to_owned();
    let address = words.next()?.split('/').next()?.trim();
    // `IN IP4 /127` names nothing: as if the line were not there.
    (!address.is_empty()).then(|| Connection { family, address: address.to_owned() })
}

fn attribute(value: &str) -> Attribute {
    match value.split_once(':') {
        Some((name, value)) => {
            Attribute { name: name.trim_end().to_owned(), value: Some(value.trim_start().to_owned()) }
        }
        None => Attribute { name: value.to_owned(), value: None },
    }
}

/// `media port[/ports] proto fmt …`
fn media(value: &str) -> Option<Media> {
    let mut words = value.split_ascii_whitespace();
    let kind = words.next()?.to_owned();
    let port = words.next()?.split('/').next()?.parse().ok()?;
    let protocol = words.next()?.to_owned();
    let formats = words.map(str::to_owned).collect();
    Some(Media { kind, port, protocol, formats, connection: None, attributes: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn line_ends_unknown_lines_and_what_is_missing() {
        let text = "v=0\no=- 1 2 IN IP4 192.0.2.1\rx=unknown\r\nnonsense\n\n c = odd\nc=IN IP4 192.0.2.9/127\n\
                    m=audio 4000/2 RTP/AVP 0 8\na=sendonly\nc=IN IP6 2001:db8::1\nm=video 0 RTP/AVP 31";
        let session = parse(text.as_bytes()).expect("parsed");
        let connection = |family: &str, address: &str| Connection {
            family: family.to_owned(),
            address: address.to_owned(),
        };
        assert_eq!(session.connection, Some(connection("IP4", "192.0.2.9")));
        let [audio, video] = &session.media[..] else { panic!("{:?}", session.media) };
        assert_eq!((audio.port, audio.formats.join(" ").as_str()), (4000, "0 8"));
        assert_eq!(session.connection(audio), Some(&connection("IP6", "2001:db8::1")));
        assert_eq!(session.connection(video), Some(&connection("IP4", "192.0.2.9")));
        assert_eq!(video.port, 0);
        assert_eq!(parse(b"v=0\r\nc=IN IP4 /127\r\n").map(|session| session.connection), Ok(None));
    }

    #[test]
    fn what_cannot_be_used() {
        assert_eq!(parse(b""), Err(SdpError::NotSdp));
        assert_eq!(parse(b"hello, world\r\nHTTP=yes"), Err(SdpError::NotSdp));
        for bad in ["m=audio", "m=audio 70000 RTP/AVP 0", "m=audio x RTP/AVP 0", "m=audio 1", "m="] {
            assert_eq!(
                parse(format!("v=0\r\n{bad}\r\n").as_bytes()),
                Err(SdpError::BadMedia { line: 2 }),
                "{bad}"
            );
        }
        let many = "m=audio 1 RTP/AVP 0\n".repeat(33);
        assert_eq!(parse(many.as_bytes()), Err(SdpError::TooManyStreams { limit: 32 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_printed_is_read_again(lines in proptest::collection::vec(
            "[vocmabtsk]=(IN IP4 [0-9.]{1,9}|audio [0-9]{1,4} RTP/AVP( [0-9]{1,3}){0,4}|[a-z]{1,8}(:[ -~]{0,9})?|- [0-9] [0-9] IN IP6 [0-9a-f:]{1,9})", 0..12)
        ) {
            if let Ok(session) = parse(lines.join("\r\n").as_bytes()) {
                let again = parse(session.to_string().as_bytes());
                prop_assert_eq!(again, Ok(session));
            }
        }
    }
}
