//! Uploads: pictures in texts, and imported files. Owns their rows, their bytes, and the record of
//! which texts use them; `pictures` and the controllers own which files are accepted.
//!
//! The bytes are in the database, in slices, on SQLite and PostgreSQL alike. They are written and
//! deleted with their rows, every node can read them, and every dump and copy includes them.

use chrono::{NaiveDateTime, TimeDelta};
use data_encoding::HEXLOWER;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use indexmap::IndexSet;
use sha2::{Digest, Sha256};

use crate::connection::DbConnection;
use crate::pictures::{Format, Picture};
use crate::schema::{
    bin_copy_uploads, bin_upload_uses, copy_uploads, old_addresses, upload_slices, upload_uses,
    uploads,
};

/// The prefix of the uploads' paths.
pub const ROOT: &str = "/uploads/";

/// The size of a slice, in bytes.
pub const SLICE: usize = 256 * 1024;

/// The number of hexadecimal digits of a digest: 160 bits, which are enough to be unique.
const DIGITS: usize = 40;

/// The most uploads that are recorded for one text.
const MAX_USES: usize = 1000;

/// How long an upload is kept after no text uses it.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// The media type of a file that is not a picture, and the extension of its path.
const ANY: &str = "application/octet-stream";
const FILE: &str = "bin";

/// An upload without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
pub struct Upload {
    /// The first 160 bits of the SHA-256 of its bytes, in hexadecimal digits.
    pub digest: String,
    /// The media type of a picture, or `application/octet-stream`.
    pub media_type: String,
    /// The name under which readers save it, unless it is a picture.
    pub name: Option<String>,
    /// In pixels, for a picture.
    pub width: Option<i32>,
    /// In pixels, for a picture.
    pub height: Option<i32>,
    /// In bytes.
    pub length: i64,
}

/// A new upload.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// The row.
    pub upload: Upload,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The account that uploads it.
    pub user_id: Option<i64>,
}

impl NewUpload {
    /// A picture, which pages show.
    pub fn picture(picture: Picture, user_id: Option<i64>) -> NewUpload {
        // `pictures` makes sure that both sides fit.
        let [width, height] = [picture.width, picture.height].map(|side| i32::try_from(side).ok());
        let media_type = picture.format.media_type();
        let new = NewUpload::new(picture.bytes, media_type, None);
        NewUpload { upload: Upload { width, height, ..new.upload }, user_id, ..new }
    }

    /// Any other file, which readers save under this name.
    pub fn file(bytes: Vec<u8>, name: &str) -> NewUpload {
        NewUpload::new(bytes, ANY, Some(name.to_owned()))
    }

    fn new(bytes: Vec<u8>, media_type: &str, name: Option<String>) -> NewUpload {
        let upload = Upload {
            digest: digest(&bytes),
            media_type: media_type.to_owned(),
            name,
            width: None,
            height: None,
            length: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        };
        NewUpload { upload, bytes, user_id: None }
    }
}

/// A text that may use uploads.
#[derive(Clone, Copy, Debug)]
pub enum Text {
    /// The body of the post with this id.
    Post(i64),
    /// The body of the comment with this id.
    Comment(i64),
    /// The body of the note with this id.
    Note(i64),
}

/// The digest of a file's content.
fn digest(bytes: &[u8]) -> String {
    let mut digest = HEXLOWER.encode(&Sha256::digest(bytes));
    digest.truncate(DIGITS);
    digest
}

/// Whether a text has the form of a digest.
pub fn is_digest(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == DIGITS && text.bytes().all(is_digit)
}

/// The path of an upload on this site, from an address that ends with one. The address may have a
/// host and a path prefix.
pub fn own(address: &str) -> Option<&str> {
    let path = address.split(['?', '#']).next()?;
    let start = path.rfind(ROOT)?;
    let (digest, ending) = path[start + ROOT.len()..].split_at_checked(DIGITS)?;
    let is_one = is_digest(digest) && ending.starts_with('.') && !ending.contains('/');
    is_one.then(|| &address[start..])
}

/// The path of the first picture in a text that is an upload.
pub fn first_picture(text: &str) -> Option<String> {
    text.split(ROOT).skip(1).find_map(|rest| {
        let (digest, rest) = rest.split_at_checked(DIGITS)?;
        let end = rest.strip_prefix('.').filter(|_| is_digest(digest))?;
        let extension = end.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        let is_picture = Format::of_extension(extension).is_some();
        is_picture.then(|| format!("{ROOT}{digest}.{extension}"))
    })
}

/// The digests of the uploads in a text, in order and without duplicates: the first 1,000.
pub fn digests(text: &str) -> IndexSet<&str> {
    let after = text.split(ROOT).skip(1);
    let digests = after.filter_map(|rest| {
        let (digest, rest) = rest.split_at_checked(DIGITS)?;
        (is_digest(digest) && rest.starts_with('.')).then_some(digest)
    });
    let mut found = IndexSet::new();
    for digest in digests {
        if found.len() < MAX_USES {
            found.insert(digest);
        }
    }
    found
}

impl Upload {
    /// Its path.
    pub fn path(&self) -> String {
        format!("{ROOT}{}", self.file_name())
    }

    /// The last segment of its path.
    pub fn file_name(&self) -> String {
        let extension = Format::of_media_type(&self.media_type).map_or(FILE, Format::extension);
        format!("{}.{extension}", self.digest)
    }

    /// The number of slices that hold its bytes.
    pub fn slices(&self) -> i32 {
        let length = usize::try_from(self.length).unwrap_or_default();
        i32::try_from(length.div_ceil(SLICE)).unwrap_or(i32::MAX)
    }
}

/// The upload with this digest, if there is one.
pub fn find(connection: &mut DbConnection, digest: &str) -> QueryResult<Option<Upload>> {
    uploads::table.find(digest).select(Upload::as_select()).first(connection).optional()
}

/// The upload with this digest, if there is one. It is kept for at least another day.
pub fn renew(
    connection: &mut DbConnection,
    digest: &str,
    at: NaiveDateTime,
) -> QueryResult<Option<Upload>> {
    let known = find(connection, digest)?;
    if known.is_some() {
        let unused = uploads::table.find(digest).filter(uploads::unused_at.is_not_null());
        diesel::update(unused).set(uploads::unused_at.eq(at)).execute(connection)?;
    }
    Ok(known)
}

/// Inserts an upload that does not exist yet.
pub fn insert(
    connection: &mut DbConnection,
    new: NewUpload,
    at: NaiveDateTime,
) -> QueryResult<Upload> {
    let NewUpload { upload, bytes, user_id } = new;
    diesel::insert_into(uploads::table)
        .values((
            uploads::digest.eq(&upload.digest),
            uploads::media_type.eq(&upload.media_type),
            uploads::name.eq(&upload.name),
            uploads::width.eq(upload.width),
            uploads::height.eq(upload.height),
            uploads::length.eq(upload.length),
            uploads::user_id.eq(user_id),
            uploads::inserted_at.eq(at),
            uploads::unused_at.eq(at),
        ))
        .execute(connection)?;
    for (ordinal, slice) in (0_i32..).zip(bytes.chunks(SLICE)) {
        diesel::insert_into(upload_slices::table)
            .values((
                upload_slices::digest.eq(&upload.digest),
                upload_slices::ordinal.eq(ordinal),
                upload_slices::bytes.eq(slice),
            ))
            .execute(connection)?;
    }
    Ok(upload)
}

/// A slice of an upload's bytes, or `NotFound`. `ordinal` begins at 0.
pub fn slice(connection: &mut DbConnection, digest: &str, ordinal: i32) -> QueryResult<Vec<u8>> {
    upload_slices::table.find((digest, ordinal)).select(upload_slices::bytes).first(connection)
}

/// The number of bytes of all uploads of an account.
pub fn length_of(connection: &mut DbConnection, user_id: i64) -> QueryResult<i64> {
    // Summed here, since PostgreSQL's sum of 64-bit integers is a NUMERIC.
    let lengths = uploads::table.filter(uploads::user_id.eq(user_id)).select(uploads::length);
    Ok(lengths.load::<i64>(connection)?.into_iter().sum())
}

/// Records which uploads a text uses. `before` is the text with the recorded ones.
pub fn note_uses(
    connection: &mut DbConnection,
    text: Text,
    before: &str,
    after: &str,
) -> QueryResult<()> {
    let (before, after) = (digests(before), digests(after));
    if before == after {
        return Ok(());
    }
    let (post, comment, note) = match text {
        Text::Post(id) => (Some(id), None, None),
        Text::Comment(id) => (None, Some(id), None),
        Text::Note(id) => (None, None, Some(id)),
    };
    if !before.is_empty() {
        let uses = upload_uses::table;
        match text {
            Text::Post(id) => {
                diesel::delete(uses.filter(upload_uses::post_id.eq(id))).execute(connection)?
            }
            Text::Comment(id) => {
                diesel::delete(uses.filter(upload_uses::comment_id.eq(id))).execute(connection)?
            }
            Text::Note(id) => {
                diesel::delete(uses.filter(upload_uses::note_id.eq(id))).execute(connection)?
            }
        };
    }
    for digest in after {
        diesel::insert_into(upload_uses::table)
            .values((
                upload_uses::digest.eq(digest),
                upload_uses::post_id.eq(post),
                upload_uses::comment_id.eq(comment),
                upload_uses::note_id.eq(note),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// True if a text uses an upload, or an old address leads to it.
macro_rules! is_used {
    () => {
        exists(upload_uses::table.filter(upload_uses::digest.eq(uploads::digest))).or(exists(
            old_addresses::table.filter(old_addresses::upload.eq(uploads::digest.nullable())),
        ))
    };
}

/// True if an upload must be kept: it is used, or a text in the bin or an unsaved text uses it.
macro_rules! is_kept {
    () => {
        is_used!()
            .or(exists(bin_upload_uses::table.filter(bin_upload_uses::digest.eq(uploads::digest))))
            .or(exists(copy_uploads::table.filter(copy_uploads::digest.eq(uploads::digest))))
            .or(exists(
                bin_copy_uploads::table.filter(bin_copy_uploads::digest.eq(uploads::digest)),
            ))
    };
}

/// Records which uploads a working copy uses.
pub fn note_uses_of_copy(connection: &mut DbConnection, copy: i64, text: &str) -> QueryResult<()> {
    for digest in digests(text) {
        diesel::insert_into(copy_uploads::table)
            .values((copy_uploads::copy_id.eq(copy), copy_uploads::digest.eq(digest)))
            .execute(connection)?;
    }
    Ok(())
}

/// At most `limit` used uploads with digests above `after`, by digest, each with its account.
pub fn used(
    connection: &mut DbConnection,
    after: &str,
    limit: usize,
) -> QueryResult<Vec<(Upload, Option<i64>)>> {
    uploads::table
        .filter(uploads::digest.gt(after))
        .filter(is_used!())
        .order(uploads::digest)
        .limit(limit as i64)
        .select((Upload::as_select(), uploads::user_id))
        .load(connection)
}

/// Makes an account the owner of an upload that has none.
pub fn adopt(connection: &mut DbConnection, digest: &str, user_id: i64) -> QueryResult<()> {
    let found = uploads::table.find(digest).filter(uploads::user_id.is_null());
    diesel::update(found).set(uploads::user_id.eq(user_id)).execute(connection).map(drop)
}

/// Records since when uploads are unused, deletes at most `limit` of those that have been unused
/// for a day, and returns how many.
pub fn sweep(connection: &mut DbConnection, at: NaiveDateTime, limit: i64) -> QueryResult<usize> {
    let unused = uploads::table.filter(uploads::unused_at.is_null().and(not(is_kept!())));
    diesel::update(unused).set(uploads::unused_at.eq(at)).execute(connection)?;
    let used = uploads::table.filter(uploads::unused_at.is_not_null().and(is_kept!()));
    diesel::update(used).set(uploads::unused_at.eq(None::<NaiveDateTime>)).execute(connection)?;
    let due = uploads::table
        .filter(uploads::unused_at.lt(at - KEPT))
        .select(uploads::digest)
        .limit(limit)
        .load::<String>(connection)?;
    let still_due = uploads::table
        .filter(uploads::digest.eq_any(due))
        .filter(uploads::unused_at.lt(at - KEPT))
        .filter(not(is_kept!()));
    diesel::delete(still_due).execute(connection)
}
