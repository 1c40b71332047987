//! The shape of a plan: numbers, steps, and what leads from one to the next.

use hotline::dialplan::{By, Graph, NodeId, What, load};

use super::{catalog, plan_of, shipped, show};

/// Each edge in words, in the order of the graph.
fn told(graph: &Graph) -> String {
    let name = |id: NodeId| {
        let node = graph.node(id).unwrap();
        match &node.what {
            What::Entry { number, .. } => number.clone(),
            What::Goodbye if !node.is_step() => format!("{} goodbye", node.flow),
            What::Queue { name } => format!("queue {name}"),
            What::Menu { name } => format!("menu {name}"),
            What::Person { extension } => format!("person {}", extension.as_deref().unwrap_or("?")),
            What::Box { name } => format!("box {}", name.as_deref().unwrap_or("?")),
            _ => format!("{} {}:{}", node.flow, node.verb, node.line),
        }
    };
    let implied = |id: NodeId| graph.node(id).unwrap().implied;
    let edges = graph.edges().iter().filter(|edge| !implied(edge.from));
    edges.map(|edge| format!("{} -> {} -> {}\n", name(edge.from), edge.by, name(edge.to))).collect()
}

#[test]
fn every_branch_is_an_edge() {
    let (plan, warnings) = plan_of(
        "[numbers]
10000 = \"main\"
[[flow.main]]
hours = { calendar = \"service\", closed = \"note\" }
[[flow.main]]
menu = \"main\"
[menu.main]
prompts = \"menu/listen\"
tries = 2
keys = { 1 = \"help\", 9 = { repeat = true } }
exhausted = \"help\"
[[flow.help]]
queue = { to = \"consultation\", keys = { 2 = \"note\" }, on_full = \"note\", on_nobody = \"note\", on_max_wait = \"person\" }
[[flow.person]]
dial = { to = \"4001\", on_busy = \"note\", on_no_answer = \"note\", on_away = \"note\", on_unreachable = \"note\" }
[[flow.note]]
message = { box = \"team\" }
",
    )
    .unwrap_or_else(|mistakes| panic!("{}", show(&mistakes)));
    assert_eq!(show(&warnings), "");
    let told = told(&plan.graph());
    let expected = "\
main hours:4 -> open -> menu main
main hours:4 -> closed -> box team
main hours:4 -> holiday -> box team
menu main -> key 1 -> queue consultation
menu main -> key 9 -> menu main
menu main -> no key, asked again -> menu main
menu main -> wrong key, asked again -> menu main
menu main -> tries used up -> queue consultation
queue consultation -> served -> help goodbye
queue consultation -> key 2 -> box team
queue consultation -> full -> box team
queue consultation -> nobody signed on -> box team
queue consultation -> waited too long -> person 4001
queue consultation -> closed while waiting -> consultation on_closed play:13
";
    assert!(told.starts_with(expected), "it went otherwise:\n{told}");
    assert!(told.ends_with("10000 -> dialled -> main hours:4\n"), "{told}");
}

#[test]
fn the_shipped_plan_is_all_of_one_piece() {
    let (plan, _) = load(&shipped(), catalog()).unwrap();
    let graph = plan.graph();
    assert_eq!(graph.entries().count(), plan.numbers().len());
    let reached = graph.reach(graph.entries().map(|(id, _)| id));
    let written = graph.nodes().filter(|(_, node)| node.is_step() && !node.implied);
    let lost: Vec<_> = written.filter(|(id, _)| !reached.has(*id)).map(|(_, node)| node.label()).collect();
    assert_eq!(lost, Vec::<String>::new());
    for (id, node) in graph.nodes() {
        let ends = matches!(node.what, What::Goodbye | What::Stay);
        assert_eq!(graph.from(id).is_empty(), ends, "{}", node.label());
        assert!(graph.from(id).iter().all(|edge| edge.from == id && graph.node(edge.to).is_some()));
    }
    assert!(graph.edges().iter().any(|edge| edge.by == By::Key("3".to_owned())));
}
