//! What the checker accepts never gets stuck, never goes round without the caller, and always ends; what it refuses as a
//! dead end is one: over plans that chance makes, and callers who do what comes to their mind.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use hotline::base::{AwayReason, Instant, Masked, Now};
use hotline::dialplan::{
    Action, Cursor, DialEnd, Event, Examined, Facts, MessageEnd, Origin, Plan, QueueEnd, SourceFile, What,
    examine,
};
use proptest::prelude::*;

use super::{catalog, shipped, show, walk};

/// Flows of a plan that chance makes.
const FLOWS: usize = 6;

/// A step, as it is written; targets are flows by number.
fn step() -> impl Strategy<Value = String> {
    let flow = || (0..FLOWS).prop_map(|flow| format!("\"f{flow}\""));
    let words = prop::sample::select(vec!["greeting/welcome", "transfer/failed", "closed/after-hours"]);
    prop_oneof![
        4 => words.prop_map(|prompt| format!("play = \"{prompt}\"")),
        2 => Just("say = \"greeting\"".to_owned()),
        3 => flow().prop_map(|to| format!("goto = {to}")),
        4 => (0..3usize).prop_map(|menu| format!("menu = \"m{menu}\"")),
        2 => (flow(), flow()).prop_map(|(a, b)| {
            format!("hours = {{ calendar = \"day\", closed = {a}, holiday = {b} }}")
        }),
        2 => (flow(), flow()).prop_map(|(a, b)| {
            format!("hours = {{ calendar = \"night\", open = {a}, closed = {b} }}")
        }),
        2 => flow().prop_map(|to| format!("lookup = {{ list = \"vip\", found = {to} }}")),
        1 => flow().prop_map(|to| format!("lookup = {{ list = \"some\", missing = {to} }}")),
        1 => flow().prop_map(|to| {
            format!("collect = {{ into = \"x\", ask = \"menu/enter-extension\", tries = 2, on_failure = {to} }}")
        }),
        2 => (flow(), flow(), flow()).prop_map(|(a, b, c)| {
            format!("queue = {{ to = \"help\", keys = {{ 2 = {a} }}, on_full = {b}, on_max_wait = {c} }}")
        }),
        1 => Just("queue = \"help\"".to_owned()),
        2 => (flow(), flow()).prop_map(|(a, b)| {
            format!("dial = {{ to = \"4001\", on_busy = {a}, on_no_answer = {b} }}")
        }),
        1 => Just("dial = { value = \"dialled\" }".to_owned()),
        1 => flow().prop_map(|to| format!("message = {{ box = \"team\", on_nothing = {to} }}")),
        2 => Just("hang_up = {}".to_owned()),
    ]
}

/// How a flow ends that somebody has thought about.
fn end() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("hang_up = {}".to_owned()),
        3 => Just("queue = \"help\"".to_owned()),
        2 => Just("message = { box = \"team\" }".to_owned()),
        1 => Just("dial = \"4001\"".to_owned()),
        1 => step(),
    ]
}

/// A whole plan: flows, three menus, two calendars, two lists.
fn text() -> impl Strategy<Value = String> {
    let flow = (prop::collection::vec(step(), 0..4), end());
    let flow = flow.prop_map(|(mut steps, end)| {
        steps.push(end);
        steps
    });
    let flows = prop::collection::vec(flow, FLOWS);
    let menu = (prop::collection::vec(0..FLOWS, 1..4), 0..FLOWS, 1..3u8, any::<bool>());
    (flows, prop::collection::vec(menu, 3)).prop_map(|(flows, menus)| {
        let mut text = String::from(
            "[hotline]\nname = \"Chance\"\n[numbers]\n10000 = \"f0\"\n10001 = \"f1\"\n\
             [calendar.day]\nopen = { mon-fri = \"09:00-18:00\" }\n\
             [calendar.night]\nopen = { mon-sun = \"20:00-24:00\" }\n\
             [list.vip]\nentries = [\"13800138000\", \"139.\"]\n[list.some]\nentries = [\"138.\"]\n\
             [skill.help]\n[queue.help]\nskills = { help = 1 }\n[agent.1001]\nskills = { help = 5 }\n\
             [agent.4001]\nmailbox = true\n",
        );
        for (number, steps) in flows.iter().enumerate() {
            for step in steps {
                let _ = write!(text, "[[flow.f{number}]]\n{step}\n");
            }
        }
        for (number, (keys, exhausted, tries, repeats)) in menus.iter().enumerate() {
            let _ = writeln!(text, "[menu.m{number}]\ntries = {tries}\nexhausted = \"f{exhausted}\"");
            let _ = writeln!(text, "[menu.m{number}.keys]");
            for (key, to) in (1..).zip(keys) {
                let _ = writeln!(text, "{key} = {{ say = \"topic/consult\", goto = \"f{to}\" }}");
            }
            if *repeats {
                text.push_str("9 = { say = \"topic/repeat\", repeat = true }\n");
            }
        }
        text
    })
}

fn examined(text: &str) -> Examined {
    let file = SourceFile { name: "chance.toml".to_owned(), text: text.to_owned() };
    examine(&[file], catalog(), &hotline::dialplan::Around::default())
}

/// What a caller, or whoever they are sent to, does next: numbers that chance has drawn, used one after the other.
struct Chance {
    drawn: Vec<u8>,
    at: usize,
    /// Presses nothing at all.
    mute: bool,
}

impl Chance {
    fn of(&mut self, many: u8) -> u8 {
        self.at += 1;
        let drawn = self.drawn.get(self.at % self.drawn.len().max(1)).copied().unwrap_or(0);
        // The same few numbers shall not lead the same way for ever.
        (drawn.wrapping_add((self.at / self.drawn.len().max(1)) as u8)) % many
    }
}

/// What a call came to.
#[derive(Default, Debug)]
struct Journey {
    over: bool,
    /// Neither over nor waiting for anything.
    stuck: bool,
    /// Somebody was rung, a line joined, a message asked for, or a written goodbye was said.
    met: bool,
    /// The longest run of events in which the caller, and whoever they were sent to, had no part.
    alone: usize,
    /// So many steps without waiting for anything: the interpreter's last resort.
    goes_round: bool,
}

/// Makes one call with the interpreter. `most` events, of which a mute caller needs far fewer.
fn call(
    plan: &Arc<Plan>,
    dialled: &str,
    from: &str,
    time: &str,
    chance: &mut Chance,
    most: usize,
) -> Journey {
    let now = Now { mono: Instant::ZERO, wall: walk::at(plan, time) };
    let facts = Facts {
        from: Masked::from(from),
        dialled: dialled.to_owned(),
        owner: None,
        origin: Origin::Caller,
        now,
    };
    let goodbyes: BTreeSet<String> = plan
        .graph()
        .nodes()
        .filter(|(_, node)| node.what == What::Goodbye && node.is_step())
        .map(|(_, node)| node.label())
        .collect();
    let mut cursor = Cursor::new(plan.clone(), plan.entry(dialled, Origin::Caller).unwrap(), facts);
    let mut journey = Journey::default();
    let (mut playing, mut armed, mut alone) = (false, false, 0);
    let mut event = Event::Begin;
    for _ in 0..most {
        let mut out = Vec::new();
        let by_somebody =
            matches!(event, Event::Digit(_) | Event::QueueEnded(QueueEnd::Served | QueueEnd::Key(_)));
        match event {
            Event::Played => playing = false,
            Event::TimedOut => armed = false,
            _ => {}
        }
        alone = if by_somebody { 0 } else { alone + 1 };
        journey.alone = journey.alone.max(alone);
        cursor.handle(now, event, &mut out);
        let (mut asked, mut steps) = (None, 0);
        for action in out {
            match action {
                Action::Play(_) => playing = true,
                Action::StopPlaying => playing = false,
                Action::Arm(_) => armed = true,
                Action::Disarm => armed = false,
                Action::HangUp => journey.over = true,
                Action::Step { file, line, label } => {
                    steps += 1;
                    journey.goes_round |= steps >= ROUND;
                    journey.met |= goodbyes.contains(&format!("{label} ({file}:{line})"));
                }
                Action::Queue { keys, .. } => {
                    let key = keys.first().copied().filter(|_| !chance.mute);
                    asked = Some(Event::QueueEnded(match (chance.of(6), key) {
                        (0, Some(key)) => QueueEnd::Key(key),
                        (1, _) => QueueEnd::Full,
                        (2, _) => QueueEnd::NobodySignedOn,
                        (3, _) => QueueEnd::MaxWait,
                        (4, _) => QueueEnd::Closed,
                        _ => QueueEnd::Served,
                    }));
                    journey.met = true;
                }
                Action::Dial { .. } => {
                    let away = DialEnd::Away { reason: AwayReason::Meeting, until: None, delegate: false };
                    asked = Some(Event::DialEnded(match chance.of(5) {
                        0 => DialEnd::Busy,
                        1 => DialEnd::NoAnswer,
                        2 => away,
                        3 => DialEnd::Unreachable,
                        _ => DialEnd::Served,
                    }));
                    journey.met = true;
                }
                Action::Message { .. } => {
                    asked = Some(Event::MessageEnded(match chance.of(3) {
                        0 => MessageEnd::Saved,
                        1 => MessageEnd::Nothing,
                        _ => MessageEnd::Failed,
                    }));
                    journey.met = true;
                }
                _ => {}
            }
        }
        if journey.over {
            return journey;
        }
        let key = b"123456789*#0"[usize::from(chance.of(12))] as char;
        event = match asked {
            Some(event) => event,
            None if !chance.mute && (playing || armed) && chance.of(3) == 0 => Event::Digit(key),
            None if playing => Event::Played,
            None if armed => Event::TimedOut,
            None => {
                journey.stuck = true;
                return journey;
            }
        };
    }
    journey
}

/// More steps than such a plan has.
const ROUND: usize = 100;

/// Whoever is mute comes to the end by so many events, whatever becomes of them on the way: no step is met twice, and
/// none asks more often than this.
const MUTE_MOST: usize = 1_500;

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_always_ends_and_what_is_refused_is_shown(
        text in text(),
        drawn in prop::collection::vec(any::<u8>(), 8..40),
        vip in any::<bool>(),
        late in any::<bool>(),
    ) {
        let Examined { plan, sound, diagnostics } = examined(&text);
        let Some(plan) = plan.map(Arc::new) else {
            return Err(TestCaseError::fail(format!("{}\n{text}", show(&diagnostics))));
        };
        for one in &diagnostics {
            let Some(witness) = &one.witness else { continue };
            prop_assert!(witness.is_true(&plan), "{witness}\n{text}");
            if one.reason.contains("without a person") {
                let (_, over) = witness.replay(&plan);
                prop_assert!(over, "a dead end that goes on: {witness}\n{text}");
            }
        }
        if !sound {
            return Ok(());
        }
        let from = if vip { "13800138000" } else { "13512345678" };
        let time = if late { "2026-11-20T21:00:00" } else { "2026-11-20T10:00:00" };
        for dialled in ["10000", "10001"] {
            let mut chance = Chance { drawn: drawn.clone(), at: 0, mute: true };
            let journey = call(&plan, dialled, from, time, &mut chance, MUTE_MOST);
            prop_assert!(journey.over && !journey.stuck, "mute: {journey:?}\n{text}");
            prop_assert!(journey.met, "ends in nothing: {journey:?}\n{text}");
            prop_assert!(!journey.goes_round, "goes round: {journey:?}\n{text}");
            let mut chance = Chance { drawn: drawn.clone(), at: 0, mute: false };
            let journey = call(&plan, dialled, from, time, &mut chance, 2_000);
            prop_assert!(!journey.stuck && !journey.goes_round, "{journey:?}\n{text}");
            prop_assert!(journey.alone < 1_000, "goes on by itself: {journey:?}\n{text}");
            prop_assert!(!journey.over || journey.met, "ends in nothing: {journey:?}\n{text}");
        }
    }

    /// Octets changed, lines lost, doubled and moved: diagnostics, and never a panic.
    #[test]
    fn a_file_that_was_torn_ends_in_diagnostics(
        which in any::<prop::sample::Index>(),
        tears in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5u8), 1..6),
    ) {
        let mut files = shipped();
        let at = which.index(files.len());
        let file = &mut files[at];
        for (place, with, kind) in tears {
            let mut lines: Vec<String> = file.text.lines().map(str::to_owned).collect();
            if lines.is_empty() {
                break;
            }
            let line = place.index(lines.len());
            match kind {
                0 => drop(lines.remove(line)),
                1 => lines.insert(line, lines[line].clone()),
                2 => {
                    let other = usize::from(with) % lines.len();
                    lines.swap(line, other);
                }
                3 => {
                    let mut octets = lines[line].clone().into_bytes();
                    let at = usize::from(with) % octets.len().max(1);
                    if let Some(octet) = octets.get_mut(at) {
                        *octet = with;
                    }
                    lines[line] = String::from_utf8_lossy(&octets).into_owned();
                }
                _ => {
                    let keep = lines[line].chars().take(usize::from(with) % 40).collect();
                    lines[line] = keep;
                }
            }
            file.text = lines.join("\n");
        }
        let looked = examine(&files, catalog(), &hotline::dialplan::Around::default());
        prop_assert_eq!(looked.sound, !show(&looked.diagnostics).contains("mistake:"));
        prop_assert!(looked.plan.is_some() || !looked.sound);
    }
}
