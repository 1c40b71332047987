//! Who hears whom, whatever the order of what is asked: never themselves, never nobody where somebody speaks.

use super::*;

const LEGS: u16 = 3;
const CODECS: [Codec; 3] = [Codec::Pcma, Codec::Pcmu, Codec::G722];
/// What is played, in hertz; the legs' own tones are others.
const PLAYED: u32 = 1250;
/// Frames until all is as it was asked for: a way to the mixer of 200 ms, and 300 ms of something played over.
const SETTLES: u32 = 40;
const LOOKED_AT: u32 = 25;
/// Of what came before that, less than it takes to settle: what was agreed then is agreed still.
const WARMS_MS: u64 = 300;

fn leg(index: u16) -> LegId {
    LegId { call: CallId(1), index }
}

fn hertz(index: u16) -> u32 {
    [450, 650, 850][usize::from(index)]
}

fn tone(hertz: u32, rate: u32, from: u32, count: u32) -> Vec<i16> {
    let turn = |n: u32| std::f64::consts::TAU * f64::from(hertz) * f64::from(n) / f64::from(rate);
    (from..from + count).map(|n| (5000.0 * turn(n).sin()) as i16).collect()
}

/// How loud a tone is in each 20 ms, from the quietest to the loudest, as a share of a full one. All tones here are of whole turns in that time,
/// and what comes sooner or later than expected is heard all the same.
fn levels(heard: &[i16], hertz: u32, rate: u32) -> Vec<f64> {
    let level = |frame: &[i16]| {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in frame.iter().enumerate() {
            let turn = std::f64::consts::TAU * f64::from(hertz) * n as f64 / f64::from(rate);
            re += f64::from(*sample) * turn.cos();
            im += f64::from(*sample) * turn.sin();
        }
        re.hypot(im) * 2.0 / frame.len().max(1) as f64 / 5000.0
    };
    let mut levels: Vec<f64> = heard.chunks_exact(rate as usize / 50).map(level).collect();
    levels.sort_by(f64::total_cmp);
    levels
}

/// Frames in which the way from a mixer to forwarding, or another codec, may be heard.
const SEAMS: usize = 3;

/// Whether a tone is heard all the time, or never, as wanted.
fn is_heard(heard: &[i16], hertz: u32, rate: u32, wanted: bool) -> Result<(), String> {
    let levels = levels(heard, hertz, rate);
    let (least, most) = (levels[SEAMS], levels[levels.len() - 1 - SEAMS]);
    let right = if wanted { least > 0.7 } else { most < 0.05 };
    if right { Ok(()) } else { Err(format!("{hertz} Hz at {least:.2} to {most:.2}, wanted: {wanted}")) }
}

#[derive(Clone, Debug)]
enum Asked {
    Bridge(u16, u16),
    Unbridge(u16),
    /// A bit for each other leg.
    Hear(u16, u8),
    Play(u16),
    Stop(u16),
    PlayOver(u16),
    Connect {
        leg: u16,
        codec: usize,
        send: bool,
        receive: bool,
    },
    Close(u16),
    Open(u16),
}

fn asked() -> impl Strategy<Value = Asked> {
    let any = || 0..LEGS;
    prop_oneof![
        4 => (any(), any()).prop_map(|(a, b)| Asked::Bridge(a, b)),
        1 => any().prop_map(Asked::Unbridge),
        6 => (any(), 0u8..8).prop_map(|(leg, others)| Asked::Hear(leg, others)),
        1 => any().prop_map(Asked::Play),
        2 => any().prop_map(Asked::Stop),
        2 => any().prop_map(Asked::PlayOver),
        3 => (any(), 0..CODECS.len(), 0u8..8).prop_map(|(leg, codec, held)| {
            Asked::Connect { leg, codec, send: held != 0, receive: held != 1 }
        }),
        1 => any().prop_map(Asked::Close),
        2 => any().prop_map(Asked::Open),
    ]
}

/// What was asked of one leg.
struct Party {
    open: bool,
    stream: Stream,
    voice: Encoder,
    hears: Vec<u16>,
    played: bool,
}

struct Line {
    world: World,
    parties: Vec<Party>,
    n: u32,
}

impl Line {
    fn new() -> Self {
        let party = |index: u16| Party {
            open: true,
            stream: stream(leg(index), CODECS[usize::from(index)]),
            voice: Encoder::new(CODECS[usize::from(index)]),
            hears: Vec::new(),
            played: false,
        };
        let mut line = Line { world: World::new(), parties: (0..LEGS).map(party).collect(), n: 0 };
        for index in 0..LEGS {
            line.open(index);
            line.connect(index);
        }
        line
    }

    fn open(&mut self, index: u16) {
        let ssrc = 0xaaaa + u32::from(index);
        self.world.command(Command::Open { leg: leg(index), rtp_port: 0, ssrc, sequence: 100, timestamp: 0 });
    }

    fn connect(&mut self, index: u16) {
        let party = &mut self.parties[usize::from(index)];
        party.voice = Encoder::new(party.stream.codec);
        let stream = party.stream;
        self.world.command(Command::Connect { leg: leg(index), stream });
    }

    /// The leg hears nobody, and nobody hears it.
    fn alone(&mut self, index: u16) {
        for (other, party) in (0u16..).zip(&mut self.parties) {
            if other == index {
                party.hears.clear();
            }
            party.hears.retain(|heard| *heard != index);
        }
    }

    fn ask(&mut self, asked: &Asked) {
        match *asked {
            Asked::Bridge(a, b) => {
                if a != b && [a, b].into_iter().all(|leg| self.parties[usize::from(leg)].open) {
                    self.alone(a);
                    self.alone(b);
                    self.parties[usize::from(a)].hears = vec![b];
                    self.parties[usize::from(b)].hears = vec![a];
                }
                self.world.command(Command::Bridge { a: leg(a), b: leg(b) });
            }
            Asked::Unbridge(of) => {
                self.alone(of);
                self.world.command(Command::Unbridge { leg: leg(of) });
            }
            Asked::Hear(of, others) => {
                let others: Vec<u16> = (0..LEGS).filter(|other| others >> other & 1 == 1).collect();
                let may = |other: &u16| *other != of && self.parties[usize::from(*other)].open;
                let hears: Vec<u16> = others.iter().copied().filter(may).collect();
                if self.parties[usize::from(of)].open {
                    self.parties[usize::from(of)].hears = hears;
                }
                let others = others.into_iter().map(leg).collect();
                self.world.command(Command::Hear { leg: leg(of), others });
            }
            Asked::Play(of) => {
                let party = &mut self.parties[usize::from(of)];
                party.played = party.open;
                let clips = vec![Sound::Samples(tone(PLAYED, 8000, 0, 8000).into())];
                self.world.command(Command::Play { leg: leg(of), play: PlayId(1), clips, repeat: true });
            }
            Asked::Stop(of) => {
                self.parties[usize::from(of)].played = false;
                self.world.command(Command::Stop { leg: leg(of) });
            }
            Asked::PlayOver(of) => {
                let clips = vec![Sound::Samples(tone(PLAYED, 8000, 0, 2400).into())];
                self.world.command(Command::PlayOver { leg: leg(of), clips, repeat: false });
            }
            Asked::Connect { leg: of, codec, send, receive } => {
                let party = &mut self.parties[usize::from(of)];
                party.stream = Stream { send, receive, ..stream(leg(of), CODECS[codec]) };
                self.connect(of);
            }
            Asked::Close(of) => {
                self.alone(of);
                let party = &mut self.parties[usize::from(of)];
                (party.open, party.played) = (false, false);
                self.world.command(Command::Close { leg: leg(of) });
            }
            Asked::Open(of) => {
                self.open(of);
                if !std::mem::replace(&mut self.parties[usize::from(of)].open, true) {
                    self.connect(of);
                }
            }
        }
    }

    fn talk(&mut self, frames: u32) {
        for _ in 0..frames {
            for (index, party) in (0u16..).zip(&mut self.parties) {
                let codec = party.stream.codec;
                let samples = codec.sample_rate() / 50;
                let mut payload = Vec::new();
                let said = tone(hertz(index), codec.sample_rate(), self.n * samples, samples);
                party.voice.encode(&said, &mut payload);
                self.world.say(leg(index), codec, self.n, &payload);
                self.world.until(self.world.now_us / 1000 + 2);
            }
            self.n += 1;
            self.world.until(u64::from(self.n) * 20);
        }
    }

    /// What everybody heard lately is what was asked for.
    fn check(&self) -> Result<(), TestCaseError> {
        let since = u64::from(self.n - LOOKED_AT) * 20;
        for (index, party) in (0u16..).zip(&self.parties) {
            let sent = self.world.sent_to(leg(index));
            let lately: Vec<_> = sent.into_iter().rev().take_while(|sent| sent.at_ms > since).collect();
            if !party.open || !party.stream.send {
                prop_assert!(lately.is_empty(), "leg {index} wants nothing and is sent something");
                continue;
            }
            let (count, most) = (lately.len() as u32, LOOKED_AT + 1);
            prop_assert!((LOOKED_AT - 1..=most).contains(&count), "leg {index}: {count} packets");
            let (mut decoder, mut heard) = (Decoder::new(party.stream.codec), Vec::new());
            // A decoder with a past, as a phone has one, knows how loud it is only after a while.
            let sent = self.world.sent_to(leg(index));
            let warms = |sent: &&&Sent| sent.at_ms <= since && sent.at_ms > since - WARMS_MS;
            for sent in sent.iter().filter(warms) {
                decoder.decode(&sent.payload, &mut heard);
            }
            heard.clear();
            for sent in lately.iter().rev() {
                prop_assert_eq!(sent.header.payload_type, party.stream.payload_type);
                decoder.decode(&sent.payload, &mut heard);
            }
            let rate = party.stream.codec.sample_rate();
            let speaks = |other: u16| {
                let other = &self.parties[usize::from(other)];
                other.open && other.stream.receive
            };
            for other in 0..LEGS {
                let wanted = !party.played && party.hears.contains(&other) && speaks(other);
                let told = is_heard(&heard, hertz(other), rate, wanted);
                prop_assert!(told.is_ok(), "leg {index} hears {other}: {told:?}");
            }
            let told = is_heard(&heard, PLAYED, rate, party.played);
            prop_assert!(told.is_ok(), "leg {index} hears what is played: {told:?}");
        }
        self.agrees_with_itself()
    }

    /// Every list says the same as its counterpart, and nothing is kept that nobody needs.
    fn agrees_with_itself(&self) -> Result<(), TestCaseError> {
        let sessions = &self.world.engine.sessions;
        let at = |place: Place| sessions.get(place).and_then(Option::as_ref);
        for (place, session) in sessions.iter().enumerate() {
            let Some(session) = session else { continue };
            for list in [&session.hears, &session.heard_by, &session.mixed_by] {
                let mut once = list.clone();
                once.sort_unstable();
                once.dedup();
                prop_assert_eq!(once.len(), list.len());
                prop_assert!(list.iter().all(|other| *other != place && at(*other).is_some()));
            }
            for other in &session.hears {
                prop_assert!(at(*other).is_some_and(|other| other.heard_by.contains(&place)));
            }
            for hearer in &session.heard_by {
                prop_assert!(at(*hearer).is_some_and(|hearer| hearer.hears.contains(&place)));
            }
            for hearer in &session.mixed_by {
                prop_assert!(session.heard_by.contains(hearer));
                prop_assert!(at(*hearer).is_some_and(|hearer| hearer.mixing.is_some()));
            }
            prop_assert!(session.peer.is_none_or(|peer| session.hears.contains(&peer)));
            if let Some(partner) = session.partner {
                prop_assert!(at(partner).is_some_and(|partner| partner.partner == Some(place)));
            }
        }
        Ok(())
    }
}

fn check(all: &[Asked]) -> Result<(), TestCaseError> {
    let mut line = Line::new();
    for asked in all {
        line.ask(asked);
        line.agrees_with_itself()?;
        line.talk(SETTLES + LOOKED_AT);
        line.check()?;
    }
    for index in 0..LEGS {
        line.ask(&Asked::Close(index));
    }
    prop_assert!(line.world.engine.sessions.iter().all(Option::is_none));
    prop_assert!(line.world.engine.slots.iter().all(|slot| slot.sessions.is_empty()));
    prop_assert_eq!((line.world.engine.mixes(), line.world.engine.translations()), (0, 0));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everybody_hears_whom_they_were_to_hear_and_nobody_else(all in proptest::collection::vec(asked(), 1..10)) {
        check(&all)?;
    }
}

/// The supervisor's way: two codecs that have to be translated, a third who joins, changes codec, and goes.
#[test]
fn a_listener_joins_a_bridge_of_two_codecs_and_leaves_in_each_order() {
    let hears = |leg, others: &[u16]| Asked::Hear(leg, others.iter().map(|other| 1 << other).sum());
    for order in [[0u16, 1, 2], [1, 2, 0], [2, 0, 1]] {
        let mut all = vec![Asked::Bridge(0, 2), hears(1, &[0, 2]), hears(2, &[0, 1]), hears(0, &[1, 2])];
        all.push(Asked::Connect { leg: 0, codec: 2, send: true, receive: true });
        all.extend(order.map(Asked::Close));
        check(&all).expect("as asked");
    }
}
