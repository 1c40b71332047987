//! The page, as it lies in the program.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::app::App;
use super::problem::Problem;

const FILES: [(&str, &str, &str); 3] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("page/page.js")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
];

/// The routes of the API with those of the page, and an answer for all others.
pub fn router(api: Router<App>) -> Router<App> {
    let with_page = FILES.into_iter().fold(api, |router, (path, kind, text)| {
        router.route(path, get(move || async move { file(kind, text) }))
    });
    with_page.fallback(|| async { Problem::absent("there is no such page") }).method_not_allowed_fallback(
        |method: Method| async move {
            let detail = format!("nothing is done by {method} here");
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
        },
    )
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // A page of an older version must not ask a newer one.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
