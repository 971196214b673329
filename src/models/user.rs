//! Users: changesets, the row, its queries. What a password's hash is made of is `accounts`'.

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

/// ASCII, as its form asks for, so that no two names look the same.
pub const USERNAME: Text =
    Text { required: true, min: 3, max: 40, max_bytes: 400, single_line: true };
/// The longest address that mail servers accept.
pub const EMAIL: Text =
    Text { required: false, min: 1, max: 254, max_bytes: 1016, single_line: true };
/// The rules of a password.
pub const PASSWORD: Text =
    Text { required: true, min: 10, max: usize::MAX, max_bytes: 1024, single_line: false };
/// The bound on names and passwords in a sign-in; values that no account can have are just wrong.
pub const TRIED: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: 1024, single_line: false };

/// A user, as the API shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct User {
    /// Never given to another user.
    pub id: i64,
    /// 3 to 40 letters, digits, `.`, `-` and `_`; nobody else has it in other letter cases.
    pub username: String,
    /// The role.
    pub role: Role,
    /// UTC.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "Time")]
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
    /// Refuses a name that nobody may give to themselves.
    pub fn refuse_reserved(&self) -> Result<(), Errors> {
        let mut errors = Errors::default();
        if is_reserved(&self.username) {
            errors.add("username", "is reserved");
            return Err(errors);
        }
        Ok(())
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

/// What a name looks like: names that people take for one another look the same.
pub fn looks(name: &str) -> String {
    let once: String = skeleton(name).collect();
    skeleton(&once.to_lowercase()).collect()
}

/// The same of a name of any characters, without what is blank or lies over a dot.
fn looks_bare(name: &str) -> String {
    const BRAILLE_BLANK: char = '\u{2800}';
    const DOT_ABOVE: char = '\u{307}';
    let is_seen = |c: &char| !c.is_whitespace() && ![BRAILLE_BLANK, DOT_ABOVE].contains(c);
    looks(name).chars().filter(is_seen).collect()
}

/// What is wrong with a name that somebody without an account gives: it shows nothing, turns the text
/// around it, or seems to be the site's.
pub fn refusal_of_guest(name: &str) -> Option<&'static str> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match looks_bare(name) {
        bare if bare.is_empty() => Some("can't be blank"),
        _ if name.contains(turns) => Some("is invalid"),
        _ if is_reserved(name) => Some("is reserved"),
        _ => None,
    }
}

/// Names of which readers expect that the site speaks.
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

/// Whether a name is an account's, or looks as one does.
pub fn is_taken(connection: &mut DbConnection, name: &str) -> QueryResult<bool> {
    let known = users::table.filter(
        users::folded_username.eq(fold(name.trim())).or(users::skeleton.eq(looks_bare(name))),
    );
    diesel::select(diesel::dsl::exists(known)).get_result(connection)
}

/// Whether nobody may give this name to themselves.
pub fn is_reserved(name: &str) -> bool {
    // An `I` looks like an `l`, but is an `i` to those who read it aloud.
    let (as_typed, lower) = (looks_bare(name), looks_bare(&name.to_lowercase()));
    RESERVED.iter().map(|reserved| looks(reserved)).any(|it| it == as_typed || it == lower)
}

/// Notes what the names of accounts from before that look like. Of two that look the same the first
/// has it noted, and both stay.
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

/// Shows an account's name to those who read the same post, or hides it. Its sockets, which were
/// opened under the name, close. Gives the number of sign-ins that this concerns: none if the
/// account is as it should be. Must run in a transaction that touches existing rows.
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

/// The user of that name in any letter case, a disabled one too.
pub fn named(connection: &mut DbConnection, name: &str) -> QueryResult<Option<User>> {
    let found = users::table.filter(users::folded_username.eq(fold(name)));
    let row = found.select(Row::as_select()).first::<Row>(connection).optional()?;
    Ok(row.map(User::from))
}

/// The user of that name in lower case and the password's hash, if there is one.
///
/// A disabled one is as if it were not there.
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

/// The role of an account; `None` for one that is disabled or not there.
pub fn role(connection: &mut DbConnection, id: i64) -> QueryResult<Option<Role>> {
    let found = users::table.find(id).filter(users::disabled_at.is_null());
    let row = found.select(Row::as_select()).first::<Row>(connection).optional()?;
    Ok(row.map(|row| User::from(row).role))
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

/// The field that another user has the same of.
fn taken(error: &Error) -> Option<&'static str> {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told) = error else { return None };
    // PostgreSQL names the constraint, SQLite the column in its message.
    let what = told.constraint_name().unwrap_or_else(|| told.message());
    let fields = [("username", "username"), ("skeleton", "username"), ("email", "email")];
    fields.into_iter().find(|(column, _)| what.contains(column)).map(|(_, field)| field)
}

/// An account, as those who run the site see it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ManagedUser")]
pub struct Listed {
    /// The account.
    #[serde(flatten)]
    pub user: User,
    /// Whether it cannot be signed in to.
    pub disabled: bool,
}

/// An account's name in lower case, or `NotFound`.
pub fn folded_name(connection: &mut DbConnection, id: i64) -> QueryResult<String> {
    users::table.find(id).select(users::folded_username).first(connection)
}

/// The account of that name in lower case, disabled or not.
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

/// What is to change about an account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Its role.
    pub role: Option<Role>,
    /// Whether it is disabled.
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

/// Changes an account, and ends what hangs on it: its sockets with another role, everything when it
/// is disabled. Must run in a transaction that touches existing rows.
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

/// Whether there is an admin who can sign in, besides this account.
pub fn has_other_admin(connection: &mut DbConnection, id: i64) -> QueryResult<bool> {
    let others = users::table
        .filter(users::role.eq(Role::Admin.as_str()))
        .filter(users::disabled_at.is_null())
        .filter(users::id.ne(id));
    diesel::select(diesel::dsl::exists(others)).get_result(connection)
}

/// Replaces a password. What it ends is the caller's to say.
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

/// A password's hash, while the account is not disabled.
pub fn password_hash(connection: &mut DbConnection, id: i64) -> QueryResult<Option<String>> {
    users::table
        .find(id)
        .filter(users::disabled_at.is_null())
        .select(users::password_hash)
        .first(connection)
        .optional()
}

/// The new password that replaces one, validated: between 10 characters and 1,024 bytes.
pub fn new_password(changeset: &mut Changeset<'_>, field: &'static str) -> Option<Password> {
    changeset.text(field, PASSWORD).map(Password)
}

/// The password that is tried.
pub fn tried_password(changeset: &mut Changeset<'_>, field: &'static str) -> Option<Password> {
    changeset.text(field, TRIED).map(Password)
}
