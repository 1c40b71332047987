//! Where in a stream a packet stands: rollover counter, and which packets were there before (RFC 3711 §3.3).

/// The newest packet of one SSRC and which of those before it have come.
///
/// ```text
///   newest - 127            newest - 1   newest
///        |  1  1  0  1 ...  1  0  1  |  1
///        bit 127                      bit 0 of `seen`
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// Rollover counter and sequence number in one, or the index of SRTCP.
    newest: u64,
    seen: u128,
}

impl Window {
    /// The index that a sequence number most probably stands for: that within half a round of the newest
    /// (RFC 3711 appendix A). `None`: it would be older than the stream.
    pub fn estimate(&self, sequence: u16) -> Option<u64> {
        let (rollover, newest) = (self.newest >> 16, self.newest as u16);
        let rollover = if sequence.wrapping_sub(newest) < 0x8000 {
            // Ahead, over the wrap or not.
            rollover + u64::from(sequence < newest)
        } else {
            rollover.checked_sub(u64::from(sequence > newest))?
        };
        Some(rollover << 16 | u64::from(sequence))
    }

    /// Whether it has come already, or is too old to tell.
    pub fn has_seen(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            None => false,
            Some(age) => age >= u128::BITS.into() || self.seen >> age & 1 == 1,
        }
    }

    /// It is genuine.
    pub fn note(&mut self, index: u64) {
        match index.checked_sub(self.newest) {
            Some(steps) => {
                let seen = u32::try_from(steps).ok().and_then(|steps| self.seen.checked_shl(steps));
                self.seen = seen.unwrap_or(0) | 1;
                self.newest = index;
            }
            None => {
                let age = u32::try_from(self.newest - index).unwrap_or(u32::MAX);
                self.seen |= 1u128.checked_shl(age).unwrap_or(0);
            }
        }
    }

    pub fn rollover(&self) -> u64 {
        self.newest >> 16
    }
}

/// The windows of the SSRCs that have proven themselves, the latest heard last.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows(Vec<(u32, Window)>);

/// A peer changes its SSRC when it restarts its stream; one after the other, seldom two at a time.
const MOST: usize = 8;

impl Windows {
    pub fn get(&self, ssrc: u32) -> Option<&Window> {
        self.0.iter().rev().find(|(of, _)| *of == ssrc).map(|(_, window)| window)
    }

    /// A genuine packet of this SSRC.
    pub fn note(&mut self, ssrc: u32, index: u64) {
        match self.0.last_mut().filter(|(of, _)| *of == ssrc) {
            Some((_, window)) => window.note(index),
            None => {
                let at = self.0.iter().position(|(of, _)| *of == ssrc);
                // A new one takes the place of the one that was silent for longest.
                let at = at.or((self.0.len() == MOST).then_some(0));
                let before = at.map(|at| self.0.remove(at)).filter(|(of, _)| *of == ssrc);
                let mut window = before.map(|(_, window)| window).unwrap_or_default();
                window.note(index);
                self.0.push((ssrc, window));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rollover: u64, sequence: u64) -> u64 {
        rollover << 16 | sequence
    }

    fn window(index: u64) -> Window {
        let mut window = Window::default();
        window.note(index);
        window
    }

    #[test]
    fn the_round_nearest_to_the_newest() {
        let cases = [
            (at(0, 100), 101, Some(at(0, 101))),
            (at(0, 65535), 0, Some(at(1, 0))),
            (at(0, 65000), 400, Some(at(1, 400))),
            (at(1, 400), 65000, Some(at(0, 65000))),
            (at(7, 40000), 7231, Some(at(8, 7231))),
            (at(7, 40000), 7232, Some(at(7, 7232))),
            (at(7, 40000), 7233, Some(at(7, 7233))),
            (at(7, 40000), 40000, Some(at(7, 40000))),
            (at(7, 10), 40000, Some(at(6, 40000))),
            (at(0, 5), 65530, None),
        ];
        for (newest, sequence, index) in cases {
            assert_eq!(window(newest).estimate(sequence), index, "{newest:x} then {sequence}");
        }
    }

    #[test]
    fn each_packet_once_within_the_window() {
        let mut window = window(at(0, 65530));
        assert!(window.has_seen(at(0, 65530)) && !window.has_seen(at(0, 65529)));
        window.note(at(1, 2));
        assert!(window.has_seen(at(0, 65530)) && !window.has_seen(at(0, 65531)), "eight later");
        window.note(at(0, 65531));
        assert!(window.has_seen(at(0, 65531)));
        assert!(!window.has_seen(at(1, 2) - 127) && window.has_seen(at(1, 2) - 128), "127 back");
        window.note(at(1, 2000));
        assert!(!window.has_seen(at(1, 1999)) && window.has_seen(at(1, 2)));
    }

    #[test]
    fn sources_are_bounded_and_the_silent_one_goes() {
        let mut windows = Windows::default();
        for ssrc in 0..8 {
            windows.note(ssrc, 100);
        }
        windows.note(0, 101);
        windows.note(99, 1);
        assert_eq!(windows.0.len(), MOST);
        assert!(windows.get(1).is_none());
        assert!(windows.get(0).is_some_and(|window| window.has_seen(100) && window.has_seen(101)));
    }
}
