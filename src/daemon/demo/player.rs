//! Somebody with a phone and a script: does, listens, and notes what came of it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::Stop;
use super::cast::Who;
use super::event::Event;
use super::hearing::ENOUGH;
use super::phone::{Order, Phone};
use super::sounds::{SoundId, Sounds};
use crate::base::{Instant, Language};
use crate::daemon::clock;

/// How often a player who waits looks whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What was expected, and whether it came.
#[derive(Clone, Debug)]
pub struct Check {
    pub who: Who,
    pub what: String,
    pub result: Result<Found, String>,
}

/// How it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// Heard, with this correlation.
    Heard(f32),
    Happened,
}

/// The script cannot go on.
#[derive(Debug)]
pub struct Missed;

pub struct Player {
    pub who: Who,
    phone: Phone,
    events: Receiver<(Instant, Event)>,
    /// Everything so far, and up to where the script has looked at it.
    history: Vec<(Instant, Event)>,
    next: usize,
    sounds: Arc<Sounds>,
    /// What is listened for.
    language: Language,
    stop: Stop,
    checks: Vec<Check>,
}

impl Player {
    pub fn new(
        who: Who,
        phone: Phone,
        events: Receiver<(Instant, Event)>,
        sounds: Arc<Sounds>,
        stop: Stop,
    ) -> Player {
        Player {
            who,
            phone,
            events,
            history: Vec::new(),
            next: 0,
            sounds,
            language: Language::new("zh-CN"),
            stop,
            checks: Vec::new(),
        }
    }

    /// Hangs up and says what came of it all.
    pub fn leave(self) -> Vec<Check> {
        self.checks
    }

    /// From here on this language is expected.
    pub fn expect_language(&mut self, tag: &str) {
        self.language = Language::new(tag);
    }

    // -- what a player does --

    pub fn tell(&self, order: Order) {
        self.phone.tell(order);
    }

    pub fn press(&self, keys: &str) {
        self.tell(Order::Press(keys.to_owned()));
    }

    /// Says something, and waits until it is said.
    pub fn say(&mut self, sound: SoundId) -> Result<(), Missed> {
        self.tell(Order::Say(sound));
        let samples = self.sounds.get(sound).map_or(0, |sound| sound.samples.len());
        self.wait(Duration::from_micros(samples as u64 * 125))
    }

    pub fn wait(&mut self, length: Duration) -> Result<(), Missed> {
        let until = clock::mono() + length;
        while clock::mono() < until {
            if self.stop.is_wanted() {
                return Err(Missed);
            }
            super::house::pause(clock::until(until).min(LOOK));
        }
        Ok(())
    }

    // -- what a player expects --

    /// To hear the whole of one of these prompts.
    pub fn hears(&mut self, what: &str, names: &[&str], within: Duration) -> Result<(), Missed> {
        let (sounds, language) = (Arc::clone(&self.sounds), self.language.clone());
        let heard = self.first(within, |event| match event {
            Event::Hears(heard) if heard.whole && heard.correlation >= ENOUGH => {
                let sound = sounds.get(heard.sound)?;
                let fits = sound.language.as_ref().is_none_or(|other| *other == language);
                // Some words are there under two names, and then the first of them is found.
                let named = names.contains(&sound.name.as_str())
                    || sounds.iter().any(|(_, other)| {
                        names.contains(&other.name.as_str()) && other.samples == sound.samples
                    });
                (fits && named).then_some(heard.correlation)
            }
            _ => None,
        });
        let missing = format!("not heard in {} s: {}", within.as_secs(), names.join(" or "));
        self.note(what, heard.map(|(_, correlation)| Found::Heard(correlation)).ok_or(missing))
    }

    /// To hear these prompts, one after the other.
    pub fn hears_all(&mut self, what: &str, names: &[&str], within: Duration) -> Result<(), Missed> {
        names.iter().try_for_each(|name| self.hears(what, &[name], within))
    }

    /// To hear the beginning of this prompt: enough for somebody who knows what they want.
    pub fn begins(&mut self, name: &str, within: Duration) -> Result<(), Missed> {
        let (sounds, language) = (Arc::clone(&self.sounds), self.language.clone());
        let begun = self.first(within, |event| match event {
            Event::Begins(id) => {
                let sound = sounds.get(*id)?;
                let fits = sound.language.as_ref().is_none_or(|other| *other == language);
                (fits && sound.name == name).then_some(())
            }
            _ => None,
        });
        match begun {
            Some(_) => Ok(()),
            None => self.note(name, Err(format!("did not begin in {} s", within.as_secs()))),
        }
    }

    /// To have heard at least so much of a prompt that goes on and on, since the call began.
    pub fn has_heard(&mut self, what: &str, name: &str, least: Duration) -> Result<(), Missed> {
        let mut samples = 0;
        let mut correlation = 1.0f32;
        for (_, event) in &self.history {
            if let Event::Hears(heard) = event
                && self.sounds.get(heard.sound).is_some_and(|sound| sound.name == name)
            {
                samples += heard.to.saturating_sub(heard.from);
                correlation = correlation.min(heard.correlation);
            }
        }
        let heard = Duration::from_micros(samples as u64 * 125);
        let result = if heard < least {
            Err(format!("{:.1} s of it, not {:.1} s", heard.as_secs_f32(), least.as_secs_f32()))
        } else if correlation < ENOUGH {
            Err(format!("distorted: r={correlation:.2}"))
        } else {
            Ok(Found::Heard(correlation))
        };
        self.note(what, result)
    }

    /// That something happens; when it did.
    pub fn sees(
        &mut self,
        what: &str,
        within: Duration,
        is_it: impl Fn(&Event) -> bool,
    ) -> Result<Instant, Missed> {
        let seen = self.first(within, |event| is_it(event).then_some(()));
        let at = seen.map(|(at, ())| at);
        self.note(what, at.map(|_| Found::Happened).ok_or_else(|| format!("not in {} s", within.as_secs())))?;
        at.ok_or(Missed)
    }

    pub fn note(&mut self, what: &str, result: Result<Found, String>) -> Result<(), Missed> {
        let is_good = result.is_ok();
        self.checks.push(Check { who: self.who, what: what.to_owned(), result });
        if is_good { Ok(()) } else { Err(Missed) }
    }

    /// The first event from here on that `pick` wants. `None` after `within`, or at once where the call has
    /// ended or the phone failed instead.
    fn first<T>(&mut self, within: Duration, pick: impl Fn(&Event) -> Option<T>) -> Option<(Instant, T)> {
        let limit = clock::mono() + within;
        loop {
            while let Some((at, event)) = self.history.get(self.next) {
                self.next += 1;
                if let Some(found) = pick(event) {
                    return Some((*at, found));
                }
                if matches!(event, Event::HungUp | Event::Refused(_) | Event::Fails(_)) {
                    return None;
                }
            }
            let left = clock::until(limit);
            if left.is_zero() || self.stop.is_wanted() {
                return None;
            }
            match self.events.recv_timeout(left.min(LOOK)) {
                Ok(event) => self.history.push(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}
