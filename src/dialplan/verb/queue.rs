//! `queue`: wait for an agent.

use crate::dialplan::action::{Action, Owner, QueueEnd};
use crate::dialplan::cursor::{Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Requirement;
use crate::dialplan::step::{OwnerKind, QueueSpec, Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "queue",
    about: "Puts the caller in line for an agent, with music, position and comfort. Goes on with the next step \
            when the agent has gone; past the last step the call is closed with thanks. What can go wrong leads \
            to an apology and a message unless it is written otherwise.",
    short: Some("to"),
    fields: &[
        Field::needed("to", Form::Name("queue"), "Which queue."),
        Field::with("before", Form::Prompts, "queue/connecting", "What is said before."),
        Field::optional(
            "needs",
            Form::Other("skills with levels, `{ technical = 2 }`"),
            "nothing more",
            "Beside what the queue asks for.",
        ),
        Field::optional("credit", Form::Time(0, 600_000), "the queue's", "Waiting time given in advance."),
        Field::optional(
            "owner",
            Form::Other("`manager`, `contact`, or a list of both"),
            "nobody",
            "Who is asked first: the caller's own manager (from a list), or whose matter it is: who \
             served this number first, or accepted it since, or their delegate. Of several the \
             first who is signed on and not away. The place in line is kept meanwhile.",
        ),
        Field::with(
            "owner_wait",
            Form::Time(1_000, 300_000),
            "15 s",
            "How long the caller waits for the owner alone, if the owner is in a call.",
        ),
        Field::optional(
            "keys",
            Form::Other("flows by key, `{ 2 = \"message\" }`"),
            "none",
            "What the caller can do instead of waiting, at any time.",
        ),
        Field::optional(
            "offer",
            Form::Prompts,
            "nothing",
            "Names the keys; said after the queue's `offer_after`.",
        ),
        Field::optional(
            "on_nobody",
            Form::Name("flow"),
            "an apology and a message",
            "No agent of this queue is signed on.",
        ),
        Field::optional("on_full", Form::Name("flow"), "an apology and a message", "The line is full."),
        Field::optional(
            "on_max_wait",
            Form::Name("flow"),
            "an apology and a message",
            "The queue's `max_wait` is over.",
        ),
        Field::optional(
            "on_closed",
            Form::Name("flow"),
            "an apology and a message",
            "The queue's `calendar` closed while the caller waited, and `left_in_line` says `tell`.",
        ),
    ],
    example: r#"[[flow.main]]
queue = { to = "consultation", keys = { 2 = "message" }, offer = "queue/offer-message" }

[[flow.message]]
message = { box = "consultation" }
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let queue = loader.queue(fields, "to");
    let before = loader.prompts(fields, "before");
    let needs = loader.skill_levels(fields, "needs");
    let credit = loader.time_if(fields, "credit");
    let owners = owners(loader, fields);
    let owner_wait = loader.time(fields, "owner_wait");
    let keys = keys(loader, fields);
    let offer = loader.prompts(fields, "offer");
    if let Some(written) = fields.get("offer").filter(|_| keys.is_empty()) {
        loader.report.mistake(written.place, "an offer names keys: `queue` needs `keys` beside `offer`");
    }
    let mut target = |name: &str, apology: &str| match loader.target(fields, name) {
        Some(target) => target,
        None => {
            let box_name = loader.text(fields, "to").map(|(name, _)| name).unwrap_or_default();
            loader.apology_and_message(fields.place(), name, apology, &box_name)
        }
    };
    let on_full = target("on_full", "queue/full closed/leave-message");
    let on_nobody = target("on_nobody", "transfer/failed closed/leave-message");
    let on_max_wait = target("on_max_wait", "queue/sorry-for-the-wait closed/leave-message");
    let on_closed = target("on_closed", "closed/after-hours closed/leave-message");
    let queue = queue?;
    Some(Step::Queue(Box::new(QueueSpec {
        queue,
        before,
        needs,
        credit,
        keys,
        offer,
        owners,
        owner_wait,
        on_closed,
        on_full,
        on_nobody,
        on_max_wait,
    })))
}

fn owners<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Vec<OwnerKind> {
    let Some(written) = fields.get("owner") else { return Vec::new() };
    let mut owners = Vec::new();
    for each in written.each() {
        let Some(word) = loader.as_text(each, "`owner`") else { continue };
        match word {
            "manager" => owners.push(OwnerKind::Manager),
            "contact" => owners.push(OwnerKind::Contact),
            _ => loader.report.unknown(
                each.place,
                "`owner` is manager, contact or both".to_owned(),
                word,
                ["manager", "contact"],
            ),
        }
    }
    owners
}

fn keys<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Vec<(char, Target)> {
    let Some(written) = fields.get("keys") else { return Vec::new() };
    let Some(entries) = written.entries() else {
        loader.wrong(written, "`keys`", "a table of flows by key");
        return Vec::new();
    };
    let mut keys = Vec::new();
    for entry in entries {
        let mut chars = entry.key.chars();
        let key = chars.next().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
        let target = loader.as_target(entry.value, "what a key does");
        match (key, chars.next()) {
            (Some(key), None) => keys.extend(target.map(|t| (key, t))),
            _ => {
                loader.report.mistake(entry.key_place, "a key while waiting is one of 0 to 9, * and #");
            }
        }
    }
    keys
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: &QueueSpec, out: &mut Vec<Action>) -> Turn {
    cursor.ahead.clear();
    out.push(Action::Queue {
        queue: spec.queue,
        needs: needs(cursor, spec),
        credit: spec.credit,
        owners: spec.owners.iter().filter_map(|owner| known(cursor, *owner)).collect(),
        owner_wait: spec.owner_wait,
        keys: spec.keys.iter().map(|(key, _)| *key).collect(),
        offer: spec.offer.clips(&cursor.language).to_vec(),
    });
    cursor.stay(Stage::Queued)
}

fn known(cursor: &Cursor, owner: OwnerKind) -> Option<Owner> {
    match owner {
        OwnerKind::Manager => cursor.manager.map(Owner::Person),
        OwnerKind::Contact => Some(Owner::Contact),
    }
}

/// What the verb asks for, and the caller's language where somebody of this queue speaks it: a caller is
/// better served in another language than by nobody.
fn needs(cursor: &Cursor, spec: &QueueSpec) -> Vec<Requirement> {
    let plan = &cursor.plan;
    let mut needs = spec.needs.clone();
    let Some(queue) = plan.queue(spec.queue) else { return needs };
    for (skill, _) in
        plan.skills.iter().enumerate().filter(|(_, s)| s.language.as_ref() == Some(&cursor.language))
    {
        let Ok(skill) = u16::try_from(skill) else { continue };
        let speaks = |a: &&crate::dialplan::plan::Agent| a.level(skill) > 0;
        let known = needs.iter().any(|n| n.skill == skill);
        let serves =
            |a: &crate::dialplan::plan::Agent| queue.sets().any(|set| a.meets(set)) && a.meets(&needs);
        if !known && plan.agents.iter().filter(speaks).any(serves) {
            needs.push(Requirement { skill, level: 1 });
        }
    }
    needs
}

/// By what a call goes on that has waited.
pub(in crate::dialplan) fn by(end: QueueEnd) -> By {
    match end {
        QueueEnd::Served => By::Served,
        QueueEnd::Key(key) => By::Key(key.to_string()),
        QueueEnd::MaxWait => By::MaxWait,
        QueueEnd::Full => By::Full,
        QueueEnd::NobodySignedOn => By::NobodySignedOn,
        QueueEnd::Closed => By::ClosedWaiting,
    }
}

pub(in crate::dialplan) fn ended(spec: &QueueSpec, end: QueueEnd) -> Turn {
    Turn::Go(match end {
        QueueEnd::Served => Target::Next,
        QueueEnd::Key(key) => {
            spec.keys.iter().find(|(k, _)| *k == key).map_or(Target::Next, |(_, target)| *target)
        }
        QueueEnd::MaxWait => spec.on_max_wait,
        QueueEnd::Full => spec.on_full,
        QueueEnd::NobodySignedOn => spec.on_nobody,
        QueueEnd::Closed => spec.on_closed,
    })
}
