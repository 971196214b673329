//! Malformed and hostile exports: each gives a clear note, and nothing is half done.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use kilonova::models::upload;

use super::exported::tree;
use super::site::{Site, notes, reasons};

const HEAD: &str =
    "id = 5\ntitle = 'A title'\nstatus = 'published'\ninserted_at = 2020-01-01T00:00:00Z\n";

fn export(site: &Site) {
    site.write("kilonova.toml", "format = 1\n");
}

fn page(head: &str) -> String {
    format!("+++\n{head}+++\nBody")
}

#[test]
fn an_export_of_a_newer_format_is_refused() {
    let site = Site::new();
    for (mark, why) in [
        ("format = 99", "format 99; a newer version of kilonova made it"),
        ("format = 0", "format should be 1"),
        ("posts = 1", "format should be 1"),
        ("format = [", "not valid TOML"),
        ("", "format should be 1"),
    ] {
        site.write("kilonova.toml", mark);
        site.write("posts/5.md", page(HEAD));
        let error = site.try_import(&site.dir(), false).unwrap_err().to_string();
        assert!(error.contains(why), "{mark}: {error}");
    }
}

#[test]
fn a_part_of_an_export_is_refused_and_one_in_a_folder_is_noted() {
    let site = Site::new();
    export(&site);
    site.write("posts/5.md", page(HEAD));
    let error = site.try_import(&site.file("posts"), false).unwrap_err().to_string();
    assert!(error.contains("part of an export"), "{error}");
    let above = Site::new();
    above.write("x/kilonova.toml", "format = 1\n");
    above.write("x/posts/5.md", page(HEAD));
    let found = above.import();
    assert_eq!(reasons(&found), [("x/posts/5.md", "part of an export; import it separately")]);
    assert!(found.lost_something());
}

#[test]
fn pages_are_checked_by_the_applications_rules_with_file_and_line() {
    let site = Site::new();
    export(&site);
    let cases = [
        (HEAD.replace("id = 5", "id = -1"), "id is invalid", Some(2)),
        (HEAD.replace("id = 5", "id = 9223372036854775807"), "id is invalid", Some(2)),
        (HEAD.replace("id = 5", "id = [5]"), "id is invalid", Some(2)),
        (HEAD.replace("id = 5", ""), "id can't be blank", Some(1)),
        (HEAD.replace("'A title'", "''"), "title can't be blank", Some(3)),
        (HEAD.replace("'A title'", "\"a\\nb\""), "title is invalid", Some(3)),
        (HEAD.replace("published", "gone"), "status is invalid", Some(4)),
        (HEAD.replace("published", "scheduled"), "publish_at can't be blank", Some(1)),
        (HEAD.replace("2020-01-01T00:00:00Z", "'soon'"), "inserted_at is invalid", Some(5)),
        (HEAD.replace("2020-01-01T00:00:00Z", "2020-01-01"), "inserted_at is invalid", Some(5)),
        (format!("{HEAD}aliases = 5\n"), "aliases is invalid", Some(6)),
        (format!("{HEAD}tags = [['x']]\n"), "tags is invalid", Some(6)),
        (format!("{HEAD}slug = '../x'\n"), "slug is invalid", Some(6)),
        (format!("{HEAD}id = 6\n"), "not valid TOML", Some(6)),
    ];
    for (n, (head, ..)) in cases.iter().enumerate() {
        site.write(&format!("posts/{n:02}.md"), page(head));
    }
    site.write("posts/90.md", "no front matter");
    site.write("posts/91.txt", page(HEAD));
    site.write("posts/92-big.md", page(HEAD) + &"x".repeat(1024 * 1024));
    site.write("posts/93.md", page(&format!("{HEAD}statsu = 'draft'\n")));
    site.write("posts/94-twice.md", page(HEAD));
    fs::create_dir(site.file("posts/95.md")).unwrap();
    symlink("/etc/passwd", site.file("posts/96.md")).unwrap();
    let summary = site.import();
    for (found, (_, what, line)) in summary.skipped.iter().zip(&cases) {
        assert_eq!((&*found.note.what, found.note.line), (*what, *line), "{found:?}");
    }
    let rest: Vec<_> = reasons(&summary)[cases.len()..].to_vec();
    let expected = [
        ("posts/90.md", "no front matter between lines of `+++`"),
        ("posts/91.txt", "not a file of an export"),
        ("posts/92-big.md", "body should be at most 1048576 byte(s)"),
        ("posts/94-twice.md", "another file has the same id"),
        ("posts/95.md", "not a file"),
        ("posts/96.md", "symbolic link"),
    ];
    assert_eq!(rest, expected);
    assert_eq!(notes(&summary), [("posts/93.md", "an unknown key")]);
    assert_eq!(site.posts().len(), 1);
}

#[test]
fn uploads_come_from_their_folder_and_are_what_their_bytes_say() {
    let site = Site::new();
    export(&site);
    let name = |digit: &str, ending: &str| format!("{}.{ending}", digit.repeat(40));
    let outside = site.home.path().join("secret");
    fs::write(&outside, "secret").unwrap();
    site.write(&format!("uploads/{}", name("a", "bin")), "lying");
    site.write(&format!("uploads/{}", name("b", "gif")), "no picture");
    symlink(&outside, site.file(&format!("uploads/{}", name("c", "bin")))).unwrap();
    site.write("uploads/stray.txt", "x");
    let lines = [
        format!(r#"{{"file":"{}","name":"a.txt"}}"#, name("a", "bin")),
        format!(r#"{{"file":"{}"}}"#, name("b", "gif")),
        format!(r#"{{"file":"{}","name":"x"}}"#, name("c", "bin")),
        format!(r#"{{"file":"{}","name":"x"}}"#, name("d", "bin")),
        r#"{"file":"../../secret"}"#.to_owned(),
        r#"{"file":"/etc/passwd","name":5}"#.to_owned(),
        "[]".to_owned(),
        "{".repeat(100_000),
        "x".repeat(5 * 1024 * 1024),
    ];
    site.write("uploads.jsonl", lines.join("\n"));
    let body = format!("[x](../uploads/{})", name("a", "bin"));
    site.write("posts/5.md", format!("+++\n{HEAD}+++\n{body}"));
    let summary = site.import();
    let told: Vec<&str> = notes(&summary).into_iter().map(|(_, what)| what).collect();
    let gone = "a file that a page links to is missing";
    let other = "an upload whose bytes do not match its name";
    let line = "a line is not a JSON object";
    let expected = [
        other,
        "a picture that cannot be read",
        other,
        gone,
        gone,
        "file is invalid",
        "file is invalid",
        line,
        line,
        "a line is larger than 4 MiB",
        "a file that uploads.jsonl does not list",
    ];
    assert_eq!(told, expected);
    let body = &site.posts()[0].body;
    assert_ne!(upload::digests(body).first(), Some(&"a".repeat(40).as_str()), "{body}");
    let (upload, bytes) = site.uploaded(body);
    assert_eq!((upload.name.as_deref(), &*bytes), (Some("a.txt"), &b"lying"[..]));
}

#[test]
fn comments_are_checked_by_the_applications_rules_with_their_line() {
    let site = Site::new();
    export(&site);
    site.write("posts/5.md", page(HEAD));
    let good =
        r#"{"id":1,"post":5,"inserted_at":"2020-01-01T00:00:00Z","state":"visible","body":"x"}"#;
    let cases = [
        (good.replace("\"post\":5", "\"post\":6"), "a comment on a post that is not imported"),
        (good.replace("\"id\":1", "\"id\":-1"), "id is invalid"),
        (good.replace("\"id\":1", "\"id\":1.5"), "id is invalid"),
        (good.replace("visible", "gone"), "state is invalid"),
        (good.replace("\"x\"", "[]"), "body is invalid"),
        (good.replace("\"x\"", "\" \""), "a comment that cannot be kept"),
        (good.replace("2020", "x"), "inserted_at is invalid"),
        (good.replace("\"body\"", "\"bdy\""), "a comment that cannot be kept"),
        ("\"x\"".to_owned(), "a line is not a JSON object"),
    ];
    let mut lines: Vec<String> = cases.iter().map(|(line, _)| line.clone()).collect();
    lines.push(good.to_owned());
    lines.push(good.to_owned());
    site.write("comments.jsonl", lines.join("\n"));
    let summary = site.import();
    let mut found: Vec<_> =
        summary.noted.iter().map(|it| (it.note.line.unwrap(), it.note.what.as_str())).collect();
    found.retain(|(_, what)| *what != "an unknown key");
    found.sort_unstable();
    let expected: Vec<_> = cases.iter().enumerate().map(|(n, (_, what))| (n + 1, *what)).collect();
    assert_eq!(found, expected);
    assert_eq!(summary.comments, [1, 0, 1]);
}

#[test]
fn comments_with_the_same_time_are_bounded() {
    let site = Site::new();
    export(&site);
    site.write("posts/5.md", page(HEAD));
    let line = |n: usize| {
        format!(
            r#"{{"id":{n},"post":5,"inserted_at":"2020-01-01T00:00:00Z","state":"held","body":"{n}"}}"#
        )
    };
    site.write("comments.jsonl", (1..=1500).map(line).collect::<Vec<_>>().join("\n"));
    let summary = site.import();
    assert_eq!(summary.comments, [1000, 0, 0]);
    assert_eq!(summary.noted.len(), 500);
    assert!(!site.topics().iter().any(|topic| topic.contains("comment")), "none is announced");
    assert_eq!(tree(Path::new(&site.dir())).len(), 3);
}
