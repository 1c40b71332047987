//! The interpreter: where one call is in its plan.
//!
//! ```text
//!            Begin                     Play … Played
//!   New ───────────► run ──► Telling ───────────────► run ──► …      every arrow back to `run` takes the next step
//!                     │  ├─► Choosing (menu)      digits, time-out
//!                     │  ├─► Collecting           digits, time-out
//!                     │  ├─► Queued ── QueueEnded      Dialling ── DialEnded      Recording ── MessageEnded
//!                     │  ├─► Inquiring ── ComplaintTold     Surveying ── SurveyEnded     Weighing ── QueueState
//!                     │  ├─► Asking ── PresenceSet     PickingUp ── NotPickedUp     Staying ── until the caller hangs up
//!                     └─► Telling (closing phrase) ── Played ──► HangUp, Over
//! ```
//!
//! Total: a step either waits for an event or names its successor, the checker has proven that no
//! circle is without the caller's input, and should it err, `BUDGET` ends the call decently.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, DialEnd, Event, Facts, MessageEnd, QueueEnd, QueueState};
use super::flow::By;
use super::plan::{Entry, Plan, Queue};
use super::step::{AnswerUrgentSpec, FlowId, PresenceSpec, Step, Target, Value, Whom};
use super::verb::{
    callback, callback_at, collect, complaint, dial, find, hours, lookup, mailbox, menu, message, park,
    pick_up, presence, queue, regret, say, survey, urgent, wait, when,
};
use crate::base::{AgentId, Clip, Language, Masked, Now};

/// Steps taken without waiting for anything; more is a plan that the checker should have refused.
const BUDGET: usize = 200;

/// Digits typed ahead that are kept; more are dropped.
const AHEAD: usize = 32;

/// Keys kept for the agent's screen and the record.
const KEYS: usize = 64;

/// Where one call is in its plan, and what it knows.
pub struct Cursor {
    pub(super) plan: Arc<Plan>,
    pub(super) facts: Facts,
    flow: FlowId,
    step: usize,
    pub(super) stage: Stage,
    pub(super) language: Language,
    pub(super) grade: Option<String>,
    /// The caller's own manager, from a number list.
    pub(super) manager: Option<AgentId>,
    /// Every key that was taken, secrets left out.
    pub(super) keys: String,
    /// What a `collect` stored.
    pub(super) values: BTreeMap<String, Masked<String>>,
    /// Typed before anything asked for it.
    pub(super) ahead: VecDeque<char>,
    /// The person dialled last, and how that ended.
    pub(super) person: Option<AgentId>,
    pub(super) dial_end: Option<DialEnd>,
    /// Somebody has been asked urgently in this call: nobody is asked twice.
    pub(super) has_urged: bool,
    /// Times that a question was answered wrongly, or not at all.
    pub(super) wrong_keys: u32,
    /// Digits were complete before their `#`, which may still come and means nothing then.
    pub(super) closing_key: bool,
    /// By what the step goes on, not told yet.
    by: Vec<By>,
    playing: bool,
    armed: bool,
}

/// What the call is doing.
pub(super) enum Stage {
    New,
    Telling {
        interrupt: bool,
        then: After,
    },
    Choosing(menu::Choosing),
    Collecting(collect::Collecting),
    Finding(find::Finding),
    ChoosingTime(callback_at::Choosing),
    /// A queue is looked at.
    Weighing,
    Queued,
    Booking,
    Dialling,
    Recording,
    Boxing,
    Inquiring,
    Surveying,
    Asking(PresenceSpec),
    Urging,
    Answering(Box<AnswerUrgentSpec>),
    PickingUp,
    Staying(Vec<Clip>),
    Over,
}

/// What follows something told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    Go(Target),
    Queue,
    Dial(AgentId),
    /// What is offered instead of a person who cannot come.
    Choices,
    Outside,
    HangUp,
}

/// What a step or an event comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// Nothing more until the next event.
    Wait,
    Go(Target),
}

impl Cursor {
    pub fn new(plan: Arc<Plan>, entry: Entry, facts: Facts) -> Self {
        let language = plan.language().clone();
        Cursor {
            plan,
            facts,
            flow: entry.flow,
            step: 0,
            stage: Stage::New,
            language,
            grade: None,
            manager: None,
            keys: String::new(),
            values: BTreeMap::new(),
            ahead: VecDeque::new(),
            person: None,
            dial_end: None,
            has_urged: false,
            wrong_keys: 0,
            closing_key: false,
            by: Vec::new(),
            playing: false,
            armed: false,
        }
    }

    /// A customer who is called back, at the queue that they left. `None`: the queue calls nobody back.
    pub fn called_back(
        plan: Arc<Plan>,
        queue: &Queue,
        facts: Facts,
        language: Language,
        grade: Option<String>,
    ) -> Option<Self> {
        let flow = queue.callback.as_ref()?.flow;
        let language = if plan.languages().contains(&language) { language } else { plan.language().clone() };
        Some(Cursor { language, grade, ..Cursor::new(plan, Entry { flow }, facts) })
    }

    /// Whom we call ourselves, for something that no flow leads through: for the language in which they are spoken to.
    pub fn of_the_house(plan: Arc<Plan>, facts: Facts, language: Language) -> Self {
        let language = if plan.languages().contains(&language) { language } else { plan.language().clone() };
        Cursor { language, ..Cursor::new(plan, Entry { flow: FlowId::NOWHERE }, facts) }
    }

    /// The same caller at another number, from the flow's first step on: with the language, the grade and what
    /// was keyed in so far.
    pub fn moved_to(&self, entry: Entry, dialled: &str, now: Now) -> Self {
        let facts = Facts { dialled: dialled.to_owned(), now, ..self.facts.clone() };
        Cursor {
            language: self.language.clone(),
            grade: self.grade.clone(),
            manager: self.manager,
            keys: self.keys.clone(),
            values: self.values.clone(),
            ..Cursor::new(self.plan.clone(), entry, facts)
        }
    }

    /// Takes one event and appends what the call shall do, in order. An event that does not fit is ignored.
    pub fn handle(&mut self, now: Now, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Played if !std::mem::take(&mut self.playing) => return,
            // A timer that was disarmed may already have been on its way.
            Event::TimedOut if !std::mem::take(&mut self.armed) => return,
            Event::Digit(digit) if std::mem::take(&mut self.closing_key) && digit == '#' => return,
            _ => {}
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        let turn = match (stage, event) {
            (Stage::New, Event::Begin) => {
                self.run(now, out);
                return self.tell_by(out);
            }
            (Stage::Telling { then, .. }, Event::Played) => self.after(then, out),
            (Stage::Telling { interrupt, then }, Event::Digit(digit)) => {
                self.type_ahead(digit);
                if interrupt {
                    self.stop(out);
                    self.after(then, out)
                } else {
                    self.stay(Stage::Telling { interrupt, then })
                }
            }
            (Stage::Choosing(choosing), event) => menu::handle(self, choosing, event, out),
            (Stage::Collecting(collecting), event) => collect::handle(self, collecting, now, event, out),
            (Stage::Finding(finding), event) => find::handle(self, finding, event, out),
            (Stage::ChoosingTime(choosing), event) => callback_at::handle(self, choosing, now, event, out),
            (Stage::Weighing, Event::QueueState(state)) => self.weighed(&state),
            (Stage::Queued, Event::QueueEnded(end)) => self.queue_ended(end),
            (Stage::Booking, Event::CallbackBooked { ok, wait }) => self.callback_booked(ok, wait, out),
            (Stage::Dialling, Event::DialEnded(end)) => self.dial_ended(end),
            (Stage::Recording, Event::MessageEnded(end)) => self.message_ended(end, out),
            (Stage::Boxing, Event::MailboxEnded | Event::DialEnded(_)) => Turn::Go(Target::Next),
            (Stage::Surveying, Event::SurveyEnded) => Turn::Go(Target::Next),
            (Stage::Inquiring, Event::ComplaintTold { found }) => self.complaint_told(found),
            (Stage::Asking(spec), Event::PresenceSet { ok }) => presence::answered(self, &spec, ok, now, out),
            (Stage::Urging, Event::UrgentEnded(end)) => urgent::ended(self, end, now, out),
            (Stage::Urging, Event::DialEnded(_)) => urgent::served(self),
            (Stage::Answering(spec), Event::UrgentAnswered { ok }) => urgent::answered(self, &spec, ok, out),
            (Stage::Answering(spec), Event::UrgentHeard(said)) => urgent::heard(self, &spec, said, out),
            (Stage::PickingUp, Event::NotPickedUp { may }) => self.not_picked_up(may, out),
            (Stage::Staying(clips), Event::Played) => wait::again(self, clips, out),
            (Stage::Staying(_), Event::TimedOut) => {
                self.stop(out);
                Turn::Go(Target::Next)
            }
            (stage, _) => self.stay(stage),
        };
        if let Turn::Go(target) = turn {
            self.go(target);
            self.run(now, out);
        }
        self.tell_by(out);
    }

    /// What leads on from this step, or leads to it once more: for the record of the call.
    pub(super) fn by(&mut self, by: By) {
        self.by.push(by);
    }

    fn tell_by(&mut self, out: &mut Vec<Action>) {
        out.extend(self.by.drain(..).map(Action::Took));
    }

    /// What the caller is spoken to in.
    pub fn language(&self) -> &Language {
        &self.language
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What a number list said about the caller.
    pub fn grade(&self) -> Option<&str> {
        self.grade.as_deref()
    }

    /// What the caller keyed in, for the agent's screen and the record; secrets are left out.
    pub fn keys_pressed(&self) -> Masked<String> {
        Masked::new(self.keys.clone())
    }

    /// How often a menu or a question was answered by a key that means nothing, or by none.
    pub fn wrong_keys(&self) -> u32 {
        self.wrong_keys
    }

    /// The caller's own number where it may be read out to them: not where they keep it to themselves, and not where
    /// many sit behind it.
    pub fn number_to_read_out(&self) -> Option<Masked<String>> {
        let number = self.facts.from.expose();
        let main = self.plan.main_numbers.and_then(|list| self.plan.lists.get(list)?.find(number));
        let digits = number.strip_prefix('+').unwrap_or(number);
        let sayable = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (sayable && main.is_none()).then(|| self.facts.from.clone())
    }

    /// Takes steps until one waits.
    fn run(&mut self, now: Now, out: &mut Vec<Action>) {
        let plan = self.plan.clone();
        for _ in 0..BUDGET {
            self.tell_by(out);
            let here = plan.flow(self.flow).and_then(|f| Some((f, f.steps.get(self.step)?)));
            let Some((flow, located)) = here else {
                return self.close(plan.own.goodbye.clips(&self.language), out);
            };
            let file = plan.files.get(located.place.file).cloned().unwrap_or_default();
            let label = format!("{} {}", flow.name, located.step.verb());
            out.push(Action::Step { file, line: located.line, label });
            match self.begin(now, &located.step, out) {
                Turn::Wait => return,
                Turn::Go(target) => self.go(target),
            }
        }
        let mut closing = plan.own.system_busy.clips(&self.language).to_vec();
        closing.extend_from_slice(plan.own.goodbye.clips(&self.language));
        self.close(&closing, out);
    }

    fn begin(&mut self, now: Now, step: &Step, out: &mut Vec<Action>) -> Turn {
        match step {
            Step::Play { phrase, interrupt } => {
                let clips = phrase.clips(&self.language).to_vec();
                self.tell(clips, *interrupt, After::Go(Target::Next), out)
            }
            Step::Say { said, twice } => {
                let clips = say::clips(self, said, *twice, now);
                self.tell(clips, true, After::Go(Target::Next), out)
            }
            Step::Menu(menu) => menu::begin(self, *menu, out),
            Step::Collect(spec) => collect::begin(self, spec, now, out),
            Step::Find(spec) => find::begin(self, spec, out),
            Step::Hours { calendar, open, closed, holiday } => {
                hours::run(self, *calendar, now, [*open, *closed, *holiday])
            }
            Step::Lookup { list, by, found, missing } => lookup::run(self, *list, by, *found, *missing),
            Step::When(spec) => when::begin(self, spec, out),
            Step::Queue(spec) => {
                let before = spec.before.clips(&self.language).to_vec();
                self.tell(before, false, After::Queue, out)
            }
            Step::Callback(spec) => callback::begin(self, spec, out),
            Step::CallbackAt(spec) => callback_at::begin(self, spec, now, out),
            Step::Dial(spec) => dial::begin(self, spec, out),
            Step::Outside(spec) => {
                let before = spec.before.clips(&self.language).to_vec();
                self.tell(before, false, After::Outside, out)
            }
            Step::Message(spec) => message::begin(self, spec, out),
            Step::Mailbox { tries, team } => mailbox::begin(self, *tries, team.clone(), out),
            Step::Survey(spec) => survey::begin(self, *spec, out),
            Step::Complaint { tries, .. } => complaint::begin(self, *tries, out),
            Step::Goto(target) => Turn::Go(*target),
            Step::Language(language) => {
                self.language = language.clone();
                Turn::Go(Target::Next)
            }
            Step::Presence(spec) => presence::begin(self, spec, now, out),
            Step::Park(_, refused) => park::begin(self, refused, out),
            Step::PickUp(spec) => pick_up::begin(self, spec, out),
            Step::Wait { phrase, limit } => wait::begin(self, phrase, *limit, out),
            Step::HangUp { phrase } => {
                self.close(phrase.clips(&self.language), out);
                Turn::Wait
            }
            Step::Urgent(_) => urgent::begin(self, out),
            Step::AnswerUrgent(spec) => urgent::answer(self, spec, now, out),
            Step::Regret(_) => regret::run(self, now, out),
            Step::CallAgain => {
                let clips = regret::call_again(self, now);
                self.tell(clips, false, After::Go(Target::Next), out)
            }
        }
    }

    /// Says something, or goes on at once where there is nothing to say.
    pub(super) fn tell(
        &mut self,
        clips: Vec<Clip>,
        interrupt: bool,
        then: After,
        out: &mut Vec<Action>,
    ) -> Turn {
        // Who typed ahead knows what would be said.
        if clips.is_empty() || (interrupt && !self.ahead.is_empty()) {
            return self.after(then, out);
        }
        self.play(clips, out);
        self.stay(Stage::Telling { interrupt, then })
    }

    fn after(&mut self, then: After, out: &mut Vec<Action>) -> Turn {
        let plan = self.plan.clone();
        let step = plan.flow(self.flow).and_then(|f| f.steps.get(self.step)).map(|l| &l.step);
        match (then, step) {
            (After::Queue, Some(Step::Queue(spec))) => queue::begin(self, spec, out),
            (After::Dial(person), Some(Step::Dial(spec))) => {
                self.ahead.clear();
                let delegate = spec.whom == Whom::Delegate;
                out.push(Action::Dial { person, delegate, ring: spec.ring });
                self.stay(Stage::Dialling)
            }
            (After::Outside, Some(Step::Outside(spec))) => {
                self.ahead.clear();
                let (number, trunk) = (spec.number.clone(), spec.trunk.clone());
                out.push(Action::Outside { number, trunk, ring: spec.ring });
                self.stay(Stage::Dialling)
            }
            (After::Choices, Some(Step::Regret(spec))) => regret::choose(self, spec, out),
            (After::HangUp, _) => {
                out.push(Action::HangUp);
                Turn::Wait
            }
            (After::Go(target), _) => Turn::Go(target),
            _ => Turn::Go(Target::Next),
        }
    }

    fn queue_ended(&mut self, end: QueueEnd) -> Turn {
        let plan = self.plan.clone();
        self.by(queue::by(end));
        match self.current(&plan) {
            Some(Step::Queue(spec)) => queue::ended(spec, end),
            _ => Turn::Go(Target::Next),
        }
    }

    fn callback_booked(
        &mut self,
        ok: bool,
        wait: Option<(Duration, Option<Duration>)>,
        out: &mut Vec<Action>,
    ) -> Turn {
        let plan = self.plan.clone();
        match self.current(&plan) {
            Some(Step::Callback(spec)) => callback::booked(self, spec, ok, wait, out),
            Some(Step::CallbackAt(spec)) => callback_at::booked(self, spec, ok, out),
            _ => Turn::Go(Target::Next),
        }
    }

    fn dial_ended(&mut self, end: DialEnd) -> Turn {
        let plan = self.plan.clone();
        self.dial_end = Some(end);
        self.by(dial::by(end));
        match self.current(&plan) {
            Some(Step::Dial(spec)) => dial::ended(spec, end),
            Some(Step::Outside(spec)) => dial::outside_ended(spec, end),
            _ => Turn::Go(Target::Next),
        }
    }

    fn message_ended(&mut self, end: MessageEnd, out: &mut Vec<Action>) -> Turn {
        let plan = self.plan.clone();
        match self.current(&plan) {
            Some(Step::Message(spec)) => message::ended(self, spec, end, out),
            _ => Turn::Go(Target::Next),
        }
    }

    fn weighed(&mut self, state: &QueueState) -> Turn {
        let plan = self.plan.clone();
        match self.current(&plan) {
            Some(Step::When(spec)) => when::told(self, spec, state),
            _ => Turn::Go(Target::Next),
        }
    }

    fn complaint_told(&mut self, found: bool) -> Turn {
        let plan = self.plan.clone();
        match self.current(&plan) {
            Some(Step::Complaint { on_unknown, .. }) => complaint::told(self, *on_unknown, found),
            _ => Turn::Go(Target::Next),
        }
    }

    fn not_picked_up(&mut self, may: bool, out: &mut Vec<Action>) -> Turn {
        let plan = self.plan.clone();
        match self.current(&plan) {
            Some(Step::PickUp(spec)) => pick_up::failed(self, spec, may, out),
            _ => Turn::Go(Target::Next),
        }
    }

    pub(super) fn current<'p>(&self, plan: &'p Plan) -> Option<&'p Step> {
        plan.flow(self.flow)?.steps.get(self.step).map(|l| &l.step)
    }

    /// The closing phrase; the system hangs up only after one.
    fn close(&mut self, clips: &[Clip], out: &mut Vec<Action>) {
        self.disarm(out);
        self.ahead.clear();
        self.tell(clips.to_vec(), false, After::HangUp, out);
    }

    fn go(&mut self, target: Target) {
        match target {
            Target::Next => self.step += 1,
            Target::Flow(flow) => (self.flow, self.step) = (flow, 0),
        }
    }

    pub(super) fn stay(&mut self, stage: Stage) -> Turn {
        self.stage = stage;
        Turn::Wait
    }

    fn type_ahead(&mut self, digit: char) {
        if self.ahead.len() < AHEAD {
            self.ahead.push_back(digit);
        }
    }

    /// A key that was asked for.
    pub(super) fn took(&mut self, digit: char) {
        if self.keys.len() < KEYS {
            self.keys.push(digit);
        }
    }

    pub(super) fn play(&mut self, clips: Vec<Clip>, out: &mut Vec<Action>) {
        self.playing = true;
        out.push(Action::Play(clips));
    }

    pub(super) fn stop(&mut self, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.playing) {
            out.push(Action::StopPlaying);
        }
    }

    pub(super) fn arm(&mut self, after: Duration, out: &mut Vec<Action>) {
        self.armed = true;
        out.push(Action::Arm(after));
    }

    pub(super) fn disarm(&mut self, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.armed) {
            out.push(Action::Disarm);
        }
    }

    pub(super) fn value(&self, value: &Value) -> Option<&str> {
        match value {
            Value::Caller => Some(self.facts.from.expose().as_str()).filter(|n| !n.is_empty()),
            Value::Dialled => Some(&self.facts.dialled),
            Value::Owner => self.facts.owner.as_deref(),
            Value::Manager => self.plan.agent(self.manager?).map(|a| a.extension.as_str()),
            Value::Keyed(name) => self.values.get(name).map(|v| v.expose().as_str()),
        }
    }

    pub(super) fn whom(&self, whom: &Whom) -> Option<AgentId> {
        match whom {
            Whom::Fixed(agent) => Some(*agent),
            Whom::Value(value) => self.plan.agent_by_extension(self.value(value)?).map(|a| a.id),
            Whom::Last => self.person,
            // Who that is now, the exchange knows.
            Whom::Delegate => self.person,
        }
    }
}
