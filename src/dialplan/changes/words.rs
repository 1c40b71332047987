//! Steps, times, phrases and requirements as an administrator would say them.

use std::time::Duration;

use super::Facts;
use crate::base::{AgentId, AwayReason, Clip};
use crate::dialplan::action::{Ask, PresenceKind};
use crate::dialplan::plan::{Phrase, Plan, Requirement};
use crate::dialplan::step::{
    Choice, FlowId, MenuId, MenuSpec, Offered, OwnerKind, PickUpKind, Step, Target, Value, Whom,
};
use crate::dialplan::verb::collect::Kind;
use crate::dialplan::verb::say::Said;
use crate::dialplan::verb::when::WhenSpec;

/// `90 s`, `2 min`, `1.5 s`.
pub(super) fn time(length: Duration) -> String {
    let seconds = length.as_secs();
    if length.subsec_millis() > 0 {
        return format!("{:.1} s", length.as_secs_f64());
    }
    match seconds {
        0 => "0 s".to_owned(),
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s % 60 == 0 && s > 120 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

pub(super) fn flag(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

/// The names of what is said in the plan's own language.
pub(super) fn phrase(plan: &Plan, phrase: &Phrase) -> String {
    let own = phrase.clips(plan.language());
    let clips = if own.is_empty() { phrase.0.values().next().map_or(&[][..], Vec::as_slice) } else { own };
    let names: Vec<&str> = clips.iter().filter_map(|clip| clip_name(plan, clip)).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
}

fn clip_name<'p>(plan: &'p Plan, clip: &Clip) -> Option<&'p str> {
    match clip {
        Clip::Prompt(id) => plan.catalog().get(*id).map(|prompt| prompt.name.as_str()),
        Clip::Silence(_) | Clip::Recording(_) => None,
    }
}

pub(super) fn requirement(plan: &Plan, required: &[Requirement]) -> String {
    let name = |r: &Requirement| plan.skills().get(usize::from(r.skill)).map(|skill| skill.name.as_str());
    let mut all: Vec<String> =
        required.iter().filter_map(|r| Some(format!("{} {}", name(r)?, r.level))).collect();
    all.sort();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

pub(super) fn calendar(plan: &Plan, calendar: Option<usize>) -> String {
    let named = calendar.and_then(|at| plan.calendars().get(at));
    named.map_or("always".to_owned(), |calendar| calendar.name.clone())
}

pub(super) fn agent(plan: &Plan, agent: Option<AgentId>) -> String {
    agent.and_then(|id| plan.agent(id)).map_or("nobody".to_owned(), |agent| agent.extension.clone())
}

pub(super) fn queue(plan: &Plan, queue: crate::base::QueueId) -> &str {
    plan.queue(queue).map_or("", |queue| queue.name.as_str())
}

/// A flow by its name; what a default does, by what it does.
pub(super) fn target(plan: &Plan, target: Target) -> String {
    match target {
        Target::Next => "the next step".to_owned(),
        Target::Flow(flow) => flow_name(plan, flow),
    }
}

pub(super) fn flow_name(plan: &Plan, id: FlowId) -> String {
    let Some(flow) = plan.flow(id) else { return "nowhere".to_owned() };
    if (id.0 as usize) < plan.written.flows {
        return flow.name.clone();
    }
    let does: Vec<String> = flow.steps.iter().map(|located| head(plan, &located.step)).collect();
    format!("({})", does.join(", then "))
}

fn value(value: &Value) -> String {
    match value {
        Value::Caller => "the caller's number".to_owned(),
        Value::Dialled => "the number dialled".to_owned(),
        Value::Manager => "their own manager".to_owned(),
        Value::Owner => "who served them last".to_owned(),
        Value::Keyed(name) => name.clone(),
    }
}

fn whom(plan: &Plan, whom: &Whom) -> String {
    match whom {
        Whom::Fixed(id) => agent(plan, Some(*id)),
        Whom::Value(known) => value(known),
        Whom::Last => "the same person".to_owned(),
        Whom::Delegate => "their delegate".to_owned(),
    }
}

fn is_named(plan: &Plan, menu: MenuId) -> bool {
    (menu.0 as usize) < plan.written.menus
}

/// A step by its verb and what it is about: two steps with the same head are the same step, perhaps with other fields.
pub(super) fn head(plan: &Plan, step: &Step) -> String {
    let about = match step {
        Step::Play { phrase: says, .. } | Step::HangUp { phrase: says } => phrase(plan, says),
        Step::Say { said, .. } => said_words(plan, said),
        Step::Menu(menu) if !is_named(plan, *menu) => "choice".to_owned(),
        Step::Menu(menu) => plan.menu(*menu).map(|menu| menu.name.clone()).unwrap_or_default(),
        Step::Collect(spec) => spec.into.clone(),
        Step::Find(spec) => spec.into.clone(),
        Step::Hours { calendar: at, .. } => calendar(plan, Some(*at)),
        Step::Lookup { list, .. } => plan.lists().get(*list).map(|l| l.name.clone()).unwrap_or_default(),
        Step::When(spec) => condition(plan, spec),
        Step::Queue(spec) => queue(plan, spec.queue).to_owned(),
        Step::Callback(spec) => queue(plan, spec.queue).to_owned(),
        Step::CallbackAt(spec) => queue(plan, spec.queue).to_owned(),
        Step::Dial(spec) => whom(plan, &spec.whom),
        Step::Outside(_) => "outside".to_owned(),
        Step::Message(spec) => match &spec.whom {
            Some(person) => format!("for {}", whom(plan, person)),
            None => format!("in box {}", spec.box_name),
        },
        Step::Goto(to) => target(plan, *to),
        Step::Language(language) => language.to_string(),
        Step::Presence(spec) => presence(spec.change).to_owned(),
        Step::PickUp(spec) => pick_up(spec.kind).to_owned(),
        Step::AnswerUrgent(spec) => spec.answer.map_or("hear".to_owned(), |answer| answer.to_string()),
        _ => String::new(),
    };
    format!("{} {about}", step.verb()).trim_end().to_owned()
}

/// What else there is to it.
pub(super) fn step_facts(plan: &Plan, step: &Step) -> Facts {
    let mut facts = Facts::default();
    let leads = |to: Target| target(plan, to);
    let says = |said: &Phrase| phrase(plan, said);
    match step {
        Step::Play { interrupt, .. } => facts.add("interruption by a key", flag(*interrupt)),
        Step::Say { twice, .. } => facts.add("saying it twice", flag(*twice)),
        Step::Menu(menu) if !is_named(plan, *menu) => {
            if let Some(menu) = plan.menu(*menu) {
                facts = menu_facts(plan, menu);
            }
        }
        Step::Collect(spec) => {
            facts.add("what is keyed", kind(spec.kind));
            facts.add("the question", says(&spec.prompts));
            facts.add("the number of digits", format!("{} to {}", spec.least, spec.most));
            facts.add("the wait for the first digit", time(spec.first_digit));
            facts.add("the wait between digits", time(spec.between_digits));
            facts.add("the number of tries", spec.tries.to_string());
            facts.add("secrecy", flag(spec.secret));
            facts.add("the read-back", flag(spec.confirm));
            facts.add_some("where # alone leads", spec.on_empty.map(leads));
            facts.add("where failure leads", leads(spec.on_failure));
        }
        Step::Find(spec) => {
            facts.add("the question", says(&spec.prompts));
            facts.add("the number of tries", spec.tries.to_string());
            facts.add("where failure leads", leads(spec.on_failure));
        }
        Step::Hours { open, closed, holiday, .. } => {
            facts.add("where it leads when open", leads(*open));
            facts.add("where it leads when closed", leads(*closed));
            facts.add("where it leads on a holiday", leads(*holiday));
        }
        Step::Lookup { by, found, missing, .. } => {
            facts.add("what is looked up", value(by));
            facts.add("where a hit leads", leads(*found));
            facts.add("where a miss leads", leads(*missing));
        }
        Step::When(spec) => {
            facts.add("where it leads when that holds", leads(spec.then));
            facts.add("where it leads when it does not", leads(spec.otherwise));
        }
        Step::Queue(spec) => {
            facts.add("the announcement", says(&spec.before));
            facts.add("what the call needs beside the queue's", requirement(plan, &spec.needs));
            facts.add_some("the credit", spec.credit.map(time));
            for (key, to) in &spec.keys {
                facts.add(format!("where key {key} leads"), leads(*to));
            }
            facts.add("the offer while waiting", says(&spec.offer));
            let owners: Vec<_> = spec.owners.iter().map(owner).collect();
            facts.add(
                "who is waited for first",
                if owners.is_empty() { "nobody".into() } else { owners.join(", ") },
            );
            facts.add("the wait for them", time(spec.owner_wait));
            facts.add("where it leads when closed", leads(spec.on_closed));
            facts.add("where it leads when full", leads(spec.on_full));
            facts.add("where it leads with nobody signed on", leads(spec.on_nobody));
            facts.add("where the longest wait leads", leads(spec.on_max_wait));
        }
        Step::Callback(spec) => {
            facts.add("what is called", value(&spec.number));
            facts.add("the confirmation", says(&spec.accepted));
            facts.add("where it leads when impossible", leads(spec.on_impossible));
        }
        Step::CallbackAt(spec) => {
            facts.add("what is called", value(&spec.number));
            facts.add("the number of tries", spec.tries.to_string());
            facts.add("where it leads when impossible", leads(spec.on_impossible));
        }
        Step::Dial(spec) => {
            facts.add("the announcement", says(&spec.before));
            facts.add("the ringing time", time(spec.ring));
            facts.add("where busy leads", leads(spec.on_busy));
            facts.add("where no answer leads", leads(spec.on_no_answer));
            facts.add("where an absence leads", leads(spec.on_away));
            facts.add("where a phone that is not there leads", leads(spec.on_unreachable));
            facts.add("where an unknown extension leads", leads(spec.on_unknown));
        }
        Step::Outside(spec) => {
            facts.add_some("the number", spec.number.as_ref().map(ToString::to_string));
            facts.add_some("the trunk", spec.trunk.clone());
            facts.add("the announcement", says(&spec.before));
            facts.add("the ringing time", time(spec.ring));
            facts.add("where busy leads", leads(spec.on_busy));
            facts.add("where no answer leads", leads(spec.on_no_answer));
            facts.add("where failure leads", leads(spec.on_unreachable));
        }
        Step::Message(spec) => {
            facts.add_some("the category of the complaint", spec.complaint.clone());
            let asks: Vec<&str> = spec.ask.iter().map(|ask: &Ask| ask.name()).collect();
            facts.add("what is asked", if asks.is_empty() { "nothing".into() } else { asks.join(", ") });
            facts.add("the invitation", says(&spec.before));
            facts.add("the longest message", time(spec.longest));
            facts.add("the silence that ends it", time(spec.silence));
            facts.add("the shortest message", time(spec.shortest));
            facts.add("where no message leads", leads(spec.on_nothing));
            facts.add("where failure leads", leads(spec.on_failure));
        }
        Step::Mailbox { tries, team } => {
            facts.add("the number of tries", tries.to_string());
            facts.add_some("the team's box", team.clone());
        }
        Step::Survey(spec) => {
            facts.add("the shortest talk that is asked about", time(spec.after_talk));
            facts.add("the time in which nobody is asked twice", time(spec.once_in));
            facts.add("the question whether it is solved", flag(spec.solved));
            facts.add("the highest low mark", spec.low.to_string());
            facts.add("who is told of a low mark", agent(plan, spec.low_to));
        }
        Step::Complaint { tries, on_unknown } => {
            facts.add("the number of tries", tries.to_string());
            facts.add("where an unknown number leads", leads(*on_unknown));
        }
        Step::Presence(spec) => {
            facts.add("the confirmation", says(&spec.done));
            facts.add("the refusal", says(&spec.refused));
        }
        Step::Park(parking, alone) => {
            facts.add("the slots", parking.slots.join(" "));
            facts.add("the recall", time(parking.recall));
            facts.add("what is said without a caller", says(alone));
        }
        Step::PickUp(spec) => {
            facts.add("what is said when nobody is there", says(&spec.nothing));
            facts.add("the refusal", says(&spec.refused));
        }
        Step::Wait { phrase, limit } => {
            facts.add("what is heard", says(phrase));
            facts.add_some("the longest stay", limit.map(time));
        }
        Step::Regret(spec) => {
            let offers: Vec<_> = spec.offers.iter().map(|offer| offered(offer.what)).collect();
            facts.add("what is offered instead", offers.join(", "));
        }
        Step::AnswerUrgent(spec) => {
            facts.add("the confirmation", says(&spec.done));
            facts.add("where it leads when nobody waits", leads(spec.on_nobody));
        }
        Step::Goto(_)
        | Step::Language(_)
        | Step::HangUp { .. }
        | Step::CallAgain
        | Step::Urgent(_)
        | Step::Menu(_) => {}
    }
    facts
}

pub(super) fn menu_facts(plan: &Plan, menu: &MenuSpec) -> Facts {
    let mut facts = Facts::default();
    facts.add("what it says", phrase(plan, &menu.prompts));
    facts.add("the wait for the first digit", time(menu.first_digit));
    facts.add("the wait between digits", time(menu.between_digits));
    facts.add("the number of tries", menu.tries.to_string());
    facts.add("what it says to a wrong key", phrase(plan, &menu.invalid));
    facts.add("what it says to silence", phrase(plan, &menu.silent));
    facts.add("what it says to the last wrong key", phrase(plan, &menu.too_many));
    facts.add("what it says at the end of tries", phrase(plan, &menu.leaving));
    facts.add("where the end of tries leads", target(plan, menu.exhausted));
    facts
}

/// What a key does, as the rest of "key 3 now …".
pub(super) fn choice(plan: &Plan, choice: &Choice) -> String {
    match choice {
        Choice::Go(to) => format!("leads to {}", target(plan, *to)),
        Choice::Repeat => "says it again".to_owned(),
        Choice::Language(language) => format!("changes to {language}"),
    }
}

/// What a `when` asks.
fn condition(plan: &Plan, spec: &WhenSpec) -> String {
    let mut asked = Vec::new();
    if let Some(line) = &spec.queue {
        let name = queue(plan, line.queue);
        asked.extend(line.waiting.map(|least| format!("{least} callers wait for {name}")));
        asked.extend(line.longest.map(|least| format!("somebody has waited {} for {name}", time(least))));
        asked.extend(line.ready_below.map(|below| format!("fewer than {below} agents of {name} are ready")));
    }
    asked.extend(spec.grade.as_ref().map(|grade| format!("the grade is {grade}")));
    if !spec.is.is_empty() {
        let patterns: Vec<&str> = spec.is.iter().map(|pattern| pattern.as_str()).collect();
        asked.push(format!("{} is {}", value(&spec.value), patterns.join(" or ")));
    }
    asked.join(" and ")
}

fn said_words(plan: &Plan, said: &Said) -> String {
    match said {
        Said::Greeting { calendar: at } => match at {
            Some(at) => format!("greeting with the holidays of {}", calendar(plan, Some(*at))),
            None => "greeting".to_owned(),
        },
        Said::Time => "the time".to_owned(),
        Said::Date => "the date".to_owned(),
        Said::Number(number) => format!("the number {number}"),
        Said::Digits(digits) => format!("the digits {digits}"),
        Said::Amount(yuan, fen) => format!("the amount {yuan}.{fen:02}"),
        Said::Ordinal(number) => format!("the ordinal {number}"),
        Said::Telephone(number) => format!("the telephone number {number}"),
        Said::Value(known, how) => match how.name() {
            "digits" => value(known),
            how => format!("{}, as its {how}", value(known)),
        },
        Said::Clock(at) => format!("{:02}:{:02}", at / 60, at % 60),
        Said::Hours(at) => format!("the hours of {}", calendar(plan, Some(*at))),
    }
}

fn owner(owner: &OwnerKind) -> &'static str {
    match owner {
        OwnerKind::Manager => "their own manager",
        OwnerKind::Contact => "who served them last",
    }
}

fn offered(what: Offered) -> &'static str {
    match what {
        Offered::Message => "a message",
        Offered::Delegate => "the delegate",
        Offered::Operator => "an agent",
        Offered::Again => "to call again",
        Offered::Urgent => "urgent",
        Offered::Flow => "a flow",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Digits => "digits",
        Kind::Extension => "an extension",
        Kind::Time => "a time",
        Kind::Date => "a date",
    }
}

fn pick_up(kind: PickUpKind) -> &'static str {
    match kind {
        PickUpKind::Slot => "slot",
        PickUpKind::Group => "group",
        PickUpKind::Person => "person",
    }
}

fn presence(change: PresenceKind) -> &'static str {
    match change {
        PresenceKind::SignOn => "sign on",
        PresenceKind::SignOff => "sign off",
        PresenceKind::Ready => "ready",
        PresenceKind::MoreTime => "more time",
        PresenceKind::Away(reason) => away(reason),
        PresenceKind::Delegate => "delegate",
    }
}

fn away(reason: AwayReason) -> &'static str {
    reason.name()
}
