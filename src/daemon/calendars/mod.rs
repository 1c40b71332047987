//! People's office calendars: a folder of iCalendar files, one a person, `EXTENSION.ics`, as office systems export them.
//!
//! ```text
//!   looked at every so often -- another file than the one that was read? --> read (read.rs) --> Input::Calendar
//!                                                             \-- cannot be read: said so, the old one stays
//! ```
//!
//! A file that is gone takes its events with it; a folder that cannot be looked into takes nothing.

mod read;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::clock;
use super::counters::Counters;
use super::failure::Failure;
use super::inbox::{Inbox, Report};
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

/// Reports until the inbox is closed.
#[expect(clippy::disallowed_methods, reason = "a thread whose only work is to look again after a while")]
pub fn start(config: &Config, inbox: Inbox<Report>, counters: &Arc<Counters>) -> Result<(), Failure> {
    let Some(folder) = config.folder.clone() else { return Ok(()) };
    let (every, counters) = (config.every, Arc::clone(counters));
    let mut files = Files { folder, zone: config.zone.clone(), seen: BTreeMap::new(), lost: false };
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
    zone: String,
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
    /// What has changed since the last look.
    fn look(&mut self, now: Wall, counters: &Counters) -> Vec<(String, Arc<[Absence]>)> {
        let listed = match self.listed() {
            Ok(listed) => listed,
            Err(error) => {
                if !std::mem::replace(&mut self.lost, true) {
                    let folder = self.folder.display().to_string();
                    tracing::error!(folder, %error, "the calendars' folder cannot be read: those known stay");
                }
                return Vec::new();
            }
        };
        self.lost = false;
        let mut told = Vec::new();
        let gone: Vec<String> =
            self.seen.keys().filter(|extension| !listed.contains_key(*extension)).cloned().collect();
        for extension in gone {
            tracing::info!(extension, "the calendar file is gone");
            self.seen.remove(&extension);
            told.push((extension, Arc::from([])));
        }
        for (extension, (path, seen)) in listed {
            let same = |known: &Seen| {
                (known.modified, known.length) == (seen.modified, seen.length)
                    && now.since(known.at) < AGAIN_AFTER
            };
            if self.seen.get(&extension).is_some_and(same) {
                continue;
            }
            self.seen.insert(extension.clone(), Seen { at: now, ..seen });
            if let Some(events) = self.read(&path, now, counters) {
                told.push((extension, events));
            }
        }
        told
    }

    fn listed(&self) -> io::Result<BTreeMap<String, (PathBuf, Seen)>> {
        let mut listed = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
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

    fn read(&self, path: &Path, now: Wall, counters: &Counters) -> Option<Arc<[Absence]>> {
        let text = self.text(path);
        let read = text.and_then(|text| read::read(&text, &self.zone, now, now + AHEAD));
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

    fn text(&self, path: &Path) -> Result<String, String> {
        let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
        if length > LONGEST {
            return Err(format!("longer than {LONGEST} octets"));
        }
        let octets = fs::read(path).map_err(|error| error.to_string())?;
        String::from_utf8(octets)
            .map_err(|error| format!("not UTF-8 at octet {}", error.utf8_error().valid_up_to()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AwayReason;

    #[test]
    fn a_file_is_read_when_it_changes_and_the_old_one_stays_when_it_is_spoilt() {
        let folder = tempfile::tempdir().unwrap();
        let counters = Counters::default();
        let mut files = Files {
            folder: folder.path().to_owned(),
            zone: "Asia/Shanghai".to_owned(),
            seen: BTreeMap::new(),
            lost: false,
        };
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
        fs::remove_file(&path).unwrap();
        assert_eq!(files.look(now, &counters), [("4001".to_owned(), Arc::from([]))]);
        // Again after a day, for what repeats itself.
        fs::write(&path, calendar).unwrap();
        assert_eq!(files.look(now, &counters).len(), 1);
        assert_eq!(files.look(now + AGAIN_AFTER, &counters).len(), 1);
        drop(folder);
        assert!(files.look(now, &counters).is_empty(), "no folder takes nothing away");
    }
}
