//! `find`: the caller spells a person's name on the keypad.
//!
//! ```text
//!   ask ──► digits … # (or none for a while) ──► who is spelled so?
//!             ▲                                     │ nobody: said so, asked again; no tries left: `on_failure`
//!             │                                     │ one ────────────────────────────────────► kept, next step
//!             └──── `*` ── choosing: "王经理 请按一 …" ◄┘ several           a key ──────────────► kept, next step
//! ```
//!
//! A name is spelled by the beginnings of its syllables, in order: 王芳 is found by `wangfang`, `wangf`, `wf`, and by `wang`
//! alone.

use crate::base::{AgentId, Clip, Masked};
use crate::dialplan::action::{Action, Event};
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::step::{FindSpec, Step, Target};

/// As many as there are keys to choose them by; who is not among them is found by more letters.
const MOST_FOUND: usize = 8;

/// Longer than any name.
const MOST_KEYS: usize = 32;

/// Prompts of a choice.
pub(in crate::dialplan) const PROMPTS: [&str; 3] =
    ["person/nobody-found", "person/found", "person/extension"];

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "find",
    about: "Asks for a person's name, keyed in by its letters (2 for a, b, c …): in full, or the first letter of each \
            syllable, ended by #. Several who are spelled so are read out, to be chosen by a key; * is once more. Keeps the \
            person's extension under a name, for `dial`. Found is who has `spelled`, or a `name` in Latin letters.",
    short: None,
    fields: &[
        Field::needed("into", Form::Text, "The name under which other verbs find the extension."),
        Field::with("ask", Form::Prompts, "person/spell-name", "What is played before."),
        Field::with("first_digit", Form::Time(500, 60_000), "5 s", "How long the first key is waited for."),
        Field::with(
            "between_digits",
            Form::Time(500, 60_000),
            "3 s",
            "How long each further one is waited for.",
        ),
        Field::with("tries", Form::Count(1, 9), "3", "How often it is asked for."),
        Field::optional(
            "on_failure",
            Form::Name("flow"),
            "the operator of [hotline]",
            "When nobody was found or chosen.",
        ),
    ],
    example: r#"[[flow.main]]
find = { into = "person", on_failure = "other" }

[[flow.main]]
dial = { value = "person" }

[[flow.other]]
queue = "consultation"

[agent.8001]
name = "王芳"
spelled = "wang fang"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let (into, place) = loader.text(fields, "into").unwrap_or((String::new(), fields.place()));
    loader.is_free_name(&into, place);
    if loader.agents.iter().all(|agent| agent.spelled.is_empty()) {
        let reason = "nobody can be found: no agent has `spelled`, or a name in Latin letters";
        loader.report.mistake(fields.place(), reason);
    }
    let on_failure =
        loader.target(fields, "on_failure").or_else(|| loader.operator(fields.place(), "on_failure"));
    Some(Step::Find(Box::new(FindSpec {
        into,
        prompts: loader.prompts(fields, "ask"),
        first_digit: loader.time_or(fields, "first_digit", loader.defaults.first_digit),
        between_digits: loader.time_or(fields, "between_digits", loader.defaults.between_digits),
        tries: loader.tries(fields),
        on_failure: on_failure?,
    })))
}

/// A caller who spells a name.
pub(in crate::dialplan) struct Finding {
    spec: Box<FindSpec>,
    typed: String,
    /// Failed so far.
    tries: u8,
    /// Read out, to be chosen from.
    found: Vec<AgentId>,
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: &FindSpec, out: &mut Vec<Action>) -> Turn {
    let mut finding =
        Finding { spec: Box::new(spec.clone()), typed: String::new(), tries: 0, found: Vec::new() };
    if cursor.ahead.is_empty() {
        ask(cursor, &finding, Vec::new(), out);
        return cursor.stay(Stage::Finding(finding));
    }
    while let Some(digit) = cursor.ahead.pop_front() {
        match keyed(cursor, finding, digit, out) {
            Progress::Turn(turn) => return turn,
            Progress::Still(still) => finding = still,
        }
    }
    cursor.stay(Stage::Finding(finding))
}

enum Progress {
    Turn(Turn),
    Still(Finding),
}

pub(in crate::dialplan) fn handle(
    cursor: &mut Cursor,
    finding: Finding,
    event: Event,
    out: &mut Vec<Action>,
) -> Turn {
    let progress = match event {
        Event::Played => {
            cursor.arm(finding.spec.first_digit, out);
            Progress::Still(finding)
        }
        Event::Digit(digit) => {
            cursor.stop(out);
            keyed(cursor, finding, digit, out)
        }
        Event::TimedOut if finding.typed.is_empty() => again(cursor, finding, "error/no-input", out),
        Event::TimedOut => look(cursor, finding, out),
        _ => Progress::Still(finding),
    };
    match progress {
        Progress::Turn(turn) => turn,
        Progress::Still(finding) => cursor.stay(Stage::Finding(finding)),
    }
}

fn ask(cursor: &mut Cursor, finding: &Finding, mut before: Vec<Clip>, out: &mut Vec<Action>) {
    before.extend_from_slice(finding.spec.prompts.clips(&cursor.language));
    if before.is_empty() {
        cursor.arm(finding.spec.first_digit, out);
    } else {
        cursor.play(before, out);
    }
}

fn keyed(cursor: &mut Cursor, mut finding: Finding, digit: char, out: &mut Vec<Action>) -> Progress {
    cursor.took(digit);
    if !finding.found.is_empty() {
        let chosen = digit.to_digit(10).and_then(|key| finding.found.get((key as usize).checked_sub(1)?));
        return match (chosen, digit) {
            (Some(person), _) => keep(cursor, &finding, *person, out),
            (None, '*') => {
                cursor.disarm(out);
                finding.found.clear();
                ask(cursor, &finding, Vec::new(), out);
                Progress::Still(finding)
            }
            (None, _) => again(cursor, finding, "error/invalid-key", out),
        };
    }
    match digit {
        '#' => look(cursor, finding, out),
        '2'..='9' if finding.typed.len() < MOST_KEYS => {
            finding.typed.push(digit);
            cursor.arm(finding.spec.between_digits, out);
            Progress::Still(finding)
        }
        _ => again(cursor, finding, "error/invalid-key", out),
    }
}

fn look(cursor: &mut Cursor, mut finding: Finding, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    let plan = cursor.plan.clone();
    let all = plan.agents().iter().filter(|agent| is_spelled(&agent.spelled, finding.typed.as_bytes()));
    finding.found = all.map(|agent| agent.id).take(MOST_FOUND).collect();
    finding.typed.clear();
    match finding.found[..] {
        [] => again(cursor, finding, "person/nobody-found", out),
        [only] => keep(cursor, &finding, only, out),
        _ => {
            let clips = choices(cursor, &finding.found);
            cursor.play(clips, out);
            Progress::Still(finding)
        }
    }
}

fn choices(cursor: &Cursor, found: &[AgentId]) -> Vec<Clip> {
    let speech = cursor.plan.speech(&cursor.language);
    let mut clips = speech.prompt("person/found");
    for (agent, key) in found.iter().filter_map(|id| cursor.plan.agent(*id)).zip('1'..='9') {
        match agent.says.clips(&cursor.language) {
            [] => {
                clips.extend(speech.prompt("person/extension"));
                clips.extend(speech.digits(&agent.extension));
            }
            name => clips.extend_from_slice(name),
        }
        clips.extend(speech.prompt(&format!("menu/press-{key}")));
    }
    clips
}

fn keep(cursor: &mut Cursor, finding: &Finding, person: AgentId, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    if let Some(agent) = cursor.plan.agent(person) {
        let extension = Masked::new(agent.extension.clone());
        cursor.values.insert(finding.spec.into.clone(), extension);
    }
    cursor.by(By::Collected);
    Progress::Turn(Turn::Go(Target::Next))
}

fn again(cursor: &mut Cursor, mut finding: Finding, why: &str, out: &mut Vec<Action>) -> Progress {
    cursor.disarm(out);
    cursor.ahead.clear();
    finding.typed.clear();
    finding.found.clear();
    finding.tries = finding.tries.saturating_add(1);
    let sorry = cursor.plan.speech(&cursor.language).prompt(why);
    if finding.tries < finding.spec.tries {
        ask(cursor, &finding, sorry, out);
        return Progress::Still(finding);
    }
    cursor.by(By::Exhausted);
    Progress::Turn(cursor.tell(sorry, true, After::Go(finding.spec.on_failure), out))
}

/// Whether the keys are beginnings of the syllables, in their order.
fn is_spelled(syllables: &[String], keys: &[u8]) -> bool {
    let Some((first, rest)) = syllables.split_first() else { return false };
    let fits = first.bytes().zip(keys).take_while(|(letter, key)| key_of(*letter) == Some(**key)).count();
    (1..=fits).any(|taken| taken == keys.len() || is_spelled(rest, keys.get(taken..).unwrap_or_default()))
}

/// ITU-T E.161.
fn key_of(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a'..=b'c' => b'2',
        b'd'..=b'f' => b'3',
        b'g'..=b'i' => b'4',
        b'j'..=b'l' => b'5',
        b'm'..=b'o' => b'6',
        b'p'..=b's' => b'7',
        b't'..=b'v' => b'8',
        b'w'..=b'z' => b'9',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_spelled_by_the_beginnings_of_its_syllables() {
        let name: Vec<String> = ["wang", "fang"].map(str::to_owned).to_vec();
        for keys in ["92643264", "9264326", "92643", "93", "9264", "9", "9326", "926", "93264"] {
            assert!(is_spelled(&name, keys.as_bytes()), "{keys}");
        }
        for keys in ["", "3", "92649", "926432649", "939"] {
            assert!(!is_spelled(&name, keys.as_bytes()), "{keys}");
        }
        assert!(!is_spelled(&[], b"9"));
        // zhang: z or zh, as people key it.
        assert!(is_spelled(&["zhang".to_owned(), "wei".to_owned()], b"99"));
        assert!(is_spelled(&["zhang".to_owned(), "wei".to_owned()], b"949"));
    }
}
