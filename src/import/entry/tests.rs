//! Where an entry's date and identity come from, and the reasons why there is none.

use super::*;

fn parse(text: &str, path: &str) -> Result<Entry, String> {
    let modified = date::parse("2001-02-03").expect("a date");
    Entry::parse(text, Path::new(path), modified)
}

#[test]
fn the_date_is_the_nearest_that_is_given() {
    for (front_matter, path, expected, dated) in [
        ("date = 2020-05-06", "2011-01-01-a.md", "2020-05-06", true),
        ("path = \"2014/12/12/Core-Team\"", "2011-01-01-a.md", "2014-12-12", true),
        ("", "_posts/2011-01-01-a.md", "2011-01-01", true),
        ("date = \"\"", "2012/03/04/a.md", "2012-03-04", true),
        ("", "a.md", "2001-02-03", false),
    ] {
        let text = format!("+++\ntitle = \"Title\"\n{front_matter}\n+++\nbody");
        let entry = parse(&text, path).expect("an entry");
        assert_eq!(Some(entry.inserted_at), date::parse(expected), "{front_matter} {path}");
        assert_eq!((entry.updated_at, entry.dated), (entry.inserted_at, dated));
    }
}

#[test]
fn the_identity_is_the_path_on_the_site_or_in_the_folder() {
    let source = |text: &str| parse(text, "blog/a.md").expect("an entry").post.source;
    assert_eq!(source("---\ntitle: Title\nslug: s\n---\nb").as_deref(), Some("file:blog/a.md"));
    assert_eq!(source("+++\ntitle = 'Title'\npath = '/x/y/'\n+++\nb").as_deref(), Some("path:x/y"));
}

#[test]
fn reasons_are_a_few_words() {
    let long = format!("---\ntitle: {}\n---\nbody", "é".repeat(201));
    let large = format!("---\ntitle: Title\n---\n{}", "a".repeat(1024 * 1024 + 1));
    let many = (0..21).map(|n| format!("t{n} ")).collect::<String>();
    for (text, reason) in [
        ("# Hello\n", "no front matter"),
        ("---\ndate: 2020-01-01\n---\nbody", "no title"),
        ("---\ntitle: \" \"\n---\nbody", "no title"),
        ("---\ntitle: Title\n---\n \n\t\n", "body is empty"),
        ("---\ntitle: ab\n---\nbody", "title should be at least 3 character(s)"),
        (&long, "title should be at most 200 character(s)"),
        (&large, "body should be at most 1048576 byte(s)"),
        ("---\ntitle: Title\n---\nbo\0dy", "body is invalid"),
        (
            &format!("---\ntitle: Title\ntags: {many}\n---\nbody"),
            "tags should have at most 20 item(s)",
        ),
        ("---\ntitle: Title\ndate: soon\n---\nbody", "date is invalid"),
        ("---\ntitle: Title\nlastmod: 2020-13-01\n---\nbody", "updated is invalid"),
        ("---\ntitle: Title\ndraft: perhaps\n---\nbody", "draft is invalid"),
        ("+++\ntitle = 'Title'\npath = \"a\\u0000b\"\n+++\nbody", "path is invalid"),
    ] {
        assert_eq!(parse(text, "a.md"), Err(reason.to_owned()));
    }
}

#[test]
fn drafts_are_those_that_say_so_and_those_in_jekylls_folder() {
    let status = |text: &str, path: &str| parse(text, path).expect("an entry").post.status;
    assert_eq!(status("---\ntitle: Title\n---\nb", "a.md"), Status::Published);
    assert_eq!(status("---\ntitle: Title\ndraft: true\n---\nb", "a.md"), Status::Draft);
    assert_eq!(status("---\ntitle: Title\npublished: false\n---\nb", "a.md"), Status::Draft);
    assert_eq!(status("---\ntitle: Title\n---\nb", "_drafts/a.md"), Status::Draft);
}

#[test]
fn a_change_is_not_older_than_the_post() {
    let text = "---\ntitle: Title\ndate: 2020-01-02\nlastmod: 2019-01-01\n---\nb";
    let entry = parse(text, "a.md").expect("an entry");
    assert_eq!(entry.updated_at, entry.inserted_at);
}
