//! Makes the call of a case and says whether everything came as it was written.

use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, Conduct, Expected, Step, Wanted};
use super::story::{Story, is_meant, name};
use crate::base::{Ids, Instant, UrgentAnswer, Wall};
use crate::dialplan::Plan;
use crate::exchange::{AgentChange, Command};
use crate::record::{CallRecord, StageKind};
use crate::sim::{Act, Caller, Conditions, Desk, DeskAct, Met, Nature, Phone, Reaction, Setup, Watch, World};

/// What a simulated world calls the way that callers come by.
const TRUNK: &str = "carrier";

/// How long a caller takes to act, and between two keys.
const REACTION: Duration = Duration::from_millis(600);
const BETWEEN_KEYS: Duration = Duration::from_millis(300);

/// Phones sign in first, people say that they are there or not, and then the caller dials.
const PHONES: Instant = Instant::ZERO;
const PEOPLE: Duration = Duration::from_secs(1);
pub(super) const CALLER: Duration = Duration::from_secs(2);

/// Nobody answers more often in one call.
const ANSWERS: usize = 32;

/// The caller hears that somebody has been asked urgently, who answers so much later.
const ASKED: &str = "message/urgent-sent";
const ANSWERED_AFTER: Duration = Duration::from_secs(2);

/// The caller, of whom there is one.
const FIRST: u32 = 0;

/// A desk that is busied meanwhile hears what it presses a key at within this time.
const DESK_HEARS: Duration = Duration::from_secs(60);

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `None`: everything came as it was written.
    pub fault: Option<Fault>,
    /// What the caller did and met.
    pub story: Story,
    /// The ways through the dialplan: of the call, and of what desks dialled meanwhile.
    pub walks: Vec<Walk>,
    /// From dialling to the end, in the call's own time.
    pub lasted: Duration,
}

/// A call's way through the dialplan.
#[derive(Clone, PartialEq, Debug)]
pub struct Walk {
    pub dialled: String,
    /// From a desk's own phone.
    pub desk: bool,
    /// The steps, as the call's record names them, each with what it went on by.
    pub steps: Vec<String>,
}

/// What did not come as it was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// Of the case's steps, from 0; `None`: about the call as a whole.
    pub step: Option<usize>,
    /// One sentence, no full stop.
    pub reason: String,
}

/// Makes the call.
pub fn run(plan: &Arc<Plan>, case: &Case) -> Verdict {
    let mut call = Call::new(plan, case);
    let fault = call.steps(&case.steps).and_then(|()| call.end(&case.expected)).err();
    let fault = fault.or_else(|| call.whole(case).err());
    let began = Instant::ZERO + CALLER;
    let lasted = call.world.now().mono.since(began);
    call.desks_end();
    Verdict {
        fault,
        story: Story::new(began, call.world.met(call.phone), &call.did, plan.catalog()),
        walks: call.world.records().iter().map(walk).collect(),
        lasted,
    }
}

/// The call under way.
pub(super) struct Call<'a> {
    plan: &'a Plan,
    pub(super) world: World,
    /// Whose call it is.
    pub(super) phone: Phone,
    /// The call must be over by then.
    limit: Instant,
    /// What of the transcript is behind us: the moment, and the clip in it.
    seen: (usize, usize),
    pub(super) did: Vec<(Instant, String)>,
    keys: usize,
    /// Who may be asked urgently.
    away: Vec<String>,
    /// The extensions of the desks, by their numbers.
    phones: Vec<String>,
}

impl<'a> Call<'a> {
    pub(super) fn new(plan: &'a Arc<Plan>, case: &Case) -> Self {
        let there = case.people.iter();
        let mut desks: Vec<_> = there
            .clone()
            .map(|person| Desk::new(&person.extension).with(reactions(person.conduct)))
            .collect();
        let own = case.desk.as_ref().map(|extension| {
            desks.iter().position(|desk| desk.extension == *extension).unwrap_or_else(|| {
                desks.push(Desk::new(extension));
                desks.len() - 1
            })
        });
        let own = own.and_then(|place| u16::try_from(place).ok());
        let phone = own.map_or(Phone::Caller(FIRST), Phone::Desk);
        let phones: Vec<String> = desks.iter().map(|desk| desk.extension.clone()).collect();
        let mut world = World::new(Setup {
            wall: Wall::from_micros(case.at.as_micros().saturating_sub(CALLER.as_micros() as i64)),
            desks,
            conditions: Conditions::QUIET,
            watch: Watch::Every(u64::MAX),
            transcript: true,
            ..Setup::new(Arc::clone(plan))
        });
        for (number, _) in (0..).zip(&phones) {
            world.desk_at(PHONES, number, DeskAct::Register);
        }
        for person in there {
            for change in changes(person.conduct) {
                let extension = person.extension.clone();
                world.command_at(PHONES + PEOPLE, Command::SetAgent { extension, change });
            }
        }
        let began = PHONES + CALLER;
        match own {
            Some(number) => world.desk_at(began, number, DeskAct::Dial(case.dials.clone())),
            None => {
                let from = case.from.expose().as_str();
                world.call_at(began, Caller::new(from, case.dials.as_str(), Nature::Script(Vec::new())));
            }
        }
        world.run_to(began, |_| false);
        let limit = began + case.within;
        Call {
            plan,
            world,
            phone,
            phones,
            limit,
            seen: (0, 0),
            did: vec![(began, format!("dials {}", case.dials))],
            keys: 0,
            away: case
                .people
                .iter()
                .filter(|person| person.conduct.is_away())
                .map(|p| p.extension.clone())
                .collect(),
        }
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), Fault> {
        for (number, step) in steps.iter().enumerate() {
            self.step(step).map_err(|reason| Fault { step: Some(number), reason })?;
        }
        Ok(())
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), String> {
        let limit = step.within.map_or(self.limit, |within| (self.world.now().mono + within).min(self.limit));
        match &step.wanted {
            Wanted::Hears(meant) => self.hears(meant, limit),
            Wanted::Talks(whom) => self.talks(whom.as_deref(), limit),
            Wanted::Press(keys) => self.press(keys),
            Wanted::Speak(length) => {
                self.meets(limit, "the tone", |met| *met == Met::MaySpeak)?;
                self.act(REACTION, Act::Speak(*length), "speaks")?;
                self.wait(*length)
            }
            Wanted::Wait(length) => self.wait(*length),
            Wanted::Answers(answer) => self.answers(*answer, limit),
            Wanted::Hold => self.act(REACTION, Act::Hold, "puts the hotline on hold"),
            Wanted::Resume => self.act(REACTION, Act::Resume, "takes the hotline back"),
            Wanted::HangUp => self.hang_up(),
            Wanted::Desk { extension, dials, keys } => self.at_desk(extension, dials, keys),
        }
    }

    /// Neither side has hung up.
    pub(super) fn is_under_way(&self) -> bool {
        self.world.is_on_the_line(self.phone)
    }

    /// Somebody else's phone dials, and presses each key when something is heard there.
    fn at_desk(&mut self, extension: &str, dials: &str, keys: &str) -> Result<(), String> {
        let place = self.phones.iter().position(|one| one == extension);
        let Some(number) = place.and_then(|place| u16::try_from(place).ok()) else {
            return Err(format!("{extension} has no phone: name them in `people`"));
        };
        let phone = Phone::Desk(number);
        let hears =
            |world: &World| world.met(phone).iter().filter(|one| matches!(one.met, Met::Hears(_))).count();
        let mut heard = hears(&self.world);
        let at = self.world.now().mono + REACTION;
        self.did.push((at, format!("{extension} dials {dials}")));
        self.world.desk_at(at, number, DeskAct::Dial(dials.to_owned()));
        self.world.run_to(at, |_| false);
        for key in keys.chars() {
            let limit = self.world.now().mono + DESK_HEARS;
            if !self.world.run_to(limit, |world| hears(world) > heard) {
                return Err(format!("{extension} hears nothing to press {key} at"));
            }
            heard = hears(&self.world);
            let at = self.world.now().mono + REACTION;
            self.did.push((at, format!("{extension} presses {key}")));
            self.world.desk_at(at, number, DeskAct::Press(key));
            self.world.run_to(at, |_| false);
        }
        Ok(())
    }

    fn press(&mut self, keys: &str) -> Result<(), String> {
        for (number, key) in keys.chars().enumerate() {
            let after = if number == 0 { REACTION } else { BETWEEN_KEYS };
            self.act(after, Act::Press(key), &format!("presses {key}"))?;
            self.keys += 1;
        }
        Ok(())
    }

    fn hears(&mut self, meant: &str, limit: Instant) -> Result<(), String> {
        let plan = self.plan;
        let catalog = plan.catalog();
        let phone = self.phone;
        let place = |world: &World, (moment, clip): (usize, usize)| {
            world.met(phone).iter().enumerate().skip(moment).find_map(|(at, one)| {
                let Met::Hears(clips) = &one.met else { return None };
                let from = if at == moment { clip } else { 0 };
                let found = clips.iter().skip(from).position(|clip| is_meant(clip, meant, catalog))?;
                Some((at, from + found))
            })
        };
        let seen = self.seen;
        self.world.run_to(limit, |world| place(world, seen).is_some() || !world.is_on_the_line(phone));
        let (moment, clip) = place(&self.world, seen).ok_or_else(|| self.missing(&format!("`{meant}`")))?;
        self.seen = (moment, clip + 1);
        Ok(())
    }

    fn talks(&mut self, whom: Option<&str>, limit: Instant) -> Result<(), String> {
        let what = whom.map_or("somebody on the line".to_owned(), |whom| format!("{whom} on the line"));
        self.meets(limit, &what, |met| match met {
            Met::Talks(with) => whom.is_none() || with.as_deref() == whom,
            _ => false,
        })
    }

    fn meets(&mut self, limit: Instant, what: &str, is_it: impl Fn(&Met) -> bool) -> Result<(), String> {
        let (seen, phone) = (self.seen.0, self.phone);
        let place = |world: &World| world.met(phone).iter().skip(seen).position(|one| is_it(&one.met));
        self.world.run_to(limit, |world| place(world).is_some() || !world.is_on_the_line(phone));
        let found = place(&self.world).ok_or_else(|| self.missing(what))?;
        self.seen = (seen + found + 1, 0);
        Ok(())
    }

    /// Who is away has been told of the caller, and says what becomes of them.
    fn answers(&mut self, answer: UrgentAnswer, limit: Instant) -> Result<(), String> {
        self.hears(ASKED, limit)?;
        let at = self.world.now().mono + ANSWERED_AFTER;
        for extension in self.away.iter().cloned() {
            self.world.command_at(at, Command::AnswerUrgent { extension, answer });
        }
        self.did.push((at, format!("is answered: {answer}")));
        Ok(())
    }

    /// What desks have dialled meanwhile comes to its end, too: it is part of what was met.
    fn desks_end(&mut self) {
        let busy =
            |world: &World| (0..).zip(&self.phones).any(|(desk, _)| world.is_on_the_line(Phone::Desk(desk)));
        let limit = self.world.now().mono + DESK_HEARS;
        self.world.run_to(limit, |world| !busy(world));
    }

    fn missing(&self, what: &str) -> String {
        if self.is_under_way() {
            let waited = self.world.now().mono.since(Instant::ZERO + CALLER).as_secs_f64();
            format!("no {what} until {waited:.1} s after dialling")
        } else {
            format!("the call was over, and no {what}")
        }
    }

    fn wait(&mut self, length: Duration) -> Result<(), String> {
        let (until, phone) = (self.world.now().mono + length, self.phone);
        if self.world.run_to(until, |world| !world.is_on_the_line(phone)) {
            return Err("the call was over before".to_owned());
        }
        if until > self.limit {
            return Err("the call takes longer than `within`".to_owned());
        }
        Ok(())
    }

    fn act(&mut self, after: Duration, act: Act, told: &str) -> Result<(), String> {
        let (at, phone) = (self.world.now().mono + after, self.phone);
        self.world.run_to(at, |world| !world.is_on_the_line(phone));
        if !self.is_under_way() {
            return Err("the call was over before".to_owned());
        }
        self.did.push((at, told.to_owned()));
        match (self.phone, act) {
            (Phone::Caller(caller), act) => self.world.act_at(at, caller, act),
            (Phone::Desk(desk), Act::Press(key)) => self.world.desk_at(at, desk, DeskAct::Press(key)),
            (Phone::Desk(desk), Act::Speak(length)) => self.world.desk_at(at, desk, DeskAct::Speak(length)),
            (Phone::Desk(desk), Act::HangUp) => self.world.desk_at(at, desk, DeskAct::LayDown),
            (Phone::Desk(_), _) => return Err("a desk's phone does not do that in a test".to_owned()),
        }
        self.world.run_to(at, |_| false);
        Ok(())
    }

    fn hang_up(&mut self) -> Result<(), String> {
        self.act(REACTION, Act::HangUp, "hangs up")?;
        self.over(self.world.now().mono + CALLER);
        Ok(())
    }

    /// By itself, or by the caller's hand.
    fn end(&mut self, expected: &Expected) -> Result<(), Fault> {
        let whole = |reason: String| Fault { step: None, reason };
        if expected.end.is_some() {
            let limit = self.limit;
            if !self.over(limit) {
                return Err(whole("the call did not end by itself".to_owned()));
            }
        } else if self.is_under_way() {
            self.hang_up().map_err(whole)?;
        }
        Ok(())
    }

    /// Until the record is written.
    fn over(&mut self, limit: Instant) -> bool {
        self.world.run_to(limit, |world| record(world).is_some())
    }

    fn record(&self) -> Option<&CallRecord> {
        record(&self.world)
    }

    /// What must be true of the call as a whole.
    fn whole(&mut self, case: &Case) -> Result<(), Fault> {
        self.judge(case).map_err(|reason| Fault { step: None, reason })
    }

    fn judge(&self, case: &Case) -> Result<(), String> {
        let catalog = self.plan.catalog();
        for moment in self.world.met(self.phone) {
            let Met::Hears(clips) = &moment.met else { continue };
            for never in &case.never {
                if let Some(heard) = clips.iter().find(|clip| is_meant(clip, never, catalog)) {
                    return Err(format!("`{}` was heard", name(heard, catalog).unwrap_or(never)));
                }
            }
        }
        if let Some(broken) = self.world.broken().first() {
            return Err(format!("the hotline broke a rule of its own: {broken:?}"));
        }
        let Some(record) = self.record() else { return Err("the call left no record".to_owned()) };
        let expected = &case.expected;
        let visit = record.queue.as_ref();
        let word = |found: Option<&str>| found.map_or("none".to_owned(), |found| format!("`{found}`"));
        let check = |what: &str, wanted: Option<&str>, found: Option<&str>| match wanted {
            Some(wanted) if Some(wanted) != found => {
                Err(format!("{what} is `{wanted}`, and was {}", word(found)))
            }
            _ => Ok(()),
        };
        check("`ends`", expected.end, Some(record.end.name()))?;
        check("`queue`", expected.queue.as_deref(), visit.map(|visit| visit.name.as_str()))?;
        check("`outcome`", expected.outcome, visit.map(|visit| visit.outcome.name()))?;
        let by = visit.and_then(|visit| visit.agent.as_deref());
        check("`served_by`", expected.served_by.as_deref(), by)?;
        check("`language`", expected.language.as_deref(), Some(&record.language))?;
        let message = self.world.met(self.phone).iter().find_map(|moment| match &moment.met {
            Met::Message(mailbox) => Some(mailbox.as_str()),
            _ => None,
        });
        check("`message`", expected.message.as_deref(), message)?;
        match expected.keys {
            Some(most) if self.keys > most => {
                Err(format!("`keys` is {most}, and {} were pressed", self.keys))
            }
            _ => Ok(()),
        }
    }
}

/// Of the call that was made first: others came while it was under way.
fn record(world: &World) -> Option<&CallRecord> {
    let first = Ids::default().next_call();
    world.records().iter().find(|record| record.call == first)
}

fn reactions(conduct: Conduct) -> Vec<Reaction> {
    let reaction = match conduct {
        Conduct::Answers { after, talks } => {
            Reaction::Answer { after, talks_for: talks, holds: None, hands_on: None }
        }
        Conduct::NoAnswer => Reaction::Ignore,
        Conduct::Busy => Reaction::Refuse { after: Duration::ZERO, status: 486 },
        Conduct::Refuses => Reaction::Refuse { after: Duration::from_secs(1), status: 603 },
        // Whoever rings them all the same finds nobody.
        Conduct::SignedOff => Reaction::Ignore,
        // Nobody is rung there but for a caller whom they want.
        Conduct::Away { .. } => {
            Reaction::Answer { after: Duration::from_secs(2), talks_for: None, holds: None, hands_on: None }
        }
    };
    vec![reaction; ANSWERS]
}

fn changes(conduct: Conduct) -> Vec<AgentChange> {
    match conduct {
        Conduct::SignedOff => vec![AgentChange::SignOff],
        Conduct::Away { reason, until } => vec![AgentChange::SignOn, AgentChange::away(reason, until)],
        _ => vec![AgentChange::SignOn, AgentChange::Ready],
    }
}

/// The steps of the dialplan, out of the record's stages.
fn walk(record: &CallRecord) -> Walk {
    let listens = record.stages.iter().filter(|stage| stage.kind == StageKind::Listen);
    Walk {
        dialled: record.dialled.clone(),
        desk: record.origin != TRUNK,
        steps: listens.map(|stage| stage.detail.clone()).collect(),
    }
}
