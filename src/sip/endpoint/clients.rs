//! Our requests on their way: the client transactions with their messages.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::base::Instant;
use crate::sip::transaction::{Action, Class, ClientInput, ClientInvite, ClientNonInvite, Timer};
use crate::sip::{Flow, Host, Method, Name, Request, Response, Text, Transport};

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
    Prack(DialogId),
    /// A REFER, or a NOTIFY about the peer's.
    Refer(DialogId),
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
    by_flow: BTreeSet<(Flow, TransactionId)>,
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
    /// Of an INVITE: the highest number that a request in one of its early dialogs had.
    sequence: u32,
    /// Went over a stream because of its size: how it goes if that cannot be opened.
    moved: Option<Box<Moved>>,
}

/// A request that is too large for UDP (RFC 3261 §18.1.1).
struct Moved {
    flow: Flow,
    /// With its body.
    request: Request,
}

enum Machine {
    Invite(ClientInvite),
    Other(ClientNonInvite),
}

impl ClientTransactions {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that a failure of `flow` concerns, in order. A stream is gone for all of them; that a datagram could
    /// not be sent says nothing about a peer that has been heard since, and may be stale news of an earlier one.
    pub fn failed_by(&self, flow: &Flow) -> Vec<TransactionId> {
        let all = self.by_flow.range((*flow, TransactionId::FIRST)..=(*flow, TransactionId::LAST));
        let concerns = |id: &TransactionId| {
            flow.transport.is_reliable() || self.all.get(id).is_some_and(|t| t.machine.is_unanswered())
        };
        all.map(|(_, id)| *id).filter(concerns).collect()
    }

    fn set_flow(&mut self, id: TransactionId, flow: Flow) {
        if let Some(transaction) = self.all.get_mut(&id) {
            self.by_flow.remove(&(transaction.flow, id));
            self.by_flow.insert((flow, id));
            transaction.flow = flow;
        }
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

    /// "If a request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and the path MTU is
    /// unknown, the request MUST be sent using an RFC 2914 congestion controlled transport protocol, such as TCP"
    /// (RFC 3261 §18.1.1). Its CANCEL goes the same way whatever its size.
    fn is_too_large_for(&self, flow: &Flow, bytes: &Bytes) -> bool {
        flow.transport == Transport::Udp
            && self.config.udp_request_limit.is_some_and(|limit| bytes.len() > limit)
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
        let mut bytes = request.encode();
        let mut moved = None;
        let (via, mut flow) = (flow, flow);
        if self.is_too_large_for(&via, &bytes) {
            flow = Flow { transport: Transport::Tcp, connection: 0, ..via };
            moved = Some(Box::new(Moved { flow: via, request: request.clone() }));
            request.vias = vec![self.via(&flow, &branch)];
            bytes = request.encode();
            self.stats.moved_to_tcp += 1;
        }
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
            sequence: 0,
            moved,
        };
        self.clients.by_flow.insert((flow, id));
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
        let sent_over = self.clients.all.get(&id)?.flow;
        if flow.transport.is_reliable() && sent_over.connection == 0 {
            self.clients.set_flow(id, flow);
        }
        let transaction = self.clients.all.get_mut(&id)?;
        transaction.moved = None;
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

    /// Its request cannot be sent. What went over a stream because of its size goes over UDP instead: "the element
    /// SHOULD retry the request, using UDP" (RFC 3261 §18.1.1).
    pub fn fail_client(&mut self, now: Instant, id: TransactionId) -> Option<(ClientUser, Failure)> {
        if let Some(moved) = self.clients.all.get_mut(&id).and_then(|transaction| transaction.moved.take()) {
            self.send_by_datagram(now, id, *moved);
            return None;
        }
        self.advance_client(now, id, ClientInput::TransportFailed)
    }

    /// The same request as a new transaction under the same handle.
    fn send_by_datagram(&mut self, now: Instant, id: TransactionId, moved: Moved) {
        let Moved { flow, mut request } = moved;
        let branch = self.new_branch();
        request.vias = vec![self.via(&flow, &branch)];
        let timing = self.timing(flow.transport);
        self.clients.set_flow(id, flow);
        let Some(transaction) = self.clients.all.get_mut(&id) else { return };
        self.clients.by_branch.remove(&transaction.key);
        transaction.key = (Text::from(branch), false);
        self.clients.by_branch.insert(transaction.key.clone(), id);
        transaction.bytes = request.encode();
        let range = (Deadline::Client(id, Timer::A), Deadline::Client(id, Timer::M));
        self.deadlines.clear_range(range.0, range.1);
        transaction.machine = match &mut transaction.invite {
            Some(invite) => {
                invite.vias = request.vias;
                Machine::Invite(ClientInvite::start(timing, &mut self.actions))
            }
            None => Machine::Other(ClientNonInvite::start(timing, &mut self.actions)),
        };
        self.carry_out(now, id, None);
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

    /// How many phones that answered an INVITE of ours have had their ACK.
    pub fn acknowledged_forks(&self, invite: TransactionId) -> usize {
        self.clients.all.get(&invite).map_or(0, |transaction| transaction.forks.len())
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

    /// A request in an early dialog of this INVITE had that number: what follows in whichever of them is higher.
    pub fn note_sequence(&mut self, invite: TransactionId, number: u32) {
        if let Some(transaction) = self.clients.all.get_mut(&invite) {
            transaction.sequence = transaction.sequence.max(number);
        }
    }

    pub fn noted_sequence(&self, invite: TransactionId) -> u32 {
        self.clients.all.get(&invite).map_or(0, |transaction| transaction.sequence)
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
            self.clients.by_flow.remove(&(transaction.flow, id));
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

    fn is_unanswered(&self) -> bool {
        match self {
            Machine::Invite(machine) => machine.is_unanswered(),
            Machine::Other(machine) => machine.is_unanswered(),
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
