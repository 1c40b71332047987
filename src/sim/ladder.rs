//! A call as a ladder of text: who sent what, who heard what, in order. For tests and narrators.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;

use super::network::Phone;
use crate::base::{Catalog, Clip, Instant, LegId};
use crate::exchange::{Input, Output};
use crate::media::{self, Command, Sound};
use crate::record::{ComplaintChange, Record, SlipChange, SlipState};
use crate::report::{Gist, traced};
use crate::sdp::Direction;
use crate::sip::{Message, Method};

/// Collects lines. Times are seconds since the first call began; `>` is towards the hotline, `<` from it.
#[derive(Default, Debug)]
pub struct Ladder {
    began: Option<Instant>,
    text: String,
    /// What desks are called.
    names: BTreeMap<Phone, String>,
    legs: BTreeMap<LegId, Phone>,
    /// Who was heard from last: whose call begins next.
    last: Option<Phone>,
}

impl Ladder {
    pub(super) fn name(&mut self, phone: Phone, name: &str) {
        self.names.insert(phone, name.to_owned());
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn input(&mut self, now: Instant, input: &Input<'_>) {
        match input {
            Input::Sip { flow, bytes } => {
                self.last = Phone::at(flow.remote.ip());
                self.message(now, flow.remote.ip(), '>', bytes);
            }
            Input::Media(media::Event::Digit { leg, digit, .. }) => {
                let line = format!("{} presses {}", self.of(*leg), digit.expose().key());
                self.line(now, &line);
            }
            Input::Media(media::Event::RecordingEnded { recording, why, .. }) => {
                self.line(now, &format!("recording {recording} ends: {why:?}"));
            }
            Input::Media(media::Event::RtpTimeout { leg }) => {
                let line = format!("{} sends no audio", self.of(*leg));
                self.line(now, &line);
            }
            Input::RecordingSaved { recording, saved } => {
                self.line(
                    now,
                    &format!("recording {recording} {}", if *saved { "on disk" } else { "is lost" }),
                );
            }
            Input::SlipSaved { slip, saved } => {
                self.line(now, &format!("slip {slip} {}", if *saved { "on disk" } else { "is lost" }));
            }
            _ => {}
        }
    }

    pub(super) fn output(&mut self, now: Instant, output: &Output, catalog: &Catalog) {
        match output {
            Output::Transmit(transmit) => self.message(now, transmit.flow.remote.ip(), '<', &transmit.bytes),
            Output::Play { leg, clips, repeat, .. } => {
                let heard: Vec<String> = clips.iter().map(|clip| said(clip, catalog)).collect();
                let again = if *repeat { " ..." } else { "" };
                let line = format!("{} hears {}{again}", self.of(*leg), heard.join(" "));
                self.line(now, &line);
            }
            Output::Media { command, .. } => self.command(now, command, catalog),
            Output::Record(Record::Call(record)) => {
                let outcome = record.queue.as_ref().map(|visit| format!(", {}", visit.outcome.name()));
                let agent = record
                    .queue
                    .as_ref()
                    .and_then(|visit| visit.agent.clone())
                    .map(|who| format!(" by {who}"));
                let line = format!(
                    "record: {}{}{}",
                    record.end,
                    outcome.unwrap_or_default(),
                    agent.unwrap_or_default()
                );
                self.line(now, &line);
            }
            Output::Record(Record::Slip(slip)) if slip.state == SlipState::New => {
                let confirmed = if slip.confirmed { "confirmed" } else { "not confirmed" };
                let who = slip.who.map(|who| format!(" from ({who})")).unwrap_or_default();
                let number =
                    slip.number.as_ref().map_or(String::new(), |number| format!(" at {}", number.expose()));
                let urgent = if slip.urgent { "urgent " } else { "" };
                let line = format!(
                    "{urgent}slip {}{who}{number} for {} of {} ms, {confirmed}",
                    slip.slip, slip.mailbox, slip.length_ms
                );
                self.line(now, &line);
            }
            Output::Record(Record::SlipChange(slip, change)) => {
                let line = match change {
                    SlipChange::Marked(state) => format!("slip {slip} is marked {}", state.name()),
                    SlipChange::Forwarded { mailbox } => format!("slip {slip} is forwarded to {mailbox}"),
                    SlipChange::Promised { .. } => format!("slip {slip} is open, with a time"),
                    SlipChange::Kept { mailbox, .. } => format!("slip {slip} is kept in {mailbox}"),
                };
                self.line(now, &line);
            }
            Output::Record(Record::Complaint(case, change)) => {
                let line = match change {
                    ComplaintChange::Accepted(complaint) => {
                        let owner = complaint.owner.as_deref().unwrap_or("nobody");
                        format!("complaint {case} accepted, {owner}'s")
                    }
                    ComplaintChange::Updated { by, update, .. } => {
                        format!("complaint {case}: {update:?} by {by}")
                    }
                    ComplaintChange::Kept { .. } => format!("complaint {case} is seen to"),
                };
                self.line(now, &line);
            }
            Output::Record(Record::Survey(answer)) => {
                let solved =
                    answer.solved.map_or("", |solved| if solved { ", solved" } else { ", not solved" });
                let low = if answer.low { ", low" } else { "" };
                let line = format!(
                    "survey: {} for {}{solved}{low}",
                    answer.mark,
                    answer.agent.as_deref().unwrap_or("nobody")
                );
                self.line(now, &line);
            }
            Output::Record(Record::SlipDiscarded(slip)) => self.line(now, &format!("slip {slip} discarded")),
            _ => {}
        }
    }

    fn command(&mut self, now: Instant, command: &Command, catalog: &Catalog) {
        let line = match command {
            Command::Open { leg, .. } => {
                self.legs.extend(self.last.filter(|_| leg.index == 0).map(|phone| (*leg, phone)));
                return;
            }
            Command::Connect { leg, stream } => {
                if let Some(phone) = Phone::at(stream.remote_rtp.ip()) {
                    self.legs.insert(*leg, phone);
                }
                return;
            }
            Command::Bridge { a, b } => format!("{} and {} talk", self.of(*a), self.of(*b)),
            Command::Record { recording, left, right: None, .. } => {
                format!("{} is recorded as {recording}", self.of(*left))
            }
            Command::PlayOver { leg, clips, .. } => {
                let said: Vec<String> = clips
                    .iter()
                    .filter_map(|sound| match sound {
                        Sound::Prompt(id) => Some(said(&Clip::Prompt(*id), catalog)),
                        _ => None,
                    })
                    .collect();
                format!("{} hears {} over the music", self.of(*leg), said.join(" "))
            }
            _ => return,
        };
        self.line(now, &line);
    }

    fn message(&mut self, now: Instant, ip: std::net::IpAddr, arrow: char, bytes: &[u8]) {
        let (Some(phone), Some(summary)) = (Phone::at(ip), summary(bytes)) else { return };
        if matches!(phone, Phone::Caller(_)) && arrow == '>' {
            self.began.get_or_insert(now);
        }
        let line = format!("{} {arrow} {summary}", self.who(phone));
        self.line(now, &line);
    }

    fn line(&mut self, now: Instant, line: &str) {
        let Some(began) = self.began else { return };
        // Writing into memory does not fail.
        let _ = writeln!(self.text, "{:>8.3} {line}", now.since(began).as_secs_f64());
    }

    fn of(&self, leg: LegId) -> String {
        self.legs.get(&leg).map_or_else(|| leg.to_string(), |phone| self.who(*phone))
    }

    fn who(&self, phone: Phone) -> String {
        match (self.names.get(&phone), phone) {
            (Some(name), _) => name.clone(),
            (None, Phone::Caller(0)) => "caller".to_owned(),
            (None, Phone::Caller(number)) => format!("caller{}", number + 1),
            (None, Phone::Desk(number)) => format!("desk{number}"),
        }
    }
}

fn said(clip: &Clip, catalog: &Catalog) -> String {
    match clip {
        Clip::Prompt(id) => catalog.get(*id).map_or_else(|| "?".to_owned(), |prompt| prompt.name.clone()),
        Clip::Silence(length) => format!("({} ms)", length.as_millis()),
        Clip::Recording(recording) => format!("({recording})"),
    }
}

/// One message in a few words; `None` for what a ladder leaves out: 100 Trying, registrations, signs
/// of life.
fn summary(bytes: &[u8]) -> Option<String> {
    let message = traced::parse(Bytes::copy_from_slice(bytes)).ok()?;
    let gist = Gist::of(&message);
    if matches!(gist.method, Method::Register | Method::Options) {
        return None;
    }
    if let Some(status) = gist.status {
        return (status != 100).then(|| format!("{status} {}", gist.method));
    }
    let direction = gist.sdp.map(|session| session.direction).filter(|d| *d != Direction::SendRecv);
    let hold = direction.map_or(String::new(), |direction| format!(" {direction}"));
    Some(match (&message, gist.method, gist.in_dialog) {
        (_, Method::Invite, true) => format!("re-INVITE{hold}"),
        (Message::Request(request), Method::Invite, false) => {
            format!("INVITE {}{hold}", request.uri.user().unwrap_or_default())
        }
        (_, method, _) => method.to_string(),
    })
}
