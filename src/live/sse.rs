//! The session of server-sent events: the same actor as a WebSocket's, but for the framing and
//! for the client, which says nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use actix::prelude::*;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::frame;
use super::progress::Progress;
use super::{Live, MAILBOX, Place, Subscription};
use crate::error::AppResult;
use crate::events;
use crate::events::replay::Start;
use crate::pubsub::{Envelope, Lifeline};

/// Frames between the actor and the response's body.
const FRAMES: usize = 64;

/// Bytes that a replayed frame may have for each of the places that must be free for it.
const ROOM: usize = 16 * 1024;

/// A stream's actor.
struct Stream {
    live: Live,
    subscription: Subscription,
    progress: Progress,
    start: Option<Start>,
    frames: mpsc::Sender<Bytes>,
    _lifeline: Lifeline,
    _place: Place,
}

/// Answers with an endless body and starts the session, which has joined its channels by then.
pub async fn open(
    request: &HttpRequest,
    live: &Live,
    subscription: Subscription,
) -> AppResult<HttpResponse> {
    let place = live.sockets.enter(request.peer_addr())?;
    let (frames, body) = mpsc::channel(FRAMES);
    let mut ctx = Context::<Stream>::new();
    ctx.set_mailbox_capacity(MAILBOX);
    let address = ctx.address();
    let lifeline = live.pubsub.lifeline(address.clone());
    let start = live.begin(&subscription, address).await?;
    let progress = match start {
        None => Progress::live(0),
        Some(Start::After(after)) => Progress::replaying(after),
        Some(Start::Resync(position)) => Progress::live(position),
    };
    ctx.run(Stream {
        live: live.clone(),
        subscription,
        progress,
        start,
        frames,
        _lifeline: lifeline,
        _place: place,
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Neither compression nor a proxy may hold frames back.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .body(Body { frames: body, greeting: Some(Bytes::from_static(b": welcome\n\n")) }))
}

impl Stream {
    /// Hands a frame to the body. One that finds no room belongs to a slow consumer: the stream
    /// ends, and the client comes back with the last id it has.
    fn push(&mut self, frame: Bytes, ctx: &mut Context<Self>) {
        if self.frames.try_send(frame).is_err() {
            ctx.stop();
        }
    }

    /// Sends the next slice of what the client missed, waiting for room frame by frame.
    fn replay(&mut self, ctx: &mut Context<Self>) {
        let Some(after) = self.progress.read_after() else { return };
        let (replay, channels) = (self.live.replay.clone(), self.subscription.channels.clone());
        let (frames, shape) = (self.frames.clone(), self.subscription.shape);
        let silence = self.live.sockets.heartbeat().silence;
        let next = async move {
            let slice = replay.next(after, channels).await?;
            for envelope in &slice.events {
                // A reader may be slow, but not stand still for longer than a socket may be silent.
                let frame = frame::encode_sse(envelope, shape);
                // A large frame needs the room of many small ones.
                let room = frames.reserve_many((frame.len() / ROOM + 1).min(FRAMES));
                match tokio::time::timeout(silence, room).await {
                    Ok(Ok(mut room)) => {
                        if let Some(place) = room.next() {
                            place.send(frame);
                        }
                    }
                    _ => return Ok(None),
                }
            }
            Ok::<_, crate::db::Error>(Some(slice))
        };
        ctx.spawn(next.into_actor(self).map(|slice, stream, ctx| match slice {
            Ok(None) => ctx.stop(),
            Ok(Some(slice)) => {
                stream.progress.replayed(slice.through, slice.end);
                stream.replay(ctx);
            }
            Err(error) => {
                log::warn!("a replay ended early: {error}");
                ctx.stop();
            }
        }));
    }
}

impl Actor for Stream {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // The client hangs up: nothing takes frames any more.
        let gone = self.frames.clone();
        ctx.spawn(async move { gone.closed().await }.into_actor(self).map(|(), _, ctx| ctx.stop()));
        let closed = self.live.sockets.closed();
        ctx.spawn(closed.into_actor(self).map(|(), _, ctx| ctx.stop()));
        // A comment now and then, or a peer that is gone would never be noticed.
        ctx.run_interval(self.live.sockets.heartbeat().ping, |stream, ctx| {
            // While a replay waits for room there is no room for this either, and the replay's own
            // frames tell as much. A reader that is slow but reads is not cut for it.
            if !stream.progress.is_replaying() {
                stream.push(Bytes::from_static(b":\n\n"), ctx);
            }
        });
        match self.start {
            None => {}
            Some(Start::After(_)) => self.replay(ctx),
            Some(Start::Resync(position)) => {
                let data = frame::control("resync", position);
                self.push(frame::sse(Some(position), "resync", data.as_bytes()), ctx);
            }
        }
    }
}

impl Handler<Envelope> for Stream {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Self::Context) {
        if envelope.lagged().is_some() {
            if !self.progress.forgives() {
                ctx.stop();
            }
        } else if envelope.channel().as_str() == events::POSITION {
            if let Some(position) = envelope.position()
                && self.progress.confirms(position)
            {
                self.push(Bytes::from(format!("id: {position}\n\n")), ctx);
            }
        } else if self.progress.admits(envelope.position()) {
            self.push(frame::encode_sse(&envelope, self.subscription.shape), ctx);
        }
    }
}

/// The response's body: frames as they come, until the actor ends.
struct Body {
    frames: mpsc::Receiver<Bytes>,
    /// Sent at once, so that the client sees the stream open.
    greeting: Option<Bytes>,
}

impl MessageBody for Body {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(Ok(greeting)));
        }
        self.frames.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}
