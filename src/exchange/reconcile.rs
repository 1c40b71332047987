//! No state without an owner: what the sentences of [`invariants`](super::invariants) find broken in a running exchange is
//! put in order, counted and said.
//!
//! ```text
//!   every few seconds: does each sentence hold? -- yes --> nothing
//!        | no: which one?
//!        v
//!      noted -- the next look finds the very same --> mended: what has no owner is given back, ended or told
//!        \----- it does not -----------------------> it was on its way, and is over
//! ```
//!
//! A safety net under a house that is to run for months: nothing is ever found in the tests and in the simulation, where
//! the same sentences are checked after every input. There is no timer for it: it looks at the first input after its time,
//! and the host has some news each second (its own gauges).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::feed::FloorEvent;
use super::invariants::Broken;
use super::{Exchange, LegId};
use crate::base::{CallId, Instant, Now, RecordingId, SlipId};
use crate::call::Event;
use crate::queue::{AgentState, LeaveWhy};
use crate::record::StageKind;

const EVERY: Duration = Duration::from_secs(5);
/// A disk is given this long to say that a recording or a slip of a call that is over is safe.
const WRITTEN_WITHIN: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(super) struct Reconciler {
    due: Option<Instant>,
    /// What the last look found.
    noted: Option<Broken>,
    /// Mended in vain: said once.
    hopeless: Option<Broken>,
    /// Of calls that are over.
    recordings: Orphans<RecordingId>,
    slips: Orphans<SlipId>,
}

impl Exchange {
    /// Looks whether it is time to.
    pub(super) fn reconcile(&mut self, now: Now) {
        if self.reconciler.due.is_some_and(|due| now.mono < due) {
            return;
        }
        self.reconciler.due = Some(now.mono + EVERY);
        self.forget_the_unwritten(now);
        self.feed.forget_all_but(&self.calls);
        let found = self.invariants().err();
        if found.is_none() || self.reconciler.noted != found {
            self.reconciler.noted = found;
            return;
        }
        let Some(broken) =
            self.reconciler.noted.take().filter(|it| self.reconciler.hopeless.as_ref() != Some(it))
        else {
            return;
        };
        self.mend(now, &broken);
        self.settle(now);
        if self.invariants().err().as_ref() == Some(&broken) {
            tracing::error!(%broken, "cannot be put in order");
            self.count("not mended");
            self.reconciler.hopeless = Some(broken);
        }
    }

    fn mend(&mut self, now: Now, broken: &Broken) {
        tracing::error!(%broken, "put in order");
        self.tell_floor(FloorEvent::Mended { what: broken.to_string() });
        self.count(match broken {
            Broken::LostPort(_) => "mended: RTP ports without a leg",
            Broken::StrayLeg(_) => "mended: legs without a call",
            Broken::TalkWithoutCall(_) => "mended: agents who talk with nobody",
            Broken::CallWithoutTalk(_) => "mended: talks that the queue core does not know",
            Broken::CallerNotInLine(_) => "mended: callers without a place in line",
            Broken::NoDeadline(_) => "mended: callers whom nothing would happen to",
            Broken::StrayDeadline(_) => "mended: deadlines without a call",
            Broken::DeskOfNobody(_) => "mended: desks of a call that is over",
            Broken::CallbackAstray(_) => "mended: callbacks without a place in line",
            Broken::AskedForNothing(_) => "mended: persons asked about no call",
            Broken::SharedPort(_) | Broken::StrayWatch(_) | Broken::TrunkMiscounts | Broken::LeftOver(_) => {
                "mended: other"
            }
        });
        match broken {
            Broken::LostPort(_) => self.give_ports_back(),
            Broken::StrayLeg(_) => self.end_stray_legs(now),
            Broken::TalkWithoutCall(_) | Broken::DeskOfNobody(_) | Broken::CallWithoutTalk(_) => {
                self.settle_desks(now);
            }
            Broken::CallerNotInLine(_) | Broken::NoDeadline(_) => self.fetch_the_forgotten(),
            Broken::StrayDeadline(_) => self.deadlines_anew(),
            Broken::AskedForNothing(_) => self.urgent_astray(now),
            Broken::CallbackAstray(_) => {
                self.callbacks_astray(now);
                self.promises_astray(now);
            }
            // What is left over belongs to nobody who could be told.
            Broken::LeftOver(_) if self.calls.is_empty() => self.work.clear(),
            // Somebody's call would have to go.
            Broken::LeftOver(_) | Broken::SharedPort(_) | Broken::StrayWatch(_) | Broken::TrunkMiscounts => {}
        }
    }

    fn give_ports_back(&mut self) {
        let used: BTreeSet<u16> =
            self.calls.values().flat_map(|call| call.legs()).map(|leg| leg.port()).collect();
        let lost: Vec<u16> = self.ports.taken().filter(|port| !used.contains(port)).collect();
        lost.into_iter().for_each(|port| self.ports.give_back(port));
    }

    fn end_stray_legs(&mut self, now: Now) {
        let ringing: Vec<LegId> =
            self.rings.legs().filter(|leg| !self.calls.contains_key(&leg.call)).collect();
        for leg in ringing {
            self.stop_ringing(now, leg, None);
        }
        let stray = |leg: &LegId, dialog| {
            !self.calls.contains_key(&leg.call) || self.dialogs.get(dialog) != Some(leg)
        };
        let legs: Vec<_> =
            self.legs.iter().filter(|(leg, dialog)| stray(leg, *dialog)).map(|(l, _)| *l).collect();
        for leg in legs {
            if let Some(dialog) = self.forget_leg(leg) {
                self.sip.bye(now.mono, dialog, None);
            }
        }
        let dialogs: Vec<_> = self
            .dialogs
            .iter()
            .filter(|(id, leg)| self.legs.get(leg) != Some(id))
            .map(|(id, _)| *id)
            .collect();
        for dialog in dialogs {
            self.dialogs.remove(&dialog);
            self.sip.bye(now.mono, dialog, None);
        }
    }

    /// Agents and their desks are free of calls that do not know them.
    fn settle_desks(&mut self, now: Now) {
        let views = self.core.snapshot().agents;
        for view in views.iter().filter(|view| view.state == AgentState::Talking) {
            let desk = self.desks.get(view.id).call;
            let talks = |call: CallId| {
                let call = self.calls.get(&call);
                call.is_some_and(|call| [call.agent(), call.desk()].contains(&Some(view.id)))
            };
            let call = view.caller.map(|(tag, _)| CallId(tag));
            let call = call.or(desk.filter(|_| view.held.is_empty()));
            for call in call.into_iter().chain(view.held.iter().map(|(tag, _)| CallId(*tag))) {
                if self.share.has(call) && !talks(call) {
                    self.core.talk_ended(now.mono, view.id, call.0, None, &mut self.core_events);
                }
            }
        }
        for (agent, desk) in self.desks.all() {
            for call in desk.calls().filter(|call| self.share.has(*call)) {
                if !self.calls.contains_key(&call) {
                    self.desks.release(agent, call);
                }
            }
        }
        // Two who talk go on; the core is told that the agent is not free.
        let talking =
            self.calls.values().filter(|call| matches!(call.stage(), StageKind::Talk | StageKind::Hold));
        let pairs: Vec<_> = talking.filter_map(|call| Some((call.agent()?, call.id()))).collect();
        for (agent, call) in pairs {
            self.desks.take(agent, call);
            if self.core.agent_state(agent).is_some_and(|state| state != AgentState::Talking) {
                self.core.agent_seize(now.mono, agent, &mut self.core_events);
            }
        }
    }

    /// Who waits in a line that does not know them, or without a deadline, is told that nobody comes, and goes the way of
    /// those.
    fn fetch_the_forgotten(&mut self) {
        for (id, call) in &self.calls {
            let in_line = call.queued_as().is_some_and(|caller| self.core.position(caller).is_some());
            let forgotten = call.stage() == StageKind::Wait && !in_line || call.is_forgotten();
            if forgotten {
                self.work.push_back((*id, Event::LeftQueue { why: LeaveWhy::QueueRemoved }));
            }
        }
    }

    fn deadlines_anew(&mut self) {
        self.deadline_of =
            self.calls.iter().filter_map(|(id, call)| Some((*id, call.next_deadline()?))).collect();
        self.deadlines = self.deadline_of.iter().map(|(call, (at, timer))| (*at, *call, *timer)).collect();
    }

    /// Of recordings and slips whose call is over nobody waits for the disk's word for ever.
    fn forget_the_unwritten(&mut self, now: Now) {
        let over = |call: &CallId| !self.calls.contains_key(call);
        let recordings = self.recordings.iter().filter(|(_, call)| over(call)).map(|(id, _)| *id).collect();
        let slips = self.slips.iter().filter(|(_, call)| over(call)).map(|(id, _)| *id).collect();
        for recording in self.reconciler.recordings.too_old(now.mono, recordings) {
            self.recordings.remove(&recording);
        }
        for slip in self.reconciler.slips.too_old(now.mono, slips) {
            self.slips.remove(&slip);
        }
    }
}

/// What belongs to nobody, since when that is known.
#[derive(Debug)]
struct Orphans<K>(BTreeMap<K, Instant>);

impl<K> Default for Orphans<K> {
    fn default() -> Self {
        Orphans(BTreeMap::new())
    }
}

impl<K: Ord + Copy> Orphans<K> {
    /// Those of `present` who have been among them for too long.
    fn too_old(&mut self, now: Instant, present: Vec<K>) -> Vec<K> {
        let since = |id: &K| self.0.get(id).copied().unwrap_or(now);
        self.0 = present.iter().map(|id| (*id, since(id))).collect();
        let old = self.0.iter().filter(|(_, since)| now.since(**since) > WRITTEN_WITHIN);
        old.map(|(id, _)| *id).collect()
    }
}
