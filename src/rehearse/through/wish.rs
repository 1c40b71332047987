//! What the callers of a class want: the words in the menus of the plan in force that lead to their queue. With these in
//! mind they walk through any other plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::manner::Manner;
use super::walk::{End, Start, Walk};
use crate::base::{Instant, Masked, Now, Rng, Wall};
use crate::dialplan::Plan;

/// A number that is on nobody's list.
const ANYBODY: &str = "13700000000";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub start: Start,
    /// The prompt that names it; `None`: the number dialled leads there by itself.
    pub words: Option<String>,
}

/// By the name of the queue. Whoever is on no list comes first, then the plan's first number, then its first menu.
pub(super) fn wishes(plan: &Arc<Plan>, open: Wall) -> BTreeMap<String, Wish> {
    let mut wishes = BTreeMap::new();
    let words: Vec<Option<String>> = plan.choices_said().into_iter().map(Some).chain([None]).collect();
    let numbers: Vec<String> =
        plan.numbers().iter().filter(|n| !n.desks).map(|n| n.pattern.a_number()).collect();
    let froms = std::iter::once(ANYBODY.to_owned()).chain(plan.numbers_known());
    for from in froms.map(Masked::new) {
        for dials in &numbers {
            let start = Start { dials: dials.clone(), from: from.clone() };
            for words in &words {
                let now = Now { mono: Instant::ZERO, wall: open };
                let manner = Manner::perfect(words.clone());
                let walk = Walk::begin(plan, &start, now, manner, Rng::from_number(1));
                let Some(mut walk) = walk else { continue };
                let End::Queue(queue) = walk.run() else { continue };
                // Who does not hear the words asks somebody, or guesses, and comes to a queue all the same.
                if words.is_some() && !walk.is_offered() {
                    continue;
                }
                let Some(queue) = plan.queue(queue) else { continue };
                let wish = || Wish { start: start.clone(), words: words.clone() };
                wishes.entry(queue.name.clone()).or_insert_with(wish);
            }
        }
    }
    wishes
}
