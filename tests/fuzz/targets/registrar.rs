//! REGISTERs in any order against a registrar: what RFC 3261 §10.3 promises after each of them.

#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use hotline::base::Instant;
use hotline::sip::registrar::{Binding, Config, Registrar};
use hotline::sip::{Flow, Name, Request, Text, Transport};
use hotline_fuzz::request;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Register {
        who: u8,
        call: u8,
        cseq: u16,
        expires: Option<u16>,
        contacts: Vec<Contact<'a>>,
        connection: u8,
    },
    Wait {
        seconds: u16,
    },
    Timeout,
    FlowClosed {
        connection: u8,
    },
}

#[derive(Arbitrary, Debug)]
enum Contact<'a> {
    Any,
    Usual { phone: u8, port: u8, expires: Option<u16>, q: Option<u8>, instance: Option<u8> },
    Raw(&'a str),
}

fuzz_target!(|steps: Vec<Step<'_>>| {
    let config = Config::default();
    let mut registrar = Registrar::new(config.clone());
    let mut now = Instant::from_micros(1_000_000);
    for step in steps.iter().take(64) {
        match step {
            Step::Register { who, call, cseq, expires, contacts, connection } => {
                let request = register(*call, *cseq, *expires, contacts);
                let who = format!("sip:10{}@fuzz.example", who % 4);
                let before = contacts_of(&registrar, &who);
                match registrar.register(now, &who, &request, flow(*connection)) {
                    Ok(done) => {
                        assert_eq!(done.contacts.len(), registrar.contacts_of(&who).len());
                        assert!(!contacts.is_empty() || done.changes.is_empty(), "a fetch changes nothing");
                        assert!(done.contacts.iter().all(|value| !value.contains(['\r', '\n'])));
                    }
                    // All of it happens or nothing.
                    Err(_) => assert_eq!(before, contacts_of(&registrar, &who)),
                }
            }
            Step::Wait { seconds } => now = now + Duration::from_secs((*seconds).into()),
            Step::Timeout => {
                registrar.handle_timeout(now);
                assert!(registrar.iter().all(|(_, binding)| binding.expires > now));
            }
            Step::FlowClosed { connection } => {
                let owners = registrar.handle_flow_closed(flow(*connection));
                assert!(owners.iter().all(|owner| !registrar.contacts_of(owner).is_empty()));
            }
        }
        check(&registrar, &config, now);
    }
    // Time ends every binding.
    let end = now + config.max_expires + Duration::from_secs(1);
    registrar.handle_timeout(end);
    assert_eq!(registrar.iter().count(), 0);
    assert!(registrar.poll_timeout().is_none());
});

fn check(registrar: &Registrar, config: &Config, now: Instant) {
    let mut earliest = None;
    let mut of_one: Vec<(&str, usize)> = Vec::new();
    for (who, binding) in registrar.iter() {
        assert!(binding.expires <= now + config.max_expires);
        assert!(binding.contact.uri.matches(&binding.contact.uri));
        earliest = Some(earliest.map_or(binding.expires, |at: Instant| at.min(binding.expires)));
        match of_one.last_mut() {
            Some((last, count)) if *last == who => *count += 1,
            _ => of_one.push((who, 1)),
        }
    }
    assert_eq!(registrar.poll_timeout().map(|(at, _)| at), earliest);
    for (who, count) in of_one {
        let bindings = registrar.contacts_of(who);
        assert_eq!(bindings.len(), count);
        assert!(count <= config.max_contacts, "{count} contacts");
        assert!(bindings.windows(2).all(|two| two[0].q >= two[1].q), "best first");
        // No two of them are the same contact (RFC 3261 §10.3 step 7, RFC 5626 §5.1).
        for (at, one) in bindings.iter().enumerate() {
            let same = |other: &&Binding| {
                let instance = |b: &Binding| b.contact.params.get("+sip.instance").map(<[u8]>::to_vec);
                one.contact.uri.as_bytes() == other.contact.uri.as_bytes() && instance(one) == instance(other)
            };
            assert!(!bindings.iter().skip(at + 1).any(|other| same(&other)));
        }
    }
}

fn contacts_of(registrar: &Registrar, who: &str) -> Vec<String> {
    registrar
        .contacts_of(who)
        .iter()
        .map(|b| format!("{} {:?} {}", b.contact.to_value(), b.expires, b.cseq))
        .collect()
}

fn register(call: u8, cseq: u16, expires: Option<u16>, contacts: &[Contact<'_>]) -> Request {
    let mut request = request(
        "REGISTER sip:fuzz.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx\r\nFrom: <sip:a@fuzz.example>;tag=a\r\n\
         To: <sip:a@fuzz.example>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n",
    );
    request.call_id = Text::from(format!("call-{}", call % 4));
    request.cseq = cseq.into();
    if let Some(expires) = expires {
        request.headers.push(Name::Expires, expires.to_string());
    }
    for contact in contacts.iter().take(8) {
        match contact {
            Contact::Any => request.headers.push(Name::Contact, "*"),
            Contact::Raw(text) => request.headers.push(Name::Contact, text.trim()),
            Contact::Usual { phone, port, expires, q, instance } => {
                let mut value = format!("<sip:phone{}@192.0.2.7:{}>", phone % 8, 5060 + u16::from(port % 4));
                if let Some(expires) = expires {
                    value.push_str(&format!(";expires={expires}"));
                }
                if let Some(q) = q {
                    value.push_str(&format!(";q=0.{}", q % 10));
                }
                if let Some(instance) = instance {
                    value.push_str(&format!(";reg-id=1;+sip.instance=\"<urn:uuid:{}>\"", instance % 3));
                }
                request.headers.push(Name::Contact, value);
            }
        }
    }
    request
}

fn flow(connection: u8) -> Flow {
    let connection = u64::from(connection % 4);
    Flow {
        transport: if connection == 0 { Transport::Udp } else { Transport::Tcp },
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "192.0.2.7:5060".parse().unwrap(),
        connection,
    }
}
