//! `wait`: stay on the line.

use std::time::Duration;

use crate::base::Clip;
use crate::dialplan::action::Action;
use crate::dialplan::cursor::{Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Phrase;
use crate::dialplan::step::Step;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "wait",
    about: "Stays on the line until the caller hangs up, silent or playing something over and over: for line \
            tests and load tests, not for customers. With `limit`, goes on after that time.",
    short: None,
    fields: &[
        Field::optional("play", Form::Prompts, "silence", "What is played over and over."),
        Field::optional("limit", Form::Time(1_000, 86_400_000), "none", "How long it lasts."),
    ],
    example: r#"[[flow.main]]
wait = { play = "notice/privacy", limit = "10 min" }

[[flow.main]]
hang_up = {}
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let phrase = loader.prompts(fields, "play");
    Some(Step::Wait { phrase, limit: loader.time_if(fields, "limit") })
}

pub(in crate::dialplan) fn begin(
    cursor: &mut Cursor,
    phrase: &Phrase,
    limit: Option<Duration>,
    out: &mut Vec<Action>,
) -> Turn {
    cursor.ahead.clear();
    let clips = phrase.clips(&cursor.language).to_vec();
    if let Some(limit) = limit {
        cursor.arm(limit, out);
    }
    again(cursor, clips, out)
}

pub(in crate::dialplan) fn again(cursor: &mut Cursor, clips: Vec<Clip>, out: &mut Vec<Action>) -> Turn {
    if !clips.is_empty() {
        cursor.play(clips.clone(), out);
    }
    cursor.stay(Stage::Staying(clips))
}
