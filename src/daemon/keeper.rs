//! The clerk's hands: reads from the store how slips stand, writes what the clerk says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{SlipId, Wall};
use crate::complaints;
use crate::dialplan::Plan;
use crate::record::{About, CaseNumber, Record};
use crate::slips::Clerk;

use super::inbox::{Inbox, Report};
use super::post::{Outcome, Post};
use super::store::{ComplaintFilter, SlipFilter, Store};

/// Written in one go; what else is due has its turn after what has come in meanwhile.
const AT_ONCE: usize = 64;

/// Until a store is asked again that did not answer.
const A_WHILE: Duration = Duration::from_secs(10);

pub(super) struct Keeper {
    pub(super) clerk: Clerk,
    pub(super) complaints: complaints::Clerk,
    /// Where the exchange hears what is due of them.
    pub(super) inbox: Inbox<Report>,
    pub(super) post: Post,
    pub(super) plan: Arc<Plan>,
    /// Slips of which the clerk does not know how they stand.
    pub(super) touched: BTreeSet<SlipId>,
    /// The same of complaints.
    pub(super) cases: BTreeSet<CaseNumber>,
    /// Nothing has been read yet, for the store could not be.
    pub(super) unread: bool,
    /// Something was to be written that there may be more to do after.
    pub(super) busy: bool,
}

impl Keeper {
    pub(super) fn reload(&mut self, plan: Arc<Plan>) {
        self.plan = Arc::clone(&plan);
        self.clerk.reload(Arc::clone(&plan));
        self.complaints.reload(plan);
    }

    /// Before it is written: what the store says afterwards counts.
    pub(super) fn touched(&mut self, record: &Record) {
        match record {
            Record::Slip(slip) => {
                self.changed(slip.slip);
                if let Some(case) = slip.about.as_ref().and_then(About::case) {
                    self.complaint_changed(case);
                }
            }
            Record::Complaint(case, _) => self.complaint_changed(*case),
            Record::SlipDiscarded(slip) | Record::SlipChange(slip, _) => self.changed(*slip),
            _ => {}
        }
    }

    /// By somebody else.
    pub(super) fn changed(&mut self, slip: SlipId) {
        self.touched.insert(slip);
    }

    /// By somebody else, too.
    pub(super) fn complaint_changed(&mut self, case: CaseNumber) {
        self.cases.insert(case);
    }

    /// Reads how those stand that were touched.
    pub(super) fn look(&mut self, store: &impl Store) {
        if self.unread {
            match store.slips(&SlipFilter { open_only: true, ..SlipFilter::default() }) {
                Ok(slips) => {
                    slips.into_iter().for_each(|slip| self.clerk.stands(slip));
                    self.unread = !self.look_at_complaints(store);
                }
                Err(error) => tracing::error!(%error, "the message slips could not be read"),
            }
        }
        while let Some(slip) = self.touched.first().copied() {
            match store.slip(slip) {
                Ok(Some(found)) => self.clerk.stands(found),
                Ok(None) => self.clerk.gone(slip),
                Err(error) => {
                    tracing::error!(%slip, %error, "a message slip could not be read");
                    return;
                }
            }
            self.touched.remove(&slip);
        }
        while let Some(case) = self.cases.first().copied() {
            match store.complaint(case) {
                Ok(Some(found)) => self.complaints.stands(found),
                Ok(None) => self.complaints.gone(case),
                Err(error) => {
                    tracing::error!(%case, %error, "a complaint could not be read");
                    return;
                }
            }
            self.cases.remove(&case);
        }
    }

    /// All that are not closed; `false` where the store cannot say.
    fn look_at_complaints(&mut self, store: &impl Store) -> bool {
        match store.complaints(&ComplaintFilter { not_closed: true, ..ComplaintFilter::default() }) {
            Ok(complaints) => {
                complaints.into_iter().for_each(|complaint| self.complaints.stands(complaint));
                true
            }
            Err(error) => {
                tracing::error!(%error, "the complaints could not be read");
                false
            }
        }
    }

    /// What is to be written by now, and hands out what is to be told. To be followed by [`Keeper::look`].
    pub(super) fn due(&mut self, store: &impl Store, now: Wall) -> Vec<Record> {
        let mut due: Vec<_> = std::iter::from_fn(|| self.clerk.handle_timeout(now)).take(AT_ONCE).collect();
        due.iter().for_each(|record| self.touched(record));
        due.extend(self.complaints_due(now));
        due.extend(self.post.hand_out(store, self.plan.time_zone(), now));
        self.busy = !due.is_empty();
        due
    }

    /// What is to be written of complaints; whatever else is due of them is the exchange's, which has calls and slips.
    fn complaints_due(&mut self, now: Wall) -> Vec<Record> {
        let mut written = Vec::new();
        let all: Vec<_> = std::iter::from_fn(|| self.complaints.handle_timeout(now)).take(AT_ONCE).collect();
        for due in all {
            match due {
                complaints::Due::Reckoned(case, change) => {
                    self.complaint_changed(case);
                    written.push(Record::Complaint(case, change));
                }
                complaints::Due::Duty(complaint, duty) => {
                    tracing::info!(case = %complaint.case, duty = duty.name(), "due of a complaint");
                    self.inbox.push_patiently(Report::ComplaintDue { complaint, duty });
                }
            }
        }
        written
    }

    /// What is to be written of a mail or a web hook that arrived, or did not.
    pub(super) fn told(&mut self, outcome: Outcome, now: Wall) -> Record {
        self.post.done(outcome, now)
    }

    pub(super) fn knows_all(&self) -> bool {
        !self.unread && self.touched.is_empty() && self.cases.is_empty()
    }

    /// Until something is due. What is due already waits for a lane, whose end is told.
    pub(super) fn patience(&self, store: &impl Store, now: Wall) -> Duration {
        if self.busy {
            return Duration::ZERO;
        }
        let told = store.next_due(now).unwrap_or(Some(now + A_WHILE));
        let next = [self.clerk.next_due(), self.complaints.next_due(), told].into_iter().flatten().min();
        next.map_or(Duration::MAX, |at| at.since(now))
    }
}
