//! Passwords that are tried out: so many in vain within a time, from one source or for one name, and nobody from there or
//! of that name is listened to until the time has passed.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::base::Instant;

/// Of sources and of names; beyond that those that failed longest ago are forgotten.
const REMEMBERED: usize = 10_000;

pub struct Attempts {
    most: u32,
    window: Duration,
    sources: BTreeMap<IpAddr, VecDeque<Instant>>,
    names: BTreeMap<String, VecDeque<Instant>>,
}

impl Attempts {
    /// `most` in vain within `window`.
    pub fn new(most: u32, window: Duration) -> Attempts {
        Attempts { most, window, sources: BTreeMap::new(), names: BTreeMap::new() }
    }

    /// Counts an attempt as one in vain before it is looked at, so that many at once are no way around.
    ///
    /// # Errors
    /// Nobody looks at it; how long that stays so.
    pub fn begin(&mut self, now: Instant, source: IpAddr, name: &str) -> Result<(), Duration> {
        let source = house(source);
        let window = self.window;
        let full = |tried: Option<&VecDeque<Instant>>| {
            let recent: Vec<Instant> =
                tried.into_iter().flatten().copied().filter(|at| now.since(*at) < window).collect();
            // Until the one after which there are fewer than enough.
            let most = usize::try_from(self.most).unwrap_or(usize::MAX);
            let place = recent.len().checked_sub(most)?;
            recent.get(place).map(|at| (*at + window).since(now))
        };
        let wait = full(self.sources.get(&source)).max(full(self.names.get(name)));
        if let Some(wait) = wait {
            return Err(wait);
        }
        note(&mut self.sources, source, now, window);
        note(&mut self.names, name.to_owned(), now, window);
        Ok(())
    }

    /// The last one was not in vain. What others from there tried still counts.
    pub fn succeeded(&mut self, source: IpAddr, name: &str) {
        self.names.remove(name);
        if let Some(tried) = self.sources.get_mut(&house(source)) {
            tried.pop_back();
        }
    }
}

fn note<K: Ord + Clone>(all: &mut BTreeMap<K, VecDeque<Instant>>, key: K, now: Instant, window: Duration) {
    if all.len() >= REMEMBERED && !all.contains_key(&key) {
        all.retain(|_, tried| tried.back().is_some_and(|at| now.since(*at) < window));
        let oldest = all.iter().min_by_key(|(_, tried)| tried.back().copied()).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest.filter(|_| all.len() >= REMEMBERED) {
            all.remove(&oldest);
        }
    }
    let tried = all.entry(key).or_default();
    tried.retain(|at| now.since(*at) < window);
    tried.push_back(now);
}

/// Who counts as one: an IPv4 address, the 64 bits that a house is given of IPv6.
fn house(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn from(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn the_sixth_within_half_a_minute_waits_until_the_first_is_that_old() {
        let mut attempts = Attempts::new(5, Duration::from_secs(30));
        let here = from("192.0.2.1");
        for second in 0..5 {
            assert_eq!(attempts.begin(at(second), here, &format!("user{second}")), Ok(()));
        }
        assert_eq!(attempts.begin(at(5), here, "somebody"), Err(Duration::from_secs(25)), "by source");
        assert_eq!(attempts.begin(at(5), from("192.0.2.2"), "somebody"), Ok(()));
        assert_eq!(attempts.begin(at(30), here, "somebody"), Ok(()));
        assert!(attempts.begin(at(30), here, "somebody").is_err(), "that was the fifth again");
    }

    #[test]
    fn a_name_is_guarded_from_many_sources_and_a_success_makes_up_for_it() {
        let mut attempts = Attempts::new(2, Duration::from_secs(30));
        let source = |number: u8| IpAddr::from([192, 0, 2, number]);
        assert!(
            attempts.begin(at(0), source(1), "min").is_ok()
                && attempts.begin(at(0), source(2), "min").is_ok()
        );
        assert_eq!(attempts.begin(at(1), source(3), "min"), Err(Duration::from_secs(29)));
        assert!(attempts.begin(at(1), source(3), "li").is_ok());
        attempts.succeeded(source(3), "li");
        assert!(
            attempts.begin(at(1), source(3), "li").is_ok() && attempts.begin(at(1), source(4), "li").is_ok()
        );
        assert!(attempts.begin(at(1), source(5), "li").is_err());
    }

    #[test]
    fn a_house_is_one_source_and_memory_is_bounded() {
        let mut attempts = Attempts::new(1, Duration::from_secs(30));
        assert!(attempts.begin(at(0), from("2001:db8::1"), "a").is_ok());
        assert!(attempts.begin(at(0), from("2001:db8::2"), "b").is_err());
        for number in 0..REMEMBERED as u32 + 50 {
            let source = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            assert!(attempts.begin(at(1), source, &number.to_string()).is_ok());
        }
        assert!(attempts.sources.len() <= REMEMBERED && attempts.names.len() <= REMEMBERED);
    }
}
