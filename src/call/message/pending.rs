//! What is still to be done when the caller has gone: what they said is made safe, and nobody waits for it.

use crate::media::Command;
use crate::record::CaseNumber;

use super::{Body, Ctx, Event, LEAST_DIGITS, Message, Phase, SlipState, Take, Timer, Wanted};

pub(in crate::call) struct Pending {
    wanted: Wanted,
    take: Take,
    /// The slip is on its way to the store.
    stored: bool,
}

impl Message {
    /// `None` where nothing is left to be done.
    pub(in crate::call) fn caller_gone(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Option<Pending> {
        let Message { wanted, mut take, phase, .. } = self;
        let stored = match phase {
            Phase::Telling(_) => return None,
            Phase::Storing => take.is_safe(),
            // Keyed in, and not called wrong.
            Phase::Checking { number, keyed: true } => {
                take.number = Some(number);
                false
            }
            Phase::Keying(typed) if typed.expose().len() >= LEAST_DIGITS => {
                take.number = Some(typed);
                false
            }
            _ => false,
        };
        Pending::of(wanted, take, stored, body, ctx)
    }
}

impl Pending {
    /// `stored`: the slip is on its way to the store. `None` where nothing is left to be done.
    pub(in crate::call) fn of(
        wanted: Wanted,
        take: Take,
        stored: bool,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
    ) -> Option<Pending> {
        body.timers.clear();
        body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
        let mut pending = Pending { wanted, take, stored };
        (!pending.go_on(body, ctx)).then_some(pending)
    }

    /// Nothing more is recorded.
    pub(in crate::call) fn stop(&self, ctx: &mut Ctx<'_>) {
        if let Some(recording) = self.take.running() {
            ctx.media(Command::StopRecording { recording });
        }
    }

    /// `true` once the message is safe, or turned out to be none.
    pub(in crate::call) fn handle(&mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> bool {
        match event {
            Event::RecordingEnded { recording, length, voiced, .. } if self.take.is_running(recording) => {
                self.take.ended(ctx, &self.wanted, length, voiced);
                self.go_on(body, ctx)
            }
            Event::RecordingSaved { recording, saved } if self.take.has(recording) => {
                if !saved {
                    tracing::error!(slip = %self.take.slip, "a message could not be made durable");
                    return true;
                }
                self.take.saved(recording);
                self.go_on(body, ctx)
            }
            Event::SlipSaved { slip, saved } if slip == self.take.slip && self.stored => {
                if saved {
                    body.journal.slip(slip);
                    if self.wanted.complaint.is_some() {
                        body.journal.complaint(CaseNumber::of(body.id));
                    }
                } else {
                    tracing::error!(%slip, "a message slip could not be stored");
                }
                true
            }
            _ => false,
        }
    }

    /// `true`: there is no message.
    fn go_on(&mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> bool {
        if self.stored || self.take.running().is_some() {
            return false;
        }
        self.take.fill_up();
        if !self.take.is_worth_keeping() {
            self.take.discard(ctx);
            return true;
        }
        if self.take.is_safe() {
            self.stored = true;
            self.take.discard_spares(ctx);
            ctx.effect(self.take.write(body, &self.wanted, SlipState::New));
        }
        false
    }
}
