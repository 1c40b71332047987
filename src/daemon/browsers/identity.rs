//! The certificates by which browsers know us.

use std::sync::Arc;

use rtc_dtls::crypto::Certificate as WithKey;
use rtc_dtls::crypto_provider::providers::RingProvider;
use rtc_dtls::crypto_provider::{HashAlgorithm, RTCCryptoProvider};

use crate::base::ice::{Certificate, Certificates, Fingerprint};
use crate::daemon::failure::Failure;

/// Two keys with certificates that nobody has signed: the fingerprint in the session description is what makes them ours
/// (RFC 8827 §6.5). New with each start, so that nothing has to be kept.
#[derive(Clone)]
pub struct Identity {
    pub(super) crypto: Arc<dyn RTCCryptoProvider>,
    first: WithKey,
    second: WithKey,
    certificates: Certificates,
}

impl Identity {
    pub fn make() -> Result<Self, Failure> {
        let failed = |why: String| Failure::Other(format!("no certificate for browsers: {why}"));
        let crypto: Arc<dyn RTCCryptoProvider> = Arc::new(RingProvider::new());
        let make = || -> Result<_, Failure> {
            let own = WithKey::generate_self_signed(vec!["hotline".to_owned()], crypto.crypto())
                .map_err(|error| failed(error.to_string()))?;
            let hash = own.certificate.first().and_then(|der| fingerprint(crypto.as_ref(), der));
            Ok((own, hash.ok_or_else(|| failed("it has no hash".to_owned()))?))
        };
        let ((first, one), (second, other)) = (make()?, make()?);
        Ok(Identity { crypto, first, second, certificates: Certificates { first: one, second: other } })
    }

    /// What session descriptions say of them.
    pub fn certificates(&self) -> Certificates {
        self.certificates
    }

    pub(super) fn certificate(&self, certificate: Certificate) -> WithKey {
        match certificate {
            Certificate::First => self.first.clone(),
            Certificate::Second => self.second.clone(),
        }
    }
}

/// Of a certificate in DER.
pub(super) fn fingerprint(crypto: &dyn RTCCryptoProvider, certificate: &[u8]) -> Option<Fingerprint> {
    let hash = crypto.crypto().hash(HashAlgorithm::Sha256, certificate).ok()?;
    hash.try_into().ok().map(Fingerprint::new)
}
