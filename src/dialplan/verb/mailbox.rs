//! `mailbox`: a person hears their messages.

use crate::dialplan::action::Action;
use crate::dialplan::cursor::{Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::step::Step;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "mailbox",
    about: "The message box by phone: listen, save, delete, call back, forward, mark done. An agent's own phone \
            opens the agent's box; whoever else calls keys in an extension and its PIN, which the daemon's \
            settings have. A box with a PIN asks for it at the desk too. With `box` it is a team's, which those of its \
            `readers` open from their own desks, and nobody else.",
    short: None,
    fields: &[
        Field::with("tries", Form::Count(1, 9), "3", "How often extension and PIN may be keyed in."),
        Field::optional(
            "box",
            Form::Name("box"),
            "the person's own",
            "A team's box, as `message` names it; its table says who its `readers` are.",
        ),
    ],
    example: r#"[numbers]
"*98" = { flow = "main", from = "desks" }

[[flow.main]]
mailbox = {}

[[flow.main]]
hang_up = "goodbye/thanks"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let team = loader.text(fields, "box");
    if let Some((_, place)) = team.as_ref().filter(|(name, _)| !loader.opened.contains(name)) {
        let reason = "nobody may open this box";
        loader.report.mistake(*place, reason).add_help("say who: `readers` of its table `[box.NAME]`");
    }
    Some(Step::Mailbox { tries: loader.tries(fields), team: team.map(|(name, _)| name) })
}

pub(in crate::dialplan) fn begin(
    cursor: &mut Cursor,
    tries: u8,
    team: Option<String>,
    out: &mut Vec<Action>,
) -> Turn {
    cursor.ahead.clear();
    out.push(Action::Mailbox { tries, team });
    cursor.stay(Stage::Boxing)
}
