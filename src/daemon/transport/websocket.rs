//! SIP in WebSocket frames (RFC 7118): the handshake, one message a frame, and an end with a reason.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::sip::Flow;

use super::listen::HANDSHAKE_LIMIT;
use super::stream::{LAST_WORD, MESSAGE_LIMIT, PONG, WRITE_LIMIT};
use super::streams::{Event, Shared};

/// The sub-protocol that both sides must name (RFC 7118 §4).
const SUB_PROTOCOL: &str = "sip";
/// A peer that let so many pings go by is gone.
const PINGS_UNANSWERED: u32 = 3;
/// The library reads into it before it cuts; the messages themselves grow beyond it.
const READ_BUFFER: usize = 8 * 1024;
/// Messages of the largest size that may wait in the library for a slow reader: one of ours, beside pongs for a peer
/// that pings and reads nothing.
const WRITE_BUFFER: usize = 2;
/// Of a frame from a client without a payload (RFC 6455 §5.2): two octets and the mask.
const CONTROL_HEAD: usize = 6;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The only path that is served; `None` for any.
    pub path: Option<String>,
    /// Whose pages may connect (RFC 6454), in lower case; empty for all. What is no browser names none.
    pub origins: Vec<String>,
    /// How often a peer is asked for a sign of life: a browser cannot ask by itself.
    pub ping: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config { path: None, origins: Vec::new(), ping: Duration::from_secs(25) }
    }
}

/// From the HTTP request to the end of the stream.
pub(super) async fn carry<S>(socket: &mut S, flow: Flow, mut queued: mpsc::Receiver<Bytes>, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let progress = Progress::default();
    let mut watched = Watched { socket, progress: progress.clone() };
    let largest = shared.limits.message.message;
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(largest.saturating_mul(WRITE_BUFFER))
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    let door = Door { config: &shared.websocket };
    let accepted = accept_hdr_async_with_config(&mut watched, door, Some(limits));
    let websocket = match timeout(HANDSHAKE_LIMIT, accepted).await {
        Ok(Ok(websocket)) => websocket,
        Ok(Err(error)) => {
            shared.counters.ws_refused.add_one();
            tracing::debug!(%flow, %error, "no WebSocket with this peer");
            refuse(&mut watched, &error).await;
            return;
        }
        Err(_) => {
            shared.counters.ws_slow.add_one();
            return;
        }
    };
    progress.whole();
    let (mut sink, mut stream) = websocket.split();
    let end = tokio::select! {
        end = read(&mut stream, &progress, flow, shared) => end,
        end = write(&mut sink, &mut queued, shared) => end,
    };
    if let Some(code) = end {
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        let _ = timeout(LAST_WORD, sink.send(Message::Close(Some(frame)))).await;
    }
}

/// Tells a peer that did not ask for a WebSocket as RFC 6455 §4.2.1 wants it. What our own [`Door`] refused is told
/// already.
async fn refuse(socket: &mut (impl AsyncWrite + Unpin), error: &Error) {
    let answer = match error {
        Error::Http(_) | Error::Io(_) => return,
        Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader,
        ) => "426 Upgrade Required\r\nUpgrade: websocket",
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            "426 Upgrade Required\r\nSec-WebSocket-Version: 13"
        }
        Error::Protocol(ProtocolError::WrongHttpMethod) => "405 Method Not Allowed\r\nAllow: GET",
        _ => "400 Bad Request",
    };
    let answer = format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let _ = timeout(LAST_WORD, socket.write_all(answer.as_bytes())).await;
}

/// Looks at the request for a WebSocket.
struct Door<'a> {
    config: &'a Config,
}

impl Callback for Door<'_> {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let refused = |status: StatusCode| {
            let mut answer = ErrorResponse::new(None);
            *answer.status_mut() = status;
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            Err(answer)
        };
        if self.config.path.as_deref().is_some_and(|path| path != request.uri().path()) {
            return refused(StatusCode::NOT_FOUND);
        }
        let origins = &self.config.origins;
        let origin = request.headers().get(header::ORIGIN).map(|value| value.as_bytes().to_ascii_lowercase());
        let foreign = |origin: &Vec<u8>| !origins.iter().any(|known| known.as_bytes() == origin.as_slice());
        if !origins.is_empty() && origin.as_ref().is_some_and(foreign) {
            return refused(StatusCode::FORBIDDEN);
        }
        // RFC 7118 §4.1: a client that does not speak SIP must not be taken.
        if !names_sip(request.headers()) {
            return refused(StatusCode::BAD_REQUEST);
        }
        let protocol = HeaderValue::from_static(SUB_PROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        Ok(response)
    }
}

fn names_sip(headers: &HeaderMap) -> bool {
    let values =
        headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case(SUB_PROTOCOL))
}

/// Until the stream ends; the code that it is closed with, where the peer has not closed it.
async fn read<S>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    progress: &Progress,
    flow: Flow,
    shared: &Shared,
) -> Option<CloseCode>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut last = Instant::now();
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            () = sleep_until(progress.next_look(last, shared)) => {
                let Some(counter) = progress.overdue(last, shared) else { continue };
                counter.add_one();
                return Some(CloseCode::Policy);
            }
        };
        let bytes = match message {
            Some(Ok(Message::Text(text))) => Bytes::from(text),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Ping(payload) | Message::Pong(payload))) => {
                progress.control(payload.len());
                continue;
            }
            // The library has answered a Close, and the stream ends with the next look at it.
            Some(Ok(_)) => continue,
            Some(Err(error)) => return why_closed(&error, flow, shared),
            None => return None,
        };
        progress.whole();
        last = Instant::now();
        if bytes.iter().all(|octet| matches!(octet, b'\r' | b'\n')) {
            shared.write(flow, Bytes::from_static(PONG));
        } else if shared.arrivals.send(Event::Message { flow, bytes }).await.is_err() {
            return Some(CloseCode::Away);
        }
    }
}

fn why_closed(error: &Error, flow: Flow, shared: &Shared) -> Option<CloseCode> {
    let code = match error {
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return None,
        Error::Protocol(_) => CloseCode::Protocol,
        _ => return None,
    };
    shared.counters.tcp_malformed.add_one();
    tracing::debug!(%flow, %error, "stream closed");
    Some(code)
}

async fn write<S>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    queued: &mut mpsc::Receiver<Bytes>,
    shared: &Shared,
) -> Option<CloseCode>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ping = shared.websocket.ping;
    let mut pings = interval_at(Instant::now() + ping, ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            bytes = queued.recv() => match bytes {
                Some(bytes) => framed(bytes),
                None => return Some(CloseCode::Away),
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        match timeout(WRITE_LIMIT, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            Err(_) => {
                shared.counters.tcp_write_blocked.add_one();
                return None;
            }
        }
    }
}

/// Text, as browsers expect it, unless a peer's own bytes in it are not UTF-8 (RFC 7118 §5).
fn framed(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}

/// What has come since the last whole message: the library keeps fragments to itself, so the octets are counted
/// below it.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<Counted>>);

#[derive(Default)]
struct Counted {
    /// When the first octet came of what is not whole yet.
    begun: Option<Instant>,
    octets: usize,
    /// When anything came at all.
    heard: Option<Instant>,
}

impl Progress {
    fn with<T>(&self, act: impl FnOnce(&mut Counted) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn heard(&self, octets: usize) {
        let now = Instant::now();
        self.with(|counted| {
            counted.begun.get_or_insert(now);
            counted.octets = counted.octets.saturating_add(octets);
            counted.heard = Some(now);
        });
    }

    fn whole(&self) {
        self.with(|counted| (counted.begun, counted.octets) = (None, 0));
    }

    /// A control frame may come between fragments: it ends nothing but itself.
    fn control(&self, payload: usize) {
        self.with(|counted| {
            counted.octets = counted.octets.saturating_sub(payload.saturating_add(CONTROL_HEAD));
            if counted.octets == 0 {
                counted.begun = None;
            }
        });
    }

    /// When a limit may be over, by what is known now.
    fn next_look(&self, last: Instant, shared: &Shared) -> Instant {
        let (begun, heard) = self.with(|counted| (counted.begun, counted.heard));
        // What begins after this look is looked at within the limit as well.
        let slow = begun.unwrap_or_else(Instant::now) + MESSAGE_LIMIT;
        let silent = heard.unwrap_or(last) + shared.websocket.ping * PINGS_UNANSWERED;
        slow.min(silent).min(last + shared.limits.idle)
    }

    fn overdue<'a>(&self, last: Instant, shared: &'a Shared) -> Option<&'a crate::daemon::counters::Counter> {
        let (begun, heard) = self.with(|counted| (counted.begun, counted.heard));
        let counters = &shared.counters;
        if begun.is_some_and(|since| since.elapsed() >= MESSAGE_LIMIT) {
            Some(&counters.tcp_slow)
        } else if heard.unwrap_or(last).elapsed() >= shared.websocket.ping * PINGS_UNANSWERED {
            Some(&counters.ws_silent)
        } else if last.elapsed() >= shared.limits.idle {
            Some(&counters.tcp_idle)
        } else {
            None
        }
    }
}

/// A socket whose arriving octets are counted.
struct Watched<'a, S> {
    socket: &'a mut S,
    progress: Progress,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut *self.socket).poll_read(cx, buf);
        let octets = buf.filled().len().saturating_sub(before);
        if octets > 0 {
            self.progress.heard(octets);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<'_, S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket).poll_shutdown(cx)
    }
}
