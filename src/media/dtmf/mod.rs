//! Keys as telephone events (RFC 4733): each press once, however its packets arrive; and pressing keys ourselves.

mod listener;
mod sender;

pub(super) use listener::KeyListener;
pub(super) use sender::KeySender;

/// The payload (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Payload {
    event: u8,
    end: bool,
    /// Since the event's beginning, in time stamp units.
    duration: u16,
}

impl Payload {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[event, flags, d0, d1] = bytes.first_chunk()?;
        Some(Payload { event, end: flags & 0x80 != 0, duration: u16::from_be_bytes([d0, d1]) })
    }

    fn write(self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | VOLUME, d0, d1]
    }
}

/// -10 dBm0: what phones send.
const VOLUME: u8 = 10;
