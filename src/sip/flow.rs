//! Where bytes came from and where they go: the one thing that the protocol rooms know of the network.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

/// How messages are framed and whether they can be lost (RFC 3261 §18).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// The name in a Via header (RFC 3261 §20.42).
    pub const fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }

    /// The value of a URI's `transport` parameter (RFC 3261 §19.1.1).
    pub const fn uri_name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }

    /// By either name, in any case. `None` for a transport that we do not speak.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Transport::Udp, Transport::Tcp]
            .into_iter()
            .find(|t| name.eq_ignore_ascii_case(t.via_name().as_bytes()))
    }

    /// Whether retransmission is the transport's own business (RFC 3261 §17).
    pub const fn is_reliable(self) -> bool {
        match self {
            Transport::Udp => false,
            Transport::Tcp => true,
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
    /// The host's number of an open stream. 0 for UDP, and in a [`Transmit`] over TCP: "connect first".
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
}

/// Shows the length only: a message holds numbers and names.
impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transmit({}, {} octets)", self.flow, self.bytes.len())
    }
}
