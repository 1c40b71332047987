//! A phone's end of one call: its dialog and its session description.

use bytes::Bytes;

use super::network::Phone;
use super::trunk::Described;
use crate::base::{Codec, Instant};
use crate::sdp::{self, Direction, Local};
use crate::sip::{Answer, DialogId, Flow};

pub(super) struct Line {
    pub dialog: Option<DialogId>,
    /// The answer, ready for when somebody picks up.
    pub described: Option<Bytes>,
    /// What it runs over.
    pub flow: Flow,
    pub began: Instant,
    phone: Phone,
    session: u64,
    version: u64,
    direction: Direction,
}

/// Where every phone receives audio; its address tells whose it is.
const RTP_PORT: u16 = 4000;

impl Line {
    pub(super) fn new(now: Instant, phone: Phone, flow: Flow, session: u64) -> Self {
        Line {
            dialog: None,
            described: None,
            flow,
            began: now,
            phone,
            session,
            version: 0,
            direction: Direction::SendRecv,
        }
    }

    pub(super) fn offer(&mut self) -> Bytes {
        self.version += 1;
        Bytes::from(sdp::offer(&self.local()))
    }

    /// A new offer that puts the other side on hold (RFC 3264 §8.4), or takes it back.
    pub(super) fn reoffer(&mut self, hold: bool) -> Bytes {
        self.direction = if hold { Direction::SendOnly } else { Direction::SendRecv };
        self.offer()
    }

    /// The answer to an offer, or an offer where the other side asks for one.
    pub(super) fn answer(&mut self, offer: Option<Bytes>) -> Described {
        let Some(offer) = offer else { return Ok(self.offer()) };
        self.version += 1;
        let parsed = sdp::parse(&offer).map_err(|_| Answer::new(488))?;
        let (text, _) =
            sdp::answer(&parsed, &self.local()).map_err(|refused| Answer::new(refused.status()))?;
        Ok(Bytes::from(text))
    }

    fn local(&self) -> Local<'_> {
        Local {
            address: self.phone.ip(),
            rtp_port: RTP_PORT,
            codecs: &Codec::G711,
            session_id: self.session,
            version: self.version,
            direction: self.direction,
            events: true,
            protection: None,
            web: None,
        }
    }
}
