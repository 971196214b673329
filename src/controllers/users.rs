//! Accounts over JSON, and how they are made, which their page shares.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::body::Body;
use super::idempotency::{Created, Once};
use super::respond;
use crate::accounts::Caller;
use crate::changeset::Params;
use crate::config::{Config, Registration};
use crate::db::{Touches, Tx};
use crate::error::{AppError, AppResult};
use crate::models::now;
use crate::models::user::{self, NewUser, Role, User};
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
    // The database keeps a digest of the parameters, from which a password could be guessed.
    params.remove("password");
    let once = Once::of(&request, None, &params)?;
    let outcome = once.transact(&state.db, Touches::ExistingRows, move |tx| {
        Created::of(&insert(tx, new, &hash)?)
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// Whether accounts may be made here at all: else 403.
pub fn may_register(config: &Config) -> AppResult<()> {
    match config.registration {
        Registration::Open => Ok(()),
        Registration::Closed => Err(AppError::Forbidden("registration is closed")),
    }
}

/// Checks the fields of a new account and hashes its password.
pub(super) async fn prepare(
    state: &State,
    request: &HttpRequest,
    params: &Params,
) -> AppResult<(NewUser, String)> {
    let new = NewUser::changeset(params)?;
    state.accounts.guesses.count_new_account(request.peer_addr())?;
    let caller = Caller::of(None, request.peer_addr());
    let hash = state.accounts.passwords.hash(caller, new.password.clone()).await?;
    Ok((new, hash))
}

/// Writes a new member. No role that a request asks for is given.
pub(super) fn insert(tx: &mut Tx<'_>, new: NewUser, hash: &str) -> AppResult<User> {
    Ok(user::insert(tx.connection, new, hash, Role::Member, now())??)
}
