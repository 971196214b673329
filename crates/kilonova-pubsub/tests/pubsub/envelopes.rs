//! Envelopes, payloads and channels as values.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kilonova_pubsub::{Channel, Envelope, Payload, PubSub};

use kilonova_test::member::soon;
use serde_json::{Value, json};

#[test]
fn encoding_is_shared() {
    let envelope = Envelope::new("notes", "note_created", Payload::null());
    let copy = envelope.clone();
    let first = envelope.encoded(0, |envelope| format!("frame of {}", envelope.topic()));
    let second = copy.encoded(0, |_| -> String { panic!("it is encoded already") });
    assert_eq!(first, "frame of note_created");
    assert_eq!(first.as_ptr(), second.as_ptr());

    assert_eq!(envelope.encoded(1, |_| "another shape"), "another shape");
    for shape in ["no such slot", "made anew"] {
        assert_eq!(envelope.encoded(12, |_| shape), shape);
    }
    assert_eq!(envelope.encoded(11, |_| "last slot"), "last slot");
    assert_eq!(envelope.encoded(11, |_| "kept"), "last slot");
}

#[actix::test]
async fn an_attachment_reaches_the_members_of_this_node() {
    let pubsub = PubSub::start("node");
    let mut subscription = pubsub.subscribe(["notes"]).await.unwrap();
    let attachment: Arc<dyn Any + Send + Sync> = Arc::new(7_u64);
    let envelope = Envelope::new("notes", "note_created", Payload::null());
    let with = envelope.clone().with_attachment(Arc::clone(&attachment)).with_position(1);
    pubsub.publish(with.clone()).await.unwrap();
    pubsub.publish_all(vec![envelope, with]).await.unwrap();

    for expected in [Some(7), None, Some(7)] {
        let envelope = soon(subscription.next()).await.unwrap();
        let value = envelope.attachment().and_then(|attached| attached.downcast_ref::<u64>());
        assert_eq!(value.copied(), expected);
    }
}

#[test]
fn encoding_does_not_outlive_a_change() {
    let envelope = Envelope::new("notes", "note_created", Payload::null());
    let shape = |envelope: &Envelope| format!("{:?}", envelope.position());
    assert_eq!(envelope.encoded(0, shape), "None");
    let placed = envelope.clone().with_position(3);
    assert_eq!(placed.encoded(0, shape), "Some(3)");
    assert_eq!((envelope.position(), placed.position()), (None, Some(3)));
}

#[test]
fn payload_is_one_json_value() {
    for wrong in ["", "{", "1 2", "nul", "'a'"] {
        assert!(Payload::from_json(wrong).is_err(), "{wrong:?} is not JSON");
    }
    let payload = Payload::from_json(r#" {"a": [1, 2]} "#).unwrap();
    assert_eq!(payload.as_json(), r#"{"a": [1, 2]}"#);
    let decoded: BTreeMap<String, Vec<u8>> = payload.decode().unwrap();
    assert_eq!(decoded["a"], [1, 2]);
    assert!(payload.decode::<String>().is_err());
}

#[test]
fn payload_without_json_form() {
    let keyed_by_lists = HashMap::from([(vec![1], 2)]);
    assert!(Payload::encode(&keyed_by_lists).is_err());
}

#[test]
fn payload_and_channel_in_a_frame() {
    #[derive(serde::Serialize)]
    struct Frame {
        channel: Channel,
        data: Payload,
    }

    let frame = Frame { channel: "a \"b\"".into(), data: Payload::encode(&[true]).unwrap() };
    let json = serde_json::to_string(&frame).unwrap();
    assert_eq!(json, r#"{"channel":"a \"b\"","data":[true]}"#);
}

#[test]
fn payloads_are_equal_when_their_values_are() {
    let payload = |text: &str| Payload::from_json(text).unwrap();
    let one = payload(r#"{"a":1,"b":[true,null]}"#);
    assert_eq!(one, payload(r#"{ "b": [true, null], "a": 1 }"#));
    assert_eq!(one, json!({ "b": [true, null], "a": 1 }));
    assert_ne!(one, payload(r#"{"a":1,"b":[null,true]}"#));
    assert_ne!(one, json!({ "a": 1 }));
    assert_ne!(payload("1"), payload("1.0"));
    // `serde_json` can hold neither as a value, so the text decides.
    let (deep, large) = ("[".repeat(200) + &"]".repeat(200), "1e999");
    for text in [&deep, large] {
        assert_eq!(payload(text), payload(text));
        assert_ne!(payload(text), payload("1"));
        assert!(Value::try_from(payload(text)).is_err());
    }
}

#[test]
fn payloads_and_values_convert_into_each_other() {
    let value = json!({ "text": "a \"b\"", "list": [1, -2.5, {}] });
    let payload = Payload::from(&value);
    assert_eq!(payload, Payload::from(value.clone()));
    assert_eq!(Value::try_from(&payload).unwrap(), value);
}

#[test]
fn payload_and_channel_are_read_from_a_frame() {
    #[derive(serde::Deserialize)]
    struct Frame {
        channel: Channel,
        data: Payload,
    }

    let frame: Frame = serde_json::from_str(r#"{"channel":"a \"b\"","data":[1,  2]}"#).unwrap();
    assert_eq!(frame.channel, "a \"b\"");
    assert_eq!(frame.data.as_json(), "[1,  2]");
}

#[test]
fn channel_is_found_by_its_name() {
    let by_channel = HashMap::from([(Channel::from("notes"), 1)]);
    assert_eq!(by_channel.get("notes"), Some(&1));
    assert_eq!(Channel::from("notes".to_owned()), Channel::from("notes"));
    assert_eq!(Channel::from(&"notes".to_owned()), Channel::from("notes"));
    assert_eq!(Channel::from("notes").to_string(), "notes");
}
