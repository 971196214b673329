//! A subscriber that loses its connection time and again and each time goes on from the last
//! position that it has seen.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use awc::ws::{Frame, Message};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde_json::{Value, json};

use super::client::Client;
use crate::support::within;

/// How a subscriber is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    ServerSentEvents,
}

/// An open connection.
pub(crate) enum Connection {
    WebSocket {
        incoming: Pin<Box<dyn Stream<Item = Option<Frame>>>>,
        outgoing: Pin<Box<dyn Sink<Message, Error = awc::error::WsProtocolError>>>,
    },
    ServerSentEvents {
        bytes: Pin<Box<dyn Stream<Item = Option<Vec<u8>>>>>,
        buffer: Vec<u8>,
    },
}

impl Connection {
    /// Connects, if there is a server and it lets us.
    pub(crate) async fn open(
        client: &Client,
        transport: Transport,
        path: &str,
        after: Option<i64>,
    ) -> Option<Connection> {
        let joint = if path.contains('?') { '&' } else { '?' };
        match transport {
            Transport::WebSocket => {
                let query = after.map(|after| format!("{joint}last_event_id={after}"));
                let url = client.url(&format!("{path}{}", query.unwrap_or_default()));
                let (_, frames) = client.http().ws(url).connect().await.ok()?;
                let (outgoing, incoming) = frames.split();
                let incoming = Box::pin(incoming.map(Result::ok));
                Some(Connection::WebSocket { incoming, outgoing: Box::pin(outgoing) })
            }
            Transport::ServerSentEvents => {
                let mut request =
                    client.http().get(client.url(path)).timeout(Duration::from_secs(600));
                request = request.insert_header(("accept", "text/event-stream"));
                if let Some(after) = after {
                    request = request.insert_header(("last-event-id", after));
                }
                let response = request.send().await.ok()?;
                // It is stopping, or a proxy knows of none.
                if matches!(response.status().as_u16(), 502..=504) {
                    return None;
                }
                assert_eq!(response.status(), 200);
                let bytes = Box::pin(response.map(|part| part.ok().map(|part| part.to_vec())));
                Some(Connection::ServerSentEvents { bytes, buffer: Vec::new() })
            }
        }
    }

    /// The next frame; `None` when the connection has ended, however it did.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        match self {
            Connection::WebSocket { incoming, outgoing } => loop {
                match incoming.next().await?? {
                    Frame::Text(text) => return Some(serde_json::from_slice(&text).unwrap()),
                    Frame::Ping(payload) => outgoing.send(Message::Pong(payload)).await.ok()?,
                    Frame::Pong(_) => {}
                    _ => return None,
                }
            },
            Connection::ServerSentEvents { bytes, buffer } => loop {
                if let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                    let block: Vec<u8> = buffer.drain(..end + 2).collect();
                    if let Some(event) = parse(std::str::from_utf8(&block).unwrap()) {
                        return Some(event);
                    }
                } else {
                    buffer.extend(bytes.next().await??);
                }
            },
        }
    }
}

/// One server-sent event as the frame that a socket is sent; a bare id tells a position.
fn parse(block: &str) -> Option<Value> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let id = field("id: ").map(|id| id.parse::<i64>().unwrap());
    match field("data: ") {
        Some(data) => {
            let frame: Value = serde_json::from_str(data).unwrap();
            assert_eq!(frame["id"].as_i64(), id, "the stream's id is not the frame's");
            assert_eq!(field("event: "), frame["event"].as_str());
            Some(frame)
        }
        None => id.map(|id| json!({"event": "position", "id": id})),
    }
}

/// A subscriber and all that it has seen.
pub(crate) struct Follower {
    client: Client,
    pub(crate) transport: Transport,
    pub(crate) path: &'static str,
    /// What it will ask to go on from.
    pub(crate) last: i64,
    /// Every event, in the order in which it came; none is left out, not even a double.
    pub(crate) seen: Rc<RefCell<Vec<Value>>>,
    pub(crate) connections: u32,
}

impl Follower {
    /// One that has seen nothing.
    pub(crate) fn new(client: &Client, transport: Transport, path: &'static str) -> Follower {
        let client = client.clone();
        Follower { client, transport, path, last: 0, seen: Rc::default(), connections: 0 }
    }

    /// How many events it has seen.
    pub(crate) fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    /// Takes events until it has seen so many, however often it must connect.
    pub(crate) async fn take_up_to(&mut self, count: usize) {
        while self.count() < count {
            within("what was missed", self.take(count - self.count())).await;
        }
    }

    /// Connects once, and waits for a frame like this; live.
    pub(crate) async fn find(&self, like: impl Fn(&Value) -> bool) -> Option<Value> {
        let opened = Connection::open(&self.client, self.transport, self.path, None).await;
        let mut connection = opened?;
        loop {
            let frame = connection.next().await?;
            if like(&frame) {
                return Some(frame);
            }
        }
    }

    /// Connects and takes at most `count` events, then drops the connection without a word.
    pub(crate) async fn take(&mut self, count: usize) {
        let after = Some(self.last);
        let opened = Connection::open(&self.client, self.transport, self.path, after).await;
        let Some(mut connection) = opened else {
            return tokio::time::sleep(Duration::from_millis(3)).await;
        };
        self.connections += 1;
        let enough = self.count() + count;
        while self.count() < enough {
            let Some(frame) = connection.next().await else { return };
            assert_ne!(frame["event"], "resync", "nothing is gone: {frame}");
            let position = frame["id"].as_i64().unwrap();
            if frame["event"] != "position" {
                self.seen.borrow_mut().push(frame);
            }
            self.last = position;
        }
    }
}
