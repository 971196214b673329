//! Users: changesets, the row, its queries. `accounts` owns the hashing of passwords.

use std::collections::HashMap;
use std::fmt;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use schemars::JsonSchema;
use serde::Serialize;

use unicode_security::skeleton;

use super::sign_in::{self, Which};
use super::{Time, rfc3339};
pub use crate::access::Role;
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::connection::{DbConnection, with_variant};
use crate::schema::users;

/// The rules of a user name. Its format allows ASCII only, so that no two names look the same.
pub const USERNAME: Text =
    Text { required: true, min: 3, max: 40, max_bytes: 400, single_line: true };
/// The rules of an email address. 254 characters are the most that mail servers accept.
pub const EMAIL: Text =
    Text { required: false, min: 1, max: 254, max_bytes: 1016, single_line: true };
/// The rules of a password.
pub const PASSWORD: Text =
    Text { required: true, min: 10, max: usize::MAX, max_bytes: 1024, single_line: false };
/// The rules of names and passwords in a sign-in. They are only bounds: values that no account can
/// have are wrong, not invalid.
pub const TRIED: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: 1024, single_line: false };

/// A user, as the API shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct User {
    /// Never reused for another user.
    pub id: i64,
    /// 3 to 40 letters, digits, `.`, `-` and `_`. Unique, regardless of case.
    pub username: String,
    /// Its role.
    pub role: Role,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
    pub inserted_at: NaiveDateTime,
}

impl User {
    /// The name in lower case, which is unique.
    pub fn folded_username(&self) -> String {
        fold(&self.username)
    }
}

/// A password as it was typed. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Its bytes, to hash them.
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
    /// The password, to be hashed.
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
        let username = changeset.format(
            "username",
            username,
            |name| name.bytes().any(|byte| byte.is_ascii_alphanumeric()),
            "should have a letter or a digit",
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

impl NewUser {
    /// Fails if the name is reserved.
    pub fn refuse_reserved(&self) -> Result<(), Errors> {
        let mut errors = Errors::default();
        if is_reserved(&self.username) {
            errors.add("username", "is reserved");
            return Err(errors);
        }
        Ok(())
    }
}

/// Whether a text has one `@` with something on both sides, and no character that would end an
/// address. Only a message that arrives proves more.
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
    /// The password to check.
    pub password: Password,
}

impl Credentials {
    /// Validates that both are given. This does not check whether they are right.
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

/// The skeleton of a name: names that people could confuse have the same one.
pub fn looks(name: &str) -> String {
    let once: String = skeleton(name).collect();
    skeleton(&once.to_lowercase()).collect()
}

/// The skeleton of a name of any characters, without blank characters and dots above letters.
fn looks_bare(name: &str) -> String {
    const BRAILLE_BLANK: char = '\u{2800}';
    const DOT_ABOVE: char = '\u{307}';
    let is_seen = |c: &char| !c.is_whitespace() && ![BRAILLE_BLANK, DOT_ABOVE].contains(c);
    looks(name).chars().filter(is_seen).collect()
}

/// The error of a name that somebody without an account gives: the name is blank, changes the
/// direction of the text around it, or is reserved.
pub fn refusal_of_guest(name: &str) -> Option<&'static str> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match looks_bare(name) {
        bare if bare.is_empty() => Some("can't be blank"),
        _ if name.contains(turns) => Some("is invalid"),
        _ if is_reserved(name) => Some("is reserved"),
        _ => None,
    }
}

/// Names that readers would take for the site's own.
const RESERVED: [&str; 31] = [
    "abuse",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "contact",
    "deleted",
    "everyone",
    "guest",
    "help",
    "hostmaster",
    "info",
    "kilonova",
    "mail",
    "moderator",
    "nobody",
    "noreply",
    "null",
    "official",
    "owner",
    "postmaster",
    "root",
    "security",
    "site",
    "staff",
    "support",
    "system",
    "undefined",
    "unknown",
    "webmaster",
    "www",
];

/// Whether a name is that of an account, or could be confused with one.
pub fn is_taken(connection: &mut DbConnection, name: &str) -> QueryResult<bool> {
    let known = users::table.filter(
        users::folded_username.eq(fold(name.trim())).or(users::skeleton.eq(looks_bare(name))),
    );
    diesel::select(diesel::dsl::exists(known)).get_result(connection)
}

/// Whether a name is reserved, or could be confused with one that is.
pub fn is_reserved(name: &str) -> bool {
    // An upper-case `I` looks like an `l`, but is read as an `i`. Both forms are checked.
    let (as_typed, lower) = (looks_bare(name), looks_bare(&name.to_lowercase()));
    RESERVED.iter().map(|reserved| looks(reserved)).any(|it| it == as_typed || it == lower)
}

/// Stores the skeletons of names from older versions. If two names have the same skeleton, only the
/// first account gets it, and both keep their names.
pub fn fill_skeletons(connection: &mut DbConnection) -> QueryResult<()> {
    let unknown: Vec<(i64, String)> = users::table
        .filter(users::skeleton.is_null())
        .order(users::id)
        .select((users::id, users::username))
        .load(connection)?;
    for (id, name) in unknown {
        let known = users::table.filter(users::skeleton.eq(looks(&name)));
        let is_known: bool = diesel::select(diesel::dsl::exists(known)).get_result(connection)?;
        if !is_known {
            diesel::update(users::table.find(id))
                .set(users::skeleton.eq(looks(&name)))
                .execute(connection)?;
        }
    }
    Ok(())
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

/// The names of these users.
pub fn names(connection: &mut DbConnection, ids: Vec<i64>) -> QueryResult<HashMap<i64, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = users::table.filter(users::id.eq_any(ids)).select((users::id, users::username));
    Ok(found.load::<(i64, String)>(connection)?.into_iter().collect())
}

/// The name of the user with this id, if there is one.
pub fn name_of(connection: &mut DbConnection, id: Option<i64>) -> QueryResult<Option<String>> {
    let Some(id) = id else { return Ok(None) };
    users::table.find(id).select(users::username).first(connection).optional()
}

/// Whether an account shows its name to those who read the same post.
pub fn shows_presence(connection: &mut DbConnection, id: i64) -> QueryResult<bool> {
    users::table.find(id).select(users::shows_presence).first(connection)
}

/// Shows or hides an account's name to those who read the same post, and closes the account's
/// sockets, which were opened with the old setting. Returns the number of affected sign-ins, which
/// is 0 if the setting is the same. Must run in a transaction that touches existing rows.
pub fn set_shows_presence(
    connection: &mut DbConnection,
    id: i64,
    shown: bool,
) -> QueryResult<usize> {
    let other = users::table.find(id).filter(users::shows_presence.ne(shown));
    match diesel::update(other).set(users::shows_presence.eq(shown)).execute(connection)? {
        0 => Ok(0),
        _ => sign_in::close_sockets(connection, id),
    }
}

/// The user with that name in any case, disabled or not.
pub fn named(connection: &mut DbConnection, name: &str) -> QueryResult<Option<User>> {
    let found = users::table.filter(users::folded_username.eq(fold(name)));
    let row = found.select(Row::as_select()).first::<Row>(connection).optional()?;
    Ok(row.map(User::from))
}

/// The user with that lower-case name, and the password's hash. `None` if there is none, or if it
/// is disabled.
pub fn by_name(
    connection: &mut DbConnection,
    folded_username: &str,
) -> QueryResult<Option<(User, String)>> {
    let found = users::table
        .filter(users::folded_username.eq(folded_username))
        .filter(users::disabled_at.is_null())
        .select((Row::as_select(), users::password_hash))
        .first::<(Row, String)>(connection)
        .optional()?;
    Ok(found.map(|(row, hash)| (row.into(), hash)))
}

/// The role of an account; `None` if it is disabled or does not exist.
pub fn role(connection: &mut DbConnection, id: i64) -> QueryResult<Option<Role>> {
    let found = users::table.find(id).filter(users::disabled_at.is_null());
    let row = found.select(Row::as_select()).first::<Row>(connection).optional()?;
    Ok(row.map(|row| User::from(row).role))
}

/// Inserts a user. The inner error means that the name or the email address is taken, even by a
/// concurrent insert; the transaction must then be rolled back.
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
        users::skeleton.eq(looks(&new.username)),
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

/// The field whose value another user already has.
fn taken(error: &Error) -> Option<&'static str> {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told) = error else { return None };
    // PostgreSQL names the constraint, SQLite the column in its message.
    let what = told.constraint_name().unwrap_or_else(|| told.message());
    let fields = [("username", "username"), ("skeleton", "username"), ("email", "email")];
    fields.into_iter().find(|(column, _)| what.contains(column)).map(|(_, field)| field)
}

/// An account, as administrators see it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ManagedUser")]
pub struct Listed {
    /// The account.
    #[serde(flatten)]
    pub user: User,
    /// Whether it is disabled: nobody can sign in to it.
    pub disabled: bool,
}

/// An account's name in lower case, or `NotFound`.
pub fn folded_name(connection: &mut DbConnection, id: i64) -> QueryResult<String> {
    users::table.find(id).select(users::folded_username).first(connection)
}

/// The account with that lower-case name, disabled or not.
pub fn listed(connection: &mut DbConnection, folded_username: &str) -> QueryResult<Option<Listed>> {
    let found = users::table
        .filter(users::folded_username.eq(folded_username))
        .select((Row::as_select(), users::disabled_at.is_not_null()))
        .first::<(Row, bool)>(connection)
        .optional()?;
    Ok(found.map(|(row, disabled)| Listed { user: row.into(), disabled }))
}

/// All accounts, by name.
pub fn list(connection: &mut DbConnection) -> QueryResult<Vec<Listed>> {
    let rows = users::table
        .order(users::folded_username)
        .select((Row::as_select(), users::disabled_at.is_not_null()))
        .load::<(Row, bool)>(connection)?;
    Ok(rows.into_iter().map(|(row, disabled)| Listed { user: row.into(), disabled }).collect())
}

impl Listed {
    /// Whether it is an admin who can sign in.
    pub fn is_admin(&self) -> bool {
        self.user.role == Role::Admin && !self.disabled
    }
}

/// A change of an account. `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// The new role.
    pub role: Option<Role>,
    /// Whether to disable or to enable it.
    pub disabled: Option<bool>,
}

impl Change {
    /// Validates the fields of a change: `role` and `disabled`, both optional.
    pub fn changeset(params: &Params) -> Result<Change, Errors> {
        let mut changeset = Changeset::new(params, Mode::Update);
        let role = changeset.one_of("role", Role::parse);
        let disabled = changeset.boolean("disabled");
        changeset.finish(|| Some(Change { role, disabled }))
    }
}

/// Changes an account. A new role closes its sockets; disabling it ends all its sign-ins. Must run
/// in a transaction that touches existing rows.
pub fn change(
    connection: &mut DbConnection,
    account: &Listed,
    change: Change,
    at: NaiveDateTime,
) -> QueryResult<Listed> {
    let mut after = account.clone();
    let id = account.user.id;
    if let Some(role) = change.role.filter(|role| *role != account.user.role) {
        diesel::update(users::table.find(id))
            .set(users::role.eq(role.as_str()))
            .execute(connection)?;
        sign_in::close_sockets(connection, id)?;
        after.user.role = role;
    }
    if let Some(disabled) = change.disabled.filter(|disabled| *disabled != account.disabled) {
        diesel::update(users::table.find(id))
            .set(users::disabled_at.eq(disabled.then_some(at)))
            .execute(connection)?;
        if disabled {
            sign_in::end_of_user(connection, id, Which::All)?;
        }
        after.disabled = disabled;
    }
    Ok(after)
}

/// Whether there is an enabled admin other than this account.
pub fn has_other_admin(connection: &mut DbConnection, id: i64) -> QueryResult<bool> {
    let others = users::table
        .filter(users::role.eq(Role::Admin.as_str()))
        .filter(users::disabled_at.is_null())
        .filter(users::id.ne(id));
    diesel::select(diesel::dsl::exists(others)).get_result(connection)
}

/// Replaces a password. The caller decides which sign-ins end.
pub fn set_password(
    connection: &mut DbConnection,
    id: i64,
    password_hash: &str,
) -> QueryResult<()> {
    diesel::update(users::table.find(id))
        .set(users::password_hash.eq(password_hash))
        .execute(connection)?;
    Ok(())
}

/// The hash of an account's password, unless the account is disabled.
pub fn password_hash(connection: &mut DbConnection, id: i64) -> QueryResult<Option<String>> {
    users::table
        .find(id)
        .filter(users::disabled_at.is_null())
        .select(users::password_hash)
        .first(connection)
        .optional()
}

/// Validates a new password: at least 10 characters, at most 1,024 bytes.
pub fn new_password(changeset: &mut Changeset<'_>, field: &'static str) -> Option<Password> {
    changeset.text(field, PASSWORD).map(Password)
}

/// Validates a password that is to be checked.
pub fn tried_password(changeset: &mut Changeset<'_>, field: &'static str) -> Option<Password> {
    changeset.text(field, TRIED).map(Password)
}
