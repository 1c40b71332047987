//! Queues, hours, lists, boxes and what holds for the whole house.

use std::collections::BTreeSet;

use super::words::{agent, calendar, flag, phrase, requirement, time};
use super::{Change, Facts, by_name};
use crate::base::PromptId;
use crate::dialplan::calendar::{Calendar, Span, Year};
use crate::dialplan::plan::{BoxRule, NumberList, Plan, Queue, Skill};

pub(super) fn hotline(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let facts = |plan: &Plan| {
        let mut facts = Facts::default();
        let languages: Vec<String> = plan.languages().iter().map(ToString::to_string).collect();
        facts.add("the name", plan.name());
        facts.add("the first language", plan.language().to_string());
        facts.add("the languages", languages.join(", "));
        facts.add("the time zone", plan.time_zone().iana_name().unwrap_or("UTC"));
        let offers = plan.offers();
        facts.add("the rest of who refused", time(offers.rest_refused));
        facts.add("the rest of who was busy", time(offers.rest_busy));
        facts.add("the rest of who did not answer", time(offers.rest_no_answer));
        facts.add("the unanswered calls after which an agent is away", offers.no_answers.to_string());
        facts.add("the extension of a wrap-up", time(offers.more_time));
        let urgent = plan.urgent();
        facts.add("the wait for the answer to an urgent slip", time(urgent.wait));
        facts.add("the number of urgent slips", format!("{} in {}", urgent.most, time(urgent.within)));
        facts.add("the goodbye", phrase(plan, &plan.own.goodbye));
        facts
    };
    let told = facts(after).differ(&facts(before));
    all.extend(told.into_iter().map(|what| Change { about: "hotline".to_owned(), what }));
}

/// What bears a name and has facts.
fn named<T>(
    kind: &str,
    (before, old): (&Plan, &[T]),
    (after, new): (&Plan, &[T]),
    name: impl Fn(&T) -> String,
    facts: impl Fn(&Plan, &T) -> Facts,
    all: &mut Vec<Change>,
) {
    for (name, old, new) in by_name(old, new, name) {
        let told = match (old, new) {
            (Some(old), Some(new)) => facts(after, new).differ(&facts(before, old)),
            (None, Some(_)) => vec!["is new".to_owned()],
            _ => vec!["is gone".to_owned()],
        };
        all.extend(told.into_iter().map(|what| Change { about: format!("{kind} {name}"), what }));
    }
}

pub(super) fn queues(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let name = |queue: &Queue| queue.name.clone();
    named("queue", (before, before.queues()), (after, after.queues()), name, queue, all);
}

fn queue(plan: &Plan, queue: &Queue) -> Facts {
    let mut facts = Facts::default();
    let sets: Vec<String> = queue.sets().map(|set| requirement(plan, set)).collect();
    facts.add("what agents need", sets.join(", or "));
    facts.add("the credit", time(queue.credit));
    facts.add("the service target", time(queue.service_target));
    facts.add("the ringing time", time(queue.ring));
    facts.add("the wrap-up", time(queue.wrap_up));
    facts.add_some("the longest wait", queue.max_wait.map(time));
    facts.add_some("the room", queue.capacity.map(|callers| format!("{callers} callers")));
    let music: Vec<&str> =
        queue.music.iter().filter_map(|id: &PromptId| Some(plan.catalog().get(*id)?.name.as_str())).collect();
    facts.add("the music", music.join(" "));
    facts.add("the comfort phrase", phrase(plan, &queue.comfort));
    facts.add("the time between comfort phrases", time(queue.comfort_every));
    facts.add("saying the place in line", flag(queue.position));
    facts.add("the time between places said", time(queue.position_every));
    facts.add("the wait before the offer", time(queue.offer_after));
    facts.add_some("the wait before the caller is asked", queue.choice_after.map(time));
    facts.add("the time for which a place is kept", time(queue.keep_place));
    facts.add("the hours", calendar(plan, queue.calendar));
    facts.add("serving to the end", flag(queue.serve_to_the_end));
    facts.add("recording", flag(queue.record));
    for step in &queue.relaxation {
        facts.add(format!("the relaxation after {}", time(step.after)), format!("{} levels", step.levels));
    }
    facts.add_some("the wait after which anybody will do", queue.anyone_after.map(time));
    facts.add("what is whispered to the agent", phrase(plan, &queue.whisper.says));
    for (language, title) in &queue.titles {
        facts.add(format!("the title in {language}"), title.clone());
    }
    if let Some(rule) = &queue.callback {
        let to = |patterns: &[crate::dialplan::Pattern]| {
            patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect::<Vec<_>>().join(" ")
        };
        facts.add("calling back", to(&rule.to));
        facts.add_some(
            "calling back numbers keyed in",
            (!rule.keyed_to.is_empty()).then(|| to(&rule.keyed_to)),
        );
        facts.add("the hours of calling back", calendar(plan, rule.hours));
        facts.add("the tries of calling back", format!("{}, every {}", rule.tries, time(rule.every)));
    }
    facts
}

pub(super) fn skills(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let facts = |_: &Plan, skill: &Skill| {
        let mut facts = Facts::default();
        facts.add("the value", skill.value.to_string());
        facts.add("the reserve", format!("{} %", skill.reserve));
        facts.add_some("the language", skill.language.as_ref().map(ToString::to_string));
        facts
    };
    let name = |skill: &Skill| skill.name.clone();
    named("skill", (before, before.skills()), (after, after.skills()), name, facts, all);
}

pub(super) fn boxes(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let every = |plan: &Plan| {
        let own = plan.boxes.iter().map(|(name, rule)| (name.clone(), rule.clone()));
        let mut every = vec![("of everybody else".to_owned(), plan.every_box.clone())];
        every.extend(own);
        every
    };
    let facts = |plan: &Plan, (_, rule): &(String, BoxRule)| {
        let mut facts = Facts::default();
        facts.add("the time to be done in", time(rule.due));
        facts.add("the hours", calendar(plan, rule.hours));
        facts.add("the time between reminders", time(rule.remind));
        facts.add("the delegate", agent(plan, rule.delegate));
        facts.add("the supervisor", agent(plan, rule.supervisor));
        facts.add("the number of mail addresses", rule.mail.len().to_string());
        let readers: Vec<String> = rule.readers.iter().map(|who| agent(plan, Some(*who))).collect();
        facts.add_some("its readers", (!readers.is_empty()).then(|| readers.join(", ")));
        facts
    };
    let (old, new) = (every(before), every(after));
    let name = |(name, _): &(String, BoxRule)| name.clone();
    named("box", (before, old.as_slice()), (after, new.as_slice()), name, facts, all);
}

pub(super) fn calendars(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    let facts = |_: &Plan, calendar: &Calendar| {
        let mut facts = Facts::default();
        facts.add("the week", week(calendar));
        facts.add("the time of make-up workdays", spans(&calendar.workday));
        facts.add("keeping holidays", flag(calendar.keeps_holidays));
        for (year, known) in calendar.years.iter().filter(|_| calendar.keeps_holidays) {
            facts.add(format!("the holidays of {year}"), holidays(known));
            let workdays: Vec<String> = known.workdays.iter().map(ToString::to_string).collect();
            facts.add_some(
                format!("the make-up workdays of {year}"),
                (!workdays.is_empty()).then(|| workdays.join(", ")),
            );
        }
        facts
    };
    let name = |calendar: &Calendar| calendar.name.clone();
    named("calendar", (before, before.calendars()), (after, after.calendars()), name, facts, all);
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `Monday to Friday 09:00-17:30, Saturday 09:00-12:00`.
fn week(calendar: &Calendar) -> String {
    let mut told: Vec<(usize, usize)> = Vec::new();
    for (day, hours) in calendar.week.iter().enumerate() {
        match told.last_mut() {
            Some((first, last)) if calendar.week.get(*first) == Some(hours) => *last = day,
            _ => told.push((day, day)),
        }
    }
    let name = |day: usize| DAYS.get(day).copied().unwrap_or_default();
    let one = |(first, last): (usize, usize)| {
        let hours = calendar.week.get(first).map(|hours| spans(hours)).unwrap_or_default();
        let days =
            if first == last { name(first).to_owned() } else { format!("{} to {}", name(first), name(last)) };
        format!("{days} {hours}")
    };
    told.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

fn spans(spans: &[Span]) -> String {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let all: Vec<String> =
        spans.iter().map(|span| format!("{}-{}", clock(span.from), clock(span.until))).collect();
    if all.is_empty() { "closed".to_owned() } else { all.join(" and ") }
}

fn holidays(year: &Year) -> String {
    let one = |from: &dyn std::fmt::Display, to: &dyn std::fmt::Display| {
        let (from, to) = (from.to_string(), to.to_string());
        if from == to { from } else { format!("{from} to {to}") }
    };
    let all: Vec<String> = year.holidays.iter().map(|holiday| one(&holiday.from, &holiday.to)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// How many numbers came, went, or have another manager: whose they are, is nobody's business.
pub(super) fn lists(before: &Plan, after: &Plan, all: &mut Vec<Change>) {
    for (name, old, new) in by_name(before.lists(), after.lists(), |list: &NumberList| list.name.clone()) {
        let mut tell = |what: String| all.push(Change { about: format!("list {name}"), what });
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (None, Some(new)) => {
                tell(format!("is new, with {} numbers", new.len()));
                continue;
            }
            _ => {
                tell("is gone".to_owned());
                continue;
            }
        };
        if old.grade != new.grade {
            let grade = |list: &NumberList| list.grade.clone().unwrap_or_else(|| "none".to_owned());
            tell(format!("the grade is now {}; it was {}", grade(new), grade(old)));
        }
        let numbers = |list: &NumberList| -> BTreeSet<String> {
            list.entries.iter().map(|entry| entry.pattern.to_string()).collect()
        };
        let managed = |plan: &Plan, list: &NumberList| -> BTreeSet<(String, String)> {
            list.entries.iter().map(|entry| (entry.pattern.to_string(), agent(plan, entry.manager))).collect()
        };
        let (was, is) = (numbers(old), numbers(new));
        let (came, went) = (is.difference(&was).count(), was.difference(&is).count());
        if came + went > 0 {
            tell(format!("{came} numbers more, {went} fewer"));
        }
        let (was_of, is_of) = (managed(before, old), managed(after, new));
        let moved = is_of.difference(&was_of).filter(|(number, _)| was.contains(number)).count();
        if moved > 0 {
            tell(format!("{moved} numbers have another manager"));
        }
    }
}
