//! `dial`: connect the caller with one person.

use crate::base::Masked;
use crate::dialplan::action::{Action, DialEnd};
use crate::dialplan::cursor::{After, Cursor, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::flow::By;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Phrase;
use crate::dialplan::step::{DialSpec, OutsideSpec, Step, Target, Whom};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "dial",
    about: "Rings one person: a fixed one (`to`), one known by extension (`value`), or somebody outside (`number`), over \
            a trunk. Goes on with the next \
            step when the person has gone. Who cannot come is excused by name of the reason (in a meeting, \
            expected back at three), and a message or somebody else is offered, unless it is written otherwise.",
    short: Some("to"),
    fields: &[
        Field::optional("to", Form::Name("agent"), "nothing", "The person's extension."),
        Field::optional("value", Form::Value, "nothing", "Where the extension is known from."),
        Field::optional(
            "number",
            Form::Text,
            "nothing",
            "A telephone number of the outside, as the trunks' `outbound` patterns know it. It is written here and \
             nowhere else: what callers say or key never becomes one.",
        ),
        Field::optional(
            "trunk",
            Form::Text,
            "one that carries the number",
            "With `number`: the trunk of the configuration file that is to be taken.",
        ),
        Field::with("before", Form::Prompts, "transfer/trying", "What is said before."),
        Field::with("ring", Form::Time(3_000, 120_000), "15 s", "How long the phone rings."),
        Field::optional(
            "offer",
            Form::Other("what is offered, `[\"message\", \"delegate\", \"again\"]`"),
            "`message`, `delegate`, `again`",
            "What a caller can choose after the apology, by the keys 1, 2, 3 … in this order: `message`; `delegate`, who \
             takes the person's calls now, or the operator where nobody does; `again`, to call later; `urgent`: \
             who is in a meeting or in another call is asked, silently, what becomes of the caller (see the agent's \
             `urgent`); and flows of the plan, as `{ say = \"topic/callback\", goto = \"book\" }`. What does not apply to the person is not read \
             out; the others keep their keys. Who presses nothing leaves a message.",
        ),
        Field::optional("on_busy", Form::Name("flow"), "an apology and a choice", "In another call."),
        Field::optional("on_no_answer", Form::Name("flow"), "an apology and a choice", "The phone rang out."),
        Field::optional(
            "on_away",
            Form::Name("flow"),
            "an apology and a choice",
            "Away, with reason and return.",
        ),
        Field::optional(
            "on_unreachable",
            Form::Name("flow"),
            "an apology and a choice",
            "No phone is there.",
        ),
        Field::optional(
            "on_unknown",
            Form::Name("flow"),
            "an apology, then the operator of [hotline], else a goodbye",
            "There is nobody with this extension.",
        ),
    ],
    example: r#"[[flow.main]]
dial = { to = "4001", ring = "20 s" }
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    if fields.has("number") {
        return read_outside(loader, fields);
    }
    if let Some(trunk) = fields.get("trunk") {
        loader.report.mistake(trunk.place, "`trunk` belongs to a `number` of the outside");
    }
    let whom = match (fields.has("to"), fields.has("value")) {
        (true, false) => loader.agent(fields, "to").map(Whom::Fixed),
        (false, true) => loader.value(fields, "value").map(Whom::Value),
        _ => {
            loader.report.mistake(fields.place(), "`dial` needs one of `to`, `value` and `number`");
            None
        }
    };
    let before = loader.prompts(fields, "before");
    let ring = loader.time_or(fields, "ring", loader.defaults.ring);
    let names = ["on_busy", "on_no_answer", "on_away", "on_unreachable"];
    let written = names.map(|name| loader.target(fields, name));
    let on_unknown = loader.target(fields, "on_unknown");
    let offer = offers(loader, fields);
    let whom = whom?;
    let apology =
        written.iter().any(Option::is_none).then(|| loader.apology_and_choice(fields.place(), &whom, offer));
    let [on_busy, on_no_answer, on_away, on_unreachable] =
        written.map(|target| target.or(apology).unwrap_or_default());
    let say_unknown = on_unknown.is_none();
    let on_unknown = on_unknown.unwrap_or_else(|| loader.operator_or_goodbye(fields.place()));
    Some(Step::Dial(Box::new(DialSpec {
        whom,
        before,
        ring,
        on_busy,
        on_no_answer,
        on_away,
        on_unreachable,
        on_unknown,
        say_unknown,
    })))
}

/// One thing that is offered, as written.
pub(in crate::dialplan) enum Written {
    Message,
    Delegate,
    Again,
    Urgent,
    Flow(Phrase, Target),
}

const WORDS: [&str; 4] = ["message", "delegate", "again", "urgent"];

/// As many as there are keys from 1 to 9.
const MOST_OFFERS: usize = 9;

fn offers<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Vec<Written> {
    let Some(written) = fields.get("offer") else {
        return vec![Written::Message, Written::Delegate, Written::Again];
    };
    let mut offers = Vec::new();
    for one in written.each() {
        offers.extend(match one.as_word() {
            Some("message") => Some(Written::Message),
            Some("delegate") => Some(Written::Delegate),
            Some("again") => Some(Written::Again),
            Some("urgent") => Some(Written::Urgent),
            Some(word) => {
                let reason = format!("`dial` offers {} and flows, not `{word}`", WORDS.join(", "));
                loader.report.unknown(one.place, reason, word, WORDS);
                None
            }
            None => offered_flow(loader, one),
        });
    }
    if offers.len() > MOST_OFFERS {
        loader.report.mistake(written.place, "nine things can be offered at most: there are no more keys");
        offers.truncate(MOST_OFFERS);
    }
    offers
}

fn offered_flow<'a, 's>(
    loader: &mut Loader<'a, 's>,
    one: crate::dialplan::source::Written<'a, 's>,
) -> Option<Written> {
    let entries = one.entries().unwrap_or_default();
    let field = |name: &str| entries.iter().find(|entry| entry.key == name).map(|entry| entry.value);
    let (Some(say), Some(goto), 2) = (field("say"), field("goto"), entries.len()) else {
        loader.wrong(one, "what is offered", "a word, or a table with `say` and `goto`");
        return None;
    };
    let said = loader.as_prompts(say, "`say`");
    loader.as_target(goto, "`goto`").map(|target| Written::Flow(said, target))
}

/// A number of the outside.
fn read_outside<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Option<Step> {
    for other in ["to", "value", "offer", "on_away", "on_unknown"] {
        if let Some(written) = fields.get(other) {
            loader
                .report
                .mistake(written.place, format!("`{other}` is for persons: `number` is somebody outside"));
        }
    }
    let number = loader.text(fields, "number").filter(|(number, place)| {
        let digits = number.strip_prefix('+').unwrap_or(number);
        let good = (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !good {
            loader
                .report
                .mistake(
                    *place,
                    "a number of the outside is three to twenty digits, with a plus before them or none",
                )
                .add_help("write for example `+861065881234` or `95588`");
        }
        good
    });
    let trunk = loader.text(fields, "trunk").map(|(trunk, place)| {
        loader.known_trunk(&trunk, place);
        trunk
    });
    let before = loader.prompts(fields, "before");
    let ring = loader.time_or(fields, "ring", loader.defaults.ring);
    let written = ["on_busy", "on_no_answer", "on_unreachable"].map(|name| loader.target(fields, name));
    let number = Masked::new(number?.0);
    let phrases = ["transfer/busy", "transfer/no-answer", "transfer/failed"];
    let [on_busy, on_no_answer, on_unreachable] = std::array::from_fn(|at| {
        let (target, phrase) =
            (written.get(at).copied().flatten(), phrases.get(at).copied().unwrap_or_default());
        target.unwrap_or_else(|| loader.apology(fields.place(), phrase))
    });
    Some(Step::Outside(Box::new(OutsideSpec {
        number: Some(number),
        trunk,
        before,
        ring,
        on_busy,
        on_no_answer,
        on_unreachable,
    })))
}

/// By what a call goes on whose party was rung.
pub(in crate::dialplan) fn by(end: DialEnd) -> By {
    match end {
        DialEnd::Served => By::Served,
        DialEnd::Busy => By::Busy,
        DialEnd::NoAnswer => By::NoAnswer,
        DialEnd::Away { .. } => By::Away,
        DialEnd::Unreachable => By::Unreachable,
    }
}

pub(in crate::dialplan) fn outside_ended(spec: &OutsideSpec, end: DialEnd) -> Turn {
    Turn::Go(match end {
        DialEnd::Served => Target::Next,
        DialEnd::Busy => spec.on_busy,
        DialEnd::NoAnswer => spec.on_no_answer,
        DialEnd::Away { .. } | DialEnd::Unreachable => spec.on_unreachable,
    })
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: &DialSpec, out: &mut Vec<Action>) -> Turn {
    let language = cursor.language.clone();
    match cursor.whom(&spec.whom) {
        Some(person) => {
            // A delegate's caller asked for somebody else: a message is still for them.
            cursor.person = Some(person);
            cursor.tell(spec.before.clips(&language).to_vec(), false, After::Dial(person), out)
        }
        None => {
            let plan = cursor.plan.clone();
            cursor.by(By::Unknown);
            let sorry = if spec.say_unknown { plan.own.no_such_extension.clips(&language) } else { &[] };
            cursor.tell(sorry.to_vec(), true, After::Go(spec.on_unknown), out)
        }
    }
}

pub(in crate::dialplan) fn ended(spec: &DialSpec, end: DialEnd) -> Turn {
    Turn::Go(match end {
        DialEnd::Served => Target::Next,
        DialEnd::Busy => spec.on_busy,
        DialEnd::NoAnswer => spec.on_no_answer,
        DialEnd::Away { .. } => spec.on_away,
        DialEnd::Unreachable => spec.on_unreachable,
    })
}
