//! Atom feeds, the sitemap and `robots.txt`, as their readers get them: parsed strictly, on a site that
//! is open on this machine and on one behind a public URL with a path.

mod conditional;
mod entries;
mod sitemap;
mod subjects;

use actix_web::http::Method;
use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use kilonova::config::{Access, Config};
use kilonova::models::user::Role;
use kilonova::reach::{PublicUrl, Reach};
use roxmltree::{Document, Node};
use serde_json::{Value, json};

use crate::databases::Home;
use crate::support::{Answer, Raw, Site};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const PUBLIC: &str = "https://blog.example/notes/daily";
const PASSWORD: &str = "correct horse";

/// A feed.
#[derive(Debug, PartialEq)]
struct Feed {
    id: String,
    title: String,
    own: String,
    page: Option<String>,
    entries: Vec<Entry>,
}

/// An entry of a feed.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    id: String,
    title: String,
    link: String,
    published: DateTime<Utc>,
    updated: DateTime<Utc>,
    author: Option<String>,
    tags: Vec<String>,
    summary: Option<String>,
    content: Option<String>,
}

/// The feed in an answer; fails unless it has everything that RFC 4287 asks for.
#[track_caller]
fn feed(answer: &Answer) -> Feed {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some("application/atom+xml; charset=utf-8"));
    assert!(answer.body.len() <= 1024 * 1024, "{}", answer.body.len());
    let text = std::str::from_utf8(&answer.body).expect("UTF-8");
    let document = Document::parse(text).expect("XML");
    let root = document.root_element();
    assert_eq!((root.tag_name().namespace(), root.tag_name().name()), (Some(ATOM), "feed"));
    let is_known = |name| {
        ["id", "title", "link", "updated", "author", "entry"].contains(&name)
            && document
                .descendants()
                .all(|node| !node.is_element() || node.tag_name().namespace() == Some(ATOM))
    };
    assert!(
        root.children().filter(Node::is_element).all(|child| is_known(child.tag_name().name()))
    );
    // The feed's own author is there for the entries that have none.
    assert!(!one(one_element(root, "author"), "name").is_empty());
    let entries: Vec<_> = elements(root, "entry").map(entry).collect();
    let updated = time(&one(root, "updated"));
    if let Some(newest) = entries.iter().map(|entry| entry.updated).max() {
        assert_eq!(updated, newest);
    }
    let ids: std::collections::BTreeSet<_> = entries.iter().map(|entry| &entry.id).collect();
    assert_eq!(ids.len(), entries.len(), "ids are unique");
    Feed {
        id: urn(&one(root, "id")),
        title: one(root, "title"),
        own: link(root, "self").expect("a link to itself"),
        page: link(root, "alternate"),
        entries,
    }
}

fn entry(node: Node<'_, '_>) -> Entry {
    let content = optional(node, "content");
    if content.is_some() {
        assert_eq!(one_element(node, "content").attribute("type"), Some("html"));
    }
    let author = elements(node, "author").next().map(|author| one(author, "name"));
    let term = |tag: Node<'_, '_>| tag.attribute("term").expect("a term").to_owned();
    Entry {
        id: urn(&one(node, "id")),
        title: one(node, "title"),
        link: link(node, "alternate").expect("a link to its page"),
        published: time(&one(node, "published")),
        updated: time(&one(node, "updated")),
        author,
        tags: elements(node, "category").map(term).collect(),
        summary: optional(node, "summary"),
        content,
    }
}

fn elements<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    node.children().filter(move |child| child.has_tag_name((ATOM, name)))
}

fn one_element<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'a str) -> Node<'a, 'i> {
    let mut found = elements(node, name);
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "one {name}");
    first.unwrap_or_else(|| panic!("no {name}"))
}

fn one(node: Node<'_, '_>, name: &str) -> String {
    one_element(node, name).text().unwrap_or_default().to_owned()
}

fn optional(node: Node<'_, '_>, name: &str) -> Option<String> {
    elements(node, name).next().map(|_| one(node, name))
}

fn link(node: Node<'_, '_>, rel: &str) -> Option<String> {
    let mut links = elements(node, "link").filter(|link| link.attribute("rel") == Some(rel));
    let link = links.next()?.attribute("href").expect("an address");
    assert!(links.next().is_none(), "one link of a kind");
    assert!(link.starts_with("http") && link.is_ascii() && !link.contains(' '), "{link}");
    Some(link.to_owned())
}

fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
}

fn urn(id: &str) -> String {
    let digits = id.strip_prefix("urn:uuid:").unwrap_or_else(|| panic!("{id}"));
    let lengths: Vec<_> = digits.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    id.to_owned()
}

/// The addresses of the feeds that a page names, with their titles.
async fn named(page: &Answer) -> Vec<String> {
    assert_eq!(page.status, 200);
    let html = String::from_utf8_lossy(&page.body).into_owned();
    let links = html.split("<link rel=\"alternate\" type=\"application/atom+xml\"").skip(1);
    let href = |rest: &str| rest.split("href=\"").nth(1)?.split('"').next().map(str::to_owned);
    links.filter_map(href).collect()
}

async fn page(site: &Site, path: &str) -> Answer {
    site.send(Method::GET, path, &[("accept", "text/html")], Bytes::new()).await
}

/// A site at [`PUBLIC`], with the members ada and bob.
struct Behind {
    site: Site,
    cookies: Vec<String>,
}

fn configure(config: &mut Config, public: &str) {
    let public = PublicUrl::parse(public).unwrap();
    config.access = Access::Accounts;
    config.registration_role = Role::Member;
    config.reach = Reach {
        hosts: vec![public.host.clone()],
        public: Some(public),
        trusted: vec!["127.0.0.0/8".parse().unwrap()],
        ..Reach::default()
    };
}

impl Behind {
    async fn start() -> Behind {
        let site = Site::start_in(Home::new(), |config| configure(config, PUBLIC)).await;
        let mut behind = Behind { site, cookies: Vec::new() };
        for name in ["ada", "bob"] {
            let fields = json!({"username": name, "password": PASSWORD});
            behind.send(None, "POST", "/api/users", &fields).await.json(201);
            let signed_in = behind.send(None, "POST", "/api/session", &fields).await;
            let cookies = signed_in.headers.get_all("set-cookie").map(|it| it.to_str().unwrap());
            let cookie = cookies.into_iter().find(|it| it.contains("session")).unwrap();
            behind.cookies.push(cookie.split(';').next().unwrap().to_owned());
        }
        behind
    }

    /// A request as the proxy passes it on: below the site's path.
    async fn send(&self, cookie: Option<usize>, method: &str, path: &str, body: &Value) -> Answer {
        let path = format!("/notes/daily{path}");
        let mut headers = vec![
            ("Host", "blog.example"),
            ("X-Forwarded-For", "203.0.113.5"),
            ("Content-Type", "application/json"),
        ];
        if let Some(number) = cookie {
            headers.push(("Cookie", &self.cookies[number]));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let raw = Raw::connect(&self.site).await;
        raw.request(method, &path, &headers, body.as_bytes()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(None, "GET", path, &Value::Null).await
    }

    async fn post(&self, author: usize, fields: &Value) -> Value {
        self.send(Some(author), "POST", "/api/posts", fields).await.json(201)
    }
}
