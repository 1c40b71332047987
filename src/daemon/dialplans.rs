//! The dialplans: embedded in the program, overlaid by a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::base::Catalog;
use crate::dialplan::{self, Around, Diagnostic, Plan, SourceFile};

use super::failure::Failure;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/dialplans");

/// Where dialplans are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// A folder whose files take the place of embedded ones with the same name, or are added to them.
    pub folder: Option<PathBuf>,
    /// The folder stands for itself: nothing embedded is used.
    pub alone: bool,
    /// The names of the trunks that a step may call out through.
    pub trunks: Vec<String>,
}

/// The plan and what a person should look at, or every mistake.
pub fn load(config: &Config, catalog: &Arc<Catalog>) -> Result<(Arc<Plan>, Vec<Diagnostic>), Failure> {
    load_with(config, None, catalog)
}

/// The same with one more file.
pub fn load_with(
    config: &Config,
    extra: Option<SourceFile>,
    catalog: &Arc<Catalog>,
) -> Result<(Arc<Plan>, Vec<Diagnostic>), Failure> {
    let mut files = sources(config)?;
    files.extend(extra);
    plan_of(&files, &config.trunks, catalog).map(|(plan, warnings)| (Arc::new(plan), warnings))
}

/// The plan of these files; tests among them are no part of it.
pub fn plan_of(
    files: &[SourceFile],
    trunks: &[String],
    catalog: &Arc<Catalog>,
) -> Result<(Plan, Vec<Diagnostic>), Failure> {
    let files: Vec<SourceFile> = files.iter().filter(|file| !is_test(&file.name)).cloned().collect();
    let around = Around { trunks: Some(trunks.to_vec()), today: Some(super::clock::now().wall) };
    let examined = dialplan::examine(&files, Arc::clone(catalog), &around);
    match examined.plan.filter(|_| examined.sound) {
        Some(plan) => Ok((plan, examined.diagnostics)),
        None => Err(mistakes(&examined.diagnostics)),
    }
}

pub fn mistakes(mistakes: &[Diagnostic]) -> Failure {
    let shown: Vec<_> = mistakes.iter().map(Diagnostic::to_string).collect();
    Failure::Dialplan { diagnostics: shown.join("\n\n") }
}

/// The folder whose files are tests of the plan, and no part of it.
const TESTS: &str = "tests/";

pub fn is_test(name: &str) -> bool {
    name.starts_with(TESTS)
}

/// What is to be loaded, in order of the names.
pub fn sources(config: &Config) -> Result<Vec<SourceFile>, Failure> {
    let mut files = files(config)?;
    files.retain(|file| !is_test(&file.name));
    Ok(files)
}

/// The plan's own tests, in order of the names.
pub fn tests(config: &Config) -> Result<Vec<SourceFile>, Failure> {
    let files = all(config)?.into_iter();
    Ok(files.filter(|file| is_test(&file.name) && file.name.ends_with(".toml")).collect())
}

/// The plan and the tests that were written for it: those of the embedded plan do not fit one that a folder has changed.
pub fn files(config: &Config) -> Result<Vec<SourceFile>, Failure> {
    let own = Config { alone: true, ..config.clone() };
    let own_tests = match &config.folder {
        Some(_) => tests(&own)?,
        None => tests(config)?,
    };
    let mut files = all(config)?;
    files.retain(|file| !is_test(&file.name));
    if files.is_empty() {
        let folder = config.folder.as_deref().unwrap_or(Path::new("dialplans"));
        return Err(Failure::Other(format!("{} has no dialplan: it is empty", folder.display())));
    }
    files.extend(own_tests);
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn all(config: &Config) -> Result<Vec<SourceFile>, Failure> {
    let mut files = BTreeMap::new();
    if !config.alone {
        embedded(&EMBEDDED, &mut files);
    }
    if let Some(folder) = &config.folder {
        read_folder(folder, folder, &mut files)?;
    }
    Ok(files.into_iter().map(|(name, text)| SourceFile { name, text }).collect())
}

fn embedded(folder: &Dir<'static>, files: &mut BTreeMap<String, String>) {
    for file in folder.files() {
        if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            files.insert(name.to_owned(), text.to_owned());
        }
    }
    for inner in folder.dirs() {
        embedded(inner, files);
    }
}

fn read_folder(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(Failure::read(folder))? {
        let path = entry.map_err(Failure::read(folder))?.path();
        let name = path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default().to_owned();
        // What an editor leaves beside a file is not part of the plan.
        if name.is_empty() || name.split('/').any(|part| part.starts_with('.')) || name.ends_with('~') {
            continue;
        }
        if path.is_dir() {
            read_folder(root, &path, files)?;
        } else {
            let text = fs::read_to_string(&path).map_err(Failure::read(&path))?;
            files.insert(name, text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_over_the_embedded_files_or_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("lists")).unwrap();
        fs::write(folder.path().join("lists/vip.txt"), "13800000000").unwrap();
        fs::write(folder.path().join(".lists.swp"), [0xff, 0xfe]).unwrap();
        let names = |config: &Config| -> Vec<String> {
            sources(config).unwrap().into_iter().map(|file| file.name).collect()
        };
        let own = Some(folder.path().to_owned());
        assert_eq!(
            names(&Config { folder: own.clone(), alone: true, ..Config::default() }),
            ["lists/vip.txt"]
        );
        let shipped = names(&Config::default());
        assert!(!shipped.is_empty());
        assert_eq!(
            names(&Config { folder: own, alone: false, ..Config::default() }).len(),
            shipped.len() + 1
        );
        let name = shipped.first().unwrap().clone();
        if let Some(parent) = Path::new(&name).parent() {
            fs::create_dir_all(folder.path().join(parent)).unwrap();
        }
        fs::write(folder.path().join(&name), "# mine").unwrap();
        let config = Config { folder: Some(folder.path().to_owned()), alone: false, ..Config::default() };
        let file = sources(&config).unwrap().into_iter().find(|file| file.name == name).unwrap();
        assert_eq!(file.text, "# mine");
    }

    #[test]
    fn the_embedded_dialplans_are_without_mistake() {
        let prompts = crate::daemon::prompts::Prompts::load(None).unwrap();
        let (plan, _) = load(&Config::default(), &prompts.catalog).unwrap();
        assert!(!plan.agents().is_empty() && !plan.numbers().is_empty());
    }
}
