//! The shipped plan, drawn: every way of a caller is there, in three forms and two languages.

use super::*;
use crate::dialplan::What;
use picture::Kind;

fn shipped() -> Arc<crate::dialplan::Plan> {
    let prompts = Prompts::load(None).expect("the shipped prompts");
    dialplans::load(&dialplans::Config::default(), &prompts.catalog).expect("the shipped plan").0
}

#[test]
fn the_shipped_plan_is_drawn_with_its_keys_in_the_callers_words() {
    let plan = shipped();
    let graph = plan.graph();
    for (tag, lost, desks) in [("zh-CN", "挂失", false), ("en-US", "lost", false), ("zh-CN", "开会", true)]
    {
        let language = Language::new(tag);
        let view = View { plan: &plan, graph: &graph, language: &language, desks, traffic: None };
        let picture = Picture::of(&view);
        let entries = graph
            .entries()
            .filter(|(_, node)| matches!(&node.what, What::Entry { desks: d, .. } if *d == desks));
        let drawn_entries = picture.squares.iter().filter(|square| square.kind == Kind::Entry).count();
        assert_eq!(drawn_entries, entries.count());
        let led: std::collections::BTreeSet<_> = picture.ways.iter().map(|way| way.to).collect();
        for (at, square) in picture.squares.iter().enumerate() {
            assert!(square.kind == Kind::Entry || led.contains(&at), "nothing leads to {square:?}");
        }
        assert!(
            picture.ways.iter().flat_map(|way| &way.labels).any(|label| label.contains(lost)),
            "{picture:?}"
        );
        let svg = drawn(&picture, Drawn::Svg, &language);
        let document = roxmltree::Document::parse(&svg).expect("XML");
        let shapes = document
            .descendants()
            .filter(|node| node.attribute("class").is_some_and(|is| is.starts_with("s ")));
        assert!(shapes.count() >= picture.squares.len());
        let arrows = document.descendants().filter(|node| node.attribute("class") == Some("a"));
        assert_eq!(arrows.count(), picture.ways.len());
        let mermaid = drawn(&picture, Drawn::Mermaid, &language);
        assert_eq!(mermaid.lines().filter(|line| line.contains("->")).count(), picture.ways.len());
        let dot = drawn(&picture, Drawn::Dot, &language);
        assert_eq!(dot.matches(" -> n").count(), picture.ways.len());
    }
}

#[test]
fn counts_lie_over_it() {
    let plan = shipped();
    let graph = plan.graph();
    let mut traffic = Traffic::new(&plan, &graph);
    let walk = graph.nodes().find(|(_, node)| node.flow.as_ref() == "main").map(|(_, node)| node.label());
    traffic.add("10000", false, walk.iter().map(String::as_str));
    let language = plan.language().clone();
    let view =
        View { plan: &plan, graph: &graph, language: &language, desks: false, traffic: Some(&traffic) };
    let picture = Picture::of(&view);
    assert!(picture.squares.iter().any(|square| square.count == Some(1)));
    let svg = drawn(&picture, Drawn::Svg, &language);
    assert!(svg.contains("× 1") && svg.contains(" missed"));
}
