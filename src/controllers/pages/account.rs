//! The page of an account: its password, its signed-in browsers, and its tokens.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::accounts::unkept;
use super::{page, see, sign_in_first};
use crate::changeset::{Changeset, Mode};
use crate::controllers::account::Account;
use crate::controllers::body::Body;
use crate::controllers::idempotency::Once;
use crate::controllers::request::{self, Query};
use crate::controllers::sign_ins;
use crate::error::{AppError, AppResult};
use crate::limits::{EACH, Payer};
use crate::models::sign_in::Which;
use crate::models::user;
use crate::state::State;
use crate::views::forms::AccountForm;
use crate::views::pages::AccountPage;

/// Messages about completed actions, by the word in the address to which a form redirects.
const DONE: [(&str, &str); 4] = [
    (
        "password",
        "The password was changed. All other browsers are signed out, and all tokens are revoked.",
    ),
    ("session", "Signed out."),
    ("token", "The token is revoked."),
    ("presence", "Saved. Open pages reconnect."),
];

/// GET /account
pub async fn show(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if account.user().is_none() {
        return Ok(sign_in_first(&request));
    }
    let query = Query::of(&request)?;
    let done = DONE.iter().find(|(word, _)| query.get("done") == Some(word));
    let done = done.map(|(_, message)| *message);
    show_with(&state, &account, StatusCode::OK, AccountForm { done, ..AccountForm::default() })
        .await
}

async fn show_with(
    state: &State,
    account: &Account,
    status: StatusCode,
    form: AccountForm,
) -> AppResult<HttpResponse> {
    let (user, _) = account.signed_in()?;
    let user = user.clone();
    let (sign_ins, tokens) = sign_ins::all(state, account).await?;
    page(state, account, status, move |connection, frame| {
        let shows_presence = user::shows_presence(connection, user.id)?;
        Ok(AccountPage { frame, user, shows_presence, sign_ins, tokens, form })
    })
    .await
    .map(unkept)
}

/// POST /account/password
pub async fn change_password(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    let params = account.form(body).await?;
    match sign_ins::replace_password(&state, &request, &account, &params).await {
        Ok(()) => Ok(see("/account?done=password")),
        Err(AppError::Invalid(password_errors)) => {
            let form = AccountForm { password_errors, ..AccountForm::default() };
            show_with(&state, &account, StatusCode::UNPROCESSABLE_ENTITY, form).await
        }
        Err(error) => Err(error),
    }
}

/// POST /account/presence: whether other readers of a post see the name. The account's sockets
/// close on every node and reconnect with the new setting.
pub async fn set_presence(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    let params = account.form(body).await?;
    let mut changeset = Changeset::new(&params, Mode::Create);
    let shown = changeset.boolean("shown");
    let Some(shown) = changeset.finish(|| Some(shown))? else {
        return Err(AppError::Unprocessable("shown must be true or false".to_owned()));
    };
    let asker = account.asker.clone();
    let payer = request.extensions().get::<Payer>().cloned();
    let set = state.db.transaction(move |tx| {
        let user = asker.signed_in(tx.connection)?;
        let closed = user::set_shows_presence(tx.connection, user.id, shown)?;
        if let Some(payer) = payer {
            // Each end is sent to every node.
            payer.pay(closed * EACH as usize);
        }
        Ok::<_, AppError>(())
    });
    set.await?;
    state.accounts.ends.hurry().await;
    Ok(see("/account?done=presence"))
}

/// POST /account/sessions/{id}/delete
pub async fn end(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    account.form(body).await?;
    let id = request::id(&request, "session")?;
    sign_ins::end(&state, &account, Which::Browser(id), "session").await?;
    Ok(see("/account?done=session"))
}

/// POST /account/sessions/delete: ends all sign-ins except the one that makes the request.
pub async fn end_others(
    state: Data<State>,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let (_, current) = account.signed_in()?;
    account.form(body).await?;
    match sign_ins::end(&state, &account, Which::OtherBrowsers(current), "session").await {
        Ok(()) | Err(AppError::NotFound(_)) => Ok(see("/account?done=session")),
        Err(error) => Err(error),
    }
}

/// POST /account/tokens: the page shows the token, only this time.
pub async fn create_token(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let (user, _) = account.signed_in()?;
    let params = account.form(body).await?;
    let once = Once::of_form(&request, Some(user), &params)?;
    match sign_ins::make_token(&state, &account, once, &params).await {
        Ok(made) => {
            let form = AccountForm { token: Some(made.token), ..AccountForm::default() };
            show_with(&state, &account, StatusCode::CREATED, form).await
        }
        Err(AppError::Invalid(errors)) => {
            let form = AccountForm::refused_token(&params, errors);
            show_with(&state, &account, StatusCode::UNPROCESSABLE_ENTITY, form).await
        }
        Err(error) => Err(error),
    }
}

/// POST /account/tokens/{id}/delete
pub async fn delete_token(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.signed_in()?;
    account.form(body).await?;
    let id = request::id(&request, "token")?;
    sign_ins::end(&state, &account, Which::Program(id), "token").await?;
    Ok(see("/account?done=token"))
}
