//! Who asks: the session of a browser, or the token of a program. Looked at anew with every request, so that whoever is
//! signed out, changed or revoked is so at once.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use subtle::ConstantTimeEq;

use super::problem::Problem;
use super::rules::Rule;
use crate::base::Wall;
use crate::daemon::office::Office;
use crate::daemon::users::{Digest, Ended, Role, Scope, Secret, Session, User};

/// Carries the session. With TLS its name says that nothing but this host has set it (RFC 6265bis §4.1.3.2).
pub const COOKIE_NAME: &str = "hotline";
pub const SECURE_COOKIE_NAME: &str = "__Host-hotline";
/// What a page of ours sends with each change, and a page of others cannot know.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// What tokens begin with.
pub const TOKEN_KIND: &str = "hlt_";
pub const SESSION_KIND: &str = "hls_";

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: IpAddr,
    /// Over TLS.
    pub secure: bool,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Lasting {
    /// Without a request.
    pub idle: Duration,
    /// In all.
    pub whole: Duration,
}

/// What somebody is known again for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A request: the session goes on.
    Asks,
    /// A stream that goes on by itself: the session does not for its sake.
    Follows,
}

/// Who asks, as far as the request says it.
#[derive(Clone)]
pub enum Shown {
    Session(Secret),
    Token(Secret),
}

/// Who asks, as the store knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    pub user: User,
    pub by: By,
    /// The address that they ask from.
    pub from: IpAddr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Session { began: Wall },
    Token { token: u64, scopes: Vec<Scope> },
}

impl Shown {
    /// A token goes before a cookie: whoever sends one means it.
    ///
    /// # Errors
    /// Neither is there.
    pub fn of(headers: &HeaderMap, peer: Peer) -> Result<Shown, Problem> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let value = value.to_str().unwrap_or_default();
            let token = value.split_once(' ').filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
            return match token.map(|(_, token)| token.trim()) {
                Some(token) if token.starts_with(TOKEN_KIND) => Ok(Shown::Token(Secret::shown(token))),
                _ => {
                    Err(Problem::unknown("token", "not a token of the hotline: Authorization: Bearer hlt_…"))
                }
            };
        }
        cookie(headers, peer)
            .map(Shown::Session)
            .ok_or_else(|| Problem::unknown("signed-out", "nobody is signed in here"))
    }

    /// A change that a browser asks for is one that our page asked for. Programs with tokens have no cookie that somebody
    /// else could make use of.
    ///
    /// # Errors
    /// It is not.
    pub fn is_meant(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let Shown::Session(secret) = self else { return Ok(()) };
        if method.is_safe() {
            return Ok(());
        }
        same_origin(headers)?;
        let sent = headers.get(CSRF_HEADER).map(|value| value.as_bytes()).unwrap_or_default();
        match bool::from(sent.ct_eq(csrf(secret).as_bytes())) {
            true => Ok(()),
            false => {
                Err(Problem::forbidden("csrf", "the header X-CSRF-Token is missing or not this session's"))
            }
        }
    }

    /// Who it is.
    ///
    /// # Errors
    /// Nobody who is known, or whose time is over.
    pub fn visitor(
        &self,
        office: &Office,
        from: IpAddr,
        (now, lasting): (Wall, Lasting),
        occasion: Occasion,
    ) -> Result<Visitor, Problem> {
        match self {
            Shown::Session(secret) => by_session(office, &secret.digest(), from, (now, lasting), occasion),
            Shown::Token(secret) => by_token(office, &secret.digest(), from, now),
        }
    }
}

/// The secret of the session, as the browser has it.
pub fn cookie(headers: &HeaderMap, peer: Peer) -> Option<Secret> {
    let name = if peer.secure { SECURE_COOKIE_NAME } else { COOKIE_NAME };
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(key, value)| *key == name && value.starts_with(SESSION_KIND))
        .map(|(_, value)| Secret::shown(value))
}

/// What the session's page sends with each change.
pub fn csrf(session: &Secret) -> String {
    session.derived("csrf")
}

/// Whether the browser says that a page of ours asks. Programs say nothing of the kind.
///
/// # Errors
/// It says that another one does.
pub fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign = match (text("sec-fetch-site"), text(ORIGIN.as_str()), text(HOST.as_str())) {
        (Some(site), ..) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, of)| of != host),
        (None, Some(_), None) => true,
        (None, None, _) => false,
    };
    if foreign { Err(Problem::forbidden("csrf", "a page of another place asks for this")) } else { Ok(()) }
}

fn by_session(
    office: &Office,
    digest: &Digest,
    from: IpAddr,
    (now, lasting): (Wall, Lasting),
    occasion: Occasion,
) -> Result<Visitor, Problem> {
    let session = office.store(|store| {
        let found = store.session(digest)?;
        let still =
            |seen: Wall, began: Wall| now.since(seen) < lasting.idle && now.since(began) < lasting.whole;
        let goes_on = |s: &&Session| s.ended.is_none() && still(s.seen, s.began);
        if let Some(session) = found.as_ref().filter(goes_on).filter(|_| occasion == Occasion::Asks) {
            store.session_seen(digest, session.seen, now)?;
        }
        Ok(found)
    })?;
    let Some(session) = session else {
        return Err(Problem::unknown("signed-out", "nobody is signed in here"));
    };
    match session.ended {
        Some(Ended::SignedOut) => return Err(Problem::unknown("signed-out", "this session was signed out")),
        Some(Ended::Elsewhere) => {
            let detail =
                format!("{} has signed in somewhere else, which ended this session", session.user.name);
            return Err(Problem::unknown("elsewhere", detail));
        }
        Some(Ended::Changed) => {
            return Err(Problem::unknown("changed", "the password or the role was changed: sign in again"));
        }
        None => {}
    }
    if now.since(session.seen) >= lasting.idle {
        return Err(Problem::unknown("idle", "nothing was asked for so long that the session is over"));
    }
    if now.since(session.began) >= lasting.whole {
        return Err(Problem::unknown("over", "the session's time is over: sign in again"));
    }
    Ok(Visitor { user: session.user, by: By::Session { began: session.began }, from })
}

fn by_token(office: &Office, digest: &Digest, from: IpAddr, now: Wall) -> Result<Visitor, Problem> {
    let found = office.store(|store| {
        let found = store.token(digest)?;
        if let Some((_, token)) = &found {
            store.token_used(token, now)?;
        }
        Ok(found)
    })?;
    let Some((user, token)) = found else {
        return Err(Problem::unknown("token", "there is no such token, or it was revoked"));
    };
    if token.expires.is_some_and(|expires| expires <= now) {
        return Err(Problem::unknown("token", "the token's time is over"));
    }
    Ok(Visitor { user, by: By::Token { token: token.token, scopes: token.scopes }, from })
}

impl Visitor {
    pub fn role(&self) -> Role {
        self.user.role
    }

    pub fn extension(&self) -> Option<&str> {
        self.user.extension.as_deref()
    }

    /// Whether this extension is theirs.
    pub fn is(&self, extension: &str) -> bool {
        self.extension() == Some(extension)
    }

    pub fn may_use(&self, scope: Scope) -> bool {
        match &self.by {
            By::Session { .. } => true,
            By::Token { scopes, .. } => scopes.contains(&scope),
        }
    }

    /// # Errors
    /// Why they may not take a route of this rule. `extension`: the one in the path.
    pub fn may(&self, rule: &Rule, extension: Option<&str>) -> Result<(), Problem> {
        let role = self.role();
        if !rule.roles.contains(&role) {
            return Err(Problem::forbidden("role", format!("this is not for the role {role}")));
        }
        if let Some(scope) = rule.scope.filter(|scope| !self.may_use(*scope)) {
            return Err(Problem::forbidden("scope", format!("the token has not the scope {scope}")));
        }
        let others = rule.own && role == Role::Agent && extension.is_none_or(|extension| !self.is(extension));
        if others {
            return Err(Problem::forbidden("own", "an agent may do this for their own extension only"));
        }
        Ok(())
    }

    /// For the deeds.
    pub fn means(&self) -> String {
        match &self.by {
            By::Session { .. } => "session".to_owned(),
            By::Token { token, .. } => format!("token {token}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Peer = Peer { address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), secure: false };

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn visitor(role: Role, by: By) -> Visitor {
        let user =
            User { name: "min".to_owned(), role, extension: Some("1001".to_owned()), made: Wall::default() };
        Visitor { user, by, from: PLAIN.address }
    }

    #[test]
    fn a_token_goes_before_a_cookie_and_another_name_is_not_ours() {
        let shown = |all: &[(&'static str, &str)]| Shown::of(&headers(all), PLAIN);
        assert!(matches!(shown(&[("cookie", "a=b; hotline=hls_x")]), Ok(Shown::Session(_))));
        let both = shown(&[("cookie", "hotline=hls_x"), ("authorization", "bearer hlt_y")]);
        assert!(matches!(both, Ok(Shown::Token(secret)) if secret.text() == "hlt_y"));
        for nobody in [&[][..], &[("cookie", "hotline=x")], &[("cookie", "__Host-hotline=hls_x")]] {
            assert_eq!(shown(nobody).err().map(|problem| problem.code), Some("signed-out"));
        }
        let basic = shown(&[("authorization", "Basic eDp5"), ("cookie", "hotline=hls_x")]);
        assert_eq!(basic.err().map(|problem| problem.code), Some("token"));
        let secure = Peer { secure: true, ..PLAIN };
        assert!(cookie(&headers(&[("cookie", "__Host-hotline=hls_x")]), secure).is_some());
        assert!(cookie(&headers(&[("cookie", "hotline=hls_x")]), secure).is_none());
    }

    #[test]
    fn a_change_by_a_browser_needs_the_word_that_only_our_page_knows() {
        let shown = Shown::Session(Secret::shown("hls_x"));
        let word = csrf(&Secret::shown("hls_x"));
        let code = |method: Method, all: &[(&'static str, &str)]| {
            shown.is_meant(&method, &headers(all)).err().map(|problem| problem.code)
        };
        assert_eq!(code(Method::GET, &[]), None);
        assert_eq!(code(Method::POST, &[]), Some("csrf"));
        assert_eq!(code(Method::POST, &[("x-csrf-token", "guess")]), Some("csrf"));
        assert_eq!(code(Method::DELETE, &[("x-csrf-token", &word)]), None);
        for foreign in [
            [("sec-fetch-site", "cross-site"), ("host", "h")],
            [("origin", "https://evil.example"), ("host", "hotline.example")],
            [("origin", "null"), ("host", "hotline.example")],
        ] {
            let [one, other] = foreign;
            assert_eq!(
                code(Method::POST, &[("x-csrf-token", &word), one, other]),
                Some("csrf"),
                "{foreign:?}"
            );
        }
        let ours = [
            ("x-csrf-token", word.as_str()),
            ("origin", "http://hotline.example"),
            ("host", "hotline.example"),
        ];
        assert_eq!(code(Method::POST, &ours), None);
        assert!(Shown::Token(Secret::shown("hlt_y")).is_meant(&Method::POST, &headers(&[])).is_ok());
    }

    #[test]
    fn a_token_may_less_than_its_user_and_an_agent_for_themselves() {
        const RULE: Rule = Rule::new(super::super::rules::FLOOR, Scope::AgentsWrite).own();
        let code =
            |visitor: &Visitor, extension| visitor.may(&RULE, extension).err().map(|problem| problem.code);
        let session = || By::Session { began: Wall::default() };
        let agent = visitor(Role::Agent, session());
        assert_eq!(code(&agent, Some("1001")), None);
        assert_eq!((code(&agent, Some("1002")), code(&agent, None)), (Some("own"), Some("own")));
        assert_eq!(code(&visitor(Role::Supervisor, session()), Some("1002")), None);
        assert_eq!(code(&visitor(Role::Auditor, session()), Some("1001")), Some("role"));
        let token = |scopes: &[Scope]| By::Token { token: 1, scopes: scopes.to_vec() };
        let reads = visitor(Role::Supervisor, token(&[Scope::AgentsRead]));
        assert_eq!(code(&reads, Some("1001")), Some("scope"));
        let all = visitor(Role::Auditor, token(Scope::ALL));
        assert_eq!(code(&all, Some("1001")), Some("role"), "no token makes its user another");
    }
}
