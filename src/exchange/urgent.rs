//! Persons who are asked, without a sound, what becomes of a caller: whether they may be, how they are told, and what they
//! answer.
//!
//! ```text
//!   a call: AskUrgent --> may they be asked? --> the caller speaks --> TellUrgent --> asked: a text, an event
//!                                                                                       |
//!     text of the person's phone, key at the desk, command --> one answer, the first --> the call
//!                                                                                       |
//!   a call: UrgentOver <-- answered, no answer in time, the caller gone ----------------+
//! ```
//!
//! A person is asked by one caller at a time, so an answer needs no name; for a breath after one caller nobody else is, so
//! that an answer which comes late is not the next one's. Who is asked stands in the commons: any exchange may have the
//! caller, and the texts of phones are the first one's.
//!
//! Architecture invariant: of whoever is asked there is a call that waits for the answer.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::feed::FloorEvent;
use super::share::Say;
use super::{Exchange, Reply, UrgentLine};
use crate::base::{AgentId, AwayReason, CallId, Instant, Now, RecordingId, UrgentAnswer, Wall};
use crate::call::{Event, UrgentOver, UrgentSlip};
use crate::dialplan::{DialEnd, Urgency, UrgentRules};
use crate::queue::Seized;
use crate::sip::{Answer, Content, RequestId};

/// For so long after one caller a person is asked by no other.
const BREATH: Duration = Duration::from_secs(5);

/// What is known of somebody who is asked, or was.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    waiting: Option<Waiting>,
    /// When they were, within the plan's time; the last one last.
    times: VecDeque<Instant>,
    /// When the last caller did not wait any more.
    over: Option<Instant>,
}

/// A caller who waits for the answer.
#[derive(Clone, Debug)]
struct Waiting {
    call: CallId,
    since: Wall,
    /// Masked.
    from: String,
    said: Option<RecordingId>,
    answer: Option<UrgentAnswer>,
}

impl Asked {
    fn may_be(&self, now: Instant, rules: UrgentRules) -> bool {
        let lately = self.times.iter().filter(|at| now.since(**at) < rules.within).count();
        let rests = self.over.is_some_and(|over| now.since(over) < BREATH);
        self.waiting.is_none() && !rests && lately < usize::try_from(rules.most).unwrap_or(usize::MAX)
    }

    /// `false`: they may not be asked any more.
    fn ask(&mut self, now: Instant, rules: UrgentRules, waiting: Waiting) -> bool {
        self.times.retain(|at| now.since(*at) < rules.within);
        let may = self.may_be(now, rules);
        if may {
            self.times.push_back(now);
            self.waiting = Some(waiting);
        }
        may
    }
}

impl Exchange {
    // -- for the call --

    pub(super) fn ask_urgent(&mut self, now: Now, extension: &str) -> Event {
        let ok = self.numbering.agent(extension).is_some_and(|agent| {
            let asked = self.commons.urgent.get(&agent).map(|asked| asked.clone()).unwrap_or_default();
            self.may_be_disturbed(agent) && asked.may_be(now.mono, self.plan.urgent())
        });
        if !ok {
            self.count("urgent slips: not now");
        }
        Event::UrgentAllowed { ok }
    }

    fn urgency(&self, extension: &str) -> Urgency {
        self.plan.agent_by_extension(extension).map_or(Urgency::Never, |person| person.urgent)
    }

    /// By the plan and by what they are in; and there has to be a phone of theirs to put anybody through to.
    fn may_be_disturbed(&self, agent: AgentId) -> bool {
        let extension = self.numbering.extension(agent);
        let away = self.desks.get(agent).away.map(|away| away.reason);
        self.plan.agent_by_extension(extension).is_some_and(|person| {
            person.urgent != Urgency::Never
                && (away != Some(AwayReason::ImportantMeeting) || person.urgent_when_important)
        }) && self.phone_of(extension).is_some()
    }

    pub(super) fn tell_urgent(&mut self, now: Now, call: CallId, slip: &UrgentSlip) -> Event {
        let rules = self.plan.urgent();
        let waiting =
            Waiting { call, since: now.wall, from: slip.from.to_string(), said: slip.said, answer: None };
        let agent = self.numbering.agent(&slip.extension).filter(|agent| self.may_be_disturbed(*agent));
        let told = agent
            .filter(|agent| self.commons.urgent.entry(*agent).or_default().ask(now.mono, rules, waiting));
        let Some(agent) = told else {
            self.count("urgent slips: not now");
            return Event::UrgentTold { told: false };
        };
        self.count("urgent slips");
        let from = match (slip.from.is_empty(), rules.shows_number) {
            (true, _) => self.words().withheld.to_owned(),
            (false, true) => slip.from.expose().clone(),
            (false, false) => slip.from.to_string(),
        };
        let who = slip.grade.iter().cloned().chain([from]).collect::<Vec<_>>().join(" ");
        // Who has a screen for it is not waited for less because their phone knows no texts.
        if self.urgency(&slip.extension) != Urgency::Screen {
            let text = self.question(now, &who, rules);
            self.question_to(now, agent, &text, call);
        }
        self.tell_urgent_floor(call, &slip.extension, "asked", None);
        Event::UrgentTold { told: true }
    }

    /// The caller waits no more. The person learns what came of it.
    pub(super) fn urgent_over(&mut self, now: Now, call: CallId, extension: &str, how: UrgentOver) {
        let Some(agent) = self.numbering.agent(extension) else { return };
        let waited = self.commons.urgent.get_mut(&agent).is_some_and(|mut asked| {
            let theirs = asked.waiting.as_ref().is_some_and(|waiting| waiting.call == call);
            if theirs {
                (asked.waiting, asked.over) = (None, Some(now.mono));
            }
            theirs
        });
        if !waited {
            return;
        }
        let words = self.words();
        let (counted, name, text) = match how {
            UrgentOver::Answered(UrgentAnswer::Now) => ("urgent slips: put through", "put-through", None),
            UrgentOver::Answered(answer) => {
                let at = match answer {
                    UrgentAnswer::CallBack { at: Some(at) } => format!(" {}", self.clock(at)),
                    _ => String::new(),
                };
                let told = match answer {
                    UrgentAnswer::CallBack { .. } => words.call_back,
                    UrgentAnswer::Delegate => words.delegate,
                    UrgentAnswer::Now | UrgentAnswer::Message => words.message,
                };
                ("urgent slips: answered", answer.name(), Some(format!("{told}{at}")))
            }
            UrgentOver::NoAnswer => {
                ("urgent slips: no answer", "no-answer", Some(words.no_answer.to_owned()))
            }
            UrgentOver::NotReached => {
                ("urgent slips: not reached", "not-reached", Some(words.not_reached.to_owned()))
            }
            UrgentOver::Gone => ("urgent slips: caller gone", "gone", Some(words.gone.to_owned())),
        };
        self.count(counted);
        let until = match how {
            UrgentOver::Answered(UrgentAnswer::CallBack { at }) => at,
            _ => None,
        };
        self.tell_urgent_floor(call, extension, name, until);
        if let Some(text) = text.filter(|_| self.urgency(extension) != Urgency::Screen) {
            self.text_to(now, agent, &text);
        }
    }

    fn tell_urgent_floor(&mut self, call: CallId, person: &str, state: &str, until: Option<Wall>) {
        let from = self.calls.get(&call).map(|call| call.from().to_string()).unwrap_or_default();
        let (person, state) = (person.to_owned(), state.to_owned());
        self.tell_floor(FloorEvent::Urgent { call, person, from, state, until });
    }

    /// The phone of somebody who wants this caller whatever they are in; in a call, or at a feature code, it is busy.
    pub(super) fn seize_urgently(&mut self, now: Now, call: CallId, extension: &str) -> Event {
        let Some(agent) = self.numbering.agent(extension) else {
            return Event::NotSeized { why: DialEnd::Unreachable };
        };
        let Some((_, via)) = self.phone_of(extension) else {
            return Event::NotSeized { why: DialEnd::Unreachable };
        };
        let busy = self.desks.get(agent).call.is_some() || !self.desks.dialled(agent).is_empty();
        if busy || !self.desks.take(agent, call) {
            return Event::NotSeized { why: DialEnd::Busy };
        }
        if self.core.agent_seize(now.mono, agent, &mut self.core_events) == Seized::Busy {
            self.desks.release(agent, call);
            return Event::NotSeized { why: DialEnd::Busy };
        }
        let towards = self.towards_desk(extension, via);
        Event::Seized { agent, extension: extension.to_owned(), towards }
    }

    // -- for who is asked --

    /// The first answer is the answer. `false`: no caller waits for one.
    pub(super) fn answer_urgent(&mut self, agent: AgentId, answer: UrgentAnswer) -> bool {
        let call = self.commons.urgent.get_mut(&agent).and_then(|mut asked| {
            let waiting = asked.waiting.as_mut().filter(|waiting| waiting.answer.is_none())?;
            waiting.answer = Some(answer);
            Some(waiting.call)
        });
        let Some(call) = call else {
            self.count("urgent slips: answers to nobody");
            return false;
        };
        if self.share.has(call) {
            self.urgent_answered(call, answer);
        } else {
            self.tell_owner(call, Say::UrgentAnswered(call, answer));
        }
        true
    }

    pub(super) fn urgent_answered(&mut self, call: CallId, answer: UrgentAnswer) {
        self.work.push_back((call, Event::UrgentAnswered { answer }));
    }

    /// Words were lost: the answers to calls of this exchange are read anew. A call that has its answer takes no other.
    pub(super) fn urgent_anew(&mut self) {
        for (_, waiting) in self.all_waiting() {
            if let Some(answer) = waiting.answer.filter(|_| self.share.has(waiting.call)) {
                self.urgent_answered(waiting.call, answer);
            }
        }
    }

    /// What the caller has said who waits for this person's answer.
    pub(super) fn urgent_words(&self, agent: AgentId) -> Option<RecordingId> {
        let asked = self.commons.urgent.get(&agent)?;
        let waiting = asked.waiting.as_ref().filter(|waiting| waiting.answer.is_none())?;
        waiting.said
    }

    /// An answer as a text. It has arrived (200) whatever it says; whoever has sent it learns by a text what it did not
    /// do. `false`: nobody who could be asked.
    pub(super) fn urgent_text(&mut self, now: Now, id: RequestId, sender: &str, content: &Content) -> bool {
        let person = self.plan.agent_by_extension(sender).and_then(|_| self.numbering.agent(sender));
        let Some(agent) = person else { return false };
        self.sip.respond(now.mono, id, Answer::new(200));
        let text = String::from_utf8_lossy(&content.body);
        let answer = UrgentAnswer::of_text(&text, |digits| self.plan.next_at(now.wall, digits));
        let is_asked = self
            .commons
            .urgent
            .get(&agent)
            .is_some_and(|asked| asked.waiting.as_ref().is_some_and(|waiting| waiting.answer.is_none()));
        let words = self.words();
        match answer {
            Some(answer) if self.answer_urgent(agent, answer) => {}
            None if is_asked => {
                self.count("urgent slips: answers not understood");
                self.text_to(now, agent, words.choices);
            }
            _ => self.text_to(now, agent, words.nobody),
        }
        true
    }

    // -- for the administrator's list --

    pub(super) fn urgent_lines(&self) -> Vec<UrgentLine> {
        let line = |(person, waiting): (String, Waiting)| UrgentLine {
            person,
            call: waiting.call,
            from: waiting.from,
            since: waiting.since,
            answer: waiting.answer,
        };
        self.all_waiting().into_iter().map(line).collect()
    }

    pub(super) fn answer_by_order(&mut self, extension: &str, answer: UrgentAnswer) -> Reply {
        let known = self.plan.agent_by_extension(extension).and_then(|_| self.numbering.agent(extension));
        match known {
            None => Reply::Refused(format!("the dialplan has no agent {extension}")),
            Some(agent) if self.answer_urgent(agent, answer) => Reply::Done,
            Some(_) => Reply::Refused(format!("no caller waits for an answer of {extension}")),
        }
    }

    /// In the plan's order of persons.
    fn all_waiting(&self) -> Vec<(String, Waiting)> {
        let waiting = |extension: &String| {
            let asked = self.commons.urgent.get(&self.numbering.agent(extension)?)?;
            Some((extension.clone(), asked.waiting.clone()?))
        };
        self.plan.agents().iter().filter_map(|agent| waiting(&agent.extension)).collect()
    }

    /// Nobody is asked any more about a call that does not wait. A call that waits has its own deadline.
    pub(super) fn urgent_astray(&mut self, now: Now) {
        for (person, Waiting { call, .. }) in self.all_waiting() {
            let waits = self.calls.get(&call).is_some_and(|call| call.asks_urgently());
            if self.share.has(call) && !waits {
                self.urgent_over(now, call, &person, UrgentOver::Gone);
            }
        }
    }

    /// Of the calls of this exchange, those that somebody is asked about: for invariants.
    pub(super) fn asked_about(&self) -> Vec<CallId> {
        let calls = self.all_waiting().into_iter().map(|(_, waiting)| waiting.call);
        calls.filter(|call| self.share.has(*call)).collect()
    }

    // -- words --

    fn question(&self, now: Now, who: &str, rules: UrgentRules) -> String {
        let words = self.words();
        let (since, wait) = (self.clock(now.wall), rules.wait.as_secs());
        let asks =
            words.asks.replace("{who}", who).replace("{since}", &since).replace("{wait}", &wait.to_string());
        let code = self.plan.urgent_code().map(|code| words.code.replace("{code}", &code));
        format!("{asks}\n{}{}", words.choices, code.unwrap_or_default())
    }

    fn clock(&self, at: Wall) -> String {
        let at = Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
        at.to_zoned(self.plan.time_zone().clone()).strftime("%H:%M").to_string()
    }

    fn words(&self) -> &'static Words {
        if self.plan.language().0.starts_with("zh") { &MANDARIN } else { &ENGLISH }
    }
}

/// What stands on the phone of who is asked.
struct Words {
    asks: &'static str,
    choices: &'static str,
    code: &'static str,
    withheld: &'static str,
    call_back: &'static str,
    delegate: &'static str,
    message: &'static str,
    no_answer: &'static str,
    not_reached: &'static str,
    gone: &'static str,
    nobody: &'static str,
}

const MANDARIN: Words = Words {
    asks: "急件 {since}：{who} 正在等您答复（{wait} 秒）。",
    choices: "回复 1 马上接听；2 1530 表示 15:30 回电，只回 2 表示尽快回电；3 转代接同事；4 请对方留言。",
    code: "也可拨 {code}。",
    withheld: "未显示号码",
    call_back: "已转告来电者：您将回电",
    delegate: "已转告来电者：由代接同事接听",
    message: "已转告来电者：请其留言",
    no_answer: "未收到您的答复，已请代接同事接听或请对方留言。急件在您的留言信箱中。",
    not_reached: "未能接通您的电话，已请代接同事接听或请对方留言。急件在您的留言信箱中。",
    gone: "来电者已挂断。急件在您的留言信箱中。",
    nobody: "现在没有来电在等您的答复。",
};

const ENGLISH: Words = Words {
    asks: "Urgent {since}: {who} waits for your answer ({wait} s).",
    choices: "Reply 1 to take the call; 2 1530 to call back at 15:30, 2 alone for as soon as possible; 3 for your \
              delegate; 4 for a message.",
    code: " Or dial {code}.",
    withheld: "number withheld",
    call_back: "The caller is told that you call back",
    delegate: "The caller is given to your delegate",
    message: "The caller is asked for a message",
    no_answer: "You have not answered: the caller goes to your delegate, or leaves a message. The slip is in your box.",
    not_reached: "Your phone was not reached: the caller goes to your delegate, or leaves a message. The slip is in \
                  your box.",
    gone: "The caller has hung up. The slip is in your box.",
    nobody: "No caller waits for your answer.",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(call: u64) -> Waiting {
        let (since, from) = (Wall::default(), String::new());
        Waiting { call: CallId(call), since, from, said: None, answer: None }
    }

    #[test]
    fn so_often_in_so_much_time_and_by_one_at_a_time() {
        let at = |seconds: u64| Instant::ZERO + Duration::from_secs(seconds);
        let within = Duration::from_secs(600);
        let rules = UrgentRules { most: 2, within, ..UrgentRules::default() };
        let mut asked = Asked::default();
        let over = |asked: &mut Asked, seconds| (asked.waiting, asked.over) = (None, Some(at(seconds)));
        assert!(asked.ask(at(0), rules, waiting(1)));
        assert!(!asked.ask(at(30), rules, waiting(2)), "one waits");
        over(&mut asked, 40);
        assert!(!asked.ask(at(44), rules, waiting(3)), "what is answered now is the first one's");
        assert!(asked.ask(at(45), rules, waiting(4)));
        over(&mut asked, 50);
        assert!(!asked.ask(at(599), rules, waiting(5)), "twice in ten minutes");
        assert!(asked.ask(at(600), rules, waiting(6)), "the first one lies ten minutes back");
        assert_eq!(asked.times.len(), 2, "what lies back is forgotten");
    }

    /// Each fits into a MESSAGE that may go over UDP (RFC 3428 §8).
    #[test]
    fn the_texts_are_short() {
        for words in [&MANDARIN, &ENGLISH] {
            let all = words.asks.len() + words.choices.len() + words.code.len() + 40;
            assert!(all < 800, "{all}");
        }
    }
}
