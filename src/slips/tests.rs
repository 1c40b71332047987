//! Slips through simulated days, against a store that forgets nothing but what a crash took.

use proptest::prelude::*;

use super::*;
use crate::base::{CallId, Catalog, Masked, PromptInfo, RecordingId};
use crate::dialplan::{self, Manifest, SourceFile};

const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[agent.4001]
mailbox = true
delegate = "3001"

[agent.3001]
mailbox = true
delegate = "4001"

[agent.1001]
mailbox = true

[box.4001]
due = "2 h"
supervisor = "1001"
mail = ["wang@bank.example"]

[box.3001]
due = "1 h"
mail = ["sun@bank.example"]

[box.desk]
due = "4 h"
hours = "office"
supervisor = "1001"

[box.default]
due = "8 h"
remind = "1 h"

[calendar.office]
open = { mon-fri = "09:00-17:00" }
"#;

/// Friday, 2026-11-20, 09:00 in Shanghai.
const NINE: i64 = 1_795_136_400_000_000;
const MINUTE: i64 = 60_000_000;

fn plan() -> Arc<Plan> {
    let mut catalog = Catalog::default();
    let duration = Duration::from_secs(1);
    let texts = Manifest::parse(include_str!("../../prompts/manifest.toml")).expect("the manifest");
    for (name, by_language) in texts.iter() {
        for (language, text) in by_language {
            let language = Some(language.clone());
            let info = PromptInfo { name: name.to_owned(), language, text: text.clone(), duration };
            catalog.add(info).expect("each prompt once");
        }
    }
    for name in ["common/beep", "common/hold-music", "common/recording-beep"] {
        let info = PromptInfo { name: name.to_owned(), language: None, text: String::new(), duration };
        catalog.add(info).expect("each prompt once");
    }
    let file = SourceFile { name: "test.toml".to_owned(), text: PLAN.to_owned() };
    match dialplan::load(&[file], Arc::new(catalog)) {
        Ok((plan, _)) => Arc::new(plan),
        Err(mistakes) => panic!("{}", mistakes.iter().map(ToString::to_string).collect::<String>()),
    }
}

/// The store, the post, and the clerk of the day.
struct Office {
    clerk: Clerk,
    slips: BTreeMap<SlipId, MessageSlip>,
    /// When, which, why, in which box.
    told: Vec<(i64, SlipId, Occasion, String)>,
    now: Wall,
}

impl Office {
    fn new() -> Self {
        let (clerk, now) = (Clerk::new(plan(), true), Wall::from_micros(NINE));
        Office { clerk, slips: BTreeMap::new(), told: Vec::new(), now }
    }

    fn take(&mut self, number: u64, mailbox: &str) -> SlipId {
        let slip = SlipId(number);
        let taken = MessageSlip {
            slip,
            call: CallId(number),
            from: Masked::from("13800138000"),
            person: None,
            mailbox: mailbox.to_owned(),
            taken: self.now,
            who: None,
            recordings: vec![RecordingId(number)],
            length_ms: 5_000,
            number: None,
            urgent: false,
            confirmed: true,
            state: SlipState::New,
            about: None,
            keeping: Keeping::default(),
        };
        self.slips.insert(slip, taken.clone());
        self.clerk.stands(taken);
        slip
    }

    /// As the store does.
    fn write(&mut self, record: Record) {
        let Record::SlipChange(id, SlipChange::Kept { mailbox, keeping, tell }) = record else {
            panic!("{record:?}")
        };
        let slip = self.slips.get_mut(&id).expect("a slip that is known");
        assert!(!slip.state.is_settled(), "{id} is settled and is left alone");
        let minutes = (self.now.as_micros() - NINE) / MINUTE;
        // One is by the web hook; mails go to the same occasions.
        for delivery in tell.iter().filter(|delivery| delivery.to == Target::Hook) {
            self.told.push((minutes, id, delivery.occasion, mailbox.clone()));
        }
        if slip.mailbox != mailbox {
            assert!(!slip.keeping.passed.contains(&mailbox), "{id} comes back to {mailbox}");
            slip.state = SlipState::New;
        }
        (slip.mailbox, slip.keeping) = (mailbox, keeping);
        let slip = slip.clone();
        self.clerk.stands(slip);
    }

    fn mark(&mut self, id: SlipId, state: SlipState) {
        let slip = self.slips.get_mut(&id).expect("a slip that is known");
        slip.state = state;
        let slip = slip.clone();
        self.clerk.stands(slip);
    }

    fn crash(&mut self) {
        self.clerk = Clerk::new(plan(), true);
        self.slips.values().cloned().for_each(|slip| self.clerk.stands(slip));
    }

    fn until(&mut self, end: Wall) {
        while let Some(at) = self.clerk.next_due().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            while let Some(record) = self.clerk.handle_timeout(self.now) {
                self.write(record);
            }
        }
        self.now = end;
    }

    fn minutes(&mut self, minutes: i64) {
        self.until(Wall::from_micros(self.now.as_micros() + minutes * MINUTE));
    }

    fn shown(&self) -> Vec<String> {
        let line = |(at, _, occasion, mailbox): &(i64, SlipId, Occasion, String)| {
            format!("{:02}:{:02} {} {mailbox}", 9 + at / 60, at % 60, occasion.name())
        };
        self.told.iter().map(line).collect()
    }
}

#[test]
fn what_nobody_does_goes_to_the_delegate_then_to_the_supervisor_who_hears_of_it_for_ever() {
    let mut office = Office::new();
    office.take(1, "4001");
    office.minutes(14 * 60);
    assert_eq!(
        office.shown(),
        [
            "09:00 new 4001",
            "10:00 reminder 4001",
            "11:00 passed-on 3001",
            "11:30 reminder 3001",
            "12:00 passed-on 1001",
            "16:00 reminder 1001",
            "20:00 reminder 1001",
            "21:00 reminder 1001",
            "22:00 reminder 1001",
            "23:00 reminder 1001",
        ]
    );
    assert_eq!(office.slips[&SlipId(1)].keeping.passed, ["4001", "3001"]);
}

#[test]
fn what_is_done_is_not_mentioned_again_and_what_is_heard_or_open_is() {
    let mut office = Office::new();
    let [done, heard, open, deleted] = [1, 2, 3, 4].map(|number| office.take(number, "4001"));
    office.minutes(10);
    office.mark(done, SlipState::Done);
    office.mark(heard, SlipState::Heard);
    office.mark(open, SlipState::Open);
    office.mark(deleted, SlipState::Deleted);
    office.minutes(60);
    let reminded: Vec<_> =
        office.told.iter().filter(|(_, _, why, _)| *why == Occasion::Reminder).map(|told| told.1).collect();
    assert_eq!(reminded, [heard, open]);
    assert_eq!(office.clerk.open(), 2);
    office.mark(done, SlipState::Open);
    office.minutes(24 * 60);
    assert!(office.told.iter().any(|(_, slip, why, _)| *slip == done && *why == Occasion::PassedOn));
}

/// Whether they said so before the clerk had told anybody, or after.
#[test]
fn who_calls_back_at_a_time_is_reminded_then_and_passed_on_when_it_was_forgotten() {
    for early in [true, false] {
        let mut office = Office::new();
        let slip = office.take(1, "4001");
        if !early {
            office.minutes(1);
        }
        let promised = office.slips.get_mut(&slip).expect("a slip");
        promised.state = SlipState::Open;
        promised.keeping.due = Some(Wall::from_micros(NINE + 330 * MINUTE));
        let stands = promised.clone();
        office.clerk.stands(stands);
        office.minutes(7 * 60);
        let reminded = ["09:00 new 4001", "14:30 reminder 4001", "15:30 passed-on 3001"];
        assert_eq!(office.shown()[..3], reminded, "{:?}", office.shown());
    }
}

#[test]
fn a_box_counts_its_own_hours() {
    let mut office = Office::new();
    office.minutes(7 * 60);
    office.take(1, "desk");
    office.minutes(3 * 24 * 60);
    // Friday 16:00; of its four hours one is left of Friday, the others are Monday's.
    let monday = 3 * 24;
    assert_eq!(
        office.shown(),
        [
            "16:00 new desk".to_owned(),
            format!("{:02}:00 reminder desk", monday + 10),
            format!("{:02}:00 passed-on 1001", monday + 12),
            format!("{:02}:00 reminder 1001", monday + 16),
        ]
    );
}

#[test]
fn a_circle_of_delegates_ends_with_the_last_who_has_not_had_it() {
    let mut office = Office::new();
    office.take(1, "3001");
    office.minutes(6 * 24 * 60);
    // 3001 -> 4001 -> their supervisor; each other's delegates do not send it back.
    assert_eq!(office.slips[&SlipId(1)].keeping.passed, ["3001", "4001"]);
    assert_eq!(office.slips[&SlipId(1)].mailbox, "1001");
}

#[test]
fn tries_come_less_and_less_often_and_end_after_two_days() {
    let pauses: Vec<Duration> = (1..).map_while(pause_after).collect();
    assert_eq!(pauses[..4].iter().map(Duration::as_secs).collect::<Vec<_>>(), [2, 4, 8, 16]);
    let all: Duration = pauses.iter().sum();
    assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
    assert!((Duration::from_secs(46 * 3600)..Duration::from_secs(50 * 3600)).contains(&all), "{all:?}");
}

/// What may happen to the office.
#[derive(Clone, Debug)]
enum Step {
    Take(u8),
    Mark(u8, u8),
    Wait(u16),
    /// The daemon dies with what the clerk had decided and nobody has written.
    CrashUnwritten,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<u8>().prop_map(Step::Take),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(slip, state)| Step::Mark(slip, state)),
        4 => (0u16..600).prop_map(Step::Wait),
        1 => Just(Step::CrashUnwritten),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, and whenever the daemon dies: everybody is told once of each slip, and of what is not settled
    /// somebody hears within a day, for ever.
    #[test]
    fn nobodys_message_is_forgotten(steps in prop::collection::vec(step(), 1..40)) {
        let mut office = Office::new();
        for step in steps {
            match step {
                Step::Take(which) => {
                    let number = office.slips.len() as u64 + 1;
                    office.take(number, ["4001", "3001", "1001", "desk", "team"][usize::from(which) % 5]);
                }
                Step::Mark(which, state) => {
                    let number = u64::from(which) % (office.slips.len() as u64 + 1);
                    let state = [SlipState::Heard, SlipState::Open, SlipState::Done, SlipState::Deleted][usize::from(state) % 4];
                    if office.slips.contains_key(&SlipId(number)) {
                        office.mark(SlipId(number), state);
                    }
                }
                Step::Wait(minutes) => office.minutes(i64::from(minutes)),
                Step::CrashUnwritten => {
                    while office.clerk.handle_timeout(office.now).is_some() {}
                    office.crash();
                }
                Step::Crash => office.crash(),
            }
        }
        let from = (office.now.as_micros() - NINE) / MINUTE;
        office.minutes(10 * 24 * 60);
        let until = from + 10 * 24 * 60;
        for slip in office.slips.values() {
            let news = office.told.iter().filter(|(_, id, why, _)| *id == slip.slip && *why == Occasion::New).count();
            if slip.state.is_settled() {
                prop_assert!(news <= 1);
                continue;
            }
            prop_assert_eq!(news, 1, "{} is told of once", slip.slip);
            // The desk rests from Friday to Monday, and the longest time of a box is eight hours.
            let mut heard_of: Vec<i64> =
                office.told.iter().filter(|(at, id, ..)| *id == slip.slip && *at >= from).map(|told| told.0).collect();
            heard_of.push(until);
            let gaps = std::iter::once(from).chain(heard_of.iter().copied()).zip(&heard_of);
            for (before, after) in gaps {
                prop_assert!(after - before <= 3 * 24 * 60, "{} is silent from {before} to {after}", slip.slip);
            }
        }
    }
}
