//! The lock-free core held against the sequential one, and against threads.

use crate::queue::sequential::Core;
use crate::queue::*;

mod differential;
mod meanwhile;
#[cfg(shuttle)]
mod mixes;
/// The tests of the policy, which know nothing of how a core is built, once more: on the sequential core.
#[path = "../../tests/mod.rs"]
mod oracle;
mod stalls;
mod threads;
