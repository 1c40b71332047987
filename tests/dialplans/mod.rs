//! Dialplans as an administrator and a caller meet them: the shipped plan, wrong plans, walks through flows.

mod callback_at;
mod changes;
mod faulty;
mod files;
mod flow;
mod mistakes;
mod persons;
mod proof;
mod queues;
mod reference;
mod shipped;
mod verbs;
mod walk;
mod when;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hotline::base::{Catalog, PromptInfo};
use hotline::dialplan::{Diagnostic, Manifest, Plan, SourceFile, load, prompt_name};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under a folder, by its path inside it.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let inside = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                all.insert(inside, path);
            }
        }
    }
    all
}

/// The shipped recordings with their texts and lengths.
fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    let build = || {
        let folder = root().join("prompts");
        let manifest =
            Manifest::parse(&std::fs::read_to_string(folder.join("manifest.toml")).unwrap()).unwrap();
        let mut catalog = Catalog::default();
        for (inside, path) in files(&folder) {
            let Some((name, language)) = prompt_name(&inside) else { continue };
            let text = language.as_ref().map_or("", |l| manifest.text(&name, l)).to_owned();
            catalog.add(PromptInfo { name, language, text, duration: length(&path) }).unwrap();
        }
        Arc::new(catalog)
    };
    CATALOG.get_or_init(build).clone()
}

/// From the header of a WAV file: bytes of sound over bytes a second.
fn length(path: &Path) -> Duration {
    let bytes = std::fs::read(path).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((&bytes[..4], &bytes[8..12]), (&b"RIFF"[..], &b"WAVE"[..]), "{}", path.display());
    let (mut at, mut rate) = (12, 0);
    while &bytes[at..at + 4] != b"data" {
        if &bytes[at..at + 4] == b"fmt " {
            rate = word(at + 16);
        }
        at += 8 + word(at + 4) as usize;
    }
    Duration::from_secs_f64(f64::from(word(at + 4)) / f64::from(rate))
}

/// The plan; its own tests, in a folder of theirs, are no part of it.
fn shipped() -> Vec<SourceFile> {
    folder("dialplans").into_iter().filter(|file| !file.name.starts_with("tests/")).collect()
}

/// The files of a folder of the project.
fn folder(inside: &str) -> Vec<SourceFile> {
    let read =
        |(name, path): (String, PathBuf)| SourceFile { name, text: std::fs::read_to_string(path).unwrap() };
    files(&root().join(inside)).into_iter().map(read).collect()
}

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

/// What an example or a test leaves out, so that it is a plan.
const HOUSE: &str = r#"
[calendar.service]
open = { mon-fri = "09:00-18:00" }
[skill.consultation]
[queue.consultation]
skills = { consultation = 1 }
[agent.1001]
skills = { consultation = 5 }
ready = true
[agent.4001]
name = "王经理"
mailbox = true
[list.vip]
entries = ["13800138000"]
"#;

const HOTLINE: &str = "[hotline]\nname = \"Test\"\nlanguages = [\"zh-CN\", \"en-US\"]\n";

/// A plan of one file, and the house; no operator.
fn plan_of(text: &str) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    load(&[file("test.toml", text), file("house.toml", HOUSE), file("hotline.toml", HOTLINE)], catalog())
}

fn show(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|d| format!("{d}\n")).collect()
}
