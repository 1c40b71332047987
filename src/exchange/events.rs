//! What dialogs, media and the queue core say becomes events of calls.

use std::time::Duration;

use super::{Exchange, Notice, Output, info, io};
use crate::base::{CallId, LegId, Masked, Now};
use crate::call::{Call, Event, LegEnd};
use crate::media::{self, DigitMeans};
use crate::queue::{self, LeaveWhy, Refusal};
use crate::sip::{self, EndedWhy};

impl Exchange {
    pub(super) fn sip_event(&mut self, now: Now, event: sip::Event) {
        use sip::Event as Sip;
        let Some(event) = self.ringing_event(now, event) else { return };
        match event {
            Sip::Invite { dialog, request, flow, replaces: None } => {
                self.arrival(now, dialog, &request, flow)
            }
            Sip::Invite { dialog, request, flow, replaces: Some(replaced) } => {
                self.replacing(now, dialog, &request, flow, replaced)
            }
            Sip::Refer { id, refer } => self.referred(now, id, &refer),
            // We refer nobody.
            Sip::ReferAnswered { .. } | Sip::ReferProgress { .. } => {}
            Sip::Message { id, dialog, request } => self.text_in_call(now, id, dialog, &request),
            Sip::Request { id, request, flow } => self.request(now, id, &request, flow),
            Sip::Reply { id, status, reason, headers, .. } => {
                if !self.text_answered(now, id, status) && !self.trunk_replied(now, id, status, &headers) {
                    self.life_answered(now, id, status, &reason);
                }
            }
            Sip::Subscribe { subscription, package, request, flow, refresh } => {
                self.subscribe(now, subscription, &package, &request, flow, refresh);
            }
            Sip::NotifyDue { subscription, last } => self.notify(now, subscription, last),
            Sip::SubscriptionLost { subscription, status } => self.subscription_lost(subscription, status),
            Sip::Acked { dialog, sdp } => {
                self.tell_of(dialog, |_| Event::Acked { sdp });
            }
            Sip::Cancelled { dialog } => self.tell_last(dialog, |_| Event::Cancelled),
            Sip::Progress { dialog, sdp, .. } => {
                // Early media of a desk phone is its own ring-back tone: the caller hears ours.
                let leg = self.dialogs.get(&dialog).copied().filter(|leg| self.outside_progressed(*leg));
                if let (Some(leg), Some(sdp)) = (leg, sdp) {
                    self.tell(leg, Event::EarlyMedia { leg, sdp });
                }
            }
            Sip::Answered { dialog, sdp } => {
                if let Some(leg) = self.dialogs.get(&dialog).copied() {
                    self.outside_answered(leg);
                    self.tell(leg, Event::Answered { leg, sdp });
                }
            }
            Sip::Rejected { dialog, status, .. } if self.tries_next(now, dialog, status) => {}
            Sip::Rejected { dialog, status, .. } => {
                self.tell_last(dialog, |leg| Event::Rejected { leg, status })
            }
            Sip::Reoffer { dialog, sdp } => self.tell_of(dialog, |leg| Event::Reoffer { leg, sdp }),
            Sip::ReofferAnswered { dialog, sdp } => {
                self.tell_of(dialog, |leg| Event::ReofferAnswered { leg, sdp })
            }
            Sip::ReofferRefused { dialog, status } => {
                self.tell_of(dialog, |leg| Event::ReofferRefused { leg, status });
            }
            Sip::Info { dialog, kind, body } => {
                if let Some((digit, lasted)) = info::key(&kind, &body) {
                    let (digit, by) = (Masked::new(digit), DigitMeans::Info);
                    self.tell_of(dialog, |leg| Event::Pressed { leg, digit, by, lasted });
                }
            }
            Sip::Ended { dialog, why } => {
                self.tell_last(dialog, |leg| Event::Ended { leg, end: leg_end(why) })
            }
        }
    }

    fn tell(&mut self, leg: LegId, event: Event) {
        self.work.push_back((leg.call, event));
    }

    fn tell_of(&mut self, dialog: sip::DialogId, event: impl FnOnce(LegId) -> Event) {
        if let Some(leg) = self.dialogs.get(&dialog).copied() {
            self.tell(leg, event(leg));
        }
    }

    /// The dialog's last word.
    fn tell_last(&mut self, dialog: sip::DialogId, event: impl FnOnce(LegId) -> Event) {
        if let Some(leg) = self.dialogs.remove(&dialog) {
            self.legs.remove(&leg);
            self.trunks.leg_over(leg);
            self.referrals.remove(&leg);
            self.tell(leg, event(leg));
        }
    }

    pub(super) fn media_event(&mut self, event: media::Event) {
        match event {
            media::Event::Digit { leg, digit, by } => {
                self.tell(leg, Event::Pressed { leg, digit, by, lasted: Duration::ZERO })
            }
            media::Event::Played { leg, play } => self.tell(leg, Event::Played { leg, play }),
            media::Event::RtpTimeout { leg } => self.tell(leg, Event::RtpTimeout { leg }),
            media::Event::OpenFailed { leg, reason } => {
                self.qualities.not_opened(leg);
                let legs = self.calls.get(&leg.call).into_iter().flat_map(Call::legs);
                let port = legs.filter(|other| other.id == leg).map(|leg| leg.port()).next();
                port.into_iter().for_each(|port| self.ports.is_foreign(port));
                self.tell(leg, Event::OpenFailed { leg, reason });
            }
            media::Event::RecordingEnded { recording, length, voiced, why } => {
                if let Some(call) = self.recordings.get(&recording) {
                    self.work.push_back((*call, Event::RecordingEnded { recording, length, voiced, why }));
                }
            }
            media::Event::FirstPacket { leg } => tracing::debug!(%leg, "first audio"),
            media::Event::Quality { leg, report, last } => self.quality(leg, &report, last),
        }
    }

    /// Of a caller of this exchange, or of an agent.
    pub(super) fn queue_event(&mut self, now: Now, event: queue::Event) {
        self.show_floor(now, &event);
        match event {
            // A callback has no telephone to connect: the customer is called first.
            queue::Event::Offered { tag, .. } if self.callbacks.is_in_line(CallId(tag)) => {
                self.callback_turn(now, CallId(tag));
            }
            queue::Event::Left { tag, .. } if self.callbacks.is_in_line(CallId(tag)) => {
                self.callback_left(now, CallId(tag));
            }
            queue::Event::Offered { offer, caller, tag, agent, queue } => {
                self.remember_match(now, caller);
                self.offered(now, CallId(tag), offer, agent, queue);
            }
            queue::Event::OfferWithdrawn { offer, tag, why } => {
                // The call that left has hung the phone up by itself.
                if !matches!(why, queue::Withdrawn::CallerLeft(LeaveWhy::Abandoned | LeaveWhy::Key(_))) {
                    self.work.push_back((CallId(tag), Event::OfferWithdrawn { offer }));
                }
            }
            queue::Event::Left { tag, why, .. } => {
                if !matches!(why, LeaveWhy::Abandoned | LeaveWhy::Key(_) | LeaveWhy::TakeMessage) {
                    self.work.push_back((CallId(tag), Event::LeftQueue { why }));
                }
            }
            queue::Event::AgentState { agent, state } => {
                let name = io::state_name(state);
                tracing::info!(agent = self.numbering.extension(agent), state = name, "agent");
                self.desks.changed(agent, now.mono);
                self.output.push_back(Output::Notice(Notice::AgentState { agent, state: name }));
            }
            queue::Event::OwnerSkipped { tag, .. } => {
                self.work.push_back((CallId(tag), Event::OwnerSkipped));
            }
            queue::Event::Connected { tag, agent, .. } => self.contact(now, CallId(tag), agent),
            queue::Event::Requeued { .. }
            | queue::Event::Relaxed { .. }
            | queue::Event::Changed { .. }
            | queue::Event::Parked { .. }
            | queue::Event::Resumed { .. }
            | queue::Event::QueueDepth { .. } => {}
        }
    }

    pub(super) fn offered(
        &mut self,
        now: Now,
        call: CallId,
        offer: queue::OfferId,
        agent: crate::base::AgentId,
        queue: crate::base::QueueId,
    ) {
        let extension = self.numbering.extension(agent).to_owned();
        match self.phone_of(&extension) {
            // In a call that the core knows nothing of.
            Some(_) if !self.desks.take_offered(agent, call) => {
                self.core.offer_refused(now.mono, offer, Refusal::Busy, &mut self.core_events);
            }
            Some((_, via)) => {
                self.output.push_back(Output::Notice(Notice::Offered { call, agent, queue: Some(queue) }));
                let towards = self.towards_desk(&extension, via);
                self.work.push_back((call, Event::Offered { offer, agent, extension, towards }));
            }
            None => {
                self.core.offer_refused(now.mono, offer, Refusal::Unreachable, &mut self.core_events);
                self.phone_gone(now, &extension);
            }
        }
    }
}

fn leg_end(why: EndedWhy) -> LegEnd {
    match why {
        EndedWhy::Bye { .. } => LegEnd::HungUp,
        EndedWhy::SessionExpired => LegEnd::SessionExpired,
        other => LegEnd::Lost { why: other.to_string() },
    }
}
