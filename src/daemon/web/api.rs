//! How a route is declared, found, guarded and documented: all four from one line.
//!
//! ```text
//!   request --> shown: cookie or token --> is it meant (CSRF) --> body --> a thread that may wait:
//!                 who is it --> may they --> what do they say --> done --> noted among the deeds --> answer
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Query, RawPathParams, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::document::{Document, Shape};
use super::gate::{Occasion, Peer, Shown, Visitor};
use super::problem::Problem;
use super::rules::Rule;
use super::sound::Sound;
use crate::base::CallId;
use crate::daemon::clock;
use crate::daemon::office::Office;
use crate::daemon::users::Deed;

/// Before every path.
pub const BASE: &str = "/api/v1";

/// From the head of a request to the end of its body.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// One route, for the tests that try them all.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    /// `None`: for whoever comes.
    pub rule: Option<Rule>,
}

/// All routes, as they are declared.
pub struct Api {
    router: Router<App>,
    routes: Vec<Route>,
    document: Document,
}

/// What came of the declarations.
pub struct Finished {
    pub router: Router<App>,
    pub routes: Vec<Route>,
    /// As OpenAPI.
    pub document: String,
}

/// What a handler works with.
pub struct At<'a> {
    pub office: &'a Office,
    pub visitor: &'a Visitor,
    params: &'a [(String, String)],
    headers: &'a HeaderMap,
    /// For the deeds: what the path does not say. Nothing of a customer's.
    pub detail: String,
}

/// What a handler has to give.
pub enum Given {
    Json(StatusCode, Vec<u8>),
    Nothing,
    Sound(Sound),
}

/// Something that can be given, and documented.
pub trait Answer {
    fn given(self) -> Result<Given, Problem>;
    fn shape() -> Shape;
}

/// One thing.
pub struct Shows<T>(pub T);
/// Any number of them.
pub struct Lists<T>(pub Vec<T>);
/// Something that was not there before.
pub struct Makes<T>(pub T);
/// There is nothing to say.
pub struct Done;

impl<T: Serialize + ToSchema> Answer for Shows<T> {
    fn given(self) -> Result<Given, Problem> {
        Ok(Given::Json(StatusCode::OK, json(&self.0)?))
    }

    fn shape() -> Shape {
        Shape::one::<T>(StatusCode::OK)
    }
}

impl<T: Serialize + ToSchema> Answer for Lists<T> {
    fn given(self) -> Result<Given, Problem> {
        Ok(Given::Json(StatusCode::OK, json(&self.0)?))
    }

    fn shape() -> Shape {
        Shape::many::<T>()
    }
}

impl<T: Serialize + ToSchema> Answer for Makes<T> {
    fn given(self) -> Result<Given, Problem> {
        Ok(Given::Json(StatusCode::CREATED, json(&self.0)?))
    }

    fn shape() -> Shape {
        Shape::one::<T>(StatusCode::CREATED)
    }
}

impl Answer for Done {
    fn given(self) -> Result<Given, Problem> {
        Ok(Given::Nothing)
    }

    fn shape() -> Shape {
        Shape::nothing()
    }
}

impl Answer for Sound {
    fn given(self) -> Result<Given, Problem> {
        Ok(Given::Sound(self))
    }

    fn shape() -> Shape {
        Shape::sound()
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer of the web cannot be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "the answer cannot be written")
    })
}

/// A query without anything in it.
#[derive(serde::Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl At<'_> {
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The `{call}` of the path: `12` or `c12`.
    ///
    /// # Errors
    /// It is no number.
    pub fn call(&self) -> Result<CallId, Problem> {
        self.number("call", 'c').map(CallId)
    }

    /// # Errors
    /// It is no number.
    pub fn number(&self, name: &str, prefix: char) -> Result<u64, Problem> {
        let text = self.param(name);
        let digits = text.strip_prefix(prefix).unwrap_or(text);
        digits.parse().map_err(|_| Problem::absent(format!("{text:?} is not a number, as 12 or {prefix}12")))
    }

    /// As whom they are written down: by their extension, as at their phone.
    pub fn who(&self) -> String {
        self.visitor.extension().unwrap_or(&self.visitor.user.name).to_owned()
    }

    /// The part of a recording that is asked for.
    pub fn range(&self) -> Option<&str> {
        self.headers.get(RANGE).and_then(|value| value.to_str().ok())
    }
}

/// What a request says beside its path.
struct Said {
    uri: Uri,
    body: Vec<u8>,
    is_json: bool,
}

type Act = dyn Fn(&mut At<'_>, &Said) -> Result<Given, Problem> + Send + Sync;

struct Operation {
    route: Route,
    rule: Rule,
    act: Box<Act>,
}

impl Api {
    pub fn new() -> Api {
        Api { router: Router::new(), routes: Vec::new(), document: Document::default() }
    }

    /// Something to read.
    pub fn get<Q, R>(
        &mut self,
        path: &'static str,
        rule: Rule,
        summary: &str,
        handler: fn(&mut At<'_>, Q) -> Result<R, Problem>,
    ) where
        Q: DeserializeOwned + IntoParams + 'static,
        R: Answer + 'static,
    {
        let route = Route { method: Method::GET, path, rule: Some(rule) };
        self.document.add(&route, summary, Q::into_params(|| Some(ParameterIn::Query)), None, R::shape());
        let act = move |at: &mut At<'_>, said: &Said| {
            let query = Query::<Q>::try_from_uri(&said.uri)
                .map_err(|error| Problem::malformed(format!("the query: {}", error.body_text())))?;
            handler(at, query.0)?.given()
        };
        self.add(Operation { route, rule, act: Box::new(act) });
    }

    /// Something to change, with a body that says how.
    pub fn change<B, R>(
        &mut self,
        method: Method,
        path: &'static str,
        rule: Rule,
        summary: &str,
        handler: fn(&mut At<'_>, B) -> Result<R, Problem>,
    ) where
        B: DeserializeOwned + ToSchema + 'static,
        R: Answer + 'static,
    {
        let route = Route { method, path, rule: Some(rule) };
        self.document.add(&route, summary, Vec::new(), Some(Shape::one::<B>(StatusCode::OK)), R::shape());
        let act = move |at: &mut At<'_>, said: &Said| handler(at, said.body()?)?.given();
        self.add(Operation { route, rule, act: Box::new(act) });
    }

    /// Something to change, of which there is nothing to say.
    pub fn order<R: Answer + 'static>(
        &mut self,
        method: Method,
        path: &'static str,
        rule: Rule,
        summary: &str,
        handler: fn(&mut At<'_>) -> Result<R, Problem>,
    ) {
        let route = Route { method, path, rule: Some(rule) };
        self.document.add(&route, summary, Vec::new(), None, R::shape());
        let act = move |at: &mut At<'_>, _: &Said| handler(at)?.given();
        self.add(Operation { route, rule, act: Box::new(act) });
    }

    /// Something with a manner of its own; guarded by itself where it has a rule.
    pub fn special<F>(
        &mut self,
        route: Route,
        summary: &str,
        (takes, gives): (Option<Shape>, Shape),
        handler: fn(App, Request) -> F,
    ) where
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        self.document.add(&route, summary, Vec::new(), takes, gives);
        let serve = move |State(app): State<App>, request: Request| async move {
            handler(app, request).await.unwrap_or_else(IntoResponse::into_response)
        };
        let router = std::mem::take(&mut self.router);
        self.router = router.route(&full(route.path), on(filter(&route.method), serve));
        self.routes.push(route);
    }

    fn add(&mut self, operation: Operation) {
        let (path, filter) = (full(operation.route.path), filter(&operation.route.method));
        self.routes.push(operation.route.clone());
        let operation = Arc::new(operation);
        let serve = move |State(app): State<App>, request: Request| {
            let operation = Arc::clone(&operation);
            async move { perform(app, operation, request).await.unwrap_or_else(IntoResponse::into_response) }
        };
        let router = std::mem::take(&mut self.router);
        self.router = router.route(&path, on(filter, serve));
    }

    pub fn finish(self) -> Finished {
        Finished { router: self.router, routes: self.routes, document: self.document.text() }
    }
}

fn full(path: &str) -> String {
    format!("{BASE}{path}")
}

/// HEAD is answered where GET is.
fn filter(method: &Method) -> MethodFilter {
    match method.as_str() {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

impl Said {
    fn body<B: DeserializeOwned>(&self) -> Result<B, Problem> {
        if !self.is_json {
            let detail = "the body is to be JSON: Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "malformed", detail));
        }
        serde_json::from_slice(&self.body).map_err(|error| Problem::malformed(format!("the body: {error}")))
    }
}

/// Where the request came from; it is put there by whoever accepted the connection.
pub fn peer(parts: &Parts) -> Result<Peer, Problem> {
    let detail = "nobody knows where this came from";
    let missing = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", detail);
    parts.extensions.get().copied().ok_or_else(missing)
}

/// # Errors
/// It is too long, or takes too long.
pub async fn body(app: &App, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let most = app.max_body();
    let too_long = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-long",
            format!("more than {most} octets are not read"),
        )
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_long());
    }
    match timeout(BODY_WITHIN, to_bytes(body, most)).await {
        Ok(Ok(octets)) => Ok(octets.into()),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time")),
    }
}

/// Whether a body says of itself that it is JSON. A form of another page cannot say so.
pub fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

async fn perform(app: App, operation: Arc<Operation>, request: Request) -> Result<Response, Problem> {
    let (mut parts, content) = request.into_parts();
    let peer = peer(&parts)?;
    let shown = Shown::of(&parts.headers, peer)?;
    shown.is_meant(&operation.route.method, &parts.headers)?;
    let params = RawPathParams::from_request_parts(&mut parts, &app)
        .await
        .map_err(|error| Problem::malformed(error.body_text()))?;
    let params: Vec<_> = params.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let said = Said {
        uri: parts.uri.clone(),
        is_json: is_json(&parts.headers),
        body: body(&app, &parts.headers, content).await?,
    };
    let lasting = app.lasting();
    let given = app.within(move |office| {
        let now = clock::now().wall;
        let visitor = shown.visitor(office, peer.address, (now, lasting), Occasion::Asks)?;
        let extension = params.iter().find(|(key, _)| key == "extension").map(|(_, value)| value.as_str());
        let mut at =
            At { office, visitor: &visitor, params: &params, headers: &parts.headers, detail: String::new() };
        let given = match visitor.may(&operation.rule, extension) {
            Ok(()) => (operation.act)(&mut at, &said),
            Err(problem) => Err(problem),
        };
        let detail = std::mem::take(&mut at.detail);
        note(office, &visitor, &operation, parts.uri.path(), &given, detail)?;
        given
    });
    Ok(answered(given.await?))
}

/// Who did what. What cannot be noted is not handed out; a change is made already, and the log has it.
fn note(
    office: &Office,
    visitor: &Visitor,
    operation: &Operation,
    path: &str,
    given: &Result<Given, Problem>,
    detail: String,
) -> Result<(), Problem> {
    let denied = given.as_ref().is_err_and(|problem| problem.status == StatusCode::FORBIDDEN.as_u16());
    let changes = !operation.route.method.is_safe();
    // What could not be meant changed nothing.
    let meant = given.as_ref().err().is_none_or(|problem| ![400, 404, 415].contains(&problem.status));
    if !denied && !(meant && (changes || operation.rule.noted)) {
        return Ok(());
    }
    let (outcome, detail) = match given {
        Ok(_) => ("done".to_owned(), detail),
        Err(problem) => (format!("{} {}", problem.status, problem.code), detail),
    };
    let deed = Deed {
        at: clock::now().wall,
        who: visitor.user.name.clone(),
        by: visitor.means(),
        from: visitor.from.to_string(),
        what: operation.route.method.to_string(),
        object: path.strip_prefix(BASE).unwrap_or(path).to_owned(),
        outcome,
        detail,
    };
    match office.store(|store| Ok(store.note_deed(&deed)?)) {
        Ok(()) => Ok(()),
        Err(error) if changes || given.is_err() => {
            tracing::error!(%error, who = deed.who, what = deed.what, object = deed.object, outcome = deed.outcome,
                "a deed is not among the deeds");
            Ok(())
        }
        Err(failure) => Err(failure.into()),
    }
}

fn answered(given: Given) -> Response {
    let mut response = match given {
        Given::Json(status, body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Given::Nothing => StatusCode::NO_CONTENT.into_response(),
        Given::Sound(sound) => sound.into_response(),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
