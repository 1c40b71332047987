//! Callers who have yet to say who they are: refused and challenged once, and forgotten (RFC 3261 §26.3.2.4).
//!
//! A refusal that is repeated until its ACK comes goes eleven times to whatever address a datagram was forged with,
//! and is remembered for 32 s each time. A stranger's needs neither: the INVITE of a caller who did not hear it comes
//! again by itself, as long as no 100 has told the caller to wait.

use crate::base::Instant;

use super::Endpoint;
use super::event::DialogId;
use super::session::Session;

impl Endpoint {
    /// Whether INVITEs outside a dialog are strangers' from now on. There is no 100 for them but by
    /// [`trying`](Self::trying), and until then nothing is kept of one that is refused.
    pub fn expect_strangers(&mut self, expect: bool) {
        self.core.expects_strangers = expect;
    }

    /// It is known who calls: 100, where it has not been sent, and everything that follows in earnest.
    pub fn trying(&mut self, now: Instant, dialog: DialogId) {
        if let Some(Session::Ringing(ringing)) = self.sessions.get(&dialog) {
            let transaction = ringing.transaction();
            if self.core.is_strangers_no_more(transaction) {
                self.core.respond(now, transaction, 100);
            }
        }
    }
}
