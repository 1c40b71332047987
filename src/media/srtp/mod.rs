//! SRTP and SRTCP (RFC 3711) at the edge of a leg: what is inside sees plain RTP.
//!
//! ```text
//!   packet of the peer --> open ---> session          session ---> seal --> packet to the peer
//!                           |                                        |
//!                 the key of now, else for a while          an index that was used once
//!                 the one before; then dropped              is never used again
//! ```
//!
//! Why not `rtc-srtp`: it keeps state for every SSRC that anybody writes into a packet, before the packet has proven
//! anything and without bound; it allocates for each packet; it knows no MKI. The ciphers are the RustCrypto crates'.

#[cfg(test)]
mod tests;
mod transform;
mod window;

use std::time::Duration;

use self::transform::{Kind, Position, Transform};
use self::window::{Window, Windows};
use crate::base::Instant;
use crate::base::srtp::{Key, Keys};

/// The encryption of one leg, both ways.
pub struct Srtp {
    out: Sender,
    heard: Receiver,
    /// The peer's key before the present one: its packets may still be on the way.
    before: Option<(Receiver, Instant)>,
    keys: Keys,
}

/// Why a packet is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsound {
    /// Too short for what it claims to be.
    Malformed,
    /// Its tag is wrong: another's, of another key, or changed on the way.
    Forged,
    /// It came before, or is too old to tell.
    Replayed,
}

struct Sender {
    rtp: Transform,
    rtcp: Transform,
    mki: Vec<u8>,
    /// Of our one SSRC; `None` before its first packet.
    sealed: Option<Window>,
    rtcp_index: u64,
}

struct Receiver {
    rtp: Transform,
    rtcp: Transform,
    mki: Vec<u8>,
    rtp_heard: Windows,
    rtcp_heard: Windows,
}

/// For how long packets under the peer's last key are still understood.
const OLD_KEY: Duration = Duration::from_secs(2);
/// Octets before the first CSRC.
const RTP_HEADER: usize = 12;
/// Octets of SRTCP in the clear: the first header and SSRC.
const RTCP_CLEAR: usize = 8;
/// The index of SRTCP with the bit that says "encrypted" before it.
const RTCP_INDEX: usize = 4;
const ENCRYPTED: u32 = 1 << 31;
/// Beyond these a key is worn out (RFC 3711 §9.2).
const LAST_RTP: u64 = (1 << 48) - 1;
const LAST_RTCP: u64 = (1 << 31) - 1;

impl Srtp {
    pub fn new(keys: Keys) -> Option<Self> {
        Some(Srtp { out: Sender::new(&keys.ours)?, heard: Receiver::new(&keys.theirs)?, before: None, keys })
    }

    /// What was agreed anew: a key that is as it was goes on where it is.
    pub fn rekey(&mut self, now: Instant, keys: Keys) {
        if self.keys.ours != keys.ours
            && let Some(out) = Sender::new(&keys.ours)
        {
            self.out = out;
        }
        if self.keys.theirs != keys.theirs
            && let Some(heard) = Receiver::new(&keys.theirs)
        {
            self.before = Some((std::mem::replace(&mut self.heard, heard), now + OLD_KEY));
        }
        self.keys = keys;
    }

    /// Protects the RTP packet that `packet` ends with, from `start` on. `false`, and the packet is gone from there,
    /// where its index was used before or the key is worn out.
    pub fn seal_rtp(&mut self, packet: &mut Vec<u8>, start: usize) -> bool {
        let sealed = self.out.seal_rtp(packet, start).is_some();
        if !sealed {
            packet.truncate(start);
        }
        sealed
    }

    /// The same for RTCP.
    pub fn seal_rtcp(&mut self, packet: &mut Vec<u8>, start: usize) -> bool {
        let sealed = self.out.seal_rtcp(packet, start).is_some();
        if !sealed {
            packet.truncate(start);
        }
        sealed
    }

    /// The plain RTP packet, in the same place.
    pub fn open_rtp<'a>(&mut self, now: Instant, packet: &'a mut [u8]) -> Result<&'a [u8], Unsound> {
        // The rollover counter that the peer had under its last key: some go on with it, some begin anew.
        let past = self.before.as_ref().map(|(before, _)| &before.rtp_heard);
        let opened = match self.heard.open_rtp(packet, past) {
            Err(Unsound::Forged) => match self.old(now) {
                Some(old) => old.open_rtp(packet, None),
                None => Err(Unsound::Forged),
            },
            opened => opened,
        };
        opened.map(|length| packet.split_at(length).0)
    }

    /// The plain RTCP packet, in the same place.
    pub fn open_rtcp<'a>(&mut self, now: Instant, packet: &'a mut [u8]) -> Result<&'a [u8], Unsound> {
        let opened = match self.heard.open_rtcp(packet) {
            Err(Unsound::Forged) => match self.old(now) {
                Some(old) => old.open_rtcp(packet),
                None => Err(Unsound::Forged),
            },
            opened => opened,
        };
        opened.map(|length| packet.split_at(length).0)
    }

    fn old(&mut self, now: Instant) -> Option<&mut Receiver> {
        self.before.as_mut().filter(|(_, until)| now < *until).map(|(old, _)| old)
    }
}

impl Sender {
    fn new(key: &Key) -> Option<Self> {
        Some(Sender {
            rtp: Transform::new(key, Kind::Rtp)?,
            rtcp: Transform::new(key, Kind::Rtcp)?,
            mki: key.mki().to_vec(),
            sealed: None,
            rtcp_index: 0,
        })
    }

    fn seal_rtp(&mut self, packet: &mut Vec<u8>, start: usize) -> Option<()> {
        let own = packet.get_mut(start..)?;
        let header = RtpHeader::read(own)?;
        let index = match &self.sealed {
            Some(sealed) => sealed.estimate(header.sequence).filter(|index| !sealed.has_seen(*index))?,
            None => header.sequence.into(),
        };
        if index > LAST_RTP {
            return None;
        }
        let (clear, secret) = own.split_at_mut_checked(header.length)?;
        let at = Position { ssrc: header.ssrc, index };
        let rollover = ((index >> 16) as u32).to_be_bytes();
        let beyond = if self.rtp.is_aead() { &[][..] } else { &rollover };
        let tag = self.rtp.seal(at, clear, secret, beyond)?;
        let tag = tag.get(..self.rtp.tag_length())?;
        if self.rtp.is_aead() {
            packet.extend_from_slice(tag);
            packet.extend_from_slice(&self.mki);
        } else {
            packet.extend_from_slice(&self.mki);
            packet.extend_from_slice(tag);
        }
        self.sealed.get_or_insert_default().note(index);
        Some(())
    }

    fn seal_rtcp(&mut self, packet: &mut Vec<u8>, start: usize) -> Option<()> {
        let own = packet.get_mut(start..)?;
        let (clear, secret) = own.split_at_mut_checked(RTCP_CLEAR)?;
        let at = Position { ssrc: word(clear, 4)?, index: self.rtcp_index };
        if self.rtcp_index > LAST_RTCP {
            return None;
        }
        let index = (ENCRYPTED | self.rtcp_index as u32).to_be_bytes();
        let tag = self.rtcp.seal(at, clear, secret, &index)?;
        let tag = tag.get(..self.rtcp.tag_length())?;
        if self.rtcp.is_aead() {
            packet.extend_from_slice(tag);
            packet.extend_from_slice(&index);
            packet.extend_from_slice(&self.mki);
        } else {
            packet.extend_from_slice(&index);
            packet.extend_from_slice(&self.mki);
            packet.extend_from_slice(tag);
        }
        self.rtcp_index += 1;
        Some(())
    }
}

impl Receiver {
    fn new(key: &Key) -> Option<Self> {
        Some(Receiver {
            rtp: Transform::new(key, Kind::Rtp)?,
            rtcp: Transform::new(key, Kind::Rtcp)?,
            mki: key.mki().to_vec(),
            rtp_heard: Windows::default(),
            rtcp_heard: Windows::default(),
        })
    }

    /// Length of the plain packet, which `packet` then begins with. `past`: what was heard under another key.
    fn open_rtp(&mut self, packet: &mut [u8], past: Option<&Windows>) -> Result<usize, Unsound> {
        let header = RtpHeader::read(packet).ok_or(Unsound::Malformed)?;
        let Stripped { body, tag, .. } = self.strip(&self.rtp, packet, 0)?;
        let (clear, secret) = body.split_at_mut_checked(header.length).ok_or(Unsound::Malformed)?;
        let length = clear.len() + secret.len();
        let (indices, many) = match self.rtp_heard.get(header.ssrc) {
            Some(window) => {
                // What cannot be older than the stream is a jump ahead within the first round.
                let index = window.estimate(header.sequence).unwrap_or(header.sequence.into());
                if window.has_seen(index) {
                    return Err(Unsound::Replayed);
                }
                ([index; 3], 1)
            }
            None => first_indices(header.sequence, past.and_then(|past| past.get(header.ssrc))),
        };
        for index in indices.into_iter().take(many) {
            let at = Position { ssrc: header.ssrc, index };
            let rollover = ((index >> 16) as u32).to_be_bytes();
            let beyond = if self.rtp.is_aead() { &[][..] } else { &rollover };
            if self.rtp.open(at, clear, secret, beyond, tag) {
                self.rtp_heard.note(header.ssrc, index);
                return Ok(length);
            }
        }
        Err(Unsound::Forged)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Unsound> {
        let ssrc = word(packet, 4).ok_or(Unsound::Malformed)?;
        let Stripped { body, index, tag } = self.strip(&self.rtcp, packet, RTCP_INDEX)?;
        let said = word(index, 0).ok_or(Unsound::Malformed)?;
        let (clear, secret) = body.split_at_mut_checked(RTCP_CLEAR).ok_or(Unsound::Malformed)?;
        let length = clear.len() + secret.len();
        // Nobody agreed on RTCP in the clear (UNENCRYPTED_SRTCP).
        if said & ENCRYPTED == 0 {
            return Err(Unsound::Forged);
        }
        let index = u64::from(said & !ENCRYPTED);
        if self.rtcp_heard.get(ssrc).is_some_and(|window| window.has_seen(index)) {
            return Err(Unsound::Replayed);
        }
        if !self.rtcp.open(Position { ssrc, index }, clear, secret, &said.to_be_bytes(), tag) {
            return Err(Unsound::Forged);
        }
        self.rtcp_heard.note(ssrc, index);
        Ok(length)
    }

    /// Takes apart what was put behind the packet: index, MKI and tag, or with GCM tag, index and MKI.
    fn strip<'a>(
        &self,
        transform: &Transform,
        packet: &'a mut [u8],
        index: usize,
    ) -> Result<Stripped<'a>, Unsound> {
        let (tag, mki) = (transform.tag_length(), self.mki.len());
        let end = packet.len().checked_sub(tag + mki + index).ok_or(Unsound::Malformed)?;
        let (body, tail) = packet.split_at_mut(end);
        let (index, said, tag) = if transform.is_aead() {
            let (tag, tail) = tail.split_at(tag);
            let (index, said) = tail.split_at(index);
            (index, said, tag)
        } else {
            let (index, tail) = tail.split_at(index);
            let (said, tag) = tail.split_at(mki);
            (index, said, tag)
        };
        if said == self.mki { Ok(Stripped { body, index, tag }) } else { Err(Unsound::Forged) }
    }
}

struct Stripped<'a> {
    body: &'a mut [u8],
    index: &'a [u8],
    tag: &'a [u8],
}

/// What is needed of an RTP header, and how long it is with its CSRCs and its extension: that is not encrypted.
struct RtpHeader {
    sequence: u16,
    ssrc: u32,
    length: usize,
}

impl RtpHeader {
    fn read(packet: &[u8]) -> Option<Self> {
        let first = *packet.first()?;
        if first >> 6 != 2 {
            return None;
        }
        let mut length = RTP_HEADER + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            length += 4 + 4 * (word(packet, length)? & 0xffff) as usize;
        }
        let sequence = (word(packet, 0)? & 0xffff) as u16;
        let ssrc = word(packet, 8)?;
        (packet.len() >= length).then_some(RtpHeader { sequence, ssrc, length })
    }
}

fn word(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
}

/// The indices that the first packet of an SSRC may have, the most probable first. It begins in round zero; the
/// packets before a wrap may have been lost; and a peer with a new key may go on in the round of its old one.
fn first_indices(sequence: u16, past: Option<&Window>) -> ([u64; 3], usize) {
    let first = u64::from(sequence);
    let mut indices = [first; 3];
    let mut many = 1;
    let second = (sequence < 0x8000).then_some(1 << 16 | first);
    let gone_on = past.filter(|past| past.rollover() > 0).and_then(|past| past.estimate(sequence));
    for index in [second, gone_on].into_iter().flatten() {
        if let Some(place) = indices.get_mut(many) {
            *place = index;
            many += 1;
        }
    }
    (indices, many)
}
