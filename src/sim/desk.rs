//! A person at a desk: how they answer, how long they talk, when they are there.

use std::collections::VecDeque;
use std::time::Duration;

use super::chance::Chance;
use crate::base::Rng;
use crate::sip::DialogId;

/// Something that somebody at a desk does, or that happens to their phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeskAct {
    /// Signs the phone in with the registrar, and again before that runs out.
    Register,
    /// Dials a number: a feature code, a colleague.
    Dial(String),
    Answer(DialogId),
    Refuse(DialogId, u16),
    Hold(DialogId),
    Resume(DialogId),
    HangUp(DialogId),
    /// Presses a key in the call that the phone is in.
    Press(char),
    /// Says something for so long, of which a recorder takes notice.
    Speak(Duration),
    /// Ends whatever the phone is in.
    LayDown,
    /// Writes a text (RFC 3428) to the house, as in answer to one of its own.
    Write(String),
    /// Hands the caller on by REFER: to a colleague, a line, a slot, or to where nobody is.
    HandOn(DialogId),
    /// The phone loses its power.
    Vanish,
    /// It is plugged in again and registers.
    Return,
}

/// What somebody does when the phone rings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reaction {
    Answer {
        after: Duration,
        /// Hangs up so long after answering; `None` leaves that to the caller.
        talks_for: Option<Duration>,
        /// Puts the caller on hold at this time and takes them back at that.
        holds: Option<(Duration, Duration)>,
        /// Hands the caller on after so long, if both are still there.
        hands_on: Option<Duration>,
    },
    /// Lets it ring.
    Ignore,
    /// 486 when already talking, 480 or 603 at the press of a button.
    Refuse { after: Duration, status: u16 },
}

/// How somebody usually works.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Milliseconds to pick up: at least, at most.
    pub picks_up_ms: (u64, u64),
    /// Of a thousand offers so many ring out.
    pub ignores_per_mille: u64,
    /// Of a thousand calls so many are put on hold.
    pub holds_per_mille: u64,
    /// Of a thousand calls so many are handed on.
    pub hands_on_per_mille: u64,
    pub talk_mean: Duration,
    /// Of a hundred talks so many are ended by the agent; the others are left to the caller, but not for ever.
    pub hangs_up_percent: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Habits {
            picks_up_ms: (2_000, 5_000),
            ignores_per_mille: 4,
            holds_per_mille: 60,
            hands_on_per_mille: 60,
            talk_mean: Duration::from_secs(200),
            hangs_up_percent: 60,
        }
    }
}

/// A phone on a desk and who sits at it.
#[derive(Clone, Debug)]
pub struct Desk {
    pub extension: String,
    pub password: String,
    pub over_tcp: bool,
    pub habits: Habits,
    /// The phone knows MESSAGE (RFC 3428).
    pub takes_texts: bool,
    /// Whoever sits here answers the house's questions by a text, one way or another.
    pub answers_texts: bool,
    /// What happens at the next rings, before habits take over.
    pub script: VecDeque<Reaction>,
}

impl Desk {
    pub fn new(extension: impl Into<String>) -> Self {
        let extension = extension.into();
        let password = format!("desk-{extension}");
        let (habits, script) = (Habits::default(), VecDeque::new());
        Desk { extension, password, over_tcp: false, habits, takes_texts: true, answers_texts: false, script }
    }

    /// With the reactions to the first rings fixed.
    pub fn with(mut self, script: impl IntoIterator<Item = Reaction>) -> Self {
        self.script = script.into_iter().collect();
        self
    }

    pub(super) fn react(&mut self, rng: &mut Rng) -> Reaction {
        if let Some(reaction) = self.script.pop_front() {
            return reaction;
        }
        let habits = &self.habits;
        if rng.below(1000) < habits.ignores_per_mille {
            return Reaction::Ignore;
        }
        let after = rng.between_ms(habits.picks_up_ms.0, habits.picks_up_ms.1);
        let length = rng.talk(habits.talk_mean);
        let holds = (rng.below(1000) < habits.holds_per_mille).then(|| {
            let begin = rng.between_ms(5_000, 30_000);
            // Now and then so long that the agent has to be reminded.
            (begin, begin + rng.between_ms(5_000, 120_000))
        });
        let hands_on = (rng.below(1000) < habits.hands_on_per_mille).then(|| rng.between_ms(10_000, 90_000));
        let mine = rng.below(100) < habits.hangs_up_percent;
        Reaction::Answer { after, talks_for: Some(if mine { length } else { length * 3 }), holds, hands_on }
    }
}
