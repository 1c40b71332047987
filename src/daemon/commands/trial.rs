//! A call in the terminal: what is typed is done, what is heard is told, in virtual time.

use std::fs;
use std::io::{BufRead, Write};
use std::path::Path;

use crate::base::CallId;
use crate::cases::{self, Trial};
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::dialplan::{Diagnostic, SourceFile};

use super::routing;

/// Who calls, and who is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialOrder {
    pub dials: Option<String>,
    pub from: Option<String>,
    pub at: Option<String>,
    /// As `1001=answers`.
    pub people: Vec<String>,
}

const HELP: &str = "\
  1 or 12#       presses keys
  (nothing)      listens on, until something new is heard
  wait 30 s      lets time pass; also min, h
  speak 5 s      speaks after the tone
  answers WORD   who is asked urgently answers: now, call-back, delegate, message
  hold, resume   puts the hotline on hold, and takes it back
  hang up
  why            the way through the dialplan so far, and why the call came to whom it came to
  save FILE      the call as a test: added to the file
  quit
";

/// Reads what to do line by line to the end of the input, of the call, or to `quit`. `asks`: a person types.
///
/// # Errors
/// The dialplan, the prompts or what was ordered has mistakes; a terminal that cannot be written to.
pub fn trial(
    settings: &Settings,
    order: &TrialOrder,
    asks: bool,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    let (plan, _) = dialplans::load(&settings.dialplans, &prompts.catalog)?;
    let ordered = written(order);
    let file =
        SourceFile { name: "order".to_owned(), text: format!("[test.try]\n{ordered}within = \"24 h\"\n") };
    let cases = cases::read(&[file], &plan).map_err(|mistakes| {
        let shown: Vec<_> = mistakes.iter().map(Diagnostic::to_string).collect();
        Failure::Dialplan { diagnostics: shown.join("\n\n") }
    })?;
    let Some(case) = cases.first() else { return Ok(()) };
    let mut trial = Trial::new(&plan, case);
    let failed = || Failure::io("the terminal cannot be written to");
    tell(&mut trial, None, out).map_err(failed())?;
    while trial.is_under_way() {
        if asks {
            write!(out, "> ").and_then(|()| out.flush()).map_err(failed())?;
        }
        let mut line = String::new();
        if input.read_line(&mut line).map_err(Failure::io("the input cannot be read"))? == 0 {
            break;
        }
        match line.trim() {
            "quit" => break,
            "help" | "?" => write!(out, "{HELP}").map_err(failed())?,
            "why" => why(&trial, out).map_err(failed())?,
            other => match other.strip_prefix("save ") {
                Some(path) => save(&mut trial, &ordered, Path::new(path.trim()), out)?,
                None => match cases::deed(other) {
                    Some(wanted) => tell(&mut trial, wanted, out).map_err(failed())?,
                    None => writeln!(out, "`{other}` is nothing that can be done; `help` says what can")
                        .map_err(failed())?,
                },
            },
        }
    }
    if !trial.is_under_way() {
        writeln!(out, "The call is over.").map_err(failed())?;
    }
    // What was done up to the end may be kept as well.
    if asks && !trial.is_under_way() {
        write!(out, "save FILE, or nothing: ").and_then(|()| out.flush()).map_err(failed())?;
        let mut line = String::new();
        input.read_line(&mut line).map_err(Failure::io("the input cannot be read"))?;
        if let Some(path) = line.trim().strip_prefix("save ") {
            save(&mut trial, &ordered, Path::new(path.trim()), out)?;
        }
    }
    Ok(())
}

fn tell(trial: &mut Trial<'_>, wanted: Option<cases::Wanted>, out: &mut dyn Write) -> std::io::Result<()> {
    match trial.act(wanted) {
        Ok(story) => write!(out, "{story}"),
        Err(reason) => writeln!(out, "{reason}"),
    }
}

fn why(trial: &Trial<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let (stages, matches) = trial.why();
    for stage in &stages {
        writeln!(out, "  {:<8} {}", stage.kind.name(), stage.detail)?;
    }
    matches.iter().try_for_each(|one| write!(out, "{}", routing::told(CallId(1), one, " ")))
}

/// Beside what the file holds already.
fn save(trial: &mut Trial<'_>, ordered: &str, path: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let before = match fs::read_to_string(path) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::write(path)(error)),
    };
    let name =
        (1..).map(|number| format!("Tried {number}")).find(|name| !before.contains(&format!("\"{name}\"")));
    let name = name.unwrap_or_default();
    let gap = if before.is_empty() { "" } else { "\n" };
    let text = format!("{before}{gap}[test.\"{name}\"]\n{ordered}{}", trial.steps());
    fs::write(path, text).map_err(Failure::write(path))?;
    writeln!(out, "saved as \"{name}\"; give it a name that says what it tests")
        .map_err(Failure::io("the terminal cannot be written to"))
}

/// What was ordered, as the first lines of a test.
fn written(order: &TrialOrder) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = String::new();
    for (key, value) in [("dials", &order.dials), ("from", &order.from), ("at", &order.at)] {
        if let Some(value) = value {
            text.push_str(&format!("{key} = {}\n", quoted(value)));
        }
    }
    let people: Vec<_> = order
        .people
        .iter()
        .map(|person| person.split_once('=').unwrap_or((person, "answers")))
        .map(|(extension, does)| format!("{} = {}", quoted(extension), quoted(does)))
        .collect();
    if !people.is_empty() {
        text.push_str(&format!("people = {{ {} }}\n", people.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(order: &TrialOrder, lines: &str) -> String {
        let mut out = Vec::new();
        trial(&Settings::default(), order, false, &mut lines.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_call_is_made_by_hand_and_kept_as_a_test_that_passes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tried.toml");
        let order = TrialOrder { people: vec!["1001=answers".to_owned()], ..TrialOrder::default() };
        let lines = format!("\n\n1\n\n1\n\n\n\nwhy\nperhaps\nsave {}\nhang up\n", path.display());
        let told = typed(&order, &lines);
        assert!(told.contains("presses 1") && told.contains("talks with 1001"), "{told}");
        assert!(told.contains("queue consultation") && told.contains("offered to 1001"), "{told}");
        assert!(told.contains("`perhaps` is nothing") && told.contains("The call is over."), "{told}");
        let settings = Settings::default();
        let prompts = Prompts::load_at(settings.levels, None).unwrap();
        let (plan, _) = dialplans::load(&settings.dialplans, &prompts.catalog).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let file = SourceFile { name: "tried.toml".to_owned(), text: text.clone() };
        let kept = cases::read(&[file], &plan).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:?}"));
        let verdict = cases::run(&plan, &kept[0]);
        assert_eq!(verdict.fault, None, "{text}\n{}", verdict.story);
        assert!(text.contains("{ press = \"1\" }") && text.contains("{ talks = \"1001\" }"), "{text}");
    }

    #[test]
    fn a_wrong_order_is_told_as_a_dialplan_is() {
        let order = TrialOrder { people: vec!["9999=sleeps".to_owned()], ..TrialOrder::default() };
        let failed = trial(&Settings::default(), &order, false, &mut "".as_bytes(), &mut Vec::new());
        let told = failed.unwrap_err().to_string();
        assert!(told.contains("9999") && told.contains("sleeps"), "{told}");
    }
}
