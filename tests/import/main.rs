//! `kilonova import` into an empty database: what becomes a post, what does not, and that importing
//! again, or twice at once, makes no duplicates.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test ends where its ground gives way"
)]

mod command;
#[path = "../support/databases.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod databases;
mod exported;
mod exported_hostile;
mod exports;
mod generators;
mod hidden;
mod hostile;
mod moved;
mod renamed;
mod site;

use std::path::Path;

use kilonova::models::post::Status;

use self::site::{Site, counts, notes, reasons};

#[test]
fn posts_of_zola_hugo_and_jekyll_arrive_whole() {
    let site = Site::with_examples();
    let summary = site.import();
    assert_eq!(counts(&summary), [6, 4, 0, 0]);
    assert_eq!(
        reasons(&summary),
        [("_index.md", "a section's list of pages"), ("notes/readme.md", "no front matter")]
    );

    let posts = site.posts();
    let [zola, bundle, hugo, jekyll] = posts.as_slice() else { panic!("{posts:#?}") };
    assert_eq!(zola.title, "A walk in the dunes");
    assert_eq!(zola.body, "Sand, mostly.\n\n    and some code");
    assert_eq!(zola.author.as_deref(), Some("Ada, Grace"));
    assert_eq!(zola.tags, ["walks", "sand"]);
    assert_eq!(zola.inserted_at.to_string(), "2023-04-05 00:00:00");
    assert_eq!(bundle.title, "Ein Ei ist kein Zweifel 🥚");
    assert_eq!(bundle.inserted_at.to_string(), "2020-06-07 00:00:00");
    assert_eq!(hugo.status, Status::Draft);
    assert_eq!(hugo.inserted_at.to_string(), "2021-02-03 02:05:06");
    assert_eq!(hugo.updated_at.to_string(), "2022-01-01 00:00:00");
    assert_eq!(jekyll.inserted_at.to_string(), "2015-09-08 00:00:00");
    assert_eq!(jekyll.tags, ["tea", "kettles"]);
    assert_eq!(site.topics(), ["post_created"; 4]);
}

#[test]
fn a_second_run_writes_no_rows_and_no_events() {
    let site = Site::with_examples();
    site.import();
    let (posts, topics) = (site.posts(), site.topics());
    let again = site.import();
    assert_eq!(counts(&again), [6, 0, 0, 4]);
    assert_eq!((site.posts(), site.topics()), (posts, topics));
}

#[test]
fn a_moved_folder_and_a_renamed_file_with_a_path_are_recognised() {
    let site = Site::with_examples();
    site.import();
    std::fs::rename(site.file("dunes.md"), site.file("sand.md")).expect("renamed");
    let moved = site.home.path().join("moved");
    std::fs::rename(site.dir(), &moved).expect("moved");
    assert_eq!(counts(&site.import_from(&moved)), [6, 0, 0, 4]);
}

#[test]
fn a_changed_file_updates_its_post_and_is_announced_once() {
    let site = Site::new();
    let text = |title: &str, draft: bool, tag: &str| {
        format!(
            "---\ntitle: {title}\ndate: 2020-01-01\ndraft: {draft}\nauthor: Ada\ntags: {tag}\n---\nBody"
        )
    };
    site.write("a.md", text("First", true, "x"));
    site.write("b.md", text("Second", false, "x"));
    site.import();
    site.write("a.md", text("First", false, "x"));
    site.write("b.md", text("Second!", false, "y").replace("Ada", "Grace"));
    assert_eq!(counts(&site.import()), [2, 0, 2, 0]);
    assert_eq!(
        site.topics()[2..],
        ["post_updated", "post_published", "post_updated"],
        "a published post is not published again"
    );
    let second = &site.posts()[1];
    assert_eq!(second.title, "Second!");
    assert_eq!(second.tags, ["y"]);
    assert_eq!(second.author.as_deref(), Some("Grace"));
    assert_eq!(second.inserted_at.to_string(), "2020-01-01 00:00:00");
    assert!(second.updated_at > second.inserted_at);
    assert_eq!(counts(&site.import()), [2, 0, 0, 2]);
}

#[test]
fn an_edit_in_the_application_gives_way_to_the_file() {
    let site = Site::with_examples();
    site.import();
    site.edit("A walk in the dunes", "title", "Edited here");
    assert_eq!(counts(&site.import()), [6, 0, 1, 3]);
    site.edit("A walk in the dunes", "status", "archived");
    assert_eq!(
        counts(&site.import()),
        [6, 0, 0, 4],
        "no file says archived, and none takes it back"
    );
}

#[test]
fn a_file_touched_but_not_changed_keeps_its_post_as_it_is() {
    let site = Site::new();
    site.write("a.md", "---\ntitle: Undated\n---\nBody");
    site.import();
    let posts = site.posts();
    std::thread::sleep(std::time::Duration::from_millis(20));
    site.write("a.md", "---\ntitle: Undated\n---\nBody");
    assert_eq!(counts(&site.import()), [1, 0, 0, 1]);
    assert_eq!(site.posts(), posts);
}

#[test]
fn another_blogs_file_of_the_same_name_overwrites_nothing() {
    let site = Site::new();
    site.write("hello.md", "---\ntitle: Hello from here\ndate: 2020-01-01\n---\nBody");
    site.import();
    site.write("hello.md", "---\ntitle: Another hello\ndate: 2021-01-01\n---\nBody");
    let summary = site.import();
    assert_eq!(
        reasons(&summary),
        [("hello.md", "a post has the same path but a different title and date")]
    );
    assert_eq!(site.posts()[0].title, "Hello from here");
}

#[test]
fn the_first_of_two_files_with_one_path_counts() {
    let site = Site::new();
    for (name, title) in [("a.md", "First"), ("b.md", "Second")] {
        site.write(name, format!("+++\ntitle = '{title}'\npath = 'same'\n+++\nBody"));
    }
    for expected in [[2, 1, 0, 0], [2, 0, 0, 1]] {
        let summary = site.import();
        assert_eq!(counts(&summary), expected);
        assert_eq!(reasons(&summary), [("b.md", "another file has the same path")]);
    }
    assert_eq!(site.posts()[0].title, "First");
}

#[test]
fn a_dry_run_makes_no_database_and_changes_none() {
    let site = Site::with_examples();
    assert_eq!(counts(&site.dry_run()), [6, 4, 0, 0]);
    assert!(site.has_no_database());

    site.import();
    site.write("new.md", "---\ntitle: New\n---\nBody");
    site.write("dunes.md", "+++\ntitle = 'Changed'\npath = '2023/04/05/dunes'\n+++\nBody");
    let (posts, topics) = (site.posts(), site.topics());
    assert_eq!(counts(&site.dry_run()), [7, 1, 1, 3]);
    assert_eq!((site.posts(), site.topics()), (posts, topics));
}

#[test]
fn bad_files_are_skipped_with_a_reason_and_stop_nothing() {
    let site = Site::new();
    site.write("00-good.md", "---\ntitle: Good\n---\nBody");
    site.write("01-empty.md", "");
    site.write("02-latin1.md", b"---\ntitle: caf\xe9\n---\nBody");
    site.write("03-huge.md", format!("---\ntitle: Huge\n---\n{}", "x".repeat(10 << 20)));
    site.write("04-toml.md", "+++\ntitle = \n+++\nBody");
    site.write("05-nul.md", "---\ntitle: NUL\n---\nBo\0dy");
    site.write("06-no-body.md", "---\ntitle: No body\ndate: 2020-01-01\n---\n");
    site.write("07-no-title.md", "---\ndate: 2020-01-01\n---\nBody");
    site.write("07-page.html", "---\ntitle: HTML\ndate: 2020-01-01\n---\n  <p>Body</p>");
    site.write("07-template.html", "<html>{{ x }}</html>");
    site.write("07-x.mkd", "---\ntitle: mkd\ndate: 2020-01-01\n---\nBody");
    site.write("08-folder.md/09-inside.MD", "---\ntitle: Inside\n---\nBody");
    site.write("10-picture.png", b"\x89PNG");
    site.write(".git/hidden.md", "---\ntitle: Hidden\n---\nBody");
    let summary = site.import();
    assert_eq!(counts(&summary), [11, 6, 0, 0]);
    let expected = [
        ("01-empty.md", "file is empty"),
        ("02-latin1.md", "not UTF-8"),
        ("03-huge.md", "larger than 2 MiB"),
        ("04-toml.md", "front matter is not valid TOML"),
        ("05-nul.md", "body is invalid"),
    ];
    assert_eq!(reasons(&summary), expected);
    // The line of the invalid byte, and the line of the key.
    let lines: Vec<_> = summary.skipped.iter().map(|found| found.note.line).collect();
    assert_eq!(lines, [None, Some(2), None, Some(2), None]);
    let expected = [
        ("00-good.md", "no date; the file's modification time is used"),
        ("06-no-body.md", "no text"),
        ("07-no-title.md", "no title; the file's name is used"),
        ("08-folder.md/09-inside.MD", "no date; the file's modification time is used"),
    ];
    assert_eq!(notes(&summary), expected);
    assert!(summary.lost_something());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_out_of_the_folder() {
    let site = Site::new();
    let outside = site.home.path().join("outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::fs::write(outside.join("secret.md"), "---\ntitle: Secret\n---\nBody").expect("a file");
    std::os::unix::fs::symlink(&outside, site.file("folder")).expect("a link");
    std::os::unix::fs::symlink(outside.join("secret.md"), site.file("file.md")).expect("a link");
    std::os::unix::fs::symlink(site.dir(), site.file("loop")).expect("a link");
    let summary = site.import();
    assert_eq!(counts(&summary), [3, 0, 0, 0]);
    let folders = "symbolic link to a folder";
    let expected = [("file.md", "symbolic link"), ("folder", folders), ("loop", folders)];
    assert_eq!(reasons(&summary), expected);
}

#[test]
fn a_path_that_is_not_a_folder_is_an_error_and_makes_no_database() {
    let site = Site::with_examples();
    for path in [Path::new("/no/such/folder"), &site.file("dunes.md")] {
        let error = site.try_import(path, false).expect_err("no folder");
        assert!(error.to_string().starts_with("cannot import from "), "{error}");
    }
    assert!(site.has_no_database());
}

#[test]
fn more_files_than_a_batch_holds_all_arrive_in_order() {
    let site = Site::new();
    for n in 0..250 {
        site.write(&format!("{n:03}.md"), format!("---\ntitle: Post {n}\n---\nBody"));
    }
    assert_eq!(counts(&site.import()), [250, 250, 0, 0]);
    let titles: Vec<String> = site.posts().into_iter().map(|post| post.title).collect();
    assert_eq!(titles, (0..250).map(|n| format!("Post {n}")).collect::<Vec<_>>());
    assert_eq!(site.topics().len(), 250);
}

#[test]
fn concurrent_imports_make_no_duplicates() {
    let site = Site::new();
    for n in 0..300 {
        site.write(
            &format!("{n:03}.md"),
            format!("---\ntitle: Post {n}\ndate: 2020-01-01\n---\nBody"),
        );
    }
    let summaries = std::thread::scope(|scope| {
        [scope.spawn(|| site.import()), scope.spawn(|| site.import())]
            .map(|import| import.join().expect("an import that ends"))
    });
    let sum =
        |count: fn(&kilonova::import::Summary) -> usize| summaries.iter().map(count).sum::<usize>();
    assert_eq!((sum(|s| s.created), sum(|s| s.unchanged), sum(|s| s.updated)), (300, 300, 0));
    assert_eq!((site.posts().len(), site.topics().len()), (300, 300));
}
