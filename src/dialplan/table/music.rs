//! `music` of a queue: a recording or a folder of them, and where in it somebody begins who comes now.

use crate::base::{Clip, Instant, PromptId};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::{Plan, Queue};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Vec<PromptId> {
    let (name, place) =
        loader.text(fields, "music").unwrap_or_else(|| (fields.default("music").to_owned(), fields.place()));
    if let Some(recording) = loader.catalog.find(&loader.language, &name) {
        return vec![recording];
    }
    let folder = format!("{}/", name.trim_end_matches('/'));
    let within = loader.catalog.names().filter(|recording| recording.starts_with(&folder));
    let recordings: Vec<_> = within.filter_map(|name| loader.catalog.find(&loader.language, name)).collect();
    if recordings.is_empty() {
        let reason = format!("`{name}` is neither a recording nor a folder with recordings");
        let names: Vec<String> = loader.catalog.names().map(str::to_owned).collect();
        loader.report.unknown(place, reason, &name, names.iter().map(String::as_str));
    }
    recordings
}

impl Plan {
    /// What somebody hears who begins to wait at `queue` now, to be repeated: the folder's recordings from the one on
    /// that the station plays next. So nobody begins in the middle of a bar, and who waits often does not hear
    /// the same beginning each time.
    pub fn music(&self, queue: &Queue, now: Instant) -> Vec<Clip> {
        let length = |id: &PromptId| self.catalog.get(*id).map_or(0, |prompt| prompt.duration.as_micros());
        let round: u128 = queue.music.iter().map(length).sum();
        let at = u128::from(now.as_micros()).checked_rem(round).unwrap_or(0);
        let mut begins = 0;
        let next = queue.music.iter().position(|recording| {
            let is_next = begins >= at;
            begins += length(recording);
            is_next
        });
        let (before, after) = queue.music.split_at(next.unwrap_or(0));
        after.iter().chain(before).copied().map(Clip::Prompt).collect()
    }
}
