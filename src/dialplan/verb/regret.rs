//! What a caller is told about a person who cannot come: never bluntly "not in", and with the time of return
//! where it is known. Nobody writes this step: `dial` adds it where no flow is given for a failure.

use crate::base::{AwayReason, Clip, Now};
use crate::dialplan::action::{Action, DialEnd};
use crate::dialplan::cursor::{After, Cursor, Turn};
use crate::dialplan::step::Target;

/// Every prompt that may be said here.
pub(in crate::dialplan) const PROMPTS: [&str; 9] = [
    "message/in-a-meeting",
    "message/important-meeting",
    "message/with-a-guest",
    "message/out-of-office",
    "message/away",
    "message/on-another-call",
    "transfer/busy",
    "transfer/no-answer",
    "transfer/failed",
];

pub(in crate::dialplan) fn run(
    cursor: &mut Cursor,
    without_box: Target,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    let plan = cursor.plan.clone();
    let mailbox = cursor.person.and_then(|p| plan.agent(p)).is_some_and(|a| a.mailbox);
    let end = cursor.dial_end.unwrap_or(DialEnd::Unreachable);
    let speech = plan.speech(&cursor.language);
    let mut clips: Vec<Clip> = speech.prompt(apology(end, mailbox));
    if let DialEnd::Away { until: Some(until), .. } = end
        && mailbox
        && until > now.wall
    {
        clips.extend(speech.back_at(until, now.wall));
    }
    let then = if mailbox { Target::Next } else { without_box };
    cursor.tell(clips, true, After::Go(then), out)
}

/// The recordings of an absence also ask whether a message shall be left: they are for who has a box.
fn apology(end: DialEnd, mailbox: bool) -> &'static str {
    match end {
        DialEnd::Busy if mailbox => "message/on-another-call",
        DialEnd::Busy => "transfer/busy",
        DialEnd::NoAnswer => "transfer/no-answer",
        DialEnd::Away { reason, .. } if mailbox => match reason {
            AwayReason::Meeting => "message/in-a-meeting",
            AwayReason::ImportantMeeting => "message/important-meeting",
            AwayReason::Visitor => "message/with-a-guest",
            AwayReason::Out | AwayReason::Banquet => "message/out-of-office",
            AwayReason::Break
            | AwayReason::Leave
            | AwayReason::Training
            | AwayReason::OffDuty
            | AwayReason::NoAnswer => "message/away",
        },
        DialEnd::Away { .. } | DialEnd::Unreachable | DialEnd::Served => "transfer/failed",
    }
}
