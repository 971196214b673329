//! Comments that wait for approval, are hidden, or can no longer be added.

use actix_web::http::Method;
use kilonova::access::CommentRules;
use serde_json::{Value, json};

use super::{Accounts, ROLES, Role, sign_in};
use crate::support::{Raw, within};

/// Starts a site with these rules for comments and publishes a post by the author.
async fn start(rules: CommentRules) -> (Accounts, i64) {
    let accounts = Accounts::start_with(|config| config.comments = rules).await;
    let post = accounts.post_of(Role::Author).await;
    (accounts, post)
}

async fn comment(accounts: &Accounts, role: Role, post: i64, fields: Value) -> Value {
    let path = format!("/api/posts/{post}/comments");
    accounts.send(role, Method::POST, &path, &fields).await.json(201)
}

async fn set_state(accounts: &Accounts, role: Role, comment: &Value, state: &str) -> Value {
    let path = format!("/api/comments/{}", comment["id"]);
    accounts.send(role, Method::PATCH, &path, &json!({ "state": state })).await.json(200)
}

/// The states of the comments that a role finds on a post.
async fn states(accounts: &Accounts, role: Role, post: i64) -> Vec<String> {
    let path = format!("/api/posts/{post}/comments");
    let list = accounts.send(role, Method::GET, &path, &Value::Null).await.json(200);
    let comments = list["comments"].as_array().unwrap();
    comments.iter().map(|comment| comment["state"].as_str().unwrap().to_owned()).collect()
}

/// The topics and payloads of the events that a role reads after a position.
async fn log(accounts: &Accounts, role: Role, after: i64) -> Vec<(String, Value)> {
    let path = format!("/api/events?after={after}");
    let page = accounts.send(role, Method::GET, &path, &Value::Null).await.json(200);
    let events = page["events"].as_array().unwrap().iter();
    events.map(|it| (it["event"].as_str().unwrap().to_owned(), it["data"].clone())).collect()
}

fn topics(log: &[(String, Value)]) -> Vec<&str> {
    log.iter().map(|(topic, _)| topic.as_str()).collect()
}

async fn page(accounts: &Accounts, role: Role, path: &str) -> String {
    let cookie = accounts.cookie(role);
    let headers = [("accept", "text/html"), ("cookie", cookie)];
    let headers = if role == Role::Nobody { &headers[..1] } else { &headers[..] };
    let answer = accounts.site().send(Method::GET, path, headers, "".into()).await;
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// The next frame of a stream.
async fn frame(raw: &mut Raw) -> Value {
    let read = async {
        loop {
            let block = raw.block().await.expect("the stream goes on");
            if let Some(data) = block.lines().find_map(|line| line.strip_prefix("data: ")) {
                return serde_json::from_str(data).unwrap();
            }
        }
    };
    within("the frame", read).await
}

const GUESTS: CommentRules = CommentRules { guests: true, holds_newcomers: false };

#[actix_web::test]
async fn a_guests_comment_is_visible_to_others_once_approved() {
    let (accounts, post) = start(GUESTS).await;
    // Resumes after the post's event, which may not have been sent yet.
    let path = "/feed?last_event_id=1";
    let mut feed = accounts.open(Role::Nobody, path, "text/event-stream").await.0;
    let thread = format!("/posts/{post}/comments/ws?last_event_id=1");
    let mut thread = accounts.open(Role::Other, &thread, "text/event-stream").await.0;
    let fields = json!({"body": "From outside", "author": "Visitor", "state": "visible"});
    let held = comment(&accounts, Role::Nobody, post, fields).await;
    assert_eq!((&held["state"], &held["user_id"]), (&json!("held"), &Value::Null));
    for role in ROLES {
        let moderates = [Role::Author, Role::Admin].contains(&role);
        let seen = usize::from(moderates);
        assert_eq!(states(&accounts, role, post).await.len(), seen, "{role:?}");
        assert_eq!(log(&accounts, role, 1).await.len(), seen, "{role:?}");
        let shown = page(&accounts, role, &format!("/posts/{post}")).await;
        assert_eq!(shown.contains("From outside"), moderates, "{role:?}");
        if role != Role::Nobody {
            let queue = accounts.send(role, Method::GET, "/api/comments", &Value::Null).await;
            let queue = queue.json(200)["comments"].as_array().unwrap().len();
            assert_eq!(queue, seen, "{role:?}");
            let shown = page(&accounts, role, "/moderation").await;
            assert_eq!(shown.contains("From outside"), moderates, "{role:?}");
        }
    }
    let path = format!("/api/comments/{}", held["id"]);
    for role in [Role::Commenter, Role::Other] {
        for (method, body) in [
            (Method::PATCH, json!({"state": "visible"})),
            (Method::PUT, json!({"body": "Mine"})),
            (Method::DELETE, Value::Null),
        ] {
            accounts.send(role, method, &path, &body).await.error(404);
        }
    }

    let approved = set_state(&accounts, Role::Author, &held, "visible").await;
    assert_eq!(approved["state"], "visible");
    for role in ROLES {
        assert_eq!(states(&accounts, role, post).await, ["visible"], "{role:?}");
        let log = log(&accounts, role, 2).await;
        assert_eq!(topics(&log), ["comment_created", "new_comment"], "{role:?}");
        let shown = page(&accounts, role, &format!("/posts/{post}")).await;
        assert!(shown.contains("Visitor</bdi></b> <span class=\"badge\">guest</span>"), "{shown}");
    }
    // The feed got no frame before the approval.
    assert_eq!(frame(&mut feed).await["event"], "comment_created");
    assert_eq!(frame(&mut thread).await, approved);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_hidden_comment_reads_as_deleted_except_to_those_who_may_see_it() {
    let (accounts, post) = start(CommentRules::default()).await;
    let written = comment(&accounts, Role::Commenter, post, json!({"body": "Rude words"})).await;
    assert_eq!(written["state"], "visible");
    let path = "/feed?last_event_id=3";
    let mut feed = accounts.open(Role::Nobody, path, "text/event-stream").await.0;
    set_state(&accounts, Role::Author, &written, "hidden").await;
    let told = frame(&mut feed).await;
    assert_eq!(told["event"], "comment_deleted");
    assert_eq!(told["data"], json!({"id": written["id"], "post_id": post}));
    for role in ROLES {
        let sees = [Role::Commenter, Role::Author, Role::Admin].contains(&role);
        assert_eq!(states(&accounts, role, post).await.len(), usize::from(sees), "{role:?}");
        let log = log(&accounts, role, 1).await;
        let last = if sees { "comment_updated" } else { "comment_deleted" };
        assert_eq!(topics(&log), ["comment_created", "new_comment", last], "{role:?}");
        // The earlier events about it are redacted.
        assert_eq!(log[0].1, json!({"id": written["id"], "redacted": true}), "{role:?}");
        assert_eq!(log[1].1, json!({"id": written["id"], "redacted": true}), "{role:?}");
        assert_eq!(log[2].1["body"] == "Rude words", sees, "{role:?}");
    }
    // Setting the same state again changes nothing.
    set_state(&accounts, Role::Admin, &written, "hidden").await;
    assert_eq!(log(&accounts, Role::Admin, 4).await, []);
    set_state(&accounts, Role::Admin, &written, "visible").await;
    assert_eq!(frame(&mut feed).await["event"], "comment_created");
    for role in ROLES {
        assert_eq!(states(&accounts, role, post).await, ["visible"], "{role:?}");
    }
    // A deletion is announced to others only if they saw the comment.
    set_state(&accounts, Role::Admin, &written, "held").await;
    let path = format!("/api/comments/{}", written["id"]);
    let deleted = accounts.send(Role::Commenter, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(deleted.status, 204);
    let topics_of = async |role| {
        let log = log(&accounts, role, 6).await;
        topics(&log).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(topics_of(Role::Other).await, ["comment_deleted"]);
    assert_eq!(topics_of(Role::Author).await, ["comment_updated", "comment_deleted"]);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_guest_cannot_take_an_accounts_or_a_reserved_name() {
    let (accounts, post) = start(GUESTS).await;
    let path = format!("/api/posts/{post}/comments");
    for (name, message) in [
        ("author", "has already been taken"),
        (" AUTHOR ", "has already been taken"),
        ("\u{430}uthor", "has already been taken"),
        ("admin", "is reserved"),
        ("\u{410}dmin", "is reserved"),
        ("Kilonova", "is reserved"),
        ("admin ", "is reserved"),
        ("\u{3000}moderator\u{a0}", "is reserved"),
        ("admin\u{2800}", "is reserved"),
        ("author \u{200b}", "has already been taken"),
        ("\u{200b} author", "has already been taken"),
        ("\u{2800}au\u{ad}thor", "has already been taken"),
        ("\u{202e}rohtua", "is invalid"),
    ] {
        let fields = json!({"body": "b", "author": name});
        let refused = accounts.send(Role::Nobody, Method::POST, &path, &fields).await.json(422);
        assert_eq!(refused, json!({"errors": {"author": [message]}}), "{name}");
    }
    assert_eq!(states(&accounts, Role::Admin, post).await, [""; 0]);
    // An account's name comes from the account.
    let own = comment(&accounts, Role::Other, post, json!({"body": "b", "author": "boss"})).await;
    assert_eq!((&own["author"], &own["state"]), (&json!("other"), &json!("visible")));
    let shown = page(&accounts, Role::Nobody, &format!("/posts/{post}")).await;
    assert!(!shown.contains("badge\">guest"), "{shown}");
    // The page names the error.
    let fields = "body=b&author=author";
    let path = format!("/posts/{post}/comments");
    assert_eq!(accounts.form(Role::Nobody, &path, fields).await, 422);
    assert_eq!(accounts.form(Role::Nobody, &path, "body=b&author=Ann").await, 303);
    accounts.stop().await;
}

#[actix_web::test]
async fn names_without_an_account_are_marked_under_open_access_too() {
    let site = crate::support::Site::start().await;
    site.new_post("Title").await;
    let fields = json!({"title": "Title", "body": "b", "author": "Bob"});
    let comment = site.post("/api/posts/1/comments", &fields).await.json(201);
    assert_eq!(comment["state"], "visible");
    site.post("/api/notes", &fields).await.json(201);
    for path in ["/posts/1", "/notes", "/notes/1"] {
        let shown = site.get(path).await;
        let shown = String::from_utf8(shown.body.to_vec()).unwrap();
        assert!(shown.contains("Bob</bdi>") && shown.contains("badge\">guest"), "{shown}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_comment_whose_sign_in_ends_before_its_body_arrives_is_refused() {
    let (accounts, post) = start(GUESTS).await;
    for by_form in [false, true] {
        let cookie = sign_in(accounts.site(), "commenter").await;
        let (path, kind, body) = match by_form {
            true => {
                (format!("/posts/{post}/comments"), "application/x-www-form-urlencoded", "body=b")
            }
            false => (format!("/api/posts/{post}/comments"), "application/json", r#"{"body":"b"}"#),
        };
        let mut raw = Raw::connect(accounts.site()).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        raw.send(head.as_bytes()).await;
        assert_eq!(raw.answer().await.expect("to go on").status, 100);
        let headers = [("cookie", cookie.as_str())];
        // Once later requests have looked up the account, so has this one.
        for _ in 0..3 {
            let path = "/api/sessions";
            let later = accounts.site().send(Method::GET, path, &headers, "".into()).await;
            assert_eq!(later.status, 200);
        }
        let ended = accounts.site().send(Method::DELETE, "/api/session", &headers, "".into()).await;
        assert_eq!(ended.status, 204);
        raw.send(body.as_bytes()).await;
        assert_eq!(raw.answer().await.expect("a response").status, 401, "by form: {by_form}");
    }
    assert_eq!(states(&accounts, Role::Admin, post).await, [""; 0]);
    accounts.stop().await;
}

#[actix_web::test]
async fn nobody_approves_themselves() {
    let rules = CommentRules { guests: false, holds_newcomers: true };
    let (accounts, post) = start(rules).await;
    let own = accounts.post_of(Role::Other).await;
    super::set_role(accounts.site(), "other", "commenter");
    let on_own = comment(&accounts, Role::Other, own, json!({"body": "Mine"})).await;
    assert_eq!(on_own["state"], "visible");
    let on_another = comment(&accounts, Role::Other, post, json!({"body": "Hello"})).await;
    assert_eq!(on_another["state"], "held");
    accounts.stop().await;
}

#[actix_web::test]
async fn a_newcomers_comments_are_held_until_one_is_approved() {
    let rules = CommentRules { guests: false, holds_newcomers: true };
    let (accounts, post) = start(rules).await;
    let first = comment(&accounts, Role::Commenter, post, json!({"body": "Hello"})).await;
    assert_eq!(first["state"], "held");
    let second = comment(&accounts, Role::Commenter, post, json!({"body": "Anyone?"})).await;
    assert_eq!(second["state"], "held");
    // Its author sees it, marked as waiting.
    assert_eq!(states(&accounts, Role::Commenter, post).await, ["held", "held"]);
    let shown = page(&accounts, Role::Commenter, &format!("/posts/{post}")).await;
    assert!(shown.contains("waits for approval"), "{shown}");
    assert_eq!(states(&accounts, Role::Other, post).await.len(), 0);
    let own = comment(&accounts, Role::Other, post, json!({"body": "A member's"})).await;
    assert_eq!(own["state"], "visible");
    set_state(&accounts, Role::Author, &second, "visible").await;
    let third = comment(&accounts, Role::Commenter, post, json!({"body": "Thanks"})).await;
    assert_eq!(third["state"], "visible");
    // Guests must sign in first.
    let path = format!("/api/posts/{post}/comments");
    accounts.send(Role::Nobody, Method::POST, &path, &json!({"body": "b"})).await.error(401);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_locked_thread_takes_no_comments_until_it_is_unlocked() {
    let (accounts, post) = start(CommentRules::default()).await;
    let (path, comments) = (format!("/api/posts/{post}"), format!("/api/posts/{post}/comments"));
    let lock = json!({"comments_locked": true});
    accounts.send(Role::Commenter, Method::PATCH, &path, &lock).await.error(403);
    let locked = accounts.send(Role::Author, Method::PATCH, &path, &lock).await.json(200);
    assert_eq!(locked["comments_locked"], true);
    let update = log(&accounts, Role::Nobody, 1).await;
    assert_eq!((topics(&update), &update[0].1), (vec!["post_updated"], &locked));
    for role in ROLES {
        let refused = accounts.send(role, Method::POST, &comments, &json!({"body": "b"})).await;
        match role {
            Role::Nobody => assert_eq!(refused.status, 401),
            _ => assert_eq!(refused.error(403), "comments are locked", "{role:?}"),
        }
    }
    let shown = page(&accounts, Role::Other, &format!("/posts/{post}")).await;
    assert!(shown.contains("Comments are locked."), "{shown}");
    let unlock = "comments_locked=false";
    assert_eq!(accounts.form(Role::Author, &format!("/posts/{post}"), unlock).await, 303);
    comment(&accounts, Role::Other, post, json!({"body": "b"})).await;
    let lock = json!({"comments_locked": 1});
    let wrong = accounts.send(Role::Author, Method::PATCH, &path, &lock);
    assert_eq!(wrong.await.json(422), json!({"errors": {"comments_locked": ["is invalid"]}}));
    accounts.stop().await;
}

#[actix_web::test]
async fn only_known_comment_states_are_accepted() {
    let (accounts, post) = start(CommentRules::default()).await;
    let written = comment(&accounts, Role::Other, post, json!({"body": "b"})).await;
    let path = format!("/api/comments/{}", written["id"]);
    for (body, message) in [
        (json!({}), "can't be blank"),
        (json!({"state": null}), "can't be blank"),
        (json!({"state": "gone"}), "is invalid"),
        (json!({"state": true}), "is invalid"),
    ] {
        let refused = accounts.send(Role::Admin, Method::PATCH, &path, &body).await.json(422);
        assert_eq!(refused, json!({"errors": {"state": [message]}}), "{body}");
    }
    let list = |state: &str| format!("/api/posts/{post}/comments?state={state}");
    let count = async |state: &str| {
        let list = accounts.send(Role::Nobody, Method::GET, &list(state), &Value::Null).await;
        list.json(200)["comments"].as_array().unwrap().len()
    };
    assert_eq!((count("visible").await, count("held").await), (1, 0));
    accounts.send(Role::Nobody, Method::GET, &list("all"), &Value::Null).await.error(422);
    accounts.stop().await;
}

#[actix_web::test]
async fn blocking_an_account_from_its_comment_signs_it_out() {
    let (accounts, post) = start(CommentRules::default()).await;
    let written = comment(&accounts, Role::Commenter, post, json!({"body": "Spam"})).await;
    let path = format!("/comments/{}/block", written["id"]);
    assert_eq!(accounts.form(Role::Author, &path, "").await, 403);
    assert_eq!(accounts.form(Role::Admin, &path, "next=/moderation").await, 303);
    let comments = format!("/api/posts/{post}/comments");
    let fields = json!({"body": "b"});
    let again = accounts.send(Role::Commenter, Method::POST, &comments, &fields);
    again.await.error(401);
    // Its comments stay.
    assert_eq!(states(&accounts, Role::Nobody, post).await, ["visible"]);
    accounts.stop().await;
}
