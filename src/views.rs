//! The output: the JSON of lists in this module; other JSON, pages and forms in its submodules.
//! Single rows serialize through their models. The controllers own requests and statuses.

pub mod answers;
pub mod assets;
pub mod browsers;
pub mod diff;
pub mod feeds;
#[expect(unreachable_pub, reason = "what `filter_fn` writes is `pub`")]
mod filters;
pub mod forms;
pub mod fragments;
pub mod pages;
pub mod sitemaps;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::markdown;
use crate::models::Page;

/// Returns the JSON of a page of a list: `{NAME: [row…], "next": cursor or null}`.
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

/// All characters except letters, digits and `-._~`.
pub(crate) const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Escapes a text for HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    markdown::escape(text, &mut html);
    html
}

/// Percent-encodes a text for a path segment or a query value in a URL.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
