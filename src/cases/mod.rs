//! A dialplan's own tests: calls as an administrator writes them down, made to the real exchange.
//!
//! ```text
//!   tests/*.toml ──► read ──► Case ──┐
//!   dialplans ─────► Plan ───────────┴─► run ──► Verdict ──► story of the call, coverage
//!                                    └─► Trial: the same call by hand, step after step ──► the text of a case
//! ```
//!
//! A case says who calls, when, what they press and what they must hear, who answers the phones meanwhile, and how the
//! call ends. Each is made in a world of its own ([`sim`](crate::sim)): the interpreter, the queue core, the calls and
//! the signalling are those of the daemon; only the clock, the network and the phones are not.
//!
//! Architecture invariant: nothing here decides anything that the product decides, and no file, thread or clock is
//! named: the same cases give the same verdicts.

mod bench;
mod case;
mod coverage;
mod listing;
mod read;
mod run;
mod story;
mod trial;

pub use bench::shows;
pub use case::{Case, Conduct, Expected, Person, Step, Wanted};
pub use coverage::Coverage;
pub use listing::listing;
#[cfg(feature = "daemon")]
pub(crate) use read::written;
pub use read::{read, reference};
pub use run::{Fault, Verdict, Walk, run};
pub use story::{Line, Story};
pub use trial::{Trial, deed};
