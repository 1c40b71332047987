//! A dialplan's own tests: what they find, what they say of themselves when they are wrong.

use std::sync::Arc;

use hotline::cases::{Coverage, Fault, read, reference, run};
use hotline::dialplan::{Diagnostic, Plan, SourceFile};

use super::plans;

const PLAN: &str = r#"
[hotline]
name = "Test"
languages = ["zh-CN"]
operator = "consult"

[numbers]
10000 = { flow = "main" }

[[flow.main]]
play = "greeting/welcome"
[[flow.main]]
menu = "main"

[menu.main.keys]
1 = { say = "topic/consult", goto = "consult" }
2 = { say = "topic/complaint", goto = "bye" }

[[flow.consult]]
queue = { to = "consult" }

[[flow.bye]]
hang_up = {}

[skill.consult]

[queue.consult]
skills = { consult = 1 }
position = false
record = false
ring = "15 s"

[agent.1001]
skills = { consult = 5 }
ready = true

[agent.1002]
skills = { consult = 4 }
"#;

fn plan() -> Arc<Plan> {
    plans::small(PLAN)
}

fn source(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

/// The fault of the only case in this text.
fn fault(text: &str) -> Option<Fault> {
    let plan = plan();
    let cases =
        read(&[source("tests/a.toml", text)], &plan).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    assert_eq!(cases.len(), 1);
    run(&plan, &cases[0]).fault
}

fn mistakes(text: &str) -> Vec<String> {
    let found = read(&[source("tests/a.toml", text)], &plan()).err().unwrap_or_default();
    found.iter().map(|one| format!("{}:{} {}", one.line, one.column, one.reason)).collect()
}

#[test]
fn a_call_that_comes_as_written_has_no_fault() {
    let text = r#"
[test."served"]
people = { 1001 = "no-answer", 1002 = { does = "answers", talks = "1 min" } }
steps = [
  "greeting/welcome",
  { hears = "业务咨询" },
  { press = "1" },
  { talks = "1002", within = "40 s" },
  { wait = "30 s" },
]
ends = "agent-hung-up"
queue = "consult"
outcome = "served"
served_by = "1002"
language = "zh-CN"
keys = 1
never = "error/invalid-key"
"#;
    assert_eq!(fault(text), None);
}

#[test]
fn each_expectation_can_fail() {
    let call = |rest: &str| {
        fault(&format!(
            "[test.a]\npeople = {{ 1001 = \"answers\" }}\nsteps = [{{ hears = \"topic/consult\" }}, {{ press = \"1\" }}, \
             {{ talks = \"1001\" }}]\n{rest}"
        ))
    };
    assert_eq!(call(""), None);
    for (rest, says) in [
        ("outcome = \"abandoned\"", "`outcome` is `abandoned`, and was `served`"),
        ("served_by = \"1002\"", "`served_by` is `1002`, and was `1001`"),
        ("message = \"desk\"", "`message` is `desk`, and was none"),
        ("keys = 0", "`keys` is 0, and 1 were pressed"),
        ("never = \"greeting/welcome\"", "`greeting/welcome` was heard"),
        ("ends = \"flow-ended\"\nwithin = \"1 min\"", "the call did not end by itself"),
    ] {
        assert_eq!(call(rest), Some(Fault { step: None, reason: says.to_owned() }), "{rest}");
    }
}

#[test]
fn each_step_can_fail() {
    let call =
        |step: &str| fault(&format!("[test.a]\nsteps = [\"greeting/welcome\", {step}]\nwithin = \"20 s\""));
    let at = |step: usize, reason: &str| Some(Fault { step: Some(step), reason: reason.to_owned() });
    assert_eq!(
        call("{ hears = \"greeting/welcome\" }"),
        at(1, "no `greeting/welcome` until 20.0 s after dialling")
    );
    assert_eq!(
        call("{ hears = \"topic/consult\", within = \"1 s\" }"),
        at(1, "no `topic/consult` until 1.0 s after dialling")
    );
    assert_eq!(call("{ talks = \"\" }"), at(1, "no somebody on the line until 20.0 s after dialling"));
    assert_eq!(call("{ wait = \"30 s\" }"), at(1, "the call takes longer than `within`"));
    assert_eq!(
        call("\"topic/complaint\", { press = \"2\" }, { wait = \"30 s\" }"),
        at(3, "the call was over before")
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = r#"
[test.a]
dials = "10001"
people = { 1003 = "answers", 1001 = { does = "busy", after = "2 s" } }
steps = [{ hears = "topic/consul" }, { press = "1x" }, { press = "1", within = "2 s" }, {}]
queue = "consul"
outcome = "servd"
ends = "flow"
at = "yesterday"
kees = 2
[tests.b]
"#;
    assert_eq!(
        mistakes(text),
        [
            "3:9 callers cannot dial `10001`",
            "4:12 the dialplan has nobody at the extension 1003",
            "4:62 only who answers has a field `after`",
            "5:20 no prompt is called `topic/consul`, and none says so",
            "5:48 keys are 0 to 9, * and #",
            "5:80 `within` goes with `hears` and `talks`, not with `press`",
            "6:9 the dialplan has no queue `consul`",
            "7:11 `outcome` is one of served, abandoned, left-by-key, max-wait, full, nobody-signed-on, closed",
            "8:8 `ends` is one of flow-ended, agent-hung-up, caller-hung-up, no-audio, refused",
            "9:6 `at` is a date and a time",
            "10:1 `test.<name>` has no field `kees`",
            "11:2 a file of tests has no table `tests`",
        ]
    );
}

#[test]
fn a_story_and_the_steps_met_are_told() {
    let plan = plan();
    let text = "[test.a]\nsteps = [\"topic/complaint\", { press = \"2\" }]\nends = \"flow-ended\"";
    let cases = read(&[source("tests/a.toml", text)], &plan).unwrap();
    let verdict = run(&plan, &cases[0]);
    assert_eq!(verdict.fault, None);
    let told = verdict.story.to_string();
    for line in ["0.0 s  dials 10000", "0.0 s  hears greeting/welcome", "2.6 s  presses 2"] {
        assert!(told.contains(line), "{told}");
    }
    let mut coverage = Coverage::new(&plan);
    coverage.add(&verdict);
    let missed: Vec<_> = coverage.missed().collect();
    assert!(missed.iter().any(|step| step.starts_with("consult queue (small.toml:")), "{missed:?}");
    assert!(!missed.iter().any(|step| step.starts_with("main menu")), "{missed:?}");
}

#[test]
fn the_examples_of_the_reference_can_be_read() {
    let reference = reference();
    let examples: Vec<_> =
        reference.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        // They speak of the shipped plan; only what does not depend on a plan is looked at here.
        let found = read(&[source("tests/a.toml", example)], &plan()).err().unwrap_or_default();
        let depends =
            |one: &&Diagnostic| !["no prompt", "no queue"].iter().any(|part| one.reason.contains(part));
        let odd: Vec<_> = found.iter().filter(depends).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
}

#[test]
fn the_shipped_dialplan_passes_its_own_tests() {
    let plan = plans::bank(0);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dialplans/tests");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| source(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let cases = read(&files, &plan).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    assert!(cases.len() >= 15);
    for case in &cases {
        let verdict = run(&plan, case);
        assert!(verdict.fault.is_none(), "{}: {:?}\n{}", case.name, verdict.fault, verdict.story);
    }
}
