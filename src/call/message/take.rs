//! What a caller has said so far: the slip in the making.

use std::time::Duration;

use super::{Body, Ctx, Effect, Record, SlipState, Wanted};
use crate::base::{Masked, RecordingId, SlipId, Wall};
use crate::record::{About, CaseNumber, Keeping, MessageSlip};

/// Less voice than this in a recording is a breath or a click.
const LEAST_VOICE: Duration = Duration::from_millis(200);

/// What a recording is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Said {
    Who,
    Matter,
    /// Added to the matter.
    Further,
}

/// One recording.
#[derive(Clone, Debug)]
pub(in crate::call) struct Piece {
    pub(in crate::call) recording: RecordingId,
    length: Duration,
    /// On disk after fsync.
    saved: bool,
}

pub(in crate::call) struct Take {
    pub(in crate::call) slip: SlipId,
    taken: Wall,
    pub(in crate::call) who: Option<Piece>,
    /// In the order spoken.
    pub(in crate::call) matter: Vec<Piece>,
    pub(in crate::call) number: Option<Masked<String>>,
    pub(in crate::call) urgent: bool,
    pub(in crate::call) asked_urgent: bool,
    pub(in crate::call) confirmed: bool,
    /// The store knows of it.
    written: bool,
    running: Option<(Said, Piece)>,
    /// What is being said again: stands until the new take does.
    who_before: Option<Piece>,
    matter_before: Vec<Piece>,
}

impl Take {
    pub(in crate::call) fn new(ctx: &mut Ctx<'_>) -> Take {
        Take {
            slip: ctx.ids.next_slip(),
            taken: ctx.now.wall,
            who: None,
            matter: Vec::new(),
            number: None,
            urgent: false,
            asked_urgent: false,
            confirmed: false,
            written: false,
            running: None,
            who_before: None,
            matter_before: Vec::new(),
        }
    }

    pub(in crate::call) fn begin(&mut self, said: Said, recording: RecordingId) {
        self.written = true;
        self.running = Some((said, Piece { recording, length: Duration::ZERO, saved: false }));
    }

    pub(in crate::call) fn running(&self) -> Option<RecordingId> {
        self.running.as_ref().map(|(_, piece)| piece.recording)
    }

    pub(in crate::call) fn is_running(&self, recording: RecordingId) -> bool {
        self.running() == Some(recording)
    }

    /// `false`: it was nothing, and is gone.
    pub(in crate::call) fn ended(
        &mut self,
        ctx: &mut Ctx<'_>,
        wanted: &Wanted,
        length: Duration,
        voiced: Duration,
    ) -> bool {
        let Some((said, piece)) = self.running.take() else { return false };
        let piece = Piece { length, ..piece };
        if voiced < LEAST_VOICE || said == Said::Matter && length < wanted.shortest {
            discard(ctx, &piece);
            return false;
        }
        match said {
            Said::Who => {
                self.who_before.take().iter().for_each(|before| discard(ctx, before));
                self.who = Some(piece);
            }
            Said::Matter => {
                self.matter_before.drain(..).for_each(|before| discard(ctx, &before));
                self.matter = vec![piece];
            }
            Said::Further => self.matter.push(piece),
        }
        true
    }

    /// All of it is to be said again. What was confirmed by key stands.
    pub(in crate::call) fn set_aside(&mut self) {
        self.who_before = self.who.take();
        self.matter_before = std::mem::take(&mut self.matter);
    }

    /// What was not said again stands as it was.
    pub(in crate::call) fn fill_up(&mut self) {
        if self.who.is_none() {
            self.who = self.who_before.take();
        }
        if self.matter.is_empty() {
            self.matter = std::mem::take(&mut self.matter_before);
        }
    }

    pub(in crate::call) fn is_worth_keeping(&self) -> bool {
        let mut said = self.who.iter().chain(&self.who_before).chain(&self.matter).chain(&self.matter_before);
        self.number.is_some() || said.next().is_some()
    }

    pub(in crate::call) fn has(&self, recording: RecordingId) -> bool {
        self.is_running(recording) || self.pieces().any(|piece| piece.recording == recording)
    }

    pub(in crate::call) fn saved(&mut self, recording: RecordingId) {
        let running = self.running.iter_mut().map(|(_, piece)| piece);
        let all = self.who.iter_mut().chain(&mut self.who_before);
        let all = all.chain(&mut self.matter).chain(&mut self.matter_before).chain(running);
        all.filter(|piece| piece.recording == recording).for_each(|piece| piece.saved = true);
    }

    /// Nothing is being said, and everything said is on disk.
    pub(in crate::call) fn is_safe(&self) -> bool {
        self.running.is_none() && self.who.iter().chain(&self.matter).all(|piece| piece.saved)
    }

    pub(in crate::call) fn discard_spares(&mut self, ctx: &mut Ctx<'_>) {
        self.who_before.take().iter().chain(&std::mem::take(&mut self.matter_before)).for_each(|piece| {
            discard(ctx, piece);
        });
    }

    /// There is no message.
    pub(in crate::call) fn discard(&self, ctx: &mut Ctx<'_>) {
        self.pieces().for_each(|piece| discard(ctx, piece));
        if self.written {
            ctx.effect(Effect::Record(Record::SlipDiscarded(self.slip)));
        }
    }

    pub(in crate::call) fn write(&self, body: &Body, wanted: &Wanted, state: SlipState) -> Effect {
        // While it is taken, whatever a crash would leave is part of it.
        let running = |one: Said| {
            self.running.iter().filter(move |(said, _)| (*said == Said::Who) == (one == Said::Who))
        };
        let who = self.who.as_ref().or(self.who_before.as_ref());
        let who = who.or(running(Said::Who).map(|(_, piece)| piece).next());
        let matter: Vec<&Piece> = match self.matter.is_empty() {
            true => self.matter_before.iter().collect(),
            false => self.matter.iter().collect(),
        };
        let length: Duration = matter.iter().map(|piece| piece.length).sum();
        let further = running(Said::Matter).map(|(_, piece)| piece);
        Effect::Record(Record::Slip(Box::new(MessageSlip {
            slip: self.slip,
            call: body.id,
            from: body.from.clone(),
            person: wanted.person.clone(),
            mailbox: wanted.mailbox.clone(),
            taken: self.taken,
            who: who.map(|piece| piece.recording),
            recordings: matter.into_iter().chain(further).map(|piece| piece.recording).collect(),
            length_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
            number: self.number.clone(),
            urgent: self.urgent,
            confirmed: self.confirmed,
            state,
            about: wanted.complaint.as_ref().map(|category| About::Complains {
                case: CaseNumber::of(body.id),
                category: category.clone(),
                language: body.cursor.language().to_string(),
            }),
            keeping: Keeping::default(),
        })))
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let said = self.who.iter().chain(&self.who_before).chain(&self.matter).chain(&self.matter_before);
        said.chain(self.running.iter().map(|(_, piece)| piece))
    }
}

fn discard(ctx: &mut Ctx<'_>, piece: &Piece) {
    ctx.effect(Effect::Discard { recording: piece.recording });
}
