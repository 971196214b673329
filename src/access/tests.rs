use proptest::prelude::*;

use super::*;

const COMMENTER: Viewer = Viewer::User { id: 1, role: Role::Commenter };
const MEMBER: Viewer = Viewer::User { id: 2, role: Role::Member };
const OTHER: Viewer = Viewer::User { id: 3, role: Role::Member };
const ADMIN: Viewer = Viewer::User { id: 4, role: Role::Admin };

fn post(author: Option<i64>, status: Status) -> PostFacts {
    PostFacts { author, status }
}

fn comment(author: Option<i64>, post: PostFacts) -> CommentFacts {
    CommentFacts { author, post, state: CommentState::Visible }
}

fn thread(post: PostFacts) -> Thread {
    Thread { post, locked: false, rules: CommentRules::default() }
}

fn status() -> impl Strategy<Value = Status> {
    use Status::{Archived, Draft, Published, Scheduled};
    prop_oneof![Just(Draft), Just(Scheduled), Just(Published), Just(Archived)]
}

fn state() -> impl Strategy<Value = CommentState> {
    use CommentState::{Held, Hidden, Visible};
    prop_oneof![Just(Held), Just(Visible), Just(Hidden)]
}

fn is_in(scope: Scope, account: Option<i64>) -> bool {
    match scope {
        Scope::All => true,
        Scope::Of(id) => account == Some(id),
        Scope::None => false,
    }
}

fn viewer() -> impl Strategy<Value = Viewer> {
    let role = prop_oneof![Just(Role::Commenter), Just(Role::Member), Just(Role::Admin)];
    prop_oneof![
        Just(Viewer::Nobody),
        Just(Viewer::Anyone),
        (1_i64..4, role).prop_map(|(id, role)| Viewer::User { id, role }),
    ]
}

#[test]
fn everyone_reads_published_posts_and_their_authors_change_them() {
    for status in [Status::Published, Status::Archived] {
        let post = post(Some(2), status);
        for viewer in [Viewer::Nobody, COMMENTER, MEMBER, OTHER, ADMIN, Viewer::Anyone] {
            assert_eq!(may(viewer, Action::ReadPost(post)), Verdict::Allowed);
        }
        let change = |viewer| may(viewer, Action::ChangePost(post));
        assert_eq!(change(Viewer::Nobody), Verdict::SignIn);
        assert_eq!(change(COMMENTER), Verdict::Forbidden);
        assert_eq!(change(OTHER), Verdict::Forbidden);
        for viewer in [MEMBER, ADMIN, Viewer::Anyone] {
            assert_eq!(change(viewer), Verdict::Allowed);
        }
    }
}

#[test]
fn a_draft_is_hidden_from_others() {
    let own = post(Some(2), Status::Draft);
    let nobodys = post(None, Status::Draft);
    assert_eq!(may(Viewer::Nobody, Action::ReadPost(own)), Verdict::Hidden);
    // A write does not reveal that it exists either.
    assert_eq!(may(Viewer::Nobody, Action::ChangePost(own)), Verdict::SignIn);
    for action in [
        Action::ReadPost(own),
        Action::ChangePost(own),
        Action::WriteComment(thread(own)),
        Action::ChangeComment(comment(Some(3), own)),
        Action::DeleteComment(comment(Some(3), own)),
        Action::ModerateComment(comment(Some(3), own)),
    ] {
        assert_eq!(may(OTHER, action), Verdict::Hidden, "{action:?}");
        assert_ne!(may(MEMBER, action), Verdict::Hidden, "{action:?}");
        assert_eq!(may(ADMIN, action), Verdict::Allowed, "{action:?}");
    }
    assert_eq!(may(MEMBER, Action::ReadPost(nobodys)), Verdict::Hidden);
    assert_eq!(may(ADMIN, Action::ReadPost(nobodys)), Verdict::Allowed);
}

#[test]
fn an_author_who_is_now_a_commenter_changes_no_posts() {
    let own = post(Some(1), Status::Published);
    assert_eq!(may(COMMENTER, Action::ChangePost(own)), Verdict::Forbidden);
    assert_eq!(may(COMMENTER, Action::ChangeNote(Some(1))), Verdict::Forbidden);
    let comment = comment(Some(1), own);
    assert_eq!(may(COMMENTER, Action::ChangeComment(comment)), Verdict::Allowed);
}

#[test]
fn a_posts_author_deletes_comments_but_does_not_change_them() {
    let comment = comment(Some(1), post(Some(2), Status::Published));
    assert_eq!(may(MEMBER, Action::DeleteComment(comment)), Verdict::Allowed);
    assert_eq!(may(MEMBER, Action::ChangeComment(comment)), Verdict::Forbidden);
    assert_eq!(may(OTHER, Action::DeleteComment(comment)), Verdict::Forbidden);
    assert_eq!(may(COMMENTER, Action::DeleteComment(comment)), Verdict::Allowed);
}

#[test]
fn roles_decide_who_writes_what() {
    let public = post(None, Status::Published);
    for (viewer, writes, comments, channels) in [
        (Viewer::Nobody, Verdict::SignIn, Verdict::SignIn, Verdict::SignIn),
        (COMMENTER, Verdict::Forbidden, Verdict::Allowed, Verdict::Forbidden),
        (MEMBER, Verdict::Allowed, Verdict::Allowed, Verdict::Forbidden),
        (ADMIN, Verdict::Allowed, Verdict::Allowed, Verdict::Allowed),
        (Viewer::Anyone, Verdict::Allowed, Verdict::Allowed, Verdict::Allowed),
    ] {
        assert_eq!(may(viewer, Action::WritePost), writes, "{viewer:?}");
        assert_eq!(may(viewer, Action::WriteNote), writes, "{viewer:?}");
        assert_eq!(may(viewer, Action::WriteComment(thread(public))), comments, "{viewer:?}");
        assert_eq!(may(viewer, Action::ReadChannels), channels, "{viewer:?}");
        let reads = if viewer == Viewer::Nobody { Verdict::SignIn } else { Verdict::Allowed };
        assert_eq!(may(viewer, Action::ReadNotes), reads, "{viewer:?}");
    }
}

#[test]
fn guests_comment_where_the_site_lets_them_and_wait_for_approval() {
    let public = post(Some(2), Status::Published);
    let rules = CommentRules { guests: true, holds_newcomers: false };
    let open = Thread { rules, ..thread(public) };
    assert_eq!(may(Viewer::Nobody, Action::WriteComment(open)), Verdict::Allowed);
    assert_eq!(may(Viewer::Nobody, Action::WriteComment(thread(public))), Verdict::SignIn);
    let draft = Thread { rules, ..thread(post(Some(2), Status::Draft)) };
    assert_eq!(may(Viewer::Nobody, Action::WriteComment(draft)), Verdict::Hidden);
    let held = |viewer, thread, approved| is_held(viewer, thread, |_| Ok::<_, ()>(approved));
    assert_eq!(held(Viewer::Nobody, open, true), Ok(true));
    for viewer in [COMMENTER, MEMBER, ADMIN, Viewer::Anyone] {
        assert_eq!(held(viewer, open, false), Ok(false));
    }
}

#[test]
fn newcomers_wait_until_one_comment_is_approved() {
    let rules = CommentRules { guests: false, holds_newcomers: true };
    let thread = |author| Thread { rules, ..thread(post(author, Status::Published)) };
    let held = |viewer, author, approved| {
        is_held(viewer, thread(author), |_| Ok::<_, ()>(approved)) == Ok(true)
    };
    assert!(held(COMMENTER, Some(2), false));
    assert!(!held(COMMENTER, Some(2), true));
    // Comments on their own posts are not held.
    assert!(!held(COMMENTER, Some(1), false));
    assert!(!held(MEMBER, Some(3), false));
    assert!(!held(ADMIN, Some(3), false));
}

#[test]
fn nobody_comments_on_a_locked_thread() {
    let locked = Thread { locked: true, ..thread(post(Some(2), Status::Published)) };
    assert_eq!(may(Viewer::Nobody, Action::WriteComment(locked)), Verdict::SignIn);
    for viewer in [COMMENTER, MEMBER, ADMIN, Viewer::Anyone] {
        assert_eq!(may(viewer, Action::WriteComment(locked)), Verdict::Locked);
    }
    // It does not reveal that the post exists either.
    let draft = Thread { locked: true, ..thread(post(Some(2), Status::Scheduled)) };
    assert_eq!(may(OTHER, Action::WriteComment(draft)), Verdict::Hidden);
}

#[test]
fn a_held_or_hidden_comment_is_seen_by_its_author_and_moderators() {
    let public = post(Some(2), Status::Published);
    for state in [CommentState::Held, CommentState::Hidden] {
        let withheld = CommentFacts { state, ..comment(Some(1), public) };
        for (viewer, moderates, changes) in [
            (Viewer::Nobody, Verdict::SignIn, Verdict::SignIn),
            (COMMENTER, Verdict::Forbidden, Verdict::Allowed),
            (MEMBER, Verdict::Allowed, Verdict::Forbidden),
            (OTHER, Verdict::Hidden, Verdict::Hidden),
            (ADMIN, Verdict::Allowed, Verdict::Allowed),
        ] {
            assert_eq!(may(viewer, Action::ModerateComment(withheld)), moderates, "{viewer:?}");
            assert_eq!(may(viewer, Action::ChangeComment(withheld)), changes, "{viewer:?}");
        }
    }
}

#[test]
fn a_commenter_cannot_restore_a_comment_that_a_moderator_deleted() {
    let thing = Binned::Comment(comment(Some(1), post(Some(2), Status::Published)));
    let binned = |deleted_by| BinFacts { thing, deleted_by };
    for (deleted_by, by_commenter, by_member) in [
        // In open access the account that deleted it is not recorded.
        (None, Verdict::Allowed, Verdict::Hidden),
        (Some(1), Verdict::Allowed, Verdict::Hidden),
        (Some(2), Verdict::Forbidden, Verdict::Allowed),
        (Some(4), Verdict::Forbidden, Verdict::Hidden),
    ] {
        let restore = |viewer| may(viewer, Action::Restore(binned(deleted_by)));
        assert_eq!(restore(COMMENTER), by_commenter, "{deleted_by:?}");
        assert_eq!(restore(MEMBER), by_member, "{deleted_by:?}");
        assert_eq!((restore(OTHER), restore(ADMIN)), (Verdict::Hidden, Verdict::Allowed));
        assert_eq!(restore(Viewer::Nobody), Verdict::SignIn);
        let discard = |viewer| may(viewer, Action::Discard(binned(deleted_by)));
        assert_eq!(discard(COMMENTER), Verdict::Allowed, "it is the commenter's own text");
    }
}

#[test]
fn a_withdrawn_post_is_gone_for_all_but_its_author() {
    let withdrawn = Audience::Withdrawn(Some(2));
    assert_eq!(withdrawn.seen_by(MEMBER), Seen::Whole);
    assert_eq!(withdrawn.seen_by(ADMIN), Seen::Whole);
    for viewer in [Viewer::Nobody, COMMENTER, OTHER] {
        assert_eq!(withdrawn.seen_by(viewer), Seen::Gone);
    }
}

#[test]
fn an_unknown_audience_is_for_admins_only() {
    for text in ["", "draft", "draft:", "draft:x", "everyone", "PUBLIC", "publi", ":2"] {
        let audience = Audience::parse(text);
        assert_eq!(audience.seen_by(ADMIN), Seen::Whole, "{text}");
        for viewer in [Viewer::Nobody, COMMENTER, MEMBER] {
            assert_eq!(audience.seen_by(viewer), Seen::Nothing, "{text}");
        }
    }
}

proptest! {
    #[test]
    fn lists_show_what_can_be_read_and_nothing_else(
        viewer in viewer(),
        status in status(),
        author in prop::option::of(1_i64..4),
    ) {
        let facts = post(author, status);
        let listed = status.is_public() || is_in(drafts(viewer), author);
        prop_assert_eq!(listed, sees(viewer, facts));
        prop_assert_eq!(listed, may(viewer, Action::ReadPost(facts)) == Verdict::Allowed);
        // Events about it go to the same viewers.
        prop_assert_eq!(listed, Audience::of(facts).seen_by(viewer) == Seen::Whole);
    }

    #[test]
    fn viewers_see_everything_that_they_may_change(
        viewer in viewer(),
        status in status(),
        author in prop::option::of(1_i64..4),
        writer in prop::option::of(1_i64..4),
        state in state(),
    ) {
        let post = post(author, status);
        let comment = CommentFacts { author: writer, post, state };
        for action in [
            Action::ChangePost(post),
            Action::WriteComment(thread(post)),
            Action::ModerateComment(comment),
            Action::ChangeComment(comment),
            Action::DeleteComment(comment),
        ] {
            if may(viewer, action) == Verdict::Allowed {
                prop_assert!(sees(viewer, post), "{:?}", action);
            }
        }
    }

    #[test]
    fn the_bin_lists_what_can_be_restored_and_nothing_that_is_hidden(
        viewer in viewer(),
        status in status(),
        author in prop::option::of(1_i64..4),
        writer in prop::option::of(1_i64..4),
        deleted_by in prop::option::of(1_i64..4),
        is_comment in any::<bool>(),
    ) {
        let post = post(author, status);
        let (thing, writer) = match is_comment {
            true => (Binned::Comment(comment(writer, post)), writer),
            false => (Binned::Post(post), author),
        };
        let facts = BinFacts { thing, deleted_by };
        let listed = is_in(binned(viewer), writer) || is_in(binned(viewer), deleted_by);
        prop_assert_eq!(listed, sees_binned(viewer, facts));
        let restores = may(viewer, Action::Restore(facts)) == Verdict::Allowed;
        let discards = may(viewer, Action::Discard(facts)) == Verdict::Allowed;
        prop_assert!(!restores || discards);
        prop_assert!(!discards || listed);
        if !listed {
            let hidden = [Verdict::Hidden, Verdict::SignIn];
            prop_assert!(hidden.contains(&may(viewer, Action::Restore(facts))));
        }
    }

    #[test]
    fn threads_show_the_comments_that_can_be_seen_and_no_others(
        viewer in viewer(),
        status in status(),
        author in prop::option::of(1_i64..4),
        writer in prop::option::of(1_i64..4),
        state in state(),
    ) {
        let post = post(author, status);
        let comment = CommentFacts { author: writer, post, state };
        let seen = sees_comment(viewer, comment);
        let shown = state == CommentState::Visible || is_in(withheld(viewer, post), writer);
        prop_assert_eq!(sees(viewer, post) && shown, seen);
        // Events about it go to nobody else.
        let audience = Audience::of_comment(comment);
        if audience.seen_by(viewer) == Seen::Whole {
            prop_assert!(seen);
        }
        if status.is_public() {
            prop_assert_eq!(audience.seen_by(viewer) == Seen::Whole, seen);
        }
        if moderates(viewer, post) {
            prop_assert_eq!(may(viewer, Action::ModerateComment(comment)), Verdict::Allowed);
            prop_assert!(is_in(moderated(viewer), author));
        }
    }

    #[test]
    fn viewers_who_lose_sight_of_a_comment_learn_that_it_is_gone(
        viewer in viewer(),
        author in prop::option::of(1_i64..4),
        writer in prop::option::of(1_i64..4),
        (before, after) in (state(), state()),
    ) {
        let post = post(author, Status::Published);
        let facts = |state| CommentFacts { author: writer, post, state };
        let sees = |state| sees_comment(viewer, facts(state));
        let expected = match (sees(before), sees(after)) {
            (_, true) => Seen::Whole,
            (true, false) => Seen::Gone,
            (false, false) => Seen::Nothing,
        };
        prop_assert_eq!(Audience::of_state(before, facts(after)).seen_by(viewer), expected);
    }

    #[test]
    fn an_audience_is_read_as_it_was_written(
        account in prop::option::of(any::<i64>()),
        other in prop::option::of(any::<i64>()),
    ) {
        for audience in [
            Audience::Held(account, other),
            Audience::Withheld(account, other),
            Audience::Public,
            Audience::Accounts,
            Audience::Draft(account),
            Audience::Withdrawn(account),
        ] {
            prop_assert_eq!(Audience::parse(&audience.to_string()), audience);
        }
    }
}
