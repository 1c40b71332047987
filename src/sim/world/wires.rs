//! What leaves the hotline and what leaves a phone, on its way.

use std::time::Duration;

use super::World;
use crate::sim::agenda::Due;
use crate::sim::network::{Phone, turned};
use crate::sim::sabotage::Sabotage;
use crate::sip::Transmit;

impl World {
    pub(super) fn send_from_hotline(&mut self, transmit: Transmit) {
        let Transmit { flow, bytes, .. } = transmit;
        let now = self.now.mono;
        let ip = flow.remote.ip();
        if self.saboteur.is(Sabotage::SwallowByes) && bytes.starts_with(b"BYE ") {
            self.saboteur.strike();
            if *self.deaf_to_byes.get_or_insert(ip) == ip {
                return;
            }
        }
        // A phone cannot be connected to: it stands behind its own router.
        let broken = flow.connection == 0 || self.closed.contains(&flow.connection);
        if flow.transport.is_reliable() && broken {
            self.agenda.add(now + Duration::from_millis(1), Due::FlowLost(flow));
            return;
        }
        for at in self.network.carry(now, flow.transport, ip).into_iter().flatten() {
            self.agenda.add(at, Due::ToPhone(turned(flow), bytes.clone()));
        }
    }

    pub(super) fn send_from_phone(&mut self, transmit: Transmit) {
        let Transmit { mut flow, bytes, .. } = transmit;
        let now = self.now.mono;
        if self.dead.contains(&flow.local.ip()) {
            return;
        }
        if let Some(Phone::Caller(number)) = Phone::at(flow.local.ip())
            && bytes.starts_with(b"ACK ")
            && self.trunk.never_acknowledges(number)
        {
            return;
        }
        if flow.transport.is_reliable() && (flow.connection == 0 || self.closed.contains(&flow.connection)) {
            flow.connection = self.connection;
            self.connection += 1;
        }
        for at in self.network.carry(now, flow.transport, flow.local.ip()).into_iter().flatten() {
            self.agenda.add(at, Due::ToHotline(turned(flow), bytes.clone()));
        }
    }
}
