//! Working copies: requests that keep the unsaved text of a window, and requests that discard it.
//! `posts` owns the form that is filled with one.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::see;
use crate::access::Action;
use crate::changeset::Params;
use crate::controllers::account::{Account, Asker};
use crate::controllers::body::Body;
use crate::controllers::idempotency::FORM_KEY;
use crate::controllers::request;
use crate::db::Tx;
use crate::error::{AppError, AppResult, Found};
use crate::limits::Payer;
use crate::models::clock;
use crate::models::post::{self, Post};
use crate::models::working_copy::{self, Of, Typed, Window};
use crate::state::State;

/// The error where access is open. There, only the browser keeps copies.
const NOBODYS: AppError = AppError::Forbidden("the server keeps unsaved text only for accounts");

const ANOTHER: AppError = AppError::Conflict(
    "the text was saved, kept or discarded in another window; this copy stays in the browser",
);

/// POST /posts/{id}/copy
pub async fn keep(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let params = account.writing_form(body).await?;
    keep_of(&state, &request, &account, Of::Post(id), &params).await
}

/// POST /posts/new/copy
pub async fn keep_new(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.permit(Action::WritePost)?;
    let params = account.form(body).await?;
    keep_of(&state, &request, &account, new_of(&params)?, &params).await
}

/// Keeps the fields, and answers with the id of the window's copy. The answer is empty if there is
/// nothing to keep.
async fn keep_of(
    state: &State,
    request: &HttpRequest,
    account: &Account,
    of: Of,
    params: &Params,
) -> AppResult<HttpResponse> {
    let (typed, window) = (Typed::changeset(params)?, Window::of(params));
    let version = params.get("version").and_then(Value::as_str).unwrap_or_default();
    if version.len() > working_copy::MAX_VERSION || version.contains('\0') {
        return Err(request::invalid("version"));
    }
    let version = version.to_owned();
    let payer = request.extensions().get::<Payer>().cloned();
    let (asker, most) = (account.asker.clone(), state.config.quotas.unsaved_posts);
    let kept = state.db.transaction(move |tx| {
        let (owner, post) = permit(tx, &asker, &of)?;
        if let Some(payer) = payer {
            payer.pay(typed.size());
        }
        let is_nothing = post.map_or_else(|| typed.is_empty(), |post| typed.is_of(&post));
        let has_way = working_copy::make_way(tx.connection, owner, &of, &window)?;
        if is_nothing && (has_way || working_copy::find(tx.connection, owner, &of)?.is_none()) {
            // The request may be a repetition whose first answer was lost.
            return Ok(String::new());
        }
        if !has_way {
            return Err(ANOTHER);
        }
        let at = clock(tx.connection)?;
        let id = working_copy::insert(tx.connection, owner, &of, &typed, &version, &window, at)?;
        if let Some(most) = most {
            working_copy::bound(tx.connection, owner, most)?;
        }
        Ok(id.to_string())
    });
    let told = json!({ "copy": kept.await?.value });
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(told))
}

/// POST /posts/{id}/copy/discard
pub async fn discard(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    account.writing_form(body).await?;
    discard_of(&state, &account, Of::Post(id)).await?;
    Ok(see(format!("/posts/{id}/edit")))
}

/// POST /posts/new/copy/discard
pub async fn discard_new(
    state: Data<State>,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.permit(Action::WritePost)?;
    let params = account.form(body).await?;
    discard_of(&state, &account, new_of(&params)?).await?;
    Ok(see("/posts/new"))
}

async fn discard_of(state: &State, account: &Account, of: Of) -> AppResult<()> {
    let asker = account.asker.clone();
    let discarded = state.db.transaction(move |tx| {
        let (owner, _) = permit(tx, &asker, &of)?;
        Ok::<_, AppError>(working_copy::remove(tx.connection, owner, &of)?)
    });
    discarded.await.map(drop)
}

/// The account, if it may write this post, and the saved post.
fn permit(tx: &mut Tx<'_>, asker: &Asker, of: &Of) -> AppResult<(i64, Option<Post>)> {
    let post = match of {
        Of::Post(id) => Some(post::get(tx.connection, *id).found("post")?),
        Of::New(_) => None,
    };
    let action = post.as_ref().map_or(Action::WritePost, |post| Action::ChangePost(post.facts()));
    let viewer = asker.permit(tx.connection, action, "post")?;
    Ok((viewer.account().ok_or(NOBODYS)?, post))
}

fn new_of(params: &Params) -> AppResult<Of> {
    let key = params.get(FORM_KEY).and_then(Value::as_str);
    key.and_then(Of::key).ok_or_else(|| request::invalid(FORM_KEY))
}
