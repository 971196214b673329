//! Permissions under accounts access: every route for every role and every status of a post, over
//! real HTTP and streams.

mod behind;
mod bin;
mod ends;
mod fragments;
mod guests;
mod hints;
mod limits;
mod manage;
mod moderation;
mod overview;
mod proxies;
mod roles;
mod scheduled;
mod seen;
pub(crate) mod table;
mod together;

use std::cell::Cell;

use actix_web::http::Method;
use actix_web::web::Bytes;
use kilonova::config::{Access, Config};
use kilonova_test::postgres::Cluster;
use serde_json::{Value, json};

use crate::databases::Home;
use crate::support::{Answer, Raw, Site, converge, links};

const PASSWORD: &str = "correct horse";

/// The role that sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Nobody,
    Commenter,
    /// A member who wrote neither the post nor the note.
    Other,
    /// The member who wrote the post and the note.
    Author,
    Admin,
}

const ROLES: [Role; 5] = [Role::Nobody, Role::Commenter, Role::Other, Role::Author, Role::Admin];

/// The names of the roles' accounts.
const NAMES: [&str; 5] = ["", "commenter", "other", "author", "boss"];

/// The nodes of a site.
#[derive(Clone, Copy, Debug)]
enum Nodes {
    One,
    /// Three that form a cluster.
    Three,
    /// Three that share a database but form no cluster.
    ThreeApart,
}

/// A site under accounts access, with one account of each role.
struct Accounts {
    sites: Vec<Site>,
    /// The index of the node that got the last request.
    asked: Cell<usize>,
    cookies: Vec<String>,
    /// Dropped last.
    _postgres: Option<Cluster>,
}

impl Accounts {
    async fn start() -> Accounts {
        Accounts::start_on(Nodes::One).await.unwrap()
    }

    /// Starts one node with a configuration that `change` has modified.
    async fn start_with(change: impl Fn(&mut Config)) -> Accounts {
        Accounts::start_on_with(Nodes::One, change).await.unwrap()
    }

    /// Starts these nodes; `None` if they need PostgreSQL and it is not available.
    async fn start_on(nodes: Nodes) -> Option<Accounts> {
        Accounts::start_on_with(nodes, |_| ()).await
    }

    async fn start_on_with(nodes: Nodes, change: impl Fn(&mut Config)) -> Option<Accounts> {
        let (postgres, home) = match nodes {
            Nodes::One => (None, Home::new()),
            _ => {
                let postgres = Cluster::start(&[])?;
                let home = Home::on(&postgres.url());
                (Some(postgres), home)
            }
        };
        let links: Vec<_> = match nodes {
            Nodes::One => vec![None],
            Nodes::Three => links(3).into_iter().map(Some).collect(),
            Nodes::ThreeApart => vec![None, None, None],
        };
        let others: Vec<_> = links.iter().skip(1).map(|_| home.another_node()).collect();
        let mut sites = Vec::new();
        for (node, (home, link)) in [home].into_iter().chain(others).zip(links).enumerate() {
            let configure = |config: &mut Config| {
                config.access = Access::Accounts;
                config.registration_role = kilonova::models::user::Role::Member;
                config.node = format!("node-{node}");
                config.cluster = link;
                // All requests come from one address.
                config.allowances.comments_per_address = 0;
                config.allowances.comments_per_account = 0;
                config.allowances.searches_per_address = 0;
                config.allowances.searches_per_account = 0;
                change(config);
            };
            sites.push(Site::start_in(home, configure).await);
        }
        if matches!(nodes, Nodes::Three) {
            converge(&sites).await;
        }
        let mut cookies = vec![String::new()];
        for name in &NAMES[1..] {
            let user = json!({"username": name, "password": PASSWORD});
            sites[0].post("/api/users", &user).await.json(201);
            cookies.push(sign_in(&sites[0], name).await);
        }
        for (name, role) in [("commenter", "commenter"), ("boss", "admin")] {
            set_role(&sites[0], name, role);
        }
        Some(Accounts { sites, asked: Cell::new(0), cookies, _postgres: postgres })
    }

    /// The first node.
    fn site(&self) -> &Site {
        &self.sites[0]
    }

    /// The next node, in rotation.
    fn next(&self) -> &Site {
        self.asked.set((self.asked.get() + 1) % self.sites.len());
        &self.sites[self.asked.get()]
    }

    /// All nodes but the first, or the first if it is the only one.
    fn others(&self) -> &[Site] {
        &self.sites[usize::from(self.sites.len() > 1)..]
    }

    async fn stop(self) {
        for site in self.sites.into_iter().rev() {
            site.stop().await;
        }
    }

    fn cookie(&self, role: Role) -> &str {
        &self.cookies[role as usize]
    }

    /// Sends a request from this role to the next node.
    async fn send(&self, role: Role, method: Method, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let mut headers = vec![("content-type", "application/json")];
        if role != Role::Nobody {
            headers.push(("cookie", self.cookie(role)));
        }
        self.next().send(method, path, &headers, body).await
    }

    /// Sends a request whose response may be a stream: only the head of the response is read.
    async fn open(&self, role: Role, path: &str, accept: &str) -> (Raw, u16) {
        let mut raw = Raw::connect(self.next()).await;
        let headers = [("Accept", accept), ("Cookie", self.cookie(role))];
        let headers = if role == Role::Nobody { &headers[..1] } else { &headers[..] };
        let answer = raw.ask("GET", path, headers, b"").await;
        (raw, answer.status)
    }

    async fn form(&self, role: Role, path: &str, fields: &str) -> u16 {
        let mut raw = Raw::connect(self.next()).await;
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "text/html"),
            ("Cookie", self.cookie(role)),
        ];
        let headers = if role == Role::Nobody { &headers[..2] } else { &headers[..] };
        raw.ask("POST", path, headers, fields.as_bytes()).await.status
    }

    /// Publishes a post by the author, has the commenter comment on it and then gives the post this
    /// status. Returns the ids of the post and the comment.
    async fn post(&self, status: &str) -> (i64, i64) {
        let post = json!({"title": "A post", "body": "b"});
        let post = self.send(Role::Author, Method::POST, "/api/posts", &post).await.json(201);
        let id = post["id"].as_i64().unwrap();
        let comments = format!("/api/posts/{id}/comments");
        let comment = json!({"body": "A comment"});
        let comment = self.send(Role::Commenter, Method::POST, &comments, &comment).await.json(201);
        let status = json!({ "status": status, "publish_at": "2999-01-01T00:00:00Z" });
        let path = format!("/api/posts/{id}");
        self.send(Role::Author, Method::PATCH, &path, &status).await.json(200);
        (id, comment["id"].as_i64().unwrap())
    }

    /// Publishes a post by this role.
    async fn post_of(&self, role: Role) -> i64 {
        let post = json!({"title": "A post", "body": "b"});
        let post = self.send(role, Method::POST, "/api/posts", &post).await.json(201);
        post["id"].as_i64().unwrap()
    }

    async fn note(&self) -> i64 {
        let note = json!({"title": "A note", "body": "b"});
        let note = self.send(Role::Author, Method::POST, "/api/notes", &note).await.json(201);
        note["id"].as_i64().unwrap()
    }
}

/// Tests a site of one node, and one of three nodes that are asked in rotation.
async fn on_one_node_and_on_three(test: impl AsyncFn(&Accounts)) {
    for nodes in [Nodes::One, Nodes::Three] {
        if let Some(accounts) = Accounts::start_on(nodes).await {
            test(&accounts).await;
            accounts.stop().await;
        }
    }
}

async fn sign_in(site: &Site, username: &str) -> String {
    let fields = json!({"username": username, "password": PASSWORD});
    session_cookie(&site.post("/api/session", &fields).await)
}

/// The session cookie that a response sets.
pub(crate) fn session_cookie(answer: &Answer) -> String {
    assert_eq!(answer.status, 201);
    let set = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
    let mut set = set.filter(|cookie| cookie.starts_with("kilonova_session"));
    set.next().unwrap().split(';').next().unwrap().to_owned()
}

pub(crate) fn set_role(site: &Site, name: &str, role: &str) {
    let role = format!("UPDATE users SET role = '{role}' WHERE folded_username = '{name}'");
    site.home().execute(&role);
}
