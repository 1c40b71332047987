//! The folder of faulty plans: what the checker says of each, to the letter. Its README says how to add one.

use std::collections::BTreeSet;
use std::sync::Arc;

use hotline::base::Wall;
use hotline::cases;
use hotline::dialplan::{Around, Diagnostic, SourceFile, examine};

use super::{catalog, folder, root, show};

const FOLDER: &str = "tests/dialplans/faulty";

/// Friday 2026-11-20 at 10:00 in Beijing.
const TODAY: Wall = Wall::from_micros(1_795_140_000_000_000);

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(root().join(FOLDER)).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The plan's files, and what is expected of it.
fn plan(name: &str) -> (Vec<SourceFile>, String) {
    let (expected, files): (Vec<_>, Vec<_>) =
        folder(&format!("{FOLDER}/{name}")).into_iter().partition(|file| file.name == "expected.txt");
    (files, expected.into_iter().next().map(|file| file.text).unwrap_or_default())
}

fn around() -> Around {
    Around { trunks: Some(vec!["carrier".to_owned()]), today: Some(TODAY) }
}

/// Everything that is told about a plan; and every call that shows a mistake has been made on the bench, too.
fn told(files: &[SourceFile]) -> Vec<Diagnostic> {
    let examined = examine(files, catalog(), &around());
    if let Some(plan) = examined.plan.map(Arc::new) {
        for witness in examined.diagnostics.iter().filter_map(|one| one.witness.as_ref()) {
            assert!(witness.is_true(&plan), "the interpreter does otherwise: {witness}");
            assert_ne!(cases::shows(&plan, witness), Some(false), "the bench does otherwise: {witness}");
        }
    }
    examined.diagnostics
}

#[test]
fn each_is_told_to_the_letter() {
    let names = names();
    assert!(names.len() >= 60, "{} plans", names.len());
    let rewrite = std::env::var_os("REWRITE_EXPECTED").is_some();
    let mut wrong = String::new();
    for name in &names {
        let (files, expected) = plan(name);
        let told = show(&told(&files));
        if rewrite {
            std::fs::write(root().join(FOLDER).join(name).join("expected.txt"), &told).unwrap();
        } else if told != expected {
            wrong.push_str(&format!("---- {name}:\n{told}"));
        } else if told.is_empty() {
            wrong.push_str(&format!("---- {name}: nothing is wrong with it\n"));
        }
    }
    assert!(wrong.is_empty(), "it went otherwise (REWRITE_EXPECTED=1 writes the files anew):\n{wrong}");
}

/// The faults that a caller feels: found, each at its line.
const FELT: [(&str, &str, u32); 14] = [
    ("a prompt that is missing", "prompt-missing", 5),
    ("a queue that is misspelt", "queue-misspelt", 5),
    ("a target that does not exist", "target-missing", 5),
    ("the same key twice", "key-twice", 9),
    ("a verb that is misspelt", "verb-misspelt", 5),
    ("a message box that nobody has", "box-missing", 5),
    ("an hour that no clock shows", "hour-impossible", 11),
    ("somebody who does not exist", "person-missing", 5),
    ("a menu that asks for ever when no key comes", "time-out-loop", 5),
    ("nowhere to go after wrong keys", "no-wrong-key-branch", 7),
    ("a circle that never ends", "circle", 5),
    ("a step that no call comes to", "step-unreached", 8),
    ("brackets that do not match", "unbalanced", 4),
    ("a flow that is missing", "flow-missing", 8),
];

#[test]
fn fourteen_of_fourteen_that_a_caller_feels() {
    let missed: Vec<_> = FELT
        .iter()
        .filter(|(_, name, line)| {
            let (files, _) = plan(name);
            !told(&files).iter().any(|one| &*one.file == "plan.toml" && one.line == *line)
        })
        .map(|(fault, name, _)| format!("{fault} ({name})"))
        .collect();
    assert_eq!(missed, Vec::<String>::new());
    assert_eq!(FELT.iter().map(|(_, name, _)| name).collect::<BTreeSet<_>>().len(), 14);
}

/// A plan that is refused by the proof shows why wherever a number leads there.
#[test]
fn a_dead_end_and_a_circle_come_with_a_call() {
    for name in
        ["dead-end-after-hours", "dead-end-behind-a-key", "dead-end-by-silence", "circle", "time-out-loop"]
    {
        let (files, _) = plan(name);
        let found = told(&files);
        assert!(found.iter().any(|one| one.witness.is_some()), "{name}:\n{}", show(&found));
    }
}
