//! What only the network outside knows of a call: who sent it on to us, and whom of outside an agent called.

use serde::{Deserialize, Serialize};

use crate::base::Masked;

/// A number that was called before ours and sent the call on (RFC 5806, RFC 7044).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverted {
    pub number: Masked<String>,
    /// `unconditional`, `user-busy`, `no-answer`, … as RFC 5806 §4 names them; `unknown` where nobody said.
    pub reason: String,
}

/// A call to a number of the outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    pub number: Masked<String>,
    /// The trunk that carried it; empty where none could.
    pub trunk: String,
    /// Whether somebody answered.
    pub answered: bool,
    /// From the answer to the end of the talk. Milliseconds.
    pub talked_ms: u64,
}
