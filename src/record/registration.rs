//! A phone's registration: what must be known of it for a call to reach it after a restart.

use std::net::SocketAddr;

use crate::base::{Masked, Wall};

/// One contact of one user (RFC 3261 §10). Written when it is made and whenever it is refreshed.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Kept while the contact is refreshed, given once.
    pub number: u64,
    /// The account.
    pub user: Masked<String>,
    /// The value of the Contact header, without `expires`.
    pub contact: Masked<String>,
    pub expires: Wall,
    pub refreshed: Wall,
    pub call_id: String,
    pub cseq: u32,
    /// The name of the transport in a Via header.
    pub transport: String,
    /// Our address and the phone's, as they saw each other.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub user_agent: Option<String>,
    /// The proxies on the way to it as the values of Route headers, nearest first (RFC 3327).
    pub path: Vec<String>,
    /// Reached over its own flow alone (RFC 5626).
    pub outbound: bool,
}
