//! The preview: a post's page with the current content of its form, as it would be published.
//! Nothing is saved.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use chrono::NaiveDateTime;
use serde_json::Value;

use super::draft_links::unlisted;
use super::page;
use super::posts::changeable;
use crate::access::Action;
use crate::controllers::account::Account;
use crate::controllers::body::Body;
use crate::controllers::request;
use crate::error::AppResult;
use crate::models::clock;
use crate::models::post::{MAX_TAGS, Post, Status};
use crate::models::user::User;
use crate::models::working_copy::Typed;
use crate::state::State;
use crate::views::pages::{Frame, PostAlone};

/// POST /posts/preview
pub async fn show(state: Data<State>, account: Account, body: Body) -> AppResult<HttpResponse> {
    account.permit(Action::WritePost)?;
    let params = account.form(body).await?;
    let typed = Typed::changeset(&params)?;
    let id = params.get("post").and_then(Value::as_str).and_then(request::parse_id);
    let (viewer, author) = (account.viewer(), account.user().cloned());
    let shown = page(&state, &account, StatusCode::OK, move |connection, frame| {
        let now = clock(connection)?;
        let saved = match id {
            Some(id) => changeable(connection, id, viewer)?,
            None => blank(author, now),
        };
        let frame = Frame { here: String::new(), ..frame };
        let says = "Preview. Nothing is saved.";
        Ok(PostAlone { frame, post: published(typed, saved, now), says })
    });
    Ok(unlisted(shown.await?))
}

/// A post that does not exist yet.
fn blank(author: Option<User>, now: NaiveDateTime) -> Post {
    let (user_id, author) = author.map(|user| (user.id, user.username)).unzip();
    Post {
        id: 0,
        title: String::new(),
        slug: None,
        body: String::new(),
        status: Status::Draft,
        author,
        user_id,
        tags: Vec::new(),
        inserted_at: now,
        updated_at: now,
        published_at: None,
        publish_at: None,
        comments_locked: false,
    }
}

/// The post with these fields, as if it were published now.
fn published(typed: Typed, saved: Post, now: NaiveDateTime) -> Post {
    let title = typed.title.trim();
    let tags = typed.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    let published_at = saved.published_at.unwrap_or(now);
    Post {
        title: if title.is_empty() { "Untitled" } else { title }.to_owned(),
        tags: tags.take(MAX_TAGS).map(ToOwned::to_owned).collect(),
        body: typed.body,
        status: Status::Published,
        published_at: Some(published_at),
        publish_at: None,
        updated_at: now.max(published_at),
        ..saved
    }
}
