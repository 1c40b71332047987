//! A dialplan's own tests: what they find, what they say of themselves when they are wrong.

use std::sync::Arc;

use hotline::cases::{Coverage, Fault, listing, read, reference, run};
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
    let graph = plan.graph();
    let mut coverage = Coverage::new(&plan, &graph);
    coverage.add(&verdict);
    let missed = coverage.missed();
    let at_menu: Vec<_> =
        missed.iter().filter_map(|one| one.strip_prefix("main menu (small.toml:13): ")).collect();
    assert!(missed.iter().any(|step| step.starts_with("consult queue (small.toml:")), "{missed:?}");
    assert_eq!(at_menu, ["key 1 in zh-CN", "no key, asked again", "wrong key, asked again", "tries used up"]);
    assert!(!coverage.has_all_keys());
    assert!(coverage.to_string().contains("1 of 2 keys (50 %)"), "{coverage}");
    let listing = listing(&coverage, &[source("small.toml", PLAN)]);
    for line in [
        "     1    11  play = \"greeting/welcome\"",
        "     1    13  menu = \"main\"",
        "                not met: key 1 in zh-CN, no key, asked again, wrong key, asked again, tries used up",
        "######    16  1 = { say = \"topic/consult\", goto = \"consult\" }",
        "     1    17  2 = { say = \"topic/complaint\", goto = \"bye\" }",
        "######    20  queue = { to = \"consult\" }",
    ] {
        assert!(listing.lines().any(|one| one.trim_end() == line.trim_end()), "{line}\n{listing}");
    }
}

const DESKS: &str = r#"
[test."A desk's own call, and what is pressed there"]
desk = "1001"
dials = "*14"
people = { 1001 = { does = "away", reason = "break" } }
steps = ["topic/state-ready", { press = "1" }, "goodbye/please-hang-up"]
ends = "flow-ended"

[test."Another desk dials meanwhile"]
people = { 4001 = { does = "away", reason = "meeting" } }
steps = [
  "topic/extension",
  { press = "4" },
  { press = "4001#" },
  "topic/urgent",
  { press = "4" },
  { speak = "4 s" },
  "message/urgent-sent",
  { desk = "4001", dials = "*17", keys = "4" },
  "urgent/leave-message",
]

[test."A desk hears nothing of the kind"]
desk = "1001"
dials = "*13"
people = { 1001 = "answers" }
steps = [{ hears = "topic/state-ready", within = "20 s" }]
"#;

#[test]
fn desks_dial_their_codes() {
    let plan = plans::bank(0);
    let cases = read(&[source("tests/a.toml", DESKS)], &plan).unwrap_or_else(|wrong| panic!("{}", wrong[0]));
    let verdicts: Vec<_> = cases.iter().map(|case| run(&plan, case)).collect();
    assert_eq!(verdicts[0].fault, None, "{}", verdicts[0].story);
    assert_eq!(verdicts[1].fault, None, "{}", verdicts[1].story);
    assert!(
        verdicts[1].walks.iter().any(|walk| walk.desk && walk.dialled == "*17"),
        "{:?}",
        verdicts[1].walks
    );
    let reason = &verdicts[2].fault.as_ref().expect("it fails").reason;
    assert!(reason.contains("no `topic/state-ready`"), "{reason}");
    for (text, wrong) in [
        ("[test.a]\ndesk = \"9999\"", "nobody at the extension 9999"),
        ("[test.a]\ndials = \"*14\"", "callers cannot dial `*14`"),
        ("[test.a]\nsteps = [{ desk = \"1001\" }]", "`desk` needs `dials`"),
        ("[test.a]\nsteps = [{ press = \"1\", keys = \"2\" }]", "`keys` goes with `desk`"),
        ("[test.a]\nsteps = [{ desk = \"1001\", dials = \"*0\" }]", "desks cannot dial `*0`"),
    ] {
        let found = read(&[source("tests/a.toml", text)], &plan).expect_err("a mistake");
        assert!(found.iter().any(|one| one.reason.contains(wrong)), "{wrong}: {found:?}");
    }
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
    let graph = plan.graph();
    let mut coverage = Coverage::new(&plan, &graph);
    for case in &cases {
        let verdict = run(&plan, case);
        assert!(verdict.fault.is_none(), "{}: {:?}\n{}", case.name, verdict.fault, verdict.story);
        coverage.add(&verdict);
    }
    // Every key, in each language in which it can be pressed.
    assert!(coverage.has_all_keys(), "{:#?}", coverage.missed());
    assert_eq!(coverage.traffic().strangers(), 0);
}
