//! Going over a part of a list.
//!
//! Not by `SkipMap::range`: as of crossbeam-skiplist 0.1.3 it counts itself as a user of every entry that it goes over
//! and takes that back for the last one only, so that none of the others is ever freed. `iter` takes all of it back.

use std::ops::Bound;

use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::Entry;

/// The entries from this key on, in order.
pub(super) fn from<'a, K: Ord, V>(map: &'a SkipMap<K, V>, first: K) -> impl Iterator<Item = Entry<'a, K, V>> {
    let mut next = map.lower_bound(Bound::Included(&first));
    let mut last: Option<Entry<'a, K, V>> = None;
    std::iter::from_fn(move || {
        // Looked for when it is asked for: whoever goes over the list may remove what it has just got.
        let entry = next.take().or_else(|| last.as_ref()?.next())?;
        last = Some(entry.clone());
        Some(entry)
    })
}

/// The entries before this key, in order.
pub(super) fn before<'a, K: Ord, V>(map: &'a SkipMap<K, V>, end: K) -> impl Iterator<Item = Entry<'a, K, V>> {
    map.iter().take_while(move |entry| *entry.key() < end)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn keys(entries: impl Iterator<Item = Entry<'static, u32, Arc<()>>>) -> Vec<u32> {
        entries.map(|entry| *entry.key()).collect()
    }

    #[test]
    fn a_walk_goes_over_its_part_of_the_list_and_keeps_nothing_of_it() {
        let value = Arc::new(());
        // As long as the process, as a core's lists are: dropping a list would free what a walk had kept.
        let list: &'static SkipMap<u32, Arc<()>> = Box::leak(Box::default());
        for key in 0..10 {
            list.insert(key, value.clone());
        }
        assert_eq!(keys(from(list, 4)), [4, 5, 6, 7, 8, 9]);
        assert_eq!(keys(from(list, 20)), [0; 0]);
        assert_eq!(keys(before(list, 3)), [0, 1, 2]);
        assert_eq!(keys(before(list, 20)).len(), 10);
        // Not to the end, and with entries that go meanwhile.
        for entry in from(list, 2).take(5) {
            entry.remove();
        }
        assert_eq!(keys(from(list, 0)), [0, 1, 7, 8, 9]);
        for key in [0, 1, 7, 8, 9] {
            list.remove(&key);
        }
        // Freed as soon as no thread of any other test is in an operation that may have seen them.
        for _ in 0..10_000_000 {
            if Arc::strong_count(&value) == 1 {
                return;
            }
            crossbeam_epoch::pin().flush();
            std::hint::spin_loop();
        }
        panic!("{} entries are kept", Arc::strong_count(&value) - 1);
    }
}
