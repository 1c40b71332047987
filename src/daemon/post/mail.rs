//! Mails (SMTP, RFC 5321) with the recording attached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::response::Severity;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::runtime::Runtime;

use super::{Parcel, Trouble, letter};
use crate::base::Masked;
use crate::daemon::failure::Failure;
use crate::daemon::recorder;
use crate::daemon::transport::tls;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A name, which the server's certificate shows, and a port.
    pub server: String,
    pub port: u16,
    pub encryption: Encryption,
    /// Empty: nobody signs in.
    pub user: Masked<String>,
    pub password: Masked<String>,
    pub from: String,
    /// For the way to the server; the whole conversation has [`STEPS`] times as long.
    pub patience: Duration,
}

/// A server that says an octet now and then would hold the lane for days. A mail with ten minutes of recording over a slow
/// line has its time all the same.
const STEPS: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first octet on (RFC 8314).
    Tls,
    /// By STARTTLS, and not without.
    StartTls,
    /// In the clear: only within one machine.
    None,
}

pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// The lane's own: a conversation that takes too long is dropped with its socket.
    runtime: Runtime,
    whole: Duration,
    from: Mailbox,
    state: PathBuf,
}

impl Mailer {
    pub(super) fn new(config: &Config, ca: Option<&Path>, state: &Path) -> Result<Mailer, Failure> {
        let unusable = |what: &str, why: String| Failure::Other(format!("{what}: {why}"));
        let from: Address = config.from.parse().map_err(|_| {
            unusable("mail.from", "this is no mail address such as `hotline@bank.example`".to_owned())
        })?;
        let tls = match config.encryption {
            Encryption::None => Tls::None,
            encryption => {
                let mut parameters =
                    TlsParameters::builder(config.server.clone()).certificate_store(CertificateStore::None);
                for authority in tls::believed(ca)? {
                    let authority = Certificate::from_der(authority.to_vec())
                        .map_err(|error| unusable("the authority's certificate", error.to_string()))?;
                    parameters = parameters.add_root_certificate(authority);
                }
                let parameters = parameters
                    .build_rustls()
                    .map_err(|error| unusable("TLS for mails", error.to_string()))?;
                match encryption {
                    Encryption::Tls => Tls::Wrapper(parameters),
                    _ => Tls::Required(parameters),
                }
            }
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.server)
            .port(config.port)
            .tls(tls)
            .timeout(Some(config.patience));
        if !config.user.is_empty() {
            let (user, password) = (config.user.expose().clone(), config.password.expose().clone());
            transport = transport.credentials(Credentials::new(user, password));
        }
        let from = Mailbox::new(None, from);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::io("mails cannot be sent"))?;
        let whole = config.patience.saturating_mul(STEPS);
        Ok(Mailer { transport: transport.build(), runtime, whole, from, state: state.to_owned() })
    }

    pub(super) fn send(&self, parcel: &Parcel) -> Result<(), Trouble> {
        let mail = self.written(parcel)?;
        let whole = async { tokio::time::timeout(self.whole, self.transport.send(mail)).await };
        let Ok(sent) = self.runtime.block_on(whole) else {
            return Err(Trouble { why: "the mail server takes too long".to_owned(), for_good: false });
        };
        match sent {
            Ok(answer) if answer.code().severity == Severity::PositiveCompletion => Ok(()),
            // "Go on" after the last word is no receipt (RFC 5321 §4.2.1), whatever the library makes of it.
            Ok(answer) => {
                Err(Trouble { why: format!("the mail server says {}", answer.code()), for_good: false })
            }
            // A server's own words may name the addressee; its code says enough.
            Err(error) => {
                let why = match error.status() {
                    Some(code) => format!("the mail server says {code}"),
                    None if error.is_timeout() => "the mail server says nothing".to_owned(),
                    None if error.is_tls() => format!("no TLS with the mail server: {error}"),
                    None => format!("no mail server: {error}"),
                };
                Err(Trouble { why, for_good: error.is_permanent() })
            }
        }
    }

    fn written(&self, parcel: &Parcel) -> Result<Message, Trouble> {
        let for_good = |why: String| Trouble { why, for_good: true };
        let to: Address =
            parcel.to.expose().parse().map_err(|_| for_good("the address is none".to_owned()))?;
        let slip = &parcel.slip;
        let text = SinglePart::plain(letter::text(parcel));
        let parts: Vec<_> = slip.who.iter().chain(&slip.recordings).copied().collect();
        let body = match parts.is_empty() {
            true => MultiPart::mixed().singlepart(text),
            false => match recorder::joined(&self.state, parts) {
                Ok(wav) => {
                    let kind =
                        ContentType::parse("audio/wav").map_err(|error| for_good(error.to_string()))?;
                    let name = format!("{}.wav", slip.slip);
                    MultiPart::mixed().singlepart(text).singlepart(Attachment::new(name).body(wav, kind))
                }
                Err(why) => {
                    tracing::error!(slip = %slip.slip, why, "a mail goes without its recording");
                    MultiPart::mixed().singlepart(text)
                }
            },
        };
        // The same at each try, so that a reader who gets it twice sees one.
        let domain = self.from.email.domain();
        let id = format!("<slip-{}.{}.{}@{domain}>", slip.slip.0, parcel.number, slip.taken.as_micros());
        let mut mail = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter::subject(parcel))
            .message_id(Some(id))
            .multipart(body)
            .map_err(|error| for_good(error.to_string()))?;
        if slip.urgent {
            mail.headers_mut().insert_raw(HeaderValue::new(
                HeaderName::new_from_ascii_str("Importance"),
                "high".to_owned(),
            ));
        }
        Ok(mail)
    }
}
