//! G.722 at 64 kbit/s (ITU-T G.722, mode 1): 16 kHz in two bands, each with an adaptive differential code of its own:
//! six bits for what lies below 4 kHz, two for what lies above.
//!
//! Our own, because the standard is a few pages that have not changed since 1988, and what the registry has brings a
//! runtime or a whole family of codecs with it. The names of the recommendation's blocks stand at their lines.

/// Samples to octets: two make one.
#[derive(Clone, Debug)]
pub struct Encoder {
    low: Band,
    high: Band,
    /// The newest samples, oldest first.
    history: [i32; TAPS],
}

/// Octets to samples.
#[derive(Clone, Debug)]
pub struct Decoder {
    low: Band,
    high: Band,
    /// Sums and differences of the bands in turn, oldest first.
    history: [i32; TAPS],
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder { low: Band::new(LOW_FIRST_STEP), high: Band::new(HIGH_FIRST_STEP), history: [0; TAPS] }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { low: Band::new(LOW_FIRST_STEP), high: Band::new(HIGH_FIRST_STEP), history: [0; TAPS] }
    }
}

impl Encoder {
    /// Appends one octet for each pair of samples; an odd one at the end is dropped.
    pub fn encode(&mut self, samples: &[i16], octets: &mut Vec<u8>) {
        octets.extend(samples.as_chunks::<2>().0.iter().map(|pair| self.octet(*pair)));
    }

    fn octet(&mut self, [first, second]: [i16; 2]) -> u8 {
        let (even, odd) = mirror(&mut self.history, i32::from(first), i32::from(second));
        // The filters amplify by 4096, there are two of them, and the bands have 15 bits.
        let (low, high) = ((odd + even) >> 14, (odd - even) >> 14);

        // SUBTRA, QUANTL
        let (negative, magnitude) = split(saturated(low - self.low.estimate));
        let step = self.low.step;
        let passed =
            LOW_DECISIONS.iter().take_while(|level| magnitude >= (**level * step) >> 12).count() as u8;
        let low_code = match (negative, passed) {
            (false, _) => 61 - passed,
            (true, 0 | 1) => 63 - passed,
            (true, _) => 33 - passed,
        };
        // SUBTRA, QUANTH
        let (negative, magnitude) = split(saturated(high - self.high.estimate));
        let near = magnitude < (HIGH_DECISION * self.high.step) >> 12;
        let high_code = if negative { u8::from(near) } else { 2 + u8::from(near) };

        self.low.adapt_low(low_code);
        self.high.adapt_high(high_code);
        high_code << 6 | low_code
    }
}

impl Decoder {
    /// Appends two samples for each octet.
    pub fn decode(&mut self, octets: &[u8], samples: &mut Vec<i16>) {
        samples.extend(octets.iter().flat_map(|octet| self.pair(*octet)));
    }

    fn pair(&mut self, octet: u8) -> [i16; 2] {
        let (low_code, high_code) = (octet & 0x3f, octet >> 6);
        // INVQBL, RECONS, LIMIT
        let low_difference = (self.low.step * LOW_LEVELS_FINE[usize::from(low_code)]) >> 15;
        let low = (self.low.estimate + low_difference).clamp(-16384, 16383);
        let estimate = self.high.estimate;
        self.low.adapt_low(low_code);
        let high = (estimate + self.high.adapt_high(high_code)).clamp(-16384, 16383);

        let (even, odd) = mirror(&mut self.history, low + high, low - high);
        [saturated(odd >> 11) as i16, saturated(even >> 11) as i16]
    }
}

/// One band's quantiser and predictor: two poles and six zeroes.
#[derive(Clone, Debug)]
struct Band {
    /// Of the next sample.
    estimate: i32,
    /// The zeroes' part of it.
    zeroes: i32,
    /// The last two reconstructed samples, newest first.
    signal: [i32; 2],
    /// Coefficients of the poles.
    poles: [i32; 2],
    /// The signs' source: the last two reconstructions without the poles' part.
    partial: [i32; 2],
    /// The last six quantised differences, newest first, and their coefficients.
    differences: [i32; 6],
    weights: [i32; 6],
    /// The step size, logarithmic and linear.
    log_step: i32,
    step: i32,
}

impl Band {
    fn new(step: i32) -> Band {
        Band {
            estimate: 0,
            zeroes: 0,
            signal: [0; 2],
            poles: [0; 2],
            partial: [0; 2],
            differences: [0; 6],
            weights: [0; 6],
            log_step: 0,
            step,
        }
    }

    /// INVQAL, LOGSCL, SCALEL: the two lowest bits do not count, so that they may be lost on the way.
    fn adapt_low(&mut self, code: u8) -> i32 {
        let level = usize::from(code >> 2 & 15);
        let difference = (self.step * LOW_LEVELS[level]) >> 15;
        self.scale(LOW_GROWTH[level], 18432, 8);
        self.predict(difference);
        difference
    }

    /// INVQAH, LOGSCH, SCALEH.
    fn adapt_high(&mut self, code: u8) -> i32 {
        let level = usize::from(code & 3);
        let difference = (self.step * HIGH_LEVELS[level]) >> 15;
        self.scale(HIGH_GROWTH[level], 22528, 10);
        self.predict(difference);
        difference
    }

    fn scale(&mut self, growth: i32, most: i32, exponent: i32) {
        self.log_step = (((self.log_step * 127) >> 7) + growth).clamp(0, most);
        let mantissa = INVERSE_LOG[(self.log_step >> 6 & 31) as usize];
        let shift = exponent - (self.log_step >> 11);
        self.step = if shift < 0 { mantissa << -shift } else { mantissa >> shift } << 2;
    }

    fn predict(&mut self, difference: i32) {
        // RECONS, PARREC
        let signal = saturated(self.estimate + difference);
        let partial = saturated(self.zeroes + difference);
        let alike = |other: i32| partial < 0 && other < 0 || partial >= 0 && other >= 0;
        let [first, second] = self.poles;

        // UPPOL2
        let doubled = saturated(first << 2);
        let follow = if alike(self.partial[0]) { (-doubled).min(32767) } else { doubled };
        let toward = if alike(self.partial[1]) { 128 } else { -128 };
        let second = (toward + (follow >> 7) + ((second * 32512) >> 15)).clamp(-12288, 12288);
        // UPPOL1
        let toward = if alike(self.partial[0]) { 192 } else { -192 };
        let bound = saturated(15360 - second);
        let first = saturated(toward + ((first * 32640) >> 15)).clamp(-bound, bound);
        self.poles = [first, second];

        // UPZERO
        let gain = if difference == 0 { 0 } else { 128 };
        for (weight, before) in self.weights.iter_mut().zip(&self.differences) {
            let toward = if (*before < 0) == (difference < 0) { gain } else { -gain };
            *weight = saturated(toward + ((*weight * 32640) >> 15));
        }

        // DELAYA
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        self.signal = [signal, self.signal[0]];
        self.partial = [partial, self.partial[0]];

        // FILTEP, FILTEZ, PREDIC
        let part = |weight: i32, value: i32| (weight * saturated(value + value)) >> 15;
        let poles = saturated(part(first, self.signal[0]) + part(second, self.signal[1]));
        let zeroes = self.weights.iter().zip(&self.differences).map(|(weight, value)| part(*weight, *value));
        self.zeroes = saturated(zeroes.sum());
        self.estimate = saturated(poles + self.zeroes);
    }
}

/// The quadrature mirror filter, which splits samples into bands and bands into samples alike: takes two values in
/// and gives its sums over the even and the odd places.
fn mirror(history: &mut [i32; TAPS], first: i32, second: i32) -> (i32, i32) {
    history.copy_within(2.., 0);
    history[TAPS - 2] = first;
    history[TAPS - 1] = second;
    let (mut even, mut odd) = (0, 0);
    for (at, pair) in history.as_chunks::<2>().0.iter().enumerate() {
        even += pair[0] * MIRROR[at];
        odd += pair[1] * MIRROR[TAPS / 2 - 1 - at];
    }
    (even, odd)
}

fn saturated(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// Sign and magnitude: -1 lies in the interval of 0.
fn split(value: i32) -> (bool, i32) {
    if value < 0 { (true, !value) } else { (false, value) }
}

const TAPS: usize = 24;
const LOW_FIRST_STEP: i32 = 32;
const HIGH_FIRST_STEP: i32 = 8;

/// Table 11 of the recommendation.
const MIRROR: [i32; TAPS / 2] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Q6: where one interval ends and the next begins.
const LOW_DECISIONS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// QQ2.
const HIGH_DECISION: i32 = 564;
/// QQ4 by the code's upper four bits.
const LOW_LEVELS: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
/// QQ6 by the whole code.
const LOW_LEVELS_FINE: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];
const HIGH_LEVELS: [i32; 4] = [-7408, -1616, 7408, 1616];
/// WL by the code's upper four bits.
const LOW_GROWTH: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
/// WH by the code.
const HIGH_GROWTH: [i32; 4] = [798, -214, 798, -214];
/// ILB.
const INVERSE_LOG: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
