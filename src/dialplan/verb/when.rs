//! `when`: the flow goes by what is known of the call, or by how a queue stands.
//!
//! ```text
//!   grade, number --no--> `else`        all of what is written must hold; queues are looked at last,
//!        | yes                          since that takes a word with the switch
//!   queue? --no--> `then`
//!        | asked, QueueState
//!   holds? --> `then` | `else`
//! ```

use crate::base::QueueId;
use crate::dialplan::action::{Action, QueueState};
use crate::dialplan::cursor::{Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::pattern::Pattern;
use crate::dialplan::source::Written;
use crate::dialplan::step::{Step, Target, Value};
use std::time::Duration;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "when",
    about: "Goes to `then` where everything holds that is written here, else to `else`. Of a queue: how it stands at that \
            moment, as `hotline queue` shows it. Of the call: its grade, its numbers, what was keyed in.",
    short: None,
    fields: &[
        Field::needed("then", Form::Name("flow"), "Where all of it holds."),
        Field::optional("else", Form::Name("flow"), "the next step", "Where it does not."),
        Field::optional(
            "queue",
            Form::Name("queue"),
            "none",
            "Whose state `waiting`, `longest_wait` and `ready_below` are about.",
        ),
        Field::optional(
            "waiting",
            Form::Count(1, 100_000),
            "not asked",
            "So many callers wait there, or more.",
        ),
        Field::optional(
            "longest_wait",
            Form::Time(1_000, 7_200_000),
            "not asked",
            "Who waits longest has waited so long, or longer: the wait that a caller who joins now would be told.",
        ),
        Field::optional(
            "ready_below",
            Form::Count(1, 10_000),
            "not asked",
            "Fewer agents of the queue than this are ready; 1: none is.",
        ),
        Field::optional("grade", Form::Text, "not asked", "The caller has this grade, from a `lookup`."),
        Field::with("value", Form::Value, "caller", "What `is` looks at."),
        Field::optional(
            "is",
            Form::Other("a number or a pattern, or a list of them"),
            "not asked",
            "It is one of these; patterns as in `numbers`. What is not known is none of them.",
        ),
    ],
    example: r#"[[flow.main]]
when = { queue = "consultation", waiting = 20, ready_below = 1, then = "crowded" }

[[flow.main]]
when = { is = ["1[3-9]XXXXXXXXX", "+861."], then = "consultation" }

[[flow.main]]
play = "greeting/welcome"

[[flow.main]]
goto = "consultation"

[[flow.consultation]]
queue = "consultation"

[[flow.crowded]]
message = { box = "consultation" }
"#,
};

#[derive(Clone, PartialEq, Debug)]
pub(in crate::dialplan) struct WhenSpec {
    pub(in crate::dialplan) queue: Option<Line>,
    pub(in crate::dialplan) grade: Option<String>,
    pub(in crate::dialplan) value: Value,
    /// Empty: not asked.
    pub(in crate::dialplan) is: Vec<Pattern>,
    pub(in crate::dialplan) then: Target,
    pub(in crate::dialplan) otherwise: Target,
}

/// How a queue must stand.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::dialplan) struct Line {
    pub(in crate::dialplan) queue: QueueId,
    pub(in crate::dialplan) waiting: Option<u32>,
    pub(in crate::dialplan) longest: Option<Duration>,
    pub(in crate::dialplan) ready_below: Option<u32>,
}

impl Line {
    fn holds(&self, state: &QueueState) -> bool {
        self.waiting.is_none_or(|least| state.waiting >= least)
            && self.longest.is_none_or(|least| state.longest.is_some_and(|longest| longest >= least))
            && self.ready_below.is_none_or(|below| state.ready < below)
    }
}

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let of_queue = ["waiting", "longest_wait", "ready_below"];
    let asked = of_queue.into_iter().find(|name| fields.has(name));
    match (fields.has("queue"), asked) {
        (true, None) => {
            loader.report.mistake(
                fields.place(),
                "`queue` needs `waiting`, `longest_wait` or `ready_below` beside it",
            );
        }
        (false, Some(name)) => {
            loader.report.mistake(fields.place(), format!("`{name}` needs a `queue` beside it"));
        }
        _ => {}
    }
    if asked.is_none() && !fields.has("queue") && !fields.has("grade") && !fields.has("is") {
        loader.report.mistake(fields.place(), "`when` needs something to ask: a `queue`, a `grade` or `is`");
    }
    if fields.has("value") && !fields.has("is") {
        loader.report.mistake(fields.place(), "`value` needs `is` beside it");
    }
    let count =
        |loader: &mut Loader<'a, 's>, name| loader.count_if(fields, name).and_then(|n| u32::try_from(n).ok());
    let (waiting, ready_below) = (count(loader, "waiting"), count(loader, "ready_below"));
    let longest = loader.time_if(fields, "longest_wait");
    let queue = loader.queue(fields, "queue").map(|queue| Line { queue, waiting, longest, ready_below });
    let grade = loader.text(fields, "grade").map(|(grade, _)| grade);
    let value = loader.value(fields, "value");
    let mut is = Vec::new();
    for written in fields.get("is").map(Written::each).unwrap_or_default() {
        let Some(text) = loader.as_text(written, "`is`") else { continue };
        match Pattern::parse(text) {
            Ok(pattern) => is.push(pattern),
            Err(reason) => {
                loader.report.mistake(written.place, reason);
            }
        }
    }
    let then = loader.target(fields, "then");
    let otherwise = loader.target(fields, "else").unwrap_or_default();
    Some(Step::When(Box::new(WhenSpec { queue, grade, value: value?, is, then: then?, otherwise })))
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: &WhenSpec, out: &mut Vec<Action>) -> Turn {
    let graded = spec.grade.as_ref().is_none_or(|grade| cursor.grade() == Some(grade.as_str()));
    let known = cursor.value(&spec.value);
    let fits =
        spec.is.is_empty() || known.is_some_and(|known| spec.is.iter().any(|pattern| pattern.matches(known)));
    match &spec.queue {
        _ if !(graded && fits) => go(cursor, spec, false),
        None => go(cursor, spec, true),
        Some(line) => {
            out.push(Action::QueueState(line.queue));
            cursor.stay(Stage::Weighing)
        }
    }
}

pub(in crate::dialplan) fn told(cursor: &mut Cursor, spec: &WhenSpec, state: &QueueState) -> Turn {
    let holds = spec.queue.as_ref().is_none_or(|line| line.holds(state));
    go(cursor, spec, holds)
}

fn go(cursor: &mut Cursor, spec: &WhenSpec, holds: bool) -> Turn {
    cursor.by(if holds { By::Holds } else { By::HoldsNot });
    Turn::Go(if holds { spec.then } else { spec.otherwise })
}
