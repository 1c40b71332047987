//! Messages that callers left, and urgent slips.

use std::collections::BTreeSet;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::base::{Masked, SlipId, UrgentAnswer};
use crate::daemon::store::SlipFilter;
use crate::daemon::users::{Role, Scope};
use crate::daemon::web::api::{Api, At, Done, Lists, Nothing, Shows};
use crate::daemon::web::gate::Visitor;
use crate::daemon::web::problem::Problem;
use crate::daemon::web::rules::{FLOOR, FLOOR_AND_AUDITORS, Rule};
use crate::daemon::web::shown::{Time, number};
use crate::daemon::web::sound::Sound;
use crate::exchange::{Command, UrgentLine};
use crate::record::{About, MessageSlip, SlipState};

const READ: Rule = Rule::new(FLOOR_AND_AUDITORS, Scope::MessagesRead);
const WRITE: Rule = Rule::new(FLOOR, Scope::MessagesWrite);

/// In one answer.
const MOST: usize = 1000;
/// For one that shows some boxes only.
const LOOKED_THROUGH: usize = 10_000;

pub fn declare(api: &mut Api) {
    api.get(
        "/messages",
        READ,
        "Messages, the newest first; an agent's own, and those of the house's boxes",
        messages,
    );
    api.get("/messages/{message}", READ, "One of them", message);
    let hear = Rule::new(FLOOR_AND_AUDITORS, Scope::RecordingsRead).noted();
    api.get("/messages/{message}/audio", hear, "The sound of it: who called, then what about", audio);
    api.change(Method::PATCH, "/messages/{message}", WRITE, "It is heard, open or done", mark);
    api.change(
        Method::POST,
        "/messages/{message}/forward",
        WRITE,
        "Into another box, where it is new",
        forward,
    );
    api.get(
        "/urgent",
        READ,
        "Who is asked what becomes of an urgent caller; an agent: what they are asked",
        urgents,
    );
    api.change(
        Method::PUT,
        "/urgent/{extension}/answer",
        WRITE.own(),
        "What the person with this extension answers",
        answer,
    );
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct MessagesQuery {
    /// A person's extension, or a box of the house.
    mailbox: Option<String>,
    /// Also those that are done.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    all: bool,
    /// In the box's name or a number.
    #[param(value_type = Option<String>)]
    search: Option<Masked<String>>,
    /// At most so many, up to 1000; 100 where nothing is said.
    latest: Option<usize>,
}

/// A message that a caller left.
#[derive(Serialize, ToSchema)]
struct MessageView {
    message: u64,
    call: u64,
    /// The caller's number, masked for whom it does not concern; none where it is withheld.
    from: Option<String>,
    /// Where they want to be called.
    call_back: Option<String>,
    /// Whom it is for, by extension; nobody: a box of the house.
    person: Option<String>,
    /// The box that it lies in now.
    mailbox: String,
    /// The boxes that it lay in before.
    was_in: Vec<String>,
    taken: Time,
    length_ms: u64,
    urgent: bool,
    /// Played back to the caller and accepted.
    confirmed: bool,
    /// `taking`, `new`, `heard`, `open`, `done` or `deleted`.
    state: &'static str,
    /// When somebody looks at it again.
    due: Option<Time>,
    reminders: u32,
    /// What else it is, in words: a complaint, a low mark.
    about: Option<String>,
}

fn view(visitor: &Visitor, slip: MessageSlip) -> MessageView {
    // Whoever may see the message at all works with it.
    let shown = |value: &Masked<String>| number(visitor, true, value);
    MessageView {
        message: slip.slip.0,
        call: slip.call.0,
        from: shown(&slip.from),
        call_back: slip.number.as_ref().and_then(shown),
        person: slip.person,
        mailbox: slip.mailbox,
        was_in: slip.keeping.passed,
        taken: Time(slip.taken),
        length_ms: slip.length_ms,
        urgent: slip.urgent,
        confirmed: slip.confirmed,
        state: slip.state.name(),
        due: slip.keeping.due.map(Time),
        reminders: slip.keeping.reminders,
        about: slip.about.as_ref().map(About::words),
    }
}

/// The boxes that are other persons': whatever else there is, is the house's, which everybody on the floor works for.
fn others(at: &At<'_>) -> Result<BTreeSet<String>, Problem> {
    if at.visitor.role() != Role::Agent {
        return Ok(BTreeSet::new());
    }
    let agents = at.office.agents()?.into_iter().map(|agent| agent.extension);
    Ok(agents.filter(|extension| !at.visitor.is(extension)).collect())
}

fn messages(at: &mut At<'_>, query: MessagesQuery) -> Result<Lists<MessageView>, Problem> {
    let others = others(at)?;
    let most = query.latest.unwrap_or(100).clamp(1, MOST);
    let filter = SlipFilter {
        mailbox: query.mailbox,
        open_only: !query.all,
        // Those that an agent sees may stand far behind those that they do not.
        latest: if others.is_empty() { most } else { LOOKED_THROUGH },
        search: query.search.unwrap_or_default(),
    };
    let mut slips = at.office.messages(&filter)?;
    slips.retain(|slip| !others.contains(&slip.mailbox));
    slips.truncate(most);
    Ok(Lists(slips.into_iter().map(|slip| view(at.visitor, slip)).collect()))
}

/// The message of the path, where it is for them.
fn reached(at: &At<'_>) -> Result<MessageSlip, Problem> {
    let slip = at.office.message(SlipId(at.number("message", 'm')?))?;
    match others(at)?.contains(&slip.mailbox) {
        true => Err(Problem::forbidden("own", "this message lies in somebody else's box")),
        false => Ok(slip),
    }
}

fn message(at: &mut At<'_>, _: Nothing) -> Result<Shows<MessageView>, Problem> {
    Ok(Shows(view(at.visitor, reached(at)?)))
}

fn audio(at: &mut At<'_>, _: Nothing) -> Result<Sound, Problem> {
    let slip = reached(at)?;
    at.detail = format!("in box {}", slip.mailbox);
    Ok(Sound::held(at.office.message_sound(&slip)?, at.range()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MarkOrder {
    state: MarkedState,
}

/// What a message can be marked as.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum MarkedState {
    Heard,
    /// In somebody's hands; also one that was done too early.
    Open,
    Done,
}

fn mark(at: &mut At<'_>, order: MarkOrder) -> Result<Shows<MessageView>, Problem> {
    let slip = reached(at)?.slip;
    let state = match order.state {
        MarkedState::Heard => SlipState::Heard,
        MarkedState::Open => SlipState::Open,
        MarkedState::Done => SlipState::Done,
    };
    at.detail = state.name().to_owned();
    untold(at.office.mark_message(slip, state)?);
    Ok(Shows(view(at.visitor, at.office.message(slip)?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ForwardOrder {
    /// A person's extension, or a box of the house.
    to: String,
}

fn forward(at: &mut At<'_>, order: ForwardOrder) -> Result<Done, Problem> {
    let slip = reached(at)?.slip;
    at.detail = format!("to {}", order.to);
    untold(at.office.forward_message(slip, &order.to)?);
    Ok(Done)
}

/// The change is made; lamps follow it later.
pub(super) fn untold(why: Option<String>) {
    if let Some(why) = why {
        tracing::warn!(why, "a change by the web");
    }
}

/// Somebody who is asked what becomes of a caller.
#[derive(Serialize, ToSchema)]
struct UrgentView {
    /// By extension.
    person: String,
    call: u64,
    /// The caller's number, masked.
    from: String,
    /// When they were asked.
    since: Time,
    /// Given already, and the caller waits to be put through.
    answer: Option<&'static str>,
}

fn urgents(at: &mut At<'_>, _: Nothing) -> Result<Lists<UrgentView>, Problem> {
    let own = at.visitor.role() == Role::Agent;
    let view = |line: UrgentLine| UrgentView {
        person: line.person,
        call: line.call.0,
        from: line.from,
        since: Time(line.since),
        answer: line.answer.map(UrgentAnswer::name),
    };
    let mut all = at.office.urgents()?;
    all.retain(|line| !own || at.visitor.is(&line.person));
    Ok(Lists(all.into_iter().map(view).collect()))
}

/// What becomes of the caller.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "answer", rename_all = "kebab-case", deny_unknown_fields)]
enum AnswerOrder {
    /// Put through at once.
    Now {},
    /// I call back: then, or as soon as I can.
    CallBack { at: Option<Time> },
    /// Whoever takes my calls takes this one.
    Delegate {},
    /// The caller leaves a message.
    Message {},
}

fn answer(at: &mut At<'_>, order: AnswerOrder) -> Result<Done, Problem> {
    let answer = match order {
        AnswerOrder::Now {} => UrgentAnswer::Now,
        AnswerOrder::CallBack { at } => UrgentAnswer::CallBack { at: at.map(|time| time.0) },
        AnswerOrder::Delegate {} => UrgentAnswer::Delegate,
        AnswerOrder::Message {} => UrgentAnswer::Message,
    };
    at.detail = answer.name().to_owned();
    at.office.done(Command::AnswerUrgent { extension: at.param("extension").to_owned(), answer })?;
    Ok(Done)
}
