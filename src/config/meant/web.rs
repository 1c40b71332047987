//! `[web]`: where the page and the API are served.

use std::time::Duration;

use super::{Reader, Written};
use crate::daemon::web::Config;

/// Where an address names no port.
const HTTP_PORT: u16 = 8080;
const HTTPS_PORT: u16 = 8443;
/// Less would not take a note.
const LEAST_BODY: usize = 4096;
const MOST_BODY: usize = 1024 * 1024;

impl Reader<'_> {
    pub(super) fn web(&mut self, whole: &Written) -> Config {
        let written = &whole.web;
        let http = self.socket_addresses("web.http", &written.http, HTTP_PORT);
        if http.iter().any(|address| !address.ip().is_loopback()) {
            self.mistake("web.http", "passwords would go over the network in the clear: use web.https");
        }
        if !written.https.0.is_empty() && whole.tls.certificate.is_empty() {
            self.mistake("web.https", "nobody can connect without tls.certificate and tls.key");
        }
        let minutes = self.at_least("web.session_idle_min", written.session_idle_min, 1);
        let hours = self.at_least("web.session_hours", written.session_hours, 1);
        let max_body = self.at_least("web.max_body", written.max_body, LEAST_BODY);
        Config {
            http,
            https: self.socket_addresses("web.https", &written.https, HTTPS_PORT),
            connections: self.at_least("web.connections", written.connections, 1),
            connections_per_source: self.at_least(
                "web.connections_per_source",
                written.connections_per_source,
                1,
            ),
            max_body: self.at_most("web.max_body", max_body, MOST_BODY),
            head_within: Duration::from_secs(self.at_least("web.head_within_s", written.head_within_s, 1)),
            session_idle: Duration::from_secs(self.at_most("web.session_idle_min", minutes, 24 * 60) * 60),
            session_whole: Duration::from_secs(self.at_most("web.session_hours", hours, 24 * 7) * 3600),
            failures: whole.security.failures.max(1),
            failure_window: Duration::from_secs(whole.security.failure_window_s),
        }
    }
}
