//! Who is asked for a sign of life, when, and what their silence means.
//!
//! A pure machine without messages: the host watches targets (a phone's contact, a trunk's address) by a key of its
//! own, sends an OPTIONS wherever [`handle_timeout`](Probes::handle_timeout) says [`Due::Ask`], and reports what
//! was [`heard`](Probes::heard). Every answer counts, a refusal too: who refuses is there (RFC 3261 §11). Other
//! traffic of the target counts as much, so that only those are asked who said nothing for a while.
//!
//! ```text
//!                 due: Ask                 heard
//!     +---------+ --------> +---------+ ----------> resting, `every` from now; Up where it was down
//!     | resting |           |  asked  |
//!     +---------+ <-------- +---------+ -- no answer `within`: one silence more
//!          ^   silences >= limit: Down    |
//!          |   (told once)                | fewer: Ask again at once
//!          +------------------------------+
//! ```
//!
//! A target that was never asked is neither up nor down: it is taken as reachable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::{Instant, Rng};

/// How often, how patiently, how many times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// So long after the last sign of life the next one is asked for. Zero: nobody is asked, nobody is down.
    pub every: Duration,
    /// An answer that takes longer counts as silence. Five transmissions over UDP lie within 8 s (RFC 3261
    /// §17.1.2.2: at 0, 0.5, 1.5, 3.5 and 7.5 s).
    pub within: Duration,
    /// After so many silences in a row a target is down. At least one.
    pub silences: u32,
}

impl Default for Pace {
    fn default() -> Self {
        // Noticed within 80 s; 10,000 phones cost 170 requests a second at most, and none where they talk anyway.
        Pace { every: Duration::from_secs(60), within: Duration::from_secs(8), silences: 2 }
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Due<K> {
    /// Send it an OPTIONS.
    Ask(K),
    /// It has been silent for too long. Told once, until it is heard again.
    Down(K),
}

/// All targets of one kind.
#[derive(Debug)]
pub struct Probes<K> {
    pace: Pace,
    targets: BTreeMap<K, Target>,
    /// Each target's next deadline.
    deadlines: BTreeSet<(Instant, K)>,
    /// Nobody is asked any more.
    ended: bool,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    due: Instant,
    asked: bool,
    /// In a row.
    silences: u32,
    life: Life,
}

/// What is known of a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// Neither heard nor found silent.
    Unknown,
    Up,
    Down,
}

impl<K: Ord + Clone> Probes<K> {
    pub fn new(pace: Pace) -> Self {
        Probes { pace, targets: BTreeMap::new(), deadlines: BTreeSet::new(), ended: false }
    }

    /// Watches a target that nothing was heard of yet. Its first turn comes at random within one round, so that
    /// all targets of a start are not asked in the same moment. Nothing changes for one that is watched already.
    pub fn watch(&mut self, now: Instant, key: K, rng: &mut Rng) {
        if self.ended || self.pace.every.is_zero() || self.targets.contains_key(&key) {
            return;
        }
        let round = u64::try_from(self.pace.every.as_micros()).unwrap_or(u64::MAX);
        let due = now + Duration::from_micros(rng.below(round));
        self.deadlines.insert((due, key.clone()));
        self.targets.insert(key, Target { due, asked: false, silences: 0, life: Life::Unknown });
    }

    pub fn forget(&mut self, key: &K) {
        if let Some(target) = self.targets.remove(key) {
            self.deadlines.remove(&(target.due, key.clone()));
        }
    }

    /// A sign of life: any answer to what was asked, or any other message. `true`: it was down, and is up now.
    pub fn heard(&mut self, now: Instant, key: &K) -> bool {
        let every = self.pace.every;
        let Some(target) = self.targets.get_mut(key) else { return false };
        let was_down = target.life == Life::Down;
        (target.asked, target.silences, target.life) = (false, 0, Life::Up);
        self.put_off(key, now + every);
        was_down
    }

    /// It is known by other means that it cannot be reached: a message could not be sent. Counts as a silence,
    /// and is found at the next [`handle_timeout`](Self::handle_timeout).
    pub fn failed(&mut self, now: Instant, key: &K) {
        if self.targets.get(key).is_some_and(|target| target.asked) {
            self.put_off(key, now);
        }
    }

    /// It may be gone: it is asked now. Nothing changes where it is being asked.
    pub fn suspect(&mut self, now: Instant, key: &K) {
        if self.targets.get(key).is_some_and(|target| !target.asked && target.life != Life::Down) {
            self.put_off(key, now);
        }
    }

    /// What is due by now, in the order of the deadlines; each target at most once.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Due<K>> {
        let mut due = Vec::new();
        while let Some((at, key)) = self.deadlines.first().cloned() {
            if at > now {
                break;
            }
            let Pace { every, within, silences } = self.pace;
            let Some(target) = self.targets.get_mut(&key) else {
                self.deadlines.pop_first();
                continue;
            };
            if target.asked {
                target.silences = target.silences.saturating_add(1);
            }
            let silent = target.asked && target.silences >= silences;
            // Down already, and still silent: asked again after a round.
            target.asked = !silent;
            let next = if silent { every } else { within };
            if !silent {
                due.push(Due::Ask(key.clone()));
            } else if target.life != Life::Down {
                target.life = Life::Down;
                due.push(Due::Down(key.clone()));
            }
            // Behind now whatever the pace, or this loop would not end.
            self.put_off(&key, now + next.max(Duration::from_millis(1)));
        }
        due
    }

    /// Nobody is asked from now on: the last call is over, and no other will come.
    pub fn end(&mut self) {
        self.ended = true;
        self.deadlines.clear();
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Of one that is not watched nothing is known.
    pub fn life(&self, key: &K) -> Life {
        self.targets.get(key).map_or(Life::Unknown, |target| target.life)
    }

    pub fn is_down(&self, key: &K) -> bool {
        self.life(key) == Life::Down
    }

    /// In the order of the keys.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.targets.keys()
    }

    fn put_off(&mut self, key: &K, due: Instant) {
        let Some(target) = self.targets.get_mut(key) else { return };
        self.deadlines.remove(&(target.due, key.clone()));
        target.due = due;
        if !self.ended {
            self.deadlines.insert((due, key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { every: Duration::from_secs(60), within: Duration::from_secs(8), silences: 2 };

    #[test]
    fn silence_twice_is_down_and_any_word_is_up() {
        let mut probes = watching(&["a"]);
        let first = probes.poll_timeout().unwrap();
        assert!(first < at(60), "within the first round");
        assert_eq!(probes.handle_timeout(first), [Due::Ask("a")]);
        assert_eq!(probes.handle_timeout(first + Duration::from_secs(7)), []);
        assert_eq!(probes.handle_timeout(first + PACE.within), [Due::Ask("a")], "once more, at once");
        assert_eq!(probes.life(&"a"), Life::Unknown);
        assert_eq!(probes.handle_timeout(first + 2 * PACE.within), [Due::Down("a")]);
        assert!(probes.is_down(&"a"));

        // Asked again each round, and told no second time.
        let again = first + 2 * PACE.within + PACE.every;
        assert_eq!(probes.poll_timeout(), Some(again));
        assert_eq!(probes.handle_timeout(again), [Due::Ask("a")]);
        assert_eq!(probes.handle_timeout(again + PACE.within), []);
        assert!(probes.is_down(&"a"));

        assert!(probes.heard(at(200), &"a"), "up again");
        assert_eq!((probes.life(&"a"), probes.poll_timeout()), (Life::Up, Some(at(260))));
    }

    #[test]
    fn who_talks_is_not_asked() {
        let mut probes = watching(&["a"]);
        for second in 0..200 {
            assert!(!probes.heard(at(second), &"a"));
            assert_eq!(probes.handle_timeout(at(second)), []);
        }
        assert_eq!(probes.handle_timeout(at(199 + 60)), [Due::Ask("a")]);
    }

    #[test]
    fn an_answer_between_two_silences_begins_anew() {
        let mut probes = watching(&["a"]);
        assert_eq!(probes.handle_timeout(at(60)), [Due::Ask("a")]);
        assert_eq!(probes.handle_timeout(at(68)), [Due::Ask("a")]);
        assert!(!probes.heard(at(70), &"a"));
        assert_eq!(probes.handle_timeout(at(130)), [Due::Ask("a")]);
        assert_eq!(probes.handle_timeout(at(138)), [Due::Ask("a")]);
        assert_eq!(probes.handle_timeout(at(146)), [Due::Down("a")]);
    }

    #[test]
    fn what_cannot_be_sent_is_silence_without_waiting() {
        let mut probes = watching(&["a"]);
        probes.failed(at(1), &"a");
        assert_eq!(probes.handle_timeout(at(60)), [Due::Ask("a")]);
        probes.failed(at(60), &"a");
        assert_eq!(probes.handle_timeout(at(60)), [Due::Ask("a")]);
        probes.failed(at(60), &"a");
        assert_eq!(probes.handle_timeout(at(60)), [Due::Down("a")]);
    }

    #[test]
    fn a_suspect_is_asked_at_once_and_no_sooner_than_it_could_have_answered() {
        let mut probes = watching(&["a"]);
        assert!(!probes.heard(at(1), &"a"));
        probes.suspect(at(2), &"a");
        assert_eq!(probes.handle_timeout(at(2)), [Due::Ask("a")]);
        probes.suspect(at(3), &"a");
        assert_eq!(probes.handle_timeout(at(3)), []);
    }

    #[test]
    fn a_start_is_spread_over_one_round() {
        let names: Vec<String> = (0..600).map(|n| format!("{n:03}")).collect();
        let mut probes = watching(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let most = (1..=60).map(|second| probes.handle_timeout(at(second)).len()).max().unwrap();
        // Ten a second on average, beside those who are asked a second time.
        assert!((10..=60).contains(&most), "{most}");
    }

    #[test]
    fn the_forgotten_are_left_alone_and_a_pace_of_nothing_asks_nobody() {
        let mut probes = watching(&["a", "b"]);
        probes.forget(&"a");
        assert_eq!(probes.keys().collect::<Vec<_>>(), [&"b"]);
        assert_eq!(probes.handle_timeout(at(60)), [Due::Ask("b")]);
        probes.forget(&"b");
        assert_eq!((probes.poll_timeout(), probes.heard(at(61), &"b")), (None, false));

        let mut off = Probes::new(Pace { every: Duration::ZERO, ..PACE });
        off.watch(at(0), "a", &mut Rng::from_number(1));
        assert_eq!((off.poll_timeout(), off.is_down(&"a")), (None, false));
    }

    #[test]
    fn after_the_end_nobody_is_asked() {
        let mut probes = watching(&["a"]);
        probes.end();
        probes.watch(at(1), "b", &mut Rng::from_number(1));
        assert!(!probes.heard(at(2), &"a"));
        assert_eq!((probes.poll_timeout(), probes.handle_timeout(at(900))), (None, vec![]));
    }

    fn watching<'a>(names: &[&'a str]) -> Probes<&'a str> {
        let (mut probes, mut rng) = (Probes::new(PACE), Rng::from_number(7));
        for name in names {
            probes.watch(at(0), *name, &mut rng);
        }
        probes
    }

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }
}
