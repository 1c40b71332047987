//! All subscriptions of an endpoint: found by their handle, by our tag, and told what concerns them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::Instant;
use crate::sip::{Flow, Method, Request, Response, Text};

use super::Endpoint;
use super::command::{Answer, Content};
use super::core::{Core, Failure};
use super::deadlines::{SubscriptionTimer, TransactionId};
use super::server_invite::refuse;
use super::subscription::{Next, Subscription, SubscriptionId, Unsubscribed};

#[derive(Default)]
pub(super) struct Subscriptions {
    all: BTreeMap<SubscriptionId, Subscription>,
    by_tag: BTreeMap<Text, SubscriptionId>,
}

impl Subscriptions {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn insert(&mut self, subscription: Subscription) {
        self.by_tag.insert(subscription.tag().clone(), subscription.id());
        self.all.insert(subscription.id(), subscription);
    }

    /// The subscription of a peer's request in a dialog: by our tag, then by the rest of the dialog's name.
    fn of(&self, request: &Request) -> Option<SubscriptionId> {
        let id = *self.by_tag.get(&request.to.tag()?)?;
        self.all.get(&id).is_some_and(|subscription| subscription.owns(request)).then_some(id)
    }

    /// One step of a subscription.
    fn step(
        &mut self,
        core: &mut Core,
        id: SubscriptionId,
        step: impl FnOnce(&mut Subscription, &mut Core) -> Next,
    ) {
        let Some(subscription) = self.all.get_mut(&id) else { return };
        if step(subscription, core) == Next::Forget
            && let Some(subscription) = self.all.remove(&id)
        {
            self.by_tag.remove(subscription.tag());
            core.forget_subscription(id);
        }
    }

    pub fn lose_connection(&mut self, flow: Flow) {
        for subscription in self.all.values_mut() {
            subscription.lose_connection(flow);
        }
    }

    pub fn fire(&mut self, core: &mut Core, now: Instant, id: SubscriptionId, timer: SubscriptionTimer) {
        self.step(core, id, |subscription, core| subscription.fire(core, now, timer));
    }

    pub fn answered(
        &mut self,
        core: &mut Core,
        now: Instant,
        id: SubscriptionId,
        transaction: TransactionId,
        response: &Response,
    ) {
        self.step(core, id, |subscription, core| subscription.answered(core, now, transaction, response));
    }

    pub fn failed(&mut self, core: &mut Core, now: Instant, id: SubscriptionId, failure: Failure) {
        self.step(core, id, |subscription, core| subscription.failed(core, now, failure.status()));
    }
}

impl Endpoint {
    /// Accepts an [`Event::Subscribe`](super::Event::Subscribe) for that long: 200, then a NOTIFY, whose content
    /// [`Event::NotifyDue`](super::Event::NotifyDue) asks for. Zero tells the state once and no more.
    pub fn accept_subscription(&mut self, now: Instant, id: SubscriptionId, granted: Duration) {
        self.subscriptions.step(&mut self.core, id, |it, core| it.accept(core, now, granted));
    }

    /// A final response of 300 and above to an [`Event::Subscribe`](super::Event::Subscribe): a refusal, or a
    /// challenge. A subscription that was to be refreshed goes on until it expires.
    pub fn reject_subscription(&mut self, now: Instant, id: SubscriptionId, answer: Answer) {
        self.subscriptions.step(&mut self.core, id, |it, core| it.reject(core, now, answer));
    }

    /// There is something new to tell: [`Event::NotifyDue`](super::Event::NotifyDue) follows, as soon as the
    /// last NOTIFY is answered and [`Config::notify_interval`](super::Config::notify_interval) is over.
    pub fn notify_soon(&mut self, now: Instant, id: SubscriptionId) {
        self.subscriptions.step(&mut self.core, id, |it, core| it.news(core, now));
    }

    /// The state of this moment, asked for by [`Event::NotifyDue`](super::Event::NotifyDue).
    pub fn notify(&mut self, now: Instant, id: SubscriptionId, content: Option<Content>) {
        self.subscriptions.step(&mut self.core, id, |it, core| it.notify(core, now, content));
    }

    /// Ends a subscription with a last NOTIFY that says why. No event follows.
    pub fn end_subscription(&mut self, now: Instant, id: SubscriptionId, why: Unsubscribed) {
        self.subscriptions.step(&mut self.core, id, |it, core| it.end(core, now, why, false));
    }

    /// How many subscriptions there are, those included that are being ended.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.all.len()
    }

    /// A SUBSCRIBE outside a dialog.
    pub(super) fn receive_subscribe(
        &mut self,
        now: Instant,
        flow: Flow,
        transaction: TransactionId,
        request: Request,
    ) {
        let started = Subscription::start(&mut self.core, now, transaction, Box::new(request), flow);
        if let Some(subscription) = started {
            self.subscriptions.insert(subscription);
        }
    }

    /// A request in a dialog, where it is a subscription's or wants to be one. `false`: it concerns others.
    pub(super) fn receive_in_subscription(
        &mut self,
        now: Instant,
        flow: Flow,
        transaction: TransactionId,
        request: &Request,
    ) -> bool {
        if let Some(id) = self.subscriptions.of(request) {
            self.subscriptions.step(&mut self.core, id, |it, core| {
                it.receive(core, now, transaction, request, flow);
                Next::Keep
            });
            return true;
        }
        if request.method != Method::Subscribe {
            return false;
        }
        // A subscription has a dialog of its own (RFC 6665 §4.5.1); a call's goes on all the same.
        let status = if self.find_dialog(request).is_some() { 403 } else { 481 };
        match status {
            403 => self.core.stats.refused.add(status),
            _ => self.core.stats.unknown_dialogs += 1,
        }
        refuse(&mut self.core, now, transaction, Answer::new(status));
        true
    }
}
