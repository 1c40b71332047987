//! `message`: the caller leaves a message.

use crate::base::Clip;
use crate::dialplan::action::{Action, Ask, MessageEnd};
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{MessageSpec, Step, Whom};

/// Said last before the recording.
pub(in crate::dialplan) const TONE: &str = "common/beep";

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "message",
    about: "Takes a message for a person or a team: recorded, played back, confirmed, on disk before the caller \
            is told so. Goes on with the next step; past the last step the call is closed with thanks.",
    short: Some("box"),
    fields: &[
        Field::optional("box", Form::Text, "`general`", "The team's box; any name."),
        Field::optional("person", Form::Name("agent"), "nothing", "The person's extension."),
        Field::optional("value", Form::Value, "nothing", "Where the person's extension is known from."),
        Field::optional(
            "ask",
            Form::Other("a list of `\"who\"`, `\"number\"` and `\"urgent\"`"),
            "all three for a person, the number for a team",
            "What is asked beside what it is about. `who`: name and company, spoken. `number`: the caller's own is \
             read out to be confirmed, or another keyed in; never read out where it is withheld or one of the \
             `main_numbers` of `[hotline]`. `urgent`: whether it is.",
        ),
        Field::optional(
            "complaint",
            Form::Text,
            "it is no complaint",
            "The message is a complaint of this category: it is accepted with a number, which the caller is told digit by \
             digit once it is on disk. See `[complaints]`.",
        ),
        Field::with("before", Form::Prompts, "message/record-now", "What invites it; the tone follows."),
        Field::with("longest", Form::Time(5_000, 600_000), "120 s", "It ends after this time."),
        Field::with("silence", Form::Time(1_000, 60_000), "5 s", "It ends after this much silence."),
        Field::with(
            "shortest",
            Form::Time(0, 30_000),
            "2 s",
            "Less is no message: the caller is asked again.",
        ),
        Field::optional("on_nothing", Form::Name("flow"), "the next step", "None was left."),
        Field::optional(
            "on_failure",
            Form::Name("flow"),
            "an apology, then the next step",
            "It could not be kept.",
        ),
    ],
    example: r#"[[flow.main]]
message = { person = "4001", longest = "3 min" }
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let written: Vec<&str> = ["box", "person", "value"].into_iter().filter(|n| fields.has(n)).collect();
    if written.len() > 1 {
        loader.report.mistake(fields.place(), "`message` is for one of `box`, `person` and `value`");
    }
    let whom = match written.first() {
        Some(&"person") => Some(Whom::Fixed(loader.agent(fields, "person")?)),
        Some(&"value") => Some(Whom::Value(loader.value(fields, "value")?)),
        _ => None,
    };
    if let Some(Whom::Fixed(agent)) = &whom
        && let Some(written) = fields.get("person")
        && loader.agents.get(agent.0 as usize).is_some_and(|a| !a.mailbox)
    {
        let reason = "this person has no message box";
        loader.report.mistake(written.place, reason).add_help("give the agent `mailbox = true`");
    }
    let box_name = loader.text(fields, "box").map_or_else(|| "general".to_owned(), |(name, _)| name);
    let complaint = loader.text(fields, "complaint").map(|(category, _)| category);
    let ask = asked(loader, fields).unwrap_or_else(|| by_default(whom.as_ref()));
    let before = loader.prompts(fields, "before");
    Some(Step::Message(Box::new(MessageSpec {
        whom,
        box_name,
        complaint,
        ask,
        before: loader.with_tone(before),
        longest: loader.time(fields, "longest"),
        silence: loader.time(fields, "silence"),
        shortest: loader.time(fields, "shortest"),
        on_nothing: loader.target(fields, "on_nothing").unwrap_or_default(),
        on_failure: loader.target(fields, "on_failure").unwrap_or_default(),
    })))
}

fn asked<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Option<Vec<Ask>> {
    let mut asked = Vec::new();
    for written in fields.get("ask")?.each() {
        let Some(name) = loader.as_text(written, "what is asked") else { continue };
        match Ask::ALL.into_iter().find(|ask| ask.name() == name) {
            Some(ask) => asked.push(ask),
            None => {
                let reason = format!("`message` cannot ask for `{name}`");
                loader.report.unknown(written.place, reason, name, Ask::ALL.map(Ask::name));
            }
        }
    }
    Some(asked)
}

/// Who asks for a person wants to be called by them; a team wants to know where to call.
pub(in crate::dialplan) fn by_default(whom: Option<&Whom>) -> Vec<Ask> {
    if whom.is_some() { Ask::ALL.to_vec() } else { vec![Ask::Number] }
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: &MessageSpec, out: &mut Vec<Action>) -> Turn {
    cursor.ahead.clear();
    let person = spec.whom.as_ref().and_then(|w| cursor.whom(w));
    let person = person.and_then(|p| cursor.plan.agent(p)).filter(|a| a.mailbox);
    out.push(Action::Message {
        person: person.map(|a| a.id),
        box_name: person.map_or_else(|| spec.box_name.clone(), |a| a.extension.clone()),
        complaint: spec.complaint.clone(),
        ask: spec.ask.clone(),
        before: spec.before.clips(&cursor.language).to_vec(),
        longest: spec.longest,
        silence: spec.silence,
        shortest: spec.shortest,
    });
    cursor.stay(Stage::Recording)
}

pub(in crate::dialplan) fn ended(
    cursor: &mut Cursor,
    spec: &MessageSpec,
    end: MessageEnd,
    out: &mut Vec<Action>,
) -> Turn {
    cursor.by(match end {
        MessageEnd::Saved => By::Kept,
        MessageEnd::Nothing => By::Nothing,
        MessageEnd::Failed => By::NotKept,
    });
    match end {
        MessageEnd::Saved => Turn::Go(crate::dialplan::step::Target::Next),
        MessageEnd::Nothing => Turn::Go(spec.on_nothing),
        MessageEnd::Failed => {
            let plan = cursor.plan.clone();
            let sorry: Vec<Clip> = plan.own.system_busy.clips(&cursor.language).to_vec();
            cursor.tell(sorry, true, After::Go(spec.on_failure), out)
        }
    }
}
