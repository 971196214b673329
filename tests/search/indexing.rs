//! The effects of events on the index.

use kilonova::access::CommentState::{Held, Hidden, Visible};
use kilonova::search::{Kind, Query};
use serde_json::json;

use crate::support::{World, logged};

#[actix::test]
async fn posts_and_notes_are_found_once_created_and_not_once_deleted() {
    let world = World::new().await;
    let search = world.search();
    world.settle(&search).await;
    let post = world.post("Zirconium in posts", "About a metal.").await;
    let note = world.note("Zirconium in notes", "The same metal.").await;
    let mut ids = world.ids(&search, "zirconium").await;
    ids.sort_by_key(|(kind, _)| kind.as_str());
    assert_eq!(ids, [(Kind::Note, note.id), (Kind::Post, post.id)]);
    assert_eq!(logged("Indexing new post: Zirconium in posts"), 1);
    assert_eq!(logged("Indexing new note: Zirconium in notes"), 1);

    let notes = Query::parse("metal").unwrap().of_kind(Kind::Note);
    assert_eq!(search.query(&notes).await.unwrap().hits.len(), 1);

    world.delete_post(post.id).await;
    world.delete_note(note.id).await;
    assert_eq!(world.ids(&search, "zirconium").await, []);
    assert!(logged(&format!("Removing post {} from index", post.id)) >= 1);
    assert!(logged(&format!("Removing note {} from index", note.id)) >= 1);
    search.stop().await;
}

#[actix::test]
async fn an_update_replaces_the_indexed_text() {
    let world = World::new().await;
    let search = world.search();
    let post = world.post("Before", "osmium").await;
    assert_eq!(world.ids(&search, "osmium").await.len(), 1);
    world.update_post(post.id, json!({ "title": "After", "body": "iridium" })).await;
    assert_eq!(world.ids(&search, "osmium").await, []);
    assert_eq!(world.find(&search, "iridium").await[0].title, "After");
    search.stop().await;
}

#[actix::test]
async fn drafts_are_never_found_and_archived_posts_are() {
    let world = World::new().await;
    let search = world.search();
    let draft =
        world.post_with(json!({ "title": "Draft", "body": "hafnium", "status": "draft" })).await;
    let archived = world
        .post_with(json!({ "title": "Archived", "body": "hafnium", "status": "archived" }))
        .await;
    assert_eq!(world.ids(&search, "hafnium").await, [(Kind::Post, archived.id)]);
    world.update_post(draft.id, json!({ "status": "published" })).await;
    assert_eq!(world.ids(&search, "hafnium").await.len(), 2);
    world.update_post(draft.id, json!({ "status": "draft" })).await;
    assert_eq!(world.ids(&search, "hafnium").await, [(Kind::Post, archived.id)]);
    // Even while the index is stale.
    world.update_post_secretly(archived.id, json!({ "status": "draft" })).await;
    assert_eq!(world.ids(&search, "hafnium").await, []);
    assert_eq!(logged("Indexing new post: Draft"), 0);
    search.stop().await;
}

#[actix::test]
async fn unannounced_events_are_read_from_the_log() {
    let world = World::new().await;
    let search = world.search();
    world.post("First", "rhodium").await;
    world.settle(&search).await;
    world.silence(true);
    world.post("Second", "rhodium").await;
    world.silence(false);
    // The gap before its position shows that an event is missing.
    world.post("Third", "rhodium").await;
    assert_eq!(world.ids(&search, "rhodium").await.len(), 3);
    assert_eq!(logged("Indexing new post: Second"), 1);
    assert_eq!(logged("Indexing new post: Third"), 1);
    search.stop().await;
}

#[actix::test]
async fn a_burst_larger_than_the_mailbox_is_indexed_to_its_end() {
    let world = World::new().await;
    let search = world.search();
    world.settle(&search).await;
    world.notes(3000, "palladium").await;
    let hits = world.ids(&search, "palladium").await;
    assert_eq!(hits.len(), 20);
    assert_eq!(search.indexed_position(), Some(3000));
    search.stop().await;
}

#[actix::test]
async fn comments_are_found_while_everyone_may_read_them() {
    let world = World::new().await;
    let search = world.search();
    let post = world.post("On thorium", "About it.").await;
    let comment = world.comment(post.id, "Reads *gadolinium*.", Visible).await;
    let hits = world.find(&search, "gadolinium").await;
    assert_eq!(
        (hits[0].kind, hits[0].id, hits[0].post_id),
        (Kind::Comment, comment.id, Some(post.id))
    );
    assert_eq!(hits[0].title, "On thorium");
    assert_eq!(hits[0].snippet, "Reads <mark>gadolinium</mark>.");
    assert_eq!(world.ids(&search, "title:thorium").await, [(Kind::Post, post.id)]);

    world.edit_comment(comment.id, "Reads yttrium.").await;
    assert_eq!(world.ids(&search, "gadolinium").await, []);
    let of_comment = [(Kind::Comment, comment.id)];
    assert_eq!(world.ids(&search, "yttrium").await, of_comment);
    for state in [Hidden, Held] {
        world.moderate(comment.id, state).await;
        assert_eq!(world.ids(&search, "yttrium").await, [], "{state:?}");
        world.edit_comment(comment.id, "Still yttrium.").await;
        assert_eq!(world.ids(&search, "yttrium").await, [], "{state:?}");
        world.moderate(comment.id, Visible).await;
        assert_eq!(world.ids(&search, "yttrium").await, of_comment, "{state:?}");
    }
    let held = world.comment(post.id, "A held yttrium.", Held).await;
    assert_eq!(world.ids(&search, "yttrium").await, of_comment);
    world.delete_comment(held.id).await;
    world.delete_comment(comment.id).await;
    assert_eq!(world.ids(&search, "yttrium").await, []);
    search.stop().await;
}

#[actix::test]
async fn comments_disappear_and_reappear_with_their_post() {
    let world = World::new().await;
    let search = world.search();
    let post = world.post("On lanthanum", "About it.").await;
    let (mut ids, mut hidden) = (Vec::new(), Vec::new());
    // More comments than one read returns.
    for n in 0..70 {
        ids.push(world.comment(post.id, "lanthanum", Visible).await.id);
        if n < 3 {
            hidden.push(world.comment(post.id, "lanthanum", Hidden).await.id);
        }
    }
    let count = async |expected| {
        world.settle(&search).await;
        let query = Query::parse("lanthanum").unwrap().of_kind(Kind::Comment);
        assert_eq!(search.query(&query).await.unwrap().total, expected);
    };
    count(70).await;
    world.update_post(post.id, json!({ "status": "draft" })).await;
    count(0).await;
    // Comments are written, changed, hidden and deleted while the post is a draft.
    world.comment(post.id, "lanthanum", Visible).await;
    world.edit_comment(ids[0], "cerium").await;
    world.moderate(ids[1], Hidden).await;
    world.delete_comment(ids[2]).await;
    count(0).await;
    world.update_post(post.id, json!({ "status": "archived" })).await;
    count(68).await;
    assert_eq!(world.ids(&search, "cerium").await, [(Kind::Comment, ids[0])]);
    world.update_post(post.id, json!({ "title": "Another" })).await;
    count(68).await;
    world.delete_post(post.id).await;
    count(0).await;
    search.stop().await;
}

#[actix::test]
async fn comments_on_a_draft_are_found_once_it_is_published() {
    let world = World::new().await;
    let search = world.search();
    let draft = world.post_with(json!({ "title": "Draft", "body": "x", "status": "draft" })).await;
    let comment = world.comment(draft.id, "promethium", Visible).await;
    assert_eq!(world.ids(&search, "promethium").await, []);
    world.update_post(draft.id, json!({ "status": "published" })).await;
    assert_eq!(world.ids(&search, "promethium").await, [(Kind::Comment, comment.id)]);
    // Even while the index is stale.
    world.update_post_secretly(draft.id, json!({ "status": "draft" })).await;
    assert_eq!(world.ids(&search, "promethium").await, []);
    search.stop().await;
}
