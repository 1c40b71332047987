//! A day as it is written: TOML, read as a dialplan is, with every mistake told at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::day::{Class, Day, Desks, Interval, Source, Staff, Worker};
use super::distribution::Distribution;
use crate::base::Instant;
use crate::dialplan::written::{
    Doc, Entry, Field, Fields, Form, Named, Parsed, Place, Report, Written, describe, minutes,
};
use crate::dialplan::{Diagnostic, Plan, SourceFile};
use crate::queue::Requirement;

const DISTRIBUTION: Doc = Doc {
    name: "a distribution",
    about: "Times that differ from call to call.",
    short: Some("mean"),
    fields: &[
        Field::needed("mean", Form::Time(0, 86_400_000), "The mean."),
        Field::with(
            "shape",
            Form::One(&["exponential", "lognormal", "fixed"]),
            "exponential",
            "How they are spread around it; `fixed`: always the mean. Talks are best described by `lognormal`.",
        ),
        Field::optional(
            "deviation",
            Form::Time(0, 86_400_000),
            "the mean",
            "The standard deviation of `lognormal`.",
        ),
    ],
    example: r#"[class.vip]
calls = [12, 30]
talk = { mean = "260 s", shape = "lognormal", deviation = "280 s" }
patience = "180 s"
"#,
};

const DAY: Doc = Doc {
    name: "day",
    about: "When callers come. Who still waits at the end is served as long as somebody is there: let shifts outlast it.",
    short: None,
    fields: &[
        Field::needed("from", Form::Other("a time of day, `\"08:00\"`"), "The first call may come."),
        Field::needed("until", Form::Other("a time of day, up to `\"24:00\"`"), "No more calls come."),
        Field::with(
            "every",
            Form::Time(60_000, 86_400_000),
            "30 min",
            "What one number of `calls` is for; the day is a whole number of these.",
        ),
    ],
    example: r#"[day]
from = "08:00"
until = "09:00"
"#,
};

const DESKS: Doc = Doc {
    name: "desks",
    about: "What happens when an agent's phone rings. Rings the whole `ring` of the queue and nobody answers, the \
            caller is offered to somebody else, and the plan's rules for missed offers hold.",
    short: None,
    fields: &[
        Field::optional(
            "answers",
            Form::Other("a distribution"),
            "3 s, always",
            "From the offer to the answer.",
        ),
        Field::with(
            "absent",
            Form::Count(0, 1000),
            "0",
            "Of 1,000 offers so many find that the agent has just left the desk without a word.",
        ),
        Field::optional("absent_for", Form::Other("a distribution"), "5 min", "Until the agent is back."),
    ],
    example: r#"[desks]
answers = { mean = "3500 ms", shape = "lognormal", deviation = "1 s" }
absent = 4
"#,
};

const CLASS: Doc = Doc {
    name: "class.<name>",
    about: "Callers of one kind: when they come and how they are. Several classes may join one queue.",
    short: None,
    fields: &[
        Field::optional(
            "queue",
            Form::Name("queue of the dialplan"),
            "the class's name",
            "What they wait for.",
        ),
        Field::needed(
            "calls",
            Form::Other("a list of numbers up to 100,000, one for each `every` of the day"),
            "How many come on average; when exactly is left to chance (a Poisson process).",
        ),
        Field::needed(
            "talk",
            Form::Other("a distribution"),
            "From the agent's answer to the end of the call.",
        ),
        Field::needed(
            "patience",
            Form::Other("a distribution, or `\"never\"`"),
            "After this wait a caller hangs up; `never`: waits as long as the plan allows.",
        ),
        Field::optional(
            "wrap_up",
            Form::Other("a distribution"),
            "the queue's `wrap_up`, always",
            "The agent's pause after the talk.",
        ),
        Field::optional(
            "needs",
            Form::Other("skills with levels, `{ english = 1 }`"),
            "nothing more",
            "Beside what the queue asks for.",
        ),
    ],
    example: r#"[class.complaint]
calls = [10, 25]
talk = "380 s"
patience = "300 s"
"#,
};

const SHIFT: Doc = Doc {
    name: "shift",
    about: "Shifts by name: the spans of the day in which somebody is here, `\"14:00-18:00\"` or a list of them. After \
            each an agent takes no new caller, but finishes the talk; between two it is a break.",
    short: None,
    fields: &[],
    example: r#"[shift]
early = ["08:00-12:00", "12:45-16:30"]
late = "15:00-20:30"
"#,
};

const STAFF: Doc = Doc {
    name: "staff.<name>",
    about: "Agents of one kind: so many in each shift, or people of the dialplan with the skills that they have there. \
            Who is in no `staff` does not work on this day.",
    short: None,
    fields: &[
        Field::optional(
            "count",
            Form::Other("how many in each shift, `{ early = 12, late = 8 }`, each up to 10,000"),
            "none",
            "Agents without names.",
        ),
        Field::optional(
            "skills",
            Form::Other("skills with levels, `{ vip = 5 }`"),
            "none",
            "What they can do.",
        ),
        Field::optional(
            "people",
            Form::Other("extensions in each shift, `{ late = [\"3001\"] }`"),
            "nobody",
            "Instead of `count` and `skills`.",
        ),
    ],
    example: r#"[staff.complaint-desk]
count = { early = 12, late = 8 }
skills = { consultation = 4, complaint = 5 }

[staff.managers]
people = { early = ["3001"] }
"#,
};

/// Everything that may be written in a day, in Markdown.
pub fn reference() -> String {
    let mut out = String::from(
        "# Days to rehearse\n\n\
         A day is a TOML file for `hotline rehearse --day FILE`; a roster, for `--roster FILE`, is one with `staff`, \
         `shift` and perhaps `desks` alone. Queues, skills and people are those of the dialplan; times are written \
         `\"300 ms\"`, `\"15 s\"`, `\"2 min\"`, `\"1 h\"`. Every mistake is told at once, with file, line and column.\n",
    );
    [DAY, CLASS, DISTRIBUTION, SHIFT, STAFF, DESKS].iter().for_each(|doc| describe(doc, &mut out));
    out
}

/// The tables of a day, by their places.
#[cfg(feature = "daemon")]
pub(crate) fn written() -> Vec<(&'static str, &'static Doc)> {
    vec![
        ("day", &DAY),
        ("class.<name>", &CLASS),
        ("class.<name>.talk", &DISTRIBUTION),
        ("class.<name>.wrap_up", &DISTRIBUTION),
        ("shift", &SHIFT),
        ("staff.<name>", &STAFF),
        ("desks", &DESKS),
        ("desks.answers", &DISTRIBUTION),
        ("desks.absent_for", &DISTRIBUTION),
    ]
}

/// Reads a day against a plan; `roster` has other staff than the day's own, `recorded` are other classes. The
/// day and what a person should look at, or every mistake.
pub fn read(
    day: &SourceFile,
    roster: Option<&SourceFile>,
    recorded: Option<Vec<Class>>,
    plan: &Plan,
) -> Result<(Day, Vec<Diagnostic>), Vec<Diagnostic>> {
    let files: Vec<_> = std::iter::once(day).chain(roster).cloned().collect();
    let mut report = Report::new(&files);
    let parsed: Vec<_> = (0..files.len()).map(|file| Parsed::read(&mut report, file)).collect();
    if report.failed() {
        return Err(report.into_diagnostics());
    }
    let mut reader = Reader { report, plan };
    let day = reader.day(&day.name, &parsed, recorded);
    let failed = reader.report.failed();
    let diagnostics = reader.report.into_diagnostics();
    if failed { Err(diagnostics) } else { Ok((day, diagnostics)) }
}

const TABLES: [&str; 5] = ["day", "desks", "shift", "class", "staff"];

/// What the tables of one file are.
struct Tables<'a, 's> {
    day: Option<Entry<'a, 's>>,
    desks: Option<Entry<'a, 's>>,
    shifts: Option<Entry<'a, 's>>,
    classes: Named<'a, 's>,
    staff: Named<'a, 's>,
}

type Hours = Vec<(Instant, Instant)>;
type Shifts = BTreeMap<String, Hours>;

struct Reader<'s, 'p> {
    report: Report<'s>,
    plan: &'p Plan,
}

impl<'s> Reader<'s, '_> {
    fn day(&mut self, name: &str, parsed: &[Parsed<'s>], recorded: Option<Vec<Class>>) -> Day {
        let files: Vec<_> = parsed.iter().map(|file| self.tables(file)).collect();
        let start = Place { file: 0, start: 0, end: 0 };
        let own = files.first();
        // A roster takes the place of the day's, as a whole.
        let staffed = files.last();
        let clock = own.and_then(|own| own.day).map(|whole| self.clock(whole));
        if clock.is_none() {
            self.report.mistake(start, "a day needs the table `[day]`");
        }
        let mut classes = Vec::new();
        for entry in own.iter().flat_map(|own| &own.classes.order) {
            classes.extend(self.class(*entry, clock.flatten()));
        }
        if classes.is_empty() && recorded.is_none() && !self.report.failed() {
            self.report.mistake(start, "a day needs callers: at least one `[class.<name>]`");
        }
        let order = staffed.map_or(&[][..], |tables| &tables.staff.order);
        let written = staffed.and_then(|tables| tables.shifts).or(own.and_then(|tables| tables.shifts));
        let shifts = written.map(|whole| self.shifts(whole)).unwrap_or_default();
        let staff: Vec<_> = order.iter().map(|entry| self.staff(*entry, &shifts)).collect();
        if staff.is_empty() {
            let place = Place { file: files.len().saturating_sub(1), ..start };
            self.report.mistake(place, "nobody is on duty: at least one `[staff.<name>]` is needed");
        }
        let desks = staffed.and_then(|tables| tables.desks).or(own.and_then(|tables| tables.desks));
        let desks = self.desks(desks);
        let places = own.map_or(&[][..], |tables| &tables.classes.order);
        if recorded.is_none() {
            self.unserved(&classes, &staff, places);
        }
        Day { name: name.to_owned(), classes: recorded.unwrap_or(classes), staff, desks }
    }

    fn tables<'a>(&mut self, file: &'a Parsed<'s>) -> Tables<'a, 's> {
        let mut tables = Tables {
            day: None,
            desks: None,
            shifts: None,
            classes: Named::new("class"),
            staff: Named::new("staff"),
        };
        for entry in file.entries() {
            match entry.key {
                "day" => tables.day = Some(entry),
                "desks" => tables.desks = Some(entry),
                "shift" => tables.shifts = Some(entry),
                "class" => tables.classes.add(&mut self.report, entry),
                "staff" => tables.staff.add(&mut self.report, entry),
                other => {
                    let reason = format!("a day has no table `{other}`");
                    self.report.unknown(entry.key_place, reason, other, TABLES);
                }
            }
        }
        tables
    }

    /// The beginnings of the intervals, and their length.
    fn clock(&mut self, whole: Entry<'_, 's>) -> Option<(Instant, u32, Duration)> {
        let fields = self.report.open(whole, &DAY);
        let from = self.time_of_day(&fields, "from");
        let until = self.time_of_day(&fields, "until");
        let every = self.report.time(&fields, "every");
        let (from, until) = (from?, until?);
        if until <= from {
            self.report.mistake(fields.place(), "a day ends after it has begun");
            return None;
        }
        let length = Duration::from_secs(60 * u64::from(until - from));
        let count = u32::try_from(length.as_millis() / every.as_millis().max(1)).unwrap_or(0);
        if every * count != length {
            let place = fields.get("every").map_or(fields.place(), |written| written.place);
            self.report.mistake(place, "the day is not a whole number of `every`");
            return None;
        }
        Some((of_day(from), count, every))
    }

    fn time_of_day(&mut self, fields: &Fields<'_, '_>, name: &str) -> Option<u16> {
        let (text, place) = self.report.text(fields, name)?;
        let found = minutes(&text);
        if found.is_none() {
            self.report.mistake(place, format!("`{name}` is a time of day")).add_help("write \"08:00\"");
        }
        found
    }

    fn class(&mut self, entry: Entry<'_, 's>, clock: Option<(Instant, u32, Duration)>) -> Option<Class> {
        let fields = self.report.open(entry, &CLASS);
        let (queue_name, place) =
            self.report.text(&fields, "queue").unwrap_or_else(|| (entry.key.to_owned(), entry.key_place));
        let queue = self.plan.queue_by_name(&queue_name).map(|queue| queue.id);
        if queue.is_none() {
            let names = self.plan.queues().iter().map(|queue| queue.name.as_str());
            let reason = format!("the dialplan has no queue `{queue_name}`");
            self.report.unknown(place, reason, &queue_name, names);
        }
        let calls = fields.get("calls").map(|written| self.calls(written, clock)).unwrap_or_default();
        let talk = self.distribution(&fields, "talk");
        let patience = match fields.get("patience").and_then(Written::as_word) {
            Some("never") => Some(Distribution::Never),
            _ => self.distribution(&fields, "patience"),
        };
        let wrap_up = self.distribution(&fields, "wrap_up");
        let needs = self.skills(&fields, "needs");
        let source = Source::Generated { calls, talk: talk?, patience: patience? };
        Some(Class { name: entry.key.to_owned(), queue: queue?, needs, wrap_up, source })
    }

    fn calls(&mut self, written: Written<'_, 's>, clock: Option<(Instant, u32, Duration)>) -> Vec<Interval> {
        let numbers: Vec<_> = written
            .each()
            .into_iter()
            .map(|each| self.report.as_count(each, "a number of `calls`", 0, 100_000).unwrap_or(0))
            .collect();
        let Some((from, count, every)) = clock else { return Vec::new() };
        if numbers.len() != count as usize {
            let reason = format!("`calls` has {} numbers, and the day has {count} intervals", numbers.len());
            self.report.mistake(written.place, reason);
        }
        let intervals = (0..count).zip(numbers);
        intervals
            .map(|(at, calls)| Interval { from: from + every * at, length: every, calls: calls as f64 })
            .collect()
    }

    fn distribution(&mut self, fields: &Fields<'_, 's>, name: &str) -> Option<Distribution> {
        let written = fields.get(name)?;
        let entry = Entry { key: "", key_place: written.place, value: written };
        let own = self.report.open(entry, &DISTRIBUTION);
        let mean = self.report.time(&own, "mean");
        let deviation = self.report.time_if(&own, "deviation");
        let shape = self.report.one(&own, "shape");
        if let Some(odd) = own.get("deviation").filter(|_| shape != Some("lognormal")) {
            self.report
                .mistake(odd.place, "only a `lognormal` distribution has a deviation of its own")
                .add_help("write shape = \"lognormal\" beside it");
        }
        Some(match shape {
            Some("lognormal") => Distribution::Lognormal { mean, deviation: deviation.unwrap_or(mean) },
            Some("fixed") => Distribution::Fixed(mean),
            _ => Distribution::Exponential(mean),
        })
    }

    fn skills(&mut self, fields: &Fields<'_, 's>, name: &str) -> Vec<Requirement> {
        let Some(written) = fields.get(name) else { return Vec::new() };
        let Some(entries) = written.entries() else {
            self.report.wrong(written, &format!("`{name}`"), "a table of skills with their levels");
            return Vec::new();
        };
        let mut skills = Vec::new();
        for entry in entries {
            let known = self.plan.skills();
            let level = self.report.as_count(entry.value, "the level of a skill", 1, 9);
            let Some(skill) = known.iter().position(|skill| skill.name == entry.key) else {
                let reason = format!("the dialplan has no skill `{}`", entry.key);
                self.report.unknown(
                    entry.key_place,
                    reason,
                    entry.key,
                    known.iter().map(|s| s.name.as_str()),
                );
                continue;
            };
            let number = u16::try_from(skill).ok().zip(level.and_then(|level| u8::try_from(level).ok()));
            skills.extend(number.map(|(skill, level)| Requirement { skill, level }));
        }
        skills
    }

    fn shifts(&mut self, whole: Entry<'_, 's>) -> Shifts {
        let Some(entries) = whole.value.entries() else {
            self.report.wrong(whole.value, "`shift`", "a table of hours by name");
            return Shifts::new();
        };
        let mut shifts = Shifts::new();
        for entry in entries {
            let spans = self.report.spans(entry.value, "hours");
            let spans = spans.into_iter().map(|span| (of_day(span.from), of_day(span.until)));
            shifts.insert(entry.key.to_owned(), spans.collect());
        }
        shifts
    }

    fn staff(&mut self, entry: Entry<'_, 's>, shifts: &Shifts) -> Staff {
        let fields = self.report.open(entry, &STAFF);
        let skills = self.skills(&fields, "skills");
        let mut agents = Vec::new();
        for (each, shift) in self.by_shift(&fields, "count", shifts) {
            let count = self.report.as_count(each, "a number of agents", 0, 10_000).unwrap_or(0);
            let worker = Worker { skills: skills.clone(), shift };
            agents.extend(std::iter::repeat_n(worker, usize::try_from(count).unwrap_or(0)));
        }
        for (each, shift) in self.by_shift(&fields, "people", shifts) {
            for person in each.each() {
                let shift = shift.clone();
                agents.extend(self.person(person).map(|skills| Worker { skills, shift }));
            }
        }
        if let (Some(odd), true) = (fields.get("skills"), fields.has("people")) {
            self.report.mistake(odd.place, "the skills of `people` are those of the dialplan");
        }
        Staff { name: entry.key.to_owned(), agents }
    }

    /// The values of a table by shift, with the hours.
    fn by_shift<'a>(
        &mut self,
        fields: &Fields<'a, 's>,
        name: &str,
        shifts: &Shifts,
    ) -> Vec<(Written<'a, 's>, Hours)> {
        let Some(written) = fields.get(name) else { return Vec::new() };
        let Some(entries) = written.entries() else {
            self.report.wrong(written, &format!("`{name}`"), "a table by shift");
            return Vec::new();
        };
        let mut all = Vec::new();
        for entry in entries {
            match shifts.get(entry.key) {
                Some(hours) => all.push((entry.value, hours.clone())),
                None => {
                    let reason = format!("`[shift]` has no `{}`", entry.key);
                    self.report.unknown(
                        entry.key_place,
                        reason,
                        entry.key,
                        shifts.keys().map(String::as_str),
                    );
                }
            }
        }
        all
    }

    fn person(&mut self, written: Written<'_, 's>) -> Option<Vec<Requirement>> {
        let extension = self.report.as_text(written, "one of `people`")?;
        let Some(agent) = self.plan.agent_by_extension(extension) else {
            let known = self.plan.agents().iter().map(|agent| agent.extension.as_str());
            let reason = format!("the dialplan has nobody at the extension {extension}");
            self.report.unknown(written.place, reason, extension, known);
            return None;
        };
        let skills = agent.skills.iter().map(|had| Requirement { skill: had.skill, level: had.level });
        Some(skills.collect())
    }

    fn desks(&mut self, whole: Option<Entry<'_, 's>>) -> Desks {
        let usual = Desks {
            answers: Distribution::Fixed(Duration::from_secs(3)),
            absent_per_mille: 0,
            absent_for: Distribution::Exponential(Duration::from_secs(300)),
        };
        let Some(whole) = whole else { return usual };
        let fields = self.report.open(whole, &DESKS);
        Desks {
            answers: self.distribution(&fields, "answers").unwrap_or(usual.answers),
            absent_per_mille: u32::try_from(self.report.count(&fields, "absent")).unwrap_or(0),
            absent_for: self.distribution(&fields, "absent_for").unwrap_or(usual.absent_for),
        }
    }

    /// Warns of callers for whom nobody is ever here.
    fn unserved(&mut self, classes: &[Class], staff: &[Staff], places: &[Entry<'_, 's>]) {
        for class in classes {
            let Some(queue) = self.plan.queue(class.queue) else { continue };
            let has = |skills: &[Requirement], skill: u16| skills.iter().any(|had| had.skill == skill);
            let able = |worker: &Worker| {
                class.needs.iter().all(|need| has(&worker.skills, need.skill))
                    && (queue.anyone_after.is_some()
                        || queue.sets().any(|set| set.iter().all(|need| has(&worker.skills, need.skill))))
            };
            if staff.iter().flat_map(|staff| &staff.agents).any(able) {
                continue;
            }
            if let Some(entry) = places.iter().find(|entry| entry.key == class.name) {
                let reason = format!("nobody on duty has the skills for queue `{}`", queue.name);
                self.report.warning(entry.key_place, reason);
            }
        }
    }
}

fn of_day(minutes: u16) -> Instant {
    Instant::ZERO + Duration::from_secs(60 * u64::from(minutes))
}
