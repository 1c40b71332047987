//! Lamps, messages waiting and presence: who may watch whom, and what they are told (RFC 6665).
//!
//! ```text
//!   SUBSCRIBE -> signed in? -> may watch it? -> a watch
//!   a desk or a box may look different -> does it, for this watch? -> the endpoint asks for the content -> NOTIFY
//! ```
//!
//! An agent's phone may watch the dialogs and the presence of every agent of the plan, and the message box of its own
//! person: colleagues see that somebody talks, never with whom.

use std::collections::{BTreeMap, BTreeSet};

use super::Exchange;
use super::config::Subscriptions;
use super::share::Say;
use super::sign_in::Claim;
use crate::base::{AgentId, AwayReason, CallId, Instant, Masked, Now, Rng};
use crate::queue::{self, AgentState};
use crate::record::Waiting;
use crate::sip::events::compositor::Compositor;
use crate::sip::events::dialog_info::{self, DialogLine, Direction, State};
use crate::sip::events::message_summary;
use crate::sip::events::presence::{self, Activity, Told};
use crate::sip::{
    self, Answer, Content, Flow, Method, Name, NameAddr, OutOfDialog, Request, SubscriptionId, Unsubscribed,
    Uri,
};

/// A phone that asked for too much may try again after this many seconds.
const RETRY_AFTER_S: u32 = 60;
/// The dialog of somebody who is away and has none: a lamp knows no other word for it.
const AWAY: &str = "away";
/// A phone that comes back while we go away, after this many.
const RESTART_S: u32 = 10;

/// What can be watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Package {
    Dialog,
    Presence,
    MessageSummary,
}

impl Package {
    const ALL: [Package; 3] = [Package::Dialog, Package::Presence, Package::MessageSummary];

    const fn name(self) -> &'static str {
        match self {
            Package::Dialog => "dialog",
            Package::Presence => "presence",
            Package::MessageSummary => "message-summary",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Package::Dialog => dialog_info::KIND,
            Package::Presence => presence::KIND,
            Package::MessageSummary => message_summary::KIND,
        }
    }
}

/// What somebody watches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Subject {
    Desk(AgentId),
    /// A person's message box, by extension.
    Mailbox(String),
    /// A slot that callers are parked in.
    Slot(String),
}

struct Watch {
    account: Masked<String>,
    package: Package,
    subject: Subject,
    /// The URI of what is watched, as the watcher knows it.
    entity: String,
    /// Of the next document (RFC 4235 §4.1.1).
    version: u32,
    shown: Option<View>,
}

/// What a watcher sees.
#[derive(Clone, PartialEq, Eq, Debug)]
enum View {
    Dialogs(Vec<DialogLine>),
    Presence(Told),
    Waiting(Waiting),
}

pub(super) struct Lamps {
    watches: BTreeMap<SubscriptionId, Watch>,
    by_subject: BTreeSet<(Subject, SubscriptionId)>,
    /// Boxes whose count is other than it was told.
    boxes: BTreeSet<String>,
    /// Slots that somebody was put into, or taken from.
    slots: BTreeSet<String>,
    waiting: BTreeMap<String, Waiting>,
    pub(super) compositor: Compositor,
    /// We go away: nobody is to come back at once.
    closed: bool,
}

/// What the endpoint has to know to serve them.
pub(super) fn serve_by(config: &mut sip::Config) {
    config.packages = Package::ALL.map(Package::name).to_vec();
    config.methods.push(Method::Publish);
}

impl Lamps {
    pub(super) fn new(rng: Rng) -> Self {
        Lamps {
            watches: BTreeMap::new(),
            by_subject: BTreeSet::new(),
            boxes: BTreeSet::new(),
            slots: BTreeSet::new(),
            waiting: BTreeMap::new(),
            compositor: Compositor::new(rng),
            closed: false,
        }
    }

    /// By package, for the administrator.
    pub(super) fn counts(&self) -> [(&'static str, usize); 3] {
        Package::ALL.map(|package| {
            (package.name(), self.watches.values().filter(|watch| watch.package == package).count())
        })
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.compositor.poll_timeout()
    }

    pub(super) fn slot_changed(&mut self, slot: String) {
        self.slots.insert(slot);
    }

    fn forget(&mut self, id: SubscriptionId) {
        if let Some(watch) = self.watches.remove(&id) {
            self.by_subject.remove(&(watch.subject, id));
        }
    }

    fn watchers(&self, subject: &Subject) -> Vec<SubscriptionId> {
        let first = (subject.clone(), SubscriptionId::FIRST);
        self.by_subject.range(first..).take_while(|(of, _)| of == subject).map(|(_, id)| *id).collect()
    }

    /// What would be left although everybody has gone.
    pub(super) fn left_over(&self) -> Option<&'static str> {
        (self.by_subject.len() != self.watches.len()).then_some("watched subjects")
    }

    pub(super) fn watches(&self) -> usize {
        self.watches.len()
    }
}

impl Exchange {
    /// A SUBSCRIBE, first or again.
    pub(super) fn subscribe(
        &mut self,
        now: Now,
        id: SubscriptionId,
        package: &str,
        request: &Request,
        flow: Flow,
        refresh: bool,
    ) {
        match self.admit_watch(now, id, package, request, flow, refresh) {
            Ok(granted) => self.sip.accept_subscription(now.mono, id, granted),
            Err((answer, why)) => {
                self.refuse(now, answer.status, why, flow);
                self.sip.reject_subscription(now.mono, id, answer);
            }
        }
    }

    fn admit_watch(
        &mut self,
        now: Now,
        id: SubscriptionId,
        package: &str,
        request: &Request,
        flow: Flow,
        refresh: bool,
    ) -> Result<std::time::Duration, (Answer, &'static str)> {
        if self.lamps.closed {
            return Err((Answer::new(503).with("Retry-After", RESTART_S.to_string()), "going away"));
        }
        let account = match self.sign_in.check(now.mono, request, flow.remote.ip()) {
            Claim::Proven(user) => user,
            Claim::Refused(answer, why) => return Err((answer, why)),
        };
        let granted = self.config.subscriptions.expiry.grant(request).map_err(|least| {
            (Answer::new(423).with("Min-Expires", least.to_string()), "subscription too brief")
        })?;
        if refresh {
            let own = self.lamps.watches.get(&id).is_some_and(|watch| watch.account == account);
            return own.then_some(granted).ok_or((Answer::new(403), "subscription of somebody else"));
        }
        let package = Package::ALL
            .into_iter()
            .find(|known| known.name() == package)
            .ok_or((Answer::new(489), "unknown event package"))?;
        if !accepts(request, package.kind()) {
            return Err((Answer::new(406).with("Accept", package.kind()), "no document that is accepted"));
        }
        let extension = request.uri.user().unwrap_or_default().into_owned();
        let subject = self.subject(account.expose(), package, &extension)?;
        if !granted.is_zero() {
            self.has_room(&account)?;
        }
        let host = request.uri.host().to_string();
        let port = request.uri.port().map_or(String::new(), |port| format!(":{port}"));
        let entity = format!("sip:{extension}@{host}{port}");
        self.lamps.by_subject.insert((subject.clone(), id));
        self.lamps.watches.insert(id, Watch { account, package, subject, entity, version: 0, shown: None });
        Ok(granted)
    }

    /// Whether this account may watch that extension so.
    fn subject(
        &self,
        account: &str,
        package: Package,
        extension: &str,
    ) -> Result<Subject, (Answer, &'static str)> {
        if self.plan.agent_by_extension(account).is_none() {
            return Err((Answer::new(403), "watcher is no agent"));
        }
        let agent =
            self.numbering.agent(extension).filter(|_| self.plan.agent_by_extension(extension).is_some());
        match (package, agent) {
            (Package::MessageSummary, _) if extension != account => {
                Err((Answer::new(403), "message box of somebody else"))
            }
            (Package::MessageSummary, Some(_)) => Ok(Subject::Mailbox(extension.to_owned())),
            (Package::Dialog | Package::Presence, Some(agent)) => Ok(Subject::Desk(agent)),
            (Package::Dialog, None) if self.plan.is_slot(extension) => {
                Ok(Subject::Slot(extension.to_owned()))
            }
            (_, None) => Err((Answer::new(404), "nobody to watch")),
        }
    }

    fn has_room(&self, account: &Masked<String>) -> Result<(), (Answer, &'static str)> {
        let later = |status: u16| Answer::new(status).with("Retry-After", RETRY_AFTER_S.to_string());
        let Subscriptions { most, most_per_account, .. } = self.config.subscriptions;
        // The endpoint counts those, too, whose phone has vanished and not been given up.
        if self.sip.subscriptions() > most {
            return Err((later(503), "too many subscriptions"));
        }
        let own = self.lamps.watches.values().filter(|watch| watch.account == *account).count();
        if own >= most_per_account {
            return Err((later(480), "too many subscriptions of one account"));
        }
        Ok(())
    }

    /// A NOTIFY can go out: what it says is read in this moment.
    pub(super) fn notify(&mut self, now: Now, id: SubscriptionId, last: bool) {
        let Some(watch) = self.lamps.watches.get(&id) else {
            return self.sip.notify(now.mono, id, None);
        };
        let view = self.view(watch.package, &watch.subject);
        let Some(watch) = self.lamps.watches.get_mut(&id) else { return };
        let body = match &view {
            View::Dialogs(dialogs) => {
                let over = match &watch.shown {
                    Some(View::Dialogs(before)) => ended(before, dialogs),
                    _ => Vec::new(),
                };
                let version = watch.version;
                watch.version = version.wrapping_add(1);
                dialog_info::write(&watch.entity, version, &[over, dialogs.clone()].concat())
            }
            View::Presence(told) => presence::write(&watch.entity, told),
            View::Waiting(waiting) => message_summary::write(&watch.entity, *waiting),
        };
        let content = Content { kind: watch.package.kind().to_owned(), body: body.into() };
        watch.shown = Some(view);
        self.sip.notify(now.mono, id, Some(content));
        if last {
            self.lamps.forget(id);
        }
    }

    pub(super) fn subscription_lost(&mut self, id: SubscriptionId, status: u16) {
        if let Some(watch) = self.lamps.watches.get(&id) {
            tracing::debug!(subscription = %id, package = watch.package.name(), status, "a watcher is gone");
        }
        self.lamps.forget(id);
    }

    /// Tells the watchers of whatever looks different now. `false` where nothing had been touched.
    pub(super) fn light_lamps(&mut self, now: Now) -> bool {
        let desks = self.desks.take_touched();
        if !self.share.is_first() {
            if !desks.is_empty() {
                self.tell_first(Say::Desks(desks));
            }
            return false;
        }
        desks.iter().for_each(|agent| self.expect_change(now, *agent));
        let desks = desks.into_iter().map(Subject::Desk);
        let boxes = std::mem::take(&mut self.lamps.boxes).into_iter().map(Subject::Mailbox);
        let slots = std::mem::take(&mut self.lamps.slots).into_iter().map(Subject::Slot);
        let mut any = false;
        for subject in desks.chain(boxes).chain(slots) {
            any = true;
            for id in self.lamps.watchers(&subject) {
                let Some(watch) = self.lamps.watches.get(&id) else { continue };
                if watch.shown.as_ref() != Some(&self.view(watch.package, &subject)) {
                    self.sip.notify_soon(now.mono, id);
                }
            }
        }
        any
    }

    fn view(&self, package: Package, subject: &Subject) -> View {
        match (package, subject) {
            (_, Subject::Mailbox(mailbox)) => {
                View::Waiting(self.lamps.waiting.get(mailbox).copied().unwrap_or_default())
            }
            (Package::Presence, Subject::Desk(agent)) => View::Presence(self.presence_of(*agent)),
            (_, Subject::Desk(agent)) => View::Dialogs(self.dialogs_of(*agent)),
            (_, Subject::Slot(slot)) => View::Dialogs(self.dialogs_in(slot)),
        }
    }

    /// What the lamp of a desk shows: its calls; where it has none and the person is away, that.
    fn dialogs_of(&self, agent: AgentId) -> Vec<DialogLine> {
        let mut calls = self.calls_of(agent);
        if calls.is_empty() && self.config.subscriptions.away_is_busy && self.desks.get(agent).away.is_some()
        {
            calls.push(DialogLine {
                id: AWAY.to_owned(),
                direction: Direction::Recipient,
                state: State::Confirmed,
            });
        }
        calls
    }

    /// The call that a desk was given, and those that it made.
    fn calls_of(&self, agent: AgentId) -> Vec<DialogLine> {
        let line = |call: CallId, direction, state| DialogLine { id: call.to_string(), direction, state };
        let desk = self.desks.get(agent);
        let state = if desk.talks { State::Confirmed } else { State::Early };
        // Whoever dials us is answered at once.
        let dialled = self.desks.dialled(agent);
        // A call of their own to the outside has the desk, too: it is one line.
        let given = desk.call.filter(|call| !dialled.contains(call));
        let given = given.map(|call| line(call, Direction::Recipient, state));
        let dialled = dialled.into_iter().map(|call| line(call, Direction::Initiator, State::Confirmed));
        let held = desk.on_hold().map(|call| line(call, Direction::Recipient, State::Confirmed));
        given.into_iter().chain(held).chain(dialled).collect()
    }

    /// Whoever is parked there: a lit lamp, and the key beside it dials the slot.
    fn dialogs_in(&self, slot: &str) -> Vec<DialogLine> {
        let parked = self.commons.slots.get(slot).map(|call| *call);
        let line = |call: CallId| DialogLine {
            id: call.to_string(),
            direction: Direction::Recipient,
            state: State::Confirmed,
        };
        parked.map(line).into_iter().collect()
    }

    fn presence_of(&self, agent: AgentId) -> Told {
        let told = |open, activity, note| Told { open, activity, note, until: None };
        let extension = self.numbering.extension(agent);
        let Some(known) = self.plan.agent_by_extension(extension) else {
            return told(false, None, "not known");
        };
        let dialogs = self.calls_of(agent);
        let is = |state| dialogs.iter().any(|dialog| dialog.state == state);
        let away = self.desks.get(agent).away;
        match self.core.agent_state(agent).unwrap_or(AgentState::SignedOff) {
            _ if is(State::Confirmed) => told(true, Some(Activity::OnThePhone), "on the phone"),
            _ if is(State::Early) => told(true, Some(Activity::OnThePhone), "phone rings"),
            _ if let Some(away) = away => {
                Told { until: away.until, ..told(false, Some(activity(away.reason)), away.reason.name()) }
            }
            _ if self.phone_of(extension).is_none() => told(false, None, "no phone"),
            AgentState::Away(queue::Away::NoAnswer) => {
                told(false, Some(activity(AwayReason::NoAnswer)), AwayReason::NoAnswer.name())
            }
            // Who serves no queue need not sign on.
            AgentState::SignedOff if !known.skills.is_empty() => told(false, None, "signed off"),
            AgentState::WrapUp { .. } => told(true, Some(Activity::Busy), "wrap-up"),
            _ => told(true, None, ""),
        }
    }

    // -- messages waiting --

    /// The store has counted a box.
    pub(super) fn messages_wait(&mut self, now: Now, mailbox: String, waiting: Waiting) {
        self.lamps.waiting.insert(mailbox.clone(), waiting);
        self.tell_unasked(now, &mailbox);
        self.lamps.boxes.insert(mailbox);
    }

    /// Phones that light their lamp without ever subscribing are told all the same, where that is set (RFC 3842 §3.1
    /// knows only subscriptions; this is what phones take since before it).
    pub(super) fn tell_unasked(&mut self, now: Now, extension: &str) {
        let subscribed = || {
            let watchers = self.lamps.watchers(&Subject::Mailbox(extension.to_owned()));
            watchers.iter().any(|id| self.lamps.watches.contains_key(id))
        };
        if !self.config.subscriptions.unsolicited
            || self.plan.agent_by_extension(extension).is_none()
            || subscribed()
        {
            return;
        }
        let Some((to, via)) = self.phone_of(extension) else { return };
        let host =
            std::net::SocketAddr::new(self.config.advertised.unwrap_or(via.local.ip()), via.local.port());
        let account = Uri::sip(Some(extension), host);
        let waiting = self.lamps.waiting.get(extension).copied().unwrap_or_default();
        let body =
            message_summary::write(&String::from_utf8_lossy(account.as_bytes()), waiting).into_bytes().into();
        let headers = vec![
            (Name::Event.to_string(), Package::MessageSummary.name().to_owned()),
            (Name::SubscriptionState.to_string(), "terminated;reason=noresource".to_owned()),
        ];
        let content = Some(Content { kind: message_summary::KIND.to_owned(), body });
        let notify = OutOfDialog {
            headers,
            content,
            ..OutOfDialog::new(Method::Notify, to, via, NameAddr::new(account))
        };
        self.sip.request(now.mono, notify);
    }

    // -- the end --

    /// After a reload: who lost the right, and who watched what is no more.
    pub(super) fn watch_by_new_rules(&mut self, now: Now) {
        let mut over = Vec::new();
        for (id, watch) in &self.lamps.watches {
            let account = watch.account.expose();
            let (extension, is_known) = match &watch.subject {
                Subject::Desk(agent) => {
                    let extension = self.numbering.extension(*agent);
                    (extension, self.plan.agent_by_extension(extension).is_some())
                }
                Subject::Mailbox(mailbox) => {
                    (mailbox.as_str(), self.plan.agent_by_extension(mailbox).is_some())
                }
                Subject::Slot(slot) => (slot.as_str(), self.plan.is_slot(slot)),
            };
            if !self.sign_in.has_account(account) || self.plan.agent_by_extension(account).is_none() {
                over.push((*id, Unsubscribed::Rejected));
            } else if !is_known {
                tracing::debug!(extension, "what was watched is no more");
                over.push((*id, Unsubscribed::NoResource));
            }
        }
        for (id, why) in over {
            self.lamps.forget(id);
            self.sip.end_subscription(now.mono, id, why);
        }
    }

    /// We go away: every lamp is told, so that the phones ask again when we are back.
    pub(super) fn lamps_out(&mut self, now: Now) {
        self.lamps.closed = true;
        self.lamps.by_subject.clear();
        for (id, _) in std::mem::take(&mut self.lamps.watches) {
            self.sip.end_subscription(now.mono, id, Unsubscribed::Deactivated);
        }
    }
}

/// Those that were told and are no more, said once as over.
fn ended(before: &[DialogLine], now: &[DialogLine]) -> Vec<DialogLine> {
    let is_gone = |line: &&DialogLine| !now.iter().any(|present| present.id == line.id);
    before
        .iter()
        .filter(is_gone)
        .map(|line| DialogLine { state: State::Terminated, ..line.clone() })
        .collect()
}

/// RFC 4480 §3.2 has few of our words.
fn activity(reason: AwayReason) -> Activity {
    match reason {
        AwayReason::Meeting | AwayReason::ImportantMeeting => Activity::Meeting,
        AwayReason::Visitor => Activity::Appointment,
        AwayReason::Out | AwayReason::Break | AwayReason::OffDuty | AwayReason::NoAnswer => Activity::Away,
        AwayReason::Banquet => Activity::Meal,
        AwayReason::Leave => Activity::Vacation,
        AwayReason::Training => Activity::Presentation,
    }
}

/// RFC 3261 §20.1: without an Accept the package's own document is meant (RFC 6665 §4.1.2.2).
fn accepts(request: &Request, kind: &str) -> bool {
    let mut named = request.headers.list(Name::Accept).peekable();
    if named.peek().is_none() {
        return true;
    }
    let family = kind.split('/').next().unwrap_or_default();
    named.any(|range| {
        let range = range.split(|b| *b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        range == kind.as_bytes() || range == b"*/*" || range == format!("{family}/*").as_bytes()
    })
}
