//! A callback at a time that the caller chooses: what can be keyed, and what cannot be.

use std::sync::Arc;

use hotline::dialplan::{Origin, Plan};

use super::walk::{Walk, check};
use super::{plan_of, show};

const FLOWS: &str = r#"
[numbers]
1 = "main"
[[flow.main]]
dial = { to = "7001", before = [], offer = ["message", { say = "topic/callback-at", goto = "book" }] }
[[flow.book]]
callback_at = { to = "office", on_impossible = "sorry" }
[[flow.sorry]]
hang_up = "closed/leave-message"
[agent.7001]
mailbox = true
skills = { office = 1 }
[queue.office]
skills = { office = 1 }
callback_to = ["1[3-9]xxxxxxxxx"]
callback_hours = "office"
[skill.office]
[calendar.office]
open = { mon-fri = "09:00-18:00" }
"#;

fn plan() -> Arc<Plan> {
    match plan_of(FLOWS) {
        Ok((plan, _)) => Arc::new(plan),
        Err(mistakes) => panic!("{}", show(&mistakes)),
    }
}

/// What is heard and done from the moment that the flow begins.
fn booking(from: &str, script: &str) -> String {
    let walk = Walk::new(&plan(), "1", from, Origin::Caller, "2026-11-20T09:30:00");
    let ladder = walk.run(&format!("no-answer heard 2 {script}")).ladder();
    let begins = ladder.find("\n2\n").expect("the offer is chosen") + 1;
    ladder[begins..].to_owned()
}

const CUSTOMER: &str = "13512345678";

#[test]
fn a_time_is_read_back_and_confirmed_and_told_only_when_it_is_written_down() {
    let walk = Walk::new(&plan(), "1", CUSTOMER, Origin::Caller, "2026-11-20T09:30:00");
    check(
        walk.run("no-answer heard 2 heard 1530 heard 1 booked heard heard"),
        "
answered
    rings 7001 for 15 s
no-answer
    says 对不起，请稍等。 很抱歉， 您要找的人 暂时没有接听，
heard
    says 留言， 请按一。 指定时间回电， 请按二。
2
    is silent
    says 请问您希望几点接听回电？请输入四位数字的时间，例如下午三点半，请输入，一五三零。
heard
    waits 5 s
1530
    waits 3 s
1530
    waits 3 s
1530
    waits 3 s
1530
    waits no more
    says 我们将在， 下午 三点 半 给您回电。 确认请按一，重新输入请按二。 改日接听， 请按三。
heard
    waits 5 s
1
    waits no more
    promises a call of 7001
booked
    says 回电时间已经记下。 我们将拨打以下号码给您回电。 幺 三 五 (120 ms) 幺 二 三 四 (120 ms) 五 六 七 八
heard
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
}

#[test]
fn a_time_that_cannot_be_is_said_to_be_and_asked_for_again() {
    for (keyed, why) in [
        // On no day.
        ("2005", "这个时间我们不能给您回电"),
        ("0815", "这个时间我们不能给您回电"),
        ("2460", "没有这个时间"),
        ("15#", "没有这个时间"),
        ("9999", "没有这个时间"),
        ("1*", "您输入的按键有误"),
    ] {
        let heard = booking(CUSTOMER, &format!("heard {keyed}"));
        let after = heard.lines().rev().find(|line| line.contains("says")).unwrap_or_default().to_owned();
        assert!(after.contains(why) && after.contains("几点接听回电"), "{keyed}: {heard}");
    }
    // Three times, then what the plan has for it; and a time that is taken back is asked for again.
    let thrice = booking(CUSTOMER, "heard 0815 heard 2005 heard 9999 heard");
    assert!(thrice.contains("没有这个时间") && thrice.contains("您可以留言"), "{thrice}");
    let again = booking(CUSTOMER, "heard 1530 heard 2 heard 1600 heard 1");
    assert!(again.contains("四点") && again.contains("promises a call of 7001"), "{again}");
    let silent = booking(CUSTOMER, "heard late heard 15 late");
    assert!(silent.contains("没有这个时间"), "{silent}");
}

#[test]
fn a_time_that_is_past_today_is_one_of_the_next_working_day_and_of_later_ones_by_a_key() {
    // It is Friday, half past nine.
    let monday = booking(CUSTOMER, "heard 0915 heard 1 booked");
    assert!(
        monday.contains("今天这个时间已经过了。 我们将在， 十一月 二十三号 星期一 上午 九点"),
        "{monday}"
    );
    assert!(monday.contains("promises a call of 7001"), "{monday}");
    let today = booking(CUSTOMER, "heard 1530 heard 2");
    assert!(!today.contains("已经过了"), "{today}");
    let later = booking(CUSTOMER, "heard 1530 heard 3 heard 3 heard 1");
    assert!(later.contains("我们将在， 十一月 二十三号 星期一 下午 三点 半"), "{later}");
    assert!(later.contains("我们将在， 十一月 二十四号 星期二 下午 三点 半"), "{later}");
    assert!(later.contains("promises a call of 7001"), "{later}");
    // Two weeks ahead there is an end: the last one names no later day, and who asks for it keys another time.
    let last = booking(CUSTOMER, &format!("heard 1530 {}", "heard 3 ".repeat(10)));
    let says: Vec<&str> = last.lines().filter(|line| line.contains("says 我们将在")).collect();
    assert!(says[10].contains("十二月 四号") && !says[10].contains("改日"), "{last}");
    let beyond = booking(CUSTOMER, &format!("heard 1530 {}", "heard 3 ".repeat(11)));
    assert!(beyond.lines().last().unwrap_or_default().contains("几点接听回电"), "{beyond}");
    // After hours, and on a Saturday, tomorrow's and Monday's time are found.
    let evening = Walk::new(&plan(), "1", CUSTOMER, Origin::Caller, "2026-11-19T19:30:00");
    let evening = evening.run("no-answer heard 2 heard 1000").ladder();
    assert!(evening.contains("我们将在， 明天 上午 十点"), "{evening}");
    let saturday = Walk::new(&plan(), "1", CUSTOMER, Origin::Caller, "2026-11-21T08:00:00");
    let saturday = saturday.run("no-answer heard 2 heard 1000").ladder();
    assert!(saturday.contains("我们将在， 十一月 二十三号 星期一 上午 十点"), "{saturday}");
    assert!(!saturday.contains("已经过了"), "{saturday}");
}

#[test]
fn nobody_is_promised_what_is_not_written_down_or_who_has_no_number() {
    let not_written = booking(CUSTOMER, "heard 1530 1 unbooked");
    assert!(!not_written.contains("已经记下") && not_written.contains("您可以留言"), "{not_written}");
    let withheld = booking("", "heard");
    assert!(!withheld.contains("几点接听回电") && withheld.contains("您可以留言"), "{withheld}");
}
