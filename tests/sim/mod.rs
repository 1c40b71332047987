//! The whole exchange under a virtual clock, against callers and agents who speak real SIP.

mod callbacks;
mod canaries;
mod cases;
mod complaints;
mod days;
mod ladders;
mod logs;
mod mailboxes;
mod plans;
mod promises;
mod rests;
mod sabotages;
mod shares;
mod slips;
mod surveys;
mod urgent;
