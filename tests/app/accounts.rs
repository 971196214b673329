//! Identity: accounts, signing in and out, and the author of a write. `access` tests what an
//! account may do.

pub(crate) mod command;
mod guesses;
mod pages;
mod registration;
mod sign_ins;
mod told;
mod writers;

use actix_web::http::Method;
use actix_web::web::Bytes;
use serde_json::{Value, json};

use crate::support::{Answer, Site};

const PASSWORD: &str = "correct horse";
const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Registers an account.
async fn register(site: &Site, username: &str) -> Value {
    let fields = json!({"username": username, "password": PASSWORD});
    site.post("/api/users", &fields).await.json(201)
}

async fn try_to_sign_in(site: &Site, username: &str, password: &str) -> Answer {
    site.post("/api/session", &json!({"username": username, "password": password})).await
}

/// Signs in and returns the cookie as a browser sends it back.
async fn sign_in(site: &Site, username: &str) -> String {
    let answer = try_to_sign_in(site, username, PASSWORD).await;
    assert_eq!(answer.json(201)["user"]["username"], username);
    cookie(&answer)
}

/// The session cookie that a response sets, without its attributes.
fn cookie(answer: &Answer) -> String {
    set_cookie(answer, "kilonova_session")
}

/// The only cookie that a response sets whose name starts with `name`, without its attributes.
fn set_cookie(answer: &Answer, name: &str) -> String {
    let set = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
    let set: Vec<_> = set.filter(|cookie| cookie.starts_with(name)).collect();
    assert_eq!(set.len(), 1, "{set:?}");
    set[0].split(';').next().unwrap().to_owned()
}

/// Sends a request with a cookie.
async fn with(site: &Site, cookie: &str, method: Method, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    site.send(method, path, &[JSON, ("cookie", cookie)], body).await
}

/// Submits a form, with a cookie unless that is empty.
async fn send_form(site: &Site, cookie: &str, path: &str, fields: &str) -> Answer {
    let headers = [FORM, ("cookie", cookie), ("accept", "text/html")];
    let headers = if cookie.is_empty() { vec![FORM, headers[2]] } else { headers.to_vec() };
    let body = Bytes::copy_from_slice(fields.as_bytes());
    super::support::Raw::connect(site).await.request("POST", path, &headers, &body).await
}

/// The name of the cookie's account, found by writing a note without an author.
async fn name_of(site: &Site, cookie: &str) -> Option<String> {
    let note = json!({"title": "Who am I?", "body": "b"});
    let answer = with(site, cookie, Method::POST, "/api/notes", &note).await;
    match answer.status {
        201 => Some(answer.json(201)["author"].as_str().unwrap().to_owned()),
        _ => {
            assert_eq!(answer.error(422), "title, body and author required");
            None
        }
    }
}
