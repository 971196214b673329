//! Who may do what, and who sees what. Pure: knows no database, no request and no page. Every
//! transport asks here: routes, lists, pages, sockets, streams, replays, searches and stored
//! responses.

mod audience;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod words;

pub use self::audience::{Audience, Seen};
pub use self::words::{CommentState, Role, Status};

/// Who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Viewer {
    /// A visitor who is not signed in.
    #[default]
    Nobody,
    /// An account.
    User {
        /// Its id.
        id: i64,
        /// Its role, as of this request.
        role: Role,
    },
    /// Anyone at all, where access is open.
    Anyone,
    /// The site itself, as its search indexer.
    Site,
}

impl Viewer {
    /// The account, if it is one's.
    pub fn account(self) -> Option<i64> {
        match self {
            Viewer::User { id, .. } => Some(id),
            Viewer::Nobody | Viewer::Anyone | Viewer::Site => None,
        }
    }
}

/// A post, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostFacts {
    /// The account that wrote it.
    pub author: Option<i64>,
    /// Whether it is public.
    pub status: Status,
}

/// A comment, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommentFacts {
    /// The account that wrote it.
    pub author: Option<i64>,
    /// The post that it is on.
    pub post: PostFacts,
    /// Whether it shows.
    pub state: CommentState,
}

/// Something in the bin, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinFacts {
    /// The post or the comment.
    pub thing: Binned,
    /// The account that deleted it; none where access was open.
    pub deleted_by: Option<i64>,
}

/// A post or a comment that is in the bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binned {
    /// A post, with its comments.
    Post(PostFacts),
    /// A comment that was deleted by itself.
    Comment(CommentFacts),
}

/// A post's comments, as far as they decide who may add one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The post.
    pub post: PostFacts,
    /// Whether nobody may add one.
    pub locked: bool,
    /// The site's rules.
    pub rules: CommentRules,
}

/// The site's rules about new comments, where accounts decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommentRules {
    /// Whether those without an account may comment; their comments are held.
    pub guests: bool,
    /// Whether the comments of a commenter are held until one of them is approved.
    pub holds_newcomers: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To read a post, and its comments.
    ReadPost(PostFacts),
    /// To write a post.
    WritePost,
    /// To change or delete a post.
    ChangePost(PostFacts),
    /// To write a comment.
    WriteComment(Thread),
    /// To change a comment.
    ChangeComment(CommentFacts),
    /// To delete a comment.
    DeleteComment(CommentFacts),
    /// To approve a comment, or to hide it.
    ModerateComment(CommentFacts),
    /// To see which comments wait for approval.
    ReadHeld,
    /// To see what is in one's bin.
    ReadBin,
    /// To restore what is in the bin.
    Restore(BinFacts),
    /// To delete for good what is in the bin.
    Discard(BinFacts),
    /// To read notes, and to follow them.
    ReadNotes,
    /// To write a note.
    WriteNote,
    /// To change or delete a note that this account wrote.
    ChangeNote(Option<i64>),
    /// To see which channels and nodes there are, and how they do.
    ReadChannels,
    /// To change roles of accounts, and to disable them.
    ManageUsers,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// Not without an account: 401.
    SignIn,
    /// Not with this account: 403.
    Forbidden,
    /// Nobody may, until the thread is unlocked: 403.
    Locked,
    /// As if it were not there: 404.
    Hidden,
}

/// Which of the things that are not public a viewer finds in lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those of one account.
    Of(i64),
    /// None.
    None,
}

impl Viewer {
    /// Whether no rule holds for it.
    fn is_above_rules(self) -> bool {
        matches!(self, Viewer::Anyone | Viewer::Site | Viewer::User { role: Role::Admin, .. })
    }

    /// Whether it is this account.
    fn is(self, account: Option<i64>) -> bool {
        matches!(self, Viewer::User { id, .. } if Some(id) == account)
    }

    /// Whether its role writes posts and notes.
    fn is_member(self) -> bool {
        matches!(self, Viewer::User { role: Role::Member, .. }) || self.is_above_rules()
    }
}

/// Whether a viewer may do something.
///
/// Who is not signed in is told so before anything else, so that the answer to a write does not
/// tell what exists.
pub fn may(viewer: Viewer, action: Action) -> Verdict {
    let allowed = match action {
        Action::WriteComment(thread) => return may_comment(viewer, thread),
        // Whoever may do everything else must not make an admin of the time when accounts decide.
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

/// Whether a viewer may add a comment. A locked thread takes none from anybody.
fn may_comment(viewer: Viewer, thread: Thread) -> Verdict {
    let is_guest = viewer == Viewer::Nobody;
    match (is_guest && !thread.rules.guests, sees(viewer, thread.post)) {
        (true, _) => Verdict::SignIn,
        (false, false) => Verdict::Hidden,
        (false, true) if thread.locked => Verdict::Locked,
        (false, true) => Verdict::Allowed,
    }
}

/// Whether a viewer may delete something in the bin for good: those who may delete it anyway, if
/// they find it there.
fn may_discard(viewer: Viewer, binned: BinFacts) -> Verdict {
    match (sees_binned(viewer, binned), binned.thing) {
        (false, _) => Verdict::Hidden,
        (true, Binned::Post(post)) => may(viewer, Action::ChangePost(post)),
        (true, Binned::Comment(comment)) => may(viewer, Action::DeleteComment(comment)),
    }
}

/// Whether a viewer may restore something: what a moderator has removed, its writer may not.
fn may_restore(viewer: Viewer, binned: BinFacts) -> Verdict {
    match may_discard(viewer, binned) {
        Verdict::Allowed if binned.deleted_by.is_some() && !viewer.is(binned.deleted_by) => {
            Verdict::Forbidden
        }
        verdict => verdict,
    }
}

/// Whether a new comment waits for approval. `approved` tells whether the viewer has a visible one.
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

/// Whether a viewer sees a post.
pub fn sees(viewer: Viewer, post: PostFacts) -> bool {
    post.status.is_public() || viewer.is_above_rules() || viewer.is(post.author)
}

/// Whether a link of its own leads a stranger to a post: until everyone may read it.
pub fn sees_by_link(post: PostFacts) -> bool {
    !post.status.is_public()
}

/// Whether a viewer sees a comment: one that does not show, its author and the moderators do.
pub fn sees_comment(viewer: Viewer, comment: CommentFacts) -> bool {
    sees(viewer, comment.post)
        && (comment.state == CommentState::Visible
            || moderates(viewer, comment.post)
            || viewer.is(comment.author))
}

/// Whether a viewer approves and hides the comments of a post.
pub fn moderates(viewer: Viewer, post: PostFacts) -> bool {
    viewer.is_above_rules() || viewer.is(post.author)
}

/// Whether a viewer finds something in the bin: its author does, and whoever deleted it.
pub fn sees_binned(viewer: Viewer, binned: BinFacts) -> bool {
    let author = match binned.thing {
        Binned::Post(post) => post.author,
        Binned::Comment(comment) => comment.author,
    };
    viewer.is_above_rules() || viewer.is(author) || viewer.is(binned.deleted_by)
}

/// Whose things in the bin a viewer finds, written or deleted by them: those that [`sees_binned`]
/// says yes to.
pub fn binned(viewer: Viewer) -> Scope {
    drafts(viewer)
}

/// Which drafts a viewer finds in lists: those that [`sees`] says yes to.
pub fn drafts(viewer: Viewer) -> Scope {
    match viewer {
        _ if viewer.is_above_rules() => Scope::All,
        Viewer::User { id, .. } => Scope::Of(id),
        _ => Scope::None,
    }
}

/// Of which authors' posts a viewer moderates the comments: those that [`moderates`] says yes to.
pub fn moderated(viewer: Viewer) -> Scope {
    drafts(viewer)
}

/// Of whom a viewer sees the comments of a post that do not show: those that [`sees_comment`] says
/// yes to.
pub fn withheld(viewer: Viewer, post: PostFacts) -> Scope {
    match viewer {
        _ if moderates(viewer, post) => Scope::All,
        Viewer::User { id, .. } => Scope::Of(id),
        _ => Scope::None,
    }
}

/// The verdict about a comment.
fn seen_comment(viewer: Viewer, comment: CommentFacts, allowed: bool) -> Verdict {
    match sees_comment(viewer, comment) {
        false => Verdict::Hidden,
        true => seen(viewer, comment.post, allowed),
    }
}

/// The verdict about a part of a post, which is not there for those who do not see the post.
fn seen(viewer: Viewer, post: PostFacts, allowed: bool) -> Verdict {
    match sees(viewer, post) {
        false => Verdict::Hidden,
        true if allowed => Verdict::Allowed,
        true => Verdict::Forbidden,
    }
}

#[cfg(test)]
mod tests;
