//! Who hears whom, and how.
//!
//! ```text
//!                     hears one                     hears several, or something is played over it
//!   hears nobody ---------------> forwarded <------------------------------------------------> mixed
//!                                     ^   to the mixer when the ear of whom it hears speaks;    |
//!                                     +-- back in that one's next pause: nothing is cut off ----+
//! ```
//!
//! Forwarded packets come with no delay of ours, mixed frames with that of an ear. On the way to the mixer the ear has
//! therefore to say again what has been heard already: that is left out, and it is done in a pause where there is one
//! soon, so that hardly anybody hears how the time of an ear's delay passes.
//!
//! Keys that a party presses go to the other side of its bridge, who hears a mix or not, and to nobody else.

use std::time::Duration;

use crate::base::{Instant, LegId};

use super::super::ear::Kind;
use super::super::mixer::Mixer;
use super::super::over::Over;
use super::super::player::Player;
use super::super::session::{Heard, Place, Session};
use super::super::{Digit, FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE};
use super::{Engine, find};

/// What a leg hears is mixed.
pub(in crate::media) struct Mixing {
    mixer: Mixer<Place>,
    change: Change,
    /// What this one had said by then has been heard already.
    known: Option<(Place, Instant)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Still forwarded, for so many frames at most: the ears are filling, and then a pause is waited for.
    Begins(u8),
    Lasts,
    /// Back to forwarding in the next pause, in so many frames at the latest.
    Ends(u8),
}

/// Somebody who joins, and a word to one party, may be kept waiting for 200 ms.
const BEGINS: Change = Change::Begins(10);
/// Two seconds: hardly anybody speaks for longer without a pause of 20 ms.
const ENDS: Change = Change::Ends(100);
/// Root mean square of a frame that is a pause: -50 dB below full scale.
const PAUSE: i64 = 100;
/// A frame that has been heard for the most part is known.
const HALF_A_FRAME: Duration = Duration::from_millis(FRAME_MS / 2);

impl Engine {
    /// `leg` hears these from now on, and nobody else.
    pub(super) fn listen_to(&mut self, leg: LegId, others: &[LegId]) {
        let Some(&place) = self.places.get(&leg) else { return };
        let mut wanted = Vec::with_capacity(others.len());
        for other in others.iter().filter_map(|other| self.places.get(other)) {
            if *other != place && !wanted.contains(other) {
                wanted.push(*other);
            }
        }
        let Some(Some(session)) = self.sessions.get_mut(place) else { return };
        let before = std::mem::replace(&mut session.hears, wanted.clone());
        for other in before.iter().filter(|other| !wanted.contains(other)) {
            self.at(*other, |other| other.heard_by.retain(|hearer| *hearer != place));
        }
        for other in wanted.iter().filter(|other| !before.contains(other)) {
            self.at(*other, |other| other.heard_by.push(place));
        }
        self.arrange(place);
    }

    /// The two hear each other, and nobody else is heard by either.
    pub(super) fn bridge(&mut self, a: LegId, b: LegId) {
        if a != b && self.places.contains_key(&a) && self.places.contains_key(&b) {
            self.unbridge(a);
            self.unbridge(b);
            self.listen_to(a, &[b]);
            self.listen_to(b, &[a]);
            for (one, other) in [(a, b), (b, a)] {
                let other = self.places.get(&other).copied();
                if let Some(session) = find(&self.places, &mut self.sessions, one) {
                    session.partner = other;
                }
            }
        }
    }

    /// Something is heard over what this leg hears otherwise; `None`: no longer.
    pub(super) fn play_over(&mut self, leg: LegId, player: Option<Player>) {
        let Some(&place) = self.places.get(&leg) else { return };
        self.at(place, |session| match (&mut session.over, player) {
            (Some(over), player) => over.replace(player),
            (over, Some(player)) => *over = Some(Box::new(Over::new(player))),
            (None, None) => {}
        });
        self.arrange(place);
    }

    /// Passes a packet of `leg` on to those who hear it as it is.
    pub(super) fn forward(&mut self, now: Instant, place: Place, heard: &Heard<'_>, key: Option<Digit>) {
        let mut next = 0;
        while let Some(Some(session)) = self.sessions.get(place)
            && let Some(&hearer) = session.heard_by.get(next)
        {
            next += 1;
            let Some(Some(hearer)) = self.sessions.get_mut(hearer) else { continue };
            let forwarded = hearer.peer == Some(place);
            if forwarded {
                hearer.pass_on(now, heard, &mut self.out);
            }
            let Some(digit) = key else { continue };
            let pressed = match forwarded {
                // As an event it was in the packet.
                true => hearer.stream().is_some_and(|stream| stream.dtmf.is_none()),
                false => hearer.partner == Some(place) && hearer.player.is_none(),
            };
            if pressed {
                hearer.press(digit.as_ref());
            }
        }
    }

    /// The leg hears nobody, and nobody hears it.
    pub(super) fn unbridge(&mut self, leg: LegId) {
        self.listen_to(leg, &[]);
        let Some(&place) = self.places.get(&leg) else { return };
        let hearers = self.at(place, |session| std::mem::take(&mut session.heard_by)).unwrap_or_default();
        for hearer in hearers {
            self.at(hearer, |session| {
                session.hears.retain(|other| *other != place);
                if let Some(mixing) = &mut session.mixing {
                    mixing.mixer.forget(place);
                }
            });
            self.arrange(hearer);
        }
        self.at(place, |session| session.mixed_by.clear());
        if let Some(partner) = self.at(place, |session| session.partner.take()).flatten() {
            self.at(partner, |session| session.partner.take_if(|other| *other == place));
        }
    }

    /// Forwarding or mixing, as what the leg hears asks for.
    pub(super) fn arrange(&mut self, place: Place) {
        let Some(Some(session)) = self.sessions.get_mut(place) else { return };
        let hears = session.hears.clone();
        let mixed = session.mixing.is_some();
        let mixes = hears.len() > 1 || !hears.is_empty() && session.is_played_over();
        match &mut session.mixing {
            None if mixes => {
                let mut mixer = Mixer::new();
                // Who has been forwarded up to now is not heard to come.
                session.peer.into_iter().for_each(|peer| mixer.hear_at_once(peer));
                mixer.hear(&hears);
                let change = if session.peer.is_some() { BEGINS } else { Change::Lasts };
                session.mixing = Some(Box::new(Mixing { mixer, change, known: None }));
            }
            None => {
                let only = hears.first().copied();
                if std::mem::replace(&mut session.peer, only) != only || only.is_some() {
                    session.relay.interrupt();
                }
            }
            Some(_) if hears.is_empty() => (session.mixing, session.peer) = (None, None),
            Some(mixing) => {
                mixing.mixer.hear(&hears);
                mixing.change = match (mixes, mixing.change) {
                    (false, Change::Begins(_)) => ENDS,
                    (false, ends @ Change::Ends(_)) => ends,
                    (false, Change::Lasts) => ENDS,
                    (true, begins @ Change::Begins(_)) => begins,
                    (true, _) => Change::Lasts,
                };
                // Whom it hears no longer is not forwarded either.
                session.peer = session.peer.filter(|peer| hears.contains(peer));
            }
        }
        if mixed || self.at(place, |session| session.mixing.is_some()) == Some(true) {
            self.lend_ears(place);
        }
    }

    /// Whom this leg hears in a mixer needs an ear for it.
    fn lend_ears(&mut self, place: Place) {
        let Some(Some(session)) = self.sessions.get(place) else { return };
        let heard = if session.mixing.is_some() { session.hears.clone() } else { Vec::new() };
        for (other, session) in self.sessions.iter_mut().enumerate() {
            let Some(session) = session else { continue };
            let lends = session.mixed_by.contains(&place);
            match heard.contains(&other) {
                true if !lends => session.mixed_by.push(place),
                false if lends => session.mixed_by.retain(|hearer| *hearer != place),
                _ => {}
            }
        }
    }

    /// What the leg hears in its slot, where that is mixed.
    pub(super) fn mixed(&mut self, now: Instant, place: Place) -> Option<[i16; FRAME_SAMPLES]> {
        let session = self.sessions.get_mut(place)?.as_mut()?;
        let mut mixing = session.mixing.take()?;
        let (peer, only) = (session.peer, session.hears.first().copied());
        let forwarded = peer.filter(|_| !session.relay.is_quiet(now));
        let heard_until = session.relay.heard_until();
        let mut over = false;
        match &mut mixing.change {
            Change::Begins(left) if forwarded.is_some() && *left > 0 && !rests(&self.sessions, peer) => {
                *left -= 1;
                self.at(place, |session| session.mixing = Some(mixing));
                return None;
            }
            Change::Begins(_) => {
                mixing.known = forwarded.zip(heard_until);
                mixing.change = Change::Lasts;
            }
            Change::Lasts => {}
            Change::Ends(left) => {
                *left = left.saturating_sub(1);
                over = *left == 0 || pauses(&self.sessions, only);
            }
        }
        if over {
            self.at(place, |session| {
                session.peer = only;
                session.relay.interrupt();
            });
            self.lend_ears(place);
            return None;
        }
        let mut frame = [0; FRAME_SAMPLES];
        let sessions = &self.sessions;
        let known = mixing.known;
        mixing.mixer.mix(SAMPLE_RATE, &mut frame, |other| {
            let until = known.filter(|(known, _)| *known == other).map(|(_, until)| until);
            said(sessions, other, until)
        });
        self.at(place, |session| {
            session.peer = None;
            session.mixing = Some(mixing);
        });
        Some(frame)
    }

    fn at<R>(&mut self, place: Place, act: impl FnOnce(&mut Session) -> R) -> Option<R> {
        Some(act(self.sessions.get_mut(place)?.as_mut()?))
    }
}

/// What a leg's peer says in this frame, unless nobody may hear it, or it has been heard `until` then.
fn said(sessions: &[Option<Session>], place: Place, until: Option<Instant>) -> Option<(&[i16], u32)> {
    let session = sessions.get(place)?.as_ref().filter(|session| session.may_speak())?;
    let frame = session.ear.as_ref()?.latest();
    let known = until.is_some_and(|until| frame.said + HALF_A_FRAME < until);
    (frame.kind != Kind::Silence && !frame.secret && !known).then_some((frame.samples, frame.rate))
}

/// The ear has begun to say something, and that is quiet.
fn rests(sessions: &[Option<Session>], place: Option<Place>) -> bool {
    place.and_then(|place| said(sessions, place, None)).is_some_and(|(samples, _)| is_quiet(samples))
}

fn pauses(sessions: &[Option<Session>], place: Option<Place>) -> bool {
    place.and_then(|place| said(sessions, place, None)).is_none_or(|(samples, _)| is_quiet(samples))
}

fn is_quiet(samples: &[i16]) -> bool {
    let power = samples.iter().map(|sample| i64::from(*sample).pow(2)).sum::<i64>();
    power < PAUSE.pow(2) * samples.len() as i64
}
