//! How strong each of the eight tones is, and how its phase moves on.

use std::f32::consts::{PI, TAU};
use std::sync::LazyLock;

use super::super::SAMPLE_RATE;
use super::super::digit::{HIGH, LOW};

/// Samples between two looks: 5 ms. Fine enough to tell a tone of 23 ms from one of 40 ms, and short enough that the
/// phase of a tone that is 3.5 % off turns by less than half a circle.
pub(super) const HOP: usize = 40;
/// Samples in a look: 20 ms. Under a Hann window that parts the two groups by more than 40 dB.
pub(super) const WINDOW: usize = 160;
/// A bin's width in Hz: the window's first zero lies at two of them.
const BIN: f32 = SAMPLE_RATE as f32 / WINDOW as f32;

/// Rows first, then columns.
pub(super) const TONES: usize = 8;

/// One look at the last [`WINDOW`] samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spectrum {
    /// In phase and in quadrature, rotated so that a tone of exactly the right frequency stands still from look to look.
    re: [f32; TONES],
    im: [f32; TONES],
    /// Weighted mean square of all that was heard, in squared sample units.
    pub power: f32,
}

/// What a tone of a look is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone {
    /// Its place in [`LOW`] or [`HIGH`].
    pub place: usize,
    /// Mean square, in squared sample units, made up for what the window loses beside a tone's frequency.
    pub power: f32,
    /// How far it is off its frequency, as a fraction of it.
    pub off: f32,
}

impl Spectrum {
    /// `turn` counts the looks, modulo a second: what the phase has turned by then is taken back.
    pub fn of(samples: &[f32; WINDOW], turn: u32) -> Self {
        let tables = &*TABLES;
        let (mut sums, mut power) = ([0.0f32; 2 * TONES], 0.0);
        for (sample, row) in samples.iter().zip(&tables.waves) {
            for (sum, wave) in sums.iter_mut().zip(&row.waves) {
                *sum += sample * wave;
            }
            power += sample * sample * row.weight;
        }
        let mut spectrum = Spectrum { power, ..Spectrum::default() };
        for tone in 0..TONES {
            let (re, im) = (sums[tone], sums[TONES + tone]);
            // All frequencies are whole, so that 200 hops (a second) are whole turns of each.
            let hertz = f32::from(frequency(tone));
            let turned = (hertz * HOP as f32 / SAMPLE_RATE as f32 * turn as f32).fract() * TAU;
            let (sin, cos) = turned.sin_cos();
            spectrum.re[tone] = re * cos + im * sin;
            spectrum.im[tone] = im * cos - re * sin;
        }
        spectrum
    }

    /// The strongest tone of the rows and the strongest of the columns; `None` where one of them was not there a look
    /// ago, so that nothing is known of its frequency.
    pub fn strongest(&self, before: &Spectrum) -> Option<(Tone, Tone)> {
        Some((self.tone(before, 0..LOW.len())?, self.tone(before, LOW.len()..TONES)?))
    }

    fn tone(&self, before: &Spectrum, group: std::ops::Range<usize>) -> Option<Tone> {
        let first = group.start;
        let tone = group.max_by(|a, b| self.square(*a).total_cmp(&self.square(*b)))?;
        let (square, square_before) = (self.square(tone), before.square(tone));
        if square_before < square * HEARD_BEFORE || square <= 0.0 {
            return None;
        }
        let re = self.re[tone] * before.re[tone] + self.im[tone] * before.im[tone];
        let im = self.im[tone] * before.re[tone] - self.re[tone] * before.im[tone];
        let off_hz = im.atan2(re) / TAU * (SAMPLE_RATE as f32 / HOP as f32);
        let lost = hann_response(off_hz / BIN).powi(2);
        Some(Tone { place: tone - first, power: square / lost, off: off_hz / f32::from(frequency(tone)) })
    }

    /// Mean square of a tone that is right on its frequency.
    fn square(&self, tone: usize) -> f32 {
        2.0 * (self.re[tone] * self.re[tone] + self.im[tone] * self.im[tone])
    }
}

/// A tone's part of a look that lies in the look before it, too: 5 ms ago half of it is enough.
const HEARD_BEFORE: f32 = 0.05;
pub(super) const HOPS_PER_SECOND: u32 = SAMPLE_RATE / HOP as u32;

fn frequency(tone: usize) -> u16 {
    let place = tone % LOW.len();
    if tone < LOW.len() { LOW[place] } else { HIGH[place] }
}

/// The Hann window's answer to a tone that lies `bins` beside, 1 in the middle. Not below what it is at one bin and a
/// half: nothing so far off is a key, and dividing by less would make a giant of it.
fn hann_response(bins: f32) -> f32 {
    let bins = bins.abs().min(1.5);
    if bins < 1e-3 {
        return 1.0;
    }
    // (1 - bins²) is zero at one bin, where the response is a half.
    if (bins - 1.0).abs() < 1e-3 {
        return 0.5;
    }
    (PI * bins).sin() / (PI * bins) / (1.0 - bins * bins)
}

struct Tables {
    waves: Vec<Row>,
}

/// One sample's weights.
#[derive(Clone, Copy)]
struct Row {
    /// Cosines of the eight tones, then the sines.
    waves: [f32; 2 * TONES],
    weight: f32,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    // The window's weights add up to 1.
    let weight = |n: usize| {
        let turn = std::f64::consts::TAU * (n as f64 + 0.5) / WINDOW as f64;
        (1.0 - turn.cos()) / WINDOW as f64
    };
    let row = |n: usize| {
        let mut waves = [0.0; 2 * TONES];
        for tone in 0..TONES {
            let angle =
                std::f64::consts::TAU * f64::from(frequency(tone)) * n as f64 / f64::from(SAMPLE_RATE);
            waves[tone] = (weight(n) * angle.cos()) as f32;
            waves[TONES + tone] = (-weight(n) * angle.sin()) as f32;
        }
        Row { waves, weight: weight(n) as f32 }
    };
    Tables { waves: (0..WINDOW).map(row).collect() }
});
