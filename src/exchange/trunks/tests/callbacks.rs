//! Callbacks with the place kept, through a trunk.

use super::*;
use crate::base::{AwayReason, CallId, LegId};
use crate::exchange::{AgentChange, CallbackLine};
use crate::record::{Callback, StageKind};
use crate::sip::DialogId;

const PLAN: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"

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
    fn agent(&mut self, change: AgentChange) {
        let command = Command::SetAgent { extension: "8001".to_owned(), change };
        self.exchange.handle_input(self.now, Input::Command { id: 1, command });
        self.settle();
    }

    fn presses(&mut self, call: CallId, key: char) {
        let digit = Masked::new(media::Digit::from_char(key).unwrap());
        let event = media::Event::Digit {
            leg: LegId { call, index: 0 },
            digit,
            by: media::DigitMeans::TelephoneEvent,
        };
        self.exchange.handle_input(self.now, Input::Media(event));
        self.settle();
    }

    fn last_call(&self) -> CallId {
        *self.exchange.calls.keys().next_back().expect("a call")
    }

    fn owed(&self) -> Vec<CallbackLine> {
        self.exchange.callback_lines()
    }

    fn accepts(&mut self, peer: usize, dialog: DialogId) {
        self.peers[peer].1.accept(self.now.mono, dialog, Some(Bytes::from_static(SDP.as_bytes())));
        self.settle();
    }

    fn rejects(&mut self, peer: usize, dialog: DialogId, status: u16) {
        self.peers[peer].1.reject(self.now.mono, dialog, Answer::new(status));
        self.settle();
    }

    /// Whom the agent's phone rings for.
    fn rung_for(&mut self) -> Option<(DialogId, String)> {
        let (dialog, invite) = self.invited(DESK_PHONE)?;
        Some((dialog, invite.from.uri.dialled().unwrap_or_default()))
    }

    /// Somebody who has waited for a while, has pressed 1, and has been told goodbye.
    fn booked() -> World {
        let mut world = World::with(carrier(), PLAN);
        world.agent(AgentChange::Away { reason: AwayReason::Break, until: None });
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
        assert!(world.owed().is_empty(), "{what}: given up");
        assert!(matches!(kept(&world)[..], [Some(_), Some(_), None]));
        world.advance(3600);
        assert!(world.invited(FIRST_TARGET).is_none());
    }
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
        world.agent(AgentChange::Away { reason: AwayReason::Break, until: None });
        assert_eq!(world.call(FIRST_TARGET, from, "100", headers), Some(200));
        let call = world.last_call();
        world.presses(call, '1');
        assert_eq!(world.exchange.calls[&call].stage(), StageKind::Message, "an apology and a message");
        assert!(world.owed().is_empty());
    }
}
