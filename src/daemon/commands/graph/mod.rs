//! A dialplan as a picture: its flows and what leads from one to the next, as SVG, Mermaid or DOT, with what its tests
//! met or where callers went laid over it.

mod picture;
mod svg;
mod text;

use std::path::Path;
use std::sync::Arc;

use crate::base::Language;
use crate::cases::{self, Coverage};
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::dialplan::{Diagnostic, Traffic};
use crate::record::StageKind;

use super::records;
use crate::daemon::store::{CallFilter, Store};
use picture::{Picture, View};

/// In what form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    Svg,
    Mermaid,
    Dot,
}

/// What is laid over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Nothing,
    /// How often the plan's own tests came by.
    Coverage,
    /// How often callers did, of so many of the latest calls.
    Live(usize),
}

/// What `hotline graph` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphOrder {
    pub drawn: Drawn,
    pub over: Over,
    /// What agents' own phones dial, instead of what callers do.
    pub desks: bool,
    /// In whose words; without it, the plan's own.
    pub language: Option<String>,
}

/// The picture as text.
///
/// # Errors
/// The plan has mistakes, or does not speak the language; or, for live counts, there is no store in `folder`.
pub fn graph(
    settings: &Settings,
    folder: impl FnOnce() -> Result<std::path::PathBuf, Failure>,
    order: &GraphOrder,
) -> Result<String, Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    let (plan, _) = dialplans::load(&settings.dialplans, &prompts.catalog)?;
    let language = match &order.language {
        None => plan.language().clone(),
        Some(tag) => {
            let known = plan.languages().iter().find(|known| known.0 == *tag).cloned();
            known.ok_or_else(|| Failure::Other(format!("the dialplan does not speak {tag}")))?
        }
    };
    let graph = plan.graph();
    let traffic = match order.over {
        Over::Nothing => None,
        Over::Coverage => Some(covered(settings, &plan, &graph)?),
        Over::Live(latest) => Some(lived(&folder()?, &plan, &graph, latest)?),
    };
    let view = View {
        plan: &plan,
        graph: &graph,
        language: &language,
        desks: order.desks,
        traffic: traffic.as_ref(),
    };
    Ok(drawn(&Picture::of(&view), order.drawn, &language))
}

fn drawn(picture: &Picture, drawn: Drawn, language: &Language) -> String {
    match drawn {
        Drawn::Svg => svg::draw(picture, language),
        Drawn::Mermaid => text::mermaid(picture),
        Drawn::Dot => text::dot(picture),
    }
}

fn covered<'p>(
    settings: &Settings,
    plan: &'p Arc<crate::dialplan::Plan>,
    graph: &'p crate::dialplan::Graph,
) -> Result<Traffic<'p>, Failure> {
    let files = dialplans::tests(&settings.dialplans)?;
    let cases = cases::read(&files, plan).map_err(|mistakes| {
        let shown: Vec<_> = mistakes.iter().map(Diagnostic::to_string).collect();
        Failure::Dialplan { diagnostics: shown.join("\n\n") }
    })?;
    let mut coverage = Coverage::new(plan, graph);
    cases.iter().for_each(|case| coverage.add(&cases::run(plan, case)));
    Ok(coverage.traffic().clone())
}

fn lived<'p>(
    folder: &Path,
    plan: &'p Arc<crate::dialplan::Plan>,
    graph: &'p crate::dialplan::Graph,
    latest: usize,
) -> Result<Traffic<'p>, Failure> {
    let mut traffic = Traffic::new(plan, graph);
    let store = records::open(folder)?;
    for call in store.calls(&CallFilter { latest, since: None, of: None })? {
        let Some(call) = store.call(call.call)? else { continue };
        let steps = call.stages.iter().filter(|stage| stage.kind == StageKind::Listen);
        let desk = plan.agent_by_extension(&call.origin).is_some();
        traffic.add(&call.dialled, desk, steps.map(|stage| stage.detail.as_str()));
    }
    Ok(traffic)
}

#[cfg(test)]
mod tests;
