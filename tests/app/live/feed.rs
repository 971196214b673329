//! WS /feed: posts and comments in commit order.

use std::cell::Cell;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use kilonova::pubsub::Payload;
use serde_json::{Value, json};

use crate::support::{Raw, Site, Socket};

/// A complete frame of the feed.
fn frame(channel: &str, event: &str, data: &Value, id: i64) -> Value {
    json!({"channel": channel, "event": event, "data": data, "id": id})
}

#[actix_web::test]
async fn each_write_is_sent_once_in_its_shape() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;

    let post = site.new_post("Told").await;
    assert_eq!(feed.next_json().await, frame("posts", "post_created", &post, 1));

    let path = format!("/api/posts/{}", post["id"]);
    let changed = site.put(&path, &json!({"title": "Told again", "tags": ["x"]})).await.json(200);
    assert_eq!(feed.next_json().await, frame("posts", "post_updated", &changed, 2));
    let drafted = site.patch(&path, &json!({"status": "draft"})).await.json(200);
    assert_eq!(feed.next_json().await, frame("posts", "post_updated", &drafted, 3));
    let published = site.put(&path, &json!({"status": "published"})).await.json(200);
    assert_eq!(feed.next_json().await, frame("posts", "post_updated", &published, 4));
    assert_eq!(feed.next_json().await, frame("posts", "post_published", &published, 5));
    let changed = site.put(&path, &json!({"status": "published", "body": "new"})).await.json(200);
    assert_eq!(feed.next_json().await, frame("posts", "post_updated", &changed, 6));

    let comment = site.new_comment(post["id"].as_i64().unwrap(), "Mine").await;
    assert_eq!(feed.next_json().await, frame("comments", "comment_created", &comment, 7));
    let own = format!("/api/comments/{}", comment["id"]);
    let changed = site.put(&own, &json!({"body": "Ours"})).await.json(200);
    // Position 8 was new_comment, on the post's own channel.
    assert_eq!(feed.next_json().await, frame("comments", "comment_updated", &changed, 9));
    assert_eq!(site.delete(&own).await.status, 204);
    let data = json!({"id": comment["id"], "post_id": post["id"]});
    assert_eq!(feed.next_json().await, frame("comments", "comment_deleted", &data, 10));

    site.new_comment(post["id"].as_i64().unwrap(), "Goes with the post").await;
    assert_eq!(feed.next_json().await["event"], "comment_created");
    assert_eq!(site.delete(&path).await.status, 204);
    let data = json!({"id": post["id"]});
    assert_eq!(feed.next_json().await, frame("posts", "post_deleted", &data, 13));

    let last = site.new_post("The last word").await;
    assert_eq!(feed.next_json().await, frame("posts", "post_created", &last, 14));
    feed.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_new_draft_is_not_announced_as_published() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    for status in ["draft", "archived"] {
        let fields = json!({"title": "Not yet", "body": "b", "status": status});
        let post = site.post("/api/posts", &fields).await.json(201);
        let created = feed.next_json().await;
        assert_eq!((&created["event"], &created["data"]), (&json!("post_created"), &post));
        let path = format!("/api/posts/{}", post["id"]);
        site.put(&path, &json!({"status": "published"})).await.json(200);
        assert_eq!(feed.next_json().await["event"], "post_updated");
        assert_eq!(feed.next_json().await["event"], "post_published");
    }
    feed.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn refused_and_empty_changes_are_not_sent() {
    let site = Site::start().await;
    let post = site.new_post("Quiet").await;
    let id = post["id"].as_i64().unwrap();
    let comment = site.new_comment(id, "Quiet").await;
    site.settle().await;
    let mut feed = site.socket("/feed").await;
    let path = format!("/api/posts/{id}");
    let own = format!("/api/comments/{}", comment["id"]);
    let refused = [
        site.post("/api/posts", &json!({"title": "x"})).await.status,
        site.post_text("/api/posts", "{").await.status,
        site.put(&path, &json!({"title": ""})).await.status,
        site.put("/api/posts/99", &json!({"title": "No one"})).await.status,
        site.delete("/api/posts/99").await.status,
        site.post(&format!("{path}/comments"), &json!({})).await.status,
        site.post("/api/posts/99/comments", &json!({"body": "b"})).await.status,
        site.put(&own, &json!({"body": ""})).await.status,
        site.delete("/api/comments/99").await.status,
    ];
    assert_eq!(refused, [422, 400, 422, 404, 404, 422, 404, 422, 404]);
    site.put(&path, &json!({})).await.json(200);
    site.put(&path, &json!({"title": "Quiet", "status": "published"})).await.json(200);
    site.put(&own, &json!({"body": "Quiet"})).await.json(200);
    // Notes are not sent on this endpoint.
    let note = site.new_note("Elsewhere").await;
    site.put(&format!("/api/notes/{}", note["id"]), &json!({"title": "t", "body": "b"})).await;
    let sentinel = site.new_post("Sentinel").await;
    let told = feed.next_json().await;
    assert_eq!(told, frame("posts", "post_created", &sentinel, 7));
    feed.close().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_choice_of_channels_excludes_others() {
    let site = Site::start().await;
    let post = site.new_post("With channels").await["id"].as_i64().unwrap();
    let other = site.new_post("Another").await["id"].as_i64().unwrap();
    site.settle().await;
    let paths = [
        ("/feed?channels=posts".to_owned(), vec!["posts"]),
        ("/feed?channels=comments".to_owned(), vec!["comments", "comments"]),
        ("/feed?channels=notes,posts,notes".to_owned(), vec!["notes", "posts"]),
        ("/feed?channels=system".to_owned(), vec![]),
        (format!("/feed?channels=post_comments_{post}"), vec!["post_comments_1"]),
        ("/feed".to_owned(), vec![]),
    ];
    let mut sockets = Vec::new();
    for (path, channels) in paths {
        sockets.push((site.socket(&path).await, path, channels));
    }
    let comment = site.new_comment(post, "One").await;
    site.new_comment(other, "Other").await;
    site.new_note("A note").await;
    site.new_post("A post").await;
    // An event on every channel ends each socket's list.
    let (mut witness, _, _) = sockets.pop().unwrap();
    let last = witness.next_jsons(3).await.pop().unwrap();
    assert_eq!(last["channel"], "posts");
    witness.close().await;
    site.new_comment(post, "The end").await;
    site.new_note("The end").await;
    site.new_post("The end").await;
    site.pubsub().broadcast("system", "done", Payload::null()).await.unwrap();
    for (mut socket, path, channels) in sockets {
        let mut told = Vec::new();
        loop {
            let frame = socket.next_json().await;
            if frame["event"] == "done" {
                assert!(frame.get("id").is_none(), "an ephemeral event has an id");
                break;
            }
            if frame["data"]["title"] == "The end" || frame["data"]["body"] == "The end" {
                break;
            }
            if frame["event"] == "new_comment" {
                assert_eq!(frame["data"], comment);
            }
            told.push(frame["channel"].as_str().unwrap().to_owned());
        }
        assert_eq!(told, channels, "{path}");
        socket.close().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_channel_that_is_not_for_browsers_is_refused() {
    let site = Site::start().await;
    for channels in [
        "users",
        "",
        "posts,",
        "posts,users",
        "nothing",
        "post_comments_",
        "post_comments_x",
        "post_comments_01",
        "Posts",
        "posts%00",
    ] {
        let answer = site.refused(&format!("/feed?channels={channels}")).await;
        assert_eq!(answer.error(422), "channels is invalid", "{channels:?}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn two_sockets_agree_under_concurrent_writers() {
    const WRITERS: usize = 8;
    const WRITES: usize = 25;
    let site = Site::start().await;
    let (mut one, mut other) = (site.socket("/feed").await, site.socket("/feed").await);
    let writers = (0..WRITERS).map(|writer| {
        let site = &site;
        async move {
            let post = site.new_post(&format!("Writer {writer}")).await["id"].as_i64().unwrap();
            let path = format!("/api/posts/{post}");
            for n in 0..WRITES {
                site.put(&path, &json!({"body": format!("{writer} {n}")})).await.json(200);
            }
        }
    });
    let count = WRITERS * (WRITES + 1);
    let all = async { tokio::join!(one.next_jsons(count), other.next_jsons(count)) };
    let (_, (one_heard, other_heard)) = tokio::join!(join_all(writers), all);
    assert_eq!(one_heard, other_heard);
    let ids: Vec<i64> = one_heard.iter().map(|frame| frame["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>());
    for writer in 1..=i64::try_from(WRITERS).unwrap() {
        let own: Vec<i64> = one_heard
            .iter()
            .filter(|frame| frame["event"] == "post_updated" && frame["data"]["id"] == writer)
            .map(|frame| {
                let body = frame["data"]["body"].as_str().unwrap();
                body.split(' ').nth(1).unwrap().parse().unwrap()
            })
            .collect();
        assert!(own.is_sorted() && own.len() == WRITES, "a writer's events, disordered: {own:?}");
    }
    one.close().await;
    other.close().await;
    site.stop().await;
}

/// Writes until `done` is set.
async fn noise(site: &Site, done: &Cell<bool>) {
    while !done.get() {
        site.new_post("Noise").await;
    }
}

#[actix_web::test]
async fn everything_committed_after_the_101_arrives() {
    let site = Site::start().await;
    let done = Cell::new(false);
    let sockets = stream::iter(0..40)
        .map(|n| {
            let site = &site;
            async move {
                let mut socket = site.socket("/feed").await;
                let title = format!("After the 101 of {n}");
                let own = site.new_post(&title).await["id"].clone();
                let mut heard = vec![socket.next_json().await];
                while heard.last().unwrap()["data"]["id"] != own {
                    heard.push(socket.next_json().await);
                }
                (socket, heard)
            }
        })
        .buffer_unordered(8);
    let listening = async {
        let sockets: Vec<(Socket, Vec<Value>)> = sockets.collect().await;
        done.set(true);
        sockets
    };
    let (_, _, sockets) = tokio::join!(noise(&site, &done), noise(&site, &done), listening);
    let last = site.new_post("Sentinel").await["id"].clone();
    for (mut socket, mut heard) in sockets {
        while heard.last().unwrap()["data"]["id"] != last {
            heard.push(socket.next_json().await);
        }
        let ids: Vec<i64> = heard.iter().map(|frame| frame["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted_by(|one, next| one + 1 == *next), "a gap in {ids:?}");
        socket.close().await;
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_write_is_sent_although_its_client_hung_up() {
    let site = Site::start().await;
    let mut feed = site.socket("/feed").await;
    for n in 0..60 {
        let body = format!(r#"{{"title":"Hung up {n}","body":"b"}}"#);
        let request = format!(
            "POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // Every third client hangs up in the middle of its body.
        let sent = if n % 3 == 0 { request.len() - 5 } else { request.len() };
        let mut raw = Raw::connect(&site).await;
        raw.send(&request.as_bytes()[..sent]).await;
        if n % 3 == 1 {
            raw.finish().await;
        }
        drop(raw);
    }
    // Ids follow commit order: a post with a smaller id than the sentinel's was committed, and must
    // be announced, before it.
    let sentinel = site.new_post("Sentinel").await["id"].as_i64().unwrap();
    let mut told = Vec::new();
    loop {
        let frame = feed.next_json().await;
        assert_eq!(frame["event"], "post_created");
        if frame["data"]["id"] == sentinel {
            break;
        }
        told.push(frame["data"].clone());
    }
    told.reverse();
    let list = site.get("/api/posts?limit=100").await.json(200);
    let mut kept = list["posts"].as_array().unwrap().clone();
    kept.retain(|post| post["id"].as_i64().unwrap() < sentinel);
    assert_eq!(kept, told);
    for post in list["posts"].as_array().unwrap() {
        let number = post["title"].as_str().unwrap().strip_prefix("Hung up ");
        let number = number.and_then(|number| number.parse::<i32>().ok());
        assert!(number.is_none_or(|n| n % 3 != 0), "an incomplete request was accepted: {post}");
    }
    feed.close().await;
    site.stop().await;
}
