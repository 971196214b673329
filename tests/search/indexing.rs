//! What becomes of events.

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
    assert_eq!(search.query(&notes).await.unwrap().len(), 1);

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
    // Even before the index knows.
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
    // Its position says that one is missing.
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
