//! Forms as a browser without scripts submits them: no typed text is lost, and nothing is written
//! twice or under another name.

mod conflicts;
mod copies;
mod identity;
mod links;
mod once;
mod preview;
mod refused;

use kilonova::config::{Access, Config};
use kilonova::models::user::Role;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::support::{Answer, Raw, Site};

/// Sets accounts access, with new accounts as members.
fn accounts(config: &mut Config) {
    config.access = Access::Accounts;
    config.registration_role = Role::Member;
}

const PASSWORD: &str = "correct horse";

/// A browser with an account, or without one.
struct Browser<'a> {
    site: &'a Site,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn guest(site: &'a Site) -> Browser<'a> {
        Browser { site, cookie: String::new() }
    }

    /// A browser that is signed in to an account, which is registered if it does not exist.
    async fn of(site: &'a Site, name: &str) -> Browser<'a> {
        let fields = json!({"username": name, "password": PASSWORD});
        site.post("/api/users", &fields).await;
        let answer = site.post("/api/session", &fields).await;
        let mut set = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
        let cookie = set.find(|cookie| cookie.starts_with("kilonova_session")).unwrap();
        Browser { site, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let mut headers = vec![("accept", "text/html")];
        if !self.cookie.is_empty() {
            headers.push(("cookie", &self.cookie));
        }
        headers
    }

    /// The response for a link, without following redirects.
    async fn get(&self, path: &str) -> Answer {
        Raw::connect(self.site).await.request("GET", path, &self.headers(), b"").await
    }

    /// The HTML of a page, which must exist.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        text(&answer)
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut headers = self.headers();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        Raw::connect(self.site).await.request("POST", path, &headers, form(fields).as_bytes()).await
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    fields.join("&")
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The value of the first field with this name and a value.
#[track_caller]
fn value<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('"').next().unwrap()
}

#[track_caller]
fn assert_leads(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{}", text(answer));
}
