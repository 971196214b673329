//! The load generator: one thread, one epoll, so that it is not what limits a run.
//!
//! It opens sockets, posts notes over a few connections that stay open, and reads every socket
//! with one large buffer. What it sends and gets is checked by the [`Ledger`].

mod frame;
pub(crate) mod http;
mod ledger;
mod phase;
mod stream;

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Interest, Poll, Token};
use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt::Linger};

pub(crate) use self::ledger::{Ledger, Times};
pub(crate) use self::phase::Phase;
use self::stream::{Connection, Socket};

/// Handshakes under way at the most: fewer than any server's backlog holds.
const OPENING: usize = 128;

/// Without a frame, an answer or a new socket for so long, what is outstanding is lost.
const STALL: Duration = Duration::from_secs(10);

/// Connections that posts at a fixed rate share; one that finds none free waits, and its time runs.
pub(crate) const CONNECTIONS: usize = 32;

/// Why a run does not count.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("lost, doubled or out of order: position {expected} was due, and this came: {got}")]
    Order { expected: u64, got: String },
    #[error("a frame that answers no post: {0}")]
    Unknown(String),
    #[error("nothing came for {STALL:?}: {0}")]
    Lost(String),
    #[error("the server closed a connection")]
    Closed,
    #[error("the server answered: {0}")]
    Refused(String),
    #[error("the server sent {0}")]
    Protocol(String),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// See the module.
pub(crate) struct Load {
    address: SocketAddr,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    sockets: Vec<Socket>,
    connections: Vec<Connection>,
    pub(crate) ledger: Ledger,
    clock: Clock,
    /// Sockets that are open.
    open: usize,
    /// Connections whose post was answered, and posts that are done, since someone looked.
    free: Vec<usize>,
    done: Vec<usize>,
    progress: Instant,
}

/// The time of day that goes on evenly.
#[derive(Clone, Copy)]
struct Clock {
    begun: Instant,
    since_epoch: Duration,
}

impl Clock {
    fn start() -> Clock {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Clock { begun: Instant::now(), since_epoch: since_epoch.unwrap_or_default() }
    }

    fn now(self) -> Duration {
        self.of(Instant::now())
    }

    fn of(self, instant: Instant) -> Duration {
        self.since_epoch + (instant - self.begun)
    }
}

impl Load {
    /// Connects for posts with this body; no socket yet.
    pub(crate) fn connect(address: SocketAddr, body: String) -> Result<Load, Fault> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for index in 0..CONNECTIONS {
            let mut stream = stream::connect(address)?;
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            connections.push(Connection::new(stream));
        }
        Ok(Load {
            address,
            poll,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 * 1024],
            sockets: Vec::new(),
            connections,
            ledger: Ledger::new(body),
            clock: Clock::start(),
            open: 0,
            free: Vec::new(),
            done: Vec::new(),
            progress: Instant::now(),
        })
    }

    /// Opens sockets as fast as the server takes them, until there are so many.
    pub(crate) fn open(&mut self, sockets: usize) -> Result<(), Fault> {
        let request = http::upgrade(&self.address.to_string());
        self.progress = Instant::now();
        while self.open < sockets {
            while self.sockets.len() < sockets && self.sockets.len() - self.open < OPENING {
                let mut stream = stream::connect(self.address)?;
                let token = Token(CONNECTIONS + self.sockets.len());
                self.poll.registry().register(&mut stream, token, Interest::READABLE)?;
                stream.write_all(request.as_bytes())?;
                let place = self.ledger.len();
                self.sockets.push(Socket::new(stream, place));
            }
            self.turn(None)?;
        }
        Ok(())
    }

    /// Closes everything at once and leaves nothing behind: no connection in TIME_WAIT takes a
    /// port or memory from the next run.
    pub(crate) fn close(self) -> Result<(), Fault> {
        for socket in &self.sockets {
            let abort = linger { l_onoff: 1, l_linger: 0 };
            setsockopt(&socket.stream, Linger, &abort).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// Sockets, all of them open between phases.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    fn send(&mut self, connection: usize, post: usize) -> Result<(), Fault> {
        let request = http::post(&self.address.to_string(), &self.ledger.json(post));
        self.connections[connection].send(post, &request)
    }

    /// Waits for something to read, and reads all of it.
    fn turn(&mut self, timeout: Option<Duration>) -> Result<(), Fault> {
        match self.poll.poll(&mut self.events, Some(timeout.unwrap_or(STALL))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let now = Instant::now();
        if !self.events.is_empty() {
            self.progress = now;
        } else if now - self.progress >= STALL {
            let (open, all) = (self.open, self.sockets.len());
            let outstanding = self.ledger.unfinished();
            return Err(Fault::Lost(format!("{open} of {all} sockets are open; {outstanding}")));
        }
        let Load { events, connections, sockets, ledger, buffer, clock, done, .. } = self;
        let all = sockets.len();
        for event in &*events {
            let Token(token) = event.token();
            let mut more = true;
            if let Some(connection) = connections.get_mut(token) {
                while more
                    && let Some((bytes, rest)) = stream::read(&mut connection.stream, buffer)?
                {
                    if connection.take(bytes, clock.now(), ledger, done)? {
                        self.free.push(token);
                    }
                    more = rest;
                }
            } else if let Some(socket) = sockets.get_mut(token - CONNECTIONS) {
                let was_open = socket.open;
                while more && let Some((bytes, rest)) = stream::read(&mut socket.stream, buffer)? {
                    socket.take(bytes, clock.now(), (&mut *ledger, all), done)?;
                    more = rest;
                }
                self.open += usize::from(socket.open && !was_open);
            }
        }
        Ok(())
    }
}
