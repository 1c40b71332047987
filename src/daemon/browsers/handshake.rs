//! The handshake with one browser (DTLS 1.2, RFC 6347) and the keys that come of it (RFC 5764).

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile as Profile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::identity::{self, Identity};
use crate::base::ice::{Role, Terms};
use crate::base::srtp::{Key, Keys, Suite};

/// One association, by whatever way its packets come: ICE decides about addresses, not DTLS.
pub(super) struct Handshake {
    endpoint: Endpoint,
    role: Role,
    config: Arc<HandshakeConfig>,
    begun: bool,
}

/// The library tells associations apart by addresses. There is one here, and it has always this one.
const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// RFC 5764 §4.2.
const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// Best first. Browsers take the first that they know.
const PROFILES: [Profile; 3] =
    [Profile::Srtp_Aead_Aes_128_Gcm, Profile::Srtp_Aead_Aes_256_Gcm, Profile::Srtp_Aes128_Cm_Hmac_Sha1_80];

impl Handshake {
    /// With the owner of the announced certificate, and nobody else.
    pub fn new(identity: &Identity, terms: &Terms) -> Result<Self, Error> {
        let (peer, role) = (terms.fingerprint, terms.role);
        let own = identity.certificate(terms.certificate);
        let crypto = Arc::clone(&identity.crypto);
        let verify = move |chain: &[Vec<u8>], _: &[_]| {
            let shown = chain.first().and_then(|shown| identity::fingerprint(crypto.as_ref(), shown));
            if shown == Some(peer) { Ok(()) } else { Err(Error::ErrNoMatchingCertificateFingerprint) }
        };
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&identity.crypto))
            .with_certificates(vec![own])
            .with_srtp_protection_profiles(PROFILES.to_vec())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // No authority has signed a browser's certificate: the fingerprint says whose it is.
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(verify)))
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .build(role == Role::Client, None)?;
        let config = Arc::new(config);
        let server = (role == Role::Server).then(|| Arc::clone(&config));
        let endpoint = Endpoint::new(PEER, TransportProtocol::UDP, server);
        Ok(Handshake { endpoint, role, config, begun: false })
    }

    /// There is a way: who is to begin begins.
    pub fn begin(&mut self, now: Instant) -> Result<(), Error> {
        if self.role == Role::Client && !self.begun {
            self.begun = true;
            self.endpoint.connect(now, PEER, Arc::clone(&self.config), None)?;
        }
        Ok(())
    }

    /// A packet of the peer. The keys, once they are agreed on.
    pub fn read(&mut self, now: Instant, packet: &[u8]) -> Result<Option<Keys>, Error> {
        let events = self.endpoint.read(now, PEER, None, BytesMut::from(packet))?;
        if !events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) {
            return Ok(None);
        }
        let state = self.endpoint.get_connection_state(PEER).ok_or(Error::HandshakeInProgress)?;
        keys(state).map(Some)
    }

    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match self.poll_timeout() {
            Some(due) if due <= now => self.endpoint.handle_timeout(PEER, now),
            _ => Ok(()),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&PEER)
    }

    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|packet| packet.message)
    }
}

/// RFC 5764 §4.2: the client's key, the server's, the client's salt, the server's.
fn keys(state: &State) -> Result<Keys, Error> {
    let suite = match state.srtp_protection_profile() {
        Profile::Srtp_Aead_Aes_128_Gcm => Suite::AeadAes128Gcm,
        Profile::Srtp_Aead_Aes_256_Gcm => Suite::AeadAes256Gcm,
        Profile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Suite::Aes128CmSha1_80,
        _ => return Err(Error::ErrServerNoMatchingSrtpProfile),
    };
    let (key, salt) = (suite.key_length(), suite.salt_length());
    let material = state.export_keying_material(LABEL, &[], 2 * (key + salt))?;
    let material: &[u8] = material.as_ref();
    let part = |from: usize, length: usize| material.get(from..from + length).unwrap_or_default();
    let whole = |at: usize| {
        let octets = [part(at * key, key), part(2 * key + at * salt, salt)].concat();
        Key::new(suite, &octets, None).ok_or(Error::ErrServerNoMatchingSrtpProfile)
    };
    let (client, server) = (whole(0)?, whole(1)?);
    Ok(match state.is_client() {
        true => Keys { ours: client, theirs: server },
        false => Keys { ours: server, theirs: client },
    })
}
