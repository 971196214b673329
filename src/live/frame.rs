//! What an envelope looks like on the wire: one encoding per event and shape, shared by all
//! sockets that are sent it.

use bytes::Bytes;
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

/// The text frame of an envelope, encoded once for all that share the envelope.
pub fn encode(envelope: &Envelope, shape: Shape) -> Bytes {
    envelope.encoded(shape as usize, |envelope| match shape {
        Shape::Payload => envelope.payload().as_json().to_owned(),
        Shape::Channel => frame(envelope, Some(envelope.channel().as_str())),
        Shape::Event => frame(envelope, None),
    })
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
        let text =
            |envelope, shape| String::from_utf8(encode(envelope, shape).to_vec()).expect("UTF-8");
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
