use proptest::prelude::*;

use super::*;

const COMMENTER: Viewer = Viewer::User { id: 1, role: Role::Commenter };
const MEMBER: Viewer = Viewer::User { id: 2, role: Role::Member };
const OTHER: Viewer = Viewer::User { id: 3, role: Role::Member };
const ADMIN: Viewer = Viewer::User { id: 4, role: Role::Admin };

fn post(author: Option<i64>, status: Status) -> PostFacts {
    PostFacts { author, status }
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![Just(Status::Draft), Just(Status::Published), Just(Status::Archived)]
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
fn published_posts_are_everyones_to_read_and_their_authors_to_change() {
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
fn a_draft_is_not_there_for_others() {
    let own = post(Some(2), Status::Draft);
    let nobodys = post(None, Status::Draft);
    assert_eq!(may(Viewer::Nobody, Action::ReadPost(own)), Verdict::Hidden);
    // Nor does a write tell that it is there.
    assert_eq!(may(Viewer::Nobody, Action::ChangePost(own)), Verdict::SignIn);
    for action in [
        Action::ReadPost(own),
        Action::ChangePost(own),
        Action::WriteComment(own),
        Action::ChangeComment(CommentFacts { author: Some(3), post: own }),
        Action::DeleteComment(CommentFacts { author: Some(3), post: own }),
    ] {
        assert_eq!(may(OTHER, action), Verdict::Hidden, "{action:?}");
        assert_ne!(may(MEMBER, action), Verdict::Hidden, "{action:?}");
        assert_eq!(may(ADMIN, action), Verdict::Allowed, "{action:?}");
    }
    assert_eq!(may(MEMBER, Action::ReadPost(nobodys)), Verdict::Hidden);
    assert_eq!(may(ADMIN, Action::ReadPost(nobodys)), Verdict::Allowed);
}

#[test]
fn an_author_whose_role_writes_no_posts_any_more_changes_none() {
    let own = post(Some(1), Status::Published);
    assert_eq!(may(COMMENTER, Action::ChangePost(own)), Verdict::Forbidden);
    assert_eq!(may(COMMENTER, Action::ChangeNote(Some(1))), Verdict::Forbidden);
    let comment = CommentFacts { author: Some(1), post: own };
    assert_eq!(may(COMMENTER, Action::ChangeComment(comment)), Verdict::Allowed);
}

#[test]
fn a_posts_author_deletes_comments_and_changes_none() {
    let comment = CommentFacts { author: Some(1), post: post(Some(2), Status::Published) };
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
        assert_eq!(may(viewer, Action::WriteComment(public)), comments, "{viewer:?}");
        assert_eq!(may(viewer, Action::ReadChannels), channels, "{viewer:?}");
        let reads = if viewer == Viewer::Nobody { Verdict::SignIn } else { Verdict::Allowed };
        assert_eq!(may(viewer, Action::ReadNotes), reads, "{viewer:?}");
    }
}

#[test]
fn a_withdrawn_post_is_gone_for_others_and_there_for_its_author() {
    let withdrawn = Audience::Withdrawn(Some(2));
    assert_eq!(withdrawn.seen_by(MEMBER), Seen::Whole);
    assert_eq!(withdrawn.seen_by(ADMIN), Seen::Whole);
    for viewer in [Viewer::Nobody, COMMENTER, OTHER] {
        assert_eq!(withdrawn.seen_by(viewer), Seen::Gone);
    }
}

#[test]
fn an_audience_that_is_not_known_is_for_admins_alone() {
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
        let listed = match status {
            Status::Draft => match drafts(viewer) {
                Drafts::All => true,
                Drafts::Of(id) => author == Some(id),
                Drafts::None => false,
            },
            Status::Published | Status::Archived => true,
        };
        prop_assert_eq!(listed, sees(viewer, facts));
        prop_assert_eq!(listed, may(viewer, Action::ReadPost(facts)) == Verdict::Allowed);
        // What is told of it goes to the same.
        prop_assert_eq!(listed, Audience::of(facts).seen_by(viewer) == Seen::Whole);
    }

    #[test]
    fn who_changes_something_sees_it(
        viewer in viewer(),
        status in status(),
        author in prop::option::of(1_i64..4),
        writer in prop::option::of(1_i64..4),
    ) {
        let post = post(author, status);
        let comment = CommentFacts { author: writer, post };
        for action in [
            Action::ChangePost(post),
            Action::WriteComment(post),
            Action::ChangeComment(comment),
            Action::DeleteComment(comment),
        ] {
            if may(viewer, action) == Verdict::Allowed {
                prop_assert!(sees(viewer, post), "{:?}", action);
            }
        }
    }

    #[test]
    fn an_audience_is_read_as_it_was_written(account in prop::option::of(any::<i64>())) {
        for audience in [
            Audience::Public,
            Audience::Accounts,
            Audience::Draft(account),
            Audience::Withdrawn(account),
        ] {
            prop_assert_eq!(Audience::parse(&audience.to_string()), audience);
        }
    }
}
