//! What an agent's phone publishes (RFC 3903) becomes the agent's presence.
//!
//! Precedence: the last word counts, by whatever means it was said (phone, feature code, command). One word is not
//! always undone by another: a phone that publishes "open", or says no more, makes its person ready again only
//! where it was a phone that had made them away. Otherwise a phone that restarts would call somebody out of a meeting
//! that they had announced at the command line.

use super::Exchange;
use super::sign_in::Claim;
use crate::base::{AgentId, AwayReason, Now};
use crate::dialplan::PresenceChange;
use crate::sip::events::compositor::{Accepted, Refused};
use crate::sip::events::presence::{self, Activity, Published};
use crate::sip::{Answer, Flow, Name, Request};

impl Exchange {
    /// A PUBLISH: of the presence of whoever has signed in, and of nobody else.
    pub(super) fn publish(&mut self, now: Now, request: &Request, flow: Flow) -> Answer {
        let (answer, why) = match self.published(now, request, flow) {
            Ok(Accepted { etag, expires }) => {
                return Answer::new(200)
                    .with("SIP-ETag", etag)
                    .with("Expires", expires.as_secs().to_string());
            }
            Err(refused) => refused,
        };
        self.refuse(now, answer.status, why, flow);
        answer
    }

    fn published(
        &mut self,
        now: Now,
        request: &Request,
        flow: Flow,
    ) -> Result<Accepted, (Answer, &'static str)> {
        let user = match self.sign_in.check(now.mono, request, flow.remote.ip()) {
            Claim::Proven(user) => user,
            Claim::Refused(answer, why) => return Err((answer, why)),
        };
        let event = request.headers.text(Name::Event).unwrap_or_default().into_owned();
        let package = event.split(';').next().unwrap_or_default().trim();
        if !package.eq_ignore_ascii_case("presence") {
            return Err((Answer::new(489).with("Allow-Events", "presence"), "unknown event package"));
        }
        let extension = user.expose();
        if request.uri.user().as_deref() != Some(extension.as_str()) {
            return Err((Answer::new(403), "publishes for somebody else"));
        }
        let agent =
            self.numbering.agent(extension).filter(|_| self.plan.agent_by_extension(extension).is_some());
        let Some(agent) = agent else { return Err((Answer::new(404), "publishes and is no agent")) };
        let expiry = self.config.subscriptions.expiry;
        let before = self.lamps.compositor.state(extension).cloned();
        let accepted =
            self.lamps.compositor.publish(now.mono, extension, request, &expiry).map_err(|refused| {
                let answer = Answer::new(refused.status());
                let answer = match refused {
                    Refused::TooBrief { min_expires } => answer.with("Min-Expires", min_expires.to_string()),
                    Refused::WrongKind => answer.with("Accept", presence::KIND),
                    _ => answer,
                };
                (answer, "publication not accepted")
            })?;
        // What is said again, by a refresh or in full, is no new word: it undoes nothing that was said since.
        if self.lamps.compositor.state(extension) != before.as_ref() {
            self.heed(now, agent, extension);
        }
        Ok(accepted)
    }

    pub(super) fn publications_expire(&mut self, now: Now) {
        for extension in self.lamps.compositor.handle_timeout(now.mono) {
            if let Some(agent) = self.numbering.agent(&extension) {
                self.heed(now, agent, &extension);
            }
        }
    }

    /// What holds of the agent by their phones, in force.
    fn heed(&mut self, now: Now, agent: AgentId, extension: &str) {
        let reason = self.lamps.compositor.state(extension).and_then(reason);
        let by_phone = self.desks.get(agent).published;
        match (reason, by_phone) {
            // The same in other words.
            (Some(reason), Some(present)) if present == reason => {}
            (Some(reason), _) => {
                let away = PresenceChange::Away { reason, until: None, delegate: None };
                if self.set_presence(now, agent, away).is_ok() {
                    self.desks.set_published(agent, Some(reason));
                    self.keep_presence(agent);
                }
            }
            (None, Some(_)) => {
                // It is the plan's agent.
                let _ = self.set_presence(now, agent, PresenceChange::Ready);
            }
            (None, None) => {}
        }
    }
}

/// Why somebody is away by what their phone says; `None`: they are there. A call on the phone is no absence: the
/// exchange knows its own calls, and of others a phone says so by itself.
fn reason(published: &Published) -> Option<AwayReason> {
    let named = published.activities.iter().find_map(|activity| match activity {
        Activity::Meeting | Activity::Presentation => Some(AwayReason::Meeting),
        Activity::Appointment => Some(AwayReason::Visitor),
        Activity::Travel | Activity::InTransit => Some(AwayReason::Out),
        Activity::Dinner => Some(AwayReason::Banquet),
        Activity::Holiday | Activity::Vacation | Activity::PermanentAbsence => Some(AwayReason::Leave),
        // "Do not disturb" comes as busy, and says no more than a pause does.
        Activity::Away | Activity::Busy | Activity::Breakfast | Activity::Lunch | Activity::Meal => {
            Some(AwayReason::Break)
        }
        Activity::OnThePhone | Activity::Other | Activity::Unknown | Activity::Working => None,
    });
    named.or((!published.open).then_some(AwayReason::Break))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phones_words_have_their_reasons() {
        let of = |open, activities: &[Activity]| reason(&Published { open, activities: activities.to_vec() });
        assert_eq!(of(true, &[]), None);
        assert_eq!(of(false, &[]), Some(AwayReason::Break));
        assert_eq!(of(true, &[Activity::OnThePhone]), None);
        assert_eq!(of(true, &[Activity::Other, Activity::Meeting]), Some(AwayReason::Meeting));
        assert_eq!(of(false, &[Activity::Unknown]), Some(AwayReason::Break));
    }
}
