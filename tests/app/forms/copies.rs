//! Unsaved text of posts: kept for its account only, without an event, until it is saved, discarded
//! or too old.

use chrono::TimeDelta;
use diesel::{QueryDsl as _, RunQueryDsl as _};
use kilonova::db;
use kilonova::models::working_copy::{self, Of};
use kilonova::models::{clock, upload};
use serde_json::Value;

use super::{Browser, accounts, assert_leads, text, value};
use crate::support::{Answer, Raw, Site};

const KEYS: [&str; 3] = [
    "0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d",
    "1a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d",
    "2a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d",
];

/// Starts a site with a post by Ann.
async fn start() -> Site {
    let site = Site::start_with(accounts).await;
    let ann = Browser::of(&site, "ann").await;
    let fields = [("title", "A post"), ("body", "As saved"), ("tags", "a, b")];
    assert_leads(&ann.send("/posts", &fields).await, "/posts/1-a-post");
    site
}

/// The id of the copy in a response.
#[track_caller]
fn kept(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", text(answer));
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    told["copy"].as_str().unwrap().to_owned()
}

/// The fields of the first post's form, with another text.
fn changed<'a>(version: &'a str, body: &'a str, copy: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("as", "ann"),
        ("version", version),
        ("title", "A post"),
        ("body", body),
        ("tags", "a, b"),
        ("copy", copy),
        ("status", "published"),
        ("slug", "a-post"),
    ]
}

async fn position(site: &Site) -> String {
    site.get("/api/posts").await.header("last-event-id").unwrap().to_owned()
}

#[actix_web::test]
async fn unsaved_text_is_restored_to_its_account_until_it_is_saved() {
    let site = start().await;
    let ann = Browser::of(&site, "ann").await;
    let page = ann.page("/posts/1/edit").await;
    assert!(page.contains("data-copy=\"/posts/1/copy\"") && !page.contains("Unsaved"), "{page}");
    let version = value(&page, "version").to_owned();
    let before = position(&site).await;
    let typed = changed(&version, "Half <b>typed", "");
    let copy = kept(&ann.send("/posts/1/copy", &typed).await);
    let page = ann.page("/posts/1/edit").await;
    assert!(
        page.contains("Unsaved changes from") && page.contains("\nHalf &#60;b&#62;typed<"),
        "{page}"
    );
    assert_eq!((value(&page, "version"), value(&page, "copy")), (&*version, &*copy));
    // Other accounts and readers see nothing of it.
    let boss = Browser::of(&site, "boss").await;
    site.home().execute("UPDATE users SET role = 'admin' WHERE folded_username = 'boss'");
    let page = boss.page("/posts/1/edit").await;
    assert!(page.contains("\nAs saved<") && !page.contains("Unsaved"), "{page}");
    assert_eq!(site.get("/api/posts/1").await.json(200)["body"], "As saved");
    assert_eq!(position(&site).await, before, "a copy made an event");

    let saved = ann.send("/posts/1", &changed(&version, "Typed", &copy)).await;
    assert_eq!(saved.status, 303, "{}", text(&saved));
    let page = ann.page("/posts/1/edit").await;
    assert!(page.contains("\nTyped<") && !page.contains("Unsaved"), "{page}");
    assert_eq!(value(&page, "copy"), "");
    site.stop().await;
}

#[actix_web::test]
async fn a_text_equal_to_the_saved_one_is_not_kept() {
    let site = start().await;
    let ann = Browser::of(&site, "ann").await;
    let page = ann.page("/posts/1/edit").await;
    let version = value(&page, "version").to_owned();
    let copy = kept(&ann.send("/posts/1/copy", &changed(&version, "Typed", "")).await);
    assert_eq!(kept(&ann.send("/posts/1/copy", &changed(&version, "As saved", &copy)).await), "");
    assert!(!ann.page("/posts/1/edit").await.contains("Unsaved"));
    // A form may omit the status.
    let mut fields = changed(&version, "As saved", "");
    fields.retain(|(name, _)| *name != "status");
    assert_eq!(kept(&ann.send("/posts/1/copy", &fields).await), "");
    site.stop().await;
}

#[actix_web::test]
async fn saving_unsaved_changes_of_an_older_version_shows_both_texts() {
    let site = start().await;
    let ann = Browser::of(&site, "ann").await;
    let version = value(&ann.page("/posts/1/edit").await, "version").to_owned();
    let copy = kept(&ann.send("/posts/1/copy", &changed(&version, "Mine", "")).await);
    let boss = Browser::of(&site, "boss").await;
    site.home().execute("UPDATE users SET role = 'admin' WHERE folded_username = 'boss'");
    boss.send("/posts/1", &[("body", "Theirs")]).await;
    let page = ann.page("/posts/1/edit").await;
    assert!(page.contains("\nMine<"), "{page}");
    assert_eq!(value(&page, "version"), version, "not the version that the text is based on");
    let refused = ann.send("/posts/1", &changed(&version, "Mine", &copy)).await;
    let page = text(&refused);
    assert_eq!(refused.status, 409);
    assert!(page.contains("\nMine<") && page.contains("\nTheirs<"), "{page}");
    assert_eq!(value(&page, "copy"), copy);
    // A refused text is not saved, so the copy stays.
    assert!(ann.page("/posts/1/edit").await.contains("\nMine<"));
    let again = changed(value(&page, "version"), "Both", &copy);
    assert_eq!(ann.send("/posts/1", &again).await.status, 303);
    assert!(!ann.page("/posts/1/edit").await.contains("Unsaved"));
    site.stop().await;
}

#[actix_web::test]
async fn two_windows_do_not_silently_overwrite_each_other() {
    let site = start().await;
    let ann = Browser::of(&site, "ann").await;
    let version = value(&ann.page("/posts/1/edit").await, "version").to_owned();
    let keep = async |window: &str, body: &str, copy: &str| {
        let mut fields = changed(&version, body, copy);
        fields.push(("window", window));
        ann.send("/posts/1/copy", &fields).await
    };
    let first = kept(&keep("one", "First", "").await);
    let refused = keep("two", "Second", "").await;
    assert_eq!(refused.status, 409, "{}", text(&refused));
    let second = kept(&keep("one", "First, more", &first).await);
    assert_ne!(first, second);
    // The last response may have been lost: a window's own newer copy is accepted.
    let third = kept(&keep("one", "First, and more", &first).await);
    assert_eq!(keep("two", "Second", &second).await.status, 409);
    // A window that has loaded the copy continues with it, and the other window gets 409.
    let fourth = kept(&keep("two", "Of both", &third).await);
    assert_eq!(keep("one", "First", &third).await.status, 409);
    assert!(ann.page("/posts/1/edit").await.contains("\nOf both<"));
    // A save keeps a copy that another window has written since.
    let mut saved = changed(&version, "Saved by one", &third);
    saved.push(("window", "one"));
    assert_eq!(ann.send("/posts/1", &saved).await.status, 303);
    assert!(ann.page("/posts/1/edit").await.contains("\nOf both<"));
    assert_leads(&ann.send("/posts/1/copy/discard", &[("as", "ann")]).await, "/posts/1/edit");
    assert_eq!(keep("two", "Again", &fourth).await.status, 409, "the copy was discarded elsewhere");
    site.stop().await;
}

#[actix_web::test]
async fn unsaved_new_posts_are_listed_and_bounded() {
    let site = Site::start_with(|config| {
        accounts(config);
        config.quotas.unsaved_posts = Some(2);
    })
    .await;
    let ann = Browser::of(&site, "ann").await;
    for (key, title) in KEYS.iter().zip(["First", "", "Third <b>"]) {
        let fields =
            [("idempotency_key", *key), ("title", title), ("body", "A text"), ("copy", "")];
        assert_ne!(kept(&ann.send("/posts/new/copy", &fields).await), "");
    }
    let page = ann.page("/posts/new").await;
    assert!(!page.contains("First"), "the oldest text is still listed: {page}");
    assert!(page.contains("Third &#60;b&#62;") && page.contains("Untitled"), "{page}");
    assert!(!page.contains("A text"), "a text was opened unasked");
    let of = format!("/posts/new?copy={}", KEYS[2]);
    let page = ann.page(&of).await;
    assert!(page.contains("Unsaved text from") && page.contains("\nA text<"), "{page}");
    assert_eq!(value(&page, "idempotency_key"), KEYS[2]);
    let others = Browser::of(&site, "eve").await;
    let theirs = others.page(&of).await;
    assert!(!theirs.contains("A text") && !theirs.contains("Third"), "{theirs}");

    let copy = value(&page, "copy").to_owned();
    let fields =
        [("idempotency_key", KEYS[2]), ("title", "Third"), ("body", "A text"), ("copy", &copy)];
    assert_leads(&ann.send("/posts", &fields).await, "/posts/1-third");
    assert!(!ann.page("/posts/new").await.contains("Third"));
    let fields = [("idempotency_key", KEYS[1])];
    assert_leads(&ann.send("/posts/new/copy/discard", &fields).await, "/posts/new");
    assert!(!ann.page("/posts/new").await.contains("Unsaved"));
    site.stop().await;
}

#[actix_web::test]
async fn an_unsaved_text_keeps_its_pictures() {
    let site = start().await;
    let ann = Browser::of(&site, "ann").await;
    let gif = b"GIF89a\x03\0\x02\0\0\0\0\x2c\0\0\0\0\x03\0\x02\0\0\x02\0;";
    let headers = [("content-type", "image/gif"), ("cookie", ann.cookie.as_str())];
    let uploaded = Raw::connect(&site).await.request("POST", "/api/uploads", &headers, gif).await;
    let uploaded: Value = serde_json::from_slice(&uploaded.body).unwrap();
    let url = uploaded["url"].as_str().unwrap();
    let version = value(&ann.page("/posts/1/edit").await, "version").to_owned();
    let body = format!("![A picture]({url})");
    let copy = kept(&ann.send("/posts/1/copy", &changed(&version, &body, "")).await);
    let sweep = async |hours: i64| {
        let swept = site.db().transaction(move |tx| {
            let at = clock(tx.connection)? + TimeDelta::hours(hours);
            upload::sweep(tx.connection, at, 100).map_err(db::Error::from)
        });
        swept.await.unwrap().value
    };
    assert_eq!((sweep(0).await, sweep(25).await, sweep(60).await), (0, 0, 0));
    // A later text still uses the picture.
    let more = format!("{body} and more");
    kept(&ann.send("/posts/1/copy", &changed(&version, &more, &copy)).await);
    assert_eq!((sweep(61).await, sweep(90).await), (0, 0));
    ann.send("/posts/1/copy/discard", &[]).await;
    assert_eq!((sweep(91).await, sweep(116).await), (0, 1));
    assert_eq!(site.get(url).await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn unsaved_text_expires_and_follows_its_post_into_the_bin_and_back() {
    let site = start().await;
    let ann = Browser::of(&site, "ann").await;
    let version = value(&ann.page("/posts/1/edit").await, "version").to_owned();
    kept(&ann.send("/posts/1/copy", &changed(&version, "Typed", "")).await);
    let is_there = async || {
        let found = site.db().read(|connection| {
            Ok::<_, db::Error>(working_copy::find(connection, 1, &Of::Post(1))?.is_some())
        });
        found.await.unwrap()
    };
    let prune = async |days: i64| {
        let pruned = site.db().transaction(move |tx| {
            let before = clock(tx.connection)? - TimeDelta::days(days);
            working_copy::prune(tx.connection, before).map_err(db::Error::from)
        });
        pruned.await.unwrap();
    };
    prune(30).await;
    assert!(is_there().await);
    site.home().execute("UPDATE working_copies SET updated_at = '2020-01-01 00:00:00'");
    prune(30).await;
    assert!(!is_there().await);
    let known = kept(&ann.send("/posts/1/copy", &changed(&version, "Typed", "")).await);
    assert!(is_there().await);
    let picture = format!("![a](/uploads/{}.png)", "ab".repeat(20));
    let copy = kept(&ann.send("/posts/1/copy", &changed(&version, &picture, &known)).await);
    // An admin deletes the post by mistake and restores it.
    let boss = Browser::of(&site, "boss").await;
    site.home().execute("UPDATE users SET role = 'admin' WHERE folded_username = 'boss'");
    assert_eq!(boss.send("/posts/1/delete", &[]).await.status, 303);
    assert!(!is_there().await);
    assert_leads(&boss.send("/bin/1/restore", &[]).await, "/posts/1");
    let page = ann.page("/posts/1/edit").await;
    assert!(page.contains("Unsaved") && page.contains(&format!("\n{picture}<")), "{page}");
    assert_eq!(value(&page, "copy"), copy, "an open window could not continue");
    let uses = site.db().read(|c| {
        let uses = kilonova::schema::copy_uploads::table.count().get_result::<i64>(c)?;
        Ok::<_, db::Error>(uses)
    });
    assert_eq!(uses.await.unwrap(), 1);
    // Deleting the post for good deletes the copy.
    assert_eq!(boss.send("/posts/1/delete", &[]).await.status, 303);
    assert_eq!(boss.send("/bin/2/delete", &[]).await.status, 303);
    let left = site.db().read(|c| {
        let left = kilonova::schema::bin_working_copies::table.count().get_result::<i64>(c)?;
        Ok::<_, db::Error>(left)
    });
    assert_eq!(left.await.unwrap(), 0);
    site.stop().await;
}

#[actix_web::test]
async fn clearing_unsaved_text_is_idempotent() {
    let site = start().await;
    let ann = Browser::of(&site, "ann").await;
    let version = value(&ann.page("/posts/1/edit").await, "version").to_owned();
    let copy = kept(&ann.send("/posts/1/copy", &changed(&version, "Typed", "")).await);
    for _ in 0..2 {
        // The text equals the saved one, so nothing is kept.
        let fields = changed(&version, "As saved", &copy);
        assert_eq!(kept(&ann.send("/posts/1/copy", &fields).await), "");
    }
    site.stop().await;
}

#[actix_web::test]
async fn unsaved_text_has_the_limits_of_any_text() {
    let site = Site::start_with(|config| {
        accounts(config);
        config.allowances.writes_per_account = 256 * 1024;
    })
    .await;
    let ann = Browser::of(&site, "ann").await;
    let keep = async |fields: &[(&str, &str)]| {
        let key = [("idempotency_key", KEYS[0]), ("window", "one")];
        ann.send("/posts/new/copy", &[&key[..], fields].concat()).await.status
    };
    let most = "x".repeat(1024 * 1024);
    assert_eq!(keep(&[("body", &format!("{most}x"))]).await, 422);
    assert_eq!(keep(&[("title", &most)]).await, 422);
    assert_eq!(keep(&[("body", "a\0b")]).await, 422);
    assert_eq!(keep(&[("body", "b"), ("version", &most)]).await, 422);
    assert_eq!(ann.send("/posts/new/copy", &[("body", "b")]).await.status, 422, "without a key");
    assert_eq!(keep(&[("body", &most)]).await, 200);
    assert_eq!(keep(&[("body", "b")]).await, 429, "a copy does not count against the allowance");
    site.stop().await;
}

#[actix_web::test]
async fn under_open_access_only_the_browser_keeps_text() {
    let site = Site::start().await;
    site.new_post("Anyone's").await;
    let guest = Browser::guest(&site);
    let page = guest.page("/posts/1/edit").await;
    assert!(!page.contains("data-copy") && !page.contains("name=\"copy\""), "{page}");
    let version = value(&page, "version").to_owned();
    assert_eq!(
        guest.send("/posts/1/copy", &[("version", &version), ("body", "b")]).await.status,
        403
    );
    let key = [("idempotency_key", KEYS[0]), ("body", "b")];
    assert_eq!(guest.send("/posts/new/copy", &key).await.status, 403);
    site.stop().await;
}
