//! The content of a message: valid JSON, encoded once and shared by all receivers. Leaves the shape
//! of the JSON to sender and receiver.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A JSON value in its encoded form, cheap to clone.
///
/// Two payloads are equal when they are the same JSON value: white space and the order of an
/// object's keys do not matter. Numbers compare as in `serde_json`, so `1` is not `1.0`. Comparing
/// identical texts is fast; differing texts are parsed.
#[derive(Clone, Debug)]
pub struct Payload(Arc<RawValue>);

impl Payload {
    /// Encodes `value`. Fails if it has no JSON form, such as a map whose keys are not strings.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Payload, serde_json::Error> {
        to_raw_value(value).map(Payload::from)
    }

    /// Creates a payload from JSON text. Fails if the text is not exactly one JSON value.
    ///
    /// White space around the value is dropped; white space within it is kept.
    pub fn from_json(json: impl Into<String>) -> Result<Payload, serde_json::Error> {
        RawValue::from_string(json.into()).map(Payload::from)
    }

    /// The JSON `null`.
    pub fn null() -> Payload {
        Payload::from(RawValue::NULL.to_owned())
    }

    /// The value as JSON text.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// Decodes the value. Fails if its shape does not match `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_json())
    }
}

impl From<Box<RawValue>> for Payload {
    fn from(json: Box<RawValue>) -> Payload {
        Payload(json.into())
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Payload {
        Payload::from(&value)
    }
}

impl From<&Value> for Payload {
    #[expect(clippy::expect_used, reason = "every `Value` has a JSON form: its keys are strings")]
    fn from(value: &Value) -> Payload {
        to_raw_value(value).map(Payload::from).expect("a JSON value has a JSON form")
    }
}

/// Fails if the value nests deeper, or has a larger number, than a [`Value`] can hold.
impl TryFrom<&Payload> for Value {
    type Error = serde_json::Error;

    fn try_from(payload: &Payload) -> Result<Value, serde_json::Error> {
        payload.decode()
    }
}

/// Fails as for a reference.
impl TryFrom<Payload> for Value {
    type Error = serde_json::Error;

    fn try_from(payload: Payload) -> Result<Value, serde_json::Error> {
        payload.decode()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        if self.as_json() == other.as_json() {
            return true;
        }
        let values = (self.decode::<Value>(), other.decode::<Value>());
        matches!(values, (Ok(one), Ok(other)) if one == other)
    }
}

impl PartialEq<Value> for Payload {
    fn eq(&self, other: &Value) -> bool {
        self.decode::<Value>().is_ok_and(|value| value == *other)
    }
}

/// Takes any value verbatim. Works only with `serde_json`'s deserializer.
impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Payload::from)
    }
}

/// Writes the value itself, not a string that contains it, so a payload can be a field of a frame.
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
