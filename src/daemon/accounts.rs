//! Passwords for a first start without a configuration file: made once, kept, shown to a person only.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{Masked, Rng};
use crate::dialplan::Plan;
use crate::exchange::Account;
use crate::sip::auth::Secret;

use super::failure::Failure;
use super::state;

/// The account of a phone that calls in over a network, where no trunk does.
pub const CALLER: &str = "caller";
/// 12 characters of 5 random bits: 60 bits, and still to be typed into a phone.
const LENGTH: usize = 12;

/// By extension. `Debug` and `Display` of a password are masked; the banner exposes them on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DemoAccounts(BTreeMap<String, Masked<String>>);

impl DemoAccounts {
    /// Where they are kept.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("demo-accounts.json")
    }

    /// A password for every agent of the plan that may have one and for [`CALLER`]: the kept ones, and new
    /// ones for whoever is new.
    pub fn load_or_make(folder: &Path, plan: &Plan, rng: &mut Rng) -> Result<DemoAccounts, Failure> {
        let path = Self::path(folder);
        let kept = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                Failure::Other(format!("{} is damaged: {error}; remove it", path.display()))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => DemoAccounts::default(),
            Err(error) => return Err(Failure::Read { path, error }),
        };
        let users = plan.agents().iter().filter(|agent| agent.account).map(|agent| agent.extension.as_str());
        let mut accounts = kept.clone();
        accounts.complete(users.chain([CALLER]), rng);
        if accounts != kept {
            let text = serde_json::to_string_pretty(&accounts)
                .map_err(|error| Failure::Other(format!("the demo accounts cannot be written: {error}")))?;
            state::write_whole(&path, &text).map_err(Failure::state(folder))?;
        }
        Ok(accounts)
    }

    fn complete<'a>(&mut self, users: impl Iterator<Item = &'a str>, rng: &mut Rng) {
        for user in users {
            self.0.entry(user.to_owned()).or_insert_with(|| Masked::new(rng.token(LENGTH)));
        }
    }

    pub fn get(&self, user: &str) -> Option<&Masked<String>> {
        self.0.get(user)
    }

    /// Without [`CALLER`] where callers need no account: a softphone that happens to have this name would be
    /// challenged.
    pub fn as_accounts(&self, open_loopback: bool) -> impl Iterator<Item = Account> {
        let used = self.0.iter().filter(move |(user, _)| !open_loopback || *user != CALLER);
        used.map(|(user, password)| Account {
            user: user.clone(),
            secret: Secret::Password(password.clone()),
            encryption: None,
            codecs: None,
            digits: Default::default(),
            media: Default::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_passwords_stay_and_new_users_get_their_own() {
        let mut rng = Rng::from_number(1);
        let mut accounts = DemoAccounts::default();
        accounts.complete(["8001", CALLER].into_iter(), &mut rng);
        let first = accounts.clone();
        accounts.complete(["8001", "8002", CALLER].into_iter(), &mut rng);
        assert_eq!(accounts.get("8001"), first.get("8001"));
        assert_ne!(accounts.get("8002"), accounts.get("8001"));
        assert_eq!(accounts.as_accounts(false).count(), 3);
        assert!(accounts.as_accounts(true).all(|account| account.user != CALLER));
        let text = serde_json::to_string(&accounts).unwrap();
        assert_eq!(serde_json::from_str::<DemoAccounts>(&text).unwrap(), accounts);
        assert!(!format!("{accounts:?}").contains(accounts.get("8001").unwrap().expose().as_str()));
    }
}
