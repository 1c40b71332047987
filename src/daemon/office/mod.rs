//! What can be asked of the hotline and ordered of it: the same for the command line and for the web, which say and show
//! it each in its own way.
//!
//! Orders go to the daemon, by its control socket or from within it; what outlives calls is read from the store, and some
//! of it is changed there, after which the daemon is told. All of it may wait for a disk or for the exchange.

mod cases;
mod dialplan;
mod messages;
mod owed;
mod users;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::CallId;
use crate::call::{How, Manner};
use crate::exchange::{
    AgentChange, AgentLine, CallLine, CallbackLine, Command, MatchLine, QueueLine, Reply, StatusLine,
    UrgentLine,
};

use super::control::{self, Order, Response, Shell};
use super::failure::Failure;
use super::state;
use super::store::Sqlite;

pub use cases::Acceptance;
pub use dialplan::InForce;
pub use messages::parts;
pub use owed::MatterLine;
pub use users::{NewToken, NewUser};

/// Connections to the store that are kept for who comes next.
const KEPT: usize = 8;

/// Whom orders are given to.
type Ask = dyn Fn(Order, &str) -> Result<Response, Failure> + Send + Sync;

pub struct Office {
    folder: PathBuf,
    ask: Box<Ask>,
    stores: Mutex<Vec<Sqlite>>,
}

impl Office {
    /// Of the daemon that owns the state folder; of its store alone, where none runs.
    pub fn at(folder: &Path) -> Office {
        let to = folder.to_owned();
        Office::with(folder, move |order, _| control::ask(&to, &order))
    }

    /// `ask` gives an order, with who wants it done, and waits for the answer.
    pub fn with(
        folder: &Path,
        ask: impl Fn(Order, &str) -> Result<Response, Failure> + Send + Sync + 'static,
    ) -> Office {
        Office { folder: folder.to_owned(), ask: Box::new(ask), stores: Mutex::default() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One thing done with the store.
    ///
    /// # Errors
    /// No hotline has run with this folder yet; the file cannot be opened; what `work` says.
    pub fn store<R>(&self, work: impl FnOnce(&mut Sqlite) -> Result<R, Failure>) -> Result<R, Failure> {
        let kept = self.stores().pop();
        let mut store = match kept {
            Some(store) => store,
            None => Sqlite::open_existing(&state::database(&self.folder))?,
        };
        // A connection that failed is opened anew by who comes next.
        let result = work(&mut store)?;
        let mut stores = self.stores();
        if stores.len() < KEPT {
            stores.push(store);
        }
        Ok(result)
    }

    fn stores(&self) -> MutexGuard<'_, Vec<Sqlite>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// No hotline runs, or it did not answer.
    pub fn order(&self, order: Order) -> Result<Response, Failure> {
        self.order_by(order, "hotline")
    }

    fn order_by(&self, order: Order, by: &str) -> Result<Response, Failure> {
        (self.ask)(order, by)
    }

    fn command(&self, command: Command) -> Result<Reply, Failure> {
        match self.order(Order::Exchange(command))? {
            Response::Reply(Reply::Refused(reason)) => Err(Failure::Refused(reason)),
            Response::Reply(reply) => Ok(reply),
            other => Err(refused(other)),
        }
    }

    /// # Errors
    /// It was refused, and why.
    pub fn done(&self, command: Command) -> Result<(), Failure> {
        match self.command(command)? {
            Reply::Done => Ok(()),
            other => Err(refused(Response::Reply(other))),
        }
    }

    // -- the floor --

    pub fn agents(&self) -> Result<Vec<AgentLine>, Failure> {
        match self.command(Command::Agents)? {
            Reply::Agents(agents) => Ok(agents),
            other => Err(refused(Response::Reply(other))),
        }
    }

    pub fn set_agent(&self, extension: String, change: AgentChange) -> Result<(), Failure> {
        self.done(Command::SetAgent { extension, change })
    }

    /// The calls that run.
    pub fn running(&self) -> Result<Vec<CallLine>, Failure> {
        match self.command(Command::Calls)? {
            Reply::Calls(calls) => Ok(calls),
            other => Err(refused(Response::Reply(other))),
        }
    }

    /// The desk rings, or takes part in another manner.
    pub fn supervise(&self, call: CallId, extension: String, manner: Manner) -> Result<(), Failure> {
        self.done(Command::Supervise { call, extension, manner })
    }

    /// The agent of this call hands the caller on.
    pub fn transfer(&self, call: CallId, to: String, how: How) -> Result<(), Failure> {
        self.done(Command::Transfer { call, to, how })
    }

    /// Another queue or another head start for a call that waits.
    pub fn change_waiting(
        &self,
        call: CallId,
        queue: Option<String>,
        credit_s: Option<u64>,
    ) -> Result<(), Failure> {
        let credit_ms = credit_s.map(|seconds| seconds.saturating_mul(1000));
        self.done(Command::ChangeWaiting { call, queue, credit_ms })
    }

    /// Each offer of the call with everybody who was considered for it.
    pub fn why(&self, call: CallId) -> Result<Vec<MatchLine>, Failure> {
        match self.command(Command::Why { call })? {
            Reply::Why(matches) => Ok(matches),
            other => Err(refused(Response::Reply(other))),
        }
    }

    /// Who is asked what becomes of an urgent caller.
    pub fn urgents(&self) -> Result<Vec<UrgentLine>, Failure> {
        match self.command(Command::Urgents)? {
            Reply::Urgents(urgents) => Ok(urgents),
            other => Err(refused(Response::Reply(other))),
        }
    }

    /// What is owed to customers who gave up the line and kept their place.
    pub fn callbacks(&self) -> Result<Vec<CallbackLine>, Failure> {
        match self.command(Command::Callbacks)? {
            Reply::Callbacks(callbacks) => Ok(callbacks),
            other => Err(refused(Response::Reply(other))),
        }
    }

    /// Each with who waits, talks and is there; read from the queue core itself, however busy the exchanges are.
    pub fn queues(&self) -> Result<Vec<QueueLine>, Failure> {
        match self.order(Order::Queues)? {
            Response::Queues(queues) => Ok(queues),
            other => Err(refused(other)),
        }
    }

    // -- the house --

    pub fn status(&self) -> Result<(Box<StatusLine>, Shell), Failure> {
        match self.order(Order::Status)? {
            Response::Status { exchange, shell } => Ok((exchange, shell)),
            other => Err(refused(other)),
        }
    }

    /// Tells the daemon what was changed in the store. Without one its next start sees it. What went wrong, in words.
    fn tell(&self, order: Order) -> Option<String> {
        match self.order(order) {
            Ok(_) | Err(Failure::NotRunning { .. }) => None,
            Err(failure) => Some(format!("the daemon could not be told: {failure}")),
        }
    }
}

/// What is not the answer that was asked for.
pub fn refused(response: Response) -> Failure {
    match response {
        Response::Refused(reason) | Response::Reply(Reply::Refused(reason)) => Failure::Refused(reason),
        _ => Failure::Other("the hotline answered something else: is it of another version?".to_owned()),
    }
}
