//! Endpoints that talk to each other over a network of the tests' own, under a virtual clock.

mod calls;
mod challenged;
mod early;
mod races;
mod refer;
mod refusals;
mod reliable;
mod renegotiation;
mod replaces;
mod rfc3665;
mod shedding;
mod storm;
mod subscriptions;
mod ways;
mod world;
