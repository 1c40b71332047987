//! Complaints, and what callers say of talks.

use super::{Office, refused};
use crate::base::{CallId, Masked};
use crate::daemon::clock;
use crate::daemon::control::{Order, Response};
use crate::daemon::failure::Failure;
use crate::daemon::store::{ComplaintFilter, Store};
use crate::exchange::{Command, Reply};
use crate::record::{CallRecord, CaseNumber, Complaint, ComplaintChange, ComplaintUpdate, Severity};

/// What is known of a complaint when it is accepted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acceptance {
    pub category: String,
    pub severity: Severity,
    pub expects: Option<Masked<String>>,
    /// By extension; `None`: the agent who talks, or talked, with the caller.
    pub owner: Option<String>,
}

impl Office {
    /// The newest first.
    pub fn complaints(&self, filter: &ComplaintFilter) -> Result<Vec<Complaint>, Failure> {
        self.store(|store| Ok(store.complaints(filter)?))
    }

    pub fn complaint(&self, case: CaseNumber) -> Result<Complaint, Failure> {
        self.store(|store| store.complaint(case)?.ok_or_else(|| unknown(case)))
    }

    /// The caller of this call complains. While it runs its caller hears the number; of one that is over the record says
    /// who it was. `by`: who says so. What could not be told to the daemon, in words.
    pub fn accept_complaint(
        &self,
        call: CallId,
        by: &str,
        said: Acceptance,
    ) -> Result<(CaseNumber, Option<String>), Failure> {
        let Acceptance { category, severity, expects, owner } = said;
        let order = Command::AcceptComplaint {
            call,
            by: by.to_owned(),
            category: category.clone(),
            severity,
            expects: expects.clone(),
            owner: owner.clone(),
        };
        match self.command(order) {
            Ok(Reply::Accepted { case }) => return Ok((case, None)),
            // It may be over.
            Err(Failure::Refused(_) | Failure::NotRunning { .. }) => {}
            Ok(other) => return Err(refused(Response::Reply(other))),
            Err(failure) => return Err(failure),
        }
        let case = CaseNumber::of(call);
        self.store(|store| {
            let record =
                store.call(call)?.ok_or_else(|| Failure::Absent(format!("there is no call {call}")))?;
            let language = record.language.clone();
            let mut complaint = Complaint::new(case, clock::now().wall, by, record.from.clone(), language);
            (complaint.category, complaint.severity, complaint.expects) = (category, severity, expects);
            complaint.owner = owner.or_else(|| served_by(&record));
            complaint.slips.extend(record.slip);
            Ok(store.change_complaint(case, &ComplaintChange::Accepted(Box::new(complaint)))?)
        })?;
        Ok((case, self.tell(Order::Changed { case })))
    }

    /// How it stands from now on. What could not be told to the daemon, in words.
    pub fn update_complaint(
        &self,
        case: CaseNumber,
        by: &str,
        update: ComplaintUpdate,
    ) -> Result<(Complaint, Option<String>), Failure> {
        if let ComplaintUpdate::Owner(extension) = &update {
            self.is_person(extension)?;
        }
        let change = ComplaintChange::Updated { at: clock::now().wall, by: by.to_owned(), update };
        let complaint = self.store(|store| {
            let known = store.change_complaint(case, &change)?;
            store.complaint(case)?.filter(|_| known).ok_or_else(|| unknown(case))
        })?;
        // What is due of it is reckoned anew.
        Ok((complaint, self.tell(Order::Changed { case })))
    }

    /// Nobody is given a case whom the dialplan does not know; without a daemon nobody can say.
    fn is_person(&self, extension: &str) -> Result<(), Failure> {
        match self.agents() {
            Ok(agents) if !agents.iter().any(|agent| agent.extension == extension) => {
                Err(Failure::Other(format!("the dialplan has no agent {extension}")))
            }
            Ok(_) | Err(Failure::NotRunning { .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

fn served_by(record: &CallRecord) -> Option<String> {
    record.queue.as_ref().and_then(|visit| visit.agent.clone())
}

fn unknown(case: CaseNumber) -> Failure {
    Failure::Absent(format!("there is no complaint {case}"))
}
