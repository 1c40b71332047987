//! The four transaction machines of RFC 3261 §17 with the corrections of RFC 6026.
//!
//! A machine knows neither messages nor time nor the network: it takes an input (a request or response of
//! some kind came in, the user sends a response, a timer fired, the transport failed) and appends the actions
//! that follow, which the endpoint carries out in order. So a machine is a table that can be compared with
//! the RFC's figure arm by arm, and tested as input -> exact list of actions.

mod client_invite;
mod client_non_invite;
#[cfg(test)]
mod orders;
mod server_invite;
mod server_non_invite;
mod timer;

use std::time::Duration;

pub use client_invite::ClientInvite;
pub use client_non_invite::ClientNonInvite;
pub use server_invite::ServerInvite;
pub use server_non_invite::ServerNonInvite;
pub use timer::{Timer, Timing};

/// What a response is to a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// 100 to 199.
    Provisional,
    /// 200 to 299.
    Success,
    /// 300 to 699.
    Failure,
}

impl Class {
    /// By its status code.
    pub const fn of(status: u16) -> Class {
        match status {
            0..200 => Class::Provisional,
            200..300 => Class::Success,
            _ => Class::Failure,
        }
    }
}

/// What happens to a client machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientInput {
    /// A response from the network.
    Response(Class),
    /// A timer that an earlier action set.
    Fired(Timer),
    /// The request could not be sent, or its connection closed.
    TransportFailed,
    /// The user wants no answer any more: an INVITE that was cancelled waits for its final response no longer
    /// than 64 × T1 (RFC 3261 §9.1).
    Abandon,
}

/// What happens to a server machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerInput {
    /// The same request again from the network.
    Request,
    /// An ACK from the network (INVITE only).
    Ack,
    /// The user sends a response.
    Respond(Class),
    /// A timer that an earlier action set.
    Fired(Timer),
    /// The response could not be sent, or its connection closed.
    TransportFailed,
}

/// What an endpoint does for a machine, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send the request, or the response just given, and keep it for repetition.
    Send,
    /// Send the same request, or the last response, once more.
    SendAgain,
    /// Send (again) the ACK of a refusal (RFC 3261 §17.1.1.3).
    Acknowledge,
    /// Hand the message to the transaction's user.
    Pass,
    /// Nothing: the message is a repetition, or comes when it no longer matters.
    Absorb,
    /// Start a timer, or start it anew.
    Set(Timer, Duration),
    /// Stop a timer, if it runs.
    Clear(Timer),
    /// Tell the user that the peer never answered, or never acknowledged.
    TimedOut,
    /// Tell the user that the peer cannot be reached.
    Unreachable,
    /// Forget the transaction and its timers.
    Terminate,
}
