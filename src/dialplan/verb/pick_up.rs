//! `pick_up`: the desk takes a caller who is parked, or for whom a colleague's phone rings.

use crate::dialplan::action::{Action, PickUp};
use crate::dialplan::cursor::{After, Cursor, Stage, Turn};
use crate::dialplan::doc::{Doc, Field, Form};
use crate::dialplan::fields::Fields;
use crate::dialplan::load::Loader;
use crate::dialplan::plan::Origin;
use crate::dialplan::step::{PickUpKind, PickUpSpec, Step, Target};

pub(in crate::dialplan) const DOC: Doc = Doc {
    name: "pick_up",
    about: "For numbers of desks. Connects the desk with a caller who is parked (`slot`), for whom the phone of any \
            colleague rings who shares a pick-up group with the desk (`group`, the caller who came first), or the phone \
            of one colleague who does (`person`). Where there is none, it says so and goes on.",
    short: Some("whom"),
    fields: &[
        Field::needed("whom", Form::One(&["slot", "group", "person"]), "Whose caller."),
        Field::with(
            "skip",
            Form::Count(0, 8),
            "0",
            "So many keys of what was dialled come before the slot or the person's extension: 2 for `*8XXXX`.",
        ),
    ],
    example: r#"[numbers]
"*8" = { flow = "main", from = "desks" }
"*8XXXX" = { flow = "person", from = "desks" }

[[flow.main]]
pick_up = "group"

[[flow.person]]
pick_up = { whom = "person", skip = 2 }
"#,
};

pub(in crate::dialplan) fn read<'a, 's>(
    loader: &mut Loader<'a, 's>,
    fields: &Fields<'a, 's>,
) -> Option<Step> {
    let skip = usize::try_from(loader.count(fields, "skip")).unwrap_or(0);
    let (kind, nothing) = match loader.one(fields, "whom")? {
        "slot" => (PickUpKind::Slot, "park/empty"),
        "group" => (PickUpKind::Group, "pickup/nothing"),
        _ => (PickUpKind::Person, "pickup/nothing"),
    };
    let nothing = loader.phrase(fields.place(), nothing);
    let refused = loader.phrase(fields.place(), "pickup/not-allowed");
    Some(Step::PickUp(Box::new(PickUpSpec { kind, skip, nothing, refused })))
}

impl PickUpSpec {
    /// Whose caller is meant by this number.
    pub(in crate::dialplan) fn meant(&self, dialled: &str) -> PickUp {
        let rest: String = dialled.chars().skip(self.skip).collect();
        match self.kind {
            PickUpKind::Slot => PickUp::Slot(rest),
            PickUpKind::Group => PickUp::Group,
            PickUpKind::Person => PickUp::Person(rest),
        }
    }
}

pub(in crate::dialplan) fn begin(cursor: &mut Cursor, spec: &PickUpSpec, out: &mut Vec<Action>) -> Turn {
    if !matches!(cursor.facts.origin, Origin::Desk(_)) {
        return failed(cursor, spec, false, out);
    }
    out.push(Action::PickUp(spec.meant(&cursor.facts.dialled)));
    cursor.stay(Stage::PickingUp)
}

/// Nobody is there, or it is not theirs to take.
pub(in crate::dialplan) fn failed(
    cursor: &mut Cursor,
    spec: &PickUpSpec,
    may: bool,
    out: &mut Vec<Action>,
) -> Turn {
    let phrase = if may { &spec.nothing } else { &spec.refused };
    let clips = phrase.clips(&cursor.language).to_vec();
    cursor.tell(clips, false, After::Go(Target::Next), out)
}
