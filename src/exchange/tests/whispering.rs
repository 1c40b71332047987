//! What the agent alone hears before the two are joined, and what both hear of their recording.

use super::*;
use crate::record::QueueOutcome;

const TOLD: &str = r#"
[hotline]
name = "test"
languages = ["zh-CN"]

[numbers]
100 = "main"

[[flow.main]]
lookup = { list = "vip", found = "queue", missing = "queue" }

[[flow.queue]]
queue = "consultation"

[list.vip]
grade = "VIP"
entries = ["13812345678"]

[queue.consultation]
skills = { consultation = 5 }
whisper = "agent/call-consult"
whisper_grades = { VIP = "agent/call-vip", gold = ["agent/call-vip", "agent/call-consult"] }
whisper_wait = true

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
contact = "sip:1001@127.0.0.1:7001"
ready = true
"#;

/// Nobody is asked for signs of life: the phones here give none.
fn quiet() -> Config {
    Config { probes: Pace { every: Duration::ZERO, ..Pace::default() }, ..Config::default() }
}

/// An agent's phone has just answered.
fn answered() -> (Bench, sip::DialogId) {
    let mut bench = Bench::with(quiet(), plan_of(TOLD));
    let dialog = bench.call();
    bench.plays_last = true;
    bench.outputs.clear();
    bench.agent_answers();
    bench.exchange.check_invariants();
    (bench, dialog)
}

impl Bench {
    /// How many clips the agent is told, and which play it is.
    fn whispered(&self) -> Option<(usize, LegId, crate::base::PlayId)> {
        self.outputs.iter().find_map(|output| match output {
            Output::Play { leg, play, clips, repeat: false } if leg.index == 1 => {
                Some((clips.len(), *leg, *play))
            }
            _ => None,
        })
    }

    fn commands(&self, wanted: impl Fn(&media::Command) -> bool) -> usize {
        let is_wanted = |output: &&Output| matches!(output, Output::Media { command, .. } if wanted(command));
        self.outputs.iter().filter(is_wanted).count()
    }

    fn bridges(&self) -> usize {
        self.commands(|command| matches!(command, media::Command::Bridge { .. }))
    }

    fn lasts(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some((at, _)) = self.exchange.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now.mono = at.max(self.now.mono);
            self.exchange.handle_input(self.now, Input::Timeout);
            self.settle();
        }
        self.now.mono = end;
        self.exchange.check_invariants();
    }

    fn outcome(&self) -> Option<(QueueOutcome, CallEnd)> {
        self.outputs.iter().find_map(|output| match output {
            Output::Record(Record::Call(record)) => {
                record.queue.as_ref().map(|visit| (visit.outcome, record.end.clone()))
            }
            _ => None,
        })
    }
}

#[test]
fn an_agent_is_told_who_it_is_and_then_joined_and_recorded() {
    let (mut bench, dialog) = answered();
    let (clips, leg, play) = bench.whispered().expect("something to hear");
    assert_eq!(clips, 2, "the service and the grade; nobody has waited for a minute");
    let recorded = |bench: &Bench| bench.commands(|c| matches!(c, media::Command::Record { .. }));
    let music_ends =
        |bench: &Bench| bench.commands(|c| matches!(c, media::Command::Stop { leg } if leg.index == 0));
    assert_eq!((bench.bridges(), recorded(&bench), music_ends(&bench)), (0, 0, 0));
    assert_eq!(bench.exchange.calls.values().map(Call::stage).collect::<Vec<_>>(), [StageKind::Offer]);
    bench.input(Input::Media(media::Event::Played { leg, play }));
    assert_eq!((bench.bridges(), recorded(&bench), music_ends(&bench)), (1, 1, 1));
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    assert_eq!(bench.outcome(), Some((QueueOutcome::Served, CallEnd::CallerHungUp)));
}

#[test]
fn whoever_is_told_much_is_joined_after_five_seconds_all_the_same() {
    let (mut bench, _) = answered();
    bench.lasts(Duration::from_millis(4900));
    assert_eq!(bench.bridges(), 0);
    bench.lasts(Duration::from_millis(200));
    assert_eq!(bench.bridges(), 1);
    let cut_off = |c: &media::Command| matches!(c, media::Command::Stop { leg } if leg.index == 1);
    assert_eq!(bench.commands(cut_off), 1);
}

#[test]
fn a_caller_who_hangs_up_meanwhile_was_not_served_and_the_agent_is_free() {
    let (mut bench, dialog) = answered();
    bench.caller.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    bench.exchange.check_invariants();
    assert_eq!(bench.outcome(), Some((QueueOutcome::Abandoned, CallEnd::CallerHungUp)));
    assert_eq!((bench.exchange.calls(), bench.bridges()), (0, 0));
    let ended = std::iter::from_fn(|| bench.agent.endpoint.poll_event())
        .any(|event| matches!(event, sip::Event::Ended { .. }));
    assert!(ended, "the phone is hung up");
    let busy = [queue::AgentState::Reserved, queue::AgentState::Talking];
    assert!(bench.agent_state().is_some_and(|state| !busy.contains(&state)), "{:?}", bench.agent_state());
    bench.lasts(Duration::from_secs(10));
}

#[test]
fn an_agent_who_hangs_up_meanwhile_leaves_the_caller_in_line() {
    let (mut bench, _) = answered();
    let dialog = bench.agent_dialog.expect("answered");
    bench.agent.endpoint.bye(bench.now.mono, dialog, None);
    bench.settle();
    bench.exchange.check_invariants();
    assert_eq!((bench.exchange.calls(), bench.bridges()), (1, 0));
    let stages: Vec<_> = bench.exchange.calls.values().map(Call::stage).collect();
    assert!(matches!(stages[..], [StageKind::Wait | StageKind::Offer]), "{stages:?}");
}

#[test]
fn both_hear_a_tone_when_they_are_recorded_and_again_while_they_are() {
    let call = crate::call::Settings { recording_beep: Some(Duration::from_secs(15)), ..Default::default() };
    let mut bench = Bench::with(Config { call, ..quiet() }, plan());
    bench.establish();
    let tones = |bench: &Bench| {
        [0, 1].map(|of| {
            bench.commands(|c| matches!(c, media::Command::PlayOver { leg, .. } if leg.index == of))
        })
    };
    assert_eq!(tones(&bench), [1, 1]);
    bench.lasts(Duration::from_secs(31));
    assert_eq!(tones(&bench), [3, 3]);
    let call = *bench.exchange.calls.keys().next().expect("a call");
    let pause = |paused| Input::Command { id: 1, command: Command::PauseRecording { call, paused } };
    bench.input(pause(true));
    bench.lasts(Duration::from_secs(31));
    assert_eq!(tones(&bench), [3, 3], "nothing is recorded");
    bench.input(pause(false));
    assert_eq!(tones(&bench), [4, 4]);
    bench.lasts(Duration::from_secs(16));
    assert_eq!(tones(&bench), [5, 5]);
}

#[test]
fn nobody_hears_a_tone_unless_the_settings_say_so() {
    let mut bench = Bench::with(quiet(), plan());
    bench.establish();
    bench.lasts(Duration::from_secs(60));
    assert_eq!(bench.commands(|c| matches!(c, media::Command::PlayOver { .. })), 0);
}
