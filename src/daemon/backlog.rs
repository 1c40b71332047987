//! Messages that have come and were not looked at yet. They are taken from the system at once, with the time, so that
//! one can say how long the oldest has waited: that is what tells a busy daemon from one that falls behind.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Instant;
use crate::sip::Flow;

use super::transport::Arrival;

/// Beyond either, messages stay where they are: in the system's buffers, and in the streams of peers, who then wait.
const MOST_MESSAGES: usize = 16 * 1024;
const MOST_OCTETS: usize = 32 << 20;

/// In the order of their arrival.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: VecDeque<Waiting>,
    octets: usize,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub enum What {
    Message(Flow, Box<[u8]>),
    Closed(Flow),
}

impl Backlog {
    pub fn push(&mut self, now: Instant, arrival: &Arrival<'_>) {
        let what = match arrival {
            Arrival::Message { flow, bytes } => What::Message(*flow, Box::from(*bytes)),
            Arrival::Closed(flow) => What::Closed(*flow),
        };
        self.octets += what.octets();
        self.waiting.push_back(Waiting { since: now, what });
    }

    pub fn pop(&mut self) -> Option<What> {
        let Waiting { what, .. } = self.waiting.pop_front()?;
        self.octets = self.octets.saturating_sub(what.octets());
        Some(what)
    }

    /// So many more messages may be taken in.
    pub fn room(&self) -> usize {
        if self.octets < MOST_OCTETS { MOST_MESSAGES.saturating_sub(self.waiting.len()) } else { 0 }
    }

    /// For how long the oldest has waited.
    pub fn age(&self, now: Instant) -> Duration {
        self.waiting.front().map_or(Duration::ZERO, |oldest| now.since(oldest.since))
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl What {
    fn octets(&self) -> usize {
        match self {
            What::Message(_, bytes) => bytes.len(),
            What::Closed(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::sip::Transport;

    #[test]
    fn the_oldest_tells_the_age_and_room_has_an_end() {
        let address = SocketAddr::from(([127, 0, 0, 1], 5060));
        let flow = Flow { transport: Transport::Udp, local: address, remote: address, connection: 0 };
        let at = |ms: u64| Instant::from_micros(ms * 1000);
        let mut backlog = Backlog::default();
        assert_eq!((backlog.age(at(9)), backlog.is_empty()), (Duration::ZERO, true));
        backlog.push(at(10), &Arrival::Message { flow, bytes: b"a" });
        backlog.push(at(30), &Arrival::Closed(flow));
        assert_eq!(backlog.age(at(50)), Duration::from_millis(40));
        assert_eq!(backlog.pop(), Some(What::Message(flow, Box::from(*b"a"))));
        assert_eq!(backlog.age(at(50)), Duration::from_millis(20));
        assert_eq!((backlog.pop(), backlog.pop()), (Some(What::Closed(flow)), None));

        let large = vec![0; 60_000];
        while backlog.room() > 0 {
            backlog.push(at(60), &Arrival::Message { flow, bytes: &large });
        }
        assert!(backlog.octets < MOST_OCTETS + large.len());
        while backlog.pop().is_some() {}
        assert_eq!((backlog.octets, backlog.room()), (0, MOST_MESSAGES));
    }
}
