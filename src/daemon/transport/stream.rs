//! One stream's life: cut what arrives into messages, write what is queued, end for a reason.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::sip::wire::{Cut, StreamFramer};
use crate::sip::{self, Flow};

use super::streams::{Event, Shared};

/// What a stream may cost us.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A stream on which nothing comes for this long is closed.
    pub idle: Duration,
    pub message: sip::Limits,
}

/// Once begun, a message must be whole within this time; so must the first one of a new stream.
pub const MESSAGE_LIMIT: Duration = Duration::from_secs(30);
/// A reader that takes this long for one message is gone or means harm.
pub const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long a stream that we close for its nonsense may take to be told so.
pub const LAST_WORD: Duration = Duration::from_millis(500);
/// The answer to a keep-alive (RFC 5626 §4.4.1).
pub const PONG: &[u8] = b"\r\n";
const READ_BUFFER: usize = 16 * 1024;

/// Both directions until one of them ends.
pub(super) async fn carry<S>(socket: &mut S, flow: Flow, mut queued: mpsc::Receiver<Bytes>, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, writer) = tokio::io::split(&mut *socket);
    tokio::select! {
        () = read(reader, flow, shared) => {}
        () = write(writer, &mut queued, shared) => {}
    }
    // TLS says goodbye; a peer that does not listen is not waited for.
    let _ = timeout(LAST_WORD, socket.shutdown()).await;
}

async fn read(mut reader: impl AsyncRead + Unpin, flow: Flow, shared: &Shared) {
    let mut framer = StreamFramer::new(shared.limits.message);
    let mut buffer = vec![0; READ_BUFFER];
    let opened = Instant::now();
    // Since when a message has been under way; the first one is, from the beginning.
    let mut begun = Some(opened);
    loop {
        let patience = begun.map_or(shared.limits.idle, |since| {
            MESSAGE_LIMIT.min(shared.limits.idle).saturating_sub(since.elapsed())
        });
        let length = match timeout(patience, reader.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(length)) => length,
            Err(_) => {
                let counters = &shared.counters;
                let slow = framer.is_within_message();
                if slow { &counters.tcp_slow } else { &counters.tcp_idle }.add_one();
                return;
            }
        };
        framer.push(buffer.get(..length).unwrap_or_default());
        let mut cut_one = false;
        while let Some(cut) = framer.poll() {
            cut_one = true;
            match cut {
                Cut::Message(bytes) => {
                    if shared.arrivals.send(Event::Message { flow, bytes }).await.is_err() {
                        return;
                    }
                }
                Cut::Ping => shared.write(flow, Bytes::from_static(PONG)),
                Cut::Broken { why, head } => {
                    shared.counters.tcp_malformed.add_one();
                    tracing::debug!(%flow, %why, "stream closed");
                    if !head.is_empty() {
                        let _ = shared.arrivals.send(Event::Message { flow, bytes: head }).await;
                        // The endpoint's 400 goes out by the writing half meanwhile.
                        sleep(LAST_WORD).await;
                    }
                    return;
                }
            }
        }
        begun = match begun {
            Some(since) if !cut_one => Some(since),
            _ => framer.is_within_message().then(Instant::now),
        };
    }
}

async fn write(mut writer: impl AsyncWrite + Unpin, queued: &mut mpsc::Receiver<Bytes>, shared: &Shared) {
    while let Some(bytes) = queued.recv().await {
        let whole = async {
            writer.write_all(&bytes).await?;
            // TLS keeps a record back until it is told to send it.
            writer.flush().await
        };
        match timeout(WRITE_LIMIT, whole).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                shared.counters.tcp_write_blocked.add_one();
                return;
            }
        }
    }
}
