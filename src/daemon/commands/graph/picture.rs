//! What is drawn: boxes and arrows. Steps that follow one another without a choice share a box; what defaults do is left
//! out, and an arrow through it goes where it leads.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Language;
use crate::dialplan::{By, Edge, Graph, Node, NodeId, Plan, Traffic, What};

/// A prompt's text is cut here, in characters.
const WORDS: usize = 22;

/// What is to be seen, and how.
pub(super) struct View<'v> {
    pub(super) plan: &'v Plan,
    pub(super) graph: &'v Graph,
    pub(super) language: &'v Language,
    pub(super) desks: bool,
    pub(super) traffic: Option<&'v Traffic<'v>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Entry,
    Menu,
    Queue,
    Person,
    Message,
    Callback,
    End,
    Plain,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Square {
    pub(super) kind: Kind,
    pub(super) lines: Vec<String>,
    /// `Some` where something is laid over the picture.
    pub(super) count: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Way {
    /// Indices into the squares.
    pub(super) from: usize,
    pub(super) to: usize,
    /// By what, one line each.
    pub(super) labels: Vec<String>,
    pub(super) count: Option<u64>,
    /// Only by what goes wrong.
    pub(super) failure: bool,
}

#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) squares: Vec<Square>,
    pub(super) ways: Vec<Way>,
}

/// What leads along it, how many went, and whether it is a failure.
type Line = (String, u64, bool);

impl Picture {
    pub(super) fn of(view: &View<'_>) -> Picture {
        let graph = view.graph;
        let entries = graph
            .entries()
            .filter(|(_, node)| matches!(&node.what, What::Entry { desks, .. } if *desks == view.desks));
        let reached = graph.reach(entries.map(|(id, _)| id));
        let shown: Vec<_> = graph.nodes().filter(|(id, node)| reached.has(*id) && is_drawn(node)).collect();
        let mut ways: BTreeMap<(NodeId, NodeId), Vec<Line>> = BTreeMap::new();
        for (id, _) in &shown {
            for (at, edge) in edges(graph, *id) {
                let count = view.traffic.map_or(0, |traffic| traffic.edge(at));
                let label = label(view, edge);
                for (to, by) in leads(view, edge, &label, &mut BTreeSet::new()) {
                    ways.entry((*id, to)).or_default().push((by, count, edge.by.is_failure()));
                }
            }
        }
        let mut picture = Picture { title: view.plan.name().to_owned(), ..Picture::default() };
        let coming = |id: NodeId| ways.keys().filter(|(_, to)| *to == id).count();
        let going = |id: NodeId| ways.keys().filter(|(from, _)| *from == id).count();
        let mut square_of: BTreeMap<NodeId, usize> = BTreeMap::new();
        for (id, node) in &shown {
            let before = ways.keys().find(|(_, to)| to == id).map(|(from, _)| *from);
            // The only way on from what came before, in the same flow: one box.
            let joined = before.filter(|before| {
                coming(*id) == 1
                    && going(*before) == 1
                    && graph.node(*before).is_some_and(|one| one.flow == node.flow && one.what == What::Step)
                    && ways.get(&(*before, *id)).is_some_and(|ways| ways.iter().all(|(by, ..)| by.is_empty()))
            });
            let joined = joined.and_then(|before| square_of.get(&before).copied());
            let count = view.traffic.map(|traffic| traffic.node(*id));
            let (kind, mut lines) = told(view, *id, node);
            match joined.and_then(|at| Some((at, picture.squares.get_mut(at)?))) {
                Some((at, square)) => {
                    square.kind = kind;
                    square.lines.append(&mut lines);
                    square_of.insert(*id, at);
                }
                None => {
                    if node.is_step() {
                        lines.insert(0, format!("[{}]", node.flow));
                    }
                    square_of.insert(*id, picture.squares.len());
                    picture.squares.push(Square { kind, lines, count });
                }
            }
        }
        for ((from, to), by) in ways {
            let (Some(from), Some(to)) = (square_of.get(&from), square_of.get(&to)) else { continue };
            // What leads to itself is told by the box's own keys.
            if from == to {
                continue;
            }
            let mut labels: Vec<String> = Vec::new();
            for (label, ..) in &by {
                if !label.is_empty() && !labels.contains(label) {
                    labels.push(label.clone());
                }
            }
            let count = view.traffic.map(|_| by.iter().map(|(_, count, _)| count).sum());
            let failure = by.iter().all(|(.., failure)| *failure);
            match picture.ways.iter_mut().find(|way| (way.from, way.to) == (*from, *to)) {
                Some(way) => way.labels.append(&mut labels),
                None => picture.ways.push(Way { from: *from, to: *to, labels, count, failure }),
            }
        }
        picture
    }
}

/// Neither what a default does nor a mere `goto`.
fn is_drawn(node: &Node) -> bool {
    matches!(node.what, What::Entry { .. }) || !node.implied && node.verb != "goto"
}

fn edges(graph: &Graph, id: NodeId) -> impl Iterator<Item = (usize, &Edge)> {
    let first = graph.edges().partition_point(|edge| edge.from < id);
    let at_entry = graph.edges().iter().position(|edge| edge.from == id).unwrap_or(first);
    graph.from(id).iter().enumerate().map(move |(at, edge)| (at_entry + at, edge))
}

/// Where an edge comes out that is drawn, through what is not; with what it is called.
fn leads(view: &View<'_>, edge: &Edge, label: &str, seen: &mut BTreeSet<NodeId>) -> Vec<(NodeId, String)> {
    let Some(node) = view.graph.node(edge.to) else { return Vec::new() };
    if is_drawn(node) {
        return vec![(edge.to, label.to_owned())];
    }
    if !seen.insert(edge.to) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for further in view.graph.from(edge.to) {
        // A key that is offered says more than what led to the offer.
        let called = match &further.by {
            By::Key(_) => self::label(view, further),
            _ => label.to_owned(),
        };
        out.extend(leads(view, further, &called, seen));
    }
    out
}

fn label(view: &View<'_>, edge: &Edge) -> String {
    let mandarin = view.language.0.starts_with("zh");
    match &edge.by {
        By::Done | By::Dialled => String::new(),
        By::Key(key) => {
            let words = view.plan.key_words(view.graph, edge.from, view.language);
            match words.get(key).filter(|words| !words.is_empty()) {
                Some(words) => format!("{key}  {}", cut(words)),
                None => format!("{} {key}", if mandarin { "按键" } else { "key" }),
            }
        }
        by if mandarin => in_mandarin(by).to_owned(),
        by => by.to_string(),
    }
}

fn in_mandarin(by: &By) -> &'static str {
    match by {
        By::Silent => "未按键",
        By::WrongKey => "按错键",
        By::Exhausted => "多次未选",
        By::Collected => "已输入",
        By::Empty => "只按#",
        By::Open => "营业",
        By::Closed => "下班",
        By::Holiday => "节假日",
        By::Found => "查到",
        By::Missing => "未查到",
        By::Served => "通话后",
        By::Full => "队满",
        By::NobodySignedOn => "无人签入",
        By::MaxWait => "等待超时",
        By::ClosedWaiting => "等待中下班",
        By::Busy => "占线",
        By::NoAnswer => "无应答",
        By::Away => "不在",
        By::Unreachable => "无法接通",
        By::Unknown => "无此分机",
        By::Kept => "已留",
        By::Nothing => "未留",
        By::NotKept => "未能保存",
        By::Delegate => "代接",
        By::Message => "留言",
        By::Holds => "成立",
        By::HoldsNot => "不成立",
        By::Key(_) | By::Done | By::Dialled => "",
    }
}

fn told(view: &View<'_>, id: NodeId, node: &Node) -> (Kind, Vec<String>) {
    let words = view.plan.words_at(view.graph, id, view.language);
    let plain = || match words.as_str() {
        "" => node.verb.to_owned(),
        words => format!("{}: {}", node.verb, cut(words)),
    };
    match &node.what {
        What::Entry { number, title, .. } => {
            let lines = [number.clone(), title.clone()];
            (Kind::Entry, lines.into_iter().filter(|line| !line.is_empty()).collect())
        }
        What::Menu { name } => (Kind::Menu, vec![format!("menu {name}")]),
        What::Queue { name } => {
            let title = view.plan.queue_by_name(name).and_then(|queue| queue.titles.get(view.language));
            (Kind::Queue, vec![format!("queue {}", title.unwrap_or(name))])
        }
        What::Person { extension } => {
            (Kind::Person, vec![format!("dial {}", extension.as_deref().unwrap_or("…"))])
        }
        What::Box { name } => (Kind::Message, vec![format!("message {}", name.as_deref().unwrap_or("…"))]),
        What::Callback { queue } => (Kind::Callback, vec![format!("{} {queue}", node.verb)]),
        What::Goodbye | What::Stay => (Kind::End, vec![plain()]),
        What::Step => (Kind::Plain, vec![plain()]),
    }
}

fn cut(words: &str) -> String {
    // A character of Han is as wide as two of Latin.
    let wide = words.chars().filter(|c| !c.is_ascii()).count() * 2 > words.chars().count();
    let most = if wide { WORDS / 2 } else { WORDS };
    let short: String = words.chars().take(most).collect();
    if words.chars().count() > most { format!("{short}…") } else { short }
}
