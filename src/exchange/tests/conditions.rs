//! `when`: what a call is told of a queue is how it stands at that moment.

use super::*;

const CROWDED: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"

[[flow.main]]
when = { queue = "consultation", waiting = 1, ready_below = 1, then = "crowded" }

[[flow.main]]
queue = "consultation"

[[flow.crowded]]
message = { box = "desk", ask = [] }

[queue.consultation]
skills = { consultation = 5 }

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
contact = "sip:1001@127.0.0.1:7001"
ready = true
"#;

#[test]
fn who_comes_to_a_crowded_queue_is_led_elsewhere() {
    let mut bench = super::waiting::quiet(plan_of(CROWDED));
    bench.set_agent(AgentChange::away(crate::base::AwayReason::Break, None));
    for from in ["13800000001", "13800000002"] {
        bench.dials(from, "100");
    }
    let stages: Vec<StageKind> = bench.exchange.calls.values().map(Call::stage).collect();
    assert_eq!(
        stages,
        [StageKind::Wait, StageKind::Message],
        "the first finds nobody in line, the second finds one"
    );
}
