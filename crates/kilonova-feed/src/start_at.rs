//! Where a subscriber starts, and how a client says so.

use actix_web::HttpRequest;
use actix_web::web::Query;

use crate::Error;

/// Where a subscriber starts in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartAt {
    /// With the next event.
    #[default]
    Now,
    /// After this position, which it has seen: first what it missed, then live.
    After {
        /// The position.
        position: i64,
        /// The id of the log that the position belongs to. Without it the position is taken to be
        /// of this log.
        log: Option<String>,
    },
}

impl StartAt {
    /// After this position of the feed's own log.
    pub fn after(position: i64) -> StartAt {
        StartAt::After { position, log: None }
    }

    /// What a request asks for: its parameters `last_event_id` and `log`. A browser's `EventSource`
    /// keeps its first URL when it reconnects, so for event streams the header `Last-Event-ID`
    /// comes first.
    ///
    /// A position is written in digits; one beyond any number is in the future. Anything else is
    /// [`Error::BadParameter`].
    pub fn from_request(request: &HttpRequest) -> Result<StartAt, Error> {
        let query = Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|_| Error::BadParameter("the query string"))?;
        let parameter =
            |wanted| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let header =
            request.headers().get("last-event-id").filter(|_| crate::sse::is_wanted(request));
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
