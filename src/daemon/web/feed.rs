//! What happens on the floor, kept for a while with numbers, so that whoever lost the connection goes on where it broke.
//!
//! ```text
//!   driver --tap--> a thread of its own --> ring of the latest --> any number of streams, each at its own pace
//! ```
//!
//! The driver hands an event into a bounded queue and goes on. Nobody who reads slowly holds up anybody: a stream takes
//! from the ring when its reader has room, and is told how many it missed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use serde_json::Value;
use tokio::sync::watch;

use super::gate::Visitor;
use super::stream;
use crate::base::Wall;
use crate::daemon::events::Live;
use crate::daemon::failure::Failure;
use crate::daemon::users::Role;
use crate::exchange::FloorEvent;

/// Events that are kept: minutes of a large house.
const KEPT: usize = 4096;

/// One event, written once for all who are told.
#[derive(Debug)]
pub struct Told {
    pub number: u64,
    /// As a stream has it.
    pub text: String,
    event: FloorEvent,
}

/// What has come since a number.
#[derive(Debug, Default)]
pub struct Since {
    /// So many are no longer kept.
    pub lost: u64,
    pub told: Vec<Arc<Told>>,
}

/// The latest events, and a bell for those who wait for more.
pub struct Feed {
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
    /// Of this run: numbers of another mean nothing.
    run: String,
}

struct Ring {
    next: u64,
    told: VecDeque<Arc<Told>>,
}

impl Feed {
    /// `run`: another word for each run of the daemon.
    pub fn new(run: String) -> Feed {
        let ring = Ring { next: 1, told: VecDeque::new() };
        Feed { ring: Mutex::new(ring), newest: watch::Sender::new(0), run }
    }

    /// Fills it from the driver's tap, on a thread that ends with the driver.
    pub fn fill(self: &Arc<Self>, live: Live) -> Result<JoinHandle<()>, Failure> {
        let feed = Arc::clone(self);
        let run = move || {
            let mut lost = 0;
            while let Ok((at, event)) = live.heard.recv() {
                // What did not fit came before what is still to come: some of those before it, too.
                let now = live.lost.get();
                feed.tell(now - lost, at, event);
                lost = now;
            }
        };
        Builder::new()
            .name("web-events".to_owned())
            .spawn(run)
            .map_err(Failure::io("the thread of the web's events could not be started"))
    }

    pub fn tell(&self, lost: u64, at: Wall, event: FloorEvent) {
        let (name, json) = written(at, &event);
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        // Numbers without an event are events that nobody will be told.
        ring.next += lost;
        let number = ring.next;
        ring.next += 1;
        if ring.told.len() >= KEPT {
            ring.told.pop_front();
        }
        let text = stream::written(&name, Some(&self.id(number)), &json);
        ring.told.push_back(Arc::new(Told { number, text, event }));
        drop(ring);
        self.newest.send_replace(number);
    }

    /// The number of the latest.
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Rings when there are more.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Of those after that one, at most so many, the earliest first.
    pub fn since(&self, number: u64, most: usize) -> Since {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ring.told.partition_point(|told| told.number <= number);
        let told: Vec<_> = ring.told.iter().skip(first).take(most).cloned().collect();
        let (mut lost, mut before) = (0, number);
        for one in &told {
            lost += one.number - before - 1;
            before = one.number;
        }
        Since { lost, told }
    }

    /// As a reader is told it, to come back with.
    pub fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.run)
    }

    /// `None`: it is of another run, or none of ours.
    pub fn number(&self, id: &str) -> Option<u64> {
        let number = id.trim().strip_prefix(&self.run)?.strip_prefix('-')?.parse().ok()?;
        (number <= self.newest()).then_some(number)
    }
}

impl Told {
    /// Whether this is for them. Agents are told of everybody's state, and else of what concerns themselves.
    pub fn is_for(&self, visitor: &Visitor) -> bool {
        if visitor.role() != Role::Agent {
            return true;
        }
        let is = |extension: &str| visitor.is(extension);
        let one_is = |all: [&Option<String>; 2]| all.into_iter().flatten().any(|extension| is(extension));
        match &self.event {
            FloorEvent::Agent { .. } | FloorEvent::Presence { .. } | FloorEvent::ServiceLevel { .. } => true,
            FloorEvent::Offered { agent, .. } | FloorEvent::Answered { agent, .. } => is(agent),
            FloorEvent::Urgent { person, .. } => is(person),
            FloorEvent::Promise { owner, holder, .. } => one_is([owner, holder]),
            FloorEvent::Complaint { owner, .. } => one_is([owner, &None]),
            FloorEvent::Survey { agent, .. } => one_is([agent, &None]),
            FloorEvent::Matter { from, to, .. } => one_is([from, &Some(to.clone())]),
            FloorEvent::Noted { by, .. } => is(by),
            FloorEvent::Joined { .. }
            | FloorEvent::NotTaken { .. }
            | FloorEvent::Left { .. }
            | FloorEvent::CallbackGivenUp { .. }
            | FloorEvent::Mended { .. } => false,
        }
    }
}

/// The event's name, and the rest of it as one line of JSON, its times by RFC 3339.
fn written(at: Wall, event: &FloorEvent) -> (String, String) {
    let mut name = String::new();
    let mut fields = serde_json::Map::new();
    // One key with one object, by the way in which such types are written.
    if let Ok(Value::Object(tagged)) = serde_json::to_value(event)
        && let Some((tag, Value::Object(inner))) = tagged.into_iter().next()
    {
        (name, fields) = (tag, inner);
    }
    // These are times wherever they are numbers; elsewhere `by` is a person.
    for time in ["until", "by"] {
        if let Some(value) = fields.get_mut(time)
            && let Some(micros) = value.as_i64()
        {
            *value = Value::String(Wall::from_micros(micros).to_string());
        }
    }
    fields.insert("at".to_owned(), Value::String(at.to_string()));
    (name, Value::Object(fields).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::gate::By;
    use super::*;
    use crate::base::CallId;
    use crate::daemon::users::User;

    fn mended(number: usize) -> FloorEvent {
        FloorEvent::Mended { what: number.to_string() }
    }

    fn feed(events: usize) -> Feed {
        let feed = Feed::new("x7".to_owned());
        (0..events).for_each(|number| feed.tell(0, Wall::default(), mended(number)));
        feed
    }

    #[test]
    fn whoever_comes_back_gets_what_came_since_and_is_told_what_is_gone() {
        let feed = feed(KEPT + 10);
        let numbers = |since: &Since| since.told.iter().map(|told| told.number).collect::<Vec<_>>();
        let newest = feed.newest();
        let since = feed.since(newest - 2, 100);
        assert_eq!((numbers(&since), since.lost), (vec![newest - 1, newest], 0));
        let since = feed.since(4, 2);
        assert_eq!((numbers(&since), since.lost), (vec![11, 12], 6), "5 to 10 are gone");
        assert!(feed.since(newest, 100).told.is_empty());
        assert_eq!(feed.number(&feed.id(17)), Some(17));
        for other in ["", "17", "y7-17", "x7-", "x7-99999999"] {
            assert_eq!(feed.number(other), None, "{other}");
        }
        feed.tell(3, Wall::default(), mended(0));
        assert_eq!(feed.since(newest, 100).lost, 3, "what the driver could not hand over");
    }

    #[test]
    fn times_are_written_for_people_and_persons_stay_persons() {
        let until = Some(Wall::from_micros(1_700_000_000_000_000));
        let presence = FloorEvent::Presence {
            person: "4001".to_owned(),
            away: Some(crate::base::AwayReason::Meeting),
            until,
            place: None,
            delegate: None,
            by: Some("calendar".to_owned()),
        };
        let (name, json) = written(Wall::default(), &presence);
        assert_eq!(name, "presence");
        assert!(
            json.contains("\"until\":\"2023-11-14T22:13:20.000Z\"") && json.contains("\"by\":\"calendar\""),
            "{json}"
        );
        assert!(json.contains("\"at\":\"1970-01-01T00:00:00.000Z\""), "{json}");
    }

    #[test]
    fn an_agent_is_told_of_everybodys_state_and_of_their_own_calls() {
        let user = User {
            name: "min".to_owned(),
            role: Role::Agent,
            extension: Some("1001".to_owned()),
            made: Wall::default(),
        };
        let by = By::Session { began: Wall::default() };
        let agent = Visitor { user, by, from: [127, 0, 0, 1].into() };
        let offered =
            |to: &str| FloorEvent::Offered { call: CallId(1), queue: "q".to_owned(), agent: to.to_owned() };
        let told = |event| Told { number: 1, text: String::new(), event };
        assert!(told(offered("1001")).is_for(&agent) && !told(offered("1002")).is_for(&agent));
        assert!(!told(mended(0)).is_for(&agent));
        let mut supervisor = agent;
        supervisor.user.role = Role::Supervisor;
        assert!(told(offered("1002")).is_for(&supervisor) && told(mended(0)).is_for(&supervisor));
    }
}
