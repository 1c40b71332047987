//! Several voices in one ear: each hearer has a mixer of its own, with those in it that this hearer may hear. Nobody
//! is in their own, so a conference is mix-minus by its making, and "who hears whom" needs no other table:
//!
//! | | caller hears | agent hears | supervisor hears |
//! |---|---|---|---|
//! | bridge | agent | caller | |
//! | listen | agent | caller | both |
//! | whisper | agent | caller, supervisor | both |
//! | barge, three-way | agent, supervisor | caller, supervisor | both |
//!
//! Who hears one party only has no mixer: the packets are forwarded as they are.
//!
//! Nothing clicks: who comes fades in and who goes fades out in `RAMP_MS`, whose sound breaks off is let down from
//! the last sample, and a sum that is too loud is bent, not cut.

use super::resample::Resampler;

/// The voices that one party hears, by the key `K` that the engine knows them by.
#[derive(Debug)]
pub(super) struct Mixer<K> {
    voices: Vec<Voice<K>>,
    sum: Vec<i32>,
}

#[derive(Debug)]
struct Voice<K> {
    /// `None` for one that will say nothing more.
    of: Option<K>,
    fader: Fader,
    /// Where it says its samples at another rate than this mixer's.
    resampler: Option<(u32, Resampler)>,
    resampled: Vec<i16>,
}

/// A gain that moves without steps, and the end of what went through it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fader {
    gain: f32,
    target: f32,
    /// The last sample as it was heard.
    last: f32,
}

/// Time of a fade: too short to be heard as one, long enough that it is no click.
const RAMP_MS: u32 = 10;
/// Sums up to here, a quarter below full scale, pass unchanged.
const KNEE: i32 = 24_576;

impl<K: Copy + PartialEq> Mixer<K> {
    pub fn new() -> Self {
        Mixer { voices: Vec::new(), sum: Vec::new() }
    }

    /// These are heard from now on, and who is not among them no longer.
    pub fn hear(&mut self, who: &[K]) {
        for voice in &mut self.voices {
            let stays = voice.of.is_some_and(|of| who.contains(&of));
            voice.fader.to(if stays { 1.0 } else { 0.0 });
        }
        for key in who {
            if !self.voices.iter().any(|voice| voice.of == Some(*key)) {
                self.voices.push(Voice::new(*key, Fader::silent().rising()));
            }
        }
    }

    /// A voice that has been heard already in another way: it does not fade in.
    pub fn hear_at_once(&mut self, key: K) {
        self.voices.retain(|voice| voice.of != Some(key));
        self.voices.push(Voice::new(key, Fader::open()));
    }

    /// The party is gone for good; its key may be another's next.
    pub fn forget(&mut self, key: K) {
        for voice in self.voices.iter_mut().filter(|voice| voice.of == Some(key)) {
            voice.of = None;
        }
    }

    /// Adds what the voices say to `frame`, at `rate` samples a second. `said` gives what one of them says in this
    /// frame and at which rate; `None` where it says nothing.
    pub fn mix<'a>(
        &mut self,
        rate: u32,
        frame: &mut [i16],
        mut said: impl FnMut(K) -> Option<(&'a [i16], u32)>,
    ) {
        self.sum.clear();
        self.sum.extend(frame.iter().map(|sample| i32::from(*sample)));
        for voice in &mut self.voices {
            let said = voice.of.and_then(&mut said);
            voice.add(rate, said, &mut self.sum);
        }
        self.voices.retain(|voice| voice.of.is_some() && !voice.fader.is_shut() || voice.fader.sounds());
        for (to, sum) in frame.iter_mut().zip(&self.sum) {
            *to = limit(*sum);
        }
    }
}

impl<K> Voice<K> {
    fn new(key: K, fader: Fader) -> Self {
        Voice { of: Some(key), fader, resampler: None, resampled: Vec::new() }
    }

    fn add(&mut self, rate: u32, said: Option<(&[i16], u32)>, sum: &mut [i32]) {
        let Some((samples, own)) = said.filter(|(_, own)| *own != rate) else {
            return self.fader.add(rate, said.map(|(samples, _)| samples), sum);
        };
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != own) {
            self.resampler = Resampler::new(own, rate).map(|resampler| (own, resampler));
        }
        self.resampled.clear();
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.run(samples, &mut self.resampled);
        }
        self.fader.add(rate, Some(&self.resampled), sum);
    }
}

impl Fader {
    pub fn silent() -> Self {
        Fader { gain: 0.0, target: 0.0, last: 0.0 }
    }

    pub fn open() -> Self {
        Fader { gain: 1.0, target: 1.0, last: 0.0 }
    }

    fn rising(mut self) -> Self {
        self.target = 1.0;
        self
    }

    /// Where the gain goes from now on, as a factor.
    pub fn to(&mut self, target: f32) {
        self.target = target;
    }

    /// The gain is one, and stays there.
    pub fn is_open(&self) -> bool {
        self.gain == 1.0 && self.target == 1.0
    }

    /// Nothing comes through, and nothing will.
    fn is_shut(&self) -> bool {
        self.gain == 0.0 && self.target == 0.0
    }

    /// What went through has not died away.
    fn sounds(&self) -> bool {
        self.last != 0.0
    }

    /// Adds a frame to `sum`, or the end of the last one where there is none. What begins again fades in again.
    pub fn add(&mut self, rate: u32, samples: Option<&[i16]>, sum: &mut [i32]) {
        let step = 1000.0 / (RAMP_MS * rate.max(1000)) as f32;
        let Some(samples) = samples else {
            self.gain = 0.0;
            return self.die_away(step, sum);
        };
        // One that began while another end is still dying away goes on from there.
        if self.gain == 1.0 && self.target == 1.0 {
            for (sum, sample) in sum.iter_mut().zip(samples) {
                *sum += i32::from(*sample);
            }
            self.last = samples.last().map_or(0.0, |sample| f32::from(*sample));
            return;
        }
        for (sum, sample) in sum.iter_mut().zip(samples) {
            let way = self.target - self.gain;
            self.gain = if way.abs() <= step { self.target } else { self.gain + step.copysign(way) };
            self.last = f32::from(*sample) * self.gain;
            *sum += self.last.round() as i32;
        }
    }

    fn die_away(&mut self, step: f32, sum: &mut [i32]) {
        if self.last == 0.0 {
            return;
        }
        let down = self.last * step;
        for sum in sum {
            self.last = if self.last.abs() <= down.abs() { 0.0 } else { self.last - down };
            *sum += self.last.round() as i32;
        }
        // A ramp is shorter than a frame.
        self.last = 0.0;
    }
}

/// Brings a sum into the range of a sample: above the knee the curve bends towards full scale without ever reaching
/// it, with no step in its slope, so that two who shout at once are compressed and not cut.
pub(super) fn limit(sum: i32) -> i16 {
    const ROOM: i64 = i16::MAX as i64 - KNEE as i64;
    let over = i64::from(sum.unsigned_abs()) - i64::from(KNEE);
    if over <= 0 {
        return sum as i16;
    }
    let bent = i64::from(KNEE) + ROOM * over / (ROOM + over);
    (bent as i16) * if sum < 0 { -1 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    const RATE: u32 = 8000;
    const FRAME: usize = 160;

    /// A mixer and what its parties say: each a tone of its own, at `loud`.
    struct Room {
        mixer: Mixer<u8>,
        at: usize,
        heard: Vec<i16>,
    }

    fn tone(of: u8, loud: f32, at: usize) -> i16 {
        let hz = 200.0 + 130.0 * f32::from(of);
        (loud * (std::f32::consts::TAU * hz * at as f32 / RATE as f32).sin()) as i16
    }

    impl Room {
        fn new() -> Self {
            Room { mixer: Mixer::new(), at: 0, heard: Vec::new() }
        }

        /// One frame in which the present ones speak.
        fn frame(&mut self, present: &[u8], loud: f32) {
            let said: Vec<Vec<i16>> = present
                .iter()
                .map(|of| (self.at..self.at + FRAME).map(|n| tone(*of, loud, n)).collect())
                .collect();
            let mut frame = [0; FRAME];
            self.mixer.mix(RATE, &mut frame, |key| {
                let place = present.iter().position(|of| *of == key)?;
                Some((said.get(place)?.as_slice(), RATE))
            });
            self.heard.extend(frame);
            self.at += FRAME;
        }
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn each_hears_the_sum_of_the_others_exactly_and_never_itself() {
        let all = [0u8, 1, 2, 3];
        for me in all {
            let others: Vec<u8> = all.into_iter().filter(|other| *other != me).collect();
            let mut room = Room::new();
            room.mixer.hear(&others);
            room.frame(&all, 4000.0);
            room.heard.clear();
            let from = room.at;
            room.frame(&all, 4000.0);
            let sum = |n| others.iter().map(|of| i32::from(tone(*of, 4000.0, n))).sum::<i32>();
            let expected: Vec<i16> = (from..from + FRAME).map(|n| limit(sum(n))).collect();
            assert_eq!(room.heard, expected, "what {me} hears");
        }
    }

    #[test]
    fn a_sum_that_is_too_loud_is_bent_in_order_without_a_step_and_never_wraps() {
        assert_eq!([0, 1, -1, KNEE, -KNEE].map(limit), [0, 1, -1, KNEE as i16, -(KNEE as i16)]);
        let mut before = limit(-400_000);
        for sum in -400_000..=400_000 {
            let now = limit(sum);
            assert!(now >= before && i32::from(now) - i32::from(before) <= 1, "{sum}");
            assert!(now == -limit(-sum), "{sum}");
            before = now;
        }
        assert!((32_000..=i16::MAX).contains(&limit(400_000)) && limit(i32::MIN) < -32_000);
        assert_eq!(limit(2 * 20_000), 29_925, "two loud voices");
    }

    /// A tone at full level steps by so much from sample to sample; a click would be ten times that.
    #[test]
    fn whoever_comes_goes_breaks_off_or_returns_nothing_clicks() {
        let loud = 6000.0;
        for seed in 0..200 {
            let mut rng = Rng::from_number(seed);
            let mut room = Room::new();
            let (mut heard, mut present) = (Vec::new(), vec![0u8, 1, 2, 3]);
            for _ in 0..50 {
                let who = (rng.next_u32() % 4) as u8;
                match rng.next_u32() % 6 {
                    0 => heard.push(who),
                    1 => heard.retain(|other| *other != who),
                    2 => present.retain(|other| *other != who),
                    3 if !present.contains(&who) => present.push(who),
                    4 => {
                        room.mixer.forget(who);
                        heard.retain(|other| *other != who);
                    }
                    _ => {}
                }
                heard.sort_unstable();
                heard.dedup();
                room.mixer.hear(&heard);
                room.frame(&present, loud);
                assert!(room.mixer.voices.len() <= 8, "voices that are over are not kept");
            }
            let own_steps = 4.0 * loud * std::f32::consts::TAU * 590.0 / RATE as f32;
            let fades = 4.0 * 2.0 * loud / 80.0;
            let most = (own_steps + fades) as i32;
            let step = largest_step(&room.heard);
            assert!(step <= most, "seed {seed}: a step of {step}, {most} allowed");
        }
    }

    #[test]
    fn who_is_heard_no_longer_is_silent_after_one_frame() {
        let mut room = Room::new();
        room.mixer.hear(&[1, 2]);
        (0..3).for_each(|_| room.frame(&[1, 2], 5000.0));
        room.mixer.hear(&[2]);
        room.frame(&[1], 5000.0);
        room.heard.clear();
        room.frame(&[1], 5000.0);
        assert_eq!(room.heard, [0; FRAME]);
        room.mixer.forget(2);
        room.frame(&[1, 2], 5000.0);
        assert!(room.mixer.voices.is_empty() && room.heard.iter().all(|sample| *sample == 0));
    }

    #[test]
    fn a_wide_voice_is_heard_among_narrow_ones() {
        let wide: Vec<i16> = (0..32_000).map(|n| tone(1, 5000.0, n / 2)).collect();
        let mut mixer = Mixer::new();
        mixer.hear_at_once(1u8);
        let mut heard = Vec::new();
        for piece in wide.chunks(320) {
            let mut frame = [0; FRAME];
            mixer.mix(RATE, &mut frame, |_| Some((piece, 16_000)));
            heard.extend(frame);
        }
        let power =
            |sound: &[i16]| sound.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / sound.len() as f64;
        let gain = power(&heard[800..]) / power(&wide[1600..]);
        assert!((0.9..1.1).contains(&gain), "{gain}");
    }

    #[test]
    fn a_voice_that_was_heard_before_goes_on_at_full_level() {
        let mut room = Room::new();
        room.mixer.hear_at_once(1);
        room.frame(&[1], 5000.0);
        assert_eq!(room.heard, (0..FRAME).map(|n| tone(1, 5000.0, n)).collect::<Vec<_>>());
    }
}
