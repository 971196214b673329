//! Sign-ins: the account that a browser's cookie or a program's bearer token belongs to. Only the
//! client has the token; the row has its digest. Owns the ends of sign-ins too: the transaction
//! that ends a sign-in also numbers the end, so that every node can close its sockets.

use std::fmt;

use chrono::{NaiveDateTime, TimeDelta};
use data_encoding::HEXLOWER;
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Text;
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::user::{Row as UserRow, User};
use super::{Time, now, optional_rfc3339, rfc3339};
use crate::changeset::Text as Rules;
use crate::connection::{DbConnection, with_variant};
use crate::schema::{ended_sign_ins, sign_ins, users};

/// The name of the sign-in cookie over plain HTTP.
pub const COOKIE: &str = "kilonova_session";

/// The longest lifetime of a browser's sign-in.
pub const LASTS: TimeDelta = TimeDelta::days(90);

/// How long a browser's sign-in lasts without use.
pub const IDLE: TimeDelta = TimeDelta::days(14);

/// The precision of the time of last use.
pub const SEEN: TimeDelta = TimeDelta::minutes(5);

/// The most cookies and the most tokens of one user. A further cookie ends the oldest one.
pub const PER_USER: i64 = 100;

/// The rules of a bearer token's name.
pub const TOKEN_NAME: Rules =
    Rules { required: true, min: 1, max: 80, max_bytes: 320, single_line: true };

/// The longest `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 200;

/// How long the number of an end is kept. A node that has not read it by then finds a gap and
/// closes the sockets of all sign-ins.
const ENDS_KEPT: TimeDelta = TimeDelta::days(1);

/// The prefix of bearer tokens, which distinguishes them from other secrets.
const PREFIX: &str = "kilonova_";

/// A secret of 256 random bits. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// A new token, from the operating system's random number generator.
    pub fn random() -> Result<Token, SysError> {
        let mut bytes = [0; 32];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Token(bytes))
    }

    /// Parses the token that a browser sends: 64 hexadecimal digits, as `secret` writes them.
    pub fn parse(text: &str) -> Option<Token> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Token)
    }

    /// Parses the token that a program sends, as `bearer` writes it.
    pub fn parse_bearer(text: &str) -> Option<Token> {
        Token::parse(text.strip_prefix(PREFIX)?)
    }

    /// The cookie's value.
    pub fn secret(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// A bearer token's text.
    pub fn bearer(&self) -> String {
        format!("{PREFIX}{}", self.secret())
    }

    /// The row's key. A plain hash is enough to protect a token of this many bits, and the time
    /// that a lookup by digest takes reveals nothing about the token.
    fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The token with which a client authenticates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A browser's cookie.
    Cookie(Token),
    /// A program's bearer token.
    Bearer(Token),
}

impl Credential {
    fn token(&self) -> &Token {
        match self {
            Credential::Cookie(token) | Credential::Bearer(token) => token,
        }
    }

    /// Whether it is a bearer token.
    pub fn is_bearer(&self) -> bool {
        matches!(self, Credential::Bearer(_))
    }
}

/// A valid sign-in.
#[derive(Clone, Debug)]
pub struct Current {
    /// Its id.
    pub id: i64,
    /// The account that it belongs to.
    pub user: User,
    /// Whether the time of its last use must be updated.
    pub unseen: bool,
}

/// A browser's sign-in, as its user sees it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub struct SignIn {
    /// Its id.
    pub id: i64,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub inserted_at: NaiveDateTime,
    /// UTC, within five minutes.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub last_seen_at: NaiveDateTime,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
    /// Whether it is the sign-in that makes this request.
    pub current: bool,
}

/// A bearer token, as its user sees it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub struct BearerToken {
    /// Its id.
    pub id: i64,
    /// The name that its user gave it.
    pub name: String,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub inserted_at: NaiveDateTime,
    /// UTC, within five minutes; `null` until it is used.
    #[serde(serialize_with = "optional_rfc3339")]
    #[schemars(with = "Option<Time>")]
    pub last_used_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sign_ins)]
struct Row {
    id: i64,
    name: Option<String>,
    user_agent: Option<String>,
    inserted_at: NaiveDateTime,
    last_seen_at: Option<NaiveDateTime>,
}

/// The sign-in of a credential, unless it has expired or the account was deleted or disabled.
pub fn find(
    connection: &mut DbConnection,
    credential: &Credential,
) -> QueryResult<Option<Current>> {
    let now = now();
    let found = sign_ins::table
        .inner_join(users::table)
        .filter(sign_ins::token_digest.eq(credential.token().digest()))
        .filter(sign_ins::name.is_not_null().eq(credential.is_bearer()))
        .filter(sign_ins::expires_at.is_null().or(sign_ins::expires_at.gt(now)))
        .filter(users::disabled_at.is_null())
        .select((Row::as_select(), UserRow::as_select()))
        .first::<(Row, UserRow)>(connection)
        .optional()?;
    Ok(found.and_then(|(row, user)| {
        let seen = row.last_seen_at;
        if !credential.is_bearer() && seen.unwrap_or(row.inserted_at) + IDLE <= now {
            return None;
        }
        let unseen = seen.is_none_or(|seen| seen + SEEN <= now);
        Some(Current { id: row.id, user: user.into(), unseen })
    }))
}

/// Locks a credential's sign-in and its account against changes until the end of the transaction.
/// SQLite needs no locks, since it allows one writer at a time.
pub fn hold(connection: &mut DbConnection, credential: &Credential) -> QueryResult<()> {
    const HOLD: &str = "SELECT 1 FROM sign_ins s JOIN users u ON u.id = s.user_id \
                        WHERE s.token_digest = $1 FOR SHARE OF u FOR KEY SHARE OF s";
    if let DbConnection::Postgres(c) = connection {
        diesel::sql_query(HOLD).bind::<Text, _>(credential.token().digest()).execute(c)?;
    }
    Ok(())
}

/// Updates the time of a sign-in's last use.
pub fn touch(connection: &mut DbConnection, id: i64) -> QueryResult<()> {
    diesel::update(sign_ins::table.find(id))
        .set(sign_ins::last_seen_at.eq(now()))
        .execute(connection)?;
    Ok(())
}

/// Signs a browser in with a new token, for [`LASTS`]. Returns false if the user does not exist;
/// the transaction must then be rolled back.
pub fn insert(
    connection: &mut DbConnection,
    token: &Token,
    user_id: i64,
    user_agent: Option<&str>,
) -> QueryResult<bool> {
    let at = now();
    let user_agent = user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect::<String>());
    let inserted = diesel::insert_into(sign_ins::table)
        .values((
            sign_ins::token_digest.eq(token.digest()),
            sign_ins::user_id.eq(user_id),
            sign_ins::user_agent.eq(user_agent),
            sign_ins::inserted_at.eq(at),
            sign_ins::last_seen_at.eq(at),
            sign_ins::expires_at.eq(at + LASTS),
        ))
        .execute(connection);
    match inserted {
        Ok(_) => {}
        Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => return Ok(false),
        Err(error) => return Err(error),
    }
    let oldest: Vec<i64> = of_user(user_id, false)
        .order((sign_ins::inserted_at.desc(), sign_ins::id.desc()))
        .offset(PER_USER)
        .limit(PER_USER)
        .select(sign_ins::id)
        .load(connection)?;
    end(connection, &oldest)?;
    Ok(true)
}

/// Adds a bearer token with this name. Returns `None` if the user already has [`PER_USER`].
pub fn insert_bearer(
    connection: &mut DbConnection,
    token: &Token,
    user_id: i64,
    name: &str,
) -> QueryResult<Option<BearerToken>> {
    let count: i64 = of_user(user_id, true).count().get_result(connection)?;
    if count >= PER_USER {
        return Ok(None);
    }
    let at = now();
    let row = (
        sign_ins::token_digest.eq(token.digest()),
        sign_ins::user_id.eq(user_id),
        sign_ins::name.eq(name),
        sign_ins::inserted_at.eq(at),
    );
    let id = with_variant!(connection, c => {
        diesel::insert_into(sign_ins::table).values(row).returning(sign_ins::id).get_result(c)
    })?;
    let name = name.to_owned();
    Ok(Some(BearerToken { id, name, inserted_at: at, last_used_at: None }))
}

/// A user's browsers, most recently used first. `current` is the sign-in that makes the request.
pub fn of_browsers(
    connection: &mut DbConnection,
    user_id: i64,
    current: i64,
) -> QueryResult<Vec<SignIn>> {
    let now = now();
    let rows = of_user(user_id, false)
        .filter(sign_ins::expires_at.gt(now))
        .order((sign_ins::last_seen_at.desc(), sign_ins::id.desc()))
        .select(Row::as_select())
        .load::<Row>(connection)?;
    let seen = |row: &Row| row.last_seen_at.unwrap_or(row.inserted_at);
    let in_force = rows.into_iter().filter(|row| seen(row) + IDLE > now);
    Ok(in_force
        .map(|row| SignIn {
            id: row.id,
            inserted_at: row.inserted_at,
            last_seen_at: seen(&row),
            current: row.id == current,
            user_agent: row.user_agent,
        })
        .collect())
}

/// A user's bearer tokens, newest first.
pub fn of_programs(connection: &mut DbConnection, user_id: i64) -> QueryResult<Vec<BearerToken>> {
    let rows = of_user(user_id, true)
        .order(sign_ins::id.desc())
        .select(Row::as_select())
        .load::<Row>(connection)?;
    let token = |row: Row| BearerToken {
        id: row.id,
        name: row.name.unwrap_or_default(),
        inserted_at: row.inserted_at,
        last_used_at: row.last_seen_at,
    };
    Ok(rows.into_iter().map(token).collect())
}

/// A selection of a user's sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The browser's sign-in with this id.
    Browser(i64),
    /// The bearer token with this id.
    Program(i64),
    /// All browsers but this one.
    OtherBrowsers(i64),
    /// All browsers and bearer tokens but this one.
    Others(i64),
    /// All browsers and bearer tokens.
    All,
}

/// Ends some of a user's sign-ins, and returns how many. Must run in a transaction that touches
/// existing rows, so that the ends are numbered in the order of their commits.
pub fn end_of_user(
    connection: &mut DbConnection,
    user_id: i64,
    which: Which,
) -> QueryResult<usize> {
    let all = sign_ins::table.filter(sign_ins::user_id.eq(user_id)).select(sign_ins::id);
    let browsers = all.filter(sign_ins::name.is_null());
    let ids: Vec<i64> = match which {
        Which::All => all.load(connection)?,
        Which::Others(id) => all.filter(sign_ins::id.ne(id)).load(connection)?,
        Which::OtherBrowsers(id) => browsers.filter(sign_ins::id.ne(id)).load(connection)?,
        Which::Browser(id) => browsers.filter(sign_ins::id.eq(id)).load(connection)?,
        Which::Program(id) => {
            all.filter(sign_ins::name.is_not_null().and(sign_ins::id.eq(id))).load(connection)?
        }
    };
    end(connection, &ids)?;
    Ok(ids.len())
}

/// Whether there is a sign-in of this credential, valid or not.
pub fn exists(connection: &mut DbConnection, credential: &Credential) -> QueryResult<bool> {
    let of = sign_ins::token_digest.eq(credential.token().digest());
    diesel::select(diesel::dsl::exists(sign_ins::table.filter(of))).get_result(connection)
}

/// Ends the sign-in of a credential, if there is one. Must run in a transaction like that of
/// [`end_of_user`].
pub fn end_of(connection: &mut DbConnection, credential: &Credential) -> QueryResult<()> {
    let ids: Vec<i64> = sign_ins::table
        .filter(sign_ins::token_digest.eq(credential.token().digest()))
        .select(sign_ins::id)
        .load(connection)?;
    end(connection, &ids)
}

/// Closes the sockets of all sign-ins of a user whose permissions change, and returns the number of
/// sign-ins. Must run in a transaction like that of [`end_of_user`].
pub fn close_sockets(connection: &mut DbConnection, user_id: i64) -> QueryResult<usize> {
    let ids: Vec<i64> = sign_ins::table
        .filter(sign_ins::user_id.eq(user_id))
        .select(sign_ins::id)
        .load(connection)?;
    number(connection, &ids)?;
    Ok(ids.len())
}

/// Ends expired sign-ins, at most 1,000, and returns how many: no request would end them. Must run
/// in a transaction like that of [`end_of_user`].
pub fn prune(connection: &mut DbConnection) -> QueryResult<usize> {
    let now = now();
    let expired: Vec<i64> = sign_ins::table
        .filter(
            sign_ins::expires_at
                .le(now)
                .or(sign_ins::name.is_null().and(sign_ins::last_seen_at.le(now - IDLE))),
        )
        .select(sign_ins::id)
        .limit(1000)
        .load(connection)?;
    end(connection, &expired)?;
    // The newest stays, so that the numbers continue from there.
    let newest: Option<i64> =
        ended_sign_ins::table.select(max(ended_sign_ins::number)).first(connection)?;
    diesel::delete(
        ended_sign_ins::table
            .filter(ended_sign_ins::ended_at.lt(now - ENDS_KEPT))
            .filter(ended_sign_ins::number.lt(newest.unwrap_or(0))),
    )
    .execute(connection)?;
    Ok(expired.len())
}

/// The ends after a number, in order: each is the id of a sign-in and the number of its end.
pub fn ended_after(connection: &mut DbConnection, after: i64) -> QueryResult<Vec<(i64, i64)>> {
    ended_sign_ins::table
        .filter(ended_sign_ins::number.gt(after))
        .order(ended_sign_ins::number)
        .select((ended_sign_ins::sign_in_id, ended_sign_ins::number))
        .load(connection)
}

/// The number of the last end; 0 before the first.
pub fn last_end(connection: &mut DbConnection) -> QueryResult<i64> {
    let last: Option<i64> =
        ended_sign_ins::table.select(max(ended_sign_ins::number)).first(connection)?;
    Ok(last.unwrap_or(0))
}

fn end(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
    for some in ids.chunks(500) {
        diesel::delete(sign_ins::table.filter(sign_ins::id.eq_any(some.to_vec())))
            .execute(connection)?;
    }
    number(connection, ids)
}

fn number(connection: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let (first, at) = (last_end(connection)? + 1, now());
    for (some, base) in ids.chunks(500).zip((first..).step_by(500)) {
        let rows: Vec<_> = (base..)
            .zip(some)
            .map(|(number, id)| {
                (
                    ended_sign_ins::number.eq(number),
                    ended_sign_ins::sign_in_id.eq(*id),
                    ended_sign_ins::ended_at.eq(at),
                )
            })
            .collect();
        with_variant!(connection, c => {
            diesel::insert_into(ended_sign_ins::table).values(&rows).execute(c)
        })?;
    }
    Ok(())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of_user(user_id: i64, is_bearer: bool) -> _ {
    sign_ins::table
        .filter(sign_ins::user_id.eq(user_id))
        .filter(sign_ins::name.is_not_null().eq(is_bearer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_round_trip_to_the_client() {
        let token = Token::random().expect("random bytes");
        assert_ne!(token, Token::random().expect("random bytes"));
        let secret = token.secret();
        assert_eq!(Token::parse(&secret), Some(token.clone()));
        assert_eq!(Token::parse_bearer(&token.bearer()), Some(token.clone()));
        assert_eq!(Token::parse_bearer(&secret), None);
        assert_eq!(Token::parse(&token.bearer()), None);
        assert_ne!(token.digest(), secret);
        assert!(!format!("{token:?}").contains(&secret[..8]));
        for none in ["", "00", &secret[1..], &secret.to_uppercase(), &format!("{secret}00")] {
            // A token that happens to be all digits has no other letter case.
            assert!(Token::parse(none).is_none() || none == secret, "{none}");
        }
    }
}
