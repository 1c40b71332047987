//! The audio codecs that a session description can agree on and the media engine can carry.

use std::fmt;

/// A codec that every part of the house can speak. One channel, whatever its description says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// G.711 A-law (RFC 3551 §4.5.14): 8 kHz, one octet a sample.
    Pcma,
    /// G.711 µ-law (RFC 3551 §4.5.14): 8 kHz, one octet a sample.
    Pcmu,
    /// G.722 at 64 kbit/s (RFC 3551 §4.5.2): 16 kHz, one octet for two samples.
    G722,
    /// Opus (RFC 6716, RFC 7587): packets of any length that tell their own time.
    #[cfg(feature = "opus")]
    Opus,
}

/// Codecs in order of preference, each once; at least one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Codecs([Option<Codec>; Codec::ALL.len()]);

/// The two laws of G.711, between which a table translates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Law {
    A,
    Mu,
}

impl Codec {
    /// In the order of our offers, where no setting says otherwise: first those that cost nothing, for a bridge of
    /// equal codecs forwards and a prompt is encoded once for all; then by what they cost.
    #[cfg(feature = "opus")]
    pub const ALL: [Codec; 4] = [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus];
    #[cfg(not(feature = "opus"))]
    pub const ALL: [Codec; 3] = [Codec::Pcma, Codec::Pcmu, Codec::G722];

    /// What a table translates and forwarding costs least.
    pub const G711: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

    /// The encoding name of `a=rtpmap` (RFC 8866 §6.6).
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
            Codec::G722 => "G722",
            #[cfg(feature = "opus")]
            Codec::Opus => "opus",
        }
    }

    /// By its encoding name, in any case.
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// The RTP clock in Hz. G.722's is half its sample rate, by a mistake that became the standard (RFC 3551
    /// §4.5.2); Opus's is 48 kHz whatever is encoded (RFC 7587 §4.1).
    pub const fn clock_rate(self) -> u32 {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 8000,
            #[cfg(feature = "opus")]
            Codec::Opus => 48_000,
        }
    }

    /// Samples a second of what is decoded and encoded. Opus is decoded at 16 kHz: nothing that it is mixed with or
    /// translated to has more, and what two Opus phones say to each other is forwarded and never decoded.
    pub const fn sample_rate(self) -> u32 {
        match self {
            Codec::Pcma | Codec::Pcmu => 8000,
            Codec::G722 => 16_000,
            #[cfg(feature = "opus")]
            Codec::Opus => 16_000,
        }
    }

    /// The channels of `a=rtpmap`, where they are written: Opus is always described with two, and each packet says
    /// how many it has (RFC 7587 §7).
    pub const fn described_channels(self) -> Option<u8> {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => None,
            #[cfg(feature = "opus")]
            Codec::Opus => Some(2),
        }
    }

    /// The payload type of RFC 3551 table 4; `None` where each description gives its own.
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcma => Some(8),
            Codec::Pcmu => Some(0),
            Codec::G722 => Some(9),
            #[cfg(feature = "opus")]
            Codec::Opus => None,
        }
    }

    /// The payload type that our own offers give it.
    pub const fn offered_payload_type(self) -> u8 {
        match self.static_payload_type() {
            Some(number) => number,
            None => 111,
        }
    }

    /// What `a=fmtp` says of us (RFC 7587 §6.1): one channel each way, and a packet after a loss may repair it.
    pub const fn parameters(self) -> Option<&'static str> {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => None,
            #[cfg(feature = "opus")]
            Codec::Opus => Some("useinbandfec=1;stereo=0;sprop-stereo=0"),
        }
    }

    /// Which law, if it is G.711.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcma => Some(Law::A),
            Codec::Pcmu => Some(Law::Mu),
            _ => None,
        }
    }
}

impl Law {
    pub const ALL: [Law; 2] = [Law::A, Law::Mu];

    pub const fn other(self) -> Law {
        match self {
            Law::A => Law::Mu,
            Law::Mu => Law::A,
        }
    }
}

impl Codecs {
    /// What comes again does not count; `None` where nothing is left.
    pub fn new(codecs: impl IntoIterator<Item = Codec>) -> Option<Codecs> {
        let mut list = Codecs([None; Codec::ALL.len()]);
        for codec in codecs {
            if !list.contains(codec)
                && let Some(room) = list.0.iter_mut().find(|room| room.is_none())
            {
                *room = Some(codec);
            }
        }
        list.iter().next().is_some().then_some(list)
    }

    pub fn iter(&self) -> impl Iterator<Item = Codec> {
        self.0.iter().flatten().copied()
    }

    pub fn contains(&self, codec: Codec) -> bool {
        self.0.contains(&Some(codec))
    }

    /// The same, with `first` before the others if it is among them.
    pub fn led_by(self, first: Option<Codec>) -> Codecs {
        let first = first.filter(|codec| self.contains(*codec));
        Codecs::new(first.into_iter().chain(self.iter())).unwrap_or(self)
    }
}

/// All, in the order of [`Codec::ALL`].
impl Default for Codecs {
    fn default() -> Self {
        Codecs(Codec::ALL.map(Some))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_order_and_takes_each_codec_once() {
        let list = Codecs::new([Codec::G722, Codec::Pcmu, Codec::G722]).expect("two");
        assert_eq!(list.iter().collect::<Vec<_>>(), [Codec::G722, Codec::Pcmu]);
        assert_eq!(list.led_by(Some(Codec::Pcmu)).iter().collect::<Vec<_>>(), [Codec::Pcmu, Codec::G722]);
        assert_eq!(list.led_by(Some(Codec::Pcma)), list, "what is not allowed is not asked for");
        assert_eq!(list.led_by(None), list);
        assert_eq!(Codecs::new([]), None);
        assert_eq!(Codecs::default().iter().collect::<Vec<_>>(), Codec::ALL);
    }

    #[test]
    fn names_in_any_case() {
        assert!(
            Codec::ALL.iter().all(|codec| Codec::from_name(&codec.name().to_lowercase()) == Some(*codec))
        );
        assert_eq!(Codec::from_name("G729"), None);
    }
}
