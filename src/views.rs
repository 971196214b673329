//! The shapes that go out: JSON here, pages below. Single rows are their model's own JSON.

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
