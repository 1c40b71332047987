//! A new plan for a share of the new callers first, until it has proven itself or has not.
//!
//! ```text
//!   Input::Canary(trial) --> new callers: by a hash of who calls, some on the new plan, all others on the old one
//!                                |
//!                  their calls end: given up? wrong keys? --> tally of each plan (all exchanges) --> judge (the first)
//!                                                                                                     |
//!   Input::CanaryOver <-- Notice::Canary(taken back) <-------------- more than before, beyond chance --+
//!   Input::Reload     <-- Notice::Canary(accepted)   <-------------- its time is over, and nothing was worse
//! ```
//!
//! Who calls again during a trial meets the same plan again. Desks' calls, queues, people and hours stay those of the
//! old plan until the new one is accepted; a queue that only the new one has is there from the beginning of the trial.
//! A call keeps its plan to its end, whatever becomes of the trial.

mod judge;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::judge::Judge;
pub use self::judge::{LEAST_CALLS, Tally, Worse};
use super::{Exchange, Notice, Output, topology};
use crate::base::{CallId, Instant, Masked, Now};
use crate::dialplan::{Origin, Plan};
use crate::record::{CallEnd, CallRecord, StageKind};

/// How often the first exchange looks at the tallies.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Who hangs up sooner than this has not met the plan: counted nowhere.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A plan on trial; shared by all exchanges.
#[derive(Debug)]
pub struct Trial {
    plan: Arc<Plan>,
    /// Of a thousand callers so many.
    per_mille: u16,
    /// Whom it meets: another salt, other callers.
    salt: u64,
    /// Accepted after it, unless something got worse.
    length: Option<Duration>,
    over: AtomicBool,
    old: Counted,
    new: Counted,
}

#[derive(Debug, Default)]
struct Counted {
    calls: AtomicU32,
    gave_up: AtomicU32,
    wrong_keys: AtomicU32,
}

impl Counted {
    fn add(&self, record: &CallRecord) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.gave_up.fetch_add(u32::from(gave_up(record)), Ordering::Relaxed);
        self.wrong_keys.fetch_add(u32::from(record.wrong_keys > 0), Ordering::Relaxed);
    }

    fn tally(&self) -> Tally {
        Tally {
            calls: self.calls.load(Ordering::Relaxed),
            gave_up: self.gave_up.load(Ordering::Relaxed),
            wrong_keys: self.wrong_keys.load(Ordering::Relaxed),
        }
    }
}

impl Trial {
    pub fn new(plan: Arc<Plan>, per_mille: u16, length: Option<Duration>, salt: u64) -> Self {
        let (over, old, new) = (AtomicBool::new(false), Counted::default(), Counted::default());
        Trial { plan, per_mille: per_mille.min(1000), salt, length, over, old, new }
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether who bears this name, a number or else a Call-ID, is one of the share.
    fn takes(&self, name: &[u8]) -> bool {
        let mixed = name.iter().fold(self.salt ^ 0xcbf2_9ce4_8422_2325, |hash, octet| {
            (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
        });
        // The finisher of SplitMix64: neighbouring numbers must not fall together.
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 1000 < u64::from(self.per_mille)
    }
}

/// What became of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryNews {
    /// No new caller meets the plan any more.
    TakenBack { why: Worse, old: Tally, new: Tally },
    /// Its time is over and nothing was worse: it is to be put in force for all.
    Accepted { old: Tally, new: Tally },
}

/// A trial under way, for a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryLine {
    /// The version that is tried.
    pub version: u64,
    pub per_mille: u16,
    /// Milliseconds since it began, and until it is accepted; `None`: not by itself.
    pub for_ms: u64,
    pub left_ms: Option<u64>,
    pub old: Tally,
    pub new: Tally,
    /// Each plan must have had so many calls before anything is judged.
    pub least_calls: u32,
}

/// One exchange's part in a trial.
pub(super) struct Trying {
    trial: Arc<Trial>,
    began: Instant,
    next_look: Instant,
    judge: Judge,
    /// Callers' calls that began since then; `true`: with the new plan.
    calls: BTreeMap<CallId, bool>,
}

impl Exchange {
    pub(super) fn begin_trial(&mut self, now: Now, trial: Arc<Trial>) {
        self.numbering.learn(trial.plan());
        if self.share.is_first() {
            self.commons.set_numbering(self.numbering.clone());
            let both = topology::beside(&self.plan, trial.plan(), &self.numbering);
            self.core.reconfigure(now.mono, &both, &mut self.core_events);
        }
        tracing::info!(version = trial.plan.version(), per_mille = trial.per_mille, "canary begins");
        let (began, next_look) = (now.mono, now.mono + LOOK_EVERY);
        self.trying =
            Some(Trying { trial, began, next_look, judge: Judge::default(), calls: BTreeMap::new() });
    }

    /// Calls that run on go on; no new one begins with the plan.
    pub(super) fn end_trial(&mut self) {
        self.trying = None;
    }

    /// The plan that a new call begins with. Who withholds their number is told by the Call-ID.
    pub(super) fn plan_for(&self, origin: Origin, number: &Masked<String>, call_id: &[u8]) -> Arc<Plan> {
        let trial = self.trying.as_ref().map(|trying| &trying.trial);
        let trial = trial.filter(|trial| origin == Origin::Caller && !trial.over.load(Ordering::Relaxed));
        let name = match number.expose().as_bytes() {
            [] => call_id,
            number => number,
        };
        trial.filter(|trial| trial.takes(name)).map_or_else(|| self.plan.clone(), |trial| trial.plan.clone())
    }

    pub(super) fn begins_with(&mut self, call: CallId, origin: Origin, plan: &Arc<Plan>) {
        if let Some(trying) = self.trying.as_mut().filter(|_| origin == Origin::Caller) {
            trying.calls.insert(call, Arc::ptr_eq(plan, &trying.trial.plan));
        }
    }

    pub(super) fn count_for_trial(&mut self, record: &CallRecord) {
        let Some(trying) = &mut self.trying else { return };
        let Some(is_new) = trying.calls.remove(&record.call) else { return };
        let lasted = record.answered.map(|answered| record.ended.since(answered));
        if lasted.is_some_and(|lasted| lasted >= AT_ONCE) {
            let arm = if is_new { &trying.trial.new } else { &trying.trial.old };
            arm.add(record);
        }
    }

    pub(super) fn trial_due(&mut self, now: Now) {
        let Some(trying) = self.trying.as_mut().filter(|trying| trying.next_look <= now.mono) else { return };
        trying.next_look = now.mono + LOOK_EVERY;
        let trial = &trying.trial;
        if !self.share.is_first() || trial.over.load(Ordering::Relaxed) {
            return;
        }
        let (old, new) = (trial.old.tally(), trial.new.tally());
        let enough = old.calls >= LEAST_CALLS && new.calls >= LEAST_CALLS;
        let over = trial.length.is_some_and(|length| now.mono.since(trying.began) >= length);
        let news = match trying.judge.look(old, new) {
            Some(why) => {
                trial.over.store(true, Ordering::Relaxed);
                CanaryNews::TakenBack { why, old, new }
            }
            None if over && enough => CanaryNews::Accepted { old, new },
            None => return,
        };
        self.output.push_back(Output::Notice(Notice::Canary(news)));
    }

    pub(super) fn next_look(&self) -> Option<Instant> {
        self.trying.as_ref().filter(|_| self.share.is_first()).map(|trying| trying.next_look)
    }

    pub(super) fn canary_line(&self, now: Now) -> Option<CanaryLine> {
        let trying = self.trying.as_ref()?;
        let (trial, lasted) = (&trying.trial, now.mono.since(trying.began));
        let millis = super::io::millis;
        Some(CanaryLine {
            version: trial.plan.version(),
            per_mille: trial.per_mille,
            for_ms: millis(lasted),
            left_ms: trial.length.map(|length| millis(length.saturating_sub(lasted))),
            old: trial.old.tally(),
            new: trial.new.tally(),
            least_calls: LEAST_CALLS,
        })
    }
}

/// Hung up without having talked with anybody, left a message or made a complaint.
fn gave_up(record: &CallRecord) -> bool {
    let talked = record.stages.iter().any(|stage| stage.kind == StageKind::Talk);
    record.end == CallEnd::CallerHungUp && !talked && record.slip.is_none() && record.complaint.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::tests::{PLAN, plan_of};

    #[test]
    fn a_share_is_a_share_and_the_same_caller_is_met_alike() {
        let trial = |salt| Trial::new(plan_of(PLAN), 100, None, salt);
        let taken = |trial: &Trial| -> Vec<u32> {
            (0..20_000).filter(|n| trial.takes(format!("138{n:08}").as_bytes())).collect()
        };
        let (one, other) = (taken(&trial(1)), taken(&trial(2)));
        assert!((1_850..2_150).contains(&one.len()), "{} of 20,000", one.len());
        assert_eq!(one, taken(&trial(1)));
        let both = one.iter().filter(|n| other.contains(n)).count();
        assert!((130..270).contains(&both), "another salt, other callers: {both}");
        assert!(taken(&Trial::new(plan_of(PLAN), 0, None, 1)).is_empty());
        assert_eq!(taken(&Trial::new(plan_of(PLAN), 1000, None, 1)).len(), 20_000);
    }
}
