use super::*;

/// A zone as it is published; what is not in it does not exist.
const ZONE: &[(Kind, &str, &[&str])] = &[
    // RFC 3263 §4.1's own example.
    (
        Kind::Naptr,
        "example.com",
        &[
            "50 50 s SIPS+D2T _sips._tcp.example.com.",
            "90 50 s SIP+D2T _sip._tcp.example.com.",
            "100 50 s SIP+D2U _sip._udp.example.com.",
        ],
    ),
    (Kind::Srv, "_sip._tcp.example.com", &["0 1 5060 server1.example.com.", "0 2 5060 Server2.Example.com."]),
    (Kind::Srv, "_sips._tcp.example.com", &["0 1 5061 server1.example.com."]),
    (Kind::A, "server1.example.com", &["192.0.2.1"]),
    (Kind::Aaaa, "server1.example.com", &["2001:db8::1"]),
    (Kind::A, "server2.example.com", &["192.0.2.2"]),
    (
        Kind::Srv,
        "_sip._udp.carrier.example",
        &["20 0 5070 second.carrier.example.", "10 0 5060 first.carrier.example."],
    ),
    (Kind::A, "first.carrier.example", &["192.0.2.11", "192.0.2.12"]),
    (Kind::A, "second.carrier.example", &["192.0.2.13"]),
    (Kind::A, "plain.example", &["192.0.2.21"]),
    (Kind::Srv, "_sip._udp.gone.example", &["0 0 0 ."]),
    (Kind::A, "gone.example", &["192.0.2.31"]),
    (Kind::Naptr, "odd.example", &["10 10 u E2U+sip nowhere.", "20 10 S sip+d2u _sip._udp.carrier.example."]),
];

const PLAIN: &[Transport] = &[Transport::Udp, Transport::Tcp];

fn record(kind: Kind, text: &str) -> Record {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |at: usize| words[at].parse().unwrap();
    match kind {
        Kind::Naptr => Record::Naptr {
            order: number(0),
            preference: number(1),
            flags: words[2].to_owned(),
            service: words[3].to_owned(),
            replacement: words[4].to_owned(),
        },
        Kind::Srv => Record::Srv {
            priority: number(0),
            weight: number(1),
            port: number(2),
            target: words[3].to_owned(),
        },
        Kind::A | Kind::Aaaa => Record::Address(text.parse().unwrap()),
    }
}

fn answer(question: &Question) -> Answer {
    let found = ZONE.iter().find(|(kind, name, _)| *kind == question.kind && *name == question.name);
    let records = found.map(|(kind, _, texts)| texts.iter().map(|text| record(*kind, text)).collect());
    Answer { records: records.unwrap_or_default(), ttl: Duration::from_secs(60) }
}

/// Asks until it is known, as a host does; the targets, and the questions of each round.
fn search(uri: &str, transports: &[Transport], ipv6: bool, seed: u64) -> (Vec<String>, Vec<Vec<String>>) {
    let uri = Uri::parse(uri).unwrap();
    let (mut cache, mut rng, now) = (Cache::default(), Rng::from_number(seed), Instant::from_micros(0));
    let abilities = Abilities { transports, ipv4: true, ipv6 };
    let mut asked = Vec::new();
    loop {
        match locate(&uri, abilities, &cache, now, &mut rng) {
            Ok(targets) => {
                let targets = targets.iter().map(|t| format!("{} {}", t.transport, t.address)).collect();
                return (targets, asked);
            }
            Err(questions) => {
                asked.push(questions.iter().map(|q| format!("{:?} {}", q.kind, q.name)).collect());
                assert!(asked.len() <= 6, "{asked:?}");
                for question in questions {
                    let answer = answer(&question);
                    cache.learn(now, question, answer);
                }
            }
        }
    }
}

fn targets(uri: &str) -> Vec<String> {
    search(uri, PLAIN, false, 1).0
}

#[test]
fn an_address_needs_no_dns() {
    for (uri, expected) in [
        ("sip:192.0.2.9", "UDP 192.0.2.9:5060"),
        ("sip:192.0.2.9:5070", "UDP 192.0.2.9:5070"),
        ("sip:192.0.2.9;transport=tcp", "TCP 192.0.2.9:5060"),
        ("sip:carrier.example;maddr=192.0.2.8", "UDP 192.0.2.8:5060"),
    ] {
        let (found, asked) = search(uri, PLAIN, false, 1);
        assert_eq!((found, asked), (vec![expected.to_owned()], vec![]), "{uri}");
    }
    assert_eq!(search("sips:192.0.2.9", &Transport::ALL, false, 1).0, ["TLS 192.0.2.9:5061"]);
    assert_eq!(search("sips:192.0.2.9;transport=tcp", &Transport::ALL, false, 1).0, ["TLS 192.0.2.9:5061"]);
    assert_eq!(search("sip:[2001:db8::9]", PLAIN, true, 1).0, ["UDP [2001:db8::9]:5060"]);
}

#[test]
fn what_we_do_not_speak_leads_nowhere() {
    for uri in [
        "sip:192.0.2.9;transport=sctp",
        "sip:192.0.2.9;transport=tls",
        "sips:192.0.2.9",
        "sip:[2001:db8::9]",
        "sip:nowhere.example",
    ] {
        assert_eq!(targets(uri), Vec::<String>::new(), "{uri}");
    }
}

#[test]
fn a_port_is_an_address_record_and_nothing_else() {
    let (found, asked) = search("sip:plain.example:5080", PLAIN, false, 1);
    assert_eq!(found, ["UDP 192.0.2.21:5080"]);
    assert_eq!(asked, [["A plain.example"]]);
}

#[test]
fn naptr_chooses_the_best_service_that_we_speak() {
    let (found, asked) = search("sip:example.com", PLAIN, false, 1);
    assert!(found.iter().all(|target| target.starts_with("TCP ")), "{found:?}");
    assert_eq!(asked[0], ["Naptr example.com"]);
    assert_eq!(asked[1], ["Srv _sip._tcp.example.com"]);
    let (secure, _) = search("sips:example.com", &Transport::ALL, true, 1);
    assert_eq!(secure, ["TLS [2001:db8::1]:5061", "TLS 192.0.2.1:5061"]);
    // Case does not count, and what leads elsewhere than to SRV records is passed by.
    assert_eq!(targets("sip:odd.example").len(), 3);
}

#[test]
fn priorities_are_an_order() {
    assert_eq!(
        targets("sip:95588@carrier.example"),
        ["UDP 192.0.2.11:5060", "UDP 192.0.2.12:5060", "UDP 192.0.2.13:5070"]
    );
}

#[test]
fn weights_are_chances() {
    let first = (0..600).filter(|seed| {
        search("sip:example.com", PLAIN, false, *seed).0.first().is_some_and(|t| t == "TCP 192.0.2.2:5060")
    });
    // Twice the weight: two of three, by RFC 2782's draw from 0 to the sum (0, 1 | 2, 3) one of two.
    let share = first.count();
    assert!((240..460).contains(&share), "{share} of 600");
}

#[test]
fn without_any_service_the_host_itself_is_called() {
    let (found, asked) = search("sip:plain.example", PLAIN, false, 1);
    assert_eq!(found, ["UDP 192.0.2.21:5060"]);
    assert_eq!(asked.last().unwrap(), &["A plain.example"]);
    assert_eq!(targets("sip:plain.example;transport=tcp"), ["TCP 192.0.2.21:5060"]);
}

#[test]
fn an_answer_is_remembered_within_bounds() {
    let question = Question { kind: Kind::A, name: "plain.example".to_owned() };
    let at = |seconds: u64| Instant::from_micros(0) + Duration::from_secs(seconds);
    let known = |ttl: u64, after: u64| {
        let mut cache = Cache::default();
        cache.learn(at(0), question.clone(), Answer { records: vec![], ttl: Duration::from_secs(ttl) });
        cache.get(at(after), &question).is_some()
    };
    assert!(known(0, 14) && !known(0, 15));
    assert!(known(60, 59) && !known(60, 60));
    assert!(known(1_000_000, 3599) && !known(1_000_000, 3600));

    let mut cache = Cache::default();
    for n in 0..2 * MOST_ANSWERS {
        let question = Question { kind: Kind::A, name: format!("h{n}.example") };
        cache.learn(at(0), question, Answer { records: vec![], ttl: Duration::from_secs(60) });
    }
    assert_eq!(cache.answers.len(), MOST_ANSWERS);
}
