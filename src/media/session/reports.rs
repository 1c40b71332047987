//! RTCP of one leg, and what both ends' reports say of its quality.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Instant;

use super::super::rtcp::{self, Item, Sent};
use super::super::{Config, QualityReport, quality};
use super::{Session, is_reachable};

/// The state of RTCP.
#[derive(Default)]
pub(super) struct Reports {
    /// Deadline "RTCP report".
    due: Option<Instant>,
    written: u32,
    round_trip: Option<Duration>,
    peer_lost: Option<u32>,
    peer_jitter: Option<Duration>,
}

impl Session {
    /// A datagram came to the RTCP port.
    pub fn accept_rtcp(&mut self, now: Instant, from: SocketAddr, packet: &[u8]) {
        let Some(link) = &mut self.link else { return };
        // A NAT maps the two ports as it likes, but to the same address.
        if from != link.stream.remote_rtcp && from.ip() != link.latch.remote().ip() {
            self.strangers += 1;
            return;
        }
        let (reception, reports, ssrc) = (&mut self.reception, &mut self.reports, self.out.ssrc);
        let clock_rate = self.out.clock_rate();
        let well_formed = rtcp::read(packet, |item| match item {
            Item::Sender { ntp_middle, .. } => reception.note_sender_report(now, ntp_middle),
            Item::Block(block) if block.ssrc == ssrc => reports.note(now, &block, clock_rate),
            Item::Block(_) | Item::Bye => {}
        });
        if well_formed {
            link.rtcp = from;
            self.heard_at = now;
            self.timed_out = false;
        } else {
            self.unusable += 1;
        }
    }

    pub fn report_is_due(&self, now: Instant) -> bool {
        self.reports.due.is_some_and(|due| now >= due)
    }

    /// Appends a report and says where to send it. `bye`: this is the end.
    pub fn write_report(
        &mut self,
        now: Instant,
        config: &Config,
        bye: bool,
        out: &mut Vec<u8>,
    ) -> Option<SocketAddr> {
        let link = self.link.as_ref()?;
        self.reports.schedule(now, config, self.out.ssrc);
        if !is_reachable(link.rtcp) {
            return None;
        }
        let sent = (self.out.packets > 0).then(|| Sent {
            ntp: rtcp::ntp(now),
            timestamp: self.out.clock(now),
            packets: self.out.packets as u32,
            octets: self.out.octets as u32,
        });
        let start = out.len();
        rtcp::write(out, self.out.ssrc, sent, self.reception.report(now), bye);
        let sealed = self.srtp.as_deref_mut().is_none_or(|srtp| srtp.seal_rtcp(out, start));
        sealed.then_some(link.rtcp)
    }

    pub fn quality(&self) -> QualityReport {
        let totals = self.reception.totals();
        let jitter = self.reception.jitter();
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let expected = totals.received + totals.lost;
        let late = self.late + self.ear.as_ref().map_or(0, |ear| ear.too_late());
        let buffer = self.ear.as_ref().map(|ear| ear.delay());
        let codec = self.stream().map(|stream| stream.codec);
        let mos_x100 = match (totals.received, codec) {
            (0, _) | (_, None) => 0,
            (_, Some(codec)) => {
                let lost = (totals.lost + late) as f64 / expected as f64;
                let round_trip = self.reports.round_trip.unwrap_or_default();
                quality::mos_x100(codec, lost, quality::delay(round_trip, buffer, jitter))
            }
        };
        QualityReport {
            codec,
            packets_sent: self.out.packets,
            octets_sent: self.out.octets,
            packets_received: totals.received,
            packets_lost: totals.lost,
            duplicates: totals.duplicates,
            translated: self.translated,
            late,
            buffer_us: buffer.map(micros),
            strangers: self.strangers,
            unusable: self.unusable,
            forged: self.forged,
            replayed: self.replayed,
            jitter_us: micros(jitter),
            rtt_us: self.reports.round_trip.map(micros),
            peer_lost: self.reports.peer_lost,
            peer_jitter_us: self.reports.peer_jitter.map(micros),
            mos_x100,
        }
    }
}

impl Reports {
    /// The next in half to one and a half times the interval (RFC 3550 §6.3.5), so that legs that began together
    /// do not report together.
    pub(super) fn schedule(&mut self, now: Instant, config: &Config, ssrc: u32) {
        self.written = self.written.wrapping_add(1);
        // Spread by the SSRC, which is random; nobody gains by guessing it.
        let mixed = (u64::from(ssrc) << 32 | u64::from(self.written)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let interval = u64::from(config.rtcp_interval_ms) * 1000;
        let spread = ((mixed >> 32) * interval) >> 32;
        self.due = Some(now + Duration::from_micros(interval / 2 + spread));
    }

    /// The peer reports on our stream (RFC 3550 §6.4.1, figure 2).
    fn note(&mut self, now: Instant, block: &rtcp::Block, clock_rate: u32) {
        self.peer_lost = Some(u32::try_from(block.lost).unwrap_or(0));
        self.peer_jitter =
            Some(Duration::from_micros(u64::from(block.jitter) * 1_000_000 / u64::from(clock_rate)));
        if block.last_report != 0 {
            let middle = rtcp::ntp_middle(rtcp::ntp(now));
            let units = middle.wrapping_sub(block.last_report).wrapping_sub(block.delay);
            // A minute is no round trip but a peer's mistake.
            if units < 60 << 16 {
                self.round_trip = Some(Duration::from_micros((u64::from(units) * 1_000_000) >> 16));
            }
        }
    }
}
