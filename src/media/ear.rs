//! What a leg's peer says, as linear frames at a steady pace, for whoever needs samples and not packets.
//!
//! Packets go in as they arrive ([`Ear::hear`]); in the leg's slot, once in 20 ms, exactly one frame comes out
//! ([`Ear::frame`]), whatever was lost, late or never sent. A leg has an ear only while it has a consumer: a bridge of
//! equal codecs and a caller in a menu do without.
//!
//! A consumer attaches in two lines: `Session::is_listened_to` must say yes for it, and `Engine::hand_out` gives it
//! the frame. There each frame is pulled once and shown to all; who needs another rate than the frame's
//! resamples it. A consumer that hears several legs takes the others' [`Ear::latest`] in its own slot.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::{Codec, Instant};

use super::codec::{self, Decoder};
use super::conceal::{Concealer, FADED_MS};
use super::jitter::{JitterBuffer, Next, Packet};
use super::noise::Noise;
use super::{Config, FRAME_MS, Header, JITTER_MOST_MS, SAMPLE_RATE, stretch};

/// 20 ms of what a peer said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// Linear, 20 ms of them at `rate`.
    pub samples: &'a [i16],
    /// A second: the codec's own ([`Codec::sample_rate`]).
    pub rate: u32,
    pub kind: Kind,
    /// When the frame was said, by our clock and without the network's delay: its first sample.
    pub said: Instant,
    /// It was said while keyed digits were to stay unheard ([`Command::Secret`](super::Command)): neither
    /// recorded nor passed on.
    pub secret: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Received, or comfort noise in the peer's name.
    Voice,
    /// Made up for what was lost, is late, or was not sent in the 60 ms after the end of a talk spurt.
    Concealed,
    /// Nothing was received for this time.
    Silence,
}

#[derive(Debug)]
pub(super) struct Ear {
    /// The limits of the delay.
    least: Duration,
    most: Duration,
    jitter: JitterBuffer,
    decoder: Option<Decoder>,
    rate: u32,
    /// Decoded and not yet heard.
    pending: Vec<i16>,
    /// What `pending` is, piece by piece.
    pieces: VecDeque<Piece>,
    /// Where `pending` ends, and on which of the jitter buffer's time lines.
    end: (u32, i64),
    concealer: Concealer,
    /// The peer has said that nothing comes until it speaks again, and how that sounds.
    noise: Option<Noise>,
    /// Samples since the last that was received.
    made_up: usize,
    /// Frames until a voice may be hurried again.
    patience: u32,
    /// Frames until pieces that are alike are looked for again, to be repeated.
    unlike: u32,
    pulled: Instant,
    frame: Vec<i16>,
    kind: Kind,
    said: Instant,
    secret: bool,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    samples: usize,
    kind: Kind,
    secret: bool,
}

/// A delay longer than it has to be by so much is shortened, in milliseconds: while a voice is heard, and in quiet.
const TOO_LONG_MS: i64 = 20;
const TOO_LONG_IN_QUIET_MS: i64 = 10;
/// A delay shorter than it should be by so much is lengthened.
const TOO_SHORT_MS: i64 = 10;
/// Off by more than this the delay is changed even where it can be heard.
const FAR_OFF_MS: i64 = 60;
/// Frames between two changes while a voice is heard: a period of 2.5 to 15 ms in 200 ms is not noticed.
const PATIENCE: u32 = 10;
/// What repeats itself nowhere now will not in the next frame either, and looking for it costs five times what the frame
/// does.
const UNLIKE: u32 = 4;
/// Root mean square of what nobody misses: -50 dB below full scale.
const QUIET: f32 = 100.0;
const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// How much time a packet of comfort noise takes for itself: enough to blend it in.
const NOISE_MS: i64 = 5;

impl Ear {
    pub fn new(config: &Config) -> Self {
        let least = Duration::from_millis(config.jitter_least_ms.min(JITTER_MOST_MS).into());
        let most = Duration::from_millis(config.jitter_most_ms.min(JITTER_MOST_MS).into()).max(least);
        Ear {
            least,
            most,
            jitter: JitterBuffer::new(SAMPLE_RATE, least, most),
            decoder: None,
            rate: SAMPLE_RATE,
            pending: Vec::new(),
            pieces: VecDeque::new(),
            end: (0, 0),
            concealer: Concealer::new(SAMPLE_RATE),
            noise: None,
            made_up: 0,
            patience: 0,
            unlike: 0,
            pulled: Instant::ZERO,
            frame: vec![0; frame_samples(SAMPLE_RATE)],
            kind: Kind::Silence,
            said: Instant::ZERO,
            secret: false,
        }
    }

    /// The peer said something. `secret`: while keyed digits were to stay unheard.
    pub fn hear(&mut self, now: Instant, header: &Header, codec: Codec, payload: &[u8], secret: bool) {
        if codec.clock_rate() != self.jitter.clock() {
            self.jitter = JitterBuffer::new(codec.clock_rate(), self.least, self.most);
        }
        let ticks = i64::from(codec::ticks(codec, payload));
        self.jitter.put(now, header, ticks, Some(codec), payload, secret);
    }

    /// The peer falls silent, and says how its silence sounds (RFC 3389).
    pub fn hear_noise(&mut self, now: Instant, header: &Header, payload: &[u8], secret: bool) {
        // It has no end. What follows at once is not to be cut by it.
        let ticks = i64::from(self.jitter.clock()) * NOISE_MS / 1000;
        self.jitter.put(now, header, ticks, None, payload, secret);
    }

    /// The next 20 ms. To be called once in 20 ms.
    pub fn frame(&mut self, now: Instant) -> Frame<'_> {
        self.pulled = now;
        self.fill_frame(now);
        self.keep_pace(now);
        // It may have come upon another codec.
        self.fill_frame(now);

        let delay = self.jitter.delay(now, self.ahead()).max(0);
        let delay = Duration::from_micros(delay.unsigned_abs() * 1_000_000 / u64::from(self.jitter.clock()));
        self.said = now - delay - FRAME;
        self.frame.clear();
        self.frame.extend(self.pending.drain(..frame_samples(self.rate)));
        (self.kind, self.secret) = self.drop_pieces(self.frame.len());
        self.latest()
    }

    /// What has been heard up to now and not been pulled, for the last consumer when it leaves.
    pub fn rest(&mut self, now: Instant, mut consume: impl FnMut(&Frame<'_>)) {
        let last = now + 2 * self.most;
        let mut at = (self.pulled + FRAME).max(now - FRAME);
        while at < last {
            let frame = self.frame(at);
            if frame.said >= now {
                return;
            }
            consume(&frame);
            at += FRAME;
        }
    }

    /// The frame of the last call of [`Ear::frame`] once more.
    pub fn latest(&self) -> Frame<'_> {
        Frame { samples: &self.frame, rate: self.rate, kind: self.kind, said: self.said, secret: self.secret }
    }

    /// Packets that came, and came too late to be heard.
    pub fn too_late(&self) -> u64 {
        let counts = self.jitter.counts();
        counts.late + counts.dropped
    }

    /// How long packets wait here.
    pub fn delay(&self) -> Duration {
        let units = self.jitter.target().unsigned_abs();
        Duration::from_micros(units * 1_000_000 / u64::from(self.jitter.clock()))
    }

    fn fill_frame(&mut self, now: Instant) {
        while let missing @ 1.. = frame_samples(self.rate).saturating_sub(self.pending.len()) {
            self.fill(now, missing);
        }
    }

    fn fill(&mut self, now: Instant, samples: usize) {
        let clock = i64::from(self.jitter.clock());
        let want = (samples as i64 * clock / i64::from(self.rate)).max(1);
        match self.jitter.next(now, want, self.ahead()) {
            Next::Packet { packet, skip } => self.decode(packet, skip),
            Next::Missing(ticks) => {
                let samples = usize::try_from(ticks * i64::from(self.rate) / clock).unwrap_or(0).max(1);
                self.make_up(samples);
            }
        }
    }

    fn decode(&mut self, packet: Packet, skip: i64) {
        let Some(codec) = packet.codec else { return self.begin_noise(packet, skip) };
        if self.decoder.as_ref().map(Decoder::codec) != Some(codec) {
            let rate = codec.sample_rate();
            if rate != self.rate {
                self.rate = rate;
                self.concealer = Concealer::new(rate);
                self.pending.clear();
                self.pieces.clear();
            }
        }
        let decoder = match &mut self.decoder {
            Some(decoder) if decoder.codec() == codec => decoder,
            decoder => decoder.insert(Decoder::new(codec)),
        };
        let first = self.pending.len();
        // What is none of the codec gives nothing, and is made up for as if it had not come.
        decoder.decode(&packet.payload, &mut self.pending);
        let skipped =
            usize::try_from(skip * i64::from(self.rate) / i64::from(self.jitter.clock())).unwrap_or(0);
        self.pending.drain(first..(first + skipped).min(self.pending.len()));
        let seam = self.noise.take().is_some()
            || self.concealer.is_going()
            || (packet.line, packet.place + skip) != self.end;
        if seam && self.pending.len() - first < self.concealer.shortest_blend() {
            // Too little to blend: the next packet comes to the seam.
            self.pending.truncate(first);
        } else if let Some(samples) = self.pending.get_mut(first..) {
            if seam {
                self.concealer.blend(samples);
            }
            self.concealer.hear(samples);
            self.made_up = 0;
            self.end = (packet.line, packet.place + packet.ticks);
        }
        self.append_piece(self.pending.len() - first, Kind::Voice, packet.secret);
        self.jitter.give_back(packet.payload);
    }

    /// The voice gives way to noise.
    fn begin_noise(&mut self, packet: Packet, skip: i64) {
        let level = packet.payload.first().copied().unwrap_or(u8::MAX);
        let ticks = (packet.ticks - skip).max(0);
        let samples = ticks * i64::from(self.rate) / i64::from(self.jitter.clock());
        let begins = self.noise.replace(Noise::new(level)).is_none();
        self.make_noise(usize::try_from(samples).unwrap_or(0).max(1), begins);
        self.end = (packet.line, packet.place + packet.ticks);
        self.jitter.give_back(packet.payload);
    }

    fn make_noise(&mut self, samples: usize, begins: bool) {
        let first = self.pending.len();
        self.pending.resize(first + samples, 0);
        let (Some(noise), Some(made)) = (&mut self.noise, self.pending.get_mut(first..)) else { return };
        noise.fill(made);
        if begins || self.concealer.is_going() {
            self.concealer.blend(made);
        }
        self.concealer.hear(made);
        self.append_piece(samples, Kind::Voice, false);
    }

    /// So many samples in the place of what is missing: as the codec has it, or repeated; silence in the end.
    fn make_up(&mut self, samples: usize) {
        if self.noise.is_some() {
            return self.make_noise(samples, false);
        }
        if self.concealer.is_silent() {
            self.pending.resize(self.pending.len() + samples, 0);
            return self.append_piece(samples, Kind::Silence, false);
        }
        // Made of the last samples, and as secret as they were.
        let secret = self.pieces.back().map_or(self.secret, |piece| piece.secret);
        let first = self.pending.len();
        let soon = self.made_up < self.rate as usize * FADED_MS / 1000;
        self.made_up += samples;
        let by_codec = match &mut self.decoder {
            Some(decoder) if soon && !self.concealer.is_going() => {
                let next = self.jitter.follower().map(|packet| packet.payload.as_slice());
                next.is_some_and(|next| decoder.recover(next, samples, &mut self.pending))
                    || decoder.conceal(samples, &mut self.pending)
            }
            _ => false,
        };
        match self.pending.get(first..) {
            Some(made) if by_codec => self.concealer.hear(made),
            _ => self.concealer.conceal(samples, &mut self.pending),
        }
        self.append_piece(self.pending.len() - first, Kind::Concealed, secret);
    }

    /// Brings the delay towards what the jitter buffer asks for: up soon, down slowly, and rather in quiet.
    fn keep_pace(&mut self, now: Instant) {
        self.patience = self.patience.saturating_sub(1);
        let Some(surplus) = self.jitter.surplus(now, self.ahead()) else { return };
        let milliseconds = |ms: i64| ms * i64::from(self.jitter.clock()) / 1000;
        let anyhow = surplus.abs() > milliseconds(FAR_OFF_MS);
        if (-milliseconds(TOO_SHORT_MS)..=milliseconds(TOO_LONG_IN_QUIET_MS)).contains(&surplus) {
            return;
        }
        if surplus < 0 && !anyhow && self.unlike > 0 {
            self.unlike -= 1;
            return;
        }
        let quiet = stretch::is_quiet(&self.pending, self.rate, QUIET);
        if surplus < 0 {
            let more = stretch::lengthen(&mut self.pending, self.rate, quiet, anyhow);
            if let Some(piece) = self.pieces.front_mut() {
                piece.samples += more;
            }
            self.unlike = if more == 0 { UNLIKE } else { 0 };
        } else if surplus > milliseconds(if quiet { TOO_LONG_IN_QUIET_MS } else { TOO_LONG_MS })
            && (quiet || self.patience == 0)
        {
            let needed = frame_samples(self.rate) + stretch::needed(self.rate);
            while self.pending.len() < needed && self.jitter.is_ready() {
                self.fill(now, needed - self.pending.len());
            }
            if self.pending.len() >= needed {
                let less = stretch::shorten(&mut self.pending, self.rate, quiet, anyhow);
                self.drop_pieces(less);
                self.patience = PATIENCE;
            }
        }
    }

    /// What was taken from the jitter buffer and is not yet heard, in units of its clock.
    fn ahead(&self) -> i64 {
        self.pending.len() as i64 * i64::from(self.jitter.clock()) / i64::from(self.rate)
    }

    fn append_piece(&mut self, samples: usize, kind: Kind, secret: bool) {
        match self.pieces.back_mut() {
            Some(last) if (last.kind, last.secret) == (kind, secret) => last.samples += samples,
            _ => self.pieces.push_back(Piece { samples, kind, secret }),
        }
    }

    /// So many samples leave `pending` at its front: what most of them were, and whether any was secret.
    fn drop_pieces(&mut self, mut samples: usize) -> (Kind, bool) {
        let (mut kind, mut most, mut secret) = (Kind::Silence, 0, false);
        while samples > 0
            && let Some(piece) = self.pieces.front_mut()
        {
            let part = piece.samples.min(samples);
            if part > most {
                (kind, most) = (piece.kind, part);
            }
            secret |= piece.secret;
            samples -= part;
            piece.samples -= part;
            if piece.samples == 0 {
                self.pieces.pop_front();
            }
        }
        (kind, secret)
    }
}

fn frame_samples(rate: u32) -> usize {
    rate as usize / 50
}

#[cfg(test)]
mod tests;
