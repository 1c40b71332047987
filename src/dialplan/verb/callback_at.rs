//! `callback_at`: the caller chooses when they are called back.
//!
//! ```text
//!   ask ──► HHMM ──► a day on which that can be? ── no: said why, asked again; no tries left: `on_impossible`
//!    ▲                  │ the first
//!    │ 2                ▼
//!    └───────────── "we call you tomorrow at … press 1" ── 1 ──► written down ──► "it is booked", the number, next step
//!                       ▲ 3 │                                          └─ not written down: `on_impossible`
//!                       └───┘ a day later
//! ```

use crate::base::{Clip, Masked, Now, Wall};
use crate::dialplan::action::{Action, Event};
use crate::dialplan::calendar::days_at;
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{CallbackAtSpec, Step, Target, Value};

/// What is said of a time.
pub(in crate::dialplan) const PROMPTS: [&str; 8] = [
    LATER.1,
    "menu/press-3",
    "promise/no-such-time",
    "promise/time-is-past",
    "promise/outside-hours",
    "promise/we-call-at",
    "promise/booked",
    "callback/we-will-call",
];

/// Hours and minutes.
const DIGITS: usize = 4;

/// Nobody who wants to be called thinks further ahead; a feast with its weekends is shorter.
const DAYS_AHEAD: usize = 14;

/// The key, and what is said before it.
const LATER: (char, &str) = ('3', "promise/later-day");

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "callback_at",
    about: "Asks for a time (four digits, 1530), reads it back with its day, and promises a call then: by the person dialled \
            last, where there was one, else by the queue. The day is the first on which the time is still to come and within \
            `callback_hours`: today, or the next working day; 3 asks for a later one, up to two weeks ahead. At the time the \
            person's phone rings, they hear whom to call and press 1, and the customer is called; who is away then has a \
            delegate, and after them the queue calls. The number, hours, trunk and tries are by the queue's rules for \
            callbacks (`callback_to` …). A time that is outside these hours on every day, or none at all, is said to be, and \
            asked for again. Goes on with the next step when it is safely written down; past the last step the call is \
            closed with thanks.",
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
            choosing.typed.clear();
            choosing.chosen = None;
            ask(cursor, &choosing, Vec::new(), out);
            Progress::Still(choosing)
        }
        (Some(due), key) if key == LATER.0 => {
            cursor.disarm(out);
            match possible(cursor, &choosing, now, due).first().copied() {
                Some(later) => read_back(cursor, choosing, now, later, Vec::new(), out),
                None => again(cursor, choosing, "promise/outside-hours", out),
            }
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

/// On which day somebody can be called then.
fn judge(cursor: &mut Cursor, choosing: Choosing, now: Now, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    let plan = cursor.plan.clone();
    let Some(today) = days_at(&plan.zone, now.wall, &choosing.typed, 0).first().copied() else {
        return again(cursor, choosing, "promise/no-such-time", out);
    };
    let Some(due) = possible(cursor, &choosing, now, now.wall).first().copied() else {
        return again(cursor, choosing, "promise/outside-hours", out);
    };
    // Who meant today hears why it is another day.
    let past = if today <= now.wall { "promise/time-is-past" } else { "" };
    let before = plan.speech(&cursor.language).prompt(past);
    read_back(cursor, choosing, now, due, before, out)
}

/// The days on which this time is after `after` and customers may be called.
fn possible(cursor: &Cursor, choosing: &Choosing, now: Now, after: Wall) -> Vec<Wall> {
    let plan = &cursor.plan;
    let Some(queue) = plan.queue(choosing.spec.queue) else { return Vec::new() };
    let mut days = days_at(&plan.zone, now.wall, &choosing.typed, DAYS_AHEAD);
    days.retain(|at| *at > after && plan.calls_back(queue, *at));
    days
}

fn read_back(
    cursor: &mut Cursor,
    mut choosing: Choosing,
    now: Now,
    due: Wall,
    before: Vec<Clip>,
    out: &mut Vec<Action>,
) -> Progress {
    let plan = cursor.plan.clone();
    let speech = plan.speech(&cursor.language);
    let mut clips = before;
    clips.extend(speech.we_call_at(due, now.wall));
    clips.extend_from_slice(plan.own.confirm.clips(&cursor.language));
    if !possible(cursor, &choosing, now, due).is_empty() {
        clips.extend(speech.prompt(LATER.1));
        clips.extend(speech.prompt(&format!("menu/press-{}", LATER.0)));
    }
    choosing.chosen = Some(due);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Language;
    use crate::dialplan::Manifest;

    /// What is said is what is done, in each language.
    #[test]
    fn the_key_of_a_later_day_is_the_one_that_is_spoken() {
        let texts = Manifest::parse(include_str!("../../../prompts/manifest.toml")).expect("the manifest");
        let line = |language: &str| {
            let of = |prompt: &str| texts.text(prompt, &Language::new(language));
            format!("{} {}", of(LATER.1), of(&format!("menu/press-{}", LATER.0)))
        };
        assert!(line("zh-CN").contains("改日") && line("zh-CN").contains("按三"), "{}", line("zh-CN"));
        assert!(
            line("en-US").contains("later day") && line("en-US").contains("press three"),
            "{}",
            line("en-US")
        );
    }
}
