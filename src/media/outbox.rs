//! What the engine has to say, in order, in buffers that are used again and again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use super::srtp::Srtp;
use super::{Audio, Channel, Event, Header, Seat};

/// One piece of output. `bytes` borrows from the engine's buffer until the next call.
#[derive(Debug, PartialEq)]
pub enum Output<'a> {
    /// A packet to be sent from the leg's RTP or RTCP port.
    Send {
        seat: Seat,
        channel: Channel,
        to: SocketAddr,
        bytes: &'a [u8],
    },
    Event(Event),
    /// For the writer of recordings, in order.
    Audio(Audio),
    /// Until further notice, what comes to the leg's RTP port from elsewhere would be dropped, and all RTP goes there: the
    /// host may have the system see to it. `None`: from anywhere again.
    Peer {
        seat: Seat,
        only: Option<SocketAddr>,
    },
}

#[derive(Default)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    /// The packets' octets, end to end. Emptied when all items are.
    bytes: Vec<u8>,
}

enum Item {
    Send { seat: Seat, channel: Channel, to: SocketAddr, bytes: Range<usize> },
    Event(Event),
    Audio(Audio),
    Peer { seat: Seat, only: Option<SocketAddr> },
}

impl Outbox {
    pub fn event(&mut self, event: Event) {
        self.items.push_back(Item::Event(event));
    }

    pub fn audio(&mut self, audio: Audio) {
        self.items.push_back(Item::Audio(audio));
    }

    pub fn peer(&mut self, seat: Seat, only: Option<SocketAddr>) {
        self.items.push_back(Item::Peer { seat, only });
    }

    /// An RTP packet, its payload octet by octet through `table` if there is one, protected where the leg is.
    pub fn rtp(
        &mut self,
        seat: Seat,
        to: SocketAddr,
        header: &Header,
        payload: &[u8],
        table: Option<&[u8; 256]>,
        srtp: Option<&mut Srtp>,
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&header.write());
        match table {
            None => self.bytes.extend_from_slice(payload),
            Some(table) => self.bytes.extend(payload.iter().map(|octet| table[usize::from(*octet)])),
        }
        if srtp.is_some_and(|srtp| !srtp.seal_rtp(&mut self.bytes, start)) {
            return;
        }
        let bytes = start..self.bytes.len();
        self.items.push_back(Item::Send { seat, channel: Channel::Rtp, to, bytes });
    }

    /// An RTCP packet; `write` appends it and says where it goes, or leaves the buffer as it was.
    pub fn rtcp(
        &mut self,
        seat: Seat,
        channel: Channel,
        write: impl FnOnce(&mut Vec<u8>) -> Option<SocketAddr>,
    ) {
        let start = self.bytes.len();
        if let Some(to) = write(&mut self.bytes) {
            let bytes = start..self.bytes.len();
            self.items.push_back(Item::Send { seat, channel, to, bytes });
        }
    }

    pub fn poll(&mut self) -> Option<Output<'_>> {
        match self.items.pop_front() {
            Some(Item::Send { seat, channel, to, bytes }) => {
                let bytes = self.bytes.get(bytes).unwrap_or_default();
                Some(Output::Send { seat, channel, to, bytes })
            }
            Some(Item::Event(event)) => Some(Output::Event(event)),
            Some(Item::Audio(audio)) => Some(Output::Audio(audio)),
            Some(Item::Peer { seat, only }) => Some(Output::Peer { seat, only }),
            None => {
                self.bytes.clear();
                None
            }
        }
    }
}
