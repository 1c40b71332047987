//! The dialplans that the simulated worlds run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hotline::base::{Catalog, PromptInfo};
use hotline::dialplan::{Manifest, Plan, SourceFile, load, prompt_name};

/// What is shipped, with so many more agents.
pub fn bank(agents: u32) -> Arc<Plan> {
    let mut files = shipped();
    files.push(hotline::sim::staff(agents));
    plan(&files, catalog())
}

/// The same with one place of its text written otherwise.
pub fn bank_with(agents: u32, old: &str, new: &str) -> Arc<Plan> {
    let mut files = shipped();
    assert!(files.iter().any(|file| file.text.contains(old)), "{old}");
    files.iter_mut().for_each(|file| file.text = file.text.replace(old, new));
    files.push(hotline::sim::staff(agents));
    plan(&files, catalog())
}

/// The same, and agents are told who it is before they are joined.
pub fn telling(agents: u32) -> Arc<Plan> {
    let mut files = shipped();
    for queue in ["consultation", "complaint", "vip"] {
        let table = format!("[queue.{queue}]\n");
        let told =
            format!("{table}whisper = [\"agent/call-consult\", \"agent/call-vip\"]\nwhisper_wait = true\n");
        files.iter_mut().for_each(|file| file.text = file.text.replace(&table, &told));
    }
    files.push(hotline::sim::staff(agents));
    plan(&files, catalog())
}

/// A small plan of the tests' own, with prompts of two seconds each (the music: 80): nobody's test changes when
/// somebody records over a prompt.
pub fn small(text: &str) -> Arc<Plan> {
    let mut even = Catalog::default();
    for (_, prompt) in catalog().iter() {
        let duration = Duration::from_secs(if prompt.name.ends_with("music") { 80 } else { 2 });
        even.add(PromptInfo { duration, ..prompt.clone() }).expect("no prompt twice");
    }
    plan(&[SourceFile { name: "small.toml".to_owned(), text: text.to_owned() }], Arc::new(even))
}

fn plan(files: &[SourceFile], catalog: Arc<Catalog>) -> Arc<Plan> {
    match load(files, catalog) {
        Ok((plan, _)) => Arc::new(plan),
        Err(mistakes) => {
            let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            panic!("the dialplan has mistakes:\n{}", all.join("\n"));
        }
    }
}

fn shipped() -> Vec<SourceFile> {
    let folder = root().join("dialplans");
    let mut names: Vec<PathBuf> =
        fs::read_dir(&folder).expect("dialplans/").map(|entry| entry.unwrap().path()).collect();
    // Beside the plan lie its own tests, in a folder.
    names.retain(|path| path.is_file());
    names.sort();
    let read = |path: PathBuf| SourceFile {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        text: fs::read_to_string(&path).expect("a dialplan is UTF-8"),
    };
    names.into_iter().filter(|path| path.is_file()).map(read).collect()
}

/// The recordings in `prompts/` with their texts and real lengths.
fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    let build = || {
        let mut files = Vec::new();
        let root = root().join("prompts");
        recordings(&root, &root, &mut files);
        files.sort();
        let manifest = fs::read_to_string(root.join("manifest.toml")).expect("the manifest");
        let manifest = Manifest::parse(&manifest).expect("the manifest");
        let mut catalog = Catalog::default();
        for (path, duration) in files {
            let (name, language) = prompt_name(&path).expect("a recording's path");
            let text = language.as_ref().map_or("", |language| manifest.text(&name, language)).to_owned();
            catalog.add(PromptInfo { name, language, text, duration }).expect("no prompt twice");
        }
        Arc::new(catalog)
    };
    CATALOG.get_or_init(build).clone()
}

fn recordings(root: &Path, folder: &Path, found: &mut Vec<(String, Duration)>) {
    for entry in fs::read_dir(folder).expect("prompts/") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recordings(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "wav") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.push((name, length(&fs::read(&path).unwrap())));
        }
    }
}

/// Of a PCM WAV file, by its headers: bytes a second, and bytes of data.
fn length(wav: &[u8]) -> Duration {
    let number = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap());
    let (mut at, mut rate) = (12, 1);
    while at + 8 <= wav.len() {
        let size = number(at + 4);
        match &wav[at..at + 4] {
            b"fmt " => rate = number(at + 16),
            b"data" => return Duration::from_secs_f64(f64::from(size) / f64::from(rate)),
            _ => {}
        }
        at += 8 + size as usize + (size % 2) as usize;
    }
    panic!("no data in a WAV file");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
