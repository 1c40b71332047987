//! `[agent.<extension>]`: persons with desks.

use std::collections::BTreeSet;

use crate::base::{AgentId, Masked};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::pattern::Pattern;
use crate::dialplan::plan::{Agent, Phrase, Urgency};
use crate::dialplan::source::Entry;

const PATTERN_HELP: &str =
    "write for example `1[3-9]xxxxxxxxx` for mobile telephones, `010.` for a city, `+86.` for a country";

/// Agents of one range.
const LARGEST_RANGE: usize = 10_000;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "agent.<extension>",
    about: "An agent, an expert or a manager, by extension. `agent.\"0001-0450\"` stands for many alike.",
    short: None,
    fields: &[
        Field::optional("name", Form::Text, "the extension", "For screens and records."),
        Field::optional(
            "skills",
            Form::Other("skills with levels, `{ complaint = 3 }`"),
            "none",
            "What they can do.",
        ),
        Field::optional(
            "contact",
            Form::Text,
            "where the phone registers",
            "A fixed SIP URI; `{extension}` in it stands for the extension.",
        ),
        Field::with(
            "ready",
            Form::Flag,
            "false",
            "Signed on and ready as soon as the phone can be reached; else only by a code or a command.",
        ),
        Field::with(
            "calls_at_once",
            Form::Count(1, 4),
            "1",
            "With how many callers of the queues they may be connected, for phones with several lines. While all of \
             them are on hold a further one rings, if nobody else is free; a phone that is let ring then counts as no \
             missed call.",
        ),
        Field::optional("delegate", Form::Name("agent"), "nobody", "Who takes their calls when they cannot."),
        Field::optional(
            "hours",
            Form::Name("calendar"),
            "always",
            "When they are at work; otherwise callers are told when they are back.",
        ),
        Field::optional(
            "says",
            Form::Prompts,
            "the person you asked for",
            "The name, recorded: what callers hear when the person cannot come, and when several have like names.",
        ),
        Field::optional(
            "spelled",
            Form::Text,
            "a `name` in Latin letters",
            "The name as callers key it in, by syllables: `wang fang`.",
        ),
        Field::with(
            "screening",
            Form::Flag,
            "false",
            "Callers whom a colleague hands on are announced: who answers hears who hands them on, which service and \
             which number, and takes them with 1 or refuses them with 2. The caller hears music meanwhile.",
        ),
        Field::with(
            "urgent",
            Form::One(&["never", "text", "ring", "screen"]),
            "text",
            "How they are asked, in a meeting or another call, what becomes of a caller who says that it is urgent \
             (`dial`, `offer`): by a text on their phone without a sound, by the text and one ring in which who lifts \
             hears the caller's words, or on a screen alone (`hotline events`, the web hook). Where no phone of theirs takes \
             texts, and no ring reaches them, the caller goes on at once. Only for who has a `mailbox`: a caller's words lie there whatever is answered.",
        ),
        Field::with(
            "urgent_when_important",
            Form::Flag,
            "false",
            "Whether they are asked in an important meeting, too: nobody is unless it says so here.",
        ),
        Field::with("mailbox", Form::Flag, "false", "Whether messages can be left for them."),
        Field::optional(
            "pick_up_groups",
            Form::Other("names, `[\"counter\"]`"),
            "none",
            "Colleagues who share one of these groups may take each other's ringing calls (`pick_up`).",
        ),
        Field::optional(
            "may_call",
            Form::Other("telephone numbers, `[\"1[3-9]xxxxxxxxx\", \"010.\"]`"),
            "nothing",
            "Numbers of the outside that the desk may call over a trunk: x is any digit, [3-9] one of these, a dot \
             at the end any further digits. Without it a desk reaches nobody outside.",
        ),
        Field::optional(
            "account",
            Form::Flag,
            "unless there is a `contact`",
            "Whether a phone may register.",
        ),
    ],
    example: r#"[agent.4001]
name = "王经理"
mailbox = true
delegate = "1001"
"#,
};

/// The extensions that a key stands for.
pub(in crate::dialplan) fn extensions(key: &str) -> Result<Vec<String>, &'static str> {
    let digits = |s: &str| !s.is_empty() && s.len() <= 15 && s.bytes().all(|b| b.is_ascii_digit());
    let Some((first, last)) = key.split_once('-') else {
        return if digits(key) {
            Ok(vec![key.to_owned()])
        } else {
            Err("an extension is one to fifteen digits")
        };
    };
    if !digits(first) || !digits(last) || first.len() != last.len() {
        return Err("a range of extensions is two numbers of as many digits, `0001-0450`");
    }
    let (Ok(from), Ok(to)) = (first.parse::<u64>(), last.parse::<u64>()) else {
        return Err("a range of extensions is two numbers of as many digits, `0001-0450`");
    };
    if from > to || to - from >= LARGEST_RANGE as u64 {
        return Err("a range of extensions ascends and holds at most 10000");
    }
    Ok((from..=to).map(|n| format!("{n:0width$}", width = first.len())).collect())
}

/// One agent for each extension, from `id` on.
pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    entry: Entry<'a, 's>,
    extensions: &[String],
) -> Vec<Agent> {
    let fields = loader.open(entry, &DOC);
    let name = loader.text(&fields, "name").map(|(name, _)| name);
    let skills = loader.skill_levels(&fields, "skills");
    let contact = loader.text(&fields, "contact");
    if let Some((uri, place)) = &contact
        && !uri.starts_with("sip:")
    {
        loader.report.mistake(*place, "a contact is a SIP URI such as `sip:1001@192.0.2.1:5060`");
    }
    let ready = loader.flag(&fields, "ready");
    let calls_at_once = u8::try_from(loader.count(&fields, "calls_at_once")).unwrap_or(1);
    let delegate = loader.agent(&fields, "delegate");
    let hours = loader.calendar(&fields, "hours");
    let screening = loader.flag(&fields, "screening");
    let says = if fields.has("says") { loader.prompts(&fields, "says") } else { Phrase::default() };
    let spelled = spelling(loader, &fields, name.as_deref());
    let mailbox = loader.flag(&fields, "mailbox");
    let urgent = match loader.one(&fields, "urgent") {
        Some("never") => Urgency::Never,
        Some("ring") => Urgency::Ring,
        Some("screen") => Urgency::Screen,
        _ => Urgency::Text,
    };
    let urgent_when_important = loader.flag(&fields, "urgent_when_important");
    let pick_up_groups = names(loader, &fields, "pick_up_groups");
    let may_call = telephone_patterns(loader, &fields, "may_call", "a number that the desk may call");
    let account = if fields.has("account") { loader.flag(&fields, "account") } else { contact.is_none() };
    let mut agents = Vec::new();
    for extension in extensions {
        let Some(id) = loader.names.agents.get(extension).copied() else { continue };
        if delegate == Some(id)
            && let Some(written) = fields.get("delegate")
        {
            loader.report.mistake(written.place, "nobody is their own delegate");
        }
        agents.push(Agent {
            id: AgentId(id.0),
            extension: extension.clone(),
            name: Masked::new(name.clone().unwrap_or_else(|| extension.clone())),
            skills: skills.clone(),
            contact: contact.as_ref().map(|(uri, _)| uri.replace("{extension}", extension)),
            ready,
            calls_at_once,
            delegate,
            hours,
            screening,
            says: says.clone(),
            spelled: spelled.clone(),
            mailbox,
            urgent,
            urgent_when_important,
            pick_up_groups: pick_up_groups.clone(),
            may_call: may_call.clone(),
            account,
        });
    }
    agents
}

/// Syllables of the name; none where it cannot be keyed in.
fn spelling<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>, name: Option<&str>) -> Vec<String> {
    let syllables = |text: &str| -> Option<Vec<String>> {
        let all: Vec<String> = text.split([' ', '-', '\'']).map(str::to_ascii_lowercase).collect();
        let all: Vec<String> = all.into_iter().filter(|syllable| !syllable.is_empty()).collect();
        let good = |syllable: &String| syllable.bytes().all(|b| b.is_ascii_lowercase());
        (!all.is_empty() && all.iter().all(good)).then_some(all)
    };
    let Some((written, place)) = loader.text(fields, "spelled") else {
        return name.and_then(syllables).unwrap_or_default();
    };
    let spelled = syllables(&written);
    if spelled.is_none() {
        let reason = "`spelled` is the name's syllables in the letters a to z";
        loader.report.mistake(place, reason).add_help("write \"wang fang\"");
    }
    spelled.unwrap_or_default()
}

/// Words that stand for nothing else in the plan.
fn names<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>, name: &str) -> BTreeSet<String> {
    let written = fields.get(name).map(|written| written.each()).unwrap_or_default();
    written.into_iter().filter_map(|one| loader.as_text(one, "a group").map(str::to_owned)).collect()
}

/// Numbers of the outside, by patterns.
pub(in crate::dialplan) fn telephone_patterns<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
    name: &str,
    what: &str,
) -> Vec<Pattern> {
    let written = fields.get(name).map(|written| written.each()).unwrap_or_default();
    let mut patterns = Vec::new();
    for one in written {
        let Some(text) = loader.as_text(one, what) else { continue };
        match Pattern::parse_telephone(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(reason) => {
                loader.report.mistake(one.place, reason).add_help(PATTERN_HELP);
            }
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::extensions;

    #[test]
    fn ranges() {
        assert_eq!(extensions("1001"), Ok(vec!["1001".into()]));
        assert_eq!(extensions("0009-0011"), Ok(vec!["0009".into(), "0010".into(), "0011".into()]));
        for wrong in ["", "10a", "2-1", "1-10", "00001-99999", "1-", "1234567890123456"] {
            assert!(extensions(wrong).is_err(), "{wrong}");
        }
    }
}
