//! No log line shows a caller's number or what a caller keys in, at any level.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotline::base::Instant;
use hotline::sim::{Act, Caller, Desk, DeskAct, Nature, Setup, When, World};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::ladders::PLAN;
use super::plans;

/// Keeps every line.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Listener {
    fn hear(&self, target: &str, record: impl FnOnce(&mut Line<'_>)) {
        let mut text = self.0.lock().unwrap();
        text.push_str(target);
        record(&mut Line(&mut text));
        text.push('\n');
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.hear(span.metadata().name(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.hear("record", |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.hear(event.metadata().target(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn no_number_and_no_key_of_a_caller_is_in_a_log() {
    const NUMBER: &str = "13912345678";
    let heard = Listener::default();
    // With one dispatcher only, `tracing` asks whichever thread comes first what shall be heard; with two it asks both.
    let _second = tracing::Dispatch::new(Listener::default());
    tracing::subscriber::with_default(heard.clone(), || {
        let setup =
            Setup { desks: vec![Desk::new("1001"), Desk::new("1002")], ..Setup::new(plans::small(PLAN)) };
        let mut world = World::new(setup);
        world.desk_at(Instant::ZERO, 0, DeskAct::Register);
        let second = Duration::from_secs(1);
        let scripts = [
            vec![
                (When::Hears("topic/consult", second), Act::Press('1')),
                (When::Talks(second * 20), Act::HangUp),
            ],
            vec![
                (When::Hears("topic/consult", second), Act::Press('7')),
                (When::After(second * 9), Act::Vanish),
            ],
            vec![
                (When::Hears("topic/consult", second), Act::Press('4')),
                (When::Speaks(second), Act::Speak(second * 5)),
                (When::After(second * 3), Act::HangUp),
            ],
        ];
        for (at, script) in scripts.into_iter().enumerate() {
            let caller = Caller::new(NUMBER, "10000", Nature::Script(script));
            world.call_at(Instant::ZERO + second * (5 + 90 * at as u32), caller);
        }
        world.run_until(Instant::ZERO + second * 400);
        assert!(world.drain(second * 600));
    });
    let text = heard.0.lock().unwrap().clone();
    assert!(text.contains("13*******78"), "the masked number is there: {text}");
    for line in text.lines() {
        assert!(!line.contains(NUMBER), "{line}");
        assert!(!line.contains(&NUMBER[3..]), "{line}");
        assert!(!line.contains("digit="), "{line}");
    }
}
