//! Who may do what by the web: users with roles, the sessions that they have signed in to, the tokens that their programs
//! have, and the list of who did what.
//!
//! Nothing of this is needed for calls. Phones sign in by accounts of the settings, which are others.

mod password;
mod role;
mod secret;

use crate::base::Wall;

pub use password::{Password, Weighed, hashed, weigh};
pub use role::{Role, Scope};
pub use secret::{Digest, Secret};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// In small letters: `wang.min`.
    pub name: String,
    pub role: Role,
    /// The agent of the dialplan that they are; an agent has one, others may.
    pub extension: Option<String>,
    pub made: Wall,
}

/// One sign-in of one user, in one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    pub began: Wall,
    /// The last request; to the minute.
    pub seen: Wall,
    /// Since when it is over, and why.
    pub ended: Option<Ended>,
}

/// Why a session is over that time has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    SignedOut,
    /// The same user has signed in again: the newest session is the one that counts.
    Elsewhere,
    /// The password or the role was changed.
    Changed,
}

impl Ended {
    pub const ALL: [Ended; 3] = [Ended::SignedOut, Ended::Elsewhere, Ended::Changed];

    pub const fn name(self) -> &'static str {
        match self {
            Ended::SignedOut => "signed-out",
            Ended::Elsewhere => "elsewhere",
            Ended::Changed => "changed",
        }
    }

    pub fn parse(name: &str) -> Option<Ended> {
        Ended::ALL.into_iter().find(|ended| ended.name() == name)
    }
}

/// What a program of a user's shows instead of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub token: u64,
    pub user: String,
    /// What it is for, in its owner's words.
    pub title: String,
    /// Of what its user may do, no more than this.
    pub scopes: Vec<Scope>,
    pub made: Wall,
    /// `None`: until it is revoked.
    pub expires: Option<Wall>,
    /// The last request with it; to the minute.
    pub used: Option<Wall>,
}

/// One line of the list of who did what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    pub at: Wall,
    /// The user; at the command line the system's user.
    pub who: String,
    /// `session`, `token 3`, `command line`.
    pub by: String,
    /// The address that it came from.
    pub from: String,
    /// `POST`, `GET` …, and at the command line the command.
    pub what: String,
    /// The path, or what else it was about.
    pub object: String,
    /// `done`, `refused` …
    pub outcome: String,
    /// In words, where there is more to say. Nothing of a customer's.
    pub detail: String,
}

/// A name that can be typed anywhere: small letters, digits and `.-_@`, at most 64 of them.
///
/// # Errors
/// What is wrong with it.
pub fn checked_name(name: &str) -> Result<String, &'static str> {
    let name = name.trim().to_lowercase();
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '@');
    match name.is_empty() || name.len() > 64 || !name.chars().all(good) {
        true => Err("a user's name is 1 to 64 of a to z, 0 to 9 and .-_@"),
        false => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_small_and_plain() {
        assert_eq!(checked_name(" Wang.Min@hq "), Ok("wang.min@hq".to_owned()));
        for wrong in ["", " ", "王敏", "a b", "a/b", &"x".repeat(65)] {
            assert!(checked_name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Ended::ALL.map(|ended| Ended::parse(ended.name())), Ended::ALL.map(Some));
    }
}
