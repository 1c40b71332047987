//! The exchange under a virtual clock: a whole bank's day in a second, the same again from the same seed.
//!
//! [`World`] runs the real [`Exchange`](crate::exchange::Exchange) with phones that speak real SIP and SDP over
//! a network that loses and jumbles, people who listen, choose, wait and give up, agents who come and go, a
//! disk that may fail. [`Checker`] watches what goes in and comes out and names every sentence that does not
//! hold; [`Sabotage`] proves of each that it would be noticed. [`day`](fn@day) is a working day of a bank with
//! everything that goes wrong on one, in two phases: first faults and safety, then quiet, in which everything
//! has to come to its end.
//!
//! Architecture invariant: no decision of the product is made here, and no file, socket, thread or real clock
//! is used. A seed is a proof: the same seed gives the same output, byte for byte.

mod agenda;
mod attacker;
mod boxes;
mod called;
mod caller;
mod chance;
mod checker;
mod day;
mod desk;
mod digest;
mod ears;
mod faults;
mod house;
mod ladder;
mod line;
mod media_model;
mod network;
mod office;
mod report;
mod sabotage;
mod setup;
mod transcript;
mod trunk;
mod world;

pub use called::Ring;
pub use caller::{Act, Caller, Listening, MessageHabit, Nature, Person, When, Wish};
pub use checker::{Broken, Checker, Invariant};
pub use day::{Canary, Day, day, staff};
pub use desk::{Desk, DeskAct, Habits, Reaction};
pub use faults::{Fault, WEIGHTED};
pub use house::{Exchanges, House};
pub use ladder::Ladder;
pub use media_model::Cue;
pub use network::{CALLERS, Conditions, GATEWAY, HOTLINE, Phone};
pub use report::{QueueFigures, Report};
pub use sabotage::Sabotage;
pub use setup::{Setup, Watch};
pub use transcript::{Met, Moment};
pub use world::World;
