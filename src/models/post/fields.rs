//! The fields of a post that a request or an import may set and change, and the rules for them.

use chrono::NaiveDateTime;

use super::{Post, Status};
use crate::changeset::{Changeset, Errors, Mode, Params, Text};
use crate::models::slug;
use crate::models::user::User;

/// The most bytes of a body.
pub const MAX_BODY: usize = 1024 * 1024;

/// The rules of a title.
pub const TITLE: Text =
    Text { required: true, min: 3, max: 200, max_bytes: 4096, single_line: true };
/// The rules of a body.
pub const BODY: Text =
    Text { required: true, min: 1, max: usize::MAX, max_bytes: MAX_BODY, single_line: false };
/// Imports accept a title of one character and an empty body, since other sites have them.
const IMPORTED_TITLE: Text = Text { min: 1, ..TITLE };
const IMPORTED_BODY: Text = Text { required: false, ..BODY };
/// An imported author may be several people, in one line.
const AUTHOR: Text =
    Text { required: false, min: 1, max: 1000, max_bytes: 8192, single_line: true };
/// The length of a slug; `models::slug` checks its characters.
pub const SLUG: Text =
    Text { required: false, min: 1, max: slug::CHOSEN, max_bytes: 2048, single_line: true };
/// The rules of a tag.
pub const TAG: Text = Text { required: false, min: 1, max: 50, max_bytes: 400, single_line: true };
/// The most tags of a post.
pub const MAX_TAGS: usize = 20;

/// The fields of a new post, validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// See [`Post::title`].
    pub title: String,
    /// See [`Post::body`].
    pub body: String,
    /// See [`Post::slug`].
    pub slug: Option<String>,
    /// Published by default.
    pub status: Status,
    /// See [`Post::author`].
    pub author: Option<String>,
    /// See [`Post::user_id`].
    pub user_id: Option<i64>,
    /// See [`Post::tags`].
    pub tags: Vec<String>,
    /// The place where an import found it. A second import from the same place is an update.
    pub source: Option<String>,
    /// See [`Post::publish_at`].
    pub publish_at: Option<NaiveDateTime>,
    /// See [`Post::comments_locked`].
    pub comments_locked: bool,
}

/// The fields that an update changes, validated. `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostChanges {
    title: Option<String>,
    body: Option<String>,
    slug: Option<String>,
    status: Option<Status>,
    publish_at: Option<NaiveDateTime>,
    tags: Option<Vec<String>>,
    author: Option<Option<String>>,
    inserted_at: Option<NaiveDateTime>,
    comments_locked: Option<bool>,
}

impl NewPost {
    /// Validates the fields of a new post. A scheduled post must have a time after `now`.
    pub fn changeset(params: &Params, now: NaiveDateTime) -> Result<NewPost, Errors> {
        NewPost::checked(params, now, TITLE, BODY)
    }

    fn checked(
        params: &Params,
        now: NaiveDateTime,
        title: Text,
        body: Text,
    ) -> Result<NewPost, Errors> {
        let mut changeset = Changeset::new(params, Mode::Create);
        let title = changeset.text("title", title);
        let is_required = body.required;
        let body = changeset.text("body", body).or((!is_required).then(String::new));
        let slug = slug(&mut changeset);
        let status = changeset.one_of("status", Status::parse).unwrap_or(Status::Published);
        let publish_at = changeset.time("publish_at");
        changeset.check(|errors| schedule(errors, status, publish_at, now));
        let tags = changeset.list("tags", MAX_TAGS, TAG).unwrap_or_default();
        let comments_locked = changeset.boolean("comments_locked").unwrap_or(false);
        changeset.finish(|| {
            Some(NewPost {
                title: title?,
                body: body?,
                slug,
                status,
                author: None,
                user_id: None,
                tags,
                source: None,
                publish_at: publish_at.filter(|_| status == Status::Scheduled),
                comments_locked,
            })
        })
    }

    /// The same post, written by this user, if any.
    pub fn by(self, user: Option<&User>) -> NewPost {
        NewPost {
            author: user.map(|user| user.username.clone()).or(self.author),
            user_id: user.map(|user| user.id),
            ..self
        }
    }

    /// Validates the fields that an import found at `source`, by the same rules, except that the
    /// title may have one or two characters and the body may be empty. Unlike a request, a file may
    /// name its author.
    pub fn imported(
        params: &Params,
        source: String,
        now: NaiveDateTime,
    ) -> Result<NewPost, Errors> {
        let new = NewPost::checked(params, now, IMPORTED_TITLE, IMPORTED_BODY)?;
        let mut changeset = Changeset::new(params, Mode::Create);
        let author = changeset.text("author", AUTHOR);
        changeset.finish(|| Some(NewPost { author, source: Some(source), ..new }))
    }
}

impl PostChanges {
    /// Validates any subset of a post's fields.
    pub fn changeset(params: &Params) -> Result<PostChanges, Errors> {
        let mut changeset = Changeset::new(params, Mode::Update);
        let title = changeset.text("title", TITLE);
        let body = changeset.text("body", BODY);
        let slug = slug(&mut changeset);
        let status = changeset.one_of("status", Status::parse);
        let publish_at = changeset.time("publish_at");
        let tags = changeset.list("tags", MAX_TAGS, TAG);
        let comments_locked = changeset.boolean("comments_locked");
        changeset.finish(|| {
            let unchanged = PostChanges::default();
            Some(PostChanges {
                title,
                body,
                slug,
                status,
                publish_at,
                tags,
                comments_locked,
                ..unchanged
            })
        })
    }

    /// The changes that give a post the fields of `new` and, if known, that date.
    pub fn to(new: NewPost, inserted_at: Option<NaiveDateTime>) -> PostChanges {
        PostChanges {
            title: Some(new.title),
            body: Some(new.body),
            slug: new.slug,
            status: Some(new.status),
            publish_at: new.publish_at,
            tags: Some(new.tags),
            author: Some(new.author),
            inserted_at,
            comments_locked: None,
        }
    }

    /// Applies these changes to `post`. If they schedule it, its time must be after `now`.
    pub fn applied(self, post: &Post, now: NaiveDateTime) -> Result<Post, Errors> {
        let after = self.merged(post);
        let mut errors = Errors::default();
        if (after.status, after.publish_at) != (post.status, post.publish_at) {
            schedule(&mut errors, after.status, after.publish_at, now);
        }
        if errors.is_empty() { Ok(after) } else { Err(errors) }
    }

    /// Applies these changes to `post` without checking its time.
    pub fn merged(self, post: &Post) -> Post {
        let status = self.status.unwrap_or(post.status);
        let publish_at = self.publish_at.or(post.publish_at);
        Post {
            title: self.title.unwrap_or_else(|| post.title.clone()),
            body: self.body.unwrap_or_else(|| post.body.clone()),
            slug: self.slug.or_else(|| post.slug.clone()),
            status,
            tags: self.tags.unwrap_or_else(|| post.tags.clone()),
            author: self.author.unwrap_or_else(|| post.author.clone()),
            inserted_at: self.inserted_at.unwrap_or(post.inserted_at),
            published_at: post.published_at.map(|at| self.inserted_at.unwrap_or(at)),
            publish_at: publish_at.filter(|_| status == Status::Scheduled),
            comments_locked: self.comments_locked.unwrap_or(post.comments_locked),
            ..post.clone()
        }
    }
}

fn slug(changeset: &mut Changeset<'_>) -> Option<String> {
    let slug = changeset.text("slug", SLUG);
    changeset.format("slug", slug, slug::is_valid, "is invalid")
}

/// Checks that a scheduled post has a time in the future. For other statuses the time is ignored.
fn schedule(
    errors: &mut Errors,
    status: Status,
    publish_at: Option<NaiveDateTime>,
    now: NaiveDateTime,
) {
    if status != Status::Scheduled || !errors.of("publish_at").is_empty() {
        return;
    }
    match publish_at {
        None => errors.add("publish_at", "can't be blank"),
        Some(time) if time <= now => errors.add("publish_at", "must be in the future"),
        Some(_) => {}
    }
}
