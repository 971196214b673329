//! Receiving messages without an actor. Owns the reader's side; leaves sending, and notices of
//! missed messages, to the registry.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::{Semaphore, mpsc};

use super::command::Command;
use super::inlet::Inlet;
use super::subscriber::Who;
use super::{Channel, Envelope, Error, JoinError, LeaveError, Meta, Payload};

/// The number of envelopes that a subscription buffers by default.
pub(super) const CAPACITY: usize = 1024;

/// The largest buffer: tokio's channels allow no more.
pub(super) const MOST: usize = Semaphore::MAX_PERMITS;

/// A [`Stream`] of the messages of some channels, returned by
/// [`PubSub::subscribe`](super::PubSub::subscribe).
///
/// A subscription is a member like an actor: lists, counts and monitors on all nodes show it, and
/// the guarantees on joining, order and delivery apply to it. It has no address, so
/// [`Member::recipient`](super::Member::recipient) is `None`.
///
/// - **Bounded.** It buffers as many envelopes as its capacity, over all its channels. When the
///   buffer is full it misses messages; no sender waits for it. One [`Envelope::lagged`] notice
///   reports each gap, before any newer message, as soon as there is room.
/// - **Dropping** it leaves all its channels at once. A subscription that has left its last channel
///   stays open and may join another one.
/// - **The end.** When the registry has stopped, it returns the buffered envelopes and then `None`.
///   It does not keep the registry running.
#[derive(Debug)]
#[must_use = "a subscription that is dropped leaves its channels"]
pub struct Subscription {
    id: u64,
    envelopes: mpsc::Receiver<Envelope>,
    inlet: Weak<Inlet>,
}

impl Subscription {
    pub(super) fn new(
        id: u64,
        envelopes: mpsc::Receiver<Envelope>,
        inlet: Weak<Inlet>,
    ) -> Subscription {
        Subscription { id, envelopes, inlet }
    }

    /// Waits for the next envelope; `None` when the registry has stopped.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Envelope> {
        self.envelopes.recv().await
    }

    /// Takes the next envelope if one is buffered already, without waiting.
    ///
    /// `None` means only that the buffer is empty. [`Subscription::next`] reports whether the
    /// registry has stopped.
    pub fn next_buffered(&mut self) -> Option<Envelope> {
        self.envelopes.try_recv().ok()
    }

    /// Joins `channel` once. The join is in effect when this returns.
    ///
    /// A subscription that joins a channel twice gets each message twice, and must leave it twice.
    pub async fn join(&self, channel: impl Into<Channel>) -> Result<(), JoinError> {
        self.inlet()?.join(channel.into(), Who::Subscription(self.id), None).await
    }

    /// Like [`Subscription::join`], with metadata as in
    /// [`PubSub::join_as`](super::PubSub::join_as).
    pub async fn join_as(
        &self,
        channel: impl Into<Channel>,
        meta: Payload,
    ) -> Result<(), JoinError> {
        let (who, meta) = (Who::Subscription(self.id), Meta::new(meta)?);
        self.inlet()?.join(channel.into(), who, Some(meta)).await
    }

    /// Undoes one `join`. The change is in effect when this returns.
    ///
    /// Messages that are already buffered can still be read.
    pub async fn leave(&self, channel: impl Into<Channel>) -> Result<(), LeaveError> {
        self.inlet()?.leave(channel.into(), Who::Subscription(self.id)).await
    }

    fn inlet(&self) -> Result<Arc<Inlet>, Error> {
        self.inlet.upgrade().ok_or(Error::Stopped)
    }
}

impl Stream for Subscription {
    type Item = Envelope;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Envelope>> {
        self.envelopes.poll_recv(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(inlet) = self.inlet.upgrade() {
            inlet.push(Command::Unsubscribe(self.id));
        }
    }
}
