//! What the code promises about itself. Each test reads the tree and names every place that breaks the promise.

mod lexer;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use source::{Source, files, root, shown, sources};

/// The layers, lowest first: a module names only modules above its own line in this table. Modules on one
/// line are unaware of each other.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["record"],
    &["sip", "sdp", "media", "dialplan", "queue", "presence"],
    &["call", "complaints"],
    &["exchange"],
    &["report", "slips"],
    &["rehearse"],
    &["sim"],
    &["cases", "import"],
    &["daemon"],
    &["config"],
    &["main"],
];

/// Where the environment begins. Everything else takes time, randomness and bytes as arguments.
const SHELL: &[&str] = &["daemon", "config", "main"];

/// What only the shell may name.
const ENVIRONMENT: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "crossbeam_channel",
    "getrandom",
    "hound",
    "rusqlite",
    "rustix",
    "signal_hook",
    "socket2",
    "tokio",
];

/// The only files that may read a masked value, each with its reason.
const MAY_EXPOSE: &[(&str, &str)] = &[
    ("src/call/call_back.rs", "the key by which a customer says that they are there"),
    ("src/call/call_out.rs", "the key of an agent who keeps a promise, and the number that they are told"),
    ("src/call/case_status.rs", "the number of a complaint, keyed by who asks for it"),
    ("src/call/matter.rs", "the key by which an agent takes a matter over"),
    ("src/call/follow_up.rs", "the key by which a customer says whether it is solved"),
    ("src/exchange/follow_ups.rs", "whether the house calls that number"),
    ("src/call/note.rs", "makes one line of a note"),
    ("src/call/survey.rs", "the key that is the mark"),
    ("src/complaints/mod.rs", "whether the house calls that number"),
    ("src/daemon/users/password.rs", "hashes passwords"),
    ("src/daemon/users/secret.rs", "hashes cookies and tokens, and hands a new one to whom it is made for"),
    ("src/daemon/web/shown.rs", "numbers and words by role"),
    ("src/daemon/commands/complaints.rs", "what a customer expects, to whom the state folder is open"),
    ("src/daemon/commands/records.rs", "the notes of a call, to whom the state folder is open"),
    ("src/daemon/store/surveys.rs", "the store"),
    ("src/call/listen.rs", "the key goes to the interpreter"),
    ("src/call/mod.rs", "whether a key is known already; a key that the other party is sent"),
    ("src/call/mailbox.rs", "keys; the numbers of a message, read out to whom it is for"),
    ("src/call/message.rs", "the keys of a message, and the caller's own number read out to them"),
    ("src/call/message/pending.rs", "whether a number was keyed in to its end"),
    ("src/call/offer.rs", "what a desk phone shows of the caller"),
    ("src/call/transfer/screen.rs", "the caller's number, spoken to who is to accept the call"),
    ("src/exchange/call_out.rs", "the agent's right to call the number"),
    ("src/call/recording.rs", "the keys that pause a recording"),
    ("src/call/talk.rs", "the keys by which an agent hands the caller on"),
    ("src/call/transfer/mod.rs", "the keys by which an agent hands the caller on"),
    ("src/call/wait.rs", "the key that leaves the queue"),
    ("src/cases/run.rs", "the number that an invented caller calls from"),
    ("src/config/meant.rs", "hands passwords to the sign-in"),
    ("src/config/meant/post.rs", "whether the web hook's secret is long enough"),
    ("src/config/trunks.rs", "whether a trunk has passwords"),
    ("src/daemon/banner.rs", "shows the demo passwords on a terminal"),
    ("src/daemon/post/hook.rs", "the numbers of a message, to the bank's own receiver; the secret"),
    ("src/daemon/post/letter.rs", "the numbers of a message, to whom it is for"),
    ("src/daemon/post/mail.rs", "an addressee; the password for the mail server"),
    ("src/daemon/boxes.rs", "hashes PINs"),
    ("src/sim/boxes.rs", "the PIN of a simulated world"),
    ("src/daemon/demo/house.rs", "signs the demo's phones in"),
    ("src/daemon/store/registrations.rs", "the store"),
    ("src/daemon/store/sqlite.rs", "the store"),
    ("src/dialplan/cursor.rs", "lookups and spoken numbers"),
    ("src/exchange/canary/mod.rs", "the number by whose hash a caller meets a version on trial"),
    ("src/exchange/arrivals.rs", "an account's name is its key in the directory"),
    ("src/daemon/trace/hep.rs", "the capture server's password"),
    ("src/daemon/trace/viewer.rs", "finds the messages of a number, and gives out none of it"),
    ("src/exchange/callbacks.rs", "whether a queue calls that number back"),
    ("src/daemon/store/callbacks.rs", "the store"),
    ("src/daemon/store/kept.rs", "the store"),
    ("src/daemon/store/promises.rs", "the store"),
    ("src/daemon/store/read.rs", "the store"),
    ("src/daemon/store/deliveries.rs", "the store"),
    ("src/daemon/store/slips.rs", "the store"),
    ("src/exchange/promises.rs", "whether the number that a call is promised to may be called, and can be"),
    ("src/exchange/console.rs", "agents' names in the administrator's list"),
    ("src/exchange/effects.rs", "From of the agent's INVITE, numbers of the outside"),
    ("src/exchange/lamps.rs", "an account's name says whom it may watch"),
    ("src/exchange/publishing.rs", "an account's name says whose presence it is"),
    ("src/exchange/registrations.rs", "an account's name is its key in the directory"),
    ("src/exchange/texts.rs", "the sender's name on the reader's phone"),
    ("src/exchange/urgent.rs", "the number on the phone of who is asked, where the plan shows it"),
    ("src/call/urgent.rs", "the key that ends what an urgent caller says"),
    ("src/call/urgent/ring.rs", "the keys by which a person answers an urgent slip"),
    ("src/exchange/trunks/outside.rs", "the Request-URI of a call to the outside"),
    ("src/exchange/sign_in.rs", "failures count against the account's name"),
    ("src/media/engine.rs", "presses keys towards the peer"),
    ("src/sim/ladder.rs", "ladders of invented callers"),
    ("src/sip/auth/mod.rs", "hashes passwords"),
    ("src/sip/registrar/mod.rs", "an address-of-record is its key"),
];

/// Lines a file may have. A longer one holds two nouns.
const LONGEST_FILE: usize = 700;

#[test]
fn modules_name_only_what_lies_above_their_line() {
    let layer = |name: &str| LAYERS.iter().position(|line| line.contains(&name));
    let mut faults = Vec::new();
    for file in sources() {
        let Some(own) = file.module.first() else { continue };
        let Some(own_layer) = layer(own) else {
            faults.push(format!("{}: module {own} has no line in the table of layers", file.name));
            continue;
        };
        for (target, line) in roots_named(&file) {
            let upward = layer(&target).is_some_and(|layer| layer < own_layer);
            if target != *own && layer(&target).is_some() && !upward {
                faults.push(format!("{}:{line}: {own} names {target}", file.name));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_core_names_no_environment() {
    let mut faults = Vec::new();
    for file in core() {
        for named in file.named_outside_tests() {
            let path = named.segments.join("::");
            let banned = ENVIRONMENT.iter().any(|b| path == *b || path.starts_with(&format!("{b}::")));
            if banned {
                faults.push(format!("{}:{}: {path}", file.name, named.line));
            }
        }
        for window in lexer::without_tests(&file.tokens).windows(2) {
            let prints = ["print", "println", "eprint", "eprintln", "dbg"].contains(&window[0].text.as_str());
            if prints && window[1].text == "!" && !file.module.iter().any(|m| m == "tests") {
                faults.push(format!("{}:{}: {}!", file.name, window[0].line, window[0].text));
            }
        }
    }
    none(&faults);
}

/// A heuristic: a name that the file declares as a hash map or set, followed by a call that walks it. The
/// order of such a walk differs from run to run, and with it the order of what the exchange puts out.
#[test]
fn the_core_walks_no_hash_map() {
    const WALKS: [&str; 9] =
        ["iter", "iter_mut", "keys", "values", "values_mut", "into_iter", "into_values", "drain", "retain"];
    let mut faults = Vec::new();
    for file in core() {
        let tokens = lexer::without_tests(&file.tokens);
        let text = |at: usize| tokens.get(at).map_or("", |t| t.text.as_str());
        let hashed: BTreeSet<&str> = (0..tokens.len())
            .filter(|at| matches!(text(at + 2), "HashMap" | "HashSet") && matches!(text(at + 1), ":" | "="))
            .map(text)
            .collect();
        for (at, token) in tokens.iter().enumerate() {
            let calls = hashed.contains(text(at)) && text(at + 1) == "." && WALKS.contains(&text(at + 2));
            let borrowed = if text(at + 1) == "mut" { at + 2 } else { at + 1 };
            let own = if text(borrowed) == "self" { borrowed + 2 } else { borrowed };
            let loops = text(at) == "&"
                && at > 0
                && text(at - 1) == "in"
                && hashed.contains(text(own))
                && text(own + 1) == "{";
            if calls || loops {
                faults.push(format!("{}:{}: walks a hash map", file.name, token.line));
            }
        }
    }
    none(&faults);
}

#[test]
fn masked_values_are_read_in_listed_places_only() {
    let allowed: BTreeMap<&str, &str> = MAY_EXPOSE.iter().copied().collect();
    let mut used = BTreeSet::new();
    let mut faults = Vec::new();
    for file in sources() {
        if file.name == "src/base/masked.rs" || file.module.iter().any(|m| m == "tests") {
            continue;
        }
        for window in lexer::without_tests(&file.tokens).windows(3) {
            if window[0].text != "." || window[1].text != "expose" || window[2].text != "(" {
                continue;
            }
            if allowed.contains_key(file.name.as_str()) {
                used.insert(file.name.clone());
            } else {
                faults.push(format!(
                    "{}:{}: reads a masked value and is not listed",
                    file.name, window[1].line
                ));
            }
        }
    }
    for (name, why) in allowed {
        if !used.contains(name) {
            faults.push(format!("{name}: listed ({why}) and reads no masked value"));
        }
    }
    none(&faults);
}

/// A failing case is printed, and kept as a plain test that says what was wrong; no seeds in a folder beside the source.
#[test]
fn random_cases_leave_no_files_behind() {
    let mut faults = Vec::new();
    for folder in ["src", "tests"] {
        for path in files(&root().join(folder), &["rs"]) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let blocks = text.lines().filter(|line| line.trim() == concat!("proptest", "! {")).count();
            let quiet = text.matches(concat!("failure_persistence", ": None")).count();
            if blocks > quiet {
                faults.push(format!("{}: proptest without failure_persistence: None", shown(&path)));
            }
        }
    }
    none(&faults);
}

#[test]
fn files_hold_one_noun() {
    let mut faults = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in files(&root().join(folder), &["rs", "py"]) {
            let lines = fs::read_to_string(&path).map_or(0, |text| text.lines().count());
            if lines > LONGEST_FILE && !path.components().any(|part| part.as_os_str() == "target") {
                faults.push(format!("{}: {lines} lines", shown(&path)));
            }
        }
    }
    none(&faults);
}

#[test]
fn public_modules_say_what_they_are() {
    let all = sources();
    let documented: BTreeSet<&[String]> =
        all.iter().filter(|file| file.text.starts_with("//!")).map(|file| file.module.as_slice()).collect();
    let mut faults = Vec::new();
    for file in all.iter().filter(|file| file.name != "src/main.rs") {
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) else {
                continue;
            };
            let above = lines[..at].iter().rev().find(|line| !line.starts_with("#["));
            let mut module = file.module.clone();
            module.push(name.to_owned());
            if !above.is_some_and(|line| line.starts_with("///")) && !documented.contains(module.as_slice()) {
                faults.push(format!("{}:{}: pub mod {name} has no sentence", file.name, at + 1));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_prompt_has_its_text_and_its_recording() {
    /// Said in one language only: the other puts the sentence together without it.
    const ONE_LANGUAGE: &[&str] = &[
        "message/back-after",
        "person/call-again-then",
        "agent/back-after",
        "promise/we-call-then",
        "urgent/calls-back-after",
    ];

    let folder = root().join("prompts");
    let manifest = fs::read_to_string(folder.join("manifest.toml")).expect("prompts/manifest.toml");
    let manifest: toml::Table = manifest.parse().expect("prompts/manifest.toml");
    let prompts = manifest["prompt"].as_array().expect("[[prompt]]");
    assert!(prompts.len() > 300, "the manifest lists {} prompts", prompts.len());
    let mut expected = BTreeSet::new();
    let mut faults = Vec::new();
    for prompt in prompts {
        let id = prompt["id"].as_str().expect("id");
        let part = prompt.get("kind").and_then(|kind| kind.as_str()) == Some("part");
        for (language, key) in [("zh-CN", "text_zh"), ("en-US", "text_en")] {
            let text = prompt.get(key).and_then(|text| text.as_str()).unwrap_or_default();
            if !text.is_empty() {
                expected.insert(format!("{language}/{id}.wav"));
            } else if !part && !ONE_LANGUAGE.contains(&id) {
                faults.push(format!("{id}: no text in {language}"));
            }
        }
    }
    let recorded: BTreeSet<String> = files(&folder, &["wav"])
        .iter()
        .map(|path| shown(path).trim_start_matches("prompts/").to_owned())
        .filter(|name| !name.starts_with("common/"))
        .collect();
    faults.extend(expected.difference(&recorded).map(|name| format!("{name}: no recording")));
    faults.extend(recorded.difference(&expected).map(|name| format!("{name}: no text in the manifest")));
    for name in ["hold-music", "beep"] {
        if !folder.join(format!("common/{name}.wav")).is_file() {
            faults.push(format!("common/{name}.wav: no recording"));
        }
    }
    for path in files(&folder, &["wav"]) {
        faults.extend(
            unplayable(&fs::read(&path).unwrap_or_default()).map(|why| format!("{}: {why}", shown(&path))),
        );
    }
    none(&faults);
}

#[test]
fn the_project_stands_alone() {
    // Put together here, so that this file does not name them either.
    let foreign = [
        concat!("/wo", "rk/"),
        concat!("..", "/shared"),
        concat!("shared", "/design"),
        concat!("issues", " show"),
    ];
    let mut faults = Vec::new();
    let tree = ["src", "tests", "benches", "dialplans", "systemd", ".ci"];
    let own = tree.iter().flat_map(|folder| files(&root().join(folder), &[]));
    let top = fs::read_dir(root())
        .expect("the root")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file());
    for path in own.chain(top) {
        let name = shown(&path);
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if name.contains("/target/") || name.contains("__pycache__") {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            faults.extend(
                foreign.iter().filter(|f| line.contains(**f)).map(|f| format!("{name}:{}: {f}", at + 1)),
            );
        }
    }
    none(&faults);
}

/// The modules without a shell around them.
fn core() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|file| file.module.first().is_some_and(|m| !SHELL.contains(&m.as_str())))
}

/// The top-level modules that a file names, by `crate::` or by climbing there with `super::`.
fn roots_named(file: &Source) -> Vec<(String, usize)> {
    let mut out = Vec::new();
    for named in file.named() {
        let climbs = named.segments.iter().take_while(|s| *s == "super").count();
        let from_root = named.segments.first().is_some_and(|s| s == "crate");
        let climbed_out = climbs > 0 && climbs == file.module.len() + named.depth;
        if let Some(target) = named.segments.get(climbs.max(1)).filter(|_| from_root || climbed_out) {
            out.push((target.clone(), named.line));
        }
    }
    out
}

/// Why a WAV file is not mono 16-bit PCM at 8 or 16 kHz with sound in it.
fn unplayable(bytes: &[u8]) -> Option<String> {
    let number =
        |at: usize, size: usize| bytes[at..at + size].iter().rev().fold(0u32, |n, b| n << 8 | u32::from(*b));
    if bytes.len() < 44 || !bytes.starts_with(b"RIFF") || &bytes[8..16] != b"WAVEfmt " {
        return Some("not a WAV file".to_owned());
    }
    let format = (number(20, 2), number(22, 2), number(24, 4), number(34, 2));
    match format {
        (1, 1, 8000 | 16000, 16) if bytes.len() > 44 + 800 => None,
        (1, 1, 8000 | 16000, 16) => Some("no sound in it".to_owned()),
        (tag, channels, rate, bits) => {
            Some(format!("format {tag}, {channels} channels, {rate} Hz, {bits} bits"))
        }
    }
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} places:\n{}", faults.len(), faults.join("\n"));
}
