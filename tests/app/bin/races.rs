//! Concurrent requests about one entry, and forms that are submitted twice.

use super::{delete, led, log, restore, rows, send, topics};
use crate::support::Site;

#[actix_web::test]
async fn a_restore_that_is_sent_twice_restores_once() {
    let site = Site::start().await;
    site.new_post("Restored").await;
    let entry = delete(&site, "/posts/1").await;
    let written = log(&site, 0).await.len();
    let form = format!("/bin/{entry}/restore");
    let sent =
        futures_util::future::join_all((0..4).map(|_| send(&site, &form, "next=%2Fposts%2F1")));
    for answer in sent.await {
        assert_eq!(led(&answer), "/posts/1");
    }
    assert_eq!(topics(&log(&site, written).await), ["post_updated", "post_published"]);
    // Without an address to redirect to, the response is 404.
    assert_eq!(restore(&site, entry).await.status, 404);
    // An address on another site is not followed.
    assert_eq!(send(&site, &form, "next=%2F%2Fevil.example").await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn a_concurrent_restore_and_deletion_for_good_do_not_mix() {
    let site = Site::start().await;
    for number in 1..=10 {
        site.new_post("Contested").await;
        site.new_comment(number, "With it").await;
        let entry = delete(&site, &format!("/posts/{number}")).await;
        let (path, api) = (format!("/bin/{entry}/delete"), format!("/api/posts/{number}"));
        let discard = async {
            if number % 2 == 0 { send(&site, &path, "").await } else { site.delete(&api).await }
        };
        let (restored, discarded) =
            futures_util::future::join(restore(&site, entry), discard).await;
        let there = site.get(&api).await.status == 200;
        match (restored.status, discarded.status) {
            // The API also deletes the restored post.
            (303, 204) => assert!(!there, "{number}"),
            (303, 404) => assert!(there, "{number}"),
            (404, 303 | 204) => assert!(!there, "{number}"),
            other => panic!("{number}: {other:?}"),
        }
        let comments = site.get(&format!("{api}/comments")).await;
        assert_eq!(comments.status, if there { 200 } else { 404 });
        assert_eq!(rows(&site), 0, "{number}");
    }
    site.stop().await;
}
