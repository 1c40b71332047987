//! All legs of one worker.

mod conference;
mod recording;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::{Instant, LegId, Masked, PlayId};

use super::outbox::{Outbox, Output};
use super::outgoing::Outgoing;
use super::player::Player;
use super::recorder::Recorder;
use super::session::{Content, Place, Seat, Session};
use super::{Channel, Command, Config, DigitMeans, EndWhy, Event, FRAME_MS, Library, Stream};

pub(super) use conference::Mixing;
use recording::{Due, Recordings};

/// The media of all legs of one worker thread. After each `handle_…` call, or a batch of them, drain
/// [`Engine::poll_output`].
pub struct Engine {
    config: Config,
    library: Arc<Library>,
    places: BTreeMap<LegId, Place>,
    sessions: Vec<Option<Session>>,
    free: Vec<Place>,
    recordings: Recordings,
    /// Who is due in which of the 20 milliseconds, so that a tick costs what is due and not what is open.
    slots: [Slot; SLOTS],
    /// The last millisecond done.
    ticked: Option<u64>,
    out: Outbox,
    /// Where a protected packet becomes a plain one.
    plain: Vec<u8>,
    counters: Counters,
}

/// Packets that no leg wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// For a leg that is not open, or not any more.
    pub no_leg: u64,
}

#[derive(Default)]
struct Slot {
    sessions: Vec<Place>,
    /// Those whose frames are due half a frame earlier or later, with packets that are due now.
    halves: Vec<Place>,
    recordings: Vec<Due>,
}

const SLOTS: usize = FRAME_MS as usize;
/// A host that was stopped for longer does not pour out all the frames of that time: listeners would drop them.
const CATCH_UP_MS: u64 = 100;

impl Engine {
    pub fn new(config: Config) -> Self {
        Engine {
            config,
            library: Arc::default(),
            places: BTreeMap::new(),
            sessions: Vec::new(),
            free: Vec::new(),
            recordings: Recordings::default(),
            slots: Default::default(),
            ticked: None,
            out: Outbox::default(),
            plain: Vec::new(),
            counters: Counters::default(),
        }
    }

    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Library(library) => {
                if library.len() >= self.library.len() {
                    self.library = library;
                }
            }
            Command::Open { leg, rtp_port: _, ssrc, sequence, timestamp } => {
                self.open(now, leg, Outgoing::new(now, ssrc, sequence, timestamp));
            }
            Command::Connect { leg, mut stream } => {
                stream.remote_rtp = canonical(stream.remote_rtp);
                stream.remote_rtcp = canonical(stream.remote_rtcp);
                let session = find(&self.places, &mut self.sessions, leg);
                if let Some(stream) = session.and_then(|session| session.agree(now, stream)) {
                    self.connect(now, leg, stream);
                }
            }
            Command::Await { leg, terms: _ } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.await_way();
                }
            }
            Command::Secured { leg, peer, keys } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.protect(now, Some(keys));
                    if let Some(stream) = session.way_is_open(canonical(peer)) {
                        self.connect(now, leg, stream);
                    }
                }
            }
            Command::Protect { leg, keys } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.protect(now, keys);
                }
            }
            Command::Play { leg, play, clips, repeat } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.player = Player::new(play, clips, repeat, &self.library);
                    session.hush();
                    if session.player.is_none() && !repeat {
                        self.out.event(Event::Played { leg, play });
                    }
                }
            }
            Command::Stop { leg } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.player = None;
                    session.hush();
                }
            }
            Command::PlayOver { leg, clips, repeat } => {
                let player = Player::new(PlayId(0), clips, repeat, &self.library);
                self.play_over(leg, player);
            }
            Command::Bridge { a, b } => self.bridge(a, b),
            Command::Hear { leg, others } => self.listen_to(leg, &others),
            Command::Unbridge { leg } => self.unbridge(leg),
            Command::Record { recording, left, right, longest, silence_ends } => {
                let level = self.config.voice_level;
                let recorder = Recorder::new(now, recording, right.is_some(), longest, silence_ends, level);
                self.record(recording, recorder, left, right);
            }
            Command::RecordThird { recording, third } => self.record_third(recording, third),
            Command::PauseRecording { recording, paused } => {
                if let Some(recording) = self.recordings.get(recording) {
                    recording.recorder.pause(paused);
                }
            }
            Command::StopRecording { recording } => self.end_recording(now, recording, EndWhy::Stopped),
            Command::SendDigits { leg, digits } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.press(digits.expose());
                }
            }
            Command::HearTones { leg, on } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.hear_tones(on);
                }
            }
            Command::Secret { leg, on } => {
                if let Some(session) = find(&self.places, &mut self.sessions, leg) {
                    session.set_secret(now, on);
                }
            }
            Command::Close { leg } => self.close(now, leg),
        }
    }

    fn connect(&mut self, now: Instant, leg: LegId, stream: Stream) {
        let Some(session) = find(&self.places, &mut self.sessions, leg) else { return };
        session.connect(now, &self.config, stream);
        session.tell_peer(&mut self.out);
        let (half, has) = (half_way(session.slot), session.has_halves());
        if let (Some(slot), Some(place)) = (self.slots.get_mut(half), self.places.get(&leg)) {
            slot.halves.retain(|other| other != place);
            slot.halves.extend(has.then_some(*place));
        }
    }

    /// Where a leg sits while it is open.
    pub fn seat(&self, leg: LegId) -> Option<Seat> {
        self.places.get(&leg).map(|place| Seat { leg, place: *place })
    }

    /// A datagram from `from` that arrived on the port of the leg in this seat.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        Seat { leg, place }: Seat,
        channel: Channel,
        from: SocketAddr,
        packet: &[u8],
    ) {
        let from = canonical(from);
        let session = self.sessions.get_mut(place).and_then(Option::as_mut);
        let Some(session) = session.filter(|session| session.seat.leg == leg) else {
            self.counters.no_leg += 1;
            return;
        };
        let Some(channel) = session.channel_of(channel, packet) else { return };
        if !session.is_protected() {
            return self.hear(now, place, channel, from, packet);
        }
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        plain.extend_from_slice(packet);
        if let Some(packet) = session.open_packet(now, channel, &mut plain) {
            self.hear(now, place, channel, from, packet);
        }
        self.plain = plain;
    }

    /// A packet in the clear.
    fn hear(&mut self, now: Instant, place: Place, channel: Channel, from: SocketAddr, packet: &[u8]) {
        let Some(Some(session)) = self.sessions.get_mut(place) else { return };
        let leg = session.seat.leg;
        if channel == Channel::Rtcp {
            return session.accept_rtcp(now, from, packet);
        }
        let Some(heard) = session.accept_rtp(now, from, packet) else { return };
        if heard.first {
            self.out.event(Event::FirstPacket { leg });
        }
        let key = if heard.content == Content::Keys { session.key(now, &heard) } else { None };
        if let Some(digit) = key {
            let digit = Masked::new(digit);
            self.out.event(Event::Digit { leg, digit, by: DigitMeans::TelephoneEvent });
        }
        if !session.may_speak() {
            return;
        }
        let secret = session.is_secret(now);
        if let Some(packet) = session.listen(now, &self.config, &heard) {
            self.recordings.hear(now, &session.recordings, &packet);
        }
        if !secret {
            self.forward(now, place, &heard, key);
        }
    }

    /// Once in a millisecond. Late calls are made up for, up to `CATCH_UP_MS`.
    pub fn handle_tick(&mut self, now: Instant) {
        let now_ms = now.as_micros() / 1000;
        let from = match self.ticked {
            Some(done) => (done + 1).max((now_ms + 1).saturating_sub(CATCH_UP_MS)),
            None => now_ms,
        };
        for ms in from..=now_ms {
            self.tick(ms);
        }
        self.ticked = Some(self.ticked.unwrap_or(0).max(now_ms));
    }

    /// The next piece of output, in order; `None` when all is drained, which also frees the buffer for reuse.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        self.out.poll()
    }

    /// How many legs are open.
    pub fn legs(&self) -> usize {
        self.places.len()
    }

    /// How many recordings are going on.
    pub fn recordings(&self) -> usize {
        self.recordings.len()
    }

    /// How many legs hear a mix at present.
    pub fn mixes(&self) -> usize {
        self.sessions.iter().flatten().filter(|session| session.mixing.is_some()).count()
    }

    /// How many legs hear the other side of their bridge in another codec than it speaks, so that each frame is
    /// encoded for them.
    pub fn translations(&self) -> usize {
        self.sessions.iter().flatten().filter(|session| session.is_translated()).count()
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn tick(&mut self, ms: u64) {
        let now = Instant::from_micros(ms * 1000);
        let Some(slot) = self.slots.get_mut((ms % FRAME_MS) as usize) else { return };
        let places = std::mem::take(&mut slot.sessions);
        let ducked = self.config.ducked();
        for place in &places {
            hand_out(now, &self.config, *place, &mut self.sessions, &mut self.recordings, &mut self.out);
            let voices = self.mixed(now, *place);
            if voices.is_none() {
                translate(now, *place, &mut self.sessions, &mut self.out);
            }
            let Some(Some(session)) = self.sessions.get_mut(*place) else { continue };
            session.tell_peer(&mut self.out);
            let played_over = session.is_played_over();
            session.speak(now, &self.library, voices, ducked, &mut self.out);
            if played_over && !session.is_played_over() {
                self.arrange(*place);
            }
            let Some(Some(session)) = self.sessions.get_mut(*place) else { continue };
            if session.report_is_due(now) {
                let (seat, channel) = (session.seat, session.report_channel());
                let write = |bytes: &mut Vec<u8>| session.write_report(now, &self.config, false, bytes);
                self.out.rtcp(seat, channel, write);
                let (leg, report) = (session.seat.leg, session.quality());
                self.out.event(Event::Quality { leg, report, last: false });
            }
            if session.times_out(now, &self.config) {
                self.out.event(Event::RtpTimeout { leg: session.seat.leg });
            }
        }
        let Some(slot) = self.slots.get_mut((ms % FRAME_MS) as usize) else { return };
        slot.sessions = places;
        for place in &slot.halves {
            if let Some(Some(session)) = self.sessions.get_mut(*place) {
                session.speak_half(now, &mut self.out);
            }
        }
        self.take_recorded(now);
    }

    fn open(&mut self, now: Instant, leg: LegId, out: Outgoing) {
        if self.places.contains_key(&leg) {
            return;
        }
        let slot = least(&self.slots, |slot| slot.sessions.len());
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.sessions.push(None);
                self.sessions.len() - 1
            }
        };
        let session = Some(Session::new(now, Seat { leg, place }, slot, out));
        if let (Some(room), Some(slot)) = (self.sessions.get_mut(place), self.slots.get_mut(slot)) {
            *room = session;
            slot.sessions.push(place);
            self.places.insert(leg, place);
        }
    }

    fn close(&mut self, now: Instant, leg: LegId) {
        self.unbridge(leg);
        self.leave_recordings(now, leg);
        let Some(place) = self.places.remove(&leg) else { return };
        let Some(mut session) = self.sessions.get_mut(place).and_then(Option::take) else { return };
        self.free.push(place);
        if let Some(slot) = self.slots.get_mut(session.slot) {
            slot.sessions.retain(|other| *other != place);
        }
        if let Some(slot) = self.slots.get_mut(half_way(session.slot)) {
            slot.halves.retain(|other| *other != place);
        }
        let (seat, channel) = (session.seat, session.report_channel());
        self.out.rtcp(seat, channel, |bytes| session.write_report(now, &self.config, true, bytes));
        self.out.event(Event::Quality { leg, report: session.quality(), last: true });
    }
}

/// Pulls the one frame that a leg's ear gives in its slot, and shows it to all that need it.
fn hand_out(
    now: Instant,
    config: &Config,
    place: Place,
    sessions: &mut [Option<Session>],
    recordings: &mut Recordings,
    out: &mut Outbox,
) {
    // Out of its session meanwhile, so that a consumer may reach any other.
    let Some(Some(session)) = sessions.get_mut(place) else { return };
    let Some(mut ear) = session.take_ear(config) else { return };
    let frame = ear.frame(now);
    if let Some(digit) = session.key_within(&frame) {
        let digit = Masked::new(digit);
        out.event(Event::Digit { leg: session.seat.leg, digit, by: DigitMeans::Tone });
    }
    recordings.lay(&session.recordings, &frame);
    if session.is_recorded_as_it_comes() {
        // From now on without an ear, and with nothing lost of what it still keeps.
        ear.rest(now, |frame| recordings.lay(&session.recordings, frame));
        return session.lose_ear(&ear);
    }
    session.ear = Some(ear);
}

/// Tells a leg in its own codec what the other side of its bridge says in another.
fn translate(now: Instant, place: Place, sessions: &mut [Option<Session>], out: &mut Outbox) {
    let Some(Some(listener)) = sessions.get_mut(place) else { return };
    let Some(other) = listener.peer else { return listener.translate(false) };
    let Ok([Some(listener), Some(other)]) = sessions.get_disjoint_mut([place, other]) else { return };
    listener.translate(listener.needs_translation(other));
    if listener.is_translated() {
        other.lend_ear();
        if let Some(ear) = &other.ear {
            listener.tell(now, &ear.latest(), out);
        }
    }
}

/// Free of `self`, so that the rest of the engine can be used beside the session.
fn find<'a>(
    places: &BTreeMap<LegId, Place>,
    sessions: &'a mut [Option<Session>],
    leg: LegId,
) -> Option<&'a mut Session> {
    sessions.get_mut(*places.get(&leg)?)?.as_mut()
}

/// The slot half a frame away from this one.
fn half_way(slot: usize) -> usize {
    (slot + SLOTS / 2) % SLOTS
}

/// The slot with the least in it, the first of several.
fn least(slots: &[Slot], load: impl Fn(&Slot) -> usize) -> usize {
    slots.iter().enumerate().min_by_key(|(_, slot)| load(slot)).map_or(0, |(at, _)| at)
}

/// An IPv4 address, also where a socket of both families writes it as IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
