//! What is said over the control socket.

use serde::{Deserialize, Serialize};

use crate::base::{Masked, SlipId, Wall};
use crate::daemon::versions::Task;
use crate::dialplan::Change;
use crate::exchange::{Command, FloorEvent, QueueLine, Reply, StatusLine};
use crate::record::{CaseNumber, VersionTests};
use crate::report::Traced;

/// One line from the administrator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// For the exchange.
    Exchange(Command),
    /// Settings, prompts and dialplans are read again, or an earlier version is taken.
    Dialplan(Task),
    /// A slip was marked or forwarded in the store: lamps follow, and whoever is to be told is told.
    Settled { slip: SlipId },
    /// A complaint was changed in the store: what is due of it is reckoned anew.
    Changed { case: CaseNumber },
    /// The exchange's figures with the shell's.
    Status,
    /// The queue core's figures: nobody else is asked.
    Queues,
    /// SIP messages: as many answers as there are messages, then the end of the connection.
    Trace(TraceOrder),
    /// What happens on the floor from now on: as many answers as there are events.
    Events,
}

/// Which messages, and how much of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceOrder {
    /// A call as `hotline calls` prints it, or a Call-ID.
    pub call: Option<String>,
    pub number: Option<Masked<String>>,
    /// Also those to come.
    pub follow: bool,
    /// Of the past, the latest.
    pub limit: usize,
    /// Whole messages, masked.
    pub detail: bool,
    /// Whole messages as they were, where the settings allow it.
    pub unmasked: bool,
}

/// The one line that answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    Reply(Reply),
    /// What was read is live, or on trial; what callers notice of it, and what a person should look at.
    Reloaded {
        warnings: Vec<String>,
        /// The number of what is live now, or on trial.
        #[serde(default)]
        version: Option<u64>,
        #[serde(default)]
        changes: Vec<Change>,
        #[serde(default)]
        tests: Option<VersionTests>,
    },
    Status {
        exchange: Box<StatusLine>,
        shell: Shell,
    },
    Queues(Vec<QueueLine>),
    Traced(Box<Traced>),
    /// So many messages came faster than they were read.
    TraceLost(u64),
    Happened {
        at: Wall,
        event: Box<FloorEvent>,
    },
    /// So many events came faster than they were read.
    EventsLost(u64),
    /// Nothing was changed; why.
    Refused(String),
}

/// The shell in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shell {
    pub version: String,
    /// Milliseconds since the daemon was ready.
    pub up_ms: u64,
    pub listening: Vec<String>,
    /// Threads that carry calls' signalling.
    #[serde(default)]
    pub exchanges: u8,
    pub media_workers: usize,
    /// Legs that hear a mix of several, or something laid over what they hear.
    pub mixed_legs: usize,
    /// Legs whose bridge joins two codecs, so that each frame is encoded for them.
    pub transcoded_legs: usize,
    pub open_streams: usize,
    /// What was dropped in the shell, by reason.
    pub counters: Vec<(String, u64)>,
}

/// One line, line end included.
pub fn line(value: &impl Serialize) -> String {
    // These types have neither maps with odd keys nor values that can fail.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

pub fn parse_order(line: &str) -> Result<Order, String> {
    serde_json::from_str(line).map_err(|error| format!("not an order: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AwayReason;
    use crate::exchange::AgentChange;

    #[test]
    fn orders_are_readable_lines() {
        let away = AgentChange::away(AwayReason::Meeting, None);
        let order = Order::Exchange(Command::SetAgent { extension: "8001".to_owned(), change: away });
        let text = line(&order);
        assert_eq!(
            text,
            "{\"exchange\":{\"set-agent\":{\"extension\":\"8001\",\"change\":{\"away\":\
             {\"reason\":\"meeting\",\"until\":null}}}}}\n"
        );
        assert_eq!(parse_order(text.trim_end()), Ok(order));
        let reload = Order::Dialplan(Task::Reload { without_tests: false });
        assert_eq!(parse_order("{\"dialplan\":{\"reload\":{}}}"), Ok(reload));
        assert!(parse_order("{\"exchange\":\"explode\"}").is_err());
        assert!(parse_order("").is_err());
    }

    #[test]
    fn responses_survive_the_way() {
        for response in [
            Response::Reply(Reply::Done),
            Response::Reloaded {
                warnings: vec!["calendar".to_owned()],
                version: Some(7),
                changes: vec![Change { about: "menu main".to_owned(), what: "is new".to_owned() }],
                tests: Some(VersionTests::Passed { tests: 3 }),
            },
            Response::Refused("no such agent".to_owned()),
            Response::Status { exchange: Box::default(), shell: Shell::default() },
        ] {
            assert_eq!(serde_json::from_str::<Response>(&line(&response)).unwrap(), response);
        }
    }
}
