//! Encryption as the settings have it: who is taken, who is refused, and what the media is told.

use super::*;
use crate::base::srtp::{Encryption, KeyRing, Keys, Suite};
use crate::sdp::{self, Direction, Local, Protection};

/// A phone's side of offer and answer.
struct Sdp {
    ring: KeyRing,
    encryption: Encryption,
    version: u64,
}

impl Sdp {
    fn new(encryption: Encryption, seed: u64) -> Self {
        Sdp { ring: KeyRing::new(&mut Rng::from_number(seed)), encryption, version: 1 }
    }

    fn local(&self) -> Local<'_> {
        Local {
            address: [127, 0, 0, 1].into(),
            rtp_port: 4000,
            codecs: &[crate::base::Codec::Pcma],
            session_id: 1,
            version: self.version,
            direction: Direction::SendRecv,
            events: true,
            protection: Protection::new(self.encryption, &self.ring, false),
            web: None,
        }
    }

    fn offer(&mut self) -> Bytes {
        self.version += 1;
        Bytes::from(sdp::offer(&self.local()))
    }
}

fn bench(encryption: Encryption) -> Bench {
    Bench::with(Config { encryption, keys_in_clear: true, ..Config::default() }, plan())
}

/// The keys of each leg, as the media was told.
fn keys(bench: &Bench, index: u16) -> Vec<Option<Keys>> {
    let of = |output: &Output| match output {
        Output::Media { command: media::Command::Protect { leg, keys }, .. } if leg.index == index => {
            Some(keys.as_deref().cloned())
        }
        _ => None,
    };
    bench.outputs.iter().filter_map(of).collect()
}

fn refused(bench: &mut Bench) -> Option<u16> {
    std::iter::from_fn(|| bench.caller.endpoint.poll_event()).find_map(|event| match event {
        sip::Event::Rejected { status, .. } => Some(status),
        _ => None,
    })
}

#[test]
fn who_is_taken_in_each_mode() {
    use Encryption::{Mandatory, Off, Optional};
    let cases = [
        (Off, Off, Ok(false)),
        (Off, Optional, Ok(false)),
        (Off, Mandatory, Err(488)),
        (Optional, Off, Ok(false)),
        (Optional, Optional, Ok(true)),
        (Optional, Mandatory, Ok(true)),
        (Mandatory, Off, Err(488)),
        (Mandatory, Optional, Ok(true)),
        (Mandatory, Mandatory, Ok(true)),
    ];
    for (ours, theirs, expected) in cases {
        let mut bench = bench(ours);
        let offer = Sdp::new(theirs, 7).offer();
        bench.dial("100", Some(offer));
        let outcome = match refused(&mut bench) {
            Some(status) => Err(status),
            None => Ok(keys(&bench, 0).iter().any(Option::is_some)),
        };
        assert_eq!(outcome, expected, "{ours:?} {theirs:?}");
        assert_eq!(bench.exchange.calls(), usize::from(expected.is_ok()));
        let counted = bench.exchange.refused.get("no audio in common").copied();
        assert_eq!(counted, expected.is_err().then_some(1));
    }
}

#[test]
fn packets_that_were_dropped_are_counted_when_the_leg_is_over() {
    let mut bench = bench(Encryption::Optional);
    let leg = LegId { call: crate::base::CallId(1), index: 0 };
    let report = media::QualityReport { forged: 3, replayed: 2, ..Default::default() };
    bench.input(Input::Media(media::Event::Quality { leg, report, last: false }));
    assert!(bench.exchange.refused.is_empty(), "told of once");
    bench.input(Input::Media(media::Event::Quality { leg, report, last: true }));
    let counted: Vec<_> = bench.exchange.refused.iter().map(|(why, count)| (*why, *count)).collect();
    assert_eq!(counted, [("SRTP packets repeated", 2), ("SRTP packets with a wrong tag", 3)]);
}

#[test]
fn readable_signalling_takes_no_keys_unless_the_settings_say_so() {
    let mut bench = Bench::with(Config { encryption: Encryption::Optional, ..Config::default() }, plan());
    bench.dial("100", Some(Sdp::new(Encryption::Optional, 7).offer()));
    assert_eq!((keys(&bench, 0), bench.exchange.calls()), (vec![], 1), "over UDP");
}

#[test]
fn a_new_key_in_a_new_offer_and_the_same_key_in_a_hold() {
    let mut bench = bench(Encryption::Optional);
    let mut phone = Sdp::new(Encryption::Mandatory, 7);
    let dialog = bench.dial("100", Some(phone.offer()));
    let [Some(first)] = &keys(&bench, 0)[..] else { panic!("one key") };
    assert_eq!(Some(&first.theirs), phone.ring.key(Suite::AeadAes256Gcm));
    let first = first.clone();

    let held = String::from_utf8_lossy(&phone.offer()).replace("a=sendrecv", "a=sendonly");
    bench.caller.endpoint.reoffer(bench.now.mono, dialog, Bytes::from(held));
    bench.settle();
    assert_eq!(keys(&bench, 0).len(), 1, "a hold leaves the keys as they are");

    phone.ring = KeyRing::new(&mut Rng::from_number(8));
    bench.caller.endpoint.reoffer(bench.now.mono, dialog, phone.offer());
    bench.settle();
    let [_, Some(second)] = &keys(&bench, 0)[..] else { panic!("a second key") };
    assert_eq!(Some(&second.theirs), phone.ring.key(Suite::AeadAes256Gcm));
    assert_ne!(second.ours, first.ours, "ours is new as well");

    phone.encryption = Encryption::Off;
    bench.caller.endpoint.reoffer(bench.now.mono, dialog, phone.offer());
    bench.settle();
    assert_eq!(keys(&bench, 0).last(), Some(&None), "optional: in the clear again");
}

#[test]
fn a_late_offer_is_ours_and_encrypted() {
    let mut bench = bench(Encryption::Mandatory);
    let dialog = bench.dial("100", None);
    let answered = std::iter::from_fn(|| bench.caller.endpoint.poll_event()).find_map(|event| match event {
        sip::Event::Answered { sdp, .. } => sdp,
        _ => None,
    });
    let offer = sdp::parse(&answered.expect("our offer")).expect("a description");
    let phone = Sdp::new(Encryption::Optional, 7);
    let (answer, agreed) = sdp::answer(&offer, &phone.local()).expect("agreed");
    bench.caller.endpoint.ack_sdp(bench.now.mono, dialog, Bytes::from(answer));
    bench.settle();
    let theirs = agreed.keys.expect("keys");
    assert_eq!(keys(&bench, 0), [Some(Keys { ours: theirs.theirs, theirs: theirs.ours })]);
}

#[test]
fn an_agents_phone_in_the_clear_is_no_use_where_encryption_is_mandatory() {
    for (encryption, stage) in
        [(Encryption::Optional, StageKind::Talk), (Encryption::Mandatory, StageKind::Wait)]
    {
        let mut bench = bench(encryption);
        bench.dial("100", Some(Sdp::new(Encryption::Mandatory, 7).offer()));
        bench.agent_answers();
        let stages: Vec<_> = bench.exchange.calls.values().map(Call::stage).collect();
        assert_eq!(stages.first(), Some(&stage), "{encryption:?}");
        assert_eq!(keys(&bench, 1), [], "the agent's leg");
    }
}
