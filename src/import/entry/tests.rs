//! Entries made from files, by the documentation of each generator.

use super::*;
use crate::import::date;
use crate::import::front_matter::Format;
use crate::import::site::{Cascade, Collection, Config, Generator};
use crate::models::post::Status;

/// Reads a file on a site, as of 2026-01-01.
fn on(site: &Site, path: &str, text: &str) -> Result<Entry, Note> {
    let at = |text: &str| date::parse(text).expect("a date");
    let context = Context {
        now: at("2026-01-01"),
        ..Context::alone(site, Path::new(path), path, at("2001-02-03"))
    };
    Entry::parse(text, &context)
}

fn site(generator: Generator) -> Site {
    let taxonomies = vec!["tags".to_owned(), "categories".to_owned()];
    Site { generator, config: Config { taxonomies, ..Config::default() }, ..Site::default() }
}

fn parse(text: &str, path: &str) -> Entry {
    on(&Site::default(), path, text).unwrap_or_else(|note| panic!("{note:?}: {text}"))
}

fn whats(entry: &Entry) -> Vec<&str> {
    entry.notes.iter().map(|note| note.what.as_str()).collect()
}

#[test]
fn the_nearest_date_counts() {
    for (front_matter, path, expected, dated) in [
        ("date = 2020-05-06", "2011-01-01-a.md", "2020-05-06", true),
        ("path = \"2014/12/12/Core-Team\"", "2011-01-01-a.md", "2014-12-12", true),
        ("", "_posts/2011-01-01-a.md", "2011-01-01", true),
        ("date = \"\"", "2012/03/04/a.md", "2012-03-04", true),
        ("", "a.md", "2001-02-03", false),
    ] {
        let text = format!("+++\ntitle = \"Title\"\n{front_matter}\n+++\nbody");
        let entry = parse(&text, path);
        assert_eq!(Some(entry.inserted_at), date::parse(expected), "{front_matter} {path}");
        assert_eq!((entry.updated_at, entry.dated), (entry.inserted_at, dated));
        assert_eq!(whats(&entry).is_empty(), dated, "using the file's time always gets a note");
    }
}

#[test]
fn a_date_that_is_not_understood_is_noted_and_hides_the_page() {
    let entry = parse("---\ntitle: Title\ndate: soon\n---\nbody", "2020-02-02-a.md");
    assert_eq!(entry.post.status, Status::Draft);
    assert_eq!(whats(&entry), ["date is not understood", "as a draft: a date is not understood"]);
    let note = entry.notes.first().expect("a note");
    assert_eq!((note.line, note.detail.as_str(), note.lost), (Some(3), "soon", true));
    // A bad date of change hides nothing.
    let entry = parse("---\ntitle: T\ndate: 2020-01-01\nlastmod: x\n---\nb", "a.md");
    assert_eq!(entry.post.status, Status::Published);
    assert_eq!(whats(&entry), ["lastmod is not understood"]);
}

#[test]
fn the_identity_is_the_path_on_the_site_or_of_the_file() {
    let source = |text: &str| parse(text, "blog/a.md").post.source;
    assert_eq!(source("---\ntitle: Title\nslug: s\n---\nb").as_deref(), Some("file:blog/a.md"));
    assert_eq!(source("+++\ntitle = 'Title'\npath = '/x/y/'\n+++\nb").as_deref(), Some("path:x/y"));
}

#[test]
fn a_page_without_title_has_its_files_name() {
    let title = |generator, path: &str| {
        let entry = on(&site(generator), path, "---\ndate: 2020-02-02\n---\nb").expect("an entry");
        entry.post.title
    };
    let name = "2020-02-02-title-from-the-name.md";
    assert_eq!(title(Generator::Unknown, name), "Title from the name");
    // As Jekyll's `titleize_slug` does.
    assert_eq!(title(Generator::Jekyll, &format!("_posts/{name}")), "Title From The Name");
    assert_eq!(title(Generator::Hugo, "posts/my_page/index.md"), "My page");
    assert_eq!(title(Generator::Unknown, "2020-02-02.md"), "2020 02 02");
}

#[test]
fn values_that_the_model_refuses_are_left_out_and_noted() {
    let text = |title: &str, tags: &str| format!("---\ntitle: {title}\ntags: {tags}\n---\nbody");
    let many: Vec<String> = (1..=21).map(|n| format!("a{n}")).collect();
    let entry = parse(&text("日", &format!("[{}]", many.join(","))), "a.md");
    assert_eq!(entry.post.title, "日");
    assert_eq!(entry.post.tags.len(), 20);
    let note = entry.notes.iter().find(|note| note.lost).expect("a note");
    assert_eq!((note.line, note.detail.as_str()), (Some(3), "a21"));

    let long = "x".repeat(51);
    let entry = parse(&text(&"é".repeat(201), &format!("[{long}, y]")), "a.md");
    assert_eq!(entry.post.title, format!("{}…", "é".repeat(199)));
    assert_eq!(entry.post.tags, ["y"]);
    assert_eq!(entry.notes.iter().filter(|note| note.lost).count(), 2);

    let entry = parse("---\ntitle: \"a\\nb\\e[2Jc\"\n---\n", "a.md");
    assert_eq!((entry.post.title.as_str(), entry.post.body.as_str()), ("a b [2Jc", ""));
}

#[test]
fn a_text_that_no_post_may_have_is_refused() {
    let large = format!("---\ntitle: Title\n---\n{}", "a".repeat(1024 * 1024 + 1));
    for (text, what) in [
        ("# Hello\n", "no front matter"),
        (&large, "body should be at most 1048576 byte(s)"),
        ("---\ntitle: Title\n---\nbo\0dy", "body is invalid"),
        (
            "+++\ntitle = 'Title'\npath = \"a\\u0000b\"\n+++\nbody",
            "path is longer than 2048 bytes or has control characters",
        ),
    ] {
        let note = on(&Site::default(), "a.md", text).expect_err("a refusal");
        assert_eq!((note.what.as_str(), note.lost), (what, true));
    }
}

/// <https://jekyllrb.com/docs/posts/#tags-and-categories>; Hugo keeps a text as one term.
#[test]
fn tags_are_read_as_the_generator_does() {
    let tags = |generator, path: &str, fields: &str| {
        let text = format!("---\ntitle: T\ndate: 2020-01-01\n{fields}\n---\nb");
        on(&site(generator), path, &text).expect("an entry").post.tags
    };
    let post = "movies/horror/_posts/2019-05-21-x.markdown";
    assert_eq!(
        tags(Generator::Jekyll, "_posts/2019-05-21-x.md", "tag: classic hollywood"),
        ["classic hollywood"]
    );
    assert_eq!(
        tags(Generator::Jekyll, "_posts/2019-05-21-x.md", "tags: classic hollywood"),
        ["classic", "hollywood"]
    );
    assert_eq!(tags(Generator::Jekyll, post, "category: b"), ["b", "movies", "horror"]);
    assert_eq!(
        tags(Generator::Hugo, "a.md", "tags: two words\ncategories: [c, 7.0, 007]"),
        ["two words", "c", "7.0", "007"]
    );
    assert_eq!(
        tags(Generator::Zola, "a.md", "taxonomies: {tags: [a b, '1e3']}\ntags: [no]"),
        ["a b", "1e3"]
    );
    assert_eq!(tags(Generator::Unknown, "a.md", "tags: news, big things"), ["news", "big things"]);
}

#[test]
fn authors_are_texts_lists_or_maps() {
    for fields in [
        "author: Ada",
        "authors: [Ada]",
        "authors: {name: Ada}",
        "authors: [{name: Ada}, Ada, ' ']",
        "params: {author: Ada}",
        "taxonomies: {authors: [Ada]}",
    ] {
        let entry = parse(&format!("---\ntitle: T\n{fields}\n---\n"), "a.md");
        assert_eq!(entry.post.author.as_deref(), Some("Ada"), "{fields}");
    }
    for fields in ["author: ''", "authors: []", "author:", "author: {nick: a}", "author: false"] {
        let entry = parse(&format!("---\ntitle: T\n{fields}\n---\n"), "a.md");
        assert_eq!(entry.post.author, None, "{fields}");
    }
}

#[test]
fn a_hidden_page_becomes_a_draft() {
    use Generator::{Hugo, Jekyll, Unknown, Zola};
    for (generator, path, fields, status) in [
        (Unknown, "a.md", "", Status::Published),
        (Unknown, "a.md", "Draft: true", Status::Draft),
        (Unknown, "a.md", "draft: perhaps", Status::Draft),
        (Unknown, "a.md", "draft: No", Status::Published),
        (Unknown, "a.md", "published: false", Status::Draft),
        (Unknown, "_drafts/a.md", "", Status::Draft),
        (Jekyll, "_drafts/a.md", "", Status::Draft),
        // <https://jekyllrb.com/docs/front-matter/#predefined-global-variables>
        (Jekyll, "_posts/2020-01-01-a.md", "published: false", Status::Draft),
        (Jekyll, "_posts/a.md", "", Status::Draft),
        // <https://gohugo.io/content-management/build-options/>
        (Hugo, "a.md", "build: {render: never}", Status::Draft),
        (Hugo, "a.md", "_build: {render: link}", Status::Draft),
        (Hugo, "a.md", "build: {render: always}", Status::Published),
        (Hugo, "a/index.md", "headless: true", Status::Draft),
        (Hugo, "a.md", "headless: true", Status::Published),
        // <https://gohugo.io/content-management/front-matter/#expirydate>
        (Hugo, "a.md", "expiryDate: 2021-01-01", Status::Draft),
        (Hugo, "a.md", "unpublishdate: 2099-01-01", Status::Published),
        (Hugo, "a.md", "expiryDate: soon", Status::Draft),
        // <https://www.getzola.org/documentation/content/page/#front-matter>
        (Zola, "a.md", "render: false", Status::Draft),
        (Zola, "a.md", "draft: true", Status::Draft),
    ] {
        let text = format!("---\ntitle: T\ndate: 2020-01-01\n{fields}\n---\nb");
        let entry = on(&site(generator), path, &text).expect("an entry");
        assert_eq!(entry.post.status, status, "{generator:?} {path} {fields}");
        assert_eq!(whats(&entry).is_empty(), status == Status::Published, "each is named");
    }
}

/// <https://gohugo.io/content-management/front-matter/#publishdate>
#[test]
fn a_future_page_is_scheduled_for_its_date() {
    let text = |fields: &str| format!("---\ntitle: T\n{fields}\n---\nb");
    for (fields, at) in [
        ("date: 2099-12-31", "2099-12-31"),
        ("date: 2020-01-01\npublishDate: 2099-12-31", "2099-12-31"),
        ("date: 2020-01-01\npubdate: 2099-12-31T10:00:00+02:00", "2099-12-31T08:00:00Z"),
    ] {
        let entry = parse(&text(fields), "a.md");
        assert_eq!(entry.post.status, Status::Scheduled, "{fields}");
        assert_eq!(entry.post.publish_at, date::parse(at), "{fields}");
        assert_eq!(whats(&entry), ["scheduled"]);
    }
    // In Hugo `published` is a name of `publishDate`; elsewhere it says whether a page is visible.
    let hugo = on(&site(Generator::Hugo), "a.md", &text("date: 2020-01-01\npublished: 2099-01-01"));
    assert_eq!(hugo.expect("an entry").post.status, Status::Scheduled);
    let draft = parse(&text("date: 2099-12-31\ndraft: true"), "a.md");
    assert_eq!(draft.post.status, Status::Draft);
    // `future: true` in Jekyll, `buildFuture` in Hugo.
    let mut open = site(Generator::Jekyll);
    open.config.future = true;
    let entry = on(&open, "_posts/2099-01-01-a.md", &text("")).expect("an entry");
    assert_eq!(entry.post.status, Status::Published);
    assert_eq!(whats(&entry), ["with a future date, which its site shows"]);
}

/// <https://gohugo.io/configuration/front-matter/#dates>
#[test]
fn a_site_may_choose_the_fields_of_its_dates() {
    let mut hugo = site(Generator::Hugo);
    let chosen = [":filename", "myDate", ":default"].map(str::to_owned).to_vec();
    hugo.config.dates[0] = Some(chosen);
    let at = |path: &str| {
        let text = "---\ntitle: T\nmydate: 2020-03-03\ndate: 2020-01-01\n---\nb";
        on(&hugo, path, text).expect("an entry").inserted_at
    };
    assert_eq!(Some(at("2020-02-02-a.md")), date::parse("2020-02-02"));
    assert_eq!(Some(at("a.md")), date::parse("2020-03-03"));
    // By default: `date`, `publishDate`, `lastmod` and their other names.
    let text = "---\ntitle: T\nmodified: 2020-03-04\n---\nb";
    let entry = on(&site(Generator::Hugo), "a.md", text).expect("an entry");
    assert_eq!(Some(entry.inserted_at), date::parse("2020-03-04"));
}

/// <https://jekyllrb.com/docs/configuration/front-matter-defaults/>
#[test]
fn jekylls_defaults_and_collections_apply() {
    let mut jekyll = site(Generator::Jekyll);
    let fields = Format::Yaml.read("published: false\ntags: [x]").expect("fields");
    jekyll.config.cascades.push(Cascade {
        prefix: "_posts/old".to_owned(),
        kind: Some("posts".to_owned()),
        fields,
        ..Cascade::default()
    });
    let label = |label: &str, output| Collection { label: label.to_owned(), output, future: false };
    jekyll.config.collections = vec![label("docs", true), label("data", false)];
    let status = |path: &str| {
        let entry = on(&jekyll, path, "---\ntitle: T\ndate: 2020-01-01\n---\nb");
        entry.map(|entry| (entry.post.status, entry.post.tags.len())).map_err(|note| note.lost)
    };
    assert_eq!(status("_posts/old/2020-01-01-a.md"), Ok((Status::Draft, 1)));
    assert_eq!(status("_posts/2020-01-01-a.md"), Ok((Status::Published, 0)));
    assert_eq!(status("_docs/a.md"), Ok((Status::Published, 0)));
    assert_eq!(status("_data/a.md"), Ok((Status::Draft, 0)));
    assert_eq!(status("_includes/a.md"), Err(false));
}

#[test]
fn a_change_is_not_older_than_the_post() {
    let text = "---\ntitle: Title\ndate: 2020-01-02\nlastmod: 2019-01-01\n---\nb";
    let entry = parse(text, "a.md");
    assert_eq!(entry.updated_at, entry.inserted_at);
}

#[test]
fn notes_are_bounded_whatever_the_file() {
    let tags: Vec<String> = (0..1000).map(|n| format!("t{n}")).collect();
    let entry = parse(&format!("---\ntitle: T\ntags: [{}]\n---\nb", tags.join(",")), "a.md");
    assert_eq!(entry.post.tags.len(), 20);
    assert!(entry.notes.len() <= MAX_NOTES + 1);
    assert!(entry.notes.last().is_some_and(|note| note.lost));
}
