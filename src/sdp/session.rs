//! A session description as data, and its printed form.

use std::fmt;
use std::net::IpAddr;

use super::Direction;

/// A description (RFC 8866 §5). Lines that nothing here needs (`b=`, `k=`, `i=` …) are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    pub origin: Option<Origin>,
    /// `c=` of the session: valid for every stream that has none of its own.
    pub connection: Option<Connection>,
    /// `a=` lines before the first `m=`.
    pub attributes: Vec<Attribute>,
    pub media: Vec<Media>,
}

/// `o=`: kept as written, for it identifies only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub user: String,
    pub session_id: String,
    pub version: String,
    pub address: Connection,
}

/// `c=`, or the address part of another line. The address is text: it may be a name, which nothing here resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// `IP4` or `IP6`, as written.
    pub family: String,
    /// Without time-to-live and number of addresses.
    pub address: String,
}

/// `a=name` or `a=name:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub value: Option<String>,
}

/// One stream: `m=` and the lines under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// 0: refused, or ended.
    pub port: u16,
    /// `RTP/AVP`, …
    pub protocol: String,
    /// Payload types for RTP; else whatever the protocol uses.
    pub formats: Vec<String>,
    pub connection: Option<Connection>,
    pub attributes: Vec<Attribute>,
}

impl Session {
    /// The first value of an attribute of a stream, or of the session where the stream has none.
    pub fn attribute<'a>(&'a self, media: &'a Media, name: &str) -> Option<&'a Attribute> {
        let named = |all: &'a [Attribute]| all.iter().find(|a| a.name.eq_ignore_ascii_case(name));
        named(&media.attributes).or_else(|| named(&self.attributes))
    }

    /// Direction of a stream: its own, else the session's, else `sendrecv` (RFC 8866 §6.7).
    pub fn direction(&self, media: &Media) -> Direction {
        let said = |all: &[Attribute]| all.iter().rev().find_map(|a| Direction::from_name(&a.name));
        said(&media.attributes).or_else(|| said(&self.attributes)).unwrap_or_default()
    }

    /// `c=` that holds for a stream.
    pub fn connection<'a>(&'a self, media: &'a Media) -> Option<&'a Connection> {
        media.connection.as_ref().or(self.connection.as_ref())
    }
}

/// As RFC 8866 §5 orders the lines; those that it requires and the data lacks are made up.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=0\r\n")?;
        if let Some(Origin { user, session_id, version, address }) = &self.origin {
            write!(f, "o={user} {session_id} {version} {address}\r\n")?;
        }
        f.write_str("s=-\r\n")?;
        if let Some(connection) = &self.connection {
            write!(f, "c={connection}\r\n")?;
        }
        f.write_str("t=0 0\r\n")?;
        self.attributes.iter().try_for_each(|attribute| write!(f, "a={attribute}\r\n"))?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {}", self.kind, self.port, self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        f.write_str("\r\n")?;
        if let Some(connection) = &self.connection {
            write!(f, "c={connection}\r\n")?;
        }
        self.attributes.iter().try_for_each(|attribute| write!(f, "a={attribute}\r\n"))
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IN {} {}", self.family, self.address)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}:{value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl From<IpAddr> for Connection {
    fn from(address: IpAddr) -> Self {
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        Connection { family: family.to_owned(), address: address.to_string() }
    }
}

impl Attribute {
    pub fn new(name: &str, value: impl fmt::Display) -> Self {
        Attribute { name: name.to_owned(), value: Some(value.to_string()) }
    }

    /// One without a value.
    pub fn flag(name: &str) -> Self {
        Attribute { name: name.to_owned(), value: None }
    }
}

impl Media {
    /// The same stream, refused (RFC 3264 §6).
    pub fn refused(&self) -> Self {
        Media { port: 0, connection: None, attributes: Vec::new(), ..self.clone() }
    }
}
