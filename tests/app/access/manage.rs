//! Account management: by admins, and by the accounts themselves.

use actix_web::http::Method;
use futures_util::future::join;
use serde_json::{Value, json};

use super::{Accounts, PASSWORD, Role};

#[actix_web::test]
async fn an_admin_grants_and_revokes_roles() {
    let accounts = Accounts::start().await;
    let patch = async |who: Role, name: &str, body: Value| {
        accounts.send(who, Method::PATCH, &format!("/api/users/{name}"), &body).await
    };
    let changed = patch(Role::Admin, "OTHER", json!({"role": "admin"})).await.json(200);
    let keys: Vec<_> = changed.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["disabled", "id", "inserted_at", "role", "username"]);
    assert_eq!((&changed["role"], &changed["disabled"]), (&json!("admin"), &json!(false)));
    patch(Role::Other, "boss", json!({"role": "commenter"})).await.json(200);
    assert_eq!(patch(Role::Admin, "other", json!({"role": "member"})).await.status, 403);
    // A request without a known field changes nothing.
    let same = patch(Role::Other, "boss", json!({"name": "x"})).await.json(200);
    assert_eq!(same["role"], "commenter");
    for (body, field) in [
        (json!({"role": "king"}), "role"),
        (json!({"role": 1}), "role"),
        (json!({"disabled": "yes"}), "disabled"),
        (json!({"disabled": 1}), "disabled"),
    ] {
        let refused = patch(Role::Other, "boss", body).await.json(422);
        assert_eq!(refused, json!({"errors": {field: ["is invalid"]}}));
    }
    patch(Role::Other, "nobody", json!({"role": "member"})).await.error(404);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_site_keeps_an_admin_when_two_step_down_at_once() {
    let accounts = Accounts::start().await;
    let patch = async |who: Role, name: &str, body: Value| {
        accounts.send(who, Method::PATCH, &format!("/api/users/{name}"), &body).await
    };
    let words = "would leave the site without an admin";
    let refused = patch(Role::Admin, "boss", json!({"role": "member"})).await.json(422);
    assert_eq!(refused, json!({"errors": {"role": [words]}}));
    let refused = patch(Role::Admin, "boss", json!({"disabled": true})).await.json(422);
    assert_eq!(refused, json!({"errors": {"disabled": [words]}}));
    patch(Role::Admin, "other", json!({"role": "admin"})).await.json(200);
    let (one, two) = join(
        patch(Role::Admin, "other", json!({"role": "member"})),
        patch(Role::Other, "boss", json!({"role": "member"})),
    )
    .await;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    // The second request finds its sender no longer an admin, or the last one.
    assert!(matches!(statuses, [200, 403 | 422]), "{statuses:?}");
    accounts.stop().await;
}

#[actix_web::test]
async fn open_access_makes_nobody_an_admin() {
    let site = crate::support::Site::start().await;
    let fields = json!({"username": "mallory", "password": PASSWORD});
    site.post("/api/users", &fields).await.json(201);
    let cookie = super::sign_in(&site, "mallory").await;
    let headers = [("content-type", "application/json"), ("cookie", cookie.as_str())];
    for body in [r#"{"role":"admin"}"#, r#"{"disabled":true}"#] {
        let refused = site.send(Method::PATCH, "/api/users/mallory", &headers, body.into()).await;
        assert_eq!(refused.status, 403);
    }
    assert_eq!(site.patch("/api/users/mallory", &json!({"role": "admin"})).await.status, 401);
    site.stop().await;
}

#[actix_web::test]
async fn a_repeated_request_for_a_token_creates_no_second_one() {
    let accounts = Accounts::start().await;
    let site = accounts.site();
    let cookie = accounts.cookie(Role::Author);
    let make = async |key: &str, name: &str| {
        let headers =
            [("content-type", "application/json"), ("cookie", cookie), ("idempotency-key", key)];
        let body = json!({ "name": name }).to_string();
        site.send(Method::POST, "/api/tokens", &headers, body.into()).await
    };
    make("one", "Bot").await.json(201);
    let again = make("one", "Bot").await.error(409);
    assert!(again.contains("shown only once"), "{again}");
    make("one", "Another").await.error(422);
    make("two", "Bot").await.json(201);
    let list = accounts.send(Role::Author, Method::GET, "/api/tokens", &Value::Null).await;
    assert_eq!(list.json(200)["tokens"].as_array().unwrap().len(), 2);
    accounts.stop().await;
}

#[actix_web::test]
async fn a_token_acts_as_its_account_until_it_is_revoked() {
    let accounts = Accounts::start().await;
    let site = accounts.site();
    let mine = Role::Author;
    let made = accounts.send(mine, Method::POST, "/api/tokens", &json!({"name": "Bot"})).await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json(201);
    let keys: Vec<_> = made.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "name", "token"]);
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let ask = async |authorization: &str, method: Method, path: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("authorization", authorization)];
        site.send(method, path, &headers, body.to_string().into()).await
    };
    let post = json!({"title": "By a program", "body": "b"});
    let post = ask(&bearer, Method::POST, "/api/posts", post).await.json(201);
    assert_eq!(post["author"], "author");
    let lower = bearer.replacen("Bearer", "bearer", 1);
    assert_eq!(ask(&lower, Method::GET, "/api/notes", json!({})).await.status, 200);
    // The list names it, without its secret, with the time of its last use.
    let list = ask(&bearer, Method::GET, "/api/tokens", json!({})).await;
    assert!(!String::from_utf8_lossy(&list.body).contains(made["token"].as_str().unwrap()));
    let list = list.json(200);
    assert_eq!(
        (&list["tokens"][0]["name"], &list["tokens"][0]["id"]),
        (&json!("Bot"), &made["id"])
    );
    // A token cannot create tokens.
    let another = ask(&bearer, Method::POST, "/api/tokens", json!({"name": "Another"})).await;
    assert_eq!(another.status, 403);
    // An invalid bearer token is refused; other authorization schemes are ignored.
    for wrong in
        ["Bearer", "Bearer ", "Bearer x", &bearer[..bearer.len() - 1], &lower.to_uppercase()]
    {
        let status = ask(wrong, Method::GET, "/api/posts", json!({})).await.status;
        assert_eq!(status, 401, "{wrong}");
    }
    assert_eq!(ask("Basic YTpi", Method::GET, "/api/posts", json!({})).await.status, 200);
    // A cookie's secret is not a token, and a token is not a cookie's secret.
    let secret = accounts.cookie(mine).split_once('=').unwrap().1;
    let as_bearer = format!("Bearer kilonova_{secret}");
    assert_eq!(ask(&as_bearer, Method::GET, "/api/posts", json!({})).await.status, 401);
    let as_cookie = bearer.replacen("Bearer kilonova_", "kilonova_session=", 1);
    let headers = [("cookie", as_cookie.as_str())];
    assert_eq!(site.send(Method::GET, "/api/notes", &headers, "".into()).await.status, 401);
    // Only its account can revoke it.
    let path = format!("/api/tokens/{}", made["id"]);
    accounts.send(Role::Other, Method::DELETE, &path, &Value::Null).await.error(404);
    accounts.send(Role::Admin, Method::DELETE, &path, &Value::Null).await.error(404);
    assert_eq!(accounts.send(mine, Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(ask(&bearer, Method::GET, "/api/posts", json!({})).await.status, 401);
    accounts.send(mine, Method::DELETE, &path, &Value::Null).await.error(404);
    accounts.stop().await;
}

#[actix_web::test]
async fn changing_a_password_requires_the_current_one() {
    let accounts = Accounts::start().await;
    let put = async |body: Value| {
        accounts.send(Role::Author, Method::PUT, "/api/account/password", &body).await
    };
    for (body, field, message) in [
        (
            json!({"password": "wrong horse", "new_password": "another horse"}),
            "password",
            "is wrong",
        ),
        (
            json!({"password": PASSWORD, "new_password": "short"}),
            "new_password",
            "should be at least 10 character(s)",
        ),
        (json!({"password": PASSWORD}), "new_password", "can't be blank"),
    ] {
        assert_eq!(put(body).await.json(422), json!({"errors": {field: [message]}}));
    }
    let new = json!({"password": PASSWORD, "new_password": "another horse"});
    assert_eq!(put(new.clone()).await.status, 204);
    assert_eq!(put(new).await.json(422), json!({"errors": {"password": ["is wrong"]}}));
    let fields = |password| json!({"username": "author", "password": password});
    assert_eq!(accounts.site().post("/api/session", &fields(PASSWORD)).await.status, 401);
    assert_eq!(accounts.site().post("/api/session", &fields("another horse")).await.status, 201);
    accounts.stop().await;
}

#[actix_web::test]
async fn lookalike_and_reserved_names_are_refused() {
    let accounts = Accounts::start().await;
    let register = async |name: &str| {
        let fields = json!({"username": name, "password": PASSWORD});
        accounts.site().post("/api/users", &fields).await
    };
    register("Paypal").await.json(201);
    for name in ["paypal", "PaypaI", "Paypa1", "PAYPAL"] {
        let refused = register(name).await.json(422);
        assert_eq!(refused, json!({"errors": {"username": ["has already been taken"]}}), "{name}");
    }
    register("modern").await.json(201);
    register("rnodern").await.json(422);
    register("paypai").await.json(201);
    for name in ["admin", "ADMIN", "adrnin", "r00t", "Kilonova", "support", "null"] {
        let refused = register(name).await.json(422);
        assert_eq!(refused, json!({"errors": {"username": ["is reserved"]}}), "{name}");
    }
    for name in ["...", "---", "_._"] {
        let refused = register(name).await.json(422);
        let why = "should have a letter or a digit";
        assert_eq!(refused, json!({"errors": {"username": [why]}}), "{name}");
    }
    accounts.stop().await;
}
