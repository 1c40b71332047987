//! How each leg is heard: the newest report of those that are open, and a record of each that is closed.

use std::collections::BTreeMap;

use super::{Exchange, Output};
use crate::base::{CallId, LegId};
use crate::media::QualityReport;
use crate::record::{LegQuality, Record};

/// The legs that have media or will have it.
#[derive(Debug, Default)]
pub(super) struct Qualities {
    legs: BTreeMap<LegId, Known>,
}

#[derive(Debug, Default)]
struct Known {
    party: String,
    /// Its last report is still to come.
    open: bool,
    newest: Option<Box<QualityReport>>,
}

impl Qualities {
    /// Whom the leg leads to.
    pub fn named(&mut self, leg: LegId, party: &str) {
        party.clone_into(&mut self.legs.entry(leg).or_default().party);
    }

    pub fn opened(&mut self, leg: LegId) {
        self.legs.entry(leg).or_default().open = true;
    }

    /// It never was open.
    pub fn not_opened(&mut self, leg: LegId) {
        self.legs.remove(&leg);
    }

    /// The call is over: what has no report to come is forgotten.
    pub fn call_over(&mut self, call: CallId) {
        let of_call = LegId { call, index: 0 }..=LegId { call, index: u16::MAX };
        let idle: Vec<LegId> =
            self.legs.range(of_call).filter(|(_, known)| !known.open).map(|(leg, _)| *leg).collect();
        for leg in idle {
            self.legs.remove(&leg);
        }
    }

    /// Each leg of a call that has been reported on, the caller's first.
    pub fn of(&self, call: CallId) -> Vec<LegQuality> {
        let of_call = LegId { call, index: 0 }..=LegId { call, index: u16::MAX };
        let legs = self.legs.range(of_call);
        legs.filter_map(|(leg, known)| Some(figures(*leg, &known.party, known.newest.as_deref()?))).collect()
    }

    /// Without media, and no report of theirs to come.
    pub fn unopened(&self) -> usize {
        self.legs.values().filter(|known| !known.open).count()
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }
}

impl Exchange {
    pub(super) fn quality(&mut self, leg: LegId, report: &QualityReport, last: bool) {
        if !last {
            if let Some(known) = self.qualities.legs.get_mut(&leg) {
                known.newest = Some(Box::new(*report));
            }
            return;
        }
        tracing::info!(%leg, ?report, "audio quality");
        for (why, packets) in
            [("SRTP packets with a wrong tag", report.forged), ("SRTP packets repeated", report.replayed)]
        {
            if packets > 0 {
                *self.refused.entry(why).or_default() += packets;
            }
        }
        let known = self.qualities.legs.remove(&leg).unwrap_or_default();
        // Nothing was agreed on with it: nobody was there.
        if report.codec.is_some() {
            let quality = Box::new(figures(leg, &known.party, report));
            self.output.push_back(Output::Record(Record::Leg { call: leg.call, quality }));
        }
    }
}

fn figures(leg: LegId, party: &str, report: &QualityReport) -> LegQuality {
    let ms = |us: u32| us.saturating_add(500) / 1000;
    LegQuality {
        leg: leg.index,
        party: party.to_owned(),
        codec: report.codec.map(|codec| codec.to_string()).unwrap_or_default(),
        sent: report.packets_sent,
        received: report.packets_received,
        lost: report.packets_lost,
        late: report.late,
        jitter_ms: ms(report.jitter_us),
        round_trip_ms: report.rtt_us.map(ms),
        peer_lost: report.peer_lost,
        peer_jitter_ms: report.peer_jitter_us.map(ms),
        mos_x100: report.mos_x100,
    }
}
