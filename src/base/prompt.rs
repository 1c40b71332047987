//! The prompt catalogue: which recordings exist in which language, their texts and lengths. The samples
//! themselves are the media engine's business; the dialplan and the calls only ever name them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::RecordingId;

/// A language as BCP 47 names it (`zh-CN`, `en-US`). A third language needs only files.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Language(pub String);

impl Language {
    pub fn new(tag: &str) -> Self {
        Language(tag.to_owned())
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One recording of one prompt in one language: index into the [`Catalog`]. Ids stay valid for the life of
/// the catalogue that gave them; running calls keep theirs through a reload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromptId(pub u32);

impl fmt::Debug for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prompt{}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PromptInfo {
    /// `folder/name`, never renamed once a dialplan uses it.
    pub name: String,
    /// `None` for what has no language (hold music, the beep): folder `common`.
    pub language: Option<Language>,
    /// What the listener hears, for transcripts, tests and narrators. Empty where the manifest has none.
    pub text: String,
    pub duration: Duration,
}

/// What a leg hears, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Clip {
    Prompt(PromptId),
    Silence(Duration),
    /// A recording made earlier: a message played back.
    Recording(RecordingId),
}

/// Every prompt that can be played. Built once at start or reload, then shared and never changed.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    prompts: Vec<PromptInfo>,
    by_name: BTreeMap<String, BTreeMap<Option<Language>, PromptId>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogError {
    /// The same name twice in one language.
    Duplicate { name: String, language: Option<Language> },
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CatalogError::Duplicate { name, language: Some(language) } => {
                write!(f, "prompt {name} exists twice in {language}")
            }
            CatalogError::Duplicate { name, language: None } => write!(f, "prompt {name} exists twice"),
        }
    }
}

impl std::error::Error for CatalogError {}

impl Catalog {
    pub fn add(&mut self, info: PromptInfo) -> Result<PromptId, CatalogError> {
        let id = PromptId(self.prompts.len() as u32);
        let languages = self.by_name.entry(info.name.clone()).or_default();
        if languages.contains_key(&info.language) {
            return Err(CatalogError::Duplicate { name: info.name, language: info.language });
        }
        languages.insert(info.language.clone(), id);
        self.prompts.push(info);
        Ok(id)
    }

    /// From now on the name means this recording; who holds the former id still gets the former one.
    pub fn replace(&mut self, info: PromptInfo) -> PromptId {
        let id = PromptId(self.prompts.len() as u32);
        self.by_name.entry(info.name.clone()).or_default().insert(info.language.clone(), id);
        self.prompts.push(info);
        id
    }

    /// The name means nothing in this language any more; who holds its id still gets the recording.
    pub fn retire(&mut self, language: Option<&Language>, name: &str) {
        if let Some(languages) = self.by_name.get_mut(name) {
            languages.remove(&language.cloned());
            if languages.is_empty() {
                self.by_name.remove(name);
            }
        }
    }

    /// The prompt in this language, or the one that has no language.
    pub fn find(&self, language: &Language, name: &str) -> Option<PromptId> {
        let languages = self.by_name.get(name)?;
        languages.get(&Some(language.clone())).or_else(|| languages.get(&None)).copied()
    }

    pub fn get(&self, id: PromptId) -> Option<&PromptInfo> {
        self.prompts.get(id.0 as usize)
    }

    /// In the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (PromptId, &PromptInfo)> {
        self.prompts.iter().enumerate().map(|(at, info)| (PromptId(at as u32), info))
    }

    /// What a name means now, in the order of the names.
    pub fn named(&self) -> impl Iterator<Item = &PromptInfo> {
        self.by_name.values().flat_map(BTreeMap::values).filter_map(|id| self.get(*id))
    }

    /// Every name, once, in order: for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub fn languages(&self) -> Vec<Language> {
        let mut all: Vec<_> = self.prompts.iter().filter_map(|p| p.language.clone()).collect();
        all.sort();
        all.dedup();
        all
    }

    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }
}
