//! All phones of a person ring for one leg; the first that answers has it.
//!
//! ```text
//!   invite --> best q: every phone of it rings --- one answers --> the leg is its dialog, the others are cancelled
//!                 |  a phone's flow fails: its next flow     \
//!                 |  a phone is busy, or cannot be reached    +-- 6xx: nobody rings any more
//!                 v  none of them left
//!              next lower q ... none left: the leg is rejected with what the phones said
//! ```
//!
//! This is what a forking proxy does for us elsewhere (RFC 3261 §16.6, §16.7), done where the contacts are known.
//! All phones get the same SDP offer; only the answer of the one that wins is used (RFC 3264 §4). The call knows one
//! leg and never hears of the others.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::Exchange;
use super::directory::{Phone, Target};
use super::feed::FloorEvent;
use super::io::RINGING;
use crate::base::{LegId, Now};
use crate::call::Event;
use crate::sip::{self, Answer, DialogId, Invite, NameAddr};

/// The other phones do not count the call as missed (RFC 3326 §3.1).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// Every leg that rings.
#[derive(Default)]
pub(super) struct Rings {
    rings: BTreeMap<LegId, Ring>,
    /// Whose ringing each INVITE of ours belongs to.
    legs: BTreeMap<DialogId, LegId>,
}

pub(super) struct Ring {
    /// Of the person whose phones these are.
    extension: String,
    from: NameAddr,
    sdp: Bytes,
    /// Of every INVITE.
    headers: Vec<(String, String)>,
    ringing: BTreeMap<DialogId, Attempt>,
    /// Phones of lower preference, best first.
    later: VecDeque<Phone>,
    /// The most telling status of those that have rejected it.
    verdict: u16,
}

struct Attempt {
    target: Target,
    /// It said that it rings: what comes now is its user's word.
    rang: bool,
    /// The same phone's other flows.
    others: VecDeque<Target>,
}

impl Ring {
    pub(super) fn new(
        extension: String,
        from: NameAddr,
        sdp: Bytes,
        headers: Vec<(String, String)>,
        phones: Vec<Phone>,
    ) -> Self {
        Ring { extension, from, sdp, headers, ringing: BTreeMap::new(), later: phones.into(), verdict: 480 }
    }

    /// The phones whose turn is next: all of equal preference.
    fn next(&mut self) -> Vec<Phone> {
        let Some(q) = self.later.front().map(|phone| phone.q) else { return Vec::new() };
        let many = self.later.iter().take_while(|phone| phone.q == q).count();
        self.later.drain(..many).collect()
    }
}

impl Rings {
    pub(super) fn leg_of(&self, dialog: DialogId) -> Option<LegId> {
        self.legs.get(&dialog).copied()
    }

    /// The legs that ring, for invariants.
    pub(super) fn legs(&self) -> impl Iterator<Item = LegId> {
        self.rings.keys().copied()
    }

    /// Each INVITE belongs to one leg that rings, and the other way round.
    pub(super) fn is_sound(&self) -> bool {
        let ringing = self.rings.values().map(|ring| ring.ringing.len()).sum::<usize>();
        let known = |(dialog, leg): (&DialogId, &LegId)| {
            self.rings.get(leg).is_some_and(|ring| ring.ringing.contains_key(dialog))
        };
        ringing == self.legs.len() && self.legs.iter().all(known)
    }

    /// Nobody rings for this leg any more; the INVITEs that are left.
    fn end(&mut self, leg: LegId) -> Vec<DialogId> {
        let Some(ring) = self.rings.remove(&leg) else { return Vec::new() };
        let left: Vec<_> = ring.ringing.into_keys().collect();
        self.legs.retain(|_, ringing| *ringing != leg);
        left
    }
}

impl Exchange {
    /// Rings the phones that are best.
    pub(super) fn ring(&mut self, now: Now, leg: LegId, ring: Ring) {
        self.rings.rings.insert(leg, ring);
        self.ring_next(now, leg);
    }

    fn ring_next(&mut self, now: Now, leg: LegId) {
        let next = self.rings.rings.get_mut(&leg).map(Ring::next).unwrap_or_default();
        for Phone { ways, .. } in next {
            let mut ways = VecDeque::from(ways);
            if let Some(target) = ways.pop_front() {
                self.ring_one(now, leg, target, ways);
            }
        }
    }

    fn ring_one(&mut self, now: Now, leg: LegId, target: Target, others: VecDeque<Target>) {
        let Some(ring) = self.rings.rings.get_mut(&leg) else { return };
        let dialog = self.sip.invite(
            now.mono,
            Invite {
                to: target.uri.clone(),
                via: target.via,
                from: ring.from.clone(),
                to_display: None,
                contact_user: Some("hotline".to_owned()),
                sdp: Some(ring.sdp.clone()),
                headers: target
                    .route
                    .iter()
                    .map(|hop| ("Route".to_owned(), hop.clone()))
                    .chain(ring.headers.iter().cloned())
                    .collect(),
                credentials: None,
            },
        );
        ring.ringing.insert(dialog, Attempt { target, rang: false, others });
        self.rings.legs.insert(dialog, leg);
        let extension = ring.extension.clone();
        if let Some(call_id) = self.sip.call_id(dialog).cloned() {
            self.name_leg(leg, call_id, extension);
        }
    }

    /// Nobody is rung for this leg any more.
    pub(super) fn stop_ringing(&mut self, now: Now, leg: LegId, reason: Option<&str>) {
        for dialog in self.rings.end(leg) {
            self.sip.bye(now.mono, dialog, reason.map(str::to_owned));
        }
    }

    /// What a phone that rings says. The event comes back where it is none of theirs, or now the leg's.
    pub(super) fn ringing_event(&mut self, now: Now, event: sip::Event) -> Option<sip::Event> {
        use sip::Event as Sip;
        let dialog = match &event {
            Sip::Progress { dialog, .. }
            | Sip::Answered { dialog, .. }
            | Sip::Rejected { dialog, .. }
            | Sip::Reoffer { dialog, .. }
            | Sip::Ended { dialog, .. } => *dialog,
            _ => return Some(event),
        };
        let Some(leg) = self.rings.leg_of(dialog) else { return Some(event) };
        match event {
            Sip::Progress { status, .. } => {
                let attempt = self.rings.rings.get_mut(&leg).and_then(|ring| ring.ringing.get_mut(&dialog));
                attempt.into_iter().for_each(|attempt| attempt.rang |= status >= 180);
                if status >= 180 {
                    self.phone_rings(now, leg);
                }
                None
            }
            Sip::Answered { .. } => {
                self.won(now, leg, dialog);
                Some(event)
            }
            // Our own SDP offer is not answered yet (RFC 3311 §5.2).
            Sip::Reoffer { .. } => {
                self.sip.answer_reoffer(now.mono, dialog, Err(Answer::new(491)));
                None
            }
            Sip::Rejected { status, .. } => {
                self.lost(now, leg, dialog, status);
                None
            }
            _ => {
                self.lost(now, leg, dialog, 503);
                None
            }
        }
    }

    /// The first of a person's phones that rings is told.
    fn phone_rings(&mut self, now: Now, leg: LegId) {
        let Some(ring) = self.rings.rings.get(&leg) else { return };
        let agent = ring.extension.clone();
        let rings = self.numbering.agent(&agent).filter(|id| self.desks.rings(*id, leg.call));
        if let Some(id) = rings {
            self.desks.changed(id, now.mono);
            self.tell_floor(FloorEvent::Agent {
                agent,
                state: RINGING.to_owned(),
                reason: None,
                until: None,
            });
        }
    }

    fn won(&mut self, now: Now, leg: LegId, dialog: DialogId) {
        if let Some(ring) = self.rings.rings.get_mut(&leg) {
            ring.ringing.remove(&dialog);
            self.rings.legs.remove(&dialog);
        }
        self.stop_ringing(now, leg, Some(ELSEWHERE));
        self.dialogs.insert(dialog, leg);
        self.legs.insert(leg, dialog);
    }

    fn lost(&mut self, now: Now, leg: LegId, dialog: DialogId, status: u16) {
        self.rings.legs.remove(&dialog);
        let Some(ring) = self.rings.rings.get_mut(&leg) else { return };
        let Some(Attempt { target, rang, mut others }) = ring.ringing.remove(&dialog) else { return };
        ring.verdict = more_telling(ring.verdict, status);
        if matches!(status, 408 | 503) && !rang {
            self.suspect(now, target.key);
        }
        if is_unreachable(status)
            && !rang
            && let Some(next) = others.pop_front()
        {
            tracing::info!(%leg, status, "the phone's next flow is tried");
            self.ring_one(now, leg, next, others);
            return;
        }
        if status >= 600 {
            self.stop_ringing(now, leg, None);
            self.reject_ring(leg, status);
            return;
        }
        if self.rings.rings.get(&leg).is_some_and(|ring| ring.ringing.is_empty()) {
            self.ring_next(now, leg);
        }
        let over = self.rings.rings.get(&leg).filter(|ring| ring.ringing.is_empty());
        if let Some(verdict) = over.map(|ring| ring.verdict) {
            self.rings.end(leg);
            self.reject_ring(leg, verdict);
        }
    }

    fn reject_ring(&mut self, leg: LegId, status: u16) {
        self.work.push_back((leg.call, Event::Rejected { leg, status }));
    }
}

/// What the network or a phone that knows nothing of its user says: another flow may lead to the user.
fn is_unreachable(status: u16) -> bool {
    matches!(status, 404 | 408 | 410 | 430 | 480 | 500 | 502 | 503 | 504)
}

/// Of several phones' answers the one that tells most of the person: who declines has decided, who is busy is there,
/// who lets it ring is away from it; what the network says comes last.
fn more_telling(one: u16, other: u16) -> u16 {
    let rank = |status: u16| match status {
        600.. => 4,
        486 => 3,
        400..=499 if !is_unreachable(status) => 2,
        480 => 0,
        _ => 1,
    };
    if rank(other) > rank(one) { other } else { one }
}
