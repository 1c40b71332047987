//! The way that a peer's keys come to us.

use serde::{Deserialize, Serialize};

/// By which means a peer's keys are taken: what the settings say of its trunk or desk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigitWay {
    /// Telephone events where offer and answer agree on them, else tones in the voice; and SIP INFO beside either, each
    /// press once.
    #[default]
    Auto,
    /// Telephone events (RFC 4733) and nothing else.
    Events,
    /// SIP INFO and nothing else.
    Info,
    /// Tones in the voice and nothing else: for a peer that agrees on events and sends none.
    InBand,
}

impl DigitWay {
    /// Whether our session descriptions name telephone events.
    pub const fn has_events(self) -> bool {
        matches!(self, DigitWay::Auto | DigitWay::Events)
    }

    pub const fn has_info(self) -> bool {
        matches!(self, DigitWay::Auto | DigitWay::Info)
    }

    /// Whether tones in the voice are keys: never where events were agreed, for the same press would come in both.
    pub const fn has_tones(self, events_agreed: bool) -> bool {
        match self {
            DigitWay::Auto => !events_agreed,
            DigitWay::InBand => true,
            DigitWay::Events | DigitWay::Info => false,
        }
    }
}
