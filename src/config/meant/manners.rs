//! `[call]` and `[recording]`: the manners of the house.

use std::time::Duration;

use super::Reader;
use crate::call;
use crate::config::written;

/// Longer than this nobody is left in silence.
const LONGEST_SILENCE_S: u64 = 10;
/// A customer of ten years ago is nobody's.
const LONGEST_MATTER_DAYS: u64 = 3660;

impl Reader<'_> {
    pub(super) fn call(&mut self, call: &written::Call, recording: &written::Recording) -> call::Settings {
        call::Settings {
            confirm_within: Duration::from_secs(self.at_least(
                "call.confirm_within_s",
                call.confirm_within_s,
                1,
            )),
            durable_within: Duration::from_secs(self.at_least(
                "call.durable_within_s",
                call.durable_within_s,
                1,
            )),
            still_holding_every: Duration::from_secs(self.at_least(
                "call.still_holding_every_s",
                call.still_holding_every_s,
                5,
            )),
            hold: call::HoldReminders {
                agent_after: Duration::from_secs(call.hold_reminder_s),
                caller_after: Duration::from_secs(call.hold_apology_s),
                rings: call.hold_rings,
            },
            caller_hangs_up_within: Duration::from_secs(self.at_most(
                "call.caller_hangs_up_within_s",
                call.caller_hangs_up_within_s,
                LONGEST_SILENCE_S,
            )),
            announce_supervisor: call.announce_supervisor,
            // Made at the start.
            certificates: None,
            pause_recording_key: self.keys("call.pause_recording_key", &call.pause_recording_key),
            recording_beep: recording.beep.then(|| Duration::from_secs(recording.beep_every_s)),
            record_outside: recording.outside,
            transfer_keys: call::TransferKeys {
                blind: self.keys("call.transfer_key", &call.transfer_key),
                attended: self.keys("call.consult_key", &call.consult_key),
                swap: self.keys("call.swap_key", &call.swap_key),
                three: self.keys("call.three_key", &call.three_key),
                back: self.keys("call.back_key", &call.back_key),
                park: self.keys("call.park_key", &call.park_key),
            },
            complaint_key: self.keys("call.complaint_key", &call.complaint_key),
            transfer_ring: Duration::from_secs(self.at_least(
                "call.transfer_ring_s",
                call.transfer_ring_s,
                1,
            )),
            pledge_keys: call::PledgeKeys {
                promise: self.keys("call.promise_key", &call.promise_key),
                matter: self.keys("call.matter_key", &call.matter_key),
            },
            matter_lasts: Duration::from_secs(
                24 * 3600 * self.at_most("call.matter_days", call.matter_days, LONGEST_MATTER_DAYS),
            ),
            promise_within: Duration::from_secs(call.promise_within_s),
            code_within: Duration::from_secs(self.at_least("call.code_within_s", call.code_within_s, 1)),
        }
    }
}
