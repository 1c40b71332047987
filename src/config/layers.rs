//! Every setting that was written somewhere, and where; then all of them as one.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::de::DeserializeOwned;
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
        let known = Known::new();
        let mut mistakes = Vec::new();
        let mut found = Vec::new();
        let mut tables = Vec::new();
        if let Some((path, text)) = file {
            tables = read_file(&known, path, text, &mut found, &mut mistakes);
        }
        let ours = environment.iter().filter(|(name, _)| name.to_uppercase().starts_with(PREFIX));
        let ours: Vec<_> = ours.cloned().collect();
        read_environment(&ours, &mut found);
        read_arguments(arguments, &mut found);

        let mut leaves = Vec::new();
        for leaf in found {
            match check(&known, &leaf) {
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
    known: &Known,
    path: &Path,
    text: &str,
    found: &mut Vec<Leaf>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(String, Origin)> {
    let name = path.display().to_string();
    // Once, and not for each of ten thousand accounts from the beginning of the file.
    let lines: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let place = |span: Range<usize>| {
        let line = lines.partition_point(|start| *start <= span.start);
        let start = line.checked_sub(1).and_then(|before| lines.get(before)).copied().unwrap_or(0);
        let column = text.get(start..span.start).unwrap_or_default().chars().count() + 1;
        Origin::File { name: name.clone(), line, column }
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let origin = place(error.span().unwrap_or_default());
        mistakes.push(Mistake { origin, setting: String::new(), reason: error.message().to_owned() });
    }
    // With errors in it, the table is what could be read: its mistakes are told as well.
    let mut tables = Vec::new();
    walk(known, table.get_ref(), "", &place, found, &mut tables);
    tables
}

fn walk(
    known: &Known,
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
            DeValue::Table(inner)
                if !known.is_leaf(&path) && (!inner.is_empty() || known.is_table(&path)) =>
            {
                tables.push((path.clone(), place(key.span())));
                walk(known, inner, &path, place, found, tables);
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
fn check(known: &Known, leaf: &Leaf) -> Option<String> {
    if !known.is_leaf(&leaf.path) {
        return Some(known.unknown(&leaf.path));
    }
    // One trunk or account by itself: of these there may be thousands, and the whole has many defaults.
    let error = match leaf.path.split('.').collect::<Vec<_>>().as_slice() {
        ["trunk", _, key] => alone::<Trunk>(key, &leaf.value),
        ["account", _, key] => alone::<Account>(key, &leaf.value),
        _ => alone::<Written>(&leaf.path, &leaf.value),
    };
    error.map(|error| kind_mistake(&error))
}

/// What is wrong with this setting where everything else has its default.
fn alone<T: DeserializeOwned>(path: &str, value: &Value) -> Option<ConfigError> {
    let config = Config::builder().set_override(path, plain(value)).and_then(|builder| builder.build());
    config.and_then(Config::try_deserialize::<T>).err()
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

/// The settings that there are.
struct Known {
    /// By section.
    fixed: BTreeMap<String, Vec<String>>,
    /// The sections whose keys are names that the administrator chooses, with the settings of one.
    named: [(&'static str, Vec<String>); 2],
}

impl Known {
    fn new() -> Self {
        let keys = |table: &Table| table.keys().cloned().collect::<Vec<_>>();
        let whole = table_of(&Written::default());
        Known {
            fixed: whole
                .iter()
                .map(|(section, settings)| {
                    (section.clone(), settings.as_table().map(keys).unwrap_or_default())
                })
                .collect(),
            named: [
                ("trunk", keys(&table_of(&Trunk::default()))),
                ("account", keys(&table_of(&Account::default()))),
            ],
        }
    }

    fn of_named(&self, section: &str) -> Option<&[String]> {
        self.named.iter().find(|(name, _)| *name == section).map(|(_, settings)| settings.as_slice())
    }

    /// The table that `path` is in, its settings, and the path's last part; `None` where there is no such table.
    fn siblings<'a>(&self, path: &'a str) -> Option<(&'a str, &[String], &'a str)> {
        let (above, key) = path.rsplit_once('.')?;
        let settings = match above.split_once('.') {
            Some((section, name)) if !name.contains('.') => self.of_named(section)?,
            Some(_) => return None,
            None => self.fixed.get(above)?,
        };
        Some((above, settings, key))
    }

    fn is_leaf(&self, path: &str) -> bool {
        self.siblings(path).is_some_and(|(_, settings, key)| settings.iter().any(|known| known == key))
    }

    /// Whether there is a table of that name, or may be one.
    fn is_table(&self, path: &str) -> bool {
        match path.split_once('.') {
            None => self.fixed.contains_key(path),
            Some((section, name)) => !name.contains('.') && self.of_named(section).is_some(),
        }
    }

    fn unknown(&self, path: &str) -> String {
        let sections: Vec<_> = self.fixed.keys().cloned().collect();
        let (above, known, written) = self
            .siblings(path)
            .unwrap_or_else(|| ("", sections.as_slice(), path.split('.').next().unwrap_or_default()));
        let distance = |known: &String| strsim::damerau_levenshtein(known, written);
        let nearest = known.iter().min_by_key(|known| distance(known)).filter(|known| distance(known) <= 3);
        match nearest {
            // The section is right, what is below it is not.
            Some(section) if section == written => {
                format!("{path} is not a setting; hotline.toml lists those of [{section}]")
            }
            Some(nearest) => format!("unknown setting; did you mean {}?", join(above, nearest)),
            None => "unknown setting; hotline.toml lists them all".to_owned(),
        }
    }
}

fn table_of(defaults: &impl serde::Serialize) -> Table {
    Table::try_from(defaults).unwrap_or_default()
}

fn join(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}
