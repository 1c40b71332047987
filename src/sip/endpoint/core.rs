//! What every usage of an endpoint shares: the outbox, the deadlines, the transactions and the names of the
//! dialogs. The usages (a ringing call, a calling one, an established one…) are handed this and nothing else.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::base::{Instant, Rng};
use crate::sip::belonging::marked;
use crate::sip::transaction::{Action, Timing};
use crate::sip::{Flow, MAGIC_COOKIE, NameAddr, Text, Transmit, Transport, Uri, Via};

use super::clients::ClientTransactions;
use super::config::Config;
use super::deadlines::{Deadline, Deadlines, DialogTimer, SubscriptionTimer, TransactionId};
use super::event::{DialogId, Event, RequestId};
use super::out_of_dialog::Challengeable;
use super::servers::ServerTransactions;
use super::stats::Stats;
use super::subscription::SubscriptionId;

/// Why a transaction of ours came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// Nobody answered in 64 × T1.
    TimedOut,
    /// The transport says that the peer cannot be reached.
    Unreachable,
}

impl Failure {
    /// The response that stands for it (RFC 3261 §8.1.3.1).
    pub fn status(self) -> u16 {
        match self {
            Failure::TimedOut => 408,
            Failure::Unreachable => 503,
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            Failure::TimedOut => "no answer from the network",
            Failure::Unreachable => "unreachable",
        }
    }
}

pub(super) struct Core {
    pub config: Config,
    pub rng: Rng,
    pub stats: Stats,
    pub deadlines: Deadlines,
    pub(super) clients: ClientTransactions,
    pub(super) servers: ServerTransactions,
    pub(super) challengeable: Challengeable,
    /// See [`Endpoint::refuse_new_calls`](super::Endpoint::refuse_new_calls).
    pub refuses_new_calls: bool,
    /// See [`Endpoint::expect_strangers`](super::Endpoint::expect_strangers).
    pub expects_strangers: bool,
    /// For tags of answers that nothing is kept of.
    pub shed_seed: u64,
    /// By the tag that we gave: unique, since it is ours and random.
    tags: BTreeMap<Text, DialogId>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    /// Reused by every step of a machine.
    pub(super) actions: Vec<Action>,
    last_id: u64,
}

impl Core {
    pub fn new(config: Config, mut rng: Rng) -> Self {
        Core {
            config,
            refuses_new_calls: false,
            expects_strangers: false,
            shed_seed: rng.next_u64(),
            rng,
            stats: Stats::default(),
            deadlines: Deadlines::default(),
            clients: ClientTransactions::default(),
            servers: ServerTransactions::default(),
            challengeable: Challengeable::default(),
            tags: BTreeMap::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            actions: Vec::new(),
            last_id: 0,
        }
    }

    // -- outbox --

    pub fn transmit(&mut self, flow: Flow, bytes: Bytes) {
        self.transmit_to(flow, bytes, None);
    }

    /// With the name that a TLS peer has to prove, where the connection is yet to be opened.
    pub fn transmit_to(&mut self, flow: Flow, bytes: Bytes, server: Option<Box<str>>) {
        self.stats.sent += 1;
        self.transmits.push_back(Transmit { flow, bytes, server });
    }

    pub fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
            && self.servers.is_empty()
            && self.challengeable.is_empty()
            && self.tags.is_empty()
            && self.deadlines.is_empty()
            && self.transmits.is_empty()
            && self.events.is_empty()
    }

    // -- names and numbers --

    pub fn next_dialog(&mut self) -> DialogId {
        DialogId(self.next_id())
    }

    pub fn next_request(&mut self) -> RequestId {
        RequestId(self.next_id())
    }

    pub fn next_subscription(&mut self) -> SubscriptionId {
        SubscriptionId(self.next_id())
    }

    pub fn next_transaction(&mut self) -> TransactionId {
        TransactionId(self.next_id())
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A tag of 80 random bits (RFC 3261 §19.3 wants 32).
    pub fn new_tag(&mut self) -> Text {
        Text::from(marked(self.config.number, self.rng.token(16)))
    }

    /// A Call-ID of 120 random bits, without our address in it.
    pub fn new_call_id(&mut self) -> Text {
        Text::from(self.rng.token(24))
    }

    pub fn new_branch(&mut self) -> String {
        format!("{MAGIC_COOKIE}{}", marked(self.config.number, self.rng.token(16)))
    }

    // -- dialogs by our tag --

    pub fn name_dialog(&mut self, tag: Text, dialog: DialogId) {
        self.tags.insert(tag, dialog);
    }

    pub fn forget_dialog(&mut self, tag: &Text, dialog: DialogId) {
        self.tags.remove(tag);
        let all = |timer| Deadline::Dialog(dialog, timer);
        self.deadlines.clear_range(all(DialogTimer::FIRST), all(DialogTimer::LAST));
    }

    pub fn dialog_named(&self, tag: &Text) -> Option<DialogId> {
        self.tags.get(tag).copied()
    }

    // -- what we write about ourselves --

    pub fn timing(&self, transport: Transport) -> Timing {
        let Config { t1, t2, t4, .. } = self.config;
        Timing { t1, t2, t4, reliable: transport.is_reliable() }
    }

    pub fn via(&self, flow: &Flow, branch: &str) -> Via {
        Via::new(flow.transport, self.config.advertised(flow.local), branch)
    }

    /// Our Contact: where the peer's requests in the dialog reach us.
    pub fn contact(&self, flow: &Flow, user: Option<&str>) -> String {
        let uri = Uri::sip(user, self.config.advertised(flow.local));
        let uri = match flow.transport {
            Transport::Udp => uri,
            other => uri.with_param("transport", other.uri_name()),
        };
        NameAddr::new(uri).to_value()
    }

    pub fn set_dialog_timer(&mut self, dialog: DialogId, timer: DialogTimer, at: Instant) {
        self.deadlines.set(Deadline::Dialog(dialog, timer), at);
    }

    pub fn set_subscription_timer(&mut self, id: SubscriptionId, timer: SubscriptionTimer, at: Instant) {
        self.deadlines.set(Deadline::Subscription(id, timer), at);
    }

    pub fn clear_subscription_timer(&mut self, id: SubscriptionId, timer: SubscriptionTimer) {
        self.deadlines.clear(Deadline::Subscription(id, timer));
    }

    pub fn forget_subscription(&mut self, id: SubscriptionId) {
        let all = |timer| Deadline::Subscription(id, timer);
        self.deadlines.clear_range(all(SubscriptionTimer::Expires), all(SubscriptionTimer::NotifyAgain));
    }

    pub fn clear_dialog_timer(&mut self, dialog: DialogId, timer: DialogTimer) {
        self.deadlines.clear(Deadline::Dialog(dialog, timer));
    }
}
