//! What goes out: the JSON of lists here, pages and their text below. Single rows are their model's
//! own JSON; requests and statuses are the controllers'.

pub mod assets;
#[expect(unreachable_pub, reason = "what `filter_fn` writes is `pub`")]
mod filters;
pub mod forms;
pub mod pages;

use std::fmt::Write;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::models::Page;

/// A page of a list, as `{NAME: [row…], "next": cursor or null}`.
pub fn list<'a, T: Serialize>(
    name: &'static str,
    page: &'a Page<T>,
) -> impl Serialize + use<'a, T> {
    List { name, page }
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

/// A text as the value of a parameter in an address: all but letters, digits and `-._~` as
/// percent-escapes.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
