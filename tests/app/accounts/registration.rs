//! POST /api/users.

use actix_web::http::Method;
use actix_web::web::Bytes;
use futures_util::future::join_all;
use kilonova::config::Registration;
use serde_json::json;

use super::{JSON, PASSWORD, register, sign_in, try_to_sign_in};
use crate::support::Site;

#[actix_web::test]
async fn a_new_account_has_the_contracts_fields() {
    let site = Site::start().await;
    let fields = json!({
        "username": "Ada.L-1_", "email": "Ada@Example.org", "password": PASSWORD,
        "id": 99, "role": "admin", "inserted_at": "1999-01-01T00:00:00Z", "password_hash": "x",
    });
    let answer = site.post("/api/users", &fields).await;
    let user = answer.json(201);
    let keys: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "inserted_at", "role", "username"]);
    assert_eq!((&user["username"], &user["role"]), (&json!("Ada.L-1_"), &json!("commenter")));
    assert!(user["id"].as_i64().unwrap() > 0 && user["id"] != 99);
    let at = chrono::DateTime::parse_from_rfc3339(user["inserted_at"].as_str().unwrap()).unwrap();
    assert!((chrono::Utc::now() - at.to_utc()).num_minutes() < 10);
    assert_eq!((answer.header("location"), answer.header("set-cookie")), (None, None));
    site.stop().await;
}

#[actix_web::test]
async fn refusals_use_ectos_messages() {
    let site = Site::start().await;
    let letters = "should have only letters (a to z), digits, '.', '-' and '_'";
    let (short, long) = ("should be at least 3 character(s)", "should be at most 40 character(s)");
    for (field, value, message) in [
        ("username", json!(null), "can't be blank"),
        ("username", json!("  "), "can't be blank"),
        ("username", json!(5), "is invalid"),
        ("username", json!("ab"), short),
        ("username", json!("a".repeat(41)), long),
        ("username", json!("ada lovelace"), letters),
        ("username", json!("аdа"), letters),
        ("username", json!("ada@x"), letters),
        ("username", json!("<b>ada"), letters),
        ("email", json!("ada"), "is invalid"),
        ("email", json!("@example.org"), "is invalid"),
        ("email", json!("ada@"), "is invalid"),
        ("email", json!("a da@example.org"), "is invalid"),
        ("email", json!("a@b@c"), "is invalid"),
        ("email", json!("Ada <ada@example.org>"), "is invalid"),
        (
            "email",
            json!(format!("{}@example.org", "a".repeat(250))),
            "should be at most 254 character(s)",
        ),
        ("password", json!(""), "can't be blank"),
        ("password", json!(1234567890), "is invalid"),
        ("password", json!("123456789"), "should be at least 10 character(s)"),
        ("password", json!("a".repeat(1025)), "should be at most 1024 byte(s)"),
        ("password", json!("0123456789\0"), "is invalid"),
    ] {
        let mut fields = json!({"username": "ada", "password": PASSWORD});
        fields[field] = value.clone();
        let answer = site.post("/api/users", &fields).await;
        assert_eq!(answer.json(422), json!({"errors": {field: [message]}}), "{value}");
    }
    let nothing = site.post("/api/users", &json!({})).await.json(422);
    assert_eq!(
        nothing,
        json!({"errors": {"username": ["can't be blank"], "password": ["can't be blank"]}})
    );
    // The refusals left nothing behind, and values at the limits are accepted.
    let longest = json!({"username": "a".repeat(40), "password": "p".repeat(1024), "email": null});
    site.post("/api/users", &longest).await.json(201);
    let shortest = json!({"username": "ada", "password": "äöüäöüäöüä", "email": ""});
    site.post("/api/users", &shortest).await.json(201);
    site.stop().await;
}

#[actix_web::test]
async fn names_and_email_addresses_are_unique_in_any_case() {
    let site = Site::start().await;
    let fields = json!({"username": "Ada", "email": "ada@example.org", "password": PASSWORD});
    site.post("/api/users", &fields).await.json(201);
    let taken = |field: &str| json!({"errors": {field: ["has already been taken"]}});
    for name in ["Ada", "ada", "ADA"] {
        let fields = json!({"username": name, "password": PASSWORD});
        assert_eq!(site.post("/api/users", &fields).await.json(422), taken("username"));
    }
    for email in ["ada@example.org", "ADA@Example.ORG"] {
        let fields = json!({"username": "eve", "email": email, "password": PASSWORD});
        assert_eq!(site.post("/api/users", &fields).await.json(422), taken("email"));
    }
    // Several accounts may have no email address.
    register(&site, "eve").await;
    register(&site, "mallory").await;
    // In parallel: the unique index decides, not a check before the insert.
    let names = ["race", "Race", "RACE", "rAce", "raCe", "racE"];
    let fields = names.map(|name| json!({"username": name, "password": PASSWORD}));
    let answers = join_all(fields.iter().map(|fields| site.post("/api/users", fields))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.json(422), taken("username"));
    }
    site.assert_alive().await;
    site.stop().await;
}

#[actix_web::test]
async fn a_closed_registration_refuses_everyone() {
    let site = Site::start_with(|config| config.registration = Registration::Closed).await;
    let fields = json!({"username": "ada", "password": PASSWORD});
    assert_eq!(site.post("/api/users", &fields).await.error(403), "registration is closed");
    let form = super::send_form(&site, "", "/register", "username=ada&password=correct+horse");
    assert_eq!(form.await.status, 403);
    assert_eq!(site.get("/register").await.status, 403);
    assert_eq!(try_to_sign_in(&site, "ada", PASSWORD).await.status, 401);
    let page = site.get("/login").await;
    assert!(!String::from_utf8_lossy(&page.body).contains("/register"));
    site.stop().await;
}

/// A digest of the body is usually stored with the key. Here it would be a fast hash of the
/// password, which is easy to crack.
#[actix_web::test]
async fn an_idempotency_key_keeps_no_digest_of_the_password() {
    let site = Site::start().await;
    let create = async |password: &str| {
        let body = json!({"username": "ada", "password": password}).to_string();
        let headers = [JSON, ("idempotency-key", "one")];
        site.send(Method::POST, "/api/users", &headers, Bytes::from(body)).await
    };
    let first = create(PASSWORD).await;
    let again = create("another password").await;
    assert_eq!(first.json(201), again.json(201));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    sign_in(&site, "ada").await;
    assert_eq!(try_to_sign_in(&site, "ada", "another password").await.status, 401);
    site.stop().await;
}

#[actix_web::test]
async fn lookalikes_of_accounts_from_before_are_refused() {
    let site = Site::start().await;
    for name in ["Paypal", "modern"] {
        register(&site, name).await;
    }
    site.home().execute("UPDATE users SET skeleton = NULL");
    let site = Site::start_in(site.stop_keeping_data().await, |_| ()).await;
    for name in ["PaypaI", "rnodern"] {
        let fields = json!({"username": name, "password": PASSWORD});
        let refused = site.post("/api/users", &fields).await.json(422);
        assert_eq!(refused, json!({"errors": {"username": ["has already been taken"]}}), "{name}");
    }
    site.stop().await;
}
