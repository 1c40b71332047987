//! How legs are heard: live in the list of calls, and in a record each when they are over.

use super::*;
use crate::base::Codec;
use crate::media::{Event, QualityReport};
use crate::record::LegQuality;

fn report(received: u64) -> QualityReport {
    QualityReport {
        codec: Some(Codec::Pcma),
        packets_received: received,
        packets_lost: 5,
        jitter_us: 2_600,
        rtt_us: Some(41_400),
        mos_x100: 431,
        ..QualityReport::default()
    }
}

impl Bench {
    fn quality(&mut self, index: u16, report: QualityReport, last: bool) {
        let call = self.exchange.calls.keys().next().copied().unwrap_or(CallId(1));
        self.input(Input::Media(Event::Quality { leg: LegId { call, index }, report, last }));
    }

    fn calls(&mut self) -> Vec<CallLine> {
        self.input(Input::Command { id: 7, command: Command::Calls });
        let reply = self.outputs.iter().rev().find_map(|output| match output {
            Output::Reply { reply: Reply::Calls(calls), .. } => Some(calls.clone()),
            _ => None,
        });
        reply.expect("a list")
    }

    fn told(&self) -> Vec<(CallId, LegQuality)> {
        let told = self.outputs.iter().filter_map(|output| match output {
            Output::Record(Record::Leg { call, quality }) => Some((*call, (**quality).clone())),
            _ => None,
        });
        told.collect()
    }
}

#[test]
fn a_running_call_shows_the_newest_report_of_each_leg_and_each_leaves_a_record() {
    let (mut bench, dialog) = Bench::talking();
    assert_eq!(bench.calls()[0].legs, []);
    bench.quality(0, report(100), false);
    bench.quality(0, report(350), false);
    bench.quality(1, report(300), false);
    let legs = bench.calls()[0].legs.clone();
    let parties: Vec<_> = legs.iter().map(|leg| (leg.leg, leg.party.as_str(), leg.received)).collect();
    assert_eq!(parties, [(0, "loopback", 350), (1, "1001", 300)]);
    let LegQuality { codec, lost, jitter_ms, round_trip_ms, mos_x100, .. } = &legs[0];
    assert_eq!((codec.as_str(), *lost, *jitter_ms, *round_trip_ms, *mos_x100), ("PCMA", 5, 3, Some(41), 431));
    assert_eq!(bench.told(), []);

    bench.quality(1, report(310), true);
    assert_eq!(bench.calls()[0].legs.len(), 1, "the agent's leg is over");
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    let call = bench.told()[0].0;
    bench.input(Input::Media(Event::Quality {
        leg: LegId { call, index: 0 },
        report: report(400),
        last: true,
    }));
    let told = bench.told();
    let told: Vec<_> = told.iter().map(|(_, leg)| (leg.party.as_str(), leg.received)).collect();
    assert_eq!(told, [("1001", 310), ("loopback", 400)]);
    assert!(bench.exchange.qualities.is_empty());
}

#[test]
fn what_never_had_media_leaves_nothing() {
    let mut bench = Bench::new();
    bench.dial("100", Some(Bytes::from_static(b"nonsense")));
    assert_eq!(bench.exchange.calls(), 0);
    let opened: Vec<LegId> = bench
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Media { command: media::Command::Open { leg, .. }, .. } => Some(*leg),
            _ => None,
        })
        .collect();
    for leg in opened {
        let report = QualityReport::default();
        bench.input(Input::Media(Event::Quality { leg, report, last: true }));
    }
    assert!(bench.exchange.qualities.is_empty());
    assert_eq!(bench.told(), []);
}
