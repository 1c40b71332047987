//! Signing in and out.

use axum::extract::Request;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::Wall;
use crate::daemon::clock;
use crate::daemon::office::Office;
use crate::daemon::users::{Deed, Secret, User, Weighed, checked_name, weigh};
use crate::daemon::web::api::{Api, Route, body, is_json, peer};
use crate::daemon::web::app::App;
use crate::daemon::web::document::Shape;
use crate::daemon::web::gate::{self, By, Occasion, Peer, Shown, Visitor};
use crate::daemon::web::problem::Problem;
use crate::daemon::web::rules::{EVERYBODY, Rule};
use crate::daemon::web::shown::{Time, Typed};

/// For whoever is signed in, and any token.
const RULE: Rule = Rule::anything(EVERYBODY);

pub fn declare(api: &mut Api) {
    let shown = || Shape::one::<SessionView>(StatusCode::OK);
    let signs_in = Some(Shape::one::<SignIn>(StatusCode::OK));
    let at = |method, rule| Route { method, path: "/session", rule };
    api.special(at(Method::POST, None), "Sign in", (signs_in, shown()), sign_in);
    api.special(at(Method::GET, Some(RULE)), "Who is signed in", (None, shown()), who);
    api.special(at(Method::DELETE, Some(RULE)), "Sign out", (None, Shape::nothing()), sign_out);
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    name: String,
    password: Typed,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct SessionView {
    user: String,
    /// `agent`, `supervisor`, `administrator` or `auditor`.
    role: &'static str,
    /// The agent of the dialplan that they are.
    extension: Option<String>,
    /// What is sent with each change as `X-CSRF-Token`; of a session only.
    csrf: Option<String>,
    /// When the session ends, whatever is done in it.
    ends: Option<Time>,
    /// Seconds without a request after which it ends before that.
    idle_s: Option<u64>,
}

impl SessionView {
    fn of(app: &App, user: &User, session: Option<(&Secret, Wall)>) -> SessionView {
        let lasting = app.lasting();
        SessionView {
            user: user.name.clone(),
            role: user.role.name(),
            extension: user.extension.clone(),
            csrf: session.map(|(secret, _)| gate::csrf(secret)),
            ends: session.map(|(_, began)| Time(began + lasting.whole)),
            idle_s: session.map(|_| lasting.idle.as_secs()),
        }
    }
}

async fn sign_in(app: App, request: Request) -> Result<Response, Problem> {
    let (parts, content) = request.into_parts();
    let peer = peer(&parts)?;
    gate::same_origin(&parts.headers)?;
    if !is_json(&parts.headers) {
        let detail = "the body is to be JSON: Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "malformed", detail));
    }
    let said = body(&app, &parts.headers, content).await?;
    let SignIn { name, password } =
        serde_json::from_slice(&said).map_err(|error| Problem::malformed(format!("the body: {error}")))?;
    // What is no name is nobody's: it is weighed all the same.
    let name = checked_name(&name).unwrap_or_default();
    app.attempts(|attempts| attempts.begin(clock::mono(), peer.address, &name)).map_err(|wait| {
        tracing::warn!(from = %peer.address, "too many sign-ins to the web failed");
        Problem::too_many("too many sign-ins have failed: wait a little", wait.as_secs() + 1)
    })?;
    let (app_too, tried) = (app.clone(), name.clone());
    let begun = app
        .hash(move |office| {
            let found = office.store(|store| Ok(store.user(&tried)?))?;
            // The same time for a name that nobody has.
            let weighed = weigh(&password.0, found.as_ref().map(|(_, hash)| hash.as_str()))?;
            let Some((user, _)) = found.filter(|_| weighed == Weighed::Right) else {
                note(office, &tried, peer, "sign-in", "wrong");
                return Err(Problem::unknown("wrong", "the name or the password is wrong"));
            };
            let secret = Secret::new(gate::SESSION_KIND)?;
            let now = clock::now().wall;
            office.store(|store| Ok(store.begin_session(&secret.digest(), &user.name, now)?))?;
            note(office, &user.name, peer, "sign-in", "done");
            Ok((SessionView::of(&app_too, &user, Some((&secret, now))), secret))
        })
        .await;
    let (view, secret) = begun?;
    app.attempts(|attempts| attempts.succeeded(peer.address, &name));
    tracing::info!(user = view.user, from = %peer.address, "signed in to the web");
    let mut response = axum::Json(view).into_response();
    set_cookie(&mut response, peer, secret.text(), app.lasting().whole.as_secs())?;
    Ok(response)
}

async fn who(app: App, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let peer = peer(&parts)?;
    let (shown, visitor) = admitted(&app, Shown::of(&parts.headers, peer)?, peer).await?;
    let session = match (&shown, &visitor.by) {
        (Shown::Session(secret), By::Session { began }) => Some((secret, *began)),
        _ => None,
    };
    Ok(axum::Json(SessionView::of(&app, &visitor.user, session)).into_response())
}

async fn sign_out(app: App, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let peer = peer(&parts)?;
    let shown = Shown::of(&parts.headers, peer)?;
    shown.is_meant(&Method::DELETE, &parts.headers)?;
    let (shown, visitor) = admitted(&app, shown, peer).await?;
    let Shown::Session(secret) = shown else {
        return Err(Problem::forbidden("token", "a token is not signed out but revoked"));
    };
    app.within(move |office| {
        office.store(|store| Ok(store.end_session(&secret.digest())?))?;
        note(office, &visitor.user.name, peer, "sign-out", "done");
        Ok(())
    })
    .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, peer, "", 0)?;
    Ok(response)
}

async fn admitted(app: &App, shown: Shown, peer: Peer) -> Result<(Shown, Visitor), Problem> {
    let lasting = app.lasting();
    app.within(move |office| {
        let visitor = shown.visitor(office, peer.address, (clock::now().wall, lasting), Occasion::Asks)?;
        visitor.may(&RULE, None)?;
        Ok((shown, visitor))
    })
    .await
}

fn note(office: &Office, who: &str, peer: Peer, what: &str, outcome: &str) {
    let deed = Deed {
        at: clock::now().wall,
        who: who.to_owned(),
        by: "password".to_owned(),
        from: peer.address.to_string(),
        what: what.to_owned(),
        outcome: outcome.to_owned(),
        ..Deed::default()
    };
    if let Err(error) = office.store(|store| Ok(store.note_deed(&deed)?)) {
        tracing::error!(%error, who = deed.who, what = deed.what, outcome = deed.outcome, "a deed is not among the deeds");
    }
}

/// Sent back to us alone, by pages of ours alone, shown to no script, and over TLS only where it came over TLS.
fn set_cookie(response: &mut Response, peer: Peer, value: &str, seconds: u64) -> Result<(), Problem> {
    let (name, secure) = match peer.secure {
        true => (gate::SECURE_COOKIE_NAME, "; Secure"),
        false => (gate::COOKIE_NAME, ""),
    };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::from_str(&text).map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "the cookie cannot be written")
    })?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(())
}
