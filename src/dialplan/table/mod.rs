//! The tables of a dialplan beside its flows, one file each: what may be written (`DOC`) and how it is read.

pub(super) mod agent;
pub(super) mod calendar;
pub(super) mod complaints;
pub(super) mod hotline;
pub(super) mod list;
pub(super) mod menu;
pub(super) mod message_box;
pub(super) mod music;
pub(super) mod number;
pub(super) mod policy;
pub(super) mod queue;
pub(super) mod skill;
pub(super) mod whisper;

use super::doc::Doc;

/// In the order of the reference.
pub(super) const TABLES: &[&Doc] = &[
    &hotline::DOC,
    &hotline::DEFAULTS,
    &number::DOC,
    &menu::DOC,
    &menu::KEY,
    &queue::DOC,
    &skill::DOC,
    &agent::DOC,
    &message_box::DOC,
    &complaints::DOC,
    &list::DOC,
    &list::ENTRY,
    &calendar::DOC,
    &calendar::YEAR,
    &calendar::HOLIDAY,
    &policy::FEW_KEYS,
    &policy::PERSON,
    &policy::DEPTH,
    &policy::WORDS,
    &policy::APOLOGY,
    &policy::READ_BACK,
    &policy::NOTICE,
    &policy::TIME,
];
