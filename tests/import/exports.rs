//! Export files of Ghost and WordPress: how their posts, comments and media are imported, and how
//! hostile files are handled.

use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use kilonova::import::{ImportError, Order, Summary, command};
use kilonova::models::post::Status;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::exported::assert_identity;
use super::site::{Site, counts};

const GHOST: &str = include_str!("../fixtures/exports/ghost.json");
const WORDPRESS: &str = include_str!("../fixtures/exports/wordpress.xml");

/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\x05\xfe\x02\xfe\xdc\xccY\xe7\0\0\0\0IEND\xaeB`\x82";

fn import(
    site: &Site,
    name: &str,
    media: Option<&str>,
    out: &mut Vec<u8>,
) -> Result<Summary, ImportError> {
    let (path, media) = (site.file(name), media.map(|media| site.file(media)));
    let order = Order { path: &path, media: media.as_deref(), dry_run: false, report: None };
    command(order, &site.database(), &AtomicBool::new(false), out)
}

fn taken(site: &Site, name: &str, media: Option<&str>) -> (Summary, String) {
    let mut out = Vec::new();
    let summary = import(site, name, media, &mut out).expect("an import");
    (summary, String::from_utf8(out).expect("text"))
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in files {
        zip.start_file(*name, options).expect("a file");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.finish().expect("a zip file").into_inner()
}

fn statuses(site: &Site) -> Vec<(String, Status)> {
    site.posts().into_iter().map(|post| (post.title, post.status)).collect()
}

fn has(summary: &Summary, what: &str) -> bool {
    summary.noted.iter().chain(&summary.skipped).any(|found| found.note.what.contains(what))
}

/// Whether the database, the summary or the report contains one of these secrets.
fn leaks(site: &Site, out: &str) -> bool {
    let mut all = out.as_bytes().to_vec();
    for file in walkdir::WalkDir::new(site.home.path()) {
        let file = file.expect("a file");
        let is_own = file.path().starts_with(site.dir());
        if file.file_type().is_file() && !is_own {
            all.extend(std::fs::read(file.path()).expect("its bytes"));
        }
    }
    ["secret.example", "203.0.113.77", "hunter2pass", "$2a$10"]
        .iter()
        .any(|secret| all.windows(secret.len()).any(|part| part == secret.as_bytes()))
}

#[test]
fn ghosts_posts_and_pages_arrive_with_their_pictures() {
    let site = Site::new();
    let files: [(&str, &[u8]); 3] = [
        ("site/data/export.json", GHOST.as_bytes()),
        ("site/content/images/2024/05/ship.png", PNG),
        ("site/content/images/2024/05/sea.png", b"no picture"),
    ];
    site.write("ghost.zip", zipped(&files));
    let (summary, out) = taken(&site, "ghost.zip", None);
    assert_eq!(counts(&summary), [8, 6, 0, 0], "{out}");
    let named = |title: &str, status| (title.to_owned(), status);
    assert_eq!(
        statuses(&site),
        [
            named("Harbour & sea", Status::Published),
            named("Tides", Status::Published),
            named("For members", Status::Draft),
            named("A letter", Status::Draft),
            named("A draft", Status::Draft),
            named("Later", Status::Scheduled),
        ]
    );
    let post = &site.posts()[0];
    assert_eq!(post.author.as_deref(), Some("Ada, Grace"));
    assert_eq!(post.tags, ["Boats", "Sea"]);
    assert_eq!(post.slug.as_deref(), Some("harbour"));
    assert_eq!(post.inserted_at.to_string(), "2024-05-02 11:00:00");
    assert!(post.body.contains("Ships **and** [tides](../tides/)."), "{}", post.body);
    assert!(post.body.contains("![The sea](../uploads/") && post.body.contains("By _Ada_"));
    assert!(post.body.contains("(/content/images/2024/05/gone.png)"));
    assert_eq!(site.posts()[4].body, "* as\n* written");
    for what in [
        "missing media",
        "a picture in an unknown format",
        "with an internal tag",
        "as a draft: for members only",
        "as a draft: sent only by email",
        "code for the head",
        "not understood",
        "neither uuid nor id",
    ] {
        assert!(has(&summary, what), "{what}: {out}");
    }
    assert!(site.led("/harbour/").is_some_and(|to| to.starts_with("/posts/")));
    assert!(site.led("/content/images/size/w600/2024/05/ship.png").is_some());
    assert!(!leaks(&site, &out));
    let posts = site.posts();
    let (again, _) = taken(&site, "ghost.zip", None);
    assert_eq!(counts(&again), [8, 0, 0, 6]);
    assert_eq!(site.posts(), posts);
    assert_identity(&site);
}

#[test]
fn wordpress_posts_and_pages_arrive_with_comments_and_media() {
    let site = Site::new();
    site.write("wordpress.xml", WORDPRESS);
    site.write("media/2019/05/rope.png", PNG);
    let (summary, out) = taken(&site, "wordpress.xml", Some("media"));
    assert_eq!(counts(&summary), [7, 7, 0, 0], "{out}");
    let of =
        |title: &str| statuses(&site).into_iter().find(|(known, _)| known == title).map(|it| it.1);
    for title in ["Secret", "Private", "Pending", "Trash"] {
        assert_eq!(of(title), Some(Status::Draft), "{title}");
    }
    assert_eq!(of("Later"), Some(Status::Scheduled));
    assert_eq!(of("About"), Some(Status::Published));
    let posts = site.posts();
    let post = &posts[0];
    assert_eq!(post.title, "Ropes & knots");
    assert_eq!(post.author.as_deref(), Some("Ada Byron"));
    assert_eq!(post.tags, ["Rope", "Work"]);
    assert_eq!(post.inserted_at.to_string(), "2019-05-06 07:08:09");
    assert_eq!(post.updated_at.to_string(), "2019-06-01 00:00:00");
    assert!(post.comments_locked && !posts[1].comments_locked);
    assert!(
        post.body.contains(
            "First line\\\nsecond **line**.\n\nSee [about](../about/) and [this](../about/)."
        ),
        "{}",
        post.body
    );
    assert!(post.body.contains("[![A rope](../uploads/"), "{}", post.body);
    assert_eq!(post.body.matches("![").count(), 2, "the picture is there once: {}", post.body);
    assert_eq!(summary.comments, [1, 0, 0]);
    for what in [
        "missing media",
        "an unapproved comment",
        "a ping",
        "with an excerpt",
        "the shortcode contact-form-7",
        "items of the type nav_menu_item",
        "items of the type recipe",
        "protected by a password",
        "in the trash",
    ] {
        assert!(has(&summary, what), "{what}: {out}");
    }
    assert!(site.led("/2019/05/06/ropes/").is_some_and(|to| to.ends_with("-ropes")));
    assert!(site.led("/wp-content/uploads/2019/05/rope-300x200.png").is_some());
    assert!(!leaks(&site, &out));
    let (again, _) = taken(&site, "wordpress.xml", Some("media"));
    assert_eq!((counts(&again), again.comments), ([7, 0, 0, 7], [0, 0, 1]));
    assert_eq!(site.posts(), posts);
    assert_identity(&site);
}

#[test]
fn a_zip_file_of_several_parts_is_one_export() {
    let site = Site::new();
    let second = WORDPRESS.replace("?p=1", "?p=91").replace("?page_id=1", "?page_id=91");
    site.write("wp.zip", zipped(&[("a.xml", WORDPRESS.as_bytes()), ("b.xml", second.as_bytes())]));
    let (summary, out) = taken(&site, "wp.zip", None);
    assert_eq!(counts(&summary), [14, 14, 0, 0], "{out}");
}

#[test]
fn hostile_files_give_a_clear_line_and_write_nothing() {
    let wordpress = |from: &str, to: &str| WORDPRESS.replacen(from, to, 1).into_bytes();
    let doctype = wordpress("<rss", "<!DOCTYPE rss [<!ENTITY a \"b\">]>\n<rss");
    let deep = wordpress("<item>", &format!("<item>{}", "<x>".repeat(100)));
    let long = wordpress("First line", &"x".repeat(17 << 20));
    let mut lies = zipped(&[("a.json", &GHOST.as_bytes().repeat(3)[..100])]);
    let at = lies.windows(4).position(|it| it == b"PK\x01\x02").expect("a directory");
    lies[at + 24..at + 28].copy_from_slice(&1_u32.to_le_bytes());
    // A zip file repeats the flags and the method in the file's own header and in the directory.
    let patched = |own: usize, value: u8| {
        let mut zip = zipped(&[("a.json", GHOST.as_bytes())]);
        let at = zip.windows(4).position(|it| it == b"PK\x01\x02").expect("a directory");
        (zip[own], zip[at + own + 2]) = (value, value);
        zip
    };
    let cases: [(&str, Vec<u8>, &str); 19] = [
        ("a.xml", doctype, "line 3: it has a DOCTYPE"),
        ("b.xml", wordpress("First line", "]]>&lol;<![CDATA["), "the entity &lol; is unknown"),
        ("c.xml", deep, "nest deeper"),
        ("d.xml", long, "longer than 16 MiB"),
        ("e.xml", WORDPRESS.as_bytes()[..WORDPRESS.len() / 2].to_vec(), "damaged"),
        ("f.xml", WORDPRESS.replace("</channel>\n</rss>", "").into_bytes(), "ends early"),
        ("g.xml", wordpress("<w:wxr_version>1.2</w:wxr_version>", ""), "wxr_version is missing"),
        ("h.xml", wordpress("UTF-8", "ISO-8859-1"), "not UTF-8"),
        ("i.xml", b"<rss><w:x/></rss>".to_vec(), "has no namespace"),
        ("j.json", GHOST.as_bytes()[..GHOST.len() - 5].to_vec(), "damaged"),
        ("k.json", b"{\"x\": 1}".to_vec(), "not a Ghost export"),
        ("l.json", b"{\"data\": {\"posts\": [\"\xff\"]}}".to_vec(), "not UTF-8"),
        ("m.zip", zipped(&[("x.txt", b"x")]), "contains no Ghost or WordPress export"),
        ("n.zip", b"PK\x03\x04 and no more".to_vec(), "damaged"),
        (
            "o.zip",
            zipped(&[("a.zip", &zipped(&[("g.json", GHOST.as_bytes())]))]),
            "contains no Ghost",
        ),
        ("p.zip", zipped(&[("a.json", GHOST.as_bytes()), ("b.json", GHOST.as_bytes())]), "several"),
        ("q.zip", lies, "larger than its declared"),
        ("r.zip", patched(6, 1), "it is encrypted"),
        ("s.zip", patched(8, 14), "compression method not supported"),
    ];
    for (name, bytes, why) in cases {
        let site = Site::new();
        site.write(name, bytes);
        let error = import(&site, name, None, &mut Vec::new()).expect_err(name).to_string();
        assert!(error.starts_with("cannot import from ") && error.contains(why), "{name}: {error}");
        assert!(site.has_no_database(), "{name}");
    }
}

#[test]
fn a_zip_bomb_and_names_outside_the_folder_import_nothing() {
    let site = Site::new();
    let bomb = vec![0_u8; 64 << 20];
    let json = r#"{"data":{"posts":[{"id":"1","title":"Bomb","slug":"bomb","status":"published","published_at":"2020-01-01",
        "html":"<img src='/content/images/bomb.png'><img src='/content/images/../../../secret.png'><img src='/content/images/x.png'>"}]}}"#;
    let files: [(&str, &[u8]); 4] = [
        ("export.json", json.as_bytes()),
        ("content/images/bomb.png", &bomb),
        ("../../secret.png", PNG),
        ("content/images/x.png", b"\x89PNG\r\n\x1a\nno"),
    ];
    site.write("bomb.zip", zipped(&files));
    let (summary, out) = taken(&site, "bomb.zip", None);
    assert_eq!(counts(&summary), [1, 1, 0, 0]);
    assert!(
        has(&summary, "larger than 10 MiB") && has(&summary, "a picture that cannot be read"),
        "{out}"
    );
    assert!(!Path::new(&site.home.path().join("secret.png")).exists());
}

#[test]
fn a_text_that_is_too_long_is_skipped_and_invalid_bytes_are_noted() {
    let site = Site::new();
    let long = WORDPRESS.replacen("First line", &"x ".repeat(2 << 20), 1);
    let mut bytes = long.into_bytes();
    let at = bytes.windows(3).position(|it| it == b"Us.").expect("a text");
    bytes[at] = 0xff;
    bytes[at + 1] = 7;
    site.write("a.xml", bytes);
    let (summary, out) = taken(&site, "a.xml", None);
    assert_eq!(counts(&summary), [7, 6, 0, 0], "{out}");
    for what in ["larger than 2 MiB", "bytes that are not UTF-8", "control characters"] {
        assert!(has(&summary, what), "{what}: {out}");
    }
}

#[cfg(unix)]
#[test]
fn media_are_not_found_through_symbolic_links() {
    let site = Site::new();
    site.write("wordpress.xml", WORDPRESS);
    site.write("elsewhere/05/rope.png", PNG);
    std::fs::create_dir(site.file("media")).expect("a folder");
    std::os::unix::fs::symlink(site.file("elsewhere"), site.file("media/2019")).expect("a link");
    let (summary, _) = taken(&site, "wordpress.xml", Some("media"));
    assert_eq!(summary.files, 0);
}

#[test]
fn a_folder_with_only_an_export_says_to_import_the_file() {
    let site = Site::new();
    site.write("wordpress.xml", WORDPRESS);
    let summary = site.import();
    assert_eq!(counts(&summary), [0, 0, 0, 0]);
    assert!(has(&summary, "pass its path to import it") && summary.lost_something());
}
