//! Wrong data, and what only several files can do wrong.

use std::sync::Arc;

use hotline::base::Catalog;
use hotline::dialplan::{SourceFile, load};

use super::mistakes::check;
use super::{HOUSE, catalog, file, folder, shipped, show};

/// The mistakes of several files.
#[track_caller]
fn refused(files: &[SourceFile], catalog: Arc<Catalog>, expected: &str) {
    let told = show(&load(files, catalog).unwrap_err());
    assert!(told.trim() == expected.trim(), "it went otherwise:\n{}\n", told.trim());
}

#[test]
fn numbers_agents_lists_and_holidays() {
    check(
        "[numbers]
\"10 00\" = \"main\"
\"*1\" = { flow = \"main\", from = \"desk\" }
[[flow.main]]
message = { person = \"1001\" }
[agent.100a]
[agent.\"1000-1001\"]
contact = \"tel:1000\"
[list.grey]
entries = [\"1.2\", { number = \"123\", manager = \"9999\" }]
file = \"vip.txt\"
[holidays.china.2026]
source = \"here\"
days = [{ from = \"2026-10-01\" }, { from = 2026-05-03, to = 2026-05-01 }, { from = 2027-01-01 }]
workdays = [2026-05-02]
[calendar.other]
open = { mon = \"09:00-18:00\" }
holidays = \"chinna\"
",
        "
mistake: a number holds digits, * # +, letters, X for any digit, [3-9] for one of these, and a dot only at its end
 --> test.toml:2:1
  |
2 | \"10 00\" = \"main\"
  | ^^^^^^^
mistake: `from` is one of callers, desks
 --> test.toml:3:32
  |
3 | \"*1\" = { flow = \"main\", from = \"desk\" }
  |                                ^^^^^^
  |
  = help: did you mean `desks`?
mistake: this person has no message box
 --> test.toml:5:22
  |
5 | message = { person = \"1001\" }
  |                      ^^^^^^
  |
  = help: give the agent `mailbox = true`
mistake: an extension is one to fifteen digits
 --> test.toml:6:8
  |
6 | [agent.100a]
  |        ^^^^
mistake: a contact is a SIP URI such as `sip:1001@192.0.2.1:5060`
 --> test.toml:8:11
  |
8 | contact = \"tel:1000\"
  |           ^^^^^^^^^^
mistake: a number holds digits, * # +, letters, X for any digit, [3-9] for one of these, and a dot only at its end
  --> test.toml:10:12
   |
10 | entries = [\"1.2\", { number = \"123\", manager = \"9999\" }]
   |            ^^^^^
mistake: there is no agent `9999`
  --> test.toml:10:47
   |
10 | entries = [\"1.2\", { number = \"123\", manager = \"9999\" }]
   |                                               ^^^^^^
mistake: there is no file `vip.txt` in the folder of dialplans
  --> test.toml:11:8
   |
11 | file = \"vip.txt\"
   |        ^^^^^^^^^
mistake: a day is a date without quotes
  --> test.toml:14:18
   |
14 | days = [{ from = \"2026-10-01\" }, { from = 2026-05-03, to = 2026-05-01 }, { from = 2027-01-01 }]
   |                  ^^^^^^^^^^^^
   |
   = help: write 2026-10-01
mistake: a holiday ends after it begins
  --> test.toml:14:34
   |
14 | days = [{ from = \"2026-10-01\" }, { from = 2026-05-03, to = 2026-05-01 }, { from = 2027-01-01 }]
   |                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
mistake: 2027-01-01 is not in 2026
  --> test.toml:14:83
   |
14 | days = [{ from = \"2026-10-01\" }, { from = 2026-05-03, to = 2026-05-01 }, { from = 2027-01-01 }]
   |                                                                                   ^^^^^^^^^^
mistake: there are no holidays `chinna`
  --> test.toml:18:12
   |
18 | holidays = \"chinna\"
   |            ^^^^^^^^
   |
   = help: did you mean `china`?
mistake: agent `1001` is defined twice
 --> house.toml:7:8
  |
7 | [agent.1001]
  |        ^^^^
warning: no agent can serve queue `consultation` (consultation 1)
 --> house.toml:5:8
  |
5 | [queue.consultation]
  |        ^^^^^^^^^^^^
",
    );
}

#[test]
fn the_same_name_in_two_files() {
    let files = [
        file("a.toml", "[hotline]\nname = \"A\"\n[numbers]\n10000 = \"main\"\n[[flow.main]]\nhang_up = {}\n"),
        file("b.toml", "[hotline]\nname = \"B\"\n[[flow.main]]\nhang_up = {}\n"),
    ];
    refused(
        &files,
        catalog(),
        "
mistake: there is one table `[hotline]` in a plan
 --> b.toml:1:2
  |
1 | [hotline]
  |  ^^^^^^^
  |
  = help: the first is at a.toml:1
mistake: flow `main` is defined twice
 --> b.toml:3:8
  |
3 | [[flow.main]]
  |        ^^^^
  |
  = help: the first is at a.toml:5
",
    );
}

#[test]
fn a_number_list_is_read_line_by_line() {
    let list = "# our best\n13800138000, 1001\n\n139 0000\n13700000000, 1oo1 # typo\n";
    let text = "[hotline]\nname = \"A\"\n[numbers]\n1 = \"main\"\n[[flow.main]]\nlookup = { list = \"best\", found = \"end\" }\n\
        [[flow.main]]\nhang_up = {}\n[[flow.end]]\nhang_up = {}\n[list.best]\nfile = \"best.txt\"\n";
    let files = [file("a.toml", text), file("best.txt", list), file("house.toml", HOUSE)];
    refused(
        &files,
        catalog(),
        "
mistake: a number holds digits, * # +, letters, X for any digit, [3-9] for one of these, and a dot only at its end
 --> best.txt:4:1
  |
4 | 139 0000
  | ^^^^^^^^
mistake: there is no agent `1oo1`
 --> best.txt:5:14
  |
5 | 13*******00, 1oo1 # typo
  |              ^^^^
",
    );
}

#[test]
fn prompts_that_are_missing_altogether() {
    let files = [file("a.toml", "[hotline]\nname = \"A\"\nlanguages = [\"zh-CN\", \"fr-FR\"]\n")];
    refused(
        &files,
        Arc::new(Catalog::default()),
        "
mistake: there are no prompts in `zh-CN`
 --> a.toml:3:14
  |
3 | languages = [\"zh-CN\", \"fr-FR\"]
  |              ^^^^^^^
mistake: there are no prompts in `fr-FR`
 --> a.toml:3:23
  |
3 | languages = [\"zh-CN\", \"fr-FR\"]
  |                       ^^^^^^^
",
    );
}

#[test]
fn one_recording_missing_in_one_language() {
    let mut catalog = Catalog::default();
    for (_, info) in super::catalog().iter() {
        let english = info.language.as_ref().is_some_and(|l| l.0 == "en-US");
        if !(english && matches!(info.name.as_str(), "greeting/welcome" | "message/to-accept")) {
            catalog.add(info.clone()).unwrap();
        }
    }
    let told = show(&load(&shipped(), std::sync::Arc::new(catalog)).unwrap_err());
    assert!(
        told.trim()
            == "
mistake: the prompts lack in en-US: `message/to-accept`
 --> hotline.toml:8:2
  |
8 | [hotline]
  |  ^^^^^^^
  |
  = help: every call may need them
mistake: prompt `greeting/welcome` does not exist in en-US
  --> hotline.toml:29:8
   |
29 | play = \"greeting/welcome\"
   |        ^^^^^^^^^^^^^^^^^^
mistake: prompt `greeting/welcome` does not exist in en-US
   --> hotline.toml:140:8
    |
140 | play = \"greeting/welcome\"
    |        ^^^^^^^^^^^^^^^^^^
"
            .trim(),
        "it went otherwise:\n{}\n",
        told.trim()
    );
}

#[test]
fn no_file_at_all() {
    refused(
        &[],
        catalog(),
        "
mistake: no file has the table `[hotline]`
 --> :1:1
  |
1 |
  | ^
",
    );
}

/// The plans that the suites on the wire and the load tools bring along.
#[test]
fn the_plans_of_other_suites_are_plans() {
    for inside in ["tests/wire/plans/short", "benches/load/dialplans"] {
        match load(&folder(inside), catalog()) {
            Ok((_, warnings)) => assert_eq!(show(&warnings), "", "{inside}"),
            Err(mistakes) => panic!("{inside}:\n{}", show(&mistakes)),
        }
    }
}
