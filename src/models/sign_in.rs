//! Sign-ins: which account a browser's token stands for. Only the browser has the token; the row
//! has its digest.

use std::fmt;

use chrono::{NaiveDateTime, TimeDelta};
use data_encoding::HEXLOWER;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use sha2::{Digest, Sha256};

use super::now;
use super::user::{Row, User};
use crate::connection::DbConnection;
use crate::schema::{sessions, users};

/// How long a sign-in lasts.
pub const LASTS: TimeDelta = TimeDelta::days(30);

/// The most sign-ins that one user has; another ends the oldest.
pub const PER_USER: i64 = 100;

/// 256 random bits that nobody guesses. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// A new one, from the operating system's own generator.
    pub fn random() -> Result<Token, SysError> {
        let mut bytes = [0; 32];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Token(bytes))
    }

    /// The token that a browser sends: 64 hexadecimal digits, as `secret` writes them.
    pub fn parse(text: &str) -> Option<Token> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Token)
    }

    /// The cookie's value.
    pub fn secret(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The row's key. A token has so many bits that a plain hash protects it, and the time of a
    /// look-up by digest reveals nothing of the token.
    fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The user of a token, unless the sign-in has expired or the user is gone.
pub fn user(connection: &mut DbConnection, token: &Token) -> QueryResult<Option<User>> {
    let found = sessions::table
        .inner_join(users::table)
        .filter(sessions::token_digest.eq(token.digest()))
        .filter(sessions::expires_at.gt(now()))
        .select(Row::as_select())
        .first::<Row>(connection)
        .optional()?;
    Ok(found.map(User::from))
}

/// Signs a user in with a new token, for [`LASTS`]. False when the user is gone; the transaction
/// must then be rolled back.
pub fn insert(
    connection: &mut DbConnection,
    token: &Token,
    user_id: i64,
    at: NaiveDateTime,
) -> QueryResult<bool> {
    let inserted = diesel::insert_into(sessions::table)
        .values((
            sessions::token_digest.eq(token.digest()),
            sessions::user_id.eq(user_id),
            sessions::inserted_at.eq(at),
            sessions::expires_at.eq(at + LASTS),
        ))
        .execute(connection);
    match inserted {
        Ok(_) => {}
        Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => return Ok(false),
        Err(error) => return Err(error),
    }
    let ended: Vec<String> = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .order((sessions::inserted_at.desc(), sessions::token_digest))
        .offset(PER_USER)
        .limit(PER_USER)
        .select(sessions::token_digest)
        .load(connection)?;
    if !ended.is_empty() {
        diesel::delete(sessions::table.filter(sessions::token_digest.eq_any(ended)))
            .execute(connection)?;
    }
    Ok(true)
}

/// Ends a sign-in; nothing when there is none.
pub fn delete(connection: &mut DbConnection, token: &Token) -> QueryResult<()> {
    diesel::delete(sessions::table.find(token.digest())).execute(connection)?;
    Ok(())
}

/// Deletes the sign-ins that have expired.
pub fn prune(connection: &mut DbConnection) -> QueryResult<usize> {
    diesel::delete(sessions::table.filter(sessions::expires_at.le(now()))).execute(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_way_to_the_browser_and_back() {
        let token = Token::random().expect("random bytes");
        assert_ne!(token, Token::random().expect("random bytes"));
        let secret = token.secret();
        assert_eq!(Token::parse(&secret), Some(token.clone()));
        assert_ne!(token.digest(), secret);
        assert!(!format!("{token:?}").contains(&secret[..8]));
        for none in ["", "00", &secret[1..], &secret.to_uppercase(), &format!("{secret}00")] {
            // By chance a token is all digits, and then there is no other case.
            assert!(Token::parse(none).is_none() || none == secret, "{none}");
        }
    }
}
