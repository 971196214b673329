//! The WebSocket session: one actor per socket, member of its channels, forwarding what they carry.
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

use super::frame;
use super::inbound;
use super::progress::Progress;
use super::{Live, MAILBOX, Place, Subscription};
use crate::error::{AppError, AppResult};
use crate::events;
use crate::events::replay::Start;
use crate::pubsub::{Envelope, Lifeline};

/// The largest message that a client may send, in bytes, as one frame or in pieces.
const MAX_MESSAGE: usize = 64 * 1024;

/// A socket's actor.
pub struct Session {
    live: Live,
    subscription: Subscription,
    progress: Progress,
    /// When the peer was last heard of.
    heard: Instant,
    /// A message that comes in pieces.
    pieces: Option<Pieces>,
    /// Set when the peer has announced a frame that is too large.
    oversized: Rc<Cell<bool>>,
    /// Where the client has come, known once the channels are joined; `None` when it is live only.
    start: Rc<Cell<Option<Start>>>,
    /// Leaves all channels when the session ends, however it ends.
    _lifeline: Lifeline,
    _place: Place,
}

/// What has come of a message that is sent in pieces.
struct Pieces {
    bytes: Vec<u8>,
    text: bool,
}

/// Answers a request with 101 and starts the session, which has joined its channels by then:
/// whatever is committed after the client has its 101 arrives.
pub async fn open(
    request: &HttpRequest,
    payload: Payload,
    live: &Live,
    subscription: Subscription,
) -> AppResult<HttpResponse> {
    let mut response = ws::handshake(request).map_err(|error| match error {
        ws::HandshakeError::NoWebsocketUpgrade
        | ws::HandshakeError::NoConnectionUpgrade
        | ws::HandshakeError::GetMethodRequired => AppError::UpgradeRequired,
        other => AppError::BadRequest(format!("bad handshake: {other}")),
    })?;
    let place = live.sockets.enter(request.peer_addr())?;
    let (address, start) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
    let (own, asked) = (live.clone(), subscription.clone());
    let (made, starts) = (Rc::clone(&address), Rc::clone(&start));
    let oversized = Rc::new(Cell::new(false));
    let incoming = inbound::limited(payload, MAX_MESSAGE as u64, Rc::clone(&oversized));
    let frames = WebsocketContext::with_factory(incoming, move |ctx| {
        ctx.set_mailbox_capacity(MAILBOX);
        let address = ctx.address();
        let lifeline = own.pubsub.lifeline(address.clone());
        made.set(Some(address));
        Session {
            progress: Progress::live(0),
            start: starts,
            live: own,
            subscription: asked,
            heard: Instant::now(),
            pieces: None,
            oversized,
            _lifeline: lifeline,
            _place: place,
        }
    });
    let address: Addr<Session> =
        address.take().ok_or_else(|| AppError::internal("a session has no address"))?;
    // The actor runs only once the response does: until then its mailbox keeps what comes.
    start.set(live.begin(&subscription, address).await?);
    Ok(response.streaming(frames))
}

impl Session {
    /// Says why, and ends. What is already queued for the socket goes out first.
    fn close(ctx: &mut WebsocketContext<Self>, code: CloseCode, description: &str) {
        ctx.close(Some(CloseReason { code, description: Some(description.to_owned()) }));
        ctx.stop();
    }

    fn send(&self, envelope: &Envelope, ctx: &mut WebsocketContext<Self>) {
        match ByteString::try_from(frame::encode(envelope, self.subscription.shape)) {
            Ok(text) => ctx.text(text),
            Err(error) => log::error!("a frame is not UTF-8: {error}"),
        }
    }

    /// Sends the next slice of what the client missed. The actor runs only when the socket has
    /// taken what was queued before, so a slow client has one slice in memory, not a million events.
    fn replay(&mut self, ctx: &mut WebsocketContext<Self>) {
        let Some(after) = self.progress.read_after() else { return };
        let (replay, channels) = (self.live.replay.clone(), self.subscription.channels.clone());
        let next = async move { replay.next(after, channels).await };
        ctx.spawn(next.into_actor(self).map(|slice, session, ctx| match slice {
            Ok(slice) => {
                for envelope in &slice.events {
                    session.send(envelope, ctx);
                }
                session.progress.replayed(slice.through, slice.end);
                session.replay(ctx);
            }
            Err(error) => {
                log::warn!("a replay ended early: {error}");
                Self::close(ctx, CloseCode::Again, "the log cannot be read: reconnect");
            }
        }));
    }

    fn text(ctx: &mut WebsocketContext<Self>, text: &[u8]) {
        if text == b"ping" {
            ctx.text("pong");
        }
    }

    /// Puts a message together that comes in pieces.
    fn piece(&mut self, item: Item, ctx: &mut WebsocketContext<Self>) {
        let (piece, last) = match item {
            Item::FirstText(piece) => {
                self.pieces = Some(Pieces { bytes: Vec::new(), text: true });
                (piece, false)
            }
            Item::FirstBinary(piece) => {
                self.pieces = Some(Pieces { bytes: Vec::new(), text: false });
                (piece, false)
            }
            Item::Continue(piece) => (piece, false),
            Item::Last(piece) => (piece, true),
        };
        let Some(pieces) = &mut self.pieces else { return };
        if pieces.bytes.len() + piece.len() > MAX_MESSAGE {
            return Self::close(ctx, CloseCode::Size, "message too large");
        }
        pieces.bytes.extend_from_slice(&piece);
        if last
            && let Some(message) = self.pieces.take()
            && message.text
        {
            Self::text(ctx, &message.bytes);
        }
    }
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let heartbeat = self.live.sockets.heartbeat();
        ctx.run_interval(heartbeat.ping, move |session, ctx| {
            if session.heard.elapsed() > heartbeat.silence {
                log::debug!("a socket was silent for {:?}: cut", heartbeat.silence);
                ctx.stop();
            } else {
                ctx.ping(b"");
            }
        });
        let closed = self.live.sockets.closed();
        ctx.spawn(
            closed
                .into_actor(self)
                .map(|(), _, ctx| Self::close(ctx, CloseCode::Away, "the server is stopping")),
        );
        match self.start.get() {
            None => {}
            Some(Start::After(position)) => {
                self.progress = Progress::replaying(position);
                self.replay(ctx);
            }
            Some(Start::Resync(position)) => {
                self.progress = Progress::live(position);
                ctx.text(frame::control("resync", position));
            }
        }
    }
}

impl Handler<Envelope> for Session {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Self::Context) {
        if envelope.lagged().is_some() {
            if !self.progress.forgives() {
                Self::close(ctx, CloseCode::Again, "slow consumer: reconnect");
            }
        } else if envelope.channel().as_str() == events::POSITION {
            if let Some(position) = envelope.position()
                && self.progress.confirms(position)
            {
                ctx.text(frame::control("position", position));
            }
        } else if self.progress.admits(envelope.position()) {
            self.send(&envelope, ctx);
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
            Err(_) if self.oversized.get() => {
                Self::close(ctx, CloseCode::Size, "message too large");
            }
            Err(ProtocolError::Io(error)) => {
                log::debug!("a socket ended: {error}");
                ctx.stop();
            }
            Err(error) => Self::close(ctx, CloseCode::Protocol, &error.to_string()),
        }
    }
}
