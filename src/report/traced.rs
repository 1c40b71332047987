//! One SIP message in a few words, for ladders and traces.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::base::{CallId, Wall};
use crate::sdp::{self, Direction};
use crate::sip::{Framing, Limits, Message, Method, ParseError, Text, Transport};

/// A message that came or went, with nothing of the customer's in the clear. What leaves the daemon for a ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traced {
    pub at: Wall,
    /// From the hotline to the peer.
    pub sent: bool,
    /// `UDP`, `TLS` …
    pub transport: String,
    pub peer: SocketAddr,
    /// Who the peer is in the call: a trunk, an agent's extension. `None` outside calls.
    pub party: Option<String>,
    pub call: Option<CallId>,
    /// `INVITE 1`, `200 INVITE 1`.
    pub what: String,
    /// 100 to 699 for a response.
    pub status: Option<u16>,
    /// `PCMA PCMU sendonly`.
    pub sdp: Option<String>,
    /// The same octets went the same way before.
    pub again: bool,
    /// The whole message, where it was asked for.
    pub detail: Option<String>,
}

/// What a message is about, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gist {
    pub method: Method,
    pub status: Option<u16>,
    pub cseq: u32,
    /// Its To has a tag: within a dialog, or an answer that made one.
    pub in_dialog: bool,
    pub call_id: Text,
    pub sdp: Option<Session>,
}

/// The first stream of a session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// As the description lists them, without telephone-event.
    pub codecs: Vec<String>,
    pub direction: Direction,
}

/// As it came from a datagram or a stream: who traces has the whole message either way.
pub fn parse(bytes: Bytes) -> Result<Message, ParseError> {
    Message::parse(bytes, Framing::Datagram, &Limits::default())
}

/// More codecs than these say nothing more to a reader.
const CODECS: usize = 3;

impl Gist {
    pub fn of(message: &Message) -> Gist {
        let tagged = |address: &crate::sip::NameAddr| address.tag().is_some();
        match message {
            Message::Request(request) => Gist {
                method: request.method.clone(),
                status: None,
                cseq: request.cseq,
                in_dialog: tagged(&request.to),
                call_id: request.call_id.clone(),
                sdp: Session::of(&request.body),
            },
            Message::Response(response) => Gist {
                method: response.cseq.method.clone(),
                status: Some(response.status),
                cseq: response.cseq.number,
                in_dialog: tagged(&response.to),
                call_id: response.call_id.clone(),
                sdp: Session::of(&response.body),
            },
        }
    }
}

/// `INVITE 1`, `re-INVITE 2`, `200 INVITE 1`.
impl fmt::Display for Gist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        } else if self.method == Method::Invite && self.in_dialog {
            f.write_str("re-")?;
        }
        match &self.method {
            // A peer's own word could be a number, or as long as a message.
            Method::Other(_) => f.write_str("unknown method")?,
            method => write!(f, "{method}")?,
        }
        write!(f, " {}", self.cseq)
    }
}

impl Session {
    fn of(body: &[u8]) -> Option<Session> {
        let session = sdp::parse(body).ok()?;
        let media = session.media.first()?;
        let codecs = media.formats.iter().filter_map(|format| codec(media, format));
        Some(Session { codecs: codecs.collect(), direction: session.direction(media) })
    }
}

/// The name of a payload type; `None` for telephone-event.
fn codec(media: &sdp::Media, format: &str) -> Option<String> {
    let maps = media.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("rtpmap"));
    let named =
        maps.filter_map(|a| a.value.as_deref()?.split_once(' ')).find(|(number, _)| *number == format);
    let name = match (named, format) {
        (Some((_, encoding)), _) => encoding.split('/').next().unwrap_or(""),
        // RFC 3551 §6.
        (None, "0") => "PCMU",
        (None, "8") => "PCMA",
        (None, "9") => "G722",
        (None, "18") => "G729",
        (None, _) => "?",
    };
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let sound =
        name.len() <= 16 && digits <= 4 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (!name.eq_ignore_ascii_case("telephone-event")).then(|| if sound { name } else { "?" }.to_owned())
}

/// `PCMA PCMU`, `PCMA sendonly`.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<&str> = self.codecs.iter().take(CODECS).map(String::as_str).collect();
        if self.codecs.len() > CODECS {
            words.push("...");
        }
        let direction = self.direction.to_string();
        if self.direction != Direction::SendRecv {
            words.push(&direction);
        }
        f.write_str(&words.join(" "))
    }
}

impl Traced {
    /// A peer by its address and transport.
    pub fn peer_key(&self) -> (SocketAddr, &str) {
        (self.peer, self.transport.as_str())
    }
}

/// For the ladder of a message that is none.
pub fn not_sip(bytes: &[u8]) -> String {
    let keep_alive = bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if keep_alive { "keep-alive".to_owned() } else { format!("malformed, {} octets", bytes.len()) }
}

/// The word for a transport in a [`Traced`].
pub fn transport(transport: Transport) -> String {
    transport.via_name().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gist(first: &str, to: &str, body: &str) -> String {
        let method = if first.starts_with("SIP") { "INVITE" } else { first.split(' ').next().unwrap() };
        let text = format!(
            "{first}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: {to}\r\nCall-ID: x\r\n\
             CSeq: 7 {method}\r\nContent-Type: application/sdp\r\n\r\n{body}"
        );
        let gist = Gist::of(&parse(text.into()).unwrap());
        format!("{gist}|{}", gist.sdp.as_ref().map(Session::to_string).unwrap_or_default())
    }

    #[test]
    fn a_message_is_its_method_its_number_and_its_session() {
        let offer = "v=0\r\nm=audio 4000 RTP/AVP 8 96 101\r\na=rtpmap:96 opus/48000/2\r\n\
            a=rtpmap:101 telephone-event/8000\r\n";
        assert_eq!(gist("INVITE sip:1@h SIP/2.0", "<sip:1@h>", offer), "INVITE 7|PCMA opus");
        let held = format!("{offer}a=sendonly\r\n");
        assert_eq!(
            gist("INVITE sip:1@h SIP/2.0", "<sip:1@h>;tag=2", &held),
            "re-INVITE 7|PCMA opus sendonly"
        );
        assert_eq!(gist("SIP/2.0 200 OK", "<sip:1@h>;tag=2", ""), "200 INVITE 7|");
        assert_eq!(gist("X13800138000 sip:1@h SIP/2.0", "<sip:1@h>", ""), "unknown method 7|");
    }

    #[test]
    fn a_codec_of_an_odd_name_has_none() {
        let offer = "v=0\r\nm=audio 4000 RTP/AVP 0 18 9 96 97\r\na=rtpmap:96 \x1b[2J/8000\r\na=rtpmap:97 13800138000/8000";
        assert_eq!(gist("INVITE sip:1@h SIP/2.0", "<sip:1@h>", offer), "INVITE 7|PCMU G729 G722 ...");
        let odd =
            "v=0\r\nm=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 \x1b[2J/8000\r\na=rtpmap:97 13800138000/8000";
        assert_eq!(gist("INVITE sip:1@h SIP/2.0", "<sip:1@h>", odd), "INVITE 7|? ?");
    }
}
