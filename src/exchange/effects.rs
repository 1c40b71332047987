//! Carries out what calls want.

use std::time::Duration;

use super::desks::Desk;
use super::promises::Asks;
use super::ringing::Ring;
use super::{Exchange, Notice, Output, is_awaited};
use crate::base::{AgentId, CallId, LegId, Now};
use crate::call::{Call, Effect, Event, InviteAgent, Refusal};
use crate::dialplan::{DialEnd, Plan};
use crate::media;
use crate::queue::{AgentState, Left, Seized};
use crate::record::Record;
use crate::sip::{Answer, NameAddr, Text, Uri};

impl Exchange {
    /// In order: a port is open before the 200 that names it leaves.
    pub(super) fn carry_out(&mut self, now: Now, call: CallId, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(now, call, effect);
            self.drain_transmits();
        }
    }

    fn carry_out_one(&mut self, now: Now, call: CallId, effect: Effect) {
        match effect {
            Effect::Accept { leg, sdp } => {
                if let Some(dialog) = self.legs.get(&leg) {
                    self.sip.accept(now.mono, *dialog, Some(sdp));
                }
            }
            Effect::Refuse { leg, refusal } => {
                if refusal.status == 488 {
                    self.count_refusal("no audio in common");
                }
                if let Some(dialog) = self.forget_leg(leg) {
                    self.sip.reject(now.mono, dialog, answer_of(refusal));
                }
            }
            Effect::Invite(invite) => self.invite(now, call, *invite),
            Effect::ReachOutside { number, trunk } => {
                let event = self.reach_outside(now, number.expose(), trunk.as_deref());
                self.work.push_back((call, event));
            }
            Effect::InviteOutside(invite) => self.invite_outside(now, call, *invite),
            Effect::AnswerReoffer { leg, sdp } => {
                let answer = self.settle_takeover(now, leg, sdp.map_err(answer_of));
                if let (Some(answer), Some(dialog)) = (answer, self.legs.get(&leg)) {
                    self.sip.answer_reoffer(now.mono, *dialog, answer);
                }
            }
            Effect::TakeOver { leg, from, agent, sdp } => self.take_party(now, leg, from, agent, sdp),
            Effect::Park { slots } => self.park(call, slots),
            Effect::PickUp(which) => self.pick_up(now, call, &which),
            Effect::Referred { leg, status } => self.report_transfer(now, leg, status),
            Effect::Bye { leg } => {
                self.stop_ringing(now, leg, None);
                if let Some(dialog) = self.forget_leg(leg) {
                    self.sip.bye(now.mono, dialog, None);
                }
            }
            Effect::Media(command) => {
                match &command {
                    media::Command::Record { recording, .. } => {
                        self.recordings.insert(*recording, call);
                    }
                    media::Command::Open { leg, .. } => self.qualities.opened(*leg),
                    _ => {}
                }
                self.output.push_back(Output::Media { call, command });
            }
            Effect::Play { leg, play, clips, repeat } => {
                self.output.push_back(Output::Play { leg, play, clips, repeat });
            }
            Effect::Join { request, plan } => {
                self.dials_from_desk(now, call);
                self.join(now, call, &request, &plan);
            }
            Effect::Leave { caller, why } => {
                let left = self.core.leave(now.mono, caller, why, &mut self.core_events);
                // Accepted in the same moment: the talk that the call never had is over.
                if let Left::TooLate(agent) = left {
                    self.desks.release(agent, call);
                    self.core.talk_ended(now.mono, agent, call.0, None, &mut self.core_events);
                }
            }
            Effect::KeepPlace { number, queue, arrived, until } => {
                self.keep_place(now, number, queue, arrived, until);
            }
            Effect::BookCallback(booking) => {
                if let Some(ok) = self.book_callback(now, call, *booking) {
                    self.work.push_back((call, Event::CallbackBooked { ok, wait: None }));
                }
            }
            Effect::TakeMatter { agent } => self.take_matter(now, call, agent),
            Effect::AskMatter => {
                let from = self.calls.get(&call).map(|call| call.from().clone());
                let owner = from.and_then(|from| self.contact_owner(now, &from));
                self.work.push_back((call, Event::MatterIs { owner }));
            }
            Effect::Promise(wanted) => {
                if let Some(ok) = self.make_promise(now, Asks::Call(call), *wanted) {
                    self.work.push_back((call, Event::CallbackBooked { ok, wait: None }));
                }
            }
            Effect::CalledBack { callback, what } => {
                self.called_back(now, call, callback, what);
                self.promise_tried(now, call, callback, what);
            }
            Effect::FollowedUp { complaint, what } => self.followed_up(now, call, &complaint, what),
            Effect::Text { agent, text } => self.text_to(now, agent, &text),
            Effect::PhoneLost { agent } => self.phone_lost(now, agent),
            Effect::AcceptOffer { offer } => {
                let event = match self.core.offer_accepted(now.mono, offer, &mut self.core_events) {
                    Ok(_) => Event::Connected { offer },
                    Err(_) => Event::OfferWithdrawn { offer },
                };
                self.work.push_back((call, event));
            }
            Effect::RefuseOffer { offer, why } => {
                self.desks.release(offer.agent(), call);
                self.core.offer_refused(now.mono, offer, why, &mut self.core_events);
            }
            Effect::TalkEnded { agent } => {
                self.desks.release(agent, call);
                self.core.talk_ended(now.mono, agent, call.0, None, &mut self.core_events);
            }
            Effect::Seize { extension, delegate } => {
                self.dials_from_desk(now, call);
                let event = match delegate {
                    false => self.seize(now, call, &extension),
                    true => self.seize_delegate(now, call, &extension),
                };
                self.work.push_back((call, event));
            }
            Effect::AskUrgent { extension } => {
                let event = self.ask_urgent(now, &extension);
                self.work.push_back((call, event));
            }
            Effect::TellUrgent(slip) => {
                let event = self.tell_urgent(now, call, &slip);
                self.work.push_back((call, event));
            }
            Effect::UrgentOver { extension, how } => self.urgent_over(now, call, &extension, how),
            Effect::SeizeUrgently { extension } => {
                let event = self.seize_urgently(now, call, &extension);
                self.work.push_back((call, event));
            }
            Effect::AnswerUrgent { agent, answer } => {
                let ok = self.answer_urgent(agent, answer);
                self.work.push_back((call, Event::UrgentReplied { ok }));
            }
            Effect::QueueState { queue, plan } => {
                let state = self.queue_state(queue, &plan);
                self.work.push_back((call, Event::QueueState(state)));
            }
            Effect::HearUrgent { agent } => {
                let said = self.urgent_words(agent);
                self.work.push_back((call, Event::UrgentHeard { said }));
            }
            Effect::Release { agent } => self.release(now, call, agent),
            Effect::WrapUp { agent, wrap_up } => self.release_after(now, call, agent, wrap_up),
            Effect::Presence { agent, change } => {
                let ok = self.set_presence(now, agent, change).is_ok();
                self.work.push_back((call, Event::PresenceSet { ok }));
            }
            Effect::Record(record) => {
                if let Record::Slip(slip) = &record
                    && is_awaited(slip.state)
                {
                    self.slips.insert(slip.slip, call);
                }
                if let Record::Call(call) = &record {
                    self.count_for_trial(call);
                }
                self.tell_of_record(&record);
                self.output.push_back(Output::Record(record));
            }
            Effect::OpenBox(order) => self.output.push_back(Output::OpenBox { call, order }),
            Effect::Inquire(inquiry) => self.inquire(call, inquiry),
            Effect::Discard { recording } => {
                self.recordings.remove(&recording);
                self.output.push_back(Output::Discard(recording));
            }
            Effect::Over => {
                self.leave_desk(now, call);
                self.qualities.call_over(call);
                self.output.push_back(Output::Notice(Notice::CallOver { call }));
            }
        }
    }

    /// A desk's own call that leads to somebody: its phone is in use, and no queue rings it. Feature codes are over in a
    /// breath, and leave a wrap-up as it is.
    fn dials_from_desk(&mut self, now: Now, call: CallId) {
        if let Some(agent) = self.calls.get(&call).and_then(Call::desk) {
            self.take_desk(now, agent, call);
        }
    }

    /// Tells who looks at the wire that dialogs with this Call-ID are this leg's. `party`: whom they lead to, by the
    /// name in settings and dialplan.
    pub(super) fn name_leg(&mut self, leg: LegId, call_id: Text, party: String) {
        self.qualities.named(leg, &party);
        self.output.push_back(Output::Notice(Notice::Leg { leg, call_id, party }));
    }

    /// The leg's dialog, which is none of ours from now on: what it still says concerns nobody.
    pub(super) fn forget_leg(&mut self, leg: LegId) -> Option<crate::sip::DialogId> {
        self.trunks.leg_over(leg);
        self.referrals.remove(&leg);
        let dialog = self.legs.remove(&leg)?;
        self.dialogs.remove(&dialog);
        Some(dialog)
    }

    fn invite(&mut self, now: Now, call: CallId, invite: InviteAgent) {
        let InviteAgent { leg, agent, display, from, about, by, sdp } = invite;
        let extension = self.numbering.extension(agent).to_owned();
        let phones = self.phones_of(&extension);
        // The phones may have vanished between the offer and now.
        let Some(via) = phones.first().and_then(|phone| phone.ways.first()).map(|target| target.via) else {
            self.work.push_back((call, Event::Rejected { leg, status: 480 }));
            return;
        };
        let host = std::net::SocketAddr::new(self.config.address_for(via.local.ip()), via.local.port());
        let user = from.expose();
        let from = NameAddr::new(Uri::sip((!user.is_empty()).then_some(user.as_str()), host))
            .with_display(display.expose());
        // Who looks at a screen and not at the telephone's display finds there what the call is about, who hands it on
        // (RFC 3892), and the record.
        let mut headers = vec![("X-Hotline-Call".to_owned(), call.to_string())];
        let about = about.expose();
        if !about.is_empty() && !about.chars().any(char::is_control) {
            headers.push(("Subject".to_owned(), about.clone()));
        }
        if let Some(by) = by {
            // Written out: what is shown of a URI is masked.
            let by = Uri::sip(Some(&by), host);
            headers.push(("Referred-By".to_owned(), format!("<{}>", String::from_utf8_lossy(by.as_bytes()))));
        }
        self.ring(now, leg, Ring::new(extension, from, sdp, headers, phones));
    }

    /// A person's own phone, past the queues: only where they can come.
    pub(super) fn seize(&mut self, now: Now, call: CallId, extension: &str) -> Event {
        let why = match self.numbering.agent(extension) {
            None => DialEnd::Unreachable,
            Some(agent) => match (self.desks.get(agent), self.phone_of(extension)) {
                (Desk { call: Some(_), .. }, _) => DialEnd::Busy,
                (Desk { away: Some(away), .. }, _) => {
                    let until = away.until.filter(|until| *until > now.wall);
                    DialEnd::Away { reason: away.reason, until, delegate: away.delegate.is_some() }
                }
                (_, None) => DialEnd::Unreachable,
                (_, Some((_, via))) => match self.core.agent_seize(now.mono, agent, &mut self.core_events) {
                    Seized::Busy => DialEnd::Busy,
                    seized if !self.desks.take(agent, call) => {
                        // Another exchange's call was quicker.
                        if seized == Seized::Yes {
                            self.core.call_ended(
                                now.mono,
                                agent,
                                Some(Duration::ZERO),
                                &mut self.core_events,
                            );
                        }
                        DialEnd::Busy
                    }
                    Seized::Yes | Seized::SignedOff => {
                        let towards = self.towards_desk(extension, via);
                        return Event::Seized { agent, extension: extension.to_owned(), towards };
                    }
                },
            },
        };
        Event::NotSeized { why }
    }

    pub(super) fn release(&mut self, now: Now, call: CallId, agent: AgentId) {
        // Nobody wraps up after a call that no queue gave.
        self.release_after(now, call, agent, Duration::ZERO);
    }

    fn release_after(&mut self, now: Now, call: CallId, agent: AgentId, wrap_up: Duration) {
        self.desks.release(agent, call);
        self.core.call_ended(now.mono, agent, Some(wrap_up), &mut self.core_events);
    }

    /// Agents whom the plan says to be ready whenever their phone is there. Who was so by the plan before, too,
    /// stays as they are: they may have signed off.
    pub(super) fn sign_on_the_ready(&mut self, now: Now, before: Option<&Plan>) {
        let was_ready = |extension: &str| {
            before.and_then(|plan| plan.agent_by_extension(extension)).is_some_and(|agent| agent.ready)
        };
        let ready: Vec<_> = self
            .plan
            .agents()
            .iter()
            .filter(|agent| agent.ready && !was_ready(&agent.extension))
            .map(|agent| agent.extension.clone())
            .collect();
        for extension in ready {
            self.phone_there(now, &extension);
        }
    }

    /// A phone can be reached: who is ready whenever it is there is signed on.
    pub(super) fn phone_there(&mut self, now: Now, user: &str) {
        let Some(agent) = self.numbering.agent(user) else { return };
        self.desks.touch(agent);
        self.publish_phones(user);
        let desk = self.desks.get(agent);
        let ready = self.plan.agent_by_extension(user).is_some_and(|agent| agent.ready || desk.signed_on);
        let signed_off = matches!(self.core.agent_state(agent), None | Some(AgentState::SignedOff));
        if !ready || desk.away.is_some() || self.phone_of(user).is_none() {
            return;
        }
        if signed_off {
            self.sign_on(now, agent);
        } else {
            // The phone came back before the call ended that the agent was to be signed off after.
            self.core.agent_login(now.mono, agent, &mut self.core_events);
        }
    }

    /// A phone fell silent in mid-talk. Whoever sits there says by a key that it works again.
    fn phone_lost(&mut self, now: Now, agent: AgentId) {
        self.core.agent_away(now.mono, agent, crate::queue::Away::NoAnswer, &mut self.core_events);
        let extension = self.numbering.extension(agent).to_owned();
        for way in self.phones_of(&extension).into_iter().flat_map(|phone| phone.ways) {
            self.suspect(now, way.key);
        }
    }

    /// A phone that vanished takes no calls: its agent is signed off.
    pub(super) fn phone_gone(&mut self, now: Now, user: &str) {
        let Some(agent) = self.numbering.agent(user) else { return };
        self.desks.touch(agent);
        self.publish_phones(user);
        if self.phone_of(user).is_none() {
            tracing::warn!(agent = user, "the phone is gone");
            // Streams that end with us say nothing of the agents.
            let by_hand = self.plan.agent_by_extension(user).is_none_or(|agent| !agent.ready);
            if !self.draining && by_hand && self.desks.get(agent).signed_on {
                self.desks.set_signed_on(agent, false);
                self.keep_presence(agent);
            }
            self.core.agent_logout(now.mono, agent, &mut self.core_events);
        }
    }
}

fn answer_of(refusal: Refusal) -> Answer {
    let answer = Answer::new(refusal.status);
    match refusal.warning {
        Some(warning) => answer.with("Warning", warning),
        None => answer,
    }
}
