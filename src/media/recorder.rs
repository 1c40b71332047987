//! Recording: what one party says, or two, on one time line.
//!
//! The frames of each party's ear, or its packets, are laid on the time line where they were said, so that both channels
//! are in step however long either is kept for the jitter of its network. The line is handed over in pieces, 300 ms
//! after the fact, so that the ear which waits longest still finds its place.

mod spoken;
mod track;

use std::time::Duration;

use crate::base::{Instant, Law, RecordingId};

use super::ear::Frame;
use super::mixer::limit;
use super::{Audio, EndWhy, Event, FRAME_SAMPLES, Header, SAMPLE_RATE};
use track::{Track, WINDOW};

/// Which channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    /// With the right one: somebody who has joined them.
    Third,
}

/// What a party said, in a packet of G.711.
pub(super) struct Packet<'a> {
    pub header: &'a Header,
    pub law: Law,
    pub payload: &'a [u8],
    /// It was said while keyed digits were to stay unheard.
    pub secret: bool,
}

pub(super) struct Recorder {
    recording: RecordingId,
    started: Instant,
    left: Track,
    right: Option<Track>,
    third: Option<Track>,
    /// Samples handed over.
    taken: u64,
    /// Deadline "longest", in samples.
    longest: u64,
    /// Deadline "silence", in frames.
    silence_ends: Option<u64>,
    /// Samples handed over at once.
    piece: u64,
    paused: bool,
    /// Below this loudness nobody speaks.
    level: u16,
    /// Only where somebody leaves a message: how long two talked is how long their recording is.
    voice: Option<VoiceDetector>,
}

/// Samples in a piece of audio: 320 ms. A crash costs this, the lateness, and what the host keeps of it.
const PIECE: u64 = 16 * FRAME_SAMPLES as u64;
/// The same where silence ends the recording: it is looked for piece by piece.
const SHORT_PIECE: u64 = 8 * FRAME_SAMPLES as u64;
/// How long after it was said a frame may come before its place has been handed over, in samples (300 ms).
const LATENESS: u64 = 2400;

impl Recorder {
    pub fn new(
        now: Instant,
        recording: RecordingId,
        stereo: bool,
        longest: Duration,
        silence_ends: Option<Duration>,
        voice_level: u16,
    ) -> Self {
        Recorder {
            recording,
            started: now,
            left: Track::new(0, voice_level),
            right: stereo.then(|| Track::new(0, voice_level)),
            third: None,
            taken: 0,
            longest: samples_of(longest),
            silence_ends: silence_ends.map(|time| samples_of(time) / FRAME_SAMPLES as u64),
            piece: if silence_ends.is_some() { SHORT_PIECE } else { PIECE },
            paused: false,
            level: voice_level,
            voice: (!stereo || silence_ends.is_some()).then(VoiceDetector::default),
        }
    }

    /// A third voice is heard from now on, on the channel of the second; what it has said stays.
    pub fn join(&mut self) {
        let (taken, level) = (self.taken, self.level);
        self.third.get_or_insert_with(|| Track::new(taken, level));
    }

    /// What is said while paused leaves its place blank.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// A party said something. What is secret leaves its place blank.
    pub fn lay(&mut self, side: Side, frame: &Frame<'_>) {
        let since = frame.said.as_micros() as i64 - self.started.as_micros() as i64;
        let place = since * i64::from(SAMPLE_RATE) / 1_000_000;
        let paused = self.paused;
        match self.track(side) {
            Some(track) if paused => track.pause(),
            Some(track) => track.lay(place, frame),
            None => {}
        }
    }

    /// A packet of a party arrived. What is secret leaves its place blank.
    pub fn hear(&mut self, now: Instant, side: Side, packet: &Packet<'_>) {
        let (began, paused) = (self.started, self.paused);
        if let Some(track) = self.track(side) {
            track.hear(now, began, packet, paused);
        }
    }

    fn track(&mut self, side: Side) -> Option<&mut Track> {
        match side {
            Side::Left => Some(&mut self.left),
            Side::Right => self.right.as_mut(),
            Side::Third => self.third.as_mut(),
        }
    }

    fn tracks(&mut self) -> impl Iterator<Item = &mut Track> {
        [Some(&mut self.left), self.right.as_mut(), self.third.as_mut()].into_iter().flatten()
    }

    /// What is due by now. With `Some(why)` the recording is over and this was its last piece.
    pub fn advance(&mut self, now: Instant) -> (Option<Audio>, Option<EndWhy>) {
        let ready = samples_of(now.since(self.started)).saturating_sub(LATENESS).min(self.longest);
        let due = ready.saturating_sub(self.taken);
        if ready == self.longest {
            self.take(due)
        } else if due >= self.piece {
            // Whole frames, as they lie in the window.
            self.take(due - due % FRAME_SAMPLES as u64)
        } else {
            (None, None)
        }
    }

    /// When there is something to hand over.
    pub fn due(&self) -> Instant {
        self.started + duration_of((self.taken + self.piece).min(self.longest) + LATENESS)
    }

    /// The rest up to now.
    pub fn finish(&mut self, now: Instant) -> Option<Audio> {
        let here = samples_of(now.since(self.started)).min(self.longest);
        self.take(here.saturating_sub(self.taken)).0
    }

    pub fn ended(&self, why: EndWhy) -> Event {
        let voiced = self.voice.as_ref().map_or(self.taken, |voice| voice.voiced * FRAME_SAMPLES as u64);
        let (length, voiced) = (duration_of(self.taken), duration_of(voiced));
        Event::RecordingEnded { recording: self.recording, length, voiced, why }
    }

    fn take(&mut self, due: u64) -> (Option<Audio>, Option<EndWhy>) {
        let channels = if self.right.is_some() { 2 } else { 1 };
        // A host that stalled may be far behind: what no longer lies in the window was silence anyway.
        let mut samples = Vec::with_capacity(usize::try_from(due).unwrap_or(0).min(2 * WINDOW) * channels);
        let mut why = None;
        let end = self.taken + due;
        self.tracks().for_each(|track| track.settle(end));
        while self.taken < end && why.is_none() {
            // Up to the end of a frame of the window, so that it lies there in one piece.
            let within = self.taken % FRAME_SAMPLES as u64;
            let count = (end - self.taken).min(FRAME_SAMPLES as u64 - within);
            let first = samples.len();
            samples.resize(first + count as usize * channels, 0);
            let frame = samples.get_mut(first..).unwrap_or_default();
            let left = self.left.front(count);
            match &self.right {
                None => frame.copy_from_slice(left),
                Some(right) => interleave(left, right.front(count), frame),
            }
            if let Some(third) = &self.third {
                add(third.front(count), frame, channels);
            }
            self.tracks().for_each(|track| track.clear(count));
            self.taken += count;
            let Some(voice) = &mut self.voice else { continue };
            voice.listen(frame, channels, self.level);
            if self.silence_ends.is_some_and(|frames| voice.quiet >= frames) {
                why = Some(EndWhy::Silence);
            }
        }
        if why.is_none() && self.taken >= self.longest {
            why = Some(EndWhy::Longest);
        }
        let audio = Audio { recording: self.recording, channels: channels as u16, samples };
        ((!audio.samples.is_empty()).then_some(audio), why)
    }
}

/// Left, right, left, right. All three are of one frame.
fn interleave(left: &[i16], right: &[i16], both: &mut [i16]) {
    for ((both, left), right) in both.as_chunks_mut().0.iter_mut().zip(left).zip(right) {
        *both = [*left, *right];
    }
}

/// A third voice on the last of the channels.
fn add(third: &[i16], frame: &mut [i16], channels: usize) {
    let last = frame.iter_mut().skip(channels - 1).step_by(channels);
    for (sample, third) in last.zip(third) {
        *sample = limit(i32::from(*sample) + i32::from(*third));
    }
}

/// Tells a voice from silence, frame by frame: a single loud frame is a click.
#[derive(Default)]
struct VoiceDetector {
    /// Loud frames in a row.
    loud: u64,
    /// Frames since the last voice, or since the beginning.
    quiet: u64,
    /// Frames of voice.
    voiced: u64,
}

/// So many loud frames in a row are a voice.
const VOICE: u64 = 3;

impl VoiceDetector {
    /// `samples` of one frame, interleaved: a voice on any channel that is as loud as `level` counts.
    fn listen(&mut self, samples: &[i16], channels: usize, level: u16) {
        let power_of = |channel: usize| {
            let squares = samples.iter().skip(channel).step_by(channels).map(|s| i64::from(*s).pow(2));
            squares.sum::<i64>() / (samples.len() / channels).max(1) as i64
        };
        let threshold = i64::from(level).pow(2);
        self.quiet += 1;
        if (0..channels).all(|channel| power_of(channel) < threshold) {
            self.loud = 0;
            return;
        }
        self.loud += 1;
        if self.loud >= VOICE {
            self.voiced += if self.loud == VOICE { VOICE } else { 1 };
            self.quiet = 0;
        }
    }
}

fn samples_of(time: Duration) -> u64 {
    let rate = u64::from(SAMPLE_RATE);
    time.as_secs().saturating_mul(rate).saturating_add(u64::from(time.subsec_micros()) * rate / 1_000_000)
}

fn duration_of(samples: u64) -> Duration {
    let rate = u64::from(SAMPLE_RATE);
    Duration::from_secs(samples / rate) + Duration::from_micros(samples % rate * 1_000_000 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ear::Kind;

    const HOUR: Duration = Duration::from_secs(3600);

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    struct Fixture {
        recorder: Recorder,
        audio: Vec<i16>,
        pieces: usize,
        now: u64,
        ended: Option<(u64, EndWhy)>,
    }

    impl Fixture {
        fn new(stereo: bool, longest: Duration, silence_ends: Option<Duration>) -> Self {
            let recorder = Recorder::new(ms(0), RecordingId(1), stereo, longest, silence_ends, 200);
            Fixture { recorder, audio: Vec::new(), pieces: 0, now: 0, ended: None }
        }

        fn until(&mut self, to: u64) {
            while self.now < to && self.ended.is_none() {
                self.now += 1;
                let (audio, why) = self.recorder.advance(ms(self.now));
                self.keep(audio);
                self.ended = why.map(|why| (self.now, why));
            }
        }

        fn keep(&mut self, audio: Option<Audio>) {
            if let Some(audio) = audio {
                self.pieces += 1;
                self.audio.extend(audio.samples);
            }
        }

        fn finish(&mut self) {
            let audio = self.recorder.finish(ms(self.now));
            self.keep(audio);
        }

        /// What was said in the 20 ms before now.
        fn hear(&mut self, side: Side, value: i16, secret: bool) {
            let said = ms(self.now - 20);
            let samples = &[value; 160];
            self.recorder.lay(side, &Frame { samples, rate: 8000, kind: Kind::Voice, said, secret });
        }
    }

    #[test]
    fn two_parties_are_in_step_however_late_their_frames_come() {
        let mut f = Fixture::new(true, HOUR, None);
        for n in 0..100u64 {
            f.until((n + 1) * 20);
            f.hear(Side::Left, n as i16, false);
            // Said 7 ms later; kept for 200 ms.
            if n >= 10 && n != 50 {
                let frame = Frame {
                    samples: &[n as i16 - 10; 160],
                    rate: 8000,
                    kind: Kind::Voice,
                    said: ms((n - 10) * 20 + 7),
                    secret: false,
                };
                f.recorder.lay(Side::Right, &frame);
            }
        }
        f.until(2020);
        f.finish();
        assert_eq!(f.audio.len(), 2 * 2020 * 8);
        for (place, pair) in f.audio.chunks(2).enumerate().take(89 * 160) {
            assert_eq!(pair[0], (place / 160) as i16, "left at {place}");
            // 7 ms are 56 samples.
            let right = match place.checked_sub(56).map(|p| p / 160) {
                None | Some(40) => 0,
                Some(n) => n as i16,
            };
            assert_eq!(pair[1], right, "right at {place}");
        }
        assert!((5..=7).contains(&f.pieces), "{}", f.pieces);
    }

    #[test]
    fn silence_ends_a_message_after_the_voice() {
        let mut f = Fixture::new(false, HOUR, Some(Duration::from_secs(2)));
        for n in 0..200u64 {
            f.until((n + 1) * 20);
            let value = if n < 50 || n == 120 { 5000 } else { 8 }; // one second of voice; a click
            f.hear(Side::Left, value, false);
        }
        let (at, why) = f.ended.expect("ended");
        assert_eq!(why, EndWhy::Silence);
        assert!((3300..3500).contains(&at), "{at}");
        let Event::RecordingEnded { length, voiced, .. } = f.recorder.ended(why) else {
            panic!("another event")
        };
        assert_eq!((length, voiced), (Duration::from_secs(3), Duration::from_secs(1)));
        assert_eq!(f.audio.len(), 3 * 8000);
    }

    #[test]
    fn nobody_says_anything() {
        let mut f = Fixture::new(false, HOUR, Some(Duration::from_secs(1)));
        f.until(2000);
        assert!(matches!(f.ended, Some((1300..=1460, EndWhy::Silence))), "{:?}", f.ended);
        let Event::RecordingEnded { voiced, .. } = f.recorder.ended(EndWhy::Silence) else { panic!() };
        assert_eq!(voiced, Duration::ZERO);
    }

    #[test]
    fn the_longest_is_exact() {
        let mut f = Fixture::new(false, Duration::from_millis(1010), None);
        f.until(5000);
        assert_eq!(f.ended, Some((1310, EndWhy::Longest)));
        assert_eq!(f.audio.len(), 1010 * 8);
    }

    #[test]
    fn what_is_secret_is_blank_and_keeps_its_place() {
        let mut f = Fixture::new(false, HOUR, None);
        for n in 0..10u64 {
            f.until((n + 1) * 20);
            f.hear(Side::Left, 7, (3..6).contains(&n));
        }
        f.finish();
        let expected: Vec<i16> =
            (0..10).flat_map(|n| [if (3..6).contains(&n) { 0 } else { 7 }; 160]).collect();
        assert_eq!(f.audio, expected);
    }
}
