//! The lock-free core held against the sequential one, and against threads.

use super::Core;
use crate::queue::*;

mod differential;
/// The tests of the policy, which know nothing of how a core is built.
#[path = "../../tests/mod.rs"]
mod policy;
mod threads;
