//! A dialplan's text with what its tests met in the margin.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::coverage::Coverage;
use crate::dialplan::{By, NodeId, SourceFile, What, key_lines};

/// What stands in the margin of a step or a key that no test came by.
const MISSED: &str = "######";

/// The files that have steps: how often each was come by, beside the line of its verb; and each key of a menu.
/// Ways that no test went are told below.
pub fn listing(coverage: &Coverage<'_>, files: &[SourceFile]) -> String {
    let graph = coverage.traffic().graph();
    let mut margins: BTreeMap<(&str, u32), Margin> = BTreeMap::new();
    let keys = key_lines(files);
    for (id, node) in graph.nodes().filter(|(id, node)| node.is_step() && coverage.can_be_met(*id)) {
        let margin = margins.entry((&node.file, node.line)).or_default();
        let count = coverage.traffic().node(id);
        // What a default does has no line of its own.
        let name = if node.implied { format!("{}: ", node.flow) } else { String::new() };
        if !node.implied {
            margin.count = Some(margin.count.unwrap_or(0) + count);
        }
        let missed = coverage.missed_at(id);
        if count > 0 && !missed.is_empty() {
            margin.missed.push(format!("{name}{}", missed.join(", ")));
        } else if count == 0 && node.implied {
            let whole = node.flow.to_string();
            if !margin.missed.contains(&whole) {
                margin.missed.push(whole);
            }
        }
        if let What::Menu { name } = &node.what {
            for edge in graph.from(id) {
                let By::Key(key) = &edge.by else { continue };
                let Some((file, line)) = keys.get(&(name.clone(), key.clone())) else { continue };
                let Some(file) = files.get(*file) else { continue };
                let margin = margins.entry((&file.name, *line)).or_default();
                margin.count = Some(margin.count.unwrap_or(0) + pressed(coverage, id, &edge.by));
            }
        }
    }
    let mut out = String::new();
    for file in files.iter().filter(|file| margins.keys().any(|(name, _)| *name == file.name)) {
        // Writing into memory does not fail.
        let _ = writeln!(out, "{}", file.name);
        for (number, text) in (1..).zip(file.text.lines()) {
            let margin = margins.get(&(file.name.as_str(), number));
            let count = match margin.and_then(|margin| margin.count) {
                None => String::new(),
                Some(0) => MISSED.to_owned(),
                Some(count) => count.to_string(),
            };
            let _ = writeln!(out, "{count:>6} {number:>5}  {text}");
            for missed in margin.iter().flat_map(|margin| &margin.missed) {
                let _ = writeln!(out, "{:>6} {:>5}    not met: {missed}", "", "");
            }
        }
        out.push('\n');
    }
    out
}

#[derive(Default)]
struct Margin {
    /// `None`: nothing to come by on this line.
    count: Option<u64>,
    missed: Vec<String>,
}

fn pressed(coverage: &Coverage<'_>, id: NodeId, by: &By) -> u64 {
    let traffic = coverage.traffic();
    traffic.plan().languages().iter().map(|language| traffic.spoken(id, by, language)).sum()
}
