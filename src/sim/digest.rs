//! The hash of everything that came out, in order: two runs are the same if it is.

use std::fmt::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::exchange::Output;

/// Takes outputs; gives one hash for all of them.
pub(super) struct Digest {
    hash: Sha256,
    /// Small pieces are hashed together.
    pending: Vec<u8>,
}

const ENOUGH: usize = 1 << 14;

impl Digest {
    pub(super) fn new() -> Self {
        Digest { hash: Sha256::new(), pending: Vec::with_capacity(2 * ENOUGH) }
    }

    pub(super) fn take(&mut self, at_micros: u64, output: &Output) {
        self.pending.extend_from_slice(&at_micros.to_le_bytes());
        match output {
            Output::Transmit(transmit) => {
                // Writing into memory does not fail.
                let _ = write!(self, "{}", transmit.flow);
                self.pending.extend_from_slice(&transmit.bytes);
            }
            other => {
                let _ = write!(self, "{other:?}");
            }
        }
        if self.pending.len() >= ENOUGH {
            self.hash.update(&self.pending);
            self.pending.clear();
        }
    }

    /// 64 hexadecimal digits.
    pub(super) fn finish(&self) -> String {
        let mut hash = self.hash.clone();
        hash.update(&self.pending);
        hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.pending.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
