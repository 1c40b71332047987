//! `callback_at`: the caller chooses when they are called back.
//!
//! ```text
//!   ask ──► HHMM ──► a time that can be? ── no: said why, asked again; no tries left: `on_impossible`
//!    ▲                  │ yes
//!    │ 2                ▼
//!    └───────────── "we call you at … press 1" ── 1 ──► written down ──► "it is booked", the number, next step
//!                                                            └─ not written down: `on_impossible`
//! ```

use crate::base::{Clip, Masked, Now, Wall};
use crate::dialplan::action::{Action, Event};
use crate::dialplan::calendar::today_at;
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{CallbackAtSpec, Step, Target, Value};

/// What is said of a time.
pub(in crate::dialplan) const PROMPTS: [&str; 6] = [
    "promise/no-such-time",
    "promise/time-is-past",
    "promise/outside-hours",
    "promise/we-call-at",
    "promise/booked",
    "callback/we-will-call",
];

/// Hours and minutes.
const DIGITS: usize = 4;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "callback_at",
    about: "Asks for a time of today (four digits, 1530), reads it back, and promises a call then: by the person dialled last, \
            where there was one, else by the queue. At the time the person's phone rings, they hear whom to call and press \
            1, and the customer is called; who is away then has a delegate, and after them the queue calls. The number, hours, \
            trunk and tries are by the queue's rules for callbacks (`callback_to` …). A time that is past, outside \
            `callback_hours` or no time at all is said to be, and asked for again. Goes on with the next step when it is \
            safely written down; past the last step the call is closed with thanks.",
    short: Some("to"),
    fields: &[
        Field::needed(
            "to",
            Form::Name("queue"),
            "Whose rules it goes by, and who calls where no person can.",
        ),
        Field::with(
            "number",
            Form::Text,
            "caller",
            "Which number: `caller`, or the name of a `collect` before.",
        ),
        Field::with("ask", Form::Prompts, "promise/at-what-time", "What is played before."),
        Field::with("first_digit", Form::Time(500, 60_000), "5 s", "How long the first key is waited for."),
        Field::with(
            "between_digits",
            Form::Time(500, 60_000),
            "3 s",
            "How long each further one is waited for.",
        ),
        Field::with("tries", Form::Count(1, 9), "3", "How often it is asked for."),
        Field::optional(
            "on_impossible",
            Form::Name("flow"),
            "an apology and a message",
            "No time was keyed that can be; the number is withheld, or none that the queue calls; or it could not be \
             written down.",
        ),
    ],
    example: r#"[[flow.main]]
dial = { to = "8001", offer = ["message", { say = "topic/callback-at", goto = "book" }] }

[[flow.book]]
callback_at = "consultation"

[queue.consultation]
skills = { consultation = 1 }
callback_to = ["1[3-9]xxxxxxxxx"]

[skill.consultation]

[agent.8001]
skills = { consultation = 5 }
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let queue = loader.queue(fields, "to");
    let number = loader.value(fields, "number");
    let prompts = loader.prompts(fields, "ask");
    let first_digit = loader.time_or(fields, "first_digit", loader.defaults.first_digit);
    let between_digits = loader.time_or(fields, "between_digits", loader.defaults.between_digits);
    let tries = loader.tries(fields);
    let on_impossible = match loader.target(fields, "on_impossible") {
        Some(target) => target,
        None => {
            let box_name = loader.text(fields, "to").map(|(name, _)| name).unwrap_or_default();
            let apology = "transfer/failed closed/leave-message";
            loader.apology_and_message(fields.place(), "on_impossible", apology, &box_name)
        }
    };
    let queue = queue?;
    let number = number?;
    super::callback::may_be_called(loader, fields, queue, &number);
    Some(Step::CallbackAt(Box::new(CallbackAtSpec {
        queue,
        number,
        prompts,
        first_digit,
        between_digits,
        tries,
        on_impossible,
    })))
}

/// A caller who chooses a time.
pub(in crate::dialplan) struct Choosing {
    spec: Box<CallbackAtSpec>,
    typed: String,
    /// Failed so far.
    tries: u8,
    /// Read back: 1 or 2 is waited for.
    chosen: Option<Wall>,
}

enum Progress {
    Turn(Turn),
    Still(Choosing),
}

pub(in crate::dialplan) fn begin(
    cursor: &mut Cursor,
    spec: &CallbackAtSpec,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    // Who keeps their number to themselves need not think of a time.
    if cursor.value(&spec.number).is_none_or(str::is_empty) {
        cursor.by(By::NotKept);
        return Turn::Go(spec.on_impossible);
    }
    let mut choosing =
        Choosing { spec: Box::new(spec.clone()), typed: String::new(), tries: 0, chosen: None };
    if cursor.ahead.is_empty() {
        ask(cursor, &choosing, Vec::new(), out);
        return cursor.stay(Stage::ChoosingTime(choosing));
    }
    while let Some(digit) = cursor.ahead.pop_front() {
        match keyed(cursor, choosing, now, digit, out) {
            Progress::Turn(turn) => return turn,
            Progress::Still(still) => choosing = still,
        }
    }
    cursor.stay(Stage::ChoosingTime(choosing))
}

pub(in crate::dialplan) fn handle(
    cursor: &mut Cursor,
    choosing: Choosing,
    now: Now,
    event: Event,
    out: &mut Vec<Action>,
) -> Turn {
    let progress = match event {
        Event::Played => {
            cursor.arm(choosing.spec.first_digit, out);
            Progress::Still(choosing)
        }
        Event::Digit(digit) => {
            cursor.stop(out);
            keyed(cursor, choosing, now, digit, out)
        }
        Event::TimedOut if choosing.typed.is_empty() => again(cursor, choosing, "error/no-input", out),
        // Three digits and no fourth: it is judged as it is.
        Event::TimedOut => judge(cursor, choosing, now, out),
        _ => Progress::Still(choosing),
    };
    match progress {
        Progress::Turn(turn) => turn,
        Progress::Still(choosing) => cursor.stay(Stage::ChoosingTime(choosing)),
    }
}

fn ask(cursor: &mut Cursor, choosing: &Choosing, mut before: Vec<Clip>, out: &mut Vec<Action>) {
    before.extend_from_slice(choosing.spec.prompts.clips(&cursor.language));
    if before.is_empty() {
        cursor.arm(choosing.spec.first_digit, out);
    } else {
        cursor.play(before, out);
    }
}

fn keyed(
    cursor: &mut Cursor,
    mut choosing: Choosing,
    now: Now,
    digit: char,
    out: &mut Vec<Action>,
) -> Progress {
    cursor.took(digit);
    match (choosing.chosen, digit) {
        (Some(due), '1') => book(cursor, &choosing, due, out),
        (Some(_), '2') => {
            cursor.disarm(out);
            choosing.chosen = None;
            ask(cursor, &choosing, Vec::new(), out);
            Progress::Still(choosing)
        }
        (Some(_), _) => again(cursor, choosing, "error/invalid-key", out),
        (None, '0'..='9') => {
            choosing.typed.push(digit);
            if choosing.typed.len() == DIGITS {
                cursor.closing_key = cursor.ahead.front() != Some(&'#');
                if !cursor.closing_key {
                    cursor.ahead.pop_front();
                }
                return judge(cursor, choosing, now, out);
            }
            cursor.arm(choosing.spec.between_digits, out);
            Progress::Still(choosing)
        }
        (None, '#') if !choosing.typed.is_empty() => judge(cursor, choosing, now, out),
        (None, _) => again(cursor, choosing, "error/invalid-key", out),
    }
}

/// Whether somebody can be called then.
fn judge(cursor: &mut Cursor, mut choosing: Choosing, now: Now, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    let plan = cursor.plan.clone();
    let Some(due) = today_at(&plan.zone, now.wall, &choosing.typed) else {
        return again(cursor, choosing, "promise/no-such-time", out);
    };
    if due <= now.wall {
        return again(cursor, choosing, "promise/time-is-past", out);
    }
    if !plan.queue(choosing.spec.queue).is_some_and(|queue| plan.calls_back(queue, due)) {
        return again(cursor, choosing, "promise/outside-hours", out);
    }
    choosing.typed.clear();
    choosing.chosen = Some(due);
    let mut clips = plan.speech(&cursor.language).we_call_at(due, now.wall);
    clips.extend_from_slice(plan.own.confirm.clips(&cursor.language));
    cursor.play(clips, out);
    Progress::Still(choosing)
}

fn book(cursor: &mut Cursor, choosing: &Choosing, due: Wall, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    cursor.ahead.clear();
    let number = match &choosing.spec.number {
        Value::Caller => None,
        other => Some(Masked::from(cursor.value(other).unwrap_or_default())),
    };
    out.push(Action::PromiseCall { queue: choosing.spec.queue, number, person: cursor.person, due });
    Progress::Turn(cursor.stay(Stage::Booking))
}

fn again(cursor: &mut Cursor, mut choosing: Choosing, why: &str, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    cursor.ahead.clear();
    choosing.typed.clear();
    choosing.chosen = None;
    choosing.tries = choosing.tries.saturating_add(1);
    let sorry = cursor.plan.speech(&cursor.language).prompt(why);
    if choosing.tries < choosing.spec.tries {
        ask(cursor, &choosing, sorry, out);
        return Progress::Still(choosing);
    }
    cursor.by(By::NotKept);
    Progress::Turn(cursor.tell(sorry, true, After::Go(choosing.spec.on_impossible), out))
}

/// The caller is told only what is on the disk.
pub(in crate::dialplan) fn booked(
    cursor: &mut Cursor,
    spec: &CallbackAtSpec,
    ok: bool,
    out: &mut Vec<Action>,
) -> Turn {
    cursor.by(if ok { By::Kept } else { By::NotKept });
    if !ok {
        return Turn::Go(spec.on_impossible);
    }
    let speech = cursor.plan.speech(&cursor.language);
    let mut said = speech.prompt("promise/booked");
    let number = cursor.value(&spec.number).map(|number| speech.telephone(number)).unwrap_or_default();
    if !number.is_empty() {
        said.extend(speech.prompt("callback/we-will-call"));
        said.extend(number);
    }
    cursor.tell(said, false, After::Go(Target::Next), out)
}
