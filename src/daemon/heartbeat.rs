//! The watchdog's food: every loop that must not stall counts its turns, and the service manager hears of us
//! only while all of them do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The pulse of one loop. Written by that loop alone, read by [`Heartbeats`].
#[derive(Clone, Debug)]
pub struct Heartbeat {
    turns: Arc<AtomicU64>,
}

impl Heartbeat {
    /// Once a turn of the loop.
    pub fn beat(&self) {
        // Only the number's changing matters; nothing else is published by it.
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// All loops that must make progress, and where each was when last asked.
#[derive(Debug, Default)]
pub struct Heartbeats {
    loops: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    name: String,
    turns: Arc<AtomicU64>,
    seen: u64,
}

impl Heartbeats {
    /// A pulse that is watched from now on.
    pub fn watch(&mut self, name: impl Into<String>) -> Heartbeat {
        let turns = Arc::new(AtomicU64::new(0));
        self.loops.push(Watched { name: name.into(), turns: Arc::clone(&turns), seen: 0 });
        Heartbeat { turns }
    }

    /// The loops that made no turn since the last call that found none: empty means that all is well and
    /// the next period begins. A loop that stands still keeps the others' progress from being forgotten,
    /// so that one late turn is enough to be well again.
    pub fn stalled(&mut self) -> Vec<&str> {
        let still = |watched: &Watched| watched.turns.load(Ordering::Relaxed) == watched.seen;
        if self.loops.iter().any(still) {
            return self.loops.iter().filter(|watched| still(watched)).map(|w| w.name.as_str()).collect();
        }
        for watched in &mut self.loops {
            watched.seen = watched.turns.load(Ordering::Relaxed);
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_loop_that_stands_still_is_named() {
        let mut hearts = Heartbeats::default();
        let exchange = hearts.watch("exchange");
        let media = hearts.watch("media 0");
        assert_eq!(hearts.stalled(), ["exchange", "media 0"], "nobody has made a turn yet");
        exchange.beat();
        assert_eq!(hearts.stalled(), ["media 0"]);
        media.beat();
        assert!(hearts.stalled().is_empty());
        exchange.beat();
        exchange.beat();
        assert_eq!(hearts.stalled(), ["media 0"], "a busy exchange does not stand in for a stalled worker");
        media.beat();
        assert!(hearts.stalled().is_empty());
        assert_eq!(hearts.stalled(), ["exchange", "media 0"]);
    }
}
