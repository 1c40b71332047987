//! The record of a call in the making.

use crate::base::{CallId, Instant, Masked, Now, RecordingId, SlipId, Wall};
use crate::record::{
    CallEnd, CallRecord, CaseNumber, Diverted, Note, Outside, QueueOutcome, QueueVisit, Stage, StageKind,
    SurveyAnswer,
};

/// Stages beyond this many are counted, not kept: a caller who walks in circles fills no disk.
const MOST_STAGES: usize = 256;

/// Nobody reads more of one call.
const MOST_NOTES: usize = 50;

/// Collects what the record will say.
#[derive(Debug)]
pub struct Journal {
    record: CallRecord,
    /// Lengths are told by the clock that nobody sets.
    waiting_since: Instant,
    talking_since: Option<Instant>,
    outside_since: Option<Instant>,
}

impl Journal {
    pub fn new(
        call: CallId,
        sip_call_id: String,
        from: Masked<String>,
        dialled: String,
        origin: String,
        now: Now,
    ) -> Self {
        Journal {
            record: CallRecord {
                call,
                sip_call_id,
                from,
                withheld: false,
                diverted: Vec::new(),
                dialled,
                origin,
                language: String::new(),
                grade: None,
                started: now.wall,
                answered: None,
                ended: now.wall,
                stages: Vec::new(),
                keys: Masked::default(),
                queue: None,
                recordings: Vec::new(),
                slip: None,
                outside: None,
                complaint: None,
                survey: None,
                notes: Vec::new(),
                legs: Vec::new(),
                version: None,
                wrong_keys: 0,
                end: CallEnd::FlowEnded,
            },
            waiting_since: now.mono,
            talking_since: None,
            outside_since: None,
        }
    }

    /// What the trunk said beside the number.
    pub fn came(&mut self, withheld: bool, diverted: Vec<Diverted>) {
        (self.record.withheld, self.record.diverted) = (withheld, diverted);
    }

    pub fn met_plan(&mut self, version: u64, wrong_keys: u32) {
        (self.record.version, self.record.wrong_keys) = ((version != 0).then_some(version), wrong_keys);
    }

    pub fn calls_outside(&mut self, number: Masked<String>) {
        self.record.outside = Some(Outside { number, trunk: String::new(), answered: false, talked_ms: 0 });
    }

    pub fn outside_by(&mut self, trunk: &str) {
        if let Some(outside) = &mut self.record.outside {
            trunk.clone_into(&mut outside.trunk);
        }
    }

    pub fn outside_answered(&mut self, now: Now) {
        self.outside_since = Some(now.mono);
        if let Some(outside) = &mut self.record.outside {
            outside.answered = true;
        }
    }

    pub fn stage(&mut self, now: Now, kind: StageKind, detail: impl Into<String>) {
        if self.record.stages.len() < MOST_STAGES {
            self.record.stages.push(Stage { at: now.wall, kind, detail: detail.into() });
        }
    }

    /// By what the latest step of the dialplan goes on: `flow verb (file:line): key 9; key 3`. A caller may have a menu
    /// read out for as long as they like: each is said once.
    pub fn took(&mut self, by: &str) {
        let mut stages = self.record.stages.iter_mut().rev();
        let Some(step) = stages.find(|stage| stage.kind == StageKind::Listen) else { return };
        match step.detail.split_once("): ") {
            Some((_, known)) if known.split("; ").any(|one| one == by) => {}
            Some(_) => step.detail.push_str(&format!("; {by}")),
            None => step.detail.push_str(&format!(": {by}")),
        }
    }

    pub fn answered(&mut self, now: Now) {
        self.record.answered.get_or_insert(now.wall);
    }

    pub fn queue_entered(&mut self, now: Now, name: &str, target_ms: u64) {
        self.waiting_since = now.mono;
        self.record.queue = Some(QueueVisit {
            name: name.to_owned(),
            entered: now.wall,
            waited_ms: 0,
            offers: 0,
            // Until something better is known: who hangs up while waiting has given up.
            outcome: QueueOutcome::Abandoned,
            agent: None,
            talked_ms: 0,
            target_ms,
        });
    }

    /// The visit goes on in another queue, which is measured by its own service level.
    pub fn queue_changed(&mut self, name: &str, target_ms: u64) {
        if let Some(visit) = &mut self.record.queue {
            name.clone_into(&mut visit.name);
            visit.target_ms = target_ms;
        }
    }

    /// Back in the same line: the visit goes on, and its times add up.
    pub fn queue_again(&mut self, now: Now) {
        self.waiting_since = now.mono;
        if let Some(visit) = &mut self.record.queue {
            visit.outcome = QueueOutcome::Abandoned;
        }
    }

    pub fn offered(&mut self) {
        if let Some(visit) = &mut self.record.queue {
            visit.offers += 1;
        }
    }

    pub fn queue_left(&mut self, now: Now, outcome: QueueOutcome) {
        if let Some(visit) = &mut self.record.queue {
            visit.outcome = outcome;
            visit.waited_ms += now.mono.since(self.waiting_since).as_millis() as u64;
        }
    }

    pub fn served_by(&mut self, now: Now, extension: &str) {
        self.queue_left(now, QueueOutcome::Served);
        if let Some(visit) = &mut self.record.queue {
            visit.agent = Some(extension.to_owned());
        }
        self.talking_since = Some(now.mono);
    }

    pub fn talk_ended(&mut self, now: Now) {
        if let (Some(since), Some(outside)) = (self.outside_since.take(), &mut self.record.outside) {
            outside.talked_ms = now.mono.since(since).as_millis() as u64;
        }
        if let (Some(since), Some(visit)) = (self.talking_since.take(), &mut self.record.queue) {
            visit.talked_ms += now.mono.since(since).as_millis() as u64;
        }
    }

    /// Somebody else serves the caller on: the time counts for the visit.
    pub fn talk_goes_on(&mut self, now: Now) {
        if self.record.queue.as_ref().is_some_and(|visit| visit.outcome == QueueOutcome::Served) {
            self.talking_since = Some(now.mono);
        }
    }

    pub fn dialled(&self) -> &str {
        &self.record.dialled
    }

    pub fn recording(&mut self, recording: RecordingId) {
        self.record.recordings.push(recording);
    }

    pub fn slip(&mut self, slip: SlipId) {
        self.record.slip = Some(slip);
    }

    pub fn complaint(&mut self, case: CaseNumber) {
        self.record.complaint = Some(case);
    }

    pub fn survey(&mut self, answer: SurveyAnswer) {
        self.record.survey = Some(answer);
    }

    /// `false`: there are too many already.
    pub fn note(&mut self, note: Note) -> bool {
        let has_room = self.record.notes.len() < MOST_NOTES;
        if has_room {
            self.record.notes.push(note);
        }
        has_room
    }

    pub fn notes(&self) -> &[Note] {
        &self.record.notes
    }

    /// The queue that the caller last waited in.
    pub fn queue(&self) -> Option<&str> {
        self.record.queue.as_ref().map(|visit| visit.name.as_str())
    }

    pub fn end_is(&mut self, end: CallEnd) {
        self.record.end = end;
    }

    /// The finished record; to be written once.
    pub fn close(
        &mut self,
        now: Now,
        language: String,
        grade: Option<String>,
        keys: Masked<String>,
    ) -> CallRecord {
        self.talk_ended(now);
        self.record.language = language;
        self.record.grade = grade;
        self.record.keys = keys;
        self.record.ended = now.wall;
        self.record.clone()
    }

    pub fn end(&self) -> &CallEnd {
        &self.record.end
    }

    pub fn stages(&self) -> &[Stage] {
        &self.record.stages
    }

    pub fn started(&self) -> Wall {
        self.record.started
    }
}
