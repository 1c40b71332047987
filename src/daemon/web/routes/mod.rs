//! All routes, by what they are about. Each line of `declare` is a route with its rule.

mod cases;
mod floor;
mod house;
mod messages;
mod owed;
mod running;
mod session;

use std::sync::LazyLock;

use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;

use super::api::{Api, Route};
use super::document::Shape;
use super::stream;

/// Every route of the API.
pub fn all() -> Api {
    let mut api = Api::new();
    session::declare(&mut api);
    house::declare(&mut api);
    floor::declare(&mut api);
    running::declare(&mut api);
    messages::declare(&mut api);
    owed::declare(&mut api);
    cases::declare(&mut api);
    let events = Route { method: Method::GET, path: "/events", rule: Some(stream::RULE) };
    api.special(
        events,
        "What happens on the floor, as it happens (server-sent events)",
        (None, Shape::text("text/event-stream")),
        stream::events,
    );
    let open = |path| Route { method: Method::GET, path, rule: None };
    api.special(open("/health"), "Whether the web is served", (None, Shape::nothing()), |_, _| async {
        Ok(StatusCode::NO_CONTENT.into_response())
    });
    api.special(open("/openapi.json"), "This document", (None, Shape::object()), |_, _| async {
        Ok(([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response())
    });
    api
}

/// Put together when somebody asks for it first.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| all().finish().document);
