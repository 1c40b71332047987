//! Dialplans on the bench: what is wrong with them, what may be written in them.

use std::sync::Arc;

use crate::base::Masked;
use crate::daemon::boxes::Pin;
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::dialplan::{self, Diagnostic, Plan, Severity, SourceFile};
use serde_json::json;

/// How what was found is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Text,
    /// One object: the plan's name, `null` where there is none, and all diagnostics.
    Json,
    /// SARIF 2.1.0 (OASIS), which build servers and editors show beside the lines.
    Sarif,
}

/// Loads prompts and dialplans as a start would. A summary with the warnings, or every mistake; and whether there is none.
///
/// # Errors
/// Settings, prompts or the folder itself cannot be read.
pub fn check(settings: &Settings, form: Checked) -> Result<(String, bool), Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    let config = &settings.dialplans;
    let files = dialplans::sources(config)?;
    let loaded = dialplan::load_beside(&files, Arc::clone(&prompts.catalog), Some(config.trunks.clone()));
    let (plan, found) = match loaded {
        Ok((plan, warnings)) => (Some(plan), warnings),
        Err(mistakes) => (None, mistakes),
    };
    let text = match form {
        Checked::Json => json(plan.as_ref(), &found),
        Checked::Sarif => sarif(&found),
        Checked::Text => {
            let mut text: String = found.iter().map(|one| format!("{one}\n\n")).collect();
            if let Some(plan) = &plan {
                text.push_str(&format!(
                    "{}: {} numbers, {} queues, {} agents, {} prompts: no mistakes\n",
                    plan.name(),
                    plan.numbers().len(),
                    plan.queues().len(),
                    plan.agents().len(),
                    prompts.catalog.len(),
                ));
            }
            text
        }
    };
    Ok((text, plan.is_some()))
}

fn json(plan: Option<&Plan>, found: &[Diagnostic]) -> String {
    let diagnostics: Vec<_> = found
        .iter()
        .map(|one| {
            json!({
                "severity": one.severity, "reason": one.reason, "file": &*one.file, "line": one.line,
                "column": one.column, "source": one.source(), "help": one.help,
            })
        })
        .collect();
    format!("{}\n", json!({ "plan": plan.map(Plan::name), "diagnostics": diagnostics }))
}

fn sarif(found: &[Diagnostic]) -> String {
    let results: Vec<_> = found
        .iter()
        .map(|one| {
            let level = if one.severity == Severity::Mistake { "error" } else { "warning" };
            let text: Vec<_> = std::iter::once(&one.reason).chain(&one.help).map(String::as_str).collect();
            let mut place =
                json!({ "artifactLocation": { "uri": uri(&one.file), "uriBaseId": "DIALPLANS" } });
            if one.line > 0 {
                place["region"] = json!({ "startLine": one.line, "startColumn": one.column.max(1) });
            }
            json!({
                "level": level, "message": { "text": text.join("; ") },
                "locations": [{ "physicalLocation": place }],
            })
        })
        .collect();
    let driver = json!({ "name": "hotline", "version": env!("CARGO_PKG_VERSION") });
    // Columns are characters here; SARIF counts UTF-16 code units where nothing else is said (§3.14.17).
    let run = json!({ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results });
    let schema = "https://json.schemastore.org/sarif-2.1.0.json";
    format!("{}\n", json!({ "$schema": schema, "version": "2.1.0", "runs": [run] }))
}

/// A path as a relative reference (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for octet in path.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(octet))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

/// The plan that a start would take, with one more file: for a rehearsal.
pub fn plan_with(settings: &Settings, extra: SourceFile) -> Result<Arc<Plan>, Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    Ok(dialplans::load_with(&settings.dialplans, Some(extra), &prompts.catalog)?.0)
}

/// Reads a PIN from standard input; what `mailbox_pin` of an account has to say.
pub fn pin() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(Failure::io("the PIN cannot be read"))?;
    let hash = Pin::hashed(&Masked::new(line.trim().to_owned()))?;
    Ok(format!("{hash}\n"))
}

/// Everything that may be written in a dialplan.
pub fn reference() -> String {
    dialplan::reference()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn checked(form: Checked) -> (serde_json::Value, bool) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("the plan.toml"), "[queue.consultation]\nskils = [\"x\"]\n").unwrap();
        let mut settings = Settings::default();
        settings.dialplans.folder = Some(folder.path().to_owned());
        settings.dialplans.alone = true;
        let (text, sound) = check(&settings, form).unwrap();
        (serde_json::from_str(&text).unwrap(), sound)
    }

    #[test]
    fn what_programs_read_says_where_and_why() {
        let (told, sound) = checked(Checked::Json);
        let all = told["diagnostics"].as_array().unwrap();
        let one = all.iter().find(|one| one["line"] == 2).expect("the misspelt field");
        assert!(!sound && told["plan"].is_null());
        assert_eq!(
            (&one["severity"], &one["file"], &one["column"]),
            (&json!("mistake"), &json!("the plan.toml"), &json!(1))
        );
        assert!(one["reason"].as_str().unwrap().contains("skils"), "{one}");
        assert!(one["help"][0].as_str().unwrap().contains("skills"), "{one}");
        let (told, _) = checked(Checked::Sarif);
        let results = told["runs"][0]["results"].as_array().unwrap();
        assert_eq!((results.len(), &told["version"]), (all.len(), &json!("2.1.0")));
        let place = |one: &serde_json::Value| one["locations"][0]["physicalLocation"].clone();
        let one =
            results.iter().map(place).find(|place| place["region"]["startLine"] == 2).expect("the same");
        assert_eq!(one["artifactLocation"]["uri"], "the%20plan.toml");
    }

    #[test]
    fn a_sound_plan_has_no_mistakes_in_any_form() {
        for form in [Checked::Text, Checked::Json, Checked::Sarif] {
            let (text, sound) = check(&Settings::default(), form).unwrap();
            assert!(sound && !text.contains("\"mistake\"") && !text.contains("\"error\""), "{text}");
        }
    }
}
