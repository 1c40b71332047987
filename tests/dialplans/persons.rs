//! Asking for a person who may not be there: found by name, excused in words, and what is offered instead.

use std::sync::Arc;

use hotline::dialplan::Plan;

use super::walk::{Walk, check};
use super::{plan_of, show};

fn plan(flows: &str) -> Arc<Plan> {
    match plan_of(&format!("[numbers]\n1 = \"main\"\n{flows}")) {
        Ok((plan, _)) => Arc::new(plan),
        Err(mistakes) => panic!("{}", show(&mistakes)),
    }
}

fn caller(flows: &str) -> Walk {
    Walk::caller(&plan(flows), "1")
}

/// Two of whom are found by the same letters.
const BY_NAME: &str = r#"
[[flow.main]]
find = { into = "person", on_failure = "main-hall" }
[[flow.main]]
dial = { value = "person", offer = ["again", { say = "topic/callback", goto = "main-hall" }, "message"] }
[[flow.main-hall]]
queue = "consultation"
[agent.7001]
name = "Wang Fang"
mailbox = true
[agent.7002]
name = "王芬"
spelled = "wang fen"
says = "person/manager-wang"
[agent.7003]
name = "Li Jing"
"#;

#[test]
fn a_person_is_found_by_the_keys_of_their_name() {
    check(
        caller(BY_NAME).run("1 heard 93# 2 heard"),
        "
answered
    says 请用电话按键输入姓名的拼音，可以只输入每个字的第一个字母，以井号键结束。
1
    is silent
    says 您输入的按键有误，请重新输入。 请用电话按键输入姓名的拼音，可以只输入每个字的第一个字母，以井号键结束。
heard
    waits 5 s
93#
    waits 3 s
93#
    waits 3 s
93#
    waits no more
    says 请选择您要找的人。 分机， 七 零 零 幺 请按一。 王经理 请按二。
2
    is silent
    says 正在为您转接，请稍等。
heard
    rings 7002 for 15 s
",
    );
    let nobody = caller(BY_NAME).run("heard 22 late 54 late heard no-answer heard");
    check(
        nobody,
        "
answered
    says 请用电话按键输入姓名的拼音，可以只输入每个字的第一个字母，以井号键结束。
heard
    waits 5 s
22
    waits 3 s
22
    waits 3 s
late
    says 对不起，没有找到这个人。 请用电话按键输入姓名的拼音，可以只输入每个字的第一个字母，以井号键结束。
54
    is silent
    waits 3 s
54
    waits 3 s
late
    says 正在为您转接，请稍等。
heard
    rings 7003 for 15 s
no-answer
    says 对不起，请稍等。 很抱歉， 您要找的人 暂时没有接听，
heard
    says 稍后再拨， 请按一。 预约回电， 请按二。
",
    );
}

#[test]
fn who_calls_later_is_told_from_when_on() {
    check(
        caller("[[flow.main]]\ndial = \"4001\"\n")
            .run("heard away:out@2026-11-20T15:00:00 heard 3 heard heard"),
        "
answered
    says 正在为您转接，请稍等。
heard
    rings 4001 for 15 s
away:out@2026-11-20T15:00:00
    says 很抱歉， 您要找的人 外出了， 预计， 下午 三点 回来。
heard
    says 留言， 请按一。 稍后再拨， 请按三。
3
    is silent
    says 好的，请您在， 下午 三点 以后再拨。
heard
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
}

/// The person has a message box, and a recorded name.
const URGENT: &str = "
[[flow.main]]
dial = { to = \"4001\", before = [], offer = [\"message\", \"delegate\", \"urgent\"] }
";

#[test]
fn an_urgent_caller_hears_the_answer_in_words() {
    let asked = "
answered
    rings 4001 for 15 s
away:meeting
    says 很抱歉， 您要找的人 正在开会，
heard
    says 留言， 请按一。 有急事需要马上通知对方， 请按三。
3
    is silent
    asks 4001 urgently
";
    let after = |script: &str, then: &str| {
        let script = format!("away:meeting heard 3 {script}");
        check(caller(URGENT).run(&script), &format!("{asked}{}", then.trim_start()));
    };
    after(
        "call-back heard heard",
        "
call-back
    says 很抱歉， 您要找的人 现在走不开， 会在， 下午 三点 给您回电。
heard
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
    after(
        "not-now heard heard",
        "
not-now
    says 很抱歉， 您要找的人 现在不便打扰。
heard
    says 很抱歉， 您要找的人 正在开会，
heard
    records for box 4001 of 4001: 2 s to 120 s, silence 5 s, asks who, asks number, asks urgent, says \
     请在提示音后留言，结束请按井号键。 <common/beep>
",
    );
    after(
        "to-delegate heard",
        "
to-delegate
    says 很抱歉， 您要找的人 现在走不开， 请您留言。
heard
    records for box 4001 of 4001: 2 s to 120 s, silence 5 s, asks who, asks number, asks urgent, says \
     请在提示音后留言，结束请按井号键。 <common/beep>
",
    );
    after(
        "talked heard",
        "
talked
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
}
