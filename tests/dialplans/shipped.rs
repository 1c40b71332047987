//! The plan that the project ships: loads without a word, and callers walked through it.

use std::sync::Arc;

use hotline::base::{AgentId, Language};
use hotline::dialplan::{Around, Origin, Plan, examine, load};

use super::walk::{Walk, at, check};
use super::{catalog, shipped, show};

fn plan() -> Arc<Plan> {
    match load(&shipped(), catalog()) {
        Ok((plan, warnings)) => {
            assert_eq!(show(&warnings), "");
            Arc::new(plan)
        }
        Err(mistakes) => panic!("{}", show(&mistakes)),
    }
}

fn desk(plan: &Plan, extension: &str) -> Origin {
    Origin::Desk(plan.agent_by_extension(extension).unwrap().id)
}

#[test]
fn numbers_are_served_to_whom_they_are_meant_for() {
    let plan = plan();
    let served = |number: &str, origin| plan.entry(number, origin).is_some();
    let desk = Origin::Desk(AgentId(0));
    assert!(served("10000", Origin::Caller) && served("10001", Origin::Caller));
    assert!(served("10000", desk) && served("*13", desk) && served("1002", desk));
    assert!(
        !served("*13", Origin::Caller) && !served("1002", Origin::Caller) && !served("95588", Origin::Caller)
    );
}

#[test]
fn a_consultation_in_mandarin() {
    check(Walk::caller(&plan(), "10000").run("heard heard heard late heard 1 heard served rated heard"), "
answered
    says 早上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 中文服务，请按一。 For English, press two.
heard
    waits 5 s
late
    says 为了保证服务质量，本次通话将被录音。
heard
    says 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
1
    is silent
    says 正在为您转接客服人员，请稍等。
heard
    queues for consultation, keys 2, offers 如果您想留言，请按二。
served
    asks for a mark after 20 s of talk and 86400 s, and whether it is solved; up to 2 is low, for 3001
rated
    says 感谢您的来电，再见。
heard
    hangs up
");
}

#[test]
fn a_complaint_in_english_by_one_who_knows_the_menus() {
    check(Walk::caller(&plan(), "10000").run("2 2 heard heard served heard"), "
answered
    says 早上好！
2
    is silent
    says To ensure service quality, this call will be recorded.
2
heard
    says Hello, this is the complaints line. We are here to listen. The person who takes your case will handle it to the end.
heard
    says We are connecting you to a representative. Please wait.
served
heard
    queues for complaint, english 1, keys 2, offers To leave a message, press two.
");
}

#[test]
fn wrong_and_missing_keys_lead_to_a_person() {
    check(Walk::caller(&plan(), "10000").run("heard heard heard late heard heard late heard 7 heard late heard heard"), "
answered
    says 早上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 中文服务，请按一。 For English, press two.
heard
    waits 5 s
late
    says 为了保证服务质量，本次通话将被录音。
heard
    says 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
heard
    waits 5 s
late
    says 对不起，没有收到您的输入。 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
heard
    waits 5 s
7
    waits no more
    says 您输入的按键有误，请重新输入。 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
heard
    waits 5 s
late
    says 对不起，没有收到您的输入。 现在为您转接人工服务。
heard
    says 正在为您转接客服人员，请稍等。
heard
    queues for consultation, keys 2, offers 如果您想留言，请按二。
");
}

#[test]
fn a_vip_goes_to_their_own_manager_first() {
    let walk = || Walk::new(&plan(), "10000", "13900000001", Origin::Caller, "2026-11-20T19:00:00");
    let met = walk().run("heard heard heard heard talked heard");
    assert_eq!(met.cursor.grade(), Some("VIP"));
    check(
        met,
        "
answered
    says 晚上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 尊敬的贵宾客户，欢迎您致电贵宾服务专线。 为了保证服务质量，本次通话将被录音。
heard
    says 正在为您接通专属客户经理，请稍等。
heard
    rings 3001 for 15 s
talked
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
    check(
        walk().run("heard heard heard heard away:meeting heard heard served"),
        "
answered
    says 晚上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 尊敬的贵宾客户，欢迎您致电贵宾服务专线。 为了保证服务质量，本次通话将被录音。
heard
    says 正在为您接通专属客户经理，请稍等。
heard
    rings 3001 for 15 s
away:meeting
    says 很抱歉，您的客户经理暂时不在。 现在由其他客户经理为您服务。
heard
    says 我们将优先为您接通。
heard
    queues for vip, keys 2, offers 如果您想留言，请按二。
served
    says 感谢您的来电，再见。
",
    );
}

#[test]
fn a_vip_without_a_manager_is_in_the_vip_line_at_once() {
    let walk = Walk::new(&plan(), "10001", "13900000002", Origin::Caller, "2026-02-17T12:00:00");
    check(
        walk.run("heard heard heard nobody heard saved heard"),
        "
answered
    says 中午好！ 恭祝您春节愉快，阖家幸福！
heard
    says 尊敬的贵宾客户，欢迎您致电贵宾服务专线。 为了保证服务质量，本次通话将被录音。
heard
    says 我们将优先为您接通。
heard
    queues for vip, keys 2, offers 如果您想留言，请按二。
nobody
    says 很抱歉，暂时无法为您接通。 您可以留言，我们会在下一个工作日给您回电。
heard
    records for box vip: 2 s to 120 s, silence 5 s, asks number, says 请在提示音后留言，结束请按井号键。 <common/beep>
saved
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
}

#[test]
fn a_manager_in_a_meeting_gets_a_message() {
    let walk = Walk::caller(&plan(), "10000").run("heard heard heard late heard 4");
    check(walk.run("4001# heard away:meeting@2026-11-20T15:00:00 heard 1 saved heard"), "
answered
    says 早上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 中文服务，请按一。 For English, press two.
heard
    waits 5 s
late
    says 为了保证服务质量，本次通话将被录音。
heard
    says 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
4
    is silent
    says 请输入分机号，以井号键结束。
4001#
    is silent
    waits 3 s
4001#
    waits 3 s
4001#
    waits 3 s
4001#
    waits no more
    says 正在为您转接，请稍等。
4001#
heard
    rings 4001 for 15 s
away:meeting@2026-11-20T15:00:00
    says 很抱歉， 王经理 正在开会， 预计， 下午 三点 回来。
heard
    says 留言， 请按一。 转接代接电话的同事， 请按二。 稍后再拨， 请按三。 有急事需要马上通知对方， 请按四。 指定时间回电， 请按五。
1
    is silent
    records for box 4001 of 4001: 2 s to 120 s, silence 5 s, asks who, asks number, asks urgent, says 请在提示音后留言，结束请按井号键。 <common/beep>
saved
    says 感谢您的来电，再见。
heard
    hangs up
");
}

#[test]
fn or_their_delegate_takes_the_call() {
    let walk = Walk::caller(&plan(), "10000")
        .run("heard heard heard late heard 4 9999 4001 heard no-answer heard heard late heard 2");
    check(walk.run("heard talked heard"), "
answered
    says 早上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 中文服务，请按一。 For English, press two.
heard
    waits 5 s
late
    says 为了保证服务质量，本次通话将被录音。
heard
    says 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
4
    is silent
    says 请输入分机号，以井号键结束。
9999
    is silent
    waits 3 s
9999
    waits 3 s
9999
    waits 3 s
9999
    waits no more
    says 对不起，您输入的分机号不存在。 请输入分机号，以井号键结束。
4001
    is silent
    waits 3 s
4001
    waits 3 s
4001
    waits 3 s
4001
    waits no more
    says 正在为您转接，请稍等。
heard
    rings 4001 for 15 s
no-answer
    says 对不起，请稍等。 很抱歉， 王经理 暂时没有接听，
heard
    says 留言， 请按一。 转接代接电话的同事， 请按二。 稍后再拨， 请按三。 指定时间回电， 请按五。
heard
    waits 5 s
late
    says 留言， 请按一。 转接代接电话的同事， 请按二。 稍后再拨， 请按三。 指定时间回电， 请按五。
heard
    waits 5 s
2
    waits no more
    says 正在为您转接其他客服人员。
heard
    rings who takes the calls of 4001 for 15 s
talked
    says 感谢您的来电，再见。
heard
    hangs up
");
}

#[test]
fn closed_hours_say_when_and_take_a_message() {
    let walk = Walk::new(&plan(), "10000", "13512345678", Origin::Caller, "2026-11-21T22:00:00");
    check(walk.run("heard heard heard late heard 1 heard heard heard late saved heard"), "
answered
    says 晚上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 中文服务，请按一。 For English, press two.
heard
    waits 5 s
late
    says 为了保证服务质量，本次通话将被录音。
heard
    says 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
1
    is silent
    says 您好，现在是非工作时间。
heard
    says 人工服务时间是， 周一至周五， 早上 八点 至 晚上 八点
heard
    says 银行卡挂失请按一，其他业务请在工作时间来电。 您可以留言，我们会在下一个工作日给您回电。
heard
    waits 5 s
late
    records for box consultation: 2 s to 120 s, silence 5 s, asks number, says 请在提示音后留言，结束请按井号键。 <common/beep>
saved
    says 感谢您的来电，再见。
heard
    hangs up
");
}

#[test]
fn a_holiday_is_wished_well_and_a_lost_card_is_served() {
    let walk = Walk::new(&plan(), "10000", "", Origin::Caller, "2026-10-03T10:00:00");
    check(walk.run("heard heard heard late heard 0 heard 1 heard heard"), "
answered
    says 早上好！ 国庆节快乐！
heard
    says 欢迎致电客户服务热线。
heard
    says 中文服务，请按一。 For English, press two.
heard
    waits 5 s
late
    says 为了保证服务质量，本次通话将被录音。
heard
    says 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
0
    is silent
    says 今天是法定节假日，人工服务暂停。
heard
    says 银行卡挂失请按一，其他业务请在工作时间来电。 您可以留言，我们会在下一个工作日给您回电。
1
    is silent
    says 温馨提示：请勿向任何人透露密码和验证码。
heard
    says 正在为您转接客服人员，请稍等。
heard
    queues for lost-card
");
}

#[test]
fn giving_up_the_line_for_a_message() {
    let walk = Walk::caller(&plan(), "10000")
        .run("heard heard heard late heard 1 heard queue-key:2 failed heard heard");
    check(walk, "
answered
    says 早上好！
heard
    says 欢迎致电客户服务热线。
heard
    says 中文服务，请按一。 For English, press two.
heard
    waits 5 s
late
    says 为了保证服务质量，本次通话将被录音。
heard
    says 请您收听以下选项。 业务咨询， 请按一。 投诉与建议， 请按二。 银行卡挂失， 请按三。 转接分机， 请按四。 查询投诉进度， 请按五。 重听， 请按九。 人工服务， 请按零。
1
    is silent
    says 正在为您转接客服人员，请稍等。
heard
    queues for consultation, keys 2, offers 如果您想留言，请按二。
queue-key:2
    records for box consultation: 2 s to 120 s, silence 5 s, asks number, says 请在提示音后留言，结束请按井号键。 <common/beep>
failed
    says 对不起，系统繁忙，请稍后再拨。
heard
    says 感谢您的来电，再见。
heard
    hangs up
");
}

#[test]
fn an_agent_says_where_they_are() {
    let plan = plan();
    let desk = desk(&plan, "4001");
    let walk = |number: &str| Walk::new(&plan, number, "4001", desk, "2026-11-20T14:00:00");
    check(
        walk("*11").run("done heard heard"),
        "
answered
    sets SignOn
done
    says 您已签入。
heard
    says 请挂机。
heard
    hangs up
",
    );
    check(
        walk("*14").run("2 heard 2575 heard 1530 done heard heard"),
        "
answered
    says 就绪， 请按一。 开会， 请按二。 重要会议， 请按三。 会客， 请按四。 外出， 请按五。 宴会， 请按六。 小休， 请按七。 休假， 请按八。 指定代接的同事， 请按九。
2
    is silent
    says 请用四位数字输入预计返回时间，不确定请按井号键。
heard
    waits 5 s
2575
    waits 3 s
2575
    waits 3 s
2575
    waits 3 s
2575
    waits no more
    says 您输入的按键有误，请重新输入。 请用四位数字输入预计返回时间，不确定请按井号键。
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
    sets away: meeting until 2026-11-20T07:30:00.000Z
done
    says 您的状态为会议中。 预计， 下午 三点 半 返回。
heard
    says 请挂机。
heard
    hangs up
",
    );
    check(
        walk("*143").run("heard late heard late heard refused heard heard"),
        "
answered
    says 请用四位数字输入预计返回时间，不确定请按井号键。
heard
    waits 5 s
late
    says 对不起，没有收到您的输入。 请用四位数字输入预计返回时间，不确定请按井号键。
heard
    waits 5 s
late
    says 对不起，没有收到您的输入。
heard
    sets away: out
refused
    says 对不起，设置没有成功。
heard
    says 请挂机。
heard
    hangs up
",
    );
    check(
        walk("1002").run("heard busy heard 2 heard"),
        "
answered
    says 正在为您转接，请稍等。
heard
    rings 1002 for 15 s
busy
    says 很抱歉， 您要找的人 正在接听另一个电话，
heard
    says 人工服务， 请按二。 稍后再拨， 请按三。
2
    is silent
    says 正在为您转接客服人员，请稍等。
heard
    queues for consultation, keys 2, offers 如果您想留言，请按二。
",
    );
}

#[test]
fn holidays_are_known_for_the_year_that_was_published() {
    let plan = plan();
    let told = |day: &str| {
        let around = Around { today: Some(at(&plan, day)), ..Around::default() };
        super::show(&examine(&shipped(), catalog(), &around).diagnostics)
    };
    assert_eq!(told("2026-06-01T00:00:00"), "");
    let november = told("2026-11-22T00:00:00");
    let gap = "calendar `service` has no holidays of 2027: every day of it counts by its weekday only";
    assert!(november.contains(gap) && november.contains("2025-11-04"), "{november}");
    assert_eq!(november.matches("warning").count(), 1, "{november}");
}

#[test]
fn queues_titles_and_agents() {
    let plan = plan();
    let titles: Vec<_> = plan.queues().iter().map(|q| q.titles[&Language::new("zh-CN")].as_str()).collect();
    assert_eq!(titles, ["咨询", "投诉", "挂失", "贵宾"]);
    let manager = plan.agent_by_extension("4001").unwrap();
    assert!(manager.mailbox && !manager.ready && manager.account);
    assert_eq!(manager.delegate, plan.agent_by_extension("3001").map(|a| a.id));
    assert_eq!(format!("{:?}", manager.name), "***");
}

#[test]
fn how_a_complaint_stands() {
    let ladder = Walk::caller(&plan(), "10000").run("2 5 heard found heard").ladder();
    assert!(
        ladder.contains("asks for a complaint's number in 3 tries\nfound\n    says Thank you for calling"),
        "{ladder}"
    );
    // Who has no number that we know may complain again.
    let ladder = Walk::caller(&plan(), "10000").run("2 5 heard unfound").ladder();
    assert!(ladder.contains("unfound\n    says Hello, this is the complaints line."), "{ladder}");
}

#[test]
fn a_complaint_by_message_is_a_case() {
    let ladder = Walk::caller(&plan(), "10000").run("1 2 heard heard heard queue-key:2 saved heard").ladder();
    assert!(ladder.contains("records a complaint (general) for box complaint:"), "{ladder}");
    assert!(ladder.contains("saved\n    says 感谢您的宝贵意见"), "{ladder}");
}
