//! A caller: what they want, how they listen, how long they put up with it.
//!
//! A caller hears prompts by name and acts like a person: finds the menu line that fits the wish and presses
//! its key, keys in an extension when asked for one, speaks after the tone, gives up when patience ends.

use std::time::Duration;

use super::chance::Chance;
use super::media_model::Cue;
use crate::base::{Catalog, Clip, Rng};

/// Something that a caller does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Press(char),
    /// Talks to the recorder for so long.
    Speak(Duration),
    Hold,
    Resume,
    HangUp,
    /// The phone goes dead without a word.
    Vanish,
    /// Takes the call that rings.
    PickUp,
}

/// Until when something planned still makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum While {
    Always,
    /// Nothing else has begun to play since.
    Hearing(u32),
    /// Still waiting for somebody.
    Waiting(u32),
    /// Still talking with the same person.
    Talking(u32),
}

/// Something that a caller means to do after a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intent {
    pub after: Duration,
    pub act: Act,
    pub only: While,
}

/// One caller's call.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Their own number, as the trunk gives it.
    pub number: String,
    pub dials: String,
    pub nature: Nature,
    /// Their phone never acknowledges our 200.
    pub never_acknowledges: bool,
    /// Gives up so soon after dialling that the call may not be answered yet.
    pub cancels_after: Option<Duration>,
    /// Their INVITE has no session description: ours comes with the 200, theirs with the ACK.
    pub offers_late: bool,
    /// Their trunk comes over a stream.
    pub over_tcp: bool,
    pub(super) ear: Ear,
}

/// Counters by which plans find out that they are void.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Ear {
    hearing: u32,
    waiting: Option<u32>,
    talking: Option<u32>,
    count: u32,
}

/// What makes a caller act.
#[derive(Clone, Debug)]
pub enum Nature {
    /// Does the next thing of a list when its cue comes.
    Script(Vec<(When, Act)>),
    Person(Person),
}

/// The cue of one line of a script. Lines are taken in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum When {
    /// So long after the one before (or after the answer).
    After(Duration),
    /// When a prompt of this name begins to play, and so long after.
    Hears(&'static str, Duration),
    /// When what played has ended, and so long after.
    HeardOut(Duration),
    /// When somebody is on the line, and so long after.
    Talks(Duration),
    /// When the tone has sounded, and so long after.
    Speaks(Duration),
}

/// Somebody out of a crowd.
#[derive(Clone, Debug)]
pub struct Person {
    pub wants: Wish,
    pub listens: Listening,
    /// So long in line, and they give up.
    pub patience: Duration,
    /// Hangs up so long after the answer, wherever that is.
    pub leaves_after: Option<Duration>,
    /// Hangs up first after talking for so long; otherwise leaves that to the agent.
    pub talks_for: Option<Duration>,
    pub message: MessageHabit,
    /// Puts us on hold once, in line or while talking.
    pub holds: bool,
    /// Takes the offer to leave a message instead of waiting.
    pub leaves_the_line: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// The line of the menu with this topic, as `topic/consult`.
    Topic(&'static str),
    /// The person with this extension.
    Person(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listening {
    /// Hears a menu to its end and presses the key.
    ToTheEnd,
    /// Presses while it is still being read.
    BargesIn,
    /// Presses a wrong key so many times first.
    Wrong(u8),
    /// Never presses anything.
    Silent,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageHabit {
    /// Speaks, ends with the hash key, confirms.
    Whole,
    /// Speaks and lets the silence end it, says nothing to the read-back.
    Quiet,
    /// Hangs up while speaking.
    HalfWay,
    /// Says nothing at all.
    Nothing,
    /// Records it twice.
    Again,
    /// Adds something before accepting it.
    Adds,
}

impl Caller {
    pub fn new(number: impl Into<String>, dials: impl Into<String>, nature: Nature) -> Self {
        Caller {
            number: number.into(),
            dials: dials.into(),
            nature,
            never_acknowledges: false,
            cancels_after: None,
            offers_late: false,
            over_tcp: false,
            ear: Ear::default(),
        }
    }

    /// Whether a plan still holds.
    pub(super) fn holds(&self, only: While) -> bool {
        match only {
            While::Always => true,
            While::Hearing(count) => self.ear.hearing == count,
            While::Waiting(count) => self.ear.waiting == Some(count),
            While::Talking(count) => self.ear.talking == Some(count),
        }
    }

    /// What the caller means to do about a cue.
    pub(super) fn notice(&mut self, cue: &Cue, catalog: &Catalog, rng: &mut Rng, out: &mut Vec<Intent>) {
        self.ear.listen(cue, catalog);
        match &mut self.nature {
            Nature::Script(lines) => follow(lines, cue, catalog, out),
            Nature::Person(person) => person.notice(self.ear, cue, catalog, rng, out),
        }
    }
}

impl Ear {
    fn listen(&mut self, cue: &Cue, catalog: &Catalog) {
        self.count += 1;
        match cue {
            Cue::Hears { clips, .. } => {
                self.hearing = self.count;
                if names(clips, catalog).any(is_music) {
                    self.waiting = self.waiting.or(Some(self.count)).filter(|_| self.talking.is_none());
                } else {
                    self.waiting = None;
                }
            }
            Cue::Talks => (self.waiting, self.talking) = (None, Some(self.count)),
            Cue::Alone => self.talking = None,
            Cue::Speaks => self.waiting = None,
            Cue::Answered | Cue::Silence => {}
        }
    }
}

fn is_music(name: &str) -> bool {
    name.ends_with("hold-music")
}

fn names<'a>(clips: &'a [Clip], catalog: &'a Catalog) -> impl Iterator<Item = &'a str> {
    clips.iter().filter_map(|clip| match clip {
        Clip::Prompt(id) => catalog.get(*id).map(|prompt| prompt.name.as_str()),
        _ => None,
    })
}

/// Takes the lines whose cue has come.
fn follow(lines: &mut Vec<(When, Act)>, cue: &Cue, catalog: &Catalog, out: &mut Vec<Intent>) {
    let Some((first, _)) = lines.first() else { return };
    let delay = match (first, cue) {
        (When::Hears(name, delay), Cue::Hears { clips, .. }) => {
            names(clips, catalog).any(|heard| heard == *name).then_some(*delay)
        }
        (When::HeardOut(delay), Cue::Silence) => Some(*delay),
        (When::Talks(delay), Cue::Talks) => Some(*delay),
        (When::Speaks(delay), Cue::Speaks) => Some(*delay),
        (When::After(delay), Cue::Answered) => Some(*delay),
        _ => None,
    };
    let Some(mut after) = delay else { return };
    let (_, act) = lines.remove(0);
    out.push(Intent { after, act, only: While::Always });
    while let Some((When::After(delay), act)) = lines.first() {
        after += *delay;
        out.push(Intent { after, act: *act, only: While::Always });
        lines.remove(0);
    }
}

impl Person {
    fn notice(&mut self, ear: Ear, cue: &Cue, catalog: &Catalog, rng: &mut Rng, out: &mut Vec<Intent>) {
        let mut intend = |after, act, only| out.push(Intent { after, act, only });
        match cue {
            Cue::Answered => {
                if let Some(after) = self.leaves_after {
                    intend(after, Act::HangUp, While::Always);
                }
            }
            Cue::Hears { clips, lasts } => {
                let heard: Vec<&str> = names(clips, catalog).collect();
                if ear.waiting == Some(ear.count) {
                    intend(self.patience, Act::HangUp, While::Waiting(ear.count));
                    if self.holds && rng.chance(0.5) {
                        self.holds = false;
                        intend(Duration::from_secs(2), Act::Hold, While::Waiting(ear.count));
                        intend(Duration::from_secs(9), Act::Resume, While::Always);
                    }
                }
                self.answer(ear, &heard, lasts.unwrap_or(Duration::from_secs(3600)), rng, out);
            }
            Cue::Talks => {
                let only = While::Talking(ear.count);
                if let Some(after) = self.talks_for {
                    intend(after, Act::HangUp, only);
                }
                if std::mem::take(&mut self.holds) {
                    intend(Duration::from_secs(5), Act::Hold, only);
                    intend(Duration::from_secs(25), Act::Resume, only);
                }
            }
            Cue::Speaks => self.speak(rng, out),
            Cue::Silence | Cue::Alone => {}
        }
    }

    /// Presses what is asked for, if anything is.
    fn answer(&mut self, ear: Ear, heard: &[&str], lasts: Duration, rng: &mut Rng, out: &mut Vec<Intent>) {
        let Some(keys) = self.keys(heard, rng) else { return };
        let reaction = rng.between_ms(300, 2500);
        let mut after = match self.listens {
            Listening::Silent => return,
            Listening::BargesIn => lasts.min(Duration::from_secs(60)).mul_f64(rng.unit()),
            _ => lasts + reaction,
        };
        let only = While::Hearing(ear.hearing);
        for (at, key) in keys.chars().enumerate() {
            // What is being typed is typed to its end: the first key stops what plays.
            out.push(Intent {
                after,
                act: Act::Press(key),
                only: if at == 0 { only } else { While::Always },
            });
            after += rng.between_ms(200, 900);
        }
    }

    fn keys(&mut self, heard: &[&str], rng: &mut Rng) -> Option<String> {
        let one = |key: char| Some(key.to_string());
        let last = *heard.last()?;
        let lines: Vec<(&str, char)> =
            heard.windows(2).filter_map(|pair| Some((pair[0], pressed(pair[1])?))).collect();
        if let Some(key) = self.slip_key(&lines, rng) {
            return one(key);
        }
        if lines.iter().any(|(said, _)| said.starts_with("message/to-")) {
            return None;
        }
        if !lines.is_empty() {
            if let Listening::Wrong(times) = &mut self.listens
                && *times > 0
            {
                *times -= 1;
                return one(if rng.chance(0.5) { '8' } else { '#' });
            }
            let topic = match &self.wants {
                Wish::Topic(topic) => topic,
                Wish::Person(_) => "topic/extension",
            };
            let line = lines.iter().find(|(said, _)| *said == topic);
            return one(line.unwrap_or(&lines[rng.below(lines.len() as u64) as usize]).1);
        }
        match last {
            "language/choose" => one(if rng.chance(0.1) { '2' } else { '1' }),
            "menu/enter-extension" => match &self.wants {
                Wish::Person(extension) => Some(format!("{extension}#")),
                Wish::Topic(_) => Some("9999#".to_owned()),
            },
            "menu/confirm-or-reenter" => one('1'),
            "message/enter-number" => Some("13900000001#".to_owned()),
            _ if heard.contains(&"queue/offer-message") && self.leaves_the_line => one('2'),
            _ => None,
        }
    }

    /// What they say to the questions of a message slip.
    fn slip_key(&mut self, lines: &[(&str, char)], rng: &mut Rng) -> Option<char> {
        let of = |what: &str| lines.iter().find(|(said, _)| *said == what).map(|(_, key)| *key);
        if let (Some(right), Some(other)) = (of("message/number-right"), of("message/number-other")) {
            return Some(if rng.chance(0.8) { right } else { other });
        }
        if let (Some(urgent), Some(not)) = (of("message/is-urgent"), of("message/not-urgent")) {
            return Some(if rng.chance(0.2) { urgent } else { not });
        }
        let accept = of("message/to-accept")?;
        match self.message {
            MessageHabit::Whole => Some(accept),
            MessageHabit::Again | MessageHabit::Adds => {
                let wish = match std::mem::replace(&mut self.message, MessageHabit::Whole) {
                    MessageHabit::Again => "message/to-record-again",
                    _ => "message/to-add",
                };
                of(wish)
            }
            _ => None,
        }
    }

    fn speak(&self, rng: &mut Rng, out: &mut Vec<Intent>) {
        let length = rng.between_ms(4_000, 40_000);
        let mut intend = |after, act| out.push(Intent { after, act, only: While::Always });
        match self.message {
            MessageHabit::Nothing => {}
            MessageHabit::Quiet => intend(Duration::from_millis(500), Act::Speak(length)),
            MessageHabit::HalfWay => {
                intend(Duration::from_millis(500), Act::Speak(length));
                intend(length.mul_f64(0.5 + rng.unit() / 2.0), Act::HangUp);
            }
            MessageHabit::Whole | MessageHabit::Again | MessageHabit::Adds => {
                intend(Duration::from_millis(500), Act::Speak(length));
                intend(length + Duration::from_secs(1), Act::Press('#'));
            }
        }
    }
}

/// The key that a prompt asks to press.
fn pressed(prompt: &str) -> Option<char> {
    match prompt.strip_prefix("menu/press-")? {
        "star" => Some('*'),
        "pound" => Some('#'),
        digit => digit.chars().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Language, PromptInfo};

    fn catalog(names: &[&str]) -> (Catalog, Vec<Clip>) {
        let mut catalog = Catalog::default();
        let language = Some(Language::new("zh-CN"));
        let mut clips = Vec::new();
        for name in names {
            let duration = Duration::from_secs(1);
            let info = PromptInfo {
                name: (*name).into(),
                language: language.clone(),
                text: String::new(),
                duration,
            };
            clips.push(Clip::Prompt(catalog.add(info).unwrap()));
        }
        (catalog, clips)
    }

    fn person() -> Person {
        Person {
            wants: Wish::Topic("topic/complaint"),
            listens: Listening::ToTheEnd,
            patience: Duration::from_secs(60),
            leaves_after: None,
            talks_for: None,
            message: MessageHabit::Whole,
            holds: false,
            leaves_the_line: false,
        }
    }

    fn acts(caller: &mut Caller, catalog: &Catalog, cue: &Cue) -> Vec<Act> {
        let mut out = Vec::new();
        caller.notice(cue, catalog, &mut Rng::from_number(1), &mut out);
        out.into_iter().map(|intent| intent.act).collect()
    }

    #[test]
    fn a_person_presses_the_key_of_the_line_that_fits() {
        let (catalog, clips) =
            catalog(&["menu/listen", "topic/consult", "menu/press-1", "topic/complaint", "menu/press-2"]);
        let mut caller = Caller::new("13900000000", "10000", Nature::Person(person()));
        let menu = Cue::Hears { clips, lasts: Some(Duration::from_secs(5)) };
        assert_eq!(acts(&mut caller, &catalog, &menu), [Act::Press('2')]);
    }

    #[test]
    fn patience_begins_with_the_music_and_ends_with_the_talk() {
        let (catalog, clips) = catalog(&["common/hold-music"]);
        let mut caller = Caller::new("13900000000", "10000", Nature::Person(person()));
        let music = Cue::Hears { clips, lasts: None };
        let mut out = Vec::new();
        caller.notice(&music, &catalog, &mut Rng::from_number(1), &mut out);
        let [give_up] = out[..] else { panic!("one intent, found {out:?}") };
        assert_eq!((give_up.after, give_up.act), (Duration::from_secs(60), Act::HangUp));
        assert!(caller.holds(give_up.only));
        assert_eq!(acts(&mut caller, &catalog, &music), [], "patience is not begun anew by more music");
        acts(&mut caller, &catalog, &Cue::Talks);
        assert!(!caller.holds(give_up.only));
    }

    #[test]
    fn a_script_is_followed_line_by_line() {
        let (catalog, clips) = catalog(&["topic/consult"]);
        let second = Duration::from_secs(1);
        let script = vec![
            (When::Hears("topic/consult", second), Act::Press('1')),
            (When::Talks(second), Act::Hold),
            (When::After(second), Act::Resume),
        ];
        let mut caller = Caller::new("13900000000", "10000", Nature::Script(script));
        assert_eq!(acts(&mut caller, &catalog, &Cue::Talks), [], "its line has not come yet");
        assert_eq!(acts(&mut caller, &catalog, &Cue::Hears { clips, lasts: None }), [Act::Press('1')]);
        assert_eq!(acts(&mut caller, &catalog, &Cue::Talks), [Act::Hold, Act::Resume]);
    }
}
