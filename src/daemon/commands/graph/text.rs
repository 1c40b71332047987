//! The picture as Mermaid (for Markdown) and as DOT (for Graphviz).

use std::fmt::Write as _;

use super::picture::{Kind, Picture, Square};

/// A line of its own at the end of what is laid over.
pub(super) fn lines(square: &Square) -> Vec<String> {
    let count = square.count.map(|count| format!("× {count}"));
    square.lines.iter().cloned().chain(count).collect()
}

pub(super) fn labels(labels: &[String], count: Option<u64>) -> Vec<String> {
    let count = count.map(|count| format!("({count})"));
    labels.iter().cloned().chain(count).collect()
}

pub(super) fn mermaid(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    // Writing into memory does not fail.
    for (at, square) in picture.squares.iter().enumerate() {
        let text = lines(square).iter().map(|line| in_mermaid(line)).collect::<Vec<_>>().join("<br/>");
        let (open, close) = match square.kind {
            Kind::Entry => ("([", "])"),
            Kind::Menu => ("{{", "}}"),
            Kind::Queue => ("[[", "]]"),
            Kind::Person => ("((", "))"),
            Kind::Message => ("[/", "/]"),
            Kind::Callback => ("[\\", "\\]"),
            Kind::End => ("(((", ")))"),
            Kind::Plain => ("[", "]"),
        };
        let _ = writeln!(out, "  n{at}{open}\"{text}\"{close}");
        if square.count == Some(0) {
            let _ = writeln!(out, "  style n{at} stroke:#c00,stroke-dasharray:5 4");
        }
    }
    for way in &picture.ways {
        let text = labels(&way.labels, way.count);
        let text = text.iter().map(|line| in_mermaid(line)).collect::<Vec<_>>().join("<br/>");
        let arrow = if way.failure { "-.->" } else { "-->" };
        let text = if text.is_empty() { String::new() } else { format!("|\"{text}\"|") };
        let _ = writeln!(out, "  n{} {arrow}{text} n{}", way.from, way.to);
    }
    out
}

/// Nothing that ends the text, or that would be markup.
fn in_mermaid(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('#', "&num;")
}

pub(super) fn dot(picture: &Picture) -> String {
    let title = in_dot(&picture.title);
    let mut out = format!(
        "digraph hotline {{\n  label=\"{title}\";\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n"
    );
    for (at, square) in picture.squares.iter().enumerate() {
        let text = lines(square).iter().map(|line| in_dot(line)).collect::<Vec<_>>().join("\\n");
        let shape = match square.kind {
            Kind::Entry => "cds",
            Kind::Menu => "hexagon",
            Kind::Queue => "parallelogram",
            Kind::Person => "ellipse",
            Kind::Message => "note",
            Kind::Callback => "tab",
            Kind::End => "doubleoctagon",
            Kind::Plain => "box",
        };
        let missed = if square.count == Some(0) { ", style=dashed, color=red" } else { "" };
        let _ = writeln!(out, "  n{at} [shape={shape}, label=\"{text}\"{missed}];");
    }
    for way in &picture.ways {
        let text = labels(&way.labels, way.count);
        let text = text.iter().map(|line| in_dot(line)).collect::<Vec<_>>().join("\\n");
        let style = if way.failure { ", style=dashed" } else { "" };
        let _ = writeln!(out, "  n{} -> n{} [label=\"{text}\"{style}];", way.from, way.to);
    }
    out.push_str("}\n");
    out
}

fn in_dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
