//! Before the two are joined, an agent who has answered hears who it is: the service, the customer's grade, the wait.
//!
//! ```text
//!   the phone rings --> answered --> whisper --its end, or 5 s--> joined
//!                                      |
//!                                      +-- caller gone, or phone gone: as while it rang
//! ```
//!
//! The caller hears the music and is still in line: who hangs up now has not been served, and an agent whose phone dies
//! now has taken nobody.

use super::Body;
use crate::base::{Clip, Instant};
use crate::dialplan::Queue;

/// What an agent of `queue` is told of a caller who has waited since `arrived`, in the house's language.
pub(super) fn clips(body: &Body, now: Instant, queue: &Queue, arrived: Instant) -> Vec<Clip> {
    let plan = body.cursor.plan();
    let (language, whisper) = (plan.language(), &queue.whisper);
    let mut clips = whisper.says.clips(language).to_vec();
    let grade = body.cursor.grade().and_then(|grade| whisper.grades.get(grade));
    clips.extend(grade.into_iter().flat_map(|phrase| phrase.clips(language)).cloned());
    if whisper.wait {
        clips.extend(plan.speech(language).minutes(now.since(arrived)));
    }
    clips
}
