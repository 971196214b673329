//! Decides who may do what, and who sees what. The rules are pure functions without a database,
//! request or page. Every transport uses them: routes, lists, pages, sockets, streams, replays,
//! searches and stored responses.

mod audience;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod words;

pub use self::audience::{Audience, Seen};
pub use self::words::{CommentState, Role, Status};

/// The party that makes a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Viewer {
    /// A visitor who is not signed in.
    #[default]
    Nobody,
    /// An account.
    User {
        /// The account's id.
        id: i64,
        /// The account's role at the time of this request.
        role: Role,
    },
    /// Anyone, in open access.
    Anyone,
    /// The site itself, for example its search indexer.
    Site,
}

impl Viewer {
    /// The id of the account, if the viewer is one.
    pub fn account(self) -> Option<i64> {
        match self {
            Viewer::User { id, .. } => Some(id),
            Viewer::Nobody | Viewer::Anyone | Viewer::Site => None,
        }
    }
}

/// The facts about a post on which decisions depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostFacts {
    /// The account that wrote it.
    pub author: Option<i64>,
    /// Whether it is public.
    pub status: Status,
}

/// The facts about a comment on which decisions depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommentFacts {
    /// The account that wrote it.
    pub author: Option<i64>,
    /// The post that it is on.
    pub post: PostFacts,
    /// Whether it is shown.
    pub state: CommentState,
}

/// The facts about an item in the bin on which decisions depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinFacts {
    /// The post or the comment.
    pub thing: Binned,
    /// The account that deleted it; `None` if it was deleted in open access.
    pub deleted_by: Option<i64>,
}

/// A post or a comment that is in the bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binned {
    /// A post, with its comments.
    Post(PostFacts),
    /// A comment that was deleted separately.
    Comment(CommentFacts),
}

/// The facts about a post's comments that decide who may add one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The post.
    pub post: PostFacts,
    /// Whether new comments are refused.
    pub locked: bool,
    /// The site's rules.
    pub rules: CommentRules,
}

/// The site's rules for new comments under accounts access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommentRules {
    /// Whether readers without an account may comment; their comments are held.
    pub guests: bool,
    /// Whether the comments of a commenter are held until one of them is approved.
    pub holds_newcomers: bool,
}

/// The action that a viewer requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read a post and its comments.
    ReadPost(PostFacts),
    /// Write a post.
    WritePost,
    /// Change or delete a post.
    ChangePost(PostFacts),
    /// Write a comment.
    WriteComment(Thread),
    /// Change a comment.
    ChangeComment(CommentFacts),
    /// Delete a comment.
    DeleteComment(CommentFacts),
    /// Approve or hide a comment.
    ModerateComment(CommentFacts),
    /// List the comments that wait for approval.
    ReadHeld,
    /// List the contents of one's bin.
    ReadBin,
    /// Restore an item from the bin.
    Restore(BinFacts),
    /// Permanently delete an item in the bin.
    Discard(BinFacts),
    /// Read notes and follow changes to them.
    ReadNotes,
    /// Write a note.
    WriteNote,
    /// Change or delete a note written by this account.
    ChangeNote(Option<i64>),
    /// See the channels and nodes and their state.
    ReadChannels,
    /// Change the roles of accounts, and disable accounts.
    ManageUsers,
}

/// The decision about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The viewer may do it.
    Allowed,
    /// Requires an account: 401.
    SignIn,
    /// Not permitted for this account: 403.
    Forbidden,
    /// Not permitted for anyone until the thread is unlocked: 403.
    Locked,
    /// Treated as if it did not exist: 404.
    Hidden,
}

/// The non-public items that a viewer finds in lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// Those of one account.
    Of(i64),
    /// None of them.
    None,
}

impl Viewer {
    /// Returns whether the viewer is exempt from the rules.
    fn is_above_rules(self) -> bool {
        matches!(self, Viewer::Anyone | Viewer::Site | Viewer::User { role: Role::Admin, .. })
    }

    /// Returns whether the viewer is this account.
    fn is(self, account: Option<i64>) -> bool {
        matches!(self, Viewer::User { id, .. } if Some(id) == account)
    }

    /// Returns whether the viewer may write posts and notes.
    fn is_member(self) -> bool {
        matches!(self, Viewer::User { role: Role::Member, .. }) || self.is_above_rules()
    }
}

/// Decides whether a viewer may do something.
///
/// A viewer who is not signed in gets [`Verdict::SignIn`] before any other check, so that the
/// answer to a write does not reveal what exists.
pub fn may(viewer: Viewer, action: Action) -> Verdict {
    let allowed = match action {
        Action::WriteComment(thread) => return may_comment(viewer, thread),
        // In open access anyone may do everything else, but must not create admins that remain once
        // the site has accounts access.
        Action::ManageUsers if viewer == Viewer::Anyone => false,
        _ if viewer.is_above_rules() => true,
        Action::ReadPost(post) => return seen(viewer, post, true),
        _ if viewer == Viewer::Nobody => return Verdict::SignIn,
        Action::WritePost | Action::WriteNote => viewer.is_member(),
        Action::ChangePost(post) => {
            return seen(viewer, post, viewer.is_member() && viewer.is(post.author));
        }
        Action::ChangeComment(comment) => {
            return seen_comment(viewer, comment, viewer.is(comment.author));
        }
        Action::DeleteComment(comment) => {
            let own = viewer.is(comment.author) || viewer.is(comment.post.author);
            return seen_comment(viewer, comment, own);
        }
        Action::ModerateComment(comment) => {
            return seen_comment(viewer, comment, moderates(viewer, comment.post));
        }
        Action::Restore(binned) => return may_restore(viewer, binned),
        Action::Discard(binned) => return may_discard(viewer, binned),
        Action::ReadNotes | Action::ReadHeld | Action::ReadBin => true,
        Action::ChangeNote(author) => viewer.is_member() && viewer.is(author),
        Action::ReadChannels | Action::ManageUsers => false,
    };
    if allowed { Verdict::Allowed } else { Verdict::Forbidden }
}

/// Decides whether a viewer may add a comment. Nobody may comment on a locked thread.
fn may_comment(viewer: Viewer, thread: Thread) -> Verdict {
    let is_guest = viewer == Viewer::Nobody;
    match (is_guest && !thread.rules.guests, sees(viewer, thread.post)) {
        (true, _) => Verdict::SignIn,
        (false, false) => Verdict::Hidden,
        (false, true) if thread.locked => Verdict::Locked,
        (false, true) => Verdict::Allowed,
    }
}

/// Decides whether a viewer may permanently delete an item in the bin: they must see it there and
/// be permitted to delete it outside the bin.
fn may_discard(viewer: Viewer, binned: BinFacts) -> Verdict {
    match (sees_binned(viewer, binned), binned.thing) {
        (false, _) => Verdict::Hidden,
        (true, Binned::Post(post)) => may(viewer, Action::ChangePost(post)),
        (true, Binned::Comment(comment)) => may(viewer, Action::DeleteComment(comment)),
    }
}

/// Decides whether a viewer may restore an item. Authors may not restore an item that a moderator
/// deleted.
fn may_restore(viewer: Viewer, binned: BinFacts) -> Verdict {
    match may_discard(viewer, binned) {
        Verdict::Allowed if binned.deleted_by.is_some() && !viewer.is(binned.deleted_by) => {
            Verdict::Forbidden
        }
        verdict => verdict,
    }
}

/// Returns whether a new comment waits for approval. `approved` returns whether an account has a
/// visible comment.
pub fn is_held<E>(
    viewer: Viewer,
    thread: Thread,
    approved: impl FnOnce(i64) -> Result<bool, E>,
) -> Result<bool, E> {
    match viewer {
        Viewer::Nobody => Ok(true),
        Viewer::User { id, role: Role::Commenter } if thread.rules.holds_newcomers => {
            Ok(!viewer.is(thread.post.author) && !approved(id)?)
        }
        Viewer::User { .. } | Viewer::Anyone | Viewer::Site => Ok(false),
    }
}

/// Returns whether a viewer sees a post.
pub fn sees(viewer: Viewer, post: PostFacts) -> bool {
    post.status.is_public() || viewer.is_above_rules() || viewer.is(post.author)
}

/// Returns whether a draft link shows a post to a stranger. It does until everyone may read the
/// post.
pub fn sees_by_link(post: PostFacts) -> bool {
    !post.status.is_public()
}

/// Returns whether a viewer sees a comment. Only its author and the moderators see one that is not
/// visible.
pub fn sees_comment(viewer: Viewer, comment: CommentFacts) -> bool {
    sees(viewer, comment.post)
        && (comment.state == CommentState::Visible
            || moderates(viewer, comment.post)
            || viewer.is(comment.author))
}

/// Returns whether a viewer may approve and hide the comments of a post.
pub fn moderates(viewer: Viewer, post: PostFacts) -> bool {
    viewer.is_above_rules() || viewer.is(post.author)
}

/// Returns whether a viewer finds an item in the bin. Its author and the account that deleted it
/// do.
pub fn sees_binned(viewer: Viewer, binned: BinFacts) -> bool {
    let author = match binned.thing {
        Binned::Post(post) => post.author,
        Binned::Comment(comment) => comment.author,
    };
    viewer.is_above_rules() || viewer.is(author) || viewer.is(binned.deleted_by)
}

/// Whose items in the bin a viewer finds, whether written or deleted by that account: those for
/// which [`sees_binned`] returns true.
pub fn binned(viewer: Viewer) -> Scope {
    drafts(viewer)
}

/// The drafts that a viewer finds in lists: those for which [`sees`] returns true.
pub fn drafts(viewer: Viewer) -> Scope {
    match viewer {
        _ if viewer.is_above_rules() => Scope::All,
        Viewer::User { id, .. } => Scope::Of(id),
        _ => Scope::None,
    }
}

/// The authors on whose posts a viewer moderates comments: those for which [`moderates`] returns
/// true.
pub fn moderated(viewer: Viewer) -> Scope {
    drafts(viewer)
}

/// The authors whose non-visible comments on a post a viewer sees: those for which [`sees_comment`]
/// returns true.
pub fn withheld(viewer: Viewer, post: PostFacts) -> Scope {
    match viewer {
        _ if moderates(viewer, post) => Scope::All,
        Viewer::User { id, .. } => Scope::Of(id),
        _ => Scope::None,
    }
}

/// The verdict on an action on a comment.
fn seen_comment(viewer: Viewer, comment: CommentFacts, allowed: bool) -> Verdict {
    match sees_comment(viewer, comment) {
        false => Verdict::Hidden,
        true => seen(viewer, comment.post, allowed),
    }
}

/// The verdict on an action on a post or part of it, which is hidden from viewers who do not see
/// the post.
fn seen(viewer: Viewer, post: PostFacts, allowed: bool) -> Verdict {
    match sees(viewer, post) {
        false => Verdict::Hidden,
        true if allowed => Verdict::Allowed,
        true => Verdict::Forbidden,
    }
}

#[cfg(test)]
mod tests;
