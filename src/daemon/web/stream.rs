//! `GET /events`: server-sent events for one reader.
//!
//! ```text
//!   hello (where the stream begins) --> events, each with its id --> ... --> bye (signed out, or the hotline ends)
//!                                        lost (so many)                          |
//!   reader comes back with Last-Event-ID <---------------------------------------+
//! ```

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use futures_util::stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::api::peer;
use super::app::App;
use super::feed::Feed;
use super::gate::{Occasion, Peer, Shown, Visitor};
use super::problem::Problem;
use super::rules::{EVERYBODY, Rule};
use crate::daemon::clock;
use crate::daemon::users::Scope;

pub const RULE: Rule = Rule::new(EVERYBODY, Scope::EventsRead);

/// How often a reader is looked after: a word to keep the connection, and whether they are still signed in.
const LOOK: Duration = Duration::from_secs(15);
/// Events that are written at a time.
const AT_ONCE: usize = 64;

/// Where a reader goes on who comes back: the browser's own header, or a query for programs that cannot set it.
const LAST_EVENT_ID: &str = "last-event-id";

struct Reader {
    app: App,
    feed: Arc<Feed>,
    shown: Shown,
    peer: Peer,
    visitor: Visitor,
    /// The latest that they were told, or that was not for them.
    number: u64,
    bell: watch::Receiver<u64>,
    ending: watch::Receiver<bool>,
    look: Instant,
    first: Option<Bytes>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// # Errors
/// Nobody who may; too many follow already.
pub async fn events(app: App, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let peer = peer(&parts)?;
    let shown = Shown::of(&parts.headers, peer)?;
    let (shown, visitor) = admitted(&app, shown, peer, Occasion::Asks).await?;
    let place = Arc::clone(app.streams())
        .try_acquire_owned()
        .map_err(|_| Problem::busy("too many follow the events already", 10))?;
    let feed = Arc::clone(app.feed());
    // Before anything is read: what comes from here on rings it.
    let bell = feed.bell();
    let (number, first) = beginning(&feed, last_id(&parts.headers, &parts.uri).as_deref());
    let reader = Reader {
        ending: app.ending(),
        app,
        feed,
        shown,
        peer,
        visitor,
        number,
        bell,
        look: Instant::now() + LOOK,
        first: Some(first),
        over: false,
        _place: place,
    };
    let chunks = stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((Ok::<_, Infallible>(chunk), reader))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that keeps it until it has a page full keeps it for minutes.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

async fn admitted(
    app: &App,
    shown: Shown,
    peer: Peer,
    occasion: Occasion,
) -> Result<(Shown, Visitor), Problem> {
    let lasting = app.lasting();
    app.within(move |office| {
        let visitor = shown.visitor(office, peer.address, (clock::now().wall, lasting), occasion)?;
        visitor.may(&RULE, None)?;
        Ok((shown, visitor))
    })
    .await
}

fn last_id(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let query =
        || uri.query()?.split('&').find_map(|pair| pair.strip_prefix(LAST_EVENT_ID)?.strip_prefix('='));
    header.or_else(query).map(str::to_owned)
}

/// Where they begin, and what they are told of it.
fn beginning(feed: &Feed, last: Option<&str>) -> (u64, Bytes) {
    let known = last.and_then(|id| feed.number(id));
    let number = known.unwrap_or_else(|| feed.newest());
    let mut text =
        written("hello", Some(&feed.id(number)), &json!({ "resumed": known.is_some() }).to_string());
    if last.is_some() && known.is_none() {
        // Of another run of the daemon: nobody knows how many.
        text.push_str(&written("lost", None, &json!({ "lost": null }).to_string()));
    }
    (number, text.into())
}

/// One event, as a stream has it.
pub fn written(name: &str, id: Option<&str>, data: &str) -> String {
    match id {
        Some(id) => format!("id: {id}\nevent: {name}\ndata: {data}\n\n"),
        None => format!("event: {name}\ndata: {data}\n\n"),
    }
}

impl Reader {
    /// What they are to be told next; asked for when they have taken what was before. `None`: nothing more.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if *self.ending.borrow() {
                return Some(self.bye("ending", "the hotline is ending"));
            }
            self.bell.mark_unchanged();
            let since = self.feed.since(self.number, AT_ONCE);
            if let Some(last) = since.told.last() {
                self.number = last.number;
                let mut text = String::new();
                if since.lost > 0 {
                    text.push_str(&written("lost", None, &json!({ "lost": since.lost }).to_string()));
                }
                for told in since.told.iter().filter(|told| told.is_for(&self.visitor)) {
                    text.push_str(&told.text);
                }
                if !text.is_empty() {
                    return Some(text.into());
                }
                continue;
            }
            tokio::select! {
                _ = self.bell.changed() => {}
                _ = self.ending.changed() => {}
                () = sleep_until(self.look) => {
                    self.look = Instant::now() + LOOK;
                    return Some(self.look_after().await);
                }
            }
        }
    }

    /// A sign of life, or the end where they are no longer who they were.
    async fn look_after(&mut self) -> Bytes {
        match admitted(&self.app, self.shown.clone(), self.peer, Occasion::Follows).await {
            Ok((_, visitor)) => {
                self.visitor = visitor;
                // Where they go on, though nothing was for them.
                format!(": {}\n\n", self.feed.id(self.number)).into()
            }
            // It will be asked again.
            Err(problem) if problem.retry_after_s.is_some() => ": busy\n\n".into(),
            Err(problem) => self.bye(problem.code, &problem.detail),
        }
    }

    fn bye(&mut self, code: &str, detail: &str) -> Bytes {
        self.over = true;
        written("bye", None, &json!({ "code": code, "detail": detail }).to_string()).into()
    }
}
