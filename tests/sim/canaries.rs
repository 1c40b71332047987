//! A new plan for some callers first: a bad one is taken back by itself, a good one becomes everybody's.

use std::sync::Arc;
use std::time::Duration;

use hotline::dialplan::Plan;
use hotline::exchange::{CanaryNews, Worse};
use hotline::sim::{Canary, Conditions, Day, Exchanges, Report, day};

use super::plans;

const MINUTE: Duration = Duration::from_secs(60);

fn on_trial(plan: &Arc<Plan>, exchanges: Exchanges) -> Report {
    let plan = Arc::new(Plan::clone(plan).with_version(2));
    let canary = Canary { at: 10 * MINUTE, plan, per_mille: 300, length: Some(90 * MINUTE) };
    let report = day(&Day {
        length: 150 * MINUTE,
        canary: Some(canary),
        exchanges,
        // Rain and mishaps are not what is tried here: another plan's reload would end the trial.
        fault_every: None,
        conditions: Conditions::ORDINARY,
        ..Day::new(plans::bank(40), 5, 1_000)
    });
    assert!(report.is_sound(), "{report}");
    report
}

/// The menu says 1, and 7 is meant: whoever does as they are told is wrong.
#[test]
fn a_menu_that_tells_the_wrong_keys_is_taken_back() {
    let plan = plans::bank_with(
        40,
        "[menu.main.keys]\n1 = { say = \"topic/consult\", goto = \"consultation\" }\n",
        "prompts = [\"menu/listen\", \"topic/consult\", \"menu/press-1\", \"topic/complaint\", \"menu/press-2\", \"topic/lost-card\", \"menu/press-3\"]\n[menu.main.keys]\n7 = \"consultation\"\n",
    );
    for exchanges in [Exchanges::ONE, Exchanges { of: 2, room: 64 }] {
        let report = on_trial(&plan, exchanges);
        let Some(CanaryNews::TakenBack { why, old, new }) = &report.canary else {
            panic!("{:?}", report.canary)
        };
        assert_eq!(*why, Worse::WrongKeys);
        assert!(old.calls >= 50 && new.calls >= 50 && new.calls < 150, "soon: {old:?} {new:?}");
        assert!(new.wrong_keys * old.calls > 3 * old.wrong_keys * new.calls, "{old:?} {new:?}");
    }
}

/// A queue that only the new plan has, and that only few can serve: callers wait until they have had enough.
#[test]
fn a_queue_that_keeps_callers_waiting_is_taken_back() {
    let plan = plans::bank_with(
        40,
        "[[flow.consultation]]\nqueue = { to = \"consultation\",",
        "[queue.experts]\nskills = { consultation = 6, vip = 5 }\n\n[[flow.consultation]]\nqueue = { to = \"experts\",",
    );
    let report = on_trial(&plan, Exchanges::ONE);
    let Some(CanaryNews::TakenBack { why, old, new }) = &report.canary else { panic!("{:?}", report.canary) };
    assert_eq!(*why, Worse::GiveUps, "{old:?} {new:?}");
    assert!(
        report.queues.get("experts").is_some_and(|queue| queue.offered > 0 && queue.served > 0),
        "{report}"
    );
}

#[test]
fn a_plan_as_good_as_the_old_one_becomes_everybodys() {
    let plan = plans::bank_with(40, "[[flow.main]]\nplay = \"greeting/welcome\"\n", "");
    for exchanges in [Exchanges::ONE, Exchanges { of: 2, room: 64 }] {
        let report = on_trial(&plan, exchanges);
        let Some(CanaryNews::Accepted { old, new }) = &report.canary else { panic!("{:?}", report.canary) };
        let share = f64::from(new.calls) / f64::from(old.calls + new.calls);
        assert!((0.25..0.35).contains(&share), "{old:?} {new:?}");
    }
    let (one, again) = (on_trial(&plan, Exchanges::ONE), on_trial(&plan, Exchanges::ONE));
    assert_eq!((one.hash, one.canary), (again.hash, again.canary), "a seed is a proof, with a trial, too");
}
