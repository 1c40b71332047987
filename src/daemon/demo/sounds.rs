//! Everything that might be heard, ready to be recognised.

use crate::base::{Catalog, Language, Law};
use crate::media::{self, Library};

/// Samples between two features of a sound: 5 ms.
pub const HOP: usize = 40;
/// Samples that a feature looks at: 20 ms.
const FRAME: usize = 160;
/// Places that are looked at sample by sample, the likeliest first.
const CANDIDATES: usize = 48;
/// Below this root mean square, 16-bit samples are silence: a few steps of G.711.
pub const QUIET: f32 = 40.0;

/// Index into [`Sounds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SoundId(pub usize);

/// One recording, as it arrives at a phone: 8 kHz, through G.711.
#[derive(Clone, Debug)]
pub struct Sound {
    /// `folder/name` of a prompt; what a person says has a name of its own.
    pub name: String,
    /// `None` for what has no language.
    pub language: Option<Language>,
    pub chinese: String,
    pub english: String,
    pub samples: Vec<i16>,
    features: Vec<Feature>,
}

/// Loudness and sharpness of 20 ms, as logarithms.
type Feature = [f32; 2];

/// Prompts of all languages, and what the people of the demo say.
#[derive(Clone, Debug, Default)]
pub struct Sounds {
    sounds: Vec<Sound>,
}

/// Where a piece of a recording was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub sound: SoundId,
    /// The sample of the sound that the piece begins with.
    pub offset: usize,
    pub correlation: f32,
}

impl Sounds {
    /// All prompts of a catalogue and its library, under the same numbers.
    pub fn of_prompts(catalog: &Catalog, library: &Library) -> Sounds {
        let mut sounds = Sounds::default();
        for (id, info) in catalog.iter() {
            let octets = library.get(id, Law::A).map(|octets| &octets[..]).unwrap_or_default();
            let samples = octets.iter().map(|&octet| media::decode(Law::A, octet)).collect();
            let text = |tag: &str| {
                let found = catalog.find(&Language::new(tag), &info.name).and_then(|id| catalog.get(id));
                found.map(|info| info.text.clone()).unwrap_or_default()
            };
            sounds.add(&info.name, info.language.clone(), [text("zh-CN"), text("en-US")], samples);
        }
        sounds
    }

    pub fn add(
        &mut self,
        name: &str,
        language: Option<Language>,
        [chinese, english]: [String; 2],
        samples: Vec<i16>,
    ) -> SoundId {
        let features = features(&samples);
        self.sounds.push(Sound { name: name.to_owned(), language, chinese, english, samples, features });
        SoundId(self.sounds.len() - 1)
    }

    pub fn get(&self, id: SoundId) -> Option<&Sound> {
        self.sounds.get(id.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = (SoundId, &Sound)> {
        self.sounds.iter().enumerate().map(|(at, sound)| (SoundId(at), sound))
    }

    /// Where `piece` comes from: the best of all places that look alike. `None` below `least`.
    pub fn find(&self, piece: &[i16], least: f32) -> Option<Found> {
        let mut best: Option<Found> = None;
        for (sound, hop) in self.alike(&features(piece)) {
            let Some(samples) = self.get(sound).map(|sound| &sound.samples) else { continue };
            let centre = hop * HOP;
            for offset in centre.saturating_sub(HOP / 2)..=centre + HOP / 2 {
                let Some(there) = samples.get(offset..offset + piece.len()) else { break };
                let correlation = correlation(piece, there);
                // Of equals the first: some words are there under two names.
                if correlation >= least && best.is_none_or(|best| correlation > best.correlation) {
                    best = Some(Found { sound, offset, correlation });
                }
            }
        }
        best
    }

    /// The places with the nearest features, nearest first.
    fn alike(&self, piece: &[Feature]) -> Vec<(SoundId, usize)> {
        let mut nearest: Vec<(f32, SoundId, usize)> = Vec::with_capacity(CANDIDATES + 1);
        let mut limit = f32::INFINITY;
        for (at, sound) in self.sounds.iter().enumerate() {
            for (hop, there) in sound.features.windows(piece.len().max(1)).enumerate() {
                let Some(distance) = distance(piece, there, limit) else { continue };
                let place = nearest.partition_point(|(other, ..)| *other <= distance);
                nearest.insert(place, (distance, SoundId(at), hop));
                if nearest.len() > CANDIDATES {
                    nearest.pop();
                    limit = nearest.last().map_or(f32::INFINITY, |(worst, ..)| *worst);
                }
            }
        }
        nearest.into_iter().map(|(_, sound, hop)| (sound, hop)).collect()
    }
}

/// `None` where it is not below `limit`: most places are given up after a few features.
fn distance(a: &[Feature], b: &[Feature], limit: f32) -> Option<f32> {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
        if sum >= limit {
            return None;
        }
    }
    Some(sum)
}

fn features(samples: &[i16]) -> Vec<Feature> {
    // Short sounds have one feature at least, so that they can be found at all.
    let frames = samples.len().saturating_sub(FRAME) / HOP + 1;
    (0..frames).map(|n| feature(samples.get(n * HOP..).unwrap_or_default())).collect()
}

fn feature(samples: &[i16]) -> Feature {
    let frame = samples.get(..FRAME).unwrap_or(samples);
    let level = |sum: f32| (1.0 + sum / frame.len().max(1) as f32).ln();
    let loud: f32 = frame.iter().map(|&s| f32::from(s).powi(2)).sum();
    let sharp: f32 = frame.windows(2).map(|pair| (f32::from(pair[1]) - f32::from(pair[0])).powi(2)).sum();
    [level(loud), level(sharp)]
}

/// Normalised correlation of two pieces, from -1 to 1; 0 where one of them is silent.
pub fn correlation(a: &[i16], b: &[i16]) -> f32 {
    let (mut both, mut aa, mut bb) = (0.0f64, 0.0f64, 0.0f64);
    // Within 64 samples a single-precision sum of products is exact enough and fast.
    for (a, b) in a.chunks(64).zip(b.chunks(64)) {
        let (mut sum, mut square_a, mut square_b) = (0.0f32, 0.0f32, 0.0f32);
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (f32::from(a), f32::from(b));
            sum += a * b;
            square_a += a * a;
            square_b += b * b;
        }
        both += f64::from(sum);
        aa += f64::from(square_a);
        bb += f64::from(square_b);
    }
    let norm = (aa * bb).sqrt();
    if norm == 0.0 { 0.0 } else { (both / norm) as f32 }
}

/// Root mean square.
pub fn loudness(samples: &[i16]) -> f32 {
    let sum: f64 = samples.iter().map(|&s| f64::from(s).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt() as f32
}
