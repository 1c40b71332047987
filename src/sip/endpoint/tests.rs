//! Endpoints that talk to each other over a network of the tests' own, under a virtual clock.

mod calls;
mod challenged;
mod races;
mod refusals;
mod renegotiation;
mod storm;
mod subscriptions;
mod world;
