//! The table of permissions: each route's status for each role and status of the post.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Accounts, Nodes, ROLES, Role};

/// The response statuses for nobody, a commenter, another member, the author and an admin.
type Answers = [u16; 5];

/// The kind of request that a route gets.
#[derive(Clone, Copy)]
enum Ask {
    /// A request with this JSON body, or none.
    Api(&'static str),
    /// A form with these fields.
    Form(&'static str),
    /// A page or a stream, requested with this `Accept` header.
    Open(&'static str),
}

struct Row {
    /// The pattern as in the router.
    route: &'static str,
    method: Method,
    /// The requested path, with `{post}`, `{comment}` and `{note}`.
    path: &'static str,
    ask: Ask,
    draft: Answers,
    /// For a published or an archived post, or for a route without a post.
    public: Answers,
}

const HTML: &str = "text/html";
const STREAM: &str = "text/event-stream";
const ATOM: &str = "application/atom+xml";
const XML: &str = "application/xml";
const EVERYONE: Answers = [200; 5];

fn row(
    method: Method,
    route: &'static str,
    path: &'static str,
    ask: Ask,
    draft: Answers,
    public: Answers,
) -> Row {
    Row { route, method, path, ask, draft, public }
}

/// A route without a post.
fn plain(
    method: Method,
    route: &'static str,
    path: &'static str,
    ask: Ask,
    answers: Answers,
) -> Row {
    row(method, route, path, ask, answers, answers)
}

fn table() -> Vec<Row> {
    use Ask::{Api, Form, Open};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    const READ_DRAFT: Answers = [404, 404, 404, 200, 200];
    const CHANGE_DRAFT: Answers = [401, 404, 404, 200, 200];
    const CHANGE: Answers = [401, 403, 403, 200, 200];
    const DELETE_DRAFT: Answers = [401, 404, 404, 204, 204];
    const SEND_DRAFT: Answers = [401, 404, 404, 303, 303];
    const OWN: Answers = [401, 200, 200, 200, 200];
    const NOTES: Answers = [401, 200, 200, 200, 200];
    const NOTE_PAGES: Answers = [303, 200, 200, 200, 200];
    let title = Api(r#"{"title":"Changed"}"#);
    let note = Api(r#"{"title":"Changed","body":"b"}"#);
    let post = "/api/posts/{id}";
    let page = "/posts/{id}";
    let comments = "/api/posts/{id}/comments";
    let comment = "/api/comments/{id}";
    let notes = "/api/notes/{id}";
    vec![
        row(GET, post, "/api/posts/{post}", Api(""), READ_DRAFT, EVERYONE),
        row(PUT, post, "/api/posts/{post}", title, CHANGE_DRAFT, CHANGE),
        row(PATCH, post, "/api/posts/{post}", title, CHANGE_DRAFT, CHANGE),
        row(DELETE, post, "/api/posts/{post}", Api(""), DELETE_DRAFT, [401, 403, 403, 204, 204]),
        row(GET, comments, "/api/posts/{post}/comments", Api(""), READ_DRAFT, EVERYONE),
        row(
            POST,
            comments,
            "/api/posts/{post}/comments",
            Api(r#"{"body":"b"}"#),
            [401, 404, 404, 201, 201],
            [401, 201, 201, 201, 201],
        ),
        row(
            PUT,
            comment,
            "/api/comments/{comment}",
            Api(r#"{"body":"Changed"}"#),
            [401, 404, 404, 403, 200],
            [401, 200, 403, 403, 200],
        ),
        row(
            DELETE,
            comment,
            "/api/comments/{comment}",
            Api(""),
            DELETE_DRAFT,
            [401, 204, 403, 204, 204],
        ),
        row(
            PATCH,
            comment,
            "/api/comments/{comment}",
            Api(r#"{"state":"hidden"}"#),
            CHANGE_DRAFT,
            CHANGE,
        ),
        plain(GET, "/api/comments", "/api/comments", Api(""), OWN),
        row(
            POST,
            "/comments/{id}/state",
            "/comments/{comment}/state",
            Form("state=hidden"),
            SEND_DRAFT,
            [401, 403, 403, 303, 303],
        ),
        plain(
            POST,
            "/comments/{id}/block",
            "/comments/999/block",
            Form(""),
            [401, 403, 403, 403, 404],
        ),
        plain(GET, "/moderation", "/moderation", Open(HTML), NOTE_PAGES),
        row(GET, page, "/posts/{post}", Open(HTML), READ_DRAFT, EVERYONE),
        row(GET, "/posts/{id}/body", "/posts/{post}/body", Open(HTML), READ_DRAFT, EVERYONE),
        row(
            GET,
            "/posts/{id}/edit",
            "/posts/{post}/edit",
            Open(HTML),
            [303, 404, 404, 200, 200],
            [303, 403, 403, 200, 200],
        ),
        row(
            POST,
            "/posts/{id}/edit",
            "/posts/{post}/edit",
            Form("title=Typed&body=b"),
            CHANGE_DRAFT,
            CHANGE,
        ),
        row(
            POST,
            "/posts/{id}/copy",
            "/posts/{post}/copy",
            Form("title=Typed&body=b"),
            CHANGE_DRAFT,
            CHANGE,
        ),
        row(
            POST,
            "/posts/{id}/copy/discard",
            "/posts/{post}/copy/discard",
            Form(""),
            SEND_DRAFT,
            [401, 403, 403, 303, 303],
        ),
        row(
            POST,
            "/posts/{id}/links",
            "/posts/{post}/links",
            Form(""),
            [401, 404, 404, 201, 201],
            [401, 403, 403, 422, 422],
        ),
        row(
            POST,
            "/posts/{id}/links/{link}/delete",
            "/posts/{post}/links/999/delete",
            Form(""),
            [401, 404, 404, 404, 404],
            [401, 403, 403, 404, 404],
        ),
        plain(GET, "/posts/{id}/copy/discard", "/posts/1/copy/discard", Open(HTML), [303; 5]),
        plain(GET, "/posts/{id}/links", "/posts/1/links", Open(HTML), [303; 5]),
        plain(
            GET,
            "/posts/{id}/links/{link}/delete",
            "/posts/1/links/1/delete",
            Open(HTML),
            [303; 5],
        ),
        plain(GET, "/drafts/{token}", "/drafts/none", Open(HTML), [404; 5]),
        plain(
            POST,
            "/posts/new/copy",
            "/posts/new/copy",
            Form("title=New&body=b&idempotency_key=0123456789abcdef0123456789abcdef&window=w"),
            [401, 403, 200, 200, 200],
        ),
        plain(GET, "/posts/new/copy/discard", "/posts/new/copy/discard", Open(HTML), [303; 5]),
        plain(
            POST,
            "/posts/new/copy/discard",
            "/posts/new/copy/discard",
            Form("idempotency_key=0123456789abcdef0123456789abcdef"),
            [401, 403, 303, 303, 303],
        ),
        plain(GET, "/posts/preview", "/posts/preview", Open(HTML), [303; 5]),
        plain(
            POST,
            "/posts/preview",
            "/posts/preview",
            Form("title=New&body=b"),
            [401, 403, 200, 200, 200],
        ),
        row(
            POST,
            page,
            "/posts/{post}",
            Form("title=Changed"),
            SEND_DRAFT,
            [401, 403, 403, 303, 303],
        ),
        row(
            POST,
            "/posts/{id}/delete",
            "/posts/{post}/delete",
            Form(""),
            SEND_DRAFT,
            [401, 403, 403, 303, 303],
        ),
        row(
            POST,
            "/posts/{id}/comments",
            "/posts/{post}/comments",
            Form("body=b"),
            SEND_DRAFT,
            [401, 303, 303, 303, 303],
        ),
        row(
            POST,
            "/comments/{id}/delete",
            "/comments/{comment}/delete",
            Form(""),
            SEND_DRAFT,
            [401, 303, 403, 303, 303],
        ),
        row(
            GET,
            "/posts/{id}/comments/ws",
            "/posts/{post}/comments/ws",
            Open(STREAM),
            READ_DRAFT,
            EVERYONE,
        ),
        row(
            GET,
            "/feed",
            "/feed?channels=post_comments_{post}",
            Open(STREAM),
            READ_DRAFT,
            EVERYONE,
        ),
        row(GET, "/feed", "/feed?channels=presence_{post}", Open(STREAM), READ_DRAFT, EVERYONE),
        row(GET, "/embed/posts/{id}", "/embed/posts/{post}", Open(HTML), [404; 5], EVERYONE),
        plain(GET, "/feed", "/feed", Open(STREAM), EVERYONE),
        plain(GET, "/feed", "/feed?channels=posts,notes", Open(STREAM), NOTES),
        plain(GET, "/feed", "/feed?channels=admin", Open(STREAM), [401, 403, 403, 403, 200]),
        plain(GET, "/notifications", "/notifications", Open(STREAM), NOTES),
        plain(GET, "/posts", "/posts", Open(HTML), [303; 5]),
        plain(GET, "/posts/{id}/comments", "/posts/1/comments", Open(HTML), [303; 5]),
        plain(GET, "/posts/{id}/delete", "/posts/1/delete", Open(HTML), [303; 5]),
        plain(GET, "/notes/{id}/delete", "/notes/1/delete", Open(HTML), [303; 5]),
        row(
            GET,
            "/comments/{id}/delete",
            "/comments/{comment}/delete",
            Open(HTML),
            [404, 404, 404, 303, 303],
            [303; 5],
        ),
        row(
            GET,
            "/comments/{id}/state",
            "/comments/{comment}/state",
            Open(HTML),
            [404, 404, 404, 303, 303],
            [303; 5],
        ),
        row(
            GET,
            "/comments/{id}/block",
            "/comments/{comment}/block",
            Open(HTML),
            [404, 404, 404, 303, 303],
            [303; 5],
        ),
        plain(GET, "/bin", "/bin", Open(HTML), NOTE_PAGES),
        plain(GET, "/bin/{id}/restore", "/bin/1/restore", Open(HTML), [303; 5]),
        plain(GET, "/bin/{id}/delete", "/bin/1/delete", Open(HTML), [303; 5]),
        plain(POST, "/bin/{id}/restore", "/bin/999/restore", Form(""), [401, 404, 404, 404, 404]),
        plain(POST, "/bin/{id}/delete", "/bin/999/delete", Form(""), [401, 404, 404, 404, 404]),
        plain(GET, "/account/password", "/account/password", Open(HTML), [303; 5]),
        plain(GET, "/account/presence", "/account/presence", Open(HTML), [303; 5]),
        plain(
            POST,
            "/account/presence",
            "/account/presence",
            Form("shown=true"),
            [401, 303, 303, 303, 303],
        ),
        plain(GET, "/account/sessions/delete", "/account/sessions/delete", Open(HTML), [303; 5]),
        plain(
            GET,
            "/account/sessions/{id}/delete",
            "/account/sessions/1/delete",
            Open(HTML),
            [303; 5],
        ),
        plain(GET, "/account/tokens", "/account/tokens", Open(HTML), [303; 5]),
        plain(GET, "/account/tokens/{id}/delete", "/account/tokens/1/delete", Open(HTML), [303; 5]),
        plain(GET, "/", "/", Open(HTML), EVERYONE),
        plain(GET, "/", "/?status=draft", Open(HTML), EVERYONE),
        plain(GET, "/posts/new", "/posts/new", Open(HTML), [303, 403, 200, 200, 200]),
        plain(POST, "/posts", "/posts", Form("title=New&body=b"), [401, 403, 303, 303, 303]),
        plain(GET, "/notes", "/notes", Open(HTML), NOTE_PAGES),
        plain(POST, "/notes", "/notes", Form("title=New&body=b"), [401, 403, 303, 303, 303]),
        plain(GET, "/notes/{id}", "/notes/{note}", Open(HTML), NOTE_PAGES),
        plain(
            POST,
            "/notes/{id}",
            "/notes/{note}",
            Form("title=Changed&body=b"),
            [401, 403, 403, 303, 303],
        ),
        plain(GET, "/notes/{id}/edit", "/notes/{note}/edit", Open(HTML), [303, 403, 403, 200, 200]),
        plain(
            POST,
            "/notes/{id}/edit",
            "/notes/{note}/edit",
            Form("title=Typed&body=b"),
            [401, 403, 403, 200, 200],
        ),
        plain(
            POST,
            "/notes/{id}/delete",
            "/notes/{note}/delete",
            Form(""),
            [401, 403, 403, 303, 303],
        ),
        plain(GET, "/api/posts", "/api/posts?status=draft", Api(""), EVERYONE),
        plain(
            POST,
            "/api/posts",
            "/api/posts",
            Api(r#"{"title":"New","body":"b"}"#),
            [401, 403, 201, 201, 201],
        ),
        plain(GET, "/api/notes", "/api/notes", Api(""), NOTES),
        plain(
            POST,
            "/api/notes",
            "/api/notes",
            Api(r#"{"title":"New","body":"b"}"#),
            [401, 403, 201, 201, 201],
        ),
        plain(GET, notes, "/api/notes/{note}", Api(""), NOTES),
        plain(PUT, notes, "/api/notes/{note}", note, [401, 403, 403, 200, 200]),
        plain(DELETE, notes, "/api/notes/{note}", Api(""), [401, 403, 403, 204, 204]),
        plain(GET, "/api/events", "/api/events?after=0", Api(""), EVERYONE),
        plain(GET, "/api/channels", "/api/channels", Api(""), [401, 403, 403, 403, 200]),
        plain(GET, "/api/openapi.json", "/api/openapi.json", Api(""), EVERYONE),
        plain(GET, "/api/asyncapi.json", "/api/asyncapi.json", Api(""), EVERYONE),
        plain(GET, "/api/docs", "/api/docs", Open(HTML), EVERYONE),
        plain(GET, "/search", "/search", Open(HTML), EVERYONE),
        plain(GET, "/api/search", "/api/search", Api(""), [422; 5]),
        plain(GET, "/login", "/login", Open(HTML), [200, 303, 303, 303, 303]),
        plain(POST, "/login", "/login", Form("username=nobody&password=wrong"), [401; 5]),
        plain(POST, "/logout", "/logout", Form(""), [303; 5]),
        plain(GET, "/register", "/register", Open(HTML), [200, 303, 303, 303, 303]),
        plain(POST, "/register", "/register", Form("username=x"), [422; 5]),
        plain(POST, "/api/users", "/api/users", Api("{}"), [422; 5]),
        plain(POST, "/api/session", "/api/session", Api("{}"), [422; 5]),
        plain(
            PATCH,
            "/api/users/{username}",
            "/api/users/other",
            Api(r#"{"role":"member"}"#),
            [401, 403, 403, 403, 200],
        ),
        plain(GET, "/api/sessions", "/api/sessions", Api(""), OWN),
        plain(
            DELETE,
            "/api/sessions/{id}",
            "/api/sessions/999",
            Api(""),
            [401, 404, 404, 404, 404],
        ),
        plain(GET, "/api/sessions", "/api/sessions?x=1", Api(""), [401, 422, 422, 422, 422]),
        plain(GET, "/api/tokens", "/api/tokens", Api(""), OWN),
        plain(GET, "/api/tokens", "/api/tokens?x=1", Api(""), [401, 422, 422, 422, 422]),
        plain(
            POST,
            "/api/tokens",
            "/api/tokens",
            Api(r#"{"name":"n"}"#),
            [401, 201, 201, 201, 201],
        ),
        plain(DELETE, "/api/tokens/{id}", "/api/tokens/999", Api(""), [401, 404, 404, 404, 404]),
        plain(
            PUT,
            "/api/account/password",
            "/api/account/password",
            Api(r#"{"password":"wrong","new_password":"another horse"}"#),
            [401, 422, 422, 422, 422],
        ),
        plain(GET, "/admin", "/admin", Open(HTML), [303, 403, 403, 403, 200]),
        plain(GET, "/account", "/account", Open(HTML), [303, 200, 200, 200, 200]),
        plain(
            POST,
            "/account/password",
            "/account/password",
            Form("password=wrong&new_password=another+horse"),
            [401, 422, 422, 422, 422],
        ),
        plain(
            POST,
            "/account/sessions/delete",
            "/account/sessions/delete",
            Form(""),
            [401, 303, 303, 303, 303],
        ),
        plain(
            POST,
            "/account/sessions/{id}/delete",
            "/account/sessions/999/delete",
            Form(""),
            [401, 404, 404, 404, 404],
        ),
        plain(
            POST,
            "/account/tokens",
            "/account/tokens",
            Form("name=n"),
            [401, 201, 201, 201, 201],
        ),
        plain(
            POST,
            "/account/tokens/{id}/delete",
            "/account/tokens/999/delete",
            Form(""),
            [401, 404, 404, 404, 404],
        ),
        plain(DELETE, "/api/session", "/api/session", Api(""), [204; 5]),
        plain(GET, "/archive", "/archive", Open(HTML), EVERYONE),
        plain(GET, "/tags", "/tags", Open(HTML), EVERYONE),
        plain(GET, "/tags/{tag}", "/tags/none", Open(HTML), [404; 5]),
        plain(GET, "/authors/{username}", "/authors/author", Open(HTML), EVERYONE),
        plain(GET, "/feed.xml", "/feed.xml", Open(ATOM), EVERYONE),
        plain(GET, "/tags/{tag}/feed.xml", "/tags/none/feed.xml", Open(ATOM), [404; 5]),
        plain(
            GET,
            "/authors/{username}/feed.xml",
            "/authors/author/feed.xml",
            Open(ATOM),
            EVERYONE,
        ),
        plain(GET, "/sitemap.xml", "/sitemap.xml", Open(XML), EVERYONE),
        plain(GET, "/sitemaps/{number}.xml", "/sitemaps/1.xml", Open(XML), EVERYONE),
        plain(GET, "/robots.txt", "/robots.txt", Open("text/plain"), EVERYONE),
        plain(GET, "/health/ready", "/health/ready", Api(""), EVERYONE),
        plain(POST, "/api/uploads", "/api/uploads", Api("{}"), [401, 403, 415, 415, 415]),
        plain(GET, "/uploads/{file}", "/uploads/none", Open("*/*"), [404; 5]),
        plain(GET, "/static/{file}", "/static/style.css", Open("text/css"), EVERYONE),
    ]
}

#[actix_web::test]
async fn every_route_answers_every_role_as_the_table_says() {
    walk(Accounts::start().await).await;
}

/// The rows that a request needs are created on another node.
#[actix_web::test]
async fn three_nodes_asked_in_rotation_answer_as_the_table_says() {
    let Some(accounts) = Accounts::start_on(Nodes::Three).await else { return };
    walk(accounts).await;
}

async fn walk(accounts: Accounts) {
    let mut wrong = Vec::new();
    for row in table() {
        let path = row.path;
        let statuses: &[&str] = match path.contains("{post}") || path.contains("{comment}") {
            true => &["draft", "scheduled", "published", "archived"],
            false => &["published"],
        };
        for &status in statuses {
            let expected =
                if ["draft", "scheduled"].contains(&status) { row.draft } else { row.public };
            for (role, expected) in ROLES.into_iter().zip(expected) {
                let told = ask(&accounts, &row, role, status).await;
                if told != expected {
                    wrong.push(format!(
                        "{} {path} of a {status} post for {role:?}: {told}, not {expected}",
                        row.method
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    accounts.stop().await;
}

/// Sends one request about rows that are created for this request only.
async fn ask(accounts: &Accounts, row: &Row, role: Role, status: &str) -> u16 {
    let mut path = row.path.to_owned();
    if path.contains("{post}") || path.contains("{comment}") {
        let (post, comment) = accounts.post(status).await;
        // Only the page's address has more than the bare id.
        let is_page = row.method == Method::GET && path == "/posts/{post}";
        let post = if is_page { format!("{post}-a-post") } else { post.to_string() };
        path = path.replace("{post}", &post);
        path = path.replace("{comment}", &comment.to_string());
    }
    if path.contains("{note}") {
        path = path.replace("{note}", &accounts.note().await.to_string());
    }
    if path == "/logout" || (path == "/api/session" && row.method == Method::DELETE) {
        // The request ends its sign-in, so it gets a separate one.
        let cookie = match role {
            Role::Nobody => String::new(),
            role => super::sign_in(accounts.next(), super::NAMES[role as usize]).await,
        };
        let headers = [("Cookie", cookie.as_str()), ("Accept", "text/html")];
        let mut raw = crate::support::Raw::connect(accounts.next()).await;
        return raw.ask(row.method.as_str(), &path, &headers, b"").await.status;
    }
    match row.ask {
        Ask::Api("") => accounts.send(role, row.method.clone(), &path, &Value::Null).await.status,
        Ask::Api(body) => {
            let body: Value = serde_json::from_str(body).unwrap();
            accounts.send(role, row.method.clone(), &path, &body).await.status
        }
        Ask::Form(fields) => accounts.form(role, &path, fields).await,
        Ask::Open(accept) => accounts.open(role, &path, accept).await.1,
    }
}

/// The method and pattern of each route, parsed from the router's source.
pub(crate) fn routes() -> Vec<(String, String)> {
    let source = include_str!("../../../src/router.rs");
    let mut routes = Vec::new();
    for resource in
        source.split("resource(").skip(1).filter(|rest| rest.trim_start().starts_with('"'))
    {
        let (path, rest) = resource.trim_start()[1..].split_once('"').unwrap();
        let handlers = rest.split("])").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                routes.push((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    routes
}

/// Each route of the table with the statuses it responds with.
pub(crate) fn statuses() -> Vec<(Method, &'static str, Vec<u16>)> {
    let row = |row: Row| (row.method, row.route, [row.draft, row.public].concat());
    table().into_iter().map(row).collect()
}

#[test]
fn every_route_has_a_row() {
    let routes = routes();
    assert!(routes.len() > 40, "{routes:?}");
    let table = table();
    let missing: Vec<_> = routes
        .iter()
        .filter(|(method, path)| {
            !table.iter().any(|row| row.method.as_str() == method && row.route == path)
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    for row in &table {
        let known = (row.method.to_string(), row.route.to_owned());
        assert!(routes.contains(&known), "{known:?} is not a route");
    }
}

#[actix_web::test]
async fn claims_about_the_author_are_ignored() {
    let accounts = Accounts::start().await;
    let claims = json!({
        "title": "Claimed", "body": "b", "user_id": 1, "author": "boss", "role": "admin",
        "username": "boss",
    });
    let post = accounts.send(Role::Other, Method::POST, "/api/posts", &claims).await.json(201);
    assert_eq!((&post["author"], &post["user_id"]), (&json!("other"), &json!(2)));
    let note = accounts.send(Role::Other, Method::POST, "/api/notes", &claims).await.json(201);
    assert_eq!(note["author"], "other");
    let comments = format!("/api/posts/{}/comments", post["id"]);
    let comment = accounts.send(Role::Commenter, Method::POST, &comments, &claims).await.json(201);
    assert_eq!(comment["author"], "commenter");
    let user = json!({"username": "eve", "password": "correct horse", "role": "admin", "id": 1});
    let user = accounts.send(Role::Nobody, Method::POST, "/api/users", &user).await.json(201);
    assert_eq!(user["role"], "member");
    accounts.stop().await;
}

/// The table as it must stand in the documentation.
fn documented() -> String {
    let mut text = "| request | of | nobody | commenter | another member | author | admin |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in table() {
        let is_one = row.draft == row.public;
        let lines = match (is_one, row.path.contains("{post}") || row.path.contains("{comment}")) {
            (true, false) => vec![("", row.public)],
            (true, true) => vec![("any post", row.public)],
            (false, _) => vec![("a draft", row.draft), ("a public post", row.public)],
        };
        for (of, answers) in lines {
            let answers = answers.map(|status| status.to_string()).join(" | ");
            text += &format!("| {} {} | {of} | {answers} |\n", row.method, row.path);
        }
    }
    text
}

#[test]
fn the_documented_table_is_current() {
    let known = include_str!("../../../docs/security.md");
    let (_, table) = known.split_once("## The table\n").unwrap();
    let table = table.split_once("\n\n| ").map(|(_, table)| format!("| {table}")).unwrap();
    assert!(table.trim() == documented().trim(), "docs/security.md must end on\n{}", documented());
}
