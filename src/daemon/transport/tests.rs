use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use bytes::Bytes;

use super::*;

const OPTIONS: &str = "OPTIONS sip:hotline SIP/2.0\r\nContent-Length: 0\r\n\r\n";

#[derive(Debug, PartialEq)]
enum Seen {
    Message(Flow, String),
    Closed(Flow),
}

struct World {
    runtime: tokio::runtime::Runtime,
    transports: Transports,
    counters: Arc<Counters>,
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn no_tls() -> Tls {
    Tls::load(&tls::Config::default(), &mut Vec::new()).unwrap()
}

impl World {
    fn new(config: Config) -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let counters = Arc::new(Counters::default());
        let transports =
            runtime.block_on(async { Transports::bind(&config, no_tls(), Limits::default(), &counters) });
        World { runtime, transports: transports.unwrap(), counters }
    }

    fn usual() -> World {
        World::new(Config { udp: vec![loopback()], tcp: vec![loopback()], ..Config::default() })
    }

    fn address(&self, transport: Transport) -> SocketAddr {
        self.transports.addresses().into_iter().find(|(t, _)| *t == transport).unwrap().1
    }

    /// Everything that arrives until there are so many; or for so long that a loaded machine has had the time.
    fn see(&mut self, count: usize) -> Vec<Seen> {
        let World { runtime, transports, .. } = self;
        let mut seen = Vec::new();
        runtime.block_on(async {
            let whole = async {
                while seen.len() < count {
                    transports.ready().await;
                    transports.receive(64, |arrival| {
                        seen.push(match arrival {
                            Arrival::Message { flow, bytes } => {
                                Seen::Message(flow, String::from_utf8(bytes.to_vec()).unwrap())
                            }
                            Arrival::Closed(flow) => Seen::Closed(flow),
                        });
                    });
                }
            };
            let _ = tokio::time::timeout(Duration::from_secs(20), whole).await;
        });
        seen
    }

    fn send(&mut self, flow: Flow, text: &str) -> Option<Flow> {
        let World { runtime, transports, .. } = self;
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        runtime.block_on(async { transports.send(Transmit { flow, bytes, server: None }) })
    }
}

#[test]
fn a_datagram_comes_with_both_addresses_and_is_answered_by_the_same_socket() {
    let mut world = World::usual();
    let server = world.address(Transport::Udp);
    let phone = UdpSocket::bind(loopback()).unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    phone.send_to(OPTIONS.as_bytes(), server).unwrap();
    let remote = phone.local_addr().unwrap();
    let flow = Flow { transport: Transport::Udp, local: server, remote, connection: 0 };
    assert_eq!(world.see(1), [Seen::Message(flow, OPTIONS.to_owned())]);
    assert_eq!(world.send(flow, "SIP/2.0 200 OK"), None);
    let mut buffer = [0; 100];
    let (length, from) = phone.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from), (&b"SIP/2.0 200 OK"[..], server));
}

#[test]
fn a_socket_on_all_addresses_knows_which_one_the_peer_sees() {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut world = World::new(Config { udp: vec![any], tcp: vec![], ..Config::default() });
    let port = world.address(Transport::Udp).port();
    let phone = UdpSocket::bind(loopback()).unwrap();
    phone.send_to(b"x", ("127.0.0.1", port)).unwrap();
    let seen = world.see(1);
    let Some(Seen::Message(flow, _)) = seen.first() else { panic!("{seen:?}") };
    assert_eq!(flow.local, SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(world.send(*flow, "answer"), None);
    assert!(as_seen(&world.transports.addresses()).iter().all(|(_, own)| !own.ip().is_unspecified()));
}

#[test]
fn a_stream_is_cut_into_messages_and_its_end_is_told() {
    let mut world = World::usual();
    let server = world.address(Transport::Tcp);
    let mut phone = TcpStream::connect(server).unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let (first, rest) = OPTIONS.split_at(20);
    phone.write_all(first.as_bytes()).unwrap();
    phone.write_all(format!("{rest}\r\n\r\n{OPTIONS}").as_bytes()).unwrap();
    let seen = world.see(2);
    let [Seen::Message(flow, one), Seen::Message(_, two)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((one.as_str(), two.as_str()), (OPTIONS, OPTIONS));
    assert_eq!((flow.local, flow.remote, flow.connection), (server, phone.local_addr().unwrap(), 1));
    let flow = *flow;

    assert_eq!(world.send(flow, "SIP/2.0 200 OK\r\n\r\n"), None);
    assert_eq!(world.see(0), []);
    let reader = phone.try_clone().unwrap();
    let text = std::thread::spawn(move || {
        let mut buffer = [0; 20];
        (&reader).read_exact(&mut buffer).unwrap();
        buffer
    });
    world.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
    assert_eq!(&text.join().unwrap(), b"\r\nSIP/2.0 200 OK\r\n\r\n", "a pong for the ping, then the answer");

    drop(phone);
    assert_eq!(world.see(1), [Seen::Closed(flow)]);
    assert_eq!(world.transports.open_streams(), 0);
    assert_eq!(world.send(flow, "too late"), Some(flow));
    assert_eq!(world.counters.tcp_gone.get(), 1);
}

#[test]
fn nonsense_on_a_stream_closes_it() {
    let mut world = World::usual();
    let mut phone = TcpStream::connect(world.address(Transport::Tcp)).unwrap();
    phone.write_all(&vec![b'x'; 200 * 1024]).unwrap();
    let seen = world.see(2);
    assert!(matches!(seen.last(), Some(Seen::Closed(_))), "{seen:?}");
    assert_eq!(world.counters.tcp_malformed.get(), 1);
}

#[test]
fn a_silent_stream_is_closed_and_too_many_are_turned_away() {
    let config = Config {
        udp: vec![],
        tcp: vec![loopback()],
        tcp_idle: Duration::from_millis(50),
        tcp_streams: 1,
        ..Config::default()
    };
    let mut world = World::new(config);
    let server = world.address(Transport::Tcp);
    let _first = TcpStream::connect(server).unwrap();
    let _second = TcpStream::connect(server).unwrap();
    let seen = world.see(1);
    assert!(matches!(seen.as_slice(), [Seen::Closed(_)]), "{seen:?}");
    assert_eq!((world.counters.tcp_idle.get(), world.counters.tcp_refused.get()), (1, 1));
}

#[test]
fn whom_a_reload_shuts_out_is_heard_no_more_and_loses_its_streams() {
    let mut world = World::usual();
    let phone = UdpSocket::bind(loopback()).unwrap();
    let stream = TcpStream::connect(world.address(Transport::Tcp)).unwrap();
    phone.send_to(b"one", world.address(Transport::Udp)).unwrap();
    (&stream).write_all(OPTIONS.as_bytes()).unwrap();
    assert_eq!(world.see(2).len(), 2);

    let deny = vec![crate::exchange::Network::parse("127.0.0.0/8").unwrap()];
    let config = Config { access: AccessLists { deny, ..AccessLists::default() }, ..Config::default() };
    world.transports.reload(&config, no_tls());
    let seen = world.see(1);
    assert!(matches!(seen.as_slice(), [Seen::Closed(flow)] if flow.transport == Transport::Tcp), "{seen:?}");
    phone.send_to(b"two", world.address(Transport::Udp)).unwrap();
    let mut again = TcpStream::connect(world.address(Transport::Tcp)).unwrap();
    assert_eq!(again.read(&mut [0; 1]).unwrap_or(0), 0, "closed without a word");
    for _ in 0..100 {
        if world.counters.sources_denied.get() == 2 {
            break;
        }
        let World { runtime, transports, .. } = &mut world;
        runtime.block_on(async {
            let _ = tokio::time::timeout(Duration::from_millis(20), transports.ready()).await;
            transports.receive(64, |arrival| panic!("{arrival:?}"));
        });
    }
    assert_eq!(world.counters.sources_denied.get(), 2);
}

#[test]
fn pongs_that_nobody_reads_do_not_pile_up() {
    // More than twice what the system keeps for a socket (32 MiB by tcp_rmem at most).
    const PINGS: usize = 800_000;
    let mut config = Config { udp: vec![], tcp: vec![], ws: vec![loopback()], ..Config::default() };
    config.websocket.ping = Duration::from_secs(60);
    let world = World::new(config);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(8192).unwrap();
    socket.connect(&world.address(Transport::Ws).into()).unwrap();
    let mut browser = TcpStream::from(socket);
    browser.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    browser
        .write_all(
            b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
              Sec-WebSocket-Protocol: sip\r\n\r\n",
        )
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        browser.read_exact(&mut octet).unwrap();
        answer.extend(octet);
    }
    let mut ping = [0; 131];
    ping[..2].copy_from_slice(&[0x89, 0x80 | 125]);
    for _ in 0..PINGS / 1000 {
        browser.write_all(&ping.repeat(1000)).unwrap();
    }
    let (mut owed, mut buffer) = (0, vec![0; 1 << 16]);
    while let Ok(length @ 1..) = browser.read(&mut buffer) {
        owed += length;
    }
    assert!((1000..PINGS * 127 / 2).contains(&owed), "{owed} octets");
}

#[test]
fn a_browser_that_is_gone_is_not_connected_to() {
    let mut world = World::usual();
    let remote = SocketAddr::from(([127, 0, 0, 1], 9));
    let flow = Flow { transport: Transport::Wss, local: remote, remote, connection: 0 };
    assert_eq!(world.send(flow, "INVITE"), Some(flow));
    assert_eq!((world.counters.tcp_gone.get(), world.transports.open_streams()), (1, 0));
}

#[test]
fn connect_first_opens_one_stream_for_all_messages_to_a_peer() {
    let mut world = World::usual();
    let peer = std::net::TcpListener::bind(loopback()).unwrap();
    let remote = peer.local_addr().unwrap();
    let flow =
        Flow { transport: Transport::Tcp, local: world.address(Transport::Tcp), remote, connection: 0 };
    assert_eq!((world.send(flow, "one "), world.send(flow, "two")), (None, None));
    let reading = std::thread::spawn(move || {
        let (mut socket, _) = peer.accept().unwrap();
        let mut buffer = [0; 7];
        socket.read_exact(&mut buffer).unwrap();
        buffer
    });
    let seen = world.see(2);
    assert_eq!(&reading.join().unwrap(), b"one two");
    let numbered = Flow { connection: 1, ..flow };
    assert_eq!(seen, [Seen::Closed(numbered), Seen::Closed(flow)], "by its number, and as it was asked for");
}

#[test]
fn a_peer_that_refuses_is_told_as_a_lost_flow() {
    let mut world = World::usual();
    // A port that is ours and that nobody listens at: of one that is merely free another test could have made use by now.
    let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    deaf.bind(&loopback().into()).unwrap();
    let gone = deaf.local_addr().unwrap().as_socket().unwrap();
    let flow =
        Flow { transport: Transport::Tcp, local: world.address(Transport::Tcp), remote: gone, connection: 0 };
    assert_eq!(world.send(flow, "hello"), None);
    // By its number, and as it was asked for.
    let seen = world.see(2);
    assert!(seen.contains(&Seen::Closed(flow)), "{seen:?}");
    assert_eq!(world.counters.tcp_connect_failed.get(), 1);
}

#[test]
fn a_port_in_use_is_one_sentence() {
    let taken = UdpSocket::bind(loopback()).unwrap();
    let address = taken.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { udp: vec![address], tcp: vec![], ..Config::default() };
    let result =
        runtime.block_on(async { Transports::bind(&config, no_tls(), Limits::default(), &Arc::default()) });
    let sentence = result.err().unwrap().to_string();
    assert!(
        sentence.starts_with(&format!("UDP port {} on 127.0.0.1 is in use", address.port())),
        "{sentence}"
    );
}
