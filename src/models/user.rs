//! Users: changesets, the row, its queries. What a password's hash is made of is `accounts`'.

use std::fmt;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use serde::Serialize;

use super::rfc3339;
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::connection::{DbConnection, with_variant};
use crate::schema::users;

/// ASCII, as its form asks for, so that no two names look the same.
const USERNAME: Text = Text { required: true, min: 3, max: 40, max_bytes: 400, single_line: true };
/// The longest address that mail servers accept.
const EMAIL: Text = Text { required: false, min: 1, max: 254, max_bytes: 1016, single_line: true };
const PASSWORD: Text =
    Text { required: true, min: 10, max: usize::MAX, max_bytes: 1024, single_line: false };
/// The bound on names and passwords in a sign-in; values that no account can have are just wrong.
const TRIED: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: 1024, single_line: false };

/// A user's role on the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Writes comments.
    Commenter,
    /// Writes posts and notes, too.
    Member,
    /// Runs the site: may change everything.
    Admin,
}

impl Role {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Commenter => "commenter",
            Role::Member => "member",
            Role::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(word: &str) -> Option<Role> {
        [Role::Commenter, Role::Member, Role::Admin].into_iter().find(|role| role.as_str() == word)
    }

    /// The role that a row has. The table's CHECK lets no other word in; a commenter may do least.
    fn of(column: &str) -> Role {
        Role::parse(column).unwrap_or(Role::Commenter)
    }
}

/// A user, as the API shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Never given to another user.
    pub id: i64,
    /// 3 to 40 letters, digits, `.`, `-` and `_`; nobody else has it in other letter cases.
    pub username: String,
    /// The role.
    pub role: Role,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    pub inserted_at: NaiveDateTime,
}

impl User {
    /// The name in lower case, in which nobody else has it.
    pub fn folded_username(&self) -> String {
        fold(&self.username)
    }
}

/// A password as it was typed; shown nowhere, whoever prints what holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// For hashing it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The fields of a new user, validated.
#[derive(Clone, Debug)]
pub struct NewUser {
    username: String,
    email: Option<String>,
    /// To be hashed.
    pub password: Password,
}

impl NewUser {
    /// Validates the fields of a new user.
    pub fn changeset(params: &Params) -> Result<NewUser, Errors> {
        let mut changeset = Changeset::new(params, Mode::Create);
        let username = changeset.text("username", USERNAME);
        let username = changeset.format(
            "username",
            username,
            |name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
            "should have only letters (a to z), digits, '.', '-' and '_'",
        );
        let email = changeset.text("email", EMAIL);
        let email = changeset.format("email", email, is_email, "is invalid");
        let password = changeset.text("password", PASSWORD).map(Password);
        changeset.finish(|| {
            let email = email.map(|email| email.to_lowercase());
            Some(NewUser { username: username?, email, password: password? })
        })
    }
}

/// One `@` with something on both sides, and nothing that would end the address. Only a message
/// that arrives proves more.
fn is_email(text: &str) -> bool {
    let parts = text
        .split_once('@')
        .filter(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    parts.is_some() && !text.contains(|c: char| c.is_whitespace() || "<>()[],;:\\\"".contains(c))
}

/// A user name and a password, validated.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name, in lower case.
    pub folded_username: String,
    /// The password that is tried.
    pub password: Password,
}

impl Credentials {
    /// Takes both, which must be there. Whether they are right is not asked here.
    pub fn changeset(params: &Params) -> Result<Credentials, Errors> {
        let mut changeset = Changeset::new(params, Mode::Create);
        let username = changeset.text("username", TRIED);
        let password = changeset.text("password", TRIED).map(Password);
        changeset
            .finish(|| Some(Credentials { folded_username: fold(&username?), password: password? }))
    }
}

fn fold(username: &str) -> String {
    username.to_ascii_lowercase()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct Row {
    id: i64,
    username: String,
    role: String,
    inserted_at: NaiveDateTime,
}

impl From<Row> for User {
    fn from(row: Row) -> User {
        User {
            id: row.id,
            username: row.username,
            role: Role::of(&row.role),
            inserted_at: row.inserted_at,
        }
    }
}

/// The user of that name in lower case and the password's hash, if there is one.
pub fn by_name(
    connection: &mut DbConnection,
    folded_username: &str,
) -> QueryResult<Option<(User, String)>> {
    let found = users::table
        .filter(users::folded_username.eq(folded_username))
        .select((Row::as_select(), users::password_hash))
        .first::<(Row, String)>(connection)
        .optional()?;
    Ok(found.map(|(row, hash)| (row.into(), hash)))
}

/// Inserts a user. The inner error: the name or the address is another's, also when that one came
/// only now; the transaction must then be rolled back.
pub fn insert(
    connection: &mut DbConnection,
    new: NewUser,
    password_hash: &str,
    role: Role,
    at: NaiveDateTime,
) -> QueryResult<Result<User, Errors>> {
    let row = (
        users::username.eq(&new.username),
        users::folded_username.eq(fold(&new.username)),
        users::email.eq(&new.email),
        users::password_hash.eq(password_hash),
        users::role.eq(role.as_str()),
        users::inserted_at.eq(at),
    );
    let inserted = with_variant!(connection, c => {
        diesel::insert_into(users::table).values(row).returning(users::id).get_result(c)
    });
    match inserted {
        Ok(id) => Ok(Ok(User { id, username: new.username, role, inserted_at: at })),
        Err(error) => match taken(&error) {
            Some(field) => {
                let mut errors = Errors::default();
                errors.add(field, "has already been taken");
                Ok(Err(errors))
            }
            None => Err(error),
        },
    }
}

/// The field that another user has the same of.
fn taken(error: &Error) -> Option<&'static str> {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told) = error else { return None };
    // PostgreSQL names the constraint, SQLite the column in its message.
    let what = told.constraint_name().unwrap_or_else(|| told.message());
    ["username", "email"].into_iter().find(|field| what.contains(field))
}
