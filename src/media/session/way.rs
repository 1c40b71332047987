//! The way to a browser, as far as voice is concerned: there is none until the host has found it and has the keys.

use std::net::SocketAddr;

use crate::base::Instant;

use super::super::{Channel, Stream};
use super::Session;

/// ```text
///              Await                     Secured
///   (no Way) --------> Awaited(stream) ----------> Open ---+
///                                                   ^      | Secured: another way, other keys
///                                                   +------+
/// ```
pub(super) enum Way {
    /// What was agreed meanwhile is done when the way is open.
    Awaited(Option<Stream>),
    /// Both RTP and RTCP come and go by it.
    Open(SocketAddr),
}

/// The second octet of RTCP packets (RFC 5761 §4); of RTP, marker and payload type never are these.
const RTCP: std::ops::RangeInclusive<u8> = 192..=223;

impl Session {
    /// The leg is a browser.
    pub fn await_way(&mut self) {
        self.way.get_or_insert(Way::Awaited(None));
    }

    /// What to connect now that the way leads to `peer`, by keys that are in place.
    pub fn way_is_open(&mut self, peer: SocketAddr) -> Option<Stream> {
        let agreed = match self.way.replace(Way::Open(peer))? {
            Way::Awaited(stream) => stream,
            Way::Open(_) => self.stream().copied(),
        };
        agreed.map(|stream| over(peer, stream))
    }

    /// What to connect of what was agreed; `None` while there is no way.
    pub fn agree(&mut self, now: Instant, stream: Stream) -> Option<Stream> {
        match &mut self.way {
            None => Some(stream),
            Some(Way::Open(peer)) => Some(over(*peer, stream)),
            Some(Way::Awaited(awaited)) => {
                *awaited = Some(stream);
                self.heard_at = now;
                None
            }
        }
    }

    /// What waits for a way.
    pub fn awaited(&self) -> Option<&Stream> {
        match &self.way {
            Some(Way::Awaited(stream)) => stream.as_ref(),
            _ => None,
        }
    }

    /// The port that reports leave from.
    pub fn report_channel(&self) -> Channel {
        if self.way.is_some() { Channel::Rtp } else { Channel::Rtcp }
    }

    /// What a packet is that came to this port; `None`, and counted, for one that nobody can have sent yet who may.
    pub fn channel_of(&mut self, port: Channel, packet: &[u8]) -> Option<Channel> {
        match self.way {
            None => Some(port),
            Some(Way::Awaited(_)) => {
                self.unusable += 1;
                None
            }
            Some(Way::Open(_)) => match packet.get(1) {
                Some(kind) if RTCP.contains(kind) => Some(Channel::Rtcp),
                _ => Some(Channel::Rtp),
            },
        }
    }
}

fn over(peer: SocketAddr, stream: Stream) -> Stream {
    Stream { remote_rtp: peer, remote_rtcp: peer, ..stream }
}
