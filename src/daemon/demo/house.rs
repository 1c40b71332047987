//! A hotline of the demo's own: the same program, as a process of its own, on free ports of loopback.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Stop;
use super::cast::Who;
use crate::base::{Masked, Rng};
use crate::daemon::clock;
use crate::daemon::control::{Order, ask};
use crate::daemon::failure::Failure;

/// Where callers come from; the plan's trunk is this one address.
pub const CALLERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// Where the desks' phones are.
pub const DESKS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How long the daemon may take to be ready.
const START: Duration = Duration::from_secs(15);
/// How long it may take to end, after each signal.
const END: Duration = Duration::from_secs(3);
/// Between two looks at whether it is.
const LOOK: Duration = Duration::from_millis(20);

/// Ports for RTP, from one of these on: below the ones that the system gives to whoever asks for any, above
/// the ones that a hotline in service uses.
const RTP: std::ops::Range<u16> = 30_000..32_600;
const RTP_PORTS: u16 = 64;

/// Round the clock, so that the demo can be seen in the evening; all else is the shipped plan.
const CALENDAR: &str = "# The demo's: somebody is always there.\n\
    [calendar.service]\n\
    open = { mon-sun = \"00:00-24:00\" }\n";

/// A running daemon. Dropped, it is stopped.
pub struct House {
    child: Child,
    pub server: SocketAddr,
    pub state: PathBuf,
    passwords: Vec<(Who, Masked<String>)>,
}

impl House {
    /// Starts a daemon whose state, dialplan, settings and log lie in `folder`, and waits until it is ready.
    pub fn open(folder: &Path, rng: &mut Rng, stop: &Stop) -> Result<House, Failure> {
        let server = SocketAddr::from((CALLERS, free_port()?));
        let (state, dialplans) = (folder.join("state"), folder.join("dialplans"));
        let (settings, log) = (folder.join("hotline.toml"), folder.join("daemon.log"));
        make_folder(&dialplans)?;
        let calendar = dialplans.join("calendar.toml");
        fs::write(&calendar, CALENDAR).map_err(|error| written(&calendar, error))?;
        let agents = Who::ALL.into_iter().filter(|who| who.is_agent());
        let passwords: Vec<_> = agents.map(|who| (who, Masked::new(rng.token(12)))).collect();
        write_private(&settings, &settings_text(server, rtp_range(rng)?, &state, &passwords))?;
        let program = std::env::current_exe().map_err(Failure::io("the program itself cannot be found"))?;
        let log_file = File::create(&log).map_err(|error| written(&log, error))?;
        let errors = log_file.try_clone().map_err(|error| written(&log, error))?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(&settings).arg("--dialplans").arg(&dialplans);
        // What is set for a hotline in service does not concern this one.
        let foreign =
            |name: &str| name.starts_with("HOTLINE__") || matches!(name, "NOTIFY_SOCKET" | "WATCHDOG_USEC");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(foreign)) {
            command.env_remove(name);
        }
        // A process group of its own: Ctrl-C reaches the demo, and the demo ends the daemon.
        command.stdin(Stdio::null()).stdout(log_file).stderr(errors).process_group(0);
        let child = command.spawn().map_err(Failure::io("the hotline cannot be started"))?;
        let mut house = House { child, server, state, passwords };
        house.wait_until_ready(&log, stop)?;
        Ok(house)
    }

    pub fn password(&self, who: Who) -> Option<Masked<String>> {
        self.passwords.iter().find(|(of, _)| *of == who).map(|(_, password)| password.clone())
    }

    fn wait_until_ready(&mut self, log: &Path, stop: &Stop) -> Result<(), Failure> {
        let limit = clock::mono() + START;
        while ask(&self.state, &Order::Status).is_err() {
            let ended = self.child.try_wait().map_err(Failure::io("the hotline cannot be watched"))?;
            if ended.is_some() || clock::mono() >= limit || stop.is_wanted() {
                let said = fs::read_to_string(log).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(5).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                let what = if ended.is_some() { "ended at once" } else { "did not get ready" };
                return Err(Failure::Other(format!("the demo's hotline {what}:\n{}", last.join("\n"))));
            }
            pause(LOOK);
        }
        Ok(())
    }

    /// Tells it to finish, and waits. `false`: it had to be told more than once.
    pub fn close(&mut self) -> bool {
        for (signal, first) in [(Signal::TERM, true), (Signal::TERM, false), (Signal::KILL, false)] {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return true;
            }
            let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
            // Where it is gone already, so much the better.
            let _ = pid.map(|pid| kill_process(pid, signal));
            let limit = clock::mono() + END;
            while clock::mono() < limit {
                if matches!(self.child.try_wait(), Ok(Some(_))) {
                    return first;
                }
                pause(LOOK);
            }
        }
        false
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.close();
    }
}

fn settings_text(
    server: SocketAddr,
    (first, last): (u16, u16),
    state: &Path,
    passwords: &[(Who, Masked<String>)],
) -> String {
    // Quoted as TOML does: the folder is the user's choice.
    let state = toml::Value::String(state.display().to_string());
    let mut text = format!(
        "# The demo's own. Callers come from {CALLERS}, the desks' phones are on {DESKS} and sign in.\n\
         [listen]\nudp = [\"{server}\"]\ntcp = [\"{server}\"]\n\n\
         [state]\ndir = {state}\n\n\
         [rtp]\nport_first = {first}\nport_last = {last}\n\n\
         [trunk.callers]\naddresses = [\"{CALLERS}\"]\n"
    );
    for (who, password) in passwords {
        text.push_str(&format!("\n[account.{}]\npassword = \"{}\"\n", who.number(), password.expose()));
    }
    text
}

/// A port that is free for UDP and TCP.
fn free_port() -> Result<u16, Failure> {
    let cannot = || Failure::io("no free port on loopback");
    for _ in 0..50 {
        let udp = UdpSocket::bind((CALLERS, 0)).map_err(cannot())?;
        let port = udp.local_addr().map_err(cannot())?.port();
        if TcpListener::bind((CALLERS, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(cannot()(io::ErrorKind::AddrInUse.into()))
}

/// The first and the last of a range of ports that nobody uses.
fn rtp_range(rng: &mut Rng) -> Result<(u16, u16), Failure> {
    let ranges = (RTP.end - RTP.start) / RTP_PORTS;
    let begin = rng.below(u64::from(ranges)) as u16;
    for n in 0..ranges {
        let first = RTP.start + (begin + n) % ranges * RTP_PORTS;
        let last = first + RTP_PORTS - 1;
        if (first..=last).all(|port| UdpSocket::bind((CALLERS, port)).is_ok()) {
            return Ok((first, last));
        }
    }
    Err(Failure::Other("no range of ports is free for RTP on loopback".to_owned()))
}

/// Makes a folder that only its owner can read.
pub fn make_folder(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| written(path, error))
}

fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| written(path, error))
}

fn written(path: &Path, error: io::Error) -> Failure {
    Failure::Other(format!("{} cannot be written: {error}", path.display()))
}

/// A short while, on a channel that nobody speaks on.
pub fn pause(length: Duration) {
    let (_speaker, silence) = mpsc::channel::<()>();
    let _ = silence.recv_timeout(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_toml_whatever_the_folder_is_called() {
        let passwords = vec![(Who::Agent1, Masked::from("secret")), (Who::Agent2, Masked::from("other"))];
        let server = SocketAddr::from((CALLERS, 5070));
        let text = settings_text(server, (30_000, 30_063), Path::new("/tmp/it's \"mine\""), &passwords);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["state"]["dir"].as_str(), Some("/tmp/it's \"mine\""));
        assert_eq!(table["listen"]["udp"][0].as_str(), Some("127.0.0.1:5070"));
        assert_eq!(table["account"]["1002"]["password"].as_str(), Some("other"));
        assert_eq!(table["trunk"]["callers"]["addresses"][0].as_str(), Some("127.0.0.1"));
    }

    #[test]
    fn the_plan_is_the_shipped_one_open_round_the_clock() {
        use crate::daemon::{dialplans, prompts::Prompts};
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("calendar.toml"), CALENDAR).unwrap();
        let prompts = Prompts::load(None).unwrap();
        let config =
            dialplans::Config { folder: Some(folder.path().to_owned()), alone: false, trunks: Vec::new() };
        let (plan, _) = dialplans::load(&config, &prompts.catalog).unwrap();
        for who in Who::ALL.into_iter().filter(|who| who.is_agent()) {
            assert!(plan.agent_by_extension(who.number()).is_some());
        }
        assert!(plan.agent_by_extension(super::super::cast::MANAGER).is_some_and(|agent| agent.mailbox));
    }

    #[test]
    fn ranges_of_ports_do_not_reach_beyond_theirs() {
        let mut rng = Rng::from_number(3);
        for _ in 0..5 {
            let (first, last) = rtp_range(&mut rng).unwrap();
            assert!(first >= RTP.start && last < RTP.end && first % 2 == 0 && last - first == RTP_PORTS - 1);
        }
    }
}
