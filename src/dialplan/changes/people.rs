//! People and what they can do.

use std::collections::BTreeMap;

use super::words::{agent, calendar, flag, phrase};
use super::{Change, Facts, by_name};
use crate::dialplan::plan::{Agent, Plan, Urgency};

/// So many extensions are named, the others counted.
const NAMED: usize = 8;

/// Who changes in the same way is told together.
pub(super) fn agents(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for (extension, old, new) in by_name(before.agents(), after.agents(), |one| one.extension.clone()) {
        let changes = match (old, new) {
            (Some(old), Some(new)) => {
                let mut changes = facts(after, new).differ(&facts(before, old));
                if old.name != new.name {
                    changes.push("the name is another one".to_owned());
                }
                changes
            }
            (None, Some(_)) => vec!["joins".to_owned()],
            _ => vec!["has left".to_owned()],
        };
        for change in changes {
            let same = told.entry(change.clone()).or_default();
            if same.is_empty() {
                order.push(change);
            }
            same.push(extension.clone());
        }
    }
    for change in order {
        let Some(who) = told.remove(&change) else { continue };
        let named = who.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let about = match who.len() {
            1 => format!("agent {named}"),
            count if count > NAMED => format!("agents {named} and {} more", count - NAMED),
            _ => format!("agents {named}"),
        };
        all.push(Change { about, what: change });
    }
}

fn facts(plan: &Plan, who: &Agent) -> Facts {
    let mut facts = Facts::default();
    for skill in &who.skills {
        let name = plan.skills().get(usize::from(skill.skill)).map_or("", |skill| skill.name.as_str());
        facts.add(format!("the skill {name}"), format!("level {}", skill.level));
    }
    facts.add("being ready as soon as the phone is there", flag(who.ready));
    facts.add("the number of calls at once", who.calls_at_once.to_string());
    facts.add("the delegate", agent(plan, who.delegate));
    facts.add("the working time", calendar(plan, who.hours));
    facts.add("screening", flag(who.screening));
    facts.add("the spoken name", phrase(plan, &who.says));
    facts.add("the message box", flag(who.mailbox));
    facts.add("being asked urgently", urgency(who));
    let groups: Vec<&str> = who.pick_up_groups.iter().map(String::as_str).collect();
    facts.add_some("the pick-up groups", (!groups.is_empty()).then(|| groups.join(", ")));
    let may: Vec<&str> = who.may_call.iter().map(|pattern| pattern.as_str()).collect();
    facts.add_some("the right to call outside", (!may.is_empty()).then(|| may.join(" ")));
    facts.add("having a fixed phone", flag(who.contact.is_some()));
    facts.add("having an account", flag(who.account));
    facts
}

fn urgency(who: &Agent) -> String {
    let how = match who.urgent {
        Urgency::Never => return "never".to_owned(),
        Urgency::Text => "by a text",
        Urgency::Ring => "by a text and a ring",
        Urgency::Screen => "on a screen",
    };
    if who.urgent_when_important { format!("{how}, in an important meeting, too") } else { how.to_owned() }
}
