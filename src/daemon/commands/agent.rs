//! Orders to a running daemon, and its answers as text.

use std::path::Path;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Form, counted};
use crate::base::{AwayReason, CallId, Masked, Wall};
use crate::call::{How, Manner};
use crate::daemon::control::{Response, Shell, line};
use crate::daemon::failure::Failure;
use crate::daemon::office::Office;
use crate::exchange::{AgentChange, AgentLine, Command, StatusLine};
use crate::record::LegQuality;

/// What `hotline agent` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentOrder {
    List,
    Change { extension: String, change: AgentChange },
}

/// The list as a table, or "done".
pub fn agent(state: &Path, order: AgentOrder) -> Result<String, Failure> {
    let office = Office::at(state);
    match order {
        AgentOrder::List => Ok(agent_table(&office.agents()?)),
        AgentOrder::Change { extension, change } => done(office.set_agent(extension, change)),
    }
}

/// The calls that run.
pub fn running(state: &Path, form: Form) -> Result<String, Failure> {
    let calls = Office::at(state).running()?;
    if form == Form::Json {
        return Ok(calls.iter().map(line).collect());
    }
    let mut table = vec![["call", "began", "from", "stage", "queue", "agent", "heard"].map(str::to_owned)];
    for call in calls {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let began = local(call.started, "%H:%M:%S");
        table.push([
            call.call.to_string(),
            began,
            call.from,
            call.stage,
            or_none(call.queue),
            or_none(call.agent),
            or_none((!call.legs.is_empty()).then(|| heard(&call.legs))),
        ]);
    }
    Ok(columns(&table))
}

/// The score of each party's audio, and its loss where there is any: `carrier 4.4, 8001 3.7 (2.5 % lost)`.
fn heard(legs: &[LegQuality]) -> String {
    let one = |leg: &LegQuality| {
        let missing = leg.lost + leg.late;
        let lost = match 1000 * missing / (leg.received + leg.lost).max(1) {
            0 => String::new(),
            permille => format!(" ({}.{} % lost)", permille / 10, permille % 10),
        };
        format!("{} {}{lost}", leg.party, score(leg.mos_x100))
    };
    legs.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A mean opinion score, to a tenth.
pub(super) fn score(mos_x100: u16) -> String {
    if mos_x100 == 0 { "-".to_owned() } else { format!("{:.1}", f64::from(mos_x100) / 100.0) }
}

/// The desk rings, or takes part in another manner.
pub fn supervise(state: &Path, call: CallId, extension: String, manner: Manner) -> Result<String, Failure> {
    done(Office::at(state).supervise(call, extension, manner))
}

/// The agent of this call hands the caller on.
pub fn transfer(state: &Path, call: CallId, to: String, how: How) -> Result<String, Failure> {
    done(Office::at(state).transfer(call, to, how))
}

/// The agent's phone rings, then the customer's.
pub fn call_out(state: &Path, extension: String, number: String) -> Result<String, Failure> {
    let number = Masked::new(number);
    done(Office::at(state).done(Command::CallOut { extension, number }))
}

/// What is said from now on is blank in the recording, or no longer.
pub fn pause_recording(state: &Path, call: CallId, paused: bool) -> Result<String, Failure> {
    done(Office::at(state).done(Command::PauseRecording { call, paused }))
}

pub(super) fn done(result: Result<(), Failure>) -> Result<String, Failure> {
    result.map(|()| "done\n".to_owned())
}

pub fn status(state: &Path, form: Form) -> Result<String, Failure> {
    let (exchange, shell) = Office::at(state).status()?;
    Ok(match form {
        Form::Json => line(&Response::Status { exchange, shell }),
        Form::Table => status_text(&exchange, &shell),
    })
}

/// `15:30` (today, or tomorrow where that has passed) or RFC 3339, in the machine's time zone.
pub fn parse_until(text: &str) -> Result<Wall, String> {
    let wrong =
        |_| "neither a time of day (15:30) nor a date and time (2026-05-01T09:00:00+08:00)".to_owned();
    let moment: Timestamp = match text.parse() {
        Ok(moment) => moment,
        Err(_) => next(text.parse::<Time>().map_err(wrong)?, &Zoned::now()).ok_or("there is no such time")?,
    };
    Ok(Wall::from_micros(moment.as_microsecond()))
}

fn next(time: Time, now: &Zoned) -> Option<Timestamp> {
    let today = now.with().time(time).build().ok()?;
    let at = if today > *now { today } else { today.tomorrow().ok()?.with().time(time).build().ok()? };
    Some(at.timestamp())
}

fn agent_table(agents: &[AgentLine]) -> String {
    let mut table = vec![["extension", "state", "since", "phone", "skills", "name"].map(str::to_owned)];
    for agent in agents {
        let mut state = agent.state.clone();
        state.extend(agent.reason.map(|reason: AwayReason| format!(" ({reason})")));
        state.extend(agent.until.map(|until| {
            // A return is a matter of hours, a rest of seconds.
            let form = if agent.state == "away" { "%Y-%m-%d %H:%M" } else { "%H:%M:%S" };
            format!(" until {}", local(until, form))
        }));
        state.extend(agent.by.as_deref().filter(|by| *by != "by hand").map(|by| format!(", {by}")));
        state.extend(agent.place.as_deref().map(|place| format!(", at {place}")));
        state.extend(agent.delegate.as_deref().map(|delegate| format!(", calls to {delegate}")));
        table.push([
            agent.extension.clone(),
            state,
            span(agent.for_ms / 1000),
            if agent.reachable { "reachable" } else { "unreachable" }.to_owned(),
            agent.skills.join(" "),
            agent.name.clone(),
        ]);
    }
    columns(&table)
}

fn status_text(exchange: &StatusLine, shell: &Shell) -> String {
    let mut rows = vec![
        ["version".to_owned(), shell.version.clone()],
        ["up".to_owned(), span(shell.up_ms / 1000)],
        ["listening".to_owned(), shell.listening.join(", ")],
        ["calls".to_owned(), format!("{} of {}", exchange.calls, exchange.most_calls)],
        ["draining".to_owned(), if exchange.draining { "yes" } else { "no" }.to_owned()],
        [
            "new calls".to_owned(),
            exchange.no_more_calls.clone().map_or("taken".to_owned(), |why| format!("refused: {why}")),
        ],
        ["silenced".to_owned(), exchange.silenced.to_string()],
        ["registrations".to_owned(), exchange.registrations.to_string()],
        ["RTP ports free".to_owned(), exchange.rtp_ports_free.to_string()],
        ["exchanges".to_owned(), shell.exchanges.to_string()],
        ["media workers".to_owned(), shell.media_workers.to_string()],
        ["mixed legs".to_owned(), shell.mixed_legs.to_string()],
        ["transcoded legs".to_owned(), shell.transcoded_legs.to_string()],
        ["streams".to_owned(), shell.open_streams.to_string()],
    ];
    for queue in &exchange.queues {
        let about = format!(
            "{} waiting (longest {} s), {} talking, {} signed on, {} ready",
            queue.waiting,
            queue.longest_ms / 1000,
            queue.talking,
            queue.signed_on,
            queue.ready
        );
        rows.push([format!("queue {}", queue.name), about]);
    }
    for rest in &exchange.resting {
        let about = format!("resting until {}", local(rest.until, "%H:%M:%S"));
        rows.push([format!("agent {}", rest.agent), about]);
    }
    for trunk in &exchange.trunks {
        let most = if trunk.most_calls == 0 { String::new() } else { format!(" of {}", trunk.most_calls) };
        let mut about = format!("{}, {}{most} calls", trunk.state, trunk.calls);
        about.extend(trunk.registration.iter().map(|registration| format!(", {registration}")));
        if trunk.carries_outside_calls {
            about.push_str(", carries calls to the outside");
        }
        rows.push([format!("trunk {}", trunk.name), about]);
    }
    rows.extend(counted::rows(&exchange.counters, &shell.counters));
    columns(&rows)
}

/// To read at a glance: seconds, then minutes, then hours and minutes.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// In the machine's time zone.
pub fn local(wall: Wall, form: &str) -> String {
    match Timestamp::from_microsecond(wall.as_micros()) {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime(form).to_string(),
        Err(_) => wall.to_string(),
    }
}

/// Rows with their columns below each other, two spaces apart.
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| wide(cell)).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat((width + 2).saturating_sub(wide(cell))));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Columns on a terminal: Chinese characters take two.
fn wide(text: &str) -> usize {
    text.chars().map(|c| if ('\u{1100}'..='\u{ffef}').contains(&c) && c != '\u{2019}' { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let now: Zoned = "2026-11-22T14:00:00+08:00[Asia/Shanghai]".parse().unwrap();
        let at = |text: &str| next(text.parse().unwrap(), &now).unwrap().to_string();
        assert_eq!(at("15:30"), "2026-11-22T07:30:00Z");
        assert_eq!(at("13:30"), "2026-11-23T05:30:00Z");
        let exact = parse_until("2026-05-01T09:00:00+08:00").unwrap();
        assert_eq!(exact.to_string(), "2026-05-01T01:00:00.000Z");
        assert!(parse_until("soon").is_err());
    }

    #[test]
    fn spans_are_short_at_any_length() {
        assert_eq!(
            [0, 119, 120, 7199, 7200, 90_000].map(span),
            ["0 s", "119 s", "2 min", "119 min", "2 h 00 min", "25 h 00 min"]
        );
    }

    #[test]
    fn columns_stand_below_each_other_in_both_scripts() {
        let rows = [["a".to_owned(), "b".to_owned()], ["王经理".to_owned(), "c".to_owned()]];
        assert_eq!(columns(&rows), "a       b\n王经理  c\n");
    }
}
