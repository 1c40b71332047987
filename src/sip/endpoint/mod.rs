//! The endpoint: SIP's transaction user for a host that thinks in calls.
//!
//! ```text
//!   handle_message -> receive.rs -> servers.rs / clients.rs   the machines of `transaction`, with their messages
//!   handle_timeout -> deadlines.rs       |
//!                                        v
//!                     session.rs: one per dialog, in stages
//!                       server_invite.rs  Ringing      client_invite.rs, forks.rs  Calling
//!                       talking.rs  Talking            leaving.rs  Leaving
//!                     usage.rs: what an early dialog and a confirmed one have in common
//!                       reliable.rs  PRACK             reoffer.rs, session_timer.rs  re-INVITE, UPDATE
//!                       within.rs  INFO, MESSAGE       refer.rs, replaces.rs  calls that move
//!                     out_of_dialog.rs: OPTIONS, MESSAGE, REGISTER…    subscription.rs: SUBSCRIBE, NOTIFY
//! ```
//!
//! The host calls a `handle_…` or a command, then takes everything that `poll_transmit` and `poll_event` give,
//! then asks `poll_timeout` anew. Nothing happens in between; time and randomness come in as arguments.

mod challenging;
mod client_invite;
mod clients;
mod command;
mod config;
mod core;
mod deadlines;
mod event;
mod forks;
mod identity;
mod leaving;
mod out_of_dialog;
mod receive;
mod refer;
mod refusal;
mod reliable;
mod reoffer;
mod replaces;
mod server_invite;
mod servers;
mod session;
mod session_timer;
mod shedding;
mod stats;
mod subscription;
mod subscriptions;
mod talking;
#[cfg(test)]
mod tests;
mod usage;
mod within;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::base::{Instant, Rng};
use crate::sip::{Flow, Headers, NameAddr, Text, Transmit, Uri};

pub use command::{Answer, Content, Invite, OutOfDialog, Thread};
pub use config::Config;
pub use event::{DialogId, EndedWhy, Event, RequestId};
pub use refer::{Refer, ReferId};
pub use replaces::Replaces;
pub use stats::{Stats, Tally};
pub use subscription::{SubscriptionId, Unsubscribed};

use client_invite::Calling;
use clients::ClientUser;
use core::{Core, Failure};
use deadlines::{Deadline, DialogTimer, TransactionId};
use servers::ServerUser;
use session::Session;
use subscriptions::Subscriptions;

/// A SIP user agent without a socket and without a clock.
///
/// Handles of what is over are ignored by every command, so that a host may act on what it knew a moment ago.
pub struct Endpoint {
    core: Core,
    sessions: BTreeMap<DialogId, Session>,
    subscriptions: Subscriptions,
    /// The established dialogs that hang on a stream.
    connected: BTreeSet<(Flow, DialogId)>,
}

impl Endpoint {
    /// With nothing in it. Every tag, branch and Call-ID comes from `rng`.
    pub fn new(config: Config, rng: Rng) -> Self {
        Endpoint {
            core: Core::new(config, rng),
            sessions: BTreeMap::new(),
            connected: BTreeSet::new(),
            subscriptions: Subscriptions::default(),
        }
    }

    /// Exactly one message: a datagram, or what a [`StreamFramer`](crate::sip::StreamFramer) cut out of a stream.
    pub fn handle_message(&mut self, now: Instant, flow: Flow, bytes: &[u8]) {
        self.receive(now, flow, bytes);
    }

    /// A stream is closed, or a message could not be sent over this flow (for a [`Transmit`] with connection 0:
    /// the connection could not be opened). Over UDP only our requests that nothing has come back to are given up.
    pub fn handle_flow_closed(&mut self, now: Instant, flow: Flow) {
        for id in self.core.clients.failed_by(&flow) {
            if let Some((user, failure)) = self.core.fail_client(now, id) {
                self.client_failed(now, id, user, failure);
            }
        }
        for id in self.core.servers.failed_by(&flow) {
            if let Some(user) = self.core.fail_server(now, id) {
                self.server_failed(now, id, user);
            }
        }
        if flow.transport.is_reliable() {
            self.subscriptions.lose_connection(flow);
        }
        let all = (flow, DialogId::FIRST)..=(flow, DialogId::LAST);
        let dialogs: Vec<_> = self.connected.range(all).map(|(_, id)| *id).collect();
        for id in dialogs {
            self.step(id, |session, _| match session {
                Some(Session::Talking(mut talking)) => {
                    talking.lose_connection();
                    Some(Session::Talking(talking))
                }
                other => other,
            });
        }
    }

    /// Does everything that is due. To be called when the moment of [`poll_timeout`](Self::poll_timeout) has
    /// come; earlier is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(deadline) = self.core.deadlines.pop_due(now) {
            match deadline {
                Deadline::Client(id, timer) => {
                    if let Some((user, failure)) = self.core.fire_client(now, id, timer) {
                        self.client_failed(now, id, user, failure);
                    }
                }
                Deadline::Server(id, timer) => {
                    if let Some(user) = self.core.fire_server(now, id, timer) {
                        self.server_failed(now, id, user);
                    }
                }
                Deadline::Dialog(id, timer) => self.dialog_timer(now, id, timer),
                Deadline::Subscription(id, timer) => {
                    self.subscriptions.fire(&mut self.core, now, id, timer);
                }
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, and the name of the deadline.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.core.deadlines.next().map(|(at, deadline)| (at, deadline.name()))
    }

    /// The next message to send. To be called until `None` after everything that takes a `now`.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.core.poll_transmit()
    }

    /// The next event. To be called until `None` after everything that takes a `now`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    // -- server side --

    /// From now on INVITEs outside a dialog are, or are not, refused with 503 and a Retry-After, and nothing of them is
    /// kept: no dialog, no transaction, no event. Those that are under way already go on.
    pub fn refuse_new_calls(&mut self, refuse: bool) {
        self.core.refuses_new_calls = refuse;
    }

    /// The final response to an [`Event::Request`] or an [`Event::Message`].
    pub fn respond(&mut self, now: Instant, request: RequestId, answer: Answer) {
        out_of_dialog::respond(&mut self.core, now, request, answer);
    }

    /// 180 or 183, with the SDP answer where there is early media. Repeated each minute until the final response.
    pub fn ring(&mut self, now: Instant, dialog: DialogId, status: u16, sdp: Option<Bytes>) {
        if let Some(Session::Ringing(ringing)) = self.sessions.get_mut(&dialog) {
            ringing.ring(&mut self.core, now, status, sdp);
        }
    }

    /// Answers with 200. `sdp` is the answer to the INVITE's SDP offer, or our offer where it had none (the answer then comes
    /// with [`Event::Acked`]); `None` repeats that of [`ring`](Self::ring).
    pub fn accept(&mut self, now: Instant, dialog: DialogId, sdp: Option<Bytes>) {
        self.step(dialog, |session, core| match session {
            Some(Session::Ringing(ringing)) => Some(ringing.accept(core, now, sdp)),
            other => other,
        });
    }

    /// A final response of 300 and above to an [`Event::Invite`]: a refusal, or a challenge.
    pub fn reject(&mut self, now: Instant, dialog: DialogId, answer: Answer) {
        self.step(dialog, |session, core| match session {
            Some(Session::Ringing(ringing)) => {
                ringing.reject(core, now, answer);
                None
            }
            other => other,
        });
    }

    // -- client side --

    /// Calls somebody.
    pub fn invite(&mut self, now: Instant, invite: Invite) -> DialogId {
        let session = Calling::start(&mut self.core, now, invite);
        let id = session.id();
        self.sessions.insert(id, session);
        id
    }

    /// The Call-ID of an INVITE of ours that has no final answer yet.
    pub fn call_id(&self, dialog: DialogId) -> Option<&Text> {
        match self.sessions.get(&dialog)? {
            Session::Calling(calling) => Some(calling.call_id()),
            _ => None,
        }
    }

    /// Whether the peer has answered our INVITE with anything, 100 included.
    pub fn is_heard(&self, dialog: DialogId) -> bool {
        match self.sessions.get(&dialog) {
            Some(Session::Calling(calling)) => calling.is_heard(&self.core),
            session => session.is_some(),
        }
    }

    /// Gives up an INVITE of ours. [`Event::Rejected`] follows, with 487 also where the peer answered in the same
    /// moment (that call is hung up here), even if [`Event::Answered`] is waiting to be taken already.
    pub fn cancel(&mut self, now: Instant, dialog: DialogId) {
        self.step(dialog, |session, core| match session {
            Some(Session::Calling(calling)) => Some(calling.cancel(core, now, None)),
            Some(Session::Talking(talking)) => Some(talking.cancel(core, now)),
            other => other,
        });
    }

    /// The SDP answer to the offer that [`Event::Answered`] or a reliable [`Event::Progress`] brought, where
    /// [`Invite::sdp`] was `None`: it goes out with the ACK or the PRACK, which waits for it.
    pub fn ack_sdp(&mut self, now: Instant, dialog: DialogId, sdp: Bytes) {
        match self.sessions.get_mut(&dialog) {
            Some(Session::Calling(calling)) => calling.answer_offer(&mut self.core, now, &sdp),
            Some(Session::Talking(talking)) => talking.acknowledge_with(&mut self.core, now, Some(sdp)),
            _ => {}
        }
    }

    /// Another session description, by re-INVITE; before the answer by UPDATE, where the first one is agreed on
    /// already and the peer takes it. Where another negotiation is going on it waits for its turn (then only the
    /// last one goes out); 491 is retried. [`Event::ReofferAnswered`] or [`Event::ReofferRefused`] follows.
    pub fn reoffer(&mut self, now: Instant, dialog: DialogId, sdp: Bytes) {
        let core = &mut self.core;
        match self.sessions.get_mut(&dialog) {
            Some(Session::Ringing(ringing)) => ringing.usage().reoffer(core, now, sdp),
            Some(Session::Calling(calling)) => calling.reoffer(core, now, sdp),
            Some(Session::Talking(talking)) => talking.reoffer(core, now, sdp),
            Some(Session::Leaving(_)) | None => {}
        }
    }

    /// The answer to an [`Event::Reoffer`]: our SDP, or a refusal (488), after which the session goes on as it was.
    pub fn answer_reoffer(&mut self, now: Instant, dialog: DialogId, result: Result<Bytes, Answer>) {
        let core = &mut self.core;
        match self.sessions.get_mut(&dialog) {
            Some(Session::Ringing(ringing)) => ringing.usage().answer_reoffer(core, now, result),
            Some(Session::Calling(calling)) => calling.answer_reoffer(core, now, result),
            Some(Session::Talking(talking)) => talking.answer_reoffer(core, now, result),
            Some(Session::Leaving(_)) | None => {}
        }
    }

    /// The answer to an [`Event::Refer`]: 202, after which the peer is told by
    /// [`refer_progress`](Self::refer_progress), or a refusal (403, 603).
    pub fn answer_refer(&mut self, now: Instant, refer: ReferId, result: Result<(), Answer>) {
        if let Some(Session::Talking(talking)) = self.sessions.get_mut(&refer.dialog) {
            talking.answer_refer(&mut self.core, now, refer, result);
        }
    }

    /// How the call goes on that a peer's REFER asked for: the status of the response that it got, the last one
    /// when it is 200 or above. `reason` is the phrase; the RFC's own where `None`.
    pub fn refer_progress(&mut self, now: Instant, refer: ReferId, status: u16, reason: Option<String>) {
        if let Some(Session::Talking(talking)) = self.sessions.get_mut(&refer.dialog) {
            talking.refer_progress(&mut self.core, now, refer, status, reason);
        }
    }

    /// Asks the peer to call `to` (RFC 3515); the dialog whose place that call shall take is an embedded `Replaces`
    /// of `to`. [`Event::ReferAnswered`] follows, and [`Event::ReferProgress`] where it was taken. `None` where the
    /// dialog is not established.
    pub fn refer(
        &mut self,
        now: Instant,
        dialog: DialogId,
        to: Uri,
        referred_by: Option<NameAddr>,
    ) -> Option<ReferId> {
        match self.sessions.get_mut(&dialog) {
            Some(Session::Talking(talking)) => talking.refer(&mut self.core, now, to, referred_by),
            _ => None,
        }
    }

    /// Ends a call in whatever state: a ringing one is refused with 480, our own INVITE cancelled, an established
    /// dialog gets BYE (after the ACK of our 200, RFC 3261 §15). `reason` is a `Reason` header's value (RFC 3326).
    /// No event follows.
    pub fn bye(&mut self, now: Instant, dialog: DialogId, reason: Option<String>) {
        self.step(dialog, |session, core| session.and_then(|session| session.hang_up(core, now, reason)));
    }

    /// Sends a text in an established dialog (RFC 3428 §8). [`Event::Reply`] follows. `None` where there is no such
    /// dialog, or the peer has not said that it takes texts.
    pub fn message(&mut self, now: Instant, dialog: DialogId, content: Content) -> Option<RequestId> {
        match self.sessions.get_mut(&dialog)? {
            Session::Talking(talking) => talking.send_message(&mut self.core, now, content),
            _ => None,
        }
    }

    /// Sends OPTIONS, MESSAGE or the like. [`Event::Reply`] follows.
    pub fn request(&mut self, now: Instant, request: OutOfDialog) -> RequestId {
        out_of_dialog::send(&mut self.core, now, request)
    }

    /// 200 with what we can do: the answer to an OPTIONS that the host sees.
    pub fn abilities(&self) -> Answer {
        let mut headers = Headers::default();
        self.core.config.push_abilities(&mut headers);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = headers.iter().map(|field| (text(field.name_bytes()), text(field.value())));
        all.fold(Answer::new(200), |answer, (name, value)| answer.with(&name, value))
    }

    /// What came to nothing so far, by reason.
    pub fn stats(&self) -> &Stats {
        &self.core.stats
    }

    /// Whether nothing is left of anything: no dialog, no transaction, no deadline, nothing to take.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.subscriptions.is_empty() && self.core.is_idle()
    }

    /// One step of a dialog: what `step` returns is its next stage, `None` its end.
    fn step(&mut self, id: DialogId, step: impl FnOnce(Option<Session>, &mut Core) -> Option<Session>) {
        let session = self.sessions.remove(&id);
        let tag = session.as_ref().map(|session| session.tag().clone());
        let before = session.as_ref().and_then(Session::connection);
        let next = step(session, &mut self.core);
        let after = next.as_ref().and_then(Session::connection);
        if before != after {
            before.map(|flow| self.connected.remove(&(flow, id)));
            after.map(|flow| self.connected.insert((flow, id)));
        }
        match next {
            Some(next) => {
                self.sessions.insert(id, next);
            }
            None => {
                if let Some(tag) = tag {
                    self.core.forget_dialog(&tag, id);
                }
            }
        }
    }

    fn dialog_timer(&mut self, now: Instant, id: DialogId, timer: DialogTimer) {
        self.step(id, |session, core| match (session?, timer) {
            (Session::Ringing(mut ringing), DialogTimer::RingAgain) => {
                ringing.ring_again(core, now);
                Some(Session::Ringing(ringing))
            }
            (Session::Ringing(mut ringing), DialogTimer::ProvisionalAgain) => {
                ringing.provisional_again(core, now);
                Some(Session::Ringing(ringing))
            }
            (Session::Ringing(ringing), DialogTimer::InviteExpires) => {
                ringing.cancelled(core, now);
                None
            }
            (Session::Ringing(ringing), DialogTimer::NoPrack) => {
                ringing.no_prack(core, now);
                None
            }
            (Session::Ringing(mut ringing), DialogTimer::Glare) => {
                ringing.usage().glare_over(core, now);
                Some(Session::Ringing(ringing))
            }
            (Session::Calling(mut calling), DialogTimer::Glare) => {
                calling.glare_over(core, now);
                Some(Session::Calling(calling))
            }
            (Session::Calling(calling), DialogTimer::InviteExpires) => Some(calling.expire(core, now)),
            (Session::Talking(talking), DialogTimer::NoAck) => Some(talking.no_ack(core, now)),
            (Session::Talking(talking), DialogTimer::SessionExpires) => Some(talking.expire(core, now)),
            (Session::Talking(mut talking), timer) => {
                match timer {
                    DialogTimer::SuccessAgain => talking.send_success_again(core, now),
                    DialogTimer::Glare => talking.glare_over(core, now),
                    DialogTimer::SessionRefresh => talking.refresh(core, now),
                    _ => {}
                }
                Some(Session::Talking(talking))
            }
            (session, _) => Some(session),
        });
    }

    fn client_failed(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        user: ClientUser,
        failure: Failure,
    ) {
        match user {
            ClientUser::Invite(id) => self.step(id, |session, core| match session {
                Some(Session::Calling(calling)) => {
                    calling.fail(core, now, failure);
                    None
                }
                other => other,
            }),
            ClientUser::Reoffer(id) => self.step(id, |session, core| match session? {
                Session::Talking(mut talking) if talking.awaits(transaction) => {
                    match talking.reoffer_failed(core, failure) {
                        Some(why) => Some(talking.end(core, now, why)),
                        None => Some(Session::Talking(talking)),
                    }
                }
                Session::Ringing(mut ringing) => {
                    if ringing.usage().awaits(transaction) {
                        ringing.usage().reoffer_failed(core, failure);
                    }
                    Some(Session::Ringing(ringing))
                }
                Session::Calling(mut calling) => {
                    calling.update_failed(core, transaction, failure);
                    Some(Session::Calling(calling))
                }
                other => Some(other),
            }),
            ClientUser::Refer(id) => {
                if let Some(Session::Talking(talking)) = self.sessions.get_mut(&id) {
                    talking.refer_failed(&mut self.core, transaction, failure);
                }
            }
            ClientUser::Bye(id) => self.step(id, |session, core| match session {
                Some(Session::Leaving(leaving)) => {
                    leaving.finish(core, now);
                    None
                }
                other => other,
            }),
            ClientUser::Request(id) => out_of_dialog::failed(&mut self.core, id, failure),
            ClientUser::Subscription(id) => self.subscriptions.failed(&mut self.core, now, id, failure),
            // What becomes of the INVITE says what a lost PRACK means.
            ClientUser::Prack(_) | ClientUser::Nobody => {}
        }
    }

    /// A response of ours cannot be delivered. A refusal is nobody's concern any more; an INVITE without an
    /// answer has lost its caller.
    fn server_failed(&mut self, now: Instant, transaction: TransactionId, user: ServerUser) {
        match user {
            ServerUser::Invite(id) => self.step(id, |session, core| match session {
                Some(Session::Ringing(mut ringing)) => {
                    ringing.usage().drop_incoming(core, now);
                    core.event(Event::Cancelled { dialog: id });
                    None
                }
                other => other,
            }),
            ServerUser::Reoffer(id) => match self.sessions.get_mut(&id) {
                Some(Session::Ringing(ringing)) => ringing.usage().reoffer_lost(transaction),
                Some(Session::Calling(calling)) => calling.reoffer_lost(transaction),
                Some(Session::Talking(talking)) => talking.reoffer_lost(transaction),
                Some(Session::Leaving(_)) | None => {}
            },
            // Whoever asked has gone; the host's answer finds nothing to answer.
            ServerUser::Refer(_) | ServerUser::Request(_) | ServerUser::Nobody => {}
        }
    }
}
