//! Receiving messages without an actor. Owns the reader's side; the registry sends, and tells what
//! was missed.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::{Semaphore, mpsc};

use super::command::Command;
use super::inlet::Inlet;
use super::subscriber::Who;
use super::{Channel, Envelope, Error, JoinError, LeaveError, Meta, Payload};

/// How many envelopes a subscription buffers unless it was given another capacity.
pub(super) const CAPACITY: usize = 1024;

/// No buffer is larger: tokio's channels allow no more.
pub(super) const MOST: usize = Semaphore::MAX_PERMITS;

/// The messages of some channels, as a [`Stream`]: what
/// [`PubSub::subscribe`](super::PubSub::subscribe) returns.
///
/// A subscription is a member like an actor: lists, counts and monitors on all nodes show it, and
/// what holds for joining, order and delivery holds for it too. It has no address, so that
/// [`Member::recipient`](super::Member::recipient) is `None`.
///
/// - **Bounded.** It buffers as many envelopes as its capacity, over all its channels. When the
///   buffer is full it misses messages, and others do not wait for it. One [`Envelope::lagged`]
///   notice tells of each gap, before anything newer, as soon as there is room.
/// - **Dropping** it leaves all its channels at once. A subscription that has left its last channel
///   lives on and may join another one.
/// - **The end.** It ends with `None` when the registry has stopped, after what is buffered. It
///   does not keep the registry running.
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
    /// `None` says that the buffer is empty, not that more can come: [`Subscription::next`] tells
    /// that.
    pub fn next_buffered(&mut self) -> Option<Envelope> {
        self.envelopes.try_recv().ok()
    }

    /// Joins `channel` once more; done when it returns.
    ///
    /// A channel that it joins twice sends it each message twice, and must be left twice.
    pub async fn join(&self, channel: impl Into<Channel>) -> Result<(), JoinError> {
        self.inlet()?.join(channel.into(), Who::Subscription(self.id), None).await
    }

    /// [`Subscription::join`] with metadata, as [`PubSub::join_as`](super::PubSub::join_as).
    pub async fn join_as(
        &self,
        channel: impl Into<Channel>,
        meta: Payload,
    ) -> Result<(), JoinError> {
        let (who, meta) = (Who::Subscription(self.id), Meta::new(meta)?);
        self.inlet()?.join(channel.into(), who, Some(meta)).await
    }

    /// Takes back one `join`; done when it returns.
    ///
    /// Messages that are buffered already can still be read.
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
