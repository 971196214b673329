//! The live endpoints: who may open a socket, how many there are, and what they are sent.
//!
//! One session actor per socket is a member of its channels; the registry knows it only as a
//! recipient. WebSockets and server-sent events share everything but the wire (`wire.rs`).

mod close;
pub mod frame;
mod outbox;
mod pieces;
mod progress;
mod session;
pub mod sockets;
pub mod sse;
pub mod websocket;
mod wire;

use actix::Recipient;

pub use self::outbox::Bounds;
pub use self::sockets::{Place, Sockets};
use crate::config::Heartbeat;
use crate::error::{AppError, AppResult};
use crate::events;
use crate::events::replay::{Replay, Start};
use crate::live::frame::Shape;
use crate::pubsub::{Channel, Envelope, JoinError, PubSub};

/// What the sessions work with.
pub struct Live {
    /// The process groups.
    pub pubsub: PubSub,
    /// What was missed.
    pub replay: Replay,
    /// Their number and their end.
    pub sockets: Sockets,
    /// When they are pinged and given up.
    pub heartbeat: Heartbeat,
    /// What may wait for each. More makes it a slow consumer: closed with 1013, it can come back.
    pub queue: Bounds,
    /// Frames that a client may send in a second; 0 for any number.
    pub max_client_frames: u32,
}

/// What a session is opened for.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The channels to join.
    pub channels: Vec<Channel>,
    /// What the frames look like.
    pub shape: Shape,
    /// Everything up to here was seen; `None` for live only.
    pub after: Option<i64>,
    /// The log that `after` belongs to, when the client says.
    pub log: Option<String>,
}

impl Live {
    /// Joins a session's channels and decides where it starts; `None` when it is live only.
    async fn begin(
        &self,
        subscription: &Subscription,
        session: impl Into<Recipient<Envelope>>,
    ) -> AppResult<Option<Start>> {
        let session = session.into();
        for channel in &subscription.channels {
            self.join(channel.clone(), session.clone()).await?;
        }
        let Some(after) = subscription.after else { return Ok(None) };
        self.join(events::POSITION.into(), session).await?;
        Ok(Some(self.replay.start(after, subscription.log.as_deref()).await?))
    }

    async fn join(&self, channel: Channel, session: Recipient<Envelope>) -> AppResult<()> {
        self.pubsub.join(channel, session).await.map_err(|error| match error {
            JoinError::TooManyChannels => {
                AppError::Unavailable("too many channels: try again later")
            }
            _ => AppError::internal(error),
        })
    }
}
