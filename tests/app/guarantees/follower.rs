//! A subscriber that reconnects and resumes from its last position each time it loses its
//! connection.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use awc::ws::{Frame, Message};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde_json::{Value, json};

use super::client::Client;
use crate::support::within;

/// The transport of a subscriber's connection.
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
    /// Connects; `None` if the server is unavailable or refuses.
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
                // The server is stopping, or a proxy reaches none.
                if matches!(response.status().as_u16(), 502..=504) {
                    return None;
                }
                assert_eq!(response.status(), 200);
                let bytes = Box::pin(response.map(|part| part.ok().map(|part| part.to_vec())));
                Some(Connection::ServerSentEvents { bytes, buffer: Vec::new() })
            }
        }
    }

    /// The next frame; `None` once the connection has ended for any reason.
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

/// Converts a server-sent event to the frame that a socket gets. A bare id becomes a position.
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

/// A subscriber and all events that it has seen.
pub(crate) struct Follower {
    client: Client,
    pub(crate) transport: Transport,
    pub(crate) path: &'static str,
    /// The position from which it will resume.
    pub(crate) last: i64,
    /// Every event in order of arrival, including duplicates.
    pub(crate) seen: Rc<RefCell<Vec<Value>>>,
    pub(crate) connections: u32,
}

impl Follower {
    /// A subscriber that has seen nothing.
    pub(crate) fn new(client: &Client, transport: Transport, path: &'static str) -> Follower {
        let client = client.clone();
        Follower { client, transport, path, last: 0, seen: Rc::default(), connections: 0 }
    }

    /// The number of events it has seen.
    pub(crate) fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    /// Receives events until it has seen `count` in total, reconnecting as often as necessary.
    pub(crate) async fn take_up_to(&mut self, count: usize) {
        while self.count() < count {
            within("the missed events", self.take(count - self.count())).await;
        }
    }

    /// Connects once, without resuming, and waits for a matching frame.
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

    /// Connects and receives at most `count` events, then drops the connection without a close.
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
            assert_ne!(frame["event"], "resync", "events were lost: {frame}");
            let position = frame["id"].as_i64().unwrap();
            if frame["event"] != "position" {
                self.seen.borrow_mut().push(frame);
            }
            self.last = position;
        }
    }
}
