//! The format of a log line: text for people, or one JSON object for programs. Both give the id of
//! the request that caused the line.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{SecondsFormat, Utc};
use clap::ValueEnum;
use env_logger::fmt::Formatter;
use log::kv::{self, Key, Value, VisitSource};
use log::{Level, Record};
use serde_json::{Map, json};

use super::RequestId;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `[TIME LEVEL TARGET] MESSAGE`, with the request's id at the end.
    Text,
    /// An object with `time`, `level`, `target`, `message` and, within a request, `request_id`.
    Json,
}

static IS_JSON: AtomicBool = AtomicBool::new(false);

impl Format {
    /// Sets the format of all further lines. Before the first call, the format is text.
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

/// The fields of a line's JSON object.
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

/// Adds the key-value pairs of a record to the fields.
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
