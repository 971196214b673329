//! A WebSocket client that answers pings, as browsers do.

use std::pin::Pin;

use actix_web::web::Bytes;
use awc::error::WsProtocolError;
use awc::ws::{CloseCode, Frame, Message};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde_json::Value;

use super::within;

/// An open WebSocket.
pub(crate) struct Socket {
    incoming: Pin<Box<dyn Stream<Item = Result<Frame, WsProtocolError>>>>,
    outgoing: Pin<Box<dyn Sink<Message, Error = WsProtocolError>>>,
}

impl Socket {
    pub(crate) fn new<T>(frames: T) -> Socket
    where
        T: Stream<Item = Result<Frame, WsProtocolError>>
            + Sink<Message, Error = WsProtocolError>
            + 'static,
    {
        let (outgoing, incoming) = frames.split();
        Socket { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        within("a frame is sent", self.outgoing.send(message)).await.unwrap();
    }

    /// The next frame of any kind; `None` at the end.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        // A reset connection has ended too.
        within("a frame", self.incoming.next()).await.and_then(Result::ok)
    }

    /// The next text frame. Answers pings and skips pongs.
    pub(crate) async fn text(&mut self) -> Bytes {
        loop {
            match self.frame().await {
                Some(Frame::Text(text)) => return text,
                Some(Frame::Ping(payload)) => self.send(Message::Pong(payload)).await,
                Some(Frame::Pong(_)) => {}
                other => panic!("expected a text: {other:?}"),
            }
        }
    }

    /// The next text frame, as JSON.
    pub(crate) async fn next_json(&mut self) -> Value {
        serde_json::from_slice(&self.text().await).expect("the frame is not JSON")
    }

    /// The next `count` text frames, as JSON.
    pub(crate) async fn next_jsons(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::with_capacity(count);
        while frames.len() < count {
            frames.push(self.next_json().await);
        }
        frames
    }

    /// The server's close code, skipping texts before it. `None` if the connection ends without a
    /// close.
    pub(crate) async fn close_code(&mut self) -> Option<CloseCode> {
        loop {
            match self.frame().await? {
                Frame::Close(reason) => return reason.map(|reason| reason.code),
                Frame::Ping(payload) => self.send(Message::Pong(payload)).await,
                _ => {}
            }
        }
    }

    /// Sends a close, waits for the server's and hangs up.
    pub(crate) async fn close(mut self) {
        self.send(Message::Close(None)).await;
        self.close_code().await;
    }
}
