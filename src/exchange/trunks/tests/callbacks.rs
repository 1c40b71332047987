//! Callbacks with the place kept, through a trunk.

use super::*;
use crate::base::{AwayReason, CallId, LegId};
use crate::exchange::{AgentChange, CallbackLine, FloorEvent, Notice};
use crate::record::{Callback, StageKind};
use crate::sip::DialogId;

const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"

101 = "elsewhere"

[[flow.elsewhere]]
queue = { to = "consultation", keys = { 1 = "keyed" }, offer = "queue/offer-callback" }

[[flow.keyed]]
collect = { into = "number", ask = "menu/enter-extension", least = 5, on_failure = "main" }

[[flow.keyed]]
callback = { to = "consultation", number = "number" }

[[flow.main]]
queue = { to = "consultation", keys = { 1 = "callback" }, offer = "queue/offer-callback" }

[[flow.callback]]
callback = "consultation"

[queue.consultation]
skills = { consultation = 1 }
wrap_up = "0 s"
max_wait = "never"
left_in_line = "serve"
callback_to = ["+86."]
callback_keyed_to = ["010."]
callback_tries = 2

[skill.consultation]

[agent.8001]
skills = { consultation = 5 }
contact = "sip:8001@127.0.0.21:5060"
ready = true
"#;

const CUSTOMER: &str = "13900139000";
const OTHER: &str = "13700137000";

impl World {
    pub(super) fn agent(&mut self, change: AgentChange) {
        let command = Command::SetAgent { extension: "8001".to_owned(), change };
        self.exchange.handle_input(self.now, Input::Command { id: 1, command });
        self.settle();
    }

    pub(super) fn presses(&mut self, call: CallId, key: char) {
        let digit = Masked::new(media::Digit::from_char(key).unwrap());
        let event = media::Event::Digit {
            leg: LegId { call, index: 0 },
            digit,
            by: media::DigitMeans::TelephoneEvent,
        };
        self.exchange.handle_input(self.now, Input::Media(event));
        self.settle();
    }

    pub(super) fn hangs_up(&mut self, call: CallId) {
        let leg = LegId { call, index: 0 };
        self.exchange.handle_input(self.now, Input::Media(media::Event::RtpTimeout { leg }));
        self.settle();
    }

    pub(super) fn last_call(&self) -> CallId {
        *self.exchange.calls.keys().next_back().expect("a call")
    }

    pub(super) fn saves(&mut self, callback: CallId, saved: bool) {
        self.exchange.handle_input(self.now, Input::CallbackSaved { callback, saved });
        self.settle();
    }

    pub(super) fn owed(&self) -> Vec<CallbackLine> {
        self.exchange.callback_lines()
    }

    pub(super) fn accepts(&mut self, peer: usize, dialog: DialogId) {
        self.peers[peer].1.accept(self.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
        self.settle();
    }

    pub(super) fn rejects(&mut self, peer: usize, dialog: DialogId, status: u16) {
        self.peers[peer].1.reject(self.now.mono, dialog, Answer::new(status));
        self.settle();
    }

    /// Whom the agent's phone rings for.
    pub(super) fn rung_for(&mut self) -> Option<(DialogId, String)> {
        let (dialog, invite) = self.invited(DESK_PHONE)?;
        Some((dialog, invite.from.uri.dialled().unwrap_or_default()))
    }

    /// Somebody who has waited for a while, has pressed 1, and has been told goodbye.
    pub(super) fn booked() -> World {
        World::booked_by(PLAN)
    }

    pub(super) fn booked_by(plan: &str) -> World {
        let mut world = World::with(carrier(), plan);
        world.agent(AgentChange::away(AwayReason::Break, None));
        assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
        world.advance(20);
        let call = world.last_call();
        world.presses(call, '1');
        assert!(world.exchange.calls.is_empty(), "a goodbye, and the caller is hung up on");
        assert_eq!((world.owed().len(), world.owed()[0].state.as_str()), (1, "in line"));
        world
    }
}

fn kept(world: &World) -> Vec<Option<Callback>> {
    let kept = world.outputs.iter().filter_map(|output| match output {
        Output::Record(Record::Callback(callback)) => Some(Some((**callback).clone())),
        Output::Record(Record::CallbackOver(_)) => Some(None),
        _ => None,
    });
    kept.collect()
}

#[test]
fn the_turn_comes_the_customer_is_called_and_only_then_an_agent_is_tied_up() {
    let mut world = World::booked();
    assert_eq!(world.call(FIRST_TARGET, OTHER, "100", &[]), Some(200));
    world.agent(AgentChange::Ready);
    // The turn is the customer's, who has to be fetched: the agent goes to the next one meanwhile.
    let (agents, whom) = world.rung_for().expect("the agent's phone rings");
    assert_eq!(whom, format!("+86{OTHER}"));
    let (dialog, invite) = world.invited(FIRST_TARGET).expect("the customer's phone rings");
    assert_eq!(invite.uri.dialled().as_deref(), Some("+8613900139000"));
    assert_eq!(world.owed()[0].state, "calling");
    world.accepts(DESK_PHONE, agents);
    assert_eq!(world.call(FIRST_TARGET, "13600136000", "100", &[]), Some(200));
    world.accepts(FIRST_TARGET, dialog);
    let call = *world.exchange.calls.iter().find(|(_, call)| call.stage() == StageKind::Offer).unwrap().0;
    world.presses(call, '1');
    assert_eq!(world.exchange.calls[&call].stage(), StageKind::Wait);
    // The agent's next caller is the customer, who came long before the third.
    world.peers[DESK_PHONE].1.bye(world.now.mono, agents, None);
    world.settle();
    let (agents, whom) = world.rung_for().expect("the agent's phone rings");
    assert_eq!(whom, format!("+86{CUSTOMER}"));
    assert_eq!(world.owed().len(), 1, "until an agent has them");
    world.accepts(DESK_PHONE, agents);
    assert_eq!(world.exchange.calls[&call].stage(), StageKind::Talk);
    assert!(world.owed().is_empty());
    assert!(matches!(kept(&world)[..], [Some(_), None]), "written once, taken back once");
    world.advance(3600);
    assert!(world.invited(FIRST_TARGET).is_none(), "nobody is called twice");
}

#[test]
fn busy_no_answer_and_a_machine_are_tried_again_and_then_given_up() {
    for (what, last) in [("busy", "busy"), ("silence", "no answer"), ("machine", "no key")] {
        let mut world = World::booked();
        world.agent(AgentChange::Ready);
        for tries in 1..=2 {
            let (dialog, _) = world.invited(FIRST_TARGET).unwrap_or_else(|| panic!("{what}, try {tries}"));
            match what {
                "busy" => world.rejects(FIRST_TARGET, dialog, 486),
                "silence" => world.advance(26),
                _ => {
                    world.accepts(FIRST_TARGET, dialog);
                    world.advance(20);
                }
            }
            assert!(world.rung_for().is_none(), "no agent is tied up by {what}");
            assert!(world.exchange.calls.is_empty(), "{what}");
            if tries == 1 {
                let owed = &world.owed()[0];
                assert_eq!((owed.state.as_str(), owed.tries, owed.last.as_deref()), ("later", 1, Some(last)));
                world.advance(240);
                assert!(world.invited(FIRST_TARGET).is_none(), "not before five minutes");
                world.advance(61);
            }
        }
        assert_eq!((world.owed()[0].state.as_str(), world.owed()[0].tries), ("given up", 2), "{what}");
        assert!(matches!(&kept(&world)[..], [_, Some(once), Some(up)]
            if once.given_up.is_none() && up.given_up.is_some_and(|at| at <= world.now.wall)));
        let told = |output: &Output| match output {
            Output::Notice(Notice::Floor(event)) => matches!(**event, FloorEvent::CallbackGivenUp { .. }),
            _ => false,
        };
        assert_eq!(world.outputs.iter().filter(|output| told(output)).count(), 1, "{what}");
        world.advance(3600);
        assert!(world.invited(FIRST_TARGET).is_none());
    }
}

#[test]
fn by_night_nobody_is_called_and_no_try_is_spent() {
    let hours = "callback_tries = 2\ncallback_hours = \"service\"";
    let calendar = "\n[calendar.service]\nopen = { mon-sun = \"09:00-17:00\" }\n";
    // It is before half past eight in Beijing.
    let mut world = World::booked_by(&(PLAN.replace("callback_tries = 2", hours) + calendar));
    world.agent(AgentChange::Ready);
    world.advance(600);
    assert!(world.invited(FIRST_TARGET).is_none() && world.rung_for().is_none());
    // Whoever stays on the line is served meanwhile.
    assert_eq!(world.call(FIRST_TARGET, OTHER, "100", &[]), Some(200));
    let (agents, whom) = world.rung_for().expect("the agent's phone rings");
    assert_eq!(whom, format!("+86{OTHER}"));
    world.accepts(DESK_PHONE, agents);
    world.peers[DESK_PHONE].1.bye(world.now.mono, agents, None);
    world.settle();
    assert_eq!((world.owed()[0].tries, world.owed()[0].last.as_deref()), (0, None));
    world.now.wall = world.now.wall + Duration::from_secs(3000);
    world.advance(61);
    assert!(world.invited(FIRST_TARGET).is_some(), "at nine o'clock");
}

/// The last agent has left: told at the second look, and called back once there is somebody.
#[test]
fn who_is_left_in_line_is_promised_a_callback_where_the_plan_says_so() {
    let plan = PLAN.replace("left_in_line = \"serve\"\n", "");
    let plan = plan.replace(
        "offer = \"queue/offer-callback\" }\n\n[[flow.callback]]",
        "offer = \"queue/offer-callback\", on_nobody = \"callback\" }\n\n[[flow.callback]]",
    );
    let mut world = World::with(carrier(), &plan);
    world.agent(AgentChange::away(AwayReason::Break, None));
    assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
    world.agent(AgentChange::SignOff);
    world.advance(61);
    assert!(world.exchange.calls.is_empty(), "told, and hung up on");
    assert_eq!((world.owed().len(), world.owed()[0].state.as_str()), (1, "later"));
    world.agent(AgentChange::Ready);
    world.advance(61);
    assert!(world.invited(FIRST_TARGET).is_some());
}

#[test]
fn who_calls_in_before_their_callback_has_its_place_and_is_not_called() {
    let mut world = World::booked();
    assert_eq!(world.call(FIRST_TARGET, OTHER, "100", &[]), Some(200));
    assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
    assert!(world.owed().is_empty());
    world.agent(AgentChange::Ready);
    assert_eq!(world.rung_for().expect("the agent's phone rings").1, format!("+86{CUSTOMER}"));
    assert!(world.invited(FIRST_TARGET).is_none());
}

#[test]
fn a_restart_forgets_no_callback_and_a_cancelled_one_is_over() {
    let mut world = World::booked();
    let owed: Vec<_> = kept(&world).into_iter().flatten().collect();
    let now = world.now;
    let mut next = World::with(carrier(), PLAN);
    next.now = now;
    next.exchange.handle_input(now, Input::RestoreCallbacks(owed));
    next.settle();
    let (dialog, _) = next.invited(FIRST_TARGET).expect("the customer's phone rings");
    next.accepts(FIRST_TARGET, dialog);
    let call = next.last_call();
    next.presses(call, '2');
    assert!(next.owed().is_empty() && next.exchange.calls.is_empty());

    let callback = world.owed()[0].callback;
    world.exchange.handle_input(now, Input::Command { id: 2, command: Command::CancelCallback { callback } });
    world.settle();
    world.agent(AgentChange::Ready);
    assert!(world.owed().is_empty() && world.invited(FIRST_TARGET).is_none());
}

#[test]
fn who_withholds_the_number_or_has_one_that_costs_too_much_is_not_promised_anything() {
    for (from, headers) in [("0085212345678", &[][..]), (CUSTOMER, &[("Privacy", "id")][..])] {
        let mut world = World::with(carrier(), PLAN);
        world.agent(AgentChange::away(AwayReason::Break, None));
        assert_eq!(world.call(FIRST_TARGET, from, "100", headers), Some(200));
        let call = world.last_call();
        world.presses(call, '1');
        assert_eq!(world.exchange.calls[&call].stage(), StageKind::Message, "an apology and a message");
        assert!(world.owed().is_empty());
    }
}

#[test]
fn a_callback_is_promised_when_it_is_on_the_disk_and_not_before() {
    let waiting = || {
        let mut world = World::with(carrier(), PLAN);
        world.disk = None;
        world.agent(AgentChange::away(AwayReason::Break, None));
        assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
        world.advance(5);
        let call = world.last_call();
        world.presses(call, '1');
        assert_eq!(world.exchange.calls[&call].stage(), StageKind::Listen, "waits, and hears no promise");
        assert_eq!(world.owed()[0].state, "booking");
        world.agent(AgentChange::Ready);
        assert!(world.invited(FIRST_TARGET).is_none(), "nobody is called for what may not be true");
        (world, call)
    };
    let (mut world, call) = waiting();
    let callback = world.owed()[0].callback;
    world.saves(callback, true);
    assert!(!world.exchange.calls.contains_key(&call), "told, and hung up on");
    assert!(world.invited(FIRST_TARGET).is_some(), "the agent is free: it is their turn");

    for refused in [true, false] {
        let (mut world, call) = waiting();
        let callback = world.owed()[0].callback;
        match refused {
            true => world.saves(callback, false),
            // A disk that says nothing.
            false => world.advance(11),
        }
        assert_eq!(world.exchange.calls[&call].stage(), StageKind::Message, "an apology and a message");
        assert!(matches!(kept(&world)[..], [Some(_), None]), "what may be written yet is taken back");
        world.saves(callback, true);
        assert!(world.owed().is_empty() && world.invited(FIRST_TARGET).is_none());
    }
}

#[test]
fn who_hangs_up_while_it_is_written_down_is_called_all_the_same() {
    let mut world = World::with(carrier(), PLAN);
    world.disk = None;
    world.agent(AgentChange::away(AwayReason::Break, None));
    assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
    let call = world.last_call();
    world.presses(call, '1');
    world.hangs_up(call);
    let callback = world.owed()[0].callback;
    world.saves(callback, true);
    assert_eq!(world.owed()[0].state, "in line");
}

#[test]
fn a_callback_that_is_given_up_is_a_persons_business_until_it_is_settled() {
    let given_up = || {
        let mut world = World::booked();
        world.agent(AgentChange::Ready);
        for _ in 0..2 {
            let (dialog, _) = world.invited(FIRST_TARGET).expect("a try");
            world.rejects(FIRST_TARGET, dialog, 486);
            world.advance(301);
        }
        assert_eq!(world.owed()[0].state, "given up");
        world
    };
    // Over a restart, and for a week.
    let world = given_up();
    let owed = kept(&world).into_iter().flatten().next_back().unwrap();
    let mut next = World::with(carrier(), PLAN);
    next.now = world.now;
    next.exchange.handle_input(next.now, Input::RestoreCallbacks(vec![owed]));
    next.settle();
    assert_eq!(next.owed()[0].state, "given up");
    next.advance(6 * 24 * 3600);
    assert_eq!((next.owed().len(), next.invited(FIRST_TARGET).is_none()), (1, true));
    next.advance(24 * 3600);
    assert!(next.owed().is_empty());
    // The customer calls in: nobody has to call them, and their turn has passed.
    let mut world = given_up();
    world.agent(AgentChange::away(AwayReason::Break, None));
    assert_eq!(world.call(FIRST_TARGET, OTHER, "100", &[]), Some(200));
    assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
    assert!(world.owed().is_empty());
    world.agent(AgentChange::Ready);
    assert_eq!(world.rung_for().expect("the agent's phone rings").1, format!("+86{OTHER}"));
}

#[test]
fn a_number_that_is_keyed_in_is_called_where_the_house_allows_it() {
    for (number, booked) in [("01065881234", true), (CUSTOMER, false)] {
        let mut world = World::with(carrier(), PLAN);
        world.agent(AgentChange::away(AwayReason::Break, None));
        // Their own number is none of their choice: it is withheld.
        assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "101", &[("Privacy", "id")]), Some(200));
        let call = world.last_call();
        world.presses(call, '1');
        for key in number.chars().chain(['#']) {
            world.presses(call, key);
        }
        assert_eq!(world.owed().len(), usize::from(booked), "{number}");
    }
}

#[test]
fn a_restart_remembers_who_dropped_and_who_served_them() {
    let mut world = World::with(carrier(), PLAN);
    assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
    let (dialog, _) = world.rung_for().expect("the agent's phone rings");
    world.accepts(DESK_PHONE, dialog);
    assert_eq!(world.call(FIRST_TARGET, OTHER, "100", &[]), Some(200));
    world.advance(30);
    let call = world.last_call();
    let dropped = world.exchange.calls[&call].from().clone();
    world.hangs_up(call);
    let (mut contacts, mut places) = (Vec::new(), Vec::new());
    for output in &world.outputs {
        match output {
            Output::Record(Record::Contact(contact)) => contacts.push((**contact).clone()),
            Output::Record(Record::Place(place)) => places.push((**place).clone()),
            _ => {}
        }
    }
    assert_eq!((contacts.len(), contacts[0].extension.as_str(), places.len()), (1, "8001", 1));
    assert_eq!(world.now.wall.since(places[0].since), Duration::from_secs(30));

    let mut next = World::with(carrier(), PLAN);
    next.now = world.now;
    next.advance(10);
    next.exchange.handle_input(next.now, Input::RestoreKept { contacts, places });
    next.agent(AgentChange::away(AwayReason::Break, None));
    assert_eq!(next.call(FIRST_TARGET, "13600136000", "100", &[]), Some(200));
    next.advance(5);
    assert_eq!(next.call(FIRST_TARGET, OTHER, "100", &[]), Some(200));
    let taken = |output: &Output| matches!(output, Output::Record(Record::PlaceTaken(number, _)) if *number == dropped);
    assert!(next.outputs.iter().any(taken), "a place is taken up once");
    next.agent(AgentChange::Ready);
    assert_eq!(
        next.rung_for().expect("the agent's phone rings").1,
        format!("+86{OTHER}"),
        "who had waited longer"
    );
    assert!(next.exchange.commons.contacts().get(next.now.mono, &Masked::from("+8613900139000")).is_some());
}
