//! Nobody is hung up on without a closing phrase, and where the bank wants it the caller hangs up first.

use super::*;
use crate::base::PromptId;

/// What the caller was told last, by name.
fn last_words(bench: &Bench) -> Vec<String> {
    let catalog = bench.exchange.plan().catalog().clone();
    let name = |id: &PromptId| catalog.get(*id).map(|prompt| prompt.name.clone()).unwrap_or_default();
    let plays = bench.outputs.iter().rev().find_map(|output| match output {
        Output::Play { leg, clips, .. } if leg.index == 0 => Some(clips),
        _ => None,
    });
    let prompt = |clip: &crate::base::Clip| match clip {
        crate::base::Clip::Prompt(prompt) => Some(name(prompt)),
        _ => None,
    };
    plays.into_iter().flatten().filter_map(prompt).collect()
}

/// Lets what plays to the caller come to its end.
fn hear_out(bench: &mut Bench) {
    let playing = bench.outputs.iter().rev().find_map(|output| match output {
        Output::Play { leg, play, repeat: false, .. } if leg.index == 0 => Some((*leg, *play)),
        _ => None,
    });
    let (leg, play) = playing.expect("something plays");
    bench.exchange.handle_input(bench.now, Input::Media(media::Event::Played { leg, play }));
    bench.settle();
}

/// Who has hung up on the caller.
fn byes(bench: &mut Bench) -> usize {
    std::iter::from_fn(|| bench.caller.endpoint.poll_event())
        .filter(|event| matches!(event, sip::Event::Ended { .. }))
        .count()
}

fn later(bench: &mut Bench, seconds: u64) {
    bench.now.mono += Duration::from_secs(seconds);
    bench.exchange.handle_input(bench.now, Input::Timeout);
    bench.settle();
}

fn talking() -> (Bench, sip::DialogId) {
    let (mut bench, dialog) = Bench::talking();
    bench.plays_last = true;
    byes(&mut bench);
    (bench, dialog)
}

#[test]
fn when_the_agent_hangs_up_the_caller_hears_goodbye_first() {
    let (mut bench, _) = talking();
    let agents = bench.agent_dialog.expect("a talk");
    bench.agent.endpoint.bye(bench.now.mono, agents, None);
    bench.settle();
    assert_eq!((last_words(&bench), byes(&mut bench)), (vec!["goodbye/thanks".to_owned()], 0));
    hear_out(&mut bench);
    assert_eq!((bench.exchange.calls(), byes(&mut bench)), (0, 1));
}

#[test]
fn where_the_bank_wants_it_the_caller_hangs_up_first() {
    for stays in [false, true] {
        let (mut bench, callers) = talking();
        bench.exchange.config.call.caller_hangs_up_within = Duration::from_secs(6);
        let agents = bench.agent_dialog.expect("a talk");
        bench.agent.endpoint.bye(bench.now.mono, agents, None);
        bench.settle();
        hear_out(&mut bench);
        later(&mut bench, 5);
        assert_eq!((bench.exchange.calls(), byes(&mut bench)), (1, 0));
        if stays {
            later(&mut bench, 1);
        } else {
            bench.caller.endpoint.bye(bench.now.mono, callers, None);
            bench.settle();
        }
        assert_eq!((bench.exchange.calls(), byes(&mut bench)), (0, usize::from(stays)));
        bench.exchange.check_invariants();
    }
}

/// In whatever stage: the agent, if any, is let go at once, the caller after the phrase.
#[test]
fn who_is_hung_up_on_by_order_hears_goodbye_too() {
    let stages =
        [("100", "is offered"), ("200", "a person's phone rings"), ("300", "listens"), ("100", "talks")];
    for (number, at) in stages {
        for by_farewell in [false, true] {
            let mut bench = match at {
                "talks" => talking().0,
                _ => {
                    let mut bench = Bench::new();
                    bench.plays_last = at == "listens";
                    bench.dial(number, Some(Bytes::from_static(SDP.as_bytes())));
                    bench.plays_last = true;
                    bench
                }
            };
            let call = *bench.exchange.calls.keys().next().expect("a call");
            let input = match by_farewell {
                true => Input::Farewell,
                false => Input::Command { id: 1, command: Command::HangUp { call } },
            };
            bench.exchange.handle_input(bench.now, input);
            bench.settle();
            assert_eq!(last_words(&bench), ["goodbye/thanks"], "{at}");
            assert_eq!((bench.exchange.calls(), byes(&mut bench)), (1, 0), "{at}");
            bench.exchange.check_invariants();
            hear_out(&mut bench);
            assert_eq!((bench.exchange.calls(), byes(&mut bench)), (0, 1), "{at}");
        }
    }
}

/// The phrase's end may never be heard of.
#[test]
fn a_phrase_that_never_ends_keeps_nobody() {
    let (mut bench, _) = talking();
    bench.exchange.handle_input(bench.now, Input::Farewell);
    bench.settle();
    later(&mut bench, 11);
    assert_eq!((bench.exchange.calls(), byes(&mut bench)), (0, 1));
}
