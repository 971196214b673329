//! The entrance to the registry. Owns the bound on waiting requests and the registry's lifetime;
//! leaves the requests to `command`.

use std::sync::Arc;

use actix::dev::SendError;
use actix::{Actor, Addr, ArbiterHandle};
use tokio::sync::{Semaphore, TryAcquireError, oneshot};

use super::command::{Command, Queued};
use super::link::Outlet;
use super::registry::Registry;
use super::stats::{Published, Stats};
use super::subscriber::Who;
use super::{Channel, Error, JoinError, LeaveError, Meta, TryBroadcastError};

/// The number of requests that may wait for the registry.
const ROOM: usize = 1024;

/// The registry's address and the room in its mailbox, shared by all handles. Dropping it stops the
/// registry.
#[derive(Debug)]
pub(super) struct Inlet {
    registry: Addr<Registry>,
    // An actix mailbox accepts one message beyond its capacity from every clone of an address and
    // every waiting request. A permit for each request bounds them exactly, and serves waiting
    // callers in order. The semaphore is never closed: when the registry stops, its mailbox returns
    // the permits, and each waiting caller finds the registry stopped.
    room: Arc<Semaphore>,
    published: Arc<Published>,
}

impl Inlet {
    pub(super) fn start_in(
        arbiter: &ArbiterHandle,
        max_channels: usize,
        outlet: Option<Outlet>,
    ) -> Inlet {
        let published = Arc::<Published>::default();
        let told = Arc::clone(&published);
        let registry = move |_: &mut _| Registry::new(max_channels, outlet, told);
        let registry = Registry::start_in_arbiter(arbiter, registry);
        Inlet { registry, room: Arc::new(Semaphore::new(ROOM)), published }
    }

    pub(super) fn stats(&self) -> Stats {
        self.published.with_waiting(ROOM.saturating_sub(self.room.available_permits()))
    }

    /// Queues a command; waits for room.
    pub(super) async fn send(&self, command: Command) -> Result<(), Error> {
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| Error::Stopped)?;
        self.queue(Queued { command, permit: Some(permit) })
    }

    /// Queues a command if there is room.
    pub(super) fn try_send(&self, command: Command) -> Result<(), TryBroadcastError> {
        let permit = Arc::clone(&self.room).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => TryBroadcastError::Full,
            TryAcquireError::Closed => TryBroadcastError::Stopped,
        })?;
        self.queue(Queued { command, permit: Some(permit) })
            .map_err(|Error::Stopped| TryBroadcastError::Stopped)
    }

    /// Queues a command, after waiting for room, and waits for its reply.
    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| Error::Stopped)
    }

    pub(super) async fn join(
        &self,
        channel: Channel,
        member: Who,
        meta: Option<Meta>,
    ) -> Result<(), JoinError> {
        self.ask(|joined| Command::Join { channel, member, meta, joined }).await?
    }

    pub(super) async fn leave(&self, channel: Channel, member: Who) -> Result<(), LeaveError> {
        let left = self.ask(|left| Command::Leave { channel, member, left }).await?;
        left.then_some(()).ok_or(LeaveError::NotJoined)
    }

    /// Queues a command from a destructor, which can neither wait nor fail. No permit is needed:
    /// each guard pushes at most one.
    pub(super) fn push(&self, command: Command) {
        self.registry.do_send(Queued { command, permit: None });
    }

    fn queue(&self, queued: Queued) -> Result<(), Error> {
        match self.registry.try_send(queued) {
            Ok(()) => Ok(()),
            // Full by actix's own count, which does not apply here. `do_send` uses the same queue,
            // so the order holds.
            Err(SendError::Full(queued)) => {
                self.registry.do_send(queued);
                Ok(())
            }
            Err(SendError::Closed(_)) => Err(Error::Stopped),
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        // The registry's timer would keep it running although no handle is left.
        self.push(Command::Stop);
    }
}
