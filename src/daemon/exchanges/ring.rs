//! Words to one exchange: a bounded ring that loses what does not fit, and never that it did.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;

pub struct Ring<T> {
    words: ArrayQueue<T>,
    /// Words did not fit since the exchange last asked.
    missed: AtomicBool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Heard<T> {
    Word(T),
    /// Some were lost.
    Missed,
}

impl<T> Ring<T> {
    pub fn new(room: usize) -> Self {
        Ring { words: ArrayQueue::new(room), missed: AtomicBool::new(false) }
    }

    /// Never waits.
    pub fn push(&self, word: T) {
        if self.words.push(word).is_err() {
            // What the word was about is true before this is seen.
            self.missed.store(true, Ordering::Release);
        }
    }

    /// That some were lost is told before anything else: whoever is told reads the truth afterwards, and what is lost
    /// from here on is told again.
    pub fn pop(&self) -> Option<Heard<T>> {
        if self.missed.load(Ordering::Relaxed) && self.missed.swap(false, Ordering::Acquire) {
            return Some(Heard::Missed);
        }
        self.words.pop().map(Heard::Word)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_does_not_fit_is_told_once_and_what_fits_is_heard() {
        let ring = Ring::new(2);
        (1..=5).for_each(|word| ring.push(word));
        let heard: Vec<_> = std::iter::from_fn(|| ring.pop()).collect();
        assert_eq!(heard, [Heard::Missed, Heard::Word(1), Heard::Word(2)]);
        ring.push(6);
        assert_eq!((ring.pop(), ring.pop()), (Some(Heard::Word(6)), None));
    }

    /// Writers change what is true and then say so; the reader, by words and by looking after "missed" alone, comes to
    /// know the last of what was true of everything.
    #[test]
    fn however_full_the_ring_the_reader_ends_with_the_truth() {
        const WRITERS: usize = 3;
        const CHANGES: u64 = 20_000;
        for room in [1, 2, 64] {
            let truth: Vec<AtomicU64> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
            let ring = Ring::new(room);
            let mut known = [0; WRITERS];
            let mut lost = 0u64;
            std::thread::scope(|scope| {
                for (writer, word) in truth.iter().enumerate() {
                    let ring = &ring;
                    scope.spawn(move || {
                        for change in 1..=CHANGES {
                            word.store(change, Ordering::Release);
                            ring.push(writer);
                        }
                    });
                }
                // One who never heard the last of all would turn here for ever.
                while known.iter().any(|known| *known < CHANGES) {
                    match ring.pop() {
                        Some(Heard::Word(writer)) => known[writer] = truth[writer].load(Ordering::Acquire),
                        Some(Heard::Missed) => {
                            lost += 1;
                            for (known, word) in known.iter_mut().zip(&truth) {
                                *known = word.load(Ordering::Acquire);
                            }
                        }
                        None => std::thread::yield_now(),
                    }
                }
            });
            assert!(lost > 0 || room > 2, "a ring of {room} was never full");
        }
    }
}
