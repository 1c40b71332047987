//! Any text as a session description, and the laws of offer and answer (RFC 3264) for it.

#![no_main]

use hotline::base::Codec;
use hotline::sdp::{Agreed, Direction, Local, Session, agree, answer, offer, parse, reoffer};
use libfuzzer_sys::fuzz_target;

/// What `parse` takes.
const MOST_STREAMS: usize = 32;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, text)) = data.split_first() else { return };
    let Ok(theirs) = parse(text) else { return };
    // Bounded: what is kept is at most what came.
    let printed = theirs.to_string();
    assert!(printed.len() <= 3 * text.len() + 4096);
    assert_eq!(parse(printed.as_bytes()).as_ref(), Ok(&theirs), "{printed}");

    let codecs = [Codec::Pcma, Codec::Pcmu];
    let codecs = match choice & 3 {
        0 => &codecs[..1],
        1 => &codecs[1..],
        _ => &codecs[..],
    };
    let local = Local {
        address: "192.0.2.1".parse().unwrap(),
        rtp_port: 40_000,
        codecs,
        session_id: 7,
        version: 3,
        web: None,
        direction: Direction::new(choice & 4 != 0, choice & 8 != 0),
        events: true,
        protection: None,
    };
    if let Ok((text, agreed)) = answer(&theirs, &local) {
        check_answer(&theirs, &local, &text, &agreed);
    }
    if let Ok(agreed) = agree(&local, &theirs) {
        check_directions(&local, &agreed);
    }
    if theirs.media.len() == MOST_STREAMS {
        // One more, where none of them is audio, would be more than we read ourselves.
        return;
    }
    let again = read(&reoffer(&local, &theirs));
    // RFC 3264 §8: streams never become fewer, and keep their place and kind.
    assert!(again.media.len() >= theirs.media.len());
    for (ours, theirs) in again.media.iter().zip(&theirs.media) {
        assert!(ours.kind.eq_ignore_ascii_case(&theirs.kind));
    }
    assert_eq!(again.media.iter().filter(|media| media.port != 0).count(), 1);
    assert_eq!(read(&offer(&local)).media.len(), 1);
});

/// RFC 3264 §6.
fn check_answer(theirs: &Session, local: &Local<'_>, text: &str, agreed: &Agreed) {
    let ours = read(text);
    assert_eq!(ours.media.len(), theirs.media.len());
    let mut live = 0;
    for (ours, theirs) in ours.media.iter().zip(&theirs.media) {
        assert_eq!((&ours.kind, &ours.protocol), (&theirs.kind, &theirs.protocol));
        if ours.port == 0 {
            continue;
        }
        live += 1;
        assert!(theirs.port != 0, "a refused stream stays refused");
        assert!(
            ours.formats
                .iter()
                .all(|format| theirs.formats.iter().any(|f| f.parse::<u8>() == format.parse()))
        );
        assert_eq!(ours.formats.first(), Some(&agreed.payload_type.to_string()));
        assert_eq!(theirs.port, agreed.remote_rtp.port());
    }
    assert_eq!(live, 1);
    assert!(local.codecs.contains(&agreed.codec));
    check_directions(local, agreed);
    // The peer reads our answer as we meant it: who sends is who is listened to.
    let mirrored = Local { address: agreed.remote_rtp.ip(), direction: Direction::SendRecv, ..*local };
    if let Ok(seen) = agree(&mirrored, &ours) {
        assert!(!agreed.send || seen.receive);
        assert!(!agreed.receive || seen.send);
        assert_eq!(
            (seen.codec, seen.payload_type, seen.dtmf),
            (agreed.codec, agreed.payload_type, agreed.dtmf)
        );
    } else {
        panic!("our own answer is refused: {text}");
    }
}

fn check_directions(local: &Local<'_>, agreed: &Agreed) {
    assert!(local.direction.sends() || !agreed.send);
    assert!(local.direction.receives() || !agreed.receive);
    assert!(!agreed.send || !agreed.remote_rtp.ip().is_unspecified());
    assert!((10..=200).contains(&agreed.ptime_ms));
}

fn read(text: &str) -> Session {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}
