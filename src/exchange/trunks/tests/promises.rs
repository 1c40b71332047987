//! What was promised is kept, broken or passed on: the person first, then the customer.

use super::*;
use crate::base::{AwayReason, CallId};
use crate::exchange::AgentChange;
use crate::record::{Promise, PromiseKind, PromiseState, StageKind};
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
may_call = ["1[3-9]xxxxxxxxx"]
delegate = "8002"
ready = true

[agent.8002]
contact = "sip:8002@127.0.0.21:5060"
"#;

const CUSTOMER: &str = "13900139000";
/// After the time that was promised a customer is called late.
const WITHIN: u64 = 600;

impl World {
    /// 8001 has promised the customer a call in ten minutes.
    fn promised() -> World {
        let mut world = World::with(carrier(), PLAN);
        world.promises(600);
        assert_eq!(world.last().state, PromiseState::Open);
        world
    }

    fn promises(&mut self, seconds: u64) {
        let (extension, number) = ("8001".to_owned(), Masked::from(CUSTOMER));
        let due = self.now.wall + Duration::from_secs(seconds);
        let command = Command::Promise { extension, number, due };
        self.exchange.handle_input(self.now, Input::Command { id: 7, command });
        self.settle();
    }

    fn replies(&self) -> usize {
        self.outputs.iter().filter(|output| matches!(output, Output::Reply { .. })).count()
    }

    fn said(&self) -> Vec<Promise> {
        let said = self.outputs.iter().filter_map(|output| match output {
            Output::Record(Record::Promise(promise)) => Some((**promise).clone()),
            _ => None,
        });
        said.collect()
    }

    fn last(&self) -> Promise {
        self.said().pop().expect("a promise")
    }

    /// Whose phone rings, to be told whom to call.
    fn told(&mut self) -> Option<(DialogId, String)> {
        let (dialog, invite) = self.invited(DESK_PHONE)?;
        Some((dialog, invite.uri.dialled().unwrap_or_default()))
    }

    fn away(&mut self, extension: &str) {
        let change = AgentChange::away(AwayReason::Meeting, None);
        let command = Command::SetAgent { extension: extension.to_owned(), change };
        self.exchange.handle_input(self.now, Input::Command { id: 1, command });
        self.settle();
    }

    fn answered_and_pressed(&mut self, key: char) {
        let (dialog, _) = self.told().expect("the phone rings");
        self.accepts(DESK_PHONE, dialog);
        let call = self.last_call();
        self.presses(call, key);
    }
}

#[test]
fn who_promised_is_rung_at_the_time_and_the_customer_when_they_are_there() {
    let mut world = World::promised();
    world.advance(599);
    assert!(world.told().is_none(), "not before its time");
    world.advance(2);
    let (dialog, extension) = world.told().expect("the phone rings");
    assert_eq!(extension, "8001");
    world.accepts(DESK_PHONE, dialog);
    assert!(world.invited(FIRST_TARGET).is_none(), "first the agent hears whom to call, and why");
    let call = world.last_call();
    world.presses(call, '1');
    let (customer, invite) = world.invited(FIRST_TARGET).expect("the customer's phone rings");
    assert_eq!(invite.uri.dialled().as_deref(), Some("+8613900139000"));
    assert_eq!(world.last().state, PromiseState::Open, "nobody has been reached yet");
    world.accepts(FIRST_TARGET, customer);
    assert_eq!(world.exchange.calls[&call].stage(), StageKind::Talk);
    let kept = world.last();
    assert_eq!((kept.state, kept.is_late(), kept.kind), (PromiseState::Kept, false, PromiseKind::Agent));
    assert_eq!((kept.owner.as_deref(), kept.holder.as_deref()), (Some("8001"), Some("8001")));
    world.advance(WITHIN + 24 * 3600);
    assert!(world.told().is_none() && world.said().len() == 2, "once and for all");
}

/// What the agent keys while they talk with the customer.
fn keyed_in_a_talk(keys: &str) -> World {
    let mut world = World::with(carrier(), PLAN);
    assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
    let (dialog, _) = world.told().expect("the agent's phone rings");
    world.accepts(DESK_PHONE, dialog);
    let leg = world.exchange.calls.values().find_map(crate::call::Call::agents_leg).expect("they talk");
    for key in keys.chars() {
        let digit = Masked::new(media::Digit::from_char(key).unwrap());
        let by = media::DigitMeans::TelephoneEvent;
        world.exchange.handle_input(world.now, Input::Media(media::Event::Digit { leg, digit, by }));
        world.settle();
        world.advance(1);
    }
    world
}

#[test]
fn an_agent_promises_by_a_key_and_a_time_and_is_rung_then() {
    // It is 08:26 where the bank is.
    let mut world = keyed_in_a_talk("*70830");
    let made = world.last();
    assert_eq!((made.kind, made.owner.as_deref()), (PromiseKind::Agent, Some("8001")));
    assert_eq!((made.queue.as_str(), made.number), ("consultation", Masked::from("+8613900139000")));
    let call = world.last_call();
    assert_eq!(made.call, Some(call));
    world.hangs_up(call);
    world.advance(300);
    assert_eq!(world.told().expect("the agent's phone rings").1, "8001");
    // A time that is none, one that is thought better of, and one that is not keyed to its end.
    for keys in ["*72561", "*70*", "*708"] {
        let mut world = keyed_in_a_talk(keys);
        world.advance(10);
        assert!(world.said().is_empty(), "{keys}");
        assert_eq!(world.exchange.calls.values().next().map(|call| call.stage()), Some(StageKind::Talk));
    }
}

#[test]
fn an_absent_owners_delegate_calls_and_the_queue_where_the_delegate_will_not() {
    let mut world = World::promised();
    world.away("8001");
    world.advance(601);
    let (dialog, extension) = world.told().expect("the delegate's phone rings");
    assert_eq!(extension, "8002");
    assert_eq!(world.last().holder.as_deref(), Some("8002"));
    world.accepts(DESK_PHONE, dialog);
    let call = world.last_call();
    world.presses(call, '2');
    assert!(world.exchange.calls.is_empty(), "told that somebody else calls, and hung up on");
    assert_eq!(world.last().holder, None, "the queue's");
    assert_eq!(world.owed().len(), 1, "a callback like any other");
    world.agent(AgentChange::Ready);
    let (customer, _) = world.invited(FIRST_TARGET).expect("the customer's phone rings");
    world.accepts(FIRST_TARGET, customer);
    let call = world.last_call();
    world.presses(call, '1');
    let (dialog, _) = world.told().expect("the agent's phone rings");
    world.accepts(DESK_PHONE, dialog);
    let kept = world.last();
    assert_eq!((kept.state, kept.holder), (PromiseState::Kept, None));
    assert!(world.owed().is_empty());
}

#[test]
fn who_does_not_answer_or_presses_nothing_has_not_called() {
    for what in ["silence", "no key", "busy"] {
        let mut world = World::promised();
        world.advance(601);
        let (dialog, _) = world.told().expect("the owner's phone rings");
        match what {
            "silence" => world.advance(21),
            "busy" => world.rejects(DESK_PHONE, dialog, 486),
            _ => {
                world.accepts(DESK_PHONE, dialog);
                world.advance(10);
            }
        }
        let (_, extension) = world.told().unwrap_or_else(|| panic!("the delegate's phone rings: {what}"));
        assert_eq!(extension, "8002", "{what}");
        assert!(world.invited(FIRST_TARGET).is_none(), "the customer hears nothing of it: {what}");
        assert_eq!(world.last().tries, 0, "{what}");
    }
}

#[test]
fn a_customer_who_is_not_there_is_called_again_by_the_rule_and_then_a_persons_business() {
    let mut world = World::promised();
    world.advance(601);
    for tries in 1..=2 {
        world.answered_and_pressed('1');
        let (customer, _) = world.invited(FIRST_TARGET).expect("the customer's phone rings");
        world.rejects(FIRST_TARGET, customer, 486);
        let said = world.last();
        assert_eq!((said.tries, said.last.as_deref()), (tries, Some("busy")));
        if tries == 1 {
            world.advance(290);
            assert!(world.told().is_none(), "not before five minutes");
            world.advance(11);
        }
    }
    assert_eq!(world.last().state, PromiseState::PassedOn);
    world.advance(24 * 3600);
    assert!(world.told().is_none());
}

#[test]
fn a_busy_owner_is_waited_for_until_it_gets_late() {
    let mut world = World::with(carrier(), PLAN);
    world.exchange.config.call.promise_within = Duration::from_secs(60);
    world.promises(600);
    world.advance(590);
    assert_eq!(world.call(FIRST_TARGET, "13700137000", "100", &[]), Some(200));
    let (dialog, _) = world.told().expect("the owner serves somebody else");
    world.accepts(DESK_PHONE, dialog);
    world.advance(60);
    assert!(world.told().is_none(), "nobody else is asked yet");
    world.advance(30);
    let (_, extension) = world.told().expect("it is late: the delegate's phone rings");
    assert_eq!(extension, "8002");
}

#[test]
fn what_nobody_even_tried_is_broken() {
    let mut world = World::promised();
    world.away("8001");
    world.away("8002");
    world.advance(601);
    assert_eq!(world.last().holder, None);
    world.advance(7 * 24 * 3600);
    let broken = world.last();
    assert_eq!((broken.state, broken.tries), (PromiseState::Broken, 0));
    assert!(world.owed().is_empty(), "and nobody calls them in the night of some other day");
}

#[test]
fn a_restart_forgets_no_promise_and_keeps_each_once() {
    let world = World::promised();
    let left = vec![world.last()];
    let mut next = World::with(carrier(), PLAN);
    next.exchange.ids = crate::base::Ids { call: 50, ..Ids::default() };
    next.now.wall = world.now.wall;
    next.exchange.handle_input(next.now, Input::RestorePromises(left.clone()));
    next.advance(601);
    next.answered_and_pressed('1');
    let (customer, _) = next.invited(FIRST_TARGET).expect("the customer's phone rings");
    next.accepts(FIRST_TARGET, customer);
    assert_eq!((next.last().promise, next.last().state), (left[0].promise, PromiseState::Kept));
    // What had been handed to the queue, and whose callback was not written any more.
    let mut last = World::with(carrier(), PLAN);
    last.exchange.ids = crate::base::Ids { call: 50, ..Ids::default() };
    let queues = Promise { holder: None, ..left[0].clone() };
    last.exchange.handle_input(last.now, Input::RestorePromises(vec![queues]));
    last.settle();
    assert_eq!(last.owed().len(), 1);
}

#[test]
fn what_cannot_be_is_not_promised_and_what_a_person_settles_is_over() {
    let refused = |world: &mut World| match world.outputs.pop() {
        Some(Output::Reply { reply: Reply::Refused(why), .. }) => why,
        other => panic!("{other:?}"),
    };
    let mut world = World::with(carrier(), PLAN);
    let (extension, number) = ("8001".to_owned(), Masked::from("0044123"));
    let due = world.now.wall + Duration::from_secs(5);
    let command = Command::Promise { extension, number, due };
    world.exchange.handle_input(world.now, Input::Command { id: 7, command });
    world.settle();
    assert!(refused(&mut world).contains("callback_to"));
    world.disk = None;
    let replies = world.replies();
    world.promises(600);
    assert_eq!(world.replies(), replies, "nobody is told before it is on the disk");
    world.advance(11);
    assert!(matches!(world.outputs.pop(), Some(Output::Reply { reply: Reply::Refused(_), id: 7 })));
    assert!(matches!(world.outputs.last(), Some(Output::Record(Record::PromiseUnmade(_)))));
    world.disk = Some(true);
    world.promises(600);
    let promise = world.last().promise;
    let settle = |world: &mut World, promise: CallId| {
        let command = Command::SettlePromise { promise, kept: true };
        world.exchange.handle_input(world.now, Input::Command { id: 8, command });
        world.settle();
    };
    settle(&mut world, promise);
    assert_eq!(world.last().state, PromiseState::Kept);
    settle(&mut world, promise);
    assert!(refused(&mut world).contains("no open promise"));
    world.advance(3600);
    assert!(world.told().is_none());
}

#[test]
fn a_place_in_line_that_is_kept_is_a_promise_from_the_beginning() {
    let mut world = World::booked_by(PLAN);
    let made = world.last();
    assert_eq!((made.kind, made.state, made.owner.clone()), (PromiseKind::Place, PromiseState::Open, None));
    assert!(made.call.is_some());
    // They call first, and have what they were promised.
    assert_eq!(world.call(FIRST_TARGET, CUSTOMER, "100", &[]), Some(200));
    assert_eq!((world.last().promise, world.last().state), (made.promise, PromiseState::Kept));
    let mut world = World::booked_by(PLAN);
    let callback = world.last().promise;
    world
        .exchange
        .handle_input(world.now, Input::Command { id: 2, command: Command::CancelCallback { callback } });
    world.settle();
    assert_eq!(world.last().state, PromiseState::PassedOn);
}
