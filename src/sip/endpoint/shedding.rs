//! Refusing new calls at the least cost: a stateless UAS (RFC 3261 §8.2.7).
//!
//! A refusal by a transaction would be kept for 32 s and repeated until its ACK comes; this one is forgotten at once. A
//! repeated INVITE gets the same answer again, with the same tag, since that is computed from the request; the ACK
//! matches nothing and is dropped.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::sip::belonging::marked;
use crate::sip::{Flow, Method, Name, Request, Text};

use super::core::Core;
use super::servers::reply_flow;

/// Callers who were refused together come back spread over this time, in seconds.
const RETRY_AFTER_S: (u64, u64) = (5, 15);

impl Core {
    /// Answers 503 where the request is a new call and none is wanted. False: nothing was done.
    pub fn shed(&mut self, flow: Flow, request: &Request) -> bool {
        if !self.refuses_new_calls || request.method != Method::Invite || request.to.tag().is_some() {
            return false;
        }
        self.stats.shed += 1;
        let mut response = request.response(503);
        let mut hasher = DefaultHasher::new();
        (self.shed_seed, request.call_id.as_bytes(), request.cseq).hash(&mut hasher);
        let tag = marked(self.config.number, format!("{:016x}", hasher.finish()));
        response.to.set_tag(&Text::from(tag));
        let (least, most) = RETRY_AFTER_S;
        response.headers.remove(Name::Timestamp);
        response.headers.push(Name::RetryAfter, (least + self.rng.below(most - least + 1)).to_string());
        if let Some(agent) = &self.config.user_agent {
            response.headers.set(Name::Server, agent.clone());
        }
        self.transmit(reply_flow(flow, request), response.encode());
        true
    }
}
