//! `kilonova user add`: creates an account from the command line, with or without a server running.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use serde_json::json;

use super::passwords;
use crate::changeset::Params;
use crate::connection::Database;
use crate::db::Db;
use crate::error::AppError;
use crate::models::now;
use crate::models::user::{self, NewUser, Role};

/// Bytes that are read of a line with a password, more than a password may have.
const LINE: u64 = 4096;

/// Why no account was created.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The password cannot be read.
    #[error("cannot read the password: {0}")]
    Unreadable(#[source] io::Error),
    /// The two inputs differ.
    #[error("the two passwords differ; try again")]
    Different,
    /// The invalid fields with their messages.
    #[error("{0}")]
    Refused(String),
    /// The database cannot be opened or written to, or the system has no random numbers.
    #[error("{0}: {1}")]
    Failed(String, String),
    /// The account was created, but the report cannot be printed.
    #[error("the account was created, but its summary cannot be printed: {0}")]
    Output(#[source] io::Error),
}

/// The whole command: prompts for the password, creates the account and reports to `out`.
pub fn add(
    database: &Database,
    username: &str,
    role: Role,
    out: &mut dyn Write,
) -> Result<(), AddError> {
    let mut params = Params::new();
    params.insert("username".to_owned(), json!(username));
    params.insert("password".to_owned(), json!(read_password()?));
    let failed =
        |error: &dyn std::fmt::Display| AddError::Failed(database.to_string(), error.to_string());
    let told = |error: AppError| match error {
        AppError::Invalid(errors) => AddError::Refused(errors.to_string()),
        AppError::Internal(source) => failed(&source),
        other => failed(&other),
    };
    let new = NewUser::changeset(&params).map_err(|errors| told(errors.into()))?;
    let hash = passwords::hash(&new.password).map_err(told)?;
    let db = Db::open(database, Box::new(|_| {})).map_err(|error| failed(&error))?;
    let made = db.transaction_blocking(move |tx| {
        Ok::<_, AppError>(user::insert(tx.connection, new, &hash, role, now())??)
    });
    db.close_blocking();
    let user = made.map_err(told)?.value;
    writeln!(out, "added the {} {}", user.role.as_str(), user.username).map_err(AddError::Output)
}

/// Prompts twice in a terminal, without echo; otherwise reads the first line of standard input.
fn read_password() -> Result<String, AddError> {
    let input = io::stdin();
    if input.is_terminal() {
        let ask = |prompt| rpassword::prompt_password(prompt).map_err(AddError::Unreadable);
        let password = ask("Password: ")?;
        return if ask("Repeat the password: ")? == password {
            Ok(password)
        } else {
            Err(AddError::Different)
        };
    }
    let mut line = String::new();
    input.lock().take(LINE).read_line(&mut line).map_err(AddError::Unreadable)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}
