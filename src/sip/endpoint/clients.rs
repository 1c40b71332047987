//! Our requests on their way: the client transactions with their messages.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::transaction::{Action, Class, ClientInput, ClientInvite, ClientNonInvite, Timer};
use crate::sip::{Flow, Host, Method, Name, Request, Response, Text};

use super::core::{Core, Failure};
use super::deadlines::{Deadline, TransactionId};
use super::event::{DialogId, RequestId};
use super::subscription::SubscriptionId;

/// Whom a response concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ClientUser {
    /// The INVITE that may become this dialog.
    Invite(DialogId),
    /// A re-INVITE or UPDATE.
    Reoffer(DialogId),
    Bye(DialogId),
    Request(RequestId),
    /// A NOTIFY.
    Subscription(SubscriptionId),
    /// A CANCEL, or the BYE of a fork that we do not want: whatever comes back, nothing follows from it.
    Nobody,
}

#[derive(Default)]
pub(super) struct ClientTransactions {
    all: BTreeMap<TransactionId, ClientTransaction>,
    /// By branch; a CANCEL shares its INVITE's (RFC 3261 §9.1).
    by_branch: BTreeMap<(Text, bool), TransactionId>,
}

struct ClientTransaction {
    machine: Machine,
    key: (Text, bool),
    user: ClientUser,
    flow: Flow,
    /// Whose certificate the peer must show, where a TLS connection has to be opened first.
    server: Option<Box<str>>,
    /// For repetition.
    bytes: Bytes,
    /// An INVITE without its body: ACK, CANCEL, and ACK and BYE of further forks are built from it.
    invite: Option<Box<Request>>,
    /// The ACK of a refusal, for repetition.
    ack: Bytes,
    /// The ACKs of the 2xx by their To tags: a repeated 2xx gets its own again.
    forks: Vec<(Option<Text>, Flow, Bytes)>,
}

enum Machine {
    Invite(ClientInvite),
    Other(ClientNonInvite),
}

impl ClientTransactions {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those whose flow is `flow`, in order: a walk over all, for the rare case of a lost connection.
    pub fn on_flow(&self, flow: &Flow) -> Vec<TransactionId> {
        self.all.iter().filter(|(_, t)| t.flow == *flow).map(|(id, _)| *id).collect()
    }
}

impl Core {
    /// Sends a request. Its Via is put on here; everything else is the caller's.
    pub fn send_request(
        &mut self,
        now: Instant,
        request: Request,
        flow: Flow,
        user: ClientUser,
    ) -> TransactionId {
        let branch = self.new_branch();
        self.start_client(now, request, flow, user, branch)
    }

    fn start_client(
        &mut self,
        now: Instant,
        mut request: Request,
        flow: Flow,
        user: ClientUser,
        branch: String,
    ) -> TransactionId {
        request.vias.clear();
        request.vias.push(self.via(&flow, &branch));
        if let Some(agent) = &self.config.user_agent {
            request.headers.set(Name::UserAgent, agent.clone());
        }
        let bytes = request.encode();
        let server = server_of(&request, &flow);
        let id = self.next_transaction();
        let key = (Text::from(branch), request.method == Method::Cancel);
        let timing = self.timing(flow.transport);
        let mut actions = std::mem::take(&mut self.actions);
        let (machine, invite) = if request.method == Method::Invite {
            request.body = Bytes::new();
            (Machine::Invite(ClientInvite::start(timing, &mut actions)), Some(Box::new(request)))
        } else {
            (Machine::Other(ClientNonInvite::start(timing, &mut actions)), None)
        };
        self.clients.by_branch.insert(key.clone(), id);
        let transaction = ClientTransaction {
            machine,
            key,
            user,
            flow,
            server,
            bytes,
            invite,
            ack: Bytes::new(),
            forks: Vec::new(),
        };
        self.clients.all.insert(id, transaction);
        self.actions = actions;
        self.carry_out(now, id, None);
        id
    }

    /// The transaction's user where the response is for them, and the transaction.
    pub fn receive_response(
        &mut self,
        now: Instant,
        flow: Flow,
        response: &Response,
    ) -> Option<(TransactionId, ClientUser)> {
        let branch = response.via().and_then(|via| via.branch());
        let key = branch.map(|branch| (branch, response.cseq.method == Method::Cancel));
        let found = key.and_then(|key| self.clients.by_branch.get(&key).copied());
        // §8.1.3.3: a response with more than one Via went astray.
        let Some(id) = found.filter(|_| response.vias.len() == 1) else {
            self.stats.unmatched_responses += 1;
            return None;
        };
        let transaction = self.clients.all.get_mut(&id)?;
        if flow.transport.is_reliable() && transaction.flow.connection == 0 {
            transaction.flow = flow;
        }
        if response.is_success() {
            let tag = response.to.tag();
            if let Some((_, flow, ack)) = transaction.forks.iter().find(|(of, _, _)| *of == tag) {
                let (flow, ack) = (*flow, ack.clone());
                self.stats.absorbed += 1;
                self.stats.retransmitted += 1;
                self.transmit(flow, ack);
                return None;
            }
        }
        let user = transaction.user;
        transaction.machine.handle(ClientInput::Response(Class::of(response.status)), &mut self.actions);
        let outcome = self.carry_out(now, id, Some(response));
        (outcome == Outcome::Passed).then_some((id, user))
    }

    /// A timer of a client transaction has fired.
    pub fn fire_client(
        &mut self,
        now: Instant,
        id: TransactionId,
        timer: Timer,
    ) -> Option<(ClientUser, Failure)> {
        self.advance_client(now, id, ClientInput::Fired(timer))
    }

    /// Its request cannot be sent.
    pub fn fail_client(&mut self, now: Instant, id: TransactionId) -> Option<(ClientUser, Failure)> {
        self.advance_client(now, id, ClientInput::TransportFailed)
    }

    fn advance_client(
        &mut self,
        now: Instant,
        id: TransactionId,
        input: ClientInput,
    ) -> Option<(ClientUser, Failure)> {
        let transaction = self.clients.all.get_mut(&id)?;
        let user = transaction.user;
        transaction.machine.handle(input, &mut self.actions);
        match self.carry_out(now, id, None) {
            Outcome::Failed(failure) => Some((user, failure)),
            Outcome::Passed | Outcome::Nothing => None,
        }
    }

    /// Whether a provisional response came and no final one.
    pub fn is_proceeding(&self, id: TransactionId) -> bool {
        match self.clients.all.get(&id).map(|t| &t.machine) {
            Some(Machine::Invite(machine)) => machine.is_proceeding(),
            _ => false,
        }
    }

    /// Sends the CANCEL of an INVITE: its own Via and its route (RFC 3261 §9.1).
    pub fn send_cancel(&mut self, now: Instant, invite: TransactionId, reason: Option<&str>) {
        let Some(transaction) = self.clients.all.get(&invite) else { return };
        let Some(of) = &transaction.invite else { return };
        let mut cancel = like(of, Method::Cancel);
        if let Some(reason) = reason {
            cancel.headers.push(Name::Reason, reason);
        }
        let (flow, branch) = (transaction.flow, transaction.key.0.to_str().into_owned());
        self.start_client(now, cancel, flow, ClientUser::Nobody, branch);
    }

    /// Sends the ACK of a 2xx and keeps it for each repetition of that 2xx. The ACK is a transaction of its own
    /// (RFC 3261 §13.2.2.4): a new branch and no timers.
    pub fn acknowledge(&mut self, invite: TransactionId, tag: Option<Text>, mut ack: Request, flow: Flow) {
        let branch = self.new_branch();
        ack.vias.clear();
        ack.vias.push(self.via(&flow, &branch));
        if let Some(of) = self.sent_invite(invite) {
            // "The ACK MUST contain the same credentials as the INVITE" (RFC 3261 §13.2.2.4).
            ack.headers.copy_from(&of.headers, Name::Authorization);
            ack.headers.copy_from(&of.headers, Name::ProxyAuthorization);
        }
        let bytes = ack.encode();
        self.transmit(flow, bytes.clone());
        if let Some(transaction) = self.clients.all.get_mut(&invite) {
            transaction.forks.push((tag, flow, bytes));
        }
    }

    /// The ACK of a 2xx to a re-INVITE whose dialog is gone: from the re-INVITE, which knows the way.
    pub fn acknowledge_late(&mut self, invite: TransactionId, response: &Response) {
        let Some(transaction) = self.clients.all.get(&invite) else { return };
        let Some(of) = &transaction.invite else { return };
        let (ack, flow) = (like(of, Method::Ack), transaction.flow);
        self.acknowledge(invite, response.to.tag(), ack, flow);
    }

    /// The INVITE as it was sent, without its body.
    pub fn sent_invite(&self, id: TransactionId) -> Option<&Request> {
        self.clients.all.get(&id)?.invite.as_deref()
    }

    /// Where the transaction's messages go: the connection once there is one.
    pub fn client_flow(&self, id: TransactionId) -> Option<Flow> {
        self.clients.all.get(&id).map(|t| t.flow)
    }

    /// An INVITE that was cancelled (RFC 3261 §9.1), or whose dialog is over, does not wait for ever for its
    /// final response.
    pub fn abandon(&mut self, now: Instant, id: TransactionId) {
        self.advance_client(now, id, ClientInput::Abandon);
    }

    fn carry_out(&mut self, now: Instant, id: TransactionId, response: Option<&Response>) -> Outcome {
        let mut outcome = Outcome::Nothing;
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            let Some(transaction) = self.clients.all.get_mut(&id) else { break };
            let flow = transaction.flow;
            match action {
                Action::Send => {
                    let (bytes, server) = (transaction.bytes.clone(), transaction.server.clone());
                    self.transmit_to(flow, bytes, server);
                }
                Action::SendAgain => {
                    let bytes = transaction.bytes.clone();
                    self.stats.retransmitted += 1;
                    self.transmit(flow, bytes);
                }
                Action::Acknowledge => {
                    if let (true, Some(invite), Some(refusal)) =
                        (transaction.ack.is_empty(), &transaction.invite, response)
                    {
                        let mut ack = like(invite, Method::Ack);
                        ack.to = refusal.to.clone();
                        transaction.ack = ack.encode();
                    } else {
                        self.stats.absorbed += 1;
                    }
                    let bytes = transaction.ack.clone();
                    self.transmit(flow, bytes);
                }
                Action::Pass => outcome = Outcome::Passed,
                Action::Absorb => self.stats.absorbed += 1,
                Action::Set(timer, after) => self.deadlines.set(Deadline::Client(id, timer), now + after),
                Action::Clear(timer) => self.deadlines.clear(Deadline::Client(id, timer)),
                Action::TimedOut => {
                    self.stats.timed_out += 1;
                    outcome = Outcome::Failed(Failure::TimedOut);
                }
                Action::Unreachable => outcome = Outcome::Failed(Failure::Unreachable),
                Action::Terminate => self.forget_client(id),
            }
        }
        self.actions = actions;
        outcome
    }

    fn forget_client(&mut self, id: TransactionId) {
        if let Some(transaction) = self.clients.all.remove(&id) {
            self.clients.by_branch.remove(&transaction.key);
            self.deadlines.clear_range(Deadline::Client(id, Timer::A), Deadline::Client(id, Timer::M));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Nothing,
    /// The response is the user's.
    Passed,
    Failed(Failure),
}

impl Machine {
    fn handle(&mut self, input: ClientInput, actions: &mut Vec<Action>) {
        match self {
            Machine::Invite(machine) => machine.handle(input, actions),
            Machine::Other(machine) => machine.handle(input, actions),
        }
    }
}

/// The host that the peer of a TLS connection must be certified as: that of the first hop, by its route or by the
/// Request-URI (RFC 5922 §7.1). A connection that is open has proven it already.
fn server_of(request: &Request, flow: &Flow) -> Option<Box<str>> {
    if !flow.transport.is_secure() || flow.connection != 0 {
        return None;
    }
    let routes = request.headers.addresses(Name::Route).unwrap_or_default();
    let hop = routes.first().map_or(&request.uri, |route| &route.uri);
    match hop.host() {
        Host::Ip(ip) => Some(ip.to_string().into()),
        Host::Name("") => None,
        Host::Name(name) => Some(name.into()),
    }
}

/// An ACK or a CANCEL that belongs to an INVITE: the same Request-URI, Via, From, To, Call-ID, number and route
/// (RFC 3261 §9.1, §17.1.1.3).
fn like(invite: &Request, method: Method) -> Request {
    let mut request = Request {
        method,
        uri: invite.uri.clone(),
        vias: invite.vias.clone(),
        from: invite.from.clone(),
        to: invite.to.clone(),
        call_id: invite.call_id.clone(),
        cseq: invite.cseq,
        headers: Default::default(),
        body: Bytes::new(),
    };
    request.headers.push(Name::MaxForwards, "70");
    request.headers.copy_from(&invite.headers, Name::Route);
    request
}
