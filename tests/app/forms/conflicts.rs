//! Concurrent changes to a post or note.

use kilonova_test::postgres::Cluster;
use serde_json::json;

use super::{Browser, accounts, assert_leads, text, value};
use crate::databases::Home;
use crate::support::Site;

#[actix_web::test]
async fn a_stale_save_shows_both_texts_and_their_differences() {
    let site = Site::start_with(accounts).await;
    let ann = Browser::of(&site, "ann").await;
    let fields = [("title", "A post"), ("body", "One\n\nTwo\n\nThree"), ("tags", "a, b")];
    assert_leads(&ann.send("/posts", &fields).await, "/posts/1-a-post");
    site.home().execute("UPDATE users SET role = 'admin' WHERE folded_username = 'ann'");
    let boss = Browser::of(&site, "boss").await;
    site.home().execute("UPDATE users SET role = 'admin' WHERE folded_username = 'boss'");

    let form = ann.page("/posts/1/edit").await;
    let version = value(&form, "version");
    let theirs = [
        ("version", version),
        ("title", "A post <b>"),
        ("body", "One\n\n2\n\nThree"),
        ("tags", "a,b"),
        ("status", "published"),
    ];
    assert_eq!(boss.send("/posts/1", &theirs).await.status, 303);
    let mine = [
        ("version", version),
        ("title", "A post"),
        ("body", "One\n\nzwei</textarea>\n\nThree"),
        ("tags", "a, b, c"),
        ("status", "archived"),
    ];
    let refused = ann.send("/posts/1", &mine).await;
    assert_eq!(refused.status, 409);
    let page = text(&refused);
    for part in [
        "<bdi>boss</bdi> saved it after",
        "tabindex=\"-1\" autofocus>",
        "<h3>Title</h3>",
        "<del><span class=\"unseen\">Saved: </span><bdi>A post &#60;b&#62;</bdi></del>",
        "<h3>Tags</h3>",
        "<bdi>a, b, c</bdi>",
        "<h3>Status</h3>",
        "<bdi>Archived</bdi>",
        "<del><span class=\"unseen\">Saved: </span>2</del>",
        "<ins><span class=\"unseen\">Yours: </span>zwei&#60;/textarea&#62;</ins>",
        // Both texts in full: one to read, one to edit.
        "\nOne\n\n2\n\nThree</textarea>",
        "\nOne\n\nzwei&#60;/textarea&#62;\n\nThree</textarea>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<h3>Publish at</h3>") && !page.contains("<h3>Words"), "{page}");
    let post = site.get("/api/posts/1").await.json(200);
    assert_eq!(post["body"], "One\n\n2\n\nThree");

    // A third change makes the next save a conflict too.
    let second = value(&page, "version").to_owned();
    assert_ne!(second, version);
    let third = [("version", &*second), ("title", "Third"), ("body", "Third")];
    assert_eq!(boss.send("/posts/1", &third).await.status, 303);
    let mut again = mine;
    again[0].1 = &second;
    let refused = ann.send("/posts/1", &again).await;
    assert_eq!(refused.status, 409);
    let page = text(&refused);
    let newest = value(&page, "version");
    again[0].1 = newest;
    assert_eq!(ann.send("/posts/1", &again).await.status, 303);
    let post = site.get("/api/posts/1").await.json(200);
    assert_eq!(post["tags"], json!(["a", "b", "c"]));
    // The author of the newer version is told that it is their own.
    let page = text(&ann.send("/posts/1", &third).await);
    assert!(page.contains("You have saved another version"), "{page}");
    site.stop().await;
}

#[actix_web::test]
async fn taking_the_saved_version_keeps_the_own_text_beside_it() {
    let site = Site::start().await;
    let guest = Browser::guest(&site);
    site.new_post("Both change it").await;
    site.new_note("Both change it").await;
    for (path, at) in [("/posts/1", "/api/posts/1"), ("/notes/1", "/api/notes/1")] {
        let edit = format!("{path}/edit");
        let stale = guest.page(&edit).await;
        let version = value(&stale, "version");
        site.put(at, &json!({"title": "Theirs", "body": "Their text"})).await.json(200);
        let mine = [("version", version), ("title", "Mine"), ("body", "My text")];
        let page = text(&guest.send(path, &mine).await);
        assert!(page.contains(&format!("formaction=\"{edit}\" formnovalidate")), "{page}");
        let taken = guest.send(&edit, &mine).await;
        assert_eq!(taken.status, 200);
        let page = text(&taken);
        assert!(page.contains("name=\"title\" value=\"Theirs\""), "{page}");
        assert!(page.contains("\nTheir text</textarea>"), "{page}");
        let (_, beside) = page.split_once("Your unsaved version").unwrap();
        assert!(beside.contains("value=\"Mine\"") && beside.contains("\nMy text</textarea>"));
        let fresh = [("version", value(&page, "version")), ("title", "New"), ("body", "b")];
        assert_eq!(guest.send(path, &fresh).await.status, 303);
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_save_that_changes_nothing_is_not_a_conflict() {
    let site = Site::start().await;
    let guest = Browser::guest(&site);
    site.new_post("Saved twice").await;
    site.new_note("Saved twice").await;
    for path in ["/posts/1", "/notes/1"] {
        let form = guest.page(&format!("{path}/edit")).await;
        // Saved, then submitted again after the Back button.
        let fields = [("version", value(&form, "version")), ("title", "Saved"), ("body", "Once")];
        for _ in 0..2 {
            assert_eq!(guest.send(path, &fields).await.status, 303);
        }
    }
    let events = site.get("/api/events?after=0").await.json(200);
    let updates = events["events"].as_array().unwrap().iter();
    let updates = updates.filter(|event| event["event"].as_str().unwrap().ends_with("_updated"));
    assert_eq!(updates.count(), 2);

    // Locking the thread does not make another version of the text.
    let form = guest.page("/posts/1/edit").await;
    assert_leads(
        &guest.send("/posts/1", &[("comments_locked", "true")]).await,
        "/posts/1-saved-twice",
    );
    let fields = [("version", value(&form, "version")), ("title", "Later"), ("body", "Once")];
    assert_eq!(guest.send("/posts/1", &fields).await.status, 303);
    assert_eq!(site.get("/api/posts/1").await.json(200)["comments_locked"], true);
    site.stop().await;
}

/// Saves the same version several times at once.
async fn race(site: &Site) {
    site.new_post("Raced for").await;
    site.new_note("Raced for").await;
    for path in ["/posts/1", "/notes/1"] {
        let guest = Browser::guest(site);
        let form = guest.page(&format!("{path}/edit")).await;
        let version = value(&form, "version");
        let titles: Vec<String> = (0..6).map(|n| format!("Of {n}")).collect();
        let sent = titles.iter().map(|title| {
            let fields = [("version", version), ("title", title.as_str()), ("body", "b")];
            let guest = &guest;
            async move { guest.send(path, &fields).await.status }
        });
        let mut statuses = futures_util::future::join_all(sent).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409, 409, 409, 409, 409], "{path}");
    }
}

#[actix_web::test]
async fn only_one_of_several_concurrent_saves_wins() {
    let site = Site::start_in(Home::sqlite(), |_| ()).await;
    race(&site).await;
    site.stop().await;
    let Some(postgres) = Cluster::start(&[]) else { return };
    let site = Site::start_in(Home::on(&postgres.url()), |_| ()).await;
    race(&site).await;
    site.stop().await;
}

#[actix_web::test]
async fn texts_that_differ_everywhere_are_shown_without_marks() {
    let site = Site::start().await;
    let guest = Browser::guest(&site);
    let text_of = |seed: usize| -> String {
        let lines = (0..100_000_usize).map(|n| format!("{}\n", n * seed % 9_973));
        lines.collect()
    };
    let (first, theirs, mine) = (text_of(1), text_of(7), text_of(11));
    let post = json!({"title": "Long", "body": first});
    site.post("/api/posts", &post).await.json(201);
    let version = value(&guest.page("/posts/1/edit").await, "version").to_owned();
    site.put("/api/posts/1", &json!({"body": theirs})).await.json(200);
    let fields = [("version", &*version), ("title", "Long"), ("body", &*mine)];
    let refused = guest.send("/posts/1", &fields).await;
    assert_eq!(refused.status, 409);
    let page = text(&refused);
    assert!(page.contains("The two texts differ in too many places to mark them."));
    assert!(page.contains(&theirs) && page.contains(&mine));
    site.stop().await;
}
