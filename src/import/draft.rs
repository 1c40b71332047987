//! A dialplan in the making: what was found, made whole, and written as TOML.

use std::collections::{BTreeMap, BTreeSet};

use super::Note;

/// The draft and what a person has to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// A dialplan that stands for itself, with the notes above what they are about.
    pub text: String,
    /// In order of files and lines.
    pub notes: Vec<Note>,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) ring_s: Option<u64>,
    pub(super) wrap_up_s: Option<u64>,
    pub(super) target_s: Option<u64>,
    pub(super) capacity: Option<u64>,
    pub(super) position_every_s: Option<u64>,
    pub(super) comfort_every_s: Option<u64>,
    pub(super) silent_position: bool,
}

#[derive(Default)]
struct Agent {
    name: String,
    /// Levels by the queue's name.
    skills: BTreeMap<String, u8>,
}

#[derive(Default)]
pub(super) struct Menu {
    pub(super) played: Vec<String>,
    /// With the lines.
    pub(super) keys: Vec<(String, Does, usize)>,
    pub(super) first_digit_ms: Option<u64>,
    pub(super) between_digits_ms: Option<u64>,
    pub(super) tries: Option<u64>,
}

/// What a key does; flows by the names that they have in the files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Does {
    Flow(String),
    Repeat,
    Dial(String),
    Queue(String),
    Message,
    AskExtension,
    Operator,
    HangUp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// A recording that this house does not have.
    Played(String),
    /// By the name in the files.
    Menu(String),
    /// By the name in the draft.
    Queue(String),
    Dial(String),
    /// Whose extension was dialled.
    DialDialled,
    Message,
    Goto(String),
    HangUp,
}

struct Flow {
    /// In the draft.
    name: String,
    steps: Vec<Step>,
}

#[derive(Default)]
pub(super) struct Draft {
    file: String,
    notes: Vec<Note>,
    /// Names in the draft, by kind and by the name in the files.
    names: BTreeMap<(&'static str, String), String>,
    taken: BTreeSet<(&'static str, String)>,
    pub(super) queues: BTreeMap<String, Queue>,
    agents: BTreeMap<String, Agent>,
    menus: Vec<(String, Menu)>,
    flows: Vec<Flow>,
    /// Flow by number, and whether only desks may dial it.
    numbers: BTreeMap<String, (String, bool)>,
}

/// A menu with its name, and the flow behind each of its keys.
type Led = (String, Menu, Vec<(String, String)>);

impl Draft {
    /// What is noted from now on is about this file.
    pub(super) fn begin(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    pub(super) fn note(&mut self, line: usize, text: impl Into<String>) {
        let text = one_line(&text.into());
        self.notes.push(Note { file: self.file.clone(), line, text });
    }

    /// The queue of this name, made where it is new; its name in the draft.
    pub(super) fn queue(&mut self, written: &str) -> String {
        let name = self.name("queue", written);
        self.queues.entry(name.clone()).or_default();
        name
    }

    /// The person with this extension, made where they are new.
    pub(super) fn agent(&mut self, extension: &str, name: &str, skill: Option<(&str, u8)>) -> String {
        let agent = self.agents.entry(extension.to_owned()).or_default();
        if agent.name.is_empty() {
            name.clone_into(&mut agent.name);
        }
        if let Some((queue, level)) = skill {
            agent.skills.insert(queue.to_owned(), level);
        }
        extension.to_owned()
    }

    /// A menu, and the flow that leads to it.
    pub(super) fn menu(&mut self, written: &str, mut menu: Menu, line: usize) {
        if self.names.contains_key(&("menu", written.to_owned())) {
            self.note(line, format!("the menu `{written}` is there twice: the second one is left out"));
            return;
        }
        self.keys_that_can_be(&mut menu);
        if menu.keys.is_empty() {
            self.note(line, format!("the menu `{written}` has no key that can be pressed: it is left out"));
            self.flow(written, Vec::new(), line);
            return;
        }
        let name = self.name("menu", written);
        self.flow(written, vec![Step::Menu(written.to_owned())], line);
        self.menus.push((name, menu));
    }

    fn keys_that_can_be(&mut self, menu: &mut Menu) {
        let mut pressed = BTreeSet::new();
        for (key, does, line) in std::mem::take(&mut menu.keys) {
            let good = (1..=8).contains(&key.len())
                && key.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
            if !good {
                self.note(line, format!("nobody can press `{key}`: it is left out"));
            } else if !pressed.insert(key.clone()) {
                self.note(line, format!("the key {key} is there twice: the second one is left out"));
            } else {
                menu.keys.push((key, does, line));
            }
        }
    }

    pub(super) fn flow(&mut self, written: &str, steps: Vec<Step>, line: usize) {
        if self.names.contains_key(&("flow", written.to_owned())) {
            self.note(line, format!("`{written}` is there twice: the second one is left out"));
            return;
        }
        let name = self.name("flow", written);
        self.flows.push(Flow { name, steps });
    }

    pub(super) fn number(&mut self, number: &str, flow: &str, desks: bool) {
        let flow = self.name("flow", flow);
        if self.numbers.contains_key(number) {
            self.note(0, format!("the number {number} is there twice: the first one holds"));
        } else {
            self.numbers.insert(number.to_owned(), (flow, desks));
        }
    }

    /// Small letters, digits and hyphens, and each name once.
    fn name(&mut self, kind: &'static str, written: &str) -> String {
        if let Some(known) = self.names.get(&(kind, written.to_owned())) {
            return known.clone();
        }
        let plain: String = written.chars().map(|c| c.to_ascii_lowercase()).collect();
        let plain: String = plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let plain: String = plain.trim_matches('-').chars().take(40).collect();
        let plain = if plain.is_empty() { kind.to_owned() } else { plain };
        let mut name = plain.clone();
        let mut count = 2;
        while OWN.contains(&name.as_str()) || !self.taken.insert((kind, name.clone())) {
            name = format!("{plain}-{count}");
            count += 1;
        }
        self.names.insert((kind, written.to_owned()), name.clone());
        name
    }

    pub(super) fn finish(mut self) -> Imported {
        self.file = "draft".to_owned();
        let menus = self.lead_keys();
        self.lead_flows();
        self.break_circles();
        if self.numbers.is_empty() {
            let first = self.flows.first().map_or(OPERATOR.to_owned(), |flow| flow.name.clone());
            self.note(0, "the files name no number: 10000 leads to their first menu");
            self.numbers.insert("10000".to_owned(), (first, false));
        }
        self.notes.sort();
        self.notes.dedup();
        Imported { text: self.text(&menus), notes: self.notes }
    }

    /// The flow behind each key; those that a key alone has are made.
    fn lead_keys(&mut self) -> Vec<Led> {
        let mut made = Vec::new();
        for (name, menu) in std::mem::take(&mut self.menus) {
            let mut keys = Vec::new();
            for (key, does, _) in &menu.keys {
                let flow = match does {
                    Does::Flow(written) => self.name("flow", written),
                    Does::Repeat => String::new(),
                    Does::Message => MESSAGE.to_owned(),
                    Does::AskExtension => EXTENSION.to_owned(),
                    Does::Operator => OPERATOR.to_owned(),
                    Does::HangUp => GOODBYE.to_owned(),
                    Does::Dial(extension) => {
                        let extension = self.agent(extension, "", None);
                        self.own_flow(&format!("person {extension}"), Step::Dial(extension))
                    }
                    Does::Queue(written) => {
                        let queue = self.queue(written);
                        self.own_flow(&format!("line {queue}"), Step::Queue(queue))
                    }
                };
                keys.push((key.clone(), flow));
            }
            made.push((name, menu, keys));
        }
        made
    }

    fn own_flow(&mut self, written: &str, step: Step) -> String {
        let name = self.name("flow", written);
        if self.flows.iter().all(|flow| flow.name != name) {
            self.flows.push(Flow { name: name.clone(), steps: vec![step] });
        }
        name
    }

    /// Names become those of the draft; what leads to nothing leads to a goodbye, and every flow has an end.
    fn lead_flows(&mut self) {
        let mut flows = std::mem::take(&mut self.flows);
        for flow in &mut flows {
            for step in &mut flow.steps {
                match step {
                    Step::Goto(written) => *written = self.name("flow", written),
                    Step::Menu(written) => {
                        *step = match self.names.get(&("menu", written.clone())) {
                            Some(name) => Step::Menu(name.clone()),
                            None => Step::HangUp,
                        };
                    }
                    _ => {}
                }
            }
            let end =
                flow.steps.iter().position(|s| matches!(s, Step::Menu(_) | Step::Goto(_) | Step::HangUp));
            match end {
                Some(end) => flow.steps.truncate(end + 1),
                None => flow.steps.push(Step::HangUp),
            }
        }
        let known: BTreeSet<_> = flows.iter().map(|flow| flow.name.clone()).collect();
        let named: Vec<_> = self
            .names
            .iter()
            .filter(|((kind, _), _)| *kind == "flow")
            .map(|(k, n)| (k.1.clone(), n.clone()))
            .collect();
        self.flows = flows;
        for (written, name) in named.into_iter().filter(|(_, name)| !known.contains(name)) {
            self.note(
                0,
                format!("`{written}` is led to and is not in the files: a goodbye stands in its place"),
            );
            self.flows.push(Flow { name, steps: vec![Step::HangUp] });
        }
    }

    /// A circle without the caller's input is no dialplan: its last arrow becomes a goodbye.
    fn break_circles(&mut self) {
        let index: BTreeMap<_, _> =
            self.flows.iter().enumerate().map(|(at, f)| (f.name.clone(), at)).collect();
        let leads = |flow: &Flow| match flow.steps.last() {
            Some(Step::Goto(to))
                if !flow
                    .steps
                    .iter()
                    .any(|s| matches!(s, Step::Queue(_) | Step::Dial(_) | Step::DialDialled)) =>
            {
                index.get(to).copied()
            }
            _ => None,
        };
        // Each flow leads to one other at most: a walk that comes back to itself closes a circle.
        let mut state = vec![0usize; self.flows.len()];
        let mut broken = Vec::new();
        for start in 0..self.flows.len() {
            let (walk, mut at) = (start + 1, start);
            loop {
                match state.get_mut(at) {
                    Some(seen) if *seen == 0 => *seen = walk,
                    _ => break,
                }
                let Some(next) = self.flows.get(at).and_then(leads) else { break };
                if state.get(next) == Some(&walk) {
                    broken.push(at);
                    break;
                }
                at = next;
            }
        }
        for at in broken {
            let Some(flow) = self.flows.get_mut(at) else { continue };
            let name = flow.name.clone();
            flow.steps.pop();
            flow.steps.push(Step::HangUp);
            self.note(0, format!("flow `{name}` led back to itself without the caller's doing: a goodbye stands in its place"));
        }
    }

    fn text(&self, menus: &[Led]) -> String {
        let mut out = String::from("# A draft. What could not be carried over:\n");
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        self.notes.iter().for_each(|note| line(format!("#   {}", one_line(&note.to_string()))));
        line(format!(
            "\n[hotline]\nname = \"imported\"\nlanguage = \"zh-CN\"\nlanguages = [\"zh-CN\", \"en-US\"]\noperator = \"{OPERATOR}\"\n"
        ));
        line("[numbers]".to_owned());
        for (number, (flow, desks)) in &self.numbers {
            let from = if *desks { ", from = \"desks\"" } else { "" };
            line(format!("{} = {{ flow = \"{flow}\"{from} }}", quoted(number)));
        }
        for (name, menu, keys) in menus {
            line(format!("\n[menu.{name}]"));
            menu.played.iter().for_each(|file| line(format!("# Played here: {}", one_line(file))));
            line("before = \"menu/listen\"".to_owned());
            let times = [("first_digit", menu.first_digit_ms), ("between_digits", menu.between_digits_ms)];
            for (field, millis) in times {
                millis.into_iter().for_each(|millis| line(format!("{field} = \"{millis} ms\"")));
            }
            menu.tries.into_iter().for_each(|tries| line(format!("tries = {tries}")));
            line(format!("\n[menu.{name}.keys]"));
            for (key, flow) in keys {
                let does = if flow.is_empty() { "{ repeat = true }".to_owned() } else { quoted(flow) };
                line(format!("{} = {does}", quoted(key)));
            }
        }
        for flow in &self.flows {
            line(String::new());
            flow.steps.iter().for_each(|step| line(written(&flow.name, step)));
        }
        let operator = match self.queues.keys().next() {
            Some(queue) => format!("queue = \"{queue}\""),
            None => "message = { box = \"general\" }".to_owned(),
        };
        line(format!("\n[[flow.{OPERATOR}]]\n{operator}\n"));
        line(format!(
            "[[flow.{MESSAGE}]]\nmessage = {{ box = \"general\" }}\n[[flow.{MESSAGE}]]\nhang_up = \"goodbye/thanks\"\n"
        ));
        line(format!(
            "[[flow.{EXTENSION}]]\ncollect = {{ into = \"extension\", ask = \"menu/enter-extension\", kind = \"extension\" }}\n[[flow.{EXTENSION}]]\ndial = {{ value = \"extension\" }}\n"
        ));
        line(format!("[[flow.{GOODBYE}]]\nhang_up = \"goodbye/thanks\""));
        for (name, queue) in &self.queues {
            line(format!("\n[skill.{name}]\n\n[queue.{name}]\nskills = {{ {name} = 1 }}"));
            let times = [
                ("ring", queue.ring_s),
                ("wrap_up", queue.wrap_up_s),
                ("service_target", queue.target_s),
                ("position_every", queue.position_every_s),
                ("comfort_every", queue.comfort_every_s),
            ];
            for (field, seconds) in times {
                seconds.into_iter().for_each(|seconds| line(format!("{field} = \"{seconds} s\"")));
            }
            queue.capacity.into_iter().for_each(|capacity| line(format!("capacity = {capacity}")));
            if queue.silent_position {
                line("position = false".to_owned());
            }
        }
        for (extension, agent) in &self.agents {
            line(format!("\n[agent.{extension}]"));
            if !agent.name.is_empty() {
                line(format!("name = {}", quoted(&agent.name)));
            }
            if !agent.skills.is_empty() {
                let skills: Vec<_> =
                    agent.skills.iter().map(|(skill, level)| format!("{skill} = {level}")).collect();
                line(format!("skills = {{ {} }}", skills.join(", ")));
            }
        }
        out
    }
}

/// Flows that every draft has.
const OPERATOR: &str = "operator";
const MESSAGE: &str = "message";
const EXTENSION: &str = "extension";
const GOODBYE: &str = "goodbye";
const OWN: [&str; 4] = [OPERATOR, MESSAGE, EXTENSION, GOODBYE];

fn written(flow: &str, step: &Step) -> String {
    let verb = match step {
        Step::Played(file) => return format!("# Played here: {}", one_line(file)),
        Step::Menu(menu) => format!("menu = \"{menu}\""),
        Step::Queue(queue) => format!("queue = \"{queue}\""),
        Step::Dial(extension) => format!("dial = {{ to = \"{extension}\" }}"),
        Step::DialDialled => "dial = { value = \"dialled\" }".to_owned(),
        Step::Message => "message = { box = \"general\" }".to_owned(),
        Step::Goto(flow) => format!("goto = \"{flow}\""),
        Step::HangUp => "hang_up = \"goodbye/thanks\"".to_owned(),
    };
    format!("[[flow.{flow}]]\n{verb}")
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// For a remark: nothing that ends it, and nothing that TOML forbids in one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
