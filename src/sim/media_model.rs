//! Media without sound: who hears what for how long, who has spoken, which keys were pressed.
//!
//! It takes the commands that the media engine takes and reports the events that the engine reports, at the
//! times that the prompts' real lengths give. What a person on the line would notice comes out as a [`Cue`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::network::Phone;
use crate::base::{Catalog, Clip, Instant, LegId, Masked, PlayId, RecordingId};
use crate::media::{Command, Digit, DigitMeans, EndWhy, Event, QualityReport, Sound};

/// Silence on the wire after which a peer counts as gone, and the same while it holds us: the engine's.
const GONE_AFTER: Duration = Duration::from_secs(20);
const GONE_AFTER_HELD: Duration = Duration::from_secs(300);

/// What somebody notices who has a phone at the ear.
#[derive(Clone, PartialEq, Debug)]
pub enum Cue {
    /// The hotline has answered.
    Answered,
    /// Something begins to play; `lasts` is `None` where it repeats.
    Hears { clips: Vec<Clip>, lasts: Option<Duration> },
    /// What played has ended or was cut off.
    Silence,
    /// Somebody else is on the line.
    Talks,
    /// They are gone again.
    Alone,
    /// The tone has sounded and what is said is kept.
    Speaks,
}

/// Something that the model wants to be called for later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    PlayEnds { leg: LegId, play: PlayId },
    RecordingEnds { recording: RecordingId, version: u32, why: EndWhy },
    PeerGone { leg: LegId, version: u32 },
}

/// What follows from a command or a deadline.
#[derive(Default, Debug)]
pub(super) struct Outcome {
    pub events: Vec<Event>,
    pub later: Vec<(Instant, Due)>,
    pub cues: Vec<(Phone, Cue)>,
}

pub(super) struct MediaModel {
    catalog: Arc<Catalog>,
    legs: BTreeMap<LegId, Leg>,
    by_phone: BTreeMap<IpAddr, LegId>,
    running: BTreeMap<RecordingId, Recording>,
    /// What is on disk, for who plays it back.
    lengths: BTreeMap<RecordingId, Duration>,
    /// Phones that send nothing any more.
    mute: BTreeSet<IpAddr>,
}

#[derive(Default)]
struct Leg {
    phone: Option<Phone>,
    held: bool,
    playing: Option<Playing>,
    bridged: Option<LegId>,
    /// Of the deadline that the peer is gone; an older one is void.
    version: u32,
}

struct Playing {
    play: PlayId,
    clips: Vec<Clip>,
    repeat: bool,
}

struct Recording {
    left: LegId,
    two_sided: bool,
    began: Instant,
    voiced: Duration,
    silence_ends: Option<Duration>,
    version: u32,
}

impl MediaModel {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        MediaModel {
            catalog,
            legs: BTreeMap::new(),
            by_phone: BTreeMap::new(),
            running: BTreeMap::new(),
            lengths: BTreeMap::new(),
            mute: BTreeSet::new(),
        }
    }

    pub(super) fn handle(&mut self, now: Instant, command: &Command, out: &mut Outcome) {
        match command {
            Command::Open { leg, .. } => {
                self.legs.insert(*leg, Leg::default());
            }
            Command::Connect { leg, stream } => {
                let phone = Phone::at(stream.remote_rtp.ip());
                let Some(state) = self.legs.get_mut(leg) else { return };
                let first = state.phone.is_none();
                state.phone = phone.or(state.phone);
                state.held = stream.held;
                if let Some(phone) = phone {
                    self.by_phone.insert(phone.ip(), *leg);
                }
                if first && state.playing.is_some() {
                    self.start_playing(now, *leg, out);
                }
                self.watch(now, *leg, out);
            }
            // The exchange gives plays with their clips: see `play`.
            Command::Play { .. } | Command::Library(_) => {}
            Command::SendDigits { .. }
            | Command::HearTones { .. }
            | Command::Secret { .. }
            | Command::Protect { .. }
            // No simulated phone is a browser.
            | Command::Await { .. }
            | Command::Secured { .. } => {}
            // Who else hears a talk changes nothing for those who talk.
            Command::Hear { .. } | Command::RecordThird { .. } | Command::PauseRecording { .. } => {}
            Command::PlayOver { leg, clips, .. } => {
                let Some(state) = self.legs.get(leg) else { return };
                let (Some(phone), Some(playing)) = (state.phone, &state.playing) else { return };
                let words = clips.iter().filter_map(|sound| match sound {
                    Sound::Prompt(id) => Some(Clip::Prompt(*id)),
                    _ => None,
                });
                let clips = words.chain(playing.clips.iter().cloned()).collect();
                out.cues.push((phone, Cue::Hears { clips, lasts: None }));
            }
            Command::Stop { leg } => {
                let Some(state) = self.legs.get_mut(leg) else { return };
                if state.playing.take().is_some() {
                    out.cues.extend(state.phone.map(|phone| (phone, Cue::Silence)));
                }
            }
            Command::Bridge { a, b } => {
                for (one, other) in [(*a, *b), (*b, *a)] {
                    if let Some(state) = self.legs.get_mut(&one) {
                        state.bridged = Some(other);
                        out.cues.extend(state.phone.map(|phone| (phone, Cue::Talks)));
                    }
                }
            }
            Command::Unbridge { leg } => self.unbridge(*leg, out),
            Command::Record { recording, left, right, longest, silence_ends } => {
                self.record(now, *recording, *left, right.is_some(), *longest, *silence_ends, out);
            }
            Command::StopRecording { recording } => self.end_recording(now, *recording, EndWhy::Stopped, out),
            Command::Close { leg } => {
                self.unbridge(*leg, out);
                let ended: Vec<_> =
                    self.running.iter().filter(|(_, r)| r.left == *leg).map(|(id, _)| *id).collect();
                for recording in ended {
                    self.end_recording(now, recording, EndWhy::Closed, out);
                }
                let Some(state) = self.legs.remove(leg) else { return };
                out.events.push(Event::Quality { leg: *leg, report: QualityReport::default(), last: true });
                if let Some(phone) = state.phone
                    && self.by_phone.get(&phone.ip()) == Some(leg)
                {
                    self.by_phone.remove(&phone.ip());
                }
            }
        }
    }

    /// What the exchange's `Output::Play` asks for.
    pub(super) fn play(
        &mut self,
        now: Instant,
        leg: LegId,
        play: PlayId,
        clips: &[Clip],
        repeat: bool,
        out: &mut Outcome,
    ) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        state.playing = Some(Playing { play, clips: clips.to_vec(), repeat });
        if state.phone.is_some() {
            self.start_playing(now, leg, out);
        }
    }

    pub(super) fn handle_due(&mut self, now: Instant, due: Due, out: &mut Outcome) {
        match due {
            Due::PlayEnds { leg, play } => {
                let Some(state) = self.legs.get_mut(&leg) else { return };
                if state.playing.as_ref().is_some_and(|playing| playing.play == play) {
                    state.playing = None;
                    out.events.push(Event::Played { leg, play });
                    out.cues.extend(state.phone.map(|phone| (phone, Cue::Silence)));
                }
            }
            Due::RecordingEnds { recording, version, why } => {
                // Whoever speaks moves the end by silence; the longest length stands.
                let holds = |running: &Recording| why == EndWhy::Longest || running.version == version;
                if self.running.get(&recording).is_some_and(holds) {
                    self.end_recording(now, recording, why, out);
                }
            }
            Due::PeerGone { leg, version } => {
                let gone = self.legs.get(&leg).is_some_and(|state| {
                    state.version == version
                        && state.phone.is_some_and(|phone| self.mute.contains(&phone.ip()))
                });
                if gone {
                    out.events.push(Event::RtpTimeout { leg });
                }
            }
        }
    }

    /// The caller presses a key.
    pub(super) fn press(&self, phone: Phone, key: char, out: &mut Outcome) {
        if let (Some(leg), Some(digit)) = (self.by_phone.get(&phone.ip()), Digit::from_char(key)) {
            let digit = Masked::new(digit);
            out.events.push(Event::Digit { leg: *leg, digit, by: DigitMeans::TelephoneEvent });
        }
    }

    /// The caller says something that is being recorded.
    pub(super) fn speak(&mut self, now: Instant, phone: Phone, length: Duration, out: &mut Outcome) {
        let Some(leg) = self.by_phone.get(&phone.ip()) else { return };
        for (id, recording) in self.running.iter_mut().filter(|(_, r)| r.left == *leg && !r.two_sided) {
            recording.voiced += length;
            recording.version += 1;
            if let Some(silence) = recording.silence_ends {
                let due =
                    Due::RecordingEnds { recording: *id, version: recording.version, why: EndWhy::Silence };
                out.later.push((now + length + silence, due));
            }
        }
    }

    /// The phone sends nothing from now on.
    pub(super) fn mute(&mut self, now: Instant, phone: Phone, out: &mut Outcome) {
        self.mute.insert(phone.ip());
        if let Some(leg) = self.by_phone.get(&phone.ip()).copied() {
            self.watch(now, leg, out);
        }
    }

    pub(super) fn unmute(&mut self, phone: Phone) {
        self.mute.remove(&phone.ip());
    }

    /// What is still open, by name and count: nothing, when every call is over.
    pub(super) fn left_over(&self) -> Vec<(&'static str, usize)> {
        let counts = [("media legs", self.legs.len()), ("recordings", self.running.len())];
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    fn start_playing(&mut self, now: Instant, leg: LegId, out: &mut Outcome) {
        let Some(state) = self.legs.get(&leg) else { return };
        let (Some(phone), Some(playing)) = (state.phone, &state.playing) else { return };
        let lasts = (!playing.repeat).then(|| playing.clips.iter().map(|clip| self.length(clip)).sum());
        if let Some(lasts) = lasts {
            out.later.push((now + lasts, Due::PlayEnds { leg, play: playing.play }));
        }
        out.cues.push((phone, Cue::Hears { clips: playing.clips.clone(), lasts }));
    }

    fn length(&self, clip: &Clip) -> Duration {
        match clip {
            Clip::Prompt(id) => self.catalog.get(*id).map_or(Duration::ZERO, |prompt| prompt.duration),
            Clip::Silence(length) => *length,
            Clip::Recording(id) => self.lengths.get(id).copied().unwrap_or_default(),
        }
    }

    /// Looks again when the peer of a leg would count as gone.
    fn watch(&mut self, now: Instant, leg: LegId, out: &mut Outcome) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        state.version += 1;
        if state.phone.is_some_and(|phone| self.mute.contains(&phone.ip())) {
            let after = if state.held { GONE_AFTER_HELD } else { GONE_AFTER };
            out.later.push((now + after, Due::PeerGone { leg, version: state.version }));
        }
    }

    fn unbridge(&mut self, leg: LegId, out: &mut Outcome) {
        let other = self.legs.get_mut(&leg).and_then(|state| state.bridged.take());
        let Some(other) = other else { return };
        for one in [leg, other] {
            if let Some(state) = self.legs.get_mut(&one) {
                state.bridged = None;
                out.cues.extend(state.phone.map(|phone| (phone, Cue::Alone)));
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // As many as the command has.
    fn record(
        &mut self,
        now: Instant,
        recording: RecordingId,
        left: LegId,
        two_sided: bool,
        longest: Duration,
        silence_ends: Option<Duration>,
        out: &mut Outcome,
    ) {
        let Some(state) = self.legs.get(&left) else {
            let (length, voiced) = (Duration::ZERO, Duration::ZERO);
            out.events.push(Event::RecordingEnded { recording, length, voiced, why: EndWhy::Closed });
            return;
        };
        out.cues.extend(state.phone.filter(|_| !two_sided).map(|phone| (phone, Cue::Speaks)));
        let version = 0;
        let new = Recording { left, two_sided, began: now, voiced: Duration::ZERO, silence_ends, version };
        self.running.insert(recording, new);
        out.later.push((now + longest, Due::RecordingEnds { recording, version, why: EndWhy::Longest }));
        if let Some(silence) = silence_ends {
            out.later.push((now + silence, Due::RecordingEnds { recording, version, why: EndWhy::Silence }));
        }
    }

    fn end_recording(&mut self, now: Instant, recording: RecordingId, why: EndWhy, out: &mut Outcome) {
        let Some(ended) = self.running.remove(&recording) else { return };
        let length = now.since(ended.began);
        let voiced = if ended.two_sided { length } else { ended.voiced.min(length) };
        self.lengths.insert(recording, length);
        out.events.push(Event::RecordingEnded { recording, length, voiced, why });
    }
}
