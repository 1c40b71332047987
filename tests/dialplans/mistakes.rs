//! Wrong plans: every mistake at once, each where it was written, with what may have been meant.

use hotline::dialplan::{SourceFile, load_beside};

use super::{catalog, plan_of, show};

/// The diagnostics of a plan that is refused, or the warnings of one that is taken.
#[track_caller]
pub fn check(text: &str, expected: &str) {
    let told = match plan_of(text) {
        Ok((_, warnings)) => show(&warnings),
        Err(mistakes) => show(&mistakes),
    };
    assert!(told.trim() == expected.trim(), "it went otherwise:\n{}\n", told.trim());
}

const NUMBERS: &str = "[numbers]\n10000 = \"main\"\n";

#[test]
fn what_is_not_toml() {
    check(
        "[numbers\n10000 = \"main\"\n[[flow.main]\nhang_up = {}\n",
        "
mistake: this is not TOML: unclosed table, expected `]`
 --> test.toml:1:9
  |
1 | [numbers
  |         ^
mistake: this is not TOML: unclosed array table, expected `]`
 --> test.toml:3:13
  |
3 | [[flow.main]
  |             ^
",
    );
}

#[test]
fn the_same_key_twice() {
    check(
        "[numbers]\n10000 = \"main\"\n10000 = \"other\"\n",
        "
mistake: this is not TOML: duplicate key
 --> test.toml:3:1
  |
3 | 10000 = \"other\"
  | ^^^^^
",
    );
}

#[test]
fn tables_and_verbs_and_fields_that_do_not_exist() {
    check(
        "[number]\n10000 = \"main\"\n
[[flow.main]]
plya = \"greeting/welcome\"
[[flow.main]]
queue = { to = \"consultation\", befor = \"queue/connecting\" }
[[flow.main]]
play = \"greeting/welcome\"
hang_up = {}
[[flow.main]]
hang_up = {}
",
        "
mistake: a dialplan has no table `number`
 --> test.toml:1:2
  |
1 | [number]
  |  ^^^^^^
  |
  = help: did you mean `numbers`?
mistake: there is no verb `plya`
 --> test.toml:5:1
  |
5 | plya = \"greeting/welcome\"
  | ^^^^
  |
  = help: did you mean `play`?
mistake: `queue` has no field `befor`
 --> test.toml:7:32
  |
7 | queue = { to = \"consultation\", befor = \"queue/connecting\" }
  |                                ^^^^^
  |
  = help: did you mean `before`?
mistake: a step has one verb, found play and hang_up
  --> test.toml:10:1
   |
10 | hang_up = {}
   | ^^^^^^^
",
    );
}

#[test]
fn names_that_nothing_bears() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
play = [\"greeting/welcom\", \"nothing/like-it\"]
[[flow.main]]
menu = \"mian\"
[[flow.main]]
lookup = {{ list = \"vpi\", found = \"mainn\" }}
[[flow.main]]
hours = {{ calendar = \"servce\", closed = \"mai\" }}
[[flow.main]]
dial = \"4002\"
[[flow.main]]
dial = {{ value = \"extensoin\" }}
[[flow.main]]
collect = {{ into = \"extension\", ask = \"menu/enter-extension\", on_failure = \"main\" }}
[[flow.main]]
queue = {{ to = \"consultaton\", needs = {{ consultatio = 1 }} }}
[menu.main]
keys = {{ 1 = \"mane\" }}
exhausted = \"main\"
"
        ),
        "
mistake: prompt `greeting/welcom` does not exist in zh-CN and en-US
 --> test.toml:5:9
  |
5 | play = [\"greeting/welcom\", \"nothing/like-it\"]
  |         ^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `greeting/welcome`?
mistake: prompt `nothing/like-it` does not exist in zh-CN and en-US
 --> test.toml:5:28
  |
5 | play = [\"greeting/welcom\", \"nothing/like-it\"]
  |                            ^^^^^^^^^^^^^^^^^
mistake: there is no menu `mian`
 --> test.toml:7:8
  |
7 | menu = \"mian\"
  |        ^^^^^^
  |
  = help: did you mean `main`?
mistake: there is no list `vpi`
 --> test.toml:9:19
  |
9 | lookup = { list = \"vpi\", found = \"mainn\" }
  |                   ^^^^^
  |
  = help: did you mean `vip`?
mistake: there is no flow `mainn`
 --> test.toml:9:34
  |
9 | lookup = { list = \"vpi\", found = \"mainn\" }
  |                                  ^^^^^^^
  |
  = help: did you mean `main`?
mistake: there is no calendar `servce`
  --> test.toml:11:22
   |
11 | hours = { calendar = \"servce\", closed = \"mai\" }
   |                      ^^^^^^^^
   |
   = help: did you mean `service`?
mistake: there is no flow `mai`
  --> test.toml:11:41
   |
11 | hours = { calendar = \"servce\", closed = \"mai\" }
   |                                         ^^^^^
   |
   = help: did you mean `main`?
mistake: there is no agent `4002`
  --> test.toml:13:8
   |
13 | dial = \"4002\"
   |        ^^^^^^
   |
   = help: did you mean `4001`?
mistake: nothing is known as `extensoin`: no `collect` stores into it
  --> test.toml:15:18
   |
15 | dial = { value = \"extensoin\" }
   |                  ^^^^^^^^^^^
   |
   = help: did you mean `extension`?
mistake: there is no queue `consultaton`
  --> test.toml:19:16
   |
19 | queue = { to = \"consultaton\", needs = { consultatio = 1 } }
   |                ^^^^^^^^^^^^^
   |
   = help: did you mean `consultation`?
mistake: there is no skill `consultatio`
  --> test.toml:19:41
   |
19 | queue = { to = \"consultaton\", needs = { consultatio = 1 } }
   |                                         ^^^^^^^^^^^
   |
   = help: did you mean `consultation`?
mistake: there is no flow `mane`
  --> test.toml:21:14
   |
21 | keys = { 1 = \"mane\" }
   |              ^^^^^^
",
    );
}

#[test]
fn wrong_types_times_and_bounds() {
    check(
        &format!(
            "{NUMBERS}
[defaults]
first_digit = 5
between_digits = \"3s\"
tries = 0
ring = \"1 h\"
[[flow.main]]
play = {{ prompts = 5, interrupt = \"yes\" }}
[[flow.main]]
message = {{ longest = \"1 s\", box = 7 }}
[[flow.main]]
say = {{ number = -1 }}
[[flow.main]]
say = {{ clock = \"25:00\", number = 1 }}
[[flow.main]]
hang_up = []
[queue.other]
skills = {{ consultation = 10 }}
max_wait = \"always\"
relax = [\"40 s\", \"20 s\"]
[calendar.other]
open = {{ mon = \"9-17\", tues = \"09:00-17:00\", fri-mon = \"09:00-17:00\" }}
"
        ),
        "
mistake: `first_digit` is a time: a whole number, a space, and ms, s, min or h, found a number
 --> test.toml:5:15
  |
5 | first_digit = 5
  |               ^
  |
  = help: write \"5 s\"
mistake: `between_digits` is a time: a whole number, a space, and ms, s, min or h
 --> test.toml:6:18
  |
6 | between_digits = \"3s\"
  |                  ^^^^
  |
  = help: write \"15 s\"
mistake: `tries` is a number from 1 to 9
 --> test.toml:7:9
  |
7 | tries = 0
  |         ^
mistake: `ring` lies between 3 s and 2 min
 --> test.toml:8:8
  |
8 | ring = \"1 h\"
  |        ^^^^^
mistake: `prompts` is the name of a prompt, or a list of them, found a number
  --> test.toml:10:20
   |
10 | play = { prompts = 5, interrupt = \"yes\" }
   |                    ^
mistake: `interrupt` is true or false, found a text
  --> test.toml:10:35
   |
10 | play = { prompts = 5, interrupt = \"yes\" }
   |                                   ^^^^^
mistake: `longest` lies between 5 s and 10 min
  --> test.toml:12:23
   |
12 | message = { longest = \"1 s\", box = 7 }
   |                       ^^^^^
mistake: `box` is a text, found a number
  --> test.toml:12:36
   |
12 | message = { longest = \"1 s\", box = 7 }
   |                                    ^
mistake: `number` is a number from 0 to 999999999
  --> test.toml:14:18
   |
14 | say = { number = -1 }
   |                  ^^
mistake: `say` needs exactly one of what, number, amount, ordinal, digits, telephone, value, clock, hours
  --> test.toml:16:1
   |
16 | say = { clock = \"25:00\", number = 1 }
   | ^^^
mistake: the caller hears a closing phrase before the line is closed
  --> test.toml:18:11
   |
18 | hang_up = []
   |           ^^
mistake: the level of a skill is a number from 1 to 9
  --> test.toml:20:27
   |
20 | skills = { consultation = 10 }
   |                           ^^
mistake: `max_wait` is a time: a whole number, a space, and ms, s, min or h
  --> test.toml:21:12
   |
21 | max_wait = \"always\"
   |            ^^^^^^^^
   |
   = help: write \"15 s\"
mistake: the times of `relax` ascend
  --> test.toml:22:18
   |
22 | relax = [\"40 s\", \"20 s\"]
   |                  ^^^^^^
mistake: opening hours are two ascending times of one day
  --> test.toml:24:16
   |
24 | open = { mon = \"9-17\", tues = \"09:00-17:00\", fri-mon = \"09:00-17:00\" }
   |                ^^^^^^
   |
   = help: write \"09:00-18:00\"
mistake: `tues` is no weekday
  --> test.toml:24:24
   |
24 | open = { mon = \"9-17\", tues = \"09:00-17:00\", fri-mon = \"09:00-17:00\" }
   |                        ^^^^
   |
   = help: did you mean `tue`?
mistake: a span of weekdays goes forward within one week
  --> test.toml:24:46
   |
24 | open = { mon = \"9-17\", tues = \"09:00-17:00\", fri-mon = \"09:00-17:00\" }
   |                                              ^^^^^^^
",
    );
}

#[test]
fn a_flow_that_runs_out() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
play = \"greeting/welcome\"
[[flow.main]]
lookup = {{ list = \"vip\", found = \"thanks\" }}

[[flow.thanks]]
queue = \"consultation\"
[[flow.thanks]]
play = \"survey/thanks\"
"
        ),
        "
mistake: flow `main` ends after this `lookup` without a person, a message or a goodbye
 --> test.toml:7:1
  |
7 | lookup = { list = \"vip\", found = \"thanks\" }
  | ^^^^^^
  |
  = note: 13*******78 dials 10000 on Monday 2026-01-05 at 10:00; the number is not on the list
  = help: end it with `queue`, `dial`, `message`, `goto` or `hang_up`
",
    );
}

#[test]
fn a_circle_without_the_caller() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
play = \"greeting/welcome\"
[[flow.main]]
goto = \"again\"

[[flow.again]]
queue = {{ to = \"consultation\", on_max_wait = \"main\" }}
"
        ),
        "
mistake: the overflow of queue `consultation` never ends: main -> again -> main
 --> test.toml:5:1
  |
5 | play = \"greeting/welcome\"
  | ^^^^
  |
  = note: 13*******78 dials 10000 on Monday 2026-01-05 at 10:00; waits too long in queue `consultation`
  = help: let a menu, a message or a goodbye be part of it
",
    );
}

#[test]
fn a_circle_that_the_caller_drives_is_none() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
menu = \"main\"
[menu.main]
prompts = \"menu/listen\"
keys = {{ 1 = \"main\", 2 = \"help\" }}
exhausted = \"help\"
[[flow.help]]
queue = {{ to = \"consultation\", keys = {{ 9 = \"main\" }} }}
"
        ),
        "
",
    );
}

#[test]
fn a_menu_that_leads_nowhere_and_keys_that_do_nothing() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
menu = \"main\"
[menu.main]
keys = {{ 1 = {{ say = \"topic/consult\" }}, x = \"main\" }}
"
        ),
        "
mistake: `exhausted` is needed here: where does the caller go who cannot choose?
 --> test.toml:6:7
  |
6 | [menu.main]
  |       ^^^^
  |
  = help: or give `[hotline]` an `operator` for all menus
mistake: a key has exactly one of `goto`, `repeat` and `language`
 --> test.toml:7:10
  |
7 | keys = { 1 = { say = \"topic/consult\" }, x = \"main\" }
  |          ^
mistake: a key is one to eight of the digits 0 to 9, * and #
 --> test.toml:7:41
  |
7 | keys = { 1 = { say = \"topic/consult\" }, x = \"main\" }
  |                                         ^
",
    );
}

#[test]
fn what_nobody_reaches_and_nobody_serves() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
queue = \"experts\"
[[flow.old]]
hang_up = {{}}
[menu.old]
keys = {{ 1 = \"old\" }}
exhausted = \"old\"
[skill.expert]
[queue.experts]
skills = {{ expert = 5 }}
"
        ),
        "
warning: no number leads to flow `old`
 --> test.toml:6:8
  |
6 | [[flow.old]]
  |        ^^^
warning: menu `old` says nothing
 --> test.toml:8:7
  |
8 | [menu.old]
  |       ^^^
  |
  = help: give its keys `say`, or the menu `prompts`
warning: no number leads to menu `old`
 --> test.toml:8:7
  |
8 | [menu.old]
  |       ^^^
warning: no agent can serve queue `experts` (expert 5)
  --> test.toml:12:8
   |
12 | [queue.experts]
   |        ^^^^^^^
",
    );
}

#[test]
fn any_one_of_several_sets_of_skills_will_do() {
    let queue = |skills: &str| {
        format!(
            "{NUMBERS}
[[flow.main]]
queue = \"help\"
[skill.card]
[skill.loan]
[agent.2001]
skills = {{ loan = 2 }}
[queue.help]
skills = {skills}
"
        )
    };
    check(&queue("[{ card = 1 }, { loan = 2 }]"), "");
    check(
        &queue("[{ card = 1 }, { loan = 12 }, { lone = 1 }, 7]"),
        "
mistake: the level of a skill is a number from 1 to 9
  --> test.toml:11:34
   |
11 | skills = [{ card = 1 }, { loan = 12 }, { lone = 1 }, 7]
   |                                  ^^
mistake: there is no skill `lone`
  --> test.toml:11:42
   |
11 | skills = [{ card = 1 }, { loan = 12 }, { lone = 1 }, 7]
   |                                          ^^^^
mistake: `skills` is a table of skills with their levels, found a number
  --> test.toml:11:54
   |
11 | skills = [{ card = 1 }, { loan = 12 }, { lone = 1 }, 7]
   |                                                      ^
",
    );
    check(
        &queue("[{ card = 1 }, { loan = 2, card = 1 }]"),
        "
warning: no agent can serve queue `help` (card 1; or card 1, loan 2)
  --> test.toml:10:8
   |
10 | [queue.help]
   |        ^^^^
",
    );
}

#[test]
fn rules_that_never_come_about() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
queue = \"vip\"
[[flow.main]]
queue = \"help\"
[skill.help]
[agent.2001]
skills = {{ help = 3 }}
[queue.help]
skills = {{ help = 2 }}
relax = [\"20 s\", \"40 s\", \"90 s\"]
anyone_after = \"60 s\"
max_wait = \"60 s\"
[queue.vip]
skills = {{ help = 1 }}
credit = \"60 s\"
"
        ),
        "
warning: this can never relax: no skill of queue `help` is left above level 1
  --> test.toml:13:18
   |
13 | relax = [\"20 s\", \"40 s\", \"90 s\"]
   |                  ^^^^^^
warning: nobody waits so long in queue `help`: its `max_wait` is 60 s
  --> test.toml:13:26
   |
13 | relax = [\"20 s\", \"40 s\", \"90 s\"]
   |                          ^^^^^^
warning: nobody waits so long in queue `help`: its `max_wait` is 60 s
  --> test.toml:14:16
   |
14 | anyone_after = \"60 s\"
   |                ^^^^^^
warning: the credit of queue `vip` starves queue `help`: its callers wait 60 s at most, and who comes here in all that time goes first, at the same agents
  --> test.toml:16:8
   |
16 | [queue.vip]
   |        ^^^
   |
   = help: give less `credit`, or some agents to the other queue alone
",
    );
}

#[test]
fn presence_is_for_desks() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
presence = {{ change = \"away\", reason = \"meetin\" }}
[[flow.main]]
presence = {{ change = \"ready\", reason = \"meeting\" }}
[[flow.main]]
presence = \"ready\"
"
        ),
        "
mistake: `reason` is one of meeting, important-meeting, visitor, out, banquet, break, leave, training
 --> test.toml:5:40
  |
5 | presence = { change = \"away\", reason = \"meetin\" }
  |                                        ^^^^^^^^
  |
  = help: did you mean `meeting`?
mistake: only who is away has a `reason`
 --> test.toml:7:41
  |
7 | presence = { change = \"ready\", reason = \"meeting\" }
  |                                         ^^^^^^^^^
",
    );
}

#[test]
fn callers_have_no_state() {
    check(
        &format!(
            "{NUMBERS}
[[flow.main]]
goto = \"ready\"
[[flow.ready]]
presence = \"ready\"
"
        ),
        "
mistake: callers reach this `presence`: only agents have a state
 --> test.toml:7:1
  |
7 | presence = \"ready\"
  | ^^^^^^^^
  |
  = help: give the number `from = \"desks\"`
",
    );
}

#[test]
fn numbers_of_the_outside() {
    check(
        "[numbers]\n10000 = \"main\"\n[[flow.main]]\ndial = { number = \"0x10\", on_away = \"main\" }\n\
         [agent.1009]\nmay_call = [\"1[3-9]xxxxxxxxx\", \"mobile\", \"1[9\"]\n",
        "
mistake: a number of the outside is three to twenty digits, with a plus before them or none
 --> test.toml:4:19
  |
4 | dial = { number = \"0x10\", on_away = \"main\" }
  |                   ^^^^^^
  |
  = help: write for example `+861065881234` or `95588`
mistake: `on_away` is for persons: `number` is somebody outside
 --> test.toml:4:37
  |
4 | dial = { number = \"0x10\", on_away = \"main\" }
  |                                     ^^^^^^
mistake: a telephone number has no letters but x, for any digit
 --> test.toml:6:32
  |
6 | may_call = [\"1[3-9]xxxxxxxxx\", \"mobile\", \"1[9\"]
  |                                ^^^^^^^^
  |
  = help: write for example `1[3-9]xxxxxxxxx` for mobile telephones, `010.` for a city, `+86.` for a country
mistake: a bracket holds digits and ranges of them, `[13]`, `[3-9]`
 --> test.toml:6:42
  |
6 | may_call = [\"1[3-9]xxxxxxxxx\", \"mobile\", \"1[9\"]
  |                                          ^^^^^
  |
  = help: write for example `1[3-9]xxxxxxxxx` for mobile telephones, `010.` for a city, `+86.` for a country
",
    );
}

#[test]
fn a_trunk_that_is_not_configured() {
    let text = "[hotline]\nname = \"t\"\n[numbers]\n10000 = \"main\"\n[[flow.main]]\n\
                dial = { number = \"95588\", trunk = \"carier\" }\n";
    let files = [SourceFile { name: "test.toml".to_owned(), text: text.to_owned() }];
    let trunks = |name: &str| Some(vec!["backup".to_owned(), name.to_owned()]);
    let mistakes = load_beside(&files, catalog(), trunks("carrier")).expect_err("no such trunk");
    let told = show(&mistakes);
    let expected = "
mistake: the configuration has no trunk `carier`
 --> test.toml:6:36
  |
6 | dial = { number = \"95588\", trunk = \"carier\" }
  |                                    ^^^^^^^^
  |
  = help: did you mean `carrier`?
";
    assert!(told.contains(expected.trim()), "it went otherwise:\n{told}\n");
    let told = load_beside(&files, catalog(), trunks("carier")).map_err(|mistakes| show(&mistakes));
    assert!(!told.err().unwrap_or_default().contains("trunk"));
}
