//! The encoding of events on the wire: one per event, shape and wire, shared by all sockets that
//! get the event.

mod slow;

use std::sync::atomic::AtomicUsize;

use actix_http::ws::{OpCode, Parser};
use bytes::{Bytes, BytesMut};
use kilonova_pubsub::Envelope;
use serde::Serialize;
use serde_json::value::RawValue;

pub(crate) use self::slow::Wanted;
use crate::Event;
use crate::presence;

/// The format of a session's frames.
///
/// The default is JSON, `{"channel","event","data","id"}`: the channel, the topic, the payload, and
/// the position if there is one. A message from another kind of cluster also has `"origin"`.
/// [`Builder::shape`](crate::Builder::shape) adds others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape(usize);

/// Encodes an envelope as text without line breaks.
type Encode = Box<dyn Fn(&Envelope) -> String + Send + Sync>;

/// The shapes of a feed.
#[derive(Default)]
pub(crate) struct Shapes(Vec<Encoder>);

/// A shape that the application has added.
struct Encoder {
    encode: Encode,
    /// For a slow shape: the number of sessions on each wire that use it.
    wanted: Option<[AtomicUsize; WIRES]>,
}

/// The wires that a frame is encoded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A frame of a WebSocket.
    Text,
    /// A server-sent event.
    Stream,
}

const WIRES: usize = 2;

#[derive(Serialize)]
struct Frame<'a> {
    channel: &'a str,
    event: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
}

/// The largest header of a server's frame, in bytes.
const LARGEST_HEAD: usize = 10;

impl Shapes {
    /// Adds a shape.
    pub(crate) fn add(&mut self, encode: Encode) -> Shape {
        self.push(Encoder { encode, wanted: None })
    }

    /// Adds a slow shape.
    pub(crate) fn add_slow(&mut self, encode: Encode) -> Shape {
        self.push(Encoder { encode, wanted: Some(Default::default()) })
    }

    fn push(&mut self, encoder: Encoder) -> Shape {
        self.0.push(encoder);
        Shape(self.0.len())
    }

    /// Encodes an envelope as a WebSocket frame that contains its text, or as a server-sent event
    /// with the position as id, the topic, and the text as data.
    pub(crate) fn frame(&self, envelope: &Envelope, shape: Shape, framing: Framing) -> Bytes {
        self.shared(envelope, shape, framing, |shapes| {
            let encoded = shapes.encode(envelope, shape);
            match framing {
                Framing::Text => text(encoded.as_bytes()),
                Framing::Stream => sse(envelope.position(), envelope.topic(), encoded.as_bytes()),
            }
        })
    }

    /// Encodes once for all sockets that share the envelope. The only exception is a custom shape
    /// of an envelope that no feed has sent, such as a broadcast: another feed may share the
    /// envelope, and its shapes are different.
    fn shared(
        &self,
        envelope: &Envelope,
        shape: Shape,
        framing: Framing,
        encode: impl FnOnce(&Shapes) -> Bytes,
    ) -> Bytes {
        let is_own = || Event::is_sent(envelope) || presence::is_told(envelope);
        match shape == Shape::default() || is_own() {
            true => envelope.encoded(shape.0 * WIRES + framing as usize, |_| encode(self)),
            false => encode(self),
        }
    }

    fn encode(&self, envelope: &Envelope, shape: Shape) -> String {
        // A shape that belongs to another feed falls back to the default.
        let custom = self.custom(shape);
        custom.map_or_else(|| whole(envelope), |encoder| (encoder.encode)(envelope))
    }

    fn custom(&self, shape: Shape) -> Option<&Encoder> {
        self.0.get(shape.0.checked_sub(1)?)
    }
}

/// The default shape.
fn whole(envelope: &Envelope) -> String {
    // A payload is JSON by construction, and strings and numbers always encode.
    let encoded =
        serde_json::from_str::<&RawValue>(envelope.payload().as_json()).and_then(|data| {
            let (channel, event) = (envelope.channel().as_str(), envelope.topic());
            let (id, origin) = (envelope.position(), envelope.sender().origin());
            serde_json::to_string(&Frame { channel, event, data, id, origin })
        });
    encoded.unwrap_or_else(|error| {
        log::error!("event {:?} cannot be encoded: {error}", envelope.position());
        String::new()
    })
}

/// A text frame.
pub(crate) fn text(text: &[u8]) -> Bytes {
    message(OpCode::Text, text)
}

/// A complete, unmasked frame, as servers send it.
pub(crate) fn message(opcode: OpCode, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + LARGEST_HEAD);
    Parser::write_message(&mut frame, payload, opcode, true, false);
    frame.freeze()
}

/// The topics of control frames, which no other frame may have.
pub(crate) const CONTROL: [&str; 2] = ["position", "resync"];

/// The text of a control frame: `position` or `resync`. It belongs to no channel, so it is the same
/// in every shape.
pub(crate) fn control(event: &'static str, position: i64) -> String {
    format!(r#"{{"event":"{event}","id":{position}}}"#)
}

/// Encodes a server-sent event. A line break would start another field, so the topic ends at its
/// first line break, and each line of the data becomes one field.
pub(crate) fn sse(id: Option<i64>, event: &str, data: &[u8]) -> Bytes {
    let mut text = BytesMut::with_capacity(data.len() + 64);
    if let Some(id) = id {
        text.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    let event = event.split(['\r', '\n']).next().unwrap_or("");
    text.extend_from_slice(format!("event: {event}\n").as_bytes());
    let mut rest = data;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
        text.extend_from_slice(b"\n");
        let Some(end) = end else { break };
        // A carriage return and the line feed after it are one line break.
        let after = &rest[end..];
        rest = after.strip_prefix(b"\r\n").unwrap_or(&after[1..]);
    }
    text.extend_from_slice(b"\n");
    text.freeze()
}

#[cfg(test)]
mod tests {
    use kilonova_pubsub::Payload;

    use super::*;

    fn payload() -> Payload {
        Payload::encode(&serde_json::json!({"id": 7, "title": "\u{1f680} \"x\""})).expect("JSON")
    }

    fn text(shapes: &Shapes, envelope: &Envelope, shape: Shape) -> String {
        let frame = shapes.frame(envelope, shape, Framing::Text);
        assert_eq!((frame[0], usize::from(frame[1])), (0x81, frame.len() - 2));
        String::from_utf8(frame[2..].to_vec()).expect("UTF-8")
    }

    #[test]
    fn the_default_shape_has_an_id_where_there_is_a_position() {
        let data = r#"{"id":7,"title":"🚀 \"x\""}"#;
        let shapes = Shapes::default();
        let ephemeral = Envelope::new("system", "deploy", payload());
        let event = Event::new(3, "posts", "post_created", payload());
        assert_eq!(
            text(&shapes, event.envelope(), Shape::default()),
            format!(r#"{{"channel":"posts","event":"post_created","data":{data},"id":3}}"#)
        );
        assert_eq!(
            text(&shapes, &ephemeral, Shape::default()),
            format!(r#"{{"channel":"system","event":"deploy","data":{data}}}"#)
        );
    }

    #[test]
    fn each_feed_encodes_a_broadcast_in_its_own_shapes() {
        let (mut one, mut other) = (Shapes::default(), Shapes::default());
        let shape = one.add(Box::new(|_| "one".to_owned()));
        assert_eq!(other.add(Box::new(|_| "other".to_owned())), shape);
        let envelope = Envelope::new("system", "deploy", payload());
        assert_eq!(text(&one, &envelope, shape), "one");
        assert_eq!(text(&other, &envelope, shape), "other");
    }

    #[test]
    fn each_feed_encodes_an_event_that_they_share_in_its_own_shapes() {
        let (mut one, mut other) = (Shapes::default(), Shapes::default());
        let shape = one.add(Box::new(|_| "one".to_owned()));
        assert_eq!(other.add(Box::new(|_| "other".to_owned())), shape);
        let event = Event::new(3, "posts", "post_created", payload());
        let (by_one, by_other) = (event.sent_by(1), event.sent_by(2));
        for envelope in [event.envelope(), by_one.envelope()] {
            assert_eq!(text(&one, envelope, shape), "one");
        }
        for envelope in [event.envelope(), by_other.envelope()] {
            assert_eq!(text(&other, envelope, shape), "other");
        }
    }

    #[test]
    fn a_line_break_does_not_end_a_field_of_an_event_stream() {
        assert_eq!(
            sse(Some(1), "a\nid: 9", b"x\r\ny\rid: 9\n"),
            "id: 1\nevent: a\ndata: x\ndata: y\ndata: id: 9\ndata: \n\n"
        );
    }
}
