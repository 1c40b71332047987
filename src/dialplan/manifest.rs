//! The texts of the prompts: `manifest.toml` beside the recordings.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::Language;

/// What the listener hears, by prompt and language.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Manifest {
    texts: BTreeMap<String, BTreeMap<Language, String>>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    prompt: Vec<Row>,
}

/// The manifest has more, for the renderer; here only the texts count.
#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(default)]
    text_zh: String,
    #[serde(default)]
    text_en: String,
    /// Further languages, by tag.
    #[serde(default)]
    text: BTreeMap<String, String>,
}

impl Manifest {
    /// The reason where `text` is no manifest.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut manifest = Manifest::default();
        manifest.add(text)?;
        Ok(manifest)
    }

    /// Lays another manifest over this one: what it says again holds. The reason where `text` is none; then
    /// nothing has changed.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut added: BTreeMap<String, BTreeMap<Language, String>> = BTreeMap::new();
        for row in file.prompt {
            let mut written = row.text;
            written.insert("zh-CN".to_owned(), row.text_zh);
            written.insert("en-US".to_owned(), row.text_en);
            written.retain(|_, text| !text.is_empty());
            let by_language = written.into_iter().map(|(tag, text)| (Language(tag), text)).collect();
            if added.insert(row.id.clone(), by_language).is_some() {
                return Err(format!("prompt {} is there twice", row.id));
            }
        }
        for (name, texts) in added {
            self.texts.entry(name).or_default().extend(texts);
        }
        Ok(())
    }

    /// Empty where the manifest has none.
    pub fn text(&self, name: &str, language: &Language) -> &str {
        self.texts.get(name).and_then(|t| t.get(language)).map_or("", String::as_str)
    }

    /// Every prompt with its texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeMap<Language, String>)> {
        self.texts.iter().map(|(name, texts)| (name.as_str(), texts))
    }
}

/// Name and language of a recording by its path inside the folder of prompts: `zh-CN/menu/press-1.wav` is
/// `menu/press-1` in zh-CN, `common/beep.wav` is `common/beep` in none. `None`: not a recording.
pub fn prompt_name(path: &str) -> Option<(String, Option<Language>)> {
    let stem = path.strip_suffix(".wav")?;
    let (folder, name) = stem.split_once('/')?;
    if folder == "common" {
        return Some((stem.to_owned(), None));
    }
    name.contains('/').then(|| (name.to_owned(), Some(Language::new(folder))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_by_language() {
        let manifest = Manifest::parse(
            "[[prompt]]\nid = \"a/b\"\ntext_zh = \"好\"\ntext_en = \"good\"\nsay_en = \"x\"\n\
             [[prompt]]\nid = \"a/c\"\ntext_zh = \"的\"\ntext = { fr-FR = \"bon\" }\n",
        )
        .unwrap();
        assert_eq!(manifest.text("a/b", &Language::new("en-US")), "good");
        assert_eq!(manifest.text("a/c", &Language::new("en-US")), "");
        assert_eq!(manifest.text("a/c", &Language::new("fr-FR")), "bon");
        assert_eq!(manifest.iter().count(), 2);
        assert!(Manifest::parse("[[prompt]]\nid = \"a\"\n[[prompt]]\nid = \"a\"\n").is_err());
    }

    #[test]
    fn names_by_path() {
        let name = |path| prompt_name(path).map(|(name, language)| (name, language.map(|l| l.0)));
        assert_eq!(name("zh-CN/menu/press-1.wav"), Some(("menu/press-1".into(), Some("zh-CN".into()))));
        assert_eq!(name("common/beep.wav"), Some(("common/beep".into(), None)));
        assert_eq!([name("zh-CN/x.wav"), name("readme.md"), name("x.wav")], [None, None, None]);
    }
}
