//! What went wrong, as RFC 9457 has it, in the words of the command line.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::daemon::failure::Failure;

/// The answer to a request that was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// As the answer's own.
    pub status: u16,
    /// The status in words.
    pub title: &'static str,
    /// For programs: `role`, `signed-out`, `elsewhere`, `refused` …
    pub code: &'static str,
    /// For people: what the command line would say.
    pub detail: String,
    /// Seconds after which it may be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Problem {
        let title = status.canonical_reason().unwrap_or("Error");
        Problem { status: status.as_u16(), title, code, detail: detail.into(), retry_after_s: None }
    }

    /// What was sent cannot be meant.
    pub fn malformed(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// Whoever asks is not known, or no longer.
    pub fn unknown(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub fn absent(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "absent", detail)
    }

    /// Later it may work.
    pub fn busy(detail: impl Into<String>, after_s: u64) -> Problem {
        let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        Problem { retry_after_s: Some(after_s), ..busy }
    }

    /// Too often.
    pub fn too_many(detail: impl Into<String>, after_s: u64) -> Problem {
        let often = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", detail);
        Problem { retry_after_s: Some(after_s.max(1)), ..often }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        match failure {
            Failure::Absent(detail) => Problem::absent(detail),
            // The daemon understood, and will not.
            Failure::Refused(reason) => Problem::new(StatusCode::CONFLICT, "refused", reason),
            Failure::Other(reason) => Problem::new(StatusCode::CONFLICT, "refused", reason),
            Failure::NotRunning { .. } => Problem::busy("the hotline is ending", 10),
            // Paths and the like are for the log's reader.
            failure => {
                tracing::error!(%failure, "a request of the web could not be served");
                Problem::busy("the hotline cannot reach its store now: its log says more", 5)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank", "title": self.title, "status": self.status, "code": self.code,
            "detail": self.detail, "retry_after_s": self.retry_after_s,
        });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_keep_their_words_and_paths_stay_in_the_log() {
        let of = |failure| Problem::from(failure);
        let absent = of(Failure::Absent("there is no message m3".to_owned()));
        assert_eq!((absent.status, absent.detail.as_str()), (404, "there is no message m3"));
        assert_eq!(of(Failure::Refused("agent 1001 is away".to_owned())).status, 409);
        let gone = of(Failure::NotRunning { folder: "/secret/place".into() });
        assert_eq!((gone.status, gone.retry_after_s), (503, Some(10)));
        let error = std::io::Error::other("x");
        let broken = of(Failure::Read { path: "/secret/place".into(), error });
        assert!(broken.status == 503 && !broken.detail.contains("secret"), "{broken:?}");
        let response = Problem::too_many("slowly", 0).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
