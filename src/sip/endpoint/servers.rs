//! Peers' requests: the server transactions with their messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::transaction::{Action, Class, ServerInput, ServerInvite, ServerNonInvite, Timer};
use crate::sip::{Flow, Method, Name, Request, Response, Text, status};

use super::config::Config;
use super::core::Core;
use super::deadlines::{Deadline, TransactionId};
use super::event::{DialogId, RequestId};

/// Who answers a request, and is told when its transaction fails or is cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ServerUser {
    /// The endpoint itself, at once.
    Nobody,
    /// An INVITE outside a dialog.
    Invite(DialogId),
    /// A re-INVITE, UPDATE or PRACK with an offer.
    Reoffer(DialogId),
    /// A REFER.
    Refer(DialogId),
    /// The host.
    Request(RequestId),
}

/// Over UDP each of them stays for 32 s after its end (timers J, L): twenty thousand where ten thousand phones sign in
/// one after the other. So what stays is small, and none of it a slice that would keep the whole request.
#[derive(Default)]
pub(super) struct ServerTransactions {
    all: BTreeMap<TransactionId, Box<ServerTransaction>>,
    by_key: BTreeMap<Key, TransactionId>,
    by_origin: BTreeMap<Origin, TransactionId>,
    requests: BTreeMap<RequestId, TransactionId>,
    /// Those over streams.
    by_flow: BTreeSet<(Flow, TransactionId)>,
}

/// What makes two requests the same (RFC 3261 §17.2.3); an ACK and a CANCEL have their INVITE's. The Call-ID is
/// in it, too: of a sender that gives each request the same branch no call gets another's answer.
type Key = Arc<[u8]>;

/// From tag, Call-ID, number and method of a request outside a dialog: a second one of another branch came by another
/// way (RFC 3261 §8.2.2.2).
type Origin = Arc<[u8]>;

struct ServerTransaction {
    machine: Machine,
    key: Key,
    origin: Option<Origin>,
    user: ServerUser,
    /// An INVITE of somebody who has yet to say who they are.
    strangers: bool,
    /// Where the responses go.
    flow: Flow,
    /// What every response has in common; taken by the final one.
    head: Option<Box<Response>>,
    /// The To tag that all but 100 carry; gone with the final one.
    tag: Option<Text>,
    /// For repetition.
    last: Bytes,
}

enum Machine {
    Invite(ServerInvite),
    Other(ServerNonInvite),
}

/// What a request is to the transactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arrival {
    /// Repeated, and dealt with.
    Absorbed,
    /// The ACK of a 2xx: the dialog's.
    Passed,
    New(TransactionId),
}

impl ServerTransactions {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that a failure of `flow` concerns, in order: none where it is UDP. Whoever did not get a response asks
    /// for it again, and a dialog does not end because one datagram found no way.
    pub fn failed_by(&self, flow: &Flow) -> Vec<TransactionId> {
        if !flow.transport.is_reliable() {
            return Vec::new();
        }
        let all = self.by_flow.range((*flow, TransactionId::FIRST)..=(*flow, TransactionId::LAST));
        all.map(|(_, id)| *id).collect()
    }
}

/// `method`: the request's own, or INVITE for the ACK and the CANCEL of one. No value has a line end in it.
fn key_of(request: &Request, method: &Method) -> Vec<u8> {
    let mut key = Vec::with_capacity(192);
    match request.via() {
        Some(via) if via.has_cookie() => {
            key.extend_from_slice(via.params.get("branch").unwrap_or_default());
            key.extend_from_slice(format!(" {}:{} ", via.host(), via.port().unwrap_or(5060)).as_bytes());
            key.extend_from_slice(request.call_id.as_bytes());
        }
        // RFC 2543: the whole identity of the request. The ACK's To has a tag that the INVITE's had not, so To stays
        // out; From tag, Call-ID, number and Request-URI remain unique.
        via => {
            key.extend_from_slice(request.call_id.as_bytes());
            key.push(b' ');
            key.extend_from_slice(request.from.params.get("tag").unwrap_or_default());
            key.extend_from_slice(format!(" {} ", request.cseq).as_bytes());
            key.extend_from_slice(request.uri.as_bytes());
            if let Some(via) = via {
                key.push(b' ');
                key.extend_from_slice(via.params.get("branch").unwrap_or_default());
                key.extend_from_slice(format!(" {}:{}", via.host(), via.port().unwrap_or(5060)).as_bytes());
            }
        }
    }
    key.push(b'\n');
    key.extend_from_slice(method.as_bytes());
    key
}

fn origin_of(request: &Request, tag: &Text) -> Vec<u8> {
    let number = request.cseq.to_string();
    let parts = [tag.as_bytes(), request.call_id.as_bytes(), number.as_bytes(), request.method.as_bytes()];
    parts.join(&b'\n')
}

impl Core {
    /// Finds the request's transaction, or begins one. The top Via is marked already.
    pub fn receive_request(&mut self, now: Instant, flow: Flow, request: &Request) -> Arrival {
        let is_ack = request.method == Method::Ack;
        let key = key_of(request, if is_ack { &Method::Invite } else { &request.method });
        if let Some(&id) = self.servers.by_key.get(&*key) {
            let Some(transaction) = self.servers.all.get_mut(&id) else { return Arrival::Absorbed };
            let input = if is_ack { ServerInput::Ack } else { ServerInput::Request };
            transaction.machine.handle(input, &mut self.actions);
            return if self.carry_out_server(now, id) == Outcome::Passed {
                Arrival::Passed
            } else {
                Arrival::Absorbed
            };
        }
        if is_ack {
            return Arrival::Passed;
        }
        if self.shed(flow, request) {
            return Arrival::Absorbed;
        }
        let id = self.next_transaction();
        let timing = self.timing(flow.transport);
        let machine = if request.method == Method::Invite {
            Machine::Invite(ServerInvite::start(timing, &mut self.actions))
        } else {
            Machine::Other(ServerNonInvite::start(timing, &mut self.actions))
        };
        let key = Key::from(key);
        self.servers.by_key.insert(key.clone(), id);
        let transaction = Box::new(ServerTransaction {
            machine,
            key,
            origin: None,
            user: ServerUser::Nobody,
            strangers: self.expects_strangers && request.method == Method::Invite,
            flow: reply_flow(flow, request),
            head: Some(Box::new(request.response(100))),
            tag: request.to.tag().map(|tag| tag.alone()),
            last: Bytes::new(),
        });
        if flow.transport.is_reliable() {
            self.servers.by_flow.insert((transaction.flow, id));
        }
        self.servers.all.insert(id, transaction);
        self.carry_out_server(now, id);
        Arrival::New(id)
    }

    /// Its sender is known by now. False: it was before.
    pub fn is_strangers_no_more(&mut self, id: TransactionId) -> bool {
        self.servers.all.get_mut(&id).is_some_and(|transaction| std::mem::take(&mut transaction.strangers))
    }

    /// Whether the same request is here by another way already; if not, it is now known.
    pub fn is_merged(&mut self, id: TransactionId, request: &Request) -> bool {
        let Some(tag) = request.from.tag() else { return false };
        let origin = origin_of(request, &tag);
        if self.servers.by_origin.contains_key(&*origin) {
            return true;
        }
        let origin = Origin::from(origin);
        if let Some(transaction) = self.servers.all.get_mut(&id) {
            transaction.origin = Some(origin.clone());
            self.servers.by_origin.insert(origin, id);
        }
        false
    }

    pub fn set_server_user(&mut self, id: TransactionId, user: ServerUser, tag: Option<Text>) {
        if let Some(transaction) = self.servers.all.get_mut(&id) {
            transaction.user = user;
            transaction.tag = tag.or(transaction.tag.take());
            if let ServerUser::Request(request) = user {
                self.servers.requests.insert(request, id);
            }
        }
    }

    /// The transaction of a request that the host has not answered yet.
    pub fn take_request(&mut self, request: RequestId) -> Option<TransactionId> {
        self.servers.requests.remove(&request)
    }

    /// The INVITE that a CANCEL means: its user, and whether it has no final response yet.
    pub fn cancelled_by(&self, cancel: &Request) -> Option<(TransactionId, ServerUser, bool)> {
        let id = *self.servers.by_key.get(&*key_of(cancel, &Method::Invite))?;
        let transaction = self.servers.all.get(&id)?;
        let open = match &transaction.machine {
            Machine::Invite(machine) => machine.is_open(),
            Machine::Other(_) => false,
        };
        Some((id, transaction.user, open))
    }

    /// Answers with a status and nothing more.
    pub fn respond(&mut self, now: Instant, id: TransactionId, status: u16) {
        self.respond_with(now, id, status, |_, _| ());
    }

    /// Answers; `complete` adds what the response carries beyond what every one has.
    pub fn respond_with(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: u16,
        complete: impl FnOnce(&mut Response, &Config),
    ) -> Option<(Flow, Bytes)> {
        let tag = match self.servers.all.get(&id) {
            Some(transaction) if transaction.tag.is_none() && status > 100 => Some(self.new_tag()),
            Some(_) => None,
            None => return None,
        };
        let transaction = self.servers.all.get_mut(&id)?;
        transaction.tag = tag.or(transaction.tag.take());
        let mut response =
            if status < 200 { transaction.head.as_deref()?.clone() } else { *transaction.head.take()? };
        response.status = status;
        response.reason = Text::from_static(status::reason(status));
        if status > 100 {
            if let Some(tag) = &transaction.tag {
                response.to.set_tag(tag);
            }
            if let Some(agent) = &self.config.user_agent {
                response.headers.set(Name::Server, agent.clone());
            }
            // Only 100 repeats the Timestamp of the request (RFC 3261 §8.2.6.1).
            response.headers.remove(Name::Timestamp);
        }
        if status >= 200 {
            transaction.tag = None;
        }
        complete(&mut response, &self.config);
        transaction.last = response.encode();
        let sent = (transaction.flow, transaction.last.clone());
        transaction.machine.handle(ServerInput::Respond(Class::of(status)), &mut self.actions);
        // Said once: see `Endpoint::expect_strangers`.
        let forgotten = transaction.strangers && Class::of(status) == Class::Failure;
        self.carry_out_server(now, id);
        if forgotten {
            self.forget_server(id);
        }
        Some(sent)
    }

    /// 200 with what we can do: the answer to OPTIONS (RFC 3261 §11.2).
    pub fn respond_with_abilities(&mut self, now: Instant, id: TransactionId) {
        self.respond_with(now, id, 200, |response, config| {
            config.push_abilities(&mut response.headers);
            response.headers.push(Name::Accept, "application/sdp");
        });
    }

    /// A timer of a server transaction has fired. The user where it failed.
    pub fn fire_server(&mut self, now: Instant, id: TransactionId, timer: Timer) -> Option<ServerUser> {
        self.advance_server(now, id, ServerInput::Fired(timer))
    }

    /// Its responses cannot be sent.
    pub fn fail_server(&mut self, now: Instant, id: TransactionId) -> Option<ServerUser> {
        self.advance_server(now, id, ServerInput::TransportFailed)
    }

    fn advance_server(&mut self, now: Instant, id: TransactionId, input: ServerInput) -> Option<ServerUser> {
        let transaction = self.servers.all.get_mut(&id)?;
        let user = transaction.user;
        transaction.machine.handle(input, &mut self.actions);
        (self.carry_out_server(now, id) == Outcome::Failed).then_some(user)
    }

    fn carry_out_server(&mut self, now: Instant, id: TransactionId) -> Outcome {
        let mut outcome = Outcome::Nothing;
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            let Some(transaction) = self.servers.all.get(&id) else { break };
            match action {
                Action::Send | Action::SendAgain => {
                    let (flow, bytes) = (transaction.flow, transaction.last.clone());
                    if action == Action::SendAgain {
                        self.stats.retransmitted += 1;
                    }
                    if !bytes.is_empty() {
                        self.transmit(flow, bytes);
                    }
                }
                Action::Pass => outcome = Outcome::Passed,
                Action::Absorb => self.stats.absorbed += 1,
                Action::Set(timer, after) => self.deadlines.set(Deadline::Server(id, timer), now + after),
                Action::Clear(timer) => self.deadlines.clear(Deadline::Server(id, timer)),
                Action::TimedOut => {
                    self.stats.unacknowledged += 1;
                    outcome = Outcome::Failed;
                }
                Action::Unreachable => outcome = Outcome::Failed,
                Action::Terminate => self.forget_server(id),
                // A client's.
                Action::Acknowledge => {}
            }
        }
        self.actions = actions;
        outcome
    }

    fn forget_server(&mut self, id: TransactionId) {
        let Some(transaction) = self.servers.all.remove(&id) else { return };
        self.servers.by_key.remove(&transaction.key);
        if transaction.flow.transport.is_reliable() {
            self.servers.by_flow.remove(&(transaction.flow, id));
        }
        if let Some(origin) = &transaction.origin {
            self.servers.by_origin.remove(origin);
        }
        if let ServerUser::Request(request) = transaction.user {
            self.servers.requests.remove(&request);
        }
        self.deadlines.clear_range(Deadline::Server(id, Timer::A), Deadline::Server(id, Timer::M));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Nothing,
    Passed,
    Failed,
}

impl Machine {
    fn handle(&mut self, input: ServerInput, actions: &mut Vec<Action>) {
        match self {
            Machine::Invite(machine) => machine.handle(input, actions),
            Machine::Other(machine) => machine.handle(input, actions),
        }
    }
}

/// Where the responses go: back on the connection, or to the address in the top Via (RFC 3261 §18.2.2, RFC 3581).
pub(super) fn reply_flow(flow: Flow, request: &Request) -> Flow {
    if flow.transport.is_reliable() {
        return flow;
    }
    let address = request.via().and_then(|via| via.reply_address());
    Flow { remote: address.unwrap_or(flow.remote), ..flow }
}
