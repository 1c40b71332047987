//! What is carried over, what is noted, and that nothing that is given ends in anything but a draft that loads.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::{Catalog, PromptInfo};
use crate::dialplan::{Manifest, Plan, load};

/// The shipped prompts, by name and text.
static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
    let manifest = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/manifest.toml"));
    let manifest = Manifest::parse(manifest).expect("the shipped manifest");
    let mut catalog = Catalog::default();
    let duration = Duration::from_secs(1);
    for (name, texts) in manifest.iter() {
        for (language, text) in texts {
            let (name, language) = (name.to_owned(), Some(language.clone()));
            catalog.add(PromptInfo { name, language, text: text.clone(), duration }).expect("each once");
        }
    }
    for name in ["common/beep", "common/recording-beep", "common/hold-music", "common/ring-back"] {
        let info = PromptInfo { name: name.to_owned(), language: None, text: String::new(), duration };
        catalog.add(info).expect("each once");
    }
    Arc::new(catalog)
});

fn imported(files: &[(&str, &str)]) -> Imported {
    let files: Vec<_> =
        files.iter().map(|(name, text)| SourceFile { name: (*name).into(), text: (*text).into() }).collect();
    import(&files)
}

fn loaded(draft: &Imported) -> Plan {
    let files = [SourceFile { name: "imported.toml".to_owned(), text: draft.text.clone() }];
    match load(&files, Arc::clone(&CATALOG)) {
        Ok((plan, _)) => plan,
        Err(mistakes) => {
            let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            panic!("{}\n{}", told.join("\n\n"), draft.text)
        }
    }
}

const IVR: &str = r#"<include>
  <!-- demo IVR setup -->
  <menu name="demo_ivr" greet-long="phrase:demo_ivr_main_menu" greet-short="phrase:demo_ivr_main_menu_short"
      invalid-sound="ivr/ivr-that_was_an_invalid_entry.wav" timeout="10000" inter-digit-timeout="2000"
      max-failures="3" max-timeouts="2" digit-len="4">
    <entry action="menu-exec-app" digits="1" param="bridge sofia/$${domain}/888@conference.freeswitch.org"/>
    <entry action="menu-exec-app" digits="2" param="transfer 1001 XML default"/>
    <entry action="menu-exec-app" digits="3" param="callcenter support@default"/>
    <entry action="menu-sub" digits="6" param="demo_ivr_submenu"/>
    <entry action="menu-exec-app" digits="/^(10[01][0-9])$/" param="transfer $1 XML features"/>
    <entry action="menu-top" digits="9"/>
    <entry action="menu-exit" digits="3"/>
  </menu>
  <menu name="demo_ivr_submenu" greet-long="phrase:sub" timeout="15000">
    <entry action="menu-back" digits="*"/>
    <entry action="menu-sub" digits="0" param="nowhere"/>
  </menu>
</include>
"#;

#[test]
fn a_menu_of_freeswitch_keeps_its_keys_and_says_what_it_lost() {
    let draft = imported(&[("demo_ivr.xml", IVR)]);
    let plan = loaded(&draft);
    assert!(plan.queue_by_name("support").is_some() && plan.agent_by_extension("1001").is_some());
    for line in [
        "\"2\" = \"person-1001\"",
        "\"3\" = \"line-support\"",
        "\"6\" = \"demo-ivr-submenu\"",
        "\"9\" = \"demo-ivr\"",
        "\"1\" = \"operator\"",
        "\"*\" = \"demo-ivr\"",
        "first_digit = \"10000 ms\"",
        "tries = 3",
    ] {
        assert!(draft.text.contains(line), "{line} is missing in:\n{}", draft.text);
    }
    let notes: Vec<_> = draft.notes.iter().map(ToString::to_string).collect();
    for note in [
        "demo_ivr.xml:6: `bridge sofia/$${domain}/888@conference.freeswitch.org` is not carried over",
        "demo_ivr.xml:10: the key 1 is there twice",
        "demo_ivr.xml:12: the key 3 is there twice",
        "`nowhere` is led to and is not in the files",
        "the files name no number",
    ] {
        assert!(notes.iter().any(|line| line.contains(note)), "{note} is missing in {notes:#?}");
    }
}

const QUEUES: &str = "\
[general]
persistentmembers = yes

[callcentre](!)        ; what all have
timeout = 20
wrapuptime=15
strategy = rrmemory

[support](callcentre)
maxlen = 40
servicelevel = 30
member => PJSIP/1001,0,Li
member => SIP/1002,3
member => Local/reception@agents
; the boss
weight = 5
";

const EXTENSIONS: &str = "\
[globals]
TRUNK=SIP/carrier

[incoming]
exten => 95588,1,Answer()
same => n,Goto(main,s,1)

[main]
include => parkedcalls
exten => s,1,Background(welcome)
same => n,WaitExten(5)
exten => 1,1,Queue(support,t,,,300)
same => n,Hangup()
exten => 2,1,Dial(PJSIP/1002,20)
same => n,VoiceMail(1002@default,u)
exten => 3,1,Goto(loop,s,1)
exten => i,1,Playback(invalid)
exten => t,1,Goto(main,s,1)

[loop]
exten => s,1,Goto(loop,s,1)

[internal]
exten => _1XXX,1,Dial(PJSIP/${EXTEN},20)
exten => _[6-8]ZX!,1,AGI(ring.agi)
";

#[test]
fn queues_and_contexts_of_asterisk_become_one_plan() {
    let draft = imported(&[("queues.conf", QUEUES), ("extensions.conf", EXTENSIONS)]);
    let plan = loaded(&draft);
    let support = plan.queue_by_name("support").expect("the queue");
    assert_eq!((support.ring, support.wrap_up), (Duration::from_secs(20), Duration::from_secs(15)));
    assert_eq!((support.capacity, support.service_target), (Some(40), Duration::from_secs(30)));
    let level = |extension: &str| {
        let agent = plan.agent_by_extension(extension).expect("a member");
        agent.skills.first().map(|skill| skill.level)
    };
    assert_eq!((level("1001"), level("1002")), (Some(9), Some(6)));
    let numbers: Vec<_> = plan.numbers().iter().map(|n| (n.pattern.to_string(), n.desks)).collect();
    assert!(numbers.contains(&("95588".to_owned(), false)) && numbers.contains(&("1XXX".to_owned(), true)));
    let notes: Vec<_> = draft.notes.iter().map(ToString::to_string).collect();
    for note in [
        "queues.conf:14: the member `Local/reception@agents` has no extension of digits",
        "queues.conf:16: `weight` is not carried over",
        "extensions.conf:9: `include => parkedcalls` is not carried over",
        "extensions.conf:25: `agi` is not carried over",
        "flow `loop` led back to itself without the caller's doing",
    ] {
        assert!(
            notes.iter().any(|line| line.starts_with(note) || line.contains(note)),
            "{note} in {notes:#?}"
        );
    }
    assert!(draft.text.contains("# Played here: welcome"), "{}", draft.text);
}

#[test]
fn what_is_none_of_these_is_said() {
    for text in ["", "<", "<a>", "no section", "[a]\n[b", "\u{feff}<menu name='x'/>", "=\n[]\n=>"] {
        let draft = imported(&[("odd", text)]);
        assert!(!draft.notes.is_empty(), "{text:?}");
        loaded(&draft);
    }
}

/// Lines as they may stand in these files, in any order and with any holes.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[main]".to_owned()),
        Just("[main](!)".to_owned()),
        "\\[[a-z#\" é]{0,6}\\](\\([a-z!,]{0,5}\\))?",
        "(exten|same) => [s_0-9XZN*#.!\\[\\]-]{0,6},(1|n|hint),(Queue|Dial|Goto|Background|WaitExten|VoiceMail|Hangup|Set)\\([a-z,/0-9${}SIP]{0,12}\\)?",
        "exten => [0-9],1,Goto\\((main|a|[0-9]),(s|[0-9]),1\\)",
        "exten => (s|[0-9]),1,(Background\\(x\\)|WaitExten\\(\\)|Goto\\(main,s,1\\))",
        "(member|timeout|maxlen|weight) =>? ?(SIP/)?[0-9]{0,12}(,[0-9a-z]{0,4}){0,2}",
        "\\PC{0,24}",
    ]
}

/// Entries of menus that lead to one another.
fn entry() -> impl Strategy<Value = String> {
    let action = "menu-(sub|top|back|exit|exec-app|play-sound)|[a-z]{0,4}";
    let param = "[ab]|transfer [0-9]{0,9}|bridge [a-z/0-9]{0,8}|callcenter [a-z@]{0,4}|[a-z <&]{0,5}";
    (action, "[0-9*#a/]{0,9}", param).prop_map(|(action, digits, param)| {
        let param = param.replace('&', "&amp;").replace('<', "&lt;");
        format!("<entry action='{action}' digits='{digits}' param='{param}'/>")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_lines_end_in_a_draft_that_loads(lines in prop::collection::vec(line(), 0..24)) {
        loaded(&imported(&[("any.conf", &lines.join("\n"))]));
    }

    #[test]
    fn any_menus_end_in_a_draft_that_loads(
        a in prop::collection::vec(entry(), 0..8),
        b in prop::collection::vec(entry(), 0..8),
        timeout in "[0-9]{0,6}",
    ) {
        let text = format!(
            "<menus><menu name='a' timeout='{timeout}'>{}</menu><menu name='b'>{}</menu></menus>",
            a.join("\n"), b.join("\n"),
        );
        loaded(&imported(&[("any.xml", &text)]));
    }

    #[test]
    fn anything_at_all_ends_in_a_draft(text in "(?s).{0,200}", names in "\\PC{0,9}") {
        loaded(&imported(&[(names.as_str(), text.as_str())]));
    }
}
