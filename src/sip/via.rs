//! The Via header: the way back (RFC 3261 §20.42, RFC 3581).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::flow::Transport;
use super::uri::{Host, SentBy, host_port};
use super::wire::{Invalid, Params, Text, lexer};

/// What every RFC 3261 branch begins with (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One hop of the way back. Cloning does not allocate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Via {
    /// `2.0`, or that of a peer from the future, who is told 505 (RFC 4475 §3.1.2.16).
    version: Text,
    transport: Text,
    host: Text,
    address: Option<IpAddr>,
    port: Option<u16>,
    pub params: Params,
}

impl Via {
    /// Our own: sent from `local`, with `branch` (which the caller begins with [`MAGIC_COOKIE`]) and `rport`.
    pub fn new(transport: Transport, local: SocketAddr, branch: &str) -> Self {
        let mut params = Params::default();
        params.set("branch", branch);
        params.set("rport", "");
        Via {
            version: Text::from_static("2.0"),
            transport: Text::from_static(transport.via_name()),
            host: Text::from(Host::Ip(local.ip()).to_string()),
            address: Some(local.ip()),
            port: Some(local.port()),
            params,
        }
    }

    /// `value`, a slice of `owner`, is one value: trimmed, without line ends. The second half says whether
    /// all of it was well formed; where only the parameters are not, what precedes the mistake is still the
    /// way back for a 400.
    pub(crate) fn from_parsed(owner: &Bytes, value: &[u8]) -> Result<(Self, Result<(), Invalid>), Invalid> {
        let (name, rest) = lexer::token(value)?;
        if !name.eq_ignore_ascii_case(b"SIP") {
            return Err(Invalid);
        }
        let (version, rest) = lexer::token(slash(rest)?)?;
        let (transport, rest) = lexer::token(slash(rest)?)?;
        let sent_by = lexer::skip_space(rest);
        // Between the transport and the host there is at least one space.
        if sent_by.len() == rest.len() {
            return Err(Invalid);
        }
        let (SentBy { host, address, port }, rest) = host_port(sent_by)?;
        let (params, well_formed) = Params::parse_prefix(owner, lexer::trim(rest));
        let host = Text::from_parsed(owner.slice_ref(host));
        let (version, transport) = (shared(owner, version), shared(owner, transport));
        Ok((Via { version, transport, host, address, port, params }, well_formed))
    }

    /// `None` for a transport that we do not speak.
    pub fn transport(&self) -> Option<Transport> {
        Transport::from_name(self.transport.as_bytes())
    }

    pub fn host(&self) -> Host<'_> {
        match self.address {
            Some(ip) => Host::Ip(ip),
            None => Host::Name(str::from_utf8(self.host.as_bytes()).unwrap_or_default()),
        }
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    pub fn branch(&self) -> Option<Text> {
        self.params.text("branch")
    }

    /// Whether the branch identifies a transaction by itself (RFC 3261 §17.2.3); else RFC 2543 matching.
    pub fn has_cookie(&self) -> bool {
        let cookie = MAGIC_COOKIE.as_bytes();
        self.params.get("branch").is_some_and(|b| {
            b.len() > cookie.len()
                && b.get(..cookie.len()).is_some_and(|start| start.eq_ignore_ascii_case(cookie))
        })
    }

    /// `received`, with or without the brackets around IPv6 (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let value = str::from_utf8(self.params.get("received")?).ok()?;
        value.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// `Some(None)`: asked for and not filled in yet.
    pub fn rport(&self) -> Option<Option<u16>> {
        let value = self.params.get("rport")?;
        Some(lexer::number(value).and_then(|port| u16::try_from(port).ok()))
    }

    /// What the server does to the top Via of a request (RFC 3261 §18.2.1, RFC 3581 §4): `received` where the
    /// packet came from elsewhere than it says or `rport` was asked for, and `rport` where asked for. A
    /// `received` that the sender wrote itself is removed: it would send our answer to a third party.
    pub fn mark_received(&mut self, from: SocketAddr) {
        self.params.remove("received");
        let asked = self.params.has("rport");
        if asked || self.address != Some(from.ip()) {
            self.params.set("received", &from.ip().to_string());
        }
        if asked {
            self.params.set("rport", &from.port().to_string());
        }
    }

    /// Where an answer over an unreliable transport goes (RFC 3261 §18.2.2, RFC 3581 §4). `None` only for a
    /// host name that [`mark_received`](Self::mark_received) has not been asked about.
    pub fn reply_address(&self) -> Option<SocketAddr> {
        let ip = self.received().or(self.address)?;
        Some(SocketAddr::new(ip, self.rport().flatten().or(self.port).unwrap_or(5060)))
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/");
        out.extend_from_slice(self.version.as_bytes());
        out.push(b'/');
        out.extend_from_slice(self.transport.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.host.as_bytes());
        if let Some(port) = self.port {
            out.extend_from_slice(format!(":{port}").as_bytes());
        }
        out.extend_from_slice(self.params.as_bytes());
    }
}

/// What nearly every Via says need not be counted as a use of the datagram's memory.
fn shared(owner: &Bytes, word: &[u8]) -> Text {
    match word {
        b"2.0" => Text::from_static("2.0"),
        b"UDP" => Text::from_static("UDP"),
        b"TCP" => Text::from_static("TCP"),
        b"TLS" => Text::from_static("TLS"),
        _ => Text::from_parsed(owner.slice_ref(word)),
    }
}

fn slash(text: &[u8]) -> Result<&[u8], Invalid> {
    match lexer::skip_space(text) {
        [b'/', rest @ ..] => Ok(lexer::skip_space(rest)),
        _ => Err(Invalid),
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.host())?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{:?}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(text: &'static str) -> Via {
        let bytes = Bytes::from_static(text.as_bytes());
        let (via, well_formed) = Via::from_parsed(&bytes, &bytes).unwrap();
        assert_eq!(well_formed, Ok(()));
        via
    }

    fn marked(text: &'static str, from: &str) -> (String, Option<SocketAddr>) {
        let mut via = via(text);
        via.mark_received(from.parse().unwrap());
        let mut out = Vec::new();
        via.encode(&mut out);
        (String::from_utf8(out).unwrap(), via.reply_address())
    }

    #[test]
    fn answers_go_where_the_request_came_from() {
        // RFC 3581 §4: asked for.
        let (written, to) = marked("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKx", "192.0.2.1:9988");
        assert_eq!(written, "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKx;received=192.0.2.1;rport=9988");
        assert_eq!(to, "192.0.2.1:9988".parse().ok());
        // RFC 3261 §18.2.2: not asked for, so the port is the Via's.
        let (written, to) = marked("SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKx", "192.0.2.1:9988");
        assert_eq!(written, "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKx;received=192.0.2.1");
        assert_eq!(to, "192.0.2.1:4540".parse().ok());
        let (written, to) = marked("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx", "192.0.2.1:9988");
        assert_eq!(written, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx");
        assert_eq!(to, "192.0.2.1:5060".parse().ok());
        let (_, to) = marked("SIP/2.0/UDP phone.example;branch=z9hG4bKx", "[2001:db8::1]:5070");
        assert_eq!(to, "[2001:db8::1]:5060".parse().ok());
    }

    #[test]
    fn a_received_of_the_senders_own_invention_never_steers_the_answer() {
        let (_, to) =
            marked("SIP/2.0/UDP 192.0.2.1:5062;received=198.51.100.9;branch=z9hG4bKx", "192.0.2.1:5062");
        assert_eq!(to, "192.0.2.1:5062".parse().ok());
    }

    #[test]
    fn cookies() {
        assert!(via("SIP/2.0/UDP h;branch=z9hG4bKx").has_cookie());
        assert!(via("SIP/2.0/UDP h;branch=Z9HG4BKx").has_cookie());
        assert!(!via("SIP/2.0/UDP h;branch=z9hG4bK").has_cookie());
        assert!(!via("SIP/2.0/UDP h;branch=1").has_cookie());
        assert!(!via("SIP/2.0/UDP h").has_cookie());
    }
}
