//! Every route, with every role; and the rules of the door, over a real store.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode, header};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::sync::watch;

use super::api::{BASE, Route};
use super::app::App;
use super::attempts::Attempts;
use super::feed::Feed;
use super::gate::{Lasting, Peer};
use super::routes;
use crate::base::{CallId, Masked, Rng, Wall};
use crate::daemon::control::{Order, Response as Answer};
use crate::daemon::office::{NewToken, NewUser, Office};
use crate::daemon::store::{DeedFilter, Sqlite};
use crate::daemon::users::{Role, Scope};
use crate::daemon::{clock, state};
use crate::exchange::{CallLine, Command, FloorEvent, QueueLine, Reply};

const PASSWORD: &str = "correct horse";

/// The web over a store of its own, and a daemon that says yes to everything.
struct House {
    folder: tempfile::TempDir,
    web: TowerToHyperService<Router>,
    feed: Arc<Feed>,
    _ending: watch::Sender<bool>,
}

fn says_yes(order: Order) -> Answer {
    let call = |number, agent: &str| CallLine {
        call: CallId(number),
        from: "13*******00".to_owned(),
        number: Masked::from("13800138000"),
        stage: "talk".to_owned(),
        queue: None,
        agent: Some(agent.to_owned()),
        started: Wall::default(),
        legs: Vec::new(),
    };
    match order {
        Order::Queues => Answer::Queues(vec![QueueLine { name: "vip".to_owned(), ..QueueLine::default() }]),
        Order::Dialplan(_) => {
            Answer::Reloaded { warnings: Vec::new(), version: Some(2), changes: Vec::new(), tests: None }
        }
        Order::Status => Answer::Status { exchange: Box::default(), shell: Default::default() },
        Order::Exchange(Command::Agents) => Answer::Reply(Reply::Agents(Vec::new())),
        Order::Exchange(Command::Calls) => {
            Answer::Reply(Reply::Calls(vec![call(1, "1001"), call(2, "1002")]))
        }
        Order::Exchange(Command::Callbacks) => Answer::Reply(Reply::Callbacks(Vec::new())),
        Order::Exchange(Command::Urgents) => Answer::Reply(Reply::Urgents(Vec::new())),
        Order::Exchange(Command::Why { .. }) => Answer::Reply(Reply::Why(Vec::new())),
        _ => Answer::Reply(Reply::Done),
    }
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        drop(Sqlite::open(&state::database(folder.path())).unwrap());
        let office = Office::with(folder.path(), |order, _| Ok(says_yes(order)));
        let (ending, ended) = watch::channel(false);
        let feed = Arc::new(Feed::new("run".to_owned()));
        let lasting = Lasting { idle: Duration::from_secs(3600), whole: Duration::from_secs(7200) };
        let attempts = Attempts::new(5, Duration::from_secs(30));
        let app = App::new(office, lasting, 8192, attempts, Arc::clone(&feed), ended);
        let router = super::page::router(routes::all().finish().router).with_state(app);
        House { folder, web: TowerToHyperService::new(router), feed, _ending: ending }
    }

    fn office(&self) -> Office {
        Office::at(self.folder.path())
    }

    fn user(&self, role: Role) {
        let name = role.name().to_owned();
        let new = NewUser { name, role, extension: Some("1001".to_owned()) };
        self.office().add_user(new, &Masked::from(PASSWORD), clock::now().wall).unwrap();
    }

    fn token(&self, role: Role, scopes: &[Scope]) -> String {
        let new = NewToken {
            user: role.name().to_owned(),
            title: "test".to_owned(),
            scopes: scopes.to_vec(),
            expires: None,
        };
        self.office().add_token(new, clock::now().wall).unwrap().1.text().to_owned()
    }

    async fn ask(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        request.extensions_mut().insert(Peer { address, secure: false });
        self.web.call(request).await.unwrap()
    }

    async fn told(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let response = self.ask(method, path, headers, body).await;
        let status = response.status().as_u16();
        let octets = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&octets).unwrap_or_default())
    }

    /// The cookie, and the word for changes.
    async fn sign_in(&self, name: &str, password: &str) -> Result<(String, String), (u16, Value)> {
        let body = serde_json::json!({ "name": name, "password": password }).to_string();
        let response = self.ask(&Method::POST, "/session", &[], &body).await;
        let status = response.status();
        let cookie =
            response.headers().get(header::SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
        let octets = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let said: Value = serde_json::from_slice(&octets).unwrap();
        match cookie {
            Some(cookie) if status == StatusCode::OK => {
                assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
                let pair = cookie.split(';').next().unwrap().to_owned();
                Ok((pair, said["csrf"].as_str().unwrap().to_owned()))
            }
            _ => Err((status.as_u16(), said)),
        }
    }
}

fn in_time<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// With something in each place of the path; an agent's own extension.
fn filled(path: &str, extension: &str) -> String {
    let part = |part: &str| match part {
        "{extension}" => extension.to_owned(),
        "{call}" => "1".to_owned(),
        "{case}" => "0000010".to_owned(),
        // The tokens of the test itself have smaller numbers.
        "{token}" => "999999".to_owned(),
        part if part.starts_with('{') => "1".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn all() -> Vec<Route> {
    routes::all().finish().routes
}

/// A route cannot be declared without a rule; this says which ones have none on purpose.
#[test]
fn only_the_door_itself_is_open() {
    let open: Vec<_> = all()
        .into_iter()
        .filter(|route| route.rule.is_none())
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(open, ["POST /session", "GET /health", "GET /openapi.json"]);
}

#[test]
fn every_route_refuses_nobody_and_each_wrong_role() {
    let house = House::new();
    Role::ALL.into_iter().for_each(|role| house.user(role));
    let tokens = Role::ALL.map(|role| (role, bearer(&house.token(role, Scope::ALL))));
    in_time(async {
        for route in all() {
            let Some(rule) = route.rule else { continue };
            let path = filled(route.path, "1001");
            let (status, said) = house.told(&route.method, &path, &[], "{}").await;
            assert_eq!((status, &said["code"]), (401, &"signed-out".into()), "{} {path}", route.method);
            for (role, token) in &tokens {
                let headers = [("authorization", token.as_str())];
                let response = house.ask(&route.method, &path, &headers, "{}").await;
                let (status, kind) =
                    (response.status(), response.headers().get(header::CONTENT_TYPE).cloned());
                if rule.roles.contains(role) {
                    assert_ne!(status, StatusCode::UNAUTHORIZED, "{} {path} as {role}", route.method);
                    assert!(!status.is_server_error(), "{} {path} as {role}: {status}", route.method);
                    continue;
                }
                assert_eq!(status, StatusCode::FORBIDDEN, "{} {path} as {role}", route.method);
                assert_eq!(kind.unwrap(), "application/problem+json");
            }
        }
    });
    let refused = house.office().deeds(&DeedFilter { latest: 1000, ..DeedFilter::default() }).unwrap();
    assert!(
        refused.iter().filter(|deed| deed.outcome == "403 role").count() > 20,
        "what was refused is noted"
    );
}

#[test]
fn every_route_refuses_a_token_without_its_scope_and_an_agent_for_another() {
    let house = House::new();
    Role::ALL.into_iter().for_each(|role| house.user(role));
    in_time(async {
        for route in all() {
            let Some(rule) = route.rule else { continue };
            let role = rule.roles[0];
            if let Some(needed) = rule.scope {
                let others: Vec<Scope> =
                    Scope::ALL.iter().copied().filter(|scope| *scope != needed).collect();
                let token = bearer(&house.token(role, &others));
                let path = filled(route.path, "1001");
                let (status, said) =
                    house.told(&route.method, &path, &[("authorization", &token)], "{}").await;
                assert_eq!((status, &said["code"]), (403, &"scope".into()), "{} {path}", route.method);
            }
            if rule.own {
                let token = bearer(&house.token(Role::Agent, Scope::ALL));
                let path = filled(route.path, "1002");
                let (status, said) =
                    house.told(&route.method, &path, &[("authorization", &token)], "{}").await;
                assert_eq!((status, &said["code"]), (403, &"own".into()), "{} {path}", route.method);
            }
        }
    });
}

#[test]
fn the_document_has_every_route_and_names_every_type() {
    let finished = routes::all().finish();
    let document: Value = serde_json::from_str(&finished.document).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = std::collections::BTreeSet::new();
    for route in &finished.routes {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        assert!(operation["summary"].is_string(), "{} {}", route.method, route.path);
        assert!(
            ids.insert(operation["operationId"].to_string()),
            "two are called {}",
            operation["operationId"]
        );
        assert_eq!(operation["security"].is_array(), route.rule.is_some());
    }
    let text = &finished.document;
    for (place, _) in text.match_indices("#/components/schemas/") {
        let name: String = text[place + 21..].chars().take_while(|c| *c != '"').collect();
        assert!(document["components"]["schemas"][&name].is_object(), "{name} is named and not there");
    }
}

#[test]
fn a_session_begins_by_password_and_ends_by_word() {
    let house = House::new();
    house.user(Role::Agent);
    in_time(async {
        let (cookie, csrf) = house.sign_in(" Agent ", PASSWORD).await.unwrap();
        let here = [("cookie", cookie.as_str())];
        let (status, who) = house.told(&Method::GET, "/session", &here, "").await;
        assert_eq!((status, &who["user"], &who["role"]), (200, &"agent".into(), &"agent".into()));
        assert_eq!(who["csrf"], csrf.as_str());
        let ready = "{\"state\": \"ready\"}";
        let path = "/agents/1001/presence";
        let (status, said) = house.told(&Method::PUT, path, &here, ready).await;
        assert_eq!((status, &said["code"]), (403, &"csrf".into()));
        let meant = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
        assert_eq!(house.told(&Method::PUT, path, &meant, ready).await.0, 204);
        let foreign = [meant[0], meant[1], ("sec-fetch-site", "cross-site")];
        assert_eq!(house.told(&Method::PUT, path, &foreign, ready).await.0, 403);
        assert_eq!(house.told(&Method::DELETE, "/session", &meant, "").await.0, 204);
        let (status, said) = house.told(&Method::GET, "/session", &here, "").await;
        assert_eq!((status, &said["code"]), (401, &"signed-out".into()));
        let (first, _) = house.sign_in("agent", PASSWORD).await.unwrap();
        house.sign_in("agent", PASSWORD).await.unwrap();
        let (status, said) = house.told(&Method::GET, "/agents", &[("cookie", &first)], "").await;
        assert_eq!((status, &said["code"]), (401, &"elsewhere".into()));
    });
    let deeds = house.office().deeds(&DeedFilter { latest: 100, ..DeedFilter::default() }).unwrap();
    let told: Vec<_> =
        deeds.iter().rev().map(|deed| format!("{} {} {}", deed.what, deed.object, deed.outcome)).collect();
    assert_eq!(told[..2], ["sign-in  done", "PUT /agents/1001/presence done"], "{told:?}");
    assert!(told.contains(&"sign-out  done".to_owned()));
}

#[test]
fn the_sixth_guess_is_not_looked_at() {
    let house = House::new();
    house.user(Role::Auditor);
    in_time(async {
        for name in ["auditor", "nobody", "auditor", "0 or 1", "auditor"] {
            let (status, said) = house.sign_in(name, "wrong horse").await.unwrap_err();
            let told = (status, said["detail"].as_str().unwrap());
            assert_eq!(told, (401, "the name or the password is wrong"), "the same for all");
        }
        let (status, said) = house.sign_in("auditor", PASSWORD).await.unwrap_err();
        assert_eq!(status, 429);
        assert!((1..=31).contains(&said["retry_after_s"].as_u64().unwrap()), "{said}");
    });
}

#[test]
fn what_cannot_be_meant_is_told_as_such() {
    let house = House::new();
    house.user(Role::Supervisor);
    let token = bearer(&house.token(Role::Supervisor, Scope::ALL));
    in_time(async {
        let here = [("authorization", token.as_str())];
        let put = |body: &'static str| house.told(&Method::PUT, "/agents/1001/presence", &here, body);
        for wrong in [
            "{",
            "[]",
            "{\"state\":\"asleep\"}",
            "{\"state\":\"away\",\"reason\":\"no-answer\"}",
            "{\"state\":\"ready\",\"x\":1}",
        ] {
            let (status, said) = put(wrong).await;
            assert_eq!((status, &said["code"]), (400, &"malformed".into()), "{wrong}: {said}");
        }
        let long = format!("{{\"state\":\"{}\"}}", "x".repeat(8200));
        assert_eq!(house.told(&Method::PUT, "/agents/1001/presence", &here, &long).await.0, 413);
        assert_eq!(
            house.told(&Method::PUT, "/agents/1001/presence", &here, "").await.0,
            415,
            "no body, no type"
        );
        for (path, status) in [
            ("/calls?latst=5", 400),
            ("/calls?since=yesterday", 400),
            ("/calls?since=2026-05-01T09:00:00Z&latest=5", 200),
            ("/calls/x", 404),
            ("/calls/c5", 404),
            ("/messages/m7", 404),
            ("/complaints/1", 404),
            ("/nowhere", 404),
        ] {
            assert_eq!(house.told(&Method::GET, path, &here, "").await.0, status, "{path}");
        }
        assert_eq!(house.told(&Method::POST, "/calls", &here, "{}").await.0, 405);
        for bad in ["Basic eDp5", "Bearer", "Bearer hlt_guess"] {
            assert_eq!(house.told(&Method::GET, "/calls", &[("authorization", bad)], "").await.0, 401);
        }
    });
}

#[test]
fn an_agent_sees_the_numbers_of_their_own_calls_and_acts_in_no_other() {
    let house = House::new();
    [Role::Agent, Role::Auditor].into_iter().for_each(|role| house.user(role));
    let (agent, auditor) = (house.token(Role::Agent, Scope::ALL), house.token(Role::Auditor, Scope::ALL));
    in_time(async {
        let agent = bearer(&agent);
        let here = [("authorization", agent.as_str())];
        let (_, calls) = house.told(&Method::GET, "/running", &here, "").await;
        assert_eq!((&calls[0]["from"], &calls[1]["from"]), (&"13800138000".into(), &"13*******00".into()));
        let auditor = bearer(&auditor);
        let (_, calls) = house.told(&Method::GET, "/running", &[("authorization", &auditor)], "").await;
        assert_eq!(calls[0]["from"], "13*******00");
        let transfer = |path| house.told(&Method::POST, path, &here, "{\"to\":\"1003\"}");
        assert_eq!(transfer("/running/1/transfer").await.0, 204);
        assert_eq!(transfer("/running/c2/transfer").await.1["code"], "own");
        assert_eq!(transfer("/running/9/transfer").await.0, 404);
    });
}

#[test]
fn a_token_makes_none_that_may_more_and_a_revoked_one_nothing() {
    let house = House::new();
    house.user(Role::Supervisor);
    let scopes = [Scope::HouseRead, Scope::HouseWrite, Scope::CallsRead];
    let token = bearer(&house.token(Role::Supervisor, &scopes));
    in_time(async {
        let here = [("authorization", token.as_str())];
        let make = |scope: &str| format!("{{\"title\":\"t\",\"scopes\":[\"{scope}\"]}}");
        assert_eq!(
            house.told(&Method::POST, "/tokens", &here, &make("calls:write")).await.1["code"],
            "scope"
        );
        let (status, made) = house.told(&Method::POST, "/tokens", &here, &make("calls:read")).await;
        assert_eq!(status, 201);
        let secret = bearer(made["secret"].as_str().unwrap());
        assert_eq!(house.told(&Method::GET, "/calls", &[("authorization", &secret)], "").await.0, 200);
        let path = format!("/tokens/{}", made["token"]);
        assert_eq!(house.told(&Method::DELETE, &path, &here, "").await.0, 204);
        assert_eq!(house.told(&Method::GET, "/calls", &[("authorization", &secret)], "").await.0, 401);
        assert_eq!(house.told(&Method::DELETE, &path, &here, "").await.0, 404);
    });
}

#[test]
fn the_stream_goes_on_where_it_broke() {
    use futures_util::StreamExt;

    let house = House::new();
    house.user(Role::Supervisor);
    let token = bearer(&house.token(Role::Supervisor, &[Scope::EventsRead]));
    let happens =
        |what: &str| house.feed.tell(0, Wall::default(), FloorEvent::Mended { what: what.to_owned() });
    in_time(async {
        let follow = async |last: Option<&str>| {
            let mut headers = vec![("authorization", token.as_str())];
            headers.extend(last.map(|last| ("last-event-id", last)));
            let response = house.ask(&Method::GET, "/events", &headers, "").await;
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
            response.into_body().into_data_stream()
        };
        let next = async |stream: &mut axum::body::BodyDataStream| {
            String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap()
        };
        happens("before");
        let mut stream = follow(None).await;
        assert!(next(&mut stream).await.contains("id: run-1\nevent: hello\ndata: {\"resumed\":false}"));
        happens("one");
        let told = next(&mut stream).await;
        assert!(
            told.starts_with("id: run-2\nevent: mended\ndata: {") && told.contains("\"what\":\"one\""),
            "{told}"
        );
        drop(stream);
        happens("two");
        happens("three");
        let mut stream = follow(Some("run-2")).await;
        assert!(next(&mut stream).await.contains("{\"resumed\":true}"));
        let told = next(&mut stream).await;
        assert!(told.contains("two") && told.contains("three") && !told.contains("\"one\""), "{told}");
        let mut stream = follow(Some("other-2")).await;
        assert!(next(&mut stream).await.contains("event: lost\ndata: {\"lost\":null}"));
    });
}

/// A value of that schema, or near it.
fn invented(document: &Value, schema: &Value, rng: &mut Rng, depth: u8) -> Value {
    let odd = || {
        [
            Value::Null,
            serde_json::json!(-1),
            serde_json::json!(u64::MAX),
            serde_json::json!(1e308),
            serde_json::json!(""),
            serde_json::json!("\u{0}\u{202e}' OR 1=1 --"),
            serde_json::json!("x".repeat(3000)),
            serde_json::json!([[[]]]),
            serde_json::json!({ "a": {} }),
            serde_json::json!("9999-12-31T23:59:59Z"),
        ]
    };
    if depth > 4 || rng.below(5) == 0 {
        let odd = odd();
        return odd[rng.below(odd.len() as u64) as usize].clone();
    }
    if let Some(name) = schema["$ref"].as_str() {
        let named = &document["components"]["schemas"][name.rsplit('/').next().unwrap()];
        return invented(document, named, rng, depth + 1);
    }
    if let Some(all) = schema["oneOf"].as_array() {
        return invented(document, &all[rng.below(all.len() as u64) as usize], rng, depth + 1);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[rng.below(words.len() as u64) as usize].clone();
    }
    if let Some(fields) = schema["properties"].as_object() {
        let some =
            fields.iter().filter(|_| rng.below(6) > 0).map(|(name, field)| (name.clone(), field.clone()));
        let some: Vec<_> = some.collect();
        return some
            .into_iter()
            .map(|(name, field)| (name, invented(document, &field, rng, depth + 1)))
            .collect();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match kind {
        "integer" => serde_json::json!(rng.below(1000)),
        "boolean" => serde_json::json!(rng.below(2) == 0),
        "array" => Value::Array(vec![invented(document, &schema["items"], rng, depth + 1)]),
        _ => serde_json::json!(
            ["1001", "normal", "2099-01-01T00:00:00Z", "meeting", "listen"][rng.below(5) as usize]
        ),
    }
}

#[test]
fn nothing_that_can_be_said_is_a_fault_of_ours() {
    let house = House::new();
    Role::ALL.into_iter().for_each(|role| house.user(role));
    let tokens = Role::ALL.map(|role| (role, bearer(&house.token(role, Scope::ALL))));
    let finished = routes::all().finish();
    let document: Value = serde_json::from_str(&finished.document).unwrap();
    let mut rng = Rng::from_number(1);
    in_time(async {
        for route in finished.routes {
            let Some(rule) = route.rule else { continue };
            // Signed out, nobody could go on.
            if route.path == "/session" || route.path == "/events" {
                continue;
            }
            let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let (_, token) = tokens.iter().find(|(role, _)| *role == *rule.roles.last().unwrap()).unwrap();
            for round in 0..if schema.is_null() { 3 } else { 16 } {
                let body = if schema.is_null() {
                    String::new()
                } else {
                    invented(&document, schema, &mut rng, 0).to_string()
                };
                let odd = ["1001", "%00", "-1", "18446744073709551616", "%F0%9F%98%80"][round % 5];
                let query = if round == 2 { "?latest=-1&since=never&x=%FF" } else { "" };
                let path = route.path.split('/').map(|part| if part.starts_with('{') { odd } else { part });
                let path = format!("{}{query}", path.collect::<Vec<_>>().join("/"));
                let (status, said) =
                    house.told(&route.method, &path, &[("authorization", token)], &body).await;
                assert!(status < 500, "{} {path} {body}: {status} {said}", route.method);
                assert!(
                    status < 300 || said["detail"].is_string(),
                    "{} {path}: {status} {said}",
                    route.method
                );
            }
        }
    });
}
