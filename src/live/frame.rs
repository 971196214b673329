//! What an envelope looks like on the wire: one encoding per event and shape, shared by all
//! sockets that are sent it.

use std::borrow::Cow;

use actix_http::ws::{OpCode, Parser};
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::pubsub::Envelope;

/// The shapes of the live endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{"channel", "event", "data", "id"}`: the feed.
    Channel,
    /// `{"event", "data", "id"}`: the notifications.
    Event,
    /// The payload itself: a post's comments.
    Payload,
}

#[derive(Serialize)]
struct Frame<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    event: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
}

/// An envelope's first slot for server-sent events, one for each shape; text frames come before.
const SSE_SLOTS: usize = 3;

/// Bytes of the head of a server's frame at the most.
const LARGEST_HEAD: usize = 10;

/// The text frame of an envelope, head and all, encoded once for all that share the envelope.
pub fn encode(envelope: &Envelope, shape: Shape) -> Bytes {
    envelope.encoded(shape as usize, |envelope| text(json(envelope, shape).as_bytes()))
}

/// A text frame.
pub fn text(text: &[u8]) -> Bytes {
    message(OpCode::Text, text)
}

/// A whole frame of the server's.
pub fn message(opcode: OpCode, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + LARGEST_HEAD);
    Parser::write_message(&mut frame, payload, opcode, true, false);
    frame.freeze()
}

/// The frame that says how far the log has come, or that the client must load anew: not an event
/// of a channel, so the same in every shape.
pub fn control(event: &'static str, position: i64) -> String {
    format!(r#"{{"event":"{event}","id":{position}}}"#)
}

/// The server-sent event of an envelope: its position, its topic, and the text frame as data.
pub fn encode_sse(envelope: &Envelope, shape: Shape) -> Bytes {
    envelope.encoded(SSE_SLOTS + shape as usize, |envelope| {
        sse(envelope.position(), envelope.topic(), json(envelope, shape).as_bytes())
    })
}

/// One server-sent event. JSON has no line break of its own, so data is one line.
pub fn sse(id: Option<i64>, event: &str, data: &[u8]) -> Bytes {
    let mut text = BytesMut::with_capacity(data.len() + 64);
    if let Some(id) = id {
        text.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    text.extend_from_slice(format!("event: {event}\ndata: ").as_bytes());
    text.extend_from_slice(data);
    text.extend_from_slice(b"\n\n");
    text.freeze()
}

/// What a client reads, whichever way it comes.
fn json(envelope: &Envelope, shape: Shape) -> Cow<'_, str> {
    match shape {
        Shape::Payload => envelope.payload().as_json().into(),
        Shape::Channel => frame(envelope, Some(envelope.channel().as_str())).into(),
        Shape::Event => frame(envelope, None).into(),
    }
}

fn frame(envelope: &Envelope, channel: Option<&str>) -> String {
    let json = envelope.payload().as_json();
    // A payload is JSON by construction, and strings and a number always encode.
    let encoded = serde_json::from_str::<&RawValue>(json).and_then(|data| {
        let id = envelope.position();
        serde_json::to_string(&Frame { channel, event: envelope.topic(), data, id })
    });
    encoded.unwrap_or_else(|error| {
        log::error!("event {:?} cannot be encoded: {error}", envelope.position());
        String::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pubsub::Payload;

    #[test]
    fn each_shape_has_its_fields_and_no_id_without_a_position() {
        let payload = Payload::encode(&serde_json::json!({"id": 7, "title": "\u{1f680} \"x\""}))
            .expect("JSON");
        let ephemeral = Envelope::new("system", "deploy", payload.clone());
        let event = Envelope::new("posts", "post_created", payload).with_position(3);
        let text = |envelope, shape| {
            let frame = encode(envelope, shape);
            assert_eq!((frame[0], usize::from(frame[1])), (0x81, frame.len() - 2));
            String::from_utf8(frame[2..].to_vec()).expect("UTF-8")
        };
        let data = r#"{"id":7,"title":"🚀 \"x\""}"#;
        assert_eq!(
            text(&event, Shape::Channel),
            format!(r#"{{"channel":"posts","event":"post_created","data":{data},"id":3}}"#)
        );
        assert_eq!(
            text(&event, Shape::Event),
            format!(r#"{{"event":"post_created","data":{data},"id":3}}"#)
        );
        assert_eq!(text(&event, Shape::Payload), data);
        assert_eq!(
            text(&ephemeral, Shape::Channel),
            format!(r#"{{"channel":"system","event":"deploy","data":{data}}}"#)
        );
    }
}
