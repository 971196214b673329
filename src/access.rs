//! Who may do what, and who sees what. Pure: knows no database, no request and no page. Every
//! transport asks here: routes, lists, pages, sockets, streams, replays, searches and stored
//! responses.

mod audience;
mod words;

pub use self::audience::{Audience, Seen};
pub use self::words::{Role, Status};

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
    /// To write a comment on a post.
    WriteComment(PostFacts),
    /// To change a comment.
    ChangeComment(CommentFacts),
    /// To delete a comment.
    DeleteComment(CommentFacts),
    /// To read notes, and to follow them.
    ReadNotes,
    /// To write a note.
    WriteNote,
    /// To change or delete a note that this account wrote.
    ChangeNote(Option<i64>),
    /// To see which channels and nodes there are.
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
    /// As if it were not there: 404.
    Hidden,
}

/// The drafts that a viewer finds in lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drafts {
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
    if action == Action::ManageUsers && viewer == Viewer::Anyone {
        // Whoever may do everything else must not make an admin of the time when accounts decide.
        return Verdict::Forbidden;
    }
    if viewer.is_above_rules() {
        return Verdict::Allowed;
    }
    if viewer == Viewer::Nobody && !matches!(action, Action::ReadPost(_)) {
        return Verdict::SignIn;
    }
    let allowed = match action {
        Action::ReadPost(post) => return seen(viewer, post, true),
        Action::WritePost | Action::WriteNote => viewer.is_member(),
        Action::ChangePost(post) => {
            return seen(viewer, post, viewer.is_member() && viewer.is(post.author));
        }
        Action::WriteComment(post) => return seen(viewer, post, true),
        Action::ChangeComment(comment) => {
            return seen(viewer, comment.post, viewer.is(comment.author));
        }
        Action::DeleteComment(comment) => {
            let own = viewer.is(comment.author) || viewer.is(comment.post.author);
            return seen(viewer, comment.post, own);
        }
        Action::ReadNotes => true,
        Action::ChangeNote(author) => viewer.is_member() && viewer.is(author),
        Action::ReadChannels | Action::ManageUsers => false,
    };
    if allowed { Verdict::Allowed } else { Verdict::Forbidden }
}

/// Whether a viewer sees a post.
pub fn sees(viewer: Viewer, post: PostFacts) -> bool {
    match post.status {
        Status::Published | Status::Archived => true,
        Status::Draft => viewer.is_above_rules() || viewer.is(post.author),
    }
}

/// Which drafts a viewer finds in lists: those that [`sees`] says yes to.
pub fn drafts(viewer: Viewer) -> Drafts {
    match viewer {
        _ if viewer.is_above_rules() => Drafts::All,
        Viewer::User { id, .. } => Drafts::Of(id),
        _ => Drafts::None,
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
