//! What encryption costs a packet: 160 octets of voice, sealed by one side and opened by the other.

use std::hint::black_box;

use hotline::base::srtp::{Key, Keys, Suite};
use hotline::base::{Instant, Rng};
use hotline::media::srtp::Srtp;

use super::Sample;

pub fn gcm_256() -> Sample {
    sealed_and_opened(Suite::AeadAes256Gcm)
}

pub fn gcm_128() -> Sample {
    sealed_and_opened(Suite::AeadAes128Gcm)
}

pub fn cm_256_80() -> Sample {
    sealed_and_opened(Suite::Aes256CmSha1_80)
}

pub fn cm_128_80() -> Sample {
    sealed_and_opened(Suite::Aes128CmSha1_80)
}

pub fn cm_256_32() -> Sample {
    sealed_and_opened(Suite::Aes256CmSha1_32)
}

pub fn cm_128_32() -> Sample {
    sealed_and_opened(Suite::Aes128CmSha1_32)
}

fn sealed_and_opened(suite: Suite) -> Sample {
    let key = Key::random(suite, &mut Rng::from_number(1));
    let srtp = || Srtp::new(Keys { ours: key.clone(), theirs: key.clone() });
    let (Some(mut ours), Some(mut theirs)) = (srtp(), srtp()) else {
        panic!("a key has its suite's lengths")
    };
    let mut packet = Vec::with_capacity(256);
    Sample::of(100_000, |number| {
        packet.clear();
        packet.extend_from_slice(&[0x80, 8]);
        packet.extend_from_slice(&(number as u16).to_be_bytes());
        packet.resize(172, 0x55);
        assert!(ours.seal_rtp(&mut packet, 0));
        assert!(black_box(theirs.open_rtp(Instant::ZERO, &mut packet)).is_ok());
    })
}
