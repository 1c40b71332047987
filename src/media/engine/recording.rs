//! Who is recorded, and when a recording has something to hand over.

use std::collections::BTreeMap;

use crate::base::{Instant, LegId, RecordingId};

use super::super::ear::Frame;
use super::super::recorder::{Packet, Recorder, Side};
use super::super::session::{Place, Session};
use super::super::{EndWhy, FRAME_MS};
use super::{Engine, find, least};

pub(super) struct Recording {
    id: RecordingId,
    pub recorder: Recorder,
    slot: usize,
    /// In the order of the [`Side`]s.
    legs: [Option<LegId>; 3],
}

/// All of one engine. A packet finds its own by its place: looking for its id would cost as much as laying the packet.
#[derive(Default)]
pub(super) struct Recordings {
    by_id: BTreeMap<RecordingId, Place>,
    /// Each in a place of its own, so that nothing is moved when others begin.
    all: Vec<Option<Box<Recording>>>,
    free: Vec<Place>,
}

/// A recording of a slot, and when it has something to hand over.
pub(super) struct Due {
    place: Place,
    at: Instant,
}

impl Recordings {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn get(&mut self, id: RecordingId) -> Option<&mut Recording> {
        self.at(*self.by_id.get(&id)?)
    }

    fn at(&mut self, place: Place) -> Option<&mut Recording> {
        self.all.get_mut(place)?.as_deref_mut()
    }

    fn add(&mut self, recording: Recording) -> Place {
        let id = recording.id;
        let recording = Some(Box::new(recording));
        let place = match self.free.pop() {
            Some(place) => place,
            None => self.all.len(),
        };
        match self.all.get_mut(place) {
            Some(room) => *room = recording,
            None => self.all.push(recording),
        }
        self.by_id.insert(id, place);
        place
    }

    fn remove(&mut self, place: Place) -> Option<Box<Recording>> {
        let recording = self.all.get_mut(place)?.take()?;
        self.by_id.remove(&recording.id);
        self.free.push(place);
        Some(recording)
    }

    /// A frame of a leg's ear, for the recordings that the leg is heard in.
    pub fn lay(&mut self, of: &[(Place, Side)], frame: &Frame<'_>) {
        for (place, side) in of {
            if let Some(recording) = self.at(*place) {
                recording.recorder.lay(*side, frame);
            }
        }
    }

    /// A packet of a leg, for the same.
    pub fn hear(&mut self, now: Instant, of: &[(Place, Side)], packet: &Packet<'_>) {
        for (place, side) in of {
            if let Some(recording) = self.at(*place) {
                recording.recorder.hear(now, *side, packet);
            }
        }
    }
}

impl Engine {
    pub(super) fn record(&mut self, id: RecordingId, recorder: Recorder, left: LegId, right: Option<LegId>) {
        if self.recordings.get(id).is_some() {
            return;
        }
        if !self.places.contains_key(&left) {
            return self.out.event(recorder.ended(EndWhy::Closed));
        }
        let slot = least(&self.slots, |slot| slot.recordings.len());
        let at = recorder.due();
        let place = self.recordings.add(Recording { id, recorder, slot, legs: [Some(left), right, None] });
        for (leg, side) in [(Some(left), Side::Left), (right, Side::Right)] {
            let session = leg.and_then(|leg| find(&self.places, &mut self.sessions, leg));
            if let Some(session) = session {
                session.recordings.push((place, side));
            }
        }
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.recordings.push(Due { place, at });
        }
    }

    pub(super) fn record_third(&mut self, id: RecordingId, third: Option<LegId>) {
        let Some(&place) = self.recordings.by_id.get(&id) else { return };
        let Some(recording) = self.recordings.at(place) else { return };
        let before = std::mem::replace(&mut recording.legs[2], third);
        if let Some(session) = before.and_then(|leg| find(&self.places, &mut self.sessions, leg)) {
            session.recordings.retain(|of| *of != (place, Side::Third));
        }
        if let Some(session) = third.and_then(|leg| find(&self.places, &mut self.sessions, leg)) {
            session.recordings.push((place, Side::Third));
            recording.recorder.join();
        }
    }

    /// What the recordings of this slot have ready.
    pub(super) fn take_recorded(&mut self, now: Instant) {
        let ms = now.as_micros() / 1000;
        let Some(slot) = self.slots.get_mut((ms % FRAME_MS) as usize) else { return };
        let mut over = Vec::new();
        for due in slot.recordings.iter_mut().filter(|due| due.at <= now) {
            let Some(recording) = self.recordings.at(due.place) else { continue };
            let (audio, why) = recording.recorder.advance(now);
            due.at = recording.recorder.due();
            if let Some(audio) = audio {
                self.out.audio(audio);
            }
            over.extend(why.map(|why| (due.place, why)));
        }
        for (place, why) in over {
            self.forget_recording(place, why);
        }
    }

    /// The leg is heard in no recording any more, nor is one that was made of it.
    pub(super) fn leave_recordings(&mut self, now: Instant, leg: LegId) {
        let recordings =
            find(&self.places, &mut self.sessions, leg).map(|session| session.recordings.clone());
        for (place, side) in recordings.unwrap_or_default() {
            match side {
                Side::Left => self.end_at(now, place, EndWhy::Closed),
                Side::Right | Side::Third => self.lay_rest(now, place, leg),
            }
        }
    }

    pub(super) fn end_recording(&mut self, now: Instant, id: RecordingId, why: EndWhy) {
        if let Some(&place) = self.recordings.by_id.get(&id) {
            self.end_at(now, place, why);
        }
    }

    fn end_at(&mut self, now: Instant, place: Place, why: EndWhy) {
        let legs = self.recordings.at(place).map_or([None; 3], |recording| recording.legs);
        for leg in legs.into_iter().flatten() {
            self.lay_rest(now, place, leg);
        }
        if let Some(recording) = self.recordings.at(place) {
            if let Some(audio) = recording.recorder.finish(now) {
                self.out.audio(audio);
            }
            self.forget_recording(place, why);
        }
    }

    /// What the ear of a leg still keeps back goes into a recording that ends, or whose leg does; unless others go on
    /// hearing with it, from whom it would be taken.
    fn lay_rest(&mut self, now: Instant, place: Place, leg: LegId) {
        let Some(recording) = self.recordings.at(place) else { return };
        let Some(session) = find(&self.places, &mut self.sessions, leg) else { return };
        let side = session.recordings.iter().find(|(other, _)| *other == place).map(|(_, side)| *side);
        if !session.is_only_recorded() {
            return;
        }
        if let (Some(ear), Some(side)) = (session.ear.as_deref_mut(), side) {
            ear.rest(now, |frame| recording.recorder.lay(side, frame));
        }
    }

    fn forget_recording(&mut self, place: Place, why: EndWhy) {
        let Some(recording) = self.recordings.remove(place) else { return };
        self.out.event(recording.recorder.ended(why));
        if let Some(slot) = self.slots.get_mut(recording.slot) {
            slot.recordings.retain(|due| due.place != place);
        }
        for leg in recording.legs.into_iter().flatten() {
            let session: Option<&mut Session> = find(&self.places, &mut self.sessions, leg);
            if let Some(session) = session {
                session.recordings.retain(|(other, _)| *other != place);
            }
        }
    }
}
