//! Faults strike.

use std::time::Duration;

use super::World;
use crate::exchange::Input;
use crate::sim::agenda::Due;
use crate::sim::caller::Act;
use crate::sim::chance::Chance;
use crate::sim::desk::DeskAct;
use crate::sim::faults::Fault;
use crate::sim::media_model::Outcome;
use crate::sim::network::{Phone, turned};
use crate::sip::Flow;

impl World {
    pub(super) fn strike(&mut self, fault: Fault, outcome: &mut Outcome) {
        let now = self.now.mono;
        *self.report.faults.entry(fault).or_default() += 1;
        match fault {
            Fault::LossBurst => self.network.lose_half_until(now + self.rng.between_ms(1_000, 8_000)),
            Fault::HeavyLoss => self.network.lose_a_fifth_until(now + self.rng.between_ms(10_000, 60_000)),
            Fault::Reordering => self.network.reorder_until(now + self.rng.between_ms(1_000, 8_000)),
            Fault::Partition => self.network.cut_until(now + self.rng.between_ms(10_000, 40_000)),
            Fault::Doubling => self.network.double_until(now + self.rng.between_ms(1_000, 8_000)),
            Fault::CallerVanishes => {
                let present: Vec<u32> = self.trunk.on_the_line().collect();
                if let Some(number) = self.one_of(&present) {
                    let (trunk, mut ctx) = self.callers();
                    trunk.act(&mut ctx, number, Act::Vanish, outcome);
                    self.dead.insert(Phone::Caller(number).ip());
                }
            }
            Fault::DeskVanishes => {
                let desks: Vec<u16> = (0..self.office.len()).collect();
                if let Some(number) = self.one_of(&desks) {
                    let back = now + self.rng.between_ms(60_000, 600_000);
                    self.agenda.add(now, Due::Desk(number, DeskAct::Vanish));
                    self.agenda.add(back, Due::Desk(number, DeskAct::Return));
                }
            }
            Fault::NoAck => self.next_never_acknowledges = true,
            Fault::Late200 => {
                let ring = self.plan.queues().first().map_or(Duration::from_secs(15), |queue| queue.ring);
                let early = self.rng.between_ms(0, 40);
                let desks: Vec<u16> = (0..self.office.len()).collect();
                if let Some(number) = self.one_of(&desks) {
                    self.office.answer_next_after(number, ring.saturating_sub(early));
                }
            }
            Fault::DiskFails => self.disk_fails_until = now + self.rng.between_ms(5_000, 60_000),
            Fault::DesksRefuse(status) => {
                let until = now + self.rng.between_ms(5_000, 30_000);
                self.office.refuse_until(status, until);
            }
            Fault::ClockStep => {
                let step = self.rng.between_ms(1_000, 3_600_000).as_micros() as i64;
                self.clock_error += if self.rng.chance(0.5) { step } else { -step };
                self.advance(now);
            }
            Fault::Reload => {
                std::mem::swap(&mut self.plan, &mut self.next_plan);
                let plan = self.plan.clone();
                self.input(Input::Reload { plan, config: None });
            }
            Fault::StreamCloses => self.close_a_stream(),
            Fault::Attack => {
                let user = self.plan.agents().first().map_or("1001", |agent| &*agent.extension).to_owned();
                for (after, flow, bytes) in self.attacker.begin(&user) {
                    self.agenda.add(now + after, Due::ToHotline(flow, bytes));
                }
            }
        }
    }

    fn close_a_stream(&mut self) {
        let desks = (0..self.office.len())
            .filter_map(|number| Some((Phone::Desk(number), self.office.stream(number)?)));
        let callers = self.trunk.streams().map(|(number, flow)| (Phone::Caller(number), flow));
        let streams: Vec<(Phone, Flow)> = desks.chain(callers).collect();
        let Some((phone, flow)) = self.one_of(&streams) else { return };
        let now = self.now.mono;
        self.closed.insert(flow.connection);
        self.agenda.add(now + Duration::from_millis(1), Due::FlowLost(flow));
        match phone {
            Phone::Caller(_) => self.trunk.endpoint.handle_flow_closed(now, turned(flow)),
            Phone::Desk(number) => {
                self.office.endpoint.handle_flow_closed(now, turned(flow));
                let (office, mut ctx) = self.desks();
                office.stream_lost(&mut ctx, number);
            }
        }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.rng.below(all.len() as u64) as usize).copied()
    }
}
