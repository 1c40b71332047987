//! Who plays, and what they say.

use super::sounds::{SoundId, Sounds};
use crate::base::{Language, Law};
use crate::media;

/// A person with a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Wants a consultation.
    CallerA,
    /// Wants the manager.
    CallerB,
    /// Does not answer.
    Agent1,
    /// Does.
    Agent2,
}

impl Who {
    pub const ALL: [Who; 4] = [Who::CallerA, Who::CallerB, Who::Agent1, Who::Agent2];

    /// Number or extension.
    pub const fn number(self) -> &'static str {
        match self {
            Who::CallerA => "13800138001",
            Who::CallerB => "13900139002",
            Who::Agent1 => "1001",
            Who::Agent2 => "1002",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Who::CallerA => "caller A",
            Who::CallerB => "caller B",
            Who::Agent1 => "agent 1001",
            Who::Agent2 => "agent 1002",
        }
    }

    /// In names of files.
    pub const fn slug(self) -> &'static str {
        match self {
            Who::CallerA => "caller-a",
            Who::CallerB => "caller-b",
            Who::Agent1 => "agent-1001",
            Who::Agent2 => "agent-1002",
        }
    }

    /// The desks have phones of their own that sign in; callers come from the trunk.
    pub const fn is_agent(self) -> bool {
        matches!(self, Who::Agent1 | Who::Agent2)
    }
}

/// The person who is in a meeting.
pub const MANAGER: &str = "4001";

/// What the people say. Their sentences are prompts in a voice of their own: slower and lower than the
/// hotline's, so that they are told apart by ear and by correlation.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    pub agent_greets: SoundId,
    pub caller_asks: SoundId,
    pub agent_closes: SoundId,
    pub name: SoundId,
    pub message: SoundId,
}

impl Lines {
    pub fn rehearse(sounds: &mut Sounds) -> Lines {
        let mut line = |name, tag, prompts: &[&str], pitch| {
            let voice = Voice { name, language: Language::new(tag), pitch };
            voice.say(sounds, prompts)
        };
        Lines {
            agent_greets: line(
                "agent-1002/greets",
                "zh-CN",
                &["greeting/hello", "greeting/at-your-service"],
                0.85,
            ),
            caller_asks: line("caller-a/asks", "zh-CN", &["courtesy/excuse-me", "topic/loans"], 0.74),
            agent_closes: line("agent-1002/closes", "zh-CN", &["courtesy/you-are-welcome"], 0.85),
            name: line("caller-b/name", "en-US", &["courtesy/excuse-me", "topic/wealth"], 0.8),
            message: line("caller-b/message", "en-US", &["greeting/hello", "callback/we-will-call"], 0.8),
        }
    }
}

struct Voice {
    name: &'static str,
    language: Language,
    /// Below 1: lower, and slower by as much.
    pitch: f64,
}

impl Voice {
    fn say(self, sounds: &mut Sounds, prompts: &[&str]) -> SoundId {
        let (mut chinese, mut english, mut samples) = (String::new(), Vec::new(), Vec::new());
        for name in prompts {
            let language = Some(&self.language);
            let mut all = sounds.iter().map(|(_, sound)| sound);
            let Some(sound) = all.find(|s| s.name == *name && s.language.as_ref() == language) else {
                continue;
            };
            chinese.push_str(&sound.chinese);
            english.push(sound.english.clone());
            samples.extend(lower(&sound.samples, self.pitch));
        }
        let texts = [chinese, english.join(" ")];
        sounds.add(self.name, Some(self.language), texts, samples)
    }
}

/// Reads the samples more slowly, with straight lines between them.
fn lower(samples: &[i16], pitch: f64) -> Vec<i16> {
    let length = (samples.len() as f64 / pitch) as usize;
    let sample = |at: usize| f64::from(samples.get(at).copied().unwrap_or(0));
    let read = |n: usize| {
        let place = n as f64 * pitch;
        let (before, share) = (place as usize, place.fract());
        (sample(before) * (1.0 - share) + sample(before + 1) * share).round() as i16
    };
    let through = |sample: i16| media::decode(Law::A, media::encode(Law::A, sample));
    (0..length).map(read).map(through).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::prompts::Prompts;

    #[test]
    fn everybody_has_their_lines_and_both_texts() {
        let prompts = Prompts::load(None).unwrap();
        let mut sounds = Sounds::of_prompts(&prompts.catalog, &prompts.library);
        let lines = Lines::rehearse(&mut sounds);
        for id in [lines.agent_greets, lines.caller_asks, lines.agent_closes, lines.name, lines.message] {
            let sound = sounds.get(id).unwrap();
            assert!(!sound.chinese.is_empty() && !sound.english.is_empty(), "{}", sound.name);
            assert!(sound.samples.len() > 2 * 8000, "{} is too short for a message", sound.name);
            // Found as itself, not as the prompts that it was made from.
            let piece = &sound.samples[2000..3600];
            assert_eq!(sounds.find(piece, 0.9).map(|found| found.sound), Some(id));
        }
    }

    #[test]
    fn a_lower_voice_is_slower() {
        let tone: Vec<i16> = (0..800).map(|n| ((f64::from(n) * 0.3).sin() * 8000.0) as i16).collect();
        let crossings = |s: &[i16]| s.windows(2).filter(|w| (w[0] < 0) != (w[1] < 0)).count();
        let low = lower(&tone, 0.5);
        assert_eq!(low.len(), 1600);
        assert!(crossings(&low).abs_diff(crossings(&tone)) <= 2);
    }
}
