//! The forms for comments, which are on the posts' pages, and the page of comments that await
//! approval.

use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use diesel::QueryResult;

use super::accounts::next_in;
use super::bin::undoable;
use super::unsent::told;
use super::{ROWS, page, posts, see, to_sign_in};
use crate::access::{self, Action, Viewer};
use crate::changeset::{Errors, Params};
use crate::connection::DbConnection;
use crate::controllers::account::Account;
use crate::controllers::body::Body;
use crate::controllers::idempotency::{Created, Once};
use crate::controllers::request::{self, Query};
use crate::controllers::respond::Precondition;
use crate::controllers::{comments, users};
use crate::db::Touches;
use crate::error::{AppError, AppResult, Found};
use crate::events;
use crate::models::comment::{self, Comment, Filter, NewComment};
use crate::models::{Cursor, post, user};
use crate::state::State;
use crate::views::forms::{CommentForm, Problem};
use crate::views::pages::Moderation;

/// POST /posts/{id}/comments
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let post_id = request::id(&request, "post")?;
    let cursor = Query::of(&request)?.cursor()?;
    let permitted = comments::permit_comment(&state, &request, &account);
    // Read even if the client is over its rate limit, so that the page can show the text again.
    let params = body.form().await?;
    let written = async {
        let (settings, counted) = permitted?;
        account.check_maker(&params)?;
        let new = NewComment::changeset_by(&params, account.user());
        let once = Once::of_form(&request, account.user(), &params)?;
        let (asker, viewer) = (account.asker.clone(), account.viewer());
        let written = once.transact(&state.db, Touches::ExistingRows, move |tx| {
            let comment = comments::insert(tx, &asker, post_id, settings, new)?;
            let place = place_for(tx.connection, &comment, viewer)?;
            Ok(Created::of(&comment)?.about(events::of_comment(&comment)).at(place))
        });
        let written = written.await?;
        if let Some(counted) = counted
            && !written.replayed
        {
            counted.written();
        }
        Ok(written.location.unwrap_or_else(|| format!("/posts/{post_id}")))
    };
    match written.await {
        Ok(place) => Ok(see(place)),
        Err(error) => refused(&state, &account, post_id, cursor, &params, error).await,
    }
}

/// The post's page, with the form as typed and its errors. Fails with the error itself if that page
/// would not show it.
async fn refused(
    state: &State,
    account: &Account,
    post_id: i64,
    cursor: Option<Cursor>,
    params: &Params,
    error: AppError,
) -> AppResult<HttpResponse> {
    let status = error.status_code();
    let guests_may = state.config.comments.guests || account.viewer() == Viewer::Anyone;
    let wait = match &error {
        AppError::TooManyRequests(_, seconds) => Some(*seconds),
        AppError::Unauthorized(_) if !guests_may => return Err(error),
        AppError::Invalid(_)
        | AppError::Unauthorized(_)
        | AppError::Forbidden(_)
        | AppError::Conflict(_) => None,
        _ => return Err(error),
    };
    let name = account.user().map(|user| user.username.as_str());
    let form = match error {
        AppError::Invalid(errors) => CommentForm::refused(params, errors),
        error => {
            let message = told(&error.to_string(), params, name);
            let problem = Some(Problem { message, signs_in: status == StatusCode::UNAUTHORIZED });
            CommentForm { problem, ..CommentForm::refused(params, Errors::default()) }
        }
    };
    let asked = posts::Asked::from_cursor(cursor);
    let mut page = posts::show_with(state, account, post_id, asked, status, form).await?;
    if let Some(seconds) = wait {
        page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        // A refused client must not hold a connection that another client could use.
        page.head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(page)
}

/// The address that shows a new comment. A comment that awaits approval has none yet.
fn place_for(
    connection: &mut DbConnection,
    comment: &Comment,
    viewer: Viewer,
) -> QueryResult<String> {
    let post = post::facts(connection, comment.post_id)?;
    if !access::sees_comment(viewer, comment.facts(post)) {
        return Ok(format!("/posts/{}?comment=held#write-comment", comment.post_id));
    }
    let filter = Filter { withheld: access::withheld(viewer, post), state: None };
    match comment::page_of(connection, comment, filter, ROWS)? {
        Some(_) => Ok(place(comment)),
        None => Ok(format!("/posts/{}#comment-{}", comment.post_id, comment.id)),
    }
}

/// POST /comments/{id}/delete: moves the comment to the bin.
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    let next = next_in(&account.writing_form(body).await?);
    let (comment, entry) = comments::put_in_bin(&state, &account, id).await?;
    let next = next.unwrap_or_else(|| format!("/posts/{}#comments-title", comment.post_id));
    Ok(see(undoable(&next, entry)))
}

/// POST /comments/{id}/state
pub async fn moderate(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    let params = account.writing_form(body).await?;
    let none = Precondition::none();
    let comment = comments::set_state(&state, &account, id, &params, none).await?.value;
    Ok(see(next_in(&params).unwrap_or_else(|| place(&comment))))
}

/// POST /comments/{id}/block: disables the account that wrote a comment; for admins.
pub async fn block(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "comment")?;
    account.signed_in()?;
    account.permit(Action::ManageUsers)?;
    let params = account.form(body).await?;
    let asker = account.asker.clone();
    let blocked = state.db.transaction(move |tx| {
        asker.permit(tx.connection, Action::ManageUsers, "comment")?;
        let comment = comment::get(tx.connection, id).found("comment")?;
        let writer = comment.user_id.ok_or(AppError::NotFound("user"))?;
        let name = user::folded_name(tx.connection, writer).found("user")?;
        let change = user::Change { disabled: Some(true), ..user::Change::default() };
        users::update_in(tx, &name, change)?;
        Ok::<_, AppError>(comment)
    });
    let comment = blocked.await?.value;
    state.accounts.ends.hurry().await;
    Ok(see(next_in(&params).unwrap_or_else(|| place(&comment))))
}

/// GET /moderation
pub async fn held(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    let cursor = Query::of(&request)?.cursor()?;
    let of_posts = access::moderated(account.viewer());
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let comments = comment::held(connection, of_posts, cursor, ROWS)?;
        let ids: Vec<i64> = comments.items.iter().map(|comment| comment.post_id).collect();
        let posts = post::headings(connection, &ids)?;
        Ok(Moderation { frame, cursor, comments, posts })
    })
    .await
}

/// The address of a comment on its post's page, whichever page of the comments it is on.
pub(super) fn place(comment: &Comment) -> String {
    let Comment { post_id, id, .. } = comment;
    format!("/posts/{post_id}?comment={id}#comment-{id}")
}
