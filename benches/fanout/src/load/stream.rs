//! The two kinds of connections. Input from both goes into the ledger.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;

use super::frame::{self, Kind};
use super::{Fault, Ledger, http};

/// A WebSocket and its progress.
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) open: bool,
    /// The number of events received, including those before it was opened.
    place: usize,
    /// The beginning of an incomplete frame.
    rest: Vec<u8>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, place: usize) -> Socket {
        Socket { stream, open: false, place, rest: Vec::new() }
    }

    /// Handles input. Records each event in the ledger, with the number of sockets, and adds
    /// finished posts to `done`.
    pub(super) fn take(
        &mut self,
        read: &[u8],
        now: Duration,
        (ledger, sockets): (&mut Ledger, usize),
        done: &mut Vec<usize>,
    ) -> Result<(), Fault> {
        let kept = std::mem::take(&mut self.rest);
        let joined;
        let mut bytes = read;
        if !kept.is_empty() {
            joined = [kept.as_slice(), read].concat();
            bytes = &joined;
        }
        if !self.open
            && let Some(head) = http::upgraded(bytes)?
        {
            self.open = true;
            bytes = &bytes[head..];
        }
        while self.open
            && let Some(frame) = frame::first(bytes)?
        {
            match frame.kind {
                Kind::Text => {
                    done.extend(ledger.delivered(self.place, frame.payload, now, sockets)?);
                    self.place += 1;
                }
                Kind::Ping => self.stream.write_all(&frame::pong(frame.payload))?,
                Kind::Pong => {}
                Kind::Close => return Err(Fault::Closed),
            }
            bytes = &bytes[frame.length..];
        }
        if !bytes.is_empty() {
            self.rest = bytes.to_vec();
        }
        Ok(())
    }
}

/// A connection for posts, and its post in progress.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    rest: Vec<u8>,
    post: Option<usize>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Connection {
        Connection { stream, rest: Vec::new(), post: None }
    }

    pub(super) fn send(&mut self, post: usize, request: &str) -> Result<(), Fault> {
        self.post = Some(post);
        Ok(self.stream.write_all(request.as_bytes())?)
    }

    /// Handles input. Returns true if it completed the response, and adds a finished post to
    /// `done`.
    pub(super) fn take(
        &mut self,
        read: &[u8],
        now: Duration,
        ledger: &mut Ledger,
        done: &mut Vec<usize>,
    ) -> Result<bool, Fault> {
        self.rest.extend_from_slice(read);
        let Some(answer) = http::created(&self.rest)? else { return Ok(false) };
        let post = self.post.take();
        let (Some(post), true) = (post, self.rest.len() == answer.length) else {
            return Err(Fault::Protocol("an unexpected response".to_owned()));
        };
        self.rest.clear();
        if ledger.answered(post, now, answer.stamp) {
            done.push(post);
        }
        Ok(true)
    }
}

/// Opens a non-blocking connection. Loopback connects at once while the backlog has room.
pub(super) fn connect(address: SocketAddr) -> Result<TcpStream, Fault> {
    let stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}

/// Reads once. Also returns whether there may be more: a read that does not fill the buffer has
/// emptied the socket. Returns `None` if there is no input; epoll reports new input.
pub(super) fn read<'b>(
    stream: &mut TcpStream,
    buffer: &'b mut [u8],
) -> Result<Option<(&'b [u8], bool)>, Fault> {
    match stream.read(buffer) {
        Ok(0) => Err(Fault::Closed),
        Ok(count) => Ok(Some((&buffer[..count], count == buffer.len()))),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(Fault::Closed),
        Err(error) => Err(error.into()),
    }
}
