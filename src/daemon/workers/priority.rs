//! Real-time priority, where the system allows it (`LimitRTPRIO=` of a unit, `CAP_SYS_NICE`).

use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Above everything of normal priority, below the kernel's own threads (50). 0 to 99.
const PRIORITY: u8 = 20;

/// For the calling thread. A refusal is the normal case for an unprivileged user: said once, at debug.
pub fn ask_for_real_time() {
    let Ok(priority) = ThreadPriorityValue::try_from(PRIORITY) else { return };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let set =
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy);
    if let Err(error) = set {
        tracing::debug!(%error, "media runs at normal priority");
    }
}
