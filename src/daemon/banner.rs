//! What a person is told at the start: what to dial, where things lie, what to try next.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dialplan::{Hours, Plan};
use crate::sip::Transport;

use super::accounts::{CALLER, DemoAccounts};
use super::clock;
use super::state;

/// A daemon that is ready to take calls.
pub struct Ready {
    pub addresses: Vec<(Transport, SocketAddr)>,
    /// What a phone is given as its server.
    pub server: SocketAddr,
    pub state: PathBuf,
    pub plan: Arc<Plan>,
    /// Only without a configuration file.
    pub demo: Option<DemoAccounts>,
    /// Callers need no account: nobody but this machine can reach us.
    pub open_loopback: bool,
    pub trunks: Vec<String>,
    /// Whether any phone can sign in.
    pub accounts: bool,
}

/// To standard output; passwords only where that is a terminal.
pub fn print(ready: &Ready) {
    let terminal = io::stdout().is_terminal();
    // Nobody reads any more: not worth ending for.
    let _ = io::stdout().write_all(text(ready, terminal).as_bytes());
}

fn text(ready: &Ready, secrets: bool) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(ready, secrets, &mut text);
    text
}

fn write(ready: &Ready, secrets: bool, out: &mut String) -> std::fmt::Result {
    let plan = &ready.plan;
    writeln!(out, "{}: ready to take calls\n", plan.name())?;
    for (transport, address) in &ready.addresses {
        writeln!(out, "  listening  {transport} {address}")?;
    }
    writeln!(out, "  state      {}", ready.state.display())?;
    match (ready.open_loopback, ready.trunks.is_empty()) {
        (true, _) => writeln!(out, "  callers    any phone on this machine, without a password")?,
        (false, true) if ready.accounts => {
            writeln!(out, "  callers    with accounts only; no trunk is configured")?;
        }
        (false, true) => writeln!(out, "  callers    nobody: neither a trunk nor an account is configured")?,
        (false, false) => {
            writeln!(out, "  callers    from trunks ({}), and with accounts", ready.trunks.join(", "))?;
        }
    }
    write_hours(plan, out)?;
    writeln!(out, "\n  dial")?;
    for number in plan.numbers().iter().filter(|number| !number.desks) {
        let address = format!("sip:{}@{}", number.pattern, ready.server);
        writeln!(out, "    {address:<38} {}", number.title)?;
    }
    let codes: Vec<_> = plan.numbers().iter().filter(|number| number.desks).collect();
    if !codes.is_empty() {
        writeln!(out, "\n  from an agent's phone")?;
        for number in codes {
            writeln!(out, "    {:<10} {}", number.pattern.to_string(), number.title)?;
        }
    }
    if let Some(demo) = &ready.demo {
        write_accounts(ready, demo, secrets, out)?;
    }
    writeln!(out, "\n  try next")?;
    let hotline = program();
    let here = state_argument(&ready.state);
    let steps = [
        ("demo".to_owned(), "callers and agents, played for you to read and hear"),
        (format!("agent list{here}"), "who is signed on; agent ready EXTENSION makes somebody ready"),
        (format!("calls{here}"), "what came of the calls"),
        (format!("messages{here}"), "what callers left"),
        ("check DIR".to_owned(), "the mistakes in a folder of dialplans"),
    ];
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    for (command, about) in &steps {
        writeln!(out, "    {hotline} {command:<width$}  {about}")?;
    }
    writeln!(out, "\n  with a softphone")?;
    let caller = match (ready.open_loopback, ready.trunks.is_empty()) {
        (true, _) => "no registration",
        (false, true) => "registered with an account",
        (false, false) => "through a trunk, or registered with an account",
    };
    writeln!(out, "    caller   {caller}; dial one of the addresses above")?;
    writeln!(out, "    agent    server {}, user and password of an agent, UDP or TCP;", ready.server)?;
    writeln!(out, "             ready once registered where the dialplan says so, else by the code above")
}

/// A caller who hears that we are closed may be in another time zone than the bank.
fn write_hours(plan: &Plan, out: &mut String) -> std::fmt::Result {
    let now = clock::now().wall;
    let zone = plan.time_zone();
    let Ok(time) = jiff::Timestamp::from_microsecond(now.as_micros()) else { return Ok(()) };
    let there = time.to_zoned(zone.clone()).strftime("%A %H:%M").to_string();
    let zone = zone.iana_name().unwrap_or("its time zone");
    for calendar in plan.calendars() {
        let says = match plan.hours(calendar, now) {
            Hours::Open => "open",
            Hours::Closed => "closed",
            Hours::Holiday => "closed for a holiday",
        };
        writeln!(out, "  hours      {}: {says} now ({there} in {zone})", calendar.name)?;
    }
    Ok(())
}

/// Commands find this daemon only through its folder; none is needed for the usual one.
fn state_argument(folder: &Path) -> String {
    match state::folder(None) {
        Ok(usual) if usual == folder => String::new(),
        _ => format!(" --state {}", folder.display()),
    }
}

/// As it was called: a fresh clone has it in no search path.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "hotline".to_owned())
}

fn write_accounts(ready: &Ready, demo: &DemoAccounts, secrets: bool, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n  demo accounts (kept in {})", DemoAccounts::path(&ready.state).display())?;
    let shown = |user: &str| match demo.get(user) {
        Some(password) if secrets => format!("password {}", password.expose()),
        Some(_) => "password in the file above".to_owned(),
        None => "no password".to_owned(),
    };
    for agent in ready.plan.agents().iter().filter(|agent| agent.account) {
        writeln!(out, "    {:<8} {}", agent.extension, shown(&agent.extension))?;
    }
    if !ready.open_loopback {
        writeln!(out, "    {CALLER:<8} {}   (a phone that calls in)", shown(CALLER))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::daemon::dialplans;
    use crate::daemon::prompts::Prompts;

    #[test]
    fn numbers_and_agents_are_shown_and_passwords_on_a_terminal_only() {
        let folder = tempfile::tempdir().unwrap();
        let prompts = Prompts::load(None).unwrap();
        let (plan, _) = dialplans::load(&dialplans::Config::default(), &prompts.catalog).unwrap();
        let demo = DemoAccounts::load_or_make(folder.path(), &plan, &mut Rng::from_number(1)).unwrap();
        let agent = plan.agents().iter().find(|agent| agent.account).unwrap().extension.clone();
        let password = demo.get(&agent).unwrap().expose().clone();
        let server = SocketAddr::from(([192, 0, 2, 1], 5060));
        let ready = Ready {
            addresses: vec![(Transport::Udp, server)],
            server,
            state: folder.path().to_owned(),
            plan,
            demo: Some(demo),
            open_loopback: false,
            trunks: vec![],
            accounts: true,
        };
        let shown = text(&ready, true);
        for expected in [
            "UDP 192.0.2.1:5060",
            "sip:10000@192.0.2.1:5060",
            " demo ",
            "accounts only",
            " now (",
            " calls --state ",
            CALLER,
        ] {
            assert!(shown.contains(expected), "{expected} is missing in\n{shown}");
        }
        assert!(shown.contains(&agent) && shown.contains(&password));
        assert!(!text(&ready, false).contains(&password));
        assert!(text(&Ready { accounts: false, demo: None, ..ready }, true).contains("nobody: neither"));
    }
}
