//! Links with which people without an account can read a draft. The token is only in the link; the
//! row has its digest. Owns how long a link is valid; `access` and the controllers own who may make
//! one.

use std::fmt;

use chrono::{NaiveDateTime, TimeDelta};
use data_encoding::HEXLOWER;
use diesel::prelude::*;
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use sha2::{Digest, Sha256};

use crate::connection::DbConnection;
use crate::schema::draft_links;

/// The prefix of the links' paths.
pub const ROOT: &str = "/drafts/";

/// How long a link is valid.
pub const LASTS: TimeDelta = TimeDelta::days(30);

/// A secret of 128 random bits. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 16]);

impl Token {
    /// A new token, from the operating system's random number generator.
    pub fn random() -> Result<Token, SysError> {
        let mut bytes = [0; 16];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Token(bytes))
    }

    /// Parses the token in a link: 32 hexadecimal digits, as `path` writes them.
    pub fn parse(text: &str) -> Option<Token> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Token)
    }

    /// The path of its link.
    pub fn path(&self) -> String {
        format!("{ROOT}{}", HEXLOWER.encode(&self.0))
    }

    /// The row's key. A plain hash is enough to protect a token of this many bits.
    fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A link, as those who may change the post see it.
#[derive(Clone, Debug, Queryable, Selectable)]
pub struct DraftLink {
    /// Its id.
    pub id: i64,
    /// UTC.
    pub inserted_at: NaiveDateTime,
    /// UTC.
    pub expires_at: NaiveDateTime,
}

/// Adds a link to a post.
pub fn insert(
    connection: &mut DbConnection,
    token: &Token,
    post_id: i64,
    at: NaiveDateTime,
) -> QueryResult<()> {
    diesel::insert_into(draft_links::table)
        .values((
            draft_links::token_digest.eq(token.digest()),
            draft_links::post_id.eq(post_id),
            draft_links::inserted_at.eq(at),
            draft_links::expires_at.eq(at + LASTS),
        ))
        .execute(connection)
        .map(drop)
}

/// The valid links of a post, oldest first.
pub fn of_post(
    connection: &mut DbConnection,
    post_id: i64,
    at: NaiveDateTime,
) -> QueryResult<Vec<DraftLink>> {
    draft_links::table
        .filter(draft_links::post_id.eq(post_id))
        .filter(draft_links::expires_at.gt(at))
        .order(draft_links::id)
        .select(DraftLink::as_select())
        .load(connection)
}

/// The post that a link leads to, if the link is valid.
pub fn post_of(
    connection: &mut DbConnection,
    token: &Token,
    at: NaiveDateTime,
) -> QueryResult<Option<i64>> {
    draft_links::table
        .filter(draft_links::token_digest.eq(token.digest()))
        .filter(draft_links::expires_at.gt(at))
        .select(draft_links::post_id)
        .first(connection)
        .optional()
}

/// Ends a link of a post, or returns `NotFound`.
pub fn revoke(connection: &mut DbConnection, post_id: i64, id: i64) -> QueryResult<()> {
    let link = draft_links::table.find(id).filter(draft_links::post_id.eq(post_id));
    match diesel::delete(link).execute(connection)? {
        0 => Err(diesel::NotFound),
        _ => Ok(()),
    }
}

/// Ends all links of a post.
pub fn end_all(connection: &mut DbConnection, post_id: i64) -> QueryResult<()> {
    let links = draft_links::table.filter(draft_links::post_id.eq(post_id));
    diesel::delete(links).execute(connection).map(drop)
}

/// Deletes the expired links.
pub fn prune(connection: &mut DbConnection, at: NaiveDateTime) -> QueryResult<()> {
    let ended = draft_links::table.filter(draft_links::expires_at.le(at));
    diesel::delete(ended).execute(connection).map(drop)
}
