//! Texts to a person's phone and between the parties of a call, and who may not.

use super::*;
use crate::base::Masked;
use crate::sip::{Answer, Content, Method, OutOfDialog, RequestId};

fn bench() -> Bench {
    let secret = sip::auth::Secret::Password(Masked::from("1"));
    let accounts = vec![Account {
        user: "2002".into(),
        secret,
        encryption: None,
        codecs: None,
        digits: Default::default(),
        media: Default::default(),
    }];
    Bench::with(Config { accounts, ..Config::default() }, plan())
}

fn text(kind: &str, body: &str) -> Content {
    Content { kind: kind.to_owned(), body: Bytes::from(body.to_owned()) }
}

/// The caller's phone sends a text by this name.
fn send(bench: &mut Bench, user: &str, to: &str, content: Content) {
    let switch = SocketAddr::from(SWITCH);
    let via = Flow { transport: Transport::Udp, local: bench.caller.address, remote: switch, connection: 0 };
    let from = NameAddr::new(Uri::sip(Some(user), bench.caller.address));
    let credentials = Some(sip::auth::Credentials { user: user.to_owned(), password: Masked::from("1") });
    let message = OutOfDialog {
        content: Some(content),
        credentials,
        ..OutOfDialog::new(Method::Message, Uri::sip(Some(to), switch), via, from)
    };
    bench.caller.endpoint.request(bench.now.mono, message);
    bench.settle();
    bench.exchange.check_invariants();
}

/// The texts that have come to a phone.
fn texts(phone: &mut Phone) -> Vec<(RequestId, Box<sip::Request>)> {
    std::iter::from_fn(|| phone.endpoint.poll_event())
        .filter_map(|event| match event {
            sip::Event::Request { id, request, .. } | sip::Event::Message { id, request, .. } => {
                Some((id, request)).filter(|(_, request)| request.method == Method::Message)
            }
            _ => None,
        })
        .collect()
}

/// What the phone's own requests were answered.
fn replies(phone: &mut Phone) -> Vec<u16> {
    std::iter::from_fn(|| phone.endpoint.poll_event())
        .filter_map(|event| match event {
            sip::Event::Reply { status, .. } => Some(status),
            _ => None,
        })
        .collect()
}

/// The one text that has come to the agent's phone, answered.
fn answer(bench: &mut Bench, status: u16) -> Box<sip::Request> {
    let [(id, request)] = <[_; 1]>::try_from(texts(&mut bench.agent)).expect("one text");
    bench.agent.endpoint.respond(bench.now.mono, id, Answer::new(status));
    bench.settle();
    request
}

#[test]
fn a_text_reaches_the_persons_phone_and_its_answer_the_sender() {
    let mut bench = bench();
    send(&mut bench, "2002", "1001", text("text/plain;charset=utf-8", "come over"));
    assert!(replies(&mut bench.caller).is_empty(), "nobody has it yet");
    let request = answer(&mut bench, 200);
    assert_eq!(&*request.body, b"come over");
    assert_eq!(request.headers.text(sip::Name::ContentType).as_deref(), Some("text/plain;charset=utf-8"));
    assert_eq!(request.from.uri.user().as_deref(), Some("2002"));
    assert_eq!(replies(&mut bench.caller), [200]);
    for (phones, senders) in [(202, 202), (486, 486), (415, 488), (501, 488), (404, 480), (401, 480)] {
        send(&mut bench, "2002", "1001", text("text/plain", "again"));
        answer(&mut bench, phones);
        assert_eq!(replies(&mut bench.caller), [senders], "after {phones}");
    }
    let counted = |what| bench.exchange.counts.get(what).copied();
    assert_eq!(counted("texts relayed"), Some(7));
    assert_eq!(counted("texts delivered"), Some(2));
    assert_eq!(counted("texts not delivered"), Some(5));
}

#[test]
fn a_text_that_cannot_be_relayed_is_refused_with_the_reason() {
    let mut bench = bench();
    let mut refused = |user: &str, to: &str, content: Content| {
        send(&mut bench, user, to, content);
        assert_eq!(texts(&mut bench.agent).len(), 0);
        replies(&mut bench.caller)
    };
    assert_eq!(refused("13812345678", "1001", text("text/plain", "hi")), [403], "a caller");
    assert_eq!(refused("2002", "4711", text("text/plain", "hi")), [404]);
    assert_eq!(refused("2002", "100", text("text/plain", "hi")), [404], "a number is nobody");
    assert_eq!(refused("2002", "1001", text("text/html", "<b>hi</b>")), [415]);
    assert_eq!(refused("2002", "1001", text("text/plain", &"x".repeat(801))), [413]);
    // An answer to the house, of an account that is no person of the plan's.
    assert_eq!(refused("2002", "hotline", text("text/plain", "1")), [403]);
    assert_eq!(refused("2002", "hotline", text("text/html", "<b>1</b>")), [415]);
    let counted = |why| bench.exchange.refused.get(why).copied();
    assert_eq!(counted("text by a caller"), Some(1));
    assert_eq!(counted("answer of somebody whom nobody asks"), Some(1));
    assert_eq!(counted("text too long"), Some(1));
}

/// Both ways, and truthfully: while nobody is there to read it, a text has not been delivered.
#[test]
fn a_text_in_a_call_goes_to_the_other_party() {
    let mut bench = Bench::new();
    let callers = bench.call();
    let hello = || text("text/plain", "hello");
    bench.caller.endpoint.message(bench.now.mono, callers, hello()).expect("we take texts");
    bench.settle();
    assert_eq!(replies(&mut bench.caller), [480], "nobody has answered yet");
    bench.agent_answers();
    bench.caller.endpoint.message(bench.now.mono, callers, hello()).expect("we take texts");
    bench.settle();
    answer(&mut bench, 200);
    assert_eq!(replies(&mut bench.caller), [200]);
    let agents = bench.agent_dialog.expect("they talk");
    bench.agent.endpoint.message(bench.now.mono, agents, hello()).expect("we take texts");
    bench.settle();
    let [(id, _)] = <[_; 1]>::try_from(texts(&mut bench.caller)).expect("one text");
    bench.caller.endpoint.respond(bench.now.mono, id, Answer::new(200));
    bench.settle();
    assert_eq!(replies(&mut bench.agent), [200]);
    assert_eq!(bench.exchange.calls.values().map(Call::stage).collect::<Vec<_>>(), [StageKind::Talk]);
}
