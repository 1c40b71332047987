//! The caller listens, chooses and keys in: the dialplan leads.

use super::message::Wanted;
use super::survey::SurveyOrder;
use super::{
    Body, Booking, Ctx, Effect, Event, Promising, QueueRequest, Stage, Timer, case_status, dial, farewell,
    mailbox, message, outside, survey, urgent, wait,
};
use crate::base::{AgentId, LegId, Masked, QueueId, Wall};
use crate::dialplan::{self, Action};
use crate::media::Command;
use crate::record::{CallEnd, PromiseKind, StageKind};

#[derive(Debug)]
pub(super) struct Listen;

impl Listen {
    /// Hands `event` to the interpreter and does what it says.
    pub(super) fn begin(body: &mut Body, ctx: &mut Ctx<'_>, event: dialplan::Event) -> Stage {
        let mut actions = Vec::new();
        body.cursor.handle(ctx.now, event, &mut actions);
        Self::carry_out(body, ctx, actions)
    }

    pub(super) fn handle(self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        let event = match event {
            Event::Digit { leg, digit } if leg == body.caller_id => {
                dialplan::Event::Digit(digit.expose().key())
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                body.case_heard();
                dialplan::Event::Played
            }
            Event::QueueState(state) => dialplan::Event::QueueState(state),
            Event::PresenceSet { ok } => dialplan::Event::PresenceSet { ok },
            Event::UrgentReplied { ok } => dialplan::Event::UrgentAnswered { ok },
            Event::UrgentHeard { said } => dialplan::Event::UrgentHeard(said),
            Event::CallbackBooked { ok, wait } => {
                dialplan::Event::CallbackBooked { ok, wait: wait.map(|wait| wait.range()) }
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => {
                body.reoffer(ctx, sdp);
                return Stage::Listen(self);
            }
            _ => return Stage::Listen(self),
        };
        Self::begin(body, ctx, event)
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        Self::begin(body, ctx, dialplan::Event::TimedOut)
    }

    /// What follows a verb that leads elsewhere is the next stage's business: the interpreter emits such a
    /// verb last.
    fn carry_out(body: &mut Body, ctx: &mut Ctx<'_>, actions: Vec<Action>) -> Stage {
        for action in actions {
            match action {
                Action::Play(clips) => {
                    let clips = body.case_before(clips);
                    body.play(ctx, clips, false);
                }
                Action::StopPlaying => body.stop_playing(ctx),
                Action::Arm(after) => body.timers.arm(Timer::Listen, ctx.now.mono + after),
                Action::Disarm => body.timers.disarm(Timer::Listen),
                Action::Secret(on) => {
                    let leg: LegId = body.caller_id;
                    ctx.media(Command::Secret { leg, on });
                }
                Action::Step { file, line, label } => {
                    body.stage(ctx, StageKind::Listen, format!("{label} ({file}:{line})"));
                }
                Action::Took(by) => body.took(&by.to_string()),
                Action::Presence { change } => match body.desk {
                    Some(agent) => ctx.effect(Effect::Presence { agent, change }),
                    // The plan gives numbers with this verb to desks only; who came another way has none.
                    None => return Self::begin(body, ctx, dialplan::Event::PresenceSet { ok: false }),
                },
                Action::AnswerUrgent(answer) => match body.desk {
                    Some(agent) => ctx.effect(Effect::AnswerUrgent { agent, answer }),
                    None => return Self::begin(body, ctx, dialplan::Event::UrgentAnswered { ok: false }),
                },
                Action::HearUrgent => match body.desk {
                    Some(agent) => ctx.effect(Effect::HearUrgent { agent }),
                    None => return Self::begin(body, ctx, dialplan::Event::UrgentHeard(None)),
                },
                Action::QueueState(queue) => {
                    let plan = body.cursor.plan().clone();
                    ctx.effect(Effect::QueueState { queue, plan });
                }
                Action::PickUp(which) => ctx.effect(Effect::PickUp(which)),
                Action::Queue { queue, needs, credit, owners, owner_wait, keys, offer } => {
                    let mut request =
                        QueueRequest { queue, needs, credit, owners, owner_wait, arrived: None, keys, offer };
                    if let Some(place) = body.place.take().filter(|place| place.queue == queue) {
                        request.arrived = Some(place.arrived);
                        (request.needs, request.credit) = (place.needs, place.credit);
                    }
                    return wait::enter(body, ctx, request);
                }
                Action::BookCallback { queue, number } => match booking(body, ctx, queue, number) {
                    Some(booking) => ctx.effect(Effect::BookCallback(Box::new(booking))),
                    None => return Self::begin(body, ctx, dialplan::Event::NOT_BOOKED),
                },
                Action::PromiseCall { queue, number, person, due } => {
                    match promising(body, queue, number, person, due) {
                        Some(wanted) => ctx.effect(Effect::Promise(Box::new(wanted))),
                        None => return Self::begin(body, ctx, dialplan::Event::NOT_BOOKED),
                    }
                }
                Action::Dial { person, delegate, ring } => {
                    return dial::enter(body, ctx, person, delegate, ring);
                }
                Action::Outside { number, trunk, ring } => {
                    return outside::enter(body, ctx, number, trunk, ring);
                }
                Action::Message { person, box_name, complaint, ask, before, longest, silence, shortest } => {
                    let person = person.and_then(|person| body.extension(person));
                    let mailbox = box_name;
                    let wanted =
                        Wanted { person, mailbox, complaint, ask, before, longest, silence, shortest };
                    return message::enter(body, ctx, wanted);
                }
                Action::Urgent { person } => return urgent::enter(body, ctx, person),
                Action::Survey { after_talk, once_in, solved, low, low_to } => {
                    let low_to = low_to.and_then(|person| body.extension(person));
                    let order = SurveyOrder { after_talk, once_in, solved, low, low_to };
                    return survey::enter(body, ctx, order);
                }
                Action::Complaint { tries } => return case_status::enter(body, ctx, tries),
                Action::Mailbox { tries, team: None } => return mailbox::enter(body, ctx, tries),
                Action::Mailbox { tries, team: Some(team) } => {
                    return mailbox::enter_team(body, ctx, tries, team);
                }
                Action::HangUp => return farewell::said(body, ctx, CallEnd::FlowEnded),
            }
        }
        Stage::Listen(Listen)
    }
}

fn promising(
    body: &Body,
    queue: QueueId,
    keyed: Option<Masked<String>>,
    person: Option<AgentId>,
    due: Wall,
) -> Option<Promising> {
    Some(Promising {
        kind: PromiseKind::Time,
        keyed: keyed.as_ref().is_some_and(|number| *number != body.from),
        number: Some(keyed.unwrap_or_else(|| body.from.clone())).filter(|number| !number.is_empty())?,
        queue: Some(body.cursor.plan().queue(queue)?.name.clone()),
        owner: person.and_then(|person| body.extension(person)),
        language: body.cursor.language().clone(),
        grade: body.cursor.grade().map(str::to_owned),
        due,
    })
}

/// The place in line is the one that the caller has left, where they have left this queue's. Who keeps their number to
/// themselves and keys in none cannot be called back.
fn booking(body: &Body, ctx: &Ctx<'_>, queue: QueueId, keyed: Option<Masked<String>>) -> Option<Booking> {
    let plan = body.cursor.plan();
    let place = body.place.as_ref().filter(|place| place.queue == queue);
    let needs = place.map(|place| place.needs.as_slice()).unwrap_or_default().iter().filter_map(|need| {
        let skill = plan.skills().get(usize::from(need.skill))?;
        Some((skill.name.clone(), need.level))
    });
    Some(Booking {
        // Who keys in the number that they call from has keyed in nobody else's.
        keyed: keyed.as_ref().is_some_and(|number| *number != body.from),
        number: Some(keyed.unwrap_or_else(|| body.from.clone())).filter(|number| !number.is_empty())?,
        queue: plan.queue(queue)?.name.clone(),
        language: body.cursor.language().clone(),
        grade: body.cursor.grade().map(str::to_owned),
        needs: needs.collect(),
        credit: place.and_then(|place| place.credit),
        arrived: place.map_or(ctx.now.mono, |place| place.arrived),
    })
}
