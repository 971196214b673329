//! Fuzz targets for untrusted bytes: plain functions that panic when an invariant does not hold.
//! Tests drive them here, and cargo-fuzz in `fuzz/`. Owns the targets for the start and the
//! `Accept` of a request and for event streams; the targets for sockets are beside the modules that
//! read them.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;

pub use crate::transport::fuzzing::{framing, unread};
pub use crate::websocket::fuzzing::{frames, handshake};
use crate::{StartAt, accepts, frame};

/// The start of a subscriber. The first line is the request's target; the other lines are its
/// headers.
pub fn start_at(bytes: &[u8]) {
    let request = request(bytes);
    if let Ok(StartAt::After { position, .. }) = StartAt::from_request(&request) {
        assert!(position >= 0, "a position is before the first event");
        let again = TestRequest::with_uri(&format!("/feed?last_event_id={position}"));
        let again = StartAt::from_request(&again.to_http_request());
        assert_eq!(again.ok(), Some(StartAt::after(position)));
    }
}

/// A request's `Accept`.
pub fn accept(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let asks = |values: &[&HeaderValue]| {
        let mut headers = HeaderMap::new();
        values.iter().for_each(|value| headers.append(header::ACCEPT, (*value).clone()));
        accepts(&headers, "text/html")
    };
    let is_wanted = asks(&[&value]);
    let is_named = value.to_str().is_ok_and(|text| text.to_lowercase().contains("text/html"));
    assert!(is_named || !is_wanted, "it accepts a type that it does not name");
    let other = HeaderValue::from_static("*/*;q=0, image/png");
    assert_eq!(asks(&[&other, &value]), is_wanted, "another value changes the result");
    let html = HeaderValue::from_static("text/html");
    assert!(asks(&[&value, &html]), "another value hides this one");
}

/// An event of a stream. The topic, on the first line, and the text are untrusted.
pub fn event_stream(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (topic, data) = text.split_once('\n').unwrap_or((&text, ""));
    let frame = frame::sse(Some(7), topic, data.as_bytes());
    let frame = String::from_utf8_lossy(&frame).into_owned();
    let topic = topic.split('\r').next().unwrap_or("");
    let data = data.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\ndata: ");
    assert_eq!(frame, format!("id: 7\nevent: {topic}\ndata: {data}\n\n"));
}

/// Builds a request from these lines: its target, then its headers. Leaves out lines that HTTP
/// would refuse.
pub(crate) fn request(bytes: &[u8]) -> HttpRequest {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let target = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or("");
    let is_target = target.starts_with('/') && target.parse::<actix_web::http::Uri>().is_ok();
    let mut request = TestRequest::with_uri(if is_target { target } else { "/" });
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            request = request.append_header((name, value));
        }
    }
    request.to_http_request()
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_start_is_a_position_or_refused() {
        let seeds: &[&[u8]] = &[
            b"/feed?last_event_id=7&log=01H",
            b"/feed?last_event_id=latest",
            b"/feed?channels=posts%2Ccomments&log=a%20b&last_event_id=9223372036854775808",
            b"/feed?last_event_id=3\nAccept: text/event-stream\nLast-Event-ID: 9",
            b"/feed\nAccept: text/event-stream\nUpgrade: websocket\nLast-Event-ID: x",
            b"last_event_id=",
        ];
        drive("start_at", start_at, seeds);
    }

    #[test]
    fn an_accept_asks_for_what_it_names() {
        let seeds: &[&[u8]] = &[
            b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            b"text/html;level=\"1,2\";q=0.5, application/json",
            b"TEXT/HTML ; Q=0.000",
            b"a/b;p=\"\\\",\",text/html",
            b"text/html",
            b"q=",
        ];
        drive("accept", accept, seeds);
    }

    #[test]
    fn a_stream_has_one_event_whatever_is_in_it() {
        let seeds: &[&[u8]] = &[
            b"post_created\n{\"id\":7,\"title\":\"a\"}",
            b"a\rid: 9\nx\r\ny\rid: 9\n\n",
            b"data: ",
            b"\r",
        ];
        drive("event_stream", event_stream, seeds);
    }
}
