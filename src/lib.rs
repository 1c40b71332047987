pub mod base;
pub mod record;
