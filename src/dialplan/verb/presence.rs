//! `presence`: an agent signs on or off, is ready or away, from their own phone.

use crate::base::{AwayReason, Now};
use crate::dialplan::action::{Action, PresenceChange, PresenceKind};
use crate::dialplan::calendar::next_at;
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Origin;
use crate::dialplan::step::{PresenceSpec, Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "presence",
    about: "Changes the state of the agent whose phone calls, and says what it is now. For numbers dialled \
            from desks.",
    short: Some("change"),
    fields: &[
        Field::needed(
            "change",
            Form::One(&["sign_on", "sign_off", "ready", "more_time", "away"]),
            "To which state. `ready` ends a wrap-up, \
                        `more_time` extends it once, by what `[hotline]` says.",
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
            "Four digits (`1530`) from a `collect` of kind `time`: when the agent is back; callers are told.",
        ),
        Field::optional("done", Form::Prompts, "as the new state", "What is said when it is done."),
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
        _ if fields.has("reason") => PresenceKind::Away(reason?),
        _ => {
            loader.report.mistake(fields.place(), "`presence` needs a `reason` when an agent goes away");
            return None;
        }
    };
    for name in ["reason", "back_at"] {
        if let Some(written) = fields.get(name).filter(|_| !matches!(change, PresenceKind::Away(_))) {
            loader.report.mistake(written.place, format!("only who is away has a `{name}`"));
        }
    }
    let default = match change {
        PresenceKind::SignOn => "agent/signed-in",
        PresenceKind::SignOff => "agent/signed-out",
        PresenceKind::Ready => "agent/state-ready",
        PresenceKind::MoreTime => "common/beep",
        PresenceKind::Away(AwayReason::Meeting | AwayReason::ImportantMeeting | AwayReason::Training) => {
            "agent/state-meeting"
        }
        PresenceKind::Away(AwayReason::Break) => "agent/state-break",
        PresenceKind::Away(_) => "agent/state-away",
    };
    let done = if fields.has("done") {
        loader.prompts(fields, "done")
    } else {
        loader.phrase(fields.place(), default)
    };
    let back_at = loader.value(fields, "back_at");
    let refused = loader.phrase(fields.place(), "error/system-busy");
    Some(Step::Presence(PresenceSpec { change, back_at, done, refused }))
}

pub(in crate::dialplan) fn begin(
    cursor: &mut Cursor,
    spec: &PresenceSpec,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    if !matches!(cursor.facts.origin, Origin::Desk(_)) {
        return answered(cursor, spec, false, out);
    }
    let back_at = spec.back_at.as_ref().and_then(|v| cursor.value(v));
    let until = back_at.and_then(|digits| next_at(&cursor.plan.zone, now.wall, digits));
    let change = match spec.change {
        PresenceKind::SignOn => PresenceChange::SignOn,
        PresenceKind::SignOff => PresenceChange::SignOff,
        PresenceKind::Ready => PresenceChange::Ready,
        PresenceKind::MoreTime => PresenceChange::MoreTime,
        PresenceKind::Away(reason) => PresenceChange::Away { reason, until, delegate: None },
    };
    out.push(Action::Presence { change });
    cursor.stay(Stage::Asking(spec.clone()))
}

/// The new state is said, or that it could not be set.
pub(in crate::dialplan) fn answered(
    cursor: &mut Cursor,
    spec: &PresenceSpec,
    ok: bool,
    out: &mut Vec<Action>,
) -> Turn {
    let phrase = if ok { &spec.done } else { &spec.refused };
    let clips = phrase.clips(&cursor.language).to_vec();
    cursor.tell(clips, false, After::Go(Target::Next), out)
}
