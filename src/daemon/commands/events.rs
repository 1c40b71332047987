//! What happens on the floor, as it happens.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use super::Form;
use super::agent::local;
use crate::daemon::control::{Order, Response, line, listen};
use crate::daemon::failure::Failure;
use crate::daemon::office::refused;
use crate::exchange::FloorEvent;

/// Until the daemon ends, or nobody reads any more.
pub fn events(state: &Path, form: Form) -> Result<(), Failure> {
    listen(state, &Order::Events, |response| {
        let json = matches!(form, Form::Json);
        let text = match response {
            Response::Happened { at, event } if json => {
                line(&serde_json::json!({ "at": at, "event": event }))
            }
            Response::Happened { at, event } => format!("{}  {}\n", local(at, "%H:%M:%S"), told(&event)),
            Response::EventsLost(count) if json => line(&serde_json::json!({ "lost": count })),
            Response::EventsLost(count) => {
                format!("-- {count} events came faster than they could be shown\n")
            }
            other => return Err(refused(other)),
        };
        let mut out = io::stdout().lock();
        // `| head` has seen enough: no failure.
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        Ok(if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })
}

fn told(event: &FloorEvent) -> String {
    let seconds = |ms: &u64| format!("{}.{} s", ms / 1000, ms % 1000 / 100);
    match event {
        FloorEvent::Joined { call, queue, from, kept } => {
            let place = if *kept { " at the old place" } else { "" };
            format!("{queue}: {call} from {from} in line{place}")
        }
        FloorEvent::Offered { call, queue, agent } => format!("{queue}: {call} rings {agent}"),
        FloorEvent::NotTaken { call, queue, why } => format!("{queue}: {call} waits again, {why}"),
        FloorEvent::Answered { call, queue, agent, waited_ms } => {
            format!("{queue}: {call} answered by {agent} after {}", seconds(waited_ms))
        }
        FloorEvent::Left { call, queue, why, waited_ms } => {
            format!("{queue}: {call} left after {}, {why}", seconds(waited_ms))
        }
        FloorEvent::Agent { agent, state, reason, until } => {
            let mut text = format!("agent {agent}: {state}");
            text.extend(reason.map(|reason| format!(" ({reason})")));
            let form = if state == "away" { "%Y-%m-%d %H:%M" } else { "%H:%M:%S" };
            text.extend(until.map(|until| format!(" until {}", local(until, form))));
            text
        }
        FloorEvent::Presence { person, away, until, place, delegate, by } => {
            let mut text = format!("person {person}: ");
            text.push_str(away.map_or("there", |reason| reason.name()));
            text.extend(by.as_deref().map(|by| format!(", {by}")));
            text.extend(until.map(|until| format!(", until {}", local(until, "%Y-%m-%d %H:%M"))));
            text.extend(place.as_deref().map(|place| format!(", at {place}")));
            text.extend(delegate.as_deref().map(|delegate| format!(", calls to {delegate}")));
            text
        }
        FloorEvent::ServiceLevel { queue, percent, calls } => {
            format!("{queue}: service level {percent} % of {calls} in half an hour")
        }
        FloorEvent::CallbackGivenUp { callback, queue, number } => {
            format!("{queue}: callback {callback} to {number} given up, a person has to call")
        }
        FloorEvent::Urgent { call, person, from, state, until } => {
            let mut text = format!("urgent: {call} from {from} for {person}, {state}");
            text.extend(until.map(|until| format!(" at {}", local(until, "%Y-%m-%d %H:%M"))));
            text
        }
        FloorEvent::Promise { promise, kind, owner, holder, queue, number, by, result } => {
            let who = holder.as_deref().or(owner.as_deref()).unwrap_or(queue);
            let by = by.map(|by| format!(" by {}", local(by, "%H:%M"))).unwrap_or_default();
            format!("promise {promise} ({kind}) of {who} to call {number}{by}: {result}")
        }
        FloorEvent::Complaint { case, what, owner } => {
            let owner = owner.as_deref().map_or(String::new(), |owner| format!(", {owner}'s"));
            format!("complaint {case}: {what}{owner}")
        }
        FloorEvent::Survey { call, queue, agent, mark, solved, low } => {
            let mut text = format!("{}: {call} rates ", queue.as_deref().unwrap_or("no queue"));
            text.push_str(&format!("{} with {mark}", agent.as_deref().unwrap_or("the service")));
            text.extend(solved.map(|solved| if solved { ", solved" } else { ", not solved" }));
            text.push_str(if *low { ", which is low" } else { "" });
            text
        }
        FloorEvent::Noted { call, by } => format!("{call} noted by {by}"),
        FloorEvent::Matter { call, customer, from, to } => {
            format!(
                "{call}: the matter of {customer} goes from {} to {to}",
                from.as_deref().unwrap_or("nobody")
            )
        }
        FloorEvent::Mended { what } => format!("put in order: {what}"),
    }
}
