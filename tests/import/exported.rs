//! `kilonova export`, and the import that restores the same site.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime};
use kilonova::access::CommentState;
use kilonova::connection::DbConnection;
use kilonova::export::Counts;
use kilonova::models::comment::{self, NewComment};
use kilonova::models::note::{self, NewNote, Note};
use kilonova::models::old_address::{self, Target};
use kilonova::models::post::{self, Post, Status};
use kilonova::models::upload::{self, NewUpload};
use kilonova::models::user::{self, User};
use kilonova::pictures;
use serde_json::json;

use super::site::{Site, counts, notes};

/// A GIF of three pixels by two.
const GIF: &[u8] = b"GIF89a\x03\0\x02\0\0\0\0\x2c\0\0\0\0\x03\0\x02\0\0\x02\x02\x4c\x01\0;";

fn at(day: u32, micros: u32) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(2020, 1, day).unwrap();
    day.and_hms_micro_opt(1, 2, 3, micros).unwrap()
}

/// The files below a folder, by path.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn assert_same(a: &Path, b: &Path) {
    let (a, b) = (tree(a), tree(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (path, bytes) in &a {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(*bytes == b[path], "{}:\n{}\n{}", path.display(), text(bytes), text(&b[path]));
    }
}

/// Exports, imports into a fresh database of each kind, and exports again: the files must be the
/// same. An import into the original site must change nothing and announce nothing.
pub(crate) fn assert_identity(site: &Site) {
    let a = site.export("a");
    for other in [Site::new(), Site::sqlite()] {
        with_accounts(&other);
        let first = other.import_from(&a);
        assert!(!first.lost_something(), "{first:#?}");
        assert_same(&a, &other.export("b"));
        let topics = other.topics();
        let again = other.import_from(&a);
        assert_eq!((again.created, again.updated), (0, 0), "{again:#?}");
        assert_eq!(other.topics(), topics);
        assert_same(&a, &other.export("c"));
    }
    let (posts, topics) = (site.posts(), site.topics());
    let own = site.import_from(&a);
    assert!(!own.lost_something(), "{own:#?}");
    assert_eq!((own.created, own.updated, own.comments[0], own.comments[1]), (0, 0, 0, 0));
    assert_eq!((site.posts(), site.topics()), (posts, topics));
    assert_same(&a, &site.export("d"));
}

fn with_accounts(site: &Site) {
    site.transact(|connection| {
        for name in ["Ada", "grace"] {
            let params = json!({"username": name, "password": "a long password"});
            let new = user::NewUser::changeset(params.as_object().unwrap()).unwrap();
            let added = user::insert(connection, new, "no hash", user::Role::Member, at(1, 0));
            added.unwrap().unwrap();
        }
    });
}

fn ada(connection: &mut DbConnection) -> User {
    user::named(connection, "ada").unwrap().expect("an account")
}

fn post(title: &str, body: &str, day: u32) -> Post {
    Post {
        id: 0,
        title: title.to_owned(),
        slug: None,
        body: body.to_owned(),
        status: Status::Published,
        author: None,
        user_id: None,
        tags: Vec::new(),
        inserted_at: at(day, 123_456),
        updated_at: at(day, 999_999),
        published_at: Some(at(day + 1, 1)),
        publish_at: None,
        comments_locked: false,
    }
}

fn comment_of(
    connection: &mut DbConnection,
    post: i64,
    author: Option<&str>,
    user: Option<&User>,
    state: CommentState,
) {
    let params =
        json!({"body": "+++\r\nodd \u{202e}\u{feff} \"body\"\\ \u{1f600}\n\n", "author": author});
    let new = NewComment::changeset_by(params.as_object().unwrap(), user).unwrap();
    comment::insert(connection, post, new, state, at(20, 1)).unwrap();
}

/// A site with every kind of content.
fn everything() -> Site {
    let site = Site::new();
    with_accounts(&site);
    site.transact(|connection| {
        let picture = NewUpload::picture(pictures::clean(GIF).unwrap(), None);
        let picture = upload::insert(connection, picture, at(1, 0)).unwrap();
        let user = ada(connection);
        let file = NewUpload {
            user_id: Some(user.id),
            ..NewUpload::file(b"%PDF".to_vec(), "a \"b\" ü.pdf")
        };
        let file = upload::insert(connection, file, at(1, 0)).unwrap();
        let unused = NewUpload::file(b"unused".to_vec(), "unused.bin");
        upload::insert(connection, unused, at(1, 0)).unwrap();
        let body = format!("![a](..{}) ", picture.path());
        for new in [
            Post { slug: Some("gone".into()), ..post("Gone", "x", 1) },
            Post {
                slug: Some("日本-語".repeat(40)),
                author: Some("Ada".into()),
                user_id: Some(user.id),
                tags: vec![
                    "a, b".into(),
                    "\"c\"".into(),
                    "d\\".into(),
                    "007".into(),
                    "true".into(),
                ],
                ..post("\"Quotes\" 'and' \\back\\ \u{202e}bidi\u{202c} 007", &body, 1)
            },
            Post {
                status: Status::Draft,
                published_at: None,
                ..post("A draft", "+++\ntitle = 'x'\n+++\r\n\r\nCRLF\r\n", 2)
            },
            Post {
                status: Status::Draft,
                slug: Some("was-out".into()),
                ..post("Taken back", "\n\n x \n\n", 3)
            },
            Post {
                status: Status::Scheduled,
                published_at: None,
                publish_at: Some(at(30, 5)),
                ..post("2020-01-01T00:00:00Z", "{{< figure >}} {% raw %}", 4)
            },
            Post { status: Status::Archived, slug: Some("old".into()), ..post("Old", "", 5) },
            Post {
                comments_locked: true,
                slug: Some("locked".into()),
                ..post("+++", "\u{feff}+++\n+++", 6)
            },
            Post { slug: None, ..post("🎉", "no letter in the title", 7) },
        ] {
            post::insert_whole(connection, None, new, None).unwrap();
        }
        post::delete(connection, 1).unwrap();
        post::set_source(connection, 3, Some("file:content/'a' \"b\".md")).unwrap();
        old_address::claim(connection, "/old/日 \"a\"\\/", Target::Post(2)).unwrap();
        old_address::claim(connection, "/older", Target::Post(2)).unwrap();
        old_address::claim(connection, "/img/a b.pdf", Target::Upload(&file.digest)).unwrap();
        comment_of(connection, 2, None, Some(&user), CommentState::Visible);
        comment_of(connection, 6, Some("A guest"), None, CommentState::Held);
        comment_of(connection, 2, None, None, CommentState::Hidden);
        comment_of(connection, 2, None, None, CommentState::Visible);
        comment_of(connection, 2, None, None, CommentState::Visible);
        comment::delete(connection, 3).unwrap();
        let params = json!({"title": "A note", "body": "\n+++\n\r\n", "author": "Somebody"});
        for user in [None, Some(&user)] {
            let new = NewNote::changeset_by(params.as_object().unwrap(), user).unwrap();
            let note = note::insert(connection, new, at(9, 7)).unwrap();
            let after = Note { title: "Changed".into(), ..note.clone() };
            note::replace(connection, note, after, None, at(10, 8)).unwrap();
        }
    });
    site
}

#[test]
fn a_site_that_has_everything_comes_back_the_same() {
    let site = everything();
    assert_identity(&site);
    let files = tree(&site.home.path().join("a"));
    let names: Vec<&str> = files.keys().map(|path| path.to_str().unwrap()).collect();
    for name in ["kilonova.toml", "posts/3.md", "posts/6-old.md", "notes/2.md"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.starts_with("posts/1")), "{names:?}");
    let uploads = names.iter().filter(|name| name.starts_with("uploads/"));
    assert_eq!(uploads.count(), 2, "the unused one stays: {names:?}");
}

#[test]
fn imported_sites_of_other_generators_come_back_the_same() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import");
    let site = Site::new();
    site.import_from(&fixtures);
    assert!(site.posts().len() > 5);
    assert_identity(&site);

    let site = Site::with_examples();
    site.import();
    assert_identity(&site);

    let site = Site::new();
    site.write("hugo.toml", "baseURL = 'https://example.org/'\n");
    site.write("static/img/a b.gif", GIF);
    site.write("static/paper.pdf", "%PDF-1.7 paper");
    site.write(
        "content/posts/first.md",
        "---\ntitle: First\ndate: 2020-01-01\naliases: [/old/first]\n---\n![B](</img/a b.gif>) [D](/paper.pdf)",
    );
    site.write("content/posts/later.md", "---\ntitle: Later\ndate: 2999-01-01\n---\n[x](first.md)");
    site.import();
    assert_identity(&site);
}

#[test]
fn an_export_is_complete_and_only_its_owner_can_read_it() {
    let site = everything();
    let to = site.export("a");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&to), 0o700);
    for path in tree(&to).keys() {
        assert_eq!(mode(&to.join(path)), 0o600, "{}", path.display());
    }
    let counts = Counts { posts: 7, comments: 4, notes: 2, uploads: 2 };
    let mark = fs::read_to_string(to.join("kilonova.toml")).unwrap();
    assert_eq!(mark, "format = 1\nposts = 7\ncomments = 4\nnotes = 2\nuploads = 2\n", "{counts}");
    assert_eq!(
        fs::read_dir(site.home.path())
            .unwrap()
            .filter(|entry| {
                entry.as_ref().unwrap().file_name().to_string_lossy().contains("partial")
            })
            .count(),
        0
    );
}

#[test]
fn a_folder_that_is_not_empty_stays_as_it_is() {
    let site = everything();
    let to = site.home.path().join("full");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("mine"), "x").unwrap();
    let error = site.try_export("full").unwrap_err().to_string();
    assert!(error.contains("is not an empty folder"), "{error}");
    assert_eq!(tree(&to).len(), 1);
    fs::write(site.home.path().join("file"), "x").unwrap();
    assert!(site.try_export("file").is_err());
    fs::create_dir(site.home.path().join("empty")).unwrap();
    site.export("empty");
    assert!(Site::new().try_export("none").is_err(), "there is no site");
}

#[test]
fn posts_whose_ids_are_in_use_get_new_ones_once() {
    let site = everything();
    let a = site.export("a");
    let other = Site::new();
    for n in 1..=3 {
        other
            .write(&format!("{n}.md"), format!("---\ntitle: Own {n}\ndate: 2021-01-01\n---\nBody"));
    }
    other.import();
    let summary = other.import_from(&a);
    let moved = "its id is in use here, so links to that id lead elsewhere";
    let expected = [("posts/2", moved), ("posts/3", moved)];
    let found: Vec<_> = notes(&summary).into_iter().filter(|(_, what)| *what == moved).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    for ((path, _), (start, _)) in found.iter().zip(expected) {
        assert!(path.starts_with(start), "{found:?}");
    }
    let titles: BTreeMap<i64, String> =
        other.posts().into_iter().map(|post| (post.id, post.title)).collect();
    assert_eq!((titles[&1].as_str(), titles[&6].as_str()), ("Own 1", "Old"));
    assert_eq!((titles.len(), titles[&10].as_str()), (10, "A draft"));
    let comments = comment::every(&mut other.read(), 0, 100).unwrap();
    let on: Vec<i64> = comments.iter().map(|comment| comment.post_id).collect();
    assert_eq!(on, [9, 6, 9, 9], "comments go with their posts");
    let topics = other.topics();
    let again = other.import_from(&a);
    assert_eq!((again.created, again.updated, again.comments), (0, 0, [0, 0, 4]));
    assert_eq!(other.topics(), topics);
}

#[test]
fn missing_accounts_are_noted_and_set_once_they_exist() {
    let site = everything();
    let a = site.export("a");
    let other = Site::new();
    let summary = other.import_from(&a);
    let what = "a missing account: add it with `kilonova user add`, and import again";
    assert_eq!(notes(&summary).iter().filter(|(_, note)| *note == what).count(), 1);
    assert!(other.posts().iter().all(|post| post.user_id.is_none()));
    assert_eq!(other.posts()[0].author.as_deref(), Some("Ada"), "a name without an account");
    with_accounts(&other);
    let again = other.import_from(&a);
    assert_eq!((again.created, again.updated, again.comments), (0, 2, [0, 1, 3]));
    assert!(other.posts()[0].user_id.is_some());
    let third = other.import_from(&a);
    assert_eq!((third.created, third.updated, third.comments), (0, 0, [0, 0, 4]));
}

#[test]
fn a_file_that_was_changed_by_hand_wins_and_a_moderators_decision_stays() {
    let site = everything();
    let a = site.export("a");
    let file = a.join("posts/6-old.md");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("title = \"Old\"", "title = \"New\"") + "Body").unwrap();
    site.transact(|connection| {
        let held = comment::get(connection, 2).unwrap();
        comment::set_state(connection, held, CommentState::Visible).unwrap();
    });
    let topics = site.topics().len();
    let summary = site.import_from(&a);
    assert_eq!((summary.updated, summary.comments), (1, [0, 0, 4]));
    assert_eq!(site.topics()[topics..], ["post_updated"]);
    let post = post::get(&mut site.read(), 6).unwrap();
    assert_eq!((post.title.as_str(), post.body.as_str()), ("New", "Body"));
    assert_eq!(comment::get(&mut site.read(), 2).unwrap().state, CommentState::Visible);
    assert_eq!(site.import_from(&a).updated, 0);
}

#[test]
fn only_visible_comments_are_announced() {
    let site = everything();
    let other = Site::new();
    other.import_from(&site.export("a"));
    let topics = other.topics();
    let count = |topic: &str| topics.iter().filter(|it| *it == topic).count();
    assert_eq!((count("post_created"), count("note_created")), (7, 2));
    assert_eq!((count("comment_created"), count("new_comment")), (3, 3), "{topics:?}");
}

/// A server writes all the time: every comment in an export has its post, and the counts are right.
#[test]
fn an_export_under_writes_is_a_snapshot() {
    let site = Site::new();
    site.write("a.md", "---\ntitle: First\ndate: 2020-01-01\n---\nBody");
    site.import();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let db = kilonova::db::Db::open(&site.database(), Box::new(|_| {})).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let written = db.transaction_blocking(|tx| {
                    let new = post::insert_whole(tx.connection, None, post("New", "x", 1), None)?;
                    comment_of(tx.connection, new.id, None, None, CommentState::Visible);
                    Ok::<_, kilonova::db::Error>(())
                });
                written.unwrap();
            }
            db.close_blocking();
        });
        for n in 0..5 {
            let to = site.export(&format!("during-{n}"));
            let other = Site::new();
            let summary = other.import_from(&to);
            assert!(!summary.lost_something(), "{summary:#?}");
            assert_eq!(summary.created, summary.comments[0] + 1);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_dry_run_of_an_export_reports_the_same_and_writes_nothing() {
    let site = everything();
    let a = site.export("a");
    let other = Site::new();
    let dry = other.try_import(&a, true).unwrap();
    assert!(other.has_no_database());
    with_accounts(&other);
    let real = other.import_from(&a);
    assert_eq!(counts(&dry), counts(&real));
    assert_eq!((dry.comments, dry.notes, dry.files), (real.comments, real.notes, real.files));
    let dry = other.try_import(&a, true).unwrap();
    assert_eq!((counts(&dry), dry.comments), ([9, 0, 0, 9], [0, 0, 4]));
}
