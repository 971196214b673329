//! Guessing passwords. The limit per address is tested in `src/accounts/guesses.rs`; these requests
//! come from loopback, which is exempt.

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::json;

use super::{PASSWORD, register, send_form, set_cookie, sign_in, try_to_sign_in, with};
use crate::support::{Answer, Site};

/// Guesses until one is refused. Returns the number of guesses that were checked, and the refusal.
async fn guess(site: &Site, name: &str) -> (usize, Answer) {
    // A guess is granted again every six seconds, so a slow machine sees a few more.
    for looked_at in 0..60 {
        let answer = try_to_sign_in(site, name, "wrong password").await;
        if answer.status != 401 {
            return (looked_at, answer);
        }
    }
    panic!("60 guesses at {name} were checked without a refusal");
}

#[actix_web::test]
async fn guesses_at_a_password_are_limited() {
    let site = Site::start().await;
    register(&site, "ada").await;
    register(&site, "eve").await;
    // Right passwords do not count as guesses.
    for _ in 0..12 {
        sign_in(&site, "ada").await;
    }
    for name in ["ada", "nobody"] {
        let (looked_at, refused) = guess(&site, name).await;
        assert!(looked_at >= 10, "{looked_at}");
        refused.error(429);
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=7).contains(&wait), "{wait}");
    }
    // Neither the right password nor another spelling of the name gets around the limit.
    let all = join_all((0..20).map(|_| try_to_sign_in(&site, "ADA", "wrong password"))).await;
    assert!(all.iter().filter(|answer| answer.status == 429).count() >= 15);
    let right = join_all((0..5).map(|_| try_to_sign_in(&site, "ada", PASSWORD))).await;
    assert!(right.iter().any(|answer| answer.status == 429));
    sign_in(&site, "eve").await;
    site.stop().await;
}

#[actix_web::test]
async fn a_browser_that_has_signed_in_is_not_locked_out_by_strangers() {
    let site = Site::start().await;
    register(&site, "ada").await;
    register(&site, "eve").await;
    let device = |answer: &Answer| set_cookie(answer, "kilonova_device_");
    let signed_in = try_to_sign_in(&site, "Ada", PASSWORD).await;
    let (known, ada) = (device(&signed_in), set_cookie(&signed_in, "kilonova_session"));
    let eves = device(&try_to_sign_in(&site, "eve", PASSWORD).await);
    let fields = |password: &str| json!({"username": "ada", "password": password});
    let from = async |cookie: &str, password: &str| -> u16 {
        with(&site, cookie, Method::POST, "/api/session", &fields(password)).await.status
    };
    // Strangers use up the guesses for this name.
    guess(&site, "ada").await.1.error(429);
    let (_, signature) = known.rsplit_once('.').unwrap();
    let forged = known.replace(signature, &"0".repeat(signature.len()));
    let renamed = eves.replace("_eve=", "_ada=");
    for stranger in ["", &eves, &forged, &renamed] {
        let refused = join_all((0..3).map(|_| from(stranger, PASSWORD))).await;
        assert!(refused.contains(&429), "{stranger}: {refused:?}");
    }
    assert_eq!(from(&known, PASSWORD).await, 201);
    // Strangers cannot prevent a signed-in user from changing the password.
    let change = json!({"password": PASSWORD, "new_password": "correct horse, too"});
    let changed = with(&site, &ada, Method::PUT, "/api/account/password", &change).await;
    assert_eq!(changed.status, 204);
    // A stolen device's guesses are limited too.
    let wrong = join_all((0..40).map(|_| from(&known, "wrong password"))).await;
    let looked_at = wrong.iter().filter(|&&status| status == 401).count();
    assert!((10..=20).contains(&looked_at), "{wrong:?}");
    site.stop().await;
}

#[actix_web::test]
async fn a_device_cookie_is_http_only_and_survives_a_restart() {
    let site = Site::start().await;
    let fields = format!("username=Ada&password={}", PASSWORD.replace(' ', "+"));
    let answer = send_form(&site, "", "/register", &fields).await;
    let mut set = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
    let set = set.find(|cookie| cookie.starts_with("kilonova_device_ada=")).unwrap();
    let mut attributes: Vec<_> = set.split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=31536000", "Path=/", "SameSite=Lax"]);
    let known = set_cookie(&answer, "kilonova_device_");
    let limit = |config: &mut kilonova::config::Config| config.accounts.guesses_per_user = 1;
    let site = Site::start_in(site.stop_keeping_data().await, limit).await;
    guess(&site, "ada").await.1.error(429);
    let form = |cookie| send_form(&site, cookie, "/login", &fields);
    assert_eq!(form("").await.status, 429);
    assert_eq!(form(&known).await.status, 303);
    site.stop().await;
}

#[actix_web::test]
async fn simultaneous_guesses_are_limited() {
    let site = Site::start().await;
    register(&site, "ada").await;
    let all = join_all((0..40).map(|_| try_to_sign_in(&site, "ada", "wrong password"))).await;
    let looked_at = all.iter().filter(|answer| answer.status == 401).count();
    assert!((10..=20).contains(&looked_at), "{looked_at}");
    assert!(all.iter().all(|answer| [401, 429].contains(&answer.status)));
    site.stop().await;
}
