//! Comfort noise (RFC 3389): what is heard of a peer that sends nothing while nobody speaks, so that the line does not
//! seem dead between two words.
//!
//! Of its payload the level is taken; its shape, which a listener may leave aside (§4), is white.
//! We send none of our own: our silence is sent as frames, which keeps NATs open and needs no agreement.

/// Noise of one level.
#[derive(Clone, Debug)]
pub(super) struct Noise {
    /// Samples lie between this and its opposite.
    most: f32,
    state: u32,
}

impl Noise {
    /// `level` as in the payload: decibels below the overload point, 127 at most (§3.1).
    pub fn new(level: u8) -> Noise {
        let loudness = 32_768.0 * 10f32.powf(-f32::from(level & 0x7f) / 20.0);
        // Evenly distributed samples have a root mean square of the largest over the root of three. Nobody's room is
        // louder than -30 dB; a peer that says so is not to deafen who listens.
        Noise { most: (loudness * 3f32.sqrt()).min(LOUDEST), state: 0x2545_f491 }
    }

    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            // Knuth's linear congruential generator: its upper bits are as random as a hiss has to be.
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = ((self.state >> 16) as i16 as f32 / 32_768.0 * self.most) as i16;
        }
    }
}

/// -30 dB in root mean square.
const LOUDEST: f32 = 1_795.0;

#[cfg(test)]
mod tests {
    use super::super::pitch::loudness;
    use super::*;

    #[test]
    fn as_loud_as_it_says_and_never_deafening() {
        for (level, expected) in [(40, 327.7), (50, 103.6), (60, 32.8), (0, 1036.0), (30, 1036.0), (127, 0.0)]
        {
            let mut samples = [0; 8000];
            Noise::new(level).fill(&mut samples);
            let loud = loudness(&samples);
            assert!((loud - expected).abs() <= expected / 20.0 + 0.5, "{loud} for -{level} dB");
        }
    }
}
