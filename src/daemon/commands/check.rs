//! Dialplans on the bench: what is wrong with them, what may be written in them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::base::Masked;
use crate::cases;
use crate::daemon::boxes::Pin;
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::dialplan::{self, Around, Diagnostic, Journey, Plan, Reach, Severity, SourceFile};
use serde_json::json;

/// How what was found is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Text,
    /// One object: the plan's name, `null` where there is none; all diagnostics; how far each number is from a person.
    Json,
    /// SARIF 2.1.0 (OASIS), which build servers and editors show beside the lines.
    Sarif,
}

/// The house's rules, in a folder of dialplans.
const POLICY: &str = "policy.toml";

/// Loads prompts and dialplans as a start would; with `policy`, by these rules instead of the folder's. A summary with the warnings, or every mistake; and whether there is none.
///
/// # Errors
/// Settings, prompts or the folder itself cannot be read.
pub fn check(settings: &Settings, form: Checked, policy: Option<&Path>) -> Result<(String, bool), Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    let config = &settings.dialplans;
    let mut files = dialplans::sources(config)?;
    if let Some(path) = policy {
        let text = fs::read_to_string(path).map_err(Failure::read(path))?;
        files.retain(|file| file.name != POLICY);
        files.push(SourceFile { name: path.display().to_string(), text });
    }
    let now = crate::daemon::clock::now().wall;
    let around = Around { trunks: Some(config.trunks.clone()), today: Some(now) };
    let examined = dialplan::examine(&files, Arc::clone(&prompts.catalog), &around);
    let (plan, sound, mut found) = (examined.plan.map(Arc::new), examined.sound, examined.diagnostics);
    found.extend(prompts.doubts.iter().map(|(file, reason)| Diagnostic::of_file(file, reason.clone())));
    let journeys = plan.as_ref().map(|plan| dialplan::journeys(plan, now)).unwrap_or_default();
    let text = match form {
        Checked::Json => json(plan.as_ref().filter(|_| sound), &found, &journeys),
        Checked::Sarif => sarif(&found),
        Checked::Text => {
            let mut text: String =
                found.iter().map(|one| format!("{one}{}\n\n", shown(plan.as_ref(), one))).collect();
            text.extend(journeys.iter().map(far));
            if let Some(plan) = plan.as_ref().filter(|_| sound) {
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
    Ok((text, sound))
}

/// Whether the call that shows a mistake was made on the bench, and went so.
fn shown(plan: Option<&Arc<Plan>>, one: &Diagnostic) -> &'static str {
    let witness = one.witness.as_ref();
    match plan.zip(witness).map(|(plan, witness)| cases::shows(plan, witness)) {
        Some(Some(true)) => "\n  = note: made on the bench, the call goes so",
        Some(Some(false)) => "\n  = note: made on the bench, the call goes otherwise",
        Some(None) | None => "",
    }
}

/// How far it is from a number to a person, at worst.
fn far(journey: &Journey) -> String {
    let Journey { number, title, to, silent } = journey;
    let seconds = |reach: &Reach| reach.words.as_secs_f64().ceil();
    let mut text = if title.is_empty() { format!("{number}: ") } else { format!("{number} {title}: ") };
    match to.first() {
        Some(worst) => {
            let keys = to.iter().map(|reach| reach.keys).max().unwrap_or(0);
            let keys = match keys {
                0 => "no key".to_owned(),
                1 => "1 key".to_owned(),
                keys => format!("{keys} keys"),
            };
            let (whom, language) = (&worst.whom, &worst.language);
            text.push_str(&format!(
                "to a person by {keys} and {} s of words at most ({whom}, {language})",
                seconds(worst)
            ));
        }
        None => text.push_str("leads to no person"),
    }
    if let Some(silent) = silent {
        let (whom, language) = (&silent.whom, &silent.language);
        text.push_str(&format!(
            "; who presses nothing comes to {whom} within {} s ({language})",
            seconds(silent)
        ));
    }
    text.push('\n');
    text
}

fn json(plan: Option<&Arc<Plan>>, found: &[Diagnostic], journeys: &[Journey]) -> String {
    let reach = |reach: &Reach| {
        json!({
            "to": reach.whom, "keys": reach.keys, "seconds": reach.words.as_secs_f64(),
            "language": reach.language,
        })
    };
    let numbers: Vec<_> = journeys
        .iter()
        .map(|one| {
            let to: Vec<_> = one.to.iter().map(reach).collect();
            let silent = one.silent.as_ref().map(reach);
            json!({ "number": one.number, "title": one.title, "to": to, "silent": silent })
        })
        .collect();
    let diagnostics: Vec<_> = found
        .iter()
        .map(|one| {
            json!({
                "severity": one.severity, "reason": one.reason, "file": &*one.file, "line": one.line,
                "column": one.column, "source": one.source(), "help": one.help,
                "witness": one.witness.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    format!(
        "{}\n",
        json!({ "plan": plan.map(|plan| plan.name()), "diagnostics": diagnostics, "numbers": numbers })
    )
}

fn sarif(found: &[Diagnostic]) -> String {
    let results: Vec<_> = found
        .iter()
        .map(|one| {
            let level = if one.severity == Severity::Mistake { "error" } else { "warning" };
            let witness = one.witness.as_ref().map(ToString::to_string);
            let text: Vec<_> =
                std::iter::once(&one.reason).chain(&witness).chain(&one.help).map(String::as_str).collect();
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

    fn checked(form: Checked) -> (serde_json::Value, bool) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("the plan.toml"), "[queue.consultation]\nskils = [\"x\"]\n").unwrap();
        let mut settings = Settings::default();
        settings.dialplans.folder = Some(folder.path().to_owned());
        settings.dialplans.alone = true;
        let (text, sound) = check(&settings, form, None).unwrap();
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
            let (text, sound) = check(&Settings::default(), form, None).unwrap();
            assert!(sound && !text.contains("\"mistake\"") && !text.contains("\"error\""), "{text}");
        }
    }

    /// Whoever reads the summary knows how far it is to a person; a house's own rules may be stricter.
    #[test]
    fn a_sound_plan_says_how_far_it_is_and_keeps_to_the_rules_it_is_given() {
        let (text, _) = check(&Settings::default(), Checked::Text, None).unwrap();
        let far = text.lines().find(|line| line.starts_with("10000 ")).expect("the bank's number");
        assert!(far.contains("keys and ") && far.contains("who presses nothing comes to"), "{far}");
        let (told, _) = check(&Settings::default(), Checked::Json, None).unwrap();
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let all = told["numbers"].as_array().unwrap();
        let bank = all.iter().find(|one| one["number"] == "10000").expect("the bank's number");
        let card = bank["to"].as_array().unwrap().iter().find(|one| one["to"] == "queue lost-card");
        assert_eq!(card.expect("a lost card")["keys"], 2, "the language and the choice");
        let folder = tempfile::tempdir().unwrap();
        let strict = folder.path().join("strict.toml");
        fs::write(&strict, "[policy.time-to-person]\nmost = \"1 s\"\n").unwrap();
        let (text, sound) = check(&Settings::default(), Checked::Text, Some(&strict)).unwrap();
        assert!(!sound && text.contains("policy `time-to-person`") && text.contains("strict.toml"), "{text}");
        let lost = check(&Settings::default(), Checked::Text, Some(&folder.path().join("lost.toml")));
        assert!(lost.is_err(), "a file that is not there");
    }

    #[test]
    fn what_shows_a_mistake_was_made_on_the_bench() {
        let folder = tempfile::tempdir().unwrap();
        let plan =
            "[hotline]\nname = \"B\"\n[numbers]\n1 = \"main\"\n[[flow.main]]\nplay = \"greeting/welcome\"\n";
        fs::write(folder.path().join("plan.toml"), plan).unwrap();
        let mut settings = Settings::default();
        settings.dialplans.folder = Some(folder.path().to_owned());
        settings.dialplans.alone = true;
        let (text, sound) = check(&settings, Checked::Text, None).unwrap();
        assert!(!sound && text.contains("dials 1 on "), "{text}");
        assert!(text.contains("made on the bench, the call goes so"), "{text}");
    }
}
