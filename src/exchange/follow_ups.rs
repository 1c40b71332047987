//! Follow-up calls: whoever complained is asked whether it is solved.

use super::{Exchange, FloorEvent, Notice, Output};
use crate::base::{CallId, Language, Now};
use crate::call::{Call, FollowUp, FollowedUp};
use crate::complaints;
use crate::dialplan::{Cursor, Facts, Origin};
use crate::record::{Care, Complaint, ComplaintChange, ComplaintState, ComplaintUpdate, Record};

impl Exchange {
    /// Calls the customer; where that cannot be now, it is tried again by the plan's rule, at no cost of a try.
    pub(super) fn follow_up(&mut self, now: Now, complaint: Complaint) {
        if !self.call_about(now, &complaint) {
            self.not_asked(now, &complaint, false);
        }
    }

    /// `false`: not now.
    fn call_about(&mut self, now: Now, complaint: &Complaint) -> bool {
        let plan = self.plan.clone();
        let Some(rule) = &plan.complaints().follow_up else { return false };
        let number = complaint.to_call().filter(|number| rule.may_call(number.expose()));
        let Some(number) = number.cloned() else { return false };
        if self.draining || self.all_calls() >= self.config.most_calls {
            return false;
        }
        let facts =
            Facts { from: number.clone(), dialled: String::new(), owner: None, origin: Origin::Caller, now };
        let cursor = Cursor::of_the_house(plan.clone(), facts, Language(complaint.language.clone()));
        let call = self.ids.next_call();
        let wanted = FollowUp {
            call,
            complaint: Box::new(complaint.clone()),
            number: number.clone(),
            trunk: rule.trunk.clone(),
            ring: rule.ring,
            cursor,
        };
        self.output.push_back(Output::Notice(Notice::CallBegan {
            call,
            from: number,
            dialled: "follow-up".to_owned(),
        }));
        self.count("complaints: follow-up calls");
        let (begun, effects) = self.in_ctx(now, |ctx| Call::follow_up(ctx, wanted));
        self.keep(begun);
        self.carry_out(now, call, effects);
        true
    }

    /// What came of it: yes closes the case, no opens it again, and somebody above its owner hears of that.
    pub(super) fn followed_up(&mut self, now: Now, call: CallId, complaint: &Complaint, what: FollowedUp) {
        let case = complaint.case;
        match what {
            FollowedUp::Solved => {
                self.customer_says(now, complaint, ComplaintUpdate::Call(call));
                self.customer_says(now, complaint, ComplaintUpdate::State(ComplaintState::Closed));
                self.count("complaints: solved, says the customer");
                self.tell_complaint(complaint, "closed by its customer");
            }
            FollowedUp::NotSolved => {
                self.customer_says(now, complaint, ComplaintUpdate::Call(call));
                self.customer_says(now, complaint, ComplaintUpdate::State(ComplaintState::Reopened));
                let care = Care { escalated: true, ..complaint.care.clone() };
                let change = ComplaintChange::Kept { answer_due: None, result_due: None, owner: None, care };
                self.output.push_back(Output::Record(Record::Complaint(case, change)));
                self.count("complaints: not solved, says the customer");
                self.tell_complaint(complaint, "not solved, says its customer");
                // Who has it, and who is above them.
                let supervisor = self.plan.complaint_supervisor().map(str::to_owned);
                let whose = complaint
                    .owner
                    .iter()
                    .chain(supervisor.as_ref().filter(|s| complaint.owner.as_ref() != Some(s)));
                for mailbox in whose.cloned().collect::<Vec<_>>() {
                    self.slip_about(
                        now,
                        &mailbox,
                        case,
                        complaint,
                        "not solved, says the customer".to_owned(),
                    );
                }
            }
            FollowedUp::NotAsked { why, counts } => {
                tracing::info!(%case, why, "a follow-up call came to nothing");
                self.not_asked(now, complaint, counts);
            }
        }
    }

    fn not_asked(&mut self, now: Now, complaint: &Complaint, counts: bool) {
        let change = complaints::not_reached(complaint, &self.plan, counts, now.wall);
        self.output.push_back(Output::Record(Record::Complaint(complaint.case, change)));
    }

    fn customer_says(&mut self, now: Now, complaint: &Complaint, update: ComplaintUpdate) {
        let change = ComplaintChange::Updated { at: now.wall, by: "customer".to_owned(), update };
        self.output.push_back(Output::Record(Record::Complaint(complaint.case, change)));
    }

    fn tell_complaint(&mut self, complaint: &Complaint, what: &str) {
        let (case, owner) = (complaint.case, complaint.owner.clone());
        self.tell_floor(FloorEvent::Complaint { case, what: what.to_owned(), owner });
    }
}
