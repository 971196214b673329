//! `kilonova user`: manages accounts from the command line, with or without a running server.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use serde_json::json;

use super::passwords;
use crate::changeset::{Changeset, Mode, Params};
use crate::connection::Database;
use crate::db::{Db, Tx};
use crate::error::{AppError, AppResult};
use crate::models::now;
use crate::models::sign_in::{self, Which};
use crate::models::user::{self, Change, Listed, NewUser, Role};

/// The maximum number of bytes read from a password line; a password is shorter.
const LINE: u64 = 4096;

/// The reason why an account command failed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The password cannot be read.
    #[error("cannot read the password: {0}")]
    Unreadable(#[source] io::Error),
    /// The two inputs differ.
    #[error("the two passwords differ; try again")]
    Different,
    /// Some fields are invalid; the text has their messages.
    #[error("{0}")]
    Refused(String),
    /// The database cannot be opened or written to, or the system has no random numbers.
    #[error("{0}: {1}")]
    Failed(String, String),
    /// There is no account with that name.
    #[error("there is no account called {0}")]
    Unknown(String),
    /// There is no site.
    #[error("there is no database at {0}")]
    Missing(String),
    /// The change is committed, but the summary cannot be printed.
    #[error("the change is committed, but the summary cannot be printed: {0}")]
    Output(#[source] io::Error),
}

/// Runs the command: prompts for the password, creates the account and reports to `out`.
pub fn add(
    database: &Database,
    username: &str,
    role: Role,
    out: &mut dyn Write,
) -> Result<(), UserError> {
    let mut params = Params::new();
    params.insert("username".to_owned(), json!(username));
    params.insert("password".to_owned(), json!(read_password()?));
    let told = |error| told(database, error);
    let new = NewUser::changeset(&params).map_err(|errors| told(errors.into()))?;
    let hash = passwords::hash(&new.password).map_err(told)?;
    let made = if database.is_missing() { " to a new site" } else { "" };
    let user =
        transact(database, move |tx| Ok(user::insert(tx.connection, new, &hash, role, now())??))?;
    writeln!(out, "added the {} {}{made} in {database}", user.role.as_str(), user.username)
        .map_err(UserError::Output)
}

/// Lists the accounts, one line each.
pub fn list(database: &Database, out: &mut dyn Write) -> Result<(), UserError> {
    existing(database)?;
    let accounts = transact(database, |tx| Ok(user::list(tx.connection)?))?;
    for Listed { user, disabled } in accounts {
        let disabled = if disabled { " (disabled)" } else { "" };
        let since = user.inserted_at.format("%Y-%m-%d");
        writeln!(out, "{:40} {:9} since {since}{disabled}", user.username, user.role.as_str())
            .map_err(UserError::Output)?;
    }
    Ok(())
}

/// Replaces an account's password, and ends all of its sign-ins and tokens.
pub fn password(database: &Database, name: &str, out: &mut dyn Write) -> Result<(), UserError> {
    existing(database)?;
    let mut params = Params::new();
    params.insert("password".to_owned(), json!(read_password()?));
    let mut changeset = Changeset::new(&params, Mode::Create);
    let new = user::new_password(&mut changeset, "password");
    let told = |error| told(database, error);
    let new = changeset.finish(|| new).map_err(|errors| told(errors.into()))?;
    let hash = passwords::hash(&new).map_err(told)?;
    let account = transact_on(database, name, move |tx, account| {
        user::set_password(tx.connection, account.user.id, &hash)?;
        sign_in::end_of_user(tx.connection, account.user.id, Which::All)?;
        Ok(account)
    })?;
    writeln!(out, "replaced the password of {}", account.user.username).map_err(UserError::Output)
}

/// Changes an account's role, or disables or enables the account. Unlike the API, it may leave a site
/// without an admin, for an operator who shuts out the only one; it says so.
pub fn change(
    database: &Database,
    name: &str,
    change: Change,
    out: &mut dyn Write,
) -> Result<(), UserError> {
    existing(database)?;
    let (changed, loses_admin) = transact_on(database, name, move |tx, account| {
        let changed = user::change(tx.connection, &account, change, now())?;
        let is_loss = account.is_admin() && !changed.is_admin();
        let loses_admin = is_loss && !user::has_other_admin(tx.connection, account.user.id)?;
        Ok((changed, loses_admin))
    })?;
    let Listed { user, disabled } = changed;
    let article = if user.role == Role::Admin { "an" } else { "a" };
    let disabled = if disabled { ", disabled" } else { "" };
    let warning = if loses_admin { "; the site has no admin now" } else { "" };
    let role = user.role.as_str();
    writeln!(out, "{} is {article} {role}{disabled}{warning}", user.username)
        .map_err(UserError::Output)
}

fn existing(database: &Database) -> Result<(), UserError> {
    if database.is_missing() {
        return Err(UserError::Missing(database.to_string()));
    }
    Ok(())
}

/// Runs a transaction on the account with this name.
fn transact_on<T: Send + 'static>(
    database: &Database,
    name: &str,
    work: impl FnOnce(&mut Tx<'_>, Listed) -> AppResult<T> + Send + 'static,
) -> Result<T, UserError> {
    let folded = name.to_ascii_lowercase();
    let done = transact(database, move |tx| match user::listed(tx.connection, &folded)? {
        Some(account) => Ok(Some(work(tx, account)?)),
        None => Ok(None),
    });
    done?.ok_or_else(|| UserError::Unknown(name.to_owned()))
}

fn transact<T: Send + 'static>(
    database: &Database,
    work: impl FnOnce(&mut Tx<'_>) -> AppResult<T> + Send + 'static,
) -> Result<T, UserError> {
    let db = Db::open(database, Box::new(|_| {}));
    let db = db.map_err(|error| UserError::Failed(database.to_string(), error.to_string()))?;
    let done = db.transaction_blocking(work);
    db.close_blocking();
    Ok(done.map_err(|error| told(database, error))?.value)
}

fn told(database: &Database, error: AppError) -> UserError {
    match error {
        AppError::Invalid(errors) => UserError::Refused(errors.to_string()),
        AppError::Internal(source) => UserError::Failed(database.to_string(), source.to_string()),
        other => UserError::Failed(database.to_string(), other.to_string()),
    }
}

/// Prompts twice without echo in a terminal; otherwise reads the first line of standard input.
fn read_password() -> Result<String, UserError> {
    let input = io::stdin();
    if input.is_terminal() {
        let ask = |prompt| rpassword::prompt_password(prompt).map_err(UserError::Unreadable);
        let password = ask("Password: ")?;
        return if ask("Repeat the password: ")? == password {
            Ok(password)
        } else {
            Err(UserError::Different)
        };
    }
    let mut line = String::new();
    input.lock().take(LINE).read_line(&mut line).map_err(UserError::Unreadable)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}
