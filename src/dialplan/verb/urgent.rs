//! An urgent caller: somebody who is not to be disturbed is asked what becomes of them, and the caller hears the answer.
//!
//! The caller's side is written by nobody: `dial` adds it where it offers `urgent`. `urgent` as a verb is for who is
//! asked, at their own desk.
//!
//! ```text
//!   很抱歉， 王经理 现在走不开， 会在， 下午 三点 给您回电。       2   then goodbye
//!   sorry    name   cannot come  请同事来接听您的电话。           3   then who takes their calls, else a message
//!                                请您留言。                     4   then a message
//!            name   暂时没有答复。                              no answer: who takes their calls, else a message
//!            name   现在不便打扰。                              nobody was asked: what else is offered
//! ```

use crate::base::{AwayReason, Clip, Now, RecordingId, UrgentAnswer};
use crate::dialplan::action::{Action, DialEnd, UrgentEnd};
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::{Origin, Phrase, Urgency};
use crate::dialplan::step::{AnswerUrgentSpec, Step, Target};
use crate::dialplan::verb::regret;

/// Every prompt that may be said here, or by the call that asks.
pub(in crate::dialplan) const PROMPTS: [&str; 17] = [
    "topic/urgent",
    "urgent/say-who-and-what",
    "urgent/still-asking",
    "urgent/cannot-come",
    "urgent/calls-back-soon",
    "urgent/colleague",
    "urgent/leave-message",
    "urgent/no-answer",
    "urgent/not-now",
    "message/urgent-sent",
    "message/urgent-will-answer",
    "topic/urgent-now",
    "topic/urgent-call-back",
    "topic/urgent-delegate",
    "topic/urgent-message",
    "agent/urgent-call",
    "agent/enter-call-back-time",
];

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "urgent",
    about: "For numbers of desks. What whoever sits there answers to a caller who says that it is urgent, and waits: \
            `now`, put them through; `call_back`, at a time; `delegate`, who takes my calls takes this one; `message`. \
            `listen`: the caller's words are heard first.",
    short: Some("answer"),
    fields: &[
        Field::needed("answer", Form::One(&["listen", "now", "call_back", "delegate", "message"]), "What."),
        Field::optional(
            "back_at",
            Form::Value,
            "as soon as possible",
            "With `call_back`: four digits (`1530`) from a `collect` of kind `time`; the caller is told.",
        ),
        Field::optional("on_nobody", Form::Name("flow"), "the next step", "No caller waits for an answer."),
    ],
    example: r#"[numbers]
"*17" = { flow = "main", from = "desks" }

[[flow.main]]
urgent = { answer = "listen", on_nobody = "over" }

[[flow.main]]
menu = "urgent"

[menu.urgent]
leaving = []
exhausted = "over"

[menu.urgent.keys]
1 = { say = "topic/urgent-now", goto = "now" }

[[flow.now]]
urgent = "now"

[[flow.now]]
goto = "over"

[[flow.over]]
hang_up = "goodbye/please-hang-up"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let answer = match loader.one(fields, "answer")? {
        "now" => Some(UrgentAnswer::Now),
        "call_back" => Some(UrgentAnswer::CallBack { at: None }),
        "delegate" => Some(UrgentAnswer::Delegate),
        "message" => Some(UrgentAnswer::Message),
        _ => None,
    };
    if let Some(written) = fields.get("back_at")
        && !matches!(answer, Some(UrgentAnswer::CallBack { .. }))
    {
        loader.report.mistake(written.place, "only who will `call_back` has a `back_at`");
    }
    let on_nobody = loader.target(fields, "on_nobody").unwrap_or_default();
    let back_at = loader.value(fields, "back_at");
    let [before, done, nobody] = ["agent/urgent-call", "agent/urgent-told", "agent/urgent-nobody"]
        .map(|name| loader.phrase(fields.place(), name));
    let spec = AnswerUrgentSpec { answer, back_at, before, done, nobody, on_nobody };
    Some(Step::AnswerUrgent(Box::new(spec)))
}

// -- the caller --

/// Whether the person dialled last can be asked at all: by what keeps them, and by the plan. Whether now, too, the
/// exchange knows.
pub(in crate::dialplan) fn applies(cursor: &Cursor) -> bool {
    let person = cursor.person.and_then(|person| cursor.plan.agent(person));
    let may = person.is_some_and(|agent| agent.mailbox && agent.urgent != Urgency::Never);
    let near = match cursor.dial_end {
        Some(DialEnd::Busy) => true,
        Some(DialEnd::Away { reason, .. }) => is_near(reason),
        _ => false,
    };
    may && near && !cursor.has_urged
}

/// They are in the house, with something else.
fn is_near(reason: AwayReason) -> bool {
    match reason {
        AwayReason::Meeting
        | AwayReason::ImportantMeeting
        | AwayReason::Visitor
        | AwayReason::Banquet
        | AwayReason::Break
        | AwayReason::Training => true,
        AwayReason::Out | AwayReason::Leave | AwayReason::OffDuty | AwayReason::NoAnswer => false,
    }
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, out: &mut Vec<Action>) -> Turn {
    cursor.ahead.clear();
    match cursor.person.filter(|_| !cursor.has_urged) {
        Some(person) => {
            cursor.has_urged = true;
            out.push(Action::Urgent { person });
            cursor.stay(Stage::Urging)
        }
        None => Turn::Go(Target::Next),
    }
}

/// The caller is told what came of it, in words.
pub(in crate::dialplan) fn ended(
    cursor: &mut Cursor,
    end: UrgentEnd,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    let plan = cursor.plan.clone();
    let Some(Step::Urgent(spec)) = cursor.current(&plan) else { return Turn::Go(Target::Next) };
    let mut clips = if end == UrgentEnd::Nothing { Vec::new() } else { regret::sorry(cursor) };
    let has_delegate = regret::has_delegate(cursor);
    let delegate = spec.delegate.filter(|_| has_delegate);
    let then = match end {
        UrgentEnd::NotNow | UrgentEnd::Nothing => Target::Next,
        UrgentEnd::CallBack { .. } => spec.over,
        UrgentEnd::Delegate | UrgentEnd::NoAnswer => delegate.unwrap_or(spec.message),
        UrgentEnd::Message => spec.message,
    };
    cursor.by(match end {
        UrgentEnd::NotNow | UrgentEnd::Nothing => By::Done,
        UrgentEnd::CallBack { .. } => By::Served,
        UrgentEnd::Delegate | UrgentEnd::NoAnswer if delegate.is_some() => By::Delegate,
        UrgentEnd::Delegate | UrgentEnd::NoAnswer | UrgentEnd::Message => By::Message,
    });
    let speech = plan.speech(&cursor.language);
    let mut say = |name: &str| clips.extend(speech.prompt(name));
    match end {
        UrgentEnd::Nothing => {}
        UrgentEnd::NotNow => say("urgent/not-now"),
        UrgentEnd::NoAnswer => say("urgent/no-answer"),
        UrgentEnd::Delegate if delegate.is_some() => {
            say("urgent/cannot-come");
            say("urgent/colleague");
        }
        UrgentEnd::Delegate | UrgentEnd::Message => {
            say("urgent/cannot-come");
            say("urgent/leave-message");
        }
        UrgentEnd::CallBack { at } => {
            say("urgent/cannot-come");
            match at.filter(|at| *at > now.wall) {
                Some(at) => clips.extend(speech.calls_back_at(at, now.wall)),
                None => say("urgent/calls-back-soon"),
            }
        }
    }
    // An answer that somebody was waited for is heard to its end.
    cursor.tell(clips, false, After::Go(then), out)
}

/// The two have talked.
pub(in crate::dialplan) fn served(cursor: &mut Cursor) -> Turn {
    let plan = cursor.plan.clone();
    cursor.by(By::Served);
    match cursor.current(&plan) {
        Some(Step::Urgent(spec)) => Turn::Go(spec.over),
        _ => Turn::Go(Target::Next),
    }
}

// -- who is asked --

pub(in crate::dialplan) fn answer(
    cursor: &mut Cursor,
    spec: &AnswerUrgentSpec,
    now: Now,
    out: &mut Vec<Action>,
) -> Turn {
    if !matches!(cursor.facts.origin, Origin::Desk(_)) {
        cursor.by(By::Missing);
        return Turn::Go(spec.on_nobody);
    }
    out.push(match spec.answer {
        None => Action::HearUrgent,
        Some(UrgentAnswer::CallBack { .. }) => {
            let digits = spec.back_at.as_ref().and_then(|value| cursor.value(value));
            let at = digits.and_then(|digits| cursor.plan.next_at(now.wall, digits));
            Action::AnswerUrgent(UrgentAnswer::CallBack { at })
        }
        Some(answer) => Action::AnswerUrgent(answer),
    });
    cursor.stay(Stage::Answering(Box::new(spec.clone())))
}

pub(in crate::dialplan) fn answered(
    cursor: &mut Cursor,
    spec: &AnswerUrgentSpec,
    ok: bool,
    out: &mut Vec<Action>,
) -> Turn {
    cursor.by(if ok { By::Done } else { By::Missing });
    let (phrase, then) = if ok { (&spec.done, Target::Next) } else { (&spec.nobody, spec.on_nobody) };
    let clips = said(cursor, phrase);
    cursor.tell(clips, false, After::Go(then), out)
}

pub(in crate::dialplan) fn heard(
    cursor: &mut Cursor,
    spec: &AnswerUrgentSpec,
    slip: Option<RecordingId>,
    out: &mut Vec<Action>,
) -> Turn {
    let Some(slip) = slip else { return answered(cursor, spec, false, out) };
    let mut clips = said(cursor, &spec.before);
    clips.push(Clip::Recording(slip));
    cursor.tell(clips, true, After::Go(Target::Next), out)
}

fn said(cursor: &Cursor, phrase: &Phrase) -> Vec<Clip> {
    phrase.clips(&cursor.language).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Language;
    use crate::dialplan::Manifest;

    /// Who is asked hears each answer with its key, and the key answers that.
    #[test]
    fn each_answer_has_its_words() {
        let texts = Manifest::parse(include_str!("../../../prompts/manifest.toml")).expect("the manifest");
        let words = [
            ("topic/urgent-now", "马上接听", UrgentAnswer::Now),
            ("topic/urgent-call-back", "回电", UrgentAnswer::CallBack { at: None }),
            ("topic/urgent-delegate", "代接", UrgentAnswer::Delegate),
            ("topic/urgent-message", "留言", UrgentAnswer::Message),
        ];
        for ((prompt, word, answer), key) in words.into_iter().zip(UrgentAnswer::KEYS) {
            assert_eq!(UrgentAnswer::of_key(key), Some(answer));
            assert!(texts.text(prompt, &Language::new("zh-CN")).contains(word), "{prompt}");
            assert!(PROMPTS.contains(&prompt));
        }
    }
}
