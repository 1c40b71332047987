//! Each verb in a small plan, and what no event may bring about.

use std::sync::Arc;
use std::time::Duration;

use hotline::base::{AgentId, AwayReason, Instant, Masked, Now, Rng};
use hotline::dialplan::{
    Action, Cursor, DialEnd, Event, Facts, MessageEnd, Origin, Plan, QueueEnd, QueueState, UrgentEnd, load,
};

use super::walk::{Walk, at, check};
use super::{catalog, plan_of, shipped, show};

fn plan(flows: &str) -> Arc<Plan> {
    match plan_of(&format!("[numbers]\n1 = \"main\"\n{flows}")) {
        Ok((plan, _)) => Arc::new(plan),
        Err(mistakes) => panic!("{}", show(&mistakes)),
    }
}

fn caller(flows: &str) -> Walk {
    Walk::caller(&plan(flows), "1")
}

const MENU: &str = "
[[flow.main]]
menu = \"main\"
[menu.main]
prompts = \"menu/listen\"
keys = { 1 = \"one\", 12 = \"twelve\", 20 = \"twenty\", 9 = { repeat = true } }
tries = 2
exhausted = \"other\"
[[flow.one]]
hang_up = \"survey/thanks\"
[[flow.twelve]]
hang_up = \"goodbye/nice-day\"
[[flow.twenty]]
hang_up = \"goodbye/new-year\"
[[flow.other]]
queue = \"consultation\"
";

#[test]
fn a_key_that_can_only_mean_one_thing_acts_at_once() {
    check(
        caller(MENU).run("12 heard"),
        "
answered
    says 请您收听以下选项。
12
    is silent
    waits 3 s
12
    waits no more
    says 祝您生活愉快，再见。
heard
    hangs up
",
    );
}

#[test]
fn a_key_that_may_go_on_waits_for_the_next() {
    check(
        caller(MENU).run("heard 1 late heard"),
        "
answered
    says 请您收听以下选项。
heard
    waits 5 s
1
    waits 3 s
late
    says 感谢您的评价。
heard
    hangs up
",
    );
}

#[test]
fn half_a_key_is_a_wrong_one() {
    check(
        caller(MENU).run("2 late heard 29 heard heard"),
        "
answered
    says 请您收听以下选项。
2
    is silent
    waits 3 s
late
    says 您输入的按键有误，请重新输入。 请您收听以下选项。
heard
    waits 5 s
29
    waits 3 s
29
    waits no more
    says 对不起，输入错误次数过多。 现在为您转接人工服务。
heard
    says 正在为您转接客服人员，请稍等。
heard
    queues for consultation
",
    );
}

#[test]
fn a_menu_again() {
    check(
        caller(MENU).run("9 heard 9 20"),
        "
answered
    says 请您收听以下选项。
9
    is silent
    says 请您收听以下选项。
heard
    waits 5 s
9
    waits no more
    says 请您收听以下选项。
20
    is silent
    waits 3 s
20
    waits no more
    says 祝您新年快乐，万事如意，再见。
",
    );
}

#[test]
fn what_is_typed_after_a_wrong_key_counts_and_what_was_typed_before_does_not() {
    let flows = format!("[[flow.main]]\nplay = \"greeting/welcome\"\n{MENU}");
    check(
        Walk::caller(&plan(&flows), "1").run("7 20"),
        "
answered
    says 欢迎致电客户服务热线。
7
    is silent
    says 您输入的按键有误，请重新输入。 请您收听以下选项。
20
    is silent
    waits 3 s
20
    waits no more
    says 祝您新年快乐，万事如意，再见。
",
    );
    // Notices are heard out, whatever is typed; what was typed is taken afterwards.
    let flows =
        format!("[[flow.main]]\nplay = {{ prompts = \"notice/recording\", interrupt = false }}\n{MENU}");
    check(
        Walk::caller(&plan(&flows), "1").run("2712 heard"),
        "
answered
    says 为了保证服务质量，本次通话将被录音。
2712
2712
2712
2712
heard
    waits 3 s
    waits no more
    says 您输入的按键有误，请重新输入。 请您收听以下选项。
",
    );
}

#[test]
fn a_timer_that_was_disarmed_means_nothing() {
    check(
        caller(MENU).run("late heard 1 2 late late"),
        "
answered
    says 请您收听以下选项。
late
heard
    waits 5 s
1
    waits 3 s
2
    waits no more
    says 祝您生活愉快，再见。
late
late
",
    );
}

const COLLECT: &str = "
[[flow.main]]
collect = { into = \"card\", ask = \"menu/enter-customer-number\", least = 4, most = 6, confirm = true, tries = 2, on_failure = \"other\" }
[[flow.main]]
say = { value = \"card\", twice = true }
[[flow.main]]
hang_up = {}
[[flow.other]]
queue = \"consultation\"
";

#[test]
fn digits_are_read_back_and_may_be_corrected() {
    check(
        caller(COLLECT).run("4711# 2 heard 471108 # heard 1 heard heard"),
        "
answered
    says 请输入您的客户号，以井号键结束。
4711#
    is silent
    waits 3 s
4711#
    waits 3 s
4711#
    waits 3 s
4711#
    waits 3 s
4711#
    waits no more
    says 您输入的是， 四 七 幺 幺 确认请按一，重新输入请按二。
2
    is silent
    says 请输入您的客户号，以井号键结束。
heard
    waits 5 s
471108
    waits 3 s
471108
    waits 3 s
471108
    waits 3 s
471108
    waits 3 s
471108
    waits 3 s
471108
    waits no more
    says 您输入的是， 四 七 幺 幺 零 八 确认请按一，重新输入请按二。
#
heard
    waits 5 s
1
    waits no more
    says 四 七 幺 幺 零 八 (120 ms) 四 七 幺 幺 零 八
heard
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
}

#[test]
fn too_few_digits_twice_lead_to_a_person() {
    check(
        caller(COLLECT).run("heard 12# heard 47* heard heard"),
        "
answered
    says 请输入您的客户号，以井号键结束。
heard
    waits 5 s
12#
    waits 3 s
12#
    waits 3 s
12#
    waits no more
    says 您输入的按键有误，请重新输入。 请输入您的客户号，以井号键结束。
heard
    waits 5 s
47*
    waits 3 s
47*
    waits 3 s
47*
    waits no more
    says 对不起，输入错误次数过多。
heard
    says 正在为您转接客服人员，请稍等。
heard
    queues for consultation
",
    );
}

#[test]
fn a_secret_is_in_no_record() {
    let walk = caller(
        "
[[flow.main]]
collect = { into = \"pin\", ask = \"agent/enter-pin\", secret = true, most = 4, on_failure = \"other\" }
[[flow.main]]
menu = \"main\"
[menu.main]
prompts = \"menu/listen\"
keys = { 5 = \"other\" }
exhausted = \"other\"
[[flow.other]]
queue = \"consultation\"
",
    )
    .run("1234 # 5");
    assert_eq!(walk.cursor.keys_pressed().expose(), "5");
    assert_eq!(format!("{:?}", Event::Digit('7')), "Digit");
    check(
        walk,
        "
answered
    secret true
    says 请输入您的密码，以井号键结束。
1234
    is silent
    waits 3 s
1234
    waits 3 s
1234
    waits 3 s
1234
    waits no more
    secret false
    says 请您收听以下选项。
#
5
    is silent
    says 正在为您转接客服人员，请稍等。
",
    );
}

#[test]
fn numbers_times_and_texts_are_said() {
    check(
        caller(
            "
[[flow.main]]
say = { number = 115 }
[[flow.main]]
say = { digits = \"95588\" }
[[flow.main]]
say = { clock = \"15:30\" }
[[flow.main]]
say = \"time\"
[[flow.main]]
say = \"date\"
[[flow.main]]
say = { hours = \"service\" }
[[flow.main]]
say = { value = \"caller\" }
[[flow.main]]
language = \"en-US\"
[[flow.main]]
say = { number = 115 }
[[flow.main]]
hang_up = {}
",
        )
        .run("heard heard heard heard heard heard heard heard heard"),
        "
answered
    says 一 百 一 十五
heard
    says 九 五 五 八 八
heard
    says 下午 三点 半
heard
    says 上午 九点 半
heard
    says 十一月 二十号 星期五
heard
    says 人工服务时间是， 周一至周五， 上午 九点 至 下午 六点
heard
    says 幺 三 五 幺 二 三 四 五 六 七 八
heard
    says one hundred and fifteen
heard
    says Thank you for calling. Goodbye.
heard
    hangs up
",
    );
}

#[test]
fn a_line_test_plays_on_until_the_caller_goes() {
    check(
        caller("[[flow.main]]\nwait = { play = \"notice/privacy\" }\n").run("heard 1 heard"),
        "
answered
    says 我们会对您的个人信息严格保密。
heard
    says 我们会对您的个人信息严格保密。
1
heard
    says 我们会对您的个人信息严格保密。
",
    );
    check(
        caller("[[flow.main]]\nwait = { limit = \"5 s\" }\n[[flow.main]]\nhang_up = {}\n")
            .run("1 late heard"),
        "
answered
    waits 5 s
1
late
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
}

#[test]
fn a_person_without_a_box_and_one_who_does_not_exist() {
    let flows = "
[[flow.main]]
collect = { into = \"extension\", ask = \"menu/enter-extension\", most = 4, on_failure = \"other\" }
[[flow.main]]
dial = { value = \"extension\" }
[[flow.other]]
queue = \"consultation\"
";
    check(
        caller(flows).run("1001 heard busy heard saved heard"),
        "
answered
    says 请输入分机号，以井号键结束。
1001
    is silent
    waits 3 s
1001
    waits 3 s
1001
    waits 3 s
1001
    waits no more
    says 正在为您转接，请稍等。
heard
    rings 1001 for 15 s
busy
    says 很抱歉， 您要找的人 正在接听另一个电话，
heard
    records for box general: 2 s to 120 s, silence 5 s, asks who, asks number, asks urgent, says 请在提示音后留言，结束请按井号键。 <common/beep>
saved
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
    check(
        caller(flows).run("1009 heard heard"),
        "
answered
    says 请输入分机号，以井号键结束。
1009
    is silent
    waits 3 s
1009
    waits 3 s
1009
    waits 3 s
1009
    waits no more
    says 对不起，您输入的分机号不存在。
heard
    says 感谢您的来电，再见。
heard
    hangs up
",
    );
}

#[test]
fn every_absence_has_its_own_words() {
    let plan = plan("[[flow.main]]\ndial = \"4001\"\n");
    for (reason, words) in [
        ("meeting", "正在开会，"),
        ("important-meeting", "正在参加一个重要会议，"),
        ("visitor", "正在会客，"),
        ("out", "外出了，"),
        ("banquet", "正在外面参加活动，"),
        ("break", "暂时不在座位上，"),
        ("leave", "正在休假，"),
        ("off-duty", "已经下班了，"),
        ("meeting@2026-11-20T09:00:00", "正在开会，"),
    ] {
        let ladder = Walk::caller(&plan, "1").run(&format!("heard away:{reason}")).ladder();
        let whole = format!("    says 很抱歉， 您要找的人 {words}\n");
        assert!(ladder.ends_with(&whole), "{reason}: {ladder}");
    }
}

/// A plan for load tests: one language, numbers that are words, agents by the hundred.
#[test]
fn four_hundred_and_fifty_agents_in_five_lines() {
    let text = "
[hotline]
name = \"load\"
language = \"en-US\"
[numbers]
ivr = \"ivr\"
queue = \"queue\"
sig = \"sig\"
[[flow.ivr]]
wait = { play = \"survey/scale-five\", limit = \"1 h\" }
[[flow.ivr]]
hang_up = {}
[[flow.queue]]
queue = { to = \"load\", before = [] }
[[flow.sig]]
wait = { limit = \"1 h\" }
[[flow.sig]]
hang_up = {}
[skill.load]
[queue.load]
skills = { load = 1 }
[agent.\"0001-0450\"]
skills = { load = 1 }
contact = \"sip:{extension}@127.9.9.2:5090\"
ready = true
";
    let (plan, warnings) = load(&[super::file("load.toml", text)], catalog()).unwrap();
    assert_eq!(show(&warnings), "");
    assert_eq!(plan.agents().len(), 450);
    let last = plan.agent_by_extension("0450").unwrap();
    assert_eq!((last.id, last.contact.as_deref()), (AgentId(449), Some("sip:0450@127.9.9.2:5090")));
    assert!(last.ready && !last.account && last.meets(&plan.queues()[0].requirement));
    assert_eq!(plan.language().0, "en-US");
    check(
        Walk::caller(&Arc::new(plan), "queue").run("served heard"),
        "
answered
    queues for load
served
    says Thank you for calling. Goodbye.
heard
    hangs up
",
    );
}

/// Whatever happens in whatever order: no caller is left with neither sound nor timer nor somebody at work for
/// them, no line is closed without a closing phrase, nothing follows the end.
#[test]
fn no_order_of_events_leaves_a_caller_in_silence() {
    let (plan, _) = load(&shipped(), catalog()).unwrap();
    let plan = Arc::new(plan);
    let mut rng = Rng::from_seed([7; 32]);
    let (mut ended, mut queued) = (0, 0);
    for _ in 0..3_000 {
        let numbers = ["10000", "10001", "*14", "*141", "4001"];
        let dialled = numbers[rng.below(5) as usize];
        let origin = if dialled.starts_with('1') { Origin::Caller } else { Origin::Desk(AgentId(0)) };
        let hour = rng.below(24);
        let wall = at(&plan, &format!("2026-10-0{}T{hour:02}:00:00", 1 + rng.below(9)));
        let now = Now { mono: Instant::ZERO, wall };
        let from = ["13900000001", "13900000002", "13512345678", ""][rng.below(4) as usize];
        let facts = Facts { from: Masked::from(from), dialled: dialled.to_owned(), owner: None, origin, now };
        let mut cursor = Cursor::new(plan.clone(), plan.entry(dialled, origin).unwrap(), facts);
        let mut state = State::default();
        let mut event = Event::Begin;
        for _ in 0..60 {
            let mut out = Vec::new();
            cursor.handle(now, event.clone(), &mut out);
            assert!(out.len() < 40, "{out:?}");
            state.see(&event, &out);
            queued += usize::from(state.pending == Some("queue"));
            event = next(&mut rng, &state, &plan);
        }
        ended += usize::from(state.over);
    }
    assert!(ended > 500 && queued > 500, "{ended} ended, {queued} queued");
}

/// What the call around the interpreter would be doing.
#[derive(Default)]
struct State {
    playing: bool,
    /// The last thing played reached its end.
    heard_out: bool,
    armed: bool,
    pending: Option<&'static str>,
    keys: Vec<char>,
    over: bool,
}

impl State {
    fn see(&mut self, event: &Event, out: &[Action]) {
        assert!(!self.over || out.is_empty(), "{out:?} after the end");
        match event {
            Event::Played => (self.playing, self.heard_out) = (false, true),
            Event::TimedOut => self.armed = false,
            Event::QueueState(_)
            | Event::QueueEnded(_)
            | Event::DialEnded(_)
            | Event::MessageEnded(_)
            | Event::MailboxEnded
            | Event::ComplaintTold { .. }
            | Event::SurveyEnded
            | Event::CallbackBooked { .. }
            | Event::PresenceSet { .. }
            | Event::UrgentEnded(_)
            | Event::UrgentAnswered { .. }
            | Event::UrgentHeard(_)
            | Event::NotPickedUp { .. } => {
                self.pending = None;
            }
            Event::Begin | Event::Digit(_) => {}
        }
        for action in out {
            match action {
                Action::Play(clips) => {
                    assert!(!clips.is_empty());
                    assert!(self.pending.is_none(), "speaks while the caller waits for {:?}", self.pending);
                    (self.playing, self.heard_out) = (true, false);
                }
                Action::StopPlaying => self.playing = false,
                Action::Arm(wait) => self.armed = *wait > Duration::ZERO,
                Action::Disarm => self.armed = false,
                Action::QueueState(_) => self.pending = Some("state"),
                Action::Queue { keys, .. } => {
                    self.pending = Some("queue");
                    self.keys.clone_from(keys);
                }
                Action::Dial { .. } | Action::Outside { .. } => self.pending = Some("dial"),
                Action::Message { .. } => self.pending = Some("message"),
                Action::BookCallback { .. } | Action::PromiseCall { .. } => self.pending = Some("callback"),
                Action::Survey { .. } => self.pending = Some("survey"),
                Action::Complaint { .. } => self.pending = Some("complaint"),
                Action::Mailbox { .. } => self.pending = Some("mailbox"),
                Action::Presence { .. } => self.pending = Some("presence"),
                Action::PickUp(_) => self.pending = Some("pick-up"),
                Action::Urgent { .. } => self.pending = Some("urgent"),
                Action::AnswerUrgent(_) | Action::HearUrgent => self.pending = Some("answer"),
                Action::HangUp => {
                    assert!(self.heard_out && !self.armed, "hangs up without a closing phrase");
                    self.over = true;
                }
                Action::Secret(_) | Action::Step { .. } | Action::Took(_) => {}
            }
        }
        let alive = self.playing || self.armed || self.pending.is_some();
        assert!(alive != self.over, "the caller is met by silence: {event:?} {out:?}");
    }
}

/// Mostly what fits, sometimes what does not.
fn next(rng: &mut Rng, state: &State, plan: &Plan) -> Event {
    let fits = rng.below(10) > 0;
    match state.pending {
        Some("queue") if fits => Event::QueueEnded(match rng.below(6) {
            0 => QueueEnd::Served,
            1 => QueueEnd::MaxWait,
            2 => QueueEnd::Full,
            3 => QueueEnd::NobodySignedOn,
            4 => QueueEnd::Closed,
            _ => state.keys.first().map_or(QueueEnd::Served, |k| QueueEnd::Key(*k)),
        }),
        Some("state") if fits => {
            Event::QueueState(QueueState { waiting: rng.below(30) as u32, ..QueueState::default() })
        }
        Some("callback") if fits => Event::CallbackBooked { ok: rng.below(2) == 0, wait: None },
        Some("dial") if fits => Event::DialEnded(match rng.below(5) {
            0 => DialEnd::Served,
            1 => DialEnd::Busy,
            2 => DialEnd::NoAnswer,
            3 => DialEnd::Unreachable,
            _ => DialEnd::Away {
                delegate: rng.below(2) == 0,
                reason: AwayReason::ALL[rng.below(9) as usize],
                until: (rng.below(2) == 0).then(|| at(plan, "2026-10-05T15:00:00")),
            },
        }),
        Some("survey") if fits => Event::SurveyEnded,
        Some("complaint") if fits => Event::ComplaintTold { found: rng.below(2) == 0 },
        Some("mailbox") if fits => Event::MailboxEnded,
        Some("message") if fits => Event::MessageEnded(match rng.below(3) {
            0 => MessageEnd::Saved,
            1 => MessageEnd::Nothing,
            _ => MessageEnd::Failed,
        }),
        Some("urgent") if fits => match rng.below(7) {
            0 => Event::UrgentEnded(UrgentEnd::NotNow),
            1 => Event::UrgentEnded(UrgentEnd::Nothing),
            2 => Event::UrgentEnded(UrgentEnd::CallBack { at: Some(at(plan, "2026-10-05T15:00:00")) }),
            3 => Event::UrgentEnded(UrgentEnd::Delegate),
            4 => Event::UrgentEnded(UrgentEnd::Message),
            5 => Event::UrgentEnded(UrgentEnd::NoAnswer),
            _ => Event::DialEnded(DialEnd::Served),
        },
        Some("presence") if fits => Event::PresenceSet { ok: rng.below(2) == 0 },
        _ => match rng.below(4) {
            0 => Event::Digit(['0', '1', '2', '3', '4', '9', '*', '#'][rng.below(8) as usize]),
            1 if state.armed => Event::TimedOut,
            _ if state.playing => Event::Played,
            _ => Event::TimedOut,
        },
    }
}
