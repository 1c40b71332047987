//! How far it is to a person: keys that must be pressed, and seconds of words that are heard on the way by who lets
//! each prompt be read out to its end, as long as the recordings are in each language. The wait in line comes on top.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use super::action::Facts;
use super::circumstance::{Circumstance, circumstances};
use super::cursor::Cursor;
use super::flow::{By, Edge, Graph, NodeId, What};
use super::plan::{Entry, Origin, Phrase, Plan};
use super::rider::Rider;
use super::step::{FlowId, Step};
use super::verb::say;
use crate::base::{Clip, Language, Wall};

/// From one number to whom it leads.
#[derive(Clone, PartialEq, Debug)]
pub struct Journey {
    pub number: String,
    pub title: String,
    /// The farthest first: to each queue and person, by the shortest way, at the worst time and for the caller and in the
    /// language for whom it is longest.
    pub to: Vec<Reach>,
    /// Of who presses nothing at all, at the worst time.
    pub silent: Option<Reach>,
}

/// How far it is to somebody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Reach {
    /// Of words, to their end.
    pub words: Duration,
    pub keys: usize,
    /// `queue consultation`, `person 4001`, `a person`; of who presses nothing also `a message`, `a goodbye`.
    pub whom: String,
    pub language: Language,
}

/// From every number of callers to the persons behind it, for calls from this moment on within a year.
pub fn journeys(plan: &Arc<Plan>, from: Wall) -> Vec<Journey> {
    let graph = plan.graph();
    let all = circumstances(plan, from);
    let mut journeys = Vec::new();
    for (id, node) in graph.entries() {
        let What::Entry { number, title, desks: false } = &node.what else { continue };
        let mut farthest: BTreeMap<String, Reach> = BTreeMap::new();
        let mut silent: Option<Reach> = None;
        for one in &all {
            for language in plan.languages() {
                let walk = Walk::new(plan, &graph, one, language);
                for reach in walk.nearest(id) {
                    let known = farthest.entry(reach.whom.clone()).or_insert_with(|| reach.clone());
                    if (known.words, known.keys) < (reach.words, reach.keys) {
                        *known = reach;
                    }
                }
                silent = silent.max(walk.silent(id));
            }
        }
        let mut to: Vec<Reach> = farthest.into_values().collect();
        to.sort_by(|a, b| b.cmp(a));
        journeys.push(Journey { number: number.clone(), title: title.clone(), to, silent });
    }
    journeys
}

/// What the words of a node come to for one caller in one language.
struct Walk<'a> {
    plan: &'a Plan,
    graph: &'a Graph,
    one: &'a Circumstance,
    language: &'a Language,
    /// For what is put together at the time of the call.
    cursor: Cursor,
}

impl<'a> Walk<'a> {
    fn new(plan: &'a Arc<Plan>, graph: &'a Graph, one: &'a Circumstance, language: &'a Language) -> Self {
        let facts = Facts {
            from: one.from.clone(),
            dialled: String::new(),
            owner: None,
            origin: Origin::Caller,
            now: Rider::clock(one.at),
        };
        let mut cursor = Cursor::new(plan.clone(), Entry { flow: FlowId::NOWHERE }, facts);
        cursor.language = language.clone();
        Walk { plan, graph, one, language, cursor }
    }

    fn step(&self, id: NodeId) -> Option<&'a Step> {
        self.graph.step(self.plan, id)
    }

    /// The nearest of each queue and person, for who knows what to press and wants to.
    fn nearest(&self, entry: NodeId) -> Vec<Reach> {
        let mut best: Vec<Option<(Duration, usize)>> = vec![None; self.graph.nodes().count()];
        let mut open = BinaryHeap::from([Reverse((Duration::ZERO, 0, entry))]);
        let mut found: BTreeMap<String, Reach> = BTreeMap::new();
        while let Some(Reverse((words, keys, id))) = open.pop() {
            let Some(known) = best.get_mut(id.0 as usize) else { continue };
            if known.is_some_and(|known| known <= (words, keys)) {
                continue;
            }
            *known = Some((words, keys));
            let Some(node) = self.graph.node(id) else { continue };
            if node.what.is_person() {
                let words = words + self.before(id);
                let whom = whom(&node.what);
                let language = self.language.clone();
                found.entry(whom.clone()).or_insert(Reach { words, keys, whom, language });
                continue;
            }
            for edge in self.graph.from(id).iter().filter(|edge| self.is_wanted(edge)) {
                let (more, pressed) = self.cost(edge);
                open.push(Reverse((words + more, keys + pressed, edge.to)));
            }
        }
        found.into_values().collect()
    }

    fn is_wanted(&self, edge: &Edge) -> bool {
        let wanted = match &edge.by {
            By::Dialled | By::Done | By::Collected | By::Open | By::Closed | By::Holiday | By::Found => true,
            By::Holds | By::HoldsNot => true,
            By::Missing => !edge.input,
            By::Key(_) => edge.from != edge.to,
            _ => false,
        };
        wanted && self.step(edge.from).is_none_or(|step| self.one.allows(step, &edge.by))
    }

    /// Who presses nothing: where that leads, after all words and waits.
    fn silent(&self, entry: NodeId) -> Option<Reach> {
        let mut words = Duration::ZERO;
        let mut at = entry;
        // No circle is without the caller's input; a plan that was refused may have one.
        for _ in 0..=self.graph.nodes().count() {
            let node = self.graph.node(at)?;
            let ends = match &node.what {
                What::Queue { .. } | What::Person { .. } => Some(whom(&node.what)),
                What::Box { .. } => Some("a message".to_owned()),
                What::Goodbye | What::Stay => Some("a goodbye".to_owned()),
                _ => None,
            };
            if let Some(whom) = ends {
                let words = words + self.before(at);
                return Some(Reach { words, keys: 0, whom, language: self.language.clone() });
            }
            let step = self.step(at);
            let edge = self.graph.from(at).iter().find(|edge| {
                let by_itself = !edge.input && !edge.by.is_again();
                by_itself && step.is_none_or(|step| self.one.allows(step, &edge.by))
            })?;
            words += self.silence(at).unwrap_or_else(|| self.cost(edge).0);
            at = edge.to;
        }
        None
    }

    /// Words heard before this edge is taken, and keys pressed for it.
    fn cost(&self, edge: &Edge) -> (Duration, usize) {
        let Some(step) = self.step(edge.from) else { return (Duration::ZERO, 0) };
        let keys = match (&edge.by, step) {
            (By::Key(keys), _) => keys.len(),
            (By::Collected, Step::Collect(spec)) => spec.most + usize::from(spec.confirm),
            (By::Collected, Step::Find(_)) => NAME,
            _ => 0,
        };
        let words = match step {
            Step::Play { phrase, .. } => self.long(phrase),
            Step::Say { said, twice } => {
                self.clips(&say::clips(&self.cursor, said, *twice, Rider::clock(self.one.at)))
            }
            Step::Menu(menu) => self.plan.menu(*menu).map_or(Duration::ZERO, |menu| self.long(&menu.prompts)),
            Step::Collect(spec) if spec.confirm => {
                let read_back = self.plan.speech(self.language).digits(&"8".repeat(spec.most));
                self.long(&spec.prompts)
                    + self.long(&self.plan.own.you_entered)
                    + self.clips(&read_back)
                    + self.long(&self.plan.own.confirm)
            }
            Step::Collect(spec) => self.long(&spec.prompts),
            Step::Find(spec) => self.long(&spec.prompts),
            _ => Duration::ZERO,
        };
        (words, keys)
    }

    /// What a step that asks says and waits until nothing has been pressed often enough.
    fn silence(&self, id: NodeId) -> Option<Duration> {
        let asked = |prompts: &Phrase, sorry: &Phrase, wait: Duration, tries: u8| {
            let each = self.long(prompts) + wait + self.long(sorry);
            each * u32::from(tries)
        };
        match self.step(id)? {
            Step::Menu(menu) => {
                let menu = self.plan.menu(*menu)?;
                let asked = asked(&menu.prompts, &menu.silent, menu.first_digit, menu.tries);
                Some(asked + self.long(&menu.leaving))
            }
            Step::Collect(spec) => {
                Some(asked(&spec.prompts, &self.plan.own.no_input, spec.first_digit, spec.tries))
            }
            Step::Find(spec) => {
                Some(asked(&spec.prompts, &self.plan.own.no_input, spec.first_digit, spec.tries))
            }
            _ => None,
        }
    }

    /// What is said before somebody's phone rings, or the caller stands in line.
    fn before(&self, id: NodeId) -> Duration {
        match self.step(id) {
            Some(Step::Queue(spec)) => self.long(&spec.before),
            Some(Step::Dial(spec)) => self.long(&spec.before),
            Some(Step::Outside(spec)) => self.long(&spec.before),
            _ => Duration::ZERO,
        }
    }

    fn long(&self, phrase: &Phrase) -> Duration {
        self.clips(phrase.clips(self.language))
    }

    fn clips(&self, clips: &[Clip]) -> Duration {
        length(self.plan, clips)
    }
}

/// Keys of a name that is spelled, for the most part.
const NAME: usize = 5;

/// How long these clips are; a recording that is made in the call has no length yet.
pub(super) fn length(plan: &Plan, clips: &[Clip]) -> Duration {
    let one = |clip: &Clip| match clip {
        Clip::Prompt(id) => plan.catalog.get(*id).map_or(Duration::ZERO, |prompt| prompt.duration),
        Clip::Silence(pause) => *pause,
        Clip::Recording(_) => Duration::ZERO,
    };
    clips.iter().map(one).sum()
}

fn whom(what: &What) -> String {
    match what {
        What::Queue { name } => format!("queue {name}"),
        What::Person { extension: Some(extension) } => format!("person {extension}"),
        _ => "a person".to_owned(),
    }
}
