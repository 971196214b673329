//! One connection to an Erlang node, after its handshake. Owns bytes and time. It always drains the
//! socket, even if something else is slow: Erlang suspends processes that send to a node that does
//! not read.

mod heard;
mod routes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use kilonova_pubsub::NodeId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use self::heard::Told;
use super::Shared;
use super::control;
use super::envelope::Outgoing;
use super::outbox::{Names, Outbox};
use super::pg::{Group, Scope};
use super::term::Number;

/// The largest frame that is read, in bytes. Larger ones are skipped.
const LARGEST: usize = 16 * 1024 * 1024;

/// The bytes to read at a time.
const READ: usize = 64 * 1024;

/// The longest pause between requests to a scope that does not answer, as a multiple of
/// `Timing::discover`.
const SLOWEST: u32 = 32;

/// A command to a connection from the rest of the node.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Broadcast(Group, Arc<Outgoing>),
    /// This node's member of the group joins or leaves.
    Share(Group, bool),
}

/// The reason why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the other node closed it")]
    Closed,
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the other node sent nothing for {0:?}")]
    Silent(Duration),
    #[error("the other node read nothing for {0:?}")]
    Stuck(Duration),
    #[error("the other node requests more than it reads")]
    Flood,
    #[error("this node is stopping")]
    Stopped,
}

/// A connection after its handshake.
pub(super) struct Connection {
    shared: Arc<Shared>,
    names: Names,
    /// Part of every pid of this connection, and unique to it.
    serial: u32,
    scope: Scope,
    told: Told,
    outbox: Outbox,
    /// Whether a message that must not be lost found the outbox full.
    is_flooded: bool,
    asked: Instant,
    patience: u32,
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        names: Names,
        serial: u32,
        node: NodeId,
        joined: impl IntoIterator<Item = Group>,
    ) -> Connection {
        let mut scope = Scope::new(&shared.options.channels, &names.peer, names.peer_creation);
        for group in joined {
            // The scope is not connected yet, so there is nothing to send.
            drop(scope.join(group));
        }
        let told = Told::new(node, shared.heard.clone());
        Connection {
            shared,
            names,
            serial,
            scope,
            told,
            outbox: Outbox::default(),
            is_flooded: false,
            asked: Instant::now(),
            patience: 1,
        }
    }

    /// Runs until the connection ends.
    pub(super) async fn run(
        &mut self,
        mut reader: impl AsyncRead + Unpin,
        mut writer: impl AsyncWrite + Unpin,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Ended {
        let timing = self.shared.options.timing;
        let mut inbox = BytesMut::new();
        let mut skip = 0;
        let mut buffer = Vec::new();
        let mut begun = 0;
        let (mut heard, mut written) = (Instant::now(), Instant::now());
        let pause = (timing.silence / 8).min(timing.discover);
        let mut clock = tokio::time::interval(pause.max(Duration::from_millis(10)));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.ask();
        loop {
            if begun == buffer.len() {
                (begun, written) = (0, written.max(Instant::now() - pause));
                buffer.clear();
                self.outbox.fill(&mut buffer, &self.names);
            }
            inbox.reserve(READ);
            tokio::select! {
                read = reader.read_buf(&mut inbox) => match read {
                    Ok(0) => return Ended::Closed,
                    Ok(_) => {
                        heard = Instant::now();
                        self.take(&mut inbox, &mut skip);
                        // Answers received data with a tick, so that a node with a short
                        // net_ticktime does not time out.
                        if buffer.is_empty() && written.elapsed() >= pause / 2 {
                            buffer.extend([0; 4]);
                        }
                    }
                    Err(error) => return error.into(),
                },
                wrote = writer.write(&buffer[begun..]), if begun < buffer.len() => match wrote {
                    Ok(0) => return Ended::Closed,
                    Ok(count) => {
                        begun += count;
                        written = Instant::now();
                    }
                    Err(error) => return error.into(),
                },
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => return Ended::Stopped,
                },
                _ = clock.tick() => {
                    if heard.elapsed() >= timing.silence {
                        return Ended::Silent(timing.silence);
                    }
                    if begun < buffer.len() && written.elapsed() >= timing.silence {
                        return Ended::Stuck(timing.silence);
                    }
                    if buffer.is_empty() && written.elapsed() >= timing.silence / 4 {
                        buffer.extend([0; 4]);
                    }
                    if self.asked.elapsed() >= timing.discover * self.patience {
                        self.ask();
                    }
                    self.told.retry(&mut self.scope, &self.shared.options.channels);
                }
            }
            if self.is_flooded {
                return Ended::Flood;
            }
        }
    }

    /// Tells the registry that the node is gone.
    pub(super) async fn end(self) {
        self.told.end().await;
    }

    /// Requests the groups of the scope until it has sent them.
    fn ask(&mut self) {
        self.asked = Instant::now();
        match self.scope.ask() {
            None => self.patience = 1,
            Some(output) => {
                self.patience = (self.patience * 2).min(SLOWEST);
                self.act([output]);
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Broadcast(group, message) => {
                let receivers = self.scope.members().of(group);
                let sender = self.member(group);
                if !self.outbox.broadcast(message, sender, receivers) {
                    self.shared.lost_out.note();
                }
            }
            Command::Share(group, joined) => {
                let output = match joined {
                    true => self.scope.join(group),
                    false => self.scope.leave(group),
                };
                self.act(output);
            }
        }
    }

    /// Handles the complete frames in the inbox.
    fn take(&mut self, inbox: &mut BytesMut, skip: &mut usize) {
        loop {
            let skipped = inbox.len().min(*skip);
            inbox.advance(skipped);
            *skip -= skipped;
            let Some(head) = inbox.first_chunk() else { return };
            let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
            if length > LARGEST {
                self.shared.ignored.note_because(&"a frame is larger than 16 MiB");
                inbox.advance(4);
                *skip = length;
                continue;
            }
            if inbox.len() - 4 < length {
                return;
            }
            inbox.advance(4);
            if length == 0 {
                // A tick.
                continue;
            }
            let frame = inbox.split_to(length);
            match control::read(&frame) {
                Ok(control) => self.control(control),
                Err(bad) => self.shared.ignored.note_because(&bad),
            }
        }
    }

    /// The process on this node that is the member of a group.
    fn member(&self, group: Group) -> Number {
        let id = u32::try_from(group).unwrap_or(u32::MAX).saturating_add(routes::FIRST_MEMBER);
        Number { id, serial: self.serial }
    }

    fn push(&mut self, frame: Vec<u8>) {
        if !self.outbox.push(frame) {
            self.is_flooded = true;
        }
    }
}
