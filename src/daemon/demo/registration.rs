//! A desk phone signs in (RFC 3261 §10.2): REGISTER, the challenge, REGISTER with the proof.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;

use crate::base::Rng;
use crate::sip::auth::{Credentials, Login};
use crate::sip::{
    Framing, Limits, MAGIC_COOKIE, Message, Method, Name, NameAddr, Request, Response, Text, Transport, Uri,
    Via,
};

/// How long one answer is waited for, and how often it is asked for again (UDP may lose it).
const PATIENCE: Duration = Duration::from_millis(500);
const TRIES: usize = 4;

/// Registers `credentials.user` at `server` with `socket` as its contact. Blocks until it is done.
pub fn register(
    socket: &UdpSocket,
    server: SocketAddr,
    credentials: Credentials,
    rng: &mut Rng,
) -> Result<(), String> {
    let user = credentials.user.clone();
    let mut login = Login::new(credentials);
    let local = socket.local_addr().map_err(|error| error.to_string())?;
    let registrar = Uri::sip(None, server);
    let call_id = Text::from(rng.token(20));
    let tag = Text::from(rng.token(16));
    socket.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    for cseq in 1..=3 {
        let own = || NameAddr::new(Uri::sip(Some(&user), server));
        let via = Via::new(Transport::Udp, local, &format!("{MAGIC_COOKIE}{}", rng.token(16)));
        let from = own().with_tag(&tag);
        let uri = registrar.clone();
        let mut request = Request::new(Method::Register, uri, via, from, own(), call_id.clone(), cseq);
        let contact = NameAddr::new(Uri::sip(Some(&user), local));
        request.headers.push(Name::Contact, contact.to_value());
        request.headers.push(Name::Expires, "300");
        if let Some((name, value)) = login.authorize(rng, &Method::Register, &registrar) {
            request.headers.push(name, value);
        }
        let response = ask(socket, server, &request).map_err(|error| error.to_string())?;
        match response.status {
            200 => return Ok(()),
            401 | 407 => login.challenged(&response).map_err(|error| error.to_string())?,
            status => return Err(format!("the registration was refused with {status}")),
        }
    }
    Err("the registration was challenged again and again".to_owned())
}

fn ask(socket: &UdpSocket, server: SocketAddr, request: &Request) -> io::Result<Response> {
    let mut buffer = [0; 4096];
    for _ in 0..TRIES {
        socket.send_to(&request.encode(), server)?;
        let length = match socket.recv_from(&mut buffer) {
            Ok((length, _)) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(error) => return Err(error),
        };
        let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
        if let Ok(Message::Response(response)) = Message::parse(bytes, Framing::Datagram, &Limits::default())
            && response.cseq.number == request.cseq
            && !response.is_provisional()
        {
            return Ok(response);
        }
    }
    Err(io::Error::new(ErrorKind::TimedOut, "no answer to the registration"))
}
