//! Streams that we open.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::sip::{Flow, Transport};

use super::stream;
use super::streams::Shared;

/// A peer that does not answer our SYN, or not our part of a TLS handshake. Well under timer B (32 s), so that
/// another way can be tried.
const CONNECT_LIMIT: Duration = Duration::from_secs(8);

/// `server`: whose certificate a TLS peer must show; its address where no name is known.
pub async fn connect(flow: Flow, server: Option<Box<str>>, queued: mpsc::Receiver<Bytes>, shared: Shared) {
    let attempt = async {
        let socket = open(flow, &shared).await?;
        let _ = socket.set_nodelay(true);
        match flow.transport {
            Transport::Tls => secure(socket, flow.remote.ip(), server, &shared).await.map(Opened::Tls),
            _ => Ok(Opened::Tcp(socket)),
        }
    };
    match timeout(CONNECT_LIMIT, attempt).await.map_err(io::Error::from).and_then(|opened| opened) {
        Ok(Opened::Tcp(mut socket)) => stream::carry(&mut socket, flow, queued, &shared).await,
        Ok(Opened::Tls(mut socket)) => stream::carry(&mut *socket, flow, queued, &shared).await,
        Err(error) => {
            shared.counters.tcp_connect_failed.add_one();
            // A certificate that is not believed is for the administrator to mend.
            match error.kind() {
                io::ErrorKind::InvalidData => tracing::warn!(%flow, %error, "a TLS peer is not believed"),
                _ => tracing::debug!(%flow, %error, "could not connect"),
            }
        }
    }
    shared.close(flow).await;
}

enum Opened {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

async fn open(flow: Flow, shared: &Shared) -> io::Result<TcpStream> {
    let socket = match flow.remote {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // From the address that our Via names, where it is ours for certain: a trunk knows us by it.
    let own = flow.local.ip();
    if shared.addresses.contains(&own)
        && own.is_ipv4() == flow.remote.is_ipv4()
        && own.is_loopback() == flow.remote.ip().is_loopback()
    {
        socket.bind(SocketAddr::new(own, 0))?;
    }
    socket.connect(flow.remote).await
}

async fn secure(
    socket: TcpStream,
    address: IpAddr,
    server: Option<Box<str>>,
    shared: &Shared,
) -> io::Result<Box<TlsStream<TcpStream>>> {
    let name = match server {
        Some(name) => ServerName::try_from(name.into_string()).map_err(io::Error::other)?,
        None => ServerName::IpAddress(address.into()),
    };
    let connector = TlsConnector::from(shared.tls().client);
    Ok(Box::new(connector.connect(name, socket).await?))
}
