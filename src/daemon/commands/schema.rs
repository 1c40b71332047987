//! What may be written, as JSON Schema (draft 7, the one that editors of TOML know): names are completed and mistakes
//! underlined while somebody types.
//!
//! Architecture invariant: a schema is made of the very tables that the readers go by ([`Doc`]), not of types: names,
//! bounds, defaults and texts cannot differ from what `hotline check` says. What a schema cannot know - whether a queue
//! exists, whether a caller gets lost - stays with `hotline check`.

use serde_json::{Map, Value, json};

use crate::cases;
use crate::dialplan::written::{self, Default, Doc, Field, Form, parse_time};
use crate::rehearse;

/// Which files a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOf {
    Dialplan,
    /// `tests/*.toml` of a dialplan.
    Tests,
    /// `hotline rehearse --day`.
    Day,
}

impl SchemaOf {
    pub const ALL: [SchemaOf; 3] = [SchemaOf::Dialplan, SchemaOf::Tests, SchemaOf::Day];

    pub const fn name(self) -> &'static str {
        match self {
            SchemaOf::Dialplan => "dialplan",
            SchemaOf::Tests => "tests",
            SchemaOf::Day => "day",
        }
    }

    pub fn parse(name: &str) -> Option<SchemaOf> {
        SchemaOf::ALL.into_iter().find(|of| of.name() == name)
    }
}

/// The schema as text, ready to be written into a file.
pub fn schema(of: SchemaOf) -> String {
    let schema = match of {
        SchemaOf::Dialplan => dialplan(),
        SchemaOf::Tests => whole("Tests of a dialplan", &cases::written()),
        SchemaOf::Day => whole("A day to rehearse", &rehearse::written()),
    };
    // Printing what is in memory does not fail.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn dialplan() -> Value {
    let tables: Vec<_> = written::tables().map(|doc| (doc.name, doc)).collect();
    let mut schema = whole("A dialplan of the hotline", &tables);
    let verbs = written::verbs().map(|doc| (doc.name.to_owned(), of_doc(doc))).collect::<Map<_, _>>();
    let step = json!({
        "description": "A step of a flow: one verb.",
        "type": "object",
        "properties": verbs,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    });
    let flows = json!({
        "description": "Flows by name; `[[flow.NAME]]` begins a step.",
        "type": "object",
        "additionalProperties": { "type": "array", "minItems": 1, "items": { "$ref": "#/definitions/step" } },
    });
    if let Some(top) = schema.as_object_mut() {
        top.insert("definitions".to_owned(), json!({ "step": step }));
        properties(top).map(|known| known.insert("flow".to_owned(), flows));
    }
    schema
}

/// A file of tables, each at its path: `menu.<name>.keys.<key>`; at one without a placeholder at its end below another
/// table, a list of such tables may stand.
fn whole(title: &str, tables: &[(&str, &'static Doc)]) -> Value {
    let mut top = closed();
    if let Some(top) = top.as_object_mut() {
        top.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        top.insert("title".to_owned(), json!(title));
    }
    // Whatever lies within comes after what it lies in.
    let mut tables = tables.to_vec();
    tables.sort_by_key(|(path, _)| path.split('.').count());
    for (path, doc) in tables {
        let segments: Vec<_> = path.split('.').collect();
        put(&mut top, &segments, doc, segments.len() > 1);
    }
    top
}

fn put(schema: &mut Value, path: &[&str], doc: &'static Doc, within: bool) {
    let Some((first, rest)) = path.split_first() else {
        let known = schema.get("description").cloned();
        *schema = of_doc(doc);
        if let (Some(known), Some(schema)) = (known, schema.as_object_mut()) {
            schema.insert("description".to_owned(), known);
        }
        return;
    };
    let Some(table) = as_table(schema) else { return };
    let inner = if first.starts_with('<') {
        table.remove("minProperties");
        let inner = table.entry("additionalProperties").or_insert(Value::Bool(false));
        if !inner.is_object() {
            *inner = json!({});
        }
        inner
    } else {
        let Some(known) = properties(table) else { return };
        known.entry(*first).or_insert_with(|| json!({}))
    };
    put(inner, rest, doc, within);
    if rest.is_empty() && within && !first.starts_with('<') {
        let (one, about) = (inner.take(), doc.about);
        *inner = json!({ "description": about, "anyOf": [one.clone(), { "type": "array", "items": one }] });
    }
}

/// The part of a schema that says what a table has; made where it said nothing yet.
fn as_table(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    if schema.get("anyOf").is_some() {
        let alternatives = schema.get_mut("anyOf")?.as_array_mut()?;
        return alternatives
            .iter_mut()
            .find(|one| one.get("type") == Some(&json!("object")))?
            .as_object_mut();
    }
    let table = schema.as_object_mut()?;
    table.entry("type").or_insert_with(|| json!("object"));
    Some(table)
}

fn properties(table: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    table.entry("properties").or_insert_with(|| json!({})).as_object_mut()
}

fn closed() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

/// A table with its fields, or what stands for one of them alone.
fn of_doc(doc: &'static Doc) -> Value {
    // A table of names that the tables of documents do not know.
    if doc.fields.is_empty() {
        return json!({ "description": doc.about, "type": "object" });
    }
    let fields: Map<_, _> = doc.fields.iter().map(|f| (f.name.to_owned(), of_field(f))).collect();
    let needed: Vec<_> = doc.fields.iter().filter(|f| matches!(f.default, Default::Needed)).collect();
    let needed: Vec<_> = needed.into_iter().map(|f| f.name).collect();
    let mut table = closed();
    if let Some(table) = table.as_object_mut() {
        table.insert("properties".to_owned(), Value::Object(fields));
        if !needed.is_empty() {
            table.insert("required".to_owned(), json!(needed));
        }
    }
    match doc.short.and_then(|short| doc.field(short)) {
        None => {
            described(&mut table, doc.about);
            table
        }
        Some(short) => {
            let mut alone = of_field(short);
            // Whatever it is, it is no table: that is the other form.
            if let (Form::Other(_), Some(alone)) = (short.form, alone.as_object_mut()) {
                alone.insert("type".to_owned(), json!(["string", "integer", "number", "boolean"]));
            }
            json!({ "description": doc.about, "anyOf": [alone, table] })
        }
    }
}

fn described(schema: &mut Value, about: &str) {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(about));
    }
}

fn of_field(field: &Field) -> Value {
    const TIME: &str = "^[0-9]+ (ms|s|min|h)$";
    let one_or_many = json!({ "anyOf": [
        { "type": "string" }, { "type": "array", "items": { "type": "string" } },
    ] });
    let (mut schema, hint) = match field.form {
        Form::Text => (json!({ "type": "string" }), String::new()),
        Form::Flag => (json!({ "type": "boolean" }), String::new()),
        Form::Count(least, most) => {
            (json!({ "type": "integer", "minimum": least, "maximum": most }), String::new())
        }
        Form::Time(..) => (json!({ "type": "string", "pattern": TIME }), "A time, as \"15 s\".".to_owned()),
        Form::TimeOrNever(..) => {
            let pattern = format!("^never$|{TIME}");
            (json!({ "type": "string", "pattern": pattern }), "A time, as \"15 s\", or \"never\".".to_owned())
        }
        Form::Prompts => (one_or_many, "A prompt's name, or a list of them.".to_owned()),
        Form::Name(kind) => (json!({ "type": "string" }), format!("The name of a {kind}.")),
        Form::Value => (json!({ "type": "string" }), String::new()),
        Form::One(words) => (json!({ "enum": words }), String::new()),
        Form::Other(words) => (json!({}), format!("Written is {words}.")),
    };
    let about = [field.about, &hint, &default_in_words(field)];
    let about: Vec<_> = about.into_iter().filter(|part| !part.is_empty()).collect();
    described(&mut schema, &about.join(" "));
    if let (Default::Is(text), Some(schema)) = (field.default, schema.as_object_mut()) {
        schema.insert("default".to_owned(), default(field.form, text));
    }
    schema
}

fn default_in_words(field: &Field) -> String {
    match field.default {
        Default::Means(words) => format!("Without it: {words}."),
        Default::Needed | Default::Is(_) => String::new(),
    }
}

fn default(form: Form, text: &str) -> Value {
    match form {
        Form::Flag => json!(text == "true"),
        Form::Count(..) => text.parse::<i64>().map_or(Value::Null, |count| json!(count)),
        Form::Prompts if text.contains(' ') => json!(text.split(' ').collect::<Vec<_>>()),
        Form::Time(..) if parse_time(text).is_none() => Value::Null,
        _ => json!(text),
    }
}

#[cfg(test)]
mod tests;
