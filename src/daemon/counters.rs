//! What the shell dropped or gave up on, by reason.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows. Written by any thread, read for the status.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add_one(&self) {
        self.add(1);
    }

    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One for each way in which something is lost in the shell; the core counts its own.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Counters {
            /// Name and value, in the order of their declaration.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

counters! {
    /// Calendar files of persons that were read, and read anew.
    calendar_files_read,
    /// Calendar files that could not be: the ones that were known stay.
    calendar_files_unreadable,
    /// Events of calendar files that could not be understood wholly.
    calendar_events_unreadable,
    /// Mails and web hooks about messages that arrived.
    posts_delivered,
    /// Mails and web hooks about messages that never did: somebody has to look at the server.
    posts_given_up,
    /// Datagrams and streams from addresses that the lists of `[security]` shut out.
    sources_denied,
    /// Datagrams that the system would not send for another reason than the next three.
    udp_send_failed,
    /// Datagrams not sent because the system's buffers were full.
    udp_blocked,
    /// Datagrams not sent because no way leads to their address.
    udp_unreachable,
    /// Datagrams not sent because they were too long for one.
    udp_too_large,
    /// Keep-alives of phones over UDP (STUN) that were answered.
    udp_keep_alives,
    /// Messages for a stream whose reader had fallen too far behind; the stream was closed.
    tcp_write_overflow,
    /// Messages for a stream that was gone.
    tcp_gone,
    /// Streams closed because their peer took nothing that was written.
    tcp_write_blocked,
    /// Streams closed because nothing came for the idle time.
    tcp_idle,
    /// Streams closed because a message was begun and not ended in time.
    tcp_slow,
    /// Streams closed for what they sent: not SIP, or too long.
    tcp_malformed,
    /// Streams turned away because too many were open.
    tcp_refused,
    /// Streams turned away because too many were open to the same source.
    tcp_refused_source,
    /// Streams that the system could not hand over.
    tcp_accept_failed,
    /// Connections that we could not open, or whose peer was not who it should be.
    tcp_connect_failed,
    /// Peers whose TLS handshake failed: an old version, a certificate that is missing or refused, no TLS at all.
    tls_failed,
    /// Peers whose TLS handshake was not over in time.
    tls_slow,
    /// Peers who asked for no WebSocket, or for one that is not served: sub-protocol, path, origin.
    ws_refused,
    /// Peers who did not ask for a WebSocket in time.
    ws_slow,
    /// WebSockets closed because the peer answered no ping.
    ws_silent,
    /// Connections of the web turned away because too many were open, in all or to the same source.
    web_refused,
    /// Connections of the web closed because their reader took nothing.
    web_slow,
    /// Connectivity checks at a browser's port that did not know the password: somebody else's, or of an old call.
    browser_forged,
    /// Packets at a browser's port that are neither voice nor a check, or from where no check has come.
    browser_stray,
    /// Handshakes with browsers that came to nothing: another certificate than the one announced, no common cipher.
    browser_refused,
    /// Checks and handshakes of browsers dropped because too many had come at once; they come again.
    browser_overrun,
    /// RTP and RTCP packets that the system would not send.
    rtp_send_failed,
    /// RTP ports that could not be bound.
    rtp_bind_failed,
    /// Ticks that a media worker missed because the machine was busy.
    ticks_late,
    /// Pieces of recordings lost because the disk was too slow.
    recording_audio_lost,
    /// Recordings that could not be kept.
    recordings_failed,
    /// Messages that a trace did not show, since whoever follows it reads too slowly.
    trace_dropped,
    /// Events of the floor that were not shown, since whoever follows them reads too slowly.
    events_dropped,
    /// Messages that the capture server did not get, since its packets were not sent as fast.
    hep_dropped,
    /// Packets for the capture server that the system would not send, or that were too long for one.
    hep_failed,
    /// Lines of the log that nobody took in time.
    log_lines_lost,
}

/// `name=value` of those that are not zero.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, value) in self.all().into_iter().filter(|(_, value)| *value > 0) {
            write!(f, "{}{name}={value}", if first { "" } else { " " })?;
            first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_lost_is_shown() {
        let counters = Counters::default();
        assert_eq!(counters.to_string(), "");
        counters.tcp_idle.add_one();
        counters.ticks_late.add(3);
        assert_eq!(counters.to_string(), "tcp_idle=1 ticks_late=3");
    }
}
