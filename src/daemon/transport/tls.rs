//! Certificates: ours for those who connect to us, and whom we believe when we connect.
//!
//! What is loaded is replaced as a whole by a reload; streams that are open keep what they began with.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};

use crate::daemon::failure::Failure;

/// Where Debian and most others keep the authorities that the system believes.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";
/// A certificate that ends within this time is worth a word at every start and reload.
const ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 3600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// PEM: our certificate first, then those between it and the authority's.
    pub certificate: Option<PathBuf>,
    /// PEM: the private key of the first certificate.
    pub key: Option<PathBuf>,
    /// PEM: whom we believe when we connect; `None` for the system's authorities.
    pub ca: Option<PathBuf>,
    /// PEM: who signs the certificates of those who connect to us.
    pub client_ca: Option<PathBuf>,
    pub client_certificates: ClientCertificates,
    /// Whether a server that we connect to must prove its name. `false` leaves nothing of TLS but the secrecy from
    /// those who only listen.
    pub verify: bool,
}

/// Whether who connects to us shows a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    Off,
    /// Asked for; one that is shown must be good.
    Optional,
    Required,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            certificate: None,
            key: None,
            ca: None,
            client_ca: None,
            client_certificates: ClientCertificates::Off,
            verify: true,
        }
    }
}

/// Read and checked, ready for both sides of a handshake.
#[derive(Clone)]
pub struct Tls {
    /// `None` without a certificate: nobody can connect to us.
    pub server: Option<Arc<ServerConfig>>,
    pub client: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls(with a certificate: {})", self.server.is_some())
    }
}

impl Tls {
    /// Reads all files. `warnings` gets what works today and should be looked at.
    pub fn load(config: &Config, warnings: &mut Vec<String>) -> Result<Tls, Failure> {
        let provider = Arc::new(ring::default_provider());
        let own = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => Some(Own::read(certificate, key, &provider, warnings)?),
            _ => None,
        };
        let server = match &own {
            Some(own) => Some(Arc::new(server_config(config, own, &provider)?)),
            None => None,
        };
        let client = Arc::new(client_config(config, own, provider)?);
        Ok(Tls { server, client })
    }
}

/// Our certificates and the key of the first.
struct Own {
    path: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Own {
    fn read(
        path: &Path,
        key_path: &Path,
        provider: &Arc<CryptoProvider>,
        warnings: &mut Vec<String>,
    ) -> Result<Own, Failure> {
        let chain = certificates(path)?;
        let bytes = fs::read(key_path).map_err(Failure::read(key_path))?;
        let key = PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|error| unusable("key", key_path, &pem_reason(&error, "a private key")))?;
        if fs::metadata(key_path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0) {
            let path = key_path.display();
            warnings.push(format!(
                "the TLS key {path} can be read by every user of this machine: chmod 600 {path}"
            ));
        }
        warnings.extend(validity(path, &chain, provider));
        Ok(Own { path: path.to_owned(), chain, key })
    }
}

/// Whom we believe when we connect: those of this PEM file, or the system's. Where it has none, nobody.
pub fn believed(ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, Failure> {
    match ca {
        Some(path) => certificates(path),
        None => Ok(certificates(Path::new(SYSTEM_CA)).unwrap_or_default()),
    }
}

/// The certificates of a PEM file; at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let bytes = fs::read(path).map_err(Failure::read(path))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unusable("certificate", path, "it holds no certificate in PEM form")),
        Err(error) => Err(unusable("certificate", path, &pem_reason(&error, "a certificate"))),
    }
}

fn pem_reason(error: &pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("it does not hold {wanted} in PEM form"),
        error => format!("it is not whole ({error})"),
    }
}

fn unusable(what: &str, path: &Path, reason: &str) -> Failure {
    Failure::Other(format!("the TLS {what} {} cannot be used: {reason}", path.display()))
}

fn authorities(path: &Path) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    // A system's file may hold one that we cannot read; none at all is a mistake.
    let (good, _) = roots.add_parsable_certificates(certificates(path)?);
    if good == 0 {
        return Err(unusable("authority", path, "none of its certificates can be read"));
    }
    Ok(roots)
}

fn server_config(
    config: &Config,
    own: &Own,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, Failure> {
    let failed = |error: Error| {
        let reason = match &error {
            Error::InconsistentKeys(_) => "the key is not that of the certificate".to_owned(),
            other => other.to_string(),
        };
        unusable("certificate", &own.path, &reason)
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match (config.client_certificates, &config.client_ca) {
        (ClientCertificates::Off, _) | (_, None) => builder.with_no_client_auth(),
        (asked, Some(path)) => {
            let roots = Arc::new(authorities(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            let verifier = match asked {
                ClientCertificates::Required => verifier,
                _ => verifier.allow_unauthenticated(),
            };
            let verifier =
                verifier.build().map_err(|error| unusable("authority", path, &error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(own.chain.clone(), own.key.clone_key()).map_err(failed)
}

fn client_config(
    config: &Config,
    own: Option<Own>,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, Failure> {
    let failed = |error: Error| Failure::Other(format!("TLS cannot be used for connecting: {error}"));
    let roots = match &config.ca {
        Some(path) => authorities(path)?,
        // Where the system has none, nobody is believed.
        None => authorities(Path::new(SYSTEM_CA)).unwrap_or_else(|_| RootCertStore::empty()),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match config.verify {
        true => builder.with_root_certificates(roots),
        false => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))),
    };
    match own {
        // Shown only to a server that asks for it, as some trunks do.
        Some(own) => builder.with_client_auth_cert(own.chain, own.key).map_err(failed),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// A word about a certificate whose time is over, has not come, or ends soon.
fn validity(
    path: &Path,
    chain: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Option<String> {
    let path = path.display();
    let now = UnixTime::now();
    let soon = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + ENDS_SOON);
    match time_error(chain, provider, now)? {
        Span::Past => Some(format!("the TLS certificate {path} has expired: peers will refuse it")),
        Span::Future => Some(format!("the TLS certificate {path} is not valid yet: peers will refuse it")),
        Span::Within => match time_error(chain, provider, soon)? {
            Span::Past => Some(format!("the TLS certificate {path} expires within two weeks")),
            _ => None,
        },
    }
}

enum Span {
    Past,
    Within,
    Future,
}

/// A verifier looks at the time before anything else: what else it finds wrong says that the time is right.
fn time_error(
    chain: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
    at: UnixTime,
) -> Option<Span> {
    let (first, rest) = chain.split_first()?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates([first.clone()]);
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()?;
    let name = ServerName::try_from("hotline.invalid").ok()?;
    let error = verifier.verify_server_cert(first, rest, &name, &[], at).err();
    Some(match error {
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Span::Past,
        Some(Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => Span::Future,
        _ => Span::Within,
    })
}

/// Believes every certificate: for `tls.verify = false`. The handshake's signatures are still looked at.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
