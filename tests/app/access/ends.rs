//! The end of sign-ins and tokens: the connections opened with them close, whoever ended them and
//! whether or not a message announces it.

mod told;

use std::time::{Duration, Instant};

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Accounts, Nodes, PASSWORD, Role, sign_in};
use crate::accounts::command::user;
use crate::support::{Raw, Site, within};

/// The time within which every connection must have closed.
const SOON: Duration = Duration::from_secs(2);

pub(super) const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// A WebSocket and a stream of notes on each of [`Accounts::others`].
pub(super) struct Opened(Vec<(Raw, Raw)>);

impl Opened {
    pub(super) async fn open(accounts: &Accounts, name: &str, value: &str) -> Opened {
        let mut opened = Vec::new();
        for site in accounts.others() {
            let mut socket = Raw::connect(site).await;
            let headers = [UPGRADE.as_slice(), &[(name, value)]].concat();
            assert_eq!(socket.ask("GET", "/notifications", &headers, b"").await.status, 101);
            let mut stream = Raw::connect(site).await;
            let headers = [("Accept", "text/event-stream"), (name, value)];
            assert_eq!(stream.ask("GET", "/notifications", &headers, b"").await.status, 200);
            opened.push((socket, stream));
        }
        Opened(opened)
    }

    /// Asserts that all close, the sockets with 1008, soon after `begun`.
    pub(super) async fn ends(self, begun: Instant) {
        for (mut socket, mut stream) in self.0 {
            let code = loop {
                let frame = socket.frame().await.expect("a close frame");
                if let Some(code) = frame.close_code() {
                    break code;
                }
            };
            assert_eq!(code, 1008);
            while stream.block().await.is_some() {}
            assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        }
    }

    /// Asserts that all are still open: a note written now arrives on each.
    pub(super) async fn goes_on(&mut self, accounts: &Accounts) {
        let note = json!({"title": "Still here?", "body": "b"});
        let note = accounts.send(Role::Admin, Method::POST, "/api/notes", &note).await.json(201);
        for (socket, stream) in &mut self.0 {
            let said = loop {
                let frame = socket.frame().await.expect("a frame");
                assert_eq!(frame.close_code(), None);
                let text: Value = serde_json::from_slice(&frame.payload).unwrap_or_default();
                if text["data"] == note {
                    break text;
                }
            };
            assert_eq!(said["event"], "note_created");
            let id = format!("\"id\":{}", note["id"]);
            while !stream.block().await.expect("the stream goes on").contains(&id) {}
        }
    }
}

/// Sends a request with a cookie or a token.
async fn send(site: &Site, who: (&str, &str), method: Method, path: &str, body: Value) -> u16 {
    let headers = [("content-type", "application/json"), who];
    site.send(method, path, &headers, body.to_string().into()).await.status
}

async fn token(site: &Site, cookie: &str) -> (i64, String) {
    let headers = [("content-type", "application/json"), ("cookie", cookie)];
    let made = site.send(Method::POST, "/api/tokens", &headers, r#"{"name":"a"}"#.into()).await;
    let made = made.json(201);
    (made["id"].as_i64().unwrap(), format!("Bearer {}", made["token"].as_str().unwrap()))
}

#[actix_web::test]
async fn sockets_and_streams_end_with_their_sign_in() {
    end_with_their_sign_in(Accounts::start().await).await;
}

#[actix_web::test]
async fn sockets_and_streams_on_other_nodes_end_with_their_sign_in() {
    let Some(accounts) = Accounts::start_on(Nodes::Three).await else { return };
    end_with_their_sign_in(accounts).await;
}

#[actix_web::test]
async fn sockets_and_streams_on_nodes_without_a_cluster_end_with_their_sign_in() {
    let Some(accounts) = Accounts::start_on(Nodes::ThreeApart).await else { return };
    end_with_their_sign_in(accounts).await;
}

/// Ends sign-ins in every way, always by requests to the first node.
async fn end_with_their_sign_in(accounts: Accounts) {
    let site = accounts.site();
    let boss = accounts.cookie(Role::Admin).to_owned();
    let boss = ("cookie", boss.as_str());
    let mut others = Opened::open(&accounts, "cookie", accounts.cookie(Role::Other)).await;

    // Signed out.
    let cookie = sign_in(site, "author").await;
    let opened = Opened::open(&accounts, "cookie", &cookie).await;
    let begun = Instant::now();
    assert_eq!(
        send(site, ("cookie", &cookie), Method::DELETE, "/api/session", json!({})).await,
        204
    );
    opened.ends(begun).await;

    // Signed out from another sign-in, through the list of sign-ins.
    let cookie = sign_in(site, "author").await;
    let mine = accounts.cookie(Role::Author);
    let headers = [("cookie", mine)];
    let list = site.send(Method::GET, "/api/sessions", &headers, "".into()).await.json(200);
    let list = list["sessions"].as_array().unwrap().clone();
    assert_eq!(list.iter().filter(|one| one["current"] == true).count(), 1);
    let other = list.iter().find(|one| one["current"] == false).unwrap();
    let opened = Opened::open(&accounts, "cookie", &cookie).await;
    let begun = Instant::now();
    let path = format!("/api/sessions/{}", other["id"]);
    assert_eq!(send(site, ("cookie", mine), Method::DELETE, &path, json!({})).await, 204);
    opened.ends(begun).await;

    // A new password: the browser that set it stays signed in.
    let cookie = sign_in(site, "author").await;
    let opened = Opened::open(&accounts, "cookie", &cookie).await;
    let mut own = Opened::open(&accounts, "cookie", mine).await;
    let (_, bearer) = token(site, mine).await;
    let body = json!({"password": PASSWORD, "new_password": "another horse"});
    let begun = Instant::now();
    assert_eq!(send(site, ("cookie", mine), Method::PUT, "/api/account/password", body).await, 204);
    opened.ends(begun).await;
    own.goes_on(&accounts).await;
    assert_eq!(
        send(site, ("authorization", &bearer), Method::GET, "/api/notes", json!({})).await,
        401
    );

    // A revoked token.
    let (_, bearer) = token(site, mine).await;
    let (id, second) = token(site, mine).await;
    let opened = Opened::open(&accounts, "authorization", &second).await;
    let mut first = Opened::open(&accounts, "authorization", &bearer).await;
    let begun = Instant::now();
    let path = format!("/api/tokens/{id}");
    assert_eq!(send(site, ("cookie", mine), Method::DELETE, &path, json!({})).await, 204);
    opened.ends(begun).await;
    first.goes_on(&accounts).await;
    assert_eq!(
        send(site, ("authorization", &second), Method::GET, "/api/notes", json!({})).await,
        401
    );

    // A change of role: every connection must reconnect.
    let begun = Instant::now();
    let role = json!({"role": "commenter"});
    assert_eq!(send(site, boss, Method::PATCH, "/api/users/author", role).await, 200);
    own.ends(begun).await;
    first.ends(begun).await;
    let opened = Opened::open(&accounts, "cookie", mine).await;
    let first = Opened::open(&accounts, "authorization", &bearer).await;

    // Disabled: cookies and tokens are invalid, and stay so after the account is enabled again.
    let begun = Instant::now();
    let disabled = json!({"disabled": true});
    assert_eq!(send(site, boss, Method::PATCH, "/api/users/author", disabled).await, 200);
    opened.ends(begun).await;
    first.ends(begun).await;
    for who in [("cookie", mine), ("authorization", &bearer)] {
        assert_eq!(send(site, who, Method::GET, "/api/notes", json!({})).await, 401);
    }
    let fields = json!({"username": "author", "password": "another horse"});
    assert_eq!(site.post("/api/session", &fields).await.status, 401);
    let enabled = json!({"disabled": false});
    assert_eq!(send(site, boss, Method::PATCH, "/api/users/author", enabled).await, 200);
    assert_eq!(send(site, ("cookie", mine), Method::GET, "/api/notes", json!({})).await, 401);
    assert_eq!(
        send(site, ("authorization", &bearer), Method::GET, "/api/notes", json!({})).await,
        401
    );
    assert_eq!(site.post("/api/session", &fields).await.status, 201);

    // Other accounts' connections are unaffected.
    others.goes_on(&accounts).await;
    accounts.stop().await;
}

#[actix_web::test]
async fn a_sign_in_ended_by_another_process_is_noticed_without_a_message() {
    let accounts = Accounts::start().await;
    let site = accounts.site();
    for (arguments, input) in [
        (&["role", "author", "commenter"][..], ""),
        (&["password", "author"][..], "another horse\n"),
        (&["disable", "author"][..], ""),
    ] {
        let cookie = match arguments[0] {
            "disable" => {
                let fields = json!({"username": "author", "password": "another horse"});
                let signed_in = site.post("/api/session", &fields).await;
                super::session_cookie(&signed_in)
            }
            _ => sign_in(site, "author").await,
        };
        let opened = Opened::open(&accounts, "cookie", &cookie).await;
        let done = user(site.home(), arguments, input);
        let begun = Instant::now();
        assert!(done.status.success(), "{done:?}");
        opened.ends(begun).await;
    }
    accounts.stop().await;
}

#[actix_web::test]
async fn an_unused_sign_in_expires_and_a_use_is_recorded() {
    let accounts = Accounts::start().await;
    let site = accounts.site();
    let mine = ("cookie", accounts.cookie(Role::Author));
    let (_, bearer) = token(site, mine.1).await;
    let is_signed_in =
        async |who| send(site, who, Method::GET, "/api/notes", json!({})).await == 200;
    let days_ago = |days| (chrono::Utc::now() - chrono::TimeDelta::days(days)).naive_utc();
    let last_seen = |days| {
        let seen = days_ago(days).format("%Y-%m-%d %H:%M:%S");
        site.home().execute(&format!("UPDATE sign_ins SET last_seen_at = '{seen}'"));
    };
    last_seen(13);
    assert!(is_signed_in(mine).await);
    // That request was recorded as a use.
    let noted = async {
        loop {
            let headers = [mine];
            let list = site.send(Method::GET, "/api/sessions", &headers, "".into()).await.json(200);
            let seen = list["sessions"][0]["last_seen_at"].as_str().unwrap().to_owned();
            if !seen.starts_with(&days_ago(13).format("%Y-%m-%d").to_string()) {
                break;
            }
        }
    };
    within("the use is recorded", noted).await;
    last_seen(15);
    assert!(!is_signed_in(mine).await);
    assert!(is_signed_in(("authorization", &bearer)).await, "a token does not expire without use");
    accounts.stop().await;
}

#[actix_web::test]
async fn a_sign_in_with_the_old_password_does_not_survive_the_change() {
    let accounts = Accounts::start().await;
    let site = accounts.site();
    let mine = ("cookie", accounts.cookie(Role::Author));
    // Both are checked at the same moment; several rounds make the race likely.
    for round in 0..5 {
        let (old, new) = match round % 2 {
            0 => (PASSWORD, "another horse"),
            _ => ("another horse", PASSWORD),
        };
        let fields = json!({"username": "author", "password": old});
        let body = json!({"password": old, "new_password": new});
        let (signed_in, changed) = futures_util::future::join(
            site.post("/api/session", &fields),
            send(site, mine, Method::PUT, "/api/account/password", body),
        )
        .await;
        assert_eq!(changed, 204);
        if signed_in.status == 201 {
            let cookie = super::session_cookie(&signed_in);
            let status =
                send(site, ("cookie", &cookie), Method::GET, "/api/notes", json!({})).await;
            assert_eq!(status, 401, "the sign-in with the old password is still valid");
        }
    }
    accounts.stop().await;
}
