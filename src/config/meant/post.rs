//! Mails, the web hook, the PINs of message boxes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Reader, Written};
use crate::config::written::Account;
use crate::daemon::boxes::{Pin, Pins};
use crate::daemon::post::{Config, HookConfig, MailConfig, MailEncryption};

/// Where a mail server's name has no port: for those who hand mails in (RFC 6409).
const SUBMISSION: u16 = 587;

/// Shorter secrets are guessed.
const LEAST_SECRET: usize = 16;

impl Reader<'_> {
    pub(super) fn post(&mut self, written: &Written) -> Config {
        Config {
            mail: self.mail(written),
            hook: self.webhook(written),
            ca: self.folder("tls.ca", &written.tls.ca),
        }
    }

    pub(super) fn pins(&mut self, accounts: &BTreeMap<String, Account>) -> Pins {
        let written = accounts.iter().filter(|(_, account)| !account.mailbox_pin.is_empty());
        let pins: Vec<_> =
            written.map(|(user, account)| (user.clone(), Pin::parse(account.mailbox_pin.expose()))).collect();
        let mut known = Pins::new();
        for (user, pin) in pins {
            match pin {
                Some(pin) => drop(known.insert(user, pin)),
                None => self.mistake(&format!("account.{user}.mailbox_pin"), "not what `hotline pin` prints"),
            }
        }
        known
    }

    fn mail(&mut self, written: &Written) -> Option<MailConfig> {
        let mail = &written.mail;
        let encryption = match mail.encryption.as_str() {
            "tls" => MailEncryption::Tls,
            "starttls" => MailEncryption::StartTls,
            "none" => MailEncryption::None,
            _ => {
                self.mistake("mail.encryption", "`starttls`, `tls` or `none`");
                return None;
            }
        };
        if mail.server.is_empty() {
            return None;
        }
        let (server, port) = match mail.server.rsplit_once(':') {
            Some((server, port)) => (server, port.parse().ok()),
            None => (mail.server.as_str(), Some(SUBMISSION)),
        };
        let Some(port) = port.filter(|_| !server.is_empty()) else {
            self.mistake("mail.server", "a name and a port, such as `smtp.bank.example:587`");
            return None;
        };
        if !mail.from.contains('@') {
            self.mistake("mail.from", "mails need a sender's address");
        }
        let patience = self.at_least("mail.timeout_s", mail.timeout_s, 1);
        Some(MailConfig {
            server: server.to_owned(),
            port,
            encryption,
            user: mail.user.clone(),
            password: mail.password.clone(),
            from: mail.from.clone(),
            patience: Duration::from_secs(patience),
        })
    }

    fn webhook(&mut self, written: &Written) -> Option<HookConfig> {
        let hook = &written.webhook;
        if hook.url.is_empty() {
            return None;
        }
        if !hook.url.starts_with("https://") && !hook.url.starts_with("http://") {
            self.mistake("webhook.url", "`https://`, or `http://` within one machine");
        }
        if hook.secret.expose().len() < LEAST_SECRET {
            self.mistake("webhook.secret", "sixteen characters at least: who knows it can forge messages");
        }
        let patience = self.at_least("webhook.timeout_s", hook.timeout_s, 1);
        Some(HookConfig {
            url: hook.url.clone(),
            secret: hook.secret.clone(),
            patience: Duration::from_secs(patience),
        })
    }
}
