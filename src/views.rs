//! The output: the JSON of lists here, pages and their forms below. Single rows are their model's
//! own JSON; requests and statuses are the controllers'.

pub mod assets;
pub mod diff;
pub mod feeds;
#[expect(unreachable_pub, reason = "what `filter_fn` writes is `pub`")]
mod filters;
pub mod forms;
pub mod fragments;
pub mod pages;
pub mod sitemaps;

use chrono::{DateTime, NaiveDateTime, Utc};
use kilonova_feed::Event;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::models::{Page, rfc3339};
use crate::pubsub::{Channel, Payload};

/// The JSON of a page of a list, `{NAME: [row…], "next": cursor or null}`.
pub fn list<T: Serialize>(name: &'static str, page: &Page<T>) -> Result<String, serde_json::Error> {
    serde_json::to_string(&List { name, page })
}

struct List<'a, T> {
    name: &'static str,
    page: &'a Page<T>,
}

impl<T: Serialize> Serialize for List<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.name, &self.page.items)?;
        map.serialize_entry("next", &self.page.next.map(|cursor| cursor.to_string()))?;
        map.end()
    }
}

/// An event as the API lists it: `{id, channel, event, data, inserted_at}`.
pub fn event(event: &Event) -> impl Serialize + use<> {
    #[derive(Serialize)]
    struct Listed {
        id: i64,
        channel: Channel,
        event: String,
        data: Payload,
        #[serde(serialize_with = "rfc3339")]
        inserted_at: NaiveDateTime,
    }
    let written = event.inserted_at().map(|at| DateTime::<Utc>::from(at).naive_utc());
    Listed {
        id: event.position(),
        channel: event.channel().clone(),
        event: event.topic().to_owned(),
        data: event.payload().clone(),
        inserted_at: written.unwrap_or_default(),
    }
}

/// All but letters, digits and `-._~`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as a part of a path, or as the value of a parameter, in an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
