//! Where calls begin, what menus offer, what flows do.

use super::words::{choice, flow_name, head, menu_facts, step_facts};
use super::{Change, by_name};
use crate::dialplan::plan::{Flow, Number, Plan};
use crate::dialplan::step::{Located, MenuSpec};

/// Of two flows with more different steps than these, only that they differ is told.
const MOST_STEPS: usize = 400;

pub(super) fn numbers(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let name = |number: &Number| match number.desks {
        true => format!("{} of desks", number.pattern),
        false => number.pattern.to_string(),
    };
    for (number, old, new) in by_name(before.numbers(), after.numbers(), name) {
        let what = match (old, new) {
            (Some(old), Some(new)) => {
                let (was, is) = (flow_name(before, old.flow), flow_name(after, new.flow));
                if was == is {
                    continue;
                }
                format!("now begins with {is}; it began with {was}")
            }
            (None, Some(new)) => format!("is served now, and begins with {}", flow_name(after, new.flow)),
            _ => "is not served any more".to_owned(),
        };
        all.push(Change { about: format!("number {number}"), what });
    }
}

pub(super) fn menus(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let named = |plan: &'_ Plan| -> Vec<std::sync::Arc<MenuSpec>> {
        plan.menus.iter().take(plan.written.menus).cloned().collect()
    };
    let (old, new) = (named(before), named(after));
    for (name, old, new) in by_name(&old, &new, |menu| menu.name.clone()) {
        let about = format!("menu {name}");
        let mut tell = |what: String| all.push(Change { about: about.clone(), what });
        match (old, new) {
            (Some(old), Some(new)) => {
                keys(before, after, old, new, &mut tell);
                menu_facts(after, new).differ(&menu_facts(before, old)).into_iter().for_each(tell);
            }
            (None, Some(_)) => tell("is new".to_owned()),
            _ => tell("is gone".to_owned()),
        }
    }
}

fn keys(before: &Plan, after: &Plan, old: &MenuSpec, new: &MenuSpec, tell: &mut impl FnMut(String)) {
    for (key, does) in &new.keys {
        let is = choice(after, does);
        match old.keys.iter().find(|(known, _)| known == key) {
            None => tell(format!("key {key} is new and {is}")),
            Some((_, did)) => {
                let was = choice(before, did);
                // Where the first word is the same the second half needs only the rest.
                match (is.strip_prefix("leads to "), was.strip_prefix("leads to ")) {
                    _ if is == was => {}
                    (Some(to), Some(from)) => tell(format!("key {key} now leads to {to} instead of {from}")),
                    _ => tell(format!("key {key} now {is}; before, it {}", past(&was))),
                }
            }
        }
    }
    for (key, did) in old.keys.iter().filter(|(key, _)| !new.keys.iter().any(|(known, _)| known == key)) {
        tell(format!("key {key} means nothing any more; it {}", past(&choice(before, did))));
    }
}

fn past(does: &str) -> String {
    for (now, then) in
        [("leads to", "led to"), ("says it again", "said it again"), ("changes to", "changed to")]
    {
        if let Some(rest) = does.strip_prefix(now) {
            return format!("{then}{rest}");
        }
    }
    does.to_owned()
}

pub(super) fn flows(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let written = |plan: &'_ Plan| plan.written.flows.min(plan.flows.len());
    let (old, new) = (&before.flows[..written(before)], &after.flows[..written(after)]);
    for (name, old, new) in by_name(old, new, |flow: &Flow| flow.name.clone()) {
        let about = format!("flow {name}");
        let mut tell = |what: String| all.push(Change { about: about.clone(), what });
        match (old, new) {
            (Some(old), Some(new)) => steps((before, &old.steps), (after, &new.steps), &mut tell),
            (None, Some(new)) => tell(format!("is new: {}", heads(after, &new.steps).join(", "))),
            _ => tell("is gone".to_owned()),
        }
    }
}

fn heads(plan: &Plan, steps: &[Located]) -> Vec<String> {
    steps.iter().map(|located| head(plan, &located.step)).collect()
}

/// What of a longest common subsequence is left, gained, lost.
enum Piece {
    Both(usize, usize),
    Lost(usize),
    Gained(usize),
}

fn steps(
    (before, old): (&Plan, &[Located]),
    (after, new): (&Plan, &[Located]),
    tell: &mut impl FnMut(String),
) {
    let (was, is) = (heads(before, old), heads(after, new));
    let Some(pieces) = compared(&was, &is) else {
        return tell("does many things otherwise than before".to_owned());
    };
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    let mut last: Option<&str> = None;
    let close =
        |lost: &mut Vec<&str>, gained: &mut Vec<&str>, last: Option<&str>, tell: &mut dyn FnMut(String)| {
            let after = last.map_or("at its beginning".to_owned(), |last| format!("after `{last}`"));
            match (lost.as_slice(), gained.as_slice()) {
                ([], []) => {}
                ([], more) => tell(format!("{after} does `{}`, too", more.join("`, `"))),
                (less, []) => tell(format!("{after} does not do `{}` any more", less.join("`, `"))),
                (less, more) => {
                    tell(format!("{after} does `{}` instead of `{}`", more.join("`, `"), less.join("`, `")))
                }
            }
            lost.clear();
            gained.clear();
        };
    for piece in pieces {
        match piece {
            Piece::Lost(at) => lost.extend(was.get(at).map(String::as_str)),
            Piece::Gained(at) => gained.extend(is.get(at).map(String::as_str)),
            Piece::Both(at, now) => {
                close(&mut lost, &mut gained, last, tell);
                last = is.get(now).map(String::as_str);
                let (Some(old), Some(new)) = (old.get(at), new.get(now)) else { continue };
                for fact in step_facts(after, &new.step).differ(&step_facts(before, &old.step)) {
                    tell(format!("`{}`: {fact}", last.unwrap_or_default()));
                }
            }
        }
    }
    close(&mut lost, &mut gained, last, tell);
}

/// The two lists beside each other, with as much in common as can be; `None` where that is too much work.
fn compared(was: &[String], is: &[String]) -> Option<Vec<Piece>> {
    let front = was.iter().zip(is).take_while(|(old, new)| old == new).count();
    let (old, new) = (was.get(front..)?, is.get(front..)?);
    let back = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (old.get(..old.len() - back)?, new.get(..new.len() - back)?);
    if old.len().max(new.len()) > MOST_STEPS {
        return None;
    }
    // longest[i][j]: of what is left from i and j on.
    let mut longest = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = match old[i] == new[j] {
                true => longest[i + 1][j + 1] + 1,
                false => longest[i + 1][j].max(longest[i][j + 1]),
            };
        }
    }
    let mut pieces: Vec<Piece> = (0..front).map(|at| Piece::Both(at, at)).collect();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            pieces.push(Piece::Both(front + i, front + j));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && longest[i + 1][j] >= longest[i][j + 1] {
            pieces.push(Piece::Lost(front + i));
            i += 1;
        } else {
            pieces.push(Piece::Gained(front + j));
            j += 1;
        }
    }
    let ends = (was.len() - back, is.len() - back);
    pieces.extend((0..back).map(|at| Piece::Both(ends.0 + at, ends.1 + at)));
    Some(pieces)
}
