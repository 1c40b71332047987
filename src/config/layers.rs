//! Every setting that was written somewhere, and where; then all of them as one.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::written::{Account, Trunk, Written};
use super::{Arguments, Mistake};

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Line and column from 1.
    File {
        name: String,
        line: usize,
        column: usize,
    },
    Environment(String),
    /// The option's name.
    Argument(&'static str),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Origin::Environment(name) => write!(f, "environment variable {name}"),
            Origin::Argument(name) => f.write_str(name),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// The prefix of our variables, as the `config` crate puts it together.
const PREFIX: &str = "HOTLINE__";

pub struct Layers {
    /// In the order of the layers: the last one that names a setting has it.
    leaves: Vec<Leaf>,
    /// The tables of the file, for mistakes that are about one as a whole.
    tables: Vec<(String, Origin)>,
    file: Option<String>,
    environment: Vec<(String, String)>,
}

struct Leaf {
    path: String,
    value: Value,
    origin: Origin,
}

impl Layers {
    /// What was written, and everything that is wrong with a single setting.
    pub fn collect(
        file: Option<(&Path, &str)>,
        environment: &[(String, String)],
        arguments: &Arguments,
    ) -> (Layers, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let mut found = Vec::new();
        let mut tables = Vec::new();
        if let Some((path, text)) = file {
            tables = read_file(path, text, &mut found, &mut mistakes);
        }
        let ours = environment.iter().filter(|(name, _)| name.to_uppercase().starts_with(PREFIX));
        let ours: Vec<_> = ours.cloned().collect();
        read_environment(&ours, &mut found);
        read_arguments(arguments, &mut found);

        let mut leaves = Vec::new();
        for leaf in found {
            match check(&leaf) {
                None => leaves.push(leaf),
                Some(reason) => mistakes.push(Mistake { origin: leaf.origin, setting: leaf.path, reason }),
            }
        }
        (Layers { leaves, tables, file: file.map(|(_, text)| text.to_owned()), environment: ours }, mistakes)
    }

    /// All layers as one; `None` where a mistake was found already.
    pub fn merge(&self, mistakes: &mut Vec<Mistake>) -> Option<Written> {
        if !mistakes.is_empty() {
            return None;
        }
        let merged = self.build();
        match merged {
            Ok(written) => Some(written),
            Err(error) => {
                mistakes.push(Mistake {
                    origin: Origin::Default,
                    setting: String::new(),
                    reason: error.to_string(),
                });
                None
            }
        }
    }

    fn build(&self) -> Result<Written, ConfigError> {
        let variables = self.environment.iter().cloned().collect();
        let environment = Environment::with_prefix("HOTLINE").separator("__").source(Some(variables));
        let mut builder = Config::builder().add_source(Config::try_from(&Written::default())?);
        if let Some(text) = &self.file {
            builder = builder.add_source(File::from_str(text, FileFormat::Toml));
        }
        builder = builder.add_source(environment);
        for leaf in self.leaves.iter().filter(|leaf| matches!(leaf.origin, Origin::Argument(_))) {
            builder = builder.set_override(&leaf.path, plain(&leaf.value))?;
        }
        builder.build()?.try_deserialize()
    }

    /// Where a setting got its value.
    pub fn origin(&self, setting: &str) -> Origin {
        let last = self.leaves.iter().rev().find(|leaf| {
            leaf.path == setting || leaf.path.strip_prefix(setting).is_some_and(|rest| rest.starts_with('.'))
        });
        let table = || self.tables.iter().find(|(path, _)| path == setting).map(|(_, origin)| origin.clone());
        last.map(|leaf| leaf.origin.clone()).or_else(table).unwrap_or(Origin::Default)
    }
}

// -- the three sources --

fn read_file(
    path: &Path,
    text: &str,
    found: &mut Vec<Leaf>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(String, Origin)> {
    let name = path.display().to_string();
    let place = |span: Range<usize>| {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Origin::File { name: name.clone(), line: before.matches('\n').count() + 1, column }
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let origin = place(error.span().unwrap_or_default());
        mistakes.push(Mistake { origin, setting: String::new(), reason: error.message().to_owned() });
    }
    // With errors in it, the table is what could be read: its mistakes are told as well.
    let mut tables = Vec::new();
    walk(table.get_ref(), "", &place, found, &mut tables);
    tables
}

fn walk(
    table: &DeTable<'_>,
    above: &str,
    place: &impl Fn(Range<usize>) -> Origin,
    found: &mut Vec<Leaf>,
    tables: &mut Vec<(String, Origin)>,
) {
    for (key, value) in table {
        let path = join(above, key.get_ref());
        match value.get_ref() {
            // An empty table of an unknown name has nothing in it that could be told.
            DeValue::Table(inner) if !is_leaf(&path) && (!inner.is_empty() || is_table(&path)) => {
                tables.push((path.clone(), place(key.span())));
                walk(inner, &path, place, found, tables);
            }
            _ => found.push(Leaf { path, value: owned(value), origin: place(key.span()) }),
        }
    }
}

fn owned(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| Value::String(number.as_str().to_owned()), Value::Integer)
        }
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| Value::String(number.as_str().to_owned()), Value::Float)
        }
        DeValue::Datetime(moment) => Value::Datetime(*moment),
        DeValue::Array(items) => Value::Array(items.iter().map(owned).collect()),
        DeValue::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), owned(value))).collect())
        }
    }
}

fn read_environment(ours: &[(String, String)], found: &mut Vec<Leaf>) {
    let mut ours: Vec<_> = ours.iter().collect();
    ours.sort();
    for (name, value) in ours {
        let path = name.get(PREFIX.len()..).unwrap_or_default().to_lowercase().replace("__", ".");
        found.push(Leaf {
            path,
            value: Value::String(value.clone()),
            origin: Origin::Environment(name.clone()),
        });
    }
}

fn read_arguments(arguments: &Arguments, found: &mut Vec<Leaf>) {
    let mut say = |path: &str, value: Value, name: &'static str| {
        found.push(Leaf { path: path.to_owned(), value, origin: Origin::Argument(name) });
    };
    if !arguments.listen.is_empty() {
        let addresses: Vec<_> = arguments.listen.iter().cloned().map(Value::String).collect();
        say("listen.udp", Value::Array(addresses.clone()), "--listen");
        say("listen.tcp", Value::Array(addresses), "--listen");
    }
    let folders = [
        ("state.dir", &arguments.state, "--state"),
        ("dialplan.dir", &arguments.dialplans, "--dialplans"),
        ("prompts.dir", &arguments.prompts, "--prompts"),
    ];
    for (path, folder, name) in folders {
        if let Some(folder) = folder {
            say(path, Value::String(folder.display().to_string()), name);
        }
    }
    if arguments.dialplans_alone {
        say("dialplan.alone", Value::Boolean(true), "--alone");
    }
}

// -- one setting by itself --

/// Whether the setting is known and its value of the right kind; if not, why.
fn check(leaf: &Leaf) -> Option<String> {
    if !is_leaf(&leaf.path) {
        return Some(unknown(&leaf.path));
    }
    let alone = Config::builder()
        .add_source(Config::try_from(&Written::default()).ok()?)
        .set_override(&leaf.path, plain(&leaf.value))
        .and_then(|builder| builder.build())
        .and_then(Config::try_deserialize::<Written>);
    alone.err().map(|error| kind_mistake(&error))
}

/// What was expected, without the value: it may be a password.
fn kind_mistake(error: &ConfigError) -> String {
    match error {
        ConfigError::At { error, .. } => kind_mistake(error),
        ConfigError::Type { expected, .. } => format!("expected {expected}"),
        other => {
            let text = other.to_string();
            match text.rfind("expected ") {
                Some(at) => {
                    let expected = text.get(at..).unwrap_or_default();
                    expected.split(" for key").next().unwrap_or_default().to_owned()
                }
                None => text,
            }
        }
    }
}

/// For the `config` crate, which has its own type of values.
fn plain(value: &Value) -> config::Value {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Boolean(flag) => (*flag).into(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().into(),
        Value::Datetime(moment) => moment.to_string().into(),
        Value::Table(table) => {
            let table: config::Map<String, config::Value> =
                table.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
            table.into()
        }
    }
}

// -- what there is --

/// The sections whose keys are names that the administrator chooses, with the settings of one.
fn named_sections() -> [(&'static str, Table); 2] {
    [("trunk", table_of(&Trunk::default())), ("account", table_of(&Account::default()))]
}

fn table_of(defaults: &impl serde::Serialize) -> Table {
    Table::try_from(defaults).unwrap_or_default()
}

/// The settings beside `path`'s last part, and that part; `None` where there is no such section.
fn siblings(path: &str) -> Option<(String, Vec<String>, String)> {
    let parts: Vec<_> = path.split('.').collect();
    let whole = table_of(&Written::default());
    for (section, settings) in named_sections() {
        match parts.as_slice() {
            [first, name, key] if *first == section => {
                let keys = settings.keys().cloned().collect();
                return Some((format!("{section}.{name}"), keys, (*key).to_owned()));
            }
            _ => {}
        }
    }
    match parts.as_slice() {
        [section, key] => {
            let settings = whole.get(*section)?.as_table()?;
            Some(((*section).to_owned(), settings.keys().cloned().collect(), (*key).to_owned()))
        }
        _ => None,
    }
}

fn is_leaf(path: &str) -> bool {
    let named = named_sections().iter().any(|(section, _)| path.split('.').next() == Some(*section));
    let depth = path.split('.').count();
    (if named { depth == 3 } else { depth == 2 })
        && siblings(path).is_some_and(|(_, keys, key)| keys.contains(&key))
}

/// Whether there is a table of that name, or may be one.
fn is_table(path: &str) -> bool {
    let parts: Vec<_> = path.split('.').collect();
    let is_named = |name: &str| named_sections().iter().any(|(section, _)| *section == name);
    match parts.as_slice() {
        [section] => table_of(&Written::default()).contains_key(*section),
        [section, _] => is_named(section),
        _ => false,
    }
}

fn unknown(path: &str) -> String {
    let (above, known, written) = siblings(path).unwrap_or_else(|| {
        let sections = table_of(&Written::default()).keys().cloned().collect();
        (String::new(), sections, path.split('.').next().unwrap_or_default().to_owned())
    });
    let distance = |known: &String| strsim::damerau_levenshtein(known, &written);
    let nearest = known.iter().min_by_key(|known| distance(known)).filter(|known| distance(known) <= 3);
    match nearest {
        // The section is right, what is below it is not.
        Some(section) if *section == written => {
            format!("{path} is not a setting; hotline.toml lists those of [{section}]")
        }
        Some(nearest) => format!("unknown setting; did you mean {}?", join(&above, nearest)),
        None => "unknown setting; hotline.toml lists them all".to_owned(),
    }
}

fn join(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}
