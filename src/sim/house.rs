//! The hotline of a world: one exchange, or several with a share of the calls each and words between them that come
//! late and, where the ring is full, not at all.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Ids, Instant, Now, Rng};
use crate::dialplan::Plan;
use crate::exchange::{Broken, Config, Exchange, Input, Lands, MatchLine, Notice, Output, Word};
use crate::record::Stage;

/// A word is under way for up to this long. Threads that share a core are slower than any network in a house.
const LATEST: Duration = Duration::from_millis(20);

/// How many exchanges there are, and how many words each may have before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exchanges {
    pub of: u8,
    pub room: usize,
}

impl Exchanges {
    pub const ONE: Exchanges = Exchanges { of: 1, room: 0 };
}

pub struct House {
    exchanges: Vec<Exchange>,
    /// Before each exchange, with the time at which it hears of them.
    words: Vec<Words>,
    room: usize,
    rng: Rng,
    output: VecDeque<Output>,
    /// How often words were lost.
    missed: u64,
    /// Calls that each exchange took.
    taken: Vec<u64>,
}

#[derive(Default)]
struct Words {
    waiting: VecDeque<(Instant, Word)>,
    missed: Option<Instant>,
}

impl Words {
    fn due(&self) -> Option<Instant> {
        self.missed.into_iter().chain(self.waiting.front().map(|(at, _)| *at)).min()
    }
}

impl House {
    pub(super) fn new(
        Exchanges { of, room }: Exchanges,
        config: &Config,
        plan: &Arc<Plan>,
        mut rng: Rng,
        now: Now,
    ) -> Self {
        // One alone has the very randomness that it is given.
        let own = if of > 1 { rng.fork() } else { rng.clone() };
        let exchanges = Exchange::several(config, plan, Ids::default(), own, now, of);
        let words = exchanges.iter().map(|_| Words::default()).collect();
        let taken = vec![0; exchanges.len()];
        let mut house = House { exchanges, words, room, rng, output: VecDeque::new(), missed: 0, taken };
        (0..house.exchanges.len()).for_each(|number| house.take(now, number));
        house
    }

    pub(super) fn handle_input(&mut self, now: Now, input: Input<'_>) {
        let of = u8::try_from(self.exchanges.len()).unwrap_or(u8::MAX);
        match input {
            Input::Sip { flow, bytes } if of > 1 => {
                let to = self.exchanges[0].route(now, flow, bytes);
                self.take(now, 0);
                if let Some(to) = to {
                    self.give(now, usize::from(to), Input::Sip { flow, bytes });
                }
            }
            Input::Timeout if of > 1 => self.timeouts(now),
            input => match Lands::of(&input, of) {
                Lands::With(number) => self.give(now, usize::from(number), input),
                Lands::WithAll => {
                    for number in 1..self.exchanges.len() {
                        if let Some(same) = input.for_another() {
                            self.give(now, number, same);
                        }
                    }
                    self.give(now, 0, input);
                }
            },
        }
    }

    fn timeouts(&mut self, now: Now) {
        for number in 0..self.exchanges.len() {
            if self.exchanges[number].poll_timeout().is_some_and(|(at, _)| at <= now.mono) {
                self.give(now, number, Input::Timeout);
            }
            if self.words[number].missed.is_some_and(|at| at <= now.mono) {
                self.words[number].missed = None;
                self.give(now, number, Input::Missed);
            }
            while let Some((at, _)) = self.words[number].waiting.front()
                && *at <= now.mono
                && let Some((_, word)) = self.words[number].waiting.pop_front()
            {
                self.give(now, number, Input::Word(word));
            }
        }
    }

    fn give(&mut self, now: Now, number: usize, input: Input<'_>) {
        self.exchanges[number].handle_input(now, input);
        self.take(now, number);
    }

    fn take(&mut self, now: Now, number: usize) {
        while let Some(output) = self.exchanges[number].poll_output() {
            match output {
                Output::Word { to, word } => self.say(now, usize::from(to), word),
                Output::Notice(Notice::CallBegan { .. }) => {
                    self.taken[number] += 1;
                    self.output.push_back(output);
                }
                output => self.output.push_back(output),
            }
        }
    }

    fn say(&mut self, now: Now, to: usize, word: Word) {
        let later = Duration::from_micros(self.rng.below(LATEST.as_micros() as u64));
        let words = &mut self.words[to];
        // No word overtakes another on its way to the same exchange.
        let at = (now.mono + later).max(words.waiting.back().map_or(Instant::ZERO, |(at, _)| *at));
        if words.waiting.len() < self.room {
            words.waiting.push_back((at, word));
        } else if words.missed.is_none() {
            words.missed = Some(at);
            self.missed += 1;
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let exchanges = self.exchanges.iter().filter_map(|exchange| Some(exchange.poll_timeout()?.0));
        exchanges.chain(self.words.iter().filter_map(Words::due)).min()
    }

    /// What is waited for next, for people.
    pub(super) fn waits_for(&self) -> String {
        let next = self.exchanges.iter().filter_map(Exchange::poll_timeout).min();
        next.map_or("nothing".to_owned(), |(at, deadline)| format!("{deadline} at {at}"))
    }

    /// The journey of the call that began last, and why it came to whom it came to.
    pub fn newest_journey(&self, now: Now) -> Option<(&[Stage], Vec<MatchLine>)> {
        self.exchanges.iter().filter_map(|exchange| exchange.newest_journey(now)).next_back()
    }

    pub fn calls(&self) -> usize {
        self.exchanges.iter().map(Exchange::calls).sum()
    }

    /// Calls that each exchange took.
    pub(super) fn taken(&self) -> Vec<u64> {
        self.taken.clone()
    }

    /// How often words between the exchanges were lost.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    pub(super) fn is_idle(&self) -> bool {
        self.exchanges.iter().all(Exchange::is_idle)
    }

    pub(super) fn received(&self) -> u64 {
        // Of several, the first one's guard sees all; what it lets in is counted where it is read.
        self.exchanges.iter().map(|exchange| exchange.sip_stats().received).sum()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.exchanges.iter().map(Exchange::dropped).sum()
    }

    /// The first sentence that does not hold. While words are on their way, exchanges may differ.
    pub(super) fn invariants(&self) -> Result<(), Broken> {
        match self.words.iter().all(|words| words.due().is_none()) {
            true => Exchange::invariants_of_all(&self.exchanges),
            false => Ok(()),
        }
    }

    /// The queue core's own sentences too. Panics.
    pub(super) fn check_invariants(&self) {
        if let [only] = self.exchanges.as_slice() {
            return only.check_invariants();
        }
        if let Err(broken) = self.invariants() {
            panic!("broken invariant: {broken}");
        }
    }
}
