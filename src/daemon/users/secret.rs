//! What a browser or a program shows to be known again: random, and kept here as a digest only.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};

use crate::base::Masked;
use crate::daemon::failure::Failure;

/// What the store has of a secret. Whoever reads the store cannot show the secret.
pub type Digest = [u8; 32];

/// 256 random bits: nobody guesses them, so that one round of a hash is enough to keep them.
#[derive(Clone)]
pub struct Secret(Masked<String>);

impl Secret {
    /// A new one. `kind`: what it begins with, so that whoever finds one in a log knows what it is.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(kind: &str) -> Result<Secret, Failure> {
        let mut bits = [0u8; 32];
        getrandom::fill(&mut bits).map_err(|error| Failure::Other(format!("no randomness: {error}")))?;
        Ok(Secret(Masked::new(format!("{kind}{}", BASE64URL_NOPAD.encode(&bits)))))
    }

    /// One that was shown to us.
    pub fn shown(text: &str) -> Secret {
        Secret(Masked::new(text.to_owned()))
    }

    /// For whoever it is made for, once.
    pub fn text(&self) -> &str {
        self.0.expose()
    }

    pub fn digest(&self) -> Digest {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }

    /// Another secret that follows from this one, and from which this one does not follow.
    pub fn derived(&self, purpose: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.0.expose().as_bytes());
        BASE64URL_NOPAD.encode(&hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_known_by_their_digests() {
        let (one, other) = (Secret::new("t_").unwrap(), Secret::new("t_").unwrap());
        assert_ne!(one.text(), other.text());
        assert!(one.text().len() == 45 && one.text().starts_with("t_"));
        assert_eq!(Secret::shown(one.text()).digest(), one.digest());
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.derived("a"), Secret::shown(one.text()).derived("a"));
        assert_ne!(one.derived("a"), one.derived("b"));
    }
}
