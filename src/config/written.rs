//! The settings as they are written: the shape of `hotline.toml`. Units are in the names; an empty text means
//! "not set". The defaults are those of the modules that the settings are for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::{DigitWay, Masked};
use crate::call::Announce;
use crate::daemon::Settings;
use crate::daemon::calendars::Config as Calendars;
use crate::daemon::logging::Format;
use crate::daemon::transport::tls;
use crate::exchange::MediaKind;
use crate::media;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    pub listen: Listen,
    pub tls: Tls,
    pub websocket: WebSocket,
    pub web: Web,
    pub trunk: BTreeMap<String, Trunk>,
    pub dns: Dns,
    pub account: BTreeMap<String, Account>,
    pub registrar: Registrar,
    pub security: Security,
    pub overload: Overload,
    pub subscriptions: Subscriptions,
    pub sip: Sip,
    pub rtp: Rtp,
    pub media: media::Config,
    pub workers: Workers,
    pub exchange: Exchange,
    pub call: Call,
    pub recording: Recording,
    pub mail: Mail,
    pub webhook: Webhook,
    pub presence: Presence,
    pub state: State,
    pub dialplan: Dialplan,
    pub prompts: Prompts,
    pub drain: Drain,
    pub log: Log,
    pub trace: Trace,
    pub hep: Hep,
}

macro_rules! section {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $name {
                $(pub $field: $kind,)*
            }
        )*
    };
}

section! {
    Listen {
        udp: List,
        tcp: List,
        tls: List,
        ws: List,
        wss: List,
        advertise: String,
        tcp_idle_s: u64,
        tcp_streams: usize,
        tcp_streams_per_source: usize,
    }
    Tls {
        certificate: String,
        key: String,
        ca: String,
        verify: bool,
        client_certificates: ClientCertificates,
        client_ca: String,
    }
    WebSocket { path: String, origins: List, ping_s: u64, }
    Web {
        http: List,
        https: List,
        connections: usize,
        connections_per_source: usize,
        max_body: usize,
        head_within_s: u64,
        session_idle_min: u64,
        session_hours: u64,
    }
    Registrar {
        default_expires_s: u64,
        min_expires_s: u64,
        max_expires_s: u64,
        max_contacts: usize,
        most: usize,
        flow_timer_s: u64,
        probe_every_s: u64,
        probe_within_s: u64,
        probe_silences: u32,
    }
    Security {
        realm: String,
        digest: List,
        md5_only: List,
        failures: u32,
        failure_window_s: u64,
        silence_s: u64,
        scanners: List,
        stranger_requests_per_s: u32,
        strangers_requests_per_s: u32,
        known_requests_per_s: u32,
        allow: List,
        deny: List,
    }
    Dns { servers: List, }
    Overload { queue_age_ms: u64, files_left: u64, memory_mib: u64, }
    Sip {
        t1_ms: u64,
        t2_ms: u64,
        t4_ms: u64,
        invite_expires_s: u64,
        user_agent: String,
        session_expires_s: u64,
        min_session_expires_s: u64,
        reliable_provisional: bool,
        udp_request_limit: usize,
        max_message: usize,
        max_headers: usize,
        max_line: usize,
    }
    Subscriptions {
        most: usize,
        most_per_account: usize,
        default_expires_s: u64,
        min_expires_s: u64,
        max_expires_s: u64,
        least_interval_ms: u64,
        away_is_busy: bool,
        unsolicited_messages: bool,
    }
    Rtp { address: String, port_first: u16, port_last: u16, codecs: List, srtp: String, srtp_keys_in_clear: bool, browsers: bool, }
    Workers { count: usize, real_time: bool, }
    Exchange { threads: u8, real_time: bool, }
    Call {
        most: usize,
        confirm_within_s: u64,
        durable_within_s: u64,
        still_holding_every_s: u64,
        hold_reminder_s: u64,
        hold_apology_s: u64,
        hold_rings: bool,
        caller_hangs_up_within_s: u64,
        announce_supervisor: Announce,
        pause_recording_key: String,
        transfer_key: String,
        consult_key: String,
        three_key: String,
        swap_key: String,
        back_key: String,
        park_key: String,
        complaint_key: String,
        code_within_s: u64,
        transfer_ring_s: u64,
        promise_within_s: u64,
        promise_key: String,
        matter_key: String,
        matter_days: u64,
    }
    Recording { flush_ms: u64, beep: bool, beep_every_s: u64, outside: bool, }
    Mail {
        server: String,
        encryption: String,
        user: Masked<String>,
        password: Masked<String>,
        from: String,
        timeout_s: u64,
    }
    Webhook { url: String, secret: Masked<String>, timeout_s: u64, }
    Presence { calendars: String, every_s: u64, }
    State { dir: String, }
    Dialplan { dir: String, alone: bool, }
    Prompts { dir: String, speech_dbfs: i8, music_dbfs: i8, }
    Drain { limit_s: u64, }
    Log { format: LogFormat, filter: String, }
    Trace { messages: usize, octets: usize, unmasked: bool, }
    Hep { server: String, id: u32, password: Masked<String>, }
}

/// `[trunk.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trunk {
    pub addresses: List,
    pub user: String,
    pub password: Masked<String>,
    pub numbers: List,
    pub server: String,
    pub auth_user: String,
    pub auth_password: Masked<String>,
    pub register: String,
    pub register_expires_s: u64,
    pub probe_s: u64,
    pub trusted: bool,
    pub rewrite: Vec<Rewrite>,
    pub outbound: List,
    pub outbound_rewrite: Vec<Rewrite>,
    pub outbound_rank: u32,
    pub caller_id: String,
    pub most_calls: u32,
    pub most_calls_per_s: u32,
    pub srtp: String,
    pub codecs: List,
    pub digits: DigitWay,
}

/// One of a trunk's rules for numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rewrite {
    pub number: String,
    pub strip: usize,
    pub put: String,
}

impl Default for Trunk {
    fn default() -> Self {
        Trunk {
            addresses: List::default(),
            user: String::new(),
            password: Masked::default(),
            numbers: List::default(),
            server: String::new(),
            auth_user: String::new(),
            auth_password: Masked::default(),
            register: String::new(),
            register_expires_s: 3600,
            probe_s: 60,
            trusted: false,
            rewrite: Vec::new(),
            outbound: List::default(),
            outbound_rewrite: Vec::new(),
            outbound_rank: 0,
            caller_id: String::new(),
            most_calls: 0,
            most_calls_per_s: 0,
            srtp: String::new(),
            codecs: List::default(),
            digits: DigitWay::default(),
        }
    }
}

/// `[account.USER]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    pub password: Masked<String>,
    pub ha1_sha256: Masked<String>,
    pub ha1_md5: Masked<String>,
    pub mailbox_pin: Masked<String>,
    pub srtp: String,
    pub codecs: List,
    pub digits: DigitWay,
    pub media: MediaKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificates {
    Off,
    Optional,
    Required,
}

impl From<ClientCertificates> for tls::ClientCertificates {
    fn from(written: ClientCertificates) -> Self {
        match written {
            ClientCertificates::Off => tls::ClientCertificates::Off,
            ClientCertificates::Optional => tls::ClientCertificates::Optional,
            ClientCertificates::Required => tls::ClientCertificates::Required,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    Human,
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Human => LogFormat::Human,
            Format::Json => LogFormat::Json,
        }
    }
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Human => Format::Human,
            LogFormat::Json => Format::Json,
        }
    }
}

impl Default for Written {
    fn default() -> Self {
        let Settings {
            listen,
            web,
            exchange,
            exchanges,
            real_time,
            media,
            workers,
            browsers,
            recording,
            dns,
            log,
            drain,
            trace,
            hep,
            levels,
            ..
        } = Settings::default();
        let list =
            |addresses: &[std::net::SocketAddr]| List(addresses.iter().map(ToString::to_string).collect());
        let text = |address: Option<std::net::IpAddr>| address.map_or(String::new(), |a| a.to_string());
        let (sip, call) = (&exchange.sip, &exchange.call);
        Written {
            listen: Listen {
                udp: list(&listen.udp),
                tcp: list(&listen.tcp),
                tls: list(&listen.tls),
                ws: list(&listen.ws),
                wss: list(&listen.wss),
                advertise: text(exchange.advertised),
                tcp_idle_s: listen.tcp_idle.as_secs(),
                tcp_streams: listen.tcp_streams,
                tcp_streams_per_source: listen.tcp_streams_per_source,
            },
            tls: Tls {
                certificate: String::new(),
                key: String::new(),
                ca: String::new(),
                verify: listen.certificates.verify,
                client_certificates: ClientCertificates::Off,
                client_ca: String::new(),
            },
            websocket: WebSocket {
                path: String::new(),
                origins: List::default(),
                ping_s: listen.websocket.ping.as_secs(),
            },
            web: Web {
                http: list(&web.http),
                https: list(&web.https),
                connections: web.connections,
                connections_per_source: web.connections_per_source,
                max_body: web.max_body,
                head_within_s: web.head_within.as_secs(),
                session_idle_min: web.session_idle.as_secs() / 60,
                session_hours: web.session_whole.as_secs() / 3600,
            },
            trunk: BTreeMap::new(),
            dns: Dns { servers: list(&dns.servers) },
            account: BTreeMap::new(),
            registrar: Registrar {
                default_expires_s: exchange.registrar.default_expires.as_secs(),
                min_expires_s: exchange.registrar.min_expires.as_secs(),
                max_expires_s: exchange.registrar.max_expires.as_secs(),
                max_contacts: exchange.registrar.max_contacts,
                most: exchange.registrar.most,
                flow_timer_s: exchange.registrar.flow_timer.as_secs(),
                probe_every_s: exchange.probes.every.as_secs(),
                probe_within_s: exchange.probes.within.as_secs(),
                probe_silences: exchange.probes.silences,
            },
            security: Security {
                realm: exchange.security.realm.clone(),
                digest: List(exchange.security.digest.iter().map(|a| a.name().to_owned()).collect()),
                md5_only: List(exchange.security.md5_only.clone()),
                failures: exchange.security.failures,
                failure_window_s: exchange.security.failure_window.as_secs(),
                silence_s: exchange.security.silence.as_secs(),
                scanners: List(exchange.security.scanners.clone()),
                stranger_requests_per_s: exchange.security.stranger_requests,
                strangers_requests_per_s: exchange.security.strangers_requests,
                known_requests_per_s: exchange.security.known_requests,
                allow: List::default(),
                deny: List::default(),
            },
            overload: Overload {
                queue_age_ms: millis(exchange.overload.queue_age),
                files_left: exchange.overload.files,
                memory_mib: exchange.overload.resident.unwrap_or(0) >> 20,
            },
            subscriptions: Subscriptions {
                most: exchange.subscriptions.most,
                most_per_account: exchange.subscriptions.most_per_account,
                default_expires_s: exchange.subscriptions.expiry.default.as_secs(),
                min_expires_s: exchange.subscriptions.expiry.min.as_secs(),
                max_expires_s: exchange.subscriptions.expiry.max.as_secs(),
                least_interval_ms: millis(sip.notify_interval),
                away_is_busy: exchange.subscriptions.away_is_busy,
                unsolicited_messages: exchange.subscriptions.unsolicited,
            },
            sip: Sip {
                t1_ms: millis(sip.t1),
                t2_ms: millis(sip.t2),
                t4_ms: millis(sip.t4),
                invite_expires_s: sip.invite_expires.as_secs(),
                user_agent: sip.user_agent.clone().unwrap_or_default(),
                session_expires_s: sip.session_expires.map_or(0, |interval| interval.as_secs()),
                min_session_expires_s: sip.min_session_expires.as_secs(),
                reliable_provisional: sip.reliable_provisional,
                udp_request_limit: sip.udp_request_limit.unwrap_or(0),
                max_message: sip.limits.message,
                max_headers: sip.limits.headers,
                max_line: sip.limits.line,
            },
            rtp: Rtp {
                address: text(workers.address),
                port_first: *exchange.rtp_ports.start(),
                port_last: *exchange.rtp_ports.end(),
                codecs: List(exchange.codecs.iter().map(|codec| codec.name().to_owned()).collect()),
                srtp: exchange.encryption.name().to_owned(),
                srtp_keys_in_clear: exchange.keys_in_clear,
                browsers,
            },
            media,
            workers: Workers { count: workers.workers, real_time: workers.real_time },
            exchange: Exchange { threads: exchanges, real_time },
            call: Call {
                most: exchange.most_calls,
                confirm_within_s: call.confirm_within.as_secs(),
                durable_within_s: call.durable_within.as_secs(),
                still_holding_every_s: call.still_holding_every.as_secs(),
                hold_reminder_s: call.hold.agent_after.as_secs(),
                hold_apology_s: call.hold.caller_after.as_secs(),
                hold_rings: call.hold.rings,
                caller_hangs_up_within_s: call.caller_hangs_up_within.as_secs(),
                announce_supervisor: call.announce_supervisor,
                pause_recording_key: call.pause_recording_key.clone(),
                transfer_key: call.transfer_keys.blind.clone(),
                consult_key: call.transfer_keys.attended.clone(),
                three_key: call.transfer_keys.three.clone(),
                swap_key: call.transfer_keys.swap.clone(),
                back_key: call.transfer_keys.back.clone(),
                park_key: call.transfer_keys.park.clone(),
                complaint_key: call.complaint_key.clone(),
                code_within_s: call.code_within.as_secs(),
                transfer_ring_s: call.transfer_ring.as_secs(),
                promise_within_s: call.promise_within.as_secs(),
                promise_key: call.pledge_keys.promise.clone(),
                matter_key: call.pledge_keys.matter.clone(),
                matter_days: call.matter_lasts.as_secs() / (24 * 3600),
            },
            recording: Recording {
                flush_ms: millis(recording.flush),
                beep: call.recording_beep.is_some(),
                beep_every_s: call.recording_beep.unwrap_or(BEEP_EVERY).as_secs(),
                outside: call.record_outside,
            },
            mail: Mail {
                server: String::new(),
                encryption: "starttls".to_owned(),
                user: Masked::default(),
                password: Masked::default(),
                from: String::new(),
                timeout_s: 30,
            },
            webhook: Webhook { url: String::new(), secret: Masked::default(), timeout_s: 10 },
            presence: Presence { calendars: String::new(), every_s: Calendars::default().every.as_secs() },
            state: State { dir: String::new() },
            dialplan: Dialplan { dir: String::new(), alone: false },
            prompts: Prompts {
                dir: String::new(),
                speech_dbfs: levels.speech.round() as i8,
                music_dbfs: levels.music.round() as i8,
            },
            drain: Drain { limit_s: drain.limit.as_secs() },
            log: Log { format: log.format.into(), filter: log.filter },
            trace: Trace { messages: trace.messages, octets: trace.octets, unmasked: trace.unmasked },
            hep: Hep {
                server: hep.server.map_or(String::new(), |server| server.to_string()),
                id: hep.id,
                password: hep.password,
            },
        }
    }
}

/// Of a recording's tone where nothing else is written: what the United States have asked for.
const BEEP_EVERY: Duration = Duration::from_secs(15);

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A section that says only some of its settings takes the others from the defaults of the whole.
macro_rules! default_from_whole {
    ($($name:ident $field:ident,)*) => {
        $(
            impl Default for $name {
                fn default() -> Self {
                    Written::default().$field
                }
            }
        )*
    };
}

default_from_whole! {
    Dns dns,
    Listen listen, Tls tls, WebSocket websocket, Web web, Registrar registrar, Security security, Overload overload, Subscriptions subscriptions, Sip sip, Rtp rtp, Workers workers, Exchange exchange, Call call, Recording recording, Mail mail, Webhook webhook, Presence presence,
    State state, Dialplan dialplan, Prompts prompts, Drain drain, Log log, Trace trace, Hep hep,
}

/// A list of texts, or one text with commas as the environment writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List(pub Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<List, E> {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(List(items.map(str::to_owned).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
