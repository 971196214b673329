//! Guessing passwords. What an address may guess is tested in `src/accounts/guesses.rs`: here all
//! come from loopback, which does not count.

use futures_util::future::join_all;

use super::{PASSWORD, register, sign_in, try_to_sign_in};
use crate::support::{Answer, Site};

/// How many guesses are looked at before one is refused, and that refusal.
async fn guess(site: &Site, name: &str) -> (usize, Answer) {
    // One comes back every six seconds: on a slow machine there are a few more.
    for looked_at in 0..60 {
        let answer = try_to_sign_in(site, name, "wrong password").await;
        if answer.status != 401 {
            return (looked_at, answer);
        }
    }
    panic!("60 guesses at {name} were looked at");
}

#[actix_web::test]
async fn guesses_at_a_password_are_limited() {
    let site = Site::start().await;
    register(&site, "ada").await;
    register(&site, "eve").await;
    // Right ones are no guesses.
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
    // Nor is it found out by being right, or by another way to write the name.
    let all = join_all((0..20).map(|_| try_to_sign_in(&site, "ADA", "wrong password"))).await;
    assert!(all.iter().filter(|answer| answer.status == 429).count() >= 15);
    let right = join_all((0..5).map(|_| try_to_sign_in(&site, "ada", PASSWORD))).await;
    assert!(right.iter().any(|answer| answer.status == 429));
    sign_in(&site, "eve").await;
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
