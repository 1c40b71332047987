//! `menu`: the caller chooses with keys.
//!
//! ```text
//!            prompts played            first digit late: silent
//!   prompts ───────────────► waiting ───────────────────────────┐
//!      │ a digit (barge-in)     │ a digit                       ├─► tries left: said so, prompts again
//!      ▼                        ▼                               │
//!   typed: one key fits and none is longer ─► chosen            ├─► no tries left: `leaving`, `exhausted`
//!          longer ones fit ─► between digits late ─► chosen, or ┘
//!          none fits ─► wrong key ──────────────────────────────┘
//! ```

use std::sync::Arc;

use crate::dialplan::action::{Action, Event};
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{Choice, MenuId, MenuSpec, Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "menu",
    about: "Plays a menu and goes where the caller chooses. Keys are taken at once, also while it is still \
            being read out and before it is reached.",
    short: Some("name"),
    fields: &[Field::needed("name", Form::Name("menu"), "Which menu.")],
    example: r#"[[flow.main]]
menu = "main"

[menu.main]
keys = { 1 = { say = "topic/consult", goto = "consultation" } }
exhausted = "consultation"

[[flow.consultation]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    loader.menu_index(fields, "name").map(|index| Step::Menu(MenuId(index)))
}

/// A caller at a menu.
pub(in crate::dialplan) struct Choosing {
    menu: Arc<MenuSpec>,
    typed: String,
    /// Failed so far.
    tries: u8,
}

/// Why a try failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    WrongKey,
    Silent,
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, menu: MenuId, out: &mut Vec<Action>) -> Turn {
    match cursor.plan.menu_shared(menu) {
        Some(menu) => enter(cursor, menu, out),
        None => Turn::Go(Target::Next),
    }
}

/// The same with a menu that the plan does not have: one that was made for this caller.
pub(in crate::dialplan) fn enter(cursor: &mut Cursor, menu: Arc<MenuSpec>, out: &mut Vec<Action>) -> Turn {
    let spec = &*menu;
    let mut choosing = Choosing { menu: Arc::clone(&menu), typed: String::new(), tries: 0 };
    if cursor.ahead.is_empty() {
        ask(cursor, spec, out);
        return cursor.stay(Stage::Choosing(choosing));
    }
    while let Some(digit) = cursor.ahead.pop_front() {
        match digit_typed(cursor, spec, choosing, digit, out) {
            Progress::Turn(turn) => return turn,
            Progress::Still(still) => choosing = still,
        }
    }
    cursor.stay(Stage::Choosing(choosing))
}

/// Whether the menu is left.
enum Progress {
    Turn(Turn),
    Still(Choosing),
}

pub(in crate::dialplan) fn handle(
    cursor: &mut Cursor,
    choosing: Choosing,
    event: Event,
    out: &mut Vec<Action>,
) -> Turn {
    let menu = Arc::clone(&choosing.menu);
    let spec = &*menu;
    let step = match event {
        Event::Played => {
            cursor.arm(spec.first_digit, out);
            Progress::Still(choosing)
        }
        Event::Digit(digit) => {
            cursor.stop(out);
            digit_typed(cursor, spec, choosing, digit, out)
        }
        Event::TimedOut => match exact(spec, &choosing.typed) {
            Some(choice) => chosen(cursor, spec, choosing, choice, out),
            None if choosing.typed.is_empty() => failed(cursor, spec, choosing, Failure::Silent, out),
            None => failed(cursor, spec, choosing, Failure::WrongKey, out),
        },
        _ => Progress::Still(choosing),
    };
    match step {
        Progress::Turn(turn) => turn,
        Progress::Still(choosing) => cursor.stay(Stage::Choosing(choosing)),
    }
}

fn ask(cursor: &mut Cursor, spec: &MenuSpec, out: &mut Vec<Action>) {
    let clips = spec.prompts.clips(&cursor.language).to_vec();
    if clips.is_empty() {
        cursor.arm(spec.first_digit, out);
    } else {
        cursor.play(clips, out);
    }
}

fn exact<'m>(spec: &'m MenuSpec, typed: &str) -> Option<&'m Choice> {
    spec.keys.iter().find(|(key, _)| key == typed).map(|(_, choice)| choice)
}

fn digit_typed(
    cursor: &mut Cursor,
    spec: &MenuSpec,
    mut choosing: Choosing,
    digit: char,
    out: &mut Vec<Action>,
) -> Progress {
    choosing.typed.push(digit);
    cursor.took(digit);
    let typed = choosing.typed.as_str();
    let longer = spec.keys.iter().any(|(key, _)| key.len() > typed.len() && key.starts_with(typed));
    match exact(spec, typed) {
        Some(choice) if !longer => chosen(cursor, spec, choosing, choice, out),
        _ if longer => {
            cursor.arm(spec.between_digits, out);
            Progress::Still(choosing)
        }
        _ => failed(cursor, spec, choosing, Failure::WrongKey, out),
    }
}

fn chosen(
    cursor: &mut Cursor,
    spec: &MenuSpec,
    mut choosing: Choosing,
    choice: &Choice,
    out: &mut Vec<Action>,
) -> Progress {
    cursor.disarm(out);
    cursor.by(By::Key(choosing.typed.clone()));
    match choice {
        Choice::Go(target) => Progress::Turn(Turn::Go(*target)),
        Choice::Language(language) => {
            cursor.language = language.clone();
            Progress::Turn(Turn::Go(Target::Next))
        }
        Choice::Repeat => {
            choosing.typed.clear();
            // What was typed ahead of the prompts is taken when they are over; here they were asked for.
            cursor.ahead.clear();
            ask(cursor, spec, out);
            Progress::Still(choosing)
        }
    }
}

fn failed(
    cursor: &mut Cursor,
    spec: &MenuSpec,
    mut choosing: Choosing,
    failure: Failure,
    out: &mut Vec<Action>,
) -> Progress {
    cursor.disarm(out);
    cursor.ahead.clear();
    choosing.typed.clear();
    choosing.tries = choosing.tries.saturating_add(1);
    // A menu without a word for it does not ask: the choice of a language, which goes on by itself.
    cursor.wrong_keys += u32::from(!(spec.silent.is_empty() && spec.invalid.is_empty()));
    let language = cursor.language.clone();
    let left = choosing.tries < spec.tries;
    cursor.by(match failure {
        _ if !left => By::Exhausted,
        Failure::Silent => By::Silent,
        Failure::WrongKey => By::WrongKey,
    });
    let first = match failure {
        Failure::Silent => &spec.silent,
        Failure::WrongKey if left => &spec.invalid,
        Failure::WrongKey => &spec.too_many,
    };
    let mut clips = first.clips(&language).to_vec();
    if left {
        clips.extend_from_slice(spec.prompts.clips(&language));
        if clips.is_empty() {
            cursor.arm(spec.first_digit, out);
        } else {
            cursor.play(clips, out);
        }
        return Progress::Still(choosing);
    }
    clips.extend_from_slice(spec.leaving.clips(&language));
    Progress::Turn(cursor.tell(clips, true, After::Go(spec.exhausted), out))
}
