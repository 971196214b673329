//! The pages: one struct per template, with only the data that it shows. Owns the addresses that
//! pages link to; the data are rows from `models`, and the controllers decide when a page is shown
//! and with which status.
//!
//! Rendering a page renders Markdown, up to mebibytes of it: do it off the event loop.

mod about;
mod bin;
mod conflict;
mod docs;
mod embed;
mod lists;
mod overview;
mod text;

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use chrono::NaiveDateTime;

pub use self::bin::{BinPage, Undo};
pub use self::conflict::{NoteConflict, PostConflict, Saved};
pub(super) use self::docs::kinds;
pub use self::docs::{Docs, Reference};
pub use self::embed::Embed;
pub use self::lists::{Archive, Author, TagIndex, has_path, of_author, of_tag};
pub use self::overview::Overview;
pub(super) use self::text::comments as number_of_comments;
use super::forms::{
    AccountForm, CommentForm, LoginForm, NoteForm, PostForm, Problem, RegisterForm,
};
use super::{assets, feeds, filters};
use crate::access::{self, Action, CommentRules, CommentState, Scope, Verdict, Viewer};
use crate::models::comment::Comment;
use crate::models::draft_link::DraftLink;
use crate::models::note::Note;
use crate::models::post::{Heading, Neighbours, Post, Status};
use crate::models::sign_in::{BearerToken, SignIn};
use crate::models::user::User;
use crate::models::working_copy::Unsaved;
use crate::models::{Cursor, Page};
use crate::reach::Address;
use crate::site::{self, Site};

/// The placeholder id that a page's script replaces with the id of a later comment or note.
const ANY: i64 = 0;

/// A placeholder for a later comment or note.
struct Any {
    id: i64,
}

/// The frame of every page.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// True if anyone who reaches the address may read and write, which the page then says.
    pub open: bool,
    /// The log position that the page reflects, from which its script continues.
    pub position: i64,
    /// The log that the position belongs to.
    pub log: Arc<str>,
    /// The prefix of all paths of the site; empty for none.
    pub root: Arc<str>,
    /// The site's name and appearance.
    pub site: Arc<Site>,
    /// The site's public URL, if it has one.
    pub address: Option<Address>,
    /// The reader.
    pub reader: Reader,
    /// The reader, for permissions.
    pub viewer: Viewer,
    /// The path and query of the page.
    pub here: String,
    /// The site's rules about new comments.
    pub rules: CommentRules,
    /// The deletion that led here, which can be undone.
    pub undo: Option<Undo>,
}

impl Frame {
    /// The address of the site's icon, and its media type.
    fn icon(&self) -> (String, &'static str) {
        match &self.site.icon {
            Some(icon) => (own(&icon.name(), &icon.file), icon.media_type),
            None => (assets::asset("icon.svg"), "image/svg+xml"),
        }
    }

    /// The address of the style sheet with the owner's colours.
    fn sheet(&self) -> Option<String> {
        self.site.sheet.as_ref().map(|sheet| own(site::SHEET, sheet))
    }

    /// The name of the reader's account; empty without one.
    pub(super) fn account(&self) -> &str {
        match &self.reader {
            Reader::User(name) => name,
            Reader::Unknown | Reader::Guest => "",
        }
    }

    /// The address of the sign-in page, which leads back to a place on this page.
    fn sign_in(&self, place: &str) -> String {
        let back = if self.here.is_empty() { "/" } else { &self.here };
        let next = (back != "/").then(|| format!("{back}{place}"));
        address("/login", &[("next", next)])
    }

    /// True if the reader may write posts and notes.
    pub fn writes(&self) -> bool {
        access::may(self.viewer, Action::WritePost) == Verdict::Allowed
    }

    /// True if the reader may find drafts.
    fn has_drafts(&self) -> bool {
        access::drafts(self.viewer) != Scope::None
    }

    /// True if the reader may read notes.
    fn reads_notes(&self) -> bool {
        access::may(self.viewer, Action::ReadNotes) == Verdict::Allowed
    }

    /// True if the reader may write comments on a post.
    fn comments(&self, post: &Post) -> bool {
        let action = Action::WriteComment(post.thread(self.rules));
        access::may(self.viewer, action) == Verdict::Allowed
    }

    /// True if the reader has no account, on a site that needs accounts.
    fn is_guest(&self) -> bool {
        self.viewer == Viewer::Nobody
    }

    /// True if the reader may approve and hide comments on a post.
    pub(super) fn moderates(&self, post: &Post) -> bool {
        access::moderates(self.viewer, post.facts())
    }

    /// True if the reader may find comments that wait for approval.
    fn reads_held(&self) -> bool {
        self.writes() && matches!(self.reader, Reader::User(_))
    }

    /// True if the reader may see the state of the nodes.
    fn reads_nodes(&self) -> bool {
        access::may(self.viewer, Action::ReadChannels) == Verdict::Allowed
    }

    /// True if the reader may block the account of a comment.
    pub(super) fn blocks(&self, comment: &Comment) -> bool {
        let may = access::may(self.viewer, Action::ManageUsers) == Verdict::Allowed;
        let is_others = comment.user_id.is_some() && comment.user_id != self.user();
        may && (comment.id == ANY || is_others)
    }

    /// The id of the reader's account.
    fn user(&self) -> Option<i64> {
        match self.viewer {
            Viewer::User { id, .. } => Some(id),
            _ => None,
        }
    }

    /// True if the reader may change a post.
    fn changes(&self, post: &Post) -> bool {
        access::may(self.viewer, Action::ChangePost(post.facts())) == Verdict::Allowed
    }

    /// True if the reader may change a note.
    pub(super) fn changes_note(&self, note: &Note) -> bool {
        access::may(self.viewer, Action::ChangeNote(note.user_id)) == Verdict::Allowed
    }

    /// True if the reader may change every note.
    fn changes_all_notes(&self) -> bool {
        access::may(self.viewer, Action::ChangeNote(None)) == Verdict::Allowed
    }

    /// True if the reader may delete a comment on a post.
    pub(super) fn deletes(&self, comment: &Comment, post: &Post) -> bool {
        let action = Action::DeleteComment(comment.facts(post.facts()));
        access::may(self.viewer, action) == Verdict::Allowed
    }
}

/// The reader of a page.
#[derive(Clone, Debug, Default)]
pub enum Reader {
    /// Not looked up, as on an error page.
    #[default]
    Unknown,
    /// Not signed in.
    Guest,
    /// Signed in, with the account's name.
    User(String),
}

/// `GET /`, `/tags/{tag}` and `/authors/{username}`: the posts with a status, optionally with a tag
/// or by an account, newest first.
#[derive(Debug, Template)]
#[template(path = "posts/index.html")]
pub struct PostIndex {
    /// The page's frame.
    pub frame: Frame,
    /// The requested status.
    pub status: Status,
    /// The requested tag.
    pub tag: Option<String>,
    /// The requested account.
    pub author: Option<Author>,
    /// The start of the list; the newest post if `None`.
    pub cursor: Option<Cursor>,
    /// The posts.
    pub posts: Page<Post>,
    /// The number of comments by post id; posts without comments are missing.
    pub counts: HashMap<i64, i64>,
    /// The first steps, on a site without posts, for a reader who may write some.
    pub start: Option<Start>,
}

/// The commands that an empty site shows, for this server.
#[derive(Debug)]
pub struct Start(
    /// The server's address.
    pub Address,
);

impl Start {
    /// The address of the site, without a trailing slash.
    fn address(&self) -> String {
        self.0.to("")
    }

    /// The WebSocket address of the feed.
    fn live(&self) -> String {
        self.0.to("/feed").replacen("http", "ws", 1)
    }

    /// The address for new posts.
    fn posts(&self) -> String {
        self.0.to("/api/posts")
    }
}

/// `GET /posts/{id}`: a post with its comments; also shown after a refused comment.
#[derive(Debug, Template)]
#[template(path = "posts/show.html")]
pub struct PostShow {
    /// The page's frame.
    pub frame: Frame,
    /// The post.
    pub post: Post,
    /// The start of the list of comments; the oldest if `None`.
    pub cursor: Option<Cursor>,
    /// The comments.
    pub comments: Page<Comment>,
    /// The number of public comments.
    pub count: i64,
    /// The newest comment, and the cursor of its page.
    pub newest: Option<(i64, Option<Cursor>)>,
    /// The posts that were published before and after it.
    pub neighbours: Neighbours,
    /// The comment being written.
    pub form: CommentForm,
}

/// `GET /posts/{id}/body`: only the text of a post, for an open page.
#[derive(Debug, Template)]
#[template(path = "posts/body.html")]
pub struct PostBody {
    /// The post.
    pub post: Post,
    /// The prefix of all paths of the site; empty for none.
    pub root: Arc<str>,
}

/// `GET /moderation`: the comments that wait for approval, oldest first.
#[derive(Debug, Template)]
#[template(path = "posts/moderation.html")]
pub struct Moderation {
    /// The page's frame.
    pub frame: Frame,
    /// The start of the list; the oldest comment if `None`.
    pub cursor: Option<Cursor>,
    /// The comments.
    pub comments: Page<Comment>,
    /// Their posts, in no order.
    pub posts: Vec<Heading>,
}

/// `GET /posts/new`; also shown after a refused new post.
#[derive(Debug, Template)]
#[template(path = "posts/new.html")]
pub struct PostNew {
    /// The page's frame.
    pub frame: Frame,
    /// The post being written.
    pub form: PostForm,
    /// Other new posts of the reader that are not saved yet.
    pub unsaved: Vec<Unsaved>,
}

/// `GET /posts/{id}/edit`; also shown after a refused change of a post.
#[derive(Debug, Template)]
#[template(path = "posts/edit.html")]
pub struct PostEdit {
    /// The page's frame.
    pub frame: Frame,
    /// The post's id.
    pub id: i64,
    /// The post being changed.
    pub form: PostForm,
    /// An unsaved version, to copy from.
    pub typed: Option<PostForm>,
    /// The links to the post, while it is a draft.
    pub links: Option<DraftLinks>,
}

/// The links with which anyone can read a draft.
#[derive(Debug)]
pub struct DraftLinks {
    /// The valid links, oldest first.
    pub list: Vec<DraftLink>,
    /// True if another link may be added.
    pub may_add: bool,
    /// The absolute URL of a link that was just created.
    pub fresh: Option<String>,
}

/// `GET /drafts/{token}` and `POST /posts/preview`: a post alone, without comments and controls.
#[derive(Debug, Template)]
#[template(path = "posts/alone.html")]
pub struct PostAlone {
    /// The page's frame.
    pub frame: Frame,
    /// The post.
    pub post: Post,
    /// The reason why it is shown.
    pub says: &'static str,
}

/// `GET /notes`: the notes, newest first, and the form for a new one; also shown after a refusal.
#[derive(Debug, Template)]
#[template(path = "notes/index.html")]
pub struct NoteIndex {
    /// The page's frame.
    pub frame: Frame,
    /// The start of the list; the newest note if `None`.
    pub cursor: Option<Cursor>,
    /// The notes.
    pub notes: Page<Note>,
    /// The note being written.
    pub form: NoteForm,
}

/// `GET /notes/{id}`: one note in full.
#[derive(Debug, Template)]
#[template(path = "notes/show.html")]
pub struct NoteShow {
    /// The page's frame.
    pub frame: Frame,
    /// The note.
    pub note: Note,
}

/// `GET /notes/{id}/edit`; also shown after a refused change of a note.
#[derive(Debug, Template)]
#[template(path = "notes/edit.html")]
pub struct NoteEdit {
    /// The page's frame.
    pub frame: Frame,
    /// The note's id.
    pub id: i64,
    /// The note being changed.
    pub form: NoteForm,
    /// An unsaved version, to copy from.
    pub typed: Option<NoteForm>,
}

/// `GET /search`: the form and its results.
#[derive(Debug, Template)]
#[template(path = "search.html")]
pub struct Search {
    /// The page's frame.
    pub frame: Frame,
    /// The query, as typed.
    pub query: String,
    /// `post`, `note` or `comment`, if the search is restricted to these.
    pub kind: Option<&'static str>,
    /// The result.
    pub outcome: Outcome,
}

/// The result of a search.
#[derive(Debug)]
pub enum Outcome {
    /// There is no query.
    Idle,
    /// The query is malformed; the reason, for the reader.
    Invalid(String),
    /// A page of hits.
    Hits {
        /// The hits, best first; may be empty.
        hits: Vec<Hit>,
        /// The number of hits on all pages.
        total: usize,
        /// True on the first page.
        is_first: bool,
        /// The cursor of the next page.
        next: Option<String>,
    },
}

/// A search hit.
#[derive(Debug)]
pub struct Hit {
    /// `post`, `note` or `comment`.
    pub kind: &'static str,
    /// The path of its page.
    pub path: String,
    /// Its title, or the title of a comment's post, as text.
    pub title: String,
    /// An excerpt: HTML, escaped except for its `<mark>` tags, and inserted unchanged.
    pub snippet: String,
    /// When it was written or published.
    pub at: NaiveDateTime,
}

/// `GET /login`; also shown after a refused sign-in.
#[derive(Debug, Template)]
#[template(path = "accounts/login.html")]
pub struct Login {
    /// The page's frame.
    pub frame: Frame,
    /// True if registration is open.
    pub may_register: bool,
    /// The form as typed.
    pub form: LoginForm,
}

/// `GET /register`; also shown after a refused registration.
#[derive(Debug, Template)]
#[template(path = "accounts/register.html")]
pub struct Register {
    /// The page's frame.
    pub frame: Frame,
    /// The account being created.
    pub form: RegisterForm,
}

/// `GET /account`; also shown after its forms are sent.
#[derive(Debug, Template)]
#[template(path = "accounts/show.html")]
pub struct AccountPage {
    /// The page's frame.
    pub frame: Frame,
    /// The account.
    pub user: User,
    /// True if other readers of a post see the account's name.
    pub shows_presence: bool,
    /// The browsers that are signed in.
    pub sign_ins: Vec<SignIn>,
    /// The tokens.
    pub tokens: Vec<BearerToken>,
    /// The forms as typed.
    pub form: AccountForm,
}

/// The page shown if a form is refused and has no page to return to; it keeps everything typed.
#[derive(Debug, Template)]
#[template(path = "unsent.html")]
pub struct Unsent {
    /// The page's frame.
    pub frame: Frame,
    /// The failure, in a few words.
    pub title: String,
    /// The reason, and whether signing in helps.
    pub problem: Problem,
    /// The address to resend the form to, and the button's label; `None` if it can only be copied.
    pub resend: Option<(String, String)>,
    /// The name of the browser's copy of the form.
    pub copy: String,
    /// The single-line fields: name, label, text.
    pub lines: Vec<(&'static str, &'static str, String)>,
    /// The long text.
    pub body: String,
    /// The hidden fields.
    pub hidden: Vec<(&'static str, String)>,
}

/// The page for a failure.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The page's frame.
    pub frame: Frame,
    /// The status of the response.
    pub status: u16,
    /// The failure, in a few words.
    pub title: String,
    /// The message for the reader.
    pub message: String,
    /// True if the request was a form.
    pub is_of_form: bool,
}

impl PostIndex {
    /// The address of this list, starting at a cursor.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        let cursor = cursor.map(ToString::to_string);
        if let Some(author) = &self.author {
            return address(&of_author(&author.username), &[("cursor", cursor)]);
        }
        match &self.tag {
            Some(tag) if self.status == Status::Published && has_path(tag) => {
                address(&of_tag(tag), &[("cursor", cursor)])
            }
            tag => {
                let status = (self.status != Status::Published).then(|| self.status.as_str());
                let status = status.map(ToOwned::to_owned);
                address("/", &[("status", status), ("tag", tag.clone()), ("cursor", cursor)])
            }
        }
    }

    /// The path of the tag's or the account's feed, if it has posts.
    fn feed(&self) -> Option<String> {
        if self.status != Status::Published || self.posts.items.is_empty() {
            return None;
        }
        let author = self.author.as_ref().map(|author| feeds::of_author(&author.username));
        author.or(self.tag.as_deref().and_then(lists::feed_of_tag))
    }

    /// The tag or the name that follows the heading.
    fn named(&self) -> Option<&str> {
        let author = self.author.as_ref().map(|author| author.username.as_str());
        self.tag.as_deref().or(author)
    }

    /// The number of a post's comments; the card of an event may not have it.
    fn comments(&self, post: &Post) -> Option<String> {
        Some(text::comments(self.counts.get(&post.id).copied().unwrap_or_default()))
    }

    /// The tabs above a writer's list: name, address, and true for the current one.
    fn tabs(&self) -> [(&'static str, &'static str, bool); 4] {
        [
            ("Published", "/", Status::Published),
            ("Drafts", "/?status=draft", Status::Draft),
            ("Scheduled", "/?status=scheduled", Status::Scheduled),
            ("Unlisted", "/?status=archived", Status::Archived),
        ]
        .map(|(name, address, status)| (name, address, status == self.status))
    }

    /// The heading, unless it is the site's name.
    fn heading(&self) -> Option<&'static str> {
        match (self.status, &self.tag) {
            (_, Some(_)) => Some("Posts tagged"),
            (Status::Published, None) => self.author.as_ref().map(|_| "Posts by"),
            (Status::Draft, None) => Some("Drafts"),
            (Status::Scheduled, None) => Some("Scheduled"),
            (Status::Archived, None) => Some("Unlisted"),
        }
    }
}

impl PostShow {
    /// The post of the comments.
    fn thread(&self) -> Option<&Post> {
        Some(&self.post)
    }

    /// A placeholder comment for each state. With these the page has the controls for later
    /// comments: all that the reader may have on any comment of this post.
    fn menus(&self) -> Vec<Comment> {
        let user_id = self.frame.user();
        if user_id.is_none() && !self.frame.moderates(&self.post) {
            return Vec::new();
        }
        let states = [CommentState::Visible, CommentState::Held, CommentState::Hidden];
        let any = |state| Comment {
            id: ANY,
            post_id: self.post.id,
            body: String::new(),
            author: None,
            user_id,
            inserted_at: self.post.inserted_at,
            state,
        };
        states.into_iter().map(any).collect()
    }

    /// The path of the author's feed, if an account wrote the post and it is listed.
    fn feed(&self) -> Option<String> {
        let author = self.post.author.as_deref().filter(|_| self.post.user_id.is_some());
        author.filter(|_| self.post.status == Status::Published).map(feeds::of_author)
    }

    /// The address of the newest comment, if there are several.
    fn newest(&self) -> Option<String> {
        let (id, cursor) = self.newest.as_ref().filter(|_| self.count > 1)?;
        Some(format!("{}#comment-{id}", self.address(cursor.as_ref())))
    }

    /// The address for new comments. After a refusal it shows the same page of comments.
    fn action(&self) -> String {
        let path = format!("/posts/{}/comments", self.post.id);
        address(&path, &[("cursor", self.cursor.as_ref().map(ToString::to_string))])
    }

    /// The address of this post, with its comments starting at a cursor.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        address(&self.post.path(), &[("cursor", cursor.map(ToString::to_string))])
    }
}

impl Moderation {
    /// The title of a comment's post.
    fn title(&self, comment: &Comment) -> &str {
        let post = self.posts.iter().find(|post| post.id == comment.post_id);
        post.map_or("", |post| &post.title)
    }

    /// The address of this list, starting at a cursor.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        address("/moderation", &[("cursor", cursor.map(ToString::to_string))])
    }
}

impl NoteIndex {
    /// A placeholder note. With it the page has the controls for later notes.
    fn any(&self) -> Any {
        Any { id: ANY }
    }

    /// The address of the notes, starting at a cursor.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        address("/notes", &[("cursor", cursor.map(ToString::to_string))])
    }
}

impl Login {
    /// The address of the registration page, which continues at the same path.
    fn register(&self) -> String {
        address("/register", &[("next", self.form.next.clone())])
    }
}

impl Register {
    /// The address of the sign-in page, which continues at the same path.
    fn login(&self) -> String {
        address("/login", &[("next", self.form.next.clone())])
    }
}

impl Search {
    /// The choices of the kind: value, name, and true for the chosen one.
    fn kinds(&self) -> [(&'static str, &'static str, bool); 4] {
        [("", "All"), ("post", "Posts"), ("note", "Notes"), ("comment", "Comments")]
            .map(|(word, name)| (word, name, self.kind.unwrap_or_default() == word))
    }

    /// The address of this search, starting at a cursor.
    fn address(&self, cursor: Option<&String>) -> String {
        let (query, kind) = (self.query.clone(), self.kind.map(ToOwned::to_owned));
        address("/search", &[("q", Some(query)), ("kind", kind), ("cursor", cursor.cloned())])
    }
}

/// The address of one of the owner's files.
fn own(name: &str, file: &site::File) -> String {
    format!("/static/{name}?v={}", file.version)
}

/// A path with the parameters that have a value.
fn address(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut address = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters {
        if let Some(value) = value {
            address.push(separator);
            address.push_str(name);
            address.push('=');
            address.push_str(&super::encoded(value));
            separator = '&';
        }
    }
    address
}

#[cfg(test)]
mod tests;
