//! Absences begin, end, give way to one another, and outlive a restart.

use super::*;
use crate::base::{AgentId, AwayReason};
use crate::exchange::AwayOrder;
use crate::presence::Absence;
use crate::queue::{AgentState, Away as CoreAway};
use crate::record::KeptPresence;

const OFFICE: &str = r#"
[calendar.office]
open = { mon = "09:00-18:00", tue = "09:00-18:00", wed = "09:00-18:00", thu = "09:00-18:00", fri = "09:00-18:00" }

[agent.4001]
name = "Manager"
contact = "sip:4001@127.0.0.1:7003"
hours = "office"
delegate = "1001"

[agent.4002]
name = "Deputy"
delegate = "4001"
"#;

struct House(Bench);

impl House {
    /// At nine o'clock and a quarter, in Shanghai.
    fn new() -> Self {
        // The bench's phones answer no questions.
        let probes = Pace { every: Duration::ZERO, ..Pace::default() };
        let config = Config { probes, ..Config::default() };
        let mut house = House(Bench::with(config, plan_of(&format!("{PLAN}{OFFICE}"))));
        house.set_clock(9 * 60 + 15);
        house.0.input(Input::Timeout);
        house
    }

    /// Minutes since midnight.
    fn wall(minutes: i64) -> Wall {
        let midnight: jiff::Timestamp = "2026-11-23T00:00:00+08:00".parse().expect("a moment");
        Wall::from_micros(midnight.as_microsecond() + minutes * 60_000_000)
    }

    fn set_clock(&mut self, minutes: i64) {
        self.0.now.wall = Self::wall(minutes);
    }

    /// The deadlines until then, each in its time.
    fn until(&mut self, minutes: i64) {
        let left = Self::wall(minutes).since(self.0.now.wall);
        let end = self.0.now.mono + left;
        while let Some((at, _)) = self.0.exchange.poll_timeout().filter(|(at, _)| *at <= end) {
            let by = at.since(self.0.now.mono);
            (self.0.now.mono, self.0.now.wall) = (self.0.now.mono + by, self.0.now.wall + by);
            self.0.input(Input::Timeout);
        }
        (self.0.now.mono, self.0.now.wall) = (end, Self::wall(minutes));
    }

    fn order(&mut self, extension: &str, change: AgentChange) -> Reply {
        let command = Command::SetAgent { extension: extension.to_owned(), change };
        self.0.input(Input::Command { id: 7, command });
        let reply = self.0.outputs.iter().rev().find_map(|output| match output {
            Output::Reply { id: 7, reply } => Some(reply.clone()),
            _ => None,
        });
        reply.expect("an answer")
    }

    fn agent(&self, extension: &str) -> AgentId {
        self.0.exchange.numbering.agent(extension).expect("an agent")
    }

    fn away(&self, extension: &str) -> Option<(AwayReason, Option<Wall>)> {
        let away = self.0.exchange.desks.get(self.agent(extension)).away;
        away.map(|away| (away.reason, away.until))
    }

    fn core(&self) -> Option<AgentState> {
        self.0.exchange.core.agent_state(self.agent("1001"))
    }

    fn kept(&self) -> Vec<KeptPresence> {
        let kept = self.0.outputs.iter().filter_map(|output| match output {
            Output::Record(Record::Presence(presence)) => Some((**presence).clone()),
            _ => None,
        });
        // The latest of each person.
        kept.map(|kept| (kept.extension.clone(), kept)).collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

fn away(reason: AwayReason, until: Option<i64>) -> AwayOrder {
    AwayOrder { reason, until: until.map(House::wall), from: None, place: None, delegate: None }
}

fn ordered(order: AwayOrder) -> AgentChange {
    AgentChange::Away(Box::new(order))
}

fn why(reply: Reply) -> String {
    match reply {
        Reply::Refused(why) => why,
        other => panic!("refused, not {other:?}"),
    }
}

#[test]
fn an_absence_ends_in_its_time_and_the_agent_is_ready_again() {
    let mut house = House::new();
    assert_eq!(house.order("1001", ordered(away(AwayReason::Meeting, Some(600)))), Reply::Done);
    assert_eq!(house.core(), Some(AgentState::Away(CoreAway::Meeting)));
    house.until(599);
    assert_eq!(house.away("1001"), Some((AwayReason::Meeting, Some(House::wall(600)))));
    house.until(600);
    assert_eq!((house.away("1001"), house.core()), (None, Some(AgentState::Ready)));
    assert!(house.kept().iter().all(|kept| kept.hand.is_none()), "and the store knows");
}

#[test]
fn calendar_and_working_hours_apply_where_nothing_is_said_by_hand() {
    let mut house = House::new();
    let meeting =
        |from, until| Absence::new(AwayReason::Meeting, House::wall(from), Some(House::wall(until)));
    let events: Arc<[Absence]> = vec![meeting(600, 660), meeting(1020, 1080)].into();
    house.0.input(Input::Calendar { extension: "4001".to_owned(), events });
    assert_eq!(house.away("4001"), None);
    house.until(600);
    assert_eq!(house.away("4001"), Some((AwayReason::Meeting, Some(House::wall(660)))));
    house.order("4001", ordered(away(AwayReason::Visitor, Some(630))));
    assert_eq!(house.away("4001").map(|(reason, _)| reason), Some(AwayReason::Visitor));
    house.until(630);
    assert_eq!(house.away("4001").map(|(reason, _)| reason), Some(AwayReason::Meeting), "which goes on");
    house.order("4001", AgentChange::Ready);
    assert_eq!(house.away("4001"), None);
    house.until(1020);
    // Into the evening: tomorrow at nine.
    assert_eq!(house.away("4001"), Some((AwayReason::Meeting, Some(House::wall(1440 + 540)))));
    house.until(1080);
    assert_eq!(house.away("4001").map(|(reason, _)| reason), Some(AwayReason::OffDuty));
    house.until(1440 + 540);
    assert_eq!(house.away("4001"), None);
}

#[test]
fn an_absence_may_be_agreed_for_an_hour_with_whereabouts_and_a_delegate() {
    let mut house = House::new();
    let order = AwayOrder {
        from: Some(House::wall(600)),
        place: Some("总行\n三楼".to_owned()),
        delegate: Some("4002".to_owned()),
        ..away(AwayReason::Out, Some(720))
    };
    assert_eq!(house.order("4001", ordered(order)), Reply::Done);
    assert_eq!(house.away("4001"), None);
    house.until(600);
    house.0.input(Input::Command { id: 8, command: Command::Agents });
    let line = house.0.outputs.iter().rev().find_map(|output| match output {
        Output::Reply { id: 8, reply: Reply::Agents(lines) } => {
            lines.iter().find(|line| line.extension == "4001").cloned()
        }
        _ => None,
    });
    let line = line.expect("a line");
    assert_eq!(
        (line.state.as_str(), line.place.as_deref(), line.delegate.as_deref(), line.by.as_deref()),
        ("away", Some("总行 三楼"), Some("4002"), Some("agreed"))
    );
    house.until(720);
    assert_eq!(house.away("4001"), None);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let mut house = House::new();
    let past = away(AwayReason::Out, Some(500));
    assert!(why(house.order("4001", ordered(past))).contains("in the past"));
    let backwards = AwayOrder { from: Some(House::wall(700)), ..away(AwayReason::Out, Some(650)) };
    assert!(why(house.order("4001", ordered(backwards))).contains("before it begins"));
    let nobody = AwayOrder { delegate: Some("9999".to_owned()), ..away(AwayReason::Out, None) };
    assert!(why(house.order("4001", ordered(nobody))).contains("delegate's extension"));
    let own = AwayOrder { delegate: Some("4001".to_owned()), ..away(AwayReason::Out, None) };
    assert!(why(house.order("4001", ordered(own))).contains("circle"));
    assert!(
        why(house.order("4001", AgentChange::Delegate(Some("4002".to_owned())))).contains("who is there")
    );
    assert_eq!(house.away("4001"), None, "nothing has changed");
    // 4002's delegate is 4001: a circle only where both are away.
    let each_other = || AwayOrder { delegate: Some("4002".to_owned()), ..away(AwayReason::Out, None) };
    assert_eq!(house.order("4001", ordered(each_other())), Reply::Done);
    house.order("4001", AgentChange::Ready);
    house.order("4002", ordered(away(AwayReason::Leave, None)));
    assert!(why(house.order("4001", ordered(each_other()))).contains("circle"));
}

#[test]
fn a_restart_takes_nobody_out_of_a_meeting() {
    let mut house = House::new();
    house.order("1001", AgentChange::SignOn);
    house.order(
        "1001",
        ordered(AwayOrder { delegate: Some("4002".into()), ..away(AwayReason::Meeting, Some(600)) }),
    );
    house.order("4001", ordered(AwayOrder { from: Some(House::wall(570)), ..away(AwayReason::Out, None) }));
    let kept = house.kept();
    assert_eq!(kept.iter().map(|kept| kept.extension.as_str()).collect::<Vec<_>>(), ["1001", "4001"]);

    let mut next = House::new();
    next.0.input(Input::RestorePresences(kept.clone()));
    assert_eq!(next.away("1001"), Some((AwayReason::Meeting, Some(House::wall(600)))));
    let delegate = next.0.exchange.delegate_of(next.agent("1001"));
    assert_eq!(delegate, Some(next.agent("4002")));
    next.until(570);
    assert_eq!(next.away("4001"), Some((AwayReason::Out, None)));
    next.until(600);
    assert_eq!((next.away("1001"), next.core()), (None, Some(AgentState::Ready)));

    // Down for longer than the meeting.
    let mut late = House::new();
    late.until(700);
    late.0.input(Input::RestorePresences(kept));
    assert_eq!((late.away("1001"), late.core()), (None, Some(AgentState::Ready)));
    assert_eq!(late.away("4001"), Some((AwayReason::Out, None)));
}
