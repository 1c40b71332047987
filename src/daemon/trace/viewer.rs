//! What of the messages somebody wants to see, and what of each they may.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::base::{CallId, Masked};
use crate::report::traced::{self, Gist, Traced};
use crate::sip::{self, Message, Uri};

use super::{Calls, Leg, Seen};

/// Which messages.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    All,
    /// By the hotline's number where it is one, or by any of its dialogs' Call-ID.
    Call {
        call: Option<CallId>,
        call_id: String,
    },
    /// Of calls, registrations and all else from or to this number.
    Number(Masked<String>),
}

/// How much of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Line,
    Masked,
    Whole,
}

/// Reads messages in their order.
pub struct Viewer {
    wanted: Wanted,
    detail: Detail,
    calls: Calls,
    /// Dialogs and calls that the number was seen in.
    dialogs: BTreeSet<String>,
    of_number: BTreeSet<CallId>,
    /// What was seen lately, by its hash.
    before: VecDeque<u64>,
}

/// Messages among which a repetition is recognised: retransmissions come within 32 s.
const LATELY: usize = 2000;
/// Dialogs of one number that are remembered while somebody follows it for days.
const DIALOGS: usize = 10_000;
/// Fewer digits than these are an extension: it is no other number's end.
const NATIONAL: usize = 7;

impl Viewer {
    pub fn new(wanted: Wanted, detail: Detail, calls: Calls) -> Viewer {
        let (dialogs, of_number, before) = (BTreeSet::new(), BTreeSet::new(), VecDeque::new());
        Viewer { wanted, detail, calls, dialogs, of_number, before }
    }

    pub fn leg(&mut self, leg: Leg) {
        if self.dialogs.contains(&leg.call_id) {
            self.of_number.insert(leg.call);
        }
        self.calls.learn(leg);
    }

    /// Before anything of a past is viewed: a call is also that of a number which only its later messages name.
    pub fn learn(&mut self, seen: &Seen) {
        if matches!(self.wanted, Wanted::Number(_))
            && let Ok(message) = traced::parse(seen.bytes.clone())
        {
            self.is_wanted(&message, &Gist::of(&message).call_id.to_str());
        }
    }

    /// `None` where it is not wanted.
    pub fn view(&mut self, seen: &Seen) -> Option<Traced> {
        let again = self.is_again(seen);
        let gist = match traced::parse(seen.bytes.clone()) {
            Ok(message) => {
                let gist = Gist::of(&message);
                self.is_wanted(&message, &gist.call_id.to_str()).then_some(Some(gist))?
            }
            Err(_) if self.wanted == Wanted::All => None,
            Err(_) => return None,
        };
        let call_id = gist.as_ref().map(|gist| gist.call_id.to_str().into_owned()).unwrap_or_default();
        Some(Traced {
            at: seen.at,
            sent: seen.sent,
            transport: traced::transport(seen.flow.transport),
            peer: seen.flow.remote,
            party: self.calls.party(&call_id).map(str::to_owned),
            call: self.calls.call(&call_id),
            what: gist.as_ref().map_or_else(|| traced::not_sip(&seen.bytes), Gist::to_string),
            status: gist.as_ref().and_then(|gist| gist.status),
            sdp: gist.and_then(|gist| gist.sdp).map(|session| session.to_string()),
            again: again && !seen.bytes.is_empty(),
            detail: match self.detail {
                Detail::Line => None,
                Detail::Masked => Some(sip::masked(&seen.bytes)),
                Detail::Whole => Some(sip::unmasked(&seen.bytes)),
            },
        })
    }

    fn is_wanted(&mut self, message: &Message, call_id: &str) -> bool {
        let known = self.calls.call(call_id);
        match &self.wanted {
            Wanted::All => true,
            Wanted::Call { call, call_id: text } => {
                call_id == text || known.is_some() && (known == *call || known == self.calls.call(text))
            }
            Wanted::Number(number) => {
                if names(message, number) {
                    if self.dialogs.len() >= DIALOGS {
                        self.dialogs.clear();
                    }
                    self.dialogs.insert(call_id.to_owned());
                    self.of_number.extend(known);
                    return true;
                }
                self.dialogs.contains(call_id) || known.is_some_and(|call| self.of_number.contains(&call))
            }
        }
    }

    fn is_again(&mut self, seen: &Seen) -> bool {
        let mut hasher = DefaultHasher::new();
        (seen.sent, seen.flow.remote, &seen.bytes).hash(&mut hasher);
        let hash = hasher.finish();
        let again = self.before.contains(&hash);
        if !again {
            self.before.push_back(hash);
        }
        if self.before.len() > LATELY {
            self.before.pop_front();
        }
        again
    }
}

/// Whether the number is the user of From, To or the Request-URI. Compared here, so that it never leaves.
fn names(message: &Message, number: &Masked<String>) -> bool {
    let is = |uri: &Uri| uri.dialled().is_some_and(|user| is_same(&user, number.expose()));
    match message {
        Message::Request(request) => is(&request.uri) || is(&request.from.uri) || is(&request.to.uri),
        Message::Response(response) => is(&response.from.uri) || is(&response.to.uri),
    }
}

/// With or without the country's prefix, and whatever separates the digits.
fn is_same(user: &str, number: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (one, other) = (digits(user), digits(number));
    if one.is_empty() || other.is_empty() {
        return user == number;
    }
    let shorter = one.len().min(other.len());
    one == other || shorter >= NATIONAL && (one.ends_with(&other) || other.ends_with(&one))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::Wall;
    use crate::sip::{Flow, Transport};

    fn seen(call_id: &str, from: &str, to: &str) -> Seen {
        let address = ([192, 0, 2, 1], 5060).into();
        let flow = Flow { transport: Transport::Udp, local: address, remote: address, connection: 0 };
        let text = format!(
            "BYE sip:{to}@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{call_id}\r\nFrom: <sip:{from}@h>;tag=1\r\n\
             To: <sip:{to}@h>;tag=2\r\nCall-ID: {call_id}\r\nCSeq: 2 BYE\r\n\r\n"
        );
        Seen { at: Wall::default(), sent: false, flow, bytes: text.into() }
    }

    fn leg(call_id: &str, call: u64, party: &str) -> Leg {
        Leg { call_id: call_id.to_owned(), call: CallId(call), party: party.to_owned() }
    }

    fn messages() -> [Seen; 4] {
        [
            seen("a", "+8613800138000", "95588"),
            seen("b", "hotline", "1001"),
            seen("c", "13900139000", "95588"),
            seen("d", "1001", "95588"),
        ]
    }

    /// The Call-IDs of what is shown; c12 is the call of `a` and `b`.
    fn shown(wanted: Wanted) -> Vec<usize> {
        let mut calls = Calls::new(10);
        calls.learn(leg("a", 12, "office"));
        calls.learn(leg("b", 12, "1001"));
        calls.learn(leg("c", 13, "office"));
        let mut viewer = Viewer::new(wanted, Detail::Line, calls);
        messages().iter().for_each(|seen| viewer.learn(seen));
        let all = messages();
        all.iter().enumerate().filter(|(_, seen)| viewer.view(seen).is_some()).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_call_is_both_its_legs_by_whichever_name() {
        let call = |call, text: &str| shown(Wanted::Call { call, call_id: text.to_owned() });
        assert_eq!(call(Some(CallId(12)), "c12"), [0, 1]);
        assert_eq!(call(None, "b"), [0, 1]);
        assert_eq!(call(None, "d"), [3]);
        assert!(call(Some(CallId(99)), "99").is_empty());
    }

    #[test]
    fn a_number_is_found_with_its_call_and_an_extension_is_no_ones_end() {
        let number = |text: &str| shown(Wanted::Number(text.into()));
        assert_eq!(number("138 0013 8000"), [0, 1]);
        assert_eq!(number("1001"), [0, 1, 3]);
        assert!(number("8000").is_empty() && number("").is_empty());
    }

    #[test]
    fn a_repetition_is_marked_and_nothing_of_the_number_is_shown() {
        let mut viewer = Viewer::new(Wanted::All, Detail::Masked, Calls::new(10));
        viewer.leg(leg("a", 12, "office"));
        let message = &messages()[0];
        let (first, second) = (viewer.view(message).unwrap(), viewer.view(message).unwrap());
        assert!(!first.again && second.again);
        assert_eq!(
            (first.call, first.party.as_deref(), first.what.as_str()),
            (Some(CallId(12)), Some("office"), "BYE 2")
        );
        assert!(!format!("{first:?}").contains("138001"), "{first:?}");
        let broken = Seen { bytes: Bytes::from_static(b"13800138000"), ..message.clone() };
        let broken = viewer.view(&broken).unwrap();
        assert_eq!(
            (broken.what.as_str(), broken.detail.as_deref()),
            ("malformed, 11 octets", Some("(11 octets)\n\n"))
        );
        let mut whole = Viewer::new(Wanted::All, Detail::Whole, Calls::new(10));
        assert!(whole.view(message).unwrap().detail.unwrap().contains("+8613800138000"));
    }
}
