//! A complete response.

use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use serde_json::Value;

/// A status, headers and the whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The JSON of a response that must have this status; null without a body.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        let start: String = text.chars().take(500).collect();
        assert_eq!(self.status, status, "{start}");
        if self.body.is_empty() {
            return Value::Null;
        }
        assert_eq!(self.header("content-type"), Some("application/json"), "{start}");
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The message of a response that must have this status and be exactly `{"error": message}`.
    #[track_caller]
    pub(crate) fn error(&self, status: u16) -> String {
        let json = self.json(status);
        let words = json["error"].as_str().unwrap_or_else(|| panic!("no error in {json}"));
        assert_eq!(json.as_object().unwrap().len(), 1, "more than an error: {json}");
        assert!(!words.is_empty());
        words.to_owned()
    }
}
