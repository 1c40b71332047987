//! A call made by hand, one step after the other: what was done and heard becomes the text of a case.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, Step, Wanted};
use super::run::{CALLER, Call};
use super::story::{Story, name};
use crate::base::{Instant, UrgentAnswer};
use crate::dialplan::Plan;
use crate::exchange::MatchLine;
use crate::record::Stage;
use crate::sim::{Met, Phone, World};

/// After something was done, the caller listens for so long to what comes of it.
const LISTENS: Duration = Duration::from_secs(1);
/// When nothing was done: until something new is heard, for so long at most.
const LISTENS_ON: Duration = Duration::from_secs(60);

/// The call under way.
pub struct Trial<'p> {
    plan: &'p Plan,
    call: Call<'p>,
    /// What of it has been told.
    told: usize,
    /// Moments of the transcript that are steps already.
    written: usize,
    steps: Vec<Step>,
}

impl<'p> Trial<'p> {
    /// The caller dials, among the people of this case; its steps are not looked at.
    pub fn new(plan: &'p Arc<Plan>, case: &Case) -> Self {
        Trial { plan, call: Call::new(plan, case), told: 0, written: 0, steps: Vec::new() }
    }

    /// Neither side has hung up.
    pub fn is_under_way(&self) -> bool {
        self.call.is_under_way()
    }

    /// Does this, or nothing but listen, and tells what was not told yet.
    ///
    /// # Errors
    /// It cannot be done now; why, in one sentence without a full stop.
    pub fn act(&mut self, wanted: Option<Wanted>) -> Result<Story, String> {
        let listens = if wanted.is_some() { LISTENS } else { LISTENS_ON };
        let done = match wanted {
            Some(wanted) => {
                self.write_met();
                let step = Step { wanted, within: None };
                let done = self.call.step(&step);
                if done.is_ok() {
                    self.steps.push(step);
                }
                done
            }
            None => Ok(()),
        };
        let (met, until) = (self.met(), self.call.world.now().mono + listens);
        let phone = self.call.phone;
        self.call.world.run_to(until, |world| news(world, phone) > met || !world.is_on_the_line(phone));
        let story = self.story();
        let new = Story(story.0.get(self.told..).unwrap_or_default().to_vec());
        self.told = story.0.len();
        done.map(|()| new)
    }

    /// The way through the dialplan so far, and why the call came to whom it came to. Empty when it is over.
    pub fn why(&self) -> (Vec<Stage>, Vec<MatchLine>) {
        let world = &self.call.world;
        let journey = world.exchange().newest_journey(world.now());
        journey.map(|(stages, matches)| (stages.to_vec(), matches)).unwrap_or_default()
    }

    /// The steps of a case that is this call, as they are written in a file.
    pub fn steps(&mut self) -> String {
        self.write_met();
        let mut text = String::from("steps = [\n");
        for step in &self.steps {
            // Writing into memory does not fail.
            let _ = writeln!(text, "  {},", written(&step.wanted));
        }
        text.push_str("]\n");
        text
    }

    /// What was heard since the last step is part of the case: the first words of each phrase, and who was talked with.
    fn write_met(&mut self) {
        let catalog = self.plan.catalog();
        let met = self.call.world.met(self.call.phone);
        for moment in met.get(self.written..).unwrap_or_default() {
            let wanted = match &moment.met {
                Met::Hears(clips) => {
                    clips.iter().find_map(|clip| name(clip, catalog)).map(str::to_owned).map(Wanted::Hears)
                }
                Met::Talks(whom) => Some(Wanted::Talks(whom.clone())),
                _ => None,
            };
            // What plays over and over is heard once.
            let again = |wanted: &Wanted| self.steps.last().is_some_and(|last| last.wanted == *wanted);
            if let Some(wanted) = wanted.filter(|wanted| !again(wanted)) {
                self.steps.push(Step { wanted, within: None });
            }
        }
        self.written = met.len();
    }

    fn met(&self) -> usize {
        news(&self.call.world, self.call.phone)
    }

    fn story(&self) -> Story {
        let began = Instant::ZERO + CALLER;
        Story::in_words(began, self.call.world.met(self.call.phone), &self.call.did, self.plan.catalog())
    }
}

/// That something is over is no news of its own.
fn news(world: &World, phone: Phone) -> usize {
    world.met(phone).iter().filter(|moment| moment.met != Met::Silence).count()
}

/// What somebody at a terminal wants done: keys, `wait 10 s`, `speak 5 s`, `answers call-back`, `hold`, `resume`, `hang up`;
/// nothing: listen on. `None`: it is none of these.
pub fn deed(line: &str) -> Option<Option<Wanted>> {
    let line = line.trim();
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    let wanted = match (verb, rest) {
        ("", _) => return Some(None),
        ("wait", length) => Wanted::Wait(length_of(length)?),
        ("speak", "") => Wanted::Speak(Duration::from_secs(5)),
        ("speak", length) => Wanted::Speak(length_of(length)?),
        ("answers", word) => {
            let all = UrgentAnswer::KEYS.into_iter().filter_map(UrgentAnswer::of_key);
            Wanted::Answers(all.into_iter().find(|answer| answer.name() == word)?)
        }
        ("hold", "") => Wanted::Hold,
        ("resume", "") => Wanted::Resume,
        ("hang", "up") | ("bye", "") => Wanted::HangUp,
        (keys, "") if keys.chars().all(|key| key.is_ascii_digit() || matches!(key, '*' | '#')) => {
            Wanted::Press(keys.to_owned())
        }
        _ => return None,
    };
    Some(Some(wanted))
}

/// `10`, `10 s`, `2 min`: at most a day.
fn length_of(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "" | "s" => number,
        "min" => number.checked_mul(60)?,
        "h" => number.checked_mul(3_600)?,
        _ => return None,
    };
    (1..=86_400).contains(&seconds).then(|| Duration::from_secs(seconds))
}

fn written(wanted: &Wanted) -> String {
    let seconds = |length: &Duration| format!("{} ms", length.as_millis());
    match wanted {
        Wanted::Hears(name) => format!("{name:?}"),
        Wanted::Press(keys) => format!("{{ press = {keys:?} }}"),
        Wanted::Speak(length) => format!("{{ speak = {:?} }}", seconds(length)),
        Wanted::Wait(length) => format!("{{ wait = {:?} }}", seconds(length)),
        Wanted::Talks(whom) => format!("{{ talks = {:?} }}", whom.as_deref().unwrap_or_default()),
        Wanted::Answers(answer) => format!("{{ answers = {:?} }}", answer.name()),
        Wanted::Hold => "{ hold = true }".to_owned(),
        Wanted::Resume => "{ resume = true }".to_owned(),
        Wanted::HangUp => "{ hang_up = true }".to_owned(),
        Wanted::Desk { extension, dials, keys } => {
            format!("{{ desk = {extension:?}, dials = {dials:?}, keys = {keys:?} }}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_what_is_done() {
        let done = |line| deed(line).flatten();
        assert_eq!(deed("  "), Some(None), "nothing is typed: listen on");
        assert_eq!(done("1*#"), Some(Wanted::Press("1*#".to_owned())));
        assert_eq!(done("wait 2 min"), Some(Wanted::Wait(Duration::from_secs(120))));
        assert_eq!(done("wait 30"), Some(Wanted::Wait(Duration::from_secs(30))));
        assert_eq!(done("speak 4 s"), Some(Wanted::Speak(Duration::from_secs(4))));
        assert_eq!(done("hang up"), Some(Wanted::HangUp));
        for nonsense in
            ["wait", "wait 0", "wait 99999999999 h", "1a", "hang", "answers perhaps", "wait 3 days"]
        {
            assert_eq!(deed(nonsense), None, "{nonsense}");
        }
    }
}
