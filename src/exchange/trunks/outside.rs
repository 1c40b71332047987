//! Calls to the outside: which trunk carries them, and the INVITE on its way through the trunk's targets.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::Trunk;
use super::errands::{Errand, is_not_here};
use crate::base::{AgentId, CallId, Instant, LegId, Masked, Now};
use crate::call::{Event, InviteOutside};
use crate::dialplan::DialEnd;
use crate::exchange::Exchange;
use crate::queue::Seized;
use crate::sip::locate::Target;
use crate::sip::{Flow, Invite, NameAddr, Transport, Uri};

/// A target that has said nothing at all for so long is passed by, where there is another: nobody listens to
/// silence for the 32 s of timer B.
const SILENT: Duration = Duration::from_secs(4);

/// The leg of somebody outside whose telephone may ring.
#[derive(Debug)]
pub(super) struct OutsideLeg {
    pub trunk: String,
    /// As the trunk wants it written.
    number: Masked<String>,
    sdp: Bytes,
    /// Where else to try.
    rest: VecDeque<Target>,
    /// Somebody is there: a provisional response other than 100 came.
    progressed: bool,
    pub silent_at: Option<Instant>,
}

impl Exchange {
    /// A call wants to reach a number of the outside: over which trunk, or why not. `wanted` is the one that the
    /// dialplan names.
    pub(in crate::exchange) fn reach_outside(
        &mut self,
        now: Now,
        number: &str,
        wanted: Option<&str>,
    ) -> Event {
        let named = |trunk: &&Trunk| wanted.is_none_or(|name| trunk.name == name);
        // What the dialplan gives to a trunk is not for the trunk's own patterns to forbid.
        let carries =
            |trunk: &&Trunk| trunk.carries(number) || (wanted.is_some() && trunk.destination().is_some());
        let mut fit: Vec<&Trunk> = self.config.trunks.iter().filter(named).filter(carries).collect();
        fit.sort_by_key(|trunk| (trunk.outbound.rank, &trunk.name));
        let is_free = |trunk: &&&Trunk| {
            let most = trunk.limits.calls;
            self.trunks.is_up(&trunk.name, now.mono) && (most == 0 || self.trunks.calls(&trunk.name) < most)
        };
        match (fit.iter().find(is_free), fit.is_empty()) {
            (Some(trunk), _) => {
                let towards = self.towards_trunk(trunk, self.address_towards(trunk));
                Event::OutsideReached { trunk: trunk.name.clone(), towards }
            }
            (None, none) => {
                self.count_refusal(if none { "no trunk for the number" } else { "no trunk is free" });
                Event::NotSeized { why: DialEnd::Unreachable }
            }
        }
    }

    /// Some trunk carries this number, whether it is free now or not.
    pub(in crate::exchange) fn is_carried(&self, number: &str, wanted: Option<&str>) -> bool {
        self.config.trunks.iter().any(|trunk| match wanted {
            Some(name) => trunk.name == name && trunk.destination().is_some(),
            None => trunk.carries(number),
        })
    }

    /// Sends the INVITE of a leg to the outside.
    pub(in crate::exchange) fn invite_outside(&mut self, now: Now, call: CallId, invite: InviteOutside) {
        let InviteOutside { leg, trunk, number, sdp } = invite;
        let trunks = &mut self.trunks;
        let Some(trunk) = self.config.trunks.iter().find(|of| of.name == trunk) else {
            return self.work.push_back((call, Event::Rejected { leg, status: 503 }));
        };
        if let Err(why) = trunks.admit(now.mono, trunk, leg) {
            self.count_refusal(why);
            return self.work.push_back((call, Event::Rejected { leg, status: 503 }));
        }
        let number = Masked::new(trunk.outbound.rewrite.apply(number.expose()));
        let leg_of = OutsideLeg {
            trunk: trunk.name.clone(),
            number,
            sdp,
            rest: VecDeque::new(),
            progressed: false,
            silent_at: None,
        };
        tracing::info!(trunk = leg_of.trunk, number = %leg_of.number, %leg, "calls the outside");
        self.qualities.named(leg, &leg_of.trunk);
        trunks.outside.insert(leg, leg_of);
        self.run_errand(now, Errand::Call(leg));
    }

    /// The INVITE to one of the trunk's targets.
    pub(super) fn invite_at(&mut self, now: Now, leg: LegId, via: Flow, rest: VecDeque<Target>) {
        let own = self.own_address(&via);
        let Some(outside) = self.trunks.outside.get_mut(&leg) else { return };
        let Some(trunk) = self.config.trunks.iter().find(|of| of.name == outside.trunk) else {
            return self.outside_failed(leg, 503);
        };
        outside.silent_at = (!rest.is_empty()).then(|| now.mono + SILENT);
        outside.rest = rest;
        let caller_id = Some(trunk.outbound.caller_id.as_str()).filter(|number| !number.is_empty());
        let host = trunk.destination().map(|uri| (uri.host().to_string(), uri.port()));
        let to = host.and_then(|(host, port)| Uri::sip_at(Some(outside.number.expose()), &host, port).ok());
        // A carrier that knows us by our registration expects its own domain.
        let from = match &trunk.register {
            Some(register) => {
                let user =
                    caller_id.map(str::to_owned).or(register.address.user().map(|user| user.into_owned()));
                Uri::sip_at(user.as_deref(), &register.address.host().to_string(), None).ok()
            }
            None => Some(Uri::sip(caller_id.or(Some("hotline")), own)),
        };
        let (Some(to), Some(from)) = (to, from) else { return self.outside_failed(leg, 503) };
        let invite = Invite {
            to,
            via,
            from: NameAddr::new(from),
            to_display: None,
            contact_user: Some("hotline".to_owned()),
            sdp: Some(outside.sdp.clone()),
            headers: Vec::new(),
            credentials: trunk.login.clone(),
        };
        let dialog = self.sip.invite(now.mono, invite);
        self.dialogs.insert(dialog, leg);
        self.legs.insert(leg, dialog);
    }

    /// A final refusal of an INVITE to the outside. `true`: another target is tried, and the call need not know.
    pub(in crate::exchange) fn tries_next(
        &mut self,
        now: Now,
        dialog: crate::sip::DialogId,
        status: u16,
    ) -> bool {
        let Some(leg) = self.dialogs.get(&dialog).copied() else { return false };
        let Some(outside) = self.trunks.outside.get_mut(&leg) else { return false };
        if !is_not_here(status) || outside.progressed || outside.rest.is_empty() {
            return false;
        }
        let rest = std::mem::take(&mut outside.rest);
        tracing::info!(trunk = outside.trunk, status, "the trunk's next target is tried");
        self.dialogs.remove(&dialog);
        self.legs.remove(&leg);
        self.attempt(now, Errand::Call(leg), rest);
        true
    }

    /// A provisional response other than 100. `false`: no call to the outside.
    pub(in crate::exchange) fn outside_progressed(&mut self, leg: LegId) -> bool {
        let Some(outside) = self.trunks.outside.get_mut(&leg) else { return false };
        (outside.progressed, outside.silent_at) = (true, None);
        true
    }

    /// The leg has somebody; nothing is tried any more.
    pub(in crate::exchange) fn outside_answered(&mut self, leg: LegId) {
        self.trunks.outside.remove(&leg);
    }

    pub(super) fn outside_failed(&mut self, leg: LegId, status: u16) {
        self.legs.remove(&leg).and_then(|dialog| self.dialogs.remove(&dialog));
        self.trunks.leg_over(leg);
        self.work.push_back((leg.call, Event::Rejected { leg, status }));
    }

    pub(super) fn outside_timeouts(&mut self, now: Now) {
        let due = |leg: &OutsideLeg| leg.silent_at.is_some_and(|at| at <= now.mono);
        let silent: Vec<LegId> =
            self.trunks.outside.iter().filter(|(_, outside)| due(outside)).map(|(leg, _)| *leg).collect();
        for leg in silent {
            let Some(outside) = self.trunks.outside.get_mut(&leg) else { continue };
            outside.silent_at = None;
            let Some(dialog) = self.legs.get(&leg).copied().filter(|dialog| !self.sip.is_heard(*dialog))
            else {
                continue;
            };
            if self.tries_next(now, dialog, 408) {
                // Should it answer after all, it is hung up on inside.
                self.sip.bye(now.mono, dialog, None);
            }
        }
    }

    /// An agent who calls the outside is in a call: no queue rings them.
    pub(in crate::exchange) fn take_desk(&mut self, now: Now, agent: AgentId, call: CallId) {
        // In another call already, the agent knows what they do.
        if self.desks.get(agent).call.is_none()
            && self.core.agent_seize(now.mono, agent, &mut self.core_events) != Seized::Busy
        {
            if self.desks.take(agent, call) {
                self.trunks.desk_taken(call, agent);
            } else {
                // Another exchange's call was quicker.
                self.core.call_ended(now.mono, agent, Some(Duration::ZERO), &mut self.core_events);
            }
        }
    }

    /// The call is over, and the agent free again.
    pub(in crate::exchange) fn leave_desk(&mut self, now: Now, call: CallId) {
        if let Some(agent) = self.trunks.desks.remove(&call) {
            self.release(now, call, agent);
        }
    }

    /// Our address in the session descriptions for a trunk: of the family that its name led to last.
    fn address_towards(&self, trunk: &Trunk) -> IpAddr {
        let known = self.trunks.addresses(&trunk.name).first().copied();
        let known = known.or_else(|| trunk.destination()?.socket_address().map(|address| address.ip()));
        let local =
            known.map_or(self.config.udp, |ip| self.config.local_for(Transport::Udp, SocketAddr::new(ip, 0)));
        self.config.address_for(local.ip())
    }
}
