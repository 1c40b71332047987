//! Offer and answer (RFC 3264) for one audio stream, as pure functions.

mod guard;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::Codec;
use crate::base::srtp::Keys;

use self::guard::{is_rtp, usable_stream};
use super::crypto::{self, Protection};
use super::session::{Attribute, Connection, Media, Origin, Session};
use super::web::{self, Web};
use super::{Direction, parse};

/// Our side of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    pub address: IpAddr,
    pub rtp_port: u16,
    /// In our order of preference. An offer lists them in this order; an answer takes the first of them that the offer
    /// has.
    pub codecs: &'a [Codec],
    /// Numeric and the same for the life of a dialog (`o=`).
    pub session_id: u64,
    /// One more with each description that differs from the one before.
    pub version: u64,
    /// What we want: `sendonly` holds the peer.
    pub direction: Direction,
    /// Whether telephone events (RFC 4733) are ours to offer and take.
    pub events: bool,
    /// `None`: nothing is encrypted.
    pub protection: Option<Protection<'a>>,
    /// `None`: a browser's stream is neither offered nor taken.
    pub web: Option<Web<'a>>,
}

/// What both sides agreed on, from our point of view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Unspecified (0.0.0.0) where the peer holds in the manner of RFC 2543; then `send` is false.
    pub remote_rtp: SocketAddr,
    pub remote_rtcp: SocketAddr,
    pub codec: Codec,
    pub payload_type: u8,
    /// Payload type of telephone events; `None` where the peer takes none.
    pub dtmf: Option<u8>,
    /// Units a second of their time stamps and durations (RFC 4733 §2.1): those of the codec, where the peer has them.
    pub dtmf_clock: u32,
    /// Milliseconds of audio a packet that we send: what the peer asked for, as near below as there is one of
    /// [`PTIMES_MS`]; 20 where it said nothing.
    pub ptime_ms: u8,
    /// Payload type of comfort noise (RFC 3389); `None` where the peer offered none.
    pub noise: Option<u8>,
    /// We may send.
    pub send: bool,
    /// The peer may send.
    pub receive: bool,
    /// The peer does not want to hear us: it holds us (RFC 3264 §8.4). One that only listens (`a=recvonly`, a phone
    /// that mutes itself) does not.
    pub peer_holds: bool,
    /// What RTP and RTCP are protected with; `None`: they go in the clear.
    pub keys: Option<Keys>,
    /// A browser's stream: where the peer is, its checks will show (ICE), and the keys its handshake (DTLS).
    pub web: Option<Box<web::Agreed>>,
}

/// Why there is no common ground. The answer is 488 (Not Acceptable Here).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no audio stream")]
    NoAudio,
    /// Encrypted where we do not, or something else than RTP: as written in the stream's line.
    #[error("audio only over {0}, not over RTP/AVP")]
    Transport(String),
    #[error("audio only in the clear, and SRTP is required here")]
    InTheClear,
    #[error("SRTP with no suite and key that we can use")]
    NoSuite,
    #[error("DTLS-SRTP without ICE, rtcp-mux or a SHA-256 fingerprint")]
    NoHandshake,
    #[error("no codec in common")]
    NoCodec,
    #[error("no connection address")]
    NoAddress,
    #[error("the connection address is a name, not an IP address")]
    NotAnAddress,
}

impl Refused {
    /// SIP status of the refusal.
    pub const fn status(&self) -> u16 {
        488
    }

    /// The code of its Warning header (RFC 3261 §20.43).
    pub const fn warning(&self) -> u16 {
        match self {
            Refused::NoAddress | Refused::NotAnAddress => 301,
            Refused::Transport(_) | Refused::InTheClear => 302,
            Refused::NoAudio => 304,
            Refused::NoCodec => 305,
            Refused::NoSuite | Refused::NoHandshake => 399,
        }
    }
}

/// RFC 3551 §6.
const COMFORT_NOISE: u8 = 13;
/// What our own descriptions give to telephone events.
const OUR_EVENTS: u8 = 101;
/// The same at the clock of Opus.
const OUR_EVENTS_48: u8 = 102;
/// Ours: one frame a packet.
const PTIME_MS: u8 = 20;
/// Packets of these lengths can be sent. Opus has none of 30 ms (RFC 6716 §2.1.4).
pub const PTIMES_MS: [u8; 5] = [10, 20, 30, 40, 60];

/// A fresh offer: one audio stream.
pub fn offer(local: &Local<'_>) -> String {
    describe(local, vec![offered(local)], offered_of_session(local))
}

/// An offer within a session: `shape` is the last description of either side, whose number and order of streams
/// must be kept (RFC 3264 §8); ours takes the place of the first audio stream in use, the others stay refused.
pub fn reoffer(local: &Local<'_>, shape: &Session) -> String {
    let ours = shape
        .media
        .iter()
        .position(|media| is_audio(media) && is_rtp(media) && media.port != 0)
        .or_else(|| shape.media.iter().position(is_audio));
    let mut streams: Vec<Media> = shape.media.iter().map(Media::refused).collect();
    match ours.and_then(|at| streams.get_mut(at)) {
        Some(stream) => *stream = offered(local),
        None => streams.push(offered(local)),
    }
    describe(local, streams, offered_of_session(local))
}

/// Answers an offer: the text to send and what it means. Streams other than the first usable audio stream are
/// refused in their place.
pub fn answer(offer: &Session, local: &Local<'_>) -> Result<(String, Agreed), Refused> {
    let (at, stream, guard) = usable_stream(offer, local, Choice::Ours)?;
    let said = Said::read(offer, stream, local, Choice::Ours, guard.is_web())?;
    let direction = said.direction.reversed().and(local.direction);
    let keys = guard.keys(local);
    let of_session = guard.of_session(offer);
    let proof = guard.answer(local, keys.as_ref());
    let agreed = said.agreed(direction, !said.direction.receives(), keys, guard.web());

    let mut streams: Vec<Media> = offer.media.iter().map(Media::refused).collect();
    if let Some(ours) = streams.get_mut(at) {
        ours.port = local.rtp_port;
        ours.formats = vec![said.payload_type.to_string()];
        push_codec(ours, said.payload_type, said.codec);
        push_events(ours, said.dtmf);
        if let Some(noise) = said.noise {
            ours.formats.push(noise.to_string());
            ours.attributes.push(Attribute::new("rtpmap", format_args!("{noise} CN/8000")));
        }
        ours.attributes.push(Attribute::new("ptime", PTIME_MS));
        ours.attributes.push(Attribute::flag(direction.name()));
        ours.attributes.extend(proof);
    }
    Ok((describe(local, streams, of_session), agreed))
}

/// What an answer to our own offer means.
pub fn agree(our_offer: &Local<'_>, answer: &Session) -> Result<Agreed, Refused> {
    let (_, stream, guard) = usable_stream(answer, our_offer, Choice::Theirs)?;
    let said = Said::read(answer, stream, our_offer, Choice::Theirs, guard.is_web())?;
    let direction = said.direction.reversed().and(our_offer.direction);
    // Whom we hold ourselves cannot be asked to hear.
    let peer_holds = our_offer.direction.sends() && !said.direction.receives();
    let keys = guard.keys(our_offer);
    Ok(said.agreed(direction, peer_holds, keys, guard.web()))
}

fn offered_of_session(local: &Local<'_>) -> Vec<Attribute> {
    let web = local.web.filter(|web| web.only);
    web.map(|web| web::of_session(Some(web::mid(&web)))).unwrap_or_default()
}

/// Whose order of codecs counts: that of whoever answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Ours,
    Theirs,
}

/// What a peer's stream says.
struct Said {
    address: IpAddr,
    port: u16,
    rtcp: SocketAddr,
    codec: Codec,
    payload_type: u8,
    /// Payload type and clock rate of telephone events.
    dtmf: Option<(u8, u32)>,
    ptime_ms: u8,
    noise: Option<u8>,
    /// With the hold of RFC 2543 worked in.
    direction: Direction,
}

impl Said {
    fn read(
        session: &Session,
        stream: &Media,
        local: &Local<'_>,
        choice: Choice,
        is_web: bool,
    ) -> Result<Self, Refused> {
        let address = match is_web {
            // Checks show where it is; what stands here is a guess, or nothing at all.
            true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            false => ip(session.connection(stream).ok_or(Refused::NoAddress)?)?,
        };
        let formats = || stream.formats.iter().filter_map(|format| format.parse::<u8>().ok());
        let mut common = formats().filter_map(|format| Some((format, codec_of(stream, format)?))).filter_map(
            |(format, codec)| Some((local.codecs.iter().position(|ours| *ours == codec)?, format, codec)),
        );
        let (_, payload_type, codec) = match choice {
            Choice::Ours => common.min_by_key(|(rank, ..)| *rank),
            Choice::Theirs => common.next(),
        }
        .ok_or(Refused::NoCodec)?;
        let events = || formats().filter_map(|format| Some((format, events_clock(stream, format)?)));
        // The events of the codec's own clock; else those at 8000, which many an Opus phone has alone.
        let dtmf = events().find(|(_, clock)| *clock == codec.clock_rate());
        let dtmf = dtmf.or_else(|| events().find(|(_, clock)| *clock == 8000)).filter(|_| local.events);

        // Who offers comfort noise takes it; it has the clock of G.711, and no place beside Opus.
        let noise = formats().find(|format| is_noise(stream, *format));
        let noise = noise.filter(|_| matches!(choice, Choice::Ours) && codec.clock_rate() == 8000);
        let ptime_ms = ptime(session, stream, codec);

        let mut direction = session.direction(stream);
        if address.is_unspecified() && !is_web {
            // RFC 2543 §B.5, still sent (RFC 3264 §8.4): the peer wants to hear nothing.
            direction = direction.and(Direction::SendOnly);
        }
        let (port, rtcp) = match is_web {
            true => (0, SocketAddr::new(address, 0)),
            false => (stream.port, rtcp_address(stream, address)),
        };
        Ok(Said { address, port, rtcp, codec, payload_type, dtmf, ptime_ms, noise, direction })
    }

    fn agreed(
        &self,
        direction: Direction,
        peer_holds: bool,
        keys: Option<Keys>,
        web: Option<Box<web::Agreed>>,
    ) -> Agreed {
        Agreed {
            remote_rtp: SocketAddr::new(self.address, self.port),
            remote_rtcp: self.rtcp,
            codec: self.codec,
            payload_type: self.payload_type,
            dtmf: self.dtmf.map(|(format, _)| format),
            dtmf_clock: self.dtmf.map_or(8000, |(_, clock)| clock),
            ptime_ms: self.ptime_ms,
            noise: self.noise,
            send: direction.sends(),
            receive: direction.receives(),
            peer_holds,
            keys,
            web,
        }
    }
}

fn is_audio(media: &Media) -> bool {
    media.kind.eq_ignore_ascii_case("audio")
}

fn ip(connection: &Connection) -> Result<IpAddr, Refused> {
    connection.address.parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| Refused::NotAnAddress)
}

/// `a=rtcp` (RFC 3605), else the next port.
fn rtcp_address(stream: &Media, address: IpAddr) -> SocketAddr {
    let next = SocketAddr::new(address, stream.port.saturating_add(1));
    let said = value(stream, "rtcp").and_then(|value| {
        let mut words = value.split_ascii_whitespace();
        let port = words.next()?.parse().ok()?;
        let own = parse::address(words).and_then(|connection| ip(&connection).ok());
        Some(SocketAddr::new(own.unwrap_or(address), port))
    });
    said.unwrap_or(next)
}

/// By `a=rtpmap`, or by its static payload type.
fn codec_of(stream: &Media, format: u8) -> Option<Codec> {
    match encoding(stream, format) {
        Some(written) => Codec::from_name(written.name).filter(|codec| {
            // One channel may go without saying. Opus is always written with two, and forgiven if it is not.
            let channels = codec.described_channels().unwrap_or(1);
            written.clock_rate == codec.clock_rate() && [1, channels].contains(&written.channels)
        }),
        None => Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(format)),
    }
}

/// The clock rate of telephone events, if that is what the format is.
fn events_clock(stream: &Media, format: u8) -> Option<u32> {
    let written = encoding(stream, format)?;
    written.name.eq_ignore_ascii_case("telephone-event").then_some(written.clock_rate)
}

/// Comfort noise of 8000 a second: by its static payload type, or by name.
fn is_noise(stream: &Media, format: u8) -> bool {
    match encoding(stream, format) {
        Some(written) => written.name.eq_ignore_ascii_case("CN") && written.clock_rate == 8000,
        None => format == COMFORT_NOISE,
    }
}

/// The longest packets that we can send and that are no longer than the peer wishes, and bears.
fn ptime(session: &Session, stream: &Media, codec: Codec) -> u8 {
    let wished = number(session, stream, "ptime").filter(|ms| *ms > 0).unwrap_or(PTIME_MS.into());
    let longest = number(session, stream, "maxptime").filter(|ms| *ms > 0).unwrap_or(u32::MAX);
    let fits = |ms: &u8| u32::from(*ms) <= wished.min(longest) && (*ms != 30 || codec.clock_rate() == 8000);
    PTIMES_MS.into_iter().rev().find(fits).unwrap_or(PTIMES_MS[0])
}

/// `a=rtpmap:8 PCMA/8000/1` (RFC 8866 §6.6).
struct Written<'a> {
    name: &'a str,
    clock_rate: u32,
    channels: u8,
}

fn encoding(stream: &Media, format: u8) -> Option<Written<'_>> {
    stream.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("rtpmap")).find_map(|attribute| {
        let (number, encoding) = attribute.value.as_deref()?.split_once(char::is_whitespace)?;
        let mut parts = encoding.trim().split('/');
        let name = parts.next()?;
        let clock_rate = parts.next()?.parse().ok()?;
        let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
        (number.parse() == Ok(format)).then_some(Written { name, clock_rate, channels })
    })
}

fn value<'a>(stream: &'a Media, name: &str) -> Option<&'a str> {
    stream.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))?.value.as_deref()
}

fn number(session: &Session, stream: &Media, name: &str) -> Option<u32> {
    session.attribute(stream, name)?.value.as_deref()?.trim().parse().ok()
}

fn describe(local: &Local<'_>, media: Vec<Media>, attributes: Vec<Attribute>) -> String {
    let connection = Connection::from(local.address);
    let origin = Origin {
        // A word: scripts that look for one in `o=` do not know RFC 8866's "-".
        user: "user".to_owned(),
        session_id: local.session_id.to_string(),
        version: local.version.to_string(),
        address: connection.clone(),
    };
    Session { origin: Some(origin), connection: Some(connection), attributes, media }.to_string()
}

fn offered(local: &Local<'_>) -> Media {
    let mut stream = Media {
        kind: "audio".to_owned(),
        port: local.rtp_port,
        protocol: match (local.web.is_some_and(|ours| ours.only), local.protection) {
            (true, _) => web::PROTOCOL,
            (false, Some(Protection { savp: true, .. })) => "RTP/SAVP",
            (false, _) => "RTP/AVP",
        }
        .to_owned(),
        formats: Vec::new(),
        connection: None,
        attributes: Vec::new(),
    };
    for codec in local.codecs {
        stream.formats.push(codec.offered_payload_type().to_string());
        push_codec(&mut stream, codec.offered_payload_type(), *codec);
    }
    // Events at the clock of each codec (RFC 4733 §2.5.1.1), those that everybody knows first.
    let wanted = |clock| local.events && local.codecs.iter().any(|codec| codec.clock_rate() == clock);
    for (number, clock) in [(OUR_EVENTS, 8000), (OUR_EVENTS_48, 48_000)] {
        push_events(&mut stream, wanted(clock).then_some((number, clock)));
    }
    stream.attributes.push(Attribute::new("ptime", PTIME_MS));
    stream.attributes.push(Attribute::flag(local.direction.name()));
    match (local.web.filter(|ours| ours.only), local.protection) {
        (Some(ours), _) => stream.attributes.extend(web::offered(&ours, local.address, local.rtp_port)),
        (None, Some(protection)) => stream.attributes.extend(crypto::offered(protection.keys)),
        (None, None) => {}
    }
    stream
}

fn push_codec(stream: &mut Media, payload_type: u8, codec: Codec) {
    let clock_rate = codec.clock_rate();
    stream.attributes.push(match codec.described_channels() {
        None => Attribute::new("rtpmap", format_args!("{payload_type} {codec}/{clock_rate}")),
        Some(channels) => {
            Attribute::new("rtpmap", format_args!("{payload_type} {codec}/{clock_rate}/{channels}"))
        }
    });
    if let Some(parameters) = codec.parameters() {
        stream.attributes.push(Attribute::new("fmtp", format_args!("{payload_type} {parameters}")));
    }
}

fn push_events(stream: &mut Media, events: Option<(u8, u32)>) {
    if let Some((payload_type, clock)) = events {
        stream.formats.push(payload_type.to_string());
        let name = format_args!("{payload_type} telephone-event/{clock}");
        stream.attributes.push(Attribute::new("rtpmap", name));
        stream.attributes.push(Attribute::new("fmtp", format_args!("{payload_type} 0-15")));
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod codec_tests;
