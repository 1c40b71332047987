//! What a step says, and what its keys are for, in the words of one language: for whoever draws a plan.

use std::collections::BTreeMap;

use super::flow::{Graph, NodeId};
use super::plan::{Phrase, Plan};
use super::step::Step;
use crate::base::{Clip, Language};

/// How the prompts begin that name a key.
const PRESS: &str = "menu/press-";

impl Plan {
    /// What is said there, or what it goes by; empty where nothing more is to be said of the verb.
    pub fn words_at(&self, graph: &Graph, node: NodeId, language: &Language) -> String {
        let Some(step) = self.step_of(graph, node) else { return String::new() };
        match step {
            Step::Play { phrase, .. } | Step::HangUp { phrase } | Step::Wait { phrase, .. } => {
                self.text(phrase, language)
            }
            Step::Collect(spec) => self.text(&spec.prompts, language),
            Step::Hours { calendar, .. } => {
                self.calendars.get(*calendar).map(|calendar| calendar.name.clone()).unwrap_or_default()
            }
            Step::Lookup { list, .. } => {
                self.lists.get(*list).map(|list| list.name.clone()).unwrap_or_default()
            }
            _ => String::new(),
        }
    }

    /// What each key of a menu, or of what is offered instead of a person, is for, as the caller is told.
    pub fn key_words(&self, graph: &Graph, node: NodeId, language: &Language) -> BTreeMap<String, String> {
        match self.step_of(graph, node) {
            Some(Step::Menu(menu)) => {
                self.menu(*menu).map(|menu| self.told_keys(&menu.prompts, language)).unwrap_or_default()
            }
            Some(Step::Regret(spec)) => {
                let all = spec.offers.iter().map(|offer| self.told_keys(&offer.said, language));
                all.flatten().collect()
            }
            _ => BTreeMap::new(),
        }
    }

    fn step_of(&self, graph: &Graph, node: NodeId) -> Option<&Step> {
        let (flow, step) = graph.node(node)?.at?;
        self.flow(flow)?.steps.get(step).map(|located| &located.step)
    }

    fn told_keys(&self, phrase: &Phrase, language: &Language) -> BTreeMap<String, String> {
        let mut keys = BTreeMap::new();
        let mut before = String::new();
        for clip in phrase.clips(language) {
            let Clip::Prompt(id) = clip else { continue };
            let Some(prompt) = self.catalog.get(*id) else { continue };
            match prompt.name.strip_prefix(PRESS) {
                Some(key) => {
                    let key = match key {
                        "star" => "*",
                        "pound" => "#",
                        digit => digit,
                    };
                    keys.insert(key.to_owned(), std::mem::take(&mut before));
                }
                None => before = trimmed(&prompt.text),
            }
        }
        keys
    }

    fn text(&self, phrase: &Phrase, language: &Language) -> String {
        let texts = phrase.clips(language).iter().filter_map(|clip| match clip {
            Clip::Prompt(id) => self.catalog.get(*id).map(|prompt| trimmed(&prompt.text)),
            Clip::Silence(_) | Clip::Recording(_) => None,
        });
        texts.collect::<Vec<_>>().join(" ")
    }
}

fn trimmed(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '，' | '.' | '。')).to_owned()
}
