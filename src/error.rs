//! The table of failures, each with its status and JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::changeset::Errors;
use crate::{db, logging};

/// The result of a controller.
pub type AppResult<T> = Result<T, AppError>;

/// The reason why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// 301: the page has moved to this address, a path with its query.
    #[error("moved to {0}")]
    Moved(String),
    /// 400: the request cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// 401: credentials are missing or wrong.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// 403: the request comes from another site, or the action is not allowed here.
    #[error("{0}")]
    Forbidden(&'static str),
    /// 403: a page or a list was requested as a picture or a script.
    #[error("only a page's own files can be embedded")]
    Embedded,
    /// 404: the text names what was not found, as in "post not found".
    #[error("{0} not found")]
    NotFound(&'static str),
    /// 405: the path exists, but not for this method; the text lists the methods that it accepts.
    #[error("method not allowed")]
    MethodNotAllowed(String),
    /// 408: the body did not arrive in time.
    #[error("the request took too long")]
    Timeout,
    /// 409: the submitted form no longer matches the current state.
    #[error("{0}")]
    Conflict(&'static str),
    /// 410: events after the requested position were pruned; the number is the oldest position
    /// left.
    #[error("events before {0} are gone")]
    Gone(i64),
    /// 412: `If-Match` names an outdated version.
    #[error("it was changed in the meantime; reload it")]
    PreconditionFailed,
    /// 413: the body is over the limit, in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// 415: the route does not accept the body's type.
    #[error("{0}")]
    UnsupportedMediaType(&'static str),
    /// 421: the request is for another host, or came through a proxy in open access.
    #[error("{0}")]
    Misdirected(&'static str),
    /// 422: some fields are invalid; has their messages.
    #[error("some fields are invalid")]
    Invalid(Errors),
    /// 422: a parameter or a header is invalid.
    #[error("{0}")]
    Unprocessable(String),
    /// 426: a plain response was requested from a live endpoint.
    #[error("this endpoint serves WebSockets and event streams; request an upgrade")]
    UpgradeRequired,
    /// 429: the client is over its limit; it may retry after this number of seconds.
    #[error("{0}")]
    TooManyRequests(&'static str, u32),
    /// 503: the node is over its limit; the client may retry after this number of seconds.
    #[error("{0}")]
    Busy(&'static str, u32),
    /// 503: the node is overloaded, or the database is unreachable. Nothing was written.
    #[error("{0}")]
    Unavailable(&'static str),
    /// 500: a bug or a broken invariant. Logged; the client gets no details.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Attached to a 404 response, because an old address may redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Redirects any client.
    Page,
    /// Redirects only requests for an embedded picture.
    Picture,
}

/// Attached to an error response, for rendering it as a page.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The message for the reader.
    pub message: String,
}

impl AppError {
    /// A 500 with its cause.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AppError {
        AppError::Internal(source.into())
    }

    /// A 429 until a rate limit admits more.
    pub fn too_many(message: &'static str, wait: Duration) -> AppError {
        let whole = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        let seconds = whole.max(1).try_into().unwrap_or(u32::MAX);
        AppError::TooManyRequests(message, seconds)
    }

    /// The seconds after which the client may retry.
    fn retry_after(&self) -> Option<u32> {
        match self {
            AppError::TooManyRequests(_, seconds) | AppError::Busy(_, seconds) => Some(*seconds),
            AppError::Unavailable(_) => Some(1),
            _ => None,
        }
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        match self {
            AppError::Moved(_) => StatusCode::MOVED_PERMANENTLY,
            AppError::BadRequest(_) => StatusCode::BAD_REQUEST,
            AppError::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            AppError::Forbidden(_) | AppError::Embedded => StatusCode::FORBIDDEN,
            AppError::NotFound(_) => StatusCode::NOT_FOUND,
            AppError::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            AppError::Timeout => StatusCode::REQUEST_TIMEOUT,
            AppError::Conflict(_) => StatusCode::CONFLICT,
            AppError::Gone(_) => StatusCode::GONE,
            AppError::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            AppError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            AppError::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            AppError::Misdirected(_) => StatusCode::MISDIRECTED_REQUEST,
            AppError::Invalid(_) | AppError::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            AppError::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            AppError::TooManyRequests(..) => StatusCode::TOO_MANY_REQUESTS,
            AppError::Busy(..) | AppError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            AppError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let AppError::Internal(source) = self {
            logging::failure(format_args!("a request failed: {}", Chain(source.as_ref())));
        }
        let mut response = HttpResponse::build(self.status_code());
        // A page that is missing or forbidden may become available, or be available to another
        // reader.
        response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
        match self {
            AppError::Moved(address) => {
                response.insert_header((header::LOCATION, address.as_str()));
                return response.finish();
            }
            AppError::NotFound(_) => drop(response.extensions_mut().insert(Missing::Page)),
            AppError::Embedded => drop(response.extensions_mut().insert(Missing::Picture)),
            AppError::MethodNotAllowed(allowed) => {
                if let Ok(value) = HeaderValue::from_str(allowed) {
                    response.insert_header((header::ALLOW, value));
                }
            }
            AppError::Unauthorized(_) => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            AppError::UpgradeRequired => {
                response.insert_header((header::UPGRADE, "websocket"));
                response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
            }
            // The rest of the request is unread, so no other request can follow on this connection.
            AppError::TooLarge(_) | AppError::Timeout => {
                response.force_close();
            }
            // A refused client must not occupy a connection that another client could use.
            AppError::TooManyRequests(..) | AppError::Busy(..) => {
                response.force_close();
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.extensions_mut().insert(Shown { message: self.to_string() });
        match self {
            AppError::Invalid(errors) => response.json(Invalid { errors }),
            AppError::Gone(oldest) => {
                response.json(Gone { error: self.to_string(), oldest: *oldest })
            }
            other => response.json(Failure { error: other.to_string() }),
        }
    }
}

/// The JSON of a failure.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub struct Failure {
    /// The reason, for people.
    error: String,
}

/// The JSON of invalid fields.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FieldErrors")]
pub struct Invalid<'a> {
    /// The messages of each field.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    errors: &'a Errors,
}

/// The JSON of a position that the log no longer reaches.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Gone {
    /// The reason, for people.
    error: String,
    /// The oldest position that is left.
    oldest: i64,
}

/// An error with all of its causes on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl From<Errors> for AppError {
    fn from(errors: Errors) -> AppError {
        AppError::Invalid(errors)
    }
}

impl From<db::Error> for AppError {
    fn from(error: db::Error) -> AppError {
        match error {
            db::Error::Overloaded => AppError::Unavailable("overloaded: try again later"),
            db::Error::Unavailable(reason) => {
                logging::failure(format_args!("the database is not available: {reason}"));
                AppError::Unavailable("the database is not available: try again later")
            }
            db::Error::Stopped => AppError::Unavailable("stopping: try again later"),
            other => AppError::internal(other),
        }
    }
}

impl From<kilonova_feed::Error> for AppError {
    fn from(error: kilonova_feed::Error) -> AppError {
        use kilonova_feed::Error as Feed;
        let retry_after = error.retry_after().unwrap_or(1);
        match error {
            Feed::UpgradeRequired => AppError::UpgradeRequired,
            Feed::BadHandshake(_) => AppError::BadRequest(error.to_string()),
            Feed::BadParameter(_) => AppError::Unprocessable(error.to_string()),
            Feed::TooManyOfAddress { .. } => AppError::TooManyRequests(
                "too many sockets from this address: try again later",
                retry_after,
            ),
            Feed::TooMany { .. } => {
                AppError::Busy("too many sockets: try again later", retry_after)
            }
            Feed::TooFast { .. } => {
                AppError::Busy("too many new sockets at once: try again later", retry_after)
            }
            Feed::TooManyChannels => AppError::Unavailable("too many channels: try again later"),
            Feed::Stopping => AppError::Unavailable("stopping: try again later"),
            Feed::Log(reason) => {
                logging::failure(format_args!("refusing a subscriber: {reason}"));
                AppError::Unavailable("the database is not available: try again later")
            }
            other => AppError::internal(other),
        }
    }
}

impl From<diesel::result::Error> for AppError {
    fn from(error: diesel::result::Error) -> AppError {
        db::Error::of(error).into()
    }
}

impl From<serde_json::Error> for AppError {
    fn from(error: serde_json::Error) -> AppError {
        AppError::internal(error)
    }
}

/// Turns an empty result of a query into 404.
pub trait Found<T> {
    /// Returns the value, or a 404 whose message names `what`.
    fn found(self, what: &'static str) -> AppResult<T>;
}

impl<T> Found<T> for diesel::QueryResult<T> {
    fn found(self, what: &'static str) -> AppResult<T> {
        self.map_err(|error| match error {
            diesel::NotFound => AppError::NotFound(what),
            other => other.into(),
        })
    }
}
