//! The sign-ins of an account over JSON, and the parts that its page shares: signed-in browsers,
//! bearer tokens, the password.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::body::Body;
use super::cookies;
use super::idempotency::{Created, Once};
use super::request::{self, Query};
use crate::accounts::{Caller, Device, Guess};
use crate::changeset::{Changeset, Errors, Mode, Params};
use crate::connection::DbConnection;
use crate::db::Touches;
use crate::error::{AppError, AppResult};
use crate::models::sign_in::{self, BearerToken, SignIn, Token, Which};
use crate::models::user::{self, Password};
use crate::state::State;
use crate::views::answers;

/// GET /api/sessions
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    Query::of(&request)?.only(&[])?;
    let (sign_ins, _) = all(&state, &account).await?;
    Ok(private(answers::Sessions { sessions: sign_ins }))
}

/// DELETE /api/sessions/{id}
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "session")?;
    end(&state, &account, Which::Browser(id), "session").await?;
    Ok(HttpResponse::NoContent().finish())
}

/// GET /api/tokens
pub async fn tokens(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    Query::of(&request)?.only(&[])?;
    let (_, tokens) = all(&state, &account).await?;
    Ok(private(answers::Tokens { tokens }))
}

/// POST /api/tokens
pub async fn create_token(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let (user, _) = account.signed_in()?;
    let params = body.json().await?;
    let once = Once::of(&request, Some(user), &params)?;
    let made = make_token(&state, &account, once, &params).await?;
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(made))
}

/// DELETE /api/tokens/{id}
pub async fn delete_token(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "token")?;
    end(&state, &account, Which::Program(id), "token").await?;
    Ok(HttpResponse::NoContent().finish())
}

/// PUT /api/account/password
pub async fn change_password(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    replace_password(&state, &request, &account, &body.json().await?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// An account's browsers and bearer tokens. Fails with 401 without an account.
pub(super) async fn all(
    state: &State,
    account: &Account,
) -> AppResult<(Vec<SignIn>, Vec<BearerToken>)> {
    let (user, current) = account.signed_in()?;
    let id = user.id;
    let list = move |c: &mut DbConnection| {
        let sign_ins = sign_in::of_browsers(c, id, current)?;
        Ok::<_, AppError>((sign_ins, sign_in::of_programs(c, id)?))
    };
    state.db.read(list).await
}

/// Ends sign-ins of an account. Fails with 404 if there are none.
pub(super) async fn end(
    state: &State,
    account: &Account,
    which: Which,
    what: &'static str,
) -> AppResult<()> {
    account.signed_in()?;
    let asker = account.asker.clone();
    let ended = state.db.transaction(move |tx| {
        let user = asker.signed_in(tx.connection)?;
        match sign_in::end_of_user(tx.connection, user.id, which)? {
            0 => Err(AppError::NotFound(what)),
            _ => Ok(()),
        }
    });
    ended.await?;
    state.accounts.ends.hurry().await;
    Ok(())
}

/// Creates a bearer token with the name in these parameters. Only a browser may do this: a leaked
/// token could create others that outlive it.
///
/// Fails with 409 if an earlier request with this key has created it: only a hash of its secret is
/// stored, so the response cannot be given again.
pub(super) async fn make_token(
    state: &State,
    account: &Account,
    once: Once,
    params: &Params,
) -> AppResult<answers::NewToken> {
    if account.is_program() {
        return Err(AppError::Forbidden("a token cannot create tokens; sign in with a password"));
    }
    let mut changeset = Changeset::new(params, Mode::Create);
    let name = changeset.text("name", sign_in::TOKEN_NAME);
    let name = changeset.finish(|| name)?;
    let token = Token::random().map_err(AppError::internal)?;
    let (asker, new) = (account.asker.clone(), token.clone());
    let made = once.transact(&state.db, Touches::ExistingRows, move |tx| {
        let user = asker.signed_in(tx.connection)?;
        let made = sign_in::insert_bearer(tx.connection, &new, user.id, &name)?;
        Created::of(&made.ok_or_else(|| {
            let mut errors = Errors::default();
            errors.add("name", format!("exceeds the limit of {} tokens", sign_in::PER_USER));
            AppError::Invalid(errors)
        })?)
    });
    let made = made.await?;
    if made.replayed {
        return Err(AppError::Conflict(
            "this key has already created a token, which is shown only once; revoke it",
        ));
    }
    let Named { id, name } = serde_json::from_str(&made.body)?;
    Ok(answers::NewToken { id, name, token: token.bearer() })
}

/// The parts of a stored token that its response needs.
#[derive(Deserialize)]
struct Named {
    id: i64,
    name: String,
}

/// Replaces an account's password with the one in these parameters, and ends its other sign-ins and
/// its tokens. A wrong old password counts as a guess.
pub(super) async fn replace_password(
    state: &State,
    request: &HttpRequest,
    account: &Account,
    params: &Params,
) -> AppResult<()> {
    let (user, current) = account.signed_in()?;
    let mut changeset = Changeset::new(params, Mode::Create);
    let old = user::tried_password(&mut changeset, "password");
    let new = user::new_password(&mut changeset, "new_password");
    let (old, new) = changeset.finish(|| old.zip(new))?;
    let (id, folded) = (user.id, user.folded_username());
    // Guesses by strangers must not keep a signed-in user from changing the password.
    let device = cookies::device(state, request, &folded);
    let device = Some(device.unwrap_or_else(|| Device::of_sign_in(current)));
    let caller = Caller::of(device, request.peer_addr());
    let guess = state.accounts.guesses.count(&folded, request.peer_addr(), device)?;
    let old_hash = verified(state, guess, caller, id, old).await?;
    let hash = state.accounts.passwords.hash(caller, new).await?;
    let asker = account.asker.clone();
    let replaced = state.db.transaction(move |tx| {
        asker.signed_in(tx.connection)?;
        if user::password_hash(tx.connection, id)?.as_deref() != Some(&old_hash) {
            return Err(wrong());
        }
        user::set_password(tx.connection, id, &hash)?;
        sign_in::end_of_user(tx.connection, id, Which::Others(current))?;
        Ok(())
    });
    replaced.await?;
    state.accounts.ends.hurry().await;
    Ok(())
}

/// The hash of the password, if the password is right. Then the guess does not count.
async fn verified(
    state: &State,
    guess: Guess<'_>,
    caller: Caller,
    user_id: i64,
    password: Password,
) -> AppResult<String> {
    let checked = async {
        let hash = move |c: &mut DbConnection| Ok::<_, AppError>(user::password_hash(c, user_id)?);
        let hash = state.db.read(hash).await?;
        let right = state.accounts.passwords.verify(caller, password, hash.clone()).await?;
        Ok::<_, AppError>(hash.filter(|_| right))
    };
    match checked.await {
        Ok(None) => Err(wrong()),
        Ok(Some(hash)) => {
            guess.forgive();
            Ok(hash)
        }
        Err(error) => {
            guess.forgive();
            Err(error)
        }
    }
}

fn wrong() -> AppError {
    let mut errors = Errors::default();
    errors.add("password", "is wrong");
    errors.into()
}

/// A response that caches must not keep.
fn private(body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
