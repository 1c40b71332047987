//! From looks at the voice to presses.

use super::super::Digit;
use super::spectrum::{HOP, HOPS_PER_SECOND, Spectrum, Tone, WINDOW};

/// Hears keys in linear samples at 8 kHz, each press once, as early as it can be told from speech: some 40 ms after
/// its beginning.
///
/// | ITU-T Q.24, AT&T | is a press | is none | where the line is |
/// |---|---|---|---|
/// | frequencies off by | ≤ 1.5 % | ≥ 3.5 % | `MOST_OFF` |
/// | twist (high over low tone) | -8 to +4 dB | ≤ -12, ≥ +7 dB | `TWIST` |
/// | level of a tone | 0 to -36 dBm0 | ≤ -48 dBm0 | `LEAST_POWER` |
/// | sounds for | ≥ 40 ms | ≤ 23 ms | `LOOKS` |
/// | is interrupted for | ≤ 10 ms: one press | ≥ 40 ms: two | `PAUSE` |
/// | white noise | 15 dB below | | `PURITY`, `PURE` |
///
/// What neither column names may be either. Against speech stand purity and steadiness.
#[derive(Clone, Debug)]
pub struct Detector {
    samples: [f32; WINDOW],
    /// Of the last hop, how many samples have come.
    filled: usize,
    /// Looks, modulo a second.
    turn: u32,
    before: Spectrum,
    /// What may become a press.
    candidate: Option<Candidate>,
    /// The key that is down, and for how many looks it has not been heard.
    down: Option<(Digit, u32)>,
    /// Looks that still see a gap in the samples: what they miss is no pause.
    blind: u32,
}

/// Half-way between 1.5 % and 3.5 %.
const MOST_OFF: f32 = 0.025;
/// The high tone's power over the low one's: -9.5 to +5.5 dB.
const TWIST: std::ops::RangeInclusive<f32> = 0.112..=3.55;
/// Mean square of either tone: -42 dBm0, where 0 dBm0 is a sine 3.14 dB below full scale (ITU-T G.711).
const LEAST_POWER: f32 = 16_500.0;
/// How much of all that is heard the two tones must be. A look that a tone fills for less than two thirds stays
/// below, which is how the length of a tone is told.
const PURITY: f32 = 0.8;
/// How much they must be in `PURE_LOOKS` of the looks, those that lie within the tone. White noise 15 dB below the
/// tones leaves 0.96; speech, which is rich in overtones, hardly ever leaves so much.
const PURE: f32 = 0.94;
const PURE_LOOKS: u32 = 3;
/// How much the power of either tone may change from look to look: 3.4 dB, of which the edges of a tone take 2. A voice
/// swells and fades, a generator does not.
const STEADY: f32 = 2.2;
/// Looks in which a tone must be heard. One of `t` ms fills `(t - 6) / 5` looks: of 23 ms four at most, of 40 ms six.
const LOOKS: u32 = 5;
/// Looks without the tone after which a press is over. An interruption of `t` ms is missed in `(t + 7) / 5` looks: of
/// 10 ms in four at most, of 40 ms in nine.
const PAUSE: u32 = 7;
/// As many looks may be missed before a press is certain: an interruption of 10 ms.
const INTERRUPTED: u32 = 4;

impl Default for Detector {
    fn default() -> Self {
        Detector {
            samples: [0.0; WINDOW],
            filled: 0,
            turn: 0,
            before: Spectrum::default(),
            candidate: None,
            down: None,
            blind: 0,
        }
    }
}

impl Detector {
    /// The next samples: any number, but so few that only one press can begin in them (80 ms). The key, if one does.
    pub fn hear(&mut self, samples: &[i16]) -> Option<Digit> {
        let mut heard = None;
        for sample in samples {
            if let Some(room) = self.samples.get_mut(WINDOW - HOP + self.filled) {
                *room = f32::from(*sample);
            }
            self.filled += 1;
            if self.filled == HOP {
                self.filled = 0;
                heard = heard.or(self.look());
                self.samples.copy_within(HOP.., 0);
            }
        }
        heard
    }

    /// Samples have been lost. A key that was down is taken to be down until it is heard that it is not: a press must
    /// not become two because the network lost its middle.
    pub fn lose(&mut self) {
        self.samples = [0.0; WINDOW];
        self.before = Spectrum::default();
        self.filled = 0;
        self.blind = (WINDOW / HOP) as u32;
    }

    fn look(&mut self) -> Option<Digit> {
        self.turn = (self.turn + 1) % HOPS_PER_SECOND;
        let now = Spectrum::of(&self.samples, self.turn);
        let verdict = judge(&now, &self.before);
        self.before = now;
        let blind = self.blind > 0;
        self.blind = self.blind.saturating_sub(1);

        self.down = match (self.down, &verdict) {
            (Some((down, _)), Verdict::Key(seen)) if seen.digit == down => Some((down, 0)),
            (Some(down), _) if blind => Some(down),
            (Some((down, missed)), _) if missed + 1 < PAUSE => Some((down, missed + 1)),
            _ => None,
        };
        self.candidate = match (verdict, self.candidate.take()) {
            (Verdict::Key(seen), Some(candidate)) if candidate.digit == seen.digit => {
                Some(candidate.and(&seen))
            }
            (Verdict::Key(seen), _) => Some(seen),
            (Verdict::Nothing, Some(candidate)) if blind => Some(candidate),
            (Verdict::Nothing, Some(candidate)) if candidate.missed < INTERRUPTED => {
                Some(Candidate { missed: candidate.missed + 1, ..candidate })
            }
            _ => None,
        };
        let pressed = self.candidate.filter(Candidate::is_press)?.digit;
        let known = self.down.is_some_and(|(down, _)| down == pressed);
        self.candidate = None;
        self.down = Some((pressed, 0));
        (!known).then_some(pressed)
    }
}

/// What one look tells.
enum Verdict {
    Key(Candidate),
    /// Two clear tones that make no key.
    Wrong,
    Nothing,
}

fn judge(now: &Spectrum, before: &Spectrum) -> Verdict {
    if now.power < 2.0 * LEAST_POWER {
        return Verdict::Nothing;
    }
    let Some((low, high)) = now.strongest(before) else { return Verdict::Nothing };
    let purity = (low.power + high.power) / now.power;
    if purity < PURITY || low.power.min(high.power) < LEAST_POWER {
        return Verdict::Nothing;
    }
    let exact = low.off.abs() <= MOST_OFF && high.off.abs() <= MOST_OFF;
    if !exact || !TWIST.contains(&(high.power / low.power)) {
        return Verdict::Wrong;
    }
    match Digit::from_tones(low.place, high.place) {
        Some(digit) => Verdict::Key(Candidate::new(digit, &low, &high, purity)),
        None => Verdict::Nothing,
    }
}

/// What may become a press, as far as its looks have told.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    digit: Digit,
    looks: u32,
    pure_looks: u32,
    /// Looks without it since the last one with it.
    missed: u32,
    /// The least and the greatest power of the low tone, and of the high one.
    powers: [(f32, f32); 2],
}

impl Candidate {
    fn new(digit: Digit, low: &Tone, high: &Tone, purity: f32) -> Self {
        let powers = [low.power, high.power].map(|power| (power, power));
        Candidate { digit, looks: 1, pure_looks: u32::from(purity >= PURE), missed: 0, powers }
    }

    fn and(mut self, seen: &Candidate) -> Self {
        self.looks += 1;
        self.pure_looks += seen.pure_looks;
        self.missed = 0;
        for (own, seen) in self.powers.iter_mut().zip(&seen.powers) {
            *own = (own.0.min(seen.0), own.1.max(seen.1));
        }
        self
    }

    fn is_press(&self) -> bool {
        let steady = self.powers.iter().all(|(least, most)| *most < *least * STEADY);
        self.looks >= LOOKS && self.pure_looks >= PURE_LOOKS && steady
    }
}
