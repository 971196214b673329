//! Finds the tables in the file and splits them into unparsed rows; ignores everything else. Memory
//! grows with the number of rows, which is bounded.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Maximum number of rows of a table.
const MOST: usize = 500_000;

/// The tables that are read.
pub(super) struct Tables<'a> {
    pub(super) posts: Vec<&'a RawValue>,
    pub(super) posts_meta: Vec<&'a RawValue>,
    pub(super) tags: Vec<&'a RawValue>,
    pub(super) posts_tags: Vec<&'a RawValue>,
    pub(super) users: Vec<&'a RawValue>,
    pub(super) posts_authors: Vec<&'a RawValue>,
}

/// Why a file is refused.
#[derive(Debug)]
pub(super) struct Unfit {
    pub(super) line: Option<usize>,
    pub(super) why: String,
}

impl Unfit {
    fn new(why: &str) -> Unfit {
        Unfit { line: None, why: why.to_owned() }
    }
}

impl From<serde_json::Error> for Unfit {
    fn from(error: serde_json::Error) -> Unfit {
        let line = Some(error.line()).filter(|line| *line > 0);
        Unfit { line, why: format!("it is damaged: {error}") }
    }
}

impl<'a> Tables<'a> {
    /// The tables of a file, inside `db` as Ghost writes it, or without it.
    pub(super) fn read(json: &'a str) -> Result<Tables<'a>, Unfit> {
        // Errors found here have their line in the file.
        let whole: &RawValue = serde_json::from_str(json)?;
        let [db, data] = fields(whole.get(), ["db", "data"])?;
        let data = match db {
            None => data,
            Some(db) => {
                let first =
                    if db.get().starts_with('[') { rows(db)?.first().copied() } else { Some(db) };
                let first =
                    first.ok_or_else(|| Unfit::new("it is not a Ghost export: db is empty"))?;
                fields(first.get(), ["data"])?[0]
            }
        };
        let data = data.ok_or_else(|| Unfit::new("it is not a Ghost export: it has no data"))?;
        let names = ["posts", "posts_meta", "tags", "posts_tags", "users", "posts_authors"];
        let tables = fields(data.get(), names)?;
        if tables[0].is_none() {
            return Err(Unfit::new("it is not a Ghost export: it has no posts"));
        }
        let [posts, posts_meta, tags, posts_tags, users, posts_authors] = tables;
        let table = |raw: Option<&'a RawValue>| raw.map_or(Ok(Vec::new()), rows);
        Ok(Tables {
            posts: table(posts)?,
            posts_meta: table(posts_meta)?,
            tags: table(tags)?,
            posts_tags: table(posts_tags)?,
            users: table(users)?,
            posts_authors: table(posts_authors)?,
        })
    }
}

/// The values of these keys in an object.
fn fields<'a, const N: usize>(
    json: &'a str,
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Unfit> {
    if !json.trim_start().starts_with('{') {
        return Err(Unfit::new("it is not a Ghost export: an object is expected"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Ok(Fields(names).deserialize(&mut deserializer)?)
}

/// The elements of a list; none for any other value.
fn rows(raw: &RawValue) -> Result<Vec<&RawValue>, Unfit> {
    if !raw.get().starts_with('[') {
        return Ok(Vec::new());
    }
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    let rows = Rows.deserialize(&mut deserializer)?;
    rows.ok_or_else(|| Unfit::new("a table has more than 500,000 rows"))
}

struct Fields<const N: usize>([&'static str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Fields<N> {
    type Value = [Option<&'de RawValue>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Fields<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let at = self.0.iter().position(|name| *name == key.0);
            match at.and_then(|at| found.get_mut(at)) {
                Some(value) => *value = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct Rows;

impl<'de> DeserializeSeed<'de> for Rows {
    type Value = Option<Vec<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        let mut is_bounded = true;
        while let Some(row) = seq.next_element()? {
            is_bounded &= rows.len() < MOST;
            if is_bounded {
                rows.push(row);
            }
        }
        Ok(is_bounded.then_some(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_found_with_and_without_a_wrapper() {
        for json in [
            r#"{"db":[{"meta":{},"data":{"posts":[1,{}],"users":[{}]}}]}"#,
            r#"{"db":{"data":{"posts":[1,{}],"users":[{}],"x":[[[]]]}}}"#,
            r#" {"meta":{},"data":{"p\u006fsts":[1,{}],"users":[{}],"tags":5}}"#,
        ] {
            let tables = Tables::read(json).unwrap_or_else(|error| panic!("{error:?}: {json}"));
            assert_eq!((tables.posts.len(), tables.users.len(), tables.tags.len()), (2, 1, 0));
        }
    }

    #[test]
    fn other_files_are_not_ghost_exports_and_an_error_has_its_line() {
        for (json, line, why) in [
            ("{\n\"data\":{\n\"posts\":[}", Some(3), "damaged"),
            ("{\"db\":[]}", None, "db is empty"),
            ("{\"x\":1}", None, "no data"),
            ("{\"data\":{\"tags\":[]}}", None, "no posts"),
            ("{\"data\":[]}", None, "an object is expected"),
            ("[1]", None, "an object is expected"),
            ("{\"data\":{\"posts\":[]}} x", Some(1), "damaged"),
        ] {
            let error = Tables::read(json).err().unwrap_or_else(|| panic!("taken: {json}"));
            assert_eq!(error.line, line, "{json}");
            assert!(error.why.contains(why), "{json}: {}", error.why);
        }
    }

    #[test]
    fn nesting_costs_nothing() {
        let deep =
            format!("{{\"data\":{{\"posts\":[{}{}]}}}}", "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(Tables::read(&deep).expect("tables").posts.len(), 1);
    }
}
