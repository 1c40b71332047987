//! Connectivity checks of a browser, answered (ICE, RFC 8445, as a lite agent: §2.5).

use std::net::SocketAddr;

use rtc_dtls::crypto_provider::RTCCrypto;
use rtc_shared::error::Error;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLED, ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::error_code::CODE_ROLE_CONFLICT;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Message, MessageType, Setter};
use rtc_stun::xoraddr::XorMappedAddress;

use crate::base::ice::Credentials;

/// What a packet that looks like a check is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// It knew the password. `nominated`: the browser will send this way.
    Good { answer: Vec<u8>, nominated: bool },
    /// A browser that thinks that we lead: it learns otherwise (RFC 8445 §7.3.1.1).
    Conflict { answer: Vec<u8> },
    /// Somebody else's, or with a wrong password.
    Forged,
    /// No check: malformed, or a message that we have no use for.
    Useless,
}

/// `from`: where it came from, which the answer says (RFC 8445 §7.3.1.2).
pub(super) fn check(crypto: &dyn RTCCrypto, ours: &Credentials, from: SocketAddr, packet: &[u8]) -> Check {
    let mut request = Message { raw: packet.to_vec(), ..Message::default() };
    if request.decode().is_err() || request.typ != BINDING_REQUEST || FINGERPRINT.check(&request).is_err() {
        return Check::Useless;
    }
    let Ok(name) = request.get(ATTR_USERNAME) else { return Check::Useless };
    let (ufrag, rest) = name.split_at(ours.ufrag().len().min(name.len()));
    if ufrag != ours.ufrag().as_bytes() || !rest.starts_with(b":") {
        return Check::Forged;
    }
    if MessageIntegrity::check(&mut request, ours.password().as_bytes(), crypto).is_err() {
        return Check::Forged;
    }
    let conflict = request.contains(ATTR_ICE_CONTROLLED);
    let answer = match conflict {
        true => answer(crypto, ours, &request, BINDING_ERROR, Box::new(CODE_ROLE_CONFLICT)),
        false => answer(
            crypto,
            ours,
            &request,
            BINDING_SUCCESS,
            Box::new(XorMappedAddress { ip: from.ip(), port: from.port() }),
        ),
    };
    match answer {
        Err(_) => Check::Useless,
        Ok(answer) if conflict => Check::Conflict { answer },
        Ok(answer) => Check::Good { answer, nominated: request.contains(ATTR_USE_CANDIDATE) },
    }
}

fn answer(
    crypto: &dyn RTCCrypto,
    ours: &Credentials,
    request: &Message,
    kind: MessageType,
    content: Box<dyn Setter>,
) -> Result<Vec<u8>, Error> {
    let mut answer = Message::new();
    let password = ours.password().to_owned();
    answer.build(&[
        Box::new(request.transaction_id),
        Box::new(kind),
        content,
        Box::new(MessageIntegrity::new_short_term_integrity_with_provider(password, crypto)),
        Box::new(FINGERPRINT),
    ])?;
    Ok(answer.raw)
}
