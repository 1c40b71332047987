//! Lines that are full: said in words, and where else it goes.

use super::*;
use crate::base::Clip;

const FULL: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"
101 = "overflowing"

[[flow.main]]
queue = { to = "consultation", before = [] }

[[flow.overflowing]]
queue = { to = "consultation", before = [], on_full = "second" }

[[flow.second]]
queue = { to = "second", before = [] }

[queue.consultation]
skills = { consultation = 5 }
capacity = 1

[queue.second]
skills = { second = 1 }

[skill.consultation]

[skill.second]

[agent.1001]
skills = { consultation = 5 }
contact = "sip:1001@127.0.0.1:7001"
ready = true

[agent.1003]
skills = { second = 1 }
contact = "sip:1003@127.0.0.1:7005"
ready = true
"#;

fn said(bench: &Bench) -> Vec<String> {
    let clips = bench.outputs.iter().filter_map(|output| match output {
        Output::Play { clips, .. } => Some(clips),
        _ => None,
    });
    let name = |clip: &Clip| match clip {
        Clip::Prompt(id) => bench.exchange.plan().catalog().get(*id).map(|prompt| prompt.name.clone()),
        _ => None,
    };
    clips.flatten().filter_map(name).collect()
}

#[test]
fn a_full_line_says_so_and_offers_a_message_or_takes_the_overflow() {
    let mut bench = waiting::quiet(plan_of(FULL));
    bench.plays_last = true;
    bench.set_agent(AgentChange::away(crate::base::AwayReason::Break, None));
    let first = bench.dials("13800000001", "100");
    bench.outputs.clear();
    bench.dials("13800000002", "100");
    assert_eq!(said(&bench), ["queue/full", "closed/leave-message"]);
    bench.dials("13800000003", "101");
    assert_eq!(bench.rung(), Some(("1003".to_owned(), "13800000003".to_owned())));
    // Who was in line before and calls again is no newcomer.
    bench.hangs_up(first);
    bench.dials("13800000004", "100");
    bench.outputs.clear();
    bench.dials("13800000001", "100");
    assert!(!said(&bench).contains(&"queue/full".to_owned()), "{:?}", said(&bench));
    assert_eq!(bench.exchange.board().queues()[0].waiting, 2);
}
