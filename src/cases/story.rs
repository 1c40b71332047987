//! A call told as it happened, for whoever wants to know why a case failed.

use std::fmt;
use std::time::Duration;

use crate::base::{Catalog, Clip, Instant, Language};
use crate::sim::{Met, Moment};

/// What was done and met, with the time since the caller dialled.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Story(pub Vec<Line>);

#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub at: Duration,
    pub text: String,
}

impl Story {
    /// What the caller met and what they did, in order of time; what they did comes first where both happen at once.
    pub(super) fn new(began: Instant, met: &[Moment], did: &[(Instant, String)], catalog: &Catalog) -> Self {
        Story::with(began, met, did, |met| told(met, catalog))
    }

    /// The same with the words of what is heard.
    pub(super) fn in_words(
        began: Instant,
        met: &[Moment],
        did: &[(Instant, String)],
        catalog: &Catalog,
    ) -> Self {
        Story::with(began, met, did, |met| match met {
            Met::Hears(clips) => heard(clips, catalog),
            other => told(other, catalog),
        })
    }

    fn with(
        began: Instant,
        met: &[Moment],
        did: &[(Instant, String)],
        told: impl Fn(&Met) -> String,
    ) -> Self {
        let met = met.iter().map(|moment| (moment.at, 1, told(&moment.met)));
        let did = did.iter().map(|(at, text)| (*at, 0, text.clone()));
        let mut lines: Vec<_> = met.chain(did).filter(|(.., text)| !text.is_empty()).collect();
        lines.sort_by_key(|(at, rank, _)| (*at, *rank));
        Story(lines.into_iter().map(|(at, _, text)| Line { at: at.since(began), text }).collect())
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{:>8.1} s  {}", line.at.as_secs_f64(), line.text))
    }
}

fn told(met: &Met, catalog: &Catalog) -> String {
    match met {
        Met::Hears(clips) => {
            let heard: Vec<_> = clips.iter().filter_map(|clip| name(clip, catalog)).collect();
            if heard.is_empty() {
                "hears a recording".to_owned()
            } else {
                format!("hears {}", heard.join(" "))
            }
        }
        Met::Silence => String::new(),
        Met::Talks(Some(extension)) => format!("talks with {extension}"),
        Met::Talks(None) => "talks with somebody outside".to_owned(),
        Met::Alone => "is alone on the line".to_owned(),
        Met::MaySpeak => "hears the tone and may speak".to_owned(),
        Met::Message(mailbox) => format!("has left a message for `{mailbox}`"),
    }
}

/// Words where there are some, else the name: music says nothing.
fn heard(clips: &[Clip], catalog: &Catalog) -> String {
    let words: Vec<_> = clips
        .iter()
        .filter_map(|clip| match clip {
            Clip::Prompt(id) => catalog.get(*id),
            Clip::Silence(_) | Clip::Recording(_) => None,
        })
        .map(|prompt| match prompt.text.as_str() {
            "" => format!("[{}]", prompt.name),
            text => text.to_owned(),
        })
        .collect();
    if words.is_empty() { "hears a recording".to_owned() } else { format!("hears: {}", words.join(" ")) }
}

pub(super) fn name<'c>(clip: &Clip, catalog: &'c Catalog) -> Option<&'c str> {
    match clip {
        Clip::Prompt(id) => catalog.get(*id).map(|prompt| prompt.name.as_str()),
        Clip::Silence(_) | Clip::Recording(_) => None,
    }
}

/// Whether a clip is the one that was meant: by name, or by words out of its text.
pub(super) fn is_meant(clip: &Clip, meant: &str, catalog: &Catalog) -> bool {
    let Clip::Prompt(id) = clip else { return false };
    catalog.get(*id).is_some_and(|prompt| prompt.name == meant || prompt.text.contains(meant))
}

/// Whether anything in the catalogue could be meant.
pub(super) fn exists(meant: &str, languages: &[Language], catalog: &Catalog) -> bool {
    !meant.is_empty()
        && (languages.iter().any(|language| catalog.find(language, meant).is_some())
            || catalog.iter().any(|(_, prompt)| prompt.text.contains(meant)))
}
