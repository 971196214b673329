//! Accounts over JSON, and their registration, which the page shares.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::account::Account;
use super::body::Body;
use super::idempotency::{Created, Once};
use super::respond;
use crate::access::{Action, Viewer};
use crate::accounts::Caller;
use crate::changeset::{Errors, Params};
use crate::config::{Config, Registration};
use crate::connection::DbConnection;
use crate::db::{Touches, Tx};
use crate::error::{AppError, AppResult};
use crate::limits::Client;
use crate::models::now;
use crate::models::user::{self, Listed, NewUser, Role, User};
use crate::state::State;

/// POST /api/users
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    body: Body,
) -> AppResult<HttpResponse> {
    may_register(&state.config)?;
    let mut params = body.json().await?;
    let (new, hash) = prepare(&state, &request, &params).await?;
    // The database stores a digest of the parameters, from which a password could be guessed.
    params.remove("password");
    let once = Once::of(&request, None, &params)?;
    let role = state.config.registration_role;
    let outcome = once.transact(&state.db, Touches::ExistingRows, move |tx| {
        Created::of(&insert(tx, new, &hash, role)?)
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// Fails with 403 if registration is closed.
pub fn may_register(config: &Config) -> AppResult<()> {
    match config.registration {
        Registration::Open => Ok(()),
        Registration::Closed => Err(AppError::Forbidden("registration is closed")),
    }
}

/// Validates the fields of a new account and hashes its password.
pub(super) async fn prepare(
    state: &State,
    request: &HttpRequest,
    params: &Params,
) -> AppResult<(NewUser, String)> {
    let new = NewUser::changeset(params)?;
    new.refuse_reserved()?;
    state.limits.register(Client::of(request, None))?;
    let caller = Caller::of(None, request.peer_addr());
    let hash = state.accounts.passwords.hash(caller, new.password.clone()).await?;
    Ok((new, hash))
}

/// Inserts a new account with this role. A role in the request is ignored.
pub(super) fn insert(tx: &mut Tx<'_>, new: NewUser, hash: &str, role: Role) -> AppResult<User> {
    Ok(user::insert(tx.connection, new, hash, role, now())??)
}

/// Fails if a guest's name is reserved, or is or looks like that of an account. Where access is
/// open, any name is allowed.
pub(super) fn refuse_guest(
    connection: &mut DbConnection,
    viewer: Viewer,
    name: Option<&str>,
) -> AppResult<()> {
    let Some(name) = name.filter(|_| viewer != Viewer::Anyone) else { return Ok(()) };
    let message = match user::refusal_of_guest(name) {
        Some(message) => message,
        None if user::is_taken(connection, name)? => "has already been taken",
        None => return Ok(()),
    };
    let mut errors = Errors::default();
    errors.add("author", message);
    Err(errors.into())
}

/// PATCH /api/users/{username}: changes the role, or disables or enables the account; for admins.
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    account.permit(Action::ManageUsers)?;
    let change = user::Change::changeset(&body.json().await?)?;
    let name = request.match_info().get("username").unwrap_or("").to_ascii_lowercase();
    let asker = account.asker.clone();
    let changed = state.db.transaction(move |tx| {
        asker.permit(tx.connection, Action::ManageUsers, "user")?;
        update_in(tx, &name, change)
    });
    let changed = changed.await?.value;
    state.accounts.ends.hurry().await;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(changed))
}

/// Changes an account. Fails with 422 if the change would leave no admin.
pub(super) fn update_in(
    tx: &mut Tx<'_>,
    folded_username: &str,
    change: user::Change,
) -> AppResult<Listed> {
    let known = user::listed(tx.connection, folded_username)?;
    let known = known.ok_or(AppError::NotFound("user"))?;
    let after = user::change(tx.connection, &known, change, now())?;
    let loses_admin = known.is_admin() && !after.is_admin();
    if loses_admin && !user::has_other_admin(tx.connection, known.user.id)? {
        let field = if after.disabled { "disabled" } else { "role" };
        let mut errors = Errors::default();
        errors.add(field, "would leave the site without an admin");
        return Err(errors.into());
    }
    Ok(after)
}
