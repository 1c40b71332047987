//! Connections: who may have one, TLS, HTTP/1.1 with limits, an orderly end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::gate::Peer;
use crate::daemon::counters::Counters;
use crate::daemon::transport::access::AccessLists;
use crate::daemon::transport::listen::{HANDSHAKE_LIMIT, Seats};

/// Whoever takes nothing of what is written for so long is left.
const TAKES_WITHIN: Duration = Duration::from_secs(20);
/// What is under way when the daemon ends has so long.
const GRACE: Duration = Duration::from_secs(2);
/// The pause after a refused accept (no file handles left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The head of a request, and what is read ahead of its body.
const BUFFER: usize = 64 * 1024;
const HEADERS: usize = 64;

#[derive(Clone)]
pub struct Shared {
    pub router: Router,
    pub tls: Arc<ArcSwapOption<ServerConfig>>,
    pub access: AccessLists,
    pub room: Arc<Semaphore>,
    pub seats: Seats,
    /// From the connection, or the answer before, to the end of a request's head.
    pub head_within: Duration,
    pub counters: Arc<Counters>,
    pub ending: watch::Receiver<bool>,
    /// Of this run, and the next request's number in it.
    pub run: Arc<str>,
    pub requests: Arc<AtomicU64>,
}

/// Until the daemon ends.
pub async fn accept(listener: TcpListener, secure: bool, mut shared: Shared) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shared.ending.changed() => return,
        };
        let (socket, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                shared.counters.tcp_accept_failed.add_one();
                tracing::warn!(%error, "a connection of the web could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !shared.access.admits(remote.ip()) {
            shared.counters.sources_denied.add_one();
            continue;
        }
        let (place, seat) = (Arc::clone(&shared.room).try_acquire_owned(), shared.seats.take(remote.ip()));
        let (Ok(place), Some(seat)) = (place, seat) else {
            shared.counters.web_refused.add_one();
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            serve(socket, remote, secure, shared).await;
            drop((place, seat));
        });
    }
}

async fn serve(socket: TcpStream, remote: SocketAddr, secure: bool, shared: Shared) {
    let _ = socket.set_nodelay(true);
    // Whose machine is gone is noticed by what is not acknowledged.
    let _ = SockRef::from(&socket).set_tcp_user_timeout(Some(TAKES_WITHIN));
    let peer = Peer { address: remote.ip().to_canonical(), secure };
    let socket = Patient::new(socket, TAKES_WITHIN);
    if !secure {
        return converse(socket, peer, shared).await;
    }
    let Some(config) = shared.tls.load_full() else { return };
    match timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(config).accept(socket)).await {
        Ok(Ok(socket)) => converse(socket, peer, shared).await,
        Ok(Err(error)) => {
            shared.counters.tls_failed.add_one();
            tracing::debug!(%remote, %error, "no TLS with this browser");
        }
        Err(_) => shared.counters.tls_slow.add_one(),
    }
}

async fn converse(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    mut shared: Shared,
) {
    let router = TowerToHyperService::new(shared.router.clone());
    let (run, requests) = (Arc::clone(&shared.run), Arc::clone(&shared.requests));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let id = format!("{run}-{}", requests.fetch_add(1, Ordering::Relaxed));
        tracing::debug!(id, method = %request.method(), path = request.uri().path(), "request");
        request.extensions_mut().insert(peer);
        let answer = router.call(request);
        async move {
            let mut response = answer.await?;
            dress(&mut response, &id, peer.secure);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.head_within)
        .max_headers(HEADERS)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = shared.ending.changed() => {
            connection.as_mut().graceful_shutdown();
            timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        if is_slow(&error) {
            shared.counters.web_slow.add_one();
        }
        tracing::debug!(address = %peer.address, %error, "a connection of the web broke");
    }
}

/// What every answer says to browsers: run no script but ours, be shown in nobody's frame, tell nobody where you were.
const DRESS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; \
         connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(self)"),
];

fn dress<B>(response: &mut Response<B>, id: &str, secure: bool) {
    let headers = response.headers_mut();
    for (name, value) in DRESS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.extend(HeaderValue::from_str(id).map(|id| (HeaderName::from_static("x-request-id"), id)));
}

const TOO_SLOW: &str = "nothing was taken for too long";

fn is_slow(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A socket whose peer must take what is written to it in time.
struct Patient {
    socket: TcpStream,
    within: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Something was written that did not fit.
    waits: bool,
}

impl Patient {
    fn new(socket: TcpStream, within: Duration) -> Patient {
        Patient { socket, within, deadline: Box::pin(sleep(within)), waits: false }
    }

    fn patiently<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.waits = false;
            return poll;
        }
        if !self.waits {
            self.waits = true;
            self.deadline.as_mut().reset(Instant::now() + self.within);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, TOO_SLOW)))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.patiently(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.patiently(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_reader_that_takes_nothing_is_left_and_a_slow_one_is_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let pair = async || {
                let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                (theirs, listener.accept().await.unwrap().0)
            };
            let much = vec![0u8; 32 << 20];
            let (theirs, ours) = pair().await;
            let error = Patient::new(ours, Duration::from_millis(50)).write_all(&much).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            drop(theirs);
            let (mut theirs, ours) = pair().await;
            let reader = tokio::spawn(async move {
                let (mut taken, mut piece) = (0, vec![0u8; 1 << 20]);
                while let Ok(count @ 1..) = theirs.read(&mut piece).await {
                    taken += count;
                    tokio::task::yield_now().await;
                }
                taken
            });
            let mut ours = Patient::new(ours, Duration::from_secs(60));
            ours.write_all(&much).await.unwrap();
            drop(ours);
            assert_eq!(reader.await.unwrap(), much.len());
        });
    }
}
