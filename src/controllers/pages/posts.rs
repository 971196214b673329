//! Pages of posts.

use std::collections::HashMap;

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{ROWS, page, see, to_sign_in};
use crate::access::{self, Action};
use crate::connection::DbConnection;
use crate::controllers::account::{Account, answer};
use crate::controllers::body::Body;
use crate::controllers::posts;
use crate::controllers::request::{self, Query};
use crate::controllers::respond::{self, Precondition};
use crate::db::Touches;
use crate::error::{AppError, AppResult};
use crate::models::comment::Filter;
use crate::models::post::{self, NewPost, Post, Status};
use crate::models::{Cursor, Page, comment, now};
use crate::state::State;
use crate::views::forms::{CommentForm, PostForm};
use crate::views::pages::{PostBody, PostEdit, PostIndex, PostNew, PostShow, has_path, of_tag};

/// GET /
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?;
    let (filter, cursor) = (posts::filter(&query, &account)?, query.cursor()?);
    // The address of a tag's posts before they had one to themselves.
    if let Some(tag) = filter.tag.as_deref().filter(|tag| has_path(tag))
        && filter.status == Status::Published
    {
        return Err(AppError::Moved(of_tag(tag) + &query.without(&["status", "tag"])));
    }
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let posts = post::list(connection, &filter, cursor, ROWS)?;
        let counts = counts(connection, &posts)?;
        let (status, tag) = (filter.status, filter.tag);
        Ok(PostIndex { frame, status, tag, author: None, cursor, posts, counts })
    })
    .await
}

/// How many comments the posts of a list have.
pub(super) fn counts(
    connection: &mut DbConnection,
    posts: &Page<Post>,
) -> AppResult<HashMap<i64, i64>> {
    let ids: Vec<i64> = posts.items.iter().map(|post| post.id).collect();
    Ok(comment::counts(connection, &ids)?)
}

/// GET /posts/{id}-{slug}; other forms lead there, once it is clear that the reader may know it.
pub async fn show(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let (id, given) = request::id_and_slug(&request, "post")?;
    let query = Query::of(&request)?;
    let is_held = query.get("comment") == Some("held");
    let form = CommentForm { is_held, ..CommentForm::default() };
    let asked = Asked {
        address: Some((given.to_owned(), request.query_string().to_owned())),
        cursor: query.cursor()?,
    };
    show_with(&state, &account, id, asked, StatusCode::OK, form).await
}

/// What a request for a post's page says of it beside the id.
#[derive(Default)]
pub(super) struct Asked {
    /// The last part of the path, and the query, if only the post's own address is answered.
    address: Option<(String, String)>,
    /// Where its comments go on.
    cursor: Option<Cursor>,
}

impl Asked {
    /// Leads from another form of the post's address to its own.
    fn lead(&self, post: &Post) -> AppResult<()> {
        let Some((given, query)) = &self.address else { return Ok(()) };
        if *given == post.address() {
            return Ok(());
        }
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        Err(AppError::Moved(format!("{}{query}", post.path())))
    }
}

/// A post with its comments and the form of a new one.
pub(super) async fn show_with(
    state: &State,
    account: &Account,
    id: i64,
    asked: Asked,
    status: StatusCode,
    form: CommentForm,
) -> AppResult<HttpResponse> {
    let viewer = account.viewer();
    page(state, account, status, move |connection, frame| {
        let post = posts::visible(connection, id, viewer)?;
        asked.lead(&post)?;
        let cursor = asked.cursor;
        let filter = Filter { withheld: access::withheld(viewer, post.facts()), state: None };
        let comments = comment::list(connection, id, filter, cursor, ROWS)?;
        let newest = match (&comments.next, comments.items.last()) {
            (None, Some(last)) => Some((last.id, cursor)),
            _ => comment::newest(connection, id, filter, ROWS)?,
        };
        let count = comment::counts(connection, &[id])?.remove(&id).unwrap_or_default();
        let neighbours = post::neighbours(connection, &post)?;
        Ok(PostShow { frame, post, cursor, comments, count, newest, neighbours, form })
    })
    .await
}

/// GET /posts/{id}/body: the text alone, which open pages fetch once it has changed. It is laid out
/// once for all of them.
pub async fn body(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let viewer = account.viewer();
    let post = state.db.snapshot(move |connection| posts::visible(connection, id, viewer)).await?;
    let (post, position) = (post.value, post.position);
    let etag = format!("\"{}\"", post.body_digest());
    let known = Precondition::of(&request).known(&etag);
    let mut response = match known {
        Some(_) => HttpResponse::NotModified(),
        None => HttpResponse::Ok(),
    };
    respond::stamp(&mut response, &state.db, position);
    response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    response.insert_header((header::ETAG, known.clone().unwrap_or(etag)));
    if known.is_some() {
        return Ok(response.finish());
    }
    let html = state.renderings.run(move || PostBody { post }.render());
    let html = html.await?.map_err(AppError::internal)?;
    Ok(response.content_type("text/html; charset=utf-8").body(html))
}

/// GET /posts/new
pub async fn new(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    account.permit(Action::WritePost)?;
    new_with(&state, &account, StatusCode::OK, PostForm::default()).await
}

async fn new_with(
    state: &State,
    account: &Account,
    status: StatusCode,
    form: PostForm,
) -> AppResult<HttpResponse> {
    page(state, account, status, move |_, frame| Ok(PostNew { frame, form })).await
}

/// GET /posts/{id}/edit
pub async fn edit(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    let viewer = account.viewer();
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let post = posts::visible(connection, id, viewer)?;
        answer(access::may(viewer, Action::ChangePost(post.facts())), "post")?;
        let form = PostForm::of(&post);
        Ok(PostEdit { frame, id, form })
    })
    .await
}

/// POST /posts
pub async fn create(state: Data<State>, account: Account, body: Body) -> AppResult<HttpResponse> {
    account.permit(Action::WritePost)?;
    let params = body.form().await?;
    let new = match NewPost::changeset(&params, now()) {
        Ok(new) => new.by(account.user()),
        Err(errors) => {
            let form = PostForm::refused(&params, errors);
            return new_with(&state, &account, StatusCode::UNPROCESSABLE_ENTITY, form).await;
        }
    };
    let (asker, quota) = (account.asker, state.config.quotas.posts);
    let written = state.db.transaction_on(Touches::NewRows, None, move |tx| {
        posts::insert(tx, &asker, quota, new).map(|post| post.path())
    });
    Ok(see(written.await?.value))
}

/// POST /posts/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    account.permit_writing()?;
    let params = body.form().await?;
    match posts::change(&state, &account, id, &params, Precondition::none()).await {
        Ok(post) => Ok(see(post.value.path())),
        Err(AppError::Invalid(errors)) => {
            let form = PostForm::refused(&params, errors);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page(&state, &account, status, move |_, frame| Ok(PostEdit { frame, id, form })).await
        }
        Err(error) => Err(error),
    }
}

/// POST /posts/{id}/delete
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    account.permit_writing()?;
    posts::remove(&state, &account, request::id(&request, "post")?, Precondition::none()).await?;
    Ok(see("/"))
}
