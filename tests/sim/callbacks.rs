//! Callbacks with the place kept: whoever was promised one is called when the turn comes and not before, is served once,
//! and overtakes nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hotline::base::{CallId, Instant, Rng};
use hotline::exchange::FloorEvent;
use hotline::sim::{Act, Caller, Desk, DeskAct, Exchanges, Nature, Reaction, Ring, Setup, When, World};

use super::plans;

const PLAN: &str = r#"
[hotline]
name = "Callbacks"

[numbers]
10000 = "main"

[[flow.main]]
queue = { to = "consult", before = [], keys = { 1 = "callback" }, offer = "queue/offer-callback" }

[[flow.callback]]
callback = "consult"

[queue.consult]
skills = { consult = 1 }
wrap_up = "5 s"
max_wait = "never"
choice_after = "never"
offer_after = "5 s"
position = false
record = false
left_in_line = "serve"
callback_to = ["1."]
callback_tries = 2
callback_every = "60 s"
callback_ring = "20 s"

[skill.consult]

[agent.1001]
skills = { consult = 5 }
ready = true

[agent.1002]
skills = { consult = 5 }
ready = true
"#;

const SECOND: Duration = Duration::from_secs(1);
/// The first call; the ladder counts from its arrival.
const BEGIN: Duration = Duration::from_secs(10);
const PEOPLE: u64 = 60;
/// What happens at the same moment may be told in another order.
const MOMENT: Duration = Duration::from_millis(30);

/// What becomes of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Served,
    Cancelled,
    GivenUp,
}

/// Somebody who calls.
struct Somebody {
    /// Takes the offer of a callback; so often their telephone rings then, and what comes of it.
    books: Option<(u32, End)>,
    /// Calls again before long.
    calls_again: bool,
}

fn number(of: u64) -> String {
    format!("1390000{of:04}")
}

fn rings(rng: &mut Rng) -> (Vec<Ring>, u32, End) {
    let mut rings = Vec::new();
    let press = |key| vec![(When::Hears("callback/answer", SECOND), Act::Press(key))];
    let answers = |script| {
        let who = Box::new(Caller::new("", "", Nature::Script(script)));
        Ring::Answers { after: SECOND * 3, who }
    };
    for rung in 1..=2 {
        match rng.below(8) {
            0 => rings.push(Ring::Refuses(486)),
            1 => rings.push(Ring::NobodyThere),
            // A machine.
            2 => rings.push(answers(Vec::new())),
            3 => {
                rings.push(answers(press('2')));
                return (rings, rung, End::Cancelled);
            }
            _ => {
                rings.push(answers(press('1')));
                return (rings, rung, End::Served);
            }
        }
    }
    (rings, 2, End::GivenUp)
}

/// More people than two agents can serve, for half an hour; then everybody's callback comes to its end.
fn half_an_hour(seed: u64, exchanges: Exchanges) -> (World, Vec<Somebody>) {
    let mut rng = Rng::from_number(seed);
    let mut desk = |extension| {
        let talk = || {
            let talks_for = Some(SECOND * u32::try_from(40 + rng.below(80)).unwrap());
            Reaction::Answer { after: SECOND * 2, talks_for, holds: None, hands_on: None }
        };
        Desk::new(extension).with(std::iter::repeat_with(talk).take(200))
    };
    let desks = vec![desk("1001"), desk("1002")];
    let mut world =
        World::new(Setup { desks, ladder: true, seed, exchanges, ..Setup::new(plans::small(PLAN)) });
    (0..2).for_each(|desk| world.desk_at(Instant::ZERO, desk, DeskAct::Register));
    let mut people = Vec::new();
    for of in 0..PEOPLE {
        let begins =
            BEGIN + if of == 0 { Duration::ZERO } else { SECOND * u32::try_from(rng.below(1800)).unwrap() };
        let books = rng.below(10) < 6;
        let calls_again = books && rng.below(4) == 0;
        let offer = When::Hears("queue/offer-callback", SECOND);
        let script = if books { vec![(offer, Act::Press('1'))] } else { Vec::new() };
        world.call_at(Instant::ZERO + begins, Caller::new(number(of), "10000", Nature::Script(script)));
        if calls_again {
            let again = begins + SECOND * u32::try_from(30 + rng.below(400)).unwrap();
            world
                .call_at(Instant::ZERO + again, Caller::new(number(of), "10000", Nature::Script(Vec::new())));
        }
        let books = books.then(|| {
            let (rings, rung, end) = rings(&mut rng);
            world.expect(&number(of), rings);
            (rung, end)
        });
        people.push(Somebody { books, calls_again });
    }
    world.run_until(Instant::ZERO + SECOND * 7200);
    (world, people)
}

/// A caller who stands in line with a telephone at the ear.
#[derive(Clone, Copy, Debug)]
struct Stand {
    of: u64,
    place: Instant,
    since: Instant,
    until: Instant,
}

/// What those who follow the floor were told.
#[derive(Default)]
struct Told {
    /// The place of each number, as long as it is kept for somebody.
    places: BTreeMap<u64, Instant>,
    /// Who was promised a callback, and the place that is kept for it.
    booked: BTreeMap<u64, Instant>,
    answered: BTreeMap<u64, u32>,
    given_up: BTreeSet<u64>,
    stands: Vec<Stand>,
}

fn told(world: &World, seed: u64) -> Told {
    let mut told = Told::default();
    let mut waiting: BTreeMap<CallId, Stand> = BTreeMap::new();
    let mut offered: BTreeMap<CallId, Stand> = BTreeMap::new();
    let mut offers = Vec::new();
    let last_digits = |masked: &str| masked[masked.len() - 2..].parse::<u64>().expect("two digits");
    for (at, event) in world.floor() {
        match event {
            FloorEvent::Joined { call, from, kept, .. } => {
                let of = last_digits(from);
                let place = told.places.get(&of).copied().filter(|_| *kept).unwrap_or(*at);
                told.places.insert(of, place);
                waiting.insert(*call, Stand { of, place, since: *at, until: Instant::from_micros(u64::MAX) });
            }
            FloorEvent::Offered { call, .. } => {
                let Some(stand) = waiting.remove(call) else { panic!("{call} is offered, and not in line") };
                offers.push((*at, stand));
                told.stands.push(Stand { until: *at, ..stand });
                offered.insert(*call, stand);
            }
            FloorEvent::NotTaken { call, .. } => {
                waiting.extend(offered.remove(call).map(|stand| (*call, stand)))
            }
            FloorEvent::Answered { call, .. } => {
                if let Some(stand) = offered.remove(call) {
                    *told.answered.entry(stand.of).or_default() += 1;
                }
            }
            FloorEvent::Left { call, why, .. } => {
                let stand = waiting.remove(call).or(offered.remove(call));
                if let Some(stand) = stand {
                    told.stands.push(Stand { until: *at, ..stand });
                    if why == "key" {
                        told.booked.insert(stand.of, stand.place);
                    }
                }
            }
            FloorEvent::CallbackGivenUp { number, .. } => {
                told.given_up.insert(last_digits(number));
            }
            _ => {}
        }
    }
    told.stands.extend(waiting.into_values());
    for (at, stand) in offers {
        let passed = told.passed(at, stand.of, stand.place);
        assert!(passed.is_none(), "seed {seed}, {at}: {stand:?} is served before {passed:?}");
    }
    told
}

impl Told {
    /// Who stood in line at this time and had come before somebody else whose turn it was.
    fn passed(&self, at: Instant, of: u64, place: Instant) -> Option<&Stand> {
        let earlier = |stand: &&Stand| stand.of != of && stand.place + MOMENT < place;
        let there = |stand: &&Stand| stand.since + MOMENT < at && stand.until > at + MOMENT;
        self.stands.iter().filter(earlier).find(there)
    }
}

/// When the hotline called whom.
fn called(world: &World) -> BTreeMap<u64, Vec<Instant>> {
    let mut called: BTreeMap<u64, Vec<Instant>> = BTreeMap::new();
    for line in world.ladder().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [at, _, "<", "INVITE", number] = words[..] else { continue };
        let Some(of) = number.strip_prefix("1390000") else { continue };
        let at = Duration::from_secs_f64(at.parse().expect("seconds"));
        // The first caller's message was 10 ms under way.
        let at = Instant::ZERO + BEGIN + Duration::from_millis(10) + at;
        called.entry(of.parse().expect("a number")).or_default().push(at);
    }
    called
}

/// Checks one half hour; how many callbacks were booked.
fn check(seed: u64, exchanges: Exchanges) -> usize {
    let (mut world, people) = half_an_hour(seed, exchanges);
    let (told, called) = (told(&world, seed), called(&world));
    for (of, somebody) in (0..).zip(&people) {
        let rung = called.get(&of).map_or(&[][..], Vec::as_slice);
        let served = told.answered.get(&of).copied().unwrap_or(0);
        let (Some((rings, end)), Some(place)) = (somebody.books, told.booked.get(&of)) else {
            assert!(rung.is_empty(), "seed {seed}: {of} was called and had booked nothing");
            assert_eq!(served, 1 + u32::from(somebody.calls_again), "seed {seed}: {of} waited to the end");
            continue;
        };
        // In no case before their turn: nobody who came earlier stands in line then.
        for at in rung {
            let passed = told.passed(*at, of, *place);
            assert!(passed.is_none(), "seed {seed}: {of} is called at {at}, before {passed:?}");
        }
        if somebody.calls_again {
            assert!(rung.len() <= rings as usize, "seed {seed}: {of} was called {} times", rung.len());
            assert!((1..=2).contains(&served), "seed {seed}: {of} was served {served} times");
            continue;
        }
        assert_eq!(rung.len(), rings as usize, "seed {seed}: {of}, {end:?}");
        assert_eq!(served, u32::from(end == End::Served), "seed {seed}: {of}, {end:?}");
        assert_eq!(told.given_up.contains(&of), end == End::GivenUp, "seed {seed}: {of}");
    }
    assert!(world.drain(SECOND * 600) && world.broken().is_empty(), "seed {seed}: {:?}", world.broken());
    told.booked.len()
}

#[test]
fn who_is_promised_a_callback_is_called_in_turn_and_served_once() {
    let booked: usize = (1..=12).map(|seed| check(seed, Exchanges::ONE)).sum();
    assert!(booked > 200, "{booked}");
}

/// Calls of either exchange, one of which keeps the callback, and words between them that come late.
#[test]
fn over_two_exchanges_as_well() {
    let booked: usize = (1..=6).map(|seed| check(seed, Exchanges { of: 2, room: 64 })).sum();
    assert!(booked > 100, "{booked}");
}

/// "About five minutes" is a promise, too: who books hears the time, and it stands in what they are promised.
#[test]
fn the_wait_that_is_told_when_a_callback_is_booked_is_promised() {
    let (world, _) = half_an_hour(1, Exchanges::ONE);
    let booked: Vec<&str> =
        world.ladder().lines().filter(|line| line.contains("callback/accepted")).collect();
    let timed = booked.iter().filter(|line| line.contains("queue/wait-")).count();
    assert!(booked.len() > 10 && timed * 10 > booked.len() * 9, "{timed} of {}: {booked:#?}", booked.len());
    let promised: Vec<bool> = world
        .floor()
        .iter()
        .filter_map(|(_, event)| match event {
            FloorEvent::Promise { by, result, .. } if result == "open" => Some(by.is_some()),
            _ => None,
        })
        .collect();
    let far_off = booked.iter().filter(|line| line.contains("queue/wait-long")).count();
    assert_eq!(promised.iter().filter(|by| **by).count(), timed - far_off, "a time that is said has a clock");
}
