//! What came of the calls: records and messages, out of the store; with or without a running daemon.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;
use serde_json::Value;

use crate::base::{CallId, Masked, SlipId, Wall};
use crate::daemon::failure::Failure;
use crate::daemon::office::{Office, parts};
use crate::daemon::recorder;
use crate::daemon::state;
use crate::daemon::store::{CallFilter, SlipFilter, Sqlite, Store};
use crate::record::{About, CallRecord, LegQuality, MessageSlip, Outside, SlipState};

use super::agent::{columns, score};

/// Instead of a number that its caller does not want shown.
const WITHHELD: &str = "withheld";
/// What the record of a call to the outside has as the dialled number.
const OUTSIDE: &str = "outside";

/// How lists are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table for people.
    Table,
    /// One JSON object a line; numbers masked as in the table.
    Json,
}

/// What `hotline messages` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageOrder {
    List {
        mailbox: Option<String>,
        /// Also what is settled.
        all: bool,
        /// At most so many, the newest; 0: all.
        latest: usize,
        /// In the box, or in a number; empty: anything.
        search: Masked<String>,
    },
    /// Played by a program of this machine, where there is one.
    Play(SlipId),
    /// Where the recording lies.
    Path(SlipId),
    Show(SlipId),
    /// Into another box.
    Forward {
        slip: SlipId,
        to: String,
    },
    /// The slip is no longer new.
    Heard(SlipId),
    /// Somebody has it in hand; also again.
    Open(SlipId),
    Done(SlipId),
    /// A copy of the recording.
    Copy {
        slip: SlipId,
        to: PathBuf,
    },
}

/// The latest calls, the newest last: next to the prompt of a terminal, and in the order of time in a file.
pub fn calls(folder: &Path, latest: usize, form: Form) -> Result<String, Failure> {
    let mut calls = open(folder)?.calls(&CallFilter { latest, since: None, of: None })?;
    calls.reverse();
    if form == Form::Json {
        return Ok(calls.into_iter().map(|call| json(&masked_call(call))).collect());
    }
    let mut rows =
        vec![["call", "began", "from", "dialled", "for", "queue", "agent", "end"].map(str::to_owned)];
    for call in &calls {
        let queue = call.queue.as_ref();
        rows.push([
            call.call.to_string(),
            local(call.started),
            shown_from(call),
            shown_dialled(call),
            seconds(call.ended.since(call.started).as_millis()),
            queue.map_or("-".to_owned(), |q| format!("{} {}", q.name, q.outcome.name())),
            queue.and_then(|q| q.agent.clone()).unwrap_or("-".to_owned()),
            call.end.to_string(),
        ]);
    }
    Ok(columns(&rows))
}

/// One call with its stages.
pub fn call(folder: &Path, id: CallId, form: Form) -> Result<String, Failure> {
    let found = open(folder)?.call(id)?;
    let call = found.ok_or_else(|| Failure::Other(format!("there is no call {id}")))?;
    if form == Form::Json {
        return Ok(json(&masked_call(call)));
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_call(&mut text, &call);
    Ok(text)
}

fn write_call(out: &mut String, call: &CallRecord) -> std::fmt::Result {
    let (from, dialled) = (shown_from(call), shown_dialled(call));
    writeln!(out, "call {}   from {from} by {}   to {dialled}", call.call, call.origin)?;
    let grade = call.grade.as_deref().unwrap_or("none");
    writeln!(out, "language {}   grade {grade}   keys {}", call.language, call.keys)?;
    for diverted in &call.diverted {
        writeln!(out, "sent on by {} ({})", diverted.number, diverted.reason)?;
    }
    if let Some(Outside { number, trunk, answered, talked_ms }) = &call.outside {
        let talked = seconds(u128::from(*talked_ms));
        let outcome = if *answered { format!("talked {talked}") } else { "not answered".to_owned() };
        let by = if trunk.is_empty() { "no trunk" } else { trunk };
        writeln!(out, "outside {number} by {by}, {outcome}")?;
    }
    writeln!(out, "Call-ID {}\n", call.sip_call_id)?;
    let mut rows: Vec<[String; 3]> = Vec::new();
    for stage in &call.stages {
        let into = seconds(stage.at.since(call.started).as_millis());
        rows.push([into, stage.kind.name().to_owned(), stage.detail.clone()]);
    }
    let whole = seconds(call.ended.since(call.started).as_millis());
    rows.push([whole, "over".to_owned(), call.end.to_string()]);
    write!(out, "{}", columns(&rows))?;
    if let Some(queue) = &call.queue {
        let waited = seconds(u128::from(queue.waited_ms));
        write!(out, "\nqueue {}: {} after {waited}", queue.name, queue.outcome.name())?;
        let offers =
            if queue.offers == 1 { "1 offer".to_owned() } else { format!("{} offers", queue.offers) };
        writeln!(out, ", {offers}, talked {}", seconds(u128::from(queue.talked_ms)))?;
    }
    if let Some(case) = &call.complaint {
        writeln!(out, "\ncomplaint {case}")?;
    }
    if let Some(answer) = &call.survey {
        let solved = answer.solved.map_or("", |solved| if solved { ", solved" } else { ", not solved" });
        writeln!(out, "\nrated {}{solved}", answer.mark)?;
    }
    for note in &call.notes {
        writeln!(out, "\nnoted {} by {}: {}", local(note.at), note.by, note.text.expose())?;
    }
    if !call.legs.is_empty() {
        write!(out, "\n{}", columns(&heard(&call.legs)))?;
    }
    Ok(())
}

/// How each party was heard, and heard us.
fn heard(legs: &[LegQuality]) -> Vec<[String; 10]> {
    let heading =
        ["party", "codec", "score", "received", "lost", "late", "jitter", "round trip", "sent", "lost there"];
    let mut rows = vec![heading.map(str::to_owned)];
    for leg in legs {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        rows.push([
            leg.party.clone(),
            leg.codec.clone(),
            score(leg.mos_x100),
            leg.received.to_string(),
            leg.lost.to_string(),
            leg.late.to_string(),
            format!("{} ms", leg.jitter_ms),
            or_none(leg.round_trip_ms.map(|ms| format!("{ms} ms"))),
            leg.sent.to_string(),
            or_none(leg.peer_lost.map(|lost| lost.to_string())),
        ]);
    }
    rows
}

/// The caller as the record may show them.
fn shown_from(call: &CallRecord) -> String {
    if call.withheld { WITHHELD.to_owned() } else { call.from.to_string() }
}

fn shown_dialled(call: &CallRecord) -> String {
    match &call.outside {
        Some(outside) if call.dialled == OUTSIDE => format!("{OUTSIDE} {}", outside.number),
        _ => call.dialled.clone(),
    }
}

/// Carries out the order; what is to be shown.
pub fn messages(folder: &Path, order: MessageOrder, form: Form) -> Result<String, Failure> {
    let office = Office::at(folder);
    match order {
        MessageOrder::List { mailbox, all, latest, search } => {
            let mut slips = office.messages(&SlipFilter { mailbox, open_only: !all, latest, search })?;
            slips.reverse();
            Ok(slip_list(slips, form))
        }
        MessageOrder::Path(slip) => {
            let paths = parts(&office.message(slip)?).into_iter().map(|id| recorder::path_of(folder, id));
            Ok(paths.map(|path| format!("{}\n", path.display())).collect())
        }
        MessageOrder::Play(slip) => {
            parts(&office.message(slip)?).into_iter().map(|id| play(&recorder::path_of(folder, id))).collect()
        }
        MessageOrder::Show(slip) => Ok(show(office.message(slip)?, form)),
        MessageOrder::Forward { slip, to } => {
            Ok(told(slip, &format!("lies in box {to} now"), office.forward_message(slip, &to)?))
        }
        MessageOrder::Heard(slip) => mark(&office, slip, SlipState::Heard),
        MessageOrder::Open(slip) => mark(&office, slip, SlipState::Open),
        MessageOrder::Done(slip) => mark(&office, slip, SlipState::Done),
        MessageOrder::Copy { slip, to } => {
            let whole = office.message_sound(&office.message(slip)?)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&to)
                .map_err(Failure::io("the recording cannot be copied"))?;
            file.write_all(&whole).map_err(Failure::io("the recording cannot be copied"))?;
            Ok(format!("{}\n", to.display()))
        }
    }
}

fn mark(office: &Office, slip: SlipId, state: SlipState) -> Result<String, Failure> {
    Ok(told(slip, &format!("is {}", state.name()), office.mark_message(slip, state)?))
}

/// With what could not be told to the daemon.
fn told(slip: SlipId, what: &str, untold: Option<String>) -> String {
    match untold {
        Some(untold) => format!("{slip} {what}; {untold}\n"),
        None => format!("{slip} {what}\n"),
    }
}

pub(super) fn open(folder: &Path) -> Result<Sqlite, Failure> {
    Ok(Sqlite::open_existing(&state::database(folder))?)
}

fn slip_list(slips: Vec<MessageSlip>, form: Form) -> String {
    if form == Form::Json {
        return slips.into_iter().map(|slip| json(&written_slip(slip))).collect();
    }
    let mut rows = vec![
        ["message", "taken", "from", "call back", "for", "length", "urgent", "confirmed", "state"]
            .map(str::to_owned),
    ];
    for slip in &slips {
        rows.push([
            slip.slip.to_string(),
            local(slip.taken),
            if slip.from.is_empty() { WITHHELD.to_owned() } else { slip.from.to_string() },
            slip.number.as_ref().map_or("-".to_owned(), ToString::to_string),
            slip.mailbox.clone(),
            seconds(u128::from(slip.length_ms)),
            if slip.urgent { "urgent" } else { "-" }.to_owned(),
            if slip.confirmed { "yes" } else { "no" }.to_owned(),
            slip.state.name().to_owned(),
        ]);
    }
    columns(&rows)
}

/// Everything that is known of one message but its sound.
fn show(slip: MessageSlip, form: Form) -> String {
    if form == Form::Json {
        return json(&written_slip(slip));
    }
    let from = if slip.from.is_empty() { WITHHELD.to_owned() } else { slip.from.to_string() };
    let number = slip.number.as_ref().map_or("not said".to_owned(), ToString::to_string);
    let asked_for = slip.person.clone().unwrap_or_else(|| "a team".to_owned());
    let due = slip.keeping.due.map_or("-".to_owned(), local);
    let passed = slip.keeping.passed.join(", ");
    let parts: Vec<String> = parts(&slip).iter().map(ToString::to_string).collect();
    let rows: Vec<[String; 2]> = [
        ("message", slip.slip.to_string()),
        ("state", format!("{}{}", slip.state.name(), if slip.urgent { ", urgent" } else { "" })),
        ("taken", local(slip.taken)),
        ("of call", slip.call.to_string()),
        ("from", from),
        ("call back", number),
        ("for", asked_for),
        ("in box", slip.mailbox.clone()),
        ("was in", if passed.is_empty() { "-".to_owned() } else { passed }),
        ("length", seconds(u128::from(slip.length_ms))),
        ("confirmed", if slip.confirmed { "yes" } else { "no" }.to_owned()),
        ("looked at again", due),
        ("reminders", slip.keeping.reminders.to_string()),
        ("recordings", parts.join(" ")),
        ("about", slip.about.as_ref().map_or("-".to_owned(), About::words)),
    ]
    .map(|(what, is)| [what.to_owned(), is])
    .to_vec();
    columns(&rows)
}

/// With the first player that this machine has; else only says where the recording lies.
fn play(path: &Path) -> Result<String, Failure> {
    const PLAYERS: [(&str, &[&str]); 4] = [
        ("aplay", &["-q"]),
        ("pw-play", &[]),
        ("play", &["-q"]),
        ("ffplay", &["-autoexit", "-nodisp", "-loglevel", "error"]),
    ];
    if !path.exists() {
        return Err(Failure::Other(format!("the recording {} is gone", path.display())));
    }
    for (program, options) in PLAYERS {
        let mut player = Command::new(program);
        player.args(options).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if player.status().is_ok_and(|status| status.success()) {
            return Ok(String::new());
        }
    }
    Ok(format!("no program here plays sound; the recording is {}\n", path.display()))
}

/// What is written of a call for machines: like the record, the caller and the keys masked.
fn masked_call(mut call: CallRecord) -> CallRecord {
    call.from = if call.withheld { Masked::default() } else { hidden(&call.from) };
    call.keys = hidden(&call.keys);
    if let Some(answer) = &mut call.survey {
        answer.from = call.from.clone();
    }
    for diverted in &mut call.diverted {
        diverted.number = hidden(&diverted.number);
    }
    if let Some(outside) = &mut call.outside {
        outside.number = hidden(&outside.number);
    }
    call
}

/// What is written of a slip for machines: its numbers masked, its times by RFC 3339.
fn written_slip(mut slip: MessageSlip) -> Value {
    slip.from = hidden(&slip.from);
    slip.number = slip.number.as_ref().map(hidden);
    let mut written = serde_json::to_value(&slip).unwrap_or_default();
    for (place, at) in [("/taken", Some(slip.taken)), ("/keeping/due", slip.keeping.due)] {
        if let (Some(written), Some(at)) = (written.pointer_mut(place), at) {
            *written = Value::String(at.to_string());
        }
    }
    written
}

pub(super) fn hidden(value: &Masked<String>) -> Masked<String> {
    Masked::new(value.to_string())
}

pub(super) fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

/// To the second.
pub(super) fn local(wall: Wall) -> String {
    super::agent::local(wall, "%Y-%m-%d %H:%M:%S")
}

pub(super) fn seconds(millis: u128) -> String {
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RecordingId;
    use crate::record::{CallEnd, Diverted, Keeping, Record};

    fn slip() -> MessageSlip {
        MessageSlip {
            slip: SlipId(7),
            call: CallId(3),
            from: Masked::from("13800138000"),
            person: Some("8003".to_owned()),
            mailbox: "8003".to_owned(),
            taken: Wall::from_micros(1_700_000_000_000_000),
            who: Some(RecordingId(4)),
            recordings: vec![RecordingId(5)],
            length_ms: 12_345,
            number: Some(Masked::from("18611112222")),
            urgent: false,
            confirmed: true,
            state: SlipState::New,
            about: None,
            keeping: Keeping::default(),
        }
    }

    #[test]
    fn a_call_shows_who_sent_it_on_and_never_a_withheld_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&state::database(folder.path())).unwrap();
        let call = CallRecord {
            call: CallId(3),
            sip_call_id: "x".to_owned(),
            from: Masked::from("13800138000"),
            withheld: true,
            diverted: vec![Diverted { number: Masked::from("01065881234"), reason: "user-busy".to_owned() }],
            dialled: "outside".to_owned(),
            origin: "8001".to_owned(),
            language: "zh-CN".to_owned(),
            grade: None,
            started: Wall::from_micros(1_700_000_000_000_000),
            answered: None,
            ended: Wall::from_micros(1_700_000_001_000_000),
            stages: Vec::new(),
            keys: Masked::default(),
            queue: None,
            recordings: Vec::new(),
            slip: None,
            outside: Some(Outside {
                number: Masked::from("18611112222"),
                trunk: "carrier".to_owned(),
                answered: true,
                talked_ms: 2_500,
            }),
            complaint: None,
            survey: None,
            notes: Vec::new(),
            legs: Vec::new(),
            version: None,
            wrong_keys: 0,
            end: CallEnd::CallerHungUp,
        };
        store.write(&[Record::Call(Box::new(call))]).unwrap();
        for form in [Form::Table, Form::Json] {
            for text in [
                super::call(folder.path(), CallId(3), form).unwrap(),
                calls(folder.path(), 10, form).unwrap(),
            ] {
                for hidden in ["13800138000", "13*******00", "01065881234", "18611112222"] {
                    assert!(!text.contains(hidden), "{text}");
                }
            }
        }
        let page = super::call(folder.path(), CallId(3), Form::Table).unwrap();
        assert!(page.contains("from withheld by 8001   to outside 18*******22"), "{page}");
        assert!(page.contains("sent on by 01*******34 (user-busy)"), "{page}");
        assert!(page.contains("outside 18*******22 by carrier, talked 2.5 s"), "{page}");

        let leg = LegQuality {
            leg: 0,
            party: "carrier".to_owned(),
            codec: "PCMA".to_owned(),
            sent: 500,
            received: 480,
            lost: 12,
            late: 3,
            jitter_ms: 7,
            round_trip_ms: Some(48),
            peer_lost: Some(1),
            peer_jitter_ms: None,
            mos_x100: 398,
        };
        store.write(&[Record::Leg { call: CallId(3), quality: Box::new(leg) }]).unwrap();
        let page = super::call(folder.path(), CallId(3), Form::Table).unwrap();
        let words: Vec<_> = page.lines().last().unwrap_or_default().split_whitespace().collect();
        assert_eq!(words.join(" "), "carrier PCMA 4.0 480 12 3 7 ms 48 ms 500 1");
    }

    #[test]
    fn messages_are_listed_masked_and_marked() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&state::database(folder.path())).unwrap();
        store.write(&[Record::Slip(Box::new(slip()))]).unwrap();
        let order = |order| messages(folder.path(), order, Form::Table);
        let list = || MessageOrder::List { mailbox: None, all: false, latest: 0, search: Masked::default() };
        let table = order(list()).unwrap();
        assert!(
            table.contains("13*******00") && table.contains("12.3 s") && table.contains("new"),
            "{table}"
        );
        let lines = messages(folder.path(), list(), Form::Json).unwrap();
        assert!(lines.contains("\"from\":\"13*******00\"") && !lines.contains("13800138000"), "{lines}");
        assert!(lines.contains("\"taken\":\"2023-11-14T22:13:20.000Z\""), "{lines}");
        assert!(order(MessageOrder::Path(SlipId(7))).unwrap().trim_end().ends_with("000000/r5.wav"));
        assert!(!lines.contains("18611112222"), "{lines}");
        assert!(matches!(order(MessageOrder::Play(SlipId(7))), Err(Failure::Other(_))), "no such file");
        assert_eq!(order(MessageOrder::Done(SlipId(7))).unwrap(), "m7 is done\n");
        assert_eq!(order(list()).unwrap().lines().count(), 1, "only the heading");
        assert!(order(MessageOrder::Heard(SlipId(8))).is_err());

        let taking = MessageSlip { slip: SlipId(9), state: SlipState::Taking, ..slip() };
        store.write(&[Record::Slip(Box::new(taking))]).unwrap();
        assert_eq!(order(list()).unwrap().lines().count(), 1, "nobody has finished speaking");
        assert!(order(MessageOrder::Done(SlipId(9))).is_err());
        assert_eq!(
            order(MessageOrder::List { mailbox: None, all: true, latest: 0, search: Masked::default() })
                .unwrap()
                .lines()
                .count(),
            3
        );
    }
}
