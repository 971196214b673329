//! `?frame=html`: the usual events with the HTML that pages show, for those who may see them.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::ends::UPGRADE;
use super::{Accounts, Role};
use crate::support::Raw;

/// The frames of a socket or a stream.
enum Reader {
    Socket(Raw),
    Stream(Raw),
}

impl Reader {
    async fn all(accounts: &Accounts, role: Role, path: &str) -> [Reader; 2] {
        let mut socket = Raw::connect(accounts.site()).await;
        let mut headers = UPGRADE.to_vec();
        if role != Role::Nobody {
            headers.push(("Cookie", accounts.cookie(role)));
        }
        assert_eq!(socket.ask("GET", path, &headers, b"").await.status, 101, "{path}");
        let (stream, status) = accounts.open(role, path, "text/event-stream").await;
        assert_eq!(status, 200, "{path}");
        [Reader::Socket(socket), Reader::Stream(stream)]
    }

    /// The next event.
    async fn next(&mut self) -> Value {
        loop {
            let text = match self {
                Reader::Socket(raw) => {
                    let frame = raw.frame().await.expect("a frame");
                    String::from_utf8(frame.payload.to_vec()).unwrap()
                }
                Reader::Stream(raw) => {
                    let block = raw.block().await.expect("a block");
                    let data = block.lines().filter_map(|line| line.strip_prefix("data: "));
                    data.collect()
                }
            };
            if let Ok(told) = serde_json::from_str::<Value>(&text) {
                return told;
            }
        }
    }
}

/// The page that a role gets.
async fn page(accounts: &Accounts, role: Role, path: &str) -> String {
    let answer = accounts.send(role, Method::GET, path, &Value::Null).await;
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

async fn told_to_all(readers: &mut [Reader], event: &str) -> (Value, Option<String>) {
    let mut all = Vec::new();
    for reader in readers {
        let told = reader.next().await;
        assert_eq!(told["event"], event, "{told}");
        assert!(told["data"].get("body").is_none(), "{told}");
        all.push(told);
    }
    assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
    let html = all[0]["html"].as_str().map(|html| html.trim().to_owned());
    (all.swap_remove(0)["data"].take(), html)
}

#[actix_web::test]
async fn a_fragment_matches_the_page_for_strangers() {
    let accounts = Accounts::start().await;
    let mut feed = Reader::all(&accounts, Role::Nobody, "/feed?frame=html").await;
    let post = accounts.post_of(Role::Author).await;
    let (data, card) = told_to_all(&mut feed, "post_created").await;
    assert_eq!((&data["id"], &data["status"]), (&json!(post), &json!("published")));
    let card = card.unwrap();
    assert!(page(&accounts, Role::Nobody, "/").await.contains(&card), "{card}");

    let path = format!("/posts/{post}/comments/ws?frame=html");
    let mut thread = Reader::all(&accounts, Role::Nobody, &path).await;
    let comment = json!({"body": "A *comment* <b>with</b> <script>alert(1)</script>"});
    let comments = format!("/api/posts/{post}/comments");
    accounts.send(Role::Admin, Method::POST, &comments, &comment).await.json(201);
    let (data, shown) = told_to_all(&mut feed, "comment_created").await;
    assert_eq!(data["post_id"], json!(post));
    let shown = shown.unwrap();
    assert!(shown.contains("<em>comment</em>") && !shown.contains("<script"), "{shown}");
    assert!(page(&accounts, Role::Nobody, &format!("/posts/{post}")).await.contains(&shown));
    assert_eq!(told_to_all(&mut thread, "new_comment").await, (data.clone(), Some(shown)));

    let changed = json!({"title": "Another title"});
    let path = format!("/api/posts/{post}");
    accounts.send(Role::Admin, Method::PATCH, &path, &changed).await.json(200);
    let (_, card) = told_to_all(&mut feed, "post_updated").await;
    let card = card.unwrap();
    assert!(card.contains("Another title"));
    // The number of comments is not part of the post's fragment.
    let shown = page(&accounts, Role::Nobody, "/").await;
    let count =
        format!(" <a href=\"/posts/{post}-a-post#comments-title\" data-comments>1 comment</a>");
    assert!(shown.contains(&count), "{shown}");
    assert!(shown.replace(&count, "").contains(&card), "{card}");

    // A deletion has no fragment.
    let draft = json!({"status": "draft"});
    accounts.send(Role::Admin, Method::PATCH, &path, &draft).await.json(200);
    assert_eq!(told_to_all(&mut feed, "post_deleted").await, (json!({"id": post}), None));
    accounts.stop().await;
}

#[actix_web::test]
async fn a_draft_is_rendered_only_for_those_who_may_see_it() {
    let accounts = Accounts::start().await;
    let mut strangers = Reader::all(&accounts, Role::Nobody, "/feed?frame=html").await;
    let mut admins = Reader::all(&accounts, Role::Admin, "/feed?frame=html").await;
    let draft = json!({"title": "A draft", "body": "b", "status": "draft"});
    let draft = accounts.send(Role::Author, Method::POST, "/api/posts", &draft).await.json(201);
    let post = accounts.post_of(Role::Author).await;
    let (data, card) = told_to_all(&mut admins, "post_created").await;
    assert_eq!(data["id"], draft["id"]);
    assert!(card.unwrap().contains("A draft"));
    let (data, _) = told_to_all(&mut strangers, "post_created").await;
    assert_eq!(data["id"], json!(post));
    // A reader who resumes does not get a fragment either.
    let path = "/feed?frame=html&last_event_id=0";
    let mut late = Reader::all(&accounts, Role::Nobody, path).await;
    let (data, card) = told_to_all(&mut late, "post_created").await;
    assert_eq!(data["id"], json!(post));
    assert!(page(&accounts, Role::Nobody, "/").await.contains(&card.unwrap()));
    accounts.stop().await;
}

#[actix_web::test]
async fn a_notes_fragment_matches_the_board() {
    let accounts = Accounts::start().await;
    let mut board = Reader::all(&accounts, Role::Other, "/notifications?frame=html").await;
    let note = accounts.note().await;
    let (data, shown) = told_to_all(&mut board, "note_created").await;
    assert_eq!(data["id"], json!(note));
    let shown = shown.unwrap();
    // The author's page has buttons in addition.
    assert!(page(&accounts, Role::Other, "/notes").await.contains(&shown), "{shown}");
    accounts.stop().await;
}
