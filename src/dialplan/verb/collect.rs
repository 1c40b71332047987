//! `collect`: the caller keys in a number.

use std::time::Duration;

use crate::base::{Clip, Masked, Now};
use crate::dialplan::action::{Action, Event};
use crate::dialplan::calendar::{next_at, next_on};
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{CollectSpec, Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "collect",
    about: "Asks for digits and keeps them under a name. They end with #, with the `most`-th digit, or when no \
            further one comes; wrong or missing ones are asked for again.",
    short: None,
    fields: &[
        Field::needed("into", Form::Text, "The name under which other verbs find the digits."),
        Field::needed("ask", Form::Prompts, "What is played before."),
        Field::with(
            "kind",
            Form::One(&["digits", "extension", "time", "date"]),
            "digits",
            "`extension`: of an agent of this plan. `time`: four digits of the clock, `1530`. `date`: month and day, \
             `0108`.",
        ),
        Field::with("least", Form::Count(1, 32), "1", "Fewer digits are wrong."),
        Field::with("most", Form::Count(1, 32), "20", "With this many it goes on at once."),
        Field::with("first_digit", Form::Time(500, 60_000), "5 s", "How long the first one is waited for."),
        Field::with(
            "between_digits",
            Form::Time(500, 60_000),
            "3 s",
            "How long each further one is waited for.",
        ),
        Field::with("tries", Form::Count(1, 9), "3", "How often it is asked for."),
        Field::with("secret", Form::Flag, "false", "A PIN or a card number: in no log and no recording."),
        Field::with("confirm", Form::Flag, "false", "Reads the digits back; 1 is right, 2 is again."),
        Field::optional("on_empty", Form::Name("flow"), "as a wrong key", "When # comes before any digit."),
        Field::optional(
            "on_failure",
            Form::Name("flow"),
            "the operator of [hotline]",
            "When all tries were in vain.",
        ),
    ],
    example: r#"[[flow.main]]
collect = { into = "extension", ask = "menu/enter-extension", kind = "extension", on_failure = "other" }

[[flow.main]]
dial = { value = "extension" }

[[flow.other]]
queue = "consultation"
"#,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::dialplan) enum Kind {
    Digits,
    Extension,
    Time,
    Date,
}

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let kind = match loader.one(fields, "kind") {
        Some("extension") => Kind::Extension,
        Some("time") => Kind::Time,
        Some("date") => Kind::Date,
        _ => Kind::Digits,
    };
    let (into, place) = loader.text(fields, "into").unwrap_or((String::new(), fields.place()));
    loader.is_free_name(&into, place);
    let four = matches!(kind, Kind::Time | Kind::Date).then_some(4);
    let (least, most) = (loader.count(fields, "least"), loader.count(fields, "most"));
    let (least, most) = (four.unwrap_or(least), four.unwrap_or(most));
    if least > most {
        loader.report.mistake(fields.place(), format!("`least` ({least}) is more than `most` ({most})"));
    }
    let (secret, confirm) = (loader.flag(fields, "secret"), loader.flag(fields, "confirm"));
    if secret && confirm {
        loader
            .report
            .mistake(fields.place(), "a secret is not read back: `secret` and `confirm` exclude each other");
    }
    let on_empty = loader.target(fields, "on_empty");
    let on_failure =
        loader.target(fields, "on_failure").or_else(|| loader.operator(fields.place(), "on_failure"));
    Some(Step::Collect(Box::new(CollectSpec {
        into,
        kind,
        prompts: loader.prompts(fields, "ask"),
        least: usize::try_from(least).unwrap_or(1),
        most: usize::try_from(most).unwrap_or(1),
        first_digit: loader.time_or(fields, "first_digit", loader.defaults.first_digit),
        between_digits: loader.time_or(fields, "between_digits", loader.defaults.between_digits),
        tries: loader.tries(fields),
        secret,
        confirm,
        on_empty,
        on_failure: on_failure?,
    })))
}

/// A caller keying in.
pub(in crate::dialplan) struct Collecting {
    spec: Box<CollectSpec>,
    typed: String,
    /// Failed so far.
    tries: u8,
    /// The digits have been read back: 1 or 2 is waited for.
    confirming: bool,
}

pub(in crate::dialplan) fn begin(
    cursor: &mut Cursor,
    spec: &CollectSpec,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    if spec.secret {
        out.push(Action::Secret(true));
    }
    let mut collecting =
        Collecting { spec: Box::new(spec.clone()), typed: String::new(), tries: 0, confirming: false };
    if cursor.ahead.is_empty() {
        let clips = spec.prompts.clips(&cursor.language).to_vec();
        ask(cursor, clips, spec.first_digit, out);
        return cursor.stay(Stage::Collecting(collecting));
    }
    while let Some(digit) = cursor.ahead.pop_front() {
        match digit_typed(cursor, collecting, now, digit, out) {
            Progress::Turn(turn) => return turn,
            Progress::Still(still) => collecting = still,
        }
    }
    cursor.stay(Stage::Collecting(collecting))
}

/// Whether the digits are complete.
enum Progress {
    Turn(Turn),
    Still(Collecting),
}

pub(in crate::dialplan) fn handle(
    cursor: &mut Cursor,
    collecting: Collecting,
    now: Now,
    event: Event,
    out: &mut Vec<Action>,
) -> Turn {
    let progress = match event {
        Event::Played => {
            cursor.arm(collecting.spec.first_digit, out);
            Progress::Still(collecting)
        }
        Event::Digit(digit) => {
            cursor.stop(out);
            digit_typed(cursor, collecting, now, digit, out)
        }
        Event::TimedOut if collecting.confirming => again(cursor, collecting, Why::Silent, out),
        Event::TimedOut if collecting.typed.is_empty() => again(cursor, collecting, Why::Silent, out),
        Event::TimedOut => complete(cursor, collecting, now, out),
        _ => Progress::Still(collecting),
    };
    match progress {
        Progress::Turn(turn) => turn,
        Progress::Still(collecting) => cursor.stay(Stage::Collecting(collecting)),
    }
}

fn ask(cursor: &mut Cursor, clips: Vec<Clip>, wait: Duration, out: &mut Vec<Action>) {
    if clips.is_empty() {
        cursor.arm(wait, out);
    } else {
        cursor.play(clips, out);
    }
}

fn digit_typed(
    cursor: &mut Cursor,
    mut collecting: Collecting,
    now: Now,
    digit: char,
    out: &mut Vec<Action>,
) -> Progress {
    if !collecting.spec.secret {
        cursor.took(digit);
    }
    if collecting.confirming {
        return match digit {
            '1' => accept(cursor, collecting, out),
            '2' => {
                collecting.typed.clear();
                collecting.confirming = false;
                cursor.disarm(out);
                let clips = collecting.spec.prompts.clips(&cursor.language).to_vec();
                ask(cursor, clips, collecting.spec.first_digit, out);
                Progress::Still(collecting)
            }
            _ => again(cursor, collecting, Why::Wrong, out),
        };
    }
    match digit {
        '#' if collecting.typed.is_empty() && collecting.spec.on_empty.is_some() => {
            leave_empty(cursor, collecting, out)
        }
        '#' => complete(cursor, collecting, now, out),
        '0'..='9' => {
            collecting.typed.push(digit);
            if collecting.typed.len() >= collecting.spec.most {
                match cursor.ahead.front() {
                    Some('#') => drop(cursor.ahead.pop_front()),
                    Some(_) => {}
                    None => cursor.closing_key = true,
                }
                return complete(cursor, collecting, now, out);
            }
            cursor.arm(collecting.spec.between_digits, out);
            Progress::Still(collecting)
        }
        _ => again(cursor, collecting, Why::Wrong, out),
    }
}

/// There is nothing to key in.
fn leave_empty(cursor: &mut Cursor, collecting: Collecting, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    if collecting.spec.secret {
        out.push(Action::Secret(false));
    }
    cursor.by(By::Empty);
    Progress::Turn(Turn::Go(collecting.spec.on_empty.unwrap_or_default()))
}

/// Why it is asked for again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Silent,
    Wrong,
    NoSuchExtension,
}

fn complete(cursor: &mut Cursor, mut collecting: Collecting, now: Now, out: &mut Vec<Action>) -> Progress {
    let spec = &collecting.spec;
    let typed = collecting.typed.as_str();
    let why = match spec.kind {
        _ if typed.len() < spec.least => Some(Why::Wrong),
        Kind::Extension if cursor.plan.agent_by_extension(typed).is_none() => Some(Why::NoSuchExtension),
        Kind::Time if next_at(&cursor.plan.zone, now.wall, typed).is_none() => Some(Why::Wrong),
        Kind::Date if next_on(&cursor.plan.zone, now.wall, typed).is_none() => Some(Why::Wrong),
        _ => None,
    };
    if let Some(why) = why {
        return again(cursor, collecting, why, out);
    }
    if !spec.confirm {
        return accept(cursor, collecting, out);
    }
    cursor.disarm(out);
    let own = &cursor.plan.own;
    let mut clips = own.you_entered.clips(&cursor.language).to_vec();
    clips.extend(cursor.plan.speech(&cursor.language).digits(typed));
    clips.extend_from_slice(own.confirm.clips(&cursor.language));
    collecting.confirming = true;
    cursor.play(clips, out);
    Progress::Still(collecting)
}

fn accept(cursor: &mut Cursor, collecting: Collecting, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    if collecting.spec.secret {
        out.push(Action::Secret(false));
    }
    cursor.values.insert(collecting.spec.into, Masked::new(collecting.typed));
    cursor.by(By::Collected);
    Progress::Turn(Turn::Go(Target::Next))
}

fn again(cursor: &mut Cursor, mut collecting: Collecting, why: Why, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    cursor.ahead.clear();
    collecting.typed.clear();
    collecting.confirming = false;
    collecting.tries = collecting.tries.saturating_add(1);
    cursor.wrong_keys += 1;
    let left = collecting.tries < collecting.spec.tries;
    cursor.by(match why {
        _ if !left => By::Exhausted,
        Why::Silent => By::Silent,
        Why::Wrong | Why::NoSuchExtension => By::WrongKey,
    });
    let plan = cursor.plan.clone();
    let phrase = match why {
        Why::Silent => &plan.own.no_input,
        Why::NoSuchExtension => &plan.own.no_such_extension,
        Why::Wrong if left => &plan.own.invalid_key,
        Why::Wrong => &plan.own.too_many,
    };
    let mut clips = phrase.clips(&cursor.language).to_vec();
    if left {
        clips.extend_from_slice(collecting.spec.prompts.clips(&cursor.language));
        ask(cursor, clips, collecting.spec.first_digit, out);
        return Progress::Still(collecting);
    }
    if collecting.spec.secret {
        out.push(Action::Secret(false));
    }
    Progress::Turn(cursor.tell(clips, true, After::Go(collecting.spec.on_failure), out))
}
