//! Where bytes came from and where they go: the one thing that the protocol rooms know of the network.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

/// How messages are framed, whether they can be lost, and whether anybody can read them on their way
/// (RFC 3261 §18, RFC 7118).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    /// A WebSocket: one message a frame (RFC 7118 §5).
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

impl Transport {
    pub const ALL: [Transport; 5] =
        [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

    /// The name in a Via header (RFC 3261 §20.42, RFC 7118 §5.2).
    pub const fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The value of a URI's `transport` parameter (RFC 3261 §19.1.1, RFC 7118 §5.5). `tls` is deprecated there and
    /// what every phone and trunk writes; a `sip` URI with it says the same as a `sips` URI for this one hop.
    pub const fn uri_name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        }
    }

    /// By either name, in any case. `None` for a transport that we do not speak.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Transport::ALL.into_iter().find(|t| name.eq_ignore_ascii_case(t.via_name().as_bytes()))
    }

    /// Whether retransmission is the transport's own business (RFC 3261 §17): every one with connections.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// Whether nobody on the way can read or change what is said.
    pub const fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// Whether each message comes by itself, so that its end needs no `Content-Length`.
    pub const fn is_framed(self) -> bool {
        matches!(self, Transport::Udp | Transport::Ws | Transport::Wss)
    }

    /// Where a URI without a port is listened on (RFC 3261 §19.1.2, RFC 7118 §5.3).
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_name())
    }
}

/// The way between one of our sockets and a peer (RFC 5626 §3: "flow").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Flow {
    pub transport: Transport,
    /// Our address: what the peer sent to, and what our Via and Contact name.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The host's number of an open stream. 0 for UDP, and in a [`Transmit`] over a stream: "connect first".
    pub connection: u64,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.remote)?;
        if self.connection != 0 {
            write!(f, "#{}", self.connection)?;
        }
        Ok(())
    }
}

/// One encoded message for the host to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Transmit {
    pub flow: Flow,
    pub bytes: Bytes,
    /// Only for "connect first" over TLS: the host that the request names as its next hop. The peer's certificate
    /// must be for it (RFC 5922 §7.1): an address that a name was resolved to proves nothing.
    pub server: Option<Box<str>>,
}

/// Shows the length only: a message holds numbers and names.
impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transmit({}, {} octets)", self.flow, self.bytes.len())
    }
}
