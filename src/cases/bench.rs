//! A call that the checker says shows a mistake, made on the bench: with the real exchange, and the people's phones
//! doing as it says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, Conduct, Expected, Person, Step, Wanted};
use super::run::run;
use crate::dialplan::{By, Plan, Waypoint, What, Witness, step_label};

/// How long such a call may take, in its own time.
const LONGEST: Duration = Duration::from_secs(1_800);

/// What nobody stops goes on for so long before the caller gives up.
const GIVES_UP: Duration = Duration::from_secs(120);

/// Whether the call goes as the witness says, step by step. `None`: one caller cannot bring it about, since it takes a
/// full house, a long wait or a broken disk; or a desk is to call.
pub fn shows(plan: &Arc<Plan>, witness: &Witness) -> Option<bool> {
    let case = case(plan, witness)?;
    let walks = run(plan, &case).walks;
    let met: Vec<_> = walks.iter().flat_map(|walk| &walk.steps).map(|step| step_label(step)).collect();
    let meant = witness.way.iter().map(|point| &point.label).chain(&witness.then);
    let wanted = witness.way.len() + usize::from(witness.then.is_some());
    Some(met.len() >= wanted && met.iter().zip(meant).all(|(met, meant)| met == meant))
}

fn case(plan: &Arc<Plan>, witness: &Witness) -> Option<Case> {
    if witness.desk.is_some() {
        return None;
    }
    let mut people = BTreeMap::new();
    let mut steps = Vec::new();
    for point in &witness.way {
        conduct(plan, point, &mut people)?;
        if let By::Key(keys) = &point.by {
            // Nothing that is read out: the menu is reached in a moment, and the key waits for it.
            if let Some(name) = point.first_words(plan) {
                steps.push(Step { wanted: Wanted::Hears(name), within: None });
            }
            steps.push(Step { wanted: Wanted::Press(keys.clone()), within: None });
        }
    }
    let ends = witness.then.is_none();
    if !ends {
        steps.push(Step { wanted: Wanted::Wait(GIVES_UP), within: None });
    }
    Some(Case {
        name: "witness".to_owned(),
        place: String::new(),
        dials: witness.dials.clone(),
        desk: None,
        from: witness.from.clone(),
        at: witness.at,
        people: people.into_iter().map(|(extension, conduct)| Person { extension, conduct }).collect(),
        steps,
        never: Vec::new(),
        within: LONGEST,
        expected: Expected { end: ends.then_some("flow-ended"), ..Expected::default() },
    })
}

/// What people do, so that the step is left as it says.
fn conduct(plan: &Plan, point: &Waypoint, people: &mut BTreeMap<String, Conduct>) -> Option<()> {
    let answers = Conduct::Answers { after: Duration::from_secs(2), talks: Some(Duration::from_secs(5)) };
    match (&point.what, &point.by) {
        (What::Queue { name }, By::Served) => {
            let queue = plan.queue_by_name(name)?;
            let serves = |agent: &&crate::dialplan::Agent| queue.sets().any(|set| agent.meets(set));
            let agent = plan.agents().iter().find(serves)?;
            people.insert(agent.extension.clone(), answers);
        }
        // Nobody else is there.
        (What::Queue { .. }, By::NobodySignedOn) if people.is_empty() => {}
        (What::Person { extension: Some(extension) }, by) => {
            let conduct = match by {
                By::Served => answers,
                By::Busy => Conduct::Busy,
                By::NoAnswer => Conduct::NoAnswer,
                By::Away => Conduct::Away { reason: crate::base::AwayReason::Meeting, until: None },
                By::Unreachable => return Some(()),
                _ => return None,
            };
            people.insert(extension.clone(), conduct);
        }
        (What::Queue { .. } | What::Person { .. } | What::Box { .. } | What::Callback { .. }, _) => {
            return None;
        }
        (_, By::Collected | By::Empty | By::Unknown | By::Delegate | By::Message) => return None,
        _ => {}
    }
    Some(())
}
