//! Signing in and out over JSON, and the parts that the pages share.

use actix_web::cookie::Cookie;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::body::Body;
use super::{account, cookies};
use crate::accounts::Caller;
use crate::db::Tx;
use crate::error::{AppError, AppResult};
use crate::events;
use crate::models::sign_in::{self, Credential, Token};
use crate::models::user::{self, Credentials, User};
use crate::reach::Reach;
use crate::state::State;
use crate::views::answers;

/// The error for both an unknown name and a wrong password.
const WRONG: AppError = AppError::Unauthorized("invalid username or password");

/// POST /api/session. The response is a secret, so it is not stored under an `Idempotency-Key`.
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
        .json(answers::SignedIn { user }))
}

/// DELETE /api/session
pub async fn delete(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    end(&state, &request).await?;
    Ok(HttpResponse::NoContent().cookie(cookies::of_sign_out(&state.config.reach)).finish())
}

/// A user who has just signed in, and the cookies for the browser.
pub(super) struct SignedIn {
    pub(super) user: User,
    pub(super) cookies: [Cookie<'static>; 2],
}

/// Signs a user in by name and password, replaces the request's token with a new one, and announces
/// the sign-in to all nodes.
pub(super) async fn with_password(
    state: &State,
    request: &HttpRequest,
    credentials: Credentials,
) -> AppResult<SignedIn> {
    let Credentials { folded_username, password } = credentials;
    let device = cookies::device(state, request, &folded_username);
    let caller = Caller::of(device, request.peer_addr());
    let guess = state.accounts.guesses.count(&folded_username, request.peer_addr(), device)?;
    let verified = async {
        let name = folded_username.clone();
        let found = state.db.read(move |c| Ok::<_, AppError>(user::by_name(c, &name)?)).await?;
        let hash = found.as_ref().map(|(_, hash)| hash.clone());
        let right = state.accounts.passwords.verify(caller, password, hash).await?;
        Ok(found.filter(|_| right))
    };
    let (user, hash) = match verified.await {
        Ok(Some(found)) => found,
        Ok(None) => return Err(WRONG),
        Err(error) => {
            guess.forgive();
            return Err(error);
        }
    };
    guess.forgive();
    let client = Client::of(&state.config.reach, request);
    let id = user.id;
    let begun = state.db.transaction(move |tx| begin(tx, id, &hash, &client)).await?;
    state.accounts.ends.hurry().await;
    events::logged_in(state.feed.pubsub(), &user.username).await;
    let cookies = cookies::of_sign_in(state, &begun.value, &folded_username)?;
    Ok(SignedIn { user, cookies })
}

/// The browser that signs in.
pub(super) struct Client {
    /// The sign-in that the request came with.
    old: Option<Credential>,
    user_agent: Option<String>,
}

impl Client {
    pub(super) fn of(reach: &Reach, request: &HttpRequest) -> Client {
        let user_agent = request.headers().get(header::USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        // Databases reject NUL.
        let user_agent = user_agent.map(|text| text.replace('\0', ""));
        Client { old: cookies::sign_in(reach, request), user_agent }
    }
}

/// Begins a sign-in after a password was checked against this hash, and ends the request's old
/// sign-in. Fails with 401 if the password was changed since, or if the account was deleted or
/// disabled.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    user_id: i64,
    checked_hash: &str,
    client: &Client,
) -> AppResult<Token> {
    if user::password_hash(tx.connection, user_id)?.as_deref() != Some(checked_hash) {
        return Err(WRONG);
    }
    if let Some(old) = &client.old {
        sign_in::end_of(tx.connection, old)?;
    }
    let token = Token::random().map_err(AppError::internal)?;
    let user_agent = client.user_agent.as_deref();
    if sign_in::insert(tx.connection, &token, user_id, user_agent)? {
        Ok(token)
    } else {
        Err(WRONG)
    }
}

/// Ends the sign-in of the request's cookie or token, if there is one.
pub(super) async fn end(state: &State, request: &HttpRequest) -> AppResult<()> {
    let Some(credential) = account::credential(&state.config.reach, request)? else {
        return Ok(());
    };
    let sought = credential.clone();
    let is_there = state.db.read(move |c| Ok::<_, AppError>(sign_in::exists(c, &sought)?));
    // Checked first, so that a made-up token does not cost a transaction.
    if is_there.await? {
        let end =
            move |tx: &mut Tx<'_>| Ok::<_, AppError>(sign_in::end_of(tx.connection, &credential)?);
        state.db.transaction(end).await?;
        state.accounts.ends.hurry().await;
    }
    Ok(())
}
