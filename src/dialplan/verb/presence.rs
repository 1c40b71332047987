//! `presence`: an agent signs on or off, is ready or away, from their own phone.

use crate::base::{AwayReason, Now, Wall};
use crate::dialplan::action::{Action, PresenceChange, PresenceKind};
use crate::dialplan::calendar::{next_at, next_on};
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Origin;
use crate::dialplan::step::{PresenceSpec, Step, Target, Value};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "presence",
    about: "Changes the state of the agent whose phone calls, and says what it is now. For numbers dialled \
            from desks.",
    short: Some("change"),
    fields: &[
        Field::needed(
            "change",
            Form::One(&["sign_on", "sign_off", "ready", "more_time", "away", "delegate"]),
            "To which state. `ready` ends a wrap-up, \
                        `more_time` extends it once, by what `[hotline]` says; `delegate` names who takes the calls for the rest of \
                        an absence.",
        ),
        Field::optional(
            "reason",
            Form::One(&[
                "meeting",
                "important-meeting",
                "visitor",
                "out",
                "banquet",
                "break",
                "leave",
                "training",
            ]),
            "needed for `away`",
            "Why the agent is away; callers are told.",
        ),
        Field::optional(
            "back_at",
            Form::Value,
            "not known",
            "Four digits (`1530`) from a `collect` of kind `time`: when the agent is back; callers are told, and the \
             absence ends then.",
        ),
        Field::optional(
            "back_on",
            Form::Value,
            "not known",
            "Four digits (`0108`) from a `collect` of kind `date`: on which day, at nine.",
        ),
        Field::optional(
            "delegate",
            Form::Value,
            "as the agent's table says",
            "Where the extension is known from of who takes the calls meanwhile.",
        ),
        Field::optional(
            "done",
            Form::Prompts,
            "as the new state",
            "What is said when it is done; the time of return is said after it.",
        ),
    ],
    example: r#"[numbers]
"*14" = { flow = "main", from = "desks" }

[[flow.main]]
presence = { change = "away", reason = "meeting" }

[[flow.main]]
hang_up = "goodbye/please-hang-up"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let change = loader.one(fields, "change");
    let reason = loader.one(fields, "reason").and_then(AwayReason::parse);
    let change = match change? {
        "sign_on" => PresenceKind::SignOn,
        "sign_off" => PresenceKind::SignOff,
        "ready" => PresenceKind::Ready,
        "more_time" => PresenceKind::MoreTime,
        "delegate" if fields.has("delegate") => PresenceKind::Delegate,
        "delegate" => {
            loader.report.mistake(fields.place(), "`presence` needs a `delegate` to name");
            return None;
        }
        _ if fields.has("reason") => PresenceKind::Away(reason?),
        _ => {
            loader.report.mistake(fields.place(), "`presence` needs a `reason` when an agent goes away");
            return None;
        }
    };
    for name in ["reason", "back_at", "back_on", "delegate"] {
        let fits = match change {
            PresenceKind::Away(_) => true,
            PresenceKind::Delegate => name == "delegate",
            _ => false,
        };
        if let Some(written) = fields.get(name).filter(|_| !fits) {
            loader.report.mistake(written.place, format!("only who is away has a `{name}`"));
        }
    }
    let default = match change {
        PresenceKind::SignOn => "agent/signed-in",
        PresenceKind::SignOff => "agent/signed-out",
        PresenceKind::Ready => "agent/state-ready",
        PresenceKind::MoreTime => "common/beep",
        PresenceKind::Delegate => "agent/delegate-set",
        PresenceKind::Away(AwayReason::Meeting | AwayReason::Training) => "agent/state-meeting",
        PresenceKind::Away(AwayReason::ImportantMeeting) => "agent/state-important-meeting",
        PresenceKind::Away(AwayReason::Visitor) => "agent/state-visitor",
        PresenceKind::Away(AwayReason::Banquet) => "agent/state-banquet",
        PresenceKind::Away(AwayReason::Leave) => "agent/state-leave",
        PresenceKind::Away(AwayReason::Break) => "agent/state-break",
        PresenceKind::Away(_) => "agent/state-away",
    };
    let done = if fields.has("done") {
        loader.prompts(fields, "done")
    } else {
        loader.phrase(fields.place(), default)
    };
    let [back_at, back_on, delegate] =
        ["back_at", "back_on", "delegate"].map(|name| loader.value(fields, name));
    let refused = loader.phrase(fields.place(), "agent/not-done");
    Some(Step::Presence(PresenceSpec { change, back_at, back_on, delegate, done, refused }))
}

pub(in crate::dialplan) fn begin(
    cursor: &mut Cursor,
    spec: &PresenceSpec,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    if !matches!(cursor.facts.origin, Origin::Desk(_)) {
        return answered(cursor, spec, false, now, out);
    }
    let until = back(cursor, spec, now);
    let delegate = spec.delegate.as_ref().and_then(|v| cursor.value(v)).map(str::to_owned);
    let change = match spec.change {
        PresenceKind::SignOn => PresenceChange::SignOn,
        PresenceKind::SignOff => PresenceChange::SignOff,
        PresenceKind::Ready => PresenceChange::Ready,
        PresenceKind::MoreTime => PresenceChange::MoreTime,
        PresenceKind::Away(reason) => PresenceChange::Away { reason, until, delegate },
        PresenceKind::Delegate => PresenceChange::Delegate(delegate),
    };
    out.push(Action::Presence { change });
    cursor.stay(Stage::Asking(spec.clone()))
}

/// The time of return that was keyed in.
fn back(cursor: &Cursor, spec: &PresenceSpec, now: Now) -> Option<Wall> {
    let digits = |value: &Option<Value>| value.as_ref().and_then(|v| cursor.value(v)).map(str::to_owned);
    let zone = &cursor.plan.zone;
    let at = digits(&spec.back_at).and_then(|digits| next_at(zone, now.wall, &digits));
    at.or_else(|| digits(&spec.back_on).and_then(|digits| next_on(zone, now.wall, &digits)))
}

/// The new state is said with the time of return, or that it could not be set.
pub(in crate::dialplan) fn answered(
    cursor: &mut Cursor,
    spec: &PresenceSpec,
    ok: bool,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    let phrase = if ok { &spec.done } else { &spec.refused };
    let mut clips = phrase.clips(&cursor.language).to_vec();
    if ok && let Some(until) = back(cursor, spec, now) {
        clips.extend(cursor.plan.speech(&cursor.language).own_return(until, now.wall));
    }
    cursor.tell(clips, false, After::Go(Target::Next), out)
}
