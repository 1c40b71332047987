//! Whether a plan keeps to the rules of its house ([`[policy]`](super::table::policy)). Each rule looks at the plan's
//! graph from the numbers of callers; what breaks it is told where it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::circumstance::Circumstance;
use super::flow::{By, Graph, Node, NodeId, What};
use super::journey::{Journey, length};
use super::plan::{Phrase, Plan};
use super::source::Report;
use super::step::{Place, Step, Value};
use crate::base::{Clip, PromptId, QueueId};

/// One rule with what it was given.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) why: Option<String>,
    /// What breaks it is a mistake.
    pub(super) refuses: bool,
    pub(super) ask: Ask,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Ask {
    /// Keys by queue; from these numbers, or from all.
    FewKeys {
        queues: Vec<(QueueId, usize)>,
        numbers: Vec<String>,
    },
    Person {
        except: Vec<String>,
    },
    Depth {
        most: usize,
    },
    ShortWords {
        most: Duration,
    },
    Apology {
        prompts: BTreeSet<PromptId>,
    },
    ReadBack,
    Notice {
        prompts: BTreeSet<PromptId>,
    },
    Time {
        most: Duration,
    },
}

/// What breaks a rule, where, and what may be done about it.
struct Breach {
    place: Place,
    reason: String,
    help: String,
}

pub(super) fn check(
    report: &mut Report<'_>,
    plan: &Arc<Plan>,
    graph: &Graph,
    all: &[Circumstance],
    journeys: impl Fn() -> Vec<Journey>,
    rules: &[Rule],
) {
    let house = House { plan, graph, all };
    for rule in rules {
        let breaches = match &rule.ask {
            Ask::FewKeys { queues, numbers } => house.few_keys(rule, queues, numbers),
            Ask::Person { except } => house.person(except),
            Ask::Depth { most } => house.depth(*most),
            Ask::ShortWords { most } => house.short_words(*most),
            Ask::Apology { prompts } => house.apology(prompts),
            Ask::ReadBack => house.read_back(),
            Ask::Notice { prompts } => house.notice(prompts),
            Ask::Time { most } => house.time(rule, &journeys(), *most),
        };
        let mut told = BTreeSet::new();
        for Breach { place, reason, help } in breaches {
            let reason = format!("policy `{}`: {reason}", rule.name);
            if !told.insert((place, reason.clone())) {
                continue;
            }
            let diagnostic =
                if rule.refuses { report.mistake(place, reason) } else { report.warning(place, reason) };
            diagnostic.add_help(help);
            if let Some(why) = &rule.why {
                diagnostic.add_help(format!("why: {why}"));
            }
        }
    }
}

struct House<'a> {
    plan: &'a Arc<Plan>,
    graph: &'a Graph,
    all: &'a [Circumstance],
}

impl<'a> House<'a> {
    fn step(&self, id: NodeId) -> Option<&'a Step> {
        self.graph.step(self.plan, id)
    }

    fn place(&self, id: NodeId) -> Option<Place> {
        let (flow, step) = self.graph.node(id)?.at?;
        self.plan.flow(flow)?.steps.get(step).map(|located| located.place)
    }

    /// What callers come by, in the order of the plan.
    fn reached(&self) -> Vec<(NodeId, &'a Node)> {
        let reached = self.graph.reach(self.graph.callers());
        self.graph.nodes().filter(|(id, _)| reached.has(*id)).collect()
    }

    fn few_keys(&self, rule: &Rule, queues: &[(QueueId, usize)], numbers: &[String]) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (queue, most) in queues {
            let Some(name) = self.plan.queue(*queue).map(|queue| queue.name.as_str()) else { continue };
            for (entry, node) in self.graph.entries() {
                let What::Entry { number, desks: false, .. } = &node.what else { continue };
                if !numbers.is_empty() && !numbers.contains(number) {
                    continue;
                }
                for one in self.all {
                    let keys =
                        self.keys(entry, one, |what| matches!(what, What::Queue { name: n } if n == name));
                    let served = self.keys(entry, one, What::is_person) == Some(0);
                    let reason = match keys {
                        Some(keys) if keys <= *most => continue,
                        _ if served => continue,
                        Some(keys) => {
                            format!(
                                "from {number} to queue `{name}` takes {keys} keys, and {most} is the most"
                            )
                        }
                        None => {
                            format!("from {number} there are times at which no keys lead to queue `{name}`")
                        }
                    };
                    let help = format!("give the first menu behind {number} a key for `{name}`");
                    let place = self.first_choice(entry).unwrap_or(rule.place);
                    breaches.push(Breach { place, reason, help });
                    break;
                }
            }
        }
        breaches
    }

    /// The nearest menu behind a number, or the first step where there is none.
    fn first_choice(&self, entry: NodeId) -> Option<Place> {
        let mut ring = std::collections::VecDeque::from([entry]);
        let mut seen = BTreeSet::new();
        while let Some(id) = ring.pop_front() {
            if self.graph.node(id).is_some_and(|node| matches!(node.what, What::Menu { .. })) {
                return self.place(id);
            }
            if seen.insert(id) {
                ring.extend(self.graph.from(id).iter().map(|edge| edge.to));
            }
        }
        self.place(self.graph.from(entry).first()?.to)
    }

    /// The fewest keys to such a node.
    fn keys(&self, entry: NodeId, one: &Circumstance, is_it: impl Fn(&What) -> bool) -> Option<usize> {
        let mut ring = vec![entry];
        let mut seen = BTreeSet::new();
        // One ring for each key more: within a ring everything that needs none.
        for keys in 0..=MOST_KEYS {
            let mut next: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
            while let Some(id) = ring.pop() {
                if !seen.insert(id) {
                    continue;
                }
                let Some(node) = self.graph.node(id) else { continue };
                if is_it(&node.what) {
                    return Some(keys);
                }
                // A menu that is left alone leads somewhere, too, but not for who is in a hurry.
                let left_alone = self.is_no_choice(id);
                let wanted =
                    |by: &By| !by.is_failure() && !by.is_again() && (*by != By::Exhausted || left_alone);
                let edges = self.graph.from(id).iter();
                for edge in edges.filter(|e| wanted(&e.by) && one.may(self.plan, self.graph, e)) {
                    match &edge.by {
                        By::Key(digits) => next.entry(digits.len()).or_default().push(edge.to),
                        By::Collected | By::Empty => next.entry(1).or_default().push(edge.to),
                        _ => ring.push(edge.to),
                    }
                }
            }
            // Keys of several digits are counted as one more ring: a menu's key is short.
            ring = next.into_values().flatten().collect();
        }
        None
    }

    /// Whatever is pressed there leads to the same: a choice of the language.
    fn is_no_choice(&self, id: NodeId) -> bool {
        let edges = self.graph.from(id);
        let menu = self.graph.node(id).is_some_and(|node| matches!(node.what, What::Menu { .. }));
        menu && edges.iter().filter(|e| !e.by.is_again()).all(|e| Some(e.to) == edges.first().map(|e| e.to))
    }

    fn person(&self, except: &[String]) -> Vec<Breach> {
        let menus = self.reached().into_iter().filter_map(|(id, node)| match &node.what {
            What::Menu { name } if !except.contains(name) => Some((id, name)),
            _ => None,
        });
        let led = self.graph.leading(|node| node.what.is_person(), |edge| !edge.by.is_failure());
        let breaches = menus.filter(|(id, _)| !led.has(*id)).filter_map(|(id, name)| {
            let reason = format!("from menu `{name}` nothing leads to a person");
            let help = format!("give it a key to a queue, or `except = [\"{name}\"]`");
            Some(Breach { place: self.place(id)?, reason, help })
        });
        breaches.collect()
    }

    fn depth(&self, most: usize) -> Vec<Breach> {
        let mut depth: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut ring: Vec<NodeId> = self.graph.callers().collect();
        let mut breaches = Vec::new();
        for menus in 0..=most {
            let mut next = Vec::new();
            while let Some(id) = ring.pop() {
                if depth.contains_key(&id) {
                    continue;
                }
                depth.insert(id, menus);
                let is_menu = self.graph.node(id).is_some_and(|node| matches!(node.what, What::Menu { .. }));
                if is_menu && menus == most {
                    let What::Menu { name } = self.graph.node(id).map(|n| &n.what).unwrap_or(&What::Step)
                    else {
                        continue;
                    };
                    let reason = format!("menu `{name}` is more than {most} menus deep");
                    let help = "lead to it from a menu before, or ask less".to_owned();
                    breaches.extend(self.place(id).map(|place| Breach { place, reason, help }));
                    continue;
                }
                let into = if is_menu { &mut next } else { &mut ring };
                into.extend(self.graph.from(id).iter().map(|edge| edge.to));
            }
            ring = next;
        }
        breaches
    }

    fn short_words(&self, most: Duration) -> Vec<Breach> {
        let choose = self.graph.leading(|node| matches!(node.what, What::Menu { .. }), |_| true);
        let mut breaches = Vec::new();
        for (id, _) in self.reached() {
            let phrase = match self.step(id) {
                Some(Step::Play { phrase, .. }) => phrase,
                Some(Step::Menu(menu)) => match self.plan.menu(*menu) {
                    Some(menu) => &menu.prompts,
                    None => continue,
                },
                Some(Step::Collect(spec)) => &spec.prompts,
                _ => continue,
            };
            // What is said last, before the line is closed, keeps nobody from choosing.
            if !choose.has(id) {
                continue;
            }
            for (language, clips) in &phrase.0 {
                let long = clips.iter().find(|clip| length(self.plan, std::slice::from_ref(*clip)) > most);
                let Some(Clip::Prompt(prompt)) = long else { continue };
                let Some(prompt) = self.plan.catalog.get(*prompt) else { continue };
                let seconds = prompt.duration.as_secs_f64();
                let reason = format!(
                    "`{}` takes {seconds:.1} s in {language}, and {} s is the most before a caller may choose",
                    prompt.name,
                    most.as_secs()
                );
                let help = "say less, or say it after the choice".to_owned();
                breaches.extend(self.place(id).map(|place| Breach { place, reason, help }));
            }
        }
        breaches
    }

    fn apology(&self, prompts: &BTreeSet<PromptId>) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (id, node) in self.reached() {
            let whom = match &node.what {
                What::Queue { name } => format!("queue `{name}`"),
                What::Person { extension: Some(extension) } => extension.clone(),
                What::Person { extension: None } => "the person".to_owned(),
                _ => continue,
            };
            for edge in self.graph.from(id) {
                if !edge.by.is_failure() || edge.by == By::ClosedWaiting || self.sorry(edge.to, prompts) {
                    continue;
                }
                let reason = format!("no apology is heard where {whom} cannot take the call ({})", edge.by);
                let help = "begin that flow with `play = \"transfer/sorry-please-wait\"`, or leave it to the default";
                breaches.extend(self.place(id).map(|place| Breach { place, reason, help: help.to_owned() }));
            }
        }
        breaches
    }

    /// Whether an apology is the first that is heard from here on, whatever is decided on the way.
    fn sorry(&self, from: NodeId, prompts: &BTreeSet<PromptId>) -> bool {
        let mut open = vec![from];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let said = match self.step(id) {
                Some(Step::Regret(_)) => continue,
                Some(
                    Step::Goto(_)
                    | Step::Hours { .. }
                    | Step::Lookup { .. }
                    | Step::When(_)
                    | Step::Language(_),
                ) => {
                    open.extend(self.graph.from(id).iter().map(|edge| edge.to));
                    continue;
                }
                Some(Step::Play { phrase, .. } | Step::HangUp { phrase }) => Some(phrase),
                Some(Step::Message(spec)) => Some(&spec.before),
                Some(Step::Queue(spec)) => Some(&spec.before),
                Some(Step::Dial(spec)) => Some(&spec.before),
                Some(Step::Outside(spec)) => Some(&spec.before),
                Some(Step::Menu(menu)) => self.plan.menu(*menu).map(|menu| &menu.prompts),
                _ => None,
            };
            if !said.is_some_and(|phrase| self.tells(phrase, prompts)) {
                return false;
            }
        }
        true
    }

    /// One of these is heard in every language.
    fn tells(&self, phrase: &Phrase, prompts: &BTreeSet<PromptId>) -> bool {
        self.plan.languages.iter().all(|language| {
            let clips = phrase.clips(language).iter();
            clips.into_iter().any(|clip| matches!(clip, Clip::Prompt(id) if prompts.contains(id)))
        })
    }

    fn read_back(&self) -> Vec<Breach> {
        let reached = self.reached();
        let called = |step: Option<&'a Step>| match step {
            Some(Step::Callback(spec)) => Some(&spec.number),
            Some(Step::CallbackAt(spec)) => Some(&spec.number),
            _ => None,
        };
        let mut names = BTreeSet::new();
        for (id, _) in &reached {
            if let Some(Value::Keyed(name)) = called(self.step(*id)) {
                names.insert(name.as_str());
            }
        }
        let mut breaches = Vec::new();
        for (id, node) in &reached {
            let (reason, help) = match self.step(*id) {
                Some(Step::Collect(spec)) if names.contains(spec.into.as_str()) && !spec.confirm => (
                    format!("the number `{}` is called back, and not read back before", spec.into),
                    "give the `collect` `confirm = true`",
                ),
                Some(Step::Message(spec)) if !node.implied && spec.ask.is_empty() => (
                    "this message asks for nothing, and has no number that is read back".to_owned(),
                    "leave `ask` out, or have it ask for the number",
                ),
                _ => continue,
            };
            breaches.extend(self.place(*id).map(|place| Breach { place, reason, help: help.to_owned() }));
        }
        breaches
    }

    fn notice(&self, prompts: &BTreeSet<PromptId>) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for one in self.all {
            // Everything that is reached without the notice: at a step that gives it, the search ends.
            let told = |id: NodeId| match self.step(id) {
                Some(Step::Play { phrase, .. }) => self.tells(phrase, prompts),
                Some(Step::Queue(spec)) => self.tells(&spec.before, prompts),
                Some(Step::Dial(spec)) => self.tells(&spec.before, prompts),
                _ => false,
            };
            let may = |edge: &super::flow::Edge| !told(edge.from) && one.may(self.plan, self.graph, edge);
            let reached = self.graph.reach_by(self.graph.callers(), may);
            for (id, node) in self.graph.nodes().filter(|(id, _)| reached.has(*id)) {
                let whom = match &node.what {
                    What::Queue { name } => format!("queue `{name}`"),
                    What::Person { extension } => {
                        extension.clone().map_or_else(|| "a person".to_owned(), |e| format!("person {e}"))
                    }
                    _ => continue,
                };
                if told(id) {
                    continue;
                }
                let reason =
                    format!("callers come to {whom} who have not been told that the call is recorded");
                let help = "play the notice before, with `interrupt = false`".to_owned();
                breaches.extend(self.place(id).map(|place| Breach { place, reason, help }));
            }
        }
        breaches
    }

    fn time(&self, rule: &Rule, journeys: &[Journey], most: Duration) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for journey in journeys {
            let Some(nearest) = journey.to.iter().min_by_key(|reach| reach.words) else { continue };
            if nearest.words > most {
                let reason = format!(
                    "from {} it takes {:.1} s of words to the nearest person ({}, {}), and {} s is the most",
                    journey.number,
                    nearest.words.as_secs_f64(),
                    nearest.whom,
                    nearest.language,
                    most.as_secs()
                );
                let help = "say less before the first menu, or give it a key to a person first".to_owned();
                breaches.push(Breach { place: rule.place, reason, help });
            }
        }
        breaches
    }
}

/// Nobody presses more.
const MOST_KEYS: usize = 20;
