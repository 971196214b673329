//! Uploads: pictures in texts, and files that an import brought. Owns their rows, their bytes, and
//! which texts have them; what is let in is `pictures`' and the controllers'.
//!
//! The bytes are in the database, in slices, on either kind: they are written and deleted with the
//! rows that tell of them, every node has them, and so has every dump and every copy.

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

/// The beginning of the paths of uploads.
pub const ROOT: &str = "/uploads/";

/// The bytes of a slice.
pub const SLICE: usize = 256 * 1024;

/// The digits of a digest: 160 bits, of which no two files share all.
const DIGITS: usize = 40;

/// The most uploads that count as a text's.
const MAX_USES: usize = 1000;

/// How long an upload stays that no text has.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// The media type of a file that is none of the pictures, and the ending of its path.
const ANY: &str = "application/octet-stream";
const FILE: &str = "bin";

/// An upload without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
pub struct Upload {
    /// The first 160 bits of the SHA-256 of its bytes, in hexadecimal digits.
    pub digest: String,
    /// One of the pictures', or any other of a file.
    pub media_type: String,
    /// The file name for readers who save it, if it is no picture.
    pub name: Option<String>,
    /// In pixels.
    pub width: Option<i32>,
    /// In pixels.
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
    /// A picture, which is shown.
    pub fn picture(picture: Picture, user_id: Option<i64>) -> NewUpload {
        // No side has more pixels than fit: `pictures` sees to it.
        let [width, height] = [picture.width, picture.height].map(|side| i32::try_from(side).ok());
        let media_type = picture.format.media_type();
        let new = NewUpload::new(picture.bytes, media_type, None);
        NewUpload { upload: Upload { width, height, ..new.upload }, user_id, ..new }
    }

    /// Any other file, which is saved under this name.
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

/// A text that may have uploads.
#[derive(Clone, Copy, Debug)]
pub enum Text {
    /// The body of the post of this id.
    Post(i64),
    /// Of a comment.
    Comment(i64),
    /// Of a note.
    Note(i64),
}

/// The name of a file by its content.
fn digest(bytes: &[u8]) -> String {
    let mut digest = HEXLOWER.encode(&Sha256::digest(bytes));
    digest.truncate(DIGITS);
    digest
}

/// Whether a text can be a digest.
pub fn is_digest(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == DIGITS && text.bytes().all(is_digit)
}

/// The site's own path of an upload, from an address that ends with one, perhaps below the path of a
/// site.
pub fn own(address: &str) -> Option<&str> {
    let path = address.split(['?', '#']).next()?;
    let start = path.rfind(ROOT)?;
    let (digest, ending) = path[start + ROOT.len()..].split_at_checked(DIGITS)?;
    let is_one = is_digest(digest) && ending.starts_with('.') && !ending.contains('/');
    is_one.then(|| &address[start..])
}

/// The path of the first upload in a text that is a picture.
pub fn first_picture(text: &str) -> Option<String> {
    text.split(ROOT).skip(1).find_map(|rest| {
        let (digest, rest) = rest.split_at_checked(DIGITS)?;
        let end = rest.strip_prefix('.').filter(|_| is_digest(digest))?;
        let extension = end.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        let is_picture = Format::of_extension(extension).is_some();
        is_picture.then(|| format!("{ROOT}{digest}.{extension}"))
    })
}

/// The digests of the uploads in a text, in their order, each once; the first thousand.
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

    /// The last part of its path.
    pub fn file_name(&self) -> String {
        let extension = Format::of_media_type(&self.media_type).map_or(FILE, Format::extension);
        format!("{}.{extension}", self.digest)
    }

    /// How many slices its bytes are in.
    pub fn slices(&self) -> i32 {
        let length = usize::try_from(self.length).unwrap_or_default();
        i32::try_from(length.div_ceil(SLICE)).unwrap_or(i32::MAX)
    }
}

/// The upload with this digest, if there is one.
pub fn find(connection: &mut DbConnection, digest: &str) -> QueryResult<Option<Upload>> {
    uploads::table.find(digest).select(Upload::as_select()).first(connection).optional()
}

/// The upload with this digest, if there is one: it stays for another day at least.
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

/// Inserts an upload that is not there.
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

/// A slice of an upload's bytes, from 0; or `NotFound`.
pub fn slice(connection: &mut DbConnection, digest: &str, ordinal: i32) -> QueryResult<Vec<u8>> {
    upload_slices::table.find((digest, ordinal)).select(upload_slices::bytes).first(connection)
}

/// The bytes of all uploads of an account.
pub fn length_of(connection: &mut DbConnection, user_id: i64) -> QueryResult<i64> {
    // The sum of 64-bit integers is a NUMERIC in PostgreSQL.
    let lengths = uploads::table.filter(uploads::user_id.eq(user_id)).select(uploads::length);
    Ok(lengths.load::<i64>(connection)?.into_iter().sum())
}

/// Notes which uploads a text has, where it had those of `before`.
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

/// True where a text has it, or an old address leads to it.
macro_rules! is_used {
    () => {
        exists(upload_uses::table.filter(upload_uses::digest.eq(uploads::digest))).or(exists(
            old_addresses::table.filter(old_addresses::upload.eq(uploads::digest.nullable())),
        ))
    };
}

/// True where it stays: it is used, or a text in the bin has it, or one that is not saved yet.
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

/// Notes which uploads a working copy has.
pub fn note_uses_of_copy(connection: &mut DbConnection, copy: i64, text: &str) -> QueryResult<()> {
    for digest in digests(text) {
        diesel::insert_into(copy_uploads::table)
            .values((copy_uploads::copy_id.eq(copy), copy_uploads::digest.eq(digest)))
            .execute(connection)?;
    }
    Ok(())
}

/// At most `limit` uploads that are used, with their accounts, of digests above `after`, by digest.
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

/// Has an account be the owner of an upload that has none.
pub fn adopt(connection: &mut DbConnection, digest: &str, user_id: i64) -> QueryResult<()> {
    let found = uploads::table.find(digest).filter(uploads::user_id.is_null());
    diesel::update(found).set(uploads::user_id.eq(user_id)).execute(connection).map(drop)
}

/// Notes since when uploads are unused, and deletes at most `limit` of those that have been for a
/// day. How many were deleted.
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
