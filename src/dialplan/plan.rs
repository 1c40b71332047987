//! What a dialplan means: every reference resolved, every default filled in, nothing left to look up by name.
//!
//! Built only by [`load`](super::load); immutable and shared from then on. Running calls keep the plan they
//! began with through a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::action::PickUp;
use super::calendar::{Calendar, Hours};
use super::pattern::Pattern;
use super::speech::Speech;
use super::step::{FlowId, Located, MenuId, MenuSpec, PickUpKind, Step};
use crate::base::{AgentId, Catalog, Clip, Language, Masked, PromptId, QueueId, Wall};

/// Where a call to a number begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub(super) flow: FlowId,
}

/// Who dials.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// Through a trunk.
    Caller,
    /// From an agent's own phone.
    Desk(AgentId),
}

/// Something said, in each of the plan's languages.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Phrase(pub(super) BTreeMap<Language, Vec<Clip>>);

impl Phrase {
    /// Empty where nothing is said in that language.
    pub fn clips(&self, language: &Language) -> &[Clip] {
        self.0.get(language).map_or(&[], Vec::as_slice)
    }

    pub fn is_empty(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }
}

/// A skill that a call asks for, and how much of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Requirement {
    /// Index into [`Plan::skills`].
    pub skill: u16,
    /// 1 (knows the subject) to 9 (expert): the least level that will do.
    pub level: u8,
}

/// What an agent can be asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Skill {
    pub name: String,
    /// How much an agent with this skill is worth sparing for callers who ask for it; 0 is not protected.
    pub value: u8,
    /// Percent of the signed-on agents with this skill kept free of callers worth less.
    pub reserve: u8,
    /// A call in this language asks for this skill by itself.
    pub language: Option<Language>,
}

/// From a waiting time on, an offer asks for less.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relaxation {
    pub after: Duration,
    /// Subtracted from each required level, down to 1: a skill that is missing stays missing.
    pub levels: u8,
}

/// What becomes of agents who do not take a caller, and of wrap-ups.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct OfferRules {
    pub rest_refused: Duration,
    pub rest_busy: Duration,
    pub rest_no_answer: Duration,
    /// So many in a row, and the agent is away.
    pub no_answers: u32,
    /// What one extension adds to a wrap-up.
    pub more_time: Duration,
}

/// How those are asked who are not to be disturbed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct UrgentRules {
    /// For an answer.
    pub wait: Duration,
    /// One person is asked so often at most, in so much time.
    pub most: u32,
    pub within: Duration,
    /// The text on the phone has the caller's number in full.
    pub shows_number: bool,
}

/// How a person is asked who is not to be disturbed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Urgency {
    /// Not at all.
    Never,
    /// Without a sound.
    #[default]
    Text,
    /// And the phone rings once: who lifts it hears the slip.
    Ring,
    /// Not by the phone: by what follows the floor's events and the web hook.
    Screen,
}

/// A named service that callers wait for.
#[derive(Clone, PartialEq, Debug)]
pub struct Queue {
    pub id: QueueId,
    pub name: String,
    /// What agents' phones and screens show.
    pub titles: BTreeMap<Language, String>,
    pub requirement: Vec<Requirement>,
    /// Each of these sets will do instead.
    pub or: Vec<Vec<Requirement>>,
    /// Waiting time that a caller of this queue is given in advance.
    pub credit: Duration,
    /// An answer within this time counts as served well.
    pub service_target: Duration,
    /// One agent's phone rings this long.
    pub ring: Duration,
    pub wrap_up: Duration,
    /// A caller waits no longer than this.
    pub max_wait: Option<Duration>,
    /// Callers waiting at once.
    pub capacity: Option<u32>,
    /// One recording, or those of a folder in the order of their names.
    pub music: Vec<PromptId>,
    pub comfort: Phrase,
    pub comfort_every: Duration,
    /// Whether the position and the estimated wait are said.
    pub position: bool,
    pub position_every: Duration,
    /// When the verb's offer (a message instead of waiting) is said.
    pub offer_after: Duration,
    /// When the caller is asked outright.
    pub choice_after: Option<Duration>,
    /// How long the place of a caller who dropped is kept; zero: not at all.
    pub keep_place: Duration,
    /// Index into the plan's calendars.
    pub(super) calendar: Option<usize>,
    /// Who still waits when the service closes, or nobody is left, waits on.
    pub serve_to_the_end: bool,
    /// `None`: nobody is called back.
    pub callback: Option<CallbackRule>,
    /// Whether conversations are recorded.
    pub record: bool,
    /// In ascending order of time.
    pub relaxation: Vec<Relaxation>,
    /// After this wait any agent will do who has what the call itself needs.
    pub anyone_after: Option<Duration>,
    pub whisper: Whisper,
}

/// What an agent who has answered is told of the caller before they are joined; nothing where all of it is empty.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Whisper {
    pub says: Phrase,
    /// By the customer's grade.
    pub grades: BTreeMap<String, Phrase>,
    /// Whether the time that the caller has waited is said.
    pub wait: bool,
}

/// No whisper is longer: the caller waits for its end.
pub const WHISPER_MOST: Duration = Duration::from_secs(5);

impl Queue {
    /// The sets of which an agent must have one.
    pub fn sets(&self) -> impl Iterator<Item = &[Requirement]> {
        std::iter::once(&self.requirement).chain(&self.or).map(Vec::as_slice)
    }

    /// Whether callers may have this number called that is not the one they call from.
    pub fn may_call_back_keyed(&self, number: &str) -> bool {
        self.callback.as_ref().is_some_and(|rule| rule.keyed_to.iter().any(|pattern| pattern.matches(number)))
    }

    /// Whether customers with this number are called back.
    pub fn may_call_back(&self, number: &str) -> bool {
        self.callback.as_ref().is_some_and(|rule| rule.to.iter().any(|pattern| pattern.matches(number)))
    }
}

/// Whom a queue calls back, and how.
#[derive(Clone, PartialEq, Debug)]
pub struct CallbackRule {
    pub(super) to: Vec<Pattern>,
    /// Of numbers that callers key in.
    pub(super) keyed_to: Vec<Pattern>,
    pub trunk: Option<String>,
    /// Index into the plan's calendars.
    pub(super) hours: Option<usize>,
    /// Tries in all, and the time between two.
    pub tries: u32,
    pub every: Duration,
    /// The customer's phone rings this long.
    pub ring: Duration,
    /// What the customer meets who is there: the queue. No step leads here.
    pub(super) flow: FlowId,
}

/// What becomes of the messages in a box.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct BoxRule {
    /// To be done within; counted in the box's hours.
    pub due: Duration,
    /// Index into the plan's calendars.
    pub(super) hours: Option<usize>,
    /// How often the last holder is reminded.
    pub remind: Duration,
    /// Who gets what is overdue; for a person, instead of their own delegate.
    pub delegate: Option<AgentId>,
    pub supervisor: Option<AgentId>,
    /// Who gets mails.
    pub mail: Vec<Masked<String>>,
    /// Who opens it from their own desk.
    pub readers: Vec<AgentId>,
}

/// Whose complaints are, and by when they are answered.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct ComplaintRule {
    /// Of those that no agent took.
    pub(super) owner: Option<AgentId>,
    pub(super) supervisor: Option<AgentId>,
    /// Index into the plan's calendars.
    pub(super) hours: Option<usize>,
    pub(super) answer_within: Duration,
    pub result_days: u32,
    pub most_days: u32,
    pub(super) remind_days: u32,
    /// How often the supervisor is told of one that is late.
    pub remind: Duration,
    /// `None`: nobody is called.
    pub follow_up: Option<FollowUpRule>,
}

/// Whom the hotline asks whether their complaint is solved, and how.
#[derive(Clone, PartialEq, Debug)]
pub struct FollowUpRule {
    pub(super) to: Vec<Pattern>,
    pub trunk: Option<String>,
    /// So long after it was called solved.
    pub after: Duration,
    /// Tries in all, and the time between two.
    pub tries: u32,
    pub every: Duration,
    /// The customer's phone rings this long.
    pub ring: Duration,
}

/// A person with a desk.
#[derive(Clone, PartialEq, Debug)]
pub struct Agent {
    pub id: AgentId,
    /// What is dialled and what the phone registers as.
    pub extension: String,
    pub name: Masked<String>,
    pub skills: Vec<Requirement>,
    /// A fixed SIP URI: no registration needed.
    pub contact: Option<String>,
    /// Signed on and ready as soon as the phone can be reached.
    pub ready: bool,
    /// Callers of the queues whom this person may be connected with, all but one on hold.
    pub calls_at_once: u8,
    /// Takes this person's calls when they cannot (代接).
    pub delegate: Option<AgentId>,
    /// Index into the plan's calendars: the hours in which this person is at work.
    pub(super) hours: Option<usize>,
    /// Who is handed on to this person is announced, and has to be accepted by a key.
    pub screening: bool,
    /// The name as callers hear it; empty where nobody has recorded it.
    pub says: Phrase,
    /// Syllables of the name in Latin letters, in lower case: 王芳 is `wang`, `fang`.
    pub spelled: Vec<String>,
    /// Whether messages can be left for this person.
    pub mailbox: bool,
    /// How they are asked what becomes of an urgent caller, and whether in an important meeting, too.
    pub urgent: Urgency,
    pub urgent_when_important: bool,
    /// Colleagues who share one of these may take each other's ringing calls.
    pub pick_up_groups: BTreeSet<String>,
    /// The numbers of the outside that this desk may call.
    pub may_call: Vec<Pattern>,
    /// Whether a phone may register as this extension with a password.
    pub account: bool,
}

impl Agent {
    /// 0 where the agent does not have the skill.
    pub fn level(&self, skill: u16) -> u8 {
        self.skills.iter().find(|s| s.skill == skill).map_or(0, |s| s.level)
    }

    pub fn meets(&self, requirement: &[Requirement]) -> bool {
        requirement.iter().all(|r| self.level(r.skill) >= r.level)
    }
}

/// A number that is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Number {
    pub pattern: Pattern,
    pub desks: bool,
    pub flow: FlowId,
    /// What a person is told that this number is for; may be empty.
    pub title: String,
}

/// A list of numbers: grades, own managers, refused callers.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct NumberList {
    pub name: String,
    pub grade: Option<String>,
    pub(super) entries: Vec<ListEntry>,
}

#[derive(Clone, PartialEq)]
pub(super) struct ListEntry {
    pub(super) pattern: Pattern,
    pub(super) manager: Option<AgentId>,
}

/// Without the customer's number.
impl std::fmt::Debug for ListEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListEntry").field("manager", &self.manager).finish_non_exhaustive()
    }
}

impl NumberList {
    /// The most specific entry that matches; the first of equals.
    pub(super) fn find(&self, number: &str) -> Option<&ListEntry> {
        let mut best: Option<&ListEntry> = None;
        for entry in self.entries.iter().filter(|e| e.pattern.matches(number)) {
            if best.is_none_or(|b| entry.pattern.rank() < b.pattern.rank()) {
                best = Some(entry);
            }
        }
        best
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Where agents park callers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parking {
    /// What desks dial, in the order in which they are filled.
    pub slots: Vec<String>,
    /// Whoever parked a caller is rung after so long.
    pub recall: Duration,
}

/// A flow: steps in order.
#[derive(Clone, PartialEq, Debug)]
pub struct Flow {
    pub name: String,
    pub(super) steps: Vec<Located>,
}

/// Phrases that the interpreter and the calls say on their own.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct OwnPhrases {
    pub(super) goodbye: Phrase,
    pub(super) system_busy: Phrase,
    pub(super) invalid_key: Phrase,
    pub(super) no_input: Phrase,
    pub(super) too_many: Phrase,
    pub(super) no_such_extension: Phrase,
    pub(super) you_entered: Phrase,
    pub(super) confirm: Phrase,
}

/// How many of the plan's flows and menus somebody wrote: those of defaults come after them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Written {
    pub(super) flows: usize,
    pub(super) menus: usize,
}

/// A dialplan that was loaded without a mistake.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of the history; 0: of none.
    pub(super) version: u64,
    pub(super) written: Written,
    pub(super) name: String,
    pub(super) language: Language,
    pub(super) languages: Vec<Language>,
    pub(super) zone: TimeZone,
    pub(super) offers: OfferRules,
    pub(super) urgent: UrgentRules,
    pub(super) catalog: Arc<Catalog>,
    pub(super) files: Vec<Arc<str>>,
    pub(super) numbers: Vec<Number>,
    pub(super) flows: Vec<Flow>,
    pub(super) menus: Vec<Arc<MenuSpec>>,
    pub(super) queues: Vec<Queue>,
    pub(super) skills: Vec<Skill>,
    pub(super) agents: Vec<Agent>,
    pub(super) by_extension: BTreeMap<String, AgentId>,
    pub(super) lists: Vec<NumberList>,
    /// Index into the lists: numbers that nobody is called back at, since a whole company sits behind each.
    pub(super) main_numbers: Option<usize>,
    pub(super) calendars: Vec<Calendar>,
    pub(super) boxes: BTreeMap<String, BoxRule>,
    /// Of every other box.
    pub(super) every_box: BoxRule,
    pub(super) complaints: ComplaintRule,
    pub(super) own: OwnPhrases,
    /// What becomes of a desk's call to the outside. No step leads there, and no number.
    pub(super) outside: FlowId,
}

impl Plan {
    /// The same plan, under this number of the history.
    pub fn with_version(self, version: u64) -> Self {
        Plan { version, ..self }
    }

    /// The number that it has in the history of versions; 0 where it has none.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The hotline's name, for screens and records.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language that a call begins in.
    pub fn language(&self) -> &Language {
        &self.language
    }

    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// What becomes of agents who do not take a caller, and of wrap-ups.
    pub fn offers(&self) -> OfferRules {
        self.offers
    }

    pub fn urgent(&self) -> UrgentRules {
        self.urgent
    }

    /// The next moment at which the clock shows these four digits (`HHMM`); `None` where no clock does.
    pub fn next_at(&self, now: Wall, digits: &str) -> Option<Wall> {
        super::calendar::next_at(&self.zone, now, digits)
    }

    /// What a desk dials to hear who asks urgently, and to answer.
    pub fn urgent_code(&self) -> Option<String> {
        let mut desks = self.numbers.iter().filter(|number| number.desks);
        let hears = |step: &Step| matches!(step, Step::AnswerUrgent(spec) if spec.answer.is_none());
        desks.find(|n| self.first_step(n.flow).is_some_and(hears)).map(|n| n.pattern.to_string())
    }

    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The flow of a dialled number; the most specific pattern wins. `None`: the number is not served.
    pub fn entry(&self, dialled: &str, origin: Origin) -> Option<Entry> {
        self.number(dialled, origin).and_then(|at| self.numbers.get(at)).map(|n| Entry { flow: n.flow })
    }

    /// Index into the numbers.
    pub(super) fn number(&self, dialled: &str, origin: Origin) -> Option<usize> {
        let desk = matches!(origin, Origin::Desk(_));
        self.numbers
            .iter()
            .enumerate()
            // A desk may dial the hotline as a caller does; a caller never reaches the feature codes.
            .filter(|(_, n)| (desk || !n.desks) && n.pattern.matches(dialled))
            .min_by_key(|(_, n)| (n.desks != desk, n.pattern.rank()))
            .map(|(at, _)| at)
    }

    /// Where a desk's call to a number of the outside begins. `None`: its agent has no right to it.
    pub fn entry_outside(&self, dialled: &str, desk: AgentId) -> Option<Entry> {
        let granted = self.agent(desk)?.may_call.iter().any(|pattern| pattern.matches(dialled));
        granted.then_some(Entry { flow: self.outside })
    }

    /// Where a desk's call begins to a customer who was promised it.
    pub fn entry_promised(&self) -> Entry {
        Entry { flow: self.outside }
    }

    /// Where a caller goes whom an agent hands on to this entry, if that is a place to park.
    pub fn parking(&self, entry: Entry) -> Option<&Parking> {
        match self.first_step(entry.flow)? {
            Step::Park(parking, _) => Some(parking),
            _ => None,
        }
    }

    /// Where a desk parks a caller by a key, which names no number: where the plan's first number for it leads.
    pub fn own_parking(&self) -> Option<&Parking> {
        self.numbers.iter().filter(|n| n.desks).find_map(|n| self.parking(Entry { flow: n.flow }))
    }

    /// Every slot that somebody may be parked in.
    pub fn is_slot(&self, slot: &str) -> bool {
        let parked = |number: &Number| self.parking(Entry { flow: number.flow });
        self.numbers.iter().filter_map(parked).any(|parking| parking.slots.iter().any(|known| known == slot))
    }

    /// Whose caller a desk takes that dials this number, if it is one for that.
    pub fn picks_up(&self, dialled: &str, desk: AgentId) -> Option<PickUp> {
        match self.first_step(self.entry(dialled, Origin::Desk(desk))?.flow)? {
            Step::PickUp(spec) => Some(spec.meant(dialled)),
            _ => None,
        }
    }

    /// Slots that no number of desks retrieves from.
    pub(super) fn lost_slots(&self) -> Vec<(FlowId, String)> {
        let parking =
            self.numbers.iter().filter_map(|n| Some((n.flow, self.parking(Entry { flow: n.flow })?)));
        let slots =
            parking.flat_map(|(flow, parking)| parking.slots.iter().map(move |slot| (flow, slot.clone())));
        let leads = |slot: &str| {
            let all = self.numbers.iter().filter(|n| n.desks && n.pattern.matches(slot));
            let best = all.min_by_key(|n| n.pattern.rank());
            best.and_then(|n| self.first_step(n.flow)).is_some_and(
                |step| matches!(step, Step::PickUp(spec) if spec.kind == PickUpKind::Slot && spec.skip == 0),
            )
        };
        slots.filter(|(_, slot)| !leads(slot)).collect()
    }

    fn first_step(&self, flow: FlowId) -> Option<&Step> {
        self.flow(flow)?.steps.first().map(|located| &located.step)
    }

    pub fn numbers(&self) -> &[Number] {
        &self.numbers
    }

    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    pub fn queue(&self, id: QueueId) -> Option<&Queue> {
        self.queues.get(usize::from(id.0))
    }

    /// The queue's calendar says so; a queue without one never closes.
    pub fn is_closed(&self, queue: &Queue, at: Wall) -> bool {
        let calendar = queue.calendar.and_then(|calendar| self.calendars.get(calendar));
        calendar.is_some_and(|calendar| calendar.hours(&self.zone, at) != Hours::Open)
    }

    /// The times from this moment on that are outside the person's working hours, in order; none for who has none. The
    /// last one has no end where no hours are known after it.
    pub fn off_duty(&self, agent: &Agent, from: Wall) -> Vec<(Wall, Option<Wall>)> {
        let calendar = agent.hours.and_then(|hours| self.calendars.get(hours));
        calendar.map(|calendar| calendar.closed(&self.zone, from)).unwrap_or_default()
    }

    /// Customers of this queue may be called now.
    pub fn calls_back(&self, queue: &Queue, at: Wall) -> bool {
        let Some(rule) = &queue.callback else { return false };
        let calendar = rule.hours.map(|hours| self.calendars.get(hours));
        calendar.is_none_or(|calendar| calendar.is_some_and(|c| c.hours(&self.zone, at) == Hours::Open))
    }

    pub fn queue_by_name(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|q| q.name == name)
    }

    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(usize::try_from(id.0).ok()?)
    }

    pub fn agent_by_extension(&self, extension: &str) -> Option<&Agent> {
        self.by_extension.get(extension).and_then(|id| self.agent(*id))
    }

    pub fn skills(&self) -> &[Skill] {
        &self.skills
    }

    pub fn lists(&self) -> &[NumberList] {
        &self.lists
    }

    pub fn calendars(&self) -> &[Calendar] {
        &self.calendars
    }

    /// Sentences in a language; an unknown one speaks the plan's own.
    pub fn speech(&self, language: &Language) -> Speech {
        let known = self.languages.contains(language);
        Speech::new(
            self.catalog.clone(),
            if known { language } else { &self.language }.clone(),
            self.zone.clone(),
        )
    }

    /// What one of the plan's calendars says about a moment.
    pub fn hours(&self, calendar: &Calendar, at: Wall) -> Hours {
        calendar.hours(&self.zone, at)
    }

    /// A working morning of the first year whose holidays are known: for looking at the plan where no clock is.
    pub(super) fn some_day(&self) -> Wall {
        let known = self.calendars.iter().filter_map(|calendar| calendar.years.keys().next()).min();
        let day = jiff::civil::Date::new(known.copied().unwrap_or(2026), 1, 5).ok();
        let at = day.and_then(|day| day.at(10, 0, 0, 0).to_zoned(self.zone.clone()).ok());
        at.map_or(Wall::from_micros(0), |at| Wall::from_micros(at.timestamp().as_microsecond()))
    }

    pub(super) fn flow(&self, id: FlowId) -> Option<&Flow> {
        self.flows.get(id.0 as usize)
    }

    pub(super) fn menu(&self, id: MenuId) -> Option<&MenuSpec> {
        self.menus.get(id.0 as usize).map(|menu| &**menu)
    }

    pub(super) fn menu_shared(&self, id: MenuId) -> Option<Arc<MenuSpec>> {
        self.menus.get(id.0 as usize).cloned()
    }
}
