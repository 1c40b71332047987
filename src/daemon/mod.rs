//! The shell: the only room with sockets, files, threads and the real clock. It carries things in and out and
//! decides nothing; what a simulation cannot exercise does not belong here.
//!
//! ```text
//!   transport (UDP, TCP) --+                         +--> transport
//!   media workers ---------+--> driver <-> exchange -+--> media workers <-> recorder --> WAV files
//!   control socket, web ---+   (one thread)          +--> records (store thread) --> SQLite
//!   signals, clock --------+                         +--> log, service manager
//! ```
//!
//! The control plane is one thread with a tokio runtime, and by setting some more that carry a share of the calls and
//! have no sockets ([`exchanges`]); voice is on plain threads; whatever touches a disk has a thread of its own. Threads
//! do not grow with calls.

pub mod accounts;
mod backlog;
pub mod banner;
pub mod boxes;
mod browsers;
pub mod calendars;
pub mod clock;
pub mod commands;
pub mod control;
pub mod counters;
pub mod demo;
pub mod dialplans;
pub mod dns;
mod driver;
mod events;
pub mod exchanges;
mod failure;
mod gauges;
pub mod heartbeat;
mod inbox;
mod keeper;
mod loaded;
pub mod logging;
pub mod notify;
pub mod office;
mod plays;
pub mod post;
mod priority;
pub mod prompts;
pub mod recorder;
mod records;
mod serve;
mod settings;
pub mod state;
pub mod store;
mod tap;
pub mod trace;
pub mod transport;
pub mod users;
pub mod versions;
pub mod web;
pub mod workers;

pub use banner::Ready;
pub use failure::Failure;
pub use loaded::{Load, Loaded};
pub use serve::{Stopper, run};
pub use settings::{Drain, Settings};
