//! The errors of a request for a socket or a stream: each with its status and its text.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};

/// The reason why the feed refuses a socket, a stream or a subscription.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// 426: the request asks for neither an upgrade nor an event stream.
    #[error("this endpoint serves WebSockets and event streams; request an upgrade")]
    UpgradeRequired,
    /// 400: the WebSocket handshake is invalid.
    #[error("bad handshake: {0}")]
    BadHandshake(String),
    /// 403: a page of another origin made the request; [`Origins`](crate::Origins).
    #[error("the page's origin is not this host; a proxy must pass Host on")]
    ForeignOrigin,
    /// 422: the parameter of this name is invalid.
    #[error("{0} is invalid")]
    BadParameter(&'static str),
    /// 429: the address is at its limit of sockets.
    #[error("too many sockets from this address: try again later")]
    TooManyOfAddress {
        /// The seconds after which the client may retry.
        retry_after: u32,
    },
    /// 503: the node is at its limit of sockets.
    #[error("too many sockets: try again later")]
    TooMany {
        /// The seconds after which the client may retry.
        retry_after: u32,
    },
    /// 503: the node is at its rate limit for new sockets.
    #[error("too many new sockets at once: try again later")]
    TooFast {
        /// The seconds after which the client may retry.
        retry_after: u32,
    },
    /// 503: the process groups are at their limit of channels.
    #[error("too many channels: try again later")]
    TooManyChannels,
    /// 503: the feed is stopping, or has ended.
    #[error("stopping: try again later")]
    Stopping,
    /// 503: the log cannot be read.
    #[error("the log cannot be read: try again later")]
    Log(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The seconds after which the client may retry; `None` where a retry cannot help.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Error::TooManyOfAddress { retry_after }
            | Error::TooMany { retry_after }
            | Error::TooFast { retry_after } => Some(*retry_after),
            Error::TooManyChannels | Error::Stopping | Error::Log(_) => Some(1),
            _ => None,
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Error::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Error::BadHandshake(_) => StatusCode::BAD_REQUEST,
            Error::ForeignOrigin => StatusCode::FORBIDDEN,
            Error::BadParameter(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::TooManyOfAddress { .. } => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// JSON, `{"error":…}`.
    fn error_response(&self) -> HttpResponse {
        if let Error::Log(source) = self {
            log::error!("a subscriber is refused: the log cannot be read: {source}");
        }
        let mut response = HttpResponse::build(self.status_code());
        if matches!(self, Error::UpgradeRequired) {
            response.insert_header((header::UPGRADE, "websocket"));
            response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
        }
        if let Some(seconds) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, seconds));
            // A refused client must not keep a connection that another could have.
            response.force_close();
        }
        response.json(serde_json::json!({ "error": self.to_string() }))
    }
}
