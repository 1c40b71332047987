//! Tells people outside of message slips: mails with the recording, and a web hook.
//!
//! ```text
//!   store: deliveries that are due --> one lane for mails, one for the web hook, each a thread of its own
//!                                       arrived: out of the store      in vain: later, less and less often
//! ```
//!
//! What is to be told lies in the store until it has arrived or is given up, so that no crash loses it; what has arrived
//! in the moment of a crash arrives twice, under the same number. No thread of calls or voices waits for a server.

mod hook;
mod letter;
mod mail;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};
use jiff::tz::TimeZone;

use crate::base::{Masked, Wall};
use crate::record::{Failed, MessageSlip, Occasion, Posted, Record, Target};
use crate::slips::pause_after;

use super::counters::Counters;
use super::failure::Failure;
use super::store::{Due, Store};

/// Handed to one lane and not done with. Others wait in the store.
const IN_A_LANE: usize = 4;

/// Looked up in the store at a time.
const AT_ONCE: usize = 16;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub mail: Option<mail::Config>,
    pub hook: Option<hook::Config>,
    /// PEM: whom we believe; `None` for the system's authorities.
    pub ca: Option<PathBuf>,
}

pub use hook::Config as HookConfig;
pub use mail::{Config as MailConfig, Encryption as MailEncryption};

/// What one lane is to tell.
struct Parcel {
    number: u64,
    occasion: Occasion,
    /// Whom to mail; empty for the web hook.
    to: Masked<String>,
    slip: MessageSlip,
    zone: TimeZone,
}

/// Why it did not arrive.
#[derive(Debug, PartialEq, Eq)]
struct Trouble {
    /// Nothing of the message's content.
    why: String,
    /// No further try would do better.
    for_good: bool,
}

/// What came of a parcel.
pub(super) struct Outcome {
    number: u64,
    result: Result<(), Trouble>,
}

pub(super) struct Post {
    mail: Option<Sender<Parcel>>,
    hook: Option<Sender<Parcel>>,
    /// What the lanes have, and how many tries each had before.
    under_way: BTreeMap<u64, u32>,
    counters: Arc<Counters>,
}

impl Post {
    /// `done` hears of each parcel, on the lanes' threads.
    ///
    /// # Errors
    /// A certificate that cannot be read, an address that is none, a thread that cannot be started.
    pub(super) fn start(
        config: &Config,
        state: &Path,
        counters: Arc<Counters>,
        done: impl Fn(Outcome) + Clone + Send + 'static,
    ) -> Result<Post, Failure> {
        let ca = config.ca.as_deref();
        let mail = match &config.mail {
            Some(config) => {
                let mailer = mail::Mailer::new(config, ca, state)?;
                Some(lane("mail", done.clone(), move |parcel| mailer.send(parcel))?)
            }
            None => None,
        };
        let hook = match &config.hook {
            Some(config) => {
                let caller = hook::Caller::new(config, ca)?;
                Some(lane("web hook", done, move |parcel| caller.send(parcel))?)
            }
            None => None,
        };
        Ok(Post { mail, hook, under_way: BTreeMap::new(), counters })
    }

    /// Hands out what is due, as far as the lanes have room. What is to be written at once comes back.
    pub(super) fn hand_out(&mut self, store: &impl Store, zone: &TimeZone, now: Wall) -> Vec<Record> {
        let due = match store.due(now, self.under_way.len() + AT_ONCE) {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "mails and web hooks that are due could not be read");
                return Vec::new();
            }
        };
        let mut settled = Vec::new();
        for one in due {
            if self.under_way.contains_key(&one.number) {
                continue;
            }
            let slip = match store.slip(one.delivery.slip) {
                Ok(Some(slip)) => slip,
                // Nobody needs to hear of what is no more.
                Ok(None) => {
                    settled.push(posted(one.number, None));
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "a message slip could not be read");
                    continue;
                }
            };
            if one.delivery.occasion != Occasion::New && slip.state.is_settled() {
                settled.push(posted(one.number, None));
                continue;
            }
            settled.extend(self.hand(one, slip, zone));
        }
        settled
    }

    fn hand(&mut self, due: Due, slip: MessageSlip, zone: &TimeZone) -> Option<Record> {
        let Due { number, delivery, tries } = due;
        let (lane, to, what) = match delivery.to {
            Target::Mail(to) => (&self.mail, to, "a mail is asked for, and no mail server is set"),
            Target::Hook => (&self.hook, Masked::default(), "the web hook is no longer set"),
        };
        let Some(lane) = lane else {
            tracing::warn!(slip = %slip.slip, "{what}");
            return Some(posted(number, Some(Failed { why: what.to_owned(), again: None })));
        };
        let parcel = Parcel { number, occasion: delivery.occasion, to, slip, zone: zone.clone() };
        match lane.try_send(parcel) {
            Ok(()) => {
                self.under_way.insert(number, tries);
            }
            // Asked again when a parcel is done with.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!("the thread of mails or the web hook is gone")
            }
        }
        None
    }

    /// What is to be written of an outcome.
    pub(super) fn done(&mut self, outcome: Outcome, now: Wall) -> Record {
        let Outcome { number, result } = outcome;
        let tries = self.under_way.remove(&number).unwrap_or(0).saturating_add(1);
        let failed = result.err().map(|Trouble { why, for_good }| {
            let pause = pause_after(tries).filter(|_| !for_good);
            match pause {
                Some(pause) => {
                    tracing::warn!(delivery = number, tries, why, ?pause, "not delivered: tried again")
                }
                None => {
                    self.counters.posts_given_up.add_one();
                    tracing::error!(
                        delivery = number,
                        tries,
                        why,
                        "not delivered and given up: it is in its box"
                    );
                }
            }
            Failed { why, again: pause.map(|pause| now + pause) }
        });
        if failed.is_none() {
            self.counters.posts_delivered.add_one();
        }
        posted(number, failed)
    }
}

fn posted(delivery: u64, failed: Option<Failed>) -> Record {
    Record::Posted(Box::new(Posted { delivery, failed }))
}

fn lane(
    name: &str,
    done: impl Fn(Outcome) + Send + 'static,
    send: impl Fn(&Parcel) -> Result<(), Trouble> + Send + 'static,
) -> Result<Sender<Parcel>, Failure> {
    let (sender, parcels) = crossbeam_channel::bounded::<Parcel>(IN_A_LANE);
    let run = move || {
        for parcel in parcels {
            done(Outcome { number: parcel.number, result: send(&parcel) });
        }
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(Failure::io("a thread for mails or the web hook could not be started"))?;
    Ok(sender)
}
