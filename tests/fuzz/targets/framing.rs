//! A stream however it is cut: as a whole, byte by byte, in any pieces, the same messages come out.

#![no_main]

use hotline::sip::wire::Cut;
use hotline::sip::{Limits, StreamFramer};
use libfuzzer_sys::fuzz_target;

/// Small, so that the limit is met.
const LIMITS: Limits = Limits { message: 600, headers: 128, line: 256 };

fuzz_target!(|data: &[u8]| {
    let Some((&sizes, stream)) = data.split_first() else { return };
    let whole = cuts([stream].into_iter());
    assert_eq!(cuts(stream.chunks(1)), whole);
    assert_eq!(cuts(pieces(stream, sizes)), whole);
    let taken: usize = whole.iter().map(length).sum();
    assert!(taken <= stream.len());
    for (at, cut) in whole.iter().enumerate() {
        assert!(length(cut) <= LIMITS.message);
        assert!(
            !matches!(cut, Cut::Broken { .. }) || at + 1 == whole.len(),
            "nothing follows what is broken"
        );
    }
});

fn cuts<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Cut> {
    let mut framer = StreamFramer::new(LIMITS);
    let mut cuts = Vec::new();
    for piece in pieces {
        framer.push(piece);
        cuts.extend(std::iter::from_fn(|| framer.poll()));
    }
    cuts
}

/// Pieces of changing length, 1 to 64 bytes, as `seed` has it.
fn pieces(mut rest: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut step = usize::from(seed);
    std::iter::from_fn(move || {
        step = step.wrapping_mul(31).wrapping_add(7) % 64;
        let (piece, behind) = rest.split_at((step + 1).min(rest.len()));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

fn length(cut: &Cut) -> usize {
    match cut {
        Cut::Message(bytes) | Cut::Broken { head: bytes, .. } => bytes.len(),
        Cut::Ping => 2,
    }
}
