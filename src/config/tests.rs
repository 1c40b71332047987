use std::collections::BTreeSet;

use toml::{Table, Value};

use super::written::{Account, Trunk, Written};
use super::*;
use crate::daemon::logging::Format;
use crate::sip::auth::Secret;

/// The documented settings, at the root of the project.
const DOCUMENTED: &str = include_str!("../../hotline.toml");

fn read(text: &str) -> Result<Settings, String> {
    read_with(text, &[])
}

fn read_with(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let source = Source {
        environment: environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        ..Source::default()
    };
    source.read(Some((Path::new("dir/hotline.toml"), text))).map_err(|mistakes| mistakes.to_string())
}

fn keys(table: &Table, above: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => keys(inner, &format!("{above}{key}."), found),
            _ => drop(found.insert(format!("{above}{key}"))),
        }
    }
}

fn keys_of(table: &Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    keys(table, "", &mut found);
    found
}

#[test]
fn hotline_toml_documents_every_setting_with_its_default() {
    assert_eq!(toml::from_str::<Written>(DOCUMENTED).unwrap(), Written::default());
    let documented: Table = DOCUMENTED.parse().unwrap();
    let known = Table::try_from(Written::default()).unwrap();
    assert_eq!(keys_of(&documented), keys_of(&known));
    assert!(read(DOCUMENTED).is_ok());
}

#[test]
fn hotline_toml_documents_trunks_and_accounts_behind_comments() {
    let is_setting = |line: &&str| {
        line.starts_with('[')
            || line.split_once(" = ").is_some_and(|(key, _)| {
                key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            })
    };
    let commented = DOCUMENTED.lines().filter_map(|line| line.strip_prefix("# ")).filter(is_setting);
    let text = commented.collect::<Vec<_>>().join("\n");
    let written: Written = toml::from_str(&text).unwrap();
    assert_eq!(written.trunk.get("carrier"), Some(&Trunk::default()));
    assert_eq!(written.account.get("8001"), Some(&Account::default()));
    let documented = keys_of(&text.parse().unwrap());
    let mut known: BTreeSet<String> = BTreeSet::new();
    known.extend(
        keys_of(&Table::try_from(Trunk::default()).unwrap()).iter().map(|key| format!("trunk.carrier.{key}")),
    );
    known.extend(
        keys_of(&Table::try_from(Account::default()).unwrap())
            .iter()
            .map(|key| format!("account.8001.{key}")),
    );
    assert_eq!(documented, known);
}

#[test]
fn nothing_at_all_is_the_modules_own_defaults() {
    let settings = Source::default().load().unwrap();
    let own = Settings::default();
    assert!(settings.bare && settings.loopback_only());
    assert_eq!(settings.listen, own.listen);
    assert_eq!(settings.media, own.media);
    assert_eq!(settings.workers, own.workers);
    assert_eq!(settings.exchange.sip.t1, own.exchange.sip.t1);
    assert_eq!(settings.exchange.rtp_ports, own.exchange.rtp_ports);
    assert!(!read("").unwrap().bare, "an empty file is a configuration all the same");
}

#[test]
fn arguments_go_before_the_environment_and_that_before_the_file() {
    let text =
        "[drain]\nlimit_s = 1\n[log]\nfilter = \"debug\"\n[state]\ndir = \"st\"\n[rtp]\nport_first = 4000\n";
    let environment = [
        ("HOTLINE__LOG__FILTER", "warn"),
        ("HOTLINE__RTP__PORT_FIRST", "5000"),
        ("HOTLINEX", "no"),
        ("PATH", "x"),
    ];
    let mut source = Source {
        environment: environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        ..Source::default()
    };
    let file = Some((Path::new("dir/hotline.toml"), text));
    let settings = source.read(file).unwrap();
    assert_eq!(settings.drain.limit.as_secs(), 1);
    assert_eq!(settings.log.filter, "warn");
    assert_eq!(*settings.exchange.rtp_ports.start(), 5000);
    assert_eq!(settings.state.as_deref(), Some(Path::new("dir/st")), "beside the file that names it");
    source.arguments.state = Some(PathBuf::from("elsewhere"));
    source.arguments.listen = vec!["192.0.2.1".to_owned(), "[::1]:5070".to_owned()];
    let settings = source.read(file).unwrap();
    assert_eq!(settings.state.as_deref(), Some(Path::new("elsewhere")));
    let both = ["192.0.2.1:5060".parse().unwrap(), "[::1]:5070".parse().unwrap()];
    assert_eq!((settings.listen.udp, settings.listen.tcp), (both.to_vec(), both.to_vec()));
}

#[test]
fn the_environment_can_say_everything() {
    let settings = read_with(
        "",
        &[
            ("HOTLINE__LISTEN__UDP", "192.0.2.1, 192.0.2.2:5070"),
            ("HOTLINE__TRUNK__CARRIER__ADDRESSES", "198.51.100.0/24"),
            ("HOTLINE__ACCOUNT__8001__PASSWORD", "0123"),
            ("HOTLINE__LOG__FORMAT", "json"),
            ("HOTLINE__WORKERS__REAL_TIME", "false"),
            ("HOTLINE__DIALPLAN__ALONE", "true"),
            ("HOTLINE__DIALPLAN__DIR", "/plans"),
        ],
    )
    .unwrap();
    assert_eq!(settings.listen.udp.len(), 2);
    assert_eq!(settings.exchange.trunks.first().unwrap().name, "carrier");
    let account = settings.exchange.accounts.first().unwrap();
    assert!(matches!(&account.secret, Secret::Password(password) if password.expose() == "0123"));
    assert_eq!(settings.log.format, Format::Json);
    assert!(!settings.workers.real_time && settings.dialplans.alone);
}

#[test]
fn all_mistakes_come_at_once_with_their_places() {
    let text = "\
[listen]
upd = [\"127.0.0.1\"]
[sip]
t1_ms = \"fast\"
[lisen]
tcp = []
[media]
voice_level = -3
[trunk.carrier]
adresses = [\"192.0.2.1\"]
";
    let text = format!("{text}[empty]\n");
    let mistakes = read_with(&text, &[("HOTLINE__DRAIN__LIMIT", "3")]).unwrap_err();
    for expected in [
        "dir/hotline.toml:2:1: listen.upd: unknown setting; did you mean listen.udp?",
        "dir/hotline.toml:4:1: sip.t1_ms: expected",
        "dir/hotline.toml:6:1: lisen.tcp: unknown setting; did you mean listen?",
        "dir/hotline.toml:8:1: media.voice_level: ",
        "dir/hotline.toml:10:1: trunk.carrier.adresses: unknown setting; did you mean trunk.carrier.addresses?",
        "dir/hotline.toml:11:2: empty: unknown setting",
        "environment variable HOTLINE__DRAIN__LIMIT: drain.limit: unknown setting; did you mean drain.limit_s?",
    ] {
        assert!(mistakes.contains(expected), "{expected}\nis missing in\n{mistakes}");
    }
    assert_eq!(mistakes.lines().count(), 7, "{mistakes}");
}

/// In minutes, where each setting is checked against all the others, or its line counted from the top.
#[test]
fn ten_thousand_accounts_are_read_and_the_last_ones_mistake_is_found() {
    let accounts = (0..10_000).map(|n| format!("[account.{n:05}]\npassword = \"pw{n}\"\n"));
    let text: String = accounts.collect();
    let settings = read(&text).unwrap();
    assert_eq!(settings.exchange.accounts.len(), 10_000);
    let mistakes = read(&format!("{text}passwort = \"x\"\n")).unwrap_err();
    assert_eq!(
        mistakes,
        "dir/hotline.toml:20001:1: account.09999.passwort: unknown setting; did you mean account.09999.password?"
    );
}

#[test]
fn values_that_cannot_be_meant_are_mistakes_too() {
    let text = "\
[listen]
udp = [\"here\", \"127.0.0.1\", \"there\"]
[rtp]
port_first = 20000
port_last = 20001
[trunk.a]
user = \"u\"
[trunk.b]
addresses = [\"192.0.2.0/99\"]
[account.1]
ha1_md5 = \"xyz\"
[account.2]
[account.3]
password = \"secret-word\"
ha1_sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"
[account.4]
ha1_sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"
[security]
digest = [\"MD5\", \"SHA-512\"]
[sip]
min_session_expires_s = 10
[dialplan]
alone = true
[log]
filter = \"hotline=loud\"
";
    let mistakes = read(text).unwrap_err();
    for expected in [
        "hotline.toml:2:1: listen.udp: \"here\" is not an address",
        "listen.udp: \"there\" is not an address",
        "hotline.toml:5:1: rtp.port_last: the range has room for no call",
        "hotline.toml:7:1: trunk.a: user and password belong together",
        "trunk.b.addresses: \"192.0.2.0/99\" is neither",
        "account.1.ha1_md5: not 32 lower-case hexadecimal digits",
        "hotline.toml:12:10: account.2: the account needs",
        "account.3: the account has both",
        "account.4: security.digest does not offer",
        "security.digest: \"SHA-512\" is no algorithm",
        "hotline.toml:21:1: sip.min_session_expires_s: at least 90",
        "dialplan.alone: nothing would be left",
        "log.filter: ",
    ] {
        assert!(mistakes.contains(expected), "{expected}\nis missing in\n{mistakes}");
    }
    assert!(!mistakes.contains("secret-word"));
}

#[test]
fn a_value_of_the_wrong_kind_is_not_shown() {
    let mistakes = read("[account.1]\npassword = { word = \"secret-word\" }\n").unwrap_err();
    assert!(mistakes.contains("account.1.password"), "{mistakes}");
    assert!(!mistakes.contains("secret-word"), "{mistakes}");
}

#[test]
fn what_is_not_toml_is_shown_with_its_line_and_the_rest_is_checked() {
    let mistakes = read("[listen]\nudp = [\n[drain]\nlimit = 3\n").unwrap_err();
    assert!(mistakes.starts_with("dir/hotline.toml:"), "{mistakes}");
}
