//! The shape of a plan as a value of its own: what calls come by, and by what they get from one to the next. The
//! checker proves its sentences on it; a picture draws it, and lays coverage over it.
//!
//! ```text
//!   Entry ──dialled──► Step ──done──► Menu ──key 1──► Queue ──served──► Step ──done──► Goodbye
//!                                      │ ▲ └─ silent, wrong key (asked again)
//!                                      └─┴─ tries used up ──► …
//! ```
//!
//! A node stands for each number and for each step of a flow; a queue that two steps lead into is two nodes with one
//! name. What a default does (an apology and a message) is part of the graph, marked as [implied](Node::implied).

use std::fmt;
use std::sync::Arc;

use super::plan::Plan;
use super::step::{Choice, FlowId, Located, MenuId, Step, Target, Whom};

/// Index into [`Graph::nodes`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

/// Everything that a call may come by.
#[derive(Clone, PartialEq, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Of each node, where its edges begin; one more at the end.
    first: Vec<usize>,
    /// Of each flow, its first step.
    flows: Vec<NodeId>,
}

/// A number that is dialled, a step, or the goodbye past a flow's last step.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub what: What,
    /// The flow's name; empty for an entry.
    pub flow: Arc<str>,
    /// The verb as written; empty for an entry.
    pub verb: &'static str,
    pub file: Arc<str>,
    /// From 1; 0 for an entry.
    pub line: u32,
    /// Nobody wrote it: it is what a default does, and its place is that of the step that has the default.
    pub implied: bool,
    /// The step itself.
    pub(super) at: Option<(FlowId, usize)>,
}

/// What a node is to a caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A number, as a pattern, with what it is for.
    Entry {
        number: String,
        title: String,
        desks: bool,
    },
    Menu {
        name: String,
    },
    /// Something is said, asked for or decided.
    Step,
    /// The caller waits for an agent.
    Queue {
        name: String,
    },
    /// Somebody's phone rings; `None`: whose is known in the call.
    Person {
        extension: Option<String>,
    },
    /// A message is taken; `None`: for the person dialled last, or one known in the call.
    Box {
        name: Option<String>,
    },
    /// The caller is called back.
    Callback {
        queue: String,
    },
    /// The closing phrase; the call is over.
    Goodbye,
    /// The line is held until the caller hangs up.
    Stay,
}

/// The way from one node to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    pub from: NodeId,
    pub to: NodeId,
    pub by: By,
    /// The caller pressed or spoke, or talked with somebody: not a step of a circle that turns by itself.
    pub input: bool,
    /// A person has served the caller, or a message or a call was offered.
    pub attended: bool,
}

/// What leads on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum By {
    /// The number was dialled.
    Dialled,
    /// The step is over; of a `presence`, a `park` and the like, however it went.
    Done,
    /// In a menu, while waiting, or of what is offered instead of a person.
    Key(String),
    /// No key came in time, and the caller is asked again.
    Silent,
    /// A key that means nothing, and the caller is asked again.
    WrongKey,
    /// The tries are used up.
    Exhausted,
    /// Digits were keyed in and are right.
    Collected,
    /// `#` alone was.
    Empty,
    Open,
    Closed,
    Holiday,
    /// The list has the number, or there is such a complaint.
    Found,
    Missing,
    /// What a `when` asks.
    Holds,
    HoldsNot,
    /// The caller has talked with somebody, who is gone.
    Served,
    Full,
    NobodySignedOn,
    MaxWait,
    /// The queue's calendar closed while the caller waited.
    ClosedWaiting,
    Busy,
    NoAnswer,
    Away,
    Unreachable,
    /// Nobody has this extension.
    Unknown,
    /// The message is kept, or the call is promised.
    Kept,
    /// No message was left.
    Nothing,
    /// It could not be kept, or not be promised.
    NotKept,
    /// Who was asked urgently says: their delegate takes it, or a message.
    Delegate,
    Message,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            By::Key(key) => return write!(f, "key {key}"),
            By::Dialled => "dialled",
            By::Done => "next",
            By::Silent => "no key, asked again",
            By::WrongKey => "wrong key, asked again",
            By::Exhausted => "tries used up",
            By::Collected => "keyed in",
            By::Empty => "# alone",
            By::Open => "open",
            By::Closed => "closed",
            By::Holiday => "holiday",
            By::Found => "found",
            By::Missing => "not found",
            By::Holds => "holds",
            By::HoldsNot => "does not hold",
            By::Served => "served",
            By::Full => "full",
            By::NobodySignedOn => "nobody signed on",
            By::MaxWait => "waited too long",
            By::ClosedWaiting => "closed while waiting",
            By::Busy => "busy",
            By::NoAnswer => "no answer",
            By::Away => "away",
            By::Unreachable => "unreachable",
            By::Unknown => "nobody has it",
            By::Kept => "kept",
            By::Nothing => "nothing left",
            By::NotKept => "not kept",
            By::Delegate => "delegate",
            By::Message => "message",
        };
        f.write_str(word)
    }
}

impl By {
    /// The step is taken again, a limited number of times.
    pub fn is_again(&self) -> bool {
        matches!(self, By::Silent | By::WrongKey)
    }

    /// The caller could not be served by whom they were sent to.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            By::Full
                | By::NobodySignedOn
                | By::MaxWait
                | By::ClosedWaiting
                | By::Busy
                | By::NoAnswer
                | By::Away
                | By::Unreachable
        )
    }
}

impl What {
    /// Where a path may end that was worth the call: a person, a message, a promise, a goodbye.
    pub fn is_person(&self) -> bool {
        matches!(self, What::Queue { .. } | What::Person { .. })
    }
}

impl Node {
    /// Not a number, and not the goodbye past a flow's last step.
    pub fn is_step(&self) -> bool {
        self.at.is_some()
    }

    /// As a call's record names the step: `flow verb (file:line)`.
    pub fn label(&self) -> String {
        format!("{} {} ({}:{})", self.flow, self.verb, self.file, self.line)
    }
}

impl Graph {
    /// The entries come last, in the order of the plan's numbers.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        (0..).map(NodeId).zip(&self.nodes)
    }

    /// In the order of the nodes that they leave.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// The edges that leave a node.
    pub fn from(&self, id: NodeId) -> &[Edge] {
        let at = id.0 as usize;
        let (Some(first), Some(end)) = (self.first.get(at), self.first.get(at + 1)) else { return &[] };
        self.edges.get(*first..*end).unwrap_or_default()
    }

    pub fn entries(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes().filter(|(_, node)| matches!(node.what, What::Entry { .. }))
    }

    /// The entries of those who call through a trunk.
    pub fn callers(&self) -> impl Iterator<Item = NodeId> {
        let callers = self.nodes().filter(|(_, node)| matches!(node.what, What::Entry { desks: false, .. }));
        callers.map(|(id, _)| id)
    }

    /// The first step of a flow.
    pub(super) fn start(&self, flow: FlowId) -> Option<NodeId> {
        self.flows.get(flow.0 as usize).copied()
    }

    /// What a node of this plan's graph does; nothing for a number, and for the goodbye past a last step.
    pub(super) fn step<'p>(&self, plan: &'p Plan, id: NodeId) -> Option<&'p Step> {
        let (flow, step) = self.node(id)?.at?;
        plan.flow(flow)?.steps.get(step).map(|located| &located.step)
    }

    /// Everything that can be reached from these nodes, themselves included: one flag a node.
    pub fn reach(&self, from: impl IntoIterator<Item = NodeId>) -> Reached {
        self.reach_by(from, |_| true)
    }

    /// The same by these edges alone.
    pub fn reach_by(&self, from: impl IntoIterator<Item = NodeId>, may: impl Fn(&Edge) -> bool) -> Reached {
        let mut reached = Reached(vec![false; self.nodes.len()]);
        let mut open: Vec<NodeId> = from.into_iter().collect();
        while let Some(id) = open.pop() {
            if reached.0.get_mut(id.0 as usize).is_some_and(|seen| !std::mem::replace(seen, true)) {
                open.extend(self.from(id).iter().filter(|edge| may(edge)).map(|edge| edge.to));
            }
        }
        reached
    }
}

impl Graph {
    /// Everything from which such a node can be reached by these edges, themselves included.
    pub fn leading(&self, to: impl Fn(&Node) -> bool, may: impl Fn(&Edge) -> bool) -> Reached {
        let mut into: Vec<Vec<NodeId>> = vec![Vec::new(); self.nodes.len()];
        for edge in self.edges.iter().filter(|edge| may(edge)) {
            if let Some(from) = into.get_mut(edge.to.0 as usize) {
                from.push(edge.from);
            }
        }
        let mut reached = Reached(vec![false; self.nodes.len()]);
        let mut open: Vec<NodeId> = self.nodes().filter(|(_, node)| to(node)).map(|(id, _)| id).collect();
        while let Some(id) = open.pop() {
            if reached.0.get_mut(id.0 as usize).is_some_and(|seen| !std::mem::replace(seen, true)) {
                open.extend(into.get(id.0 as usize).into_iter().flatten());
            }
        }
        reached
    }
}

/// Which nodes of a graph were reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reached(Vec<bool>);

impl Reached {
    pub fn has(&self, id: NodeId) -> bool {
        self.0.get(id.0 as usize).copied().unwrap_or(false)
    }
}

impl Plan {
    /// The shape of this plan.
    pub fn graph(&self) -> Graph {
        Builder::new(self).build()
    }
}

struct Builder<'p> {
    plan: &'p Plan,
    nodes: Vec<Node>,
    /// Of each flow, its first step.
    flows: Vec<NodeId>,
    /// Of each flow, the goodbye past its last step.
    ends: Vec<Option<NodeId>>,
}

impl<'p> Builder<'p> {
    fn new(plan: &'p Plan) -> Self {
        Builder { plan, nodes: Vec::new(), flows: Vec::new(), ends: vec![None; plan.flows.len()] }
    }

    fn build(mut self) -> Graph {
        let plan = self.plan;
        for (number, flow) in (0..).zip(&plan.flows) {
            self.flows.push(self.next_id());
            let name: Arc<str> = Arc::from(flow.name.as_str());
            for (step, located) in flow.steps.iter().enumerate() {
                let node = self.step_node(&name, (FlowId(number), step), located);
                self.nodes.push(node);
            }
        }
        let steps = self.nodes.len();
        // The edges of each node, as targets first: the goodbyes past last steps become nodes on the way.
        let mut leaving: Vec<Vec<Edge>> = Vec::with_capacity(steps + plan.numbers.len());
        for at in 0..steps {
            let id = id_of(at);
            let ways =
                self.nodes.get(at).and_then(|node| node.at).map(|at| self.ways(at)).unwrap_or_default();
            let edges = ways.into_iter().map(|(way, to)| Edge {
                from: id,
                to,
                by: way.by,
                input: way.input,
                attended: way.attended,
            });
            leaving.push(edges.collect());
        }
        leaving.resize_with(self.nodes.len(), Vec::new);
        for number in &plan.numbers {
            let Some(to) = self.flows.get(number.flow.0 as usize).copied() else { continue };
            let entry = What::Entry {
                number: number.pattern.to_string(),
                title: number.title.clone(),
                desks: number.desks,
            };
            let nothing: Arc<str> = Arc::from("");
            leaving.push(vec![Edge {
                from: self.next_id(),
                to,
                by: By::Dialled,
                input: false,
                attended: false,
            }]);
            self.nodes.push(Node {
                what: entry,
                flow: nothing.clone(),
                verb: "",
                file: nothing,
                line: 0,
                implied: false,
                at: None,
            });
        }
        let mut first = Vec::with_capacity(leaving.len() + 1);
        let mut edges = Vec::new();
        for mut leaving in leaving {
            first.push(edges.len());
            edges.append(&mut leaving);
        }
        first.push(edges.len());
        Graph { nodes: self.nodes, edges, first, flows: self.flows }
    }

    fn next_id(&self) -> NodeId {
        id_of(self.nodes.len())
    }

    fn step_node(&self, flow: &Arc<str>, at: (FlowId, usize), located: &Located) -> Node {
        Node {
            what: self.what(&located.step),
            flow: flow.clone(),
            verb: located.step.verb(),
            file: self.plan.files.get(located.place.file).cloned().unwrap_or_default(),
            line: located.line,
            implied: at.0.0 as usize >= self.plan.written.flows,
            at: Some(at),
        }
    }

    fn what(&self, step: &Step) -> What {
        let plan = self.plan;
        let queue = |id| plan.queue(id).map_or_else(String::new, |queue| queue.name.clone());
        let extension = |whom: &Whom| match whom {
            Whom::Fixed(agent) => plan.agent(*agent).map(|agent| agent.extension.clone()),
            Whom::Value(_) | Whom::Last | Whom::Delegate => None,
        };
        match step {
            Step::Menu(menu) => What::Menu { name: self.menu_name(*menu) },
            Step::Queue(spec) => What::Queue { name: queue(spec.queue) },
            Step::Callback(spec) => What::Callback { queue: queue(spec.queue) },
            Step::CallbackAt(spec) => What::Callback { queue: queue(spec.queue) },
            Step::Dial(spec) => What::Person { extension: extension(&spec.whom) },
            Step::Outside(_) => What::Person { extension: None },
            Step::Message(spec) => What::Box {
                name: match &spec.whom {
                    None => Some(spec.box_name.clone()),
                    Some(whom) => extension(whom),
                },
            },
            Step::HangUp { .. } => What::Goodbye,
            Step::Wait { limit: None, .. } => What::Stay,
            _ => What::Step,
        }
    }

    fn menu_name(&self, menu: MenuId) -> String {
        self.plan.menu(menu).map_or_else(String::new, |menu| menu.name.clone())
    }

    /// Where a step may lead, with the nodes there.
    fn ways(&mut self, at: (FlowId, usize)) -> Vec<(Way, NodeId)> {
        let plan = self.plan;
        let step = plan.flow(at.0).and_then(|flow| flow.steps.get(at.1));
        let ways = step.map(|located| ways(plan, &located.step)).unwrap_or_default();
        ways.into_iter()
            .filter_map(|way| Some((self.node_of(at, way.to)?, way)))
            .map(|(to, way)| (way, to))
            .collect()
    }

    fn node_of(&mut self, (flow, step): (FlowId, usize), to: To) -> Option<NodeId> {
        let index = match to {
            To::Itself => step,
            To::There(Target::Next) => step + 1,
            To::There(Target::Flow(flow)) => return self.flows.get(flow.0 as usize).copied(),
        };
        let whole = self.plan.flow(flow)?;
        if index < whole.steps.len() {
            let first = self.flows.get(flow.0 as usize)?;
            return Some(id_of(first.0 as usize + index));
        }
        // Past the last step the call is closed with thanks.
        let at = flow.0 as usize;
        if let Some(end) = self.ends.get(at).copied().flatten() {
            return Some(end);
        }
        let last = whole.steps.last()?;
        let end = self.next_id();
        self.nodes.push(Node {
            what: What::Goodbye,
            flow: Arc::from(whole.name.as_str()),
            verb: "",
            file: self.plan.files.get(last.place.file).cloned().unwrap_or_default(),
            line: last.line,
            implied: true,
            at: None,
        });
        if let Some(place) = self.ends.get_mut(at) {
            *place = Some(end);
        }
        Some(end)
    }
}

fn id_of(at: usize) -> NodeId {
    NodeId(u32::try_from(at).unwrap_or(u32::MAX))
}

#[derive(Clone, Copy)]
enum To {
    There(Target),
    /// The step is taken again.
    Itself,
}

struct Way {
    to: To,
    by: By,
    input: bool,
    attended: bool,
}

/// Where a step may lead.
fn ways(plan: &Plan, step: &Step) -> Vec<Way> {
    let way =
        |by: By, to: Target, input: bool, attended: bool| Way { to: To::There(to), by, input, attended };
    let auto = |by: By, to: Target| way(by, to, false, false);
    let key = |by: By, to: Target| way(by, to, true, false);
    let person = |by: By, to: Target| way(by, to, true, true);
    let offered = |by: By, to: Target| way(by, to, false, true);
    let again = |by: By, input: bool| Way { to: To::Itself, by, input, attended: false };
    match step {
        Step::Play { .. } | Step::Say { .. } | Step::Language(_) => vec![auto(By::Done, Target::Next)],
        Step::Goto(target) => vec![auto(By::Done, *target)],
        Step::Menu(menu) => {
            let Some(menu) = plan.menu(*menu) else { return Vec::new() };
            let mut ways: Vec<Way> = menu
                .keys
                .iter()
                .map(|(digits, choice)| match choice {
                    Choice::Go(target) => key(By::Key(digits.clone()), *target),
                    Choice::Language(_) => key(By::Key(digits.clone()), Target::Next),
                    Choice::Repeat => again(By::Key(digits.clone()), true),
                })
                .collect();
            if menu.tries > 1 {
                ways.push(again(By::Silent, false));
                ways.push(again(By::WrongKey, true));
            }
            ways.push(auto(By::Exhausted, menu.exhausted));
            ways
        }
        Step::Collect(spec) => {
            let mut ways = vec![key(By::Collected, Target::Next)];
            ways.extend(spec.on_empty.map(|to| key(By::Empty, to)));
            if spec.tries > 1 {
                ways.push(again(By::Silent, false));
                ways.push(again(By::WrongKey, true));
            }
            ways.push(auto(By::Exhausted, spec.on_failure));
            ways
        }
        Step::Find(spec) => vec![key(By::Collected, Target::Next), auto(By::Exhausted, spec.on_failure)],
        Step::Hours { open, closed, holiday, .. } => {
            vec![auto(By::Open, *open), auto(By::Closed, *closed), auto(By::Holiday, *holiday)]
        }
        Step::When(spec) => vec![auto(By::Holds, spec.then), auto(By::HoldsNot, spec.otherwise)],
        Step::Lookup { found, missing, .. } => vec![auto(By::Found, *found), auto(By::Missing, *missing)],
        Step::Queue(spec) => {
            let mut ways = vec![person(By::Served, Target::Next)];
            ways.extend(spec.keys.iter().map(|(digit, to)| key(By::Key(digit.to_string()), *to)));
            ways.extend([
                auto(By::Full, spec.on_full),
                auto(By::NobodySignedOn, spec.on_nobody),
                auto(By::MaxWait, spec.on_max_wait),
                auto(By::ClosedWaiting, spec.on_closed),
            ]);
            ways
        }
        Step::Callback(spec) => {
            vec![person(By::Kept, Target::Next), auto(By::NotKept, spec.on_impossible)]
        }
        Step::CallbackAt(spec) => {
            vec![person(By::Kept, Target::Next), auto(By::NotKept, spec.on_impossible)]
        }
        Step::Dial(spec) => {
            let mut ways = vec![
                person(By::Served, Target::Next),
                auto(By::Busy, spec.on_busy),
                auto(By::NoAnswer, spec.on_no_answer),
                auto(By::Away, spec.on_away),
                auto(By::Unreachable, spec.on_unreachable),
            ];
            // Whoever is named in the plan is known.
            if matches!(spec.whom, Whom::Value(_)) {
                ways.push(auto(By::Unknown, spec.on_unknown));
            }
            ways
        }
        Step::Outside(spec) => vec![
            person(By::Served, Target::Next),
            auto(By::Busy, spec.on_busy),
            auto(By::NoAnswer, spec.on_no_answer),
            auto(By::Unreachable, spec.on_unreachable),
        ],
        Step::Message(spec) => vec![
            person(By::Kept, Target::Next),
            offered(By::Nothing, spec.on_nothing),
            offered(By::NotKept, spec.on_failure),
        ],
        Step::Mailbox { .. } => vec![person(By::Done, Target::Next)],
        // It comes after a talk; without one it does nothing.
        Step::Survey(_) => vec![auto(By::Done, Target::Next)],
        Step::Complaint { on_unknown, .. } => {
            vec![person(By::Found, Target::Next), key(By::Missing, *on_unknown)]
        }
        // Desks' own numbers: nobody waits for a person here.
        Step::Presence(_) | Step::Park(..) | Step::PickUp(_) => vec![offered(By::Done, Target::Next)],
        Step::Wait { limit, .. } => limit.map(|_| auto(By::Done, Target::Next)).into_iter().collect(),
        Step::HangUp { .. } => Vec::new(),
        Step::Regret(spec) => {
            let mut ways: Vec<Way> =
                spec.offers.iter().map(|offer| key(By::Key(offer.key.to_string()), offer.target)).collect();
            ways.push(auto(By::Exhausted, spec.message));
            if spec.without_box != spec.message {
                ways.push(auto(By::Exhausted, spec.without_box));
            }
            ways
        }
        Step::CallAgain => vec![auto(By::Done, Target::Next)],
        // They were asked, or there is the next step.
        Step::Urgent(spec) => {
            let mut ways = vec![
                person(By::Served, spec.over),
                auto(By::Message, spec.message),
                auto(By::Done, Target::Next),
            ];
            ways.extend(spec.delegate.map(|to| auto(By::Delegate, to)));
            ways
        }
        Step::AnswerUrgent(spec) => {
            vec![offered(By::Done, Target::Next), offered(By::Missing, spec.on_nobody)]
        }
    }
}
