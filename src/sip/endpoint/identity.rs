//! How a dialog's requests prove who we are, once the peer has asked (RFC 3261 §22).

use crate::base::Rng;
use crate::sip::auth::{Credentials, Login};
use crate::sip::{Request, Response};

/// Our login with the peer of a dialog, or none.
#[derive(Default)]
pub(super) struct Identity {
    login: Option<Login>,
    /// Since the last request that was taken: a peer that calls every nonce stale is not followed for ever.
    challenges: u8,
}

impl Identity {
    const MAX_CHALLENGES: u8 = 3;

    pub fn new(credentials: Option<Credentials>) -> Self {
        Identity { login: credentials.map(Login::new), challenges: 0 }
    }

    /// Takes a 401 or 407. `true`: send the request again.
    pub fn challenged(&mut self, response: &Response) -> bool {
        let Some(login) = self.login.as_mut().filter(|_| matches!(response.status, 401 | 407)) else {
            return false;
        };
        self.challenges = self.challenges.saturating_add(1);
        self.challenges <= Self::MAX_CHALLENGES && login.challenged(response).is_ok()
    }

    /// A request was answered with 2xx.
    pub fn accepted(&mut self) {
        self.challenges = 0;
    }

    /// Puts the answer to the last challenge into a request.
    pub fn sign(&mut self, request: &mut Request, rng: &mut Rng) {
        let answer = self
            .login
            .as_mut()
            .and_then(|login| login.authorize_with(rng, &request.method, &request.uri, &request.body));
        if let Some((name, value)) = answer {
            request.headers.push(name, value);
        }
    }
}
