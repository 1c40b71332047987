//! The reference of the language, printed from the tables that the reader itself goes by.

use super::doc::{Default, Doc, Field, Form, show_time};
use super::table::TABLES;
use super::verb::VERBS;

/// An example of the reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Example {
    /// The verb or table that it shows.
    pub name: &'static str,
    /// TOML; with the tables it does not define itself it is a whole plan.
    pub text: &'static str,
}

/// One example of each verb and each table.
pub fn examples() -> Vec<Example> {
    docs().map(|doc| Example { name: doc.name, text: doc.example }).collect()
}

fn docs() -> impl Iterator<Item = &'static Doc> {
    VERBS.iter().map(|v| v.doc).chain(TABLES.iter().copied())
}

/// The whole language in Markdown: each verb and table with fields, forms, defaults and an example.
pub fn reference() -> String {
    let mut out = String::from(
        "# Dialplan reference\n\n\
         A dialplan is a folder of TOML files, read as one. Calls begin at a number (`[numbers]`) and go through \
         flows: `[[flow.NAME]]` begins a step, and a step has one verb. Times are written `\"300 ms\"`, `\"15 s\"`, \
         `\"2 min\"`, `\"1 h\"`. Prompts are named `folder/name`; where one is named, a list may stand.\n\n\
         Every mistake is told at once, with file, line and column, and a plan with a mistake is not taken. \
         A plan has no way to leave a caller in silence, in a circle, or without a closing phrase.\n\n\
         ## Verbs\n",
    );
    VERBS.iter().for_each(|verb| describe(verb.doc, &mut out));
    out.push_str("\n## Tables\n");
    TABLES.iter().for_each(|doc| describe(doc, &mut out));
    out
}

/// One verb or table: what it is for, its fields, an example.
pub(crate) fn describe(doc: &Doc, out: &mut String) {
    out.push_str(&format!("\n### `{}`\n\n{}\n\n", doc.name, doc.about));
    if let Some(short) = doc.short {
        out.push_str(&format!("A value without a table stands for `{short}`.\n\n"));
    }
    out.push_str("| field | what is written | default | meaning |\n| --- | --- | --- | --- |\n");
    for field in doc.fields {
        let (form, default) = (form(field.form), default(field));
        out.push_str(&format!("| `{}` | {form} | {default} | {} |\n", field.name, field.about));
    }
    out.push_str(&format!("\n```toml\n{}```\n", doc.example));
}

fn form(form: Form) -> String {
    match form {
        Form::Text => "a text".to_owned(),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::Count(least, most) => format!("{least} to {most}"),
        Form::Time(least, most) => format!("a time, {} to {}", show_time(least), show_time(most)),
        Form::TimeOrNever(least, most) => {
            format!("a time, {} to {}, or `\"never\"`", show_time(least), show_time(most))
        }
        Form::Prompts => "prompts".to_owned(),
        Form::Name(kind) => format!("the name of a {kind}"),
        Form::Value => "`caller`, `dialled`, `manager` or the name of a `collect`".to_owned(),
        Form::One(words) => words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "),
        Form::Other(words) => words.to_owned(),
    }
}

fn default(field: &Field) -> String {
    match field.default {
        Default::Needed => "**needed**".to_owned(),
        Default::Is(text) => format!("`{text}`"),
        Default::Means(words) => words.to_owned(),
    }
}
