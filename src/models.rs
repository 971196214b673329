//! The rows and their queries. Each model takes a connection and returns a query's result. Models
//! do not depend on pools, actors or HTTP.

pub mod bin;
pub mod comment;
pub mod draft_link;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod ids;
pub mod log;
pub mod note;
pub mod old_address;
pub mod post;
pub mod sign_in;
pub mod site_key;
pub(crate) mod slug;
pub mod stored_response;
pub mod upload;
pub mod user;
pub mod working_copy;

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDateTime, SubsecRound, Utc};
use data_encoding::HEXLOWER;
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::query_dsl::RunQueryDsl;
use diesel::sql_types::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer};
use sha2::{Digest, Sha256};

use crate::connection::DbConnection;

/// Returns the current time as the database stores it: in UTC, to the microsecond.
pub fn now() -> NaiveDateTime {
    Utc::now().naive_utc().trunc_subsecs(6)
}

/// Returns a digest that identifies a text in a page or form: 32 hexadecimal digits.
pub fn digest(text: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(text));
    digest.get(..32).unwrap_or_default().to_owned()
}

/// Returns the current time by the database's clock, which all nodes share.
pub fn clock(connection: &mut DbConnection) -> QueryResult<NaiveDateTime> {
    match connection {
        DbConnection::Sqlite(_) => Ok(now()),
        DbConnection::Postgres(c) => {
            diesel::select(sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'")).get_result(c)
        }
    }
}

/// The wire format of a time: RFC 3339, UTC, to the microsecond.
pub struct Time;

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// Serializes a time from the database as RFC 3339 with `Z`.
pub fn rfc3339<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.and_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

/// The same for a time that may be missing.
pub fn optional_rfc3339<S: Serializer>(
    time: &Option<NaiveDateTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// Deserializes a time as `rfc3339` writes it.
pub fn from_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDateTime, D::Error> {
    DateTime::<Utc>::deserialize(deserializer).map(|time| time.naive_utc())
}

/// The same for a time that may be missing.
pub fn from_optional_rfc3339<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NaiveDateTime>, D::Error> {
    let time = Option::<DateTime<Utc>>::deserialize(deserializer)?;
    Ok(time.map(|time| time.naive_utc()))
}

/// The maximum bytes of bodies on one page of a list. A page ends early there, and `next`
/// continues: a hundred posts of a mebibyte each are too much for one response.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A position in a list: the time and the id of the last row before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The time by which the list is ordered.
    pub at: NaiveDateTime,
    /// The row's id, which orders rows with the same time.
    pub id: i64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.at.and_utc().timestamp_micros(), self.id)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Cursor, ()> {
        let (micros, id) = text.split_once('_').ok_or(())?;
        let time = DateTime::from_timestamp_micros(micros.parse().map_err(drop)?).ok_or(())?;
        // No row has a year outside this range, and PostgreSQL supports no time before 4713 BC.
        if !(1..=9999).contains(&time.year()) {
            return Err(());
        }
        let cursor = Cursor { at: time.naive_utc(), id: id.parse().map_err(drop)? };
        // A position has only one spelling, without a sign or leading zeros.
        if cursor.to_string() == text { Ok(cursor) } else { Err(()) }
    }
}

/// The beginning of a post or a note, for display.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub struct Excerpt {
    /// The row's id.
    pub id: i64,
    /// The whole title.
    pub title: String,
    /// The first characters of its body, as Markdown.
    pub body: String,
    /// When it was written, or published.
    pub at: NaiveDateTime,
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Returns `length` characters of `text`, beginning with the character number `from`, counted
    /// from one.
    fn substr(
        text: diesel::sql_types::Text,
        from: diesel::sql_types::Integer,
        length: diesel::sql_types::Integer,
    ) -> diesel::sql_types::Text;

    /// Returns the number of bytes in `text`.
    fn octet_length(text: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

/// A page of a list and where the next one starts.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub items: Vec<T>,
    /// The cursor for the next page; `None` on the last page.
    pub next: Option<Cursor>,
}

/// Takes a page of at most `limit` rows from ordered rows, which must include one row more than
/// `limit` if there is one. `weigh` returns a row's position and the bytes it adds to a response.
fn paginate<T, E>(
    rows: impl Iterator<Item = Result<T, E>>,
    limit: usize,
    weigh: impl Fn(&T) -> (Cursor, usize),
) -> Result<Page<T>, E> {
    let mut page = Page { items: Vec::new(), next: None };
    let mut last = None;
    let mut bytes = 0;
    for row in rows {
        let row = row?;
        let (cursor, size) = weigh(&row);
        if page.items.len() == limit || (!page.items.is_empty() && bytes + size > PAGE_BYTES) {
            page.next = last;
            break;
        }
        bytes += size;
        last = Some(cursor);
        page.items.push(row);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_cursor_is_written_in_one_way_only() {
        for text in ["0_1", "-62135596800000000_1", "1709201472123456_9223372036854775807"] {
            assert_eq!(text.parse().map(|cursor: Cursor| cursor.to_string()).as_deref(), Ok(text));
        }
        for no_cursor in
            ["", "_", "0", "0_", "+0_1", "-0_1", "00_1", "0_+1", "0_01", "0_1_", "0 _1"]
        {
            assert_eq!(no_cursor.parse::<Cursor>(), Err(()), "{no_cursor}");
        }
    }
}
