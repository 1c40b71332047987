//! What callers may want of a plan, and who they may be: for rehearsals, whose callers listen as people do.

use std::collections::BTreeSet;

use super::plan::Plan;
use crate::base::Clip;

impl Plan {
    /// The prompts before which a menu says which key to press, in the order of the menus: the words by which callers find
    /// what they want.
    pub fn choices_said(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for menu in &self.menus {
            let names: Vec<&str> = menu
                .prompts
                .clips(&self.language)
                .iter()
                .filter_map(|clip| match clip {
                    Clip::Prompt(id) => Some(self.catalog.get(*id)?.name.as_str()),
                    Clip::Silence(_) | Clip::Recording(_) => None,
                })
                .collect();
            for (said, next) in names.iter().zip(names.iter().skip(1)) {
                if next.starts_with("menu/press-") && seen.insert(said.to_string()) {
                    all.push(said.to_string());
                }
            }
        }
        all
    }

    /// A number of each list, by which its callers are known.
    pub fn numbers_known(&self) -> Vec<String> {
        self.lists.iter().filter_map(|list| Some(list.entries.first()?.pattern.a_number())).collect()
    }
}
