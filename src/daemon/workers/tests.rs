use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::base::{Codec, LegId, PlayId, PromptId};
use crate::daemon::recorder;
use crate::media::{Sound, Stream};

struct World {
    workers: Workers,
    inbox: Inbox<Report>,
    hearts: Heartbeats,
    counters: Arc<Counters>,
}

fn world(state: &Path) -> World {
    let inbox = Inbox::new(64);
    let counters = Arc::new(Counters::default());
    let mut hearts = Heartbeats::default();
    let (recorder, _) =
        Recorder::start(state, &recorder::Config::default(), inbox.clone(), &counters).unwrap();
    let around = Surroundings {
        media: &media::Config::default(),
        recorder: &recorder,
        inbox: &inbox,
        door: None,
        counters: &counters,
        hearts: &mut hearts,
    };
    let config = Config { workers: 2, real_time: false, address: None };
    let workers = Workers::start(&config, Ipv4Addr::LOCALHOST.into(), around).unwrap();
    World { workers, inbox, hearts, counters }
}

/// A pair of ports that is free at the moment.
fn free_ports() -> u16 {
    let bind = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
    (0..100)
        .filter_map(|_| bind(0).ok()?.local_addr().ok().map(|address| address.port() & !1))
        .find(|port| bind(*port).is_ok() && bind(port + 1).is_ok())
        .unwrap()
}

fn open(leg: LegId, rtp_port: u16) -> Command {
    Command::Open { leg, rtp_port, ssrc: 1, sequence: 1, timestamp: 1 }
}

fn stream(remote: SocketAddr) -> Stream {
    Stream {
        remote_rtp: remote,
        remote_rtcp: SocketAddr::new(remote.ip(), remote.port() + 1),
        codec: Codec::Pcma,
        payload_type: 8,
        dtmf: None,
        dtmf_clock: 8000,
        ptime_ms: 20,
        noise: None,
        send: true,
        receive: true,
        held: false,
    }
}

#[test]
fn a_leg_is_heard_every_20_ms_from_the_port_it_was_given() {
    let state = tempfile::tempdir().unwrap();
    let World { mut workers, inbox, .. } = world(state.path());
    let mut library = Library::default();
    library.add(&[1000; 8000], 8000).unwrap();
    workers.library(&Arc::new(library));
    let leg = LegId { call: CallId(3), index: 0 };
    let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let port = free_ports();
    assert!(workers.command(leg.call, open(leg, port)).is_none());
    workers.command(leg.call, Command::Connect { leg, stream: stream(phone.local_addr().unwrap()) });
    let clips = vec![Sound::Prompt(PromptId(0))];
    workers.command(leg.call, Command::Play { leg, play: PlayId(9), clips, repeat: false });
    let mut buffer = [0; 400];
    let begun = Instant::now();
    for _ in 0..20 {
        let (length, from) = phone.recv_from(&mut buffer).unwrap();
        assert_eq!((length, from.port()), (172, port));
    }
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(300) && took < Duration::from_millis(900), "{took:?}");
    let until = Instant::now() + Duration::from_secs(3);
    let mut played = false;
    while !played && Instant::now() < until {
        let report = inbox.pop();
        played = matches!(report, Some(Report::Media(Event::Played { play: PlayId(9), .. })));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(played);
    workers.command(leg.call, Command::Close { leg });
    workers.stop();
    assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "the port is free again");
}

#[test]
fn ports_that_are_taken_are_told_at_once() {
    let state = tempfile::tempdir().unwrap();
    let World { mut workers, counters, .. } = world(state.path());
    let port = free_ports();
    let _taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, port + 1)).unwrap();
    let leg = LegId { call: CallId(1), index: 0 };
    let failed = workers.command(leg.call, open(leg, port));
    assert!(matches!(failed, Some(Event::OpenFailed { leg: told, .. }) if told == leg), "{failed:?}");
    assert_eq!(counters.rtp_bind_failed.get(), 1);
    assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "the other port is not kept");
    workers.stop();
}

#[test]
fn workers_without_legs_are_alive_all_the_same() {
    let state = tempfile::tempdir().unwrap();
    let World { workers, mut hearts, .. } = world(state.path());
    for _ in 0..2 {
        let until = Instant::now() + Duration::from_secs(3);
        while !hearts.stalled().is_empty() {
            assert!(Instant::now() < until, "a worker stands still");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    workers.stop();
    assert_eq!(hearts.stalled().len(), 2, "and stand still when they are gone");
}
