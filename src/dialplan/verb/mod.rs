//! The verbs of a dialplan, one file each: what may be written (`DOC`), how it is read, what it does in a call.

pub(super) mod callback;
pub(super) mod callback_at;
pub(super) mod collect;
pub(super) mod complaint;
pub(super) mod dial;
pub(super) mod find;
pub(super) mod goto;
pub(super) mod hang_up;
pub(super) mod hours;
pub(super) mod language;
pub(super) mod lookup;
pub(super) mod mailbox;
pub(super) mod menu;
pub(super) mod message;
pub(super) mod park;
pub(super) mod pick_up;
pub(super) mod play;
pub(super) mod presence;
pub(super) mod queue;
pub(super) mod regret;
pub(super) mod say;
pub(super) mod survey;
pub(super) mod urgent;
pub(super) mod wait;
pub(super) mod when;

use super::doc::Doc;
use super::fields::Fields;
use super::load::Loader;
use super::step::Step;

/// A verb: how it is documented and how it is read.
pub(super) struct Verb {
    pub(super) doc: &'static Doc,
    pub(super) read: for<'a, 's> fn(&mut Loader<'a, 's>, &Fields<'a, 's>) -> Option<Step>,
}

/// In the order of the reference.
pub(super) const VERBS: &[Verb] = &[
    Verb { doc: &play::DOC, read: play::read },
    Verb { doc: &say::DOC, read: say::read },
    Verb { doc: &language::DOC, read: language::read },
    Verb { doc: &menu::DOC, read: menu::read },
    Verb { doc: &collect::DOC, read: collect::read },
    Verb { doc: &find::DOC, read: find::read },
    Verb { doc: &hours::DOC, read: hours::read },
    Verb { doc: &lookup::DOC, read: lookup::read },
    Verb { doc: &when::DOC, read: when::read },
    Verb { doc: &queue::DOC, read: queue::read },
    Verb { doc: &callback::DOC, read: callback::read },
    Verb { doc: &callback_at::DOC, read: callback_at::read },
    Verb { doc: &dial::DOC, read: dial::read },
    Verb { doc: &survey::DOC, read: survey::read },
    Verb { doc: &message::DOC, read: message::read },
    Verb { doc: &complaint::DOC, read: complaint::read },
    Verb { doc: &mailbox::DOC, read: mailbox::read },
    Verb { doc: &presence::DOC, read: presence::read },
    Verb { doc: &urgent::DOC, read: urgent::read },
    Verb { doc: &park::DOC, read: park::read },
    Verb { doc: &pick_up::DOC, read: pick_up::read },
    Verb { doc: &goto::DOC, read: goto::read },
    Verb { doc: &wait::DOC, read: wait::read },
    Verb { doc: &hang_up::DOC, read: hang_up::read },
];

pub(super) fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|v| v.doc.name == name)
}
