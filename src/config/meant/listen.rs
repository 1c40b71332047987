//! `[listen]`, `[tls]`, `[websocket]` and the address lists of `[security]`.

use std::time::Duration;

use super::{Reader, SIP_PORT};
use crate::config::written::{self, ClientCertificates, List, Written};
use crate::daemon::transport::access::AccessLists;
use crate::daemon::transport::{self, tls, websocket};
use crate::exchange::Network;
use crate::sip::Transport;

impl Reader<'_> {
    pub(super) fn listen(&mut self, whole: &Written) -> transport::Config {
        let written = &whole.listen;
        if written.udp.0.is_empty() {
            self.mistake("listen.udp", "at least one UDP address is needed");
        }
        let certificates = self.certificates(&whole.tls);
        if certificates.certificate.is_none() {
            for (setting, list) in [("listen.tls", &written.tls), ("listen.wss", &written.wss)] {
                if !list.0.is_empty() {
                    self.mistake(setting, "nobody can connect without tls.certificate and tls.key");
                }
            }
        }
        transport::Config {
            udp: self.socket_addresses("listen.udp", &written.udp, SIP_PORT),
            tcp: self.socket_addresses("listen.tcp", &written.tcp, SIP_PORT),
            tls: self.socket_addresses("listen.tls", &written.tls, Transport::Tls.default_port()),
            ws: self.socket_addresses("listen.ws", &written.ws, Transport::Ws.default_port()),
            wss: self.socket_addresses("listen.wss", &written.wss, Transport::Wss.default_port()),
            tcp_idle: Duration::from_secs(self.at_least("listen.tcp_idle_s", written.tcp_idle_s, 1)),
            tcp_streams: written.tcp_streams,
            tcp_streams_per_source: self.at_least(
                "listen.tcp_streams_per_source",
                written.tcp_streams_per_source,
                1,
            ),
            certificates,
            websocket: self.websocket(&whole.websocket),
            access: AccessLists {
                allow: self.networks("security.allow", &whole.security.allow),
                deny: self.networks("security.deny", &whole.security.deny),
            },
        }
    }

    fn certificates(&mut self, written: &written::Tls) -> tls::Config {
        if written.certificate.is_empty() != written.key.is_empty() {
            self.mistake("tls.certificate", "certificate and key belong together");
        }
        if written.client_certificates != ClientCertificates::Off && written.client_ca.is_empty() {
            self.mistake("tls.client_certificates", "no certificate can be good without tls.client_ca");
        }
        tls::Config {
            certificate: self.folder("tls.certificate", &written.certificate),
            key: self.folder("tls.key", &written.key),
            ca: self.folder("tls.ca", &written.ca),
            client_ca: self.folder("tls.client_ca", &written.client_ca),
            client_certificates: written.client_certificates.into(),
            verify: written.verify,
        }
    }

    fn websocket(&mut self, written: &written::WebSocket) -> websocket::Config {
        let path = Some(written.path.clone()).filter(|path| !path.is_empty());
        if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
            self.mistake("websocket.path", "a path begins with a slash");
        }
        // What a browser sends has neither a path nor a slash at its end (RFC 6454 §6.2).
        let origins = self.each("websocket.origins", &written.origins, |text| match text.split_once("://") {
            Some((scheme, host)) if !scheme.is_empty() && !host.is_empty() && !host.contains('/') => {
                Ok(text.to_lowercase())
            }
            _ => Err("no origin (https://desk.example.com)"),
        });
        websocket::Config {
            path,
            origins,
            ping: Duration::from_secs(self.at_least("websocket.ping_s", written.ping_s, 1)),
        }
    }

    pub(super) fn networks(&mut self, setting: &str, list: &List) -> Vec<Network> {
        self.each(setting, list, |text| {
            Network::parse(text).ok_or("neither an address nor a network (192.0.2.0/24)")
        })
    }
}
