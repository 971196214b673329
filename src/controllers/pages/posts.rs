//! Pages of posts.

use std::collections::HashMap;

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use diesel::{OptionalExtension as _, QueryResult};
use serde_json::Value;

use super::bin::undoable;
use super::{ROWS, draft_links, page, see, to_sign_in};
use crate::access::{self, Action, Viewer};
use crate::changeset::{Errors, Params};
use crate::connection::DbConnection;
use crate::controllers::account::{Account, answer};
use crate::controllers::body::Body;
use crate::controllers::idempotency::{Created, FORM_KEY, Once};
use crate::controllers::posts;
use crate::controllers::request::{self, Query};
use crate::controllers::respond::{self, Precondition, version_of};
use crate::db::Touches;
use crate::error::{AppError, AppResult};
use crate::events;
use crate::models::comment::Filter;
use crate::models::post::{self, NewPost, Post, Status};
use crate::models::working_copy::{self, Of, Window};
use crate::models::{Cursor, Page, comment, now};
use crate::state::State;
use crate::views::forms::{CommentForm, PostForm};
use crate::views::pages::{
    PostBody, PostConflict, PostEdit, PostIndex, PostNew, PostShow, Saved, Start, has_path, of_tag,
};

/// GET /
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?;
    let (filter, cursor) = (posts::filter(&query, &account)?, query.cursor()?);
    // The older address of a tag's posts.
    if let Some(tag) = filter.tag.as_deref().filter(|tag| has_path(tag))
        && filter.status == Status::Published
    {
        return Err(AppError::Moved(of_tag(tag) + &query.without(&["status", "tag"])));
    }
    let address = state.address.clone();
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let posts = post::list(connection, &filter, cursor, ROWS)?;
        let counts = counts(connection, &posts)?;
        let (status, tag) = (filter.status, filter.tag);
        let is_whole = status == Status::Published && tag.is_none() && cursor.is_none();
        let is_empty = is_whole && posts.items.is_empty();
        let start = (is_empty && frame.writes()).then_some(Start(address));
        Ok(PostIndex { frame, status, tag, author: None, cursor, posts, counts, start })
    })
    .await
}

/// The number of comments on each post of a list.
pub(super) fn counts(
    connection: &mut DbConnection,
    posts: &Page<Post>,
) -> AppResult<HashMap<i64, i64>> {
    let ids: Vec<i64> = posts.items.iter().map(|post| post.id).collect();
    Ok(comment::counts(connection, &ids)?)
}

/// GET /posts/{id}-{slug}. Other forms of the address redirect there, if the reader may see the
/// post.
pub async fn show(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let (id, given) = request::id_and_slug(&request, "post")?;
    let query = Query::of(&request)?;
    let wanted = query.get("comment");
    let form = CommentForm::blank(wanted == Some("held"));
    let asked = Asked {
        address: Some((given.to_owned(), request.query_string().to_owned())),
        cursor: query.cursor()?,
        comment: wanted.and_then(request::parse_id),
    };
    show_with(&state, &account, id, asked, StatusCode::OK, form).await
}

/// The parts of a request for a post's page other than the id.
pub(super) struct Asked {
    /// The last segment of the path, and the query, if other forms of the address must redirect.
    address: Option<(String, String)>,
    /// The start of the page of comments.
    cursor: Option<Cursor>,
    /// The comment that the page must show.
    comment: Option<i64>,
}

impl Asked {
    /// A request at any address, for the page of comments that starts here.
    pub(super) fn from_cursor(cursor: Option<Cursor>) -> Asked {
        Asked { address: None, cursor, comment: None }
    }

    /// Redirects another form of the post's address to the post's own.
    fn lead(&self, post: &Post) -> AppResult<()> {
        let Some((given, query)) = &self.address else { return Ok(()) };
        if *given == post.address() {
            return Ok(());
        }
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        Err(AppError::Moved(format!("{}{query}", post.path())))
    }
}

/// A post with its comments and the form for a new one.
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
        let filter = Filter { withheld: access::withheld(viewer, post.facts()), state: None };
        let cursor = match asked.comment {
            Some(wanted) => place_of(connection, &post, wanted, viewer, filter)?,
            None => asked.cursor,
        };
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

/// GET /posts/{id}/body: only the text, which open pages fetch after it has changed. It is rendered
/// once for all of them.
pub async fn body(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let viewer = account.viewer();
    let page = state.renderings.begin().await?;
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
    let root = state.config.reach.path().into();
    let html = page.lay_out(move || PostBody { post, root }.render());
    let html = html.await?.map_err(AppError::internal)?;
    Ok(response.content_type("text/html; charset=utf-8").body(html))
}

/// The start of the page of comments that shows this comment, if the viewer may see it.
fn place_of(
    connection: &mut DbConnection,
    post: &Post,
    id: i64,
    viewer: Viewer,
    filter: Filter,
) -> QueryResult<Option<Cursor>> {
    let found = comment::get(connection, id).optional()?;
    let found = found.filter(|comment| {
        comment.post_id == post.id && access::sees_comment(viewer, comment.facts(post.facts()))
    });
    match found {
        Some(comment) => comment::page_of(connection, &comment, filter, ROWS),
        None => Ok(None),
    }
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
    let wanted = Query::of(&request)?.get("copy").and_then(Of::key);
    let owner = account.viewer().account();
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        let Some(owner) = owner else {
            return Ok(PostNew { frame, form: PostForm::blank(), unsaved: Vec::new() });
        };
        let copy = wanted.map(|of| working_copy::find(connection, owner, &of)).transpose()?;
        let form =
            copy.flatten().map_or_else(PostForm::blank, |copy| PostForm::of_copy(copy, None));
        let mut unsaved = working_copy::unsaved(connection, owner)?;
        unsaved.retain(|other| other.key != form.key);
        Ok(PostNew { frame, form, unsaved })
    })
    .await
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
    edit_with(&state, &account, id, StatusCode::OK, Beside::default()).await
}

/// POST /posts/{id}/edit: the form with the last version, beside one that was not saved.
pub async fn edit_beside(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let typed = PostForm::refused(&account.writing_form(body).await?, Errors::default());
    let beside = Beside { typed: Some(typed), ..Beside::default() };
    edit_with(&state, &account, id, StatusCode::OK, beside).await
}

/// The content beside the form of a post.
#[derive(Default)]
pub(super) struct Beside {
    /// A version that was not saved.
    pub(super) typed: Option<PostForm>,
    /// The complete address of a link to the draft that was just created.
    pub(super) link: Option<String>,
}

/// The form of a post, filled with the reader's unsaved changes.
pub(super) async fn edit_with(
    state: &State,
    account: &Account,
    id: i64,
    status: StatusCode,
    beside: Beside,
) -> AppResult<HttpResponse> {
    let (viewer, most) = (account.viewer(), state.config.quotas.draft_links);
    page(state, account, status, move |connection, frame| {
        let post = changeable(connection, id, viewer)?;
        let form = PostForm::of(&post, version_of(&post)?);
        let form = match &beside.typed {
            // The window continues with the text that it has kept.
            Some(typed) => PostForm { window: typed.window.clone(), ..form },
            None => with_copy(connection, &post, viewer, form)?,
        };
        let links = draft_links::of(connection, &post, most, beside.link)?;
        Ok(PostEdit { frame, id, form, typed: beside.typed, links })
    })
    .await
}

/// Fills the form of a post with the reader's unsaved changes.
fn with_copy(
    connection: &mut DbConnection,
    post: &Post,
    viewer: Viewer,
    form: PostForm,
) -> AppResult<PostForm> {
    let Some(account) = viewer.account() else { return Ok(form) };
    let copy = working_copy::find(connection, account, &Of::Post(post.id))?;
    Ok(match copy {
        Some(copy) if copy.typed.is_of(post) => form.knowing(copy.id),
        Some(copy) => PostForm::of_copy(copy, Some(post)),
        None => form,
    })
}

/// POST /posts
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.permit(Action::WritePost)?;
    let params = account.form(body).await?;
    let author = account.user();
    let new = NewPost::changeset(&params, now()).map(|new| new.by(author));
    let once = Once::of_form(&request, author, &params)?;
    let (asker, quota) = (account.asker.clone(), state.config.quotas.posts);
    let (owner, window) = (account.viewer().account(), Window::of(&params));
    let copy = params.get(FORM_KEY).and_then(Value::as_str).and_then(Of::key);
    let written = once.transact(&state.db, Touches::NewRows, move |tx| {
        let post = posts::insert(tx, &asker, quota, new?)?;
        if let (Some(owner), Some(copy)) = (owner, copy) {
            working_copy::saved(tx.connection, owner, &copy, &window)?;
        }
        Ok(Created::of(&post)?.about(events::of_post(post.id)).at(post.path()))
    });
    match written.await {
        Ok(written) => Ok(see(written.location.unwrap_or_else(|| "/".to_owned()))),
        Err(AppError::Invalid(errors)) => {
            let form = PostForm::refused(&params, errors);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page(&state, &account, status, move |_, frame| {
                Ok(PostNew { frame, form, unsaved: Vec::new() })
            })
            .await
        }
        Err(error) => Err(error),
    }
}

/// POST /posts/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "post")?;
    let params = account.writing_form(body).await?;
    match posts::change(&state, &account, id, &params, Precondition::of_form(&params)).await {
        Ok(post) => Ok(see(post.value.path())),
        Err(AppError::Conflict(_)) => conflict(&state, &account, id, params).await,
        Err(AppError::Invalid(errors)) => {
            let form = PostForm::refused(&params, errors);
            let (status, viewer) = (StatusCode::UNPROCESSABLE_ENTITY, account.viewer());
            page(&state, &account, status, move |connection, frame| {
                let post = changeable(connection, id, viewer)?;
                let form = PostForm { saved: Some(post.status), ..form };
                Ok(PostEdit { frame, id, form, typed: None, links: None })
            })
            .await
        }
        Err(error) => Err(error),
    }
}

/// Both versions, if the form was made from an older one.
async fn conflict(
    state: &State,
    account: &Account,
    id: i64,
    params: Params,
) -> AppResult<HttpResponse> {
    let viewer = account.viewer();
    page(state, account, StatusCode::CONFLICT, move |connection, frame| {
        let post = changeable(connection, id, viewer)?;
        let by = post::editor(connection, id)?;
        let saved = Saved { by, at: post.updated_at };
        let theirs = PostForm::of(&post, version_of(&post)?);
        let form = theirs.clone().over(&params);
        Ok(PostConflict { frame, id, saved, theirs, form })
    })
    .await
}

/// A post that this viewer may change.
pub(super) fn changeable(
    connection: &mut DbConnection,
    id: i64,
    viewer: Viewer,
) -> AppResult<Post> {
    let post = posts::visible(connection, id, viewer)?;
    answer(access::may(viewer, Action::ChangePost(post.facts())), "post")?;
    Ok(post)
}

/// POST /posts/{id}/delete: moves the post to the bin.
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.writing_form(body).await?;
    let entry = posts::put_in_bin(&state, &account, request::id(&request, "post")?).await?;
    Ok(see(undoable("/", entry)))
}
