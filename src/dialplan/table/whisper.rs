//! `whisper` of a queue: what an agent hears of the caller before they are joined.

use std::time::Duration;

use crate::base::Clip;
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::{Phrase, WHISPER_MOST, Whisper};
use crate::dialplan::step::Place;

pub(in crate::dialplan) fn read<'a, 's>(loader: &mut Loader<'a, 's>, fields: &Fields<'a, 's>) -> Whisper {
    let mut whisper = Whisper { wait: loader.flag(fields, "whisper_wait"), ..Whisper::default() };
    if whisper.wait {
        // What is put together for it must be there; the numbers are for everybody.
        loader.phrase(fields.place(), "time/one-minute time/minutes");
    }
    if let Some(written) = fields.get("whisper") {
        whisper.says = loader.as_prompts(written, "`whisper`");
        too_long(loader, written.place, &whisper.says, &Phrase::default());
    }
    let Some(written) = fields.get("whisper_grades") else { return whisper };
    let Some(entries) = written.entries() else {
        loader.wrong(written, "`whisper_grades`", "a table of prompts by grade");
        return whisper;
    };
    for entry in entries {
        let phrase = loader.as_prompts(entry.value, "a grade's prompts");
        too_long(loader, entry.key_place, &whisper.says, &phrase);
        whisper.grades.insert(entry.key.to_owned(), phrase);
    }
    whisper
}

/// What would be cut off in the middle of a word is a mistake.
fn too_long(loader: &mut Loader<'_, '_>, place: Place, says: &Phrase, grade: &Phrase) {
    let language = loader.language.clone();
    let length = |clip: &Clip| match clip {
        Clip::Prompt(id) => loader.catalog.get(*id).map_or(Duration::ZERO, |prompt| prompt.duration),
        _ => Duration::ZERO,
    };
    let all: Duration = says.clips(&language).iter().chain(grade.clips(&language)).map(length).sum();
    if all > WHISPER_MOST {
        let seconds = all.as_secs_f64();
        let reason = format!("this whisper takes {seconds:.1} s, and the caller waits for its end");
        loader.report.mistake(place, reason).add_help("5 s at most");
    }
}
