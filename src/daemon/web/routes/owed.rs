//! What customers are owed: callbacks, promises; and whose their matters are.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::base::{CallId, Masked};
use crate::daemon::office::MatterLine;
use crate::daemon::users::{Role, Scope};
use crate::daemon::web::api::{Api, At, Done, Lists, Nothing};
use crate::daemon::web::gate::Visitor;
use crate::daemon::web::problem::Problem;
use crate::daemon::web::rules::{FLOOR, FLOOR_AND_AUDITORS, Rule, SUPERVISORS, SUPERVISORS_AND_AUDITORS};
use crate::daemon::web::shown::{Time, number};
use crate::exchange::{CallbackLine, Command};
use crate::record::Promise;

const READ: Rule = Rule::new(FLOOR_AND_AUDITORS, Scope::OwedRead);
const WRITE: Rule = Rule::new(FLOOR, Scope::OwedWrite);

/// Matters in one answer.
const MOST: usize = 500;

pub fn declare(api: &mut Api) {
    let read = Rule::new(SUPERVISORS_AND_AUDITORS, Scope::OwedRead);
    api.get(
        "/callbacks",
        read,
        "What is owed to customers who gave up the line and kept their place",
        callbacks,
    );
    let lead = Rule::new(SUPERVISORS, Scope::OwedWrite);
    api.order(Method::DELETE, "/callbacks/{callback}", lead, "Nobody is called", cancel);
    api.get("/promises", READ, "What callers were promised; an agent: what is theirs", promises);
    api.change(
        Method::POST,
        "/agents/{extension}/promises",
        WRITE.own(),
        "The agent calls a customer back",
        promise,
    );
    api.change(Method::PATCH, "/promises/{promise}", WRITE, "A person has kept it, or sees to it", settle);
    api.get("/matters", READ, "Whose the customers' matters are; an agent: their own", matters);
}

/// A callback that is owed.
#[derive(Serialize, ToSchema)]
struct CallbackView {
    callback: u64,
    /// The customer's number, masked.
    number: String,
    queue: String,
    /// The place in line.
    since: Time,
    /// `booking`, `in line`, `calling`, `later` or `given up`.
    state: String,
    tries: u32,
    /// What came of the last one.
    last: Option<String>,
}

fn callbacks(at: &mut At<'_>, _: Nothing) -> Result<Lists<CallbackView>, Problem> {
    let view = |line: CallbackLine| {
        let CallbackLine { callback, number, queue, since, state, tries, last } = line;
        CallbackView { callback: callback.0, number, queue, since: Time(since), state, tries, last }
    };
    Ok(Lists(at.office.callbacks()?.into_iter().map(view).collect()))
}

fn cancel(at: &mut At<'_>) -> Result<Done, Problem> {
    let callback = CallId(at.number("callback", 'c')?);
    at.office.done(Command::CancelCallback { callback })?;
    Ok(Done)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct PromisesQuery {
    /// Also those that have ended, of those that were made since then.
    #[param(value_type = Option<String>)]
    since: Option<Time>,
}

/// What somebody was promised.
#[derive(Serialize, ToSchema)]
struct PromiseView {
    promise: u64,
    /// How it came to be: `place`, `time`, `agent` or `urgent`.
    kind: &'static str,
    call: Option<u64>,
    /// The customer's number, masked for whom it does not concern.
    number: Option<String>,
    queue: String,
    /// Who promised, by extension; nobody: the queue.
    owner: Option<String>,
    /// Whose it is now.
    holder: Option<String>,
    made: Time,
    /// Nobody is called before.
    due: Time,
    /// Later than this is late.
    by: Option<Time>,
    tries: u32,
    last: Option<String>,
    /// `open`, `kept`, `late`, `broken` or `passed on`.
    state: &'static str,
    ended: Option<Time>,
}

fn is_own(visitor: &Visitor, promise: &Promise) -> bool {
    [&promise.owner, &promise.holder].into_iter().flatten().any(|extension| visitor.is(extension))
}

fn promise_view(visitor: &Visitor, promise: Promise) -> PromiseView {
    PromiseView {
        promise: promise.promise.0,
        kind: promise.kind.name(),
        call: promise.call.map(|call| call.0),
        number: number(visitor, is_own(visitor, &promise), &promise.number),
        made: Time(promise.made),
        due: Time(promise.due),
        by: promise.by.map(Time),
        tries: promise.tries,
        state: promise.result(),
        ended: promise.ended.map(Time),
        last: promise.last,
        queue: promise.queue,
        owner: promise.owner,
        holder: promise.holder,
    }
}

fn promises(at: &mut At<'_>, query: PromisesQuery) -> Result<Lists<PromiseView>, Problem> {
    let mut found = at.office.promises(query.since.map(|time| time.0))?;
    if at.visitor.role() == Role::Agent {
        found.retain(|promise| is_own(at.visitor, promise));
    }
    Ok(Lists(found.into_iter().map(|promise| promise_view(at.visitor, promise)).collect()))
}

/// A call that an agent has promised.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PromiseOrder {
    #[schema(value_type = String)]
    number: Masked<String>,
    /// The agent's phone rings then, and the customer's when they are there.
    due: Time,
}

fn promise(at: &mut At<'_>, order: PromiseOrder) -> Result<Done, Problem> {
    at.detail = format!("{} at {}", order.number, order.due.0);
    at.office.promise(at.param("extension").to_owned(), order.number, order.due.0)?;
    Ok(Done)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettleOrder {
    /// The customer was called; else a person sees to it, and nobody is called any more.
    kept: bool,
}

fn settle(at: &mut At<'_>, order: SettleOrder) -> Result<Done, Problem> {
    let promise = CallId(at.number("promise", 'c')?);
    if at.visitor.role() == Role::Agent {
        let found = at.office.promises(None)?.into_iter().find(|one| one.promise == promise);
        let found = found.ok_or_else(|| Problem::absent(format!("there is no open promise {promise}")))?;
        if !is_own(at.visitor, &found) {
            return Err(Problem::forbidden("own", "an agent may do this with their own promises only"));
        }
    }
    at.detail = if order.kept { "kept" } else { "seen to" }.to_owned();
    at.office.settle_promise(promise, order.kept)?;
    Ok(Done)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct MattersQuery {
    /// Of this owner's only, by extension.
    owner: Option<String>,
    /// At most so many, by their last calls, up to 500; 50 where nothing is said.
    latest: Option<usize>,
}

/// A customer's matter.
#[derive(Serialize, ToSchema)]
struct MatterView {
    /// The customer's number, masked for whom it does not concern.
    customer: Option<String>,
    /// By extension.
    owner: String,
    since: Time,
    calls: usize,
    /// How often it went to somebody in vain, or came back.
    bounces: usize,
    last_call: u64,
    /// Until then a repeat call is its owner's.
    until: Time,
    /// Through whose hands it went.
    hops: Vec<String>,
}

fn matters(at: &mut At<'_>, query: MattersQuery) -> Result<Lists<MatterView>, Problem> {
    let own = at.visitor.role() == Role::Agent;
    let owner = if own { Some(at.visitor.extension().unwrap_or_default().to_owned()) } else { query.owner };
    let found = at.office.matters(owner.as_deref(), query.latest.unwrap_or(50).min(MOST))?;
    let view = |line: MatterLine| MatterView {
        customer: number(at.visitor, at.visitor.is(&line.matter.extension), &line.matter.number),
        since: Time(line.matter.since),
        calls: line.calls,
        bounces: line.bounces(),
        last_call: line.matter.last_call.0,
        until: Time(line.matter.until),
        hops: line.way.iter().map(ToString::to_string).collect(),
        owner: line.matter.extension,
    };
    Ok(Lists(found.into_iter().map(view).collect()))
}
