//! Passwords as Argon2id hashes (RFC 9106). Slow by design: never on a thread that others wait for.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::base::Masked;
use crate::daemon::failure::Failure;

/// What somebody typed.
pub type Password = Masked<String>;

/// What came of looking at a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighed {
    Right,
    Wrong,
}

/// 19 MiB, twice over: some 20 ms of one core, and more memory for each guess than a graphics card has to spare.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;

/// Shorter ones are tried out, longer ones are no password but an attack on the hash.
const LEAST: usize = 10;
const MOST: usize = 256;

fn hasher() -> Result<Argon2<'static>, Failure> {
    let params = Params::new(MEMORY_KIB, ROUNDS, 1, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Other(format!("the password cannot be hashed: {error}"))
}

/// For the store, under a random salt.
///
/// # Errors
/// It is too short or too long, or the system has no randomness.
pub fn hashed(password: &Password) -> Result<String, Failure> {
    let text = password.expose();
    if text.chars().count() < LEAST || text.len() > MOST {
        return Err(Failure::Refused(format!(
            "a password has {LEAST} characters at least, and {MOST} octets at most"
        )));
    }
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|error| Failure::Other(format!("no randomness: {error}")))?;
    let hash: PasswordHash = hasher()?.hash_password_with_salt(text.as_bytes(), &salt).map_err(failed)?;
    Ok(hash.to_string())
}

/// Whether it is the password of that hash. Without a user it takes as long, and is wrong.
///
/// # Errors
/// The hash in the store is none.
pub fn weigh(password: &Password, hash: Option<&str>) -> Result<Weighed, Failure> {
    let text = password.expose();
    // Cut, not refused: how long it takes says nothing.
    let octets = text.as_bytes().get(..MOST).unwrap_or(text.as_bytes());
    let Some(hash) = hash else {
        let mut nowhere = [0u8; 32];
        hasher()?.hash_password_into(octets, b"nobody's salt...", &mut nowhere).map_err(failed)?;
        return Ok(Weighed::Wrong);
    };
    let hash = PasswordHash::new(hash).map_err(failed)?;
    let right = hasher()?.verify_password(octets, &hash).is_ok() && text.len() <= MOST;
    Ok(if right { Weighed::Right } else { Weighed::Wrong })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_alone() {
        let password = Masked::from("correct horse");
        let hash = hashed(&password).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("horse"), "{hash}");
        assert_eq!(weigh(&password, Some(&hash)).unwrap(), Weighed::Right);
        assert_eq!(weigh(&Masked::from("correct horsf"), Some(&hash)).unwrap(), Weighed::Wrong);
        assert_eq!(weigh(&password, None).unwrap(), Weighed::Wrong);
        assert!(weigh(&password, Some("x")).is_err());
        assert_ne!(hashed(&password).unwrap(), hash, "each has a salt of its own");
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        for wrong in ["", "123456789", &"x".repeat(257)] {
            assert!(hashed(&Masked::from(wrong)).is_err(), "{wrong}");
        }
        assert!(
            hashed(&Masked::from("十个汉字也是一个密码啊")).is_ok(),
            "characters are counted, not octets"
        );
        let long = "x".repeat(256);
        let hash = hashed(&Masked::from(long.as_str())).unwrap();
        assert_eq!(weigh(&Masked::new(format!("{long}y")), Some(&hash)).unwrap(), Weighed::Wrong);
    }
}
