//! Copies the rows of every table, unchanged, from one database to another.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::Error as Diesel;
use kilonova_feed::diesel::schema::kilonova_events;

use crate::connection::{DbConnection, with_variant};
use crate::schema::{
    bin_comments, bin_copy_uploads, bin_draft_links, bin_entries, bin_old_addresses, bin_post_tags,
    bin_posts, bin_upload_uses, bin_working_copies, comments, copy_uploads, draft_links, notes,
    old_addresses, post_tags, posts, sign_ins, stored_responses, upload_slices, upload_uses,
    uploads, users, working_copies,
};

/// The most rows in one statement. PostgreSQL accepts 65,535 values, SQLite 32,766.
const ROWS: usize = 500;

/// The approximate limit on the bytes of long texts in one statement.
const BYTES: usize = 4 * 1024 * 1024;

/// The reason why the rows of a table were not copied.
pub(super) enum Fault {
    /// A row cannot be read.
    Read(Diesel),
    /// Rows cannot be written.
    Write(Diesel),
    /// The caller stopped the copy.
    Stopped,
}

/// Called with the number of rows that were just written; an error ends the copy.
pub(super) type Tell<'a> = &'a dyn Fn(usize) -> Result<(), Fault>;

/// Copies a table's rows from the first database to the second.
type Copy = fn(&mut DbConnection, &mut DbConnection, Tell<'_>) -> Result<(), Fault>;

/// A table that is copied.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) count: fn(&mut DbConnection) -> QueryResult<i64>,
    pub(super) copy: Copy,
    /// Its name in the database and the columns that are copied. A test finds missing ones.
    #[cfg(test)]
    pub(super) columns: (&'static str, &'static [&'static str]),
}

/// All tables except the log's. No table refers to a later one.
pub(super) const TABLES: [Table; 24] = [
    UserRow::TABLE,
    SignInRow::TABLE,
    PostRow::TABLE,
    TagRow::TABLE,
    CommentRow::TABLE,
    NoteRow::TABLE,
    UploadRow::TABLE,
    SliceRow::TABLE,
    UseRow::TABLE,
    AddressRow::TABLE,
    BinEntryRow::TABLE,
    BinPostRow::TABLE,
    BinTagRow::TABLE,
    BinCommentRow::TABLE,
    BinUseRow::TABLE,
    BinAddressRow::TABLE,
    BinCopyRow::TABLE,
    BinCopyUploadRow::TABLE,
    BinLinkRow::TABLE,
    CopyRow::TABLE,
    CopyUploadRow::TABLE,
    LinkRow::TABLE,
    EventRow::TABLE,
    ResponseRow::TABLE,
];

/// Defines the row of a table, the order in which it is read, its size, and its copy function.
macro_rules! table {
    ($table:ident as $name:literal, $row:ident, [$($order:ident),+], $size:expr, { $($field:ident: $type:ty,)+ }) => {
        #[derive(Queryable, Selectable, Insertable)]
        #[diesel(table_name = $table)]
        struct $row {
            $($field: $type),+
        }

        impl $row {
            const TABLE: Table = Table {
                name: $name,
                count: |connection| $table::table.count().get_result(connection),
                copy: $row::copy,
                #[cfg(test)]
                columns: (stringify!($table), &[$(stringify!($field)),+]),
            };

            fn copy(
                from: &mut DbConnection,
                to: &mut DbConnection,
                tell: Tell<'_>,
            ) -> Result<(), Fault> {
                let size: fn(&$row) -> usize = $size;
                let rows = $table::table
                    .order(($($table::$order,)+))
                    .select($row::as_select())
                    .load_iter::<$row, _>(from)
                    .map_err(Fault::Read)?;
                let (mut batch, mut bytes) = (Vec::new(), 0);
                for row in rows {
                    let row = row.map_err(Fault::Read)?;
                    bytes += size(&row);
                    batch.push(row);
                    if batch.len() == ROWS || bytes >= BYTES {
                        $row::write(to, &batch).map_err(Fault::Write)?;
                        tell(batch.len())?;
                        (batch, bytes) = (Vec::new(), 0);
                    }
                }
                $row::write(to, &batch).map_err(Fault::Write)?;
                tell(batch.len())
            }

            fn write(to: &mut DbConnection, rows: &[$row]) -> QueryResult<()> {
                if !rows.is_empty() {
                    with_variant!(to, c => {
                        diesel::insert_into($table::table).values(rows).execute(c)
                    })?;
                }
                Ok(())
            }
        }
    };
}

table!(users as "users", UserRow, [id], |_| 0, {
    id: i64, username: String, folded_username: String, email: Option<String>,
    password_hash: String, role: String, inserted_at: NaiveDateTime,
    disabled_at: Option<NaiveDateTime>, skeleton: Option<String>, shows_presence: bool,
});

table!(sign_ins as "sign_ins", SignInRow, [id], |_| 0, {
    id: i64, token_digest: String, user_id: i64, name: Option<String>, user_agent: Option<String>,
    inserted_at: NaiveDateTime, last_seen_at: Option<NaiveDateTime>,
    expires_at: Option<NaiveDateTime>,
});

table!(posts as "posts", PostRow, [id], |row| row.body.len(), {
    id: i64, title: String, body: String, status: String, author: Option<String>,
    user_id: Option<i64>, source: Option<String>, inserted_at: NaiveDateTime,
    updated_at: NaiveDateTime, comments_locked: bool, slug: Option<String>,
    published_at: Option<NaiveDateTime>, publish_at: Option<NaiveDateTime>,
    edited_by: Option<i64>,
});

table!(post_tags as "post_tags", TagRow, [post_id, ordinal], |_| 0, {
    post_id: i64, ordinal: i32, tag: String,
});

table!(comments as "comments", CommentRow, [id], |row| row.body.len(), {
    id: i64, post_id: i64, body: String, author: Option<String>, user_id: Option<i64>,
    inserted_at: NaiveDateTime, state: String,
});

table!(notes as "notes", NoteRow, [id], |row| row.body.len(), {
    id: i64, title: String, body: String, author: String, user_id: Option<i64>,
    inserted_at: NaiveDateTime, updated_at: NaiveDateTime, edited_by: Option<i64>,
});

table!(uploads as "uploads", UploadRow, [digest], |_| 0, {
    digest: String, media_type: String, name: Option<String>, width: Option<i32>,
    height: Option<i32>, length: i64, user_id: Option<i64>, inserted_at: NaiveDateTime,
    unused_at: Option<NaiveDateTime>,
});

table!(upload_slices as "upload_slices", SliceRow, [digest, ordinal], |row| row.bytes.len(), {
    digest: String, ordinal: i32, bytes: Vec<u8>,
});

table!(upload_uses as "upload_uses", UseRow, [digest, post_id, comment_id, note_id], |_| 0, {
    digest: String, post_id: Option<i64>, comment_id: Option<i64>, note_id: Option<i64>,
});

table!(old_addresses as "old_addresses", AddressRow, [path], |_| 0, {
    path: String, post_id: Option<i64>, upload: Option<String>,
});

table!(bin_entries as "bin_entries", BinEntryRow, [id], |_| 0, {
    id: i64, post_id: i64, comment_id: Option<i64>, user_id: Option<i64>,
    deleted_by: Option<i64>, deleted_at: NaiveDateTime,
});

table!(bin_posts as "bin_posts", BinPostRow, [id], |row| row.body.len(), {
    entry: i64, id: i64, title: String, body: String, status: String, author: Option<String>,
    user_id: Option<i64>, source: Option<String>, inserted_at: NaiveDateTime,
    updated_at: NaiveDateTime, comments_locked: bool, slug: Option<String>,
    published_at: Option<NaiveDateTime>, publish_at: Option<NaiveDateTime>,
    edited_by: Option<i64>,
});

table!(bin_post_tags as "bin_post_tags", BinTagRow, [entry, ordinal], |_| 0, {
    entry: i64, post_id: i64, ordinal: i32, tag: String,
});

table!(bin_comments as "bin_comments", BinCommentRow, [id], |row| row.body.len(), {
    entry: i64, id: i64, post_id: i64, body: String, author: Option<String>, user_id: Option<i64>,
    inserted_at: NaiveDateTime, state: String,
});

table!(bin_upload_uses as "bin_upload_uses", BinUseRow, [entry, digest], |_| 0, {
    entry: i64, digest: String, post_id: Option<i64>, comment_id: Option<i64>,
});

table!(bin_old_addresses as "bin_old_addresses", BinAddressRow, [entry, path], |_| 0, {
    entry: i64, path: String, post_id: i64,
});

table!(bin_working_copies as "bin_working_copies", BinCopyRow, [id], |row| row.body.len(), {
    entry: i64, id: i64, user_id: i64, post_id: Option<i64>, form_key: Option<String>,
    title: String, body: String, tags: String, slug: String, status: String, publish_at: String,
    version: String, written_by: String, updated_at: NaiveDateTime,
});

table!(bin_copy_uploads as "bin_copy_uploads", BinCopyUploadRow, [copy_id, digest], |_| 0, {
    entry: i64, copy_id: i64, digest: String,
});

table!(bin_draft_links as "bin_draft_links", BinLinkRow, [id], |_| 0, {
    entry: i64, id: i64, token_digest: String, post_id: i64, inserted_at: NaiveDateTime,
    expires_at: NaiveDateTime,
});

table!(working_copies as "working_copies", CopyRow, [id], |row| row.body.len(), {
    id: i64, user_id: i64, post_id: Option<i64>, form_key: Option<String>, title: String,
    body: String, tags: String, slug: String, status: String, publish_at: String, version: String,
    written_by: String, updated_at: NaiveDateTime,
});

table!(copy_uploads as "copy_uploads", CopyUploadRow, [copy_id, digest], |_| 0, {
    copy_id: i64, digest: String,
});

table!(draft_links as "draft_links", LinkRow, [id], |_| 0, {
    id: i64, token_digest: String, post_id: i64, inserted_at: NaiveDateTime,
    expires_at: NaiveDateTime,
});

table!(kilonova_events as "events", EventRow, [position], |row| row.payload.len(), {
    position: i64, channel: String, topic: String, payload: String, audience: String,
    kind: Option<String>, subject_id: Option<String>, parent_kind: Option<String>,
    parent_id: Option<String>, redacts: bool, inserted_at: NaiveDateTime,
});

table!(
    stored_responses as "stored_responses",
    ResponseRow,
    [account, path, idempotency_key],
    |row| row.body.len(),
    {
        account: i64, path: String, idempotency_key: String, fingerprint: String,
        location: Option<String>, body: String, position: i64, inserted_at: NaiveDateTime,
        subject: Option<String>, parent: Option<String>,
    }
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::sql_types::Text;

    use super::*;
    use crate::connection::Database;
    use crate::db;

    /// Tables that are not in `TABLES`, with the reasons.
    const OTHERS: [&str; 5] = [
        // The new database has its own.
        "__diesel_schema_migrations",
        // `whole` copies these: the last ids, the log's row, the keys.
        "sqlite_sequence",
        "kilonova_log",
        "site_keys",
        // Nodes read these rows within seconds of their insertion.
        "ended_sign_ins",
    ];

    #[derive(QueryableByName)]
    struct Column {
        #[diesel(sql_type = Text)]
        table_name: String,
        #[diesel(sql_type = Text)]
        column_name: String,
    }

    #[test]
    fn every_column_of_every_table_is_copied() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::Sqlite(folder.path().join("site.sqlite3"));
        let mut connection = db::open_migrated(&database).expect("a database");
        // Without generated columns, which `table_info` leaves out.
        let columns = "SELECT t.name AS table_name, c.name AS column_name \
                       FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'";
        let columns = with_variant!(&mut connection, c => {
            diesel::sql_query(columns).load::<Column>(c)
        });
        let found: BTreeSet<(String, String)> = columns
            .expect("columns")
            .into_iter()
            .filter(|column| !OTHERS.contains(&column.table_name.as_str()))
            .map(|column| (column.table_name, column.column_name))
            // Filled by triggers.
            .filter(|column| *column != ("post_tags".to_owned(), "listed_at".to_owned()))
            .collect();
        let copied = TABLES.iter().flat_map(|table| {
            let (name, columns) = table.columns;
            columns.iter().map(move |column| (name.to_owned(), (*column).to_owned()))
        });
        assert_eq!(found, copied.collect());
    }
}
