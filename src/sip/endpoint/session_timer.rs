//! Session timers (RFC 4028): who refreshes a session, how often, and when it is given up.

use std::time::Duration;

use crate::base::Instant;
use crate::sip::{Headers, Name, Response};

use super::command::Answer;
use super::config::Config;
use super::core::Core;
use super::deadlines::DialogTimer;
use super::event::DialogId;

/// The session timer as the two sides agreed on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SessionTimer {
    interval: Duration,
    refresher: Refresher,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refresher {
    Us,
    Peer,
}

impl SessionTimer {
    /// What a request that came in asks for and we grant (RFC 4028 §9). `None`: no timer.
    ///
    /// # Errors
    /// 422 where the peer wants an interval that is too short.
    pub fn grant(config: &Config, headers: &Headers) -> Result<Option<SessionTimer>, Answer> {
        let supported = headers.lists(Name::Supported, "timer");
        let asked = headers.seconds(Name::SessionExpires);
        if supported && asked.is_some_and(|interval| interval < config.min_session_expires) {
            let least = config.min_session_expires.as_secs().to_string();
            return Err(Answer::new(422).with("Min-SE", least));
        }
        let least = headers.seconds(Name::MinSe).unwrap_or_default().max(config.min_session_expires);
        let interval = match (asked, config.session_expires) {
            (Some(asked), Some(ours)) => asked.min(ours).max(least),
            (Some(interval), None) | (None, Some(interval)) => interval.max(least),
            (None, None) => return Ok(None),
        };
        let ours = refresher_is(headers, "uas") || !supported;
        Ok(Some(SessionTimer { interval, refresher: if ours { Refresher::Us } else { Refresher::Peer } }))
    }

    /// What a 2xx to our request settled (RFC 4028 §7.2).
    pub fn agreed(headers: &Headers) -> Option<SessionTimer> {
        let interval = headers.seconds(Name::SessionExpires)?;
        let refresher = if refresher_is(headers, "uas") { Refresher::Peer } else { Refresher::Us };
        Some(SessionTimer { interval, refresher })
    }

    /// Into our 2xx.
    pub fn push_granted(&self, response: &mut Response) {
        let refresher = match self.refresher {
            Refresher::Us => "uas",
            Refresher::Peer => {
                // RFC 4028 §9: the refresher has to know that it is.
                response.headers.push(Name::Require, "timer");
                "uac"
            }
        };
        let value = format!("{};refresher={refresher}", self.interval.as_secs());
        response.headers.push(Name::SessionExpires, value);
    }

    /// The peer takes no shorter interval than this (422, RFC 4028 §7.4).
    pub fn lengthen(&mut self, least: Duration) {
        self.interval = self.interval.max(least);
    }

    /// Into a refresh of ours: the roles stay, and a Min-SE that was learnt is carried on.
    pub fn push_refresh(&self, least: Option<Duration>, headers: &mut Headers) {
        if let Some(least) = least {
            headers.push(Name::MinSe, least.as_secs().to_string());
        }
        let refresher = match self.refresher {
            Refresher::Us => "uac",
            Refresher::Peer => "uas",
        };
        headers.push(Name::SessionExpires, format!("{};refresher={refresher}", self.interval.as_secs()));
    }

    /// Starts anew from a refresh. The side that does not refresh hangs up a little before the other gives up
    /// (RFC 4028 §10).
    pub fn arm(&self, core: &mut Core, now: Instant, dialog: DialogId) {
        let margin = Duration::from_secs(32).min(self.interval / 3);
        core.set_dialog_timer(dialog, DialogTimer::SessionExpires, now + (self.interval - margin));
        match self.refresher {
            Refresher::Us => {
                core.set_dialog_timer(dialog, DialogTimer::SessionRefresh, now + self.interval / 2)
            }
            Refresher::Peer => core.clear_dialog_timer(dialog, DialogTimer::SessionRefresh),
        }
    }
}

/// Into our INVITE: what we wish for; who refreshes is left to the peer.
pub(super) fn push_wish(config: &Config, least: Option<Duration>, headers: &mut Headers) {
    let Some(wish) = config.session_expires else { return };
    let least = least.unwrap_or_default().max(config.min_session_expires);
    headers.push(Name::SessionExpires, wish.max(least).as_secs().to_string());
    headers.push(Name::MinSe, least.as_secs().to_string());
}

fn refresher_is(headers: &Headers, who: &str) -> bool {
    let params = headers.params(Name::SessionExpires);
    params
        .and_then(|p| p.text("refresher"))
        .is_some_and(|r| r.as_bytes().eq_ignore_ascii_case(who.as_bytes()))
}
