//! Three parties: who hears whom, how it sounds when somebody comes and goes, and words over music.

use super::*;

const S: LegId = LegId { call: CallId(1), index: 2 };
const ALL: [LegId; 3] = [A, B, S];
const LAW: Codec = Codec::Pcma;

/// Each party's own tone, in hertz.
fn hertz(leg: LegId) -> f64 {
    [437.0, 617.0, 857.0][usize::from(leg.index)]
}

fn said(leg: LegId, n: u32) -> Vec<u8> {
    let sample = |at: u32| {
        let turn = std::f64::consts::TAU * hertz(leg) * f64::from(at) / 8000.0;
        encode(LAW, (5000.0 * turn.sin()) as i16)
    };
    (n * 160..(n + 1) * 160).map(sample).collect()
}

/// How loud a tone is in what was heard: its share of a full one.
fn level(heard: &[i16], hz: f64) -> f64 {
    let turn = std::f64::consts::TAU * hz / 8000.0;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in heard.iter().enumerate() {
        re += f64::from(*sample) * (turn * n as f64).cos();
        im += f64::from(*sample) * (turn * n as f64).sin();
    }
    re.hypot(im) * 2.0 / heard.len() as f64 / 5000.0
}

struct Room {
    world: World,
    /// Frame that is said next.
    n: u32,
}

impl Room {
    /// Two who talk, and a third whose leg is there and who hears nobody.
    fn new() -> Self {
        let mut world = World::connected(LAW, LAW);
        world.command(Command::Open { leg: S, rtp_port: 0, ssrc: 0xcccc, sequence: 100, timestamp: 0 });
        world.command(Command::Connect { leg: S, stream: stream(S, LAW) });
        world.command(Command::Bridge { a: A, b: B });
        Room { world, n: 0 }
    }

    /// Everybody speaks for so many frames; each packet comes 3 ms after the last party's.
    fn talk(&mut self, frames: u32) {
        for _ in 0..frames {
            for leg in ALL {
                self.world.say(leg, LAW, self.n, &said(leg, self.n));
                self.world.until(self.world.now_us / 1000 + 3);
            }
            self.n += 1;
            self.world.until(u64::from(self.n) * 20);
        }
    }

    fn hear(&mut self, leg: LegId, others: &[LegId]) {
        self.world.command(Command::Hear { leg, others: others.to_vec() });
    }

    /// What was sent to a leg in the last second.
    fn lately(&self, leg: LegId) -> Vec<i16> {
        let sent = self.world.sent_to(leg);
        sent[sent.len() - 50..].iter().flat_map(|sent| sent.payload.iter().map(|o| decode(LAW, *o))).collect()
    }

    /// Who is heard by a leg: everybody at full level or not at all.
    fn heard_by(&self, leg: LegId) -> Vec<LegId> {
        let heard = self.lately(leg);
        let loud = |other: LegId| level(&heard, hertz(other));
        let here = ALL.into_iter().filter(|other| loud(*other) > 0.85).collect();
        for other in ALL {
            assert!(!(0.02..0.85).contains(&loud(other)), "{leg} hears {other} at {}", loud(other));
        }
        here
    }

    /// Sequence and time go on without a break, and no two packets are more than two frames apart.
    fn assert_whole(&self, leg: LegId) {
        for pair in self.world.sent_to(leg).windows(2) {
            let [one, next] = pair else { continue };
            let (sequence, time) = (
                next.header.sequence.wrapping_sub(one.header.sequence),
                next.header.timestamp.wrapping_sub(one.header.timestamp),
            );
            assert_eq!(sequence, 1, "{leg} at {} ms", next.at_ms);
            assert!((160..=320).contains(&time), "{leg} at {} ms: {time} samples", next.at_ms);
            assert!(next.at_ms - one.at_ms <= 40, "{leg}: nothing from {} to {} ms", one.at_ms, next.at_ms);
        }
    }

    /// Octets of what `of` said that reached `leg` as they were, in the last second.
    fn untouched(&self, leg: LegId, of: LegId) -> bool {
        let sent = self.world.sent_to(leg);
        let last = &sent[sent.len() - 50..];
        last.iter().all(|sent| (0..self.n).rev().take(60).any(|n| said(of, n) == sent.payload))
    }
}

#[test]
fn listen_whisper_barge_and_back_are_exactly_what_they_say() {
    let mut room = Room::new();
    room.talk(60);
    assert!(room.untouched(A, B) && room.untouched(B, A));

    room.hear(S, &[A, B]);
    room.talk(80);
    assert_eq!(ALL.map(|leg| room.heard_by(leg)), [vec![B], vec![A], vec![A, B]], "listen");
    assert!(room.untouched(A, B) && room.untouched(B, A), "who is listened to is forwarded as before");

    room.hear(B, &[A, S]);
    room.talk(80);
    assert_eq!(ALL.map(|leg| room.heard_by(leg)), [vec![B], vec![A, S], vec![A, B]], "whisper");
    assert!(room.untouched(A, B), "the caller notices nothing");

    room.hear(A, &[B, S]);
    room.talk(80);
    assert_eq!(ALL.map(|leg| room.heard_by(leg)), [vec![B, S], vec![A, S], vec![A, B]], "barge");

    room.world.command(Command::Close { leg: S });
    // Tones have no pauses: the way back is taken after two seconds.
    room.talk(170);
    assert!(room.untouched(A, B) && room.untouched(B, A), "forwarded again");
    assert_eq!([A, B].map(|leg| room.heard_by(leg)), [vec![B], vec![A]]);
    [A, B].into_iter().for_each(|leg| room.assert_whole(leg));
    let sessions = room.world.engine.sessions.iter().flatten();
    assert!(sessions.clone().count() == 2, "the third is gone");
    assert!(sessions.into_iter().all(|s| s.mixing.is_none() && s.ear.is_none() && s.mixed_by.is_empty()));
}

#[test]
fn whoever_pauses_is_forwarded_again_at_once() {
    let mut room = Room::new();
    room.hear(B, &[A, S]);
    room.talk(60);
    room.world.command(Command::Close { leg: S });
    let from = room.n;
    for _ in 0..20 {
        room.world.say(A, LAW, room.n, &[encode(LAW, 0); 160]);
        room.n += 1;
        room.world.until(u64::from(room.n) * 20);
    }
    assert!(room.world.engine.sessions.iter().flatten().all(|s| s.mixing.is_none()), "since frame {from}");
    room.talk(60);
    assert!(room.untouched(B, A));
}

#[test]
fn what_is_keyed_in_secret_reaches_nobody_in_a_mix_either() {
    let mut room = Room::new();
    room.hear(S, &[A, B]);
    room.world.command(Command::Secret { leg: A, on: true });
    room.talk(80);
    assert_eq!(room.heard_by(S), [B]);
    assert_eq!(room.heard_by(B), []);
}

#[test]
fn a_leg_that_hears_nobody_and_itself_and_strangers() {
    let mut room = Room::new();
    room.hear(S, &[S, LegId { call: CallId(9), index: 9 }]);
    room.hear(LegId { call: CallId(9), index: 9 }, &[A]);
    room.talk(60);
    assert_eq!(ALL.map(|leg| room.heard_by(leg)), [vec![B], vec![A], vec![]]);
}

#[test]
fn words_over_music_and_the_music_goes_on_at_its_place() {
    let mut world = World::connected(LAW, LAW);
    let mut library = Library::default();
    // Music that repeats after 50 frames and differs in each; words of 400 ms.
    let music: Vec<i16> = (0..8000).map(|n| ((n / 160) * 100 + 1000) as i16).collect();
    let words: Vec<i16> = (0..3200).map(|n| if n % 2 == 0 { 900 } else { -900 }).collect();
    [&music, &words].into_iter().for_each(|sound| {
        library.add(sound, 8000).expect("8 kHz");
    });
    world.command(Command::Library(Arc::new(library)));
    let clips = vec![Sound::Prompt(PromptId(0))];
    world.command(Command::Play { leg: A, play: PlayId(1), clips, repeat: true });
    world.until(190);
    let clips = vec![Sound::Prompt(PromptId(1))];
    world.command(Command::PlayOver { leg: A, clips, repeat: false });
    world.until(1000);
    let heard: Vec<Vec<i16>> = world
        .sent_to(A)
        .iter()
        .map(|sent| sent.payload.iter().map(|octet| decode(LAW, *octet)).collect())
        .collect();
    let octet = |sample| decode(LAW, encode(LAW, sample));
    for (n, frame) in heard.iter().enumerate() {
        let (mean, alone) = (frame.iter().map(|s| i32::from(*s)).sum::<i32>() / 160, n as i16 * 100 + 1000);
        match n {
            0..9 | 32.. => assert_eq!(frame[..], [octet(alone); 160], "frame {n}"),
            // Both ramps lie in the first and the last of these.
            12..29 => {
                let ducked = i32::from(alone) * 178 / 1000;
                assert!((mean - ducked).abs() < 60, "frame {n}: {mean} for {ducked}");
                assert!(
                    frame.windows(2).all(|pair| (pair[0] - pair[1]).abs() > 1600),
                    "frame {n}: the words"
                );
            }
            _ => {}
        }
    }
}

#[test]
fn a_key_ends_a_prompt_within_40_ms() {
    for at in 1000..1020u64 {
        let mut world = World::connected(LAW, LAW);
        world.command(play(A, 1, vec![samples(500, 80_000)], false));
        world.until(at);
        let header = Header { marker: true, payload_type: EVENTS, sequence: 1, timestamp: 160, ssrc: 1 };
        world.packet(A, address(A), header, &[5, 10, 0, 160]);
        let told = world.take_events();
        assert!(told.iter().any(|event| matches!(event, Event::Digit { .. })), "at its first packet");
        // What a menu does at once with a key that it understands.
        world.command(Command::Stop { leg: A });
        world.until(at + 200);
        let loud = encode(LAW, 500);
        let last =
            world.sent_to(A).iter().rev().find(|sent| sent.payload.contains(&loud)).map(|sent| sent.at_ms);
        assert!(last.is_some_and(|last| last <= at + 40), "pressed at {at} ms, heard until {last:?}");
    }
}

#[test]
fn clips_follow_each_other_without_a_gap_or_a_click() {
    let mut world = World::connected(LAW, LAW);
    let mut library = Library::default();
    // Words of odd lengths, each a tone of whole turns, as numbers are put together.
    let word = |turns: usize, period: usize| -> Vec<i16> {
        let turn = |n: usize| std::f64::consts::TAU * n as f64 / period as f64;
        (0..turns * period).map(|n| (6000.0 * turn(n).sin()) as i16).collect()
    };
    for (turns, period) in [(11, 23), (17, 31), (5, 37)] {
        library.add(&word(turns, period), 8000).expect("8 kHz");
    }
    world.command(Command::Library(Arc::new(library)));
    let pause = Sound::Silence(Duration::from_millis(35));
    let clips: Vec<Sound> = (0..3).flat_map(|n| [Sound::Prompt(PromptId(n)), pause.clone()]).collect();
    world.command(play(A, 1, clips, false));
    world.until(400);
    let heard: Vec<i16> =
        world.sent_to(A).iter().flat_map(|sent| sent.payload.iter().map(|o| decode(LAW, *o))).collect();
    let largest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
    assert!(largest < Some(1900), "the tones' own steps are 1640: {largest:?}");
    let mut expected = Vec::new();
    for (turns, period) in [(11, 23), (17, 31), (5, 37)] {
        expected.extend(word(turns, period).iter().map(|sample| decode(LAW, encode(LAW, *sample))));
        expected.extend([decode(LAW, encode(LAW, 0)); 280]);
    }
    assert_eq!(heard[..expected.len()], expected);
}

#[test]
fn words_to_one_party_of_a_bridge_reach_that_one_alone_and_nobody_waits_for_them() {
    let mut room = Room::new();
    let mut library = Library::default();
    let tone: Vec<i16> = (0..8000)
        .map(|n| (5000.0 * (std::f64::consts::TAU * 1200.0 * f64::from(n) / 8000.0).sin()) as i16)
        .collect();
    library.add(&tone, 8000).expect("8 kHz");
    room.world.command(Command::Library(Arc::new(library)));
    room.talk(30);
    let clips = vec![Sound::Prompt(PromptId(0))];
    room.world.command(Command::PlayOver { leg: B, clips, repeat: true });
    room.talk(80);
    let (by_agent, by_caller) = (room.lately(B), room.lately(A));
    assert!(level(&by_agent, 1200.0) > 0.85 && level(&by_agent, hertz(A)) > 0.85);
    assert!(level(&by_caller, 1200.0) < 0.02 && room.untouched(A, B));
    room.world.command(Command::PlayOver { leg: B, clips: vec![], repeat: false });
    room.talk(170);
    assert!(room.untouched(B, A), "forwarded again");
    [A, B].into_iter().for_each(|leg| room.assert_whole(leg));
}

#[test]
fn on_the_way_to_the_mixer_nothing_is_heard_twice_and_nothing_is_lost() {
    // Each frame is one octet all through, and loud: there is no pause to be waited for.
    let octet = |n: u32| 0x80 | (n % 32) as u8;
    let mut world = World::connected(LAW, LAW);
    world.command(Command::Bridge { a: A, b: B });
    for n in 0..100u32 {
        world.say(A, LAW, n, &[octet(n); 160]);
        world.until(u64::from(n + 1) * 20);
        if n == 40 {
            let clips = vec![Sound::Silence(Duration::from_millis(400))];
            world.command(Command::PlayOver { leg: B, clips, repeat: false });
        }
    }
    let heard: Vec<u8> = world.sent_to(B).iter().flat_map(|sent| sent.payload.iter().copied()).collect();
    let runs = heard.chunk_by(|a, b| a == b).filter(|run| run.len() >= 60 && run[0] != 0xd5);
    let frames: Vec<u32> = runs.map(|run| u32::from(run[0] & 0x7f)).collect();
    assert!(frames.len() > 85, "{frames:?}");
    for pair in frames.windows(2) {
        let on = (pair[1] + 32 - pair[0]) % 32;
        assert!((1..=2).contains(&on), "{} after {}: {frames:?}", pair[1], pair[0]);
    }
}

/// A key of a party who hears a mix, or is heard in one, goes to the other side of the bridge: not to who listens.
#[test]
fn keys_go_where_they_would_go_without_the_mix() {
    let mut room = Room::new();
    room.hear(S, &[A, B]);
    room.hear(B, &[A, S]);
    room.talk(60);
    let events = |room: &Room, leg| {
        room.world.sent_to(leg).iter().filter(|sent| sent.header.payload_type == EVENTS).count()
    };
    for (presses, hears) in [(A, B), (B, A)] {
        let before = ALL.map(|leg| events(&room, leg));
        room.world.press(presses, room.n, 5);
        room.n += 6;
        room.talk(30);
        let after = ALL.map(|leg| events(&room, leg));
        for (at, leg) in ALL.into_iter().enumerate() {
            assert_eq!(after[at] > before[at], leg == hears, "{leg} of {presses}'s key");
        }
    }
}

#[test]
fn who_barges_in_is_recorded_with_the_agent_and_who_whispers_is_not() {
    let mut room = Room::new();
    room.world.command(Command::Record {
        recording: RecordingId(1),
        left: A,
        right: Some(B),
        longest: Duration::from_secs(60),
        silence_ends: None,
    });
    room.hear(S, &[A, B]);
    let third = |room: &mut Room, third| {
        room.world.command(Command::RecordThird { recording: RecordingId(1), third });
        room.talk(100);
    };
    third(&mut room, None);
    third(&mut room, Some(S));
    third(&mut room, None);
    room.world.command(Command::StopRecording { recording: RecordingId(1) });
    let both: Vec<i16> = room.world.audio.iter().flat_map(|audio| audio.samples.clone()).collect();
    let channel = |side: usize| -> Vec<i16> { both.iter().copied().skip(side).step_by(2).collect() };
    let (left, right) = (channel(0), channel(1));
    assert_eq!(left.len(), 48_000);
    for (part, joined) in [(0, false), (1, true), (2, false)] {
        let middle = part * 16_000 + 5000..part * 16_000 + 13_000;
        let (left, right) = (&left[middle.clone()], &right[middle]);
        assert!(level(left, hertz(A)) > 0.85 && level(left, hertz(S)) < 0.02, "part {part}");
        assert!(level(right, hertz(B)) > 0.85 && (level(right, hertz(S)) > 0.85) == joined, "part {part}");
    }
}

#[test]
fn the_first_word_leaves_within_60_ms_of_the_answer() {
    for at in 1000..1020u64 {
        let mut world = World::new();
        world.until(at);
        // What a call does in the breath in which it answers.
        world.command(Command::Connect { leg: A, stream: stream(A, LAW) });
        world.command(play(A, 1, vec![samples(500, 8000)], false));
        world.until(at + 200);
        let loud = encode(LAW, 500);
        let first = world.sent_to(A).iter().find(|sent| sent.payload.contains(&loud)).map(|sent| sent.at_ms);
        assert!(first.is_some_and(|first| first <= at + 60), "answered at {at} ms, heard at {first:?}");
    }
}

#[test]
fn who_hears_a_mix_and_who_hears_another_codec_is_counted() {
    let mut room = Room::new();
    room.talk(5);
    let dear = |room: &Room| (room.world.engine.mixes(), room.world.engine.translations());
    assert_eq!(dear(&room), (0, 0));
    room.hear(S, &[A, B]);
    room.talk(5);
    assert_eq!(dear(&room), (1, 0));
    room.world.command(Command::Connect { leg: A, stream: stream(A, Codec::G722) });
    room.hear(S, &[]);
    room.talk(5);
    assert_eq!(dear(&room), (0, 2));
}
