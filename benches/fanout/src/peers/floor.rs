//! The floor: the least possible cost of a fan-out. One thread, one epoll, and for each post one
//! `send` of the prepared frame per socket. It has no queues, no timeouts and no checks.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use base64::Engine as _;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use sha1::{Digest as _, Sha1};

use super::note::{self, NewNote};
use crate::Failure;
use crate::load::http::STAMP;

const LISTENER: Token = Token(usize::MAX);

/// The text that RFC 6455 appends to a key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

struct Connection {
    stream: TcpStream,
    /// The beginning of an incomplete request.
    rest: Vec<u8>,
    live: bool,
}

/// Closed connections keep their places, because a server serves only one load.
struct Floor {
    connections: Vec<Option<Connection>>,
    /// The places of the open WebSockets.
    live: Vec<usize>,
    last: u64,
}

/// Serves until it is killed.
pub(crate) fn serve(address: SocketAddr) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut floor = Floor { connections: Vec::new(), live: Vec::new(), last: 0 };
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => floor.accept(&listener, poll.registry())?,
                Token(place) => floor.read(place, &mut buffer)?,
            }
        }
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> Result<(), Failure> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            registry.register(&mut stream, Token(self.connections.len()), Interest::READABLE)?;
            self.connections.push(Some(Connection { stream, rest: Vec::new(), live: false }));
        }
    }

    fn read(&mut self, place: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let Some(slot) = self.connections.get_mut(place) else { return Ok(()) };
        let Some(connection) = slot else { return Ok(()) };
        match connection.stream.read(buffer) {
            // Pongs are ignored.
            Ok(1..) if connection.live => Ok(()),
            Ok(count @ 1..) => {
                connection.rest.extend_from_slice(&buffer[..count]);
                self.request(place)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Ok(0) | Err(_) => {
                *slot = None;
                self.live.retain(|&live| live != place);
                Ok(())
            }
        }
    }

    /// Answers a request if it is complete.
    fn request(&mut self, place: usize) -> Result<(), Failure> {
        let Some(Some(connection)) = self.connections.get_mut(place) else { return Ok(()) };
        let rest = std::mem::take(&mut connection.rest);
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(head) = request.parse(&rest)? else {
            connection.rest = rest;
            return Ok(());
        };
        let header = |name: &str| {
            let mut headers = request.headers.iter();
            let header = headers.find(|header| header.name.eq_ignore_ascii_case(name));
            header.and_then(|header| str::from_utf8(header.value).ok()).unwrap_or("")
        };
        let answer = match (request.method, request.path) {
            (Some("POST"), Some("/api/notes")) => {
                let body = &rest[head..];
                if body.len() < header("content-length").parse()? {
                    connection.rest = rest;
                    return Ok(());
                }
                self.broadcast(body)?
            }
            (Some("GET"), Some("/notifications")) => {
                connection.live = true;
                self.live.push(place);
                let accept = Sha1::digest(format!("{}{GUID}", header("sec-websocket-key")));
                let accept = base64::engine::general_purpose::STANDARD.encode(accept);
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                     upgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
                )
            }
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
        };
        let Some(Some(connection)) = self.connections.get_mut(place) else { return Ok(()) };
        Ok(connection.stream.write_all(answer.as_bytes())?)
    }

    /// Sends once to each socket, then returns the response. Fails if a socket accepts no more: the
    /// floor has no queues, and the generator keeps reading.
    fn broadcast(&mut self, body: &[u8]) -> Result<String, Failure> {
        self.last += 1;
        let note = serde_json::from_slice::<NewNote>(body)?.into_note(self.last);
        let text = note.frame()?;
        let mut frame = vec![0x81, 126];
        frame.extend_from_slice(&u16::try_from(text.len())?.to_be_bytes());
        frame.extend_from_slice(text.as_bytes());
        let stamp = note::stamp();
        for &place in &self.live {
            if let Some(Some(connection)) = self.connections.get_mut(place) {
                connection.stream.write_all(&frame)?;
            }
        }
        let answer = serde_json::to_string(&note)?;
        Ok(format!(
            "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n{STAMP}: {stamp}\r\n\
             content-length: {}\r\n\r\n{answer}",
            answer.len()
        ))
    }
}
