//! Words: what every room of the house may use and what uses none of them.
//!
//! Typed ids, the two clocks, confidential values, seeded randomness, the prompt catalogue. Nothing here
//! reads a clock, opens a file or knows SIP.

mod away;
mod codec;
mod digits;
pub mod ice;
mod id;
mod masked;
mod prompt;
mod rng;
pub mod srtp;
mod time;
mod urgent;

pub use away::AwayReason;
pub use codec::{Codec, Codecs, Law};
pub use digits::DigitWay;
pub use id::{AgentId, CallId, Ids, LegId, PlayId, QueueId, RecordingId, SlipId};
pub use masked::Masked;
pub use prompt::{Catalog, CatalogError, Clip, Language, PromptId, PromptInfo};
pub use rng::Rng;
pub use time::{Instant, Now, Wall};
pub use urgent::UrgentAnswer;
