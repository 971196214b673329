//! The load generator: one thread and one epoll, so that the generator does not limit a run.
//!
//! It opens sockets, posts notes over a few persistent connections, and reads every socket with one
//! large buffer. The [`Ledger`] checks what it sends and receives.

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

/// The most handshakes in progress: fewer than fit into any server's backlog.
const OPENING: usize = 128;

/// After this time without a frame, a response or a new socket, everything outstanding counts as
/// lost.
const STALL: Duration = Duration::from_secs(10);

/// The connections that posts at a fixed rate share. A post waits for a free one, and the wait
/// counts.
pub(crate) const CONNECTIONS: usize = 32;

/// The reason why a run failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("a frame is lost, duplicate or out of order: expected position {expected}, got {got}")]
    Order { expected: u64, got: String },
    #[error("a frame belongs to no post: {0}")]
    Unknown(String),
    #[error("nothing arrived for {STALL:?}: {0}")]
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

/// The load generator.
pub(crate) struct Load {
    address: SocketAddr,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    sockets: Vec<Socket>,
    connections: Vec<Connection>,
    pub(crate) ledger: Ledger,
    clock: Clock,
    /// The number of open sockets.
    open: usize,
    /// Connections whose post was answered, and finished posts, since these lists were last read.
    free: Vec<usize>,
    done: Vec<usize>,
    progress: Instant,
}

/// A monotonic clock that gives the time of day.
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
    /// Connects for posts with this body. Opens no socket yet.
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

    /// Opens sockets as fast as the server accepts them, until there are `sockets`.
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

    /// Resets all sockets, so that no connection in TIME_WAIT takes a port or memory from the next
    /// run.
    pub(crate) fn close(self) -> Result<(), Fault> {
        for socket in &self.sockets {
            let abort = linger { l_onoff: 1, l_linger: 0 };
            setsockopt(&socket.stream, Linger, &abort).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// The number of sockets. Between phases all of them are open.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    fn send(&mut self, connection: usize, post: usize) -> Result<(), Fault> {
        let request = http::post(&self.address.to_string(), &self.ledger.json(post));
        self.connections[connection].send(post, &request)
    }

    /// Waits until a connection is readable, and reads everything.
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
