//! Who is there, and if not, why and until when. Pure: words and calendars in, the present state and the next change out.
//!
//! ```text
//!   what is said of a person                                     holds until
//!   1  rings, talks, wraps up        what the phone does         that is over      (the exchange's business, not here)
//!   2  by hand: code, command, phone the last word               its time of return, or the next word
//!      "ready" by hand               overrules 3 and 4           what it overrules is over
//!   3  agreed for an hour            said beforehand             its end
//!      the office calendar           a file                      the event's end
//!   4  working hours                 the plan                    they begin
//!   5  nothing of these: there
//! ```
//!
//! The line further up counts. When it ends, the next one that applies does: nobody is made "there" in the middle of a
//! meeting because an earlier word has expired.
//!
//! The time of return that callers are told is not the end of one absence, but the moment from which the person is there
//! for a while: who goes from one meeting into the next is back after the second.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{AgentId, AwayReason, Wall};

/// Who is there for less than this between two absences is not back.
const BACK_FOR: Duration = Duration::from_secs(5 * 60);

/// Absences that follow upon each other; with more, nobody knows when the person is back.
const MOST_IN_A_ROW: usize = 64;

/// Absences agreed beforehand, of one person.
pub const MOST_AGREED: usize = 64;

/// Longer whereabouts are cut.
const LONGEST_PLACE: usize = 120;

/// One time that a person is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Absence {
    pub reason: AwayReason,
    pub from: Wall,
    /// The end is not part of it. `None`: until something else is said.
    pub until: Option<Wall>,
    /// Where the person is, for colleagues; callers are not told.
    pub place: Option<Arc<str>>,
    /// Who takes the calls meanwhile, instead of whom the plan says.
    pub delegate: Option<AgentId>,
}

impl Absence {
    pub fn new(reason: AwayReason, from: Wall, until: Option<Wall>) -> Self {
        Absence { reason, from, until, place: None, delegate: None }
    }

    fn covers(&self, at: Wall) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Whereabouts as they are kept: one line, not endless. `None` where nothing is said.
pub fn place(text: &str) -> Option<Arc<str>> {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept: String = line.chars().take(LONGEST_PLACE).collect();
    (!kept.is_empty()).then(|| kept.into())
}

/// The last word by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    Away(Absence),
    /// There, whatever calendar and working hours say, until what they say is over.
    Here {
        until: Wall,
    },
}

/// What says that somebody is away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    Hand,
    Agreed,
    Calendar,
    Hours,
}

impl Source {
    pub const fn name(self) -> &'static str {
        match self {
            Source::Hand => "by hand",
            Source::Agreed => "agreed",
            Source::Calendar => "calendar",
            Source::Hours => "working hours",
        }
    }
}

/// How things stand with somebody who is away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Away {
    pub reason: AwayReason,
    /// When the person can be reached again, by all that is known.
    pub until: Option<Wall>,
    pub place: Option<Arc<str>>,
    pub delegate: Option<AgentId>,
    pub by: Source,
}

/// What is said of one person.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Person {
    pub hand: Option<Word>,
    pub agreed: Vec<Absence>,
    /// Events of the office calendar.
    pub calendar: Arc<[Absence]>,
}

impl Person {
    /// `off_duty`: the times outside the person's working hours, from `now` on.
    pub fn away(&self, now: Wall, off_duty: &[Absence]) -> Option<Away> {
        let (absence, by) = self.at(now, off_duty)?;
        Some(Away {
            reason: absence.reason,
            until: self.back(absence, off_duty),
            place: absence.place.clone(),
            delegate: absence.delegate,
            by,
        })
    }

    /// When [`away`](Self::away) may say something else.
    pub fn next_change(&self, now: Wall, off_duty: &[Absence]) -> Option<Wall> {
        let spans = self.agreed.iter().chain(self.calendar.iter()).chain(off_duty);
        let by_hand = match &self.hand {
            Some(Word::Away(absence)) => absence.until,
            Some(Word::Here { until }) => Some(*until),
            None => None,
        };
        spans
            .flat_map(|span| [Some(span.from), span.until])
            .chain([by_hand])
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// By hand: there. What was agreed for this hour is taken back; a calendar and working hours are overruled until
    /// what they say now is over.
    pub fn here(&mut self, now: Wall, off_duty: &[Absence]) {
        self.hand = None;
        self.agreed.retain(|absence| !absence.covers(now));
        let overruled = self.at(now, off_duty).map(|(absence, _)| absence.until);
        // Working hours that never begin again: a day is as good as any other time.
        let a_day = now + Duration::from_secs(24 * 3600);
        self.hand = overruled.map(|until| Word::Here { until: until.unwrap_or(a_day) });
    }

    /// What is over says nothing any more. `true` where something went.
    pub fn forget_what_is_over(&mut self, now: Wall) -> bool {
        let over = match &self.hand {
            Some(Word::Away(absence)) => absence.until.is_some_and(|until| until <= now),
            Some(Word::Here { until }) => *until <= now,
            None => false,
        };
        if over {
            self.hand = None;
        }
        let before = self.agreed.len();
        self.agreed.retain(|absence| absence.until.is_none_or(|until| until > now));
        over || self.agreed.len() < before
    }

    /// Nothing was said by anybody, and nothing is to be written down.
    pub fn is_unsaid(&self) -> bool {
        self.hand.is_none() && self.agreed.is_empty()
    }

    fn at<'a>(&'a self, at: Wall, off_duty: &'a [Absence]) -> Option<(&'a Absence, Source)> {
        match &self.hand {
            Some(Word::Away(absence)) if absence.covers(at) => return Some((absence, Source::Hand)),
            Some(Word::Here { until }) if at < *until => return None,
            _ => {}
        }
        [(&*self.agreed, Source::Agreed), (&*self.calendar, Source::Calendar), (off_duty, Source::Hours)]
            .into_iter()
            .find_map(|(level, by)| Some((gravest(level, at)?, by)))
    }

    /// From when on the person is there for a while.
    fn back(&self, first: &Absence, off_duty: &[Absence]) -> Option<Wall> {
        let mut back = first.until?;
        for _ in 0..MOST_IN_A_ROW {
            match self.at(back + BACK_FOR, off_duty) {
                Some((next, _)) => back = next.until?,
                None => return Some(back),
            }
        }
        None
    }
}

/// Of several at once: who is on leave is not in the meeting that the calendar still has.
fn gravest(level: &[Absence], at: Wall) -> Option<&Absence> {
    let rank = |reason: AwayReason| match reason {
        AwayReason::Leave => 0,
        AwayReason::ImportantMeeting => 1,
        AwayReason::Meeting => 2,
        AwayReason::Visitor => 3,
        AwayReason::Banquet => 4,
        AwayReason::Out => 5,
        AwayReason::Training => 6,
        AwayReason::Break => 7,
        AwayReason::OffDuty | AwayReason::NoAnswer => 8,
    };
    level.iter().filter(|absence| absence.covers(at)).min_by_key(|absence| rank(absence.reason))
}

/// Who takes the calls of somebody: the delegate, where that one is away the delegate's delegate, and so on.
///
/// Nobody comes twice: a circle ends with its last member. `next`: the delegate of somebody.
pub fn delegates<'n>(
    first: AgentId,
    next: impl Fn(AgentId) -> Option<AgentId> + 'n,
) -> impl Iterator<Item = AgentId> + 'n {
    let mut seen = vec![first];
    std::iter::from_fn(move || {
        let delegate = next(*seen.last()?).filter(|delegate| !seen.contains(delegate))?;
        seen.push(delegate);
        Some(delegate)
    })
}

/// Whether calls would go round for ever if `to` became the delegate of `of`: everybody on the way is away by then.
pub fn is_circle(
    of: AgentId,
    to: AgentId,
    is_away: impl Fn(AgentId) -> bool,
    next: impl Fn(AgentId) -> Option<AgentId>,
) -> bool {
    let mut at = to;
    let mut seen = Vec::new();
    loop {
        if at == of {
            return true;
        }
        if !is_away(at) || seen.contains(&at) {
            return false;
        }
        seen.push(at);
        match next(at) {
            Some(further) => at = further,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests;
