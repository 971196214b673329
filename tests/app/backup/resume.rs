//! Readers who were connected before a restore.

use serde_json::Value;
use tempfile::tempdir;

use super::{backup, done, restore};
use crate::databases::Home;
use crate::support::{Site, within};

#[actix_web::test]
async fn readers_that_resume_after_a_restore_get_a_resync_and_then_each_event_once() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("site.backup");
    let site = Site::start().await;
    let mut early = site.socket("/feed").await;
    for number in 0..3 {
        site.new_post(&format!("In the backup {number}")).await;
        early.next_json().await;
    }
    done(backup(site.home(), &file));
    // These are lost, and their positions are reused.
    let mut late = site.socket("/feed").await;
    for number in 0..4 {
        site.new_post(&format!("Lost {number}")).await;
        late.next_json().await;
    }
    let log = site.get("/api/posts").await.header("log-id").unwrap().to_owned();
    early.close().await;
    late.close().await;
    drop(site.stop_keeping_data().await);

    let home = Home::new();
    done(restore(&home, &file));
    let site = Site::start_in(home, |_| ()).await;
    // One reader has seen the events in the backup, the other also later ones.
    let mut readers = Vec::new();
    for position in [2, 3, 7] {
        let path = format!("/feed?last_event_id={position}&log={log}");
        let mut reader = site.socket(&path).await;
        let resync = reader.next_json().await;
        assert_eq!((&resync["event"], &resync["id"]), (&"resync".into(), &3.into()), "{position}");
        readers.push(reader);
    }
    for number in 0..5 {
        site.new_post(&format!("After the restore {number}")).await;
    }
    for reader in &mut readers {
        for number in 0..5 {
            let frame = reader.next_json().await;
            assert_eq!(frame["id"], 4 + number);
            let title = format!("After the restore {number}");
            assert_eq!(frame["data"]["title"], Value::from(title));
        }
    }
    // The index is rebuilt from the rows, and finds no lost post.
    let hits = async |query: &str| {
        let found = site.get(&format!("/api/search?q={query}")).await;
        (found.status != 503).then(|| found.json(200)["hits"].as_array().unwrap().len())
    };
    within("the index", async { while hits("backup+OR+restore").await != Some(8) {} }).await;
    assert_eq!(hits("lost").await, Some(0));
    for reader in readers {
        reader.close().await;
    }
    site.stop().await;
}
