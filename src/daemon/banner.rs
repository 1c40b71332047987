//! What a person is told at the start: what to dial, where things lie, what to try next.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::dialplan::Plan;
use crate::sip::Transport;

use super::accounts::{CALLER, DemoAccounts};

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
        (false, true) => writeln!(out, "  callers    accounts only; no trunk is configured")?,
        (false, false) => writeln!(out, "  callers    trunks {}, and accounts", ready.trunks.join(", "))?,
    }
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
    let steps = [
        ("demo", "a caller and two agents, played for you to read and hear"),
        ("agent list", "who is signed on; agent ready EXTENSION makes somebody ready"),
        ("calls", "what came of the calls"),
        ("messages", "what callers left"),
        ("check DIR", "the mistakes in a folder of dialplans"),
    ];
    for (command, about) in steps {
        writeln!(out, "    {hotline} {command:<11} {about}")?;
    }
    writeln!(out, "\n  with a softphone")?;
    let caller = if ready.open_loopback { "no registration" } else { "registered with an account" };
    writeln!(out, "    caller   {caller}; dial one of the addresses above")?;
    writeln!(out, "    agent    server {}, user and password of an agent, UDP or TCP;", ready.server)?;
    writeln!(out, "             then {hotline} agent ready EXTENSION, or the code above")
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
        };
        let shown = text(&ready, true);
        for expected in ["UDP 192.0.2.1:5060", "sip:10000@192.0.2.1:5060", " demo ", "accounts only", CALLER]
        {
            assert!(shown.contains(expected), "{expected} is missing in\n{shown}");
        }
        assert!(shown.contains(&agent) && shown.contains(&password));
        assert!(!text(&ready, false).contains(&password));
    }
}
