//! The recordings that callers hear: embedded in the program, overlaid by a folder, checked before anything
//! starts, encoded once.
//!
//! ```text
//! manifest.toml            [[prompt]] id = "folder/name", text_zh = "…", text_en = "…"
//! common/NAME.wav          what has no language: the prompt common/NAME
//! LANGUAGE/FOLDER/NAME.wav the prompt FOLDER/NAME in that language
//! ```
//!
//! A text in the manifest promises a recording: one that is missing, unreadable or clipped stops the start.

mod loudness;
mod wav;

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use include_dir::{Dir, include_dir};

use crate::base::{Catalog, Language, PromptInfo};
use crate::dialplan::{Manifest, prompt_name};
use crate::media::Library;

use super::failure::Failure;

pub use loudness::Levels;
pub use wav::{Sound, WavError, decode};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/prompts");
const MANIFEST: &str = "manifest.toml";

/// All prompts, twice: by name and text for plans, as sound for the media engines. The ids are the same.
#[derive(Clone)]
pub struct Prompts {
    pub catalog: Arc<Catalog>,
    pub library: Arc<Library>,
    /// What a person should listen to: recordings by file, each with the reason.
    pub doubts: Vec<(String, String)>,
    /// What each name sounded like when it was loaded, to find what changed.
    sounds: BTreeMap<Key, u64>,
}

/// A prompt in one language, or in none.
type Key = (Option<Language>, String);

impl Prompts {
    /// Everything embedded, with what lies in `overlay` in its place. All mistakes at once.
    pub fn load(overlay: Option<&Path>) -> Result<Prompts, Failure> {
        Prompts::load_at(Levels::default(), overlay)
    }

    /// The same, as loud as the settings say.
    pub fn load_at(levels: Levels, overlay: Option<&Path>) -> Result<Prompts, Failure> {
        let (catalog, library) = (Arc::default(), Arc::default());
        let empty = Prompts { catalog, library, doubts: Vec::new(), sounds: BTreeMap::new() };
        empty.reload(levels, overlay)
    }

    /// The same again, for a running exchange: ids that were given keep their sound for as long as the
    /// process lives, a changed recording gets a new id, a removed one loses its name.
    pub fn reload(&self, levels: Levels, overlay: Option<&Path>) -> Result<Prompts, Failure> {
        let mut files = Files::embedded();
        if let Some(folder) = overlay {
            files.lay_over(folder)?;
        }
        self.renew(levels, &files)
    }

    fn renew(&self, levels: Levels, files: &Files) -> Result<Prompts, Failure> {
        let mut mistakes = Vec::new();
        let mut texts = Manifest::default();
        for (file, text) in &files.manifests {
            if let Err(reason) = texts.add(text) {
                mistakes.push(format!("the manifest {file} cannot be used: {reason}"));
            }
        }
        let spoken = files.languages();
        for (name, by_language) in texts.iter() {
            for language in by_language.keys().filter(|language| spoken.contains(language)) {
                let key = (Some(language.clone()), name.to_owned());
                if !files.sounds.contains_key(&key) {
                    mistakes
                        .push(format!("the prompt {name} has a text but no recording: {}", path_of(&key)));
                }
            }
        }
        let mut catalog = Catalog::clone(&self.catalog);
        let mut library = Library::clone(&self.library);
        let mut sounds = BTreeMap::new();
        let mut doubts = Vec::new();
        for (key, file) in &files.sounds {
            let added = file.read().and_then(|bytes| {
                let print = fingerprint(&bytes, levels);
                sounds.insert(key.clone(), print);
                if self.sounds.get(key) == Some(&print) {
                    let file = file.name();
                    doubts.extend(self.doubts.iter().filter(|(of, _)| *of == file).cloned());
                    return Ok(());
                }
                let mut sound = decode(&bytes).map_err(|error| error.to_string())?;
                if key.0.is_some() {
                    doubts.extend(doubt(&sound).map(|reason| (file.name(), reason)));
                }
                levels.apply(&key.1, key.0.is_some(), &mut sound.samples, sound.rate);
                let text = key.0.as_ref().map_or("", |language| texts.text(&key.1, language));
                add(&mut catalog, &mut library, key, &sound, text)
            });
            if let Err(reason) = added {
                mistakes.push(format!("the recording {} {reason}", file.name()));
            }
        }
        for (language, name) in self.sounds.keys().filter(|key| !files.sounds.contains_key(key)) {
            catalog.retire(language.as_ref(), name);
        }
        if !mistakes.is_empty() {
            return Err(Failure::Prompts { mistakes: mistakes.join("\n") });
        }
        Ok(Prompts { catalog: Arc::new(catalog), library: Arc::new(library), doubts, sounds })
    }
}

/// Callers listen to nothing longer that is spoken.
const LONGEST_WORDS: Duration = Duration::from_secs(20);

/// What makes one wonder about something spoken.
fn doubt(sound: &Sound) -> Option<String> {
    let length = length(sound);
    if loudness::active_level(&sound.samples, sound.rate).is_none() {
        return Some("this recording is silent".to_owned());
    }
    (length > LONGEST_WORDS).then(|| {
        format!(
            "this recording takes {:.1} s: callers listen to {} s at most",
            length.as_secs_f64(),
            LONGEST_WORDS.as_secs()
        )
    })
}

fn length(sound: &Sound) -> Duration {
    Duration::from_secs_f64(sound.samples.len() as f64 / f64::from(sound.rate.max(1)))
}

/// One more prompt at the end of both: the ids must agree.
fn add(
    catalog: &mut Catalog,
    library: &mut Library,
    key: &Key,
    sound: &Sound,
    text: &str,
) -> Result<(), String> {
    let duration = length(sound);
    let encoded = library.add(&sound.samples, sound.rate).map_err(|error| error.to_string())?;
    let (language, name) = key.clone();
    let listed = catalog.replace(PromptInfo { name, language, text: text.to_owned(), duration });
    debug_assert_eq!(encoded, listed, "catalogue and library number alike");
    Ok(())
}

fn fingerprint(bytes: &[u8], levels: Levels) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    [levels.speech, levels.music].map(f64::to_bits).hash(&mut hasher);
    hasher.finish()
}

/// Where the recording of a prompt belongs.
fn path_of((language, name): &Key) -> String {
    match language {
        Some(language) => format!("{language}/{name}.wav"),
        None => format!("{name}.wav"),
    }
}

/// What there is to read, not yet read.
#[derive(Default)]
struct Files {
    /// In order: what a later one says of a prompt holds.
    manifests: Vec<(String, String)>,
    sounds: BTreeMap<Key, File>,
}

enum File {
    Embedded { path: &'static str, bytes: &'static [u8] },
    Disk(PathBuf),
}

impl File {
    fn read(&self) -> Result<std::borrow::Cow<'static, [u8]>, String> {
        match self {
            File::Embedded { bytes, .. } => Ok((*bytes).into()),
            File::Disk(path) => fs::read(path).map(Into::into).map_err(|e| format!("cannot be read: {e}")),
        }
    }

    fn name(&self) -> String {
        match self {
            File::Embedded { path, .. } => format!("{path} (embedded)"),
            File::Disk(path) => path.display().to_string(),
        }
    }
}

impl Files {
    fn embedded() -> Files {
        let mut files = Files::default();
        let mut folders = vec![&EMBEDDED];
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for file in folder.files() {
                let Some(path) = file.path().to_str() else { continue };
                if path == MANIFEST {
                    let text = file.contents_utf8().unwrap_or_default().to_owned();
                    files.manifests.push((path.to_owned(), text));
                } else if let Some(key) = key_of(path) {
                    files.sounds.insert(key, File::Embedded { path, bytes: file.contents() });
                }
            }
        }
        files
    }

    fn lay_over(&mut self, root: &Path) -> Result<(), Failure> {
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(Failure::read(&folder))? {
                let path = entry.map_err(Failure::read(&folder))?.path();
                let inside =
                    path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default().to_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if inside == MANIFEST {
                    let text = fs::read_to_string(&path).map_err(Failure::read(&path))?;
                    self.manifests.push((path.display().to_string(), text));
                } else if let Some(key) = key_of(&inside) {
                    self.sounds.insert(key, File::Disk(path));
                }
            }
        }
        Ok(())
    }

    fn languages(&self) -> Vec<Language> {
        let mut all: Vec<_> = self.sounds.keys().filter_map(|(language, _)| language.clone()).collect();
        all.dedup();
        all
    }
}

/// The prompt that a file's path names; `None` for what is no recording.
fn key_of(path: &str) -> Option<Key> {
    prompt_name(path).map(|(name, language)| (language, name))
}

#[cfg(test)]
mod tests;
