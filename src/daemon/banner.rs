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
    let server = ready.addresses.first().map(|(_, address)| *address);
    writeln!(out, "\n  dial")?;
    for number in plan.numbers().iter().filter(|number| !number.desks) {
        let address = server.map(|server| format!("sip:{}@{server}", number.pattern)).unwrap_or_default();
        writeln!(out, "    {:<38} {}", address, number.title)?;
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
    writeln!(
        out,
        "    hotline demo                  a caller and two agents, played for you to read and hear"
    )?;
    writeln!(out, "    hotline agent list            who is signed on; hotline agent ready EXTENSION")?;
    writeln!(out, "    hotline calls, hotline messages   what came of the calls")?;
    writeln!(out, "    hotline check DIR             the mistakes in a folder of dialplans")
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
