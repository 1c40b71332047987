//! The way to a browser, with a peer made of the same libraries.

use std::net::SocketAddr;

use proptest::prelude::*;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLED, ATTR_USE_CANDIDATE, ATTR_USERNAME, RawAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;

use super::handshake::Handshake;
use super::way::{CONSENT, Dropped, Output, Way};
use super::*;
use crate::base::Rng;
use crate::base::ice::{Certificate, Credentials, Role};
use crate::base::srtp::{Keys, Suite};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A browser as far as its checks and its handshake go.
struct Peer {
    identity: Identity,
    handshake: Handshake,
    keys: Option<Keys>,
}

/// The other end of what we agreed on, with the certificate of whoever it is.
fn shown_by(identity: &Identity, own: &Identity, ours: &Terms) -> Handshake {
    let role = if ours.role == Role::Server { Role::Client } else { Role::Server };
    let fingerprint = own.certificates().of(ours.certificate);
    Handshake::new(identity, &Terms { fingerprint, role, certificate: Certificate::First, ..ours.clone() })
        .unwrap()
}

struct World {
    now: Instant,
    own: Identity,
    ours: Credentials,
    way: Way,
    peer: Peer,
    from: SocketAddr,
    secured: Vec<(SocketAddr, Keys)>,
    answers: Vec<Message>,
    lost: usize,
}

impl World {
    /// `role`: ours.
    fn new(role: Role) -> Self {
        let (own, theirs) = (Identity::make().unwrap(), Identity::make().unwrap());
        let (now, ours) = (clock(), Credentials::random(&mut Rng::from_number(1)));
        let (certificate, fingerprint) = (Certificate::First, theirs.certificates().first);
        let terms = Terms { ours: ours.clone(), certificate, fingerprint, role };
        World {
            now,
            peer: Peer { handshake: shown_by(&theirs, &own, &terms), identity: theirs, keys: None },
            way: Way::new(now, &own, terms).unwrap(),
            own,
            ours,
            from: at("198.51.100.9:40000"),
            secured: Vec::new(),
            answers: Vec::new(),
            lost: 0,
        }
    }

    fn request(&self, ours: &Credentials, extra: &[Box<dyn Setter>]) -> Vec<u8> {
        let crypto = self.peer.identity.crypto.crypto();
        let name = TextAttribute::new(ATTR_USERNAME, format!("{}:abcd", ours.ufrag()));
        let integrity =
            MessageIntegrity::new_short_term_integrity_with_provider(ours.password().to_owned(), crypto);
        let mut request = Message::new();
        let mut id = TransactionId::default();
        id.0[0] = 7;
        request.build(&[Box::new(BINDING_REQUEST), Box::new(id), Box::new(name)]).unwrap();
        extra.iter().for_each(|setter| setter.add_to(&mut request).unwrap());
        integrity.add_to(&mut request).unwrap();
        FINGERPRINT.add_to(&mut request).unwrap();
        request.raw
    }

    fn check(&mut self, nominates: bool) -> Result<(), Dropped> {
        let ours = self.ours.clone();
        self.check_by(&ours, nominates)
    }

    fn check_by(&mut self, ours: &Credentials, nominates: bool) -> Result<(), Dropped> {
        let nominate = RawAttribute { typ: ATTR_USE_CANDIDATE, length: 0, value: Vec::new() };
        let extra: Vec<Box<dyn Setter>> = if nominates { vec![Box::new(nominate)] } else { Vec::new() };
        let request = self.request(ours, &extra);
        self.packet(&request)
    }

    fn packet(&mut self, packet: &[u8]) -> Result<(), Dropped> {
        let done = self.way.handle_packet(self.now, self.from, packet);
        self.drain();
        done
    }

    fn drain(&mut self) {
        while let Some(output) = self.way.poll_output() {
            match output {
                Output::Send { bytes, .. } if bytes[0] < 4 => {
                    let mut answer = Message { raw: bytes, ..Message::default() };
                    answer.decode().unwrap();
                    self.answers.push(answer);
                }
                Output::Send { to, bytes } => {
                    assert_eq!(to, self.from);
                    if let Ok(Some(keys)) = self.peer.handshake.read(self.now, &bytes) {
                        self.peer.keys = Some(keys);
                    }
                }
                Output::Secured { peer, keys } => self.secured.push((peer, *keys)),
                Output::Lost => self.lost += 1,
            }
        }
    }

    /// Flights there and back until none has anything to say.
    fn shake_hands(&mut self) -> Result<(), Dropped> {
        self.peer.handshake.begin(self.now).unwrap();
        while let Some(packet) = self.peer.handshake.poll_transmit() {
            self.packet(&packet)?;
        }
        Ok(())
    }
}

#[test]
fn a_browser_is_found_known_and_given_keys() {
    for role in [Role::Server, Role::Client] {
        let mut world = World::new(role);
        assert_eq!(world.packet(&[22, 254, 253]), Err(Dropped::Stray), "no handshake before a check");
        world.check(false).unwrap();
        let answer = &world.answers[0];
        assert_eq!((answer.typ, answer.transaction_id.0[0]), (BINDING_SUCCESS, 7));
        let mut seen = XorMappedAddress::default();
        rtc_stun::message::Getter::get_from(&mut seen, answer).unwrap();
        assert_eq!(SocketAddr::new(seen.ip, seen.port), world.from);
        let crypto = world.peer.identity.crypto.crypto();
        let mut answer = answer.clone();
        MessageIntegrity::check(&mut answer, world.ours.password().as_bytes(), crypto).unwrap();
        FINGERPRINT.check(&answer).unwrap();

        world.check(true).unwrap();
        world.shake_hands().unwrap();
        let [(peer, ours)] = &world.secured[..] else { panic!("{:?}", world.secured) };
        let theirs = world.peer.keys.as_ref().unwrap();
        assert_eq!(*peer, world.from);
        assert_eq!((&ours.ours, &ours.theirs), (&theirs.theirs, &theirs.ours));
        assert_eq!(ours.ours.suite(), Suite::AeadAes128Gcm);
        assert_ne!(ours.ours, ours.theirs);
    }
}

#[test]
fn who_shows_another_certificate_gets_no_keys() {
    let mut world = World::new(Role::Server);
    let stranger = Identity::make().unwrap();
    world.peer.handshake = shown_by(&stranger, &world.own, world.way.terms());
    world.check(true).unwrap();
    assert_eq!(world.shake_hands(), Err(Dropped::Refused));
    assert!(world.secured.is_empty());
}

#[test]
fn checks_without_the_password_are_dropped_and_find_no_way() {
    let mut world = World::new(Role::Server);
    let other = Credentials::random(&mut Rng::from_number(2));
    assert_eq!(world.check_by(&other, true), Err(Dropped::Forged), "of another leg");
    let ours = world.ours.clone();
    let mut request = world.request(&ours, &[]);
    let password = request.len() - 20;
    request[password] ^= 1;
    assert!(world.packet(&request).is_err());
    let mut request = world.request(&ours, &[]);
    request[25] ^= 1;
    assert_eq!(world.packet(&request), Err(Dropped::Stray), "changed on the way: the checksum says so");
    assert_eq!(world.packet(&[22, 254, 253]), Err(Dropped::Stray));
    assert!(world.answers.is_empty() && world.secured.is_empty());
}

#[test]
fn a_browser_that_waits_for_us_to_lead_learns_otherwise() {
    let mut world = World::new(Role::Server);
    let controlled = RawAttribute { typ: ATTR_ICE_CONTROLLED, length: 8, value: vec![1; 8] };
    let ours = world.ours.clone();
    let request = world.request(&ours, &[Box::new(controlled)]);
    world.packet(&request).unwrap();
    assert_eq!(world.answers[0].typ, BINDING_ERROR);
    assert_eq!(world.packet(&[22, 254, 253]), Err(Dropped::Stray), "that was no way");
}

#[test]
fn a_browser_that_moves_is_followed_with_the_keys_that_it_has() {
    let mut world = World::new(Role::Server);
    world.check(true).unwrap();
    world.shake_hands().unwrap();
    let before = world.ours.clone();
    world.from = at("203.0.113.5:5");
    world.check(true).unwrap();
    assert_eq!(
        world.secured[1],
        (world.from, world.secured[0].1.clone()),
        "another network, the same password"
    );

    let fresh = Credentials::random(&mut Rng::from_number(2));
    world.ours = fresh.clone();
    let terms = Terms { ours: fresh, ..world.way.terms().clone() };
    world.way.renew(world.now, terms).unwrap();
    world.check_by(&before, true).unwrap();
    assert_eq!(world.secured.len(), 2, "the old way is kept alive and not chosen");
    world.from = at("203.0.113.6:6");
    world.check(true).unwrap();
    assert_eq!(world.secured[2], (world.from, world.secured[0].1.clone()));
    assert_eq!(world.check_by(&before, true), Err(Dropped::Forged), "the old password is over");
}

#[test]
fn another_certificate_means_another_handshake() {
    let mut world = World::new(Role::Server);
    world.check(true).unwrap();
    world.shake_hands().unwrap();
    let page = Identity::make().unwrap();
    let terms = Terms { fingerprint: page.certificates().first, ..world.way.terms().clone() };
    world.peer.handshake = shown_by(&page, &world.own, &terms);
    world.way.renew(world.now, terms).unwrap();
    world.shake_hands().unwrap();
    let [(_, before), (_, now)] = &world.secured[..] else { panic!("{:?}", world.secured) };
    assert_ne!(before, now);

    let terms = Terms { certificate: Certificate::Second, ..world.way.terms().clone() };
    world.peer.handshake = shown_by(&page, &world.own, &terms);
    world.way.renew(world.now, terms).unwrap();
    world.shake_hands().unwrap();
    assert_eq!(world.secured.len(), 3, "and so does another one of ours");
}

#[test]
fn a_browser_that_vanished_is_noticed_once() {
    let mut world = World::new(Role::Server);
    world.check(true).unwrap();
    let until = |world: &mut World, after| {
        world.way.handle_timeout(world.now + after);
        world.drain();
        world.lost
    };
    assert_eq!(until(&mut world, CONSENT - Duration::from_millis(1)), 0);
    assert_eq!(until(&mut world, CONSENT), 1);
    assert_eq!(until(&mut world, 2 * CONSENT), 1);
    world.now += 3 * CONSENT;
    world.check(true).unwrap();
    assert_eq!(until(&mut world, CONSENT), 2, "it came back, and went again");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// What strangers send breaks nothing, whether it looks like a check, like a handshake or like nothing.
    #[test]
    fn nothing_that_comes_breaks_anything(
        packets in proptest::collection::vec((0u8..64, proptest::collection::vec(any::<u8>(), 0..200)), 1..20),
        turned in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut world = World::new(Role::Server);
        let ours = world.ours.clone();
        let mut request = world.request(&ours, &[]);
        for (at, to) in &turned {
            let at = at.index(request.len());
            request[at] = *to;
        }
        let _ = world.packet(&request);
        let _ = world.check(true);
        world.peer.handshake.begin(world.now).unwrap();
        let mut hello = world.peer.handshake.poll_transmit().unwrap();
        for (at, to) in &turned {
            let at = at.index(hello.len());
            hello[at] = *to;
        }
        let _ = world.packet(&hello);
        for (first, rest) in packets {
            let _ = world.packet(&[&[first][..], &rest].concat());
        }
        world.way.handle_timeout(world.now + CONSENT);
        world.drain();
        prop_assert!(world.secured.is_empty());
    }
}
