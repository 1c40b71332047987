//! A day's callers through the whole dialplan, from the first word to wherever they end.
//!
//! ```text
//!   callers of the day --> walk (the interpreter) --> queue?  --> the queue core, with all others --> walked on, where
//!     each with a wish         menus, hours, keys       |         as in a rehearsal of the line         nobody answered
//!     and a way to listen                               +--> a message, a callback, a goodbye, hung up in a menu
//! ```
//!
//! What the callers of a class want is read from the plan in force: the words in its menus that lead to their queue
//! ([`wish`]). With the same words in mind, the same patience and the same slips of the finger they walk through the other
//! plan, wherever its keys lead. Who is served in another queue than their own has come to the wrong place.
//!
//! The ways up to the queues are taken not to depend on who else calls (a `when` that asks a queue finds it empty and everybody
//! ready), so all are walked first, and then everybody waits together.
//! Left out: persons asked for by name (nobody answers), callers who choose a message while they wait, a second queue
//! after the first (counted as sent on), transfers.

mod manner;
mod outcome;
mod walk;
mod wish;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::manner::Manner;
use self::outcome::{DayEnds, Visit};
pub use self::outcome::{Ends, Passage, PassageFigures, Passages};
use self::walk::{End, Walk};
use self::wish::{Wish, wishes};
use super::callers::{Caller, callers};
use super::day::{Class, Day, Source};
use super::router::House;
use super::scene::Scene;
use super::{Days, world};
use crate::base::{Instant, Now, Rng, Wall};
use crate::dialplan::{Plan, QueueEnd};
use crate::record::QueueOutcome;
use std::time::Duration;

/// The hour at which everything that has hours is taken to be open: for finding out what callers want.
const OPEN: Duration = Duration::from_secs(10 * 3600);

/// What the callers of each class want, by the plan in force.
pub struct Wishes {
    by_class: Vec<Option<Wish>>,
    /// Classes that no number and no menu of the plan in force leads to: their callers are left out.
    pub unreached: Vec<String>,
}

impl Wishes {
    /// `midnight`: of the day that is lived through.
    pub fn of(plan: &Arc<Plan>, day: &Day, midnight: Wall) -> Self {
        let found: BTreeMap<String, Wish> = wishes(plan, midnight + OPEN);
        let wish = |class: &Class| found.get(&plan.queue(class.queue)?.name).cloned();
        let by_class: Vec<Option<Wish>> = day.classes.iter().map(wish).collect();
        let classes = day.classes.iter().zip(&by_class);
        let unreached =
            classes.filter(|(_, wish)| wish.is_none()).map(|(class, _)| class.name.clone()).collect();
        Wishes { by_class, unreached }
    }
}

/// Lives through the days with this plan. `day` has the names of the plan resolved; `told` hears how many are done.
pub fn pass(
    name: &str,
    plan: &Arc<Plan>,
    wishes: &Wishes,
    day: &Day,
    days: Days,
    midnight: Wall,
    told: &(dyn Fn(u32) + Sync),
) -> Passage {
    let mut lived = Vec::new();
    for number in 0..days.count {
        lived.push(one(plan, wishes, day, days.seed, number, midnight));
        told(number + 1);
    }
    let names = |class: &Class| {
        let queue = plan.queue(class.queue).map(|queue| queue.name.clone()).unwrap_or_default();
        (class.name.clone(), queue)
    };
    Passage::new(name, &day.classes.iter().map(names).collect::<Vec<_>>(), &lived)
}

fn one(plan: &Arc<Plan>, wishes: &Wishes, day: &Day, seed: u64, number: u32, midnight: Wall) -> DayEnds {
    let mut rng = Rng::from_number(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(number)));
    let desks = rng.fork();
    // A line for each queue of the plan: whoever comes to it, wherever they wanted to go.
    let lines = Day { classes: plan.queues().iter().map(line).collect(), ..day.clone() };
    let scene = Scene::new(plan, &lines);
    let usual: Vec<_> = day.classes.iter().map(|class| usual_wrap_up(&scene, class)).collect();
    let everybody = callers(day, &usual, &mut rng);
    let mut visits: Vec<(Visit, Walk)> = Vec::with_capacity(everybody.len());
    let mut waiting: Vec<(Caller, usize)> = Vec::new();
    for (at, caller) in (0u64..).zip(&everybody) {
        // Each has a fate of their own, whatever the others and the plan do.
        let mut fate =
            Rng::from_number(seed ^ (u64::from(number) << 40) ^ at.wrapping_mul(0xd134_2543_de82_ef95));
        let Some(Some(wish)) = wishes.by_class.get(caller.class) else { continue };
        let manner = Manner::draw(wish.words.clone(), &mut fate);
        let now = Now { mono: caller.at, wall: midnight + caller.at.since(Instant::ZERO) };
        let Some(mut walk) = Walk::begin(plan, &wish.start, now, manner, fate) else {
            // The number is not served any more.
            continue;
        };
        let end = walk.run();
        let mut visit = Visit::new(caller.class, caller.at);
        match end {
            End::Queue(queue) => {
                let there = Caller { at: walk.now().mono, class: usize::from(queue.0), ..*caller };
                visit.queue = Some(usize::from(queue.0));
                waiting.push((there, visits.len()));
            }
            end => visit.end = ends_at(end),
        }
        (visit.keys, visit.wrong_keys) = (walk.keys, walk.wrong_keys());
        visits.push((visit, walk));
    }
    waiting.sort_by_key(|(caller, visit)| (caller.at, *visit));
    let line: Vec<Caller> = waiting.iter().map(|(caller, _)| *caller).collect();
    let figures = world::live(&scene, &line, House::new(&scene, line.len()), desks);
    for ((caller, visit), end) in waiting.iter().zip(figures.ends) {
        let Some((visit, walk)) = visits.get_mut(*visit) else { continue };
        let (outcome, waited) = end.unwrap_or((QueueOutcome::Closed, Duration::ZERO));
        let at = caller.at + waited;
        let queue_end = match outcome {
            QueueOutcome::Served => {
                visit.end = Ends::Person;
                visit.answered = Some(at);
                continue;
            }
            QueueOutcome::Abandoned => {
                visit.end = Ends::GaveUpInLine;
                continue;
            }
            QueueOutcome::MaxWait => QueueEnd::MaxWait,
            QueueOutcome::Full => QueueEnd::Full,
            QueueOutcome::Closed => QueueEnd::Closed,
            QueueOutcome::LeftByKey | QueueOutcome::NobodySignedOn => QueueEnd::NobodySignedOn,
        };
        visit.end = ends_at(walk.go_on(at, queue_end));
        (visit.keys, visit.wrong_keys) = (walk.keys, walk.wrong_keys());
    }
    let wanted: Vec<usize> = day.classes.iter().map(|class| usize::from(class.queue.0)).collect();
    DayEnds::new(day.classes.len(), visits.into_iter().map(|(visit, _)| visit), &wanted)
}

fn ends_at(end: End) -> Ends {
    match end {
        End::Queue(_) => Ends::SentOn,
        End::Message => Ends::Message,
        End::Callback => Ends::Callback,
        End::Outside => Ends::Person,
        End::Goodbye => Ends::Goodbye,
        End::GaveUp => Ends::GaveUpInMenu,
    }
}

fn line(queue: &crate::dialplan::Queue) -> Class {
    let source = Source::Recorded(super::Recorded::default());
    Class { name: queue.name.clone(), queue: queue.id, needs: Vec::new(), wrap_up: None, source }
}

fn usual_wrap_up(scene: &Scene, class: &Class) -> Duration {
    scene.classes.get(usize::from(class.queue.0)).map_or(Duration::ZERO, |line| line.queue.wrap_up)
}
