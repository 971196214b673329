//! The list of the bin's entries on its page: newest deletion first, with the beginnings of texts.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{Entry, Facts};
use crate::access::{BinFacts, Binned, CommentFacts, CommentState, PostFacts, Scope};
use crate::connection::DbConnection;
use crate::models::{Cursor, Page, paginate, post, substr};
use crate::schema::{bin_comments, bin_entries, bin_posts, posts};

/// The most characters of a text in the list.
const LENGTH: i32 = 2000;

/// An entry in a list.
#[derive(Clone, Debug)]
pub struct Line {
    /// The entry.
    pub entry: Entry,
    /// The title of the post, or of the post that the comment is on.
    pub title: String,
    /// The beginning of the text, as Markdown.
    pub body: String,
    /// The name of its author, if it has one.
    pub author: Option<String>,
    /// The facts that decide about it.
    pub facts: Facts,
}

/// A page of entries, newest deletion first: all of them, or those that an account has written or
/// deleted.
pub fn list(
    connection: &mut DbConnection,
    scope: Scope,
    after: Option<Cursor>,
    limit: usize,
) -> QueryResult<Page<Line>> {
    let mut query = bin_entries::table
        .order((bin_entries::deleted_at.desc(), bin_entries::id.desc()))
        .limit(limit as i64 + 1)
        .select(Entry::as_select())
        .into_boxed();
    match scope {
        Scope::All => {}
        Scope::Of(account) => {
            let own = bin_entries::user_id.eq(account).or(bin_entries::deleted_by.eq(account));
            query = query.filter(own);
        }
        Scope::None => return Ok(Page { items: Vec::new(), next: None }),
    }
    if let Some(Cursor { at, id }) = after {
        let earlier = bin_entries::deleted_at.lt(at).or(bin_entries::id.lt(id));
        query = query.filter(bin_entries::deleted_at.le(at).and(earlier));
    }
    let entries = query.load_iter::<Entry, _>(connection)?;
    let entries =
        paginate(entries, limit, |entry| (Cursor { at: entry.deleted_at, id: entry.id }, 0))?;
    let texts = Texts::of(connection, &entries.items)?;
    let items = entries.items.into_iter().filter_map(|entry| texts.line(entry)).collect();
    Ok(Page { items, next: entries.next })
}

/// A post's title, and the facts that decide about it.
type Heading = (String, PostFacts);

/// The beginning of a text, and the name of its author.
type Text = (String, Option<String>);

/// The texts on a page of the list, by the ids of posts and comments.
struct Texts {
    posts: HashMap<i64, (Heading, Text)>,
    comments: HashMap<i64, (Text, Option<i64>, CommentState)>,
    /// The posts of comments that are not in the bin.
    shown: HashMap<i64, Heading>,
}

impl Texts {
    fn of(connection: &mut DbConnection, entries: &[Entry]) -> QueryResult<Texts> {
        let of_posts: Vec<i64> = entries.iter().map(|entry| entry.post_id).collect();
        let of_comments: Vec<i64> = entries.iter().filter_map(|entry| entry.comment_id).collect();
        if entries.is_empty() {
            let (posts, comments) = (HashMap::new(), HashMap::new());
            return Ok(Texts { posts, comments, shown: HashMap::new() });
        }
        let binned = bin_posts::table
            .filter(bin_posts::id.eq_any(of_posts.clone()))
            .select((
                bin_posts::id,
                bin_posts::title,
                super::POST_FACTS,
                (substr(bin_posts::body, 1, LENGTH), bin_posts::author),
            ))
            .load::<(i64, String, post::Facts, Text)>(connection)?;
        let comments = bin_comments::table
            .filter(bin_comments::id.eq_any(of_comments))
            .select((
                bin_comments::id,
                (substr(bin_comments::body, 1, LENGTH), bin_comments::author),
                bin_comments::user_id,
                bin_comments::state,
            ))
            .load::<(i64, Text, Option<i64>, String)>(connection)?;
        let shown = posts::table
            .filter(posts::id.eq_any(of_posts))
            .select((posts::id, posts::title, post::FACTS))
            .load::<(i64, String, post::Facts)>(connection)?;
        let binned = binned.into_iter();
        let comments = comments.into_iter();
        let shown = shown.into_iter();
        Ok(Texts {
            posts: binned
                .map(|(id, title, facts, text)| (id, ((title, facts.into()), text)))
                .collect(),
            comments: comments
                .map(|(id, text, author, state)| (id, (text, author, CommentState::of(&state))))
                .collect(),
            shown: shown.map(|(id, title, facts)| (id, (title, facts.into()))).collect(),
        })
    }

    /// The line of an entry. `None` for a comment without any post, which a node of an older
    /// version may have left.
    fn line(&self, entry: Entry) -> Option<Line> {
        let binned = self.posts.get(&entry.post_id);
        let shown = self.shown.get(&entry.post_id);
        let (title, post) = shown.or(binned.map(|(heading, _)| heading))?.clone();
        let (thing, (body, author)) = match entry.comment_id {
            None => (Binned::Post(post), binned?.1.clone()),
            Some(id) => {
                let (text, author, state) = self.comments.get(&id)?.clone();
                (Binned::Comment(CommentFacts { author, post, state }), text)
            }
        };
        let access = BinFacts { thing, deleted_by: entry.deleted_by };
        let is_without_post = entry.comment_id.is_some() && shown.is_none();
        let facts = Facts { access, is_without_post };
        Some(Line { entry, title, body, author, facts })
    }
}
