//! A validator that knows nothing of this house: what ships and what the references show is accepted, mistakes are not.

use boon::{Compiler, SchemaIndex, Schemas};

use super::*;
use crate::daemon::dialplans;
use crate::dialplan::{SourceFile, examples};

struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new(of: SchemaOf) -> Self {
        let schema = serde_json::from_str(&schema(of)).expect("JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("hotline.json", schema).expect("a name");
        let index = compiler.compile("hotline.json", &mut schemas).expect("a schema of draft 7");
        Validator { schemas, index }
    }

    /// What is wrong with a file; as an editor of TOML sees it.
    fn wrong(&self, text: &str) -> Option<String> {
        let table: toml::Table = text.parse().expect("TOML");
        let value = json_of(toml::Value::Table(table));
        self.schemas.validate(&value, self.index).err().map(|error| format!("{error:#}"))
    }

    fn accepts(&self, name: &str, text: &str) {
        if let Some(wrong) = self.wrong(text) {
            panic!("{name}: {wrong}\n{text}");
        }
    }

    fn refuses(&self, text: &str) {
        assert!(self.wrong(text).is_some(), "accepted:\n{text}");
    }
}

fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(flag) => json!(flag),
        toml::Value::Datetime(at) => json!(at.to_string()),
        toml::Value::Array(list) => list.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, json_of(value))).collect())
        }
    }
}

fn tomls(files: Vec<SourceFile>) -> Vec<SourceFile> {
    files.into_iter().filter(|file| file.name.ends_with(".toml")).collect()
}

#[test]
fn what_ships_and_what_the_references_show_is_accepted() {
    let config = dialplans::Config::default();
    let dialplan = Validator::new(SchemaOf::Dialplan);
    let files = tomls(dialplans::sources(&config).expect("the shipped dialplans"));
    assert!(files.len() > 3);
    files.iter().for_each(|file| dialplan.accepts(&file.name, &file.text));
    examples().iter().for_each(|example| dialplan.accepts(example.name, example.text));
    let tests = Validator::new(SchemaOf::Tests);
    let files = tomls(dialplans::tests(&config).expect("the shipped tests"));
    assert!(!files.is_empty());
    files.iter().for_each(|file| tests.accepts(&file.name, &file.text));
    let days = Validator::new(SchemaOf::Day);
    for (name, text) in [
        ("normal.toml", include_str!("../../../rehearse/days/normal.toml")),
        ("small.toml", include_str!("../../../rehearse/days/small.toml")),
        ("surge.toml", include_str!("../../../rehearse/days/surge.toml")),
    ] {
        days.accepts(name, text);
    }
    for (validator, tables) in [(&tests, cases::written()), (&days, rehearse::written())] {
        tables.iter().for_each(|(place, doc)| validator.accepts(place, doc.example));
    }
}

#[test]
fn what_is_misspelt_or_out_of_bounds_is_refused() {
    let dialplan = Validator::new(SchemaOf::Dialplan);
    for text in [
        "[[flow.main]]\nplya = \"greeting/welcome\"",
        "[[flow.main]]\nplay = \"a/b\"\nqueue = \"vip\"",
        "[[flow.main]]\nqueue = { to = \"vip\", on_ful = \"main\" }",
        "[[flow.main]]\nqueue = { credit = \"5 s\" }",
        "[[flow.main]]\npresence = \"ready_\"",
        "[[flow.main]]",
        "[flow.main]\nplay = \"a/b\"",
        "[menu.main]\nkeys = { 1 = { got = \"main\" } }",
        "[menu.main]\nkeys = { 1 = \"main\" }\ntries = 12",
        "[menu.main]\nkeys = { 1 = \"main\" }\nfirst_digit = \"5s\"",
        "[queue.vip]\nskills = { vip = 1 }\nmax_wait = 300",
        "[quee.vip]\nskills = { vip = 1 }",
        "[numbers]\n10000 = { flow = \"main\", from = \"anybody\" }",
        "[list.vip]\nentries = [{ numbr = \"1\" }]",
        "[holidays.china.2026]\nsource = \"a\"\ndays = [{ form = 2026-01-01 }]",
        "[hotline]\nlanguage = \"zh-CN\"",
    ] {
        dialplan.refuses(text);
    }
    let tests = Validator::new(SchemaOf::Tests);
    for text in [
        "[test.a]\nsteps = [{ press = 1 }]",
        "[test.a]\nsteps = [{ pres = \"1\" }]",
        "[test.a]\npeople = { 1001 = \"answrs\" }",
        "[test.a]\nends = \"somehow\"",
        "[tests.a]\nsteps = []",
    ] {
        tests.refuses(text);
    }
    let day = Validator::new(SchemaOf::Day);
    day.refuses("[day]\nfrom = \"08:00\"");
    day.refuses("[class.a]\ncalls = [1]\ntalk = { men = \"5 s\" }\npatience = \"never\"");
}

/// An editor shows what is written in the reference.
#[test]
fn every_field_is_described() {
    let schema: Value = serde_json::from_str(&schema(SchemaOf::Dialplan)).expect("JSON");
    let ring = schema.pointer("/properties/queue/additionalProperties/properties/ring").expect("a field");
    assert_eq!(ring.get("default"), Some(&json!("15 s")));
    assert!(ring.get("description").and_then(Value::as_str).is_some_and(|text| text.contains("phone rings")));
    let goto =
        "/properties/menu/additionalProperties/properties/keys/additionalProperties/anyOf/1/properties/goto";
    assert!(schema.pointer(goto).is_some());
}
