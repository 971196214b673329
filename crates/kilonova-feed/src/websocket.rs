//! The WebSocket: the handshake, and the frames that both kinds of socket share. Leaves sockets
//! that were handed over to `owned`, and those that keep HTTP's buffers to `streamed`.
//!
//! `actix-web-actors` is deprecated: only this file may use its handshake.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inbox;
mod owned;
mod streamed;

use std::sync::Arc;

use actix_http::ws::Parser;
use actix_web::http::Version;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use actix_web_actors::ws::{CloseReason, HandshakeError, handshake};
use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;

use self::owned::Owned;
use self::streamed::Streamed;
use crate::close::Close;
use crate::feed::Inner;
use crate::session::Joined;
use crate::transport::{Upgradable, Upgrade};
use crate::{Error, Log, SessionOptions};

/// The methods of `Wire` that are the same for both kinds of WebSocket.
macro_rules! frames {
    () => {
        const FRAMING: Framing = Framing::Text;

        fn resync(position: i64) -> Bytes {
            frame::text(frame::control("resync", position).as_bytes())
        }

        fn position(position: i64) -> Bytes {
            frame::text(frame::control("position", position).as_bytes())
        }

        fn heartbeat() -> Bytes {
            Bytes::from_static(&[0x89, 0])
        }
    };
}
use frames;

/// Responds with 101 after the session has joined its channels: the client gets every event that is
/// committed after its 101.
pub(crate) async fn open<L: Log>(
    request: &HttpRequest,
    body: Payload,
    feed: &Arc<Inner<L>>,
    options: SessionOptions<L::Viewer>,
) -> Result<HttpResponse, Error> {
    let mut response = checked(request)?;
    feed.origins.admit(request)?;
    let frames_per_second = feed.limits.client_frames;
    let listener = options.listener();
    if Upgradable::is(request) {
        let place = feed.sockets.enter(request.peer_addr())?;
        let joined = Joined::join(feed, options, place).await?;
        let mut response = response.finish();
        response.extensions_mut().insert(Upgrade::new(move |stream, held, read| {
            joined.run(Owned::new(stream, held, read, frames_per_second, listener));
        }));
        return Ok(response);
    }
    if Upgradable::is_offered(request) {
        // The server hands sockets over, but does not offer that for this request.
        return Err(Error::BadHandshake("the header Upgrade must be only websocket".to_owned()));
    }
    let place = feed.sockets.enter(request.peer_addr())?;
    let joined = Joined::join(feed, options, place).await?;
    let (streamed, frames) = Streamed::new(body, frames_per_second, listener);
    joined.run(streamed);
    Ok(response.body(frames))
}

/// The response to a handshake that follows RFC 6455.
fn checked(request: &HttpRequest) -> Result<HttpResponseBuilder, Error> {
    if request.version() != Version::HTTP_11 {
        return Err(Error::UpgradeRequired);
    }
    let response = handshake(request).map_err(|error| match error {
        HandshakeError::NoWebsocketUpgrade
        | HandshakeError::NoConnectionUpgrade
        | HandshakeError::GetMethodRequired
        | HandshakeError::NoVersionHeader
        | HandshakeError::UnsupportedVersion => Error::UpgradeRequired,
        other => Error::BadHandshake(other.to_string()),
    })?;
    let has_body = request.headers().contains_key(header::TRANSFER_ENCODING)
        || request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if has_body {
        return Err(Error::BadHandshake(
            "the request has a body; send the request without one".to_owned(),
        ));
    }
    // actix also accepts the drafts that preceded the RFC, and any key.
    let one = |name| {
        let mut values = request.headers().get_all(name);
        values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
    };
    if one(header::SEC_WEBSOCKET_VERSION) != Some(b"13".as_slice()) {
        return Err(Error::UpgradeRequired);
    }
    let key = one(header::SEC_WEBSOCKET_KEY).and_then(|key| BASE64.decode(key).ok());
    if key.is_none_or(|key| key.len() != 16) {
        return Err(Error::BadHandshake("Sec-WebSocket-Key must be 16 bytes in Base64".to_owned()));
    }
    Ok(response)
}

fn close_frame(close: Close) -> Bytes {
    let reason = CloseReason { code: close.code(), description: Some(close.reason().to_owned()) };
    encode_close(Some(reason))
}

/// The answer to a client's close frame: the same code without a reason text.
fn answer_to_close(reason: Option<CloseReason>) -> Bytes {
    encode_close(reason.map(|reason| CloseReason { code: reason.code, description: None }))
}

fn encode_close(reason: Option<CloseReason>) -> Bytes {
    let mut frame = BytesMut::new();
    Parser::write_close(&mut frame, reason, false);
    frame.freeze()
}
