//! Atom feeds, the sitemap and `robots.txt`, parsed strictly, of a local site under open access and
//! of a site behind a public URL with a path.

mod atom;
mod conditional;
mod entries;
mod sitemap;
mod subjects;

use actix_web::http::Method;
use actix_web::web::Bytes;
use kilonova::config::{Access, Config};
use kilonova::models::user::Role;
use kilonova::reach::{PublicUrl, Reach};
use serde_json::{Value, json};

use self::atom::{Entry, feed, time};
use crate::databases::Home;
use crate::support::{Answer, Raw, Site};

const PUBLIC: &str = "https://blog.example/notes/daily";
const PASSWORD: &str = "correct horse";

/// The addresses of the feeds that a page links to.
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

    /// Sends a request below the site's path, as the proxy passes it on.
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
