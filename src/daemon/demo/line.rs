//! The voice of a phone in one call: RTP both ways in frames of 20 ms, keys by RFC 4733, and a recording of both
//! directions on one time line.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use crate::base::{Codec, Instant, Rng};
use crate::media::{Decoder, Digit, Encoder, FRAME_SAMPLES, Header, SAMPLE_RATE};
use crate::sdp::Agreed;

/// Packets of a key's tone, and of its end (RFC 4733 §2.5.1.4).
const TONE_PACKETS: u16 = 8;
const END_PACKETS: u16 = 3;
/// Frames between two keys.
const PAUSE_FRAMES: u8 = 5;
/// -10 dBm0.
const VOLUME: u8 = 10;
/// Further ahead than this a time stamp is not believed: 10 s.
const FAR: usize = 80_000;

/// A pair of ports: RTP on an even one, RTCP above it (RFC 3550 §11).
pub struct Ports {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    pub port: u16,
}

impl Ports {
    pub fn bind(address: IpAddr) -> io::Result<Ports> {
        for _ in 0..200 {
            let rtp = UdpSocket::bind((address, 0))?;
            let port = rtp.local_addr()?.port();
            if port % 2 != 0 {
                continue;
            }
            let Ok(rtcp) = UdpSocket::bind((address, port + 1)) else { continue };
            rtp.set_nonblocking(true)?;
            rtcp.set_nonblocking(true)?;
            return Ok(Ports { rtp, rtcp, port });
        }
        Err(io::Error::other("no pair of ports is free"))
    }
}

pub struct Line {
    ports: Ports,
    began: Instant,
    remote: SocketAddr,
    /// One of G.711, which has no memory.
    codec: Codec,
    payload_type: u8,
    dtmf: Option<u8>,
    // -- what is sent --
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    first: bool,
    speech: VecDeque<i16>,
    keys: VecDeque<Digit>,
    tone: Option<Tone>,
    pause: u8,
    said: Vec<i16>,
    // -- what is received --
    anchor: Option<Anchor>,
    heard: Vec<i16>,
}

#[derive(Clone, Copy)]
struct Tone {
    digit: Digit,
    timestamp: u32,
    packets: u16,
}

/// Where a stream's time stamps lie on our time line.
#[derive(Clone, Copy)]
struct Anchor {
    ssrc: u32,
    timestamp: u32,
    at: usize,
}

impl Line {
    pub fn new(ports: Ports, agreed: &Agreed, now: Instant, rng: &mut Rng) -> Line {
        Line {
            ports,
            began: now,
            remote: agreed.remote_rtp,
            codec: agreed.codec,
            payload_type: agreed.payload_type,
            dtmf: agreed.dtmf,
            ssrc: rng.next_u32(),
            sequence: rng.next_u32() as u16,
            timestamp: rng.next_u32(),
            first: true,
            speech: VecDeque::new(),
            keys: VecDeque::new(),
            tone: None,
            pause: 0,
            said: Vec::new(),
            anchor: None,
            heard: Vec::new(),
        }
    }

    pub fn press(&mut self, key: Digit) {
        self.keys.push_back(key);
    }

    pub fn speak(&mut self, samples: &[i16]) {
        self.speech.extend(samples);
    }

    /// Sends one frame: a key's packet, or 20 ms of speech or silence.
    pub fn send_frame(&mut self) {
        let (payload_type, marker, timestamp, payload) = match self.key_packet() {
            Some(packet) => packet,
            None => {
                let frame: Vec<i16> =
                    (0..FRAME_SAMPLES).map(|_| self.speech.pop_front().unwrap_or(0)).collect();
                self.said.extend(&frame);
                let mut octets = Vec::with_capacity(FRAME_SAMPLES);
                Encoder::new(self.codec).encode(&frame, &mut octets);
                (self.payload_type, self.first, self.timestamp, octets)
            }
        };
        self.first = false;
        let header = Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        let mut packet = header.write().to_vec();
        packet.extend(payload);
        // Lost like any datagram: the hotline's side of it is what is looked at.
        drop(self.ports.rtp.send_to(&packet, self.remote));
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
    }

    fn key_packet(&mut self) -> Option<(u8, bool, u32, Vec<u8>)> {
        let payload_type = self.dtmf?;
        if self.tone.is_none() && self.pause > 0 {
            self.pause -= 1;
            return None;
        }
        let mut tone = match self.tone.take() {
            Some(tone) => tone,
            None => Tone { digit: self.keys.pop_front()?, timestamp: self.timestamp, packets: 0 },
        };
        tone.packets += 1;
        let ends = tone.packets > TONE_PACKETS;
        let [high, low] = (tone.packets.min(TONE_PACKETS) * FRAME_SAMPLES as u16).to_be_bytes();
        let payload = vec![tone.digit.event(), u8::from(ends) << 7 | VOLUME, high, low];
        if tone.packets < TONE_PACKETS + END_PACKETS {
            self.tone = Some(tone);
        } else {
            self.pause = PAUSE_FRAMES;
        }
        self.said.extend([0; FRAME_SAMPLES]);
        Some((payload_type, tone.packets == 1, tone.timestamp, payload))
    }

    /// Takes everything that has arrived; each frame with its place goes to `ear`.
    pub fn receive(&mut self, now: Instant, mut ear: impl FnMut(usize, Vec<i16>)) {
        let mut packet = [0; 2048];
        loop {
            match self.ports.rtp.recv_from(&mut packet) {
                Ok((length, _)) => {
                    if let Some((at, samples)) = self.take(now, packet.get(..length).unwrap_or_default()) {
                        ear(at, samples);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The hotline's port was closed already when our last frame came.
                Err(_) => break,
            }
        }
        while self.ports.rtcp.recv_from(&mut packet).is_ok() {}
    }

    fn take(&mut self, now: Instant, packet: &[u8]) -> Option<(usize, Vec<i16>)> {
        let (header, payload) = Header::parse(packet)?;
        if header.payload_type != self.payload_type {
            return None;
        }
        let anchor = match self.anchor {
            Some(anchor) if anchor.ssrc == header.ssrc => anchor,
            _ => {
                let elapsed = now.since(self.began).as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
                let at = usize::try_from(elapsed).ok()?;
                let fresh = Anchor { ssrc: header.ssrc, timestamp: header.timestamp, at };
                *self.anchor.insert(fresh)
            }
        };
        let ahead = header.timestamp.wrapping_sub(anchor.timestamp) as i32;
        let at = usize::try_from(anchor.at as i64 + i64::from(ahead)).ok()?;
        if at > self.heard.len() + FAR {
            return None;
        }
        let mut samples = Vec::with_capacity(FRAME_SAMPLES);
        Decoder::new(self.codec).decode(payload, &mut samples);
        let end = at + samples.len();
        if self.heard.len() < end {
            self.heard.resize(end, 0);
        }
        if let Some(there) = self.heard.get_mut(at..end) {
            there.copy_from_slice(&samples);
        }
        Some((at, samples))
    }

    /// Left: what was heard; right: what was said. 8 kHz, 16 bits.
    pub fn save(&self, path: &Path) -> Result<(), hound::Error> {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec)?;
        let sample = |samples: &[i16], at: usize| samples.get(at).copied().unwrap_or(0);
        for at in 0..self.heard.len().max(self.said.len()) {
            writer.write_sample(sample(&self.heard, at))?;
            writer.write_sample(sample(&self.said, at))?;
        }
        writer.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two phones that talk to each other.
    fn pair() -> (Line, Line) {
        let mut rng = Rng::from_number(1);
        let home = IpAddr::from([127, 0, 0, 1]);
        let (a, b) = (Ports::bind(home).unwrap(), Ports::bind(home).unwrap());
        let agreed = |port: u16| Agreed {
            remote_rtp: (home, port).into(),
            remote_rtcp: (home, port + 1).into(),
            codec: Codec::Pcmu,
            payload_type: 0,
            dtmf: Some(101),
            dtmf_clock: 8000,
            ptime_ms: 20,
            noise: None,
            send: true,
            receive: true,
            peer_holds: false,
            keys: None,
            web: None,
        };
        let (to_a, to_b) = (agreed(a.port), agreed(b.port));
        (Line::new(a, &to_b, Instant::ZERO, &mut rng), Line::new(b, &to_a, Instant::ZERO, &mut rng))
    }

    #[test]
    fn what_one_says_the_other_hears_in_its_place() {
        let (mut a, mut b) = pair();
        let words: Vec<i16> = (0..480).map(|n| (n * 50) as i16).collect();
        a.send_frame();
        a.speak(&words);
        (0..4).for_each(|_| a.send_frame());
        let mut frames = Vec::new();
        while frames.len() < 5 {
            b.receive(Instant::ZERO, |at, samples| frames.push((at, samples)));
        }
        assert_eq!(frames.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 160, 320, 480, 640]);
        for (said, heard) in words.iter().zip(&b.heard[160..640]) {
            assert!((said - heard).abs() <= said.abs() / 16 + 8, "{said} {heard}");
        }
        assert_eq!((a.said.len(), b.heard.len()), (800, 800));
    }

    #[test]
    fn a_key_is_one_event_and_no_sound() {
        let (mut a, mut b) = pair();
        a.press(Digit::from_char('4').unwrap());
        (0..20).for_each(|_| a.send_frame());
        let mut packets = Vec::new();
        let mut packet = [0; 64];
        while packets.len() < 20 {
            if let Ok((length, _)) = b.ports.rtp.recv_from(&mut packet) {
                let (header, payload) = Header::parse(&packet[..length]).unwrap();
                packets.push((header.payload_type, header.timestamp, payload.to_vec()));
            }
        }
        let keys: Vec<_> = packets.iter().filter(|(payload_type, ..)| *payload_type == 101).collect();
        assert_eq!(keys.len(), usize::from(TONE_PACKETS + END_PACKETS));
        assert!(keys.iter().all(|(_, timestamp, payload)| *timestamp == keys[0].1 && payload[0] == 4));
        assert_eq!(keys.iter().filter(|(.., payload)| payload[1] & 0x80 != 0).count(), 3);
        assert_eq!(
            keys.last().map(|(.., payload)| payload[2..].to_vec()),
            Some((8u16 * 160).to_be_bytes().to_vec())
        );
        b.receive(Instant::ZERO, |_, _| {});
        assert!(b.heard.iter().all(|&sample| sample == 0));
    }
}
