//! Voice: RTP in, RTP out, and what lies between them. Sans-IO: packets, commands and the time come in,
//! packets, events and recorded audio go out; sockets, threads and files are the host's.
//!
//! ```text
//!            handle_packet                       poll_output
//!   peer A ---> session --+--> bridge ---------> session ---> peer B
//!                |        |                         ^
//!              digits   recorder --> Audio     player, silence   (handle_tick, 20 ms slots)
//! ```
//!
//! One [`Engine`] serves the legs of one worker thread; both legs of a bridge are always in the same engine.
//! Inside, audio is linear or G.711, at 8 kHz, in frames of 20 ms; outside it is what each leg agreed on
//! ([`Codec`](crate::base::Codec)). Packets between legs of equal codecs pass without being decoded.

mod bridge;
mod codec;
mod command;
mod conceal;
mod config;
mod digit;
mod dtmf;
mod ear;
mod engine;
mod event;
mod inband;
mod jitter;
mod latch;
mod library;
mod mixer;
mod noise;
mod outbox;
mod outgoing;
mod over;
mod pitch;
mod player;
mod quality;
mod reception;
mod recorder;
mod resample;
mod rtcp;
mod rtp;
mod session;
#[cfg(test)]
mod speech;
pub mod srtp;
mod stretch;
mod timeline;
mod voice;

use codec::g711;

pub use codec::g711::{decode, encode};
pub use codec::{Decoder, Encoder};
pub use command::{Channel, Command, Sound, Stream};
pub use config::{Config, JITTER_MOST_MS};
pub use digit::Digit;
pub use engine::{Counters, Engine};
pub use event::{Audio, DigitMeans, EndWhy, Event};
pub use inband::Detector;
pub use library::{Library, LibraryError};
pub use outbox::Output;
pub use quality::QualityReport;
pub use rtp::Header;
pub use session::Seat;

/// Samples a second of prompts, recordings and what is mixed.
pub const SAMPLE_RATE: u32 = 8000;
/// Length of a frame in milliseconds.
pub const FRAME_MS: u64 = 20;
/// Samples of a frame at that rate; also its octets in G.711.
pub const FRAME_SAMPLES: usize = 160;
