//! From what was written to what is meant: addresses, ports and ranges, all mistakes at once.

mod listen;
mod manners;
mod post;
mod web;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::srtp::Encryption;
use crate::base::{Codec, Codecs, Masked};
use crate::daemon::calendars::Config as Calendars;
use crate::daemon::prompts::Levels;
use crate::daemon::{Drain, Settings, dialplans, exchanges, logging, recorder, trace, workers};
use crate::exchange::{self, Account, Overload, Security, Subscriptions};
use crate::sip::auth::{Algorithm, Secret};
use crate::sip::events::compositor::Expiry;
use crate::{media, sip};

use super::Mistake;
use super::layers::{Layers, Origin};
use super::written::{self, List, Written};

/// SIP's port (RFC 3261 §19.1.2), where an address names none.
const SIP_PORT: u16 = 5060;
/// The RFC's smallest session interval (RFC 4028 §4).
const SHORTEST_SESSION_S: u64 = 90;
/// One message of the size that UDP can carry.
const LEAST_RING: usize = 64 * 1024;

/// `base`: the folder of the configuration file, for the folders that it names. `None` where a mistake was
/// found; all of them are in `mistakes`.
pub fn settings(
    written: &Written,
    layers: &Layers,
    base: Option<&Path>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Settings> {
    let before = mistakes.len();
    let mut reader = Reader { layers, base, mistakes };
    let settings = reader.settings(written);
    (mistakes.len() == before).then_some(settings)
}

pub(super) struct Reader<'a> {
    layers: &'a Layers,
    base: Option<&'a Path>,
    mistakes: &'a mut Vec<Mistake>,
}

impl Reader<'_> {
    fn settings(&mut self, written: &Written) -> Settings {
        if let Err(reason) = logging::check_filter(&written.log.filter) {
            self.mistake("log.filter", reason);
        }
        let (least, most) = (written.media.jitter_least_ms, written.media.jitter_most_ms);
        if most > media::JITTER_MOST_MS {
            self.mistake(
                "media.jitter_most_ms",
                "nobody holds a conversation over more than 250 ms of waiting",
            );
        } else if least > most {
            self.mistake("media.jitter_least_ms", "it is more than media.jitter_most_ms");
        }
        let dir = self.folder("dialplan.dir", &written.dialplan.dir);
        if written.dialplan.alone && dir.is_none() {
            self.mistake(
                "dialplan.alone",
                "nothing would be left: name a folder too, by dialplan.dir or --dialplans",
            );
        }
        Settings {
            listen: self.listen(written),
            web: self.web(written),
            exchange: self.exchange(written),
            exchanges: self.exchanges(written.exchange.threads),
            real_time: written.exchange.real_time,
            media: written.media.clone(),
            browsers: written.rtp.browsers,
            workers: workers::Config {
                workers: written.workers.count,
                real_time: written.workers.real_time,
                address: self.address("rtp.address", &written.rtp.address),
            },
            recording: recorder::Config {
                flush: Duration::from_millis(self.at_least(
                    "recording.flush_ms",
                    written.recording.flush_ms,
                    10,
                )),
            },
            calendars: Calendars {
                folder: self.folder("presence.calendars", &written.presence.calendars),
                every: Duration::from_secs(self.at_least("presence.every_s", written.presence.every_s, 1)),
                ..Calendars::default()
            },
            post: self.post(written),
            pins: self.pins(&written.account),
            log: logging::Config { format: written.log.format.into(), filter: written.log.filter.clone() },
            trace: self.trace(&written.trace),
            hep: trace::hep::Config {
                server: self.server("hep.server", &written.hep.server),
                id: written.hep.id,
                password: written.hep.password.clone(),
            },
            dns: self.dns(&written.dns),
            state: self.folder("state.dir", &written.state.dir),
            dialplans: dialplans::Config {
                folder: dir,
                alone: written.dialplan.alone,
                trunks: written.trunk.keys().cloned().collect(),
            },
            prompts: self.folder("prompts.dir", &written.prompts.dir),
            levels: Levels {
                speech: self.level("prompts.speech_dbfs", written.prompts.speech_dbfs),
                music: self.level("prompts.music_dbfs", written.prompts.music_dbfs),
            },
            drain: Drain { limit: Duration::from_secs(written.drain.limit_s) },
            ..Settings::default()
        }
    }

    fn trace(&mut self, written: &written::Trace) -> trace::Config {
        // Less would hold no message of the largest size.
        let least = if written.messages == 0 { 0 } else { LEAST_RING };
        trace::Config {
            messages: written.messages,
            octets: self.at_least("trace.octets", written.octets, least),
            unmasked: written.unmasked,
        }
    }

    fn exchanges(&mut self, threads: u8) -> u8 {
        if threads > exchanges::MOST {
            self.mistake("exchange.threads", format!("at most {}", exchanges::MOST));
        }
        self.at_least("exchange.threads", threads, 1)
    }

    fn exchange(&mut self, written: &Written) -> exchange::Config {
        let Written { security, rtp, call, recording, .. } = written;
        if rtp.port_first < 1024 {
            self.mistake("rtp.port_first", "ports below 1024 are not for RTP");
        }
        if rtp.port_last < rtp.port_first.saturating_add(3) {
            self.mistake(
                "rtp.port_last",
                "the range has room for no call: a leg takes two ports, a call two legs",
            );
        }
        if security.realm.is_empty() || security.realm.contains(['"', '\\']) {
            self.mistake("security.realm", "a realm has at least one character and no quotation marks");
        }
        let codecs = self.codecs("rtp.codecs", &rtp.codecs);
        if codecs.is_none() {
            self.mistake("rtp.codecs", "without a codec nobody is heard: name one at least");
        }
        exchange::Config {
            sip: sip::Config {
                notify_interval: Duration::from_millis(written.subscriptions.least_interval_ms),
                ..self.sip(&written.sip, !written.listen.tcp.0.is_empty())
            },
            call: self.call(call, recording),
            trunks: self.trunks(&written.trunk),
            accounts: self.accounts(&written.account, &security.digest),
            registrar: self.registrar(&written.registrar),
            probes: self.probes(&written.registrar),
            security: Security {
                realm: security.realm.clone(),
                digest: self.digest(&security.digest),
                md5_only: self.beginnings("security.md5_only", &security.md5_only),
                failures: self.at_least("security.failures", security.failures, 1),
                failure_window: Duration::from_secs(security.failure_window_s),
                silence: Duration::from_secs(security.silence_s),
                scanners: self.beginnings("security.scanners", &security.scanners),
                stranger_requests: security.stranger_requests_per_s,
                strangers_requests: security.strangers_requests_per_s,
                known_requests: security.known_requests_per_s,
            },
            overload: Overload {
                queue_age: Duration::from_millis(self.at_least(
                    "overload.queue_age_ms",
                    written.overload.queue_age_ms,
                    5,
                )),
                files: written.overload.files_left,
                resident: Some(written.overload.memory_mib << 20).filter(|octets| *octets > 0),
            },
            subscriptions: self.subscriptions(&written.subscriptions),
            advertised: self.address("listen.advertise", &written.listen.advertise),
            encryption: self.encryption("rtp.srtp", &rtp.srtp).unwrap_or_default(),
            keys_in_clear: rtp.srtp_keys_in_clear,
            codecs: codecs.unwrap_or_default(),
            rtp_ports: rtp.port_first..=rtp.port_last,
            most_calls: written.call.most,
            ..exchange::Config::default()
        }
    }

    fn subscriptions(&mut self, written: &written::Subscriptions) -> Subscriptions {
        let min = self.at_least("subscriptions.min_expires_s", written.min_expires_s, 1);
        let max = self.at_least("subscriptions.max_expires_s", written.max_expires_s, min);
        let default = self.at_least("subscriptions.default_expires_s", written.default_expires_s, min);
        Subscriptions {
            most: written.most,
            most_per_account: written.most_per_account,
            expiry: Expiry {
                default: Duration::from_secs(default),
                min: Duration::from_secs(min),
                max: Duration::from_secs(max),
            },
            away_is_busy: written.away_is_busy,
            unsolicited: written.unsolicited_messages,
        }
    }

    fn sip(&mut self, written: &written::Sip, has_tcp: bool) -> sip::Config {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        if written.user_agent.chars().any(char::is_control) {
            self.mistake("sip.user_agent", "a header's value is one line");
        }
        let session = match written.session_expires_s {
            0 => None,
            seconds => {
                let least = written.min_session_expires_s;
                Some(Duration::from_secs(self.at_least("sip.session_expires_s", seconds, least)))
            }
        };
        let least =
            self.at_least("sip.min_session_expires_s", written.min_session_expires_s, SHORTEST_SESSION_S);
        sip::Config {
            t1: Duration::from_millis(self.at_least("sip.t1_ms", written.t1_ms, 10)),
            t2: Duration::from_millis(self.at_least("sip.t2_ms", written.t2_ms, written.t1_ms)),
            t4: Duration::from_millis(self.at_least("sip.t4_ms", written.t4_ms, written.t1_ms)),
            invite_expires: Duration::from_secs(self.at_least(
                "sip.invite_expires_s",
                written.invite_expires_s,
                1,
            )),
            user_agent: some(&written.user_agent),
            session_expires: session,
            min_session_expires: Duration::from_secs(least),
            reliable_provisional: written.reliable_provisional,
            // Without a listener of ours the peer could not open a new connection for its own requests.
            udp_request_limit: Some(written.udp_request_limit).filter(|limit| has_tcp && *limit > 0),
            limits: sip::Limits {
                message: self.at_least("sip.max_message", written.max_message, 2048),
                headers: self.at_least("sip.max_headers", written.max_headers, 32),
                line: self.at_least("sip.max_line", written.max_line, 512),
            },
            ..sip::Config::default()
        }
    }

    fn registrar(&mut self, written: &written::Registrar) -> sip::registrar::Config {
        let min = self.at_least("registrar.min_expires_s", written.min_expires_s, 1);
        let max = self.at_least("registrar.max_expires_s", written.max_expires_s, min);
        let default = self.at_least("registrar.default_expires_s", written.default_expires_s, min);
        sip::registrar::Config {
            default_expires: Duration::from_secs(default.min(max)),
            min_expires: Duration::from_secs(min),
            max_expires: Duration::from_secs(max),
            max_contacts: self.at_least("registrar.max_contacts", written.max_contacts, 1),
            most: written.most,
            flow_timer: Duration::from_secs(self.at_least(
                "registrar.flow_timer_s",
                written.flow_timer_s,
                10,
            )),
        }
    }

    fn probes(&mut self, written: &written::Registrar) -> exchange::Pace {
        let within = self.at_least("registrar.probe_within_s", written.probe_within_s, 1);
        exchange::Pace {
            every: Duration::from_secs(written.probe_every_s),
            within: Duration::from_secs(within),
            silences: self.at_least("registrar.probe_silences", written.probe_silences, 1),
        }
    }

    fn digest(&mut self, written: &List) -> Vec<Algorithm> {
        if written.0.is_empty() {
            self.mistake("security.digest", "nobody could sign in without any algorithm");
        }
        self.each("security.digest", written, |text| {
            Algorithm::parse(text).ok_or("no algorithm: SHA-256 or MD5")
        })
    }

    /// An empty one would be the beginning of every User-Agent.
    fn beginnings(&mut self, setting: &str, written: &List) -> Vec<String> {
        if written.0.iter().any(|text| text.trim().is_empty()) {
            self.mistake(setting, "an empty text would stand for every phone");
        }
        written.0.clone()
    }

    fn accounts(&mut self, written: &BTreeMap<String, written::Account>, digest: &List) -> Vec<Account> {
        let offered =
            |algorithm: Algorithm| digest.0.iter().any(|name| Algorithm::parse(name) == Some(algorithm));
        let mut accounts = Vec::new();
        for (user, account) in written {
            let setting = format!("account.{user}");
            let sha256 = self.ha1(&format!("{setting}.ha1_sha256"), &account.ha1_sha256, 64);
            let md5 = self.ha1(&format!("{setting}.ha1_md5"), &account.ha1_md5, 32);
            let secret = match (account.password.expose().is_empty(), sha256.is_none() && md5.is_none()) {
                (false, true) => Secret::Password(account.password.clone()),
                (true, false) => {
                    let usable = sha256.is_some() && offered(Algorithm::Sha256)
                        || md5.is_some() && offered(Algorithm::Md5);
                    if !usable {
                        self.mistake(&setting, "security.digest does not offer the algorithm of its hash");
                    }
                    Secret::Ha1 { sha256, md5 }
                }
                (true, true) => {
                    self.mistake(&setting, "the account needs a password, ha1_sha256 or ha1_md5");
                    continue;
                }
                (false, false) => {
                    self.mistake(&setting, "the account has both a password and a hash of it");
                    continue;
                }
            };
            let encryption = self.encryption(&format!("{setting}.srtp"), &account.srtp);
            let codecs = self.codecs(&format!("{setting}.codecs"), &account.codecs);
            let (user, digits, media) = (user.clone(), account.digits, account.media);
            accounts.push(Account { user, secret, encryption, codecs, digits, media });
        }
        accounts
    }

    // -- single values --

    /// `None` where nothing is written: the house's list holds.
    pub(super) fn codecs(&mut self, setting: &str, list: &List) -> Option<Codecs> {
        let known = "not one of PCMA, PCMU, G722 and opus";
        let unknown = |name: &str| match name.eq_ignore_ascii_case("opus") {
            true => "not in this program: it was built without the feature \"opus\"",
            false => known,
        };
        Codecs::new(self.each(setting, list, |name| Codec::from_name(name).ok_or(unknown(name))))
    }

    /// `None` where nothing is written: the house's rule holds.
    pub(super) fn encryption(&mut self, setting: &str, text: &str) -> Option<Encryption> {
        let encryption = Encryption::from_name(text);
        if encryption.is_none() && !(text.is_empty() && setting != "rtp.srtp") {
            self.mistake(setting, "not one of \"off\", \"optional\" and \"mandatory\"");
        }
        encryption
    }

    fn ha1(&mut self, setting: &str, written: &Masked<String>, digits: usize) -> Option<Masked<String>> {
        let text = written.expose();
        if text.is_empty() {
            return None;
        }
        if text.len() != digits || !text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
            self.mistake(setting, format!("not {digits} lower-case hexadecimal digits"));
        }
        Some(written.clone())
    }

    pub(super) fn mistake(&mut self, setting: &str, reason: impl Into<String>) {
        let origin = self.layers.origin(setting);
        self.mistakes.push(Mistake { origin, setting: setting.to_owned(), reason: reason.into() });
    }

    pub(super) fn keys(&mut self, setting: &str, keys: &str) -> String {
        if !keys.chars().all(|key| matches!(key, '0'..='9' | '*' | '#')) {
            self.mistake(setting, "keys are 0 to 9, * and #");
        }
        keys.to_owned()
    }

    fn level(&mut self, setting: &str, dbfs: i8) -> f64 {
        if !(-40..=-10).contains(&dbfs) {
            self.mistake(setting, "a level that can be listened to lies between -40 and -10 dBFS");
        }
        f64::from(dbfs)
    }

    /// The value, or the most and a mistake.
    pub(super) fn at_most<T: PartialOrd + Display + Copy>(&mut self, setting: &str, value: T, most: T) -> T {
        if value > most {
            self.mistake(setting, format!("at most {most}"));
            return most;
        }
        value
    }

    /// The value, or the least one and a mistake.
    pub(super) fn at_least<T: PartialOrd + Display + Copy>(
        &mut self,
        setting: &str,
        value: T,
        least: T,
    ) -> T {
        if value < least {
            self.mistake(setting, format!("at least {least}"));
            return least;
        }
        value
    }

    fn address(&mut self, setting: &str, text: &str) -> Option<IpAddr> {
        if text.is_empty() {
            return None;
        }
        let address = text.parse().ok();
        if address.is_none() {
            self.mistake(setting, "not an IP address");
        }
        address
    }

    fn server(&mut self, setting: &str, text: &str) -> Option<SocketAddr> {
        if text.is_empty() {
            return None;
        }
        let server = text.parse().ok();
        if server.is_none() {
            self.mistake(setting, "not an address and a port (192.0.2.9:9060)");
        }
        server
    }

    pub(super) fn socket_addresses(&mut self, setting: &str, list: &List, port: u16) -> Vec<SocketAddr> {
        self.each(setting, list, |text| {
            let with_port = text.parse().ok();
            let plain = || text.trim_matches(['[', ']']).parse().ok().map(|ip| SocketAddr::new(ip, port));
            with_port.or_else(plain).ok_or("not an address (192.0.2.1, 192.0.2.1:5060 or [2001:db8::1]:5060)")
        })
    }

    pub(super) fn each<T>(
        &mut self,
        setting: &str,
        list: &List,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for text in &list.0 {
            match parse(text) {
                Ok(value) => values.push(value),
                Err(reason) => self.mistake(setting, format!("{text:?} is {reason}")),
            }
        }
        values
    }

    /// A folder that the file names is beside the file; one of the command line is beside the caller.
    fn folder(&self, setting: &str, text: &str) -> Option<PathBuf> {
        if text.is_empty() {
            return None;
        }
        let path = PathBuf::from(text);
        match (self.layers.origin(setting), self.base) {
            (Origin::File { .. }, Some(base)) => Some(base.join(path)),
            _ => Some(path),
        }
    }
}
