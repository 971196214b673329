//! Entries of the bin are deleted for good: from its page, by the API, and after their time.

use actix_web::http::Method;
use chrono::{NaiveDateTime, TimeDelta};
use kilonova::db;
use kilonova::models::{bin, clock, upload};
use serde_json::json;

use super::{count, delete, led, log, page, restore, rows, send, topics};
use crate::support::{Site, within};

/// Fills the bin: a comment, then its post with a tag and another comment, then a comment on a post
/// that stays. Returns the ids of the entries.
async fn fill(site: &Site) -> [i64; 3] {
    let post = json!({"title": "Goes", "body": "b", "tags": ["t"]});
    site.post("/api/posts", &post).await.json(201);
    site.new_post("Stays").await;
    site.new_comment(1, "Before").await;
    site.new_comment(1, "Along").await;
    site.new_comment(2, "Elsewhere").await;
    let first = delete(site, "/comments/1").await;
    [first, delete(site, "/posts/1").await, delete(site, "/comments/3").await]
}

#[actix_web::test]
async fn deleting_for_good_deletes_everything_that_belongs_to_it() {
    let site = Site::start().await;
    let [_, post, elsewhere] = fill(&site).await;
    let written = log(&site, 0).await.len();
    assert_eq!(led(&send(&site, &format!("/bin/{post}/delete"), "").await), "/bin");
    assert_eq!((count(&site, "bin_entries"), rows(&site)), (1, 2));
    assert_eq!(led(&send(&site, &format!("/bin/{elsewhere}/delete"), "").await), "/bin");
    assert_eq!(rows(&site), 0);
    assert_eq!(topics(&log(&site, written).await), Vec::<&str>::new(), "events were sent");
    for entry in [post, elsewhere] {
        assert_eq!(restore(&site, entry).await.status, 404);
    }
    assert!(page(&site, "/bin").await.contains("The bin is empty."));
    site.stop().await;
}

#[actix_web::test]
async fn the_api_deletes_entries_of_the_bin_for_good() {
    let site = Site::start().await;
    let [_, post, elsewhere] = fill(&site).await;
    let written = log(&site, 0).await.len();
    let tag = [("if-match", "\"0123456789abcdef0123456789abcdef\"")];
    let other = site.send(Method::DELETE, "/api/posts/1", &tag, "".into()).await;
    assert_eq!(other.status, 412, "the tag is not that of the version in the bin");
    site.delete("/api/posts/1").await.json(204);
    site.delete("/api/comments/3").await.json(204);
    assert_eq!(rows(&site), 0);
    assert_eq!(topics(&log(&site, written).await), Vec::<&str>::new(), "events were sent");
    site.delete("/api/posts/1").await.error(404);
    site.delete("/api/comments/1").await.error(404);
    for entry in [post, elsewhere] {
        assert_eq!(restore(&site, entry).await.status, 404);
    }
    // Deleting a live post also deletes its comments in the bin.
    site.new_comment(2, "In the bin").await;
    delete(&site, "/comments/4").await;
    site.delete("/api/posts/2").await.json(204);
    assert_eq!(rows(&site), 0);
    site.stop().await;
}

/// Backdates all entries of the bin to `days` ago.
fn age(site: &Site, days: i64) {
    let time: NaiveDateTime = kilonova::models::now() - TimeDelta::days(days);
    site.home().execute(&format!("UPDATE bin_entries SET deleted_at = '{time}'"));
}

#[actix_web::test]
async fn entries_of_the_bin_expire_after_thirty_days() {
    let site = Site::start().await;
    fill(&site).await;
    age(&site, 29);
    assert!(page(&site, "/bin").await.contains("1 day left"));
    let home = site.stop_keeping_data().await;
    // The log is pruned last, so a pruned log means that the bin was pruned too.
    let pruned = async |site: &Site| {
        let gone = async { while site.get("/api/events?after=0").await.status != 410 {} };
        within("the pruner has gone round", gone).await;
    };
    let site = Site::start_in(home, |config| config.retention.count = Some(3)).await;
    pruned(&site).await;
    assert_eq!(count(&site, "bin_entries"), 3);
    age(&site, 31);
    site.new_post("One more event").await;
    let home = site.stop_keeping_data().await;

    // 0 days mean no limit.
    let unlimited = |config: &mut kilonova::config::Config| {
        config.retention.count = Some(2);
        config.bin = None;
    };
    let site = Site::start_in(home, unlimited).await;
    let oldest = async {
        loop {
            let told = site.get("/api/events?after=0").await.json(410);
            if told["oldest"].as_i64() >= Some(11) {
                break;
            }
        }
    };
    within("the pruner has gone round", oldest).await;
    assert_eq!(count(&site, "bin_entries"), 3);
    assert!(!page(&site, "/bin").await.contains(" left</span>"));
    let home = site.stop_keeping_data().await;

    let site = Site::start_in(home, |_| ()).await;
    let emptied = async { while rows(&site) > 0 {} };
    within("the bin is emptied", emptied).await;
    site.stop().await;
}

#[actix_web::test]
async fn an_upload_stays_while_a_text_in_the_bin_uses_it() {
    let site = Site::start().await;
    let gif = b"GIF89a\x03\0\x02\0\0\0\0\x2c\0\0\0\0\x03\0\x02\0\0\x02\x01\x01\0;".to_vec();
    let kind = [("content-type", "image/gif")];
    let uploaded = site.send(Method::POST, "/api/uploads", &kind, gif.into()).await.json(201);
    let url = uploaded["url"].as_str().unwrap();
    site.post("/api/posts", &json!({"title": "Shown", "body": format!("![]({url})")})).await;
    let comment = json!({"body": format!("![]({url})")});
    site.post("/api/posts/1/comments", &comment).await.json(201);
    let sweep = async |hours: i64| {
        let swept = site.db().transaction(move |tx| {
            let at = clock(tx.connection)? + TimeDelta::hours(hours);
            upload::sweep(tx.connection, at, 100).map_err(db::Error::from)
        });
        swept.await.unwrap().value
    };
    site.patch("/api/posts/1", &json!({"body": "Without it"})).await.json(200);
    let comment = delete(&site, "/comments/1").await;
    assert_eq!((sweep(0).await, sweep(25).await), (0, 0));
    led(&restore(&site, comment).await);
    let post = delete(&site, "/posts/1").await;
    assert_eq!((sweep(50).await, sweep(75).await), (0, 0));
    led(&restore(&site, post).await);
    assert_eq!((sweep(76).await, sweep(101).await), (0, 0));
    delete(&site, "/posts/1").await;
    site.delete("/api/posts/1").await.json(204);
    assert_eq!((sweep(102).await, sweep(127).await), (0, 1));
    assert_eq!(site.get(url).await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn the_oldest_entries_expire_first() {
    let site = Site::start().await;
    for number in 0..5 {
        site.new_post(&format!("Number {number}")).await;
        delete(&site, &format!("/posts/{}", number + 1)).await;
    }
    let prune = async |limit: usize| {
        let pruned = site.db().transaction(move |tx| {
            let after = clock(tx.connection)? + TimeDelta::days(1);
            bin::prune(tx.connection, after, limit).map_err(db::Error::from)
        });
        pruned.await.unwrap().value
    };
    assert_eq!(prune(2).await, 2);
    assert_eq!(count(&site, "bin_posts WHERE id > 2"), 3);
    assert_eq!((prune(5).await, prune(5).await), (3, 0));
    site.stop().await;
}
