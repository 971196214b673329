//! The `reindex` command: the index that it builds, and its refusal while a server runs.

use kilonova::access::CommentState;
use kilonova::search::{ReindexError, reindex};
use serde_json::json;

use crate::support::{World, logged};

#[actix::test]
async fn a_reindex_is_refused_while_a_server_holds_the_index() {
    let world = World::new().await;
    let search = world.search();
    world.post("Caesium", "caesium").await;
    world.settle(&search).await;
    let refused = reindex(&world.index(), &world.db, |_, _| {}).await;
    assert!(matches!(refused, Err(ReindexError::Held)));
    assert_eq!(world.ids(&search, "caesium").await.len(), 1);
    search.stop().await;
    reindex(&world.index(), &world.db, |_, _| {}).await.unwrap();
}

#[actix::test]
async fn a_reindex_finds_rows_that_were_never_in_the_log() {
    let world = World::new().await;
    let search = world.search();
    world.settle(&search).await;
    let post = world.post("Rubidium", "rubidium").await;
    world.post_with(json!({ "title": "A draft", "body": "rubidium", "status": "draft" })).await;
    world.settle(&search).await;
    search.stop().await;
    world.comment(post.id, "strontium", CommentState::Visible).await;
    world.comment(post.id, "strontium", CommentState::Held).await;
    world.update_post_secretly(post.id, json!({ "body": "strontium" })).await;

    let mut steps = Vec::new();
    let summary =
        reindex(&world.index(), &world.db, |done, total| steps.push((done, total))).await.unwrap();
    assert_eq!((summary.posts, summary.notes, summary.comments), (1, 0, 1));
    assert_eq!((steps.first(), steps.last()), (Some(&(0, 3)), Some(&(3, 3))));
    let search = world.search();
    assert_eq!(world.ids(&search, "strontium").await.len(), 2);
    assert_eq!(logged("Indexing new post: Rubidium"), 1);
    search.stop().await;
}
