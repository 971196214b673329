//! Accounts, comments and posts from before access control: migrations keep their meaning.

use actix_web::http::Method;
use data_encoding::HEXLOWER;
use kilonova::config::Access;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::upgrade::{old_site, open_with};
use crate::support::{Site, assert_comment, assert_post};

const PASSWORD: &str = "correct horse";

/// The hash of the password, as the application computes it.
async fn password_hash() -> String {
    let site = Site::start().await;
    let user = json!({"username": "ada", "password": PASSWORD});
    site.post("/api/users", &user).await.json(201);
    let hash = site.db().read(|connection| {
        let found = kilonova::models::user::by_name(connection, "ada")?;
        Ok::<_, kilonova::error::AppError>(found.unwrap().1)
    });
    let hash = hash.await.unwrap();
    site.stop().await;
    hash
}

#[actix_web::test]
async fn accounts_from_before_access_sign_in_and_stay_signed_in() {
    let hash = password_hash().await;
    let (home, _) = old_site();
    // Lookalike names were possible then, and the account with the highest id has been deleted.
    for (name, role) in [("Boss", "admin"), ("ada", "member"), ("paypal", "member")] {
        let folded = name.to_lowercase();
        home.execute(&format!(
            "INSERT INTO users (username, folded_username, email, password_hash, role, inserted_at)
             VALUES ('{name}', '{folded}', '{folded}@example.org', '{hash}', '{role}',
                     '2026-01-02 03:04:05')"
        ));
    }
    home.execute("DELETE FROM users WHERE folded_username = 'paypal'");
    let secret = HEXLOWER.encode(&[7; 32]);
    let digest = HEXLOWER.encode(&Sha256::digest([7; 32]));
    let ada = "(SELECT id FROM users WHERE folded_username = 'ada')";
    home.execute(&format!(
        "INSERT INTO sessions (token_digest, user_id, inserted_at, expires_at)
         VALUES ('{digest}', {ada}, '2026-01-02 03:04:05', '2999-01-01 00:00:00')"
    ));
    home.execute(&format!("UPDATE posts SET user_id = {ada}, author = 'ada' WHERE id = 1"));

    let site = open_with(home, |config| config.access = Access::Accounts).await;
    let cookie = format!("kilonova_session={secret}");
    let send = async |cookie: &str, method: Method, path: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("cookie", cookie)];
        site.send(method, path, &headers, body.to_string().into()).await
    };
    // The old cookie is listed, and has the account's rights.
    let sign_ins = send(&cookie, Method::GET, "/api/sessions", json!({})).await.json(200);
    assert_eq!(sign_ins["sessions"].as_array().unwrap().len(), 1, "{sign_ins}");
    let changed = send(&cookie, Method::PATCH, "/api/posts/1", json!({"title": "Mine"})).await;
    assert_post(&changed.json(200));
    assert_eq!(changed.json(200)["comments_locked"], false);
    let refused = send(&cookie, Method::PATCH, "/api/posts/2", json!({"title": "Not mine"})).await;
    assert_eq!(refused.status, 403);
    // The password works too, with any case of the name.
    for (name, role) in [("ada", "member"), ("BOSS", "admin")] {
        let fields = json!({"username": name, "password": PASSWORD});
        let answer = send("", Method::POST, "/api/session", fields).await.json(201);
        assert_eq!(answer["user"]["role"], role);
        assert_eq!(answer["user"]["inserted_at"], "2026-01-02T03:04:05.000000Z");
    }
    // Comments are visible.
    let comments = site.get("/api/posts/1/comments").await.json(200);
    let comment = &comments["comments"][0];
    assert_comment(comment);
    assert_eq!(comment["state"], "visible");
    let home = site.stop_keeping_data().await;

    // No id is reused, and names that look like an old account's are refused.
    let site = open_with(home, |_| ()).await;
    let register = async |name: &str| {
        site.post("/api/users", &json!({"username": name, "password": PASSWORD})).await
    };
    assert_eq!(register("8oss").await.json(201)["id"], 4);
    assert_eq!(register("B0SS").await.status, 422);
    site.stop().await;
}
