//! Recovery after a stop, a panic, and damage to the index.

use std::path::PathBuf;

use kilonova::access::CommentState;
use kilonova::search::{Disturbance, SearchError};
use kilonova_test::member::soon;
use serde_json::json;

use crate::support::{World, logged};

async fn survives(disturbance: Disturbance, word: &str) {
    let world = World::new().await;
    let search = world.search();
    world.post("Earlier", word).await;
    assert_eq!(world.ids(&search, word).await.len(), 1);
    for times in 1..=2 {
        search.disturb(disturbance);
        world.post(&format!("After {word} {times}"), word).await;
        assert_eq!(world.ids(&search, word).await.len(), times + 1);
        assert_eq!(search.starts(), times as u64 + 1);
        // It is a member of each group again, exactly once.
        assert_eq!(world.feed.pubsub().get_members("posts").await.unwrap().len(), 1);
        assert_eq!(world.feed.pubsub().get_members("notes").await.unwrap().len(), 1);
        assert_eq!(world.feed.pubsub().get_members("comments").await.unwrap().len(), 1);
    }
    search.stop().await;
    assert_eq!(world.feed.pubsub().get_members("posts").await.unwrap().len(), 0);
}

#[actix::test]
async fn it_starts_again_after_a_panic() {
    survives(Disturbance::Panic, "tellurium").await;
}

#[actix::test]
async fn it_starts_again_after_being_stopped() {
    survives(Disturbance::Stop, "antimony").await;
}

#[actix::test]
async fn uncommitted_changes_survive_a_panic() {
    let world = World::new().await;
    let search = world.search();
    world.settle(&search).await;
    for round in 0..5 {
        world.notes(20, "ytterbium").await;
        search.disturb(if round % 2 == 0 { Disturbance::Panic } else { Disturbance::Stop });
    }
    assert_eq!(world.ids(&search, "ytterbium").await.len(), 20);
    assert_eq!(search.indexed_position(), Some(100));
    search.stop().await;
}

#[actix::test]
async fn an_indexer_that_starts_over_does_not_log_an_event_again() {
    let world = World::new().await;
    let search = world.search();
    world.settle(&search).await;
    for round in 0..5 {
        let title = format!("Hafnium {round}");
        world.post(&title, "hafnium").await;
        let line = format!("Indexing new post: {title}");
        let is_logged = async {
            while logged(&line) == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        soon(is_logged).await;
        // Long before the change is committed, so the next actor applies it again.
        search.disturb(Disturbance::Panic);
        assert_eq!(world.ids(&search, "hafnium").await.len(), round + 1);
        assert_eq!(logged(&line), 1);
    }
    search.stop().await;
}

#[actix::test]
async fn stop_commits_and_the_next_start_goes_on_from_there() {
    let world = World::new().await;
    let search = world.search();
    world.settle(&search).await;
    world.post("Lutetium one", "lutetium").await;
    world.settle(&search).await;
    search.stop().await;
    assert!(matches!(search.caught_up(99).await, Err(SearchError::Stopped)));
    world.post("Lutetium two", "lutetium").await;

    let search = world.search();
    assert_eq!(world.ids(&search, "lutetium").await.len(), 2);
    // The second came from the log, not from the rows, and the first was not indexed again.
    assert_eq!(logged("Indexing new post: Lutetium one"), 1);
    assert_eq!(logged("Indexing new post: Lutetium two"), 1);
    search.stop().await;
}

#[actix::test]
async fn a_missing_index_is_built_from_the_rows() {
    let world = World::new().await;
    let post = world.post("Thulium post", "thulium").await;
    world.note("Thulium note", "thulium").await;
    world
        .post_with(json!({ "title": "Thulium draft", "body": "thulium", "status": "draft" }))
        .await;
    world.notes(300, "scandium").await;
    world.prune().await;
    let search = world.search();
    assert_eq!(world.ids(&search, "thulium").await.len(), 2);
    assert_eq!(world.ids(&search, "scandium").await.len(), 20);
    assert_eq!(logged("Indexing new post: Thulium post"), 0);
    world.delete_post(post.id).await;
    assert_eq!(world.ids(&search, "thulium").await.len(), 1);
    search.stop().await;

    std::fs::remove_dir_all(world.index()).unwrap();
    let search = world.search();
    assert_eq!(world.ids(&search, "thulium").await.len(), 1);
    search.stop().await;
}

#[actix::test]
async fn an_index_of_another_version_is_built_from_the_rows() {
    let world = World::new().await;
    let post = world.post("Outdated", "bohrium").await;
    world.comment(post.id, "bohrium", CommentState::Visible).await;
    world.comment(post.id, "bohrium", CommentState::Held).await;
    let search = world.search();
    world.settle(&search).await;
    search.stop().await;
    world.prune().await;
    let meta = world.index().join("meta.json");
    let written = std::fs::read_to_string(&meta).unwrap();
    let version = written.find("\"words-").expect("the analyzer's version") + 1;
    let outdated = format!("{}english-1{}", &written[..version], &written[version + 7..]);
    std::fs::write(&meta, outdated.replace(&written[version..version + 7], "english-1")).unwrap();

    let search = world.search();
    assert_eq!(world.ids(&search, "bohrium").await.len(), 2);
    assert_eq!(logged("another version wrote the search index; rebuilding it"), 1);
    search.stop().await;
}

fn segment_files(index: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.file_stem().is_some_and(|stem| stem.len() == 32)).collect();
    files.sort();
    files
}

#[actix::test]
async fn a_damaged_index_is_rebuilt() {
    let world = World::new().await;
    world.post("Damaged", "erbium").await;
    for which in 0..3 {
        let search = world.search();
        assert_eq!(world.ids(&search, "erbium").await.len(), 1);
        search.stop().await;
        let victim = match which {
            0 => world.index().join("meta.json"),
            1 => segment_files(&world.index()).remove(0),
            _ => segment_files(&world.index()).pop().unwrap(),
        };
        let bytes = std::fs::read(&victim).unwrap();
        std::fs::write(&victim, &bytes[..bytes.len() / 2]).unwrap();
    }
    let search = world.search();
    assert_eq!(world.ids(&search, "erbium").await.len(), 1);
    search.stop().await;
}

#[actix::test]
async fn an_index_that_cannot_be_written_is_reported_and_rebuilt() {
    let world = World::new().await;
    let search = world.search();
    world.post("Earlier", "polonium").await;
    assert_eq!(world.ids(&search, "polonium").await.len(), 1);
    std::fs::remove_dir_all(world.index()).unwrap();
    world.post("Later", "polonium").await;
    assert_eq!(world.ids(&search, "polonium").await.len(), 2);
    let reports = search.lines().into_iter().map(|line| line.text);
    let failed = |text: &String| text.starts_with("the indexer cannot write the search index: ");
    assert_eq!(reports.filter(failed).count(), 1);
    search.stop().await;
}

#[actix::test]
async fn an_index_that_fell_behind_the_log_is_built_from_the_rows() {
    let mut world = World::new().await;
    let search = world.search();
    let changed = world.post("Holmium one", "holmium").await;
    world.settle(&search).await;
    search.stop().await;
    world.update_post(changed.id, json!({ "body": "dysprosium" })).await;
    world.post("Holmium two", "holmium").await;
    world.prune().await;
    world.restart().await;
    world.post("Holmium three", "holmium").await;

    let search = world.search();
    assert_eq!(world.find(&search, "dysprosium").await[0].title, "Holmium one");
    assert_eq!(world.ids(&search, "body:holmium").await.len(), 2);
    assert_eq!(logged("Indexing new post: Holmium two"), 0);
    search.stop().await;
}

#[actix::test]
async fn an_index_of_another_database_is_built_from_the_rows() {
    let (one, other) = (World::new().await, World::new().await);
    one.post("Terbium", "terbium").await;
    let search = one.search();
    one.settle(&search).await;
    search.stop().await;
    other.post("Gadolinium", "gadolinium").await;
    std::fs::rename(one.index(), other.index()).unwrap();

    let search = other.search();
    // Both are at position 1, of different logs: the wrong one must not count.
    assert_eq!(other.ids(&search, "gadolinium").await.len(), 1);
    assert_eq!(other.ids(&search, "terbium").await, []);
    other.post("Europium", "europium").await;
    assert_eq!(other.ids(&search, "europium").await.len(), 1);
    search.stop().await;
}

#[actix::test]
async fn an_index_that_another_process_holds_is_waited_for() {
    let world = World::new().await;
    let holder = world.search();
    world.post("Samarium", "samarium").await;
    world.settle(&holder).await;
    let search = world.search();
    holder.stop().await;
    assert_eq!(world.ids(&search, "samarium").await.len(), 1);
    search.stop().await;
}
