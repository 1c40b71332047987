//! `callback`: the caller hangs up, the place in line stays.

use std::time::Duration;

use crate::base::{Masked, QueueId};
use crate::dialplan::action::Action;
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{CallbackSpec, Step, Target, Value};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "callback",
    about: "Books a callback that keeps the place in line: the one that the caller has just left, else the last. The \
            number that is called is the caller's own by the queue's rule (`callback_to`), or one that they have keyed in \
            by another (`callback_keyed_to`), and is read out once the callback is safely written down, with the time \
            that it will take; that is a promise, too. When the turn comes we call; an agent is asked for once the customer has pressed 1. Who calls in before that has \
            the place. Goes on with the next step when it is booked; past the last step the call is closed with thanks.",
    short: Some("to"),
    fields: &[
        Field::needed("to", Form::Name("queue"), "Which queue."),
        Field::with(
            "number",
            Form::Text,
            "caller",
            "Which number: `caller`, or the name of a `collect` before.",
        ),
        Field::with(
            "accepted",
            Form::Prompts,
            "callback/accepted callback/we-will-call",
            "Said before the number.",
        ),
        Field::optional(
            "on_impossible",
            Form::Name("flow"),
            "an apology and a message",
            "The number is withheld, or none that the queue calls; or it could not be written down.",
        ),
    ],
    example: r#"[[flow.main]]
queue = { to = "consultation", keys = { 1 = "callback" }, offer = "queue/offer-callback" }

[[flow.callback]]
callback = "consultation"

[queue.consultation]
skills = { consultation = 1 }
callback_to = ["1[3-9]xxxxxxxxx"]

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let queue = loader.queue(fields, "to");
    let number = loader.value(fields, "number");
    let accepted = loader.prompts(fields, "accepted");
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
    may_be_called(loader, fields, queue, &number);
    Some(Step::Callback(Box::new(CallbackSpec { queue, number, accepted, on_impossible })))
}

/// Tells where the queue has no rule for such a number.
pub(super) fn may_be_called<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
    queue: QueueId,
    number: &Value,
) {
    if !loader.calls_back(queue) {
        let reason = "this queue calls nobody back";
        loader.report.mistake(fields.place(), reason).add_help("give the queue `callback_to`");
    }
    match number {
        Value::Keyed(_) if !loader.calls_back_keyed(queue) => {
            let reason = "this queue calls back no number that is keyed in";
            loader.report.mistake(fields.place(), reason).add_help("give the queue `callback_keyed_to`");
        }
        Value::Dialled | Value::Manager | Value::Owner => {
            loader
                .report
                .mistake(fields.place(), "only the caller's number, or one they key in, is called back");
        }
        Value::Caller | Value::Keyed(_) => {}
    }
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: &CallbackSpec, out: &mut Vec<Action>) -> Turn {
    cursor.ahead.clear();
    let number = match &spec.number {
        Value::Caller => None,
        other => Some(Masked::from(cursor.value(other).unwrap_or_default())),
    };
    out.push(Action::BookCallback { queue: spec.queue, number });
    cursor.stay(Stage::Booking)
}

/// The number is said only when it is booked: nobody is promised what cannot be.
pub(in crate::dialplan) fn booked(
    cursor: &mut Cursor,
    spec: &CallbackSpec,
    ok: bool,
    wait: Option<(Duration, Option<Duration>)>,
    out: &mut Vec<Action>,
) -> Turn {
    cursor.by(if ok { By::Kept } else { By::NotKept });
    if !ok {
        return Turn::Go(spec.on_impossible);
    }
    let mut said = spec.accepted.clips(&cursor.language).to_vec();
    let speech = cursor.plan.speech(&cursor.language);
    said.extend(cursor.value(&spec.number).map(|number| speech.telephone(number)).unwrap_or_default());
    said.extend(wait.map(|(least, most)| speech.wait(least, most)).unwrap_or_default());
    cursor.tell(said, false, After::Go(Target::Next), out)
}
