//! Users of the web, their tokens, and who did what.

use super::Office;
use crate::base::Wall;
use crate::daemon::failure::Failure;
use crate::daemon::store::DeedFilter;
use crate::daemon::users::{Deed, Password, Role, Scope, Secret, Token, User, checked_name, hashed};
use crate::daemon::web::TOKEN_KIND;

/// Somebody who is to sign in.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub name: String,
    pub role: Role,
    pub extension: Option<String>,
}

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub user: String,
    pub title: String,
    pub scopes: Vec<Scope>,
    pub expires: Option<Wall>,
}

/// What a token is for, at most.
const LONGEST_TITLE: usize = 100;

impl Office {
    /// By name.
    pub fn users(&self) -> Result<Vec<User>, Failure> {
        self.store(|store| Ok(store.users()?))
    }

    pub fn add_user(&self, new: NewUser, password: &Password, now: Wall) -> Result<User, Failure> {
        let name = checked_name(&new.name).map_err(|why| Failure::Refused(why.to_owned()))?;
        let extension = extension_of(new.role, new.extension)?;
        let user = User { name, role: new.role, extension, made: now };
        let hash = hashed(password)?;
        match self.store(|store| Ok(store.add_user(&user, &hash)?))? {
            true => Ok(user),
            false => Err(Failure::Refused(format!("there is a user {} already", user.name))),
        }
    }

    /// Whoever is signed in with the old one is no longer.
    pub fn set_password(&self, name: &str, password: &Password) -> Result<(), Failure> {
        // Before the hash, which takes its time.
        if self.store(|store| Ok(store.user(name)?))?.is_none() {
            return Err(no_user(name));
        }
        let hash = hashed(password)?;
        known(name, self.store(|store| Ok(store.set_password(name, &hash)?))?)
    }

    /// Whoever is signed in with the old one is no longer.
    pub fn set_role(&self, name: &str, role: Role, extension: Option<String>) -> Result<(), Failure> {
        let extension = extension_of(role, extension)?;
        known(name, self.store(|store| Ok(store.set_role(name, role, extension.as_deref())?))?)
    }

    /// With sessions and tokens.
    pub fn remove_user(&self, name: &str) -> Result<(), Failure> {
        known(name, self.store(|store| Ok(store.remove_user(name)?))?)
    }

    /// The earliest first; of one user, or of all.
    pub fn tokens(&self, of: Option<&str>) -> Result<Vec<Token>, Failure> {
        self.store(|store| Ok(store.tokens(of)?))
    }

    /// With the secret, which nobody can look up again.
    pub fn add_token(&self, new: NewToken, now: Wall) -> Result<(Token, Secret), Failure> {
        let NewToken { user, title, scopes, expires } = new;
        if title.trim().is_empty()
            || title.chars().count() > LONGEST_TITLE
            || title.contains(char::is_control)
        {
            return Err(Failure::Refused(format!(
                "a token's title is a line of 1 to {LONGEST_TITLE} characters"
            )));
        }
        if scopes.is_empty() {
            return Err(Failure::Refused("a token without a scope is of no use".to_owned()));
        }
        if self.store(|store| Ok(store.user(&user)?))?.is_none() {
            return Err(no_user(&user));
        }
        let secret = Secret::new(TOKEN_KIND)?;
        let mut token = Token { token: 0, user, title, scopes, made: now, expires, used: None };
        token.token = self.store(|store| Ok(store.add_token(&token, &secret.digest())?))?;
        Ok((token, secret))
    }

    /// `of`: only where it is this user's.
    pub fn revoke_token(&self, token: u64, of: Option<&str>) -> Result<(), Failure> {
        match self.store(|store| Ok(store.revoke_token(token, of)?))? {
            true => Ok(()),
            false => Err(Failure::Absent(format!("there is no token {token}"))),
        }
    }

    /// Newest first.
    pub fn deeds(&self, filter: &DeedFilter) -> Result<Vec<Deed>, Failure> {
        self.store(|store| Ok(store.deeds(filter)?))
    }

    /// On disk when it returns.
    pub fn note_deed(&self, deed: &Deed) -> Result<(), Failure> {
        self.store(|store| Ok(store.note_deed(deed)?))
    }
}

/// An agent takes calls somewhere.
fn extension_of(role: Role, extension: Option<String>) -> Result<Option<String>, Failure> {
    let good =
        |text: &str| !text.is_empty() && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    match extension {
        None if role == Role::Agent => Err(Failure::Refused("an agent has an extension".to_owned())),
        Some(extension) if !good(&extension) => Err(Failure::Refused("an extension is as 1001".to_owned())),
        extension => Ok(extension),
    }
}

fn known(name: &str, known: bool) -> Result<(), Failure> {
    if known { Ok(()) } else { Err(no_user(name)) }
}

fn no_user(name: &str) -> Failure {
    Failure::Absent(format!("there is no user {name}"))
}
