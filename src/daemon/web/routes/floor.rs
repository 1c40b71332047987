//! Agents and queues.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::{AwayReason, Masked};
use crate::daemon::users::Scope;
use crate::daemon::web::api::{Api, At, Done, Lists, Nothing, Shows};
use crate::daemon::web::problem::Problem;
use crate::daemon::web::rules::{EVERYBODY, FLOOR, Rule};
use crate::daemon::web::shown::Time;
use crate::exchange::{AgentChange, AgentLine, AwayOrder, Command, QueueLine};

const READ: Rule = Rule::new(EVERYBODY, Scope::AgentsRead);
const OWN: Rule = Rule::new(FLOOR, Scope::AgentsWrite).own();

pub fn declare(api: &mut Api) {
    api.get("/agents", READ, "Everybody with their state", agents);
    api.get("/agents/{extension}", READ, "One of them", agent);
    api.change(
        Method::PUT,
        "/agents/{extension}/presence",
        OWN,
        "Sign on or off, be ready or away",
        presence,
    );
    api.change(
        Method::PUT,
        "/agents/{extension}/delegate",
        OWN,
        "Who takes the calls for the rest of the absence",
        delegate,
    );
    api.order(Method::POST, "/agents/{extension}/wrap-up/more", OWN, "Extend the wrap-up, once", more_time);
    api.order(Method::POST, "/agents/{extension}/wrap-up/end", OWN, "End the wrap-up: ready", end_wrap_up);
    api.change(
        Method::POST,
        "/agents/{extension}/calls",
        OWN,
        "Call a customer: the agent's phone rings, then theirs",
        call_out,
    );
    api.get(
        "/queues",
        Rule::new(EVERYBODY, Scope::CallsRead),
        "Each with who waits, talks and is there",
        queues,
    );
}

/// An agent, or another person with a desk.
#[derive(Serialize, ToSchema)]
struct AgentView {
    extension: String,
    name: String,
    /// `signed-off`, `ready`, `resting`, `reserved`, `ringing`, `talking`, `wrap-up` or `away`.
    state: String,
    /// Why they are away.
    reason: Option<&'static str>,
    /// When they can be reached again, or a rest or a wrap-up ends by itself.
    until: Option<Time>,
    /// Where they are, for colleagues.
    place: Option<String>,
    /// Who takes their calls meanwhile, by extension.
    delegate: Option<String>,
    /// What says so: `by hand`, `agreed`, `calendar`, `working hours`.
    by: Option<String>,
    /// A phone of theirs can be reached.
    reachable: bool,
    /// Since when in this state, in milliseconds.
    for_ms: u64,
    skills: Vec<String>,
}

impl From<AgentLine> for AgentView {
    fn from(line: AgentLine) -> AgentView {
        let AgentLine {
            extension,
            name,
            state,
            reason,
            until,
            place,
            delegate,
            by,
            reachable,
            for_ms,
            skills,
        } = line;
        let (reason, until) = (reason.map(AwayReason::name), until.map(Time));
        AgentView { extension, name, state, reason, until, place, delegate, by, reachable, for_ms, skills }
    }
}

fn agents(at: &mut At<'_>, _: Nothing) -> Result<Lists<AgentView>, Problem> {
    Ok(Lists(at.office.agents()?.into_iter().map(AgentView::from).collect()))
}

fn agent(at: &mut At<'_>, _: Nothing) -> Result<Shows<AgentView>, Problem> {
    let extension = at.param("extension");
    let found = at.office.agents()?.into_iter().find(|agent| agent.extension == extension);
    let unknown = || Problem::absent(format!("the dialplan has no agent {extension}"));
    Ok(Shows(found.ok_or_else(unknown)?.into()))
}

/// How an agent is from now on.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
// Braces: of what has none the derived code takes any further field.
enum PresenceOrder {
    /// Begin work, ready for calls.
    SignOn {},
    /// End work.
    SignOff {},
    /// Take calls.
    Ready {},
    /// Take no calls for a while; callers who ask for this person are told why.
    Away {
        /// `meeting`, `important-meeting`, `visitor`, `out`, `banquet`, `break`, `leave` or `training`.
        reason: String,
        /// The expected return. The absence ends then.
        until: Option<Time>,
        /// At an hour that is agreed on, instead of now.
        from: Option<Time>,
        /// The whereabouts, for colleagues: callers are not told.
        place: Option<String>,
        /// Who takes the calls meanwhile, by extension.
        delegate: Option<String>,
    },
}

fn presence(at: &mut At<'_>, order: PresenceOrder) -> Result<Done, Problem> {
    let change = match order {
        PresenceOrder::SignOn {} => AgentChange::SignOn,
        PresenceOrder::SignOff {} => AgentChange::SignOff,
        PresenceOrder::Ready {} => AgentChange::Ready,
        PresenceOrder::Away { reason, until, from, place, delegate } => {
            let known = AwayReason::parse(&reason).filter(|reason| is_settable(*reason));
            let reason =
                known.ok_or_else(|| Problem::malformed(format!("{reason:?} is no reason: {}", reasons())))?;
            let (until, from) = (until.map(|time| time.0), from.map(|time| time.0));
            AgentChange::Away(Box::new(AwayOrder { reason, until, from, place, delegate }))
        }
    };
    at.detail = match &change {
        AgentChange::Away(order) => format!("away: {}", order.reason),
        AgentChange::SignOn => "sign-on".to_owned(),
        AgentChange::SignOff => "sign-off".to_owned(),
        _ => "ready".to_owned(),
    };
    at.office.set_agent(at.param("extension").to_owned(), change)?;
    Ok(Done)
}

/// All but the one that the system sets itself.
fn is_settable(reason: AwayReason) -> bool {
    reason != AwayReason::NoAnswer
}

fn reasons() -> String {
    let names: Vec<_> =
        AwayReason::ALL.into_iter().filter(|one| is_settable(*one)).map(AwayReason::name).collect();
    format!("one of {}", names.join(", "))
}

/// Somebody who takes another's calls.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DelegateOrder {
    /// By extension; `null`: whom the dialplan says.
    delegate: Option<String>,
}

fn delegate(at: &mut At<'_>, order: DelegateOrder) -> Result<Done, Problem> {
    at.detail = order.delegate.clone().unwrap_or_else(|| "as the dialplan says".to_owned());
    at.office.set_agent(at.param("extension").to_owned(), AgentChange::Delegate(order.delegate))?;
    Ok(Done)
}

fn more_time(at: &mut At<'_>) -> Result<Done, Problem> {
    at.office.set_agent(at.param("extension").to_owned(), AgentChange::MoreTime)?;
    Ok(Done)
}

/// Whoever is in no wrap-up is left as they are: a click that comes late puts nobody who is away to work.
fn end_wrap_up(at: &mut At<'_>) -> Result<Done, Problem> {
    let extension = at.param("extension").to_owned();
    let agent = at.office.agents()?.into_iter().find(|agent| agent.extension == extension);
    match agent {
        None => Err(Problem::absent(format!("the dialplan has no agent {extension}"))),
        Some(agent) if agent.state != "wrap-up" => Err(Problem::new(
            axum::http::StatusCode::CONFLICT,
            "refused",
            format!("agent {extension}: {}", agent.state),
        )),
        Some(_) => {
            at.office.set_agent(extension, AgentChange::Ready)?;
            Ok(Done)
        }
    }
}

/// A number of the outside.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CallOrder {
    /// One that the agent's desk may call: see `may_call` in the dialplan.
    #[schema(value_type = String)]
    number: Masked<String>,
}

fn call_out(at: &mut At<'_>, order: CallOrder) -> Result<Done, Problem> {
    at.detail = order.number.to_string();
    let extension = at.param("extension").to_owned();
    at.office.done(Command::CallOut { extension, number: order.number })?;
    Ok(Done)
}

/// A queue, now.
#[derive(Serialize, ToSchema)]
struct QueueView {
    name: String,
    waiting: u32,
    talking: u32,
    /// The longest wait, in milliseconds.
    longest_ms: u64,
    /// Agents who could take its callers.
    signed_on: u32,
    /// And those of them who are free.
    ready: u32,
}

fn queues(at: &mut At<'_>, _: Nothing) -> Result<Lists<QueueView>, Problem> {
    let view = |line: QueueLine| {
        let QueueLine { name, waiting, talking, longest_ms, signed_on, ready } = line;
        QueueView { name, waiting, talking, longest_ms, signed_on, ready }
    };
    Ok(Lists(at.office.queues()?.into_iter().map(view).collect()))
}
