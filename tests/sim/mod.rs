//! The whole exchange under a virtual clock, against callers and agents who speak real SIP.

mod cases;
mod days;
mod ladders;
mod logs;
mod mailboxes;
mod plans;
mod sabotages;
mod shares;
mod slips;
