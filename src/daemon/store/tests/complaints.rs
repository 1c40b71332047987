//! Complaints and surveys on disk: with their slip or not at all, also after a crash.

use super::*;
use crate::record::{
    About, CaseNumber, Complaint, ComplaintChange, ComplaintState, ComplaintUpdate, Note, Severity,
    SurveyAnswer,
};

fn complains(id: u64, state: SlipState) -> Record {
    let case = CaseNumber::of(CallId(id));
    let (category, language) = ("fees".to_owned(), "zh-CN".to_owned());
    let about = Some(About::Complains { case, category, language });
    Record::Slip(Box::new(MessageSlip { about, number: Some("13800138000".into()), ..slip(id, state) }))
}

fn all(store: &Sqlite) -> Vec<Complaint> {
    store.complaints(&ComplaintFilter::default()).expect("complaints")
}

#[test]
fn a_message_that_is_a_complaint_makes_a_case_with_it() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&[complains(7, SlipState::Taking)]).expect("written");
    assert_eq!(all(&store), [], "nobody has finished speaking");
    store.write(&[complains(7, SlipState::New)]).expect("written");
    // What is committed is what a power failure leaves.
    let mut store = folder.crash().open();
    let found = store.complaint(CaseNumber::of(CallId(7))).expect("read").expect("a case");
    assert_eq!((found.category.as_str(), found.slips.as_slice()), ("fees", &[SlipId(7)][..]));
    assert_eq!(found.number, Some(Masked::from("13800138000")));
    assert_eq!(
        store.slip(SlipId(7)).expect("read").expect("a slip").about.and_then(|about| about.case()),
        Some(found.case)
    );
    // Written again, as after a refusal, it is still one.
    store.write(&[complains(7, SlipState::New)]).expect("written");
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn what_a_crash_leaves_of_a_complaint_is_a_case() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&[complains(7, SlipState::Taking), complains(8, SlipState::Taking)]).expect("written");
    let mut store = folder.crash().open();
    store.recover(&|recording| (recording.0 == 7).then_some(Duration::from_secs(5))).expect("recovered");
    let found = all(&store);
    // The number that was left is kept even where nothing was said.
    assert_eq!(found.iter().map(|one| one.case.call().0).collect::<Vec<_>>(), [8, 7]);
    assert!(found.iter().all(|one| one.state == ComplaintState::Accepted));
}

#[test]
fn a_complaint_is_changed_listed_by_owner_and_gone_from_the_list_when_it_is_closed() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.write(&[complains(1, SlipState::New), complains(2, SlipState::New)]).expect("written");
    let case = CaseNumber::of(CallId(1));
    let says = |update| ComplaintChange::Updated { at: at(5), by: "2001".to_owned(), update };
    assert!(store.change_complaint(case, &says(ComplaintUpdate::Owner("2001".to_owned()))).expect("changed"));
    assert!(store.change_complaint(case, &says(ComplaintUpdate::Severity(Severity::High))).expect("changed"));
    let unknown = CaseNumber::of(CallId(9));
    assert!(!store.change_complaint(unknown, &says(ComplaintUpdate::Call(CallId(3)))).expect("asked"));
    let cases = |store: &Sqlite, filter| {
        let found: Vec<Complaint> = store.complaints(&filter).expect("complaints");
        found.into_iter().map(|one| one.case.call().0).collect::<Vec<_>>()
    };
    let owned = ComplaintFilter { owner: Some("2001".to_owned()), ..ComplaintFilter::default() };
    assert_eq!(cases(&store, owned), [1]);
    store
        .write(&[Record::Complaint(case, says(ComplaintUpdate::State(ComplaintState::Closed)))])
        .expect("written");
    let open = ComplaintFilter { not_closed: true, ..ComplaintFilter::default() };
    assert_eq!((cases(&store, open), cases(&store, ComplaintFilter::default())), (vec![2], vec![2, 1]));
    assert_eq!(store.complaint(unknown).expect("asked"), None);
}

#[test]
fn a_mark_is_kept_once_for_each_call_and_found_by_number() {
    let folder = Folder::new();
    let mut store = folder.open();
    let first = SurveyAnswer {
        call: CallId(4),
        at: at(4),
        from: "13912345678".into(),
        queue: Some("consultation".to_owned()),
        agent: Some("1001".to_owned()),
        mark: 2,
        solved: None,
        low: true,
    };
    let whole = SurveyAnswer { solved: Some(false), ..first.clone() };
    store
        .write(&[Record::Survey(Box::new(first)), Record::Survey(Box::new(whole.clone()))])
        .expect("written");
    assert_eq!(store.surveys(at(0)).expect("read"), std::slice::from_ref(&whole));
    assert_eq!(store.surveys(at(5)).expect("read"), []);
    let asked = |from: &str, since| store.surveyed(&from.into(), since).expect("asked");
    assert!(asked("13912345678", at(4)) && !asked("13912345678", at(5)) && !asked("13800138000", at(0)));
    // And with the call's record.
    let note = Note { at: at(4), by: "1001".to_owned(), text: "again".into() };
    let complaint = Some(CaseNumber::of(CallId(4)));
    let record = CallRecord { complaint, survey: Some(whole), notes: vec![note], ..call(4) };
    store.write(&calls(std::slice::from_ref(&record))).expect("written");
    assert_eq!(store.call(CallId(4)).expect("read"), Some(record));
}
