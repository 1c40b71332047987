//! A bank's customer hotline: voice menus from declarative dialplans, queues by skills and priority, transfer,
//! hold and messages, over SIP and RTP.
//!
//! # The house
//!
//! ```text
//!   base      words: ids, the two clocks, masked values, randomness from a seed, the prompt catalogue
//!   record    what a call leaves behind: call record, message slip
//!   ------------------------------------------------- six engines: pure, unaware of each other
//!   sip       bytes <-> messages <-> transactions <-> dialogs (RFC 3261); knows no calls
//!   sdp       session descriptions, offer and answer (RFC 3264)
//!   media     RTP, RTCP, keys, prompts, recordings, bridges
//!   dialplan  TOML text -> plan; the interpreter: cursor + event -> actions
//!   queue     the ACD core: who waits, who is free, who is offered to whom
//!   presence  who is there, and if not, why and until when: words, calendars, working hours
//!   -------------------------------------------------
//!   call      one caller's journey, one file per verb
//!   complaints what becomes of complaints by time: due, late, asked after
//!   exchange  all calls: the switch
//!   report    pure folds over records
//!   rehearse  a day's calls against a roster, on the queue core alone: staffing and what-if
//!   slips     what becomes of message slips: due, reminded of, passed on
//!   ------------------------------------------------- two drivers of the exchange
//!   sim       under a virtual clock, with phones and people
//!   cases     a dialplan's own tests, made there
//!   import    other exchanges' menus, queues and contexts as the draft of a dialplan
//!   daemon    sockets, files, threads, the real clock
//!   config    puts the settings of all modules together
//! ```
//!
//! Each module names only modules above its own line; `tests/tidy.rs` walks the paths.
//!
//! # The path of a call
//!
//! 1. `daemon::transport`: a datagram becomes [`exchange::Input::Sip`].
//! 2. [`sip`]: parsed, matched with its transaction (retransmissions end here), a dialog's event.
//! 3. [`exchange`] (arrivals): who is this, is there room, which flow does the dialled number mean; a new call.
//! 4. [`call`] (arrive): straight 200, media open.
//! 5. [`call`] (listen): the interpreter says what is played; keys from [`media`] go back to it.
//! 6. [`call`] (wait): the caller joins the [`queue`] core; music, the place in line, comfort, a way out. Who drops and
//!    calls again, or whom an agent's dead phone cut off, stands where they stood.
//! 7. [`queue`]: matched inside the very operation that made it possible; nothing is polled anywhere.
//! 8. [`call`] (offer): an agent's phone rings; no answer: "sorry, please wait", back at the old place.
//! 9. [`call`] (talk): bridged at once; hold branches off here and comes back.
//! 10. [`call`] (listen): the agent is gone, the flow goes on: a closing phrase.
//! 11. [`call`] (hang up): BYE, wrap-up, one record.
//! 12. `daemon::store`: a row on disk.
//!
//! # Architecture invariants
//!
//! - Below `daemon` nothing names a socket, a file, a thread, a real clock or a random source: time and randomness
//!   are arguments, side effects are returned values. `cargo check --lib --no-default-features` builds the core
//!   without tokio, sockets or a store.
//! - `sip` does not know what a call is. `queue` does not know SIP: it sees callers, agents and queues. `dialplan`
//!   emits "queue" without knowing what one does.
//! - A call never touches another call; only `exchange` does. `daemon` and `sim` contain no decisions.
//! - Customers' numbers and names are [`base::Masked`]; `tests/tidy.rs` lists the places that may expose them.
//! - No iteration over hash maps below `daemon`: a seed is a proof.
//! - The system never hangs up without a closing phrase, and no caller in line hears silence.
//!
//! # The words
//!
//! | word | meaning |
//! |---|---|
//! | call | one caller's visit, first INVITE to last record |
//! | leg | one party of a call: dialog and media |
//! | dialog, transaction | exactly RFC 3261 §12, §17 |
//! | bridge | two legs hearing each other |
//! | trunk / desk | where callers come from / where an agent sits |
//! | agent states | signed off, ready, reserved, ringing, talking, wrap-up, away (reason, until) |
//! | queue, lane, group | a named service; its order for one requirement and credit; agents with the same skills |
//! | presence, absence | whether a person can take calls; one time at which they cannot, with its reason |
//! | offer | the ACD proposes a caller to an agent ("SDP offer" is always written in full) |
//! | plan, menu, verb, prompt, calendar | a dialplan loaded; a choice; a step kind; a recording; hours and holidays |
//! | message slip, read-back | a taken message; playing it for confirmation |

pub mod base;
pub mod record;

pub mod dialplan;
pub mod media;
pub mod presence;
pub mod queue;
pub mod sdp;
pub mod sip;

pub mod call;
pub mod complaints;
pub mod exchange;
pub mod report;
pub mod slips;

pub mod rehearse;

pub mod sim;

pub mod cases;
pub mod import;

#[cfg(feature = "daemon")]
pub mod config;
#[cfg(feature = "daemon")]
pub mod daemon;
