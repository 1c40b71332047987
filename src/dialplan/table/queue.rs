//! `[queue.<name>]`: a named service that callers wait for.

use std::collections::BTreeMap;

use crate::base::{Language, QueueId};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::{CallbackRule, Queue, Relaxation};
use crate::dialplan::source::Entry;
use crate::dialplan::step::FlowId;
use crate::dialplan::table::agent::telephone_patterns;
use crate::dialplan::table::{music, whisper};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "queue.<name>",
    about: "A named service: whom its callers need, how they wait, what the service level is. Order between \
            callers goes by the time of arrival less the credit: nobody starves.",
    short: None,
    fields: &[
        Field::needed(
            "skills",
            Form::Other("skills with levels, `{ complaint = 1 }`, or a list of such sets"),
            "What an agent must have: all of a set; of a list any one set will do, `[{ vip = 1 }, { complaint = 5 }]`.",
        ),
        Field::optional("title", Form::Other("a text, or one by language"), "the name", "On agents' phones."),
        Field::with(
            "credit",
            Form::Time(0, 600_000),
            "0 s",
            "Waiting time given in advance (VIP 90 s, complaint 60 s).",
        ),
        Field::with(
            "service_target",
            Form::Time(1_000, 600_000),
            "20 s",
            "Answered within this is served well.",
        ),
        Field::with("ring", Form::Time(3_000, 120_000), "15 s", "How long one agent's phone rings."),
        Field::with(
            "wrap_up",
            Form::Time(0, 3_600_000),
            "20 s",
            "Pause of the agent after a call, for notes.",
        ),
        Field::with(
            "max_wait",
            Form::TimeOrNever(5_000, 7_200_000),
            "300 s",
            "Longest wait; then `on_max_wait`.",
        ),
        Field::optional(
            "capacity",
            Form::Count(1, 100_000),
            "no limit",
            "Callers waiting at once; then `on_full`.",
        ),
        Field::with(
            "music",
            Form::Text,
            "common/hold-music",
            "Played while the caller waits: a recording, or a folder of them (`common/music`, for WAV files in \
             `common/music` of the folder of prompts), which is played round and round in the order of the names, \
             as a radio station would: each caller begins at the beginning of what comes next.",
        ),
        Field::with("comfort", Form::Prompts, "queue/sorry-for-the-wait", "An apology at intervals."),
        Field::with("comfort_every", Form::Time(5_000, 600_000), "30 s", "The interval."),
        Field::with(
            "position",
            Form::Flag,
            "true",
            "Whether position and estimated wait are said, at entry and when better.",
        ),
        Field::with("position_every", Form::Time(10_000, 600_000), "45 s", "At most this often."),
        Field::with(
            "offer_after",
            Form::Time(0, 3_600_000),
            "60 s",
            "When the verb's `offer` is said first.",
        ),
        Field::with(
            "choice_after",
            Form::TimeOrNever(10_000, 3_600_000),
            "180 s",
            "When the caller is asked outright: the verb's `offer` again, and that the line may be held.",
        ),
        Field::with(
            "keep_place",
            Form::Time(0, 3_600_000),
            "5 min",
            "Who hangs up while waiting and calls again from the same number within this time stands where they \
             stood. A withheld number keeps nothing. 0 s: never.",
        ),
        Field::optional(
            "calendar",
            Form::Name("calendar"),
            "none",
            "The service's hours, for those who still wait when it closes; who calls then is the flow's business.",
        ),
        Field::with(
            "left_in_line",
            Form::One(&["tell", "serve"]),
            "tell",
            "Who still waits when the calendar closes, or when the last agent has left for half a minute: `tell` leads \
             to the verb's `on_closed` or `on_nobody`, `serve` lets them wait up to `max_wait`.",
        ),
        Field::optional(
            "callback_to",
            Form::Other("a list of numbers or patterns"),
            "nobody",
            "Whom the verb `callback` may call, by patterns as in `may_call`: these calls cost the house money.",
        ),
        Field::optional(
            "callback_keyed_to",
            Form::Other("a list of numbers or patterns"),
            "nobody",
            "The same for a number that the caller has keyed in. Anybody can key in anybody's: give the patterns of your \
             customers' country, and have them read it back (`confirm` of `collect`).",
        ),
        Field::optional(
            "callback_trunk",
            Form::Text,
            "one that carries the number",
            "The trunk of the configuration file that callbacks go over.",
        ),
        Field::optional(
            "callback_hours",
            Form::Name("calendar"),
            "any time",
            "When customers may be called.",
        ),
        Field::with(
            "callback_tries",
            Form::Count(1, 10),
            "3",
            "Busy, no answer, or nobody who presses 1 (an answering machine): after so many tries it is given up.",
        ),
        Field::with(
            "callback_every",
            Form::Time(5_000, 7_200_000),
            "5 min",
            "From one try to the next; the place in line stays.",
        ),
        Field::with(
            "callback_ring",
            Form::Time(5_000, 90_000),
            "25 s",
            "How long the customer's phone rings.",
        ),
        Field::with("record", Form::Flag, "true", "Whether conversations are recorded."),
        Field::optional(
            "whisper",
            Form::Prompts,
            "nothing",
            "What an agent who has answered hears before they are joined with the caller, who hears the music \
             meanwhile: which service it is. In the hotline's own language, and 5 s at most, all in all.",
        ),
        Field::optional(
            "whisper_grades",
            Form::Other("prompts by grade, `{ VIP = \"agent/call-vip\" }`"),
            "nothing",
            "Heard after it where a list has given the caller this grade.",
        ),
        Field::with(
            "whisper_wait",
            Form::Flag,
            "false",
            "Whether the agent hears last how many minutes the caller has waited, from one on.",
        ),
        Field::optional(
            "relax",
            Form::Other("a list of times"),
            "`[\"20 s\", \"40 s\", \"60 s\"]`",
            "After each, one level less is asked of every skill, down to 1: a missing skill stays missing.",
        ),
        Field::optional(
            "anyone_after",
            Form::Time(0, 7_200_000),
            "never",
            "After it any agent will do who has what the call itself needs, such as its language.",
        ),
    ],
    example: r#"[queue.complaint]
title = { zh-CN = "投诉", en-US = "Complaint" }
skills = { complaint = 1 }
credit = "60 s"
service_target = "30 s"

[skill.complaint]

[agent.2001]
skills = { complaint = 5 }

[[flow.main]]
queue = "complaint"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    entry: Entry<'a, 's>,
    id: QueueId,
) -> Queue {
    let fields = loader.open(entry, &DOC);
    let titles = titles(loader, &fields, entry.key);
    let (requirement, or) = loader.skill_sets(&fields, "skills");
    let queue = Queue {
        id,
        name: entry.key.to_owned(),
        titles,
        requirement,
        or,
        credit: loader.time(&fields, "credit"),
        service_target: loader.time(&fields, "service_target"),
        ring: loader.time_or(&fields, "ring", loader.defaults.ring),
        wrap_up: loader.time(&fields, "wrap_up"),
        max_wait: loader.time_or_never(&fields, "max_wait"),
        capacity: loader.count_if(&fields, "capacity").and_then(|n| u32::try_from(n).ok()),
        music: music::read(loader, &fields),
        comfort: loader.prompts(&fields, "comfort"),
        comfort_every: loader.time(&fields, "comfort_every"),
        position: loader.flag(&fields, "position"),
        position_every: loader.time(&fields, "position_every"),
        offer_after: loader.time(&fields, "offer_after"),
        choice_after: loader.time_or_never(&fields, "choice_after"),
        keep_place: loader.time(&fields, "keep_place"),
        calendar: loader.calendar(&fields, "calendar"),
        serve_to_the_end: loader.one(&fields, "left_in_line") == Some("serve"),
        callback: callback(loader, &fields, id),
        record: loader.flag(&fields, "record"),
        relaxation: relaxation(loader, &fields),
        anyone_after: loader.time_if(&fields, "anyone_after"),
        whisper: whisper::read(loader, &fields),
    };
    never_relaxed(loader, &fields, &queue);
    queue
}

/// What is written and cannot come about: the caller has gone before, or there is nothing to ask less of.
fn never_relaxed<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>, queue: &Queue) {
    // Of times that are wrong in themselves nothing more is said.
    if loader.report.failed() {
        return;
    }
    let too_late = |after: std::time::Duration| queue.max_wait.filter(|most| after >= *most);
    let reason = |most: std::time::Duration| {
        format!("nobody waits so long in queue `{}`: its `max_wait` is {} s", queue.name, most.as_secs())
    };
    let highest = queue.sets().flatten().map(|required| required.level).max().unwrap_or(0);
    let steps = fields.get("relax").map(|written| written.each()).unwrap_or_default();
    for (step, written) in queue.relaxation.iter().zip(steps) {
        if let Some(most) = too_late(step.after) {
            loader.report.warning(written.place, reason(most));
        } else if step.levels >= highest {
            let reason =
                format!("this can never relax: no skill of queue `{}` is left above level 1", queue.name);
            loader.report.warning(written.place, reason);
        }
    }
    if let (Some(most), Some(written)) = (queue.anyone_after.and_then(too_late), fields.get("anyone_after")) {
        loader.report.warning(written.place, reason(most));
    }
}

fn callback<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
    id: QueueId,
) -> Option<CallbackRule> {
    let hours = loader.calendar(fields, "callback_hours");
    let trunk = loader.text(fields, "callback_trunk").map(|(trunk, place)| {
        loader.known_trunk(&trunk, place);
        trunk
    });
    let tries = u32::try_from(loader.count(fields, "callback_tries")).unwrap_or(1);
    let every = loader.time(fields, "callback_every");
    let ring = loader.time(fields, "callback_ring");
    let to = telephone_patterns(loader, fields, "callback_to", "a number that is called back");
    let what = "a number that is keyed in and called back";
    let keyed_to = telephone_patterns(loader, fields, "callback_keyed_to", what);
    if to.is_empty() && keyed_to.is_empty() {
        return None;
    }
    loader.called_back.insert(id);
    if !keyed_to.is_empty() {
        loader.called_back_keyed.insert(id);
    }
    // The flow is written when all that were written are known.
    Some(CallbackRule { to, keyed_to, trunk, hours, tries, every, ring, flow: FlowId::NOWHERE })
}

fn titles<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
    name: &str,
) -> BTreeMap<Language, String> {
    let mut titles: BTreeMap<Language, String> =
        loader.languages.iter().map(|l| (l.clone(), name.to_owned())).collect();
    let Some(written) = fields.get("title") else { return titles };
    let Some(entries) = written.entries() else {
        if let Some(title) = loader.as_text(written, "`title`") {
            titles.values_mut().for_each(|t| title.clone_into(t));
        }
        return titles;
    };
    for entry in entries {
        let language = loader.language_named((entry.key.to_owned(), entry.key_place));
        let title = loader.as_text(entry.value, "a title");
        if let (Some(language), Some(title)) = (language, title) {
            titles.insert(language, title.to_owned());
        }
    }
    titles
}

fn relaxation<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Vec<Relaxation> {
    let Some(written) = fields.get("relax") else {
        let step = |(levels, seconds)| Relaxation { after: std::time::Duration::from_secs(seconds), levels };
        return [(1, 20), (2, 40), (3, 60)].map(step).to_vec();
    };
    let mut steps: Vec<Relaxation> = Vec::new();
    for each in written.each() {
        let Some(after) = loader.as_time(each, "a time of `relax`", 0, 3_600_000) else { continue };
        if steps.last().is_some_and(|last| last.after >= after) {
            loader.report.mistake(each.place, "the times of `relax` ascend");
        }
        let levels = u8::try_from(steps.len() + 1).unwrap_or(u8::MAX);
        steps.push(Relaxation { after, levels });
    }
    steps
}
