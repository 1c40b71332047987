//! Asks phones that say nothing for a sign of life: OPTIONS (RFC 3261 §11), the same that a phone sends to ask us.
//!
//! An agent whose phone has gone silent is not offered callers; the first word of the phone, an answer or any
//! message of its own, brings them back.

use super::Exchange;
use super::directory::Key;
use super::probes::Due;
use crate::base::Now;
use crate::sip::{Flow, Method, NameAddr, OutOfDialog, RequestId, Uri};

/// What stands for an answer that never came (RFC 3261 §8.1.3.1): 408 for a time-out, and for what could not be sent
/// 503 with this phrase, which nobody else's 503 has.
const UNREACHABLE: &str = "unreachable";

impl Exchange {
    /// Asks whom it is time to ask, and signs off whose phone said nothing for too long.
    pub(super) fn ask_for_life(&mut self, now: Now) {
        for due in self.directory.due(now.mono) {
            match due {
                Due::Ask(key) => self.ask(now, key),
                Due::Down(key) => {
                    self.count("phones that fell silent");
                    if let Some(user) = self.owner_of(&key) {
                        tracing::warn!(user, "the phone does not answer");
                        self.phone_gone(now, &user);
                    }
                }
            }
        }
    }

    fn ask(&mut self, now: Now, key: Key) {
        // A flow that is closed is no way, and needs no question.
        let Some(target) = self.probe_target(&key) else { return };
        let host = self.config.advertised.unwrap_or(target.via.local.ip());
        let host = std::net::SocketAddr::new(host, target.via.local.port());
        let from = NameAddr::new(Uri::sip(Some("hotline"), host));
        let options = OutOfDialog::new(Method::Options, target.uri, target.via, from);
        let options = target.route.into_iter().fold(options, |options, hop| options.with("Route", hop));
        let request = self.sip.request(now.mono, options);
        self.directory.asking(request, key);
    }

    /// The answer to an OPTIONS of ours. Whatever it says, who says it is there.
    pub(super) fn life_answered(&mut self, now: Now, request: RequestId, status: u16, reason: &str) {
        let Some(key) = self.directory.take_asked(request) else { return };
        match status {
            408 => {}
            503 if reason == UNREACHABLE => self.directory.unsent(now.mono, &key),
            _ if self.directory.heard(now.mono, &key) => {
                if let Some(user) = self.owner_of(&key) {
                    self.back_again(now, &user);
                }
            }
            _ => {}
        }
    }

    /// Something came over this flow.
    pub(super) fn heard_over(&mut self, now: Now, flow: Flow) {
        if let Some(user) = self.directory.heard_from(now.mono, flow.remote) {
            self.back_again(now, &user);
        }
    }

    fn back_again(&mut self, now: Now, user: &str) {
        tracing::info!(user, "the phone answers again");
        self.phone_there(now, user);
    }
}
