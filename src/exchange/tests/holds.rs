//! Hold in all its forms, by either side, by both, and what is none.

use super::*;

/// Who hears music now: the caller (leg 0), the agent (leg 1).
fn hear_music(outputs: &[Output]) -> [bool; 2] {
    let mut music = [false; 2];
    for output in outputs {
        let (leg, plays) = match output {
            Output::Play { leg, repeat: true, .. } => (leg, true),
            Output::Media { command: media::Command::Stop { leg }, .. } => (leg, false),
            _ => continue,
        };
        if let Some(place) = music.get_mut(usize::from(leg.index)) {
            *place = plays;
        }
    }
    music
}

impl Bench {
    fn offers(&mut self, by_agent: bool, lines: &str) {
        // Attributes after the last line of SDP belong to the stream; a second `c=` there is the stream's own.
        let sdp = Bytes::from(format!("{SDP}{lines}"));
        match (by_agent, self.agent_dialog) {
            (true, Some(dialog)) => self.agent.endpoint.reoffer(self.now.mono, dialog, sdp),
            _ => {
                let dialog = self.caller_dialog();
                self.caller.endpoint.reoffer(self.now.mono, dialog, sdp);
            }
        }
        self.settle();
        self.exchange.check_invariants();
    }

    fn caller_dialog(&self) -> sip::DialogId {
        self.callers_own.expect("a caller who talks")
    }

    fn stage(&self) -> StageKind {
        self.exchange.calls.values().map(Call::stage).next().expect("a call")
    }
}

fn talking() -> Bench {
    let (mut bench, dialog) = Bench::talking();
    bench.callers_own = Some(dialog);
    bench
}

const HOLDS: [&str; 5] = [
    "a=sendonly\r\n",
    "a=inactive\r\n",
    "c=IN IP4 0.0.0.0\r\n",
    "c=IN IP4 0.0.0.0\r\na=inactive\r\n",
    "c=IN IP4 0.0.0.0\r\na=recvonly\r\n",
];

#[test]
fn every_form_of_hold_gives_music_to_the_other_side() {
    for by_agent in [true, false] {
        for lines in HOLDS {
            let mut bench = talking();
            bench.offers(by_agent, lines);
            assert_eq!(bench.stage(), StageKind::Hold, "{lines:?}");
            assert_eq!(hear_music(&bench.outputs), [by_agent, !by_agent], "{lines:?}");
            bench.offers(by_agent, "a=sendrecv\r\n");
            assert_eq!(bench.stage(), StageKind::Talk, "{lines:?}");
            assert_eq!(hear_music(&bench.outputs), [false, false], "{lines:?}");
        }
    }
}

#[test]
fn a_phone_that_mutes_itself_holds_nobody() {
    for by_agent in [true, false] {
        let mut bench = talking();
        bench.offers(by_agent, "a=recvonly\r\n");
        assert_eq!((bench.stage(), hear_music(&bench.outputs)), (StageKind::Talk, [false, false]));
        // Held, then muted: back in the talk.
        bench.offers(by_agent, "a=sendonly\r\n");
        assert_eq!(bench.stage(), StageKind::Hold);
        bench.offers(by_agent, "a=recvonly\r\n");
        assert_eq!((bench.stage(), hear_music(&bench.outputs)), (StageKind::Talk, [false, false]));
    }
}

#[test]
fn who_holds_is_followed_through_every_order() {
    let mut bench = talking();
    bench.offers(false, "a=sendonly\r\n");
    assert_eq!(hear_music(&bench.outputs), [false, true], "the caller holds");
    bench.offers(true, "a=inactive\r\n");
    assert_eq!(bench.stage(), StageKind::Hold, "both hold");
    bench.offers(true, "a=sendrecv\r\n");
    assert_eq!(
        (bench.stage(), hear_music(&bench.outputs)),
        (StageKind::Hold, [false, true]),
        "the caller still"
    );
    bench.offers(true, "a=sendonly\r\n");
    bench.offers(false, "a=sendrecv\r\n");
    assert_eq!(
        (bench.stage(), hear_music(&bench.outputs)),
        (StageKind::Hold, [true, false]),
        "now the agent"
    );
    bench.offers(true, "");
    assert_eq!((bench.stage(), hear_music(&bench.outputs)), (StageKind::Talk, [false, false]));
}

#[test]
fn both_hold_in_the_same_moment() {
    let mut bench = talking();
    let (held, caller) = (Bytes::from(format!("{SDP}a=sendonly\r\n")), bench.caller_dialog());
    let agent = bench.agent_dialog.expect("an agent");
    bench.caller.endpoint.reoffer(bench.now.mono, caller, held.clone());
    bench.agent.endpoint.reoffer(bench.now.mono, agent, held);
    bench.settle();
    bench.exchange.check_invariants();
    assert_eq!(bench.stage(), StageKind::Hold);
    bench.offers(false, "");
    assert_eq!((bench.stage(), hear_music(&bench.outputs)), (StageKind::Hold, [true, false]));
    bench.offers(true, "");
    assert_eq!((bench.stage(), hear_music(&bench.outputs)), (StageKind::Talk, [false, false]));
}

#[test]
fn a_hold_that_moves_the_stream_moves_it() {
    let mut bench = talking();
    bench.offers(false, "c=IN IP4 0.0.0.0\r\n");
    assert!(bench.caller_hears_at().is_some_and(|at| at.ip().is_unspecified()));
    bench.offers(false, "");
    assert_eq!(bench.caller_hears_at(), Some(SocketAddr::from(([127, 0, 0, 1], 4000))), "the port was kept");
}
