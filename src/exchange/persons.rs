//! The presence of persons: what is said of them, by whatever means, is put in force here and nowhere else.
//!
//! ```text
//!   feature code, command, phone --> a word --+
//!   absence agreed for an hour ---------------+--> what is said of the person --> judged --> the desk, the queue core,
//!   calendar file ----------------------------+    (crate::presence)            |            lamps, events, the store
//!   working hours of the plan ----------------+                                 +--> the next change: a deadline
//! ```
//!
//! Any exchange takes a word and puts it in force. The deadlines are the first one's, which hears of every desk that
//! looks different.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::feed::FloorEvent;
use super::{Exchange, Output, topology};
use crate::base::{AgentId, AwayReason, CallId, Instant, Now, Wall};
use crate::call::Event;
use crate::dialplan::{Agent, DialEnd, PresenceChange};
use crate::presence::{self, Absence, Away, MOST_AGREED, Person, Word};
use crate::record::{KeptAbsence, KeptPresence, KeptWord, Record};

/// The clock was set where it has moved by more than this against the one that nobody sets.
const CLOCK_SET: Duration = Duration::from_secs(1);

/// In a row: of so many people somebody is there, or nobody will be.
const MOST_DELEGATES: usize = 8;

/// Why nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSet {
    #[error("the dialplan has nobody with this extension")]
    Unknown,
    #[error("not in wrap-up, or it has been extended before: there is nothing to extend")]
    NothingToExtend,
    #[error("the time of return is in the past")]
    Past,
    #[error("the absence would end before it begins")]
    EndsFirst,
    #[error("the dialplan has nobody with the delegate's extension")]
    NoSuchDelegate,
    #[error("calls would go round in a circle of delegates who are all away")]
    Circle,
    #[error("who is there has no delegate to name: say why they are away, too")]
    NotAway,
    #[error("no more absences can be agreed for this person")]
    TooMany,
}

/// When each person's presence may change by itself.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    changes: BTreeMap<AgentId, (Instant, Wall)>,
    order: BTreeSet<(Instant, AgentId)>,
    /// Wall clock less the other one, in microseconds.
    offset: i64,
}

impl Timetable {
    fn set(&mut self, now: Now, person: AgentId, change: Option<Wall>) {
        if let Some((at, _)) = self.changes.remove(&person) {
            self.order.remove(&(at, person));
        }
        if let Some(change) = change {
            let at = now.mono + change.since(now.wall);
            self.changes.insert(person, (at, change));
            self.order.insert((at, person));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    fn due(&self, now: Now) -> Vec<AgentId> {
        self.order.iter().take_while(|(at, _)| *at <= now.mono).map(|(_, person)| *person).collect()
    }

    /// Somebody has set the clock: each moment of the day comes sooner or later than was thought.
    fn heed_the_clock(&mut self, now: Now) {
        let mono = i64::try_from(now.mono.as_micros()).unwrap_or(i64::MAX);
        let offset = now.wall.as_micros().saturating_sub(mono);
        let moved = offset.abs_diff(self.offset);
        self.offset = offset;
        if u128::from(moved) < CLOCK_SET.as_micros() || self.changes.is_empty() {
            return;
        }
        for (person, (_, change)) in std::mem::take(&mut self.changes) {
            let at = now.mono + change.since(now.wall);
            self.changes.insert(person, (at, change));
        }
        self.order = self.changes.iter().map(|(person, (at, _))| (*at, *person)).collect();
    }
}

impl Exchange {
    /// An agent's own wish, by feature code or command.
    ///
    /// # Errors
    /// Nothing is changed; why.
    pub(super) fn set_presence(
        &mut self,
        now: Now,
        agent: AgentId,
        change: PresenceChange,
    ) -> Result<(), NotSet> {
        if !self.is_known(agent) {
            return Err(NotSet::Unknown);
        }
        tracing::info!(agent = self.numbering.extension(agent), ?change, "presence");
        match change {
            PresenceChange::SignOn => {
                self.here(now, agent);
                self.sign_on(now, agent);
            }
            PresenceChange::SignOff => {
                self.desks.change_person(agent, |person| person.hand = None);
                self.desks.set_signed_on(agent, false);
                // Before the word that they are away falls: else they would be ready for a moment, and be offered a caller.
                self.core.agent_logout(now.mono, agent, &mut self.core_events);
                self.judged(now, agent);
            }
            PresenceChange::Ready => {
                self.here(now, agent);
                self.ready(now, agent);
            }
            PresenceChange::MoreTime => {
                let extended = self.core.wrap_up_extend(now.mono, agent, &mut self.core_events);
                return extended.map(|_| ()).ok_or(NotSet::NothingToExtend);
            }
            PresenceChange::Away { reason, until, delegate } => {
                let delegate = delegate.map(|extension| self.delegate_named(&extension)).transpose()?;
                let absence = Absence { delegate, ..Absence::new(reason, now.wall, until) };
                return self.set_absence(now, agent, absence);
            }
            PresenceChange::Delegate(delegate) => {
                let Some(Away { reason, until, place, .. }) = self.desks.get(agent).away else {
                    return Err(NotSet::NotAway);
                };
                let delegate = delegate.map(|extension| self.delegate_named(&extension)).transpose()?;
                let from = now.wall;
                return self.set_absence(now, agent, Absence { reason, from, until, place, delegate });
            }
        }
        self.desks.set_published(agent, None);
        self.desks.changed(agent, now.mono);
        self.keep_presence(agent);
        Ok(())
    }

    /// Away from now on, or at an hour that is agreed on now.
    ///
    /// # Errors
    /// Nothing is changed; why.
    pub(super) fn set_absence(&mut self, now: Now, agent: AgentId, absence: Absence) -> Result<(), NotSet> {
        if !self.is_known(agent) {
            return Err(NotSet::Unknown);
        }
        if absence.until.is_some_and(|until| until <= now.wall) {
            return Err(NotSet::Past);
        }
        if absence.until.is_some_and(|until| until <= absence.from) {
            return Err(NotSet::EndsFirst);
        }
        if let Some(delegate) = absence.delegate {
            let is_away = |agent: AgentId| self.desks.get(agent).away.is_some();
            if presence::is_circle(agent, delegate, is_away, |agent| self.delegate_of(agent)) {
                return Err(NotSet::Circle);
            }
        }
        if absence.from > now.wall {
            let agreed = self.desks.change_person(agent, |person| {
                person.forget_what_is_over(now.wall);
                let room = person.agreed.len() < MOST_AGREED;
                if room {
                    person.agreed.push(absence);
                }
                room
            });
            if !agreed {
                return Err(NotSet::TooMany);
            }
        } else {
            self.desks.change_person(agent, |person| person.hand = Some(Word::Away(absence)));
            self.desks.set_published(agent, None);
            self.judge(now, agent);
            // Whoever repeats themselves means it: also after calls that nobody answered.
            if let Some(away) = self.desks.get(agent).away {
                self.core.agent_away(now.mono, agent, topology::away(away.reason), &mut self.core_events);
            }
        }
        self.keep_presence(agent);
        Ok(())
    }

    /// Signed on and ready, whatever was said before.
    pub(super) fn sign_on(&mut self, now: Now, agent: AgentId) {
        self.desks.set_signed_on(agent, true);
        self.desks.changed(agent, now.mono);
        let events = &mut self.core_events;
        self.core.agent_login(now.mono, agent, events);
        // Who was rung while signed off talks still: the core is told now.
        if self.desks.get(agent).call.is_some() {
            self.core.agent_seize(now.mono, agent, events);
        }
        self.core.agent_ready(now.mono, agent, events);
    }

    fn ready(&mut self, now: Now, agent: AgentId) {
        // A person who serves no queue is simply there again. Whose phone was gone meanwhile, and signs them on by
        // being there, is signed on.
        if !self.core.agent_ready(now.mono, agent, &mut self.core_events) {
            let extension = self.numbering.extension(agent).to_owned();
            self.phone_there(now, &extension);
        }
    }

    fn here(&mut self, now: Now, agent: AgentId) {
        let off_duty = self.off_duty(now, agent);
        self.desks.change_person(agent, |person| person.here(now.wall, &off_duty));
        self.judge(now, agent);
    }

    fn is_known(&self, agent: AgentId) -> bool {
        self.plan.agent_by_extension(self.numbering.extension(agent)).is_some()
    }

    /// # Errors
    /// There is nobody of that extension.
    pub(super) fn delegate_named(&self, extension: &str) -> Result<AgentId, NotSet> {
        let known = self.plan.agent_by_extension(extension);
        known.and_then(|_| self.numbering.agent(extension)).ok_or(NotSet::NoSuchDelegate)
    }

    /// Who takes the calls of this person now: named with the absence, else by the plan.
    pub(super) fn delegate_of(&self, agent: AgentId) -> Option<AgentId> {
        let named = self.desks.get(agent).away.and_then(|away| away.delegate);
        named.or_else(|| {
            let agent = self.plan.agent_by_extension(self.numbering.extension(agent))?;
            self.numbering.agent(&self.plan.agent(agent.delegate?)?.extension)
        })
    }

    /// Who takes the calls of this person; where they cannot come, who takes theirs, and so on.
    pub(super) fn seize_delegate(&mut self, now: Now, call: CallId, extension: &str) -> Event {
        let mut why = DialEnd::Unreachable;
        let Some(person) = self.numbering.agent(extension) else { return Event::NotSeized { why } };
        let in_turn: Vec<AgentId> =
            presence::delegates(person, |agent| self.delegate_of(agent)).take(MOST_DELEGATES).collect();
        for delegate in in_turn {
            let extension = self.numbering.extension(delegate).to_owned();
            match self.seize(now, call, &extension) {
                Event::NotSeized { why: not } => why = not,
                seized => return seized,
            }
        }
        Event::NotSeized { why }
    }

    fn off_duty(&self, now: Now, agent: AgentId) -> Vec<Absence> {
        let Some(agent) = self.plan.agent_by_extension(self.numbering.extension(agent)) else {
            return Vec::new();
        };
        let closed = self.plan.off_duty(agent, now.wall);
        closed.into_iter().map(|(from, until)| Absence::new(AwayReason::OffDuty, from, until)).collect()
    }

    /// What holds of the person now is put in force.
    pub(super) fn judge(&mut self, now: Now, agent: AgentId) {
        match self.judged(now, agent) {
            Some(Some(reason)) => {
                self.core.agent_away(now.mono, agent, topology::away(reason), &mut self.core_events);
            }
            Some(None) => self.ready(now, agent),
            None => {}
        }
    }

    /// What holds of the person now is shown; the reason of being away, or none, if that has changed.
    fn judged(&mut self, now: Now, agent: AgentId) -> Option<Option<AwayReason>> {
        let off_duty = self.off_duty(now, agent);
        let (before, after) = self.desks.judge(agent, now.wall, &off_duty);
        if before == after {
            return None;
        }
        let reason = |away: &Option<Away>| away.as_ref().map(|away| away.reason);
        self.tell_floor(self.presence_event(agent, after.as_ref()));
        if reason(&before) == reason(&after) {
            return None;
        }
        self.desks.changed(agent, now.mono);
        Some(reason(&after))
    }

    fn presence_event(&self, agent: AgentId, away: Option<&Away>) -> FloorEvent {
        let extension = |agent: AgentId| self.numbering.extension(agent).to_owned();
        FloorEvent::Presence {
            person: extension(agent),
            away: away.map(|away| away.reason),
            until: away.and_then(|away| away.until),
            place: away.and_then(|away| away.place.as_deref().map(str::to_owned)),
            delegate: away.and_then(|away| away.delegate).map(extension),
            by: away.map(|away| away.by.name().to_owned()),
        }
    }

    /// The events of a person's calendar file, instead of those that were known.
    pub(super) fn calendar_read(&mut self, now: Now, extension: &str, events: Arc<[Absence]>) {
        let Some(agent) = self.numbering.agent(extension) else { return };
        self.desks.change_person(agent, |person| person.calendar = events);
        self.judge(now, agent);
    }

    // -- the deadlines, of the first exchange --

    /// The desk may look different, and the next change come at another time.
    pub(super) fn expect_change(&mut self, now: Now, agent: AgentId) {
        let off_duty = self.off_duty(now, agent);
        let change = self.desks.person(agent).next_change(now.wall, &off_duty);
        self.timetable.set(now, agent, change);
    }

    pub(super) fn persons_due(&mut self, now: Now) {
        self.timetable.heed_the_clock(now);
        for agent in self.timetable.due(now) {
            self.timetable.set(now, agent, None);
            if self.desks.change_person(agent, |person| person.forget_what_is_over(now.wall)) {
                self.keep_presence(agent);
            }
            self.judge(now, agent);
            self.desks.touch(agent);
        }
    }

    /// After a reload: working hours may be others.
    pub(super) fn judge_all(&mut self, now: Now) {
        let numbered = |agent: &Agent| self.numbering.agent(&agent.extension);
        let all: Vec<AgentId> = self.plan.agents().iter().filter_map(numbered).collect();
        for agent in all {
            self.judge(now, agent);
            self.desks.touch(agent);
        }
    }

    // -- what a restart keeps --

    /// Written down whenever a word is said. What a phone published is not: the phone says it again.
    pub(super) fn keep_presence(&mut self, agent: AgentId) {
        let desk = self.desks.get(agent);
        let Person { hand, agreed, .. } = self.desks.person(agent);
        let kept = |absence: &Absence| KeptAbsence {
            reason: absence.reason,
            from: absence.from,
            until: absence.until,
            place: absence.place.as_deref().map(str::to_owned),
            delegate: absence.delegate.map(|delegate| self.numbering.extension(delegate).to_owned()),
        };
        let hand = hand.filter(|_| desk.published.is_none()).map(|word| match &word {
            Word::Away(absence) => KeptWord::Away(kept(absence)),
            Word::Here { until } => KeptWord::Here { until: *until },
        });
        let presence = KeptPresence {
            extension: self.numbering.extension(agent).to_owned(),
            hand,
            agreed: agreed.iter().map(kept).collect(),
            signed_on: desk.signed_on,
        };
        self.output.push_back(Output::Record(Record::Presence(Box::new(presence))));
    }

    /// What was said of persons before the restart.
    pub(super) fn restore_presences(&mut self, now: Now, presences: Vec<KeptPresence>) {
        for KeptPresence { extension, hand, agreed, signed_on } in presences {
            let Some(agent) = self.numbering.agent(&extension) else { continue };
            let absence = |kept: KeptAbsence| Absence {
                reason: kept.reason,
                from: kept.from,
                until: kept.until,
                place: kept.place.as_deref().and_then(presence::place),
                delegate: kept.delegate.and_then(|extension| self.numbering.agent(&extension)),
            };
            let hand = hand.map(|word| match word {
                KeptWord::Away(kept) => Word::Away(absence(kept)),
                KeptWord::Here { until } => Word::Here { until },
            });
            let agreed = agreed.into_iter().take(MOST_AGREED).map(absence).collect();
            self.desks.change_person(agent, |person| {
                (person.hand, person.agreed) = (hand, agreed);
                person.forget_what_is_over(now.wall);
            });
            self.desks.set_signed_on(agent, signed_on);
            self.judge(now, agent);
            self.phone_there(now, &extension);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(seconds: u64, wall: u64) -> Now {
        Now {
            mono: Instant::from_micros(seconds * 1_000_000),
            wall: Wall::from_micros(1_000_000 * i64::try_from(wall).unwrap()),
        }
    }

    #[test]
    fn a_clock_that_is_set_moves_what_is_to_come() {
        let mut table = Timetable::default();
        table.heed_the_clock(now(0, 1000));
        table.set(now(0, 1000), AgentId(1), Some(now(0, 1600).wall));
        assert_eq!(table.next(), Some(now(600, 0).mono));
        table.heed_the_clock(now(100, 1100));
        assert_eq!(table.next(), Some(now(600, 0).mono), "nobody touched it");
        // Ten minutes forward: the moment has passed.
        table.heed_the_clock(now(200, 1800));
        assert_eq!(table.due(now(200, 1800)), [AgentId(1)]);
        table.set(now(200, 1800), AgentId(1), None);
        assert_eq!((table.next(), table.changes.len()), (None, 0));
    }
}
