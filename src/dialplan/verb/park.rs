//! `park`: an agent puts a caller into a slot, from which any desk takes them.

use crate::dialplan::action::Action;
use crate::dialplan::cursor::{After, Cursor, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Parking;
use crate::dialplan::step::{Step, Target};
use crate::dialplan::table::agent::extensions;

/// More would not be spoken to anybody.
const MOST_SLOTS: usize = 100;

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "park",
    about: "For a number of desks: an agent who hands a caller on to that number, by the phone or by keys, parks them in \
            the first free slot, which the agent is told. Any desk takes them by dialling the slot (`pick_up = \
            \"slot\"`), and a lamp key (BLF) on the slot shows whether somebody is there. After `recall` the phone of \
            whoever parked them rings; nobody there: the head of the line, or the flow's way on.",
    short: Some("slots"),
    fields: &[
        Field::needed("slots", Form::Text, "The slots, as `701-709`: each a number that desks dial."),
        Field::with(
            "recall",
            Form::Time(10_000, 1_800_000),
            "60 s",
            "How long somebody is parked before the phone of whoever parked them rings.",
        ),
    ],
    example: r#"[numbers]
700 = { flow = "main", from = "desks" }
70X = { flow = "retrieve", from = "desks" }

[[flow.main]]
park = "701-709"

[[flow.retrieve]]
pick_up = "slot"
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let recall = loader.time(fields, "recall");
    let refused = loader.phrase(fields.place(), "error/no-such-service");
    let (written, place) = loader.text(fields, "slots")?;
    let slots = match extensions(&written) {
        Ok(slots) if slots.len() <= MOST_SLOTS => slots,
        Ok(_) => {
            loader.report.mistake(place, "these are more than 100 slots");
            return None;
        }
        Err(_) => {
            loader
                .report
                .mistake(place, "slots are one number, or two of as many digits")
                .add_help("write for example `701-709`");
            return None;
        }
    };
    Some(Step::Park(Box::new(Parking { slots, recall }), refused))
}

/// Somebody has come here without a caller to be parked.
pub(in crate::dialplan) fn begin(
    cursor: &mut Cursor,
    refused: &crate::dialplan::plan::Phrase,
    out: &mut Vec<Action>,
) -> Turn {
    let clips = refused.clips(&cursor.language).to_vec();
    cursor.tell(clips, false, After::Go(Target::Next), out)
}
