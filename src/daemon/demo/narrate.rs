//! The ladder: one column for each party, time from top to bottom, and beside it what happens, in words.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::cast::Who;
use super::event::{Event, Told, What};
use super::hearing::Heard;
use super::sounds::{Sound, Sounds};
use crate::base::{Instant, Language};
use crate::media::SAMPLE_RATE;

/// The first column's line, and from one to the next.
const FIRST: usize = 9;
const NEXT: usize = 7;
/// Where the words begin.
const WORDS: usize = FIRST + 4 * NEXT + 3;
/// How much room they have; behind them stands how alike it was.
const ROOM: usize = 54;
/// What is heard so soon after the last piece belongs to the same sentence.
const SAME_SENTENCE: usize = SAMPLE_RATE as usize * 3 / 10;
/// Times and numbers are put together from these folders.
const PARTS: [&str; 3] = ["time/", "number/", "digit/"];
/// Plays for as long as it is needed, so that its beginning is worth telling.
const MUSIC: &str = "common/hold-music";

/// A column of the ladder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Hotline,
    Of(Who),
}

impl Lane {
    const ALL: [(Lane, &'static str, &'static str); 5] = [
        (Lane::Of(Who::CallerA), "A", "36"),
        (Lane::Of(Who::CallerB), "B", "33"),
        (Lane::Hotline, "HOTLINE", "1"),
        (Lane::Of(Who::Agent1), "1001", "35"),
        (Lane::Of(Who::Agent2), "1002", "32"),
    ];

    fn index(self) -> usize {
        Lane::ALL.iter().position(|(lane, ..)| *lane == self).unwrap_or(0)
    }

    fn place(self) -> usize {
        FIRST + self.index() * NEXT
    }

    fn colour(self) -> &'static str {
        Lane::ALL.get(self.index()).map_or("0", |(.., colour)| colour)
    }
}

/// What stands between the columns' lines.
enum Drawing {
    Arrow(Lane, Lane),
    Mark(Lane, char),
    Lines,
}

pub struct Ladder<W> {
    out: W,
    colours: bool,
    began: Instant,
    sounds: Arc<Sounds>,
    /// The beginning of a sentence, by who hears it.
    sentences: BTreeMap<Who, Sentence>,
    rings: BTreeMap<Who, Instant>,
    /// Sentences that cannot be translated piece by piece, in both languages.
    sayings: Vec<[String; 2]>,
}

/// Pieces that are one sentence to the listener.
struct Sentence {
    at: Instant,
    words: [String; 2],
    to: usize,
    correlation: f32,
}

impl<W: Write> Ladder<W> {
    pub fn new(out: W, colours: bool, began: Instant, sounds: Arc<Sounds>) -> Ladder<W> {
        let (sentences, rings) = (BTreeMap::new(), BTreeMap::new());
        Ladder { out, colours, began, sounds, sentences, rings, sayings: Vec::new() }
    }

    /// A sentence of several pieces whose order is another one in the other language.
    pub fn learn(&mut self, saying: [String; 2]) {
        self.sayings.push(saying);
    }

    /// Tells everything until nobody reports any more.
    pub fn narrate(mut self, told: &Receiver<Told>) -> io::Result<()> {
        self.head()?;
        for told in told {
            self.tell(&told)?;
        }
        self.finish()
    }

    fn head(&mut self) -> io::Result<()> {
        let mut text = String::new();
        for (lane, name, _) in Lane::ALL {
            let gap = (lane.place() - (name.len() - 1) / 2).saturating_sub(text.len());
            text.push_str(&" ".repeat(gap));
            text.push_str(name);
        }
        let gap = " ".repeat((WORDS + ROOM + 4).saturating_sub(text.len()));
        writeln!(self.out, "{}{gap}{}", self.paint("1", &text), self.paint("2", "r"))?;
        self.row(None, &Drawing::Lines, "", None)
    }

    fn finish(&mut self) -> io::Result<()> {
        for who in Who::ALL {
            self.say_sentence(who)?;
        }
        self.row(None, &Drawing::Lines, "", None)?;
        self.out.flush()
    }

    pub fn tell(&mut self, told: &Told) -> io::Result<()> {
        match &told.what {
            What::Command(line) => {
                let words = format!("$ {}", self.paint("1", line));
                self.row(Some(told.at), &Drawing::Mark(Lane::Hotline, '$'), &words, None)?;
            }
            What::Happened(who, Event::Hears(heard)) => self.hears(told.at, *who, heard)?,
            What::Happened(who, event) => {
                if !self.may_belong_to_a_sentence(event) {
                    self.say_sentence(*who)?;
                }
                self.happens(told.at, *who, event)?;
            }
        }
        self.out.flush()
    }

    fn happens(&mut self, at: Instant, who: Who, event: &Event) -> io::Result<()> {
        let (there, here) =
            (Drawing::Arrow(Lane::Of(who), Lane::Hotline), Drawing::Arrow(Lane::Hotline, Lane::Of(who)));
        let name = self.short(who);
        let (drawing, words) = match event {
            Event::Registered => (there, format!("REGISTER  {name} signs in")),
            Event::Dials(number) => (there, format!("INVITE  {name} dials {}", self.paint("1", number))),
            Event::Connected => (here, "200 OK".to_owned()),
            Event::Refused(status) => (here, format!("{name} is refused with {status}")),
            Event::Rings(shown) => {
                self.rings.insert(who, at);
                (here, format!("INVITE  {name} rings and shows {}", self.paint("1", shown)))
            }
            Event::Answers => (there, format!("200 OK  {name} answers after {}", self.rang(who, at))),
            Event::StopsRinging => {
                (here, format!("CANCEL  {name} did not answer for {}", self.rang(who, at)))
            }
            Event::Presses(keys) => (there, format!("{name} presses {}", self.paint("1", keys))),
            Event::Says(sound) => {
                let words = self.sounds.get(*sound).map(texts).unwrap_or_default();
                return self.words(at, &there, who, "says", &words, None);
            }
            Event::Begins(sound) if self.sounds.get(*sound).is_some_and(|sound| sound.name == MUSIC) => {
                (Drawing::Mark(Lane::Of(who), '~'), format!("{name} hears music"))
            }
            Event::HangsUp => (there, format!("BYE  {name} hangs up")),
            Event::HungUp => (here, format!("BYE  the hotline ends {name}'s call")),
            Event::Fails(reason) => {
                (Drawing::Mark(Lane::Of(who), '!'), format!("{name}: {}", self.paint("31", reason)))
            }
            Event::Begins(_) | Event::Hears(_) => return Ok(()),
        };
        self.row(Some(at), &drawing, &words, None)
    }

    /// The next piece of a time or a number, or of a sentence that goes on in small letters.
    fn may_belong_to_a_sentence(&self, event: &Event) -> bool {
        let Event::Begins(sound) = event else { return false };
        let Some(sound) = self.sounds.get(*sound) else { return false };
        let begins = texts(sound)[0].starts_with(|c: char| c.is_ascii_uppercase() || c == '(');
        !begins || PARTS.iter().any(|folder| sound.name.starts_with(folder))
    }

    fn rang(&mut self, who: Who, at: Instant) -> String {
        let rang = self.rings.remove(&who).map_or(Duration::ZERO, |since| at.since(since));
        format!("{:.1} s", rang.as_secs_f32())
    }

    /// Pieces of a sentence are collected until it is complete.
    fn hears(&mut self, at: Instant, who: Who, heard: &Heard) -> io::Result<()> {
        let sounds = Arc::clone(&self.sounds);
        let Some(sound) = sounds.get(heard.sound) else { return Ok(()) };
        let seconds = (heard.to.saturating_sub(heard.from)) as f32 / SAMPLE_RATE as f32;
        if sound.name == MUSIC {
            self.say_sentence(who)?;
            let words = format!("{} has heard {seconds:.1} s of music", self.short(who));
            return self.row(Some(at), &Drawing::Mark(Lane::Of(who), '~'), &words, Some(heard.correlation));
        }
        let gap = |sentence: &Sentence| heard.from.saturating_sub(sentence.to) > SAME_SENTENCE;
        if self.sentences.get(&who).is_some_and(gap) {
            self.say_sentence(who)?;
        }
        let fresh = Sentence { at, words: Default::default(), to: 0, correlation: 1.0 };
        let sentence = self.sentences.entry(who).or_insert(fresh);
        sentence.at = at;
        sentence.to = heard.to;
        sentence.correlation = sentence.correlation.min(heard.correlation);
        let mut texts = texts(sound);
        if !heard.whole {
            let share = (heard.to.saturating_sub(heard.from)) as f32 / sound.samples.len().max(1) as f32;
            texts = texts.map(|text| beginning(&text, share));
        }
        for (words, text) in sentence.words.iter_mut().zip(texts) {
            let foreign = text.is_ascii() && !words.is_empty() && !text.is_empty();
            words.push_str(if foreign { " " } else { "" });
            words.push_str(&text);
        }
        let complete = sentence.words[0].ends_with(['。', '！', '？', '.', '!', '?', ')', '…']);
        if complete { self.say_sentence(who) } else { Ok(()) }
    }

    fn say_sentence(&mut self, who: Who) -> io::Result<()> {
        let Some(Sentence { at, mut words, correlation, .. }) = self.sentences.remove(&who) else {
            return Ok(());
        };
        if let Some([one, other]) = self.sayings.iter().find(|saying| saying.contains(&words[0])) {
            words[1].clone_from(if words[0] == *one { other } else { one });
        }
        self.words(at, &Drawing::Mark(Lane::Of(who), '●'), who, "hears", &words, Some(correlation))
    }

    /// Words in the language they were said in, and beside or below them in the other.
    fn words(
        &mut self,
        at: Instant,
        drawing: &Drawing,
        who: Who,
        does: &str,
        [said, other]: &[String; 2],
        alike: Option<f32>,
    ) -> io::Result<()> {
        let before = format!("{} {does} ", self.short(who));
        let indent = width(&before);
        if indent + width(said) + 2 + width(other) <= ROOM {
            let line = format!("{before}{}  {}", self.paint("1", said), self.paint("2", other));
            return self.row(Some(at), drawing, line.trim_end(), alike);
        }
        for (n, line) in wrap(said, ROOM - indent).iter().enumerate() {
            let line = self.paint("1", line.trim_end());
            match n {
                0 => self.row(Some(at), drawing, &format!("{before}{line}"), alike)?,
                _ => self.row(None, &Drawing::Lines, &format!("{:indent$}{line}", ""), None)?,
            }
        }
        for line in wrap(other, ROOM - indent).iter().filter(|line| !line.is_empty()) {
            let line = self.paint("2", line.trim_end());
            self.row(None, &Drawing::Lines, &format!("{:indent$}{line}", ""), None)?;
        }
        Ok(())
    }

    fn short(&self, who: Who) -> String {
        let name = Lane::ALL.get(Lane::Of(who).index()).map_or("", |(_, name, _)| name);
        self.paint(Lane::Of(who).colour(), name)
    }

    /// One line of the ladder.
    fn row(
        &mut self,
        at: Option<Instant>,
        drawing: &Drawing,
        words: &str,
        alike: Option<f32>,
    ) -> io::Result<()> {
        let time = at.map_or(" ".repeat(6), |at| format!("{:6.1}", at.since(self.began).as_secs_f32()));
        let alike = alike.map_or(String::new(), |alike| {
            let gap = " ".repeat((ROOM + 1).saturating_sub(width(words)));
            format!("{gap}{}", self.paint("2", &format!("{alike:.3}")))
        });
        let line = format!("{} {}{words}{alike}", self.paint("2", &time), self.lanes(drawing));
        writeln!(self.out, "{}", line.trim_end())
    }

    /// Everything between the time and the words.
    fn lanes(&self, drawing: &Drawing) -> String {
        let mut cells: Vec<(char, &'static str)> = vec![(' ', "0"); WORDS];
        let mut set = |at: usize, sign: char, colour: &'static str| {
            if let Some(cell) = cells.get_mut(at) {
                *cell = (sign, colour);
            }
        };
        for (lane, ..) in Lane::ALL {
            set(lane.place(), '│', "2");
        }
        match *drawing {
            Drawing::Arrow(from, to) => {
                let (left, right) = (from.place().min(to.place()), from.place().max(to.place()));
                let person = if from == Lane::Hotline { to } else { from };
                for at in left + 1..right {
                    let crosses = Lane::ALL.iter().any(|(lane, ..)| lane.place() == at);
                    set(at, if crosses { '┼' } else { '─' }, person.colour());
                }
                let forth = from.place() < to.place();
                set(from.place(), if forth { '├' } else { '┤' }, person.colour());
                set(if forth { right - 1 } else { left + 1 }, if forth { '>' } else { '<' }, person.colour());
            }
            Drawing::Mark(lane, sign) => set(lane.place(), sign, lane.colour()),
            Drawing::Lines => {}
        }
        let drawn = cells.get(7..).unwrap_or_default();
        let paint = |part: &[(char, &'static str)]| {
            let text: String = part.iter().map(|(sign, _)| *sign).collect();
            self.paint(part.first().map_or("0", |(_, colour)| colour), &text)
        };
        drawn.chunk_by(|a, b| a.1 == b.1).map(paint).collect()
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        match self.colours && colour != "0" && !text.trim().is_empty() {
            true => format!("\x1b[{colour}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// As it was said, and in the other language.
fn texts(sound: &Sound) -> [String; 2] {
    let (chinese, english) = (sound.chinese.clone(), sound.english.clone());
    match &sound.language {
        Some(language) if *language == Language::new("en-US") => [english, chinese],
        Some(_) => [chinese, english],
        None => [format!("({})", sound.name.rsplit('/').next().unwrap_or_default()), String::new()],
    }
}

/// About as much of a text as was heard of it, up to the end of a word.
fn beginning(text: &str, share: f32) -> String {
    let said = (text.chars().count() as f32 * share) as usize;
    let mut words: String = text.chars().take(said).collect();
    if text.is_ascii() {
        words.extend(text.chars().skip(said).take_while(|c| *c != ' '));
    }
    words.truncate(words.trim_end().len());
    if !text.is_empty() {
        words.push_str(" …");
    }
    words
}

/// Columns on a terminal, without its colours: Chinese characters and marks take two.
pub fn width(text: &str) -> usize {
    let mut coloured = false;
    let mut sum = 0;
    for c in text.chars() {
        match c {
            '\x1b' => coloured = true,
            'm' if coloured => coloured = false,
            _ if coloured => {}
            '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{ffef}' => sum += 2,
            _ => sum += 1,
        }
    }
    sum
}

/// Broken at spaces, where there are any, so that no line is wider.
fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || width(line) + width(word.trim_end()) <= most => {
                line.push_str(word)
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
