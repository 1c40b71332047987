//! Somebody on the internet who wants in: a scanner, a flood of registrations, and a guesser of passwords who answers
//! every challenge as long as it hears one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::network::HOTLINE;
use crate::base::{Masked, Rng};
use crate::sip::auth::{Credentials, Login};
use crate::sip::{Flow, Framing, Limits, Message, Method, Transport, Uri};

/// Where the attack comes from: no phone of the world's stands there.
const NETWORK: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 0);

/// One attack: what is sent when, counted from its beginning.
pub(super) struct Attacker {
    rng: Rng,
    /// Whose password is guessed.
    user: String,
    sent: u32,
}

impl Attacker {
    pub fn new(rng: Rng) -> Self {
        Attacker { rng, user: String::new(), sent: 0 }
    }

    /// A minute of it: 50 probes of a scanner, 2,000 registrations from two sources at once, and the first guess.
    pub fn begin(&mut self, user: &str) -> Vec<(Duration, Flow, Bytes)> {
        user.clone_into(&mut self.user);
        let ms = |count: u32, every: u64| Duration::from_millis(u64::from(count) * every);
        let mut datagrams = Vec::new();
        for number in 0..50 {
            let probe = self.request("OPTIONS", 9, "User-Agent: friendly-scanner\r\n");
            datagrams.push((ms(number, 1000), flow(9), probe));
        }
        for number in 0..2000 {
            let host = 10 + (number % 2) as u8;
            datagrams.push((ms(number, 2), flow(host), self.request("REGISTER", host, "")));
        }
        datagrams.push((Duration::ZERO, flow(12), self.request("REGISTER", 12, "")));
        datagrams
    }

    /// The next guess, where an answer to the last one is heard.
    pub fn hear(&mut self, flow: Flow, bytes: &Bytes) -> Option<Bytes> {
        let message = Message::parse(bytes.clone(), Framing::Datagram, &Limits::default());
        let Ok(Message::Response(response)) = message else { return None };
        if flow.local != address(12) || response.status != 401 {
            return None;
        }
        let password = Masked::new(self.rng.token(8));
        let mut login = Login::new(Credentials { user: self.user.clone(), password });
        login.challenged(&response).ok()?;
        let uri = Uri::sip(None, HOTLINE);
        let (name, value) = login.authorize(&mut self.rng, &Method::Register, &uri)?;
        Some(self.request("REGISTER", 12, &format!("{}: {value}\r\n", name.as_str())))
    }

    fn request(&mut self, method: &str, host: u8, more: &str) -> Bytes {
        self.sent += 1;
        let (user, tag, at) = (&self.user, self.sent, address(host));
        Bytes::from(format!(
            "{method} sip:{HOTLINE} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKattack{tag};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{HOTLINE}>;tag=a{tag}\r\nTo: <sip:{user}@{HOTLINE}>\r\n\
             Call-ID: attack{tag}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@{at}>\r\n{more}Content-Length: 0\r\n\r\n"
        ))
    }
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(NETWORK.to_bits() | u32::from(host))), 5060)
}

/// As the hotline sees it.
fn flow(host: u8) -> Flow {
    Flow { transport: Transport::Udp, local: HOTLINE, remote: address(host), connection: 0 }
}
