//! One contact of one address-of-record.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Instant;
use crate::sip::flow::{Flow, Transport};
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;
use crate::sip::wire::{Text, lexer};

/// The number of a binding: given once, kept while it is refreshed, and over a restart.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BindingId(pub u64);

/// Where a phone can be reached, until when, and over which flow it said so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    pub id: BindingId,
    /// As the phone wrote it: its URI is the Request-URI of what is sent to it.
    pub contact: NameAddr,
    /// Preference in thousandths (RFC 3261 §20.10 `q`); 1000 where the phone said nothing.
    pub q: u16,
    pub expires: Instant,
    /// When it was last registered.
    pub refreshed: Instant,
    pub call_id: Text,
    pub cseq: u32,
    /// What the REGISTER came over. A phone behind an address translator can be reached in no other way (RFC
    /// 5626).
    pub flow: Flow,
    pub user_agent: Option<Text>,
    /// The proxies on the way to it as the values of Route headers, nearest first (RFC 3327).
    pub path: Arc<[String]>,
    /// The phone keeps this flow open and can be reached over it alone (RFC 5626).
    pub outbound: bool,
}

/// A binding as it is kept on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    pub id: BindingId,
    /// The value of the Contact header, without `expires`.
    pub contact: String,
    pub expires: Instant,
    pub refreshed: Instant,
    pub call_id: String,
    pub cseq: u32,
    pub flow: Flow,
    pub user_agent: Option<String>,
    pub path: Vec<String>,
    pub outbound: bool,
}

/// How to send to a binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Over this flow: a datagram to where the REGISTER came from, or a stream that is open.
    Flow(Flow),
    /// The stream has closed; open one to the contact's own address.
    Connect(SocketAddr),
    /// The stream has closed, and the contact's host is a name.
    Resolve,
    /// The stream has closed, and nothing else leads there (RFC 5626 §5.3): the phone opens another one.
    Gone,
}

impl Binding {
    /// `None` where the contact cannot be read again, which only a fault of ours would make so.
    pub(super) fn new(
        contact: NameAddr,
        request: &Request,
        flow: Flow,
        now: Instant,
        life: Duration,
    ) -> Option<Self> {
        let user_agent = request.headers.text(Name::UserAgent).map(std::borrow::Cow::into_owned);
        Binding::made(Kept {
            id: BindingId(0),
            contact: contact.without_param("expires").to_value(),
            expires: now + life,
            refreshed: now,
            call_id: request.call_id.to_str().into_owned(),
            cseq: request.cseq,
            flow,
            user_agent,
            path: Vec::new(),
            outbound: false,
        })
    }

    /// What a restart has left of it: streams are gone.
    pub(super) fn restored(kept: Kept) -> Option<Self> {
        Binding::made(Kept { flow: Flow { connection: 0, ..kept.flow }, ..kept })
    }

    /// In memory of its own: slices of the request would keep all of it, for as long as the phone is bound.
    fn made(kept: Kept) -> Option<Self> {
        let Kept { id, contact, expires, refreshed, call_id, cseq, flow, user_agent, path, outbound } = kept;
        let contact = NameAddr::parse(&contact)?;
        Some(Binding {
            id,
            q: quality(contact.params.get("q")),
            contact,
            expires,
            refreshed,
            call_id: Text::from(call_id),
            cseq,
            flow,
            user_agent: user_agent.map(Text::from),
            path: path.into(),
            outbound,
        })
    }

    /// For the disk.
    pub fn kept(&self) -> Kept {
        Kept {
            id: self.id,
            contact: self.contact.to_value(),
            expires: self.expires,
            refreshed: self.refreshed,
            call_id: self.call_id.to_str().into_owned(),
            cseq: self.cseq,
            flow: self.flow,
            user_agent: self.user_agent.as_ref().map(|agent| agent.to_str().into_owned()),
            path: self.path.to_vec(),
            outbound: self.outbound,
        }
    }

    /// How to reach it now.
    pub fn way(&self) -> Way {
        if !self.flow.transport.is_reliable() || self.flow.connection != 0 {
            return Way::Flow(self.flow);
        }
        // Nobody connects to a browser (RFC 7118 §5), and a flow that was closed leads nowhere (RFC 5626 §5.3).
        if self.outbound || matches!(self.flow.transport, Transport::Ws | Transport::Wss) {
            return Way::Gone;
        }
        self.contact.uri.socket_address().map_or(Way::Resolve, Way::Connect)
    }

    /// The phone that this is a flow of, where it says so (RFC 5626 §4.1).
    pub fn instance(&self) -> Option<&[u8]> {
        self.contact.params.get("+sip.instance")
    }

    /// Whether a REGISTER's contact means this binding: the same URI (RFC 3261 §10.3 step 7), or the same
    /// phone that came back on another port (RFC 5626 §4.1: `+sip.instance` and `reg-id`).
    pub(super) fn is_for(&self, contact: &NameAddr) -> bool {
        let (ours, theirs) = (&self.contact.params, &contact.params);
        let same_instance = ours.get("+sip.instance").is_some_and(|id| {
            theirs.get("+sip.instance") == Some(id) && ours.get("reg-id") == theirs.get("reg-id")
        });
        same_instance || self.contact.uri.matches(&contact.uri)
    }

    /// The Contact value of a 200: seconds rounded up, so that a phone never thinks that it has gone early.
    pub(super) fn contact_value(&self, now: Instant) -> String {
        let left = self.expires.since(now).as_micros().div_ceil(1_000_000);
        self.contact.clone().with_param("expires", &left.to_string()).to_value()
    }
}

/// `0` to `1` with up to three decimals, in thousandths; anything else counts as not said.
fn quality(value: Option<&[u8]>) -> u16 {
    const MOST: u16 = 1000;
    let Some(value) = value else { return MOST };
    let (whole, decimals) = lexer::split(value, b'.').unwrap_or((value, &[]));
    let (Some(whole), true) = (lexer::number(whole), decimals.len() <= 3) else { return MOST };
    let mut thousandths = 0u16;
    for place in 0..3 {
        let digit = decimals.get(place).unwrap_or(&b'0');
        if !digit.is_ascii_digit() {
            return MOST;
        }
        thousandths = thousandths * 10 + u16::from(digit - b'0');
    }
    match whole {
        0 => thousandths,
        _ => MOST,
    }
}

#[cfg(test)]
mod tests {
    use super::quality;

    #[test]
    fn q_values() {
        let q = |text: &str| quality(Some(text.as_bytes()));
        assert_eq!([q("0"), q("0.5"), q("0.123"), q("1"), q("1.000"), q("0.")], [0, 500, 123, 1000, 1000, 0]);
        assert_eq!([q("x"), q("0.x"), q("0.1234"), q(""), q("7"), quality(None)], [1000; 6]);
    }
}
