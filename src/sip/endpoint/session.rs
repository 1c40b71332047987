//! A dialog's life as seen from here: each stage owns only what is legal in it, and moving on consumes it.

use crate::base::Instant;
use crate::sip::dialog::Dialog;
use crate::sip::{Flow, Request, Text};

use super::client_invite::Calling;
use super::command::Answer;
use super::core::Core;
use super::event::DialogId;
use super::leaving::Leaving;
use super::server_invite::Ringing;
use super::usage::Usage;

/// ```text
///   peer's INVITE  +---------+ accept                       our BYE
///   -------------->| Ringing |--------+       +---------+ no ACK, 481 …  +---------+
///                  +---------+        +------>| Talking |--------------->| Leaving |
///                    | reject, CANCEL |       +---------+                +---------+
///   our INVITE     +---------+ 2xx    |            |  peer's BYE              | BYE answered,
///   -------------->| Calling |--------+            v                          v timer F
///                  +---------+----- cancelled: 2xx, ACK, BYE ------------> Leaving
///                    | 300-699, timer B
///                    v
/// ```
pub(super) enum Session {
    /// The peer's INVITE awaits the host's answer.
    Ringing(Box<Ringing>),
    /// Our INVITE awaits the peer's.
    Calling(Box<Calling>),
    /// Established (RFC 3261 §12: confirmed).
    Talking(Box<Usage>),
    /// Our BYE awaits its answer; a BYE that crosses it gets 200 and not 481.
    Leaving(Box<Leaving>),
}

impl Session {
    pub fn id(&self) -> DialogId {
        match self {
            Session::Ringing(ringing) => ringing.id(),
            Session::Calling(calling) => calling.id(),
            Session::Talking(talking) => talking.id(),
            Session::Leaving(leaving) => leaving.id(),
        }
    }

    /// Our tag.
    pub fn tag(&self) -> &Text {
        match self {
            Session::Ringing(ringing) => ringing.tag(),
            Session::Calling(calling) => calling.tag(),
            Session::Talking(talking) => talking.tag(),
            Session::Leaving(leaving) => leaving.tag(),
        }
    }

    /// The dialogs of this session: one, but for an INVITE of ours, which has as many early ones as it has found
    /// phones that ring.
    pub fn dialogs(&self) -> impl Iterator<Item = &Dialog> {
        let (one, early) = match self {
            Session::Ringing(ringing) => (Some(ringing.dialog()), None),
            Session::Calling(calling) => (None, Some(calling.early_dialogs())),
            Session::Talking(talking) => (Some(talking.dialog()), None),
            Session::Leaving(leaving) => (Some(leaving.dialog()), None),
        };
        one.into_iter().chain(early.into_iter().flatten())
    }

    /// Whether a peer's request, found by our tag, belongs to one of them.
    pub fn owns(&self, request: &Request) -> bool {
        self.dialogs().any(|dialog| dialog.owns(request))
    }

    /// The connection that an established dialog hangs on.
    pub fn connection(&self) -> Option<Flow> {
        match self {
            Session::Talking(talking) => {
                Some(talking.dialog().flow()).filter(|flow| flow.transport.is_reliable())
            }
            _ => None,
        }
    }

    /// The host's word: no more of this call, whatever its state.
    pub fn hang_up(self, core: &mut Core, now: Instant, reason: Option<String>) -> Option<Session> {
        match self {
            Session::Ringing(ringing) => {
                let mut answer = Answer::new(480);
                answer.headers.extend(reason.map(|reason| ("Reason".to_owned(), reason)));
                ringing.reject(core, now, answer);
                None
            }
            Session::Calling(mut calling) => {
                calling.silence();
                Some(calling.cancel(core, now, reason))
            }
            Session::Talking(talking) => Some(talking.hang_up(core, now, reason)),
            leaving @ Session::Leaving(_) => Some(leaving),
        }
    }
}
