//! One leg: what is known of its stream, both ways.

mod heard;
mod packing;
mod reports;
mod translation;
mod way;

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::srtp::Keys;
use crate::base::{Instant, Law, LegId};

use super::bridge::Relay;
use super::dtmf::{KeyListener, KeySender};
use super::ear::{self, Ear};
use super::engine::Mixing;
use super::inband::{ToneListener, ToneSender};
use super::latch::Latch;
use super::noise::Noise;
use super::outbox::Outbox;
use super::outgoing::{Outgoing, Speaker};
use super::over::{Below, Over};
use super::player::Player;
use super::reception::{Arrival, Reception};
use super::recorder::{self, Side};
use super::srtp::{Srtp, Unsound};
use super::voice::Voice;
use super::{
    Channel, Config, Event, FRAME_MS, FRAME_SAMPLES, Header, Library, SAMPLE_RATE, Stream, codec, g711,
};
use heard::content;
pub(super) use heard::{Content, Heard};
use packing::Packing;
use reports::Reports;
use translation::Translation;
use way::Way;

/// Index of a session in its engine.
pub type Place = usize;

/// A leg, and where it sits: whoever has this finds the leg without a search. Right until the leg is closed; its place
/// is another's then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    pub leg: LegId,
    pub place: Place,
}

pub(super) struct Session {
    pub seat: Seat,
    /// The millisecond of the 20 in which this leg's frames are sent.
    pub slot: usize,
    pub out: Outgoing,
    pub player: Option<Player>,
    pub keys: KeySender,
    /// Keys for a peer that takes no events.
    tones: Option<Box<ToneSender>>,
    /// The other side of the bridge: whom this leg hears packet by packet.
    pub peer: Option<Place>,
    /// The other side of the bridge, also while this leg hears a mix: to whom its keys go.
    pub partner: Option<Place>,
    /// From the other side of the bridge to this leg.
    pub relay: Relay,
    /// The recordings that this leg is heard in, by their places.
    pub recordings: Vec<(Place, Side)>,
    /// Only while somebody needs samples of what the peer says at a steady pace.
    pub ear: Option<Box<Ear>>,
    /// What the peer sends is not G.711 alone: packets have a past, or stand for noise.
    needs_ear: bool,
    /// Only where what the peer hears has to be encoded for it alone.
    voice: Option<Box<Voice>>,
    /// Only where the peer wants other packets than of 20 ms.
    packing: Option<Packing>,
    /// Whom this leg hears, and who hears it.
    pub hears: Vec<Place>,
    pub heard_by: Vec<Place>,
    /// Those who hear it in a mixer.
    pub mixed_by: Vec<Place>,
    pub mixing: Option<Box<Mixing>>,
    pub over: Option<Box<Over>>,
    /// Only where the other side of the bridge has another codec.
    translation: Option<Box<Translation>>,
    /// Frames that it has sent, all in all.
    translated: u64,
    /// For so many more of its frames the ear is lent to somebody.
    ear_lent: u8,
    link: Option<Link>,
    /// Only of a browser.
    way: Option<Way>,
    srtp: Option<Box<Srtp>>,
    listener: KeyListener,
    /// While keys are wanted of a peer that sends none as events.
    tone_listener: Option<Box<ToneListener>>,
    reception: Reception,
    secret: Secret,
    heard_before: bool,
    /// Deadline "RTP time-out" counts from here.
    heard_at: Instant,
    timed_out: bool,
    /// What the host was told last of [`Latch::confirmed`].
    peer_told: Option<SocketAddr>,
    strangers: u64,
    unusable: u64,
    forged: u64,
    replayed: u64,
    /// Packets that earlier ears had no use for.
    late: u64,
    reports: Reports,
}

/// What was agreed, and where the peer really is.
struct Link {
    stream: Stream,
    latch: Latch,
    /// Where reports go: signalled, or where the peer's come from.
    rtcp: SocketAddr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    Off,
    On,
    /// Off, but the tone of the last key may still be in the air.
    FadesAt(Instant),
}

/// An in-band tone may still sound when its key has been understood.
const SECRET_FADES: Duration = Duration::from_millis(500);

impl Session {
    pub fn new(now: Instant, seat: Seat, slot: usize, out: Outgoing) -> Self {
        Session {
            seat,
            slot,
            out,
            player: None,
            keys: KeySender::default(),
            tones: None,
            peer: None,
            partner: None,
            relay: Relay::default(),
            recordings: Vec::new(),
            ear: None,
            needs_ear: false,
            voice: None,
            packing: None,
            hears: Vec::new(),
            heard_by: Vec::new(),
            mixed_by: Vec::new(),
            mixing: None,
            over: None,
            translation: None,
            translated: 0,
            ear_lent: 0,
            link: None,
            way: None,
            srtp: None,
            listener: KeyListener::default(),
            tone_listener: None,
            reception: Reception::default(),
            secret: Secret::Off,
            heard_before: false,
            heard_at: now,
            timed_out: false,
            peer_told: None,
            strangers: 0,
            unusable: 0,
            forged: 0,
            replayed: 0,
            late: 0,
            reports: Reports::default(),
        }
    }

    pub fn connect(&mut self, now: Instant, config: &Config, stream: Stream) {
        let learning = Duration::from_millis(config.learning_ms.into());
        self.out.set_clock_rate(now, stream.codec.clock_rate());
        self.voice = self.voice.take().filter(|voice| voice.codec() == stream.codec);
        match &mut self.link {
            Some(link) => {
                link.latch.renew(now, stream.remote_rtp, learning);
                if link.stream.remote_rtcp != stream.remote_rtcp {
                    link.rtcp = stream.remote_rtcp;
                }
                link.stream = stream;
            }
            link => {
                let latch = Latch::new(now, stream.remote_rtp, learning, config.learning_packets);
                *link = Some(Link { stream, latch, rtcp: stream.remote_rtcp });
                self.reports.schedule(now, config, self.out.ssrc);
            }
        }
        self.heard_at = now;
        self.timed_out = false;
        self.needs_ear = false;
    }

    pub fn protect(&mut self, now: Instant, keys: Option<Box<Keys>>) {
        match (&mut self.srtp, keys) {
            (Some(srtp), Some(keys)) => srtp.rekey(now, *keys),
            (srtp, keys) => *srtp = keys.and_then(|keys| Srtp::new(*keys)).map(Box::new),
        }
    }

    pub fn is_protected(&self) -> bool {
        self.srtp.is_some()
    }

    /// The plain packet of a protected leg, in the same buffer; `None` for one that the peer did not send, or that
    /// came before.
    pub fn open_packet<'a>(
        &mut self,
        now: Instant,
        channel: Channel,
        packet: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let srtp = self.srtp.as_deref_mut()?;
        let opened = match channel {
            Channel::Rtp => srtp.open_rtp(now, packet),
            Channel::Rtcp => srtp.open_rtcp(now, packet),
        };
        match opened {
            Ok(plain) => return Some(plain),
            Err(Unsound::Malformed) => self.unusable += 1,
            Err(Unsound::Forged) => self.forged += 1,
            Err(Unsound::Replayed) => self.replayed += 1,
        }
        None
    }

    pub fn stream(&self) -> Option<&Stream> {
        self.link.as_ref().map(|link| &link.stream)
    }

    /// Tells the host where alone the peer is, if that has changed.
    pub fn tell_peer(&mut self, out: &mut Outbox) {
        // A browser may come by another way at any time, and its checks must reach us.
        let only = self.link.as_ref().filter(|_| self.way.is_none()).and_then(|link| link.latch.confirmed());
        if self.peer_told != only {
            self.peer_told = only;
            out.peer(self.seat, only);
        }
    }

    /// Where to send, if the peer wants to hear and can be reached.
    fn destination(&self) -> Option<SocketAddr> {
        let link = self.link.as_ref()?;
        let to = link.latch.remote();
        (link.stream.send && is_reachable(to)).then_some(to)
    }

    /// Whether we agreed to hear this leg.
    pub fn may_speak(&self) -> bool {
        self.stream().is_some_and(|stream| stream.receive)
    }

    /// Keys towards the peer: as events, or as tones where it takes none.
    pub fn press(&mut self, keys: &str) {
        if self.stream().is_some_and(|stream| stream.dtmf.is_none()) {
            self.tones.get_or_insert_default().press(keys);
        } else {
            self.keys.press(keys);
        }
    }

    /// Whether keys of ours are being pressed, so that nothing else is heard.
    fn presses(&self) -> bool {
        self.keys.sounds() || self.tones.is_some()
    }

    /// Listens for keys in the voice from now on, or no longer.
    pub fn hear_tones(&mut self, on: bool) {
        if on != self.tone_listener.is_some() {
            self.tone_listener = on.then(Default::default);
        }
    }

    /// The key in the voice, if a press has begun in this frame.
    pub fn key_within(&mut self, frame: &ear::Frame<'_>) -> Option<super::Digit> {
        self.tone_listener.as_mut()?.note(frame)
    }

    /// Whether what this leg says is to stay unheard now.
    pub fn is_secret(&self, now: Instant) -> bool {
        match self.secret {
            Secret::Off => false,
            Secret::On => true,
            Secret::FadesAt(until) => now < until,
        }
    }

    pub fn set_secret(&mut self, now: Instant, on: bool) {
        self.secret = match (self.secret, on) {
            (_, true) => Secret::On,
            (Secret::On, false) => Secret::FadesAt(now + SECRET_FADES),
            (before, false) => before,
        };
    }

    /// A datagram came to the RTP port. `None` if it is not the peer's, not usable, or not new.
    pub fn accept_rtp<'a>(&mut self, now: Instant, from: SocketAddr, packet: &'a [u8]) -> Option<Heard<'a>> {
        let link = self.link.as_mut()?;
        let usable = Header::parse(packet).and_then(|(header, payload)| {
            let content = content(&link.stream, header.payload_type, payload)?;
            Some((header, payload, content))
        });
        let Some((header, payload, content)) = usable else {
            self.unusable += 1;
            return None;
        };
        if !link.latch.admit(now, from, &header) {
            self.strangers += 1;
            return None;
        }
        self.heard_at = now;
        self.timed_out = false;
        let clock = match content {
            Content::Audio(codec) => Some(codec.clock_rate()),
            Content::Keys => None,
            Content::Noise | Content::Nothing => Some(link.stream.codec.clock_rate()),
        };
        if self.reception.note(now, &header, clock) == Arrival::Duplicate {
            return None;
        }
        let first = !std::mem::replace(&mut self.heard_before, true);
        Some(Heard { header, payload, content, events_clock: link.stream.dtmf_clock, first })
    }

    /// The key, if this packet of events begins a press.
    pub fn key(&mut self, now: Instant, heard: &Heard<'_>) -> Option<super::Digit> {
        let clock = self.stream()?.dtmf_clock;
        self.listener.note(now, &heard.header, clock, heard.payload)
    }

    /// Nothing is played over what this leg hears any more.
    pub fn hush(&mut self) {
        if let Some(over) = &mut self.over {
            over.replace(None);
        }
    }

    /// Whether something is to be heard over what this leg hears otherwise.
    pub fn is_played_over(&self) -> bool {
        self.over.is_some()
    }

    /// Whether somebody needs samples of what the peer says.
    fn is_listened_to(&self) -> bool {
        !self.recordings.is_empty()
            || !self.mixed_by.is_empty()
            || self.ear_lent > 0
            || self.tone_listener.is_some()
    }

    /// Whether a recording is the only one that needs them.
    pub fn is_only_recorded(&self) -> bool {
        self.recordings.len() == 1 && self.is_at_most_recorded()
    }

    /// Whether nobody needs them at a steady pace.
    fn is_at_most_recorded(&self) -> bool {
        self.mixed_by.is_empty() && self.ear_lent == 0 && self.tone_listener.is_none()
    }

    /// Whether recordings take the packets as they come, so that there is no need of an ear.
    pub fn is_recorded_as_it_comes(&self) -> bool {
        !self.needs_ear && self.is_at_most_recorded()
    }

    /// Lets the ear hear, if there is need of one. What recordings shall hear instead comes back.
    pub fn listen<'a>(
        &mut self,
        now: Instant,
        config: &Config,
        heard: &'a Heard<'_>,
    ) -> Option<recorder::Packet<'a>> {
        if !matches!(heard.content, Content::Audio(_) | Content::Noise) || !self.is_listened_to() {
            return None;
        }
        let secret = self.is_secret(now);
        let law = heard.content.law();
        self.needs_ear |= law.is_none();
        if let Some(law) = law
            && self.ear.is_none()
            && self.is_recorded_as_it_comes()
        {
            return Some(recorder::Packet { header: &heard.header, law, payload: heard.payload, secret });
        }
        let ear = self.ear.get_or_insert_with(|| Box::new(Ear::new(config)));
        match heard.content {
            Content::Audio(codec) => ear.hear(now, &heard.header, codec, heard.payload, secret),
            _ => ear.hear_noise(now, &heard.header, heard.payload, secret),
        }
        None
    }

    /// The ear, for its frame to be pulled; gone when nobody needs it any more, and not there yet where recordings do
    /// without.
    pub fn take_ear(&mut self, config: &Config) -> Option<Box<Ear>> {
        self.ear_lent = self.ear_lent.saturating_sub(1);
        if !self.is_listened_to() {
            if let Some(ear) = self.ear.take() {
                self.lose_ear(&ear);
            }
            return None;
        }
        if self.ear.is_none() && self.is_recorded_as_it_comes() {
            return None;
        }
        Some(self.ear.take().unwrap_or_else(|| Box::new(Ear::new(config))))
    }

    /// Nobody needs this ear any more.
    pub fn lose_ear(&mut self, ear: &Ear) {
        self.late += ear.too_late();
    }

    /// The frame of this leg's slot: a key, what is played, nothing where the bridge speaks, else silence.
    pub fn speak(
        &mut self,
        now: Instant,
        library: &Library,
        voices: Option<[i16; FRAME_SAMPLES]>,
        ducked: f32,
        out: &mut Outbox,
    ) {
        let Some(stream) = self.stream().copied() else { return };
        let to = self.destination();
        if let (Some(to), Some(events)) = (to, stream.dtmf)
            && let Some(key) = self.keys.next_packet(self.out.timestamp(now), stream.dtmf_clock)
        {
            self.relay.interrupt();
            let header = self.out.event(events, key.timestamp, key.duration, key.begins);
            out.rtp(self.seat, to, &header, &key.payload, None, self.srtp.as_deref_mut());
            return;
        }

        if self.is_told() && !self.presses() {
            return;
        }
        if self.player.is_none() && !self.presses() && self.peer.is_some() && !self.relay.is_quiet(now) {
            return;
        }
        // What is played are octets of G.711, for all legs the same; for another codec they are taken as samples.
        let law = stream.codec.law().unwrap_or(Law::A);
        let mut frame = [g711::silence(law); FRAME_SAMPLES];
        if let Some(noise) = self.relay.noise.as_mut().filter(|_| self.peer.is_some()) {
            let mut samples = [0; FRAME_SAMPLES];
            noise.fill(&mut samples);
            frame = samples.map(|sample| g711::encode(law, sample));
        }
        let mut played = None;
        let mut speaker = if voices.is_some() { Speaker::Peer } else { Speaker::Nobody };
        let own = self.player.is_some() || self.tones.is_some();
        let below = if !own && voices.is_some() { Below::Voices } else { Below::Music };
        if let Some(tones) = &mut self.tones {
            speaker = Speaker::Keys;
            let mut samples = [0; FRAME_SAMPLES];
            tones.fill(SAMPLE_RATE, &mut samples);
            frame = samples.map(|sample| g711::encode(law, sample));
            self.tones.take_if(|tones| !tones.sounds());
        } else if let Some(player) = &mut self.player {
            speaker = Speaker::Player;
            if player.fill(library, law, &mut frame) {
                played = Some(player.play);
                self.player = None;
            }
        }
        let mut linear = None;
        if below == Below::Voices || self.over.is_some() {
            let mut samples =
                voices.filter(|_| below == Below::Voices).unwrap_or_else(|| decoded(law, &frame));
            if let Some(over) = &mut self.over {
                speaker = Speaker::Player;
                if over.lay(library, law, below, ducked, &mut samples) {
                    self.over = None;
                }
            }
            frame = samples.map(|sample| g711::encode(law, sample));
            linear = Some(samples);
        }
        if let Some(to) = to {
            self.relay.interrupt();
            if u64::from(stream.ptime_ms) != FRAME_MS {
                let samples = linear.unwrap_or_else(|| decoded(law, &frame));
                self.pack(now, &stream, to, speaker, (&samples, SAMPLE_RATE), out);
            } else {
                let payload = match stream.codec.law() {
                    Some(_) => frame.as_slice(),
                    None => {
                        let table = g711::linear(law);
                        let voice = self.voice.get_or_insert_with(|| Box::new(Voice::new(stream.codec)));
                        let samples = linear.unwrap_or_else(|| frame.map(|octet| table[usize::from(octet)]));
                        voice.say(&samples, SAMPLE_RATE)
                    }
                };
                let header = self.out.frame(now, stream.payload_type, speaker, payload.len());
                out.rtp(self.seat, to, &header, payload, None, self.srtp.as_deref_mut());
            }
        }
        if let Some(play) = played {
            out.event(Event::Played { leg: self.seat.leg, play });
        }
    }

    /// What the other side of the bridge said, towards this leg's peer.
    pub fn pass_on(&mut self, now: Instant, heard: &Heard<'_>, out: &mut Outbox) {
        let (Some(stream), Some(to)) = (self.stream().copied(), self.destination()) else {
            self.relay.interrupt();
            return;
        };
        if self.player.is_some() || self.presses() {
            self.relay.interrupt();
            return;
        }
        if self.pass_key(now, heard, out) {
            return;
        }
        let (payload_type, ticks, table) = match heard.content {
            Content::Audio(codec) if codec == stream.codec => {
                (Some(stream.payload_type), codec::ticks(codec, heard.payload), None)
            }
            Content::Audio(codec) => match (codec.law(), stream.codec.law()) {
                (Some(law), Some(_)) => {
                    let ticks = codec::ticks(codec, heard.payload);
                    (Some(stream.payload_type), ticks, Some(g711::other_law(law)))
                }
                _ => (None, 0, None),
            },
            Content::Keys => (stream.dtmf, 0, None),
            // It lasts until something else comes.
            Content::Noise => (stream.noise, 1, None),
            Content::Nothing => (None, 0, None),
        };
        if heard.content != Content::Keys {
            let level = heard.payload.first().filter(|_| heard.content == Content::Noise);
            self.relay.noise = level.filter(|_| payload_type.is_none()).map(|level| Noise::new(*level));
        }
        let Some(payload_type) = payload_type else {
            self.relay.leave_out(now, &heard.header);
            return;
        };
        let octets = heard.payload.len();
        let header = self.relay.pass(now, &heard.header, payload_type, ticks, octets, &mut self.out);
        if let Some(header) = header {
            out.rtp(self.seat, to, &header, heard.payload, table, self.srtp.as_deref_mut());
        }
    }

    /// `true` once when the peer has been silent for too long.
    pub fn times_out(&mut self, now: Instant, config: &Config) -> bool {
        let Some(stream) = self.awaited().or(self.stream()) else { return false };
        let seconds = match (stream.held || !stream.receive, &self.way) {
            (true, _) => config.rtp_timeout_held_s,
            (false, Some(_)) => config.browser_timeout_s,
            (false, None) => config.rtp_timeout_s,
        };
        if self.timed_out || now.since(self.heard_at) < Duration::from_secs(seconds.into()) {
            return false;
        }
        self.timed_out = true;
        true
    }
}

fn decoded(law: Law, frame: &[u8; FRAME_SAMPLES]) -> [i16; FRAME_SAMPLES] {
    frame.map(|octet| g711::decode(law, octet))
}

fn is_reachable(address: SocketAddr) -> bool {
    !address.ip().is_unspecified() && address.port() != 0
}
