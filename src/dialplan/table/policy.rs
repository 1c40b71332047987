//! `[policy.<rule>]`: what a house asks of every dialplan of its own, beside what the language asks of all.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::{Clip, PromptId, QueueId};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Phrase;
use crate::dialplan::policy::{Ask, Rule};
use crate::dialplan::source::{Entry, Written};

const WHY: Field = Field::optional(
    "why",
    Form::Text,
    "the rule's own reason",
    "Told with each place that breaks the rule: whose wish it is, and which paragraph.",
);

const SEVERITY: Field = Field::with(
    "severity",
    Form::One(&["mistake", "warning"]),
    "mistake",
    "A plan with a mistake is not taken; one with a warning is.",
);

pub(in crate::dialplan) const FEW_KEYS: Doc = Doc {
    name: "policy.few-keys",
    about: "From a number to a queue by so many keys at most, at any time: who has lost a card has no time for menus. \
            Whom a person takes without a key needs none.",
    short: None,
    fields: &[
        Field::needed("queues", Form::Other("keys by queue, `{ lost-card = 1 }`"), "The most for each."),
        Field::optional("numbers", Form::Other("a list of numbers"), "all of callers", "From which."),
        WHY,
        SEVERITY,
    ],
    example: r#"[policy.few-keys]
queues = { consultation = 1 }
why = "in a hurry nobody listens to menus"

[[flow.main]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) const PERSON: Doc = Doc {
    name: "policy.person-from-every-menu",
    about: "From every menu that callers come to some key, or no key at all, leads to a person.",
    short: None,
    fields: &[
        Field::optional("except", Form::Other("a list of menus"), "none", "Menus that need not."),
        WHY,
        SEVERITY,
    ],
    example: "[policy.person-from-every-menu]\n",
};

pub(in crate::dialplan) const DEPTH: Doc = Doc {
    name: "policy.depth",
    about: "So many menus one after the other at most.",
    short: None,
    fields: &[Field::with("most", Form::Count(1, 20), "3", "Menus on the shortest way."), WHY, SEVERITY],
    example: "[policy.depth]\nmost = 3\n",
};

pub(in crate::dialplan) const WORDS: Doc = Doc {
    name: "policy.short-words",
    about: "No recording that callers hear before they may choose is longer, in any language.",
    short: None,
    fields: &[Field::with("most", Form::Time(1_000, 120_000), "12 s", "Of one recording."), WHY, SEVERITY],
    example: "[policy.short-words]\nmost = \"12 s\"\n",
};

pub(in crate::dialplan) const APOLOGY: Doc = Doc {
    name: "policy.apology",
    about: "Whom a queue or a person cannot take hears an apology before anything else is tried: 对不起，请稍等.",
    short: None,
    fields: &[
        Field::with(
            "prompts",
            Form::Prompts,
            "person/sorry transfer/sorry-please-wait transfer/still-trying transfer/busy transfer/no-answer \
             transfer/failed queue/full queue/sorry-for-the-wait vip/manager-on-call vip/manager-away",
            "What counts as one.",
        ),
        WHY,
        SEVERITY,
    ],
    example: "[policy.apology]\n",
};

pub(in crate::dialplan) const READ_BACK: Doc = Doc {
    name: "policy.read-back",
    about: "What a caller keys in and the house acts on later is read back and confirmed: the number that is called back. \
            (A message always is, before it is kept.) And a message asks where to call.",
    short: None,
    fields: &[WHY, SEVERITY],
    example: "[policy.read-back]\n",
};

pub(in crate::dialplan) const NOTICE: Doc = Doc {
    name: "policy.recording-notice",
    about: "Nobody is put through to an agent who has not been told that the call is recorded.",
    short: None,
    fields: &[
        Field::with("prompts", Form::Prompts, "notice/recording", "Any of these tells them."),
        WHY,
        SEVERITY,
    ],
    example: r#"[policy.recording-notice]

[[flow.main]]
play = { prompts = "notice/recording", interrupt = false }

[[flow.main]]
queue = "consultation"
"#,
};

pub(in crate::dialplan) const TIME: Doc = Doc {
    name: "policy.time-to-person",
    about: "From each number of callers so many seconds of words at most to the nearest person, for who presses the right \
            keys and hears everything out, in every language; where a person can be reached at all at that time.",
    short: None,
    fields: &[
        Field::with("most", Form::Time(1_000, 600_000), "60 s", "The wait in line is not counted."),
        WHY,
        SEVERITY,
    ],
    example: "[policy.time-to-person]\nmost = \"60 s\"\n",
};

/// Every rule, in the order of the reference.
pub(in crate::dialplan) const RULES: [&Doc; 8] =
    [&FEW_KEYS, &PERSON, &DEPTH, &WORDS, &APOLOGY, &READ_BACK, &NOTICE, &TIME];

pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, entry: Entry<'a, 's>) -> Option<Rule> {
    let name = |doc: &Doc| doc.name.strip_prefix("policy.").unwrap_or(doc.name);
    let Some(doc) = RULES.iter().find(|doc| name(doc) == entry.key) else {
        let reason = format!("there is no rule `{}`", entry.key);
        loader.report.unknown(entry.key_place, reason, entry.key, RULES.iter().map(|doc| name(doc)));
        return None;
    };
    let fields = loader.open(entry, doc);
    let why = loader.text(&fields, "why").map(|(why, _)| why);
    let refuses = loader.one(&fields, "severity") != Some("warning");
    let ask = match name(doc) {
        "few-keys" => {
            Ask::FewKeys { queues: queues(loader, &fields), numbers: texts(loader, &fields, "numbers") }
        }
        "person-from-every-menu" => Ask::Person { except: menus(loader, &fields) },
        "depth" => Ask::Depth { most: usize::try_from(loader.count(&fields, "most")).unwrap_or(1) },
        "short-words" => Ask::ShortWords { most: loader.time(&fields, "most") },
        "apology" => Ask::Apology { prompts: ids(&loader.prompts(&fields, "prompts")) },
        "read-back" => Ask::ReadBack,
        "recording-notice" => Ask::Notice { prompts: ids(&loader.prompts(&fields, "prompts")) },
        _ => Ask::Time { most: loader.time(&fields, "most").max(Duration::from_secs(1)) },
    };
    Some(Rule { name: name(doc), place: entry.key_place, why, refuses, ask })
}

fn ids(phrase: &Phrase) -> BTreeSet<PromptId> {
    let clips = phrase.0.values().flatten();
    clips.filter_map(|clip| if let Clip::Prompt(id) = clip { Some(*id) } else { None }).collect()
}

fn queues<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Vec<(QueueId, usize)> {
    let Some(written) = fields.get("queues") else { return Vec::new() };
    let Some(entries) = written.entries() else {
        loader.wrong(written, "`queues`", "a table of keys by queue");
        return Vec::new();
    };
    let mut queues = Vec::new();
    for entry in entries {
        let queue = loader.queue_named((entry.key.to_owned(), entry.key_place));
        let most = loader.as_count(entry.value, "keys to a queue", 0, 20);
        queues.extend(queue.zip(most.and_then(|most| usize::try_from(most).ok())));
    }
    queues
}

fn texts<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>, name: &str) -> Vec<String> {
    let written = fields.get(name).map(Written::each).unwrap_or_default();
    let what = format!("`{name}`");
    written.into_iter().filter_map(|each| loader.as_text(each, &what).map(str::to_owned)).collect()
}

fn menus<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Vec<String> {
    let written = fields.get("except").map(Written::each).unwrap_or_default();
    let mut menus = Vec::new();
    for each in written {
        let Some(name) = loader.as_text(each, "`except`") else { continue };
        if loader.menu_named((name.to_owned(), each.place)).is_some() {
            menus.push(name.to_owned());
        }
    }
    menus
}
