use super::*;
use crate::record::{Keeping, SlipChange};

#[test]
fn a_slip_whose_holder_calls_back_is_open_and_due_then_unless_it_is_settled() {
    let folder = Folder::new();
    let mut store = folder.open();
    let promised = |id, due| Record::SlipChange(SlipId(id), SlipChange::Promised { due });
    store
        .write(&slips(&[slip(1, SlipState::New), slip(2, SlipState::New), slip(3, SlipState::New)]))
        .unwrap();
    store.write(&[Record::SlipChange(SlipId(2), SlipChange::Marked(SlipState::Done))]).unwrap();
    let told = Keeping { told: true, due: Some(at(50)), reminders: 1, passed: Vec::new() };
    let kept = SlipChange::Kept { mailbox: "8001".to_owned(), keeping: told, tell: Vec::new() };
    store.write(&[Record::SlipChange(SlipId(3), kept)]).unwrap();
    store
        .write(&[promised(1, at(90)), promised(2, at(90)), promised(3, at(90)), promised(4, at(90))])
        .unwrap();
    let read = |id| {
        let slip = store.slip(SlipId(id)).unwrap().expect("a slip");
        (slip.state, slip.keeping.told, slip.keeping.due, slip.keeping.reminders)
    };
    assert_eq!(read(1), (SlipState::Open, false, Some(at(90)), 0), "whoever is to be told of it still is");
    assert_eq!(read(2), (SlipState::Done, false, None, 0));
    assert_eq!(read(3), (SlipState::Open, true, Some(at(90)), 0));
    assert_eq!(store.slip(SlipId(4)).unwrap(), None);
}
