//! The start position of a subscriber, and its form in a request.

use actix_web::HttpRequest;
use actix_web::web::Query;

use crate::Error;

/// The start of a subscriber in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartAt {
    /// The next event.
    #[default]
    Now,
    /// The next event. The subscriber also gets the current position at once, so that it can resume
    /// before it has seen an event.
    Latest,
    /// A replay of the events after this position, then live events.
    After {
        /// The last position that the subscriber has seen.
        position: i64,
        /// The id of the position's log; `None` means the feed's own log. For another log, the
        /// subscriber gets a resync.
        log: Option<String>,
    },
}

impl StartAt {
    /// A start after this position of the feed's own log.
    pub fn after(position: i64) -> StartAt {
        StartAt::After { position, log: None }
    }

    /// The start from a request's parameters `last_event_id` and `log`; [`StartAt::Now`] without a
    /// position, [`StartAt::Latest`] for the word `latest`. A browser's `EventSource` keeps its
    /// first URL when it reconnects, so for event streams the header `Last-Event-ID` takes
    /// precedence; a request with two such headers is refused.
    ///
    /// A position consists of digits; a number over `i64::MAX` counts as `i64::MAX`, which is in
    /// the future. Any other value is an [`Error::BadParameter`].
    pub fn from_request(request: &HttpRequest) -> Result<StartAt, Error> {
        let query = Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|_| Error::BadParameter("the query string"))?;
        let parameter =
            |wanted| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let mut headers = request.headers().get_all("last-event-id");
        let header = headers.next().filter(|_| crate::sse::is_wanted(request));
        if header.is_some() && headers.next().is_some() {
            return Err(Error::BadParameter("Last-Event-ID"));
        }
        if header.is_none() && parameter("last_event_id") == Some("latest") {
            return Ok(StartAt::Latest);
        }
        let position = match header {
            Some(value) => Some(position("Last-Event-ID", value.to_str().unwrap_or(""))?),
            None => parameter("last_event_id")
                .map(|text| position("last_event_id", text))
                .transpose()?,
        };
        Ok(position.map_or(StartAt::Now, |position| StartAt::After {
            position,
            log: parameter("log").map(ToOwned::to_owned),
        }))
    }
}

fn position(name: &'static str, text: &str) -> Result<i64, Error> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::BadParameter(name));
    }
    Ok(text.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asks(query: &str, headers: &[(&str, &str)]) -> Result<StartAt, String> {
        let mut request = TestRequest::with_uri(&format!("/feed{query}"));
        for header in headers {
            request = request.insert_header(*header);
        }
        StartAt::from_request(&request.to_http_request()).map_err(|error| error.to_string())
    }

    fn after(position: i64, log: Option<&str>) -> Result<StartAt, String> {
        Ok(StartAt::After { position, log: log.map(ToOwned::to_owned) })
    }

    const STREAM: (&str, &str) = ("Accept", "text/event-stream");

    #[test]
    fn a_request_without_a_position_starts_with_the_next_event() {
        for query in ["", "?", "?log=L", "?channels=posts"] {
            assert_eq!(asks(query, &[]), Ok(StartAt::Now), "{query}");
        }
    }

    #[test]
    fn a_position_is_written_in_digits() {
        assert_eq!(asks("?last_event_id=0", &[]), after(0, None));
        assert_eq!(asks("?last_event_id=007", &[]), after(7, None));
        assert_eq!(asks("?log=a%20b&last_event_id=7", &[]), after(7, Some("a b")));
        let largest = format!("?last_event_id={}", i64::MAX);
        assert_eq!(asks(&largest, &[]), after(i64::MAX, None));
        for beyond in ["9223372036854775808", "99999999999999999999999999"] {
            let query = format!("?last_event_id={beyond}");
            assert_eq!(asks(&query, &[]), after(i64::MAX, None), "it is in the future");
        }
        for wrong in ["", "-1", "+1", "%201", "1.0", "1e3", "x", "0x1", "%D9%A1", "1%00"] {
            let told = asks(&format!("?last_event_id={wrong}"), &[]);
            assert_eq!(told, Err("last_event_id is invalid".to_owned()), "{wrong:?}");
        }
    }

    #[test]
    fn an_event_stream_prefers_its_header_to_its_url() {
        let header = ("Last-Event-ID", "9");
        assert_eq!(asks("?last_event_id=3&log=L", &[STREAM, header]), after(9, Some("L")));
        assert_eq!(asks("", &[STREAM, header]), after(9, None));
        assert_eq!(asks("?last_event_id=3", &[STREAM]), after(3, None));
        let told = asks("?last_event_id=3", &[STREAM, ("Last-Event-ID", "x")]);
        assert_eq!(told, Err("Last-Event-ID is invalid".to_owned()));
    }

    #[test]
    fn a_websocket_ignores_the_header() {
        let header = ("Last-Event-ID", "9");
        assert_eq!(asks("?last_event_id=3", &[header]), after(3, None));
        let upgrade = ("Upgrade", "websocket");
        assert_eq!(asks("", &[STREAM, upgrade, header]), Ok(StartAt::Now));
    }
}
