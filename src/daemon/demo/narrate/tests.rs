use super::*;
use crate::daemon::demo::sounds::SoundId;

fn sounds() -> Arc<Sounds> {
    let mut sounds = Sounds::default();
    let mut add = |name: &str, tag: Option<&str>, chinese: &str, english: &str| {
        sounds.add(name, tag.map(Language::new), [chinese.to_owned(), english.to_owned()], vec![0; 800]);
    };
    add("greeting/hello", Some("zh-CN"), "您好！", "Hello.");
    add("topic/consult", Some("zh-CN"), "业务咨询，", "For inquiries,");
    add("menu/press-1", Some("zh-CN"), "请按一。", "press one.");
    add("common/hold-music", None, "", "");
    add(
        "queue/wait-long",
        Some("en-US"),
        "当前来电较多，等待时间可能较长。",
        "We are receiving many calls, so you may have to wait longer than usual.",
    );
    Arc::new(sounds)
}

fn hears(sound: usize, from: usize, whole: bool) -> Event {
    Event::Hears(Heard { sound: SoundId(sound), from, to: from + 8000, whole, correlation: 0.987 })
}

/// The ladder of these events, half a second apart.
fn ladder(events: Vec<(Who, Event)>) -> String {
    let mut out = Vec::new();
    let mut ladder = Ladder::new(&mut out, false, Instant::ZERO, sounds());
    ladder.head().unwrap();
    for (n, (who, event)) in events.into_iter().enumerate() {
        let at = Instant::from_micros(500_000 * (n as u64 + 1));
        ladder.tell(&Told { at, what: What::Happened(who, event) }).unwrap();
    }
    ladder.finish().unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn arrows_cross_the_columns_between() {
    let text = ladder(vec![
        (Who::CallerA, Event::Dials("10000".to_owned())),
        (Who::CallerA, Event::Connected),
        (Who::Agent2, Event::Rings("咨询".to_owned())),
        (Who::Agent2, Event::Answers),
    ]);
    let expected = "
         A      B   HOTLINE  1001   1002                                                          r
         │      │      │      │      │
   0.5   ├──────┼─────>│      │      │  INVITE  A dials 10000
   1.0   │<─────┼──────┤      │      │  200 OK
   1.5   │      │      ├──────┼─────>│  INVITE  1002 rings and shows 咨询
   2.0   │      │      │<─────┼──────┤  200 OK  1002 answers after 0.5 s
         │      │      │      │      │
";
    assert_eq!(format!("\n{text}"), expected);
}

#[test]
fn pieces_become_sentences_in_both_languages() {
    let text = ladder(vec![
        (Who::CallerB, hears(0, 0, true)),
        (Who::CallerB, hears(1, 8000, true)),
        (Who::CallerB, hears(2, 16000, true)),
        (Who::CallerB, hears(1, 24000, false)),
        (Who::CallerB, hears(4, 64000, true)),
        (Who::CallerA, hears(3, 0, false)),
    ]);
    let expected = "
         A      B   HOTLINE  1001   1002                                                          r
         │      │      │      │      │
   0.5   │      ●      │      │      │  B hears 您好！  Hello.                                 0.987
   1.5   │      ●      │      │      │  B hears 业务咨询，请按一。  For inquiries, press one.  0.987
   2.0   │      ●      │      │      │  B hears 业务咨询， …  For inquiries, …                 0.987
   2.5   │      ●      │      │      │  B hears We are receiving many calls, so you may have   0.987
         │      │      │      │      │          to wait longer than usual.
         │      │      │      │      │          当前来电较多，等待时间可能较长。
   3.0   ~      │      │      │      │  A has heard 1.0 s of music                             0.987
         │      │      │      │      │
";
    assert_eq!(format!("\n{text}"), expected);
}

#[test]
fn a_sentence_without_an_end_is_told_before_anything_else_of_the_same_person() {
    let text = ladder(vec![
        (Who::CallerA, hears(1, 0, true)),
        (Who::CallerB, Event::HungUp),
        (Who::CallerA, Event::Presses("1".to_owned())),
    ]);
    let at = |what: &str| text.find(what).unwrap();
    assert!(at("业务咨询") < at("presses"), "{text}");
}

#[test]
fn colours_do_not_count() {
    assert_eq!(width("\x1b[36mcaller A\x1b[0m 您好！"), 15);
    assert_eq!(beginning("To leave a message, press one.", 0.3), "To leave a …");
    assert_eq!(beginning("确认请按一", 0.5), "确认 …");
    assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
    assert_eq!(wrap("一二三四五", 4), ["一二三四五"]);
}
