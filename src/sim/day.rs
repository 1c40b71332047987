//! A working day of a bank's hotline.

use std::sync::Arc;
use std::time::Duration;

use super::called::Ring;
use super::caller::{Act, Caller, Listening, MessageHabit, Nature, Person, When, Wish};
use super::chance::Chance;
use super::desk::{Desk, DeskAct, Habits};
use super::faults::{self, Fault};
use super::house::Exchanges;
use super::network::Conditions;
use super::report::Report;
use super::sabotage::Sabotage;
use super::setup::{Setup, Watch};
use super::world::World;
use crate::base::{AwayReason, Instant, Masked, Rng, Wall};
use crate::dialplan::{Origin, Plan, SourceFile};
use crate::exchange::{AgentChange, AwayOrder, Command, Trial};

/// Monday, 23 November 2026, 8 o'clock in Beijing.
const MORNING: Wall = Wall::from_micros(1_795_392_000_000_000);

/// The phones register before the first call comes.
const BEFORE_OPENING: Duration = Duration::from_secs(60);

/// Within this time after the last call has come the agents sign off.
const CLOSING: Duration = Duration::from_secs(300);

/// So long may the last calls take: the longest wait, a long talk, a session timer.
const DRAIN: Duration = Duration::from_secs(2 * 3600);

/// What kind of day.
#[derive(Clone)]
pub struct Day {
    /// Phones stand on the desks of all its agents who have an account.
    pub plan: Arc<Plan>,
    /// What a reload in the middle of the day brings, and the next one takes back.
    pub other_plan: Option<Arc<Plan>>,
    pub seed: u64,
    pub calls: u32,
    pub length: Duration,
    pub conditions: Conditions,
    /// On average one mishap in this time; `None` for a day without.
    pub fault_every: Option<Duration>,
    /// Mishaps at given times of the day, beside those.
    pub faults: Vec<(Duration, Fault)>,
    /// A plan that some callers meet first.
    pub canary: Option<Canary>,
    pub watch: Watch,
    pub sabotage: Option<Sabotage>,
    pub exchanges: Exchanges,
    /// Of a thousand calls so many are handed on by the agent.
    pub hands_on_per_mille: u64,
    /// So many customers are promised a call by an agent, by order.
    pub promised: u32,
    /// So long the house stays open after the last call has come: what was promised is kept then, or not.
    pub evening: Duration,
}

/// A plan on trial.
#[derive(Clone)]
pub struct Canary {
    /// Of the day.
    pub at: Duration,
    pub plan: Arc<Plan>,
    pub per_mille: u16,
    /// Accepted after it, unless something gets worse.
    pub length: Option<Duration>,
}

impl Day {
    /// Twelve hours, 1 % loss, a mishap every two minutes.
    pub fn new(plan: Arc<Plan>, seed: u64, calls: u32) -> Self {
        Day {
            plan,
            other_plan: None,
            seed,
            calls,
            length: Duration::from_secs(12 * 3600),
            conditions: Conditions::ORDINARY,
            fault_every: Some(Duration::from_secs(120)),
            faults: Vec::new(),
            canary: None,
            watch: Watch::Every(512),
            sabotage: None,
            exchanges: Exchanges::ONE,
            hands_on_per_mille: Habits::default().hands_on_per_mille,
            promised: 0,
            evening: Duration::ZERO,
        }
    }

    /// Eight hours over [`Conditions::HARSH`], and a mishap every half minute.
    pub fn harsh(plan: Arc<Plan>, seed: u64, calls: u32) -> Self {
        Day {
            length: Duration::from_secs(8 * 3600),
            conditions: Conditions::HARSH,
            fault_every: Some(Duration::from_secs(30)),
            ..Day::new(plan, seed, calls)
        }
    }
}

/// Agents for a day with so many calls, to be loaded beside the shipped dialplan, whose skills it uses. Most know
/// consultation only, some complaints too, few everything.
pub fn staff(agents: u32) -> SourceFile {
    let mut text = String::from("# Agents of a simulated day.\n");
    for number in 0..agents {
        let skills = match number % 11 {
            0..=5 => "consultation = 4",
            6 | 7 => "consultation = 4, complaint = 3",
            8 => "consultation = 3, complaint = 5, english = 4",
            9 => "consultation = 6, complaint = 4, vip = 5, english = 5",
            _ => "consultation = 5, english = 6",
        };
        let group = number / 8;
        text.push_str(&format!(
            "\n[agent.{}]\nskills = {{ {skills} }}\npick_up_groups = [\"room {group}\"]\n",
            5001 + number
        ));
        // Who calls customers back.
        if number % 2 == 0 {
            text.push_str("may_call = [\"1[3-9]xxxxxxxxx\"]\n");
        }
        // Whom callers may ask for urgently, while they are away.
        if number % 3 == 0 {
            let urgent = if number % 2 == 0 { "text" } else { "ring" };
            text.push_str(&format!("mailbox = true\nurgent = \"{urgent}\"\n"));
        }
    }
    SourceFile { name: "simulated-staff.toml".to_owned(), text }
}

/// Lives through the day: with its faults, while nothing may break, and then in peace, when everything has to
/// come to its end.
pub fn day(day: &Day) -> Report {
    let mut rng = Rng::from_number(day.seed ^ 0x5eed);
    let mut world = World::new(Setup {
        other_plan: day.other_plan.clone(),
        seed: day.seed,
        wall: MORNING,
        conditions: day.conditions,
        desks: desks(day),
        watch: day.watch,
        sabotage: day.sabotage,
        exchanges: day.exchanges,
        ..Setup::new(day.plan.clone())
    });
    work(day, &mut world, &mut rng);
    // Their own randomness: what they do at home makes the day itself no other one.
    let mut home = Rng::from_number(day.seed ^ 0x40e);
    for at in arrivals(&mut rng, day.calls, day.length) {
        let caller = caller(&mut rng, &day.plan);
        world.expect(&caller.number, at_home(&mut home));
        world.call_at(Instant::ZERO + BEFORE_OPENING + at, caller);
    }
    for _ in 0..day.promised {
        promise(day, &mut world, &mut rng);
    }
    if let Some(every) = day.fault_every {
        for (at, fault) in faults::schedule(&mut rng, day.length, every) {
            world.fault_at(at + BEFORE_OPENING, fault);
        }
    }
    for (at, fault) in &day.faults {
        world.fault_at(Instant::ZERO + BEFORE_OPENING + *at, *fault);
    }
    if let Some(Canary { at, plan, per_mille, length }) = &day.canary {
        let trial = Trial::new(plan.clone(), *per_mille, *length, day.seed);
        world.canary_at(Instant::ZERO + BEFORE_OPENING + *at, Arc::new(trial));
    }
    world.run_until(Instant::ZERO + BEFORE_OPENING + day.length + CLOSING + day.evening);
    if !world.drain(DRAIN) {
        tracing::error!(calls = world.exchange().calls(), "calls are left at the end of the day");
    }
    world.report()
}

fn desks(day: &Day) -> Vec<Desk> {
    let habits = Habits { hands_on_per_mille: day.hands_on_per_mille, ..Habits::default() };
    let with_phone = day.plan.agents().iter().filter(|agent| agent.account);
    // Every fifth phone is a soft phone behind a router, which registers over a stream.
    with_phone
        .enumerate()
        .map(|(at, agent)| Desk {
            over_tcp: at % 5 == 4,
            habits: habits.clone(),
            // Some old ones know no texts.
            takes_texts: at % 7 != 3,
            answers_texts: true,
            ..Desk::new(&*agent.extension)
        })
        .collect()
}

/// The agents come, take their breaks, have a visitor, and go.
fn work(day: &Day, world: &mut World, rng: &mut Rng) {
    let hours = |share: f64| Instant::ZERO + BEFORE_OPENING + day.length.mul_f64(share);
    let with_phone = day.plan.agents().iter().filter(|agent| agent.account);
    for (at, agent) in with_phone.enumerate() {
        let desk = at as u16;
        world.desk_at(Instant::ZERO + rng.between_ms(0, 30_000), desk, DeskAct::Register);
        let by_code =
            |code: &str| day.plan.entry(code, Origin::Desk(agent.id)).map(|_| DeskAct::Dial(code.to_owned()));
        let change = |world: &mut World, at: Instant, code: &str, change: AgentChange| match by_code(code) {
            Some(act) => world.desk_at(at, desk, act),
            None => {
                let extension = agent.extension.clone();
                world.command_at(at, Command::SetAgent { extension, change });
            }
        };
        if agent.skills.is_empty() {
            // A manager: often in a meeting, never in a queue.
            let began = world.now().wall;
            let wall = |share: f64| began + hours(share).since(Instant::ZERO);
            // Every other one ends by itself; one is agreed on in the morning.
            for (meeting, until) in [(0.1, None), (0.3, Some(0.4)), (0.5, None), (0.7, Some(0.8))] {
                let away = AgentChange::away(AwayReason::Meeting, until.map(wall));
                let extension = agent.extension.clone();
                world.command_at(hours(meeting), Command::SetAgent { extension, change: away });
                if until.is_none() {
                    change(world, hours(meeting + 0.1), "*13", AgentChange::Ready);
                }
            }
            let agreed = AwayOrder {
                reason: AwayReason::Out,
                from: Some(wall(0.85)),
                until: Some(wall(0.95)),
                place: Some("branch".to_owned()),
                delegate: None,
            };
            let (extension, change) = (agent.extension.clone(), AgentChange::Away(Box::new(agreed)));
            world.command_at(hours(0.05), Command::SetAgent { extension, change });
            continue;
        }
        let pause = AgentChange::away(AwayReason::Break, None);
        let visitor = AgentChange::away(AwayReason::Visitor, None);
        change(world, hours(0.0) + rng.between_ms(0, 600_000), "*11", AgentChange::SignOn);
        let lunch = hours(0.3 + 0.1 * rng.unit());
        change(world, lunch, "*144", pause);
        change(world, lunch + rng.between_ms(1_500_000, 2_700_000), "*13", AgentChange::Ready);
        let visit = hours(0.5 + 0.4 * rng.unit());
        change(world, visit, "*142", visitor);
        change(world, visit + rng.between_ms(300_000, 1_200_000), "*13", AgentChange::Ready);
        // Somebody put away after unanswered calls comes back to the desk now and then.
        for hour in 1..12 {
            let back = hours(f64::from(hour) / 12.0) + rng.between_ms(0, 1_200_000);
            if back < lunch || back > lunch + Duration::from_secs(2_700) {
                change(world, back, "*13", AgentChange::Ready);
            }
        }
        change(world, hours(1.0) + rng.between_ms(0, 270_000), "*12", AgentChange::SignOff);
    }
}

/// Times of arrival: a steady stream with a peak in the morning and one in the afternoon, in order.
fn arrivals(rng: &mut Rng, calls: u32, length: Duration) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..calls)
        .map(|_| {
            loop {
                let share = match rng.weighted(&[40, 32, 28]) {
                    0 => rng.unit(),
                    1 => bell(rng, 0.19, 0.08),
                    _ => bell(rng, 0.60, 0.10),
                };
                if (0.0..1.0).contains(&share) {
                    return length.mul_f64(share);
                }
            }
        })
        .collect();
    times.sort();
    times
}

/// Nearly normal: the sum of twelve even draws.
fn bell(rng: &mut Rng, mean: f64, deviation: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| rng.unit()).sum();
    mean + (sum - 6.0) * deviation
}

/// Some agent says, some time of the day, that they call somebody within two hours.
fn promise(day: &Day, world: &mut World, rng: &mut Rng) {
    let agents: Vec<_> = day.plan.agents().iter().filter(|agent| !agent.may_call.is_empty()).collect();
    let Some(agent) = agents.get(rng.below(agents.len().max(1) as u64) as usize) else { return };
    let number = format!("139{:08}", rng.below(100_000_000));
    let said = BEFORE_OPENING + day.length.mul_f64(rng.unit());
    let due = world.now().wall + said + rng.between_ms(60_000, 7_200_000);
    world.expect(&number, at_home(rng));
    let extension = agent.extension.clone();
    let command = Command::Promise { extension, number: Masked::new(number), due };
    world.command_at(Instant::ZERO + said, command);
}

/// What their telephone does when they are called back.
fn at_home(rng: &mut Rng) -> Vec<Ring> {
    let ring = |rng: &mut Rng| match rng.weighted(&[60, 15, 15, 10]) {
        0 => {
            // Who is called by a queue presses a key first; and some time everybody has heard enough.
            let presses = (When::Hears("callback/answer", Duration::from_secs(1)), Act::Press('1'));
            let hangs_up = (When::Talks(Duration::from_secs(60)), Act::HangUp);
            let who = Caller::new("", "", Nature::Script(vec![presses, hangs_up]));
            Ring::Answers { after: Duration::from_secs(4), who: Box::new(who) }
        }
        1 => Ring::Refuses(486),
        2 => Ring::NobodyThere,
        // Somebody who hangs up as soon as they have answered.
        _ => {
            let hangs_up = vec![(When::After(Duration::from_secs(1)), Act::HangUp)];
            let who = Caller::new("", "", Nature::Script(hangs_up));
            Ring::Answers { after: Duration::from_secs(2), who: Box::new(who) }
        }
    };
    (0..3).map(|_| ring(rng)).collect()
}

/// Numbers that the shipped list knows as VIP.
const VIP: [&str; 2] = ["13900000001", "13900000002"];

/// Somebody out of the crowd.
fn caller(rng: &mut Rng, plan: &Plan) -> Caller {
    let vip = rng.chance(0.03);
    let number = match vip {
        true => VIP[rng.below(2) as usize].to_owned(),
        false => format!("1{}{:08}", 30 + rng.below(60), rng.below(100_000_000)),
    };
    let dials = if vip && rng.chance(0.5) { "10001" } else { "10000" };
    let mut caller = Caller::new(number, dials, Nature::Person(person(rng, plan)));
    caller.over_tcp = rng.chance(0.05);
    caller.offers_late = rng.chance(0.02);
    caller.cancels_after = rng.chance(0.005).then(|| rng.between_ms(1, 40));
    caller
}

fn person(rng: &mut Rng, plan: &Plan) -> Person {
    let wants = match rng.weighted(&[62, 12, 8, 5, 12, 1]) {
        0 => Wish::Topic("topic/consult"),
        1 => Wish::Topic("topic/complaint"),
        2 => Wish::Topic("topic/lost-card"),
        3 => Wish::Topic("topic/agent"),
        4 => {
            let people = plan.agents();
            let managers: Vec<_> = people.iter().filter(|person| person.skills.is_empty()).collect();
            let pick = |all: &[&crate::dialplan::Agent], rng: &mut Rng| {
                all.get(rng.below(all.len() as u64) as usize).map(|person| person.extension.clone())
            };
            let everybody: Vec<_> = people.iter().collect();
            let wanted = if rng.chance(0.6) { pick(&managers, rng) } else { pick(&everybody, rng) };
            Wish::Person(wanted.unwrap_or_default())
        }
        _ => Wish::Person("9999".to_owned()),
    };
    let listens = match rng.weighted(&[54, 35, 4, 2, 5]) {
        0 => Listening::ToTheEnd,
        1 => Listening::BargesIn,
        2 => Listening::Wrong(1),
        3 => Listening::Wrong(9),
        _ => Listening::Silent,
    };
    let message = match rng.weighted(&[50, 15, 15, 10, 5, 5]) {
        0 => MessageHabit::Whole,
        1 => MessageHabit::Quiet,
        2 => MessageHabit::HalfWay,
        3 => MessageHabit::Nothing,
        4 => MessageHabit::Again,
        _ => MessageHabit::Adds,
    };
    Person {
        wants,
        listens,
        patience: rng.exponential(Duration::from_secs(180)),
        leaves_after: rng.chance(0.06).then(|| rng.exponential(Duration::from_secs(60))),
        talks_for: rng.chance(0.4).then(|| rng.talk(Duration::from_secs(200))),
        message,
        holds: rng.chance(0.02),
        leaves_the_line: rng.chance(0.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_has_its_two_peaks() {
        let day = Duration::from_secs(12 * 3600);
        let times = arrivals(&mut Rng::from_number(1), 12_000, day);
        let in_hour = |hour: u64| times.iter().filter(|at| at.as_secs() / 3600 == hour).count();
        let (early, morning, noon, afternoon, evening) =
            (in_hour(0), in_hour(2), in_hour(5), in_hour(7), in_hour(11));
        assert!(morning > 2 * early && morning > 2 * noon, "{early} {morning} {noon}");
        assert!(afternoon > noon && afternoon > 2 * evening, "{noon} {afternoon} {evening}");
        assert!(times.is_sorted() && times.len() == 12_000);
    }
}
