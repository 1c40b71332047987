//! What goes wrong in the world, and how often.

use std::time::Duration;

use super::chance::Chance;
use crate::base::{Instant, Rng};

/// One mishap. Whom it strikes, the world draws.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// For some seconds half of all datagrams are lost.
    LossBurst,
    /// For most of a minute one datagram in five is lost.
    HeavyLoss,
    /// For some seconds every datagram comes twice.
    Doubling,
    /// For some seconds datagrams overtake one another by up to half a second.
    Reordering,
    /// Half of all phones cannot reach the hotline, nor it them, for 10 to 40 s: longer, at times, than a
    /// transaction waits (timers B, F and H).
    Partition,
    /// A caller's phone goes dead without a BYE.
    CallerVanishes,
    /// A desk's phone goes dead, and comes back after a while.
    DeskVanishes,
    /// The next caller's phone never acknowledges the 200.
    NoAck,
    /// Somebody picks up in the moment in which we stop ringing: 200 and CANCEL cross.
    Late200,
    /// For a while nothing can be written.
    DiskFails,
    /// For a while every desk's phone answers with this status.
    DesksRefuse(u16),
    /// The wall clock is set, forwards or backwards.
    ClockStep,
    /// The dialplan is loaded again.
    Reload,
    /// A stream breaks.
    StreamCloses,
    /// A minute of scanning, flooding and guessing from the internet.
    Attack,
}

/// The faults of a day with their weights.
pub const WEIGHTED: [(Fault, u32); 17] = [
    (Fault::LossBurst, 10),
    (Fault::HeavyLoss, 3),
    (Fault::Doubling, 8),
    (Fault::Reordering, 5),
    (Fault::Partition, 3),
    (Fault::CallerVanishes, 20),
    (Fault::DeskVanishes, 6),
    (Fault::NoAck, 8),
    (Fault::Late200, 12),
    (Fault::DiskFails, 5),
    (Fault::DesksRefuse(486), 3),
    (Fault::DesksRefuse(480), 3),
    (Fault::DesksRefuse(603), 3),
    (Fault::ClockStep, 3),
    (Fault::Reload, 2),
    (Fault::StreamCloses, 8),
    (Fault::Attack, 2),
];

/// Faults drawn by weight, spread over `length`, on average `every`.
pub(super) fn schedule(rng: &mut Rng, length: Duration, every: Duration) -> Vec<(Instant, Fault)> {
    let weights = WEIGHTED.map(|(_, weight)| weight);
    let mut at = Instant::ZERO;
    let mut faults = Vec::new();
    loop {
        at += rng.exponential(every);
        if at.since(Instant::ZERO) >= length {
            return faults;
        }
        faults.push((at, WEIGHTED[rng.weighted(&weights)].0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_day_meets_every_fault() {
        let day = Duration::from_secs(9 * 3600);
        let faults = schedule(&mut Rng::from_number(3), day, Duration::from_secs(60));
        for (fault, _) in WEIGHTED {
            assert!(faults.iter().any(|(_, drawn)| *drawn == fault), "{fault:?} was never drawn");
        }
        assert!(faults.iter().all(|(at, _)| at.since(Instant::ZERO) < day));
    }
}
