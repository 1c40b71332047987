//! Messages as a ladder: the hotline and its peers as columns, an arrow for each message.
//!
//! ```text
//!                       office                         hotline                           1001
//!               UDP 192.0.2.1:5060                                              UDP 192.0.2.7:5060
//!     0.000 c12           |---------- INVITE 1 ----------->|                                |
//!                         |           PCMA PCMU            |                                |
//!     0.001 c12           |<------- 200 INVITE 1 ----------|                                |
//! ```
//!
//! A row has room for as many peers as its width allows. A further peer takes the column of the one that was
//! silent for longest, and the names are written again.

use std::net::SocketAddr;

use super::Traced;
use crate::base::Wall;

/// Draws one message after the other.
pub struct Ladder {
    /// Columns of text from the left edge to the right.
    width: usize,
    colour: bool,
    began: Option<Wall>,
    columns: Vec<Column>,
    drawn: u64,
}

struct Column {
    peer: (SocketAddr, String),
    party: Option<String>,
    /// When it was drawn to last, in messages.
    used: u64,
}

/// Time and call.
const MARGIN: usize = 17;
/// From the margin to the first life line, and from the last one to the right edge.
const EDGE: usize = 8;
/// Between two life lines at least.
const GAP: usize = 26;
const NARROWEST: usize = 80;
/// Where the hotline stands: beside the peer that came first, which in a call is the caller.
const HOTLINE: usize = 1;

impl Ladder {
    /// `width` in characters; 80 at least.
    pub fn new(width: usize, colour: bool) -> Self {
        Ladder { width: width.max(NARROWEST), colour, began: None, columns: Vec::new(), drawn: 0 }
    }

    /// The lines of this message; before them the names of the columns where these have changed.
    pub fn draw(&mut self, message: &Traced) -> String {
        let mut out = String::new();
        let (slot, new) = self.slot_of(message);
        let began = match self.began {
            Some(began) => began,
            None => {
                self.began = Some(message.at);
                out.push_str(&format!("{}, times in seconds from there\n", message.at));
                message.at
            }
        };
        if new {
            self.names(&mut out);
        }
        let elapsed = (message.at.as_micros() - began.as_micros()) as f64 / 1e6;
        let call = message.call.map_or_else(String::new, |call| call.to_string());
        let margin = format!("{elapsed:>9.3} {call:<6} ");
        let label = format!("{}{}", message.what, if message.again { " again" } else { "" });
        let sdp = message.sdp.as_deref().filter(|sdp| !sdp.is_empty());
        // Both in one line where there is room, and for the arrow beside them.
        let room = self.gap() - 7;
        let together = sdp.map(|sdp| format!("{label}  {sdp}")).filter(|text| text.chars().count() <= room);
        let below = sdp.filter(|_| together.is_none());
        out.push_str(&self.row(&margin, message, slot, together.as_deref().unwrap_or(&label), true));
        if let Some(sdp) = below {
            out.push_str(&self.row(&" ".repeat(MARGIN), message, slot, sdp, false));
        }
        for line in message.detail.iter().flat_map(|detail| detail.lines()) {
            out.push_str(format!("{}{line}", " ".repeat(MARGIN)).trim_end());
            out.push('\n');
        }
        out
    }

    fn gap(&self) -> usize {
        (self.width - MARGIN - 2 * EDGE) / self.peers()
    }

    /// How many of them a row has room for.
    fn peers(&self) -> usize {
        ((self.width - MARGIN - 2 * EDGE) / GAP).max(2)
    }

    fn at(&self, slot: usize) -> usize {
        MARGIN + EDGE + slot * self.gap()
    }

    /// The message's column, and whether it is a new one.
    fn slot_of(&mut self, message: &Traced) -> (usize, bool) {
        self.drawn += 1;
        let (address, transport) = message.peer_key();
        let known = self.columns.iter().position(|c| c.peer.0 == address && c.peer.1 == transport);
        let (index, new) = match known {
            Some(index) => (index, false),
            None => {
                let column =
                    Column { peer: (address, transport.to_owned()), party: message.party.clone(), used: 0 };
                let index = if self.columns.len() < self.peers() {
                    self.columns.push(column);
                    self.columns.len() - 1
                } else {
                    let silent = self.columns.iter().enumerate().min_by_key(|(_, column)| column.used);
                    let index = silent.map_or(0, |(index, _)| index);
                    self.columns[index] = column;
                    index
                };
                (index, true)
            }
        };
        let column = &mut self.columns[index];
        column.used = self.drawn;
        // Who calls becomes known with the call; a trunk's address may carry several names.
        let named = message.party.is_some() && column.party != message.party;
        if named {
            column.party.clone_from(&message.party);
        }
        (if index < HOTLINE { index } else { index + 1 }, new || named)
    }

    fn names(&self, out: &mut String) {
        let mut names = vec![' '; self.width];
        let mut addresses = names.clone();
        let label = self.gap() - 1;
        put(&mut names, self.at(HOTLINE), "hotline", label);
        for (index, column) in self.columns.iter().enumerate() {
            let at = self.at(if index < HOTLINE { index } else { index + 1 });
            put(&mut names, at, column.party.as_deref().unwrap_or(""), label);
            put(&mut addresses, at, &format!("{} {}", column.peer.1, column.peer.0), label);
        }
        out.push('\n');
        finish(names, out);
        finish(addresses, out);
    }

    /// One line: life lines, and between the hotline's and the peer's an arrow with `label`, or `label` alone.
    fn row(&self, margin: &str, message: &Traced, slot: usize, label: &str, arrow: bool) -> String {
        let mut line = vec![' '; self.width];
        for index in 0..=self.columns.len().max(HOTLINE) {
            line[self.at(index)] = '|';
        }
        let (peer, hotline) = (self.at(slot), self.at(HOTLINE));
        let (left, right) = (peer.min(hotline), peer.max(hotline));
        if arrow {
            line[left + 1..right].fill('-');
            let to_right = message.sent == (peer > hotline);
            line[if to_right { right - 1 } else { left + 1 }] = if to_right { '>' } else { '<' };
        }
        // Beside the peer, so that the labels of one peer stand below each other.
        let middle = if peer > hotline { right - self.gap() / 2 } else { left + self.gap() / 2 };
        put(&mut line, middle, &format!(" {label} "), self.gap() - 5);
        let mut out = String::new();
        let (on, off) = if self.colour { (colour(message), "\x1b[0m") } else { ("", "") };
        let (_, drawing) = line.split_at(MARGIN);
        out.push_str(margin);
        out.push_str(on);
        out.push_str(drawing.iter().collect::<String>().trim_end());
        out.push_str(off);
        out.push('\n');
        out
    }
}

/// What one looks for first stands out.
fn colour(message: &Traced) -> &'static str {
    match message.status {
        _ if message.again => "\x1b[2m",
        None => "\x1b[36m",
        Some(..200) => "",
        Some(200..300) => "\x1b[32m",
        // A challenge is no failure.
        Some(300..=399 | 401 | 407) => "\x1b[33m",
        Some(_) => "\x1b[31m",
    }
}

/// Writes `text` around the column `middle`, the end of it where there is room for so many characters only.
fn put(line: &mut [char], middle: usize, text: &str, room: usize) {
    let length = text.chars().count();
    let cut: Vec<char> = if length > room {
        "..".chars().chain(text.chars().skip(length + 2 - room)).collect()
    } else {
        text.chars().collect()
    };
    let from = middle.saturating_sub(cut.len() / 2).min(line.len().saturating_sub(cut.len()));
    for (place, c) in line.iter_mut().skip(from).zip(cut) {
        *place = c;
    }
}

fn finish(line: Vec<char>, out: &mut String) {
    out.push_str(line.into_iter().collect::<String>().trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CallId;

    fn message(ms: i64, peer: &str, sent: bool, what: &str, party: &str) -> Traced {
        let party = Some(party.to_owned()).filter(|party| !party.is_empty());
        Traced {
            at: Wall::from_micros(1_790_000_000_000_000 + ms * 1000),
            sent,
            transport: "UDP".to_owned(),
            peer: peer.parse().unwrap(),
            call: party.is_some().then_some(CallId(12)),
            party,
            what: what.to_owned(),
            status: what.split(' ').next().and_then(|word| word.parse().ok()),
            sdp: None,
            again: false,
            detail: None,
        }
    }

    fn with_sdp(message: Traced, sdp: &str) -> Traced {
        Traced { sdp: Some(sdp.to_owned()), ..message }
    }

    fn drawn(width: usize, messages: &[Traced]) -> String {
        let mut ladder = Ladder::new(width, false);
        messages.iter().map(|message| ladder.draw(message)).collect()
    }

    #[test]
    fn a_call_is_two_peers_and_the_hotline_between_them() {
        let (caller, desk) = ("192.0.2.1:5060", "192.0.2.7:5062");
        let text = drawn(
            100,
            &[
                with_sdp(message(0, caller, false, "INVITE 1", "office"), "PCMA PCMU"),
                message(1, caller, true, "100 INVITE 1", "office"),
                with_sdp(message(2, caller, true, "200 INVITE 1", "office"), "PCMA"),
                Traced { again: true, ..message(502, caller, true, "200 INVITE 1", "office") },
                message(510, caller, false, "ACK 1", "office"),
                with_sdp(message(1500, desk, true, "INVITE 90", "1001"), "PCMA PCMU"),
                message(1700, desk, false, "486 INVITE 90", "1001"),
            ],
        );
        let expected = "\
2026-09-21T14:13:20.000Z, times in seconds from there

                      office                           hotline
                UDP 192.0.2.1:5060
    0.000 c12            |----- INVITE 1  PCMA PCMU ----->|
    0.001 c12            |<------- 100 INVITE 1 ----------|
    0.002 c12            |<---- 200 INVITE 1  PCMA -------|
    0.502 c12            |<---- 200 INVITE 1 again -------|
    0.510 c12            |------------ ACK 1 ------------>|

                      office                           hotline                           1001
                UDP 192.0.2.1:5060                                                UDP 192.0.2.7:5062
    1.500 c12            |                                |----- INVITE 90  PCMA PCMU ---->|
    1.700 c12            |                                |<-------- 486 INVITE 90 --------|
";
        assert_eq!(text, expected, "\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100));
    }

    #[test]
    fn a_session_without_room_stands_below_and_a_further_peer_takes_the_most_silent_place() {
        let long = "PCMA PCMU G722 ... sendonly";
        let text = drawn(
            80,
            &[
                with_sdp(message(0, "192.0.2.1:5060", false, "re-INVITE 102", ""), long),
                message(1, "192.0.2.2:5060", false, "OPTIONS 1", ""),
                message(2, "[2001:db8:1:2:3:4:5:6]:5061", true, "OPTIONS 1", ""),
            ],
        );
        let expected = "\
2026-09-21T14:13:20.000Z, times in seconds from there

                                             hotline
                UDP 192.0.2.1:5060
    0.000                |--- re-INVITE 102 --->|
                         | ..22 ... sendonly    |
";
        assert!(text.starts_with(expected), "\n{text}");
        let (_, last) = text.split_once("0.001").unwrap();
        assert!(last.contains("..b8:1:2:3:4:5:6]:5061"), "\n{text}");
        assert!(last.ends_with("|<---- OPTIONS 1 ------|                      |\n"), "\n{text}");
    }

    #[test]
    fn colours_are_for_terminals_and_the_detail_stands_below_its_arrow() {
        let mut ladder = Ladder::new(100, true);
        let sent = message(0, "192.0.2.1:5060", true, "503 INVITE 1", "");
        let text = ladder.draw(&Traced { detail: Some("SIP/2.0 503\n\n".to_owned()), ..sent });
        assert!(text.contains("\x1b[31m") && text.contains("\x1b[0m\n"), "{text:?}");
        assert!(text.ends_with("\n                 SIP/2.0 503\n\n"), "{text:?}");
    }
}
