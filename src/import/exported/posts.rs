//! Posts of an export: how they are recognised, and their rows.

use std::collections::HashSet;

use chrono::NaiveDateTime;

use super::super::ImportError;
use super::fields::{self, Given};
use super::pages::{Page, changed_at};
use crate::changeset::{Errors, Text};
use crate::connection::DbConnection;
use crate::db::Tx;
use crate::events;
use crate::export::format::{POST_KEYS, POSTS};
use crate::models::post::{self, NewPost, Post, Status};
use crate::models::user::User;

const SOURCE: Text =
    Text { required: false, min: 1, max: usize::MAX, max_bytes: 2048, single_line: true };

/// A post of an export.
pub(super) struct PostPage {
    /// The post, with the id from the export.
    post: Post,
    account: Option<String>,
    /// The identity by which the import that created the post recognises it.
    source: Option<String>,
    aliases: Vec<String>,
}

impl PostPage {
    /// The identity of a post that has a different id here and no source.
    fn own_source(&self) -> String {
        format!("kilonova:{}@{}", self.post.id, self.post.inserted_at.and_utc().timestamp_micros())
    }

    fn resembles(&self, post: &Post) -> bool {
        post.title == self.post.title || post.inserted_at == self.post.inserted_at
    }
}

impl Page for PostPage {
    const FOLDER: &'static str = POSTS;
    const TABLE: &'static str = "posts";
    const KEYS: &'static [&'static str] = &POST_KEYS;
    type Row = Post;

    fn parse(given: &Given) -> Result<PostPage, Errors> {
        let params = &given.params;
        let mut changeset = fields::changeset(params);
        let id = fields::id(&mut changeset, "id");
        changeset.required("status", Status::parse);
        let inserted_at = fields::time(&mut changeset, "inserted_at");
        let updated_at = changeset.time("updated_at").or(inserted_at);
        let published_at = changeset.time("published_at");
        let account = fields::account(&mut changeset);
        let source = changeset.text("source", SOURCE);
        let times = || Some((id?, inserted_at?, updated_at?));
        let (id, inserted_at, updated_at) = changeset.finish(times)?;
        let aliases = fields::aliases(params)?;
        // A publishing time in the past makes a server publish the post at once.
        let new = NewPost::imported(params, String::new(), NaiveDateTime::MIN)?;
        let mut post = Post {
            id,
            title: new.title,
            slug: new.slug,
            body: new.body,
            status: new.status,
            author: new.author,
            user_id: None,
            tags: new.tags,
            inserted_at,
            updated_at,
            published_at,
            publish_at: new.publish_at,
            comments_locked: new.comments_locked,
        };
        if post.status.is_public() {
            post.published(inserted_at);
        }
        Ok(PostPage { post, account, source, aliases })
    }

    fn id(&self) -> i64 {
        self.post.id
    }

    fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    fn weight(&self) -> usize {
        self.post.body.len()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn find(
        &self,
        connection: &mut DbConnection,
        taken: &HashSet<i64>,
    ) -> diesel::QueryResult<Option<Post>> {
        let is_free = |post: &Post| !taken.contains(&post.id);
        let known = post::with_source(connection, self.post.id)?;
        if let Some((post, source)) = known
            && is_free(&post)
            && post.inserted_at == self.post.inserted_at
            && (source == self.source || post.title == self.post.title)
        {
            return Ok(Some(post));
        }
        let known = post::by_source(connection, &self.own_source())?.filter(is_free);
        if known.is_some() {
            return Ok(known);
        }
        match &self.source {
            Some(source) => {
                let known = post::by_source(connection, source)?;
                Ok(known.filter(|known| is_free(known) && self.resembles(known)))
            }
            None => Ok(None),
        }
    }

    fn id_of(row: &Post) -> i64 {
        row.id
    }

    fn row(&self, known: Option<&Post>, user: Option<&User>) -> Post {
        let user_id = user.map(|user| user.id);
        let post = self.post.clone();
        match known {
            // An import never removes an account, and a new change time alone is not a change.
            Some(known) => Post {
                id: known.id,
                updated_at: known.updated_at,
                user_id: user_id.or(known.user_id),
                ..post
            },
            None => Post { user_id, ..post },
        }
    }

    fn insert(&self, tx: &mut Tx<'_>, id: Option<i64>, row: Post) -> Result<Post, ImportError> {
        let own = self.own_source();
        let is_taken = match &self.source {
            Some(source) => post::by_source(tx.connection, source)?.is_some(),
            None => false,
        };
        let source = match &self.source {
            Some(source) if !is_taken => Some(source.as_str()),
            None if id.is_some() => None,
            _ => Some(own.as_str()),
        };
        let post = post::insert_whole(tx.connection, id, row, source)?;
        tx.announce(events::post_created(&post)?);
        Ok(post)
    }

    fn update(&self, tx: &mut Tx<'_>, before: Post, after: Post) -> Result<(), ImportError> {
        let at = changed_at(before.updated_at, self.post.updated_at);
        let updated = post::update(tx.connection, before, after, None, at)?;
        for event in events::of_update(&updated)? {
            tx.announce(event);
        }
        Ok(())
    }
}
