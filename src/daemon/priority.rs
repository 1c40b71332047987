//! Real-time priority, where the system allows it (`LimitRTPRIO=` of a unit, `CAP_SYS_NICE`).
//!
//! Two ranks, and what touches a disk or a stranger's handshake has neither:
//!
//! ```text
//!   media       never waits for anybody: neither for a lock nor for what another thread has begun
//!   signalling  below it; may wait asleep, for a lock that a thread without rank holds, but never turn in place for
//!               one: on the same core that thread would not come to run
//!   the others  store, recorder, streams' handshakes, log, console
//! ```

use thread_priority::unix::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Above everything of normal priority, below the kernel's own threads (50). Of 0 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rank {
    Signalling = 10,
    Media = 20,
}

/// For the calling thread. A refusal is the normal case for an unprivileged user: said once, at debug.
pub fn ask_for(rank: Rank) {
    let Ok(priority) = ThreadPriorityValue::try_from(rank as u8) else { return };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let set =
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy);
    if let Err(error) = set {
        tracing::debug!(?rank, %error, "runs at normal priority");
    }
}

/// On a single core the store would write only what the signalling leaves it.
pub fn is_there_room_for_signalling() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}

/// What the crate calls this of 0 to 99 is the niceness 0.
const USUAL: u8 = 47;

/// For a thread that was started by one with a rank, and would have it too.
pub fn give_up() {
    let Ok(priority) = ThreadPriorityValue::try_from(USUAL) else { return };
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let priority = ThreadPriority::Crossplatform(priority);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), priority, policy) {
        tracing::debug!(%error, "keeps the priority of the thread that started it");
    }
}

#[cfg(test)]
mod tests {
    use thread_priority::unix::thread_schedule_policy;

    use super::*;

    #[test]
    fn a_rank_is_given_up_and_the_niceness_is_the_usual_one() {
        std::thread::spawn(|| {
            ask_for(Rank::Signalling);
            give_up();
            let policy = thread_schedule_policy().unwrap();
            assert_eq!(policy, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other));
            assert_eq!(rustix::process::getpriority_process(None).unwrap(), 0);
        })
        .join()
        .unwrap();
    }
}
