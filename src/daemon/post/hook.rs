//! The web hook: a POST with JSON, signed so that the receiver knows whose it is and when it was made.
//!
//! `Hotline-Signature: t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA-256 of `SECONDS.BODY` under the shared secret. The
//! receiver computes the same, and refuses what is older than some minutes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::json;
use sha2::Sha256;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::{Parcel, Trouble};
use crate::base::Masked;
use crate::daemon::clock;
use crate::daemon::failure::Failure;
use crate::daemon::transport::tls;
use crate::record::About;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub url: String,
    pub secret: Masked<String>,
    /// For the whole of one try.
    pub patience: Duration,
}

pub(super) struct Caller {
    agent: Agent,
    url: String,
    secret: Masked<String>,
}

impl Caller {
    pub(super) fn new(config: &Config, ca: Option<&Path>) -> Result<Caller, Failure> {
        let mut tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
        if config.url.starts_with("https://") {
            let authorities = tls::believed(ca)?;
            let authorities: Vec<_> =
                authorities.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
            tls = tls.root_certs(RootCerts::new_with_certs(&authorities));
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(config.patience))
            // Whoever else answers at another place has not been given the secret.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("hotline/", env!("CARGO_PKG_VERSION")))
            .proxy(None)
            .build();
        Ok(Caller { agent: agent.into(), url: config.url.clone(), secret: config.secret.clone() })
    }

    pub(super) fn send(&self, parcel: &Parcel) -> Result<(), Trouble> {
        let body = body(parcel);
        let seconds = clock::now().wall.as_micros().div_euclid(1_000_000);
        let answer = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header("Hotline-Delivery", parcel.number.to_string())
            .header("Hotline-Signature", signature(&self.secret, seconds, &body))
            .send(body.as_bytes());
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            // 410: nobody will ever want it there (RFC 9110 §15.5.11).
            Ok(answer) => Err(Trouble {
                why: format!("the web hook says {}", answer.status().as_u16()),
                for_good: answer.status().as_u16() == 410,
            }),
            Err(error) => Err(Trouble { why: format!("the web hook: {error}"), for_good: false }),
        }
    }
}

fn body(parcel: &Parcel) -> String {
    let slip = &parcel.slip;
    let time =
        |at: crate::base::Wall| Timestamp::from_microsecond(at.as_micros()).unwrap_or_default().to_string();
    json!({
        "event": format!("message.{}", parcel.occasion.name()),
        "delivery": parcel.number,
        "message": {
            "id": slip.slip.0,
            "call": slip.call.0,
            "box": slip.mailbox,
            "was_in": slip.keeping.passed,
            "person": slip.person,
            "taken": time(slip.taken),
            "due": slip.keeping.due.map(time),
            "from": (!slip.from.is_empty()).then(|| slip.from.expose()),
            "call_back": slip.number.as_ref().map(|number| number.expose()),
            "urgent": slip.urgent,
            "confirmed": slip.confirmed,
            "state": slip.state.name(),
            "length_ms": slip.length_ms,
            "about": slip.about.as_ref().map(About::words),
            "case": slip.about.as_ref().and_then(About::case),
        },
    })
    .to_string()
}

fn signature(secret: &Masked<String>, seconds: i64, body: &str) -> String {
    // A key of any length will do (RFC 2104 §2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_any_receiver_computes() {
        // python3: hmac.new(b"secret", b'1700000000.{"a":1}', "sha256").hexdigest()
        let signed = signature(&Masked::from("secret"), 1_700_000_000, "{\"a\":1}");
        assert_eq!(
            signed,
            "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
        );
    }
}
