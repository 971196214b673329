//! Forms of pages, as a browser without scripts sends them: nothing that was typed is lost, and nothing
//! is written twice or under another name.

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

/// Accounts decide, and new accounts are members.
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

    /// One that is signed in to an account that is made if it is not there.
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

    /// The answer to a link; nobody follows where it leads.
    async fn get(&self, path: &str) -> Answer {
        Raw::connect(self.site).await.request("GET", path, &self.headers(), b"").await
    }

    /// A page that must be there.
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

/// The value of the first field of this name that has one.
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
