//! What nobody wrote: the flows and menus behind the defaults of `queue` and `dial`. Good telephone manners are what
//! a plan has unless it says otherwise.

use std::time::Duration;

use super::doc::parse_time;
use super::fields::Fields;
use super::load::Loader;
use super::plan::{Flow, Phrase};
use super::step::{
    DialSpec, FlowId, MenuId, MenuSpec, MessageSpec, Offer, Offered, OutsideSpec, Place, QueueSpec,
    RegretSpec, Step, Target, UrgentSpec, Whom,
};
use super::verb;
use super::verb::dial::Written;
use crate::base::QueueId;

/// How long a telephone outside rings for an agent, who can hang up any time.
const LONGEST_RING: Duration = Duration::from_secs(90);

impl<'a, 's> Loader<'a, 's> {
    /// Stands for a flow that does not exist.
    pub(super) fn void(&mut self) -> Target {
        if let Some(void) = self.void {
            return Target::Flow(void);
        }
        let place = Place { file: 0, start: 0, end: 0 };
        let target = self.hidden(place, "nowhere", vec![Step::HangUp { phrase: Phrase::default() }]);
        if let Target::Flow(flow) = target {
            self.void = Some(flow);
        }
        target
    }

    /// Adds a flow that nobody wrote: what a default does.
    fn hidden(&mut self, place: Place, name: &str, steps: Vec<Step>) -> Target {
        let id = FlowId(u32::try_from(self.flows.len()).unwrap_or(u32::MAX));
        let steps = steps.into_iter().map(|step| self.at(place, step)).collect();
        self.flows.push(Flow { name: name.to_owned(), steps });
        Target::Flow(id)
    }

    /// Adds a menu that nobody named.
    pub(super) fn add_menu(&mut self, menu: MenuSpec) -> MenuId {
        let id = MenuId(u32::try_from(self.menus.len()).unwrap_or(u32::MAX));
        self.menus.push(menu);
        id
    }

    /// Written, else inherited, else documented.
    pub(super) fn tries(&mut self, fields: &Fields<'a, 's>) -> u8 {
        let tries = match self.defaults.tries {
            Some(inherited) if !fields.has("tries") => inherited,
            _ => self.count(fields, "tries"),
        };
        u8::try_from(tries).unwrap_or(1)
    }

    /// The flow of [hotline] for callers who cannot work a menu; without one, `field` must be written.
    pub(super) fn operator(&mut self, place: Place, field: &str) -> Option<Target> {
        match (self.operator, self.operator_written) {
            (Some(target), _) => Some(target),
            (None, true) => Some(self.void()),
            (None, false) => {
                let reason = format!("`{field}` is needed here: where does the caller go who cannot choose?");
                self.report
                    .mistake(place, reason)
                    .add_help("or give `[hotline]` an `operator` for all menus");
                None
            }
        }
    }

    pub(super) fn operator_or_goodbye(&mut self, place: Place) -> Target {
        if let Some(operator) = self.operator {
            return operator;
        }
        let phrase = self.phrase(place, "goodbye/thanks");
        self.hidden(place, "goodbye", vec![Step::HangUp { phrase }])
    }

    pub(super) fn with_tone(&mut self, mut before: Phrase) -> Phrase {
        let place = self.hotline.unwrap_or(Place { file: 0, start: 0, end: 0 });
        for (language, clips) in self.phrase(place, verb::message::TONE).0 {
            before.0.entry(language).or_default().extend(clips);
        }
        before
    }

    fn take_message(&mut self, place: Place, whom: Option<Whom>, box_name: &str) -> Step {
        let before = self.phrase(place, written_default("before"));
        let time = |name| Duration::from_millis(parse_time(written_default(name)).unwrap_or(0));
        Step::Message(Box::new(MessageSpec {
            complaint: None,
            ask: verb::message::by_default(whom.as_ref()),
            whom,
            box_name: box_name.to_owned(),
            before: self.with_tone(before),
            longest: time("longest"),
            silence: time("silence"),
            shortest: time("shortest"),
            on_nothing: Target::Next,
            on_failure: Target::Next,
        }))
    }

    /// What a queue does that cannot serve: says so and takes a message for the team.
    pub(super) fn apology_and_message(
        &mut self,
        place: Place,
        why: &str,
        apology: &str,
        queue: &str,
    ) -> Target {
        let phrase = self.phrase(place, apology);
        let message = self.take_message(place, None, queue);
        self.hidden(place, &format!("{queue} {why}"), vec![Step::Play { phrase, interrupt: true }, message])
    }

    /// What a customer meets who is called back: the queue again.
    pub(super) fn flow_of_callbacks(&mut self, place: Place, queue: QueueId, name: &str) -> FlowId {
        let [on_full, on_nobody, on_max_wait, on_closed] = [
            ("on_full", "queue/full closed/leave-message"),
            ("on_nobody", "transfer/failed closed/leave-message"),
            ("on_max_wait", "queue/sorry-for-the-wait closed/leave-message"),
            ("on_closed", "closed/after-hours closed/leave-message"),
        ]
        .map(|(why, apology)| self.apology_and_message(place, why, apology, name));
        let queue = Step::Queue(Box::new(QueueSpec {
            queue,
            before: self.phrase(place, "queue/connecting"),
            needs: Vec::new(),
            credit: None,
            keys: Vec::new(),
            offer: Phrase::default(),
            owners: Vec::new(),
            owner_wait: Duration::ZERO,
            on_full,
            on_nobody,
            on_max_wait,
            on_closed,
        }));
        match self.hidden(place, &format!("{name} callback"), vec![queue]) {
            Target::Flow(flow) => flow,
            Target::Next => FlowId::NOWHERE,
        }
    }

    /// Whether the queue has a rule for callbacks.
    pub(super) fn calls_back(&self, queue: QueueId) -> bool {
        self.called_back.contains(&queue)
    }

    /// Whether it also calls numbers that are keyed in.
    pub(super) fn calls_back_keyed(&self, queue: QueueId) -> bool {
        self.called_back_keyed.contains(&queue)
    }

    /// Tells where the configuration has no such trunk; without a configuration nobody knows.
    pub(super) fn known_trunk(&mut self, trunk: &str, place: Place) {
        if let Some(trunks) = self.trunks.as_ref().filter(|trunks| !trunks.iter().any(|known| known == trunk))
        {
            let known = trunks.iter().map(String::as_str);
            self.report.unknown(place, format!("the configuration has no trunk `{trunk}`"), trunk, known);
        }
    }

    /// What `dial` does when the person cannot come: says why, and offers what the plan says, of it what applies.
    pub(super) fn apology_and_choice(&mut self, place: Place, whom: &Whom, written: Vec<Written>) -> Target {
        let message = self.take_message(place, Some(Whom::Last), "general");
        let message = self.hidden(place, "message", vec![message]);
        let without_box = self.operator.unwrap_or(message);
        let mut offers = Vec::new();
        let mut urgent = None;
        for (one, key) in written.into_iter().zip('1'..='9') {
            let mut offer = |loader: &mut Self, what, topic: &str, target| {
                let said = loader.phrase(place, &format!("{topic} menu/press-{key}"));
                offers.push(Offer { what, key, said, target });
            };
            match one {
                Written::Message => offer(self, Offered::Message, "topic/message", message),
                Written::Delegate => {
                    if let Some(target) = self.delegate(place, whom, message) {
                        offer(self, Offered::Delegate, "topic/delegate", target);
                    }
                    if let Some(target) = self.operator {
                        offer(self, Offered::Operator, "topic/agent", target);
                    }
                }
                Written::Again => {
                    let phrase = self.phrase(place, "goodbye/thanks");
                    let steps = vec![Step::CallAgain, Step::HangUp { phrase }];
                    let target = self.hidden(place, "call again", steps);
                    offer(self, Offered::Again, "topic/call-again", target);
                }
                Written::Urgent => {
                    let said = self.phrase(place, &format!("topic/urgent menu/press-{key}"));
                    urgent = Some((offers.len(), key, said));
                }
                Written::Flow(mut said, target) => {
                    for (language, press) in self.phrase(place, &format!("menu/press-{key}")).0 {
                        said.0.entry(language).or_default().extend(press);
                    }
                    offers.push(Offer { what: Offered::Flow, key, said, target });
                }
            }
        }
        let menu = MenuSpec {
            name: "instead of a person".to_owned(),
            prompts: Phrase::default(),
            keys: Vec::new(),
            first_digit: self.defaults.first_digit.unwrap_or(Duration::from_secs(5)),
            between_digits: self.defaults.between_digits.unwrap_or(Duration::from_secs(3)),
            tries: 2,
            invalid: self.phrase(place, "error/invalid-key"),
            silent: Phrase::default(),
            too_many: Phrase::default(),
            leaving: Phrase::default(),
            exhausted: message,
        };
        if let Some((at, key, said)) = urgent {
            // Who is not to be disturbed now is excused, and all else is offered.
            let others = RegretSpec { offers: offers.clone(), menu: menu.clone(), message, without_box };
            let offered = offers.iter().find(|offer| offer.what == Offered::Delegate);
            let delegate = offered.map(|offer| offer.target).or_else(|| self.delegate(place, whom, message));
            let phrase = self.phrase(place, "goodbye/thanks");
            let over = self.hidden(place, "asked urgently", vec![Step::HangUp { phrase }]);
            let ask = Step::Urgent(Box::new(UrgentSpec { delegate, message, over }));
            let target = self.hidden(place, "urgent", vec![ask, Step::Regret(Box::new(others))]);
            offers.insert(at, Offer { what: Offered::Urgent, key, said, target });
        }
        let regret = Step::Regret(Box::new(RegretSpec { offers, menu, message, without_box }));
        self.hidden(place, "apology", vec![regret])
    }

    /// Rings who takes the calls of the person dialled last; `None` where nobody ever can. Who is rung, and who in their
    /// stead where they are away, too, is known when it is done.
    fn delegate(&mut self, place: Place, whom: &Whom, message: Target) -> Option<Target> {
        if self.agents.len() < 2 {
            return None;
        }
        let has_box = match whom {
            Whom::Fixed(agent) => self.agents.get(agent.0 as usize).is_some_and(|a| a.mailbox),
            _ => false,
        };
        let fallback = if has_box { message } else { self.operator.unwrap_or(message) };
        let sorry = Step::Play { phrase: self.phrase(place, "transfer/failed"), interrupt: true };
        let failed = self.hidden(place, "delegate failed", vec![sorry, Step::Goto(fallback)]);
        let delegate = Step::Dial(Box::new(DialSpec {
            whom: Whom::Delegate,
            before: self.phrase(place, "transfer/trying-another"),
            ring: self.defaults.ring.unwrap_or(Duration::from_secs(15)),
            on_busy: failed,
            on_no_answer: failed,
            on_away: failed,
            on_unreachable: failed,
            on_unknown: fallback,
            say_unknown: false,
        }));
        Some(self.hidden(place, "delegate", vec![delegate]))
    }

    /// Says why somebody outside was not reached, and goes to the operator or says goodbye.
    pub(super) fn apology(&mut self, place: Place, prompt: &str) -> Target {
        let phrase = self.phrase(place, prompt);
        let then = self.operator_or_goodbye(place);
        self.hidden(place, "apology", vec![Step::Play { phrase, interrupt: true }, Step::Goto(then)])
    }

    /// A desk calls the outside: the number that was dialled, and a word where nobody answers. An agent needs no
    /// goodbye.
    pub(super) fn outside_call(&mut self) -> FlowId {
        let place = self.hotline.unwrap_or(Place { file: 0, start: 0, end: 0 });
        let [on_busy, on_no_answer, on_unreachable] =
            ["transfer/busy", "transfer/no-answer", "transfer/failed"].map(|prompt| {
                let phrase = self.phrase(place, prompt);
                self.hidden(place, "not reached", vec![Step::HangUp { phrase }])
            });
        let call = Step::Outside(Box::new(OutsideSpec {
            number: None,
            trunk: None,
            before: Phrase::default(),
            ring: LONGEST_RING,
            on_busy,
            on_no_answer,
            on_unreachable,
        }));
        let end = Step::HangUp { phrase: Phrase::default() };
        match self.hidden(place, "outside", vec![call, end]) {
            Target::Flow(flow) => flow,
            Target::Next => FlowId(u32::MAX),
        }
    }
}

/// The documented default of a field of `message`.
fn written_default(field: &str) -> &'static str {
    verb::message::DOC.field(field).map_or("", |f| f.written_default())
}
