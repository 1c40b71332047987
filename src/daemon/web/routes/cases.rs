//! Complaints, and what callers say of talks.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::messages::untold;
use super::running;
use crate::base::{CallId, Masked, Wall};
use crate::daemon::clock;
use crate::daemon::office::Acceptance;
use crate::daemon::store::{ComplaintFilter, Store};
use crate::daemon::users::{Role, Scope};
use crate::daemon::web::api::{Api, At, Lists, Makes, Nothing, Shows};
use crate::daemon::web::gate::Visitor;
use crate::daemon::web::problem::Problem;
use crate::daemon::web::rules::{FLOOR, FLOOR_AND_AUDITORS, Rule, SUPERVISORS_AND_AUDITORS};
use crate::daemon::web::shown::{Time, number, words};
use crate::record::{CaseNumber, Complaint, ComplaintState, ComplaintUpdate, Severity, SurveyAnswer};

const READ: Rule = Rule::new(FLOOR_AND_AUDITORS, Scope::OwedRead);
const WRITE: Rule = Rule::new(FLOOR, Scope::OwedWrite);

/// In one answer.
const MOST: usize = 1000;

pub fn declare(api: &mut Api) {
    api.get("/complaints", READ, "Complaints, the newest first; an agent: their own", complaints);
    api.change(Method::POST, "/complaints", WRITE, "The caller of a call complains, or complained", accept);
    api.get("/complaints/{case}", READ, "Everything that is known of one", complaint);
    api.change(Method::PATCH, "/complaints/{case}", WRITE, "Say what becomes of one", update);
    let surveys_rule = Rule::new(SUPERVISORS_AND_AUDITORS, Scope::OwedRead);
    api.get("/surveys", surveys_rule, "What callers said of talks, the first one first", surveys);
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ComplaintsQuery {
    /// Of this owner's only, by extension.
    owner: Option<String>,
    /// Also those that are closed.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    all: bool,
    /// Accepted then or later.
    #[param(value_type = Option<String>)]
    since: Option<Time>,
    /// At most so many, up to 1000; 100 where nothing is said.
    latest: Option<usize>,
}

/// A complaint.
#[derive(Serialize, ToSchema)]
struct ComplaintView {
    /// Its number, as it is read to the caller.
    case: String,
    accepted: Time,
    /// The customer's number, masked for whom it does not concern.
    from: Option<String>,
    /// Where they want to be called, where that is another one.
    number: Option<String>,
    language: String,
    category: String,
    /// `low`, `normal` or `high`.
    severity: &'static str,
    /// What the customer expects; none where it is not for the visitor.
    expects: Option<String>,
    /// By extension.
    owner: Option<String>,
    /// `accepted`, `in-work`, `answered`, `solved`, `reopened` or `closed`.
    state: &'static str,
    answer_due: Option<Time>,
    result_due: Option<Time>,
    answered: Option<Time>,
    solved: Option<Time>,
    closed: Option<Time>,
    /// Its result is owed for longer than that.
    late: bool,
    escalated: bool,
    calls: Vec<u64>,
    messages: Vec<u64>,
    history: Vec<StepView>,
}

/// One thing that became of it.
#[derive(Serialize, ToSchema)]
struct StepView {
    at: Time,
    by: String,
    what: String,
}

fn is_own(visitor: &Visitor, complaint: &Complaint) -> bool {
    complaint.owner.as_deref().is_some_and(|owner| visitor.is(owner))
}

fn view(visitor: &Visitor, now: Wall, one: Complaint) -> ComplaintView {
    let own = is_own(visitor, &one);
    ComplaintView {
        case: one.case.to_string(),
        accepted: Time(one.accepted),
        from: number(visitor, own, &one.from),
        number: one.number.as_ref().and_then(|value| number(visitor, own, value)),
        severity: one.severity.name(),
        expects: one.expects.as_ref().and_then(|text| words(visitor, own, text)),
        state: one.state.name(),
        answer_due: one.answer_due.map(Time),
        result_due: one.result_due.map(Time),
        answered: one.answered.map(Time),
        solved: one.solved.map(Time),
        closed: one.closed.map(Time),
        late: one.is_late(now),
        escalated: one.care.escalated,
        calls: one.calls.iter().map(|call| call.0).collect(),
        messages: one.slips.iter().map(|slip| slip.0).collect(),
        history: one
            .history
            .into_iter()
            .map(|step| StepView { at: Time(step.at), by: step.by, what: step.what })
            .collect(),
        language: one.language,
        category: one.category,
        owner: one.owner,
    }
}

fn complaints(at: &mut At<'_>, query: ComplaintsQuery) -> Result<Lists<ComplaintView>, Problem> {
    let own = at.visitor.role() == Role::Agent;
    let owner = if own { Some(at.visitor.extension().unwrap_or_default().to_owned()) } else { query.owner };
    let filter = ComplaintFilter {
        owner,
        not_closed: !query.all,
        since: query.since.map(|time| time.0),
        latest: query.latest.unwrap_or(100).clamp(1, MOST),
    };
    let now = clock::now().wall;
    let found = at.office.complaints(&filter)?;
    Ok(Lists(found.into_iter().map(|one| view(at.visitor, now, one)).collect()))
}

fn case(at: &At<'_>) -> Result<CaseNumber, Problem> {
    let wrong = || Problem::absent("no complaint has this number: its last digit says so");
    CaseNumber::parse(at.param("case")).ok_or_else(wrong)
}

/// The complaint of the path, where it is for them.
fn reached(at: &At<'_>) -> Result<Complaint, Problem> {
    let found = at.office.complaint(case(at)?)?;
    if at.visitor.role() == Role::Agent && !is_own(at.visitor, &found) {
        return Err(Problem::forbidden("own", "an agent may see their own complaints only"));
    }
    Ok(found)
}

fn complaint(at: &mut At<'_>, _: Nothing) -> Result<Shows<ComplaintView>, Problem> {
    Ok(Shows(view(at.visitor, clock::now().wall, reached(at)?)))
}

/// A complaint that is made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcceptOrder {
    /// The call in which the caller complains, or complained.
    call: u64,
    #[serde(default)]
    category: String,
    /// `low`, `normal` or `high`.
    #[serde(default)]
    #[schema(value_type = String)]
    severity: Severity,
    /// What the customer expects.
    #[schema(value_type = Option<String>)]
    expects: Option<Masked<String>>,
    /// By extension; without it the agent's who talked with them.
    owner: Option<String>,
}

/// The number of a case.
#[derive(Serialize, ToSchema)]
struct AcceptedView {
    case: String,
}

/// An agent accepts what the caller of their own call complains of.
fn accept(at: &mut At<'_>, order: AcceptOrder) -> Result<Makes<AcceptedView>, Problem> {
    let AcceptOrder { call, category, severity, expects, owner } = order;
    let call = CallId(call);
    if at.visitor.role() == Role::Agent {
        running::is_theirs(at, call)?;
    }
    let said = Acceptance { category, severity, expects, owner };
    let (case, why) = at.office.accept_complaint(call, &at.who(), said)?;
    untold(why);
    at.detail = format!("case {case}");
    Ok(Makes(AcceptedView { case: case.to_string() }))
}

/// What becomes of it. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateOrder {
    category: Option<String>,
    /// `low`, `normal` or `high`.
    #[schema(value_type = Option<String>)]
    severity: Option<Severity>,
    #[schema(value_type = Option<String>)]
    expects: Option<Masked<String>>,
    /// By extension.
    owner: Option<String>,
    /// `accepted`, `in-work`, `answered`, `solved`, `reopened` or `closed`.
    #[schema(value_type = Option<String>)]
    state: Option<ComplaintState>,
    /// Another day for the result.
    result_due: Option<Time>,
    /// It was spoken of in this call, too.
    call: Option<u64>,
}

fn update(at: &mut At<'_>, order: UpdateOrder) -> Result<Shows<ComplaintView>, Problem> {
    let case = reached(at)?.case;
    let updates: Vec<ComplaintUpdate> = [
        order.category.map(ComplaintUpdate::Category),
        order.severity.map(ComplaintUpdate::Severity),
        order.expects.map(ComplaintUpdate::Expects),
        order.owner.map(ComplaintUpdate::Owner),
        order.state.map(ComplaintUpdate::State),
        order.result_due.map(|time| ComplaintUpdate::ResultDue(time.0)),
        order.call.map(|call| ComplaintUpdate::Call(CallId(call))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut last = None;
    for update in updates {
        let (complaint, why) = at.office.update_complaint(case, &at.who(), update)?;
        untold(why);
        last = Some(complaint);
    }
    let complaint = last.ok_or_else(|| Problem::malformed("nothing is said of it"))?;
    at.detail = complaint.history.last().map_or(String::new(), |step| step.what.clone());
    Ok(Shows(view(at.visitor, clock::now().wall, complaint)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct SurveysQuery {
    #[param(value_type = Option<String>)]
    since: Option<Time>,
}

/// What a caller said of a talk.
#[derive(Serialize, ToSchema)]
struct SurveyView {
    call: u64,
    at: Time,
    queue: Option<String>,
    agent: Option<String>,
    /// 1, very dissatisfied, to 5, very satisfied.
    mark: u8,
    solved: Option<bool>,
    /// It is one that somebody above the agent sees to.
    low: bool,
}

fn surveys(at: &mut At<'_>, query: SurveysQuery) -> Result<Lists<SurveyView>, Problem> {
    let since = query.since.map_or(Wall::from_micros(i64::MIN), |time| time.0);
    let view = |answer: SurveyAnswer| SurveyView {
        call: answer.call.0,
        at: Time(answer.at),
        queue: answer.queue,
        agent: answer.agent,
        mark: answer.mark,
        solved: answer.solved,
        low: answer.low,
    };
    let found = at.office.store(|store| Ok(store.surveys(since)?))?;
    Ok(Lists(found.into_iter().map(view).collect()))
}
