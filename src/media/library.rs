//! The prompts, encoded once for each codec and shared by all workers.

use std::fmt;
use std::sync::Arc;

use crate::base::{Law, PromptId};

use super::{SAMPLE_RATE, g711, resample};

/// Every prompt in every codec, in the order of the catalogue's ids. Cloning shares the audio: to add prompts at
/// a reload, clone, add, and give the new one to the engines.
#[derive(Clone, Default)]
pub struct Library {
    prompts: Vec<Prompt>,
}

#[derive(Clone)]
struct Prompt {
    pcma: Arc<[u8]>,
    pcmu: Arc<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LibraryError {
    /// Samples of another rate, in Hz, than 8, 16 and 48 kHz.
    Rate(u32),
    /// More prompts than a [`PromptId`] can number.
    Full,
}

impl Library {
    /// Appends a prompt: 16-bit linear, one channel, 8, 16 or 48 kHz.
    pub fn add(&mut self, samples: &[i16], rate: u32) -> Result<PromptId, LibraryError> {
        let id = u32::try_from(self.prompts.len()).map_err(|_| LibraryError::Full)?;
        let resampled;
        let samples = match rate {
            8000 => samples,
            16_000 | 48_000 => {
                resampled = resample::whole(samples, rate, SAMPLE_RATE);
                &resampled
            }
            other => return Err(LibraryError::Rate(other)),
        };
        let encoded = |law| samples.iter().map(|&s| g711::encode(law, s)).collect();
        self.prompts.push(Prompt { pcma: encoded(Law::A), pcmu: encoded(Law::Mu) });
        Ok(PromptId(id))
    }

    /// A prompt's octets: 8000 a second.
    pub fn get(&self, prompt: PromptId, law: Law) -> Option<&Arc<[u8]>> {
        let prompt = self.prompts.get(usize::try_from(prompt.0).ok()?)?;
        Some(match law {
            Law::A => &prompt.pcma,
            Law::Mu => &prompt.pcmu,
        })
    }

    /// How many prompts.
    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Library of {}", self.prompts.len())
    }
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LibraryError::Rate(rate) => {
                write!(f, "a prompt has 8000, 16000 or 48000 samples a second, not {rate}")
            }
            LibraryError::Full => f.write_str("too many prompts"),
        }
    }
}

impl std::error::Error for LibraryError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_once_and_shared() {
        let mut library = Library::default();
        assert_eq!(library.add(&[0, 1000, -1000], 8000), Ok(PromptId(0)));
        let a = library.get(PromptId(0), Law::A).cloned().unwrap_or_default();
        assert_eq!(*a, [0, 1000, -1000].map(|s| g711::encode(Law::A, s)));

        let mut grown = library.clone();
        assert_eq!(grown.add(&[5; 320], 16000), Ok(PromptId(1)));
        assert_eq!(grown.get(PromptId(1), Law::Mu).map(|p| p.len()), Some(160));
        assert!(grown.get(PromptId(0), Law::A).is_some_and(|same| Arc::ptr_eq(same, &a)));
        assert_eq!((library.len(), library.get(PromptId(1), Law::A)), (1, None));
    }

    #[test]
    fn other_rates_are_refused() {
        let error = Library::default().add(&[0], 44100).expect_err("refused");
        assert_eq!(error.to_string(), "a prompt has 8000, 16000 or 48000 samples a second, not 44100");
    }
}
