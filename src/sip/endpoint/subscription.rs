//! One peer who wants to be told of something: the notifier's side of a subscription (RFC 6665 §4.2), in a
//! dialog of its own (§4.5.1).
//!
//! ```text
//!   SUBSCRIBE  +-------+ host accepts +--------+ expires, Expires: 0,      +--------+ NOTIFY answered, or not
//!  ----------->| Asked |------------->| Active |-------------------------->| Ending |------------------------>
//!              +-------+ 200, NOTIFY  +--------+ the host's word           +--------+ "terminated"
//!                  | host refuses        |  ^ SUBSCRIBE, NOTIFY
//!                  v                     |  | 200
//!                                        +--+--> a NOTIFY refused or unanswered: over (§4.2.2)
//! ```
//!
//! The host says that there is news, not what it is: it is asked for the content in the moment a NOTIFY can
//! go out. So a peer that is slow, or changes that come fast, cost no memory and no old news: one NOTIFY is on its
//! way at a time, the next one tells the state of its own moment.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Headers, Method, Name, Request, Response, Text};

use super::clients::ClientUser;
use super::command::{Answer, Content};
use super::core::Core;
use super::deadlines::{SubscriptionTimer, TransactionId};
use super::event::Event;
use super::server_invite::refuse;
use super::servers::ServerUser;

/// A peer's subscription. Never used again: a handle of something that is over is ignored wherever it is passed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub(super) u64);

impl SubscriptionId {
    /// Comes before every other one.
    pub const FIRST: SubscriptionId = SubscriptionId(0);
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl fmt::Debug for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a subscription ends, as its last NOTIFY says it (RFC 6665 §4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsubscribed {
    /// It ran out, or the peer wanted no more.
    Timeout,
    /// The host goes away or is set up anew: the peer should subscribe again at once.
    Deactivated,
    /// The peer may not see this any more.
    Rejected,
    /// What it was about is no more.
    NoResource,
}

impl Unsubscribed {
    fn reason(self) -> &'static str {
        match self {
            Unsubscribed::Timeout => "timeout",
            Unsubscribed::Deactivated => "deactivated",
            Unsubscribed::Rejected => "rejected",
            Unsubscribed::NoResource => "noresource",
        }
    }
}

/// A SUBSCRIBE that the host has not answered yet.
struct Asked {
    transaction: TransactionId,
    flow: Flow,
    /// Record-Route goes back in the 200 that makes the dialog (RFC 3261 §12.1.1); Contact may be a new one.
    headers: Headers,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Asked,
    Active,
    /// The last NOTIFY has still to be sent; `content`: the host is asked for what it says.
    Ending {
        why: Unsubscribed,
        content: bool,
    },
    /// The last NOTIFY is sent.
    Told,
}

/// What remains to be done with a subscription after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Keep,
    Forget,
}

pub(super) struct Subscription {
    id: SubscriptionId,
    tag: Text,
    dialog: Dialog,
    /// The Event header of every NOTIFY: the package, and the `id` that the SUBSCRIBE had (RFC 6665 §4.5.2).
    event: String,
    stage: Stage,
    asked: Option<Asked>,
    expires: Instant,
    /// The one NOTIFY that is on its way.
    in_flight: Option<TransactionId>,
    /// The peer has not been told yet.
    news: bool,
    /// The host has been asked for content and has not given it yet.
    content_asked: bool,
    /// No NOTIFY before this moment.
    quiet_until: Option<Instant>,
}

impl Subscription {
    /// A SUBSCRIBE outside a dialog. `None` where it is refused right here; the response is sent then.
    pub fn start(
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: Box<Request>,
        flow: Flow,
    ) -> Option<Self> {
        let Some((package, event)) = known_event(core, &request) else {
            core.stats.refused.add(489);
            // RFC 6665 §4.1.2.2, §7.2.
            let answer = Answer::new(489).with("Allow-Events", core.config.packages.join(", "));
            refuse(core, now, transaction, answer);
            return None;
        };
        let tag = core.new_tag();
        let user = request.uri.user().map(|user| user.into_owned());
        let contact = core.contact(&flow, user.as_deref());
        let Some(dialog) = Dialog::of_server(&request, flow, &tag, contact) else {
            core.stats.refused.add(400);
            refuse(core, now, transaction, Answer::new(400));
            return None;
        };
        let id = core.next_subscription();
        core.set_server_user(transaction, ServerUser::Nobody, Some(tag.clone()));
        let asked = Asked { transaction, flow, headers: request.headers.clone() };
        core.event(Event::Subscribe { subscription: id, package, request, flow, refresh: false });
        Some(Subscription {
            id,
            tag,
            dialog,
            event,
            stage: Stage::Asked,
            asked: Some(asked),
            expires: now,
            in_flight: None,
            news: false,
            content_asked: false,
            quiet_until: None,
        })
    }

    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    pub fn tag(&self) -> &Text {
        &self.tag
    }

    pub fn owns(&self, request: &Request) -> bool {
        self.dialog.owns(request)
    }

    /// A request in the subscription's dialog: SUBSCRIBE refreshes it or ends it (RFC 6665 §4.2.1.2).
    pub fn receive(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
        flow: Flow,
    ) {
        if !self.dialog.accept_sequence(request.cseq) {
            core.stats.refused.add(500);
            return refuse(core, now, transaction, Answer::new(500));
        }
        let same_event = known_event(core, request).is_some_and(|(_, event)| event == self.event);
        if request.method != Method::Subscribe || !same_event || self.stage != Stage::Active {
            core.stats.unknown_dialogs += 1;
            return core.respond(now, transaction, 481);
        }
        if self.asked.is_some() {
            // Two at once: the first one is still with the host.
            core.stats.refused.add(500);
            return refuse(core, now, transaction, Answer::new(500).with("Retry-After", "1"));
        }
        let package = package_of(&self.event).to_owned();
        self.asked = Some(Asked { transaction, flow, headers: request.headers.clone() });
        let request = Box::new(request.clone());
        core.event(Event::Subscribe { subscription: self.id, package, request, flow, refresh: true });
    }

    /// 200, and a NOTIFY with the present state: of nothing more, where `granted` is zero.
    pub fn accept(&mut self, core: &mut Core, now: Instant, granted: Duration) -> Next {
        let Some(asked) = self.asked.take() else { return Next::Keep };
        if self.stage == Stage::Active {
            self.dialog.refresh_target(&asked.headers);
            self.dialog.refresh_flow(asked.flow);
        }
        let contact = self.dialog.contact().to_owned();
        core.respond_with(now, asked.transaction, 200, |response, config| {
            response.headers.copy_from(&asked.headers, Name::RecordRoute);
            response.headers.push(Name::Contact, contact);
            response.headers.push(Name::Expires, granted.as_secs().to_string());
            response.headers.push(Name::AllowEvents, config.packages.join(", "));
        });
        self.stage = Stage::Active;
        self.news = true;
        // Asked for: it does not wait for the pause after the last one (RFC 6665 §4.2.1.2).
        self.quiet_until = None;
        self.expires = now + granted;
        core.set_subscription_timer(self.id, SubscriptionTimer::Expires, self.expires);
        if granted.is_zero() {
            return self.end(core, now, Unsubscribed::Timeout, true);
        }
        self.go_on(core, now)
    }

    /// A final response of 300 and above. A subscription that was refreshed goes on until it expires (RFC 6665
    /// §4.2.1.2).
    pub fn reject(&mut self, core: &mut Core, now: Instant, answer: Answer) -> Next {
        let Some(asked) = self.asked.take() else { return Next::Keep };
        refuse(core, now, asked.transaction, answer);
        if self.stage == Stage::Asked { Next::Forget } else { Next::Keep }
    }

    /// There is something new to tell.
    pub fn news(&mut self, core: &mut Core, now: Instant) -> Next {
        if self.stage != Stage::Active {
            return Next::Keep;
        }
        self.news = true;
        self.go_on(core, now)
    }

    /// What the host was asked for.
    pub fn notify(&mut self, core: &mut Core, now: Instant, content: Option<Content>) -> Next {
        if !std::mem::take(&mut self.content_asked) {
            return Next::Keep;
        }
        self.send(core, now, content);
        Next::Keep
    }

    /// Nothing more after one last NOTIFY; `content`: the host is asked for what it says.
    pub fn end(&mut self, core: &mut Core, now: Instant, why: Unsubscribed, content: bool) -> Next {
        match self.stage {
            Stage::Active => {}
            Stage::Asked => {
                if let Some(asked) = self.asked.take() {
                    refuse(core, now, asked.transaction, Answer::new(480));
                }
                return Next::Forget;
            }
            // The host does not want to be asked any more.
            Stage::Ending { why, content: true } if !content => {
                self.stage = Stage::Ending { why, content: false };
                self.content_asked = false;
                return self.go_on(core, now);
            }
            Stage::Ending { .. } | Stage::Told => return Next::Keep,
        }
        if let Some(asked) = self.asked.take() {
            refuse(core, now, asked.transaction, Answer::new(481));
        }
        self.stage = Stage::Ending { why, content };
        self.content_asked = false;
        core.clear_subscription_timer(self.id, SubscriptionTimer::Expires);
        self.go_on(core, now)
    }

    pub fn fire(&mut self, core: &mut Core, now: Instant, timer: SubscriptionTimer) -> Next {
        match timer {
            SubscriptionTimer::Expires => self.end(core, now, Unsubscribed::Timeout, true),
            SubscriptionTimer::NotifyAgain => {
                self.quiet_until = None;
                self.go_on(core, now)
            }
        }
    }

    /// A response to a NOTIFY.
    pub fn answered(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) -> Next {
        if self.in_flight != Some(transaction) || response.is_provisional() {
            return Next::Keep;
        }
        self.in_flight = None;
        if response.is_success() {
            return if self.stage == Stage::Told { Next::Forget } else { self.go_on(core, now) };
        }
        core.stats.notify_refused += 1;
        // RFC 6665 §4.2.2: a refusal that names a time is a pause, every other one the end.
        match response.headers.seconds(Name::RetryAfter) {
            Some(pause) if self.stage == Stage::Active && response.status != 481 => {
                self.news = true;
                // Not before the pause that every NOTIFY makes, whatever the peer says.
                self.quiet_until = self.quiet_until.max(Some(now + pause));
                self.go_on(core, now)
            }
            _ => self.fail(core, now, response.status),
        }
    }

    /// No answer to a NOTIFY, or no way to the peer.
    pub fn failed(&mut self, core: &mut Core, now: Instant, status: u16) -> Next {
        core.stats.notify_unanswered += 1;
        self.fail(core, now, status)
    }

    fn fail(&mut self, core: &mut Core, now: Instant, status: u16) -> Next {
        if let Some(asked) = self.asked.take() {
            refuse(core, now, asked.transaction, Answer::new(481));
        }
        // After the last one the host has forgotten it already.
        if matches!(self.stage, Stage::Active | Stage::Ending { content: true, .. }) {
            core.event(Event::SubscriptionLost { subscription: self.id, status });
        }
        Next::Forget
    }

    /// The connection is gone: the next NOTIFY opens one, where the peer's Contact can be reached.
    pub fn lose_connection(&mut self, flow: Flow) {
        if self.dialog.flow() == flow {
            self.dialog.lose_connection();
        }
    }

    /// Sends, or asks for, what is due.
    fn go_on(&mut self, core: &mut Core, now: Instant) -> Next {
        if self.in_flight.is_some() || self.content_asked {
            return Next::Keep;
        }
        let last = match self.stage {
            Stage::Ending { content: false, .. } => {
                self.send(core, now, None);
                return Next::Keep;
            }
            Stage::Ending { content: true, .. } => true,
            Stage::Active if self.news => false,
            _ => return Next::Keep,
        };
        if let Some(at) = self.quiet_until.filter(|at| *at > now && !last) {
            core.set_subscription_timer(self.id, SubscriptionTimer::NotifyAgain, at);
            return Next::Keep;
        }
        self.content_asked = true;
        core.event(Event::NotifyDue { subscription: self.id, last });
        Next::Keep
    }

    fn send(&mut self, core: &mut Core, now: Instant, content: Option<Content>) {
        let (mut notify, flow) = self.dialog.request(Method::Notify);
        notify.headers.push(Name::Event, self.event.clone());
        let state = match self.stage {
            Stage::Ending { why, .. } => {
                self.stage = Stage::Told;
                format!("terminated;reason={}", why.reason())
            }
            _ => format!("active;expires={}", self.expires.since(now).as_secs()),
        };
        notify.headers.push(Name::SubscriptionState, state);
        notify.headers.push(Name::Contact, self.dialog.contact());
        if let Some(Content { kind, body }) = content {
            notify = notify.with_body(&kind, body);
        } else {
            notify.body = Bytes::new();
        }
        self.news = false;
        self.quiet_until = Some(now + core.config.notify_interval);
        core.clear_subscription_timer(self.id, SubscriptionTimer::NotifyAgain);
        core.stats.notifies += 1;
        self.in_flight = Some(core.send_request(now, notify, flow, ClientUser::Subscription(self.id)));
    }
}

/// The package and the Event header of our NOTIFYs; `None` where the host serves no such package.
fn known_event(core: &Core, request: &Request) -> Option<(String, String)> {
    let written = request.headers.text(Name::Event)?;
    let name = package_of(&written);
    let package = core.config.packages.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    let id = request.headers.params(Name::Event).and_then(|params| params.text("id"));
    let event = match id {
        Some(id) => format!("{package};id={}", id.to_str()),
        None => (*package).to_owned(),
    };
    Some(((*package).to_owned(), event))
}

fn package_of(event: &str) -> &str {
    event.split(';').next().unwrap_or_default().trim()
}
