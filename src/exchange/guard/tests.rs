use std::net::SocketAddr;

use super::*;
use crate::exchange::Trunk;
use crate::sip::Transport;
use std::time::Duration;

struct Door {
    guard: Guard,
    offenders: Offenders,
    now: Instant,
}

impl Door {
    fn new() -> Self {
        let carrier = Trunk { networks: vec![Network::parse("198.51.100.0/24").unwrap()], ..carrier() };
        let security = Security {
            stranger_requests: 10,
            strangers_requests: 100,
            known_requests: 50,
            ..Security::default()
        };
        let config =
            Config { trunks: vec![carrier], loopback_is_trunk: false, security, ..Config::default() };
        let mut rng = Rng::from_number(1);
        let offenders = Offenders::new(&config.security, &mut rng);
        Door { guard: Guard::new(&config, &mut rng), offenders, now: Instant::from_micros(1_000_000) }
    }

    fn knock(&mut self, from: &str, message: &str) -> bool {
        self.knock_over(Transport::Udp, from, message)
    }

    fn knock_over(&mut self, transport: Transport, from: &str, message: &str) -> bool {
        let remote = SocketAddr::new(from.parse().unwrap(), 5060);
        let local = SocketAddr::from(([192, 0, 2, 1], 5060));
        let flow = Flow { transport, local, remote, connection: 0 };
        self.guard.lets_in(self.now, &mut self.offenders, flow, message.as_bytes())
    }

    fn let_in(&mut self, from: &str, message: &str, times: usize) -> usize {
        (0..times).filter(|_| self.knock(from, message)).count()
    }

    fn dropped(&self) -> Vec<(&'static str, u64)> {
        self.guard.dropped().collect()
    }
}

fn carrier() -> Trunk {
    Trunk { name: "carrier".to_owned(), ..Trunk::default() }
}

fn request(method: &str, to: &str, more: &str) -> String {
    format!("{method} sip:h SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\r\nTo: {to}\r\n{more}\r\n")
}

#[test]
fn a_scanner_hears_nothing_and_nothing_more_is_heard_of_it() {
    let mut door = Door::new();
    let scan = request("OPTIONS", "<sip:100@h>", "User-Agent: friendly-scanner\r\n");
    let plain = request("OPTIONS", "<sip:100@h>", "");
    assert!(!door.knock_over(Transport::Tcp, "203.0.113.9", &scan));
    assert!(!door.knock("203.0.113.9", &plain), "under another name");
    assert!(door.knock("203.0.113.10", &plain), "its neighbour");
    assert!(door.knock("203.0.113.9", "SIP/2.0 200 OK\r\n\r\n"), "answers to our requests are heard");
    door.now += Duration::from_secs(300);
    assert!(door.knock("203.0.113.9", &plain), "silence has its end");
    assert_eq!(door.dropped(), [("scanner", 1), ("silent source", 1)]);
}

#[test]
fn a_forged_scanner_does_not_cut_off_a_stranger_a_branch_or_a_trunk() {
    let mut door = Door::new();
    let scan = request("INVITE", "<sip:100@h>", "User-Agent: sipvicious\r\n");
    assert!(!door.knock("203.0.113.30", &scan), "the scanner, or who says so");
    assert!(
        door.knock("203.0.113.30", &request("REGISTER", "<sip:1001@h>", "")),
        "a phone that was not here yet"
    );
    let branch = "203.0.113.20";
    door.offenders.know(door.now, Source::of(branch.parse().unwrap()), Duration::from_secs(3600));
    assert!(!door.knock(branch, &scan), "the scanner itself");
    assert!(door.knock(branch, &request("REGISTER", "<sip:1001@h>", "User-Agent: Desk Phone\r\n")));
    assert!(door.knock("198.51.100.7", &scan), "a trunk passes on its callers' User-Agents");
}

#[test]
fn only_the_silent_user_of_a_branch_is_dropped() {
    let mut door = Door::new();
    let branch = "203.0.113.20";
    let source = Source::of(branch.parse().unwrap());
    door.offenders.know(door.now, source, Duration::from_secs(3600));
    for _ in 0..5 {
        door.offenders.failed(door.now, source, "1001", true);
    }
    let register = |user: &str| {
        request(
            "REGISTER",
            "<sip:x@h>",
            &format!("Authorization: Digest username=\"{user}\", realm=\"hotline\"\r\n"),
        )
    };
    assert!(!door.knock(branch, &register("1001")));
    assert!(door.knock(branch, &register("1002")) && door.knock("203.0.113.21", &register("1001")));
    assert_eq!(door.dropped(), [("silent user", 1)]);
}

#[test]
fn floods_are_cut_to_size_and_nobody_else_pays() {
    let mut door = Door::new();
    let register = request("REGISTER", "<sip:1001@h>", "");
    assert_eq!(door.let_in("203.0.113.9", &register, 1000), 20);
    assert_eq!(
        door.let_in("203.0.113.9", &request("BYE", "<sip:1001@h>;tag=1", ""), 1000),
        0,
        "whatever it claims"
    );
    assert_eq!(door.let_in("203.0.113.10", &register, 5), 5, "its neighbour");
    assert_eq!(door.let_in("198.51.100.7", &register, 1000), 1000, "a trunk");
    let branch = "203.0.113.20";
    door.offenders.know(door.now, Source::of(branch.parse().unwrap()), Duration::from_secs(3600));
    assert_eq!(door.let_in(branch, &register, 1000), 100);
}

#[test]
fn strangers_together_are_limited_and_take_no_memory() {
    let mut door = Door::new();
    let register = request("REGISTER", "<sip:1001@h>", "");
    let branch = "203.0.113.20";
    door.offenders.know(door.now, Source::of(branch.parse().unwrap()), Duration::from_secs(3600));
    let forged = (0..50_000u32).filter(|number| {
        let from = std::net::Ipv4Addr::from_bits(0x0a00_0000 | number);
        door.knock(&from.to_string(), &register)
    });
    assert_eq!(forged.count(), 200);
    assert!(door.knock(branch, &register), "known sources have their own measure");
    assert_eq!((door.guard.strangers.len(), door.guard.known.len()), (SLOTS, 1));
}
