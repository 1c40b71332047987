//! Calls: those that run, with what may be done to them, and the records of those that are over.

use std::fs::File;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::base::{CallId, Masked};
use crate::call::{How, Manner};
use crate::daemon::recorder;
use crate::daemon::store::{CallFilter, Store};
use crate::daemon::users::{Role, Scope};
use crate::daemon::web::api::{Api, At, Done, Lists, Nothing, Shows};
use crate::daemon::web::gate::Visitor;
use crate::daemon::web::problem::Problem;
use crate::daemon::web::rules::{
    EVERYBODY, FLOOR, FLOOR_AND_AUDITORS, Rule, SUPERVISORS, SUPERVISORS_AND_AUDITORS,
};
use crate::daemon::web::shown::{Time, number, words};
use crate::daemon::web::sound::Sound;
use crate::exchange::{CallLine, Command, MatchLine};
use crate::record::{CallRecord, LegQuality};

const READ: Rule = Rule::new(EVERYBODY, Scope::CallsRead);
const RECORDS: Rule = Rule::new(FLOOR_AND_AUDITORS, Scope::CallsRead);
const WRITE: Rule = Rule::new(FLOOR, Scope::CallsWrite);
const LEAD: Rule = Rule::new(SUPERVISORS, Scope::CallsWrite);

/// In one answer.
const MOST: usize = 1000;

pub fn declare(api: &mut Api) {
    api.get("/running", READ, "The calls that run", running);
    api.get("/running/{call}", READ, "One of them", one_running);
    api.order(Method::DELETE, "/running/{call}", LEAD, "End it, with a closing phrase", hang_up);
    api.change(Method::POST, "/running/{call}/transfer", WRITE, "The agent hands the caller on", transfer);
    api.change(
        Method::PUT,
        "/running/{call}/recording",
        WRITE,
        "Pause its recording, or resume it",
        recording,
    );
    api.change(
        Method::PUT,
        "/running/{call}/supervision",
        LEAD,
        "A desk listens, whispers or barges in",
        supervise,
    );
    api.change(
        Method::PATCH,
        "/running/{call}/place",
        LEAD,
        "Another queue, or another head start, for a call that waits",
        place,
    );
    api.change(
        Method::POST,
        "/running/{call}/notes",
        WRITE,
        "Note something for whoever has the call next",
        note,
    );
    let why = Rule::new(SUPERVISORS_AND_AUDITORS, Scope::CallsRead);
    api.get("/running/{call}/why", why, "Who was considered for it, and what became of that", why_of);
    api.get("/calls", RECORDS, "The records of calls that are over, the newest first", records);
    api.get("/calls/{call}", RECORDS, "One of them, with its stages", record);
    let hear = Rule::new(SUPERVISORS_AND_AUDITORS, Scope::RecordingsRead).noted();
    api.get("/calls/{call}/recordings/{recording}", hear, "The sound of a recording", sound);
}

/// A call that runs.
#[derive(Serialize, ToSchema)]
struct RunningView {
    call: u64,
    /// The caller's number, masked for whom it does not concern; none where it is withheld.
    from: Option<String>,
    /// `listen`, `wait`, `offer`, `talk` …
    stage: String,
    queue: Option<String>,
    /// By extension.
    agent: Option<String>,
    started: Time,
    legs: Vec<LegView>,
}

/// How one party is heard.
#[derive(Serialize, ToSchema)]
struct LegView {
    /// A trunk, or an extension.
    party: String,
    codec: String,
    /// Mean opinion score, times 100; 0 where nothing was heard.
    mos_x100: u16,
    received: u64,
    lost: u64,
    late: u64,
    jitter_ms: u32,
    round_trip_ms: Option<u32>,
}

impl From<LegQuality> for LegView {
    fn from(leg: LegQuality) -> LegView {
        let LegQuality { party, codec, mos_x100, received, lost, late, jitter_ms, round_trip_ms, .. } = leg;
        LegView { party, codec, mos_x100, received, lost, late, jitter_ms, round_trip_ms }
    }
}

fn running_view(visitor: &Visitor, line: CallLine) -> RunningView {
    let own = line.agent.as_deref().is_some_and(|agent| visitor.is(agent));
    RunningView {
        call: line.call.0,
        from: number(visitor, own, &line.number),
        stage: line.stage,
        queue: line.queue,
        agent: line.agent,
        started: Time(line.started),
        legs: line.legs.into_iter().map(LegView::from).collect(),
    }
}

fn running(at: &mut At<'_>, _: Nothing) -> Result<Lists<RunningView>, Problem> {
    let calls = at.office.running()?;
    Ok(Lists(calls.into_iter().map(|line| running_view(at.visitor, line)).collect()))
}

fn one_running(at: &mut At<'_>, _: Nothing) -> Result<Shows<RunningView>, Problem> {
    let line = line_of(at, at.call()?)?;
    Ok(Shows(running_view(at.visitor, line)))
}

fn line_of(at: &At<'_>, call: CallId) -> Result<CallLine, Problem> {
    let found = at.office.running()?.into_iter().find(|line| line.call == call);
    found.ok_or_else(|| Problem::absent(format!("there is no call {call}")))
}

/// # Errors
/// The visitor neither talks nor talked with the caller.
pub(super) fn is_theirs(at: &At<'_>, call: CallId) -> Result<(), Problem> {
    let running = at.office.running()?.into_iter().find(|line| line.call == call);
    let own = match running {
        Some(line) => line.agent.as_deref().is_some_and(|agent| at.visitor.is(agent)),
        None => at.office.store(|store| Ok(store.call(call)?))?.is_some_and(|call| is_own(at.visitor, &call)),
    };
    if own { Ok(()) } else { Err(Problem::forbidden("own", "an agent may do this in their own calls only")) }
}

/// The call of the path; an agent's own, where an agent asks.
fn reached(at: &At<'_>) -> Result<CallId, Problem> {
    let call = at.call()?;
    if at.visitor.role() == Role::Agent {
        let line = line_of(at, call)?;
        if !line.agent.as_deref().is_some_and(|agent| at.visitor.is(agent)) {
            return Err(Problem::forbidden("own", "an agent may do this in their own calls only"));
        }
    }
    Ok(call)
}

fn hang_up(at: &mut At<'_>) -> Result<Done, Problem> {
    at.office.done(Command::HangUp { call: at.call()? })?;
    Ok(Done)
}

/// Whom the caller is handed on to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TransferOrder {
    /// An extension or a number that the agent's desk may dial.
    to: String,
    /// The agent speaks with them first.
    #[serde(default)]
    consult: bool,
}

fn transfer(at: &mut At<'_>, order: TransferOrder) -> Result<Done, Problem> {
    let call = reached(at)?;
    let how = if order.consult { How::Attended } else { How::Blind };
    // It may be a customer's number.
    let to = Masked::new(order.to.clone());
    at.detail = format!("{} to {to}", if order.consult { "consult" } else { "blind" });
    at.office.transfer(call, order.to, how)?;
    Ok(Done)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecordingOrder {
    /// What is said meanwhile is blank in it.
    paused: bool,
}

fn recording(at: &mut At<'_>, order: RecordingOrder) -> Result<Done, Problem> {
    let call = reached(at)?;
    at.detail = if order.paused { "paused" } else { "resumed" }.to_owned();
    at.office.done(Command::PauseRecording { call, paused: order.paused })?;
    Ok(Done)
}

/// A desk takes part in a talk.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SupervisionOrder {
    /// `listen`: heard by nobody; `whisper`: by the agent; `barge`: by both.
    #[schema(value_type = String)]
    manner: Manner,
    /// By extension; without it, the visitor's own.
    desk: Option<String>,
}

fn supervise(at: &mut At<'_>, order: SupervisionOrder) -> Result<Done, Problem> {
    let own = || at.visitor.extension().map(str::to_owned);
    let desk = order.desk.or_else(own).ok_or_else(|| Problem::malformed("name a desk: the user has none"))?;
    let call = at.call()?;
    at.detail = format!("{} at {desk}", order.manner.name());
    at.office.supervise(call, desk, order.manner)?;
    Ok(Done)
}

/// Where a call waits. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlaceOrder {
    /// As the dialplan names it.
    queue: Option<String>,
    /// Treated as if it had waited so many seconds more, instead of what its queue gives: 0 to 600.
    priority_s: Option<u64>,
}

fn place(at: &mut At<'_>, order: PlaceOrder) -> Result<Done, Problem> {
    let PlaceOrder { queue, priority_s } = order;
    if priority_s.is_some_and(|seconds| seconds > 600) {
        return Err(Problem::malformed("priority_s: 0 to 600"));
    }
    if queue.is_none() && priority_s.is_none() {
        return Err(Problem::malformed("neither a queue nor a priority"));
    }
    at.detail = [queue.clone(), priority_s.map(|seconds| format!("{seconds} s"))]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ");
    at.office.change_waiting(at.call()?, queue, priority_s)?;
    Ok(Done)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NoteOrder {
    #[schema(value_type = String)]
    text: Masked<String>,
}

fn note(at: &mut At<'_>, order: NoteOrder) -> Result<Done, Problem> {
    let call = reached(at)?;
    at.office.done(Command::Note { call, by: at.who(), text: order.text })?;
    Ok(Done)
}

/// One offer of a call, or how things stand while it waits.
#[derive(Serialize, ToSchema)]
struct MatchView {
    at: Time,
    queue: String,
    waited_ms: u64,
    /// The head start that it had.
    credit_ms: u64,
    /// Whom it was offered to, by extension; nobody while it waits.
    chosen: Option<String>,
    /// The agent whom it waits for alone.
    owner: Option<String>,
    /// Best first.
    considered: Vec<ConsideredView>,
    /// So many more agents, of whom nothing is told.
    more: usize,
}

#[derive(Serialize, ToSchema)]
struct ConsideredView {
    agent: String,
    /// In words.
    reason: String,
}

fn why_of(at: &mut At<'_>, _: Nothing) -> Result<Lists<MatchView>, Problem> {
    let view = |line: MatchLine| MatchView {
        at: Time(line.at),
        queue: line.queue,
        waited_ms: line.waited_ms,
        credit_ms: line.credit_ms,
        chosen: line.chosen,
        owner: line.owner,
        considered: line
            .considered
            .into_iter()
            .map(|one| ConsideredView { agent: one.agent, reason: one.reason })
            .collect(),
        more: line.more,
    };
    Ok(Lists(at.office.why(at.call()?)?.into_iter().map(view).collect()))
}

// -- records --

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct RecordsQuery {
    /// At most so many, up to 1000; 50 where nothing is said.
    latest: Option<usize>,
    /// Calls that began then or later.
    #[param(value_type = Option<String>)]
    since: Option<Time>,
}

/// The record of a call.
#[derive(Serialize, ToSchema)]
struct CallView {
    call: u64,
    /// The caller's number, masked for whom it does not concern; none where it is withheld.
    from: Option<String>,
    withheld: bool,
    /// The number that was dialled; `outside` where an agent called somebody.
    dialled: String,
    /// A trunk, or the account of a desk.
    origin: String,
    language: String,
    grade: Option<String>,
    started: Time,
    answered: Option<Time>,
    ended: Time,
    /// How it ended, in words.
    end: String,
    queue: Option<VisitView>,
    /// Numbers of recordings.
    recordings: Vec<u64>,
    /// Of a message that the caller left.
    message: Option<u64>,
    complaint: Option<String>,
    /// What the caller said of the talk, 1 to 5.
    mark: Option<u8>,
    notes: Vec<NoteView>,
    stages: Vec<StageView>,
    legs: Vec<LegView>,
}

/// What came of the wait in a queue.
#[derive(Serialize, ToSchema)]
struct VisitView {
    name: String,
    waited_ms: u64,
    offers: u32,
    /// `served`, `abandoned` …
    outcome: &'static str,
    agent: Option<String>,
    talked_ms: u64,
}

#[derive(Serialize, ToSchema)]
struct NoteView {
    at: Time,
    by: String,
    /// None where it is not for the visitor.
    text: Option<String>,
}

/// One step of the journey.
#[derive(Serialize, ToSchema)]
struct StageView {
    at: Time,
    kind: &'static str,
    detail: String,
}

/// Of the visitor's own: they talked with the caller, or called from their desk.
fn is_own(visitor: &Visitor, call: &CallRecord) -> bool {
    let agent = call.queue.as_ref().and_then(|visit| visit.agent.as_deref());
    agent.is_some_and(|agent| visitor.is(agent)) || visitor.is(&call.origin)
}

fn call_view(visitor: &Visitor, call: CallRecord) -> CallView {
    let own = is_own(visitor, &call);
    let from = if call.withheld { None } else { number(visitor, own, &call.from) };
    let visit = call.queue.map(|visit| VisitView {
        name: visit.name,
        waited_ms: visit.waited_ms,
        offers: visit.offers,
        outcome: visit.outcome.name(),
        agent: visit.agent,
        talked_ms: visit.talked_ms,
    });
    let notes = call.notes.into_iter();
    let stages = call.stages.into_iter();
    CallView {
        call: call.call.0,
        from,
        withheld: call.withheld,
        dialled: call.dialled,
        origin: call.origin,
        language: call.language,
        grade: call.grade,
        started: Time(call.started),
        answered: call.answered.map(Time),
        ended: Time(call.ended),
        end: call.end.to_string(),
        queue: visit,
        recordings: call.recordings.into_iter().map(|recording| recording.0).collect(),
        message: call.slip.map(|slip| slip.0),
        complaint: call.complaint.map(|case| case.to_string()),
        mark: call.survey.map(|answer| answer.mark),
        notes: notes
            .map(|note| NoteView { at: Time(note.at), by: note.by, text: words(visitor, own, &note.text) })
            .collect(),
        stages: stages
            .map(|stage| StageView { at: Time(stage.at), kind: stage.kind.name(), detail: stage.detail })
            .collect(),
        legs: call.legs.into_iter().map(LegView::from).collect(),
    }
}

/// An agent gets their own.
fn records(at: &mut At<'_>, query: RecordsQuery) -> Result<Lists<CallView>, Problem> {
    let own = at.visitor.role() == Role::Agent;
    let filter = CallFilter {
        latest: query.latest.unwrap_or(50).min(MOST),
        since: query.since.map(|time| time.0),
        of: own.then(|| at.visitor.extension().unwrap_or_default().to_owned()),
    };
    let calls = at.office.store(|store| Ok(store.calls(&filter)?))?;
    Ok(Lists(calls.into_iter().map(|call| call_view(at.visitor, call)).collect()))
}

fn record(at: &mut At<'_>, _: Nothing) -> Result<Shows<CallView>, Problem> {
    let call = recorded(at)?;
    if at.visitor.role() == Role::Agent && !is_own(at.visitor, &call) {
        return Err(Problem::forbidden("own", "an agent may see their own calls only"));
    }
    Ok(Shows(call_view(at.visitor, call)))
}

fn recorded(at: &At<'_>) -> Result<CallRecord, Problem> {
    let id = at.call()?;
    let found = at.office.store(|store| Ok(store.call(id)?))?;
    found.ok_or_else(|| Problem::absent(format!("there is no call {id}")))
}

fn sound(at: &mut At<'_>, _: Nothing) -> Result<Sound, Problem> {
    let wanted = at.number("recording", 'r')?;
    let call = recorded(at)?;
    let recording = call.recordings.into_iter().find(|one| one.0 == wanted);
    let recording =
        recording.ok_or_else(|| Problem::absent(format!("call {} has no recording r{wanted}", call.call)))?;
    let gone = |_| Problem::absent(format!("the recording {recording} is gone"));
    let file = File::open(recorder::path_of(at.office.folder(), recording)).map_err(gone)?;
    Sound::filed(file, at.range()).map_err(gone)
}
