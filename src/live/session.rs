//! The session: one actor per WebSocket, member of its channels, forwarding what they carry.
//!
//! The only file that knows `actix-web-actors`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use actix::prelude::*;
use actix_http::ws::Item;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws::{
    self, CloseCode, CloseReason, Message, ProtocolError, WebsocketContext,
};
use bytestring::ByteString;

use super::frame::{self, Shape};
use super::{Place, Sockets};
use crate::error::{AppError, AppResult};
use crate::pubsub::{Channel, Envelope, Lifeline, PubSub};

/// Events that may wait for a session. A session that lets more wait is a slow consumer: it is
/// closed with 1013 and can come back.
const MAILBOX: usize = 256;

/// The largest message that a client may send, in bytes, as one frame or in pieces.
const MAX_MESSAGE: usize = 64 * 1024;

/// What a socket is opened for.
pub struct Subscription {
    /// The channels to join.
    pub channels: Vec<Channel>,
    /// What the frames look like.
    pub shape: Shape,
}

/// A socket's actor.
pub struct Session {
    shape: Shape,
    sockets: Sockets,
    /// When the peer was last heard of.
    heard: Instant,
    /// A message that comes in pieces.
    pieces: Option<Vec<u8>>,
    /// Leaves all channels when the session ends, however it ends.
    _lifeline: Lifeline,
    _place: Place,
}

/// Answers a request with 101 and starts the session, which has joined its channels by then:
/// whatever is committed after the client has its 101 arrives.
pub async fn open(
    request: &HttpRequest,
    payload: Payload,
    pubsub: &PubSub,
    sockets: &Sockets,
    subscription: Subscription,
) -> AppResult<HttpResponse> {
    let mut response = ws::handshake(request).map_err(|error| match error {
        ws::HandshakeError::NoWebsocketUpgrade
        | ws::HandshakeError::NoConnectionUpgrade
        | ws::HandshakeError::GetMethodRequired => AppError::UpgradeRequired,
        other => AppError::BadRequest(format!("bad handshake: {other}")),
    })?;
    let place = sockets.enter().map_err(|refused| match refused {
        super::Refused::Full => AppError::Unavailable("too many sockets: try again later"),
        super::Refused::Closing => AppError::Unavailable("stopping: try again later"),
    })?;
    let Subscription { channels, shape } = subscription;
    let address = Rc::new(Cell::new(None));
    let (handle, sockets, made) = (pubsub.clone(), sockets.clone(), Rc::clone(&address));
    let frames = WebsocketContext::with_factory(payload, move |ctx| {
        ctx.set_mailbox_capacity(MAILBOX);
        let own = ctx.address();
        let lifeline = handle.lifeline(own.clone());
        made.set(Some(own));
        let heard = Instant::now();
        Session { shape, sockets, heard, pieces: None, _lifeline: lifeline, _place: place }
    });
    let address = address.take().ok_or_else(|| AppError::internal("a session has no address"))?;
    for channel in channels {
        pubsub.join(channel, address.clone()).await.map_err(AppError::internal)?;
    }
    Ok(response.streaming(frames))
}

impl Session {
    /// Says why, and ends. What is already queued for the socket goes out first.
    fn close(ctx: &mut WebsocketContext<Self>, code: CloseCode, description: &str) {
        ctx.close(Some(CloseReason { code, description: Some(description.to_owned()) }));
        ctx.stop();
    }

    fn text(ctx: &mut WebsocketContext<Self>, text: &[u8]) {
        if text == b"ping" {
            ctx.text("pong");
        }
    }

    /// Puts a message together that comes in pieces.
    fn piece(&mut self, item: Item, ctx: &mut WebsocketContext<Self>) {
        let (piece, last) = match item {
            Item::FirstText(piece) | Item::FirstBinary(piece) => {
                self.pieces = Some(Vec::new());
                (piece, false)
            }
            Item::Continue(piece) => (piece, false),
            Item::Last(piece) => (piece, true),
        };
        let Some(pieces) = &mut self.pieces else { return };
        if pieces.len() + piece.len() > MAX_MESSAGE {
            return Self::close(ctx, CloseCode::Size, "message too large");
        }
        pieces.extend_from_slice(&piece);
        if last && let Some(message) = self.pieces.take() {
            Self::text(ctx, &message);
        }
    }
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let heartbeat = self.sockets.inner.heartbeat;
        ctx.run_interval(heartbeat.ping, move |session, ctx| {
            if session.heard.elapsed() > heartbeat.silence {
                log::debug!("a socket was silent for {:?}: cut", heartbeat.silence);
                ctx.stop();
            } else {
                ctx.ping(b"");
            }
        });
        let mut closing = self.sockets.watch_closing();
        let closed = async move {
            // An error means that the sockets are gone, which is an end as well.
            drop(closing.wait_for(|closing| *closing).await);
        };
        ctx.spawn(
            closed
                .into_actor(self)
                .map(|(), _, ctx| Self::close(ctx, CloseCode::Away, "the server is stopping")),
        );
    }
}

impl Handler<Envelope> for Session {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Self::Context) {
        if envelope.lagged().is_some() {
            return Self::close(ctx, CloseCode::Again, "slow consumer: reconnect");
        }
        let frame = frame::encode(&envelope, self.shape);
        match ByteString::try_from(frame) {
            Ok(text) => ctx.text(text),
            Err(error) => log::error!("a frame is not UTF-8: {error}"),
        }
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Session {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.heard = Instant::now();
        match message {
            Ok(Message::Text(text)) => Self::text(ctx, text.as_bytes()),
            Ok(Message::Ping(payload)) => ctx.pong(&payload),
            Ok(Message::Continuation(item)) => self.piece(item, ctx),
            Ok(Message::Binary(_) | Message::Pong(_) | Message::Nop) => {}
            Ok(Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Err(ProtocolError::Overflow) => Self::close(ctx, CloseCode::Size, "message too large"),
            Err(ProtocolError::Io(error)) => {
                log::debug!("a socket ended: {error}");
                ctx.stop();
            }
            Err(error) => Self::close(ctx, CloseCode::Protocol, &error.to_string()),
        }
    }
}
