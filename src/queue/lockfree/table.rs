//! Cells that never move and are never freed, made a chunk at a time.

use once_cell::race::OnceBox;

/// Cells in the first chunk; each further one doubles the whole.
const FIRST: usize = 64;
/// Enough for the callers and the agents that a word can name.
const CHUNKS: usize = 16;

/// Grows while others look: who needs a chunk that is not there makes one, and if two do, one is dropped.
pub(super) struct Table<T> {
    chunks: [OnceBox<Box<[T]>>; CHUNKS],
}

impl<T: Default> Default for Table<T> {
    fn default() -> Self {
        Table { chunks: std::array::from_fn(|_| OnceBox::new()) }
    }
}

impl<T: Default> Table<T> {
    /// The most cells that a table holds: more than any number a word can name.
    pub const MOST: usize = FIRST << (CHUNKS - 1);

    pub fn at(&self, index: u32) -> &T {
        let (chunk, offset, length) = place(index as usize % Self::MOST);
        let cells = self.chunks[chunk].get_or_init(|| Box::new((0..length).map(|_| T::default()).collect()));
        &cells[offset]
    }
}

/// Which chunk, where in it, and how long it is.
fn place(index: usize) -> (usize, usize, usize) {
    match (index / FIRST).checked_ilog2() {
        None => (0, index, FIRST),
        Some(power) => {
            let begin = FIRST << power;
            (power as usize + 1, index - begin, begin)
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn every_index_has_a_cell_of_its_own() {
        let table = Table::<AtomicU32>::default();
        for index in 0..5000 {
            table.at(index).store(index, Ordering::Relaxed);
        }
        assert!((0..5000).all(|index| table.at(index).load(Ordering::Relaxed) == index));
        let last = Table::<AtomicU32>::MOST - 1;
        let (chunk, offset, length) = place(last);
        assert_eq!((chunk, offset + 1), (CHUNKS - 1, length));
    }
}
