//! Callers in order, with their ranks.

/// A place in the one order of all lanes: virtual time, then order of joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Arrival - credit, in microseconds; negative near the start of the clock.
    pub v: i64,
    pub seq: u64,
    /// The caller's cell.
    pub index: u32,
}

/// A sorted list in short buckets. A `BTreeMap` would do but for [`rank`](Line::rank): asking 100,000
/// waiting callers' places must not walk the line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Never empty ones; each sorted, and all keys of one before all keys of the next.
    buckets: Vec<Vec<Key>>,
}

const BUCKET: usize = 512;

impl Line {
    pub fn insert(&mut self, key: Key) {
        let at = self.bucket_of(key).min(self.buckets.len().saturating_sub(1));
        let Some(bucket) = self.buckets.get_mut(at) else {
            self.buckets.push(vec![key]);
            return;
        };
        let place = bucket.partition_point(|k| *k < key);
        bucket.insert(place, key);
        if bucket.len() > BUCKET {
            let upper = bucket.split_off(BUCKET / 2);
            self.buckets.insert(at + 1, upper);
        }
    }

    /// Whether the key was there.
    pub fn remove(&mut self, key: Key) -> bool {
        let at = self.bucket_of(key);
        let Some(bucket) = self.buckets.get_mut(at) else { return false };
        let Ok(place) = bucket.binary_search(&key) else { return false };
        bucket.remove(place);
        if bucket.is_empty() {
            self.buckets.remove(at);
        }
        true
    }

    pub fn first(&self) -> Option<Key> {
        self.buckets.first()?.first().copied()
    }

    /// How many keys are before this one, which need not be in the line.
    pub fn rank(&self, key: Key) -> usize {
        let at = self.bucket_of(key);
        let before: usize = self.buckets.iter().take(at).map(Vec::len).sum();
        before + self.buckets.get(at).map_or(0, |b| b.partition_point(|k| *k < key))
    }

    pub fn iter(&self) -> impl Iterator<Item = Key> {
        self.buckets.iter().flatten().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The first bucket that ends at or after the key.
    fn bucket_of(&self, key: Key) -> usize {
        self.buckets.partition_point(|b| b.last().is_some_and(|last| *last < key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::Rng;

    #[test]
    fn agrees_with_a_sorted_set_through_splits_and_removals() {
        let (mut line, mut model, mut rng) = (Line::default(), BTreeSet::new(), Rng::from_number(7));
        for seq in 0..6000 {
            let key = Key { v: rng.below(1000) as i64 - 500, seq, index: 0 };
            line.insert(key);
            model.insert(key);
            if rng.below(4) == 0 {
                let victim = *model.iter().nth(rng.below(model.len() as u64) as usize).expect("not empty");
                assert!(line.remove(victim) && model.remove(&victim));
                assert!(!line.remove(victim), "gone already");
            }
        }
        assert!(line.iter().eq(model.iter().copied()));
        assert_eq!(line.first(), model.first().copied());
        for (rank, key) in model.iter().enumerate().step_by(97) {
            assert_eq!(line.rank(*key), rank);
        }
        for key in model {
            assert!(line.remove(key));
        }
        assert!(line.is_empty() && line.buckets.is_empty());
    }
}
