//! A transfer begins: by a phone's REFER, by an agent's code, or by an order.

use super::super::hold::Reminder;
use super::super::{Body, Call, Ctx, Effect, Stage, Timer, Towards};
use super::consult::Talks;
use super::target::{Party, Target};
use super::{By, How, Listen, Talk, Transfer, park};
use crate::base::{AgentId, LegId, Masked};
use crate::dialplan::{self, Entry, Origin, Parking};
use crate::record::StageKind;

/// Why nobody is transferred.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTransfer {
    /// It is not an agent who asks, or not one who talks.
    NotTheirs,
    /// The plan does not serve that number for this desk.
    NotServed,
}

/// Where a caller is handed to.
#[derive(Clone, Debug, PartialEq)]
pub enum Whom {
    Person { extension: String },
    Outside { number: Masked<String> },
}

/// What the number that an agent named means to the agent's desk.
#[derive(Clone, Debug, PartialEq)]
pub enum Destination {
    Whom(Whom),
    /// A line or a menu: it looks after the caller by itself.
    Flow(Entry),
    /// A slot, until somebody dials it.
    Park(Parking),
}

impl Call {
    /// Whether the agent of this leg talks with the caller now, on hold or not.
    pub fn talks_on(&self, leg: LegId) -> bool {
        match &self.stage {
            Stage::Talk(talk) => talk.is_agent(leg),
            Stage::Hold(hold) => hold.leg().id == leg,
            Stage::Transfer(transfer) => transfer.agents_leg() == Some(leg),
            _ => false,
        }
    }

    /// The leg of the agent who talks with the caller, on hold or not.
    pub fn agents_leg(&self) -> Option<LegId> {
        match &self.stage {
            Stage::Talk(talk) => talk.agent().map(|_| talk.leg().id),
            Stage::Hold(hold) => hold.agent().map(|_| hold.leg().id),
            _ => None,
        }
    }

    /// What the number means that the agent of this leg sends the caller to: what the desk itself may dial, by the plan
    /// that the call began with.
    ///
    /// # Errors
    /// Where the caller stays with the agent.
    pub fn destination(&self, leg: LegId, dialled: &str) -> Result<Destination, NoTransfer> {
        let extension = match &self.stage {
            Stage::Talk(talk) if talk.is_agent(leg) => talk.extension(),
            Stage::Hold(hold) if hold.leg().id == leg => hold.extension(),
            _ => return Err(NoTransfer::NotTheirs),
        };
        destination(&self.body, extension, dialled)
    }

    /// A phone wanted what it may not; that stands in the record.
    pub fn transfer_refused(&mut self, ctx: &mut Ctx<'_>, status: u16, why: &str) {
        self.body.stage(ctx, StageKind::Transfer, format!("refused with {status}: {why}"));
    }

    /// The caller goes to that number. `reported`: the agent's phone is told how it goes on.
    pub fn transfer(
        &mut self,
        ctx: &mut Ctx<'_>,
        dialled: &str,
        destination: Destination,
        how: How,
        reported: bool,
    ) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let Some(talk) = self.take_talk(ctx) else { return };
        self.stage = match destination {
            Destination::Whom(whom) => begin(talk, &mut self.body, ctx, whom, how, reported),
            Destination::Flow(entry) => begin_flow(talk, &mut self.body, ctx, dialled, entry, reported),
            Destination::Park(parking) => park::begin(talk, &mut self.body, ctx, parking, reported),
        };
    }

    /// The caller is joined with a party of another call of the same agent's, who is there already: the agent has
    /// spoken with them (RFC 5589 §7). Their dialog is asked to send its media here.
    pub fn adopt(&mut self, ctx: &mut Ctx<'_>, given: GivenAway) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let Some(talk) = self.take_talk(ctx) else { return };
        let GivenAway { agent, extension, towards, leg: from } = given;
        let Some(mut leg) = self.body.open_leg(ctx, towards) else {
            tracing::error!("no RTP port is free for the target of a transfer");
            self.stage = super::back(talk, &mut self.body, ctx, &["transfer/failed"]);
            return;
        };
        ctx.effect(Effect::TakeOver { leg: leg.id, from, agent, sdp: leg.offer() });
        let mut transfer = Transfer { joins: true, ..Transfer::of(talk, How::Attended, true) };
        transfer.set_caller_aside(&mut self.body, ctx);
        transfer.tried.push(extension.clone());
        transfer.target = Target::Ringing(Party { agent, extension, leg });
        self.stage = Stage::Transfer(transfer);
    }

    /// Whom the agent, who dialled them from the own desk, talks with in this call; and what the agent dialled.
    pub fn consulted(&self) -> Option<GivenAway> {
        let talk = match &self.stage {
            Stage::Talk(talk) => talk,
            Stage::Hold(hold) => hold.talk(),
            _ => return None,
        };
        self.body.desk?;
        Some(GivenAway {
            agent: talk.agent(),
            extension: talk.extension().to_owned(),
            towards: talk.leg().towards_by_another(),
            leg: talk.leg().id,
        })
    }

    /// The other party's dialog belongs to another call from now on; this one is over.
    pub fn give_away(&mut self, ctx: &mut Ctx<'_>) {
        let span = self.body.span.clone();
        let _entered = span.enter();
        let Some(talk) = self.take_talk(ctx) else { return };
        talk.give_away(&mut self.body, ctx);
        self.stage = super::super::hang_up::goodbye(&mut self.body, ctx, crate::record::CallEnd::Transferred);
    }

    pub fn dialled(&self) -> &str {
        self.body.journal.dialled()
    }

    /// The talk, on hold or not.
    fn take_talk(&mut self, ctx: &mut Ctx<'_>) -> Option<Talk> {
        match std::mem::replace(&mut self.stage, Stage::Moving) {
            Stage::Talk(talk) => Some(talk),
            Stage::Hold(hold) => Some(hold.into_talk(&mut self.body, ctx)),
            other => {
                self.stage = other;
                None
            }
        }
    }
}

/// Stands for the plan's own place to park: no number is written so.
const PARK: &str = "park";

/// A party that changes from one call to another.
#[derive(Debug)]
pub struct GivenAway {
    /// `None` for somebody outside.
    pub agent: Option<AgentId>,
    pub extension: String,
    pub towards: Towards,
    pub leg: LegId,
}

impl Transfer {
    fn of(talk: Talk, how: How, reported: bool) -> Self {
        Transfer::by(By::Here(Box::new(talk)), how, reported)
    }

    pub(super) fn by(by: By, how: How, reported: bool) -> Self {
        Transfer {
            by,
            target: Target::None,
            how,
            joins: how == How::Blind,
            talks: Talks::Target,
            tried: Vec::new(),
            reminder: Reminder::default(),
            screened: None,
            slot: None,
            reported,
        }
    }
}

impl Talk {
    /// A key of the agent's that may be a code: what it asks for is done. Gives the number that the agent wants the caller to
    /// go to.
    pub(in crate::call) fn transfer_key(
        &mut self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        key: char,
    ) -> Option<(How, String)> {
        let keys = &ctx.settings.transfer_keys;
        if let Some(how) = self.transfers {
            if key == '*' {
                self.forget_code(body);
                return None;
            }
            let number = self.codes.number_key(key);
            body.timers.arm(Timer::Code, ctx.now.mono + ctx.settings.code_within);
            return number.map(|number| {
                self.forget_code(body);
                (how, number)
            });
        }
        let complaint = &ctx.settings.complaint_key;
        let how = match self.codes.told(key, &[&keys.blind, &keys.attended, &keys.park, complaint])? {
            0 => How::Blind,
            1 => How::Attended,
            // Where to is the plan's business, and needs no number.
            2 => return Some((How::Blind, PARK.to_owned())),
            _ => {
                self.accept_complaint(body, ctx);
                return None;
            }
        };
        self.transfers = Some(how);
        self.codes.ask_number();
        body.timers.arm(Timer::Code, ctx.now.mono + ctx.settings.code_within);
        self.leg.play_over(ctx, body.prompts(&[super::super::BEEP]));
        None
    }

    /// The agent keys no further.
    pub(in crate::call) fn code_timed_out(&mut self) -> Option<(How, String)> {
        let how = self.transfers.take()?;
        Some((how, self.codes.take_number().filter(|number| !number.is_empty())?))
    }

    fn forget_code(&mut self, body: &mut Body) {
        body.timers.disarm(Timer::Code);
        self.transfers = None;
        self.codes.take_number();
    }

    /// The agent has keyed where the caller is to go.
    pub(in crate::call) fn transfer_to(
        self,
        body: &mut Body,
        ctx: &mut Ctx<'_>,
        how: How,
        dialled: &str,
    ) -> Result<Stage, Talk> {
        let parking = body.cursor.plan().own_parking().filter(|_| dialled == PARK).cloned();
        let to = match parking {
            Some(parking) => Ok(Destination::Park(parking)),
            None => destination(body, self.extension(), dialled),
        };
        match to {
            Ok(Destination::Whom(whom)) => Ok(begin(self, body, ctx, whom, how, false)),
            Ok(Destination::Flow(entry)) => Ok(begin_flow(self, body, ctx, dialled, entry, false)),
            Ok(Destination::Park(parking)) => Ok(park::begin(self, body, ctx, parking, false)),
            Err(_) => {
                tracing::info!(by = self.extension(), "a transfer to a number that is not served");
                self.leg.play_over(ctx, body.prompts(&["error/no-such-extension"]));
                Err(self)
            }
        }
    }
}

fn destination(body: &Body, extension: &str, dialled: &str) -> Result<Destination, NoTransfer> {
    let plan = body.cursor.plan();
    let agent = plan.agent_by_extension(extension).ok_or(NoTransfer::NotTheirs)?;
    match (plan.entry(dialled, Origin::Desk(agent.id)), plan.agent_by_extension(dialled)) {
        (Some(_), Some(person)) if person.id == agent.id => Err(NoTransfer::NotServed),
        (Some(_), Some(person)) => {
            Ok(Destination::Whom(Whom::Person { extension: person.extension.clone() }))
        }
        (Some(entry), None) => Ok(match plan.parking(entry) {
            Some(parking) => Destination::Park(parking.clone()),
            None => Destination::Flow(entry),
        }),
        (None, _) => match plan.entry_outside(dialled, agent.id) {
            Some(_) => Ok(Destination::Whom(Whom::Outside { number: Masked::new(dialled.to_owned()) })),
            None => Err(NoTransfer::NotServed),
        },
    }
}

fn begin(mut talk: Talk, body: &mut Body, ctx: &mut Ctx<'_>, whom: Whom, how: How, reported: bool) -> Stage {
    talk.dismiss(body, ctx);
    body.handed_by = Some(talk.extension().to_owned());
    let mut transfer = Transfer::of(talk, how, reported);
    transfer.set_caller_aside(body, ctx);
    let phrase = body.prompts(&["transfer/trying"]);
    body.play_over(ctx, phrase);
    transfer.ask(ctx, whom);
    Stage::Transfer(transfer)
}

/// The caller keeps language, grade and what was keyed in; the flow begins anew, and the agent's part is over.
fn begin_flow(
    talk: Talk,
    body: &mut Body,
    ctx: &mut Ctx<'_>,
    dialled: &str,
    entry: Entry,
    reported: bool,
) -> Stage {
    let by = talk.extension().to_owned();
    if reported {
        ctx.effect(Effect::Referred { leg: talk.leg.id, status: 200 });
    }
    body.handed_by = Some(by.clone());
    talk.abandon(body, ctx);
    body.stage(ctx, StageKind::Transfer, format!("blind by {by} to {dialled}"));
    body.stop_playing(ctx);
    body.cursor = body.cursor.moved_to(entry, dialled, ctx.now);
    Listen::begin(body, ctx, dialplan::Event::Begin)
}
