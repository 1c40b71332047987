use super::*;
use crate::base::AwayReason;
use crate::record::{KeptAbsence, KeptPresence, KeptWord};

#[test]
fn the_last_word_on_each_person_is_kept_and_one_that_cannot_be_read_harms_nobody_else() {
    let folder = Folder::new();
    let mut store = folder.open();
    let absence = |until| KeptAbsence {
        reason: AwayReason::Banquet,
        from: at(1),
        until,
        place: Some("总行".to_owned()),
        delegate: Some("3001".to_owned()),
    };
    let said = |extension: &str, hand| KeptPresence {
        extension: extension.to_owned(),
        hand,
        agreed: vec![absence(None)],
        signed_on: true,
    };
    let written = |presence: &KeptPresence| Record::Presence(Box::new(presence.clone()));
    let first = said("4001", Some(KeptWord::Away(absence(Some(at(9))))));
    let second = said("4001", Some(KeptWord::Here { until: at(9) }));
    let other = said("1001", None);
    let gone = KeptPresence { extension: "2001".to_owned(), ..KeptPresence::default() };
    store.write(&[written(&said("2001", None)), written(&first), written(&second)]).unwrap();
    store.write(&[written(&other), written(&gone)]).unwrap();
    drop(store);
    let store = Sqlite::open_existing(&folder.path()).unwrap();
    assert_eq!(store.presences().unwrap(), [other, second.clone()]);
    let elsewhere = Connection::open(folder.path()).unwrap();
    elsewhere.execute("UPDATE presences SET said = '{' WHERE extension = '1001'", []).unwrap();
    assert_eq!(store.presences().unwrap(), [second]);
}
