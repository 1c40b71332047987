//! A caller on hold is not forgotten: the agent is reminded, the caller hears an apology, and who answers has them.

use super::*;
use crate::base::PromptId;

/// An agent who has put their caller on hold.
struct Held {
    bench: Bench,
    /// What the agent's phone was told since somebody looked last.
    rings: Vec<sip::DialogId>,
    texts: usize,
}

fn held() -> Held {
    let (mut bench, dialog) = Bench::talking();
    bench.callers_own = Some(dialog);
    bench.outputs.clear();
    let agents = bench.agent_dialog.expect("a talk");
    let hold = Bytes::from(format!("{SDP}a=sendonly\r\n"));
    bench.agent.endpoint.reoffer(bench.now.mono, agents, hold);
    bench.settle();
    Held { bench, rings: Vec::new(), texts: 0 }
}

impl std::ops::Deref for Held {
    type Target = Bench;
    fn deref(&self) -> &Bench {
        &self.bench
    }
}

impl std::ops::DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Bench {
        &mut self.bench
    }
}

fn stage(bench: &Bench) -> StageKind {
    bench.exchange.calls.values().map(Call::stage).next().expect("a call")
}

/// Runs the exchange's deadlines up to then; nobody else does anything.
fn pass(held: &mut Held, seconds: u64) {
    let bench = &mut held.bench;
    let end = bench.now.mono + Duration::from_secs(seconds);
    while let Some((at, _)) = bench.exchange.poll_timeout().filter(|(at, _)| *at <= end) {
        let at = at.max(bench.now.mono);
        bench.now = Now { mono: at, wall: bench.now.wall + at.since(bench.now.mono) };
        bench.exchange.handle_input(bench.now, Input::Timeout);
        for phone in [&mut bench.caller, &mut bench.agent] {
            phone.endpoint.handle_timeout(at);
        }
        bench.settle();
        attend(bench, &mut held.rings, &mut held.texts);
        bench.exchange.check_invariants();
    }
    bench.now.mono = end;
}

/// The agent's phone is there: it answers whatever it is asked, and nobody picks up.
fn attend(bench: &mut Bench, rings: &mut Vec<sip::DialogId>, texts: &mut usize) {
    while let Some(event) = bench.agent.endpoint.poll_event() {
        match event {
            sip::Event::Invite { dialog, .. } => rings.push(dialog),
            sip::Event::Cancelled { dialog } => rings.retain(|of| *of != dialog),
            sip::Event::Request { id, request, .. } => {
                *texts += usize::from(request.method == sip::Method::Message);
                bench.agent.endpoint.respond(bench.now.mono, id, sip::Answer::new(200));
            }
            _ => {}
        }
        bench.settle();
    }
}

fn told(held: &mut Held) -> (Vec<sip::DialogId>, usize) {
    (std::mem::take(&mut held.rings), std::mem::take(&mut held.texts))
}

/// The prompts that were laid over the caller's music since the last look, by name.
fn caller_heard(bench: &mut Bench) -> Vec<String> {
    let catalog = bench.exchange.plan().catalog().clone();
    let name = |id: &PromptId| catalog.get(*id).map(|prompt| prompt.name.clone()).unwrap_or_default();
    let mut heard = Vec::new();
    for output in std::mem::take(&mut bench.outputs) {
        if let Output::Media { command: media::Command::PlayOver { leg, clips, .. }, .. } = output
            && leg.index == 0
        {
            heard.extend(clips.iter().filter_map(|clip| match clip {
                media::Sound::Prompt(prompt) => Some(name(prompt)),
                _ => None,
            }));
        }
    }
    heard
}

#[test]
fn the_agent_is_reminded_after_45_s_and_the_caller_hears_an_apology_after_90() {
    let mut bench = held();
    pass(&mut bench, 44);
    assert_eq!(told(&mut bench), (Vec::new(), 0));
    assert_eq!(caller_heard(&mut bench), ["hold/on-hold", "hold/still-holding"]);
    pass(&mut bench, 2);
    let (rings, texts) = told(&mut bench);
    assert_eq!((rings.len(), texts), (1, 1));
    // It only reminds: nobody need answer.
    pass(&mut bench, 10);
    assert_eq!(stage(&bench), StageKind::Hold);
    assert!(bench.exchange.rings.legs().next().is_none(), "the ring is over");
    pass(&mut bench, 35);
    assert_eq!(caller_heard(&mut bench), ["hold/still-holding", "hold/still-holding", "hold/sorry-long"]);
    assert_eq!(told(&mut bench).1, 1);
    // And so on, as long as it lasts.
    pass(&mut bench, 90);
    assert_eq!(told(&mut bench).1, 1);
    assert!(caller_heard(&mut bench).contains(&"hold/sorry-long".to_owned()));
}

#[test]
fn who_answers_the_reminder_has_the_caller_and_the_line_that_held_is_free() {
    let mut bench = held();
    pass(&mut bench, 46);
    let (rings, _) = told(&mut bench);
    let held = bench.agent_dialog.expect("a talk");
    let now = bench.now.mono;
    bench.agent.endpoint.accept(now, rings[0], Some(Bytes::from_static(SDP.as_bytes())));
    bench.settle();
    assert_eq!(stage(&bench), StageKind::Talk);
    let ended = std::iter::from_fn(|| bench.agent.endpoint.poll_event())
        .any(|event| matches!(event, sip::Event::Ended { dialog, .. } if dialog == held));
    assert!(ended, "the line that held is hung up");
    bench.exchange.check_invariants();
    // Nothing is left to remind of.
    pass(&mut bench, 100);
    assert_eq!(told(&mut bench), (Vec::new(), 0));
    let own = bench.callers_own.expect("the caller's");
    let now = bench.now.mono;
    bench.caller.endpoint.bye(now, own, None);
    bench.settle();
    pass(&mut bench, 60);
    assert_eq!(bench.exchange.calls(), 0);
    bench.exchange.check_invariants();
}

#[test]
fn whoever_comes_back_or_hangs_up_in_the_meantime_is_reminded_no_more() {
    for hangs_up in [false, true] {
        let mut bench = held();
        pass(&mut bench, 46);
        assert_eq!(told(&mut bench).1, 1);
        let agents = bench.agent_dialog.expect("a talk");
        let now = bench.now.mono;
        match hangs_up {
            true => bench.bench.agent.endpoint.bye(now, agents, None),
            false => {
                let back = Bytes::from(format!("{SDP}a=sendrecv\r\n"));
                let now = bench.now.mono;
                bench.agent.endpoint.reoffer(now, agents, back);
            }
        }
        bench.settle();
        assert!(bench.exchange.rings.legs().next().is_none(), "hangs up: {hangs_up}");
        pass(&mut bench, 120);
        assert_eq!(told(&mut bench), (Vec::new(), 0), "hangs up: {hangs_up}");
    }
}

#[test]
fn phones_that_remind_by_themselves_get_the_text_alone() {
    let mut bench = held();
    bench.exchange.config.call.hold.rings = false;
    pass(&mut bench, 140);
    let (rings, texts) = told(&mut bench);
    assert_eq!((rings.len(), texts), (0, 2));
}
