//! What a line of the log looks like: text for people, or one JSON object a line for programs. Both
//! say which request a line belongs to.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{SecondsFormat, Utc};
use clap::ValueEnum;
use env_logger::fmt::Formatter;
use log::kv::{self, Key, Value, VisitSource};
use log::{Level, Record};
use serde_json::{Map, json};

use super::RequestId;

/// The form of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `[TIME LEVEL TARGET] MESSAGE`, with the request's id at the end.
    Text,
    /// An object with `time`, `level`, `target`, `message`, and `request_id` where there is one.
    Json,
}

static IS_JSON: AtomicBool = AtomicBool::new(false);

impl Format {
    /// All further lines have this form; before the first call it is text.
    pub fn set(self) {
        IS_JSON.store(self == Format::Json, Ordering::Relaxed);
    }

    pub(super) fn get() -> Format {
        if IS_JSON.load(Ordering::Relaxed) { Format::Json } else { Format::Text }
    }
}

/// Writes a line as JSON.
pub(super) fn json(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let message = record.args().to_string();
    let mut fields = object(record.level(), record.target(), &message);
    drop(record.key_values().visit(&mut Fields(&mut fields)));
    writeln!(line, "{}", serde_json::Value::Object(fields))
}

/// A line as the fields of a JSON object.
pub(super) fn object(level: Level, target: &str, message: &str) -> Map<String, serde_json::Value> {
    let mut fields = Map::new();
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    fields.insert("time".to_owned(), json!(time));
    fields.insert("level".to_owned(), json!(level.as_str()));
    fields.insert("target".to_owned(), json!(target));
    fields.insert("message".to_owned(), json!(message));
    if let Some(request) = RequestId::current() {
        fields.insert("request_id".to_owned(), json!(request.as_str()));
    }
    fields
}

/// Takes the values that a line has beside its message.
struct Fields<'a>(&'a mut Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let value = match value.to_i64() {
            Some(number) => json!(number),
            None => json!(value.to_string()),
        };
        self.0.entry(key.as_str()).or_insert(value);
        Ok(())
    }
}
