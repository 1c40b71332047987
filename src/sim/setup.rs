//! What a world begins with.

use std::sync::Arc;

use super::desk::Desk;
use super::house::Exchanges;
use super::network::Conditions;
use super::sabotage::Sabotage;
use crate::base::Wall;
use crate::dialplan::Plan;
use crate::exchange::Config;

/// How closely the exchange's own invariants are watched. The checker outside watches always.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    /// After every so many inputs, and at the end.
    Every(u64),
    /// After each input, the queue core's too: a broken one panics on the spot.
    Closely,
}

/// What a world begins with.
pub struct Setup {
    pub plan: Arc<Plan>,
    /// What [`Fault::Reload`] puts in force, in turns with `plan`; with the same catalogue.
    pub other_plan: Option<Arc<Plan>>,
    pub seed: u64,
    /// What the wall clock shows at the beginning.
    pub wall: Wall,
    pub conditions: Conditions,
    pub desks: Vec<Desk>,
    pub watch: Watch,
    pub ladder: bool,
    /// Whether [`World::met`] is kept.
    pub transcript: bool,
    pub sabotage: Option<Sabotage>,
    pub exchanges: Exchanges,
    /// Changes to the exchange's configuration.
    pub configure: fn(&mut Config),
}

impl Setup {
    /// A quiet world without desks, closely watched, on a Monday morning at 10 in Beijing.
    pub fn new(plan: Arc<Plan>) -> Self {
        Setup {
            plan,
            other_plan: None,
            seed: 1,
            wall: Wall::from_micros(1_795_399_200_000_000),
            conditions: Conditions::QUIET,
            desks: Vec::new(),
            watch: Watch::Closely,
            ladder: false,
            transcript: false,
            sabotage: None,
            exchanges: Exchanges::ONE,
            configure: |_| {},
        }
    }
}
