//! Streams of browsers (WebRTC): DTLS-SRTP (RFC 5764), ICE (RFC 8839) with a lite agent of ours, RTCP on the same port
//! (RFC 5761).
//!
//! ```text
//!   a=group:BUNDLE 0                                  session: one stream, and which
//!   a=ice-lite                                        session: we answer checks and make none
//!   m=audio 20000 UDP/TLS/RTP/SAVPF 8 0 101
//!   a=mid:0
//!   a=ice-ufrag:… a=ice-pwd:…                         what the peer's checks must know
//!   a=fingerprint:sha-256 4A:AD:…  a=setup:passive    who we are; who begins the handshake
//!   a=rtcp-mux
//!   a=candidate:1 1 udp 2130706431 192.0.2.1 20000 typ host
//! ```
//!
//! A lite agent (RFC 8445 §2.5) is right for whom everybody can reach: it tells its address and lets the browser find
//! the way, which therefore needs none of the browser's candidates, be they hidden behind mDNS names or told late
//! (trickle): the way shows itself by the browser's checks. Header extensions and feedback messages are not agreed on.

use std::net::IpAddr;

use super::session::{Attribute, Media, Session};
use crate::base::ice::{Credentials, Fingerprint, Role};

/// Our side of a browser's stream.
#[derive(Clone, Copy, Debug)]
pub struct Web<'a> {
    pub credentials: &'a Credentials,
    /// Of our certificate.
    pub fingerprint: Fingerprint,
    /// Nothing else is offered or taken; else it is only taken where a peer offers it.
    pub only: bool,
    /// What was agreed before: it stays for as long as the certificates do (RFC 8842 §5.5).
    pub before: Option<&'a Agreed>,
}

/// What a peer's description says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// Another one than before means that the peer looks for the way anew (RFC 8839 §4.4.1.1.1).
    pub ufrag: String,
    pub fingerprint: Fingerprint,
    pub role: Role,
    mid: Option<String>,
}

/// The protocol of an offer of ours.
pub(super) const PROTOCOL: &str = "UDP/TLS/RTP/SAVPF";

/// Highest among host candidates: type preference 126, one address, component 1 (RFC 8445 §5.1.2.1).
const PRIORITY: u32 = (126 << 24) + (65_535 << 8) + 255;

/// RFC 5764 §8.
pub(super) fn is_web(media: &Media) -> bool {
    ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"].iter().any(|web| web.eq_ignore_ascii_case(&media.protocol))
}

impl Agreed {
    /// `None` where something is missing without which nobody can be known or reached.
    pub(super) fn read(session: &Session, stream: &Media, ours: &Web<'_>) -> Option<Self> {
        let value = |name| session.attribute(stream, name)?.value.as_deref().map(str::trim);
        session.attribute(stream, "rtcp-mux")?;
        let ufrag = value("ice-ufrag").filter(|ufrag| (4..=256).contains(&ufrag.len()))?;
        let all = stream.attributes.iter().chain(&session.attributes);
        let mut prints = all.filter(|a| a.name.eq_ignore_ascii_case("fingerprint"));
        let fingerprint = prints.find_map(|print| {
            let (hash, print) = print.value.as_deref()?.trim().split_once(' ')?;
            Fingerprint::parse(print.trim()).filter(|_| hash.eq_ignore_ascii_case("sha-256"))
        })?;
        let same = ours.before.filter(|before| before.fingerprint == fingerprint);
        let role = match value("setup").unwrap_or("actpass").to_ascii_lowercase().as_str() {
            // Who may choose lets the browser begin: its first flight then comes by the way that it has found.
            "actpass" => same.map_or(Role::Server, |before| before.role),
            "active" => Role::Server,
            "passive" => Role::Client,
            _ => return None,
        };
        Some(Agreed { ufrag: ufrag.to_owned(), fingerprint, role, mid: value("mid").map(str::to_owned) })
    }

    /// The attributes of our answer.
    pub(super) fn answer(&self, ours: &Web<'_>, address: IpAddr, port: u16) -> Vec<Attribute> {
        let setup = match self.role {
            Role::Server => "passive",
            Role::Client => "active",
        };
        attributes(ours, self.mid.as_deref(), setup, address, port)
    }
}

/// The attributes of a stream that we offer.
pub(super) fn offered(ours: &Web<'_>, address: IpAddr, port: u16) -> Vec<Attribute> {
    attributes(ours, Some(mid(ours)), "actpass", address, port)
}

/// What stands before the first stream of our description; `mid`: of the one stream.
pub(super) fn of_session(mid: Option<&str>) -> Vec<Attribute> {
    let group = mid.map(|mid| Attribute::new("group", format_args!("BUNDLE {mid}")));
    group.into_iter().chain([Attribute::flag("ice-lite")]).collect()
}

/// The stream's name in the group that the peer offers, if it offers one.
pub(super) fn bundled<'a>(offer: &Session, peer: &'a Agreed) -> Option<&'a str> {
    let mid = peer.mid.as_deref()?;
    let groups = offer.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("group"));
    let mut groups = groups.filter_map(|group| group.value.as_deref()?.trim().strip_prefix("BUNDLE"));
    groups.any(|members| members.split_ascii_whitespace().any(|member| member == mid)).then_some(mid)
}

/// What the stream is called in our offers: as the peer called it, if it has.
pub(super) fn mid<'a>(ours: &Web<'a>) -> &'a str {
    ours.before.and_then(|before| before.mid.as_deref()).unwrap_or("0")
}

fn attributes(ours: &Web<'_>, mid: Option<&str>, setup: &str, address: IpAddr, port: u16) -> Vec<Attribute> {
    let mid = mid.map(|mid| Attribute::new("mid", mid));
    let own = [
        Attribute::new("ice-ufrag", ours.credentials.ufrag()),
        Attribute::new("ice-pwd", ours.credentials.password()),
        Attribute::new("ice-options", "trickle"),
        Attribute::new("fingerprint", format_args!("sha-256 {}", ours.fingerprint)),
        Attribute::new("setup", setup),
        Attribute::flag("rtcp-mux"),
        // Pages play the stream that a track belongs to, so it must belong to one (RFC 8830).
        Attribute::new("msid", "hotline audio"),
        Attribute::new("candidate", format_args!("1 1 udp {PRIORITY} {address} {port} typ host")),
        Attribute::flag("end-of-candidates"),
    ];
    mid.into_iter().chain(own).collect()
}
