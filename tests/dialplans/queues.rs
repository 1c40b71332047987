//! What a queue's table says: its music, and what agents are told.

use std::time::Duration;

use hotline::base::{Clip, Instant, Language};
use hotline::dialplan::{Plan, Queue, WHISPER_MOST};

use super::{catalog, plan_of, show};

/// A plan whose one queue has these lines.
fn with(lines: &str) -> Result<Plan, String> {
    let text = format!(
        "[numbers]\n10000 = \"main\"\n[[flow.main]]\nqueue = \"q\"\n[skill.s]\n\
         [agent.1002]\nskills = {{ s = 1 }}\n[queue.q]\nskills = {{ s = 1 }}\n{lines}\n"
    );
    plan_of(&text).map(|(plan, _)| plan).map_err(|mistakes| show(&mistakes))
}

fn queue(plan: &Plan) -> &Queue {
    plan.queues().iter().find(|queue| queue.name == "q").expect("the test's own")
}

fn music(plan: &Plan, at: Duration) -> Vec<(String, Duration)> {
    let now = Instant::from_micros(at.as_micros() as u64);
    let heard = plan.music(queue(plan), now).into_iter().map(|clip| match clip {
        Clip::Prompt(id) => plan.catalog().get(id).map(|prompt| (prompt.name.clone(), prompt.duration)),
        _ => None,
    });
    heard.collect::<Option<_>>().expect("recordings only")
}

#[test]
fn a_folder_is_played_like_a_station_and_each_caller_begins_with_what_comes_next() {
    let plan = with("music = \"goodbye\"").expect("a folder of the shipped prompts");
    let all = music(&plan, Duration::ZERO);
    let catalog = catalog();
    let mut names: Vec<_> = catalog.names().filter(|name| name.starts_with("goodbye/")).collect();
    names.sort_unstable();
    assert!(names.len() > 3 && all.iter().map(|(name, _)| name.as_str()).eq(names), "{all:?}");

    let begins = |after: Duration| music(&plan, after).remove(0).0;
    assert_eq!(begins(Duration::from_micros(1)), all[1].0, "the first is on");
    assert_eq!(begins(all[0].1), all[1].0, "the second begins");
    let round: Duration = all.iter().map(|(_, length)| *length).sum();
    assert_eq!(begins(round - Duration::from_micros(1)), all[0].0, "the last is on");
    assert_eq!(begins(7 * round), all[0].0);
    let mut rotated = music(&plan, Duration::from_micros(1));
    rotated.rotate_right(1);
    assert_eq!(rotated, all, "all of it, round and round");
}

#[test]
fn one_recording_is_music_by_its_name_and_a_folder_with_none_is_a_mistake() {
    let plan = with("").expect("the default");
    assert_eq!(music(&plan, Duration::from_secs(5))[0].0, "common/hold-music");
    for missing in ["common/jazz", "goodby"] {
        let told = with(&format!("music = \"{missing}\"")).expect_err("there is no such folder");
        let expected = format!("`{missing}` is neither a recording nor a folder with recordings");
        assert!(told.contains(&expected) && told.contains("test.toml:10:9"), "{told}");
    }
}

#[test]
fn what_agents_are_told_is_short_and_known() {
    let plan = with(
        "whisper = \"agent/call-vip\"\nwhisper_grades = { VIP = \"agent/call-vip\" }\nwhisper_wait = true",
    );
    let plan = plan.expect("a whisper");
    let whisper = &queue(&plan).whisper;
    let chinese = Language::new("zh-CN");
    assert_eq!((whisper.says.clips(&chinese).len(), whisper.grades.len(), whisper.wait), (1, 1, true));
    assert!(queue(&with("").expect("none")).whisper.says.is_empty());

    let long = ["agent/call-vip"; 9].map(|name| format!("\"{name}\"")).join(", ");
    let told = with(&format!("whisper = [{long}]")).expect_err("nobody waits for that");
    assert!(told.contains("this whisper takes") && told.contains("5 s at most"), "{told}");
    assert_eq!(WHISPER_MOST, Duration::from_secs(5));
    let told = with("whisper_grades = { VIP = \"agent/call-gold\" }").expect_err("no such prompt");
    assert!(told.contains("prompt `agent/call-gold` does not exist"), "{told}");
}
