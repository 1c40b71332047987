//! `[list.<name>]`: numbers with what is known of them.

use crate::base::AgentId;
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::load::Loader;
use crate::dialplan::pattern::Pattern;
use crate::dialplan::plan::{ListEntry, NumberList};
use crate::dialplan::source::{Entry, Written};
use crate::dialplan::step::Place;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "list.<name>",
    about: "A list of numbers, here or in a file of the folder with one number a line: `13800138000` or \
            `13800138000, 3001` with the extension of the customer's own manager; `#` begins a remark. Patterns \
            as in `numbers`.",
    short: None,
    fields: &[
        Field::optional(
            "grade",
            Form::Text,
            "none",
            "The grade of who is found: for agents' phones and the record.",
        ),
        Field::optional(
            "entries",
            Form::Other("a list of numbers or entries"),
            "none",
            "The numbers themselves.",
        ),
        Field::optional("file", Form::Text, "none", "The file's path in the folder of dialplans."),
    ],
    example: r#"[list.vip]
grade = "VIP"
entries = ["13800138000", { number = "1390013XXXX", manager = "1001" }]
"#,
};

pub(in crate::dialplan) const ENTRY: Doc = Doc {
    name: "list.<name>.entries",
    about: "One number of a list. A text alone is the number.",
    short: Some("number"),
    fields: &[
        Field::needed("number", Form::Text, "The number or a pattern."),
        Field::optional("manager", Form::Name("agent"), "nobody", "Their own manager's extension."),
    ],
    example: r#"[list.vip]
entries = [{ number = "13800138000", manager = "1001" }]
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, entry: Entry<'a, 's>) -> NumberList {
    let fields = loader.open(entry, &DOC);
    let mut list = NumberList { name: entry.key.to_owned(), ..NumberList::default() };
    list.grade = loader.text(&fields, "grade").map(|(grade, _)| grade);
    for written in fields.get("entries").map(Written::each).unwrap_or_default() {
        list.entries.extend(entry_of(loader, written));
    }
    if let Some((name, place)) = loader.text(&fields, "file") {
        match loader.report.find_file(&name) {
            Some(file) => read_file(loader, file, &mut list),
            None => {
                let reason = format!("there is no file `{name}` in the folder of dialplans");
                let known: Vec<String> = loader.report.file_names().iter().map(|n| n.to_string()).collect();
                loader.report.unknown(place, reason, &name, known.iter().map(String::as_str));
            }
        }
    }
    list
}

fn entry_of<'a, 's>(loader: &mut Loader<'a, 's>, written: Written<'a, 's>) -> Option<ListEntry> {
    let whole = Entry { key: "entries", key_place: written.place, value: written };
    let fields = loader.open(whole, &ENTRY);
    let (number, place) = loader.text(&fields, "number")?;
    let manager = loader.agent(&fields, "manager");
    Some(ListEntry { pattern: pattern(loader, &number, place)?, manager })
}

fn pattern(loader: &mut Loader<'_, '_>, number: &str, place: Place) -> Option<Pattern> {
    match Pattern::parse(number) {
        Ok(pattern) => Some(pattern),
        Err(reason) => {
            loader.report.mistake(place, reason);
            None
        }
    }
}

/// One number a line, with an extension after a comma.
fn read_file(loader: &mut Loader<'_, '_>, file: usize, list: &mut NumberList) {
    let mut start = 0;
    for line in loader.report.file_text(file).split_inclusive('\n') {
        let here = |text: &str, offset: usize| Place {
            file,
            start: start + offset,
            end: start + offset + text.len(),
        };
        let written = line.split('#').next().unwrap_or_default();
        let (number, manager) = match written.split_once(',') {
            Some((number, manager)) => (number.trim(), Some(manager.trim())),
            None => (written.trim(), None),
        };
        if !number.is_empty() || manager.is_some() {
            let offset = |part: &str| line.find(part).unwrap_or(0);
            let manager: Option<AgentId> =
                manager.and_then(|m| loader.agent_named((m.to_owned(), here(m, offset(m)))));
            if let Some(pattern) = pattern(loader, number, here(number, offset(number))) {
                list.entries.push(ListEntry { pattern, manager });
            }
        }
        start += line.len();
    }
}
