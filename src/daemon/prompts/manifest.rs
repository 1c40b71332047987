//! The texts of the prompts: what each says in each language.

use std::collections::BTreeMap;

use crate::base::Language;

/// `[[prompt]]` tables with an `id` and a `text_…` for each language, by its primary subtag (`text_zh`).
/// What else a table holds is for whoever makes the recordings.
#[derive(Default)]
pub struct Manifest {
    /// By prompt, then by primary subtag.
    texts: BTreeMap<String, BTreeMap<String, String>>,
}

impl Manifest {
    /// Later files add to earlier ones and replace what they say again. A file is its name and its text.
    pub fn read_all(files: &[(String, String)], mistakes: &mut Vec<String>) -> Manifest {
        let mut manifest = Manifest::default();
        for (file, text) in files {
            if let Err(reason) = manifest.read(text) {
                mistakes.push(format!("the manifest {file} cannot be used: {reason}"));
            }
        }
        manifest
    }

    fn read(&mut self, text: &str) -> Result<(), String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let prompts = table.get("prompt").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        for (at, prompt) in prompts.iter().enumerate() {
            let prompt = prompt.as_table().ok_or("prompt is not a list of tables")?;
            let id = prompt.get("id").and_then(toml::Value::as_str);
            let id = id.ok_or_else(|| format!("prompt {} has no id", at + 1))?;
            let texts = self.texts.entry(id.to_owned()).or_default();
            for (key, value) in prompt {
                if let (Some(subtag), Some(text)) = (key.strip_prefix("text_"), value.as_str()) {
                    texts.insert(subtag.to_owned(), text.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Each prompt in each of the languages that has a text for it.
    pub fn promised<'a>(
        &'a self,
        languages: &'a [Language],
    ) -> impl Iterator<Item = (Language, String)> + 'a {
        self.texts.iter().flat_map(move |(name, texts)| {
            let spoken = languages.iter().filter(|language| texts.contains_key(subtag(language)));
            spoken.map(|language| (language.clone(), name.clone()))
        })
    }

    /// Empty where there is none.
    pub fn text(&self, language: Option<&Language>, name: &str) -> &str {
        let texts = self.texts.get(name);
        texts.zip(language).and_then(|(texts, l)| texts.get(subtag(l))).map_or("", String::as_str)
    }
}

/// `zh` of `zh-CN`.
fn subtag(language: &Language) -> &str {
    language.0.split('-').next().unwrap_or_default()
}
