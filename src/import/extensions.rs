//! `extensions.conf`: contexts whose extensions are numbers, keys of a menu, or both.

use std::collections::BTreeMap;

use super::conf::{Line, Section};
use super::draft::{Does, Draft, Menu, Step};
use super::queues::extension_of;
use crate::dialplan::Pattern;

/// What follows no key and no number: answered by the menu itself, or by nobody.
const SPECIAL: [&str; 8] = ["s", "i", "t", "h", "o", "a", "e", "fax"];

/// One extension of a context with what it runs, in order of the file.
struct Extension<'a> {
    name: &'a str,
    at: usize,
    runs: Vec<Application<'a>>,
}

struct Application<'a> {
    at: usize,
    /// In lower case.
    name: String,
    arguments: Vec<&'a str>,
}

pub(super) fn read(draft: &mut Draft, sections: &[Section]) {
    for section in sections {
        let name = section.name.as_str();
        if matches!(name, "general" | "globals") {
            draft.note(section.line, format!("`[{name}]` is not carried over"));
            continue;
        }
        let extensions = extensions(draft, &section.lines);
        let listens = |run: &Application<'_>| matches!(run.name.as_str(), "background" | "waitexten");
        let is_menu = extensions.iter().any(|one| one.runs.iter().any(listens) && !is_key(one.name))
            && extensions.iter().any(|one| is_key(one.name));
        if is_menu {
            let mut menu = Menu::default();
            for one in extensions.iter().filter(|one| !is_key(one.name)) {
                let played = one.runs.iter().filter(|run| run.name == "background");
                menu.played
                    .extend(played.flat_map(|run| run.arguments.first()).map(|file| (*file).to_owned()));
            }
            for key in extensions.iter().filter(|one| is_key(one.name)) {
                let flow = flow_name(name, key.name);
                menu.keys.push((key.name.to_owned(), Does::Flow(flow), key.at));
            }
            draft.menu(&menu_name(name), menu, section.line);
        }
        for one in &extensions {
            context(draft, name, is_menu, one);
        }
    }
}

fn extensions<'a>(draft: &mut Draft, lines: &'a [Line]) -> Vec<Extension<'a>> {
    let mut all: Vec<Extension<'a>> = Vec::new();
    let mut at_name: BTreeMap<&str, usize> = BTreeMap::new();
    let mut latest = None;
    for line in lines {
        let (name, rest) = match line.name.as_str() {
            "exten" => match line.value.split_once(',') {
                Some((name, rest)) => (Some(name.trim()), rest),
                None => {
                    draft.note(line.number, "an extension without a priority is left out");
                    continue;
                }
            },
            "same" => (latest, line.value.as_str()),
            other => {
                draft.note(line.number, format!("`{other} => {}` is not carried over", line.value));
                continue;
            }
        };
        let Some(name) = name else {
            draft.note(line.number, "`same` without an extension before it is left out");
            continue;
        };
        latest = Some(name);
        // Who is asked by their own number, `1001/13800138000`, is nobody else's extension here.
        let Some((priority, application)) = rest.split_once(',') else {
            draft.note(line.number, "an extension without an application is left out");
            continue;
        };
        if priority.trim() == "hint" {
            continue;
        }
        let index = *at_name.entry(name).or_insert_with(|| {
            all.push(Extension { name, at: line.number, runs: Vec::new() });
            all.len() - 1
        });
        if let Some(extension) = all.get_mut(index) {
            extension.runs.push(application_of(line.number, application));
        }
    }
    all
}

/// `Queue(support,t,,,300)`.
fn application_of(at: usize, text: &str) -> Application<'_> {
    let text = text.trim();
    let (name, rest) = text.split_once('(').unwrap_or((text, ""));
    let inside = rest.rsplit_once(')').map_or(rest, |(inside, _)| inside);
    let arguments = if inside.is_empty() { Vec::new() } else { inside.split(',').map(str::trim).collect() };
    Application { at, name: name.trim().to_ascii_lowercase(), arguments }
}

fn is_key(name: &str) -> bool {
    !name.is_empty() && name.len() <= 2 && name.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'))
}

fn menu_name(context: &str) -> String {
    format!("{context} menu")
}

fn flow_name(context: &str, extension: &str) -> String {
    if extension == "s" { context.to_owned() } else { format!("{context} {extension}") }
}

/// What one extension does, as a flow; and the number that leads there, if it is one.
fn context(draft: &mut Draft, context: &str, is_menu: bool, one: &Extension<'_>) {
    if matches!(one.name, "i" | "t" | "e") {
        draft.note(one.at, format!("`{}`: wrong keys and silence are answered by the menu itself", one.name));
        return;
    }
    if SPECIAL.contains(&one.name) && one.name != "s" {
        draft.note(one.at, format!("the extension `{}` is not carried over", one.name));
        return;
    }
    let mut steps = Vec::new();
    let mut dials_itself = false;
    for run in &one.runs {
        dials_itself |= run.name == "dial" && run.arguments.first().is_some_and(|to| to.contains("${EXTEN"));
        step(draft, context, is_menu, run, &mut steps);
    }
    if is_menu && !is_key(one.name) && !steps.iter().any(ends) {
        let listens = |run: &Application<'_>| run.name == "background";
        if one.runs.iter().any(listens) {
            steps.push(Step::Menu(menu_name(context)));
        }
    }
    let flow = flow_name(context, one.name);
    draft.flow(&flow, steps, one.at);
    if is_key(one.name) && is_menu || one.name == "s" {
        return;
    }
    match pattern(one.name) {
        Some(number) if Pattern::parse(&number).is_ok() => {
            if one.name.contains(['[', 'Z', 'N']) {
                draft.note(
                    one.at,
                    format!("`{}` is `{number}` here: any digit stands at each place", one.name),
                );
            }
            draft.number(&number, &flow, dials_itself);
        }
        _ => draft.note(one.at, format!("`{}` is no number that can be dialled here", one.name)),
    }
}

fn ends(step: &Step) -> bool {
    matches!(step, Step::Menu(_) | Step::Goto(_) | Step::HangUp)
}

fn step(draft: &mut Draft, context: &str, is_menu: bool, run: &Application<'_>, steps: &mut Vec<Step>) {
    let first = run.arguments.first().copied().unwrap_or_default();
    match run.name.as_str() {
        "answer" | "noop" | "verbose" | "wait" | "ringing" | "progress" | "proceeding" => {}
        "background" | "playback" => steps.push(Step::Played(first.to_owned())),
        "waitexten" if is_menu => steps.push(Step::Menu(menu_name(context))),
        "queue" if !first.is_empty() => steps.push(Step::Queue(draft.queue(first))),
        "hangup" | "busy" | "congestion" => steps.push(Step::HangUp),
        "voicemail" => steps.push(Step::Message),
        "dial" => match extension_of(first) {
            Some(extension) => {
                let dialled = draft.agent(&extension, "", None);
                steps.push(Step::Dial(dialled));
            }
            None if first.contains("${EXTEN") => steps.push(Step::DialDialled),
            None => {
                draft.note(run.at, format!("`Dial({first})` leads outside: write `dial` with a `number`"))
            }
        },
        "goto" => {
            let target = match run.arguments[..] {
                [context, extension, _, ..] => flow_name(context, extension),
                [extension, _] => flow_name(context, extension),
                _ => {
                    draft.note(run.at, "a `Goto` to a priority of the same extension is left out");
                    return;
                }
            };
            steps.push(Step::Goto(target));
        }
        name => draft.note(run.at, format!("`{name}` is not carried over")),
    }
}

/// `_1XXX` as `1XXX`; what stands for some digits stands for any.
fn pattern(name: &str) -> Option<String> {
    let Some(pattern) = name.strip_prefix('_') else { return Some(name.to_owned()) };
    let mut out = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            'X' | 'x' | 'Z' | 'z' | 'N' | 'n' => out.push('X'),
            '[' => {
                characters.by_ref().find(|inside| *inside == ']')?;
                out.push('X');
            }
            '.' | '!' => out.push('.'),
            '0'..='9' | '*' | '#' | '+' => out.push(character),
            _ => return None,
        }
    }
    Some(if out == "." { "X.".to_owned() } else { out })
}
