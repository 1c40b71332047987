//! REFER in a dialog: the implicit subscription to how the call that was asked for goes on (RFC 3515, with
//! Referred-By of RFC 3892, and without the subscription where nobody wants it, RFC 4488).
//!
//! ```text
//!    peer                                    we
//!      |--- REFER, Refer-To ----------------->|  Event::Refer
//!      |<-- 202 ------------------------------|  answer_refer
//!      |<-- NOTIFY active, "100 Trying" ------|
//!      |--- 200 ----------------------------->|
//!      |<-- NOTIFY terminated, "200 OK" ------|  refer_progress
//!      |--- 200 ----------------------------->|
//! ```

use std::fmt;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::{Method, Name, NameAddr, Request, Response, Uri, status};

use super::clients::ClientUser;
use super::command::Answer;
use super::core::{Core, Failure};
use super::deadlines::TransactionId;
use super::event::{DialogId, Event};
use super::replaces::Replaces;
use super::server_invite::refuse;
use super::servers::ServerUser;
use super::usage::Usage;

/// How long the peer may wait for the next word about its REFER.
const EXPIRES_S: u32 = 60;
/// REFERs of one dialog whose calls are still being tried, of either side.
const MOST: usize = 4;

/// A REFER in a dialog, ours or the peer's: by its dialog and its CSeq, which no two of one side share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferId {
    pub dialog: DialogId,
    number: u32,
}

/// What a peer's REFER asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Refer {
    /// Whom to call, without embedded headers.
    pub to: NameAddr,
    /// What to send there; INVITE where nothing is said.
    pub method: Method,
    /// The dialog of that party whose place the call shall take: an attended transfer (RFC 5589 §7).
    pub replaces: Option<Replaces>,
    /// Who says that they ask for it (RFC 3892); a claim and no proof.
    pub referred_by: Option<NameAddr>,
}

impl Refer {
    /// From a REFER's headers. `None` where it does not name exactly one address (RFC 3515 §2.4.2: 400).
    fn of(request: &Request) -> Option<Self> {
        let all = request.headers.addresses(Name::ReferTo).ok()?;
        let [to] = <[NameAddr; 1]>::try_from(all).ok()?;
        let method = match to.uri.params().text("method") {
            Some(method) => Method::from_text(method)?,
            None => Method::Invite,
        };
        let replaces = match to.uri.header("Replaces") {
            Some(value) => Some(Replaces::parse(&value)?),
            None => None,
        };
        let referred_by = request.headers.addresses(Name::ReferredBy).ok()?.into_iter().next();
        let mut to = to;
        to.uri = to.uri.without_headers();
        Some(Refer { to, method, replaces, referred_by })
    }
}

/// The REFERs of one dialog that are not through.
#[derive(Default)]
pub(super) struct Referrals {
    /// The peer's.
    theirs: Vec<Theirs>,
    /// Ours.
    ours: Vec<Ours>,
    /// The peer has sent one before: NOTIFYs of further ones need an id (RFC 3515 §2.4.6).
    several: bool,
}

struct Theirs {
    number: u32,
    /// `Event: refer;id=…`.
    with_id: bool,
    /// The peer wants no NOTIFY (RFC 4488).
    silent: bool,
    stage: Stage,
    /// The NOTIFY that is on its way.
    notify: Option<TransactionId>,
    /// What it said, in case the peer challenges it.
    said: Said,
    /// What is to be said after it; a later word replaces it.
    next: Option<Said>,
}

#[derive(Clone, PartialEq, Eq)]
struct Said {
    status: u16,
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The host has not answered; the REFER's transaction.
    Asked(TransactionId),
    Trying,
}

struct Ours {
    /// By which the host knows it.
    number: u32,
    /// The CSeq that it went with last.
    sent: u32,
    transaction: TransactionId,
    to: Uri,
    referred_by: Option<NameAddr>,
}

impl Said {
    fn new(status: u16, reason: Option<String>) -> Self {
        let reason = reason.unwrap_or_else(|| status::reason(status).to_owned());
        Said { status, reason }
    }

    fn is_last(&self) -> bool {
        self.status >= 200
    }
}

impl Usage {
    // -- the peer asks us --

    pub(super) fn receive_refer(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        request: &Request,
    ) {
        let Some(refer) = Refer::of(request) else {
            return self.refuse(core, now, transaction, Answer::new(400));
        };
        if self.is_deserted() || self.referrals.theirs.len() >= MOST {
            return self.refuse(core, now, transaction, Answer::new(603));
        }
        let number = request.cseq;
        if self.referrals.theirs.iter().any(|refer| refer.number == number) {
            // The same one by another way.
            return self.refuse(core, now, transaction, Answer::new(482));
        }
        let silent = request.headers.named("Refer-Sub").is_some_and(|value| {
            value.split(|&b| b == b';').next().is_some_and(|v| v.trim_ascii().eq_ignore_ascii_case(b"false"))
        });
        core.set_server_user(transaction, ServerUser::Refer(self.id), None);
        self.referrals.theirs.push(Theirs {
            number,
            with_id: self.referrals.several,
            silent,
            stage: Stage::Asked(transaction),
            notify: None,
            said: Said::new(100, None),
            next: None,
        });
        self.referrals.several = true;
        let id = ReferId { dialog: self.id, number };
        self.event(core, Event::Refer { id, refer: Box::new(refer) });
    }

    /// The host's answer: 202 and the first NOTIFY, or a refusal.
    pub fn answer_refer(&mut self, core: &mut Core, now: Instant, id: ReferId, result: Result<(), Answer>) {
        let theirs = &mut self.referrals.theirs;
        let Some(at) = theirs.iter().position(|refer| refer.number == id.number) else { return };
        let Some(refer) = theirs.get_mut(at) else { return };
        let Stage::Asked(transaction) = refer.stage else { return };
        match result {
            Err(answer) => {
                theirs.remove(at);
                core.stats.refused.add(answer.status);
                refuse(core, now, transaction, answer);
            }
            Ok(()) => {
                refer.stage = Stage::Trying;
                let silent = refer.silent;
                core.respond_with(now, transaction, 202, |response, _| {
                    response.headers.push(Name::Contact, self.dialog.contact());
                    if silent {
                        response.headers.push_named("Refer-Sub", "false");
                    }
                });
                if silent {
                    theirs.remove(at);
                } else {
                    self.report(core, now, at);
                }
            }
        }
    }

    /// What has become of the call that the peer asked for; 200 and above is the last word.
    pub fn refer_progress(
        &mut self,
        core: &mut Core,
        now: Instant,
        id: ReferId,
        status: u16,
        reason: Option<String>,
    ) {
        let theirs = &mut self.referrals.theirs;
        let Some(at) = theirs.iter().position(|refer| refer.number == id.number) else { return };
        let Some(refer) = theirs.get_mut(at).filter(|refer| refer.stage == Stage::Trying) else { return };
        refer.next = Some(Said::new(status.clamp(100, 699), reason));
        if refer.notify.is_none() {
            self.report_next(core, now, at);
        }
    }

    fn report_next(&mut self, core: &mut Core, now: Instant, at: usize) {
        if let Some(refer) = self.referrals.theirs.get_mut(at)
            && let Some(next) = refer.next.take()
        {
            refer.said = next;
            self.report(core, now, at);
        }
    }

    /// Sends the NOTIFY of what is to be said (RFC 3515 §2.4.4).
    fn report(&mut self, core: &mut Core, now: Instant, at: usize) {
        let Some(refer) = self.referrals.theirs.get_mut(at) else { return };
        let (mut notify, flow) = self.dialog.request(Method::Notify);
        notify.headers.push(Name::Contact, self.dialog.contact());
        let event = if refer.with_id { format!("refer;id={}", refer.number) } else { "refer".to_owned() };
        notify.headers.push(Name::Event, event);
        let state = match refer.said.is_last() {
            true => "terminated;reason=noresource".to_owned(),
            false => format!("active;expires={EXPIRES_S}"),
        };
        notify.headers.push(Name::SubscriptionState, state);
        let fragment = format!("SIP/2.0 {} {}\r\n", refer.said.status, refer.said.reason);
        let mut notify = notify.with_body("message/sipfrag;version=2.0", Bytes::from(fragment));
        self.identity.sign(&mut notify, &mut core.rng);
        refer.notify = Some(core.send_request(now, notify, flow, ClientUser::Refer(self.id)));
    }

    /// We leave: what waits to be said is said now.
    pub(super) fn report_last(&mut self, core: &mut Core, now: Instant) {
        for at in 0..self.referrals.theirs.len() {
            self.report_next(core, now, at);
        }
        self.drop_refers(core, now);
    }

    /// The dialog is over: what the host has not answered is answered.
    pub(super) fn drop_refers(&mut self, core: &mut Core, now: Instant) {
        for refer in self.referrals.theirs.drain(..) {
            if let Stage::Asked(transaction) = refer.stage {
                core.respond(now, transaction, 603);
            }
        }
    }

    // -- we ask the peer --

    /// Asks the peer to call `to`, whose embedded headers may name a dialog to replace.
    pub fn refer(
        &mut self,
        core: &mut Core,
        now: Instant,
        to: Uri,
        referred_by: Option<NameAddr>,
    ) -> Option<ReferId> {
        if !self.confirmed || self.is_deserted() || self.referrals.ours.len() >= MOST {
            return None;
        }
        let (number, transaction) = self.send_refer(core, now, &to, referred_by.as_ref());
        self.referrals.ours.push(Ours { number, sent: number, transaction, to, referred_by });
        Some(ReferId { dialog: self.id, number })
    }

    fn send_refer(
        &mut self,
        core: &mut Core,
        now: Instant,
        to: &Uri,
        referred_by: Option<&NameAddr>,
    ) -> (u32, TransactionId) {
        let (mut request, flow) = self.dialog.request(Method::Refer);
        request.headers.push(Name::Contact, self.dialog.contact());
        core.config.push_abilities(&mut request.headers);
        request.headers.push(Name::ReferTo, NameAddr::new(to.clone()).to_value());
        if let Some(by) = referred_by {
            request.headers.push(Name::ReferredBy, by.to_value());
        }
        self.identity.sign(&mut request, &mut core.rng);
        let number = request.cseq;
        (number, core.send_request(now, request, flow, ClientUser::Refer(self.id)))
    }

    /// A response to our REFER or to a NOTIFY of ours.
    pub fn refer_response(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        response: &Response,
    ) {
        if response.is_provisional() {
            return;
        }
        let again = self.identity.challenged(response);
        if response.is_success() {
            self.identity.accepted();
        }
        if let Some(at) = self.referrals.ours.iter().position(|ours| ours.transaction == transaction) {
            if again {
                let Some(mut ours) = self.take_ours(at) else { return };
                (ours.sent, ours.transaction) =
                    self.send_refer(core, now, &ours.to, ours.referred_by.as_ref());
                self.referrals.ours.push(ours);
            } else {
                self.refer_answered(core, at, response.status, response.headers.named("Refer-Sub"));
            }
            return;
        }
        let theirs = &mut self.referrals.theirs;
        let Some(at) = theirs.iter().position(|refer| refer.notify == Some(transaction)) else { return };
        let Some(refer) = theirs.get_mut(at) else { return };
        refer.notify = None;
        if again {
            self.report(core, now, at);
        } else if refer.said.is_last() || matches!(response.status, 408 | 481 | 489) {
            theirs.remove(at);
        } else {
            self.report_next(core, now, at);
        }
    }

    /// No response to our REFER or NOTIFY.
    pub fn refer_failed(&mut self, core: &mut Core, transaction: TransactionId, failure: Failure) {
        self.referrals.theirs.retain(|refer| refer.notify != Some(transaction));
        if let Some(at) = self.referrals.ours.iter().position(|ours| ours.transaction == transaction) {
            self.refer_answered(core, at, failure.status(), None);
        }
    }

    /// The peer's answer to our REFER; without a subscription nothing more comes.
    fn refer_answered(&mut self, core: &mut Core, at: usize, status: u16, subscription: Option<&[u8]>) {
        let Some(ours) = self.referrals.ours.get_mut(at) else { return };
        let id = ReferId { dialog: self.id, number: ours.number };
        let over = status >= 300 || subscription.is_some_and(|value| value.starts_with(b"false"));
        if over {
            self.referrals.ours.remove(at);
        }
        if status < 300 {
            self.identity.accepted();
        }
        self.event(core, Event::ReferAnswered { id, status });
    }

    fn take_ours(&mut self, at: usize) -> Option<Ours> {
        (at < self.referrals.ours.len()).then(|| self.referrals.ours.remove(at))
    }

    /// A NOTIFY of the peer's: of a REFER of ours, or of nothing (RFC 6665 §4.1.3: 481). It may come before the 202.
    pub(super) fn receive_notify(
        &mut self,
        core: &mut Core,
        now: Instant,
        transaction: TransactionId,
        notify: &Request,
    ) {
        let event = notify.headers.text(Name::Event).unwrap_or_default();
        let package = event.split(';').next().unwrap_or_default().trim();
        if !package.eq_ignore_ascii_case("refer") {
            let answer = Answer::new(489).with("Allow-Events", "refer");
            return self.refuse(core, now, transaction, answer);
        }
        let named = notify.headers.params(Name::Event).and_then(|params| params.number("id"));
        let ours = &self.referrals.ours;
        let at = match named {
            Some(id) => ours.iter().position(|ours| ours.sent == id),
            None => (!ours.is_empty()).then_some(0),
        };
        let Some(number) = at.and_then(|at| ours.get(at)).map(|ours| ours.number) else {
            return self.refuse(core, now, transaction, Answer::new(481));
        };
        core.respond(now, transaction, 200);
        let state = notify.headers.text(Name::SubscriptionState).unwrap_or_default();
        let ended = state.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("terminated");
        let status = fragment_status(&notify.body).unwrap_or(100);
        let over = ended || status >= 200;
        if over {
            self.referrals.ours.retain(|ours| ours.number != number);
        }
        self.event(core, Event::ReferProgress { id: ReferId { dialog: self.id, number }, status, over });
    }
}

/// The status line of a `message/sipfrag` (RFC 3420): that is all that a REFER's NOTIFY has to carry.
fn fragment_status(body: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(body.split(|&b| b == b'\r' || b == b'\n').next()?).ok()?;
    let status = line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()?;
    (100..700).contains(&status).then_some(status)
}

impl fmt::Display for ReferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.dialog, self.number)
    }
}

impl fmt::Debug for ReferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Masked.
impl fmt::Debug for Refer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refer { to, method, replaces, referred_by } = self;
        write!(f, "{method} {to} {replaces:?} by {referred_by:?}")
    }
}
