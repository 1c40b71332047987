//! What a caller is told about a person who cannot come, and what they are offered: never bluntly "not in", with the
//! person's name where it was recorded and the time of return where it is known and still to come. Nobody writes this
//! step: `dial` adds it where no flow is given for a failure.
//!
//! ```text
//!   很抱歉， 王经理 正在开会， 预计， 下午 三点 回来。      留言， 请按一。  转接…， 请按二。  稍后再拨， 请按三。
//!   sorry    name   reason     return                     what the plan offers, in its order: of it what applies
//! ```
//!
//! The reason is the one that the person gave, in words that embarrass nobody: a banquet is an event, a pause a moment
//! away from the desk.

use std::sync::Arc;

use crate::base::{AwayReason, Clip, Now};
use crate::dialplan::action::{Action, DialEnd};
use crate::dialplan::cursor::{After, Cursor, Turn};
use crate::dialplan::plan::Phrase;
use crate::dialplan::step::{Choice, MenuSpec, Offered, RegretSpec};
use crate::dialplan::verb::{menu, urgent};

/// Every prompt that may be said here.
pub(in crate::dialplan) const PROMPTS: [&str; 18] = [
    "person/sorry",
    "person/whom-you-asked-for",
    "person/in-a-meeting",
    "person/important-meeting",
    "person/with-a-visitor",
    "person/out",
    "person/at-an-event",
    "person/on-leave",
    "person/off-duty",
    "person/not-at-the-desk",
    "person/on-a-call",
    "person/does-not-answer",
    "person/call-again",
    "person/call-again-after",
    "transfer/sorry-please-wait",
    "transfer/failed",
    "topic/message",
    "topic/call-again",
];

pub(in crate::dialplan) fn run(cursor: &mut Cursor, now: Now, out: &mut Vec<Action>) -> Turn {
    let end = cursor.dial_end.unwrap_or(DialEnd::Unreachable);
    let clips = sentence(cursor, end, now);
    cursor.tell(clips, true, After::Choices, out)
}

/// What is offered to this caller about this person; the keys are the plan's, whoever is missing.
pub(in crate::dialplan) fn choose(cursor: &mut Cursor, spec: &RegretSpec, out: &mut Vec<Action>) -> Turn {
    let agent = cursor.person.and_then(|person| cursor.plan.agent(person));
    let mailbox = agent.is_some_and(|agent| agent.mailbox);
    let delegate = has_delegate(cursor);
    let applies = |what: Offered| match what {
        Offered::Message => mailbox,
        Offered::Delegate => delegate,
        Offered::Operator => !delegate,
        Offered::Urgent => urgent::applies(cursor),
        Offered::Again | Offered::Flow => true,
    };
    let offers: Vec<_> = spec.offers.iter().filter(|offer| applies(offer.what)).collect();
    // Who could only call again is not asked whether they want to.
    if offers.iter().all(|offer| offer.what == Offered::Again) {
        return Turn::Go(spec.without_box);
    }
    if let [only] = offers[..]
        && only.what == Offered::Message
    {
        return Turn::Go(only.target);
    }
    let mut prompts = Phrase::default();
    for (language, clips) in offers.iter().flat_map(|offer| &offer.said.0) {
        prompts.0.entry(language.clone()).or_default().extend_from_slice(clips);
    }
    let keys = offers.iter().map(|offer| (offer.key.to_string(), Choice::Go(offer.target))).collect();
    let exhausted = if mailbox { spec.message } else { spec.without_box };
    let menu = MenuSpec { prompts, keys, exhausted, ..spec.menu.clone() };
    menu::enter(cursor, Arc::new(menu), out)
}

/// Somebody takes the person's calls: named with the absence, or by the plan.
pub(in crate::dialplan) fn has_delegate(cursor: &Cursor) -> bool {
    let named = matches!(cursor.dial_end, Some(DialEnd::Away { delegate: true, .. }));
    let agent = cursor.person.and_then(|person| cursor.plan.agent(person));
    named || agent.is_some_and(|agent| agent.delegate.is_some())
}

/// The person, why they cannot come, and when they are back.
fn sentence(cursor: &Cursor, end: DialEnd, now: Now) -> Vec<Clip> {
    let speech = cursor.plan.speech(&cursor.language);
    let reason = match end {
        DialEnd::Unreachable | DialEnd::Served => return speech.prompt("transfer/failed"),
        DialEnd::Busy => "person/on-a-call",
        DialEnd::NoAnswer => "person/does-not-answer",
        DialEnd::Away { reason, .. } => polite(reason),
    };
    let mut clips = match end {
        DialEnd::NoAnswer => speech.prompt("transfer/sorry-please-wait"),
        _ => Vec::new(),
    };
    clips.extend(sorry(cursor));
    clips.extend(speech.prompt(reason));
    if let DialEnd::Away { until: Some(until), .. } = end
        && until > now.wall
    {
        clips.extend(speech.back_at(until, now.wall));
    }
    clips
}

/// An apology with the person's name, where it was recorded; what they are sorry for follows.
pub(in crate::dialplan) fn sorry(cursor: &Cursor) -> Vec<Clip> {
    let speech = cursor.plan.speech(&cursor.language);
    let mut clips = speech.prompt("person/sorry");
    let name = cursor.person.and_then(|person| cursor.plan.agent(person));
    match name.map(|agent| agent.says.clips(&cursor.language)).unwrap_or_default() {
        [] => clips.extend(speech.prompt("person/whom-you-asked-for")),
        name => clips.extend_from_slice(name),
    }
    clips
}

fn polite(reason: AwayReason) -> &'static str {
    match reason {
        AwayReason::Meeting => "person/in-a-meeting",
        AwayReason::ImportantMeeting => "person/important-meeting",
        AwayReason::Visitor => "person/with-a-visitor",
        AwayReason::Out => "person/out",
        AwayReason::Banquet => "person/at-an-event",
        AwayReason::Leave => "person/on-leave",
        AwayReason::OffDuty => "person/off-duty",
        AwayReason::Break | AwayReason::Training | AwayReason::NoAnswer => "person/not-at-the-desk",
    }
}

/// When the caller may call again: after the return, where that is known.
pub(in crate::dialplan) fn call_again(cursor: &Cursor, now: Now) -> Vec<Clip> {
    let speech = cursor.plan.speech(&cursor.language);
    match cursor.dial_end {
        Some(DialEnd::Away { until: Some(until), .. }) if until > now.wall => {
            speech.call_again_after(until, now.wall)
        }
        _ => speech.prompt("person/call-again"),
    }
}
