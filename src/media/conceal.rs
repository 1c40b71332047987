//! Concealment of what is missing, in the manner of ITU-T G.711 Appendix I, at any rate.
//!
//! The last pitch period is repeated, after 10 and 20 ms the last two and three, so that it does not buzz; from 10 ms on
//! it fades, and after 60 ms there is silence. Appendix I delays all audio by 3.75 ms to smooth the first seam; here
//! the step at the seam is taken up and let go over the same time, and nothing is delayed. When the signal comes back
//! it is blended with what would have gone on.

use super::pitch::{self, LONGEST, SHORTEST, at_rate};

#[derive(Clone, Debug)]
pub(super) struct Concealer {
    rate: u32,
    /// The newest of what was heard: three of the longest periods, and a quarter to blend their ends.
    past: Vec<i16>,
    going: Option<Going>,
}

/// A concealment that goes on.
#[derive(Clone, Debug)]
struct Going {
    /// The past at its beginning.
    past: Vec<i16>,
    period: usize,
    /// Samples given so far.
    given: usize,
    cycle: Cycle,
    /// Fades out while the next one fades in.
    before: Option<(Cycle, usize)>,
    /// The step at the first seam.
    step: f32,
    /// The strength after the first 10 ms: less for what repeats itself less, for it will not come as expected.
    strength: f32,
}

/// The end of the past, round and round.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    length: usize,
    at: usize,
}

/// Samples of the past, at 8 kHz (48.75 ms).
const PAST: usize = 3 * LONGEST + LONGEST / 4;
/// Full strength for so long, then less and less until [`FADED_MS`].
const STRONG_MS: usize = 10;
/// The strength of what repeats nothing, against that of a perfect repetition.
const LEAST_STRENGTH: f32 = 0.3;
/// What is missing for longer is silence.
pub(super) const FADED_MS: usize = 60;
/// Of the blend when the signal comes back, at 8 kHz: 2.5 ms at least and 10 ms at most.
const SHORTEST_BLEND: usize = 20;
const LONGEST_BLEND: usize = 80;

impl Concealer {
    pub fn new(rate: u32) -> Self {
        Concealer { rate, past: vec![0; at_rate(PAST, rate)], going: None }
    }

    /// Nothing is heard any more, or nothing was before.
    pub fn is_silent(&self) -> bool {
        match &self.going {
            Some(going) => going.given >= self.milliseconds(FADED_MS),
            None => self.past.iter().all(|sample| *sample == 0),
        }
    }

    /// Something is being concealed, or has been and the signal has not come back.
    pub fn is_going(&self) -> bool {
        self.going.is_some()
    }

    /// Appends `count` samples in the place of what is missing.
    pub fn conceal(&mut self, count: usize, out: &mut Vec<i16>) {
        let first = out.len();
        let (strong, faded) = (self.milliseconds(STRONG_MS), self.milliseconds(FADED_MS));
        let rate = self.rate;
        let going = self.going.get_or_insert_with(|| Going::new(&self.past, rate));
        for _ in 0..count {
            let sample = match going.gain(strong, faded) {
                gain if gain > 0.0 => going.next(strong) * gain,
                _ => 0.0,
            };
            going.given = going.given.saturating_add(1);
            out.push(sample as i16);
        }
        let given = out.get(first..).unwrap_or_default();
        remember(&mut self.past, given);
    }

    /// Samples that [`Concealer::blend`] needs.
    pub fn shortest_blend(&self) -> usize {
        at_rate(SHORTEST_BLEND, self.rate)
    }

    /// The signal comes back: the beginning of `samples` is blended with what would have gone on, whether
    /// something was concealed or only left out.
    pub fn blend(&mut self, samples: &mut [i16]) {
        // Longer after a longer absence, for the two have come apart; but nothing has to be blended with silence.
        let given = self.going.as_ref().map_or(0, |going| going.given);
        let given = if self.is_silent() { 0 } else { given };
        let length = (self.shortest_blend() + given / 10).min(at_rate(LONGEST_BLEND, self.rate));
        let length = length.min(samples.len());
        let mut bridge = Vec::with_capacity(length);
        let kept = self.past.clone();
        self.conceal(length, &mut bridge);
        (self.past, self.going) = (kept, None);
        for (at, (sample, bridge)) in samples.iter_mut().zip(bridge).enumerate() {
            let share = (at as f32 + 1.0) / (length as f32 + 1.0);
            *sample = (f32::from(*sample) * share + f32::from(bridge) * (1.0 - share)) as i16;
        }
    }

    /// Takes note of what is heard, other than of what is concealed.
    pub fn hear(&mut self, samples: &[i16]) {
        self.going = None;
        remember(&mut self.past, samples);
    }

    fn milliseconds(&self, ms: usize) -> usize {
        at_rate(8 * ms, self.rate)
    }
}

fn remember(past: &mut [i16], samples: &[i16]) {
    let samples = samples.get(samples.len().saturating_sub(past.len())..).unwrap_or_default();
    past.copy_within(samples.len().., 0);
    let keep = past.len() - samples.len();
    if let Some(end) = past.get_mut(keep..) {
        end.copy_from_slice(samples);
    }
}

impl Going {
    fn new(past: &[i16], rate: u32) -> Self {
        let (period, alike) = pitch::period(past, rate).unwrap_or((at_rate(SHORTEST, rate), 0.0));
        let mut going = Going {
            past: past.to_vec(),
            period,
            given: 0,
            cycle: Cycle { length: period, at: 0 },
            before: None,
            step: 0.0,
            strength: (alike * alike).clamp(LEAST_STRENGTH, 1.0),
        };
        let last = past.last().copied().map_or(0.0, f32::from);
        going.step = last - going.sample(past.len().wrapping_sub(period + 1));
        going
    }

    /// Of the next sample: full at the seam, less and less to the end.
    fn gain(&self, strong: usize, faded: usize) -> f32 {
        match self.given.checked_sub(strong) {
            None => 1.0 - (1.0 - self.strength) * self.given as f32 / strong as f32,
            Some(_) => self.strength * faded.saturating_sub(self.given) as f32 / (faded - strong) as f32,
        }
    }

    fn next(&mut self, strong: usize) -> f32 {
        // One period more after 10 ms, and after 20.
        let periods = (1 + self.given / strong).min(3);
        if self.cycle.length < periods * self.period && self.before.is_none() {
            self.before = Some((self.cycle, 0));
            // At the same point of the period, one period further back.
            self.cycle = Cycle { length: periods * self.period, at: self.cycle.at % self.period };
        }
        let mut sample = self.turn(self.cycle);
        self.cycle.at = (self.cycle.at + 1) % self.cycle.length;
        let quarter = self.period / 4;
        if let Some((mut cycle, at)) = self.before.take() {
            let share = (at as f32 + 1.0) / (quarter as f32 + 1.0);
            sample = sample * share + self.turn(cycle) * (1.0 - share);
            cycle.at = (cycle.at + 1) % cycle.length;
            self.before = (at + 1 < quarter).then_some((cycle, at + 1));
        }
        if self.given < quarter {
            sample += self.step * (1.0 - (self.given as f32 + 1.0) / (quarter as f32 + 1.0));
        }
        sample.clamp(f32::from(i16::MIN), f32::from(i16::MAX))
    }

    /// One sample of a cycle whose last quarter of a period leads over to its beginning.
    fn turn(&self, cycle: Cycle) -> f32 {
        let start = self.past.len().saturating_sub(cycle.length);
        let sample = self.sample(start + cycle.at);
        let quarter = self.period / 4;
        let left = cycle.length - cycle.at;
        if left > quarter {
            return sample;
        }
        // What came before the beginning leads to it by nature.
        let share = left as f32 / (quarter as f32 + 1.0);
        sample * share + self.sample(start.wrapping_sub(left)) * (1.0 - share)
    }

    fn sample(&self, at: usize) -> f32 {
        self.past.get(at).copied().map_or(0.0, f32::from)
    }
}

#[cfg(test)]
mod tests;
