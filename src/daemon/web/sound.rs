//! Recordings for players, which ask for parts of them (RFC 9110 §14).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

/// What is read of a file at a time.
const PIECE: u64 = 64 * 1024;

/// A WAV, whole or in part.
pub struct Sound {
    content: Content,
    length: u64,
    part: Result<Option<Range<u64>>, NoSuchPart>,
}

enum Content {
    Held(Bytes),
    Filed(File),
}

/// The part that is asked for lies beyond the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchPart;

impl Sound {
    /// In memory. `asked`: the request's header `Range`.
    pub fn held(wav: Vec<u8>, asked: Option<&str>) -> Sound {
        let length = wav.len() as u64;
        Sound { content: Content::Held(wav.into()), length, part: part(asked, length) }
    }

    /// On disk, read as it is sent.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub fn filed(file: File, asked: Option<&str>) -> std::io::Result<Sound> {
        let length = file.metadata()?.len();
        Ok(Sound { content: Content::Filed(file), length, part: part(asked, length) })
    }

    pub fn into_response(self) -> Response {
        let Sound { content, length, part } = self;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let mut is_at = |text: String| {
            headers.extend(HeaderValue::from_str(&text).map(|value| (CONTENT_RANGE, value)));
        };
        let (status, range) = match part {
            Ok(Some(part)) => {
                is_at(format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1)));
                (StatusCode::PARTIAL_CONTENT, part)
            }
            Ok(None) => (StatusCode::OK, 0..length),
            Err(NoSuchPart) => {
                is_at(format!("bytes */{length}"));
                return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
            }
        };
        headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        let body = match content {
            Content::Held(wav) => Body::from(cut(&wav, &range)),
            Content::Filed(file) => streamed(file, range),
        };
        (status, headers, body).into_response()
    }
}

fn cut(wav: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(wav.len());
    wav.slice(at(range.start)..at(range.end))
}

/// The next piece is read when the one before it has gone: who reads slowly holds no thread.
fn streamed(file: File, range: Range<u64>) -> Body {
    let pieces = stream::try_unfold((file, range), |(file, range)| async move {
        if range.start >= range.end {
            return Ok(None);
        }
        let read =
            tokio::task::spawn_blocking(move || read(file, &range).map(|(file, piece)| (file, piece, range)));
        let (file, piece, range) = read.await.map_err(std::io::Error::other)??;
        let start = range.start + piece.len() as u64;
        Ok::<_, std::io::Error>(Some((piece, (file, start..range.end))))
    });
    Body::from_stream(pieces)
}

fn read(mut file: File, range: &Range<u64>) -> std::io::Result<(File, Bytes)> {
    file.seek(SeekFrom::Start(range.start))?;
    let wanted = (range.end - range.start).min(PIECE);
    let mut piece = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
    (&mut file).take(wanted).read_to_end(&mut piece)?;
    if piece.is_empty() {
        return Err(std::io::Error::other("the recording has become shorter"));
    }
    Ok((file, piece.into()))
}

/// One part; several at once, and what is no range of octets, are answered with the whole, as the RFC allows.
fn part(asked: Option<&str>, length: u64) -> Result<Option<Range<u64>>, NoSuchPart> {
    let Some((first, last)) = asked
        .and_then(|text| text.trim().strip_prefix("bytes="))
        .and_then(|range| range.trim().split_once('-'))
    else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (first.trim().is_empty(), last.trim().is_empty()) {
        // The last so many.
        (true, false) => number(last).map(|count| length.saturating_sub(count)..length),
        (false, true) => number(first).map(|first| first..length),
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some(first..last.saturating_add(1).min(length)),
            _ => None,
        },
        (true, true) => None,
    };
    match range {
        Some(range) if range.start >= range.end => Err(NoSuchPart),
        range => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_the_rfc_has_them() {
        let of = |text: &str| part(Some(text), 1000);
        assert_eq!(of("bytes=0-0"), Ok(Some(0..1)));
        assert_eq!(of("bytes=500-"), Ok(Some(500..1000)));
        assert_eq!(of("bytes=-200"), Ok(Some(800..1000)));
        assert_eq!(of("bytes=-2000"), Ok(Some(0..1000)));
        assert_eq!(of("bytes=900-5000"), Ok(Some(900..1000)));
        for beyond in ["bytes=1000-", "bytes=1000-1001", "bytes=-0"] {
            assert_eq!(of(beyond), Err(NoSuchPart), "{beyond}");
        }
        for whole in ["bytes=1-2,4-5", "octets=0-1", "bytes=", "bytes=-", "bytes=9-3", "bytes=a-b", ""] {
            assert_eq!(of(whole), Ok(None), "{whole}");
        }
        assert_eq!(part(None, 1000), Ok(None));
        assert_eq!(part(Some("bytes=0-"), 0), Err(NoSuchPart));
    }

    #[test]
    fn a_file_is_sent_in_pieces_and_memory_by_its_part() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let wav: Vec<u8> = (0..200_000u32).map(|number| (number % 251) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r1.wav");
        std::fs::write(&path, &wav).unwrap();
        runtime.block_on(async {
            for (asked, expected) in [(None, 0..200_000), (Some("bytes=10-150009"), 10..150_010)] {
                let held = Sound::held(wav.clone(), asked);
                let filed = Sound::filed(File::open(&path).unwrap(), asked).unwrap();
                for sound in [held, filed] {
                    let response = sound.into_response();
                    assert_eq!(response.headers()[CONTENT_LENGTH], expected.len().to_string());
                    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
                    assert_eq!(body, wav[expected.clone()]);
                }
            }
            let beyond = Sound::held(wav.clone(), Some("bytes=200000-")).into_response();
            assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
            assert_eq!(beyond.headers()[CONTENT_RANGE], "bytes */200000");
        });
    }
}
