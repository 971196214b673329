//! Watching a channel's members. Owns the reader's side; the registry sends the changes, and drops
//! a monitor whose reader falls behind.

use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

use super::command::Command;
use super::inlet::Inlet;
use super::{Channel, Member};

/// A change to a channel's members, one for each `join` and for each `leave`.
///
/// A member that dies leaves as often as it had joined. The last `Joined` of a member has its
/// current metadata ([`Member::meta`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The member joined once.
    Joined(Member),
    /// The member left once, or died.
    Left(Member),
}

/// A channel's members at one moment, and every change from then on.
///
/// Dropping it ends the monitoring. It does not keep the registry running.
#[derive(Debug)]
pub struct Monitor {
    channel: Channel,
    members: Vec<Member>,
    id: u64,
    changes: mpsc::Receiver<Change>,
    inlet: Weak<Inlet>,
}

impl Monitor {
    pub(super) fn new(
        channel: Channel,
        members: Vec<Member>,
        id: u64,
        changes: mpsc::Receiver<Change>,
        inlet: Weak<Inlet>,
    ) -> Monitor {
        Monitor { channel, members, id, changes, inlet }
    }

    /// The channel that is monitored.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The members that were alive when the monitor started, each as often as it had joined.
    /// [`Monitor::next`] does not update them.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Waits for the next change; `None` after the last one.
    ///
    /// A monitor ends when the registry has stopped, or when its reader was more than 1,024 changes
    /// behind. The reader still gets the changes that were kept, in order, and then `None`; to
    /// continue, start another monitor. Dropping the future loses no change.
    pub async fn next(&mut self) -> Option<Change> {
        self.changes.recv().await
    }
}

/// The same changes as [`Monitor::next`], as a stream.
impl Stream for Monitor {
    type Item = Change;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self.changes.poll_recv(cx)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        if let Some(inlet) = self.inlet.upgrade() {
            inlet.push(Command::Unmonitor { channel: self.channel.clone(), id: self.id });
        }
    }
}
