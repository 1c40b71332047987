//! Opens message boxes for those who call: checks PINs and reads what is in a box, on a thread of its own.
//!
//! Who may try how often is the [`Door`]'s; a hash keeps a PIN from those who read the settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender};
use data_encoding::BASE64URL_NOPAD;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::base::{CallId, Masked};
use crate::call::{Inquired, Inquiry, NotOpened, OpenBox};
use crate::record::{MessageSlip, SlipState};
use crate::slips::Door;

use super::clock;
use super::failure::Failure;
use super::inbox::{Inbox, Report};
use super::store::{SlipFilter, Sqlite, Store};

/// Messages of one box that a call is given: nobody listens to more in one call.
const MOST: usize = 200;

/// A tenth of a second of one core.
const ROUNDS: u32 = 200_000;

const NAME: &str = "pbkdf2-sha256";

/// PINs by extension.
pub type Pins = BTreeMap<String, Pin>;

/// What is kept of a PIN: `pbkdf2-sha256$ROUNDS$SALT$HASH`, both in URL-safe base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    rounds: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Of few digits even a hash tells too much.
impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

impl Pin {
    /// As `hotline pin` prints it. `None`: it is none.
    pub fn parse(text: &str) -> Option<Pin> {
        let mut parts = text.split('$');
        let (NAME, rounds) = (parts.next()?, parts.next()?.parse().ok()?) else { return None };
        let salt = BASE64URL_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
        let hash = BASE64URL_NOPAD.decode(parts.next()?.as_bytes()).ok()?;
        let whole = parts.next().is_none() && hash.len() == 32 && salt.len() >= 8;
        (whole && (1..=10_000_000).contains(&rounds)).then_some(Pin { rounds, salt, hash })
    }

    /// A new one under a random salt.
    ///
    /// # Errors
    /// It is no PIN, or the system has no randomness.
    pub fn hashed(pin: &Masked<String>) -> Result<String, Failure> {
        let digits = pin.expose();
        if !(4..=12).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failure::Other("a PIN is four to twelve digits".to_owned()));
        }
        let mut salt = [0u8; 16];
        getrandom::fill(&mut salt).map_err(|error| Failure::Other(format!("no randomness: {error}")))?;
        let hash = derived(digits, &salt, ROUNDS);
        Ok(format!("{NAME}${ROUNDS}${}${}", BASE64URL_NOPAD.encode(&salt), BASE64URL_NOPAD.encode(&hash)))
    }

    fn is(&self, keyed: &Masked<String>) -> bool {
        let keyed = derived(keyed.expose(), &self.salt, self.rounds);
        keyed.ct_eq(self.hash.as_slice()).into()
    }
}

fn derived(pin: &str, salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut hash = [0u8; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(pin.as_bytes(), salt, rounds, &mut hash);
    hash
}

/// The asking end.
pub struct Boxes {
    orders: Sender<(CallId, Asked)>,
    pins: Arc<ArcSwap<Pins>>,
}

/// What a call wants of the store.
enum Asked {
    Box(OpenBox),
    Inquiry(Inquiry),
}

impl Boxes {
    /// Each order leads to one [`Report::BoxOpened`].
    pub fn start(database: &Path, pins: Pins, inbox: Inbox<Report>) -> Result<Boxes, Failure> {
        let (sender, orders) = crossbeam_channel::unbounded();
        let pins = Arc::new(ArcSwap::from_pointee(pins));
        let thread = Thread { database: database.to_owned(), pins: Arc::clone(&pins), door: Door::default() };
        std::thread::Builder::new()
            .name("boxes".to_owned())
            .spawn(move || thread.run(&orders, &inbox))
            .map_err(Failure::io("the message boxes' thread could not be started"))?;
        Ok(Boxes { orders: sender, pins })
    }

    /// The call hears by its deadline where the thread is gone.
    pub fn open(&self, call: CallId, order: OpenBox) {
        let _ = self.orders.send((call, Asked::Box(order)));
    }

    /// Leads to one [`Report::Inquired`].
    pub fn inquire(&self, call: CallId, inquiry: Inquiry) {
        let _ = self.orders.send((call, Asked::Inquiry(inquiry)));
    }

    pub fn set_pins(&self, pins: Pins) {
        self.pins.store(Arc::new(pins));
    }
}

struct Thread {
    database: PathBuf,
    pins: Arc<ArcSwap<Pins>>,
    door: Door,
}

impl Thread {
    fn run(mut self, orders: &Receiver<(CallId, Asked)>, inbox: &Inbox<Report>) {
        for (call, asked) in orders {
            let order = match asked {
                Asked::Box(order) => order,
                Asked::Inquiry(inquiry) => {
                    let answer = self.answer(&inquiry);
                    inbox.push_patiently(Report::Inquired { call, answer });
                    continue;
                }
            };
            let opened = self.open(&order);
            if let Err(why) = &opened {
                tracing::warn!(%call, ?why, own = order.own, "a message box is not opened");
            } else {
                tracing::info!(%call, mailbox = order.mailbox, own = order.own, "a message box is opened");
            }
            inbox.push_patiently(Report::BoxOpened { call, opened });
        }
    }

    fn answer(&self, inquiry: &Inquiry) -> Inquired {
        let answer = Sqlite::open_existing(&self.database).and_then(|store| match inquiry {
            Inquiry::Case(case) => store.complaint(*case).map(|found| Inquired::Case(found.map(Box::new))),
            Inquiry::Surveyed { from, since } => store.surveyed(from, *since).map(Inquired::Surveyed),
        });
        answer.unwrap_or_else(|error| {
            tracing::error!(%error, "the store could not be asked");
            Inquired::NotNow
        })
    }

    fn open(&mut self, order: &OpenBox) -> Result<Vec<MessageSlip>, NotOpened> {
        let pins = self.pins.load();
        let pin = pins.get(&order.mailbox);
        // Who has no PIN takes as long to refuse as who has another one.
        let is_right = |keyed: &Masked<String>| match pin {
            Some(pin) => pin.is(keyed),
            None => derived(keyed.expose(), b"nobody's", ROUNDS).is_empty(),
        };
        self.door.opens(clock::mono(), order, pin.is_some(), is_right)?;
        let filter = SlipFilter {
            mailbox: Some(order.mailbox.clone()),
            open_only: true,
            latest: MOST,
            ..SlipFilter::default()
        };
        let read = Sqlite::open_existing(&self.database).and_then(|store| store.slips(&filter));
        let slips = read.map_err(|error| {
            tracing::error!(%error, "a message box could not be read");
            NotOpened::NotNow
        })?;
        Ok(slips.into_iter().filter(|slip| slip.state != SlipState::Taking).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_known_by_its_hash_alone() {
        let written = Pin::hashed(&Masked::from("246813")).unwrap();
        assert!(!written.contains("246813"));
        let pin = Pin::parse(&written).unwrap();
        assert!(pin.is(&Masked::from("246813")) && !pin.is(&Masked::from("246814")));
        for wrong in ["", "246813", "pbkdf2-sha256$1$x$y", &written[1..], &format!("{written}$")] {
            assert_eq!(Pin::parse(wrong), None, "{wrong}");
        }
        for no_pin in ["", "123", "12a4", "1234567890123"] {
            assert!(Pin::hashed(&Masked::from(no_pin)).is_err(), "{no_pin}");
        }
    }
}
