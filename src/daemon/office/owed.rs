//! What customers were promised, and whose their matters are.

use super::Office;
use crate::base::{CallId, Masked, Wall};
use crate::daemon::clock;
use crate::daemon::failure::Failure;
use crate::daemon::store::Store;
use crate::exchange::Command;
use crate::record::{Contact, Promise};
use crate::report::{Hop, Hopped, hops};

/// One matter, with the way that it went.
#[derive(Clone, Debug)]
pub struct MatterLine {
    pub matter: Contact,
    pub calls: usize,
    /// Through whose hands it went.
    pub way: Vec<Hop>,
}

impl MatterLine {
    /// How often it went to somebody in vain, or came back.
    pub fn bounces(&self) -> usize {
        self.way.iter().filter(|hop| matches!(hop.what, Hopped::Bounced | Hopped::CameBack)).count()
    }
}

impl Office {
    /// What is open; with a time, also what was promised since then and has ended. The earliest first.
    pub fn promises(&self, since: Option<Wall>) -> Result<Vec<Promise>, Failure> {
        self.store(|store| Ok(store.promises(since)?))
    }

    /// An agent has said that they call a customer back.
    pub fn promise(&self, extension: String, number: Masked<String>, due: Wall) -> Result<(), Failure> {
        self.done(Command::Promise { extension, number, due })
    }

    /// A person has kept it, or sees to it from now on.
    pub fn settle_promise(&self, promise: CallId, kept: bool) -> Result<(), Failure> {
        self.done(Command::SettlePromise { promise, kept })
    }

    /// Those that are open: the time within which a repeat call is its owner's has not passed. The latest call first.
    pub fn matters(&self, owner: Option<&str>, most: usize) -> Result<Vec<MatterLine>, Failure> {
        self.store(|store| {
            let found = store.matters(clock::now().wall, owner, most)?;
            let line = |matter: Contact| {
                let calls = store.calls_of(&matter.number, matter.since)?;
                let way = calls.iter().flat_map(|call| hops(&call.stages)).collect();
                Ok(MatterLine { matter, calls: calls.len(), way })
            };
            found.into_iter().map(line).collect()
        })
    }
}
