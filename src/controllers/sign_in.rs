//! Signing in and out over JSON, and what the pages share of it.

use actix_web::cookie::Cookie;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::account;
use super::body::Body;
use crate::accounts::Caller;
use crate::db::Tx;
use crate::error::{AppError, AppResult};
use crate::events;
use crate::models::now;
use crate::models::sign_in::{self, Token};
use crate::models::user::{self, Credentials, User};
use crate::state::State;

/// The same answer for an unknown name and a wrong password.
const WRONG: AppError = AppError::Unauthorized("invalid username or password");

/// POST /api/session. Its answer is a secret: no `Idempotency-Key` gives it again.
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    body: Body,
) -> AppResult<HttpResponse> {
    let params = body.json().await?;
    let credentials = Credentials::changeset(&params)?;
    let SignedIn { user, cookies: [sign_in, device] } =
        with_password(&state, &request, credentials).await?;
    Ok(HttpResponse::Created()
        .cookie(sign_in)
        .cookie(device)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "user": user })))
}

/// DELETE /api/session
pub async fn delete(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    end(&state, &request).await?;
    Ok(HttpResponse::NoContent().cookie(account::no_cookie()).finish())
}

/// A user who has just signed in, and the cookies for the browser.
pub(super) struct SignedIn {
    pub(super) user: User,
    pub(super) cookies: [Cookie<'static>; 2],
}

/// Signs a user in by name and password, with a new token in place of the request's, and tells the
/// nodes.
pub(super) async fn with_password(
    state: &State,
    request: &HttpRequest,
    credentials: Credentials,
) -> AppResult<SignedIn> {
    let Credentials { folded_username, password } = credentials;
    let device = account::device(state, request, &folded_username);
    let caller = Caller::of(device, request.peer_addr());
    let guess = state.accounts.guesses.count(&folded_username, request.peer_addr(), device)?;
    let verified = async {
        let name = folded_username.clone();
        let found = state.db.read(move |c| Ok::<_, AppError>(user::by_name(c, &name)?)).await?;
        let (user, hash) = found.unzip();
        let right = state.accounts.passwords.verify(caller, password, hash).await?;
        Ok(user.filter(|_| right))
    };
    let user = match verified.await {
        Ok(Some(user)) => user,
        Ok(None) => return Err(WRONG),
        Err(error) => {
            guess.forgive();
            return Err(error);
        }
    };
    guess.forgive();
    let old = account::token(request);
    let id = user.id;
    let begun = state.db.transaction(move |tx| begin(tx, id, old.as_ref())).await?;
    events::logged_in(state.feed.pubsub(), &user.username).await;
    let cookies = account::cookies(state, &begun.value, &folded_username)?;
    Ok(SignedIn { user, cookies })
}

/// Begins a sign-in, and ends the one that the request came with.
pub(super) fn begin(tx: &mut Tx<'_>, user_id: i64, old: Option<&Token>) -> AppResult<Token> {
    if let Some(old) = old {
        sign_in::delete(tx.connection, old)?;
    }
    let token = Token::random().map_err(AppError::internal)?;
    if sign_in::insert(tx.connection, &token, user_id, now())? { Ok(token) } else { Err(WRONG) }
}

/// Ends the sign-in that the request came with, if there is one.
pub(super) async fn end(state: &State, request: &HttpRequest) -> AppResult<()> {
    if let Some(token) = account::token(request) {
        let end = move |tx: &mut Tx<'_>| Ok::<_, AppError>(sign_in::delete(tx.connection, &token)?);
        state.db.transaction(end).await?;
    }
    Ok(())
}
