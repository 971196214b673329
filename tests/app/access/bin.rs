//! The bin under accounts access: who sees an entry, who restores it and who deletes it for good.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Accounts, ROLES, Role, on_one_node_and_on_three, set_role};
use crate::support::{Answer, Raw};

/// Submits a form and returns the response.
async fn send(accounts: &Accounts, role: Role, path: &str) -> Answer {
    let cookie = accounts.cookie(role);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html"),
        ("cookie", cookie),
    ];
    let headers = if role == Role::Nobody { &headers[..2] } else { &headers[..] };
    Raw::connect(accounts.next()).await.request("POST", path, headers, b"").await
}

/// Deletes from a page and returns the id of the entry in the bin.
async fn delete(accounts: &Accounts, role: Role, path: &str) -> i64 {
    let answer = send(accounts, role, &format!("{path}/delete")).await;
    assert_eq!(answer.status, 303, "{path} by {role:?}");
    let to = answer.header("location").unwrap();
    let (_, entry) = to.split_once("binned=").unwrap();
    entry.split('#').next().unwrap().parse().unwrap()
}

/// The page that a role gets.
async fn page(accounts: &Accounts, role: Role, path: &str) -> String {
    let headers = [("accept", "text/html"), ("cookie", accounts.cookie(role))];
    let headers = if role == Role::Nobody { &headers[..1] } else { &headers[..] };
    let answer = Raw::connect(accounts.next()).await.request("GET", path, headers, b"").await;
    assert_eq!(answer.status, 200, "{path} for {role:?}");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// Has every role try to restore an entry, admins last, and compares the responses. Only the role
/// that deleted the entry is offered the undo, provided that it may restore it.
async fn assert_restored_by(
    accounts: &Accounts,
    what: &str,
    (entry, by): (i64, Role),
    expected: [u16; 5],
) {
    let form = format!("action=\"/bin/{entry}/restore\"");
    for (role, expected) in ROLES.into_iter().zip(expected) {
        let undo = page(accounts, role, &format!("/?binned={entry}")).await;
        let is_own = role == by && expected == 303;
        assert_eq!(undo.contains(&form), is_own, "{what}: undo for {role:?}");
        if role != Role::Nobody {
            let bin = page(accounts, role, "/bin").await;
            assert_eq!(bin.contains(&form), expected == 303, "{what}: the bin of {role:?}");
            let is_listed = bin.contains(&format!("/bin/{entry}/"));
            assert_eq!(is_listed, expected == 303 || expected == 403, "{what}: {role:?}: {bin}");
        }
        if expected != 303 {
            let told = send(accounts, role, &format!("/bin/{entry}/restore")).await.status;
            assert_eq!(told, expected, "{what}: {role:?}");
        }
    }
    for (role, expected) in ROLES.into_iter().zip(expected) {
        if expected == 303 {
            let told = send(accounts, role, &format!("/bin/{entry}/restore")).await.status;
            assert_eq!(told, 303, "{what}: {role:?}");
            return;
        }
    }
}

#[actix_web::test]
async fn only_the_deleter_and_admins_restore_an_entry() {
    on_one_node_and_on_three(async |accounts| {
        let (post, comment) = accounts.post("published").await;
        let comment = format!("/comments/{comment}");
        for (role, expected) in [
            (Role::Commenter, [401, 303, 404, 404, 303]),
            (Role::Author, [401, 403, 404, 303, 303]),
            (Role::Admin, [401, 403, 404, 404, 303]),
        ] {
            let entry = delete(accounts, role, &comment).await;
            let what = format!("a comment, deleted by {role:?}");
            assert_restored_by(accounts, &what, (entry, role), expected).await;
        }
        let path = format!("/posts/{post}");
        for status in ["published", "draft"] {
            let change = json!({ "status": status });
            let api = format!("/api{path}");
            accounts.send(Role::Author, Method::PATCH, &api, &change).await.json(200);
            for (role, expected) in [
                (Role::Author, [401, 404, 404, 303, 303]),
                (Role::Admin, [401, 404, 404, 403, 303]),
            ] {
                let entry = delete(accounts, role, &path).await;
                let what = format!("a {status} post, deleted by {role:?}");
                assert_restored_by(accounts, &what, (entry, role), expected).await;
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn whoever_may_delete_a_text_may_delete_it_for_good() {
    let accounts = Accounts::start().await;
    let (_, comment) = accounts.post("published").await;
    let entry = delete(&accounts, Role::Admin, &format!("/comments/{comment}")).await;
    let path = format!("/bin/{entry}/delete");
    for (role, status) in [(Role::Nobody, 401), (Role::Other, 404), (Role::Author, 404)] {
        assert_eq!(send(&accounts, role, &path).await.status, status, "{role:?}");
        let api = format!("/api/comments/{comment}");
        accounts.send(role, Method::DELETE, &api, &Value::Null).await.error(status);
    }
    // A moderator removed the comment, but its author may still delete it for good.
    assert_eq!(send(&accounts, Role::Commenter, &path).await.status, 303);
    assert_eq!(send(&accounts, Role::Admin, &path).await.status, 404);

    let post = accounts.post_of(Role::Author).await;
    delete(&accounts, Role::Author, &format!("/posts/{post}")).await;
    let api = format!("/api/posts/{post}");
    for (role, status) in [(Role::Nobody, 401), (Role::Commenter, 404), (Role::Other, 404)] {
        accounts.send(role, Method::DELETE, &api, &Value::Null).await.error(status);
    }
    accounts.send(Role::Author, Method::DELETE, &api, &Value::Null).await.json(204);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_comment_is_deleted_for_good_while_its_post_is_in_the_bin() {
    let accounts = Accounts::start().await;
    let (post, comment) = accounts.post("published").await;
    let entry = delete(&accounts, Role::Author, &format!("/posts/{post}")).await;
    let api = format!("/api/comments/{comment}");
    accounts.send(Role::Nobody, Method::DELETE, &api, &Value::Null).await.error(401);
    accounts.send(Role::Other, Method::DELETE, &api, &Value::Null).await.error(403);
    accounts.send(Role::Commenter, Method::DELETE, &api, &Value::Null).await.json(204);
    accounts.send(Role::Commenter, Method::DELETE, &api, &Value::Null).await.error(404);
    assert_eq!(send(&accounts, Role::Author, &format!("/bin/{entry}/restore")).await.status, 303);
    let list = format!("/api/posts/{post}/comments");
    let left = accounts.send(Role::Author, Method::GET, &list, &Value::Null).await.json(200);
    assert_eq!(left["comments"], json!([]));
    accounts.stop().await;
}

/// The topics of the events that a role reads after a position.
async fn topics(accounts: &Accounts, role: Role, after: usize) -> Vec<String> {
    let path = format!("/api/events?after={after}");
    let log = accounts.send(role, Method::GET, &path, &Value::Null).await.json(200);
    let events = log["events"].as_array().unwrap().iter();
    events.map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_draft_in_the_bin_is_visible_to_its_author_and_admins() {
    let accounts = Accounts::start().await;
    let draft = json!({"title": "A secret plan", "body": "b", "status": "draft"});
    let draft = accounts.send(Role::Author, Method::POST, "/api/posts", &draft).await.json(201);
    let path = format!("/posts/{}", draft["id"]);
    let comments = format!("/api{path}/comments");
    let comment = json!({"body": "A secret remark"});
    accounts.send(Role::Admin, Method::POST, &comments, &comment).await.json(201);
    let written = topics(&accounts, Role::Admin, 0).await.len();
    let entry = delete(&accounts, Role::Author, &path).await;
    for role in ROLES {
        if role != Role::Nobody {
            let knows = [Role::Author, Role::Admin].contains(&role);
            let bin = page(&accounts, role, "/bin").await;
            assert_eq!(bin.contains("A secret plan"), knows, "{role:?}");
            assert!(!bin.contains("A secret remark"), "the comment is listed apart from its post");
        }
    }
    assert_eq!(send(&accounts, Role::Author, &format!("/bin/{entry}/restore")).await.status, 303);
    for role in ROLES {
        let expected: &[&str] = match role {
            Role::Author | Role::Admin => &["post_deleted", "post_updated"],
            _ => &[],
        };
        assert_eq!(topics(&accounts, role, written).await, expected, "{role:?}");
    }
    accounts.stop().await;
}

#[actix_web::test]
async fn a_post_that_became_a_draft_hides_its_title_from_commenters() {
    let accounts = Accounts::start().await;
    let (post, comment) = accounts.post("published").await;
    let entry = delete(&accounts, Role::Commenter, &format!("/comments/{comment}")).await;
    let api = format!("/api/posts/{post}");
    let secret = json!({"title": "Now secret", "status": "draft"});
    accounts.send(Role::Author, Method::PATCH, &api, &secret).await.json(200);
    let bin = page(&accounts, Role::Commenter, "/bin").await;
    assert!(bin.contains("A comment") && !bin.contains("Now secret"), "{bin}");
    let path = format!("/bin/{entry}/restore");
    assert_eq!(send(&accounts, Role::Commenter, &path).await.status, 404);
    assert_eq!(send(&accounts, Role::Admin, &path).await.status, 303);
    accounts.stop().await;
}

#[actix_web::test]
async fn an_account_that_may_no_longer_publish_restores_no_post() {
    let accounts = Accounts::start().await;
    let post = accounts.post_of(Role::Author).await;
    let entry = delete(&accounts, Role::Author, &format!("/posts/{post}")).await;
    set_role(accounts.site(), "author", "commenter");
    let path = format!("/bin/{entry}/restore");
    assert_eq!(send(&accounts, Role::Author, &path).await.status, 403);
    let bin = page(&accounts, Role::Author, "/bin").await;
    assert!(bin.contains("This account may not restore it."), "{bin}");
    accounts.stop().await;
}

#[actix_web::test]
async fn quotas_include_the_bin() {
    let accounts = Accounts::start_with(|config| {
        config.quotas.posts = Some(2);
        config.quotas.comments = Some(2);
    })
    .await;
    let first = accounts.post_of(Role::Author).await;
    let entry = delete(&accounts, Role::Author, &format!("/posts/{first}")).await;
    let second = accounts.post_of(Role::Author).await;
    let post = json!({"title": "One too many", "body": "b"});
    let refused = accounts.send(Role::Author, Method::POST, "/api/posts", &post).await.error(403);
    assert!(refused.contains("its limit of posts"), "{refused}");
    let comments = format!("/api/posts/{second}/comments");
    let body = json!({"body": "b"});
    let say = || accounts.send(Role::Commenter, Method::POST, &comments, &body);
    let comment = say().await.json(201)["id"].as_i64().unwrap();
    say().await.json(201);
    delete(&accounts, Role::Commenter, &format!("/comments/{comment}")).await;
    assert!(say().await.error(403).contains("its limit of comments"));
    // Deleting for good frees quota; a restored post counts as it did in the bin.
    let api = format!("/api/comments/{comment}");
    accounts.send(Role::Commenter, Method::DELETE, &api, &Value::Null).await.json(204);
    say().await.json(201);
    assert_eq!(send(&accounts, Role::Author, &format!("/bin/{entry}/restore")).await.status, 303);
    accounts.send(Role::Author, Method::POST, "/api/posts", &post).await.error(403);
    accounts.stop().await;
}

#[actix_web::test]
async fn moving_a_large_thread_counts_its_bytes() {
    let accounts =
        Accounts::start_with(|config| config.allowances.writes_per_account = 3_000_000).await;
    let post = accounts.post_of(Role::Author).await;
    let comments = format!("/api/posts/{post}/comments");
    let long = json!({"body": "b".repeat(50_000)});
    for role in [Role::Commenter, Role::Other] {
        for _ in 0..10 {
            accounts.send(role, Method::POST, &comments, &long).await.json(201);
        }
    }
    // Each move costs about a million bytes.
    for moves in 0..12 {
        let answer = match moves % 2 {
            0 => send(&accounts, Role::Author, &format!("/posts/{post}/delete")).await,
            _ => send(&accounts, Role::Author, &format!("/bin/{}/restore", moves / 2 + 1)).await,
        };
        if answer.status == 429 {
            assert!(moves >= 2, "{moves}");
            accounts.stop().await;
            return;
        }
        assert_eq!(answer.status, 303, "{moves}");
    }
    panic!("moves are not limited");
}
