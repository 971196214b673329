//! POST and DELETE /api/session, and how long a sign-in lasts.

use actix_web::http::Method;
use actix_web::web::Bytes;
use kilonova::error::AppError;
use kilonova::models::sign_in::{self, Token};
use serde_json::{Value, json};

use super::{JSON, PASSWORD, name_of, register, sign_in, try_to_sign_in, with};
use crate::support::{Site, within};

#[actix_web::test]
async fn a_sign_in_returns_the_account_and_an_http_only_cookie() {
    let site = Site::start().await;
    let ada = register(&site, "Ada").await;
    let answer = try_to_sign_in(&site, "ADA", PASSWORD).await;
    assert_eq!(answer.json(201), json!({"user": ada}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let set = answer.header("set-cookie").unwrap();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    let token = cookie.strip_prefix("kilonova_session=").unwrap();
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    let mut attributes: Vec<_> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=7776000", "Path=/", "SameSite=Lax"]);
    assert_eq!(name_of(&site, cookie).await.as_deref(), Some("Ada"));
    // Among other cookies, including malformed ones.
    let among = format!("a=b; =; %zz; {cookie}; kilonova_session_=x; c");
    assert_eq!(name_of(&site, &among).await.as_deref(), Some("Ada"));
    for bad in ["kilonova_session=", "kilonova_session", &cookie[..80], &format!("{cookie}0")] {
        assert_eq!(name_of(&site, bad).await, None, "{bad}");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let site = Site::start().await;
    register(&site, "ada").await;
    let wrong = try_to_sign_in(&site, "ada", "wrong password").await;
    assert_eq!(wrong.error(401), "invalid username or password");
    for (name, password) in
        [("nobody", PASSWORD), ("ada\0", PASSWORD), ("ada ", PASSWORD), ("ada", "correct horse ")]
    {
        let other = try_to_sign_in(&site, name, password).await;
        if name.contains('\0') {
            assert_eq!(other.status, 422);
            continue;
        }
        assert_eq!((other.status, &other.body), (401, &wrong.body), "{name}");
        assert!(other.header("set-cookie").is_none());
    }
    let blank = site.post("/api/session", &json!({"username": "ada", "password": 5})).await;
    assert_eq!(blank.json(422), json!({"errors": {"password": ["is invalid"]}}));
    site.stop().await;
}

#[actix_web::test]
async fn signing_out_ends_only_this_sign_in() {
    let site = Site::start().await;
    register(&site, "ada").await;
    let (here, elsewhere) = (sign_in(&site, "ada").await, sign_in(&site, "ada").await);
    assert_ne!(here, elsewhere);
    let gone = with(&site, &here, Method::DELETE, "/api/session", &Value::Null).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    let cleared = gone.header("set-cookie").unwrap();
    assert!(
        cleared.starts_with("kilonova_session=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
    assert_eq!(name_of(&site, &here).await, None);
    assert_eq!(name_of(&site, &elsewhere).await.as_deref(), Some("ada"));
    // Without a cookie, or with an ended one.
    assert_eq!(site.delete("/api/session").await.status, 204);
    let again = with(&site, &here, Method::DELETE, "/api/session", &Value::Null).await;
    assert_eq!(again.status, 204);
    assert_eq!(name_of(&site, &elsewhere).await.as_deref(), Some("ada"));
    site.stop().await;
}

#[actix_web::test]
async fn a_new_sign_in_replaces_the_token() {
    let site = Site::start().await;
    register(&site, "ada").await;
    let old = sign_in(&site, "ada").await;
    let fields = json!({"username": "ada", "password": PASSWORD});
    let answer = with(&site, &old, Method::POST, "/api/session", &fields).await;
    let new = super::cookie(&answer);
    assert_ne!(new, old);
    assert_eq!(name_of(&site, &old).await, None);
    assert_eq!(name_of(&site, &new).await.as_deref(), Some("ada"));
    // A token chosen by a stranger is not adopted.
    let chosen = format!("kilonova_session={}", "0".repeat(64));
    let answer = with(&site, &chosen, Method::POST, "/api/session", &fields).await;
    assert_ne!(super::cookie(&answer), chosen);
    assert_eq!(name_of(&site, &chosen).await, None);
    site.stop().await;
}

#[actix_web::test]
async fn a_sign_in_expires_and_ends_with_its_user() {
    let site = Site::start().await;
    register(&site, "ada").await;
    register(&site, "eve").await;
    let (ada, eve) = (sign_in(&site, "ada").await, sign_in(&site, "eve").await);
    site.home().execute(
        "UPDATE sign_ins SET expires_at = '2026-01-01 00:00:00' \
         WHERE user_id = (SELECT id FROM users WHERE username = 'ada')",
    );
    assert_eq!(name_of(&site, &ada).await, None);
    // Its row is deleted after a while.
    assert_eq!(sign_ins(&site).await, 2);
    let site = Site::start_in(site.stop_keeping_data().await, |_| ()).await;
    within("the expired sign-in is pruned", async { while sign_ins(&site).await > 1 {} }).await;
    assert_eq!(name_of(&site, &eve).await.as_deref(), Some("eve"));
    site.home().execute("DELETE FROM users WHERE username = 'eve'");
    assert_eq!(name_of(&site, &eve).await, None);
    assert_eq!(try_to_sign_in(&site, "eve", PASSWORD).await.status, 401);
    assert_eq!(sign_ins(&site).await, 0);
    site.stop().await;
}

/// The number of sign-ins in the database, including expired ones.
async fn sign_ins(site: &Site) -> i64 {
    use diesel::prelude::*;
    let count = site.db().read(|connection| {
        Ok::<_, AppError>(kilonova::schema::sign_ins::table.count().get_result(connection)?)
    });
    count.await.unwrap()
}

#[actix_web::test]
async fn a_users_oldest_sign_in_makes_room_for_a_new_one() {
    let site = Site::start().await;
    let id = register(&site, "ada").await["id"].as_i64().unwrap();
    let begun = site.db().transaction(move |tx| {
        let mut tokens = Vec::new();
        for _ in 0..=sign_in::PER_USER {
            let token = Token::random().map_err(AppError::internal)?;
            assert!(sign_in::insert(tx.connection, &token, id, None)?);
            tokens.push(token);
        }
        Ok::<_, AppError>(tokens)
    });
    let tokens = begun.await.unwrap().value;
    let cookie = |token: &Token| format!("kilonova_session={}", token.secret());
    assert_eq!(name_of(&site, &cookie(&tokens[0])).await, None);
    assert_eq!(name_of(&site, &cookie(&tokens[1])).await.as_deref(), Some("ada"));
    let newest = tokens.last().unwrap();
    assert_eq!(name_of(&site, &cookie(newest)).await.as_deref(), Some("ada"));
    site.stop().await;
}

#[actix_web::test]
async fn a_stolen_database_signs_nobody_in() {
    let site = Site::start().await;
    register(&site, "ada").await;
    let cookie = sign_in(&site, "ada").await;
    let token = cookie.split_once('=').unwrap().1.to_owned();
    let rows = site.db().read(|connection| {
        use diesel::dsl::sql;
        use diesel::prelude::*;
        use diesel::sql_types::Text;
        let digest = "(SELECT token_digest FROM sign_ins)";
        let digest: String = diesel::select(sql::<Text>(digest)).get_result(connection)?;
        let hash = "(SELECT password_hash FROM users)";
        let hash: String = diesel::select(sql::<Text>(hash)).get_result(connection)?;
        Ok::<_, AppError>((digest, hash))
    });
    let (digest, hash) = rows.await.unwrap();
    assert_ne!(digest, token);
    assert_eq!(name_of(&site, &format!("kilonova_session={digest}")).await, None);
    assert!(hash.starts_with("$argon2id$") && !hash.contains(PASSWORD), "{hash}");
    site.stop().await;
}

#[actix_web::test]
async fn another_site_cannot_sign_anyone_in_or_out() {
    let site = Site::start().await;
    register(&site, "ada").await;
    let cookie = sign_in(&site, "ada").await;
    let fields = json!({"username": "ada", "password": PASSWORD}).to_string();
    for from in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let headers = [JSON, from, ("cookie", cookie.as_str())];
        let body = Bytes::from(fields.clone());
        site.send(Method::POST, "/api/session", &headers, body.clone()).await.error(403);
        site.send(Method::POST, "/api/users", &headers, body).await.error(403);
        site.send(Method::DELETE, "/api/session", &headers, Bytes::new()).await.error(403);
        for path in ["/login", "/logout", "/register"] {
            let headers = [super::FORM, from, ("cookie", cookie.as_str())];
            let form = Bytes::from_static(b"username=ada&password=correct+horse");
            assert_eq!(site.send(Method::POST, path, &headers, form).await.status, 403);
        }
    }
    assert_eq!(name_of(&site, &cookie).await.as_deref(), Some("ada"));
    site.stop().await;
}
