//! The log over JSON.

use serde_json::json;

use crate::support::{Site, ids};

#[actix_web::test]
async fn paging_through_the_log_returns_each_event_once() {
    let site = Site::start().await;
    let post = site.new_post("One").await;
    for number in 0..7 {
        site.new_comment(1, &format!("c{number}")).await;
    }
    site.new_note("A note").await;
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = site.get(&format!("/api/events?after={after}&limit=4")).await.json(200);
        if ids(&page["events"]).is_empty() {
            break;
        }
        seen.extend(page["events"].as_array().unwrap().clone());
        after = page["last_event_id"].as_i64().unwrap();
    }
    let numbers: Vec<_> = seen.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    let first = &seen[0];
    assert_eq!(first["channel"], "posts");
    assert_eq!(first["event"], "post_created");
    assert_eq!(first["data"], post);
    assert!(first["inserted_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(first.as_object().unwrap().len(), 5);
    site.stop().await;
}

#[actix_web::test]
async fn a_filter_without_matches_still_advances_the_position() {
    let site = Site::start().await;
    site.new_post("One").await;
    site.new_comment(1, "c").await;
    let none = site.get("/api/events?after=0&channel=notes").await.json(200);
    assert_eq!(none, json!({"events": [], "last_event_id": 3}));
    let one = site.get("/api/events?after=0&channel=post_comments_1").await.json(200);
    assert_eq!((ids(&one["events"]), &one["last_event_id"]), (vec![3], &json!(3)));
    site.stop().await;
}

#[actix_web::test]
async fn an_invalid_position_is_refused() {
    let site = Site::start().await;
    site.new_note("One").await;
    for bad in [
        "",
        "?after=",
        "?after=-1",
        "?after=x",
        "?after=1.0",
        "?after=0&limit=0",
        "?after=0&limit=101",
        "?after=0&channel=posts,notes",
        "?after=0&channel=users",
    ] {
        site.get(&format!("/api/events{bad}")).await.error(422);
    }
    for future in ["2", "9223372036854775807", "18446744073709551615", "0&log=another"] {
        let gone = site.get(&format!("/api/events?after={future}")).await.json(410);
        assert_eq!(gone, json!({"error": "events before 1 are gone", "oldest": 1}));
    }
    assert_eq!(site.get("/api/events?after=1").await.json(200)["last_event_id"], 1);
    site.stop().await;
}

#[actix_web::test]
async fn a_row_that_is_not_json_breaks_no_reader() {
    let site = Site::start().await;
    for title in ["One", "Two", "Three"] {
        site.new_post(title).await;
    }
    let home = site.stop_keeping_data().await;
    home.execute("UPDATE kilonova_events SET payload = '{' WHERE position = 2");
    let site = Site::start_in(home, |_| ()).await;
    let page = site.get("/api/events?after=0").await.json(200);
    assert_eq!(ids(&page["events"]), [1, 2, 3]);
    assert_eq!(page["events"][1]["data"], json!(null));
    assert_eq!(page["events"][2]["data"]["title"], "Three");
    let mut socket = site.socket("/feed?last_event_id=0").await;
    for id in 1..=3 {
        assert_eq!(socket.next_json().await["id"], id);
    }
    site.new_post("Four").await;
    assert_eq!(socket.next_json().await["data"]["title"], "Four");
    site.stop().await;
}
