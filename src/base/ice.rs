//! What a browser leg's session description settles: how the way to it is found (ICE, RFC 8445) and by which
//! certificate it is known (DTLS-SRTP, RFC 5763).

use std::fmt;

use super::Rng;

/// The SHA-256 of a certificate (RFC 8122 §5): who shows another one is not whom the signalling named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn new(octets: [u8; 32]) -> Self {
        Fingerprint(octets)
    }

    /// `4A:AD:…`: thirty-two pairs of hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 32];
        let mut pairs = text.split(':');
        for octet in &mut octets {
            let pair = pairs.next().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Fingerprint(octets))
    }

    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02X}")?;
        }
        Ok(())
    }
}

/// One of our two certificates. A browser whose dialog becomes that of another leg of ours would go on with the keys of the
/// leg that is gone, if the new leg showed the same one (RFC 8842 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Certificate {
    First,
    Second,
}

impl Certificate {
    pub const fn other(self) -> Self {
        match self {
            Certificate::First => Certificate::Second,
            Certificate::Second => Certificate::First,
        }
    }
}

/// By which browsers know us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Certificates {
    pub first: Fingerprint,
    pub second: Fingerprint,
}

impl Certificates {
    pub const fn of(&self, certificate: Certificate) -> Fingerprint {
        match certificate {
            Certificate::First => self.first,
            Certificate::Second => self.second,
        }
    }
}

/// What one side's connectivity checks are known by (RFC 8445 §5.3). The password is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    ufrag: String,
    password: String,
}

impl Credentials {
    /// 40 and 160 random bits; the RFC wants 24 and 128.
    pub fn random(rng: &mut Rng) -> Self {
        Credentials { ufrag: rng.token(8), password: rng.token(32) }
    }

    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// For the session description and the check of a check alone.
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.ufrag)
    }
}

/// Who we are in the DTLS handshake (RFC 8842 §5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `a=setup:passive`: the peer begins.
    Server,
    /// `a=setup:active`.
    Client,
}

/// All that the handshake with a browser needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// What the peer's checks must know.
    pub ours: Credentials,
    /// Ours.
    pub certificate: Certificate,
    /// The peer's certificate.
    pub fingerprint: Fingerprint,
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let text =
            "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1";
        let read = Fingerprint::parse(text).expect("a fingerprint");
        assert_eq!(read.to_string(), text);
        assert_eq!(Fingerprint::parse(&text.to_lowercase()), Some(read));
        for wrong in [
            "",
            "4A:AD",
            &text[3..],
            &format!("{text}:00"),
            &text.replace("4A", "+4"),
            &text.replace("4A", "4G"),
        ] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn credentials_are_long_enough_and_their_password_is_not_printed() {
        let mut rng = Rng::from_number(1);
        let one = Credentials::random(&mut rng);
        assert!(one.ufrag().len() >= 4 && one.password().len() >= 22);
        assert!(!format!("{one:?}").contains(one.password()));
        assert_ne!(one, Credentials::random(&mut rng));
    }
}
