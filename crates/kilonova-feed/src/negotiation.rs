//! The kind of response that a request asks for: its `Accept` header, parsed by the grammar of RFC
//! 9110.

use actix_web::http::header::{self, HeaderMap};

/// True if `Accept` names this media type with a weight above 0, such as `text/event-stream`.
///
/// Wildcards do not count, because every program sends them.
pub fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| split(value, ',')).any(|range| {
        let mut parts = split(range, ';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        let mut weights = parts.filter_map(|parameter| {
            let (name, weight) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| weight.trim().parse::<f32>())
        });
        is_named && weights.next().is_none_or(|weight| weight.is_ok_and(|weight| weight > 0.0))
    })
}

/// The parts of a list. A separator inside a quoted string does not separate.
fn split(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    list.split(move |c| {
        let ends = c == separator && !quoted;
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn accept_is_read_by_its_grammar() {
        let names_it = |value| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            accepts(&headers, "text/event-stream")
        };
        for named in [
            "text/event-stream",
            "TEXT/Event-Stream",
            "text/html, text/event-stream;q=0.5",
            "text/event-stream ; charset=utf-8 ; Q=1",
            "*/*;q=0,text/event-stream",
            "a/b;p=\"\\\",\",text/event-stream",
            "text/event-stream;p=\";q=0\"",
        ] {
            assert!(names_it(named), "{named}");
        }
        for other in [
            "",
            "*/*",
            "text/*",
            "text/event-streams",
            "x-text/event-stream",
            "text/event-stream;q=0",
            "text/event-stream; q=0.000",
            "text/event-stream;q=none",
            "a/b;p=\",text/event-stream,\"",
            "a/b;p=\"\\\",text/event-stream,\"",
        ] {
            assert!(!names_it(other), "{other}");
        }
    }
}
