//! Complaints and notes, as far as calls have to do with them; and what is due of complaints that no call is about.

use super::{Exchange, FloorEvent, Output, Reply};
use crate::base::{CallId, Masked, Now};
use crate::call::{ComplaintOrder, Event, NotNoted};
use crate::complaints::{self, Duty};
use crate::record::{
    About, CaseNumber, Complaint, ComplaintChange, Keeping, MessageSlip, Record, Severity, SlipState,
    SurveyAnswer,
};

impl Exchange {
    /// By order, of a call that runs.
    pub(super) fn accept_complaint(
        &mut self,
        now: Now,
        call: CallId,
        by: &str,
        order: ComplaintOrder,
    ) -> Reply {
        if let Some(owner) =
            order.owner.as_deref().filter(|owner| self.plan.agent_by_extension(owner).is_none())
        {
            return Reply::Refused(format!("the dialplan has no agent {owner}"));
        }
        let mut case = None;
        self.with_call(now, call, |call, ctx| case = Some(call.accept_complaint(ctx, by, order)));
        match case {
            Some(case) => Reply::Accepted { case },
            None => Reply::Refused(format!("there is no call {call}")),
        }
    }

    pub(super) fn note(&mut self, now: Now, call: CallId, by: &str, text: &Masked<String>) -> Reply {
        let mut done = None;
        self.with_call(now, call, |call, ctx| done = Some(call.note(ctx, by, text)));
        match done {
            Some(Ok(())) => {
                self.tell_floor(FloorEvent::Noted { call, by: by.to_owned() });
                Reply::Done
            }
            Some(Err(NotNoted::Empty)) => Reply::Refused("a note says something".to_owned()),
            Some(Err(NotNoted::TooLong)) => Reply::Refused("a note has at most 200 characters".to_owned()),
            Some(Err(NotNoted::TooMany)) => {
                Reply::Refused("there are 50 notes of this call already".to_owned())
            }
            None => Reply::Refused(format!("there is no call {call}")),
        }
    }

    /// The disk has a complaint, or will not have it.
    pub(super) fn complaint_saved(&mut self, case: CaseNumber, saved: bool) {
        self.count(if saved { "complaints: accepted" } else { "complaints: not written down" });
        if self.calls.contains_key(&case.call()) {
            self.work.push_back((case.call(), Event::ComplaintSaved { saved }));
        }
    }

    /// What calls write down of complaints and surveys, whoever watches the floor hears.
    pub(super) fn tell_of_record(&mut self, record: &Record) {
        let event = match record {
            Record::Complaint(case, ComplaintChange::Accepted(complaint)) => FloorEvent::Complaint {
                case: *case,
                what: "accepted".to_owned(),
                owner: complaint.owner.clone(),
            },
            Record::Survey(answer) => {
                let SurveyAnswer { call, queue, agent, mark, solved, low, .. } = (**answer).clone();
                FloorEvent::Survey { call, queue, agent, mark, solved, low }
            }
            _ => return,
        };
        self.tell_floor(event);
    }

    /// Whom it concerns has a slip in their box, with all that a slip brings: lamp, mail, web hook, reminders.
    pub(super) fn complaint_due(&mut self, now: Now, complaint: Complaint, duty: Duty) {
        if duty == Duty::FollowUp {
            return self.follow_up(now, complaint);
        }
        let whose = duty.whose(&complaint, &self.plan);
        let (case, what) = (complaint.case, duty.name().to_owned());
        self.count("complaints: due");
        if let Some(mailbox) = &whose {
            self.slip_about(now, mailbox, case, &complaint, what.clone());
        } else {
            tracing::warn!(%case, what, "due of a complaint that is nobody's: see owner and supervisor of [complaints]");
        }
        let change = complaints::seen_to(&complaint, duty, now.wall);
        self.output.push_back(Output::Record(Record::Complaint(case, change)));
        self.tell_floor(FloorEvent::Complaint { case, what, owner: whose });
    }

    /// The hotline's own words to somebody, in their box.
    pub(super) fn slip_about(
        &mut self,
        now: Now,
        mailbox: &str,
        case: CaseNumber,
        complaint: &Complaint,
        why: String,
    ) {
        let slip = MessageSlip {
            slip: self.ids.next_slip(),
            call: case.call(),
            from: complaint.from.clone(),
            person: Some(mailbox.to_owned()),
            mailbox: mailbox.to_owned(),
            taken: now.wall,
            who: None,
            recordings: Vec::new(),
            length_ms: 0,
            number: complaint.number.clone(),
            urgent: complaint.severity == Severity::High,
            confirmed: true,
            state: SlipState::New,
            about: Some(About::Complaint { case, why }),
            keeping: Keeping::default(),
        };
        self.output.push_back(Output::Record(Record::Slip(Box::new(slip))));
    }

    pub(super) fn inquire(&mut self, call: CallId, inquiry: crate::call::Inquiry) {
        self.output.push_back(Output::Inquire { call, inquiry });
    }
}
