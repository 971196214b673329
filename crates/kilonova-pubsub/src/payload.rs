//! What a message carries. Owns that it is valid JSON, encoded once and shared by all receivers;
//! leaves the shape of the JSON to sender and receiver.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A JSON value in its encoded form, cheap to clone.
#[derive(Clone, Debug)]
pub struct Payload(Arc<RawValue>);

impl Payload {
    /// Encodes `value`; fails where it has no JSON form, such as a map whose keys are not strings.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Payload, serde_json::Error> {
        to_raw_value(value).map(Payload::from)
    }

    /// Takes text that is JSON already; fails where it is not exactly one JSON value.
    ///
    /// White space around the value is dropped, within it is kept.
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

    /// Decodes the value; fails where it has another shape than `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_json())
    }
}

impl From<Box<RawValue>> for Payload {
    fn from(json: Box<RawValue>) -> Payload {
        Payload(json.into())
    }
}

/// Writes the value itself, not a string of it: a payload can be a field of a frame.
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
