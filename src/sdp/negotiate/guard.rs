//! Which of a description's streams is taken, and what protects it.

use super::super::crypto::{Line, Protection};
use super::super::session::{Attribute, Media, Session};
use super::super::web;
use super::{Choice, Local, Refused, is_audio};
use crate::base::srtp::Keys;

/// How a stream is protected.
pub(super) enum Guard<'a> {
    Nothing,
    /// By a key in the description (SDES).
    Line(Line<'a>),
    /// By a handshake.
    Web(Box<web::Agreed>),
}

impl Guard<'_> {
    pub fn is_web(&self) -> bool {
        matches!(self, Guard::Web(_))
    }

    pub fn keys(&self, local: &Local<'_>) -> Option<Keys> {
        match self {
            Guard::Line(line) => line.keys(local.protection?.keys),
            Guard::Nothing | Guard::Web(_) => None,
        }
    }

    /// What our answer says of it in its stream.
    pub fn answer(&self, local: &Local<'_>, keys: Option<&Keys>) -> Vec<Attribute> {
        match (self, local.web) {
            (Guard::Line(line), _) => keys.map(|keys| line.answer(&keys.ours)).into_iter().collect(),
            (Guard::Web(peer), Some(ours)) => peer.answer(&ours, local.address, local.rtp_port),
            (Guard::Nothing, _) | (Guard::Web(_), None) => Vec::new(),
        }
    }

    /// And before the first stream.
    pub fn of_session(&self, offer: &Session) -> Vec<Attribute> {
        match self {
            Guard::Web(peer) => web::of_session(web::bundled(offer, peer)),
            Guard::Nothing | Guard::Line(_) => Vec::new(),
        }
    }

    pub fn web(self) -> Option<Box<web::Agreed>> {
        match self {
            Guard::Web(peer) => Some(peer),
            Guard::Nothing | Guard::Line(_) => None,
        }
    }
}

/// RTP in the clear, or encrypted where keys are given ("best effort"). AVPF differs only in when RTCP feedback may be
/// sent, and we send none.
fn is_plain(media: &Media) -> bool {
    ["RTP/AVP", "RTP/AVPF"].iter().any(|plain| plain.eq_ignore_ascii_case(&media.protocol))
}

/// RFC 3711 §12, RFC 5124.
fn is_secure(media: &Media) -> bool {
    ["RTP/SAVP", "RTP/SAVPF"].iter().any(|secure| secure.eq_ignore_ascii_case(&media.protocol))
}

pub(super) fn is_rtp(media: &Media) -> bool {
    is_plain(media) || is_secure(media) || web::is_web(media)
}

/// The stream that is taken and what protects it: a browser's where we may, else the first with keys where we may, else
/// the first in the clear where we may.
pub(super) fn usable_stream<'a>(
    session: &'a Session,
    local: &Local<'_>,
    choice: Choice,
) -> Result<(usize, &'a Media, Guard<'a>), Refused> {
    let live = || session.media.iter().enumerate().filter(|(_, media)| is_audio(media) && media.port != 0);
    let (_, first) = live().next().ok_or(Refused::NoAudio)?;
    if let Some(web) = local.web {
        match live().find(|(_, media)| web::is_web(media)) {
            // Whoever answers takes what was offered.
            Some((at, media)) if web.only || choice == Choice::Ours => {
                let peer = web::Agreed::read(session, media, &web).ok_or(Refused::NoHandshake)?;
                return Ok((at, media, Guard::Web(Box::new(peer))));
            }
            _ if web.only => return Err(Refused::InTheClear),
            _ => {}
        }
    }
    let rtp = || live().filter(|(_, media)| is_rtp(media));
    let encrypted = || rtp().find_map(|(at, media)| Some((at, media, Guard::Line(Line::first_of(media)?))));
    if let Some(found) = local.protection.and_then(|_| encrypted()) {
        return Ok(found);
    }
    let plain = rtp().find(|(_, media)| is_plain(media));
    match (plain, local.protection) {
        (Some(_), Some(Protection { mandatory: true, .. })) => Err(Refused::InTheClear),
        (Some((at, media)), _) => Ok((at, media, Guard::Nothing)),
        (None, Some(_)) if live().any(|(_, media)| is_secure(media)) => Err(Refused::NoSuite),
        (None, _) => Err(Refused::Transport(first.protocol.clone())),
    }
}
