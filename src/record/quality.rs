//! How one party of a call was heard, and heard us.

use serde::{Deserialize, Serialize};

/// The media of one leg in figures, from its first packet on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegQuality {
    /// Its number in the call; the caller's is 0.
    pub leg: u16,
    /// The trunk's name, or the account of a desk. Never a customer's data.
    pub party: String,
    /// As agreed last; empty where nothing was.
    pub codec: String,
    /// RTP packets.
    pub sent: u64,
    pub received: u64,
    /// Expected and not received.
    pub lost: u64,
    /// Received too late to be heard, where we decode.
    pub late: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1) of what we received.
    pub jitter_ms: u32,
    /// From RTCP; `None` where the peer answered no report.
    pub round_trip_ms: Option<u32>,
    /// What the peer reported of what it received.
    pub peer_lost: Option<u32>,
    pub peer_jitter_ms: Option<u32>,
    /// Mean opinion score of what we heard (E-model, ITU-T G.107), times 100; 0 where nothing was heard.
    pub mos_x100: u16,
}
