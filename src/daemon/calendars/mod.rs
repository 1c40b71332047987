//! People's office calendars: a folder of iCalendar files, one a person, `EXTENSION.ics`, as office systems export them.
//!
//! ```text
//!   looked at every so often -- another file than the one that was read? --> read (read.rs) --> Input::Calendar, a copy
//!                                                             \-- cannot be read: said so, the old one stays;
//!                                                                 after a start that is the copy
//! ```
//!
//! A file that is gone takes its events with it, and the copy; a folder that cannot be looked into takes nothing.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::clock;
use super::counters::Counters;
use super::failure::Failure;
use super::inbox::{Inbox, Report};
use super::state;
use crate::base::Wall;
use crate::presence::Absence;

/// A year of somebody who has a meeting every hour is a tenth of it.
const LONGEST: u64 = 8 * 1024 * 1024;
/// So far ahead repeated events are told; a file that does not change is read again before that is over.
const AHEAD: Duration = Duration::from_secs(60 * 24 * 3600);
const AGAIN_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Complaints about one file that are told one by one.
const MOST_TOLD: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `None`: nobody has one.
    pub folder: Option<PathBuf>,
    pub every: Duration,
    /// Of times that have no zone of their own, by its IANA name.
    pub zone: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { folder: None, every: Duration::from_secs(30), zone: "Asia/Shanghai".to_owned() }
    }
}

/// Reports until the inbox is closed. `copies`: a folder for the last good file of each person.
#[expect(clippy::disallowed_methods, reason = "a thread whose only work is to look again after a while")]
pub fn start(
    config: &Config,
    copies: &Path,
    inbox: Inbox<Report>,
    counters: &Arc<Counters>,
) -> Result<(), Failure> {
    let Some(folder) = config.folder.clone() else { return Ok(()) };
    let (every, counters) = (config.every, Arc::clone(counters));
    let mut files = Files::new(folder, copies.to_owned(), config.zone.clone());
    let look = move || {
        while !inbox.is_closed() {
            for (extension, events) in files.look(clock::now().wall, &counters) {
                inbox.push_patiently(Report::Calendar { extension, events });
            }
            std::thread::sleep(every);
        }
    };
    let thread = std::thread::Builder::new().name("calendars".to_owned()).spawn(look);
    thread.map(drop).map_err(Failure::io("the calendars' thread could not be started"))
}

struct Files {
    folder: PathBuf,
    copies: PathBuf,
    zone: String,
    /// Whose events were told since the start: of them the house knows something.
    told: BTreeSet<String>,
    /// By extension: of which file the events are that were told, or that was complained about.
    seen: BTreeMap<String, Seen>,
    /// The folder cannot be looked into: said once.
    lost: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct Seen {
    modified: Option<SystemTime>,
    length: u64,
    at: Wall,
}

impl Files {
    fn new(folder: PathBuf, copies: PathBuf, zone: String) -> Files {
        Files { folder, copies, zone, told: BTreeSet::new(), seen: BTreeMap::new(), lost: false }
    }

    /// What has changed since the last look.
    fn look(&mut self, now: Wall, counters: &Counters) -> Vec<(String, Arc<[Absence]>)> {
        let told = self.changed(now, counters);
        self.told.extend(told.iter().map(|(extension, _)| extension.clone()));
        told
    }

    fn changed(&mut self, now: Wall, counters: &Counters) -> Vec<(String, Arc<[Absence]>)> {
        let found = match listed(&self.folder) {
            Ok(found) => found,
            Err(error) => {
                if !std::mem::replace(&mut self.lost, true) {
                    let folder = self.folder.display().to_string();
                    tracing::error!(folder, %error, "the calendars' folder cannot be read: those known stay");
                }
                let copies = listed(&self.copies).unwrap_or_default().into_keys();
                let unknown = copies.filter(|extension| !self.told.contains(extension));
                return unknown.filter_map(|extension| self.copy_of(extension, now)).collect();
            }
        };
        self.lost = false;
        let mut told = Vec::new();
        let gone: Vec<String> =
            self.seen.keys().filter(|extension| !found.contains_key(*extension)).cloned().collect();
        for extension in gone {
            tracing::info!(extension, "the calendar file is gone");
            self.seen.remove(&extension);
            let _ = fs::remove_file(self.copy(&extension));
            told.push((extension, Arc::from([])));
        }
        for (extension, (path, seen)) in found {
            let same = |known: &Seen| {
                (known.modified, known.length) == (seen.modified, seen.length)
                    && now.since(known.at) < AGAIN_AFTER
            };
            if self.seen.get(&extension).is_some_and(same) {
                continue;
            }
            self.seen.insert(extension.clone(), Seen { at: now, ..seen });
            match self.read(&path, now, counters) {
                Some(events) => told.push((extension, events)),
                None if self.told.contains(&extension) => {}
                None => told.extend(self.copy_of(extension, now)),
            }
        }
        told
    }

    fn copy(&self, extension: &str) -> PathBuf {
        self.copies.join(format!("{extension}.ics"))
    }

    /// The events of the last file of theirs that could be read, before this start.
    fn copy_of(&self, extension: String, now: Wall) -> Option<(String, Arc<[Absence]>)> {
        let text = text(&self.copy(&extension)).ok()?;
        let read = read::read(&text, &self.zone, now, now + AHEAD).ok()?;
        tracing::warn!(extension, events = read.events.len(), "the calendar is the one that was read last");
        Some((extension, read.events.into()))
    }

    /// What a crash takes with it is the newest copy, not the one before.
    fn keep(&self, path: &Path, text: &str) {
        let Some(extension) = path.file_stem().and_then(|stem| stem.to_str()) else { return };
        let made = fs::create_dir_all(&self.copies);
        if let Err(error) = made.and_then(|()| state::write_whole(&self.copy(extension), text)) {
            tracing::error!(extension, %error, "no copy of the calendar could be kept");
        }
    }

    fn read(&self, path: &Path, now: Wall, counters: &Counters) -> Option<Arc<[Absence]>> {
        let read = text(path).and_then(|text| {
            let read = read::read(&text, &self.zone, now, now + AHEAD)?;
            self.keep(path, &text);
            Ok(read)
        });
        let file = path.display().to_string();
        match read {
            Ok(read) => {
                counters.calendar_files_read.add_one();
                counters.calendar_events_unreadable.add(read.complaints.len() as u64);
                for (line, reason) in read.complaints.iter().take(MOST_TOLD) {
                    tracing::warn!("{file}:{line}: {reason}");
                }
                if let Some(more) = read.complaints.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
                    tracing::warn!("{file}: {more} more of the kind");
                }
                tracing::info!(file, events = read.events.len(), "calendar read");
                Some(read.events.into())
            }
            Err(reason) => {
                counters.calendar_files_unreadable.add_one();
                tracing::error!("{file}: {reason}: the calendar that is known stays");
                None
            }
        }
    }
}

/// The calendar files of a folder, by extension.
fn listed(folder: &Path) -> io::Result<BTreeMap<String, (PathBuf, Seen)>> {
    let mut listed = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|kind| kind != "ics") || extension.is_empty() {
            continue;
        }
        // Gone in between, or a name that leads nowhere: the next look will tell.
        let Ok(about) = fs::metadata(&path) else { continue };
        let seen = Seen { modified: about.modified().ok(), length: about.len(), at: Wall::default() };
        listed.insert(extension, (path, seen));
    }
    Ok(listed)
}

fn text(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > LONGEST {
        return Err(format!("longer than {LONGEST} octets"));
    }
    let octets = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(octets)
        .map_err(|error| format!("not UTF-8 at octet {}", error.utf8_error().valid_up_to()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AwayReason;

    #[test]
    fn a_file_is_read_when_it_changes_and_the_old_one_stays_when_it_is_spoilt() {
        let folder = tempfile::tempdir().unwrap();
        let counters = Counters::default();
        let state = tempfile::tempdir().unwrap();
        let started = || {
            let copies = state.path().join("calendars");
            Files::new(folder.path().to_owned(), copies, "Asia/Shanghai".to_owned())
        };
        let mut files = started();
        let path = folder.path().join("4001.ics");
        let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261123T020000Z\r\n\
                        DTEND:20261123T030000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        fs::write(&path, calendar).unwrap();
        fs::write(folder.path().join("notes.txt"), "no calendar").unwrap();
        let now: jiff::Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let now = Wall::from_micros(now.as_microsecond());
        let told = files.look(now, &counters);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].0.as_str(), told[0].1[0].reason), ("4001", AwayReason::Meeting));
        assert!(files.look(now, &counters).is_empty(), "nothing new");
        // Half of it: an export that was cut short.
        fs::write(&path, &calendar[..calendar.len() - 30]).unwrap();
        assert!(files.look(now, &counters).is_empty(), "the old one stays");
        assert!(files.look(now, &counters).is_empty());
        assert_eq!((counters.calendar_files_read.get(), counters.calendar_files_unreadable.get()), (1, 1));
        // A start that finds it so goes by what was read last; once, and no longer than until there is a better one.
        let mut again = started();
        assert_eq!(again.look(now, &counters), told);
        assert!(again.look(now, &counters).is_empty());
        fs::write(&path, calendar.replace("T020000Z", "T010000Z")).unwrap();
        let better = again.look(now, &counters);
        assert_eq!(better.len(), 1);
        assert_ne!(better, told);
        fs::remove_file(&path).unwrap();
        assert_eq!(again.look(now, &counters), [("4001".to_owned(), Arc::from([]))]);
        assert_eq!(files.look(now, &counters), [("4001".to_owned(), Arc::from([]))]);
        assert!(started().look(now, &counters).is_empty(), "the copy is gone with it");
        // Again after a day, for what repeats itself.
        fs::write(&path, calendar).unwrap();
        assert_eq!(files.look(now, &counters).len(), 1);
        assert_eq!(files.look(now + AGAIN_AFTER, &counters).len(), 1);
        let away = folder.path().with_extension("away");
        fs::rename(folder.path(), &away).unwrap();
        assert!(files.look(now, &counters).is_empty(), "no folder takes nothing away");
        let mut without = started();
        assert_eq!(without.look(now, &counters).len(), 1, "nor does a start without it");
        assert!(without.look(now, &counters).is_empty(), "said once");
        fs::rename(&away, folder.path()).unwrap();
    }
}
