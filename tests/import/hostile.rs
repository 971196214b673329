//! Hostile folders and files that are not pages. Each gives a clear line for whatever is left out,
//! takes little time, and leaves nothing half done.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use kilonova::import::Summary;

use super::site::{Site, counts, notes};

const POST: &str = "---\ntitle: A post\ndate: 2020-01-01\n---\nBody";

/// Long for a debug build on a busy machine, but short for an import that never ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder, the number of posts that it makes, and the reasons for which files are skipped.
type Case = (&'static str, fn(&Site), usize, &'static [&'static str]);

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

fn secret(site: &Site) -> std::path::PathBuf {
    let outside = site.home.path().join("outside");
    fs::create_dir_all(&outside).expect("a folder");
    fs::write(outside.join("secret.md"), POST.replace("A post", "Secret")).expect("a file");
    outside
}

fn laughs() -> String {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..20 {
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", ")));
    }
    bomb
}

fn post(fields: &str) -> String {
    format!("---\ntitle: A post\ndate: 2020-01-01\n{fields}\n---\nBody")
}

fn nested(open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(20_000), close.repeat(20_000))
}

const PATH: &str = "path is longer than 2048 bytes or has control characters";
const YAML: &str = "front matter is not valid YAML";
const TOML: &str = "front matter is not valid TOML";
const JSON: &str = "front matter is not valid JSON";

const CASES: &[Case] = &[
    (
        "a link to a file outside",
        |site| symlink(secret(site).join("secret.md"), site.file("a.md")).unwrap(),
        0,
        &["symbolic link"],
    ),
    (
        "a link to a folder outside",
        |site| symlink(secret(site), site.file("a")).unwrap(),
        0,
        &["symbolic link to a folder"],
    ),
    (
        "a link to the folder itself",
        |site| symlink(site.dir(), site.file("a")).unwrap(),
        0,
        &["symbolic link to a folder"],
    ),
    (
        "links in a circle",
        |site| {
            symlink(site.file("b.md"), site.file("a.md")).unwrap();
            symlink(site.file("a.md"), site.file("b.md")).unwrap();
        },
        0,
        &["symbolic link", "symbolic link"],
    ),
    (
        "a link to nothing",
        |site| symlink("/no/such/file", site.file("a.md")).unwrap(),
        0,
        &["symbolic link"],
    ),
    (
        "a link to a device",
        |site| symlink("/dev/zero", site.file("a.md")).unwrap(),
        0,
        &["symbolic link"],
    ),
    (
        "a link to the process's own memory",
        |site| symlink("/proc/self/mem", site.file("a.md")).unwrap(),
        0,
        &["symbolic link"],
    ),
    ("a pipe", |site| fifo(&site.file("a.md")), 0, &["not a file"]),
    ("a socket", |site| drop(UnixListener::bind(site.file("a.md")).unwrap()), 0, &["not a file"]),
    ("a folder with a file's name", |site| site.write("a.md/b.md", POST), 1, &[]),
    (
        "a file of 8 GiB of nothing",
        |site| File::create(site.file("a.md")).unwrap().set_len(8 << 30).unwrap(),
        0,
        &["larger than 2 MiB"],
    ),
    (
        "a file a byte too large",
        |site| site.write("a.md", vec![b'x'; (2 << 20) + 1]),
        0,
        &["larger than 2 MiB"],
    ),
    ("an empty file", |site| site.write("a.md", ""), 0, &["file is empty"]),
    ("a billion laughs", |site| site.write("a.md", post(&laughs())), 0, &[YAML]),
    ("an alias of itself", |site| site.write("a.md", post("a: &a [*a]")), 0, &[YAML]),
    ("an alias of nothing", |site| site.write("a.md", post("a: *b")), 0, &[YAML]),
    (
        "deep lists of YAML",
        |site| site.write("a.md", post(&format!("a: {}", nested("[", "]")))),
        0,
        &[YAML],
    ),
    (
        "deep maps of YAML",
        |site| site.write("a.md", post(&format!("a: {}", nested("{a: ", "}")))),
        0,
        &["front matter is larger than 64 KiB"],
    ),
    (
        "deep blocks of YAML",
        |site| {
            let blocks = (0..300).map(|n| format!("{}-\n", " ".repeat(n))).collect::<String>();
            site.write("a.md", post(&format!("a:\n{blocks}")));
        },
        0,
        &[YAML],
    ),
    ("a list for a key", |site| site.write("a.md", post("? [a, b]\n: c")), 0, &[YAML]),
    (
        "deep lists of TOML",
        |site| site.write("a.md", format!("+++\na = {}\n+++\nb", nested("[", "]"))),
        0,
        &[TOML],
    ),
    (
        "deep keys of TOML",
        |site| site.write("a.md", format!("+++\n{} = 1\n+++\nb", vec!["a"; 20_000].join("."))),
        0,
        &[TOML],
    ),
    (
        "deep lists of JSON",
        |site| site.write("a.md", format!("{{\"a\": {}}}\nb", nested("[", "]"))),
        0,
        &[JSON],
    ),
    (
        "JSON that never ends",
        |site| site.write("a.md", format!("{{\"a\": \"{}", "x".repeat(1 << 20))),
        0,
        &["front matter is larger than 64 KiB"],
    ),
    (
        "front matter that never ends",
        |site| site.write("a.md", format!("---\n{}", "a: b\n".repeat(10_000))),
        0,
        &["front matter has no end"],
    ),
    (
        "front matter of 1 MiB",
        |site| site.write("a.md", post(&"#\n".repeat(500_000))),
        0,
        &["front matter is larger than 64 KiB"],
    ),
    (
        "front matter of 2,000 keys",
        |site| site.write("a.md", post(&(0..2000).map(|n| format!("k{n}:\n")).collect::<String>())),
        0,
        &[YAML],
    ),
    (
        "a text in UTF-16",
        |site| {
            site.write("a.md", POST.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
        },
        0,
        &["no front matter"],
    ),
    (
        "a text in Latin-1",
        |site| site.write("a.md", b"---\ntitle: caf\xe9\n---\nBody"),
        0,
        &["not UTF-8"],
    ),
    ("a NUL in the text", |site| site.write("a.md", format!("{POST}\0")), 0, &["body is invalid"]),
    (
        "a line break in the path",
        |site| site.write("a.md", "+++\ntitle = 'x'\npath = \"a\\nb\"\n+++\nb"),
        0,
        &[PATH],
    ),
    (
        "an endless path",
        |site| {
            site.write("a.md", format!("+++\ntitle = 'x'\npath = '{}'\n+++\nb", "x/".repeat(5000)))
        },
        0,
        &[PATH],
    ),
    (
        "a configuration that is a pipe",
        |site| {
            fifo(&site.file("hugo.toml"));
            site.write("content/a.md", POST);
        },
        1,
        &[],
    ),
    (
        "a configuration that is a link",
        |site| {
            symlink("/etc/passwd", site.file("_config.yml")).unwrap();
            site.write("a.md", POST);
        },
        1,
        &[],
    ),
    (
        "a configuration of laughs",
        |site| {
            site.write("_config.yml", laughs());
            site.write("a.md", POST);
        },
        1,
        &[],
    ),
    (
        "a section that is a pipe",
        |site| {
            fifo(&site.file("_index.md"));
            site.write("a.md", POST);
        },
        1,
        &["not a file"],
    ),
    (
        "a section that is a link",
        |site| {
            symlink(secret(site).join("secret.md"), site.file("_index.md")).unwrap();
            site.write("a.md", POST);
        },
        1,
        &["symbolic link"],
    ),
    (
        "patterns without end",
        |site| {
            let glob = format!("{{{}}}", "**/*,".repeat(5000));
            site.write(
                "_index.md",
                format!("---\ncascade: {{target: {{path: '{glob}'}}, draft: true}}\n---\n"),
            );
            site.write("a.md", POST);
        },
        1,
        &["a section's list of pages"],
    ),
    (
        "a pattern of addresses without end",
        |site| {
            site.write("_config.yml", format!("permalink: '{}'", "/:title".repeat(10_000)));
            site.write("_posts/2020-01-01-a.md", POST);
        },
        1,
        &[],
    ),
    (
        "10,000 tags and aliases",
        |site| {
            let many = (0..5000).map(|n| format!("t{n}")).collect::<Vec<_>>().join(",");
            site.write("a.md", post(&format!("tags: [{many}]\naliases: [{many}]")));
        },
        1,
        &[],
    ),
    (
        "1 MiB of brackets",
        |site| site.write("a.md", format!("{POST}{}", "[a](".repeat(200_000))),
        1,
        &[],
    ),
    (
        "1 MiB of marks",
        |site| site.write("a.md", format!("{POST}{}", "{{< highlight x >}}".repeat(50_000))),
        1,
        &[],
    ),
    (
        "two files with one path",
        |site| {
            for name in ["a.md", "b.md"] {
                site.write(
                    name,
                    format!("+++\ntitle = '{name}'\npath = 'same'\ndate = 2020-01-01\n+++\nb"),
                );
            }
        },
        1,
        &["another file has the same path"],
    ),
    ("a deep folder", |site| site.write(&format!("{}a.md", "a/".repeat(1500)), POST), 0, &[PATH]),
    ("a hidden folder", |site| site.write(".git/a.md", POST), 0, &[]),
];

/// The result of an import; fails if it takes too long.
fn imported(site: &Site) -> Summary {
    let (told, answer) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || told.send(site.import()).expect("somebody listens"));
        match answer.recv_timeout(PATIENCE) {
            Ok(summary) => summary,
            // The scope would wait for the thread, so the process exits.
            Err(_) => {
                eprintln!("an import does not end");
                std::process::abort();
            }
        }
    })
}

#[test]
fn hostile_folders_give_a_clear_line_and_nothing_half_done() {
    assert!(CASES.len() >= 38);
    for (name, build, posts, expected) in CASES {
        let site = Site::new();
        build(&site);
        let summary = imported(&site);
        let reasons: Vec<&str> =
            summary.skipped.iter().map(|found| found.note.what.as_str()).collect();
        assert_eq!(reasons, *expected, "{name}: {summary:#?}");
        assert_eq!(summary.created, *posts, "{name}");
        assert_eq!(site.posts().len(), *posts, "{name}");
        assert!(site.posts().iter().all(|post| post.title != "Secret"), "{name}");
        assert!(summary.noted.len() <= 64, "{name}");
        let again = imported(&site);
        assert_eq!((again.unchanged, again.created, again.updated), (*posts, 0, 0), "{name}");
    }
}

#[test]
fn file_names_that_are_not_utf8_are_noted() {
    let site = Site::new();
    fs::write(site.dir().join(std::ffi::OsStr::from_bytes(b"a\xff.md")), POST).expect("a file");
    site.write("b\u{1b}[2J\n.md", POST);
    let summary = site.import();
    assert_eq!(summary.skipped[0].note.what, "file name is not UTF-8");
    // A name with a line break would break up the summary, and cannot be an identity.
    assert_eq!(summary.skipped[1].note.what, PATH);
}

#[test]
fn a_folder_that_cannot_be_read_is_noted_and_the_rest_is_imported() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    site.write("a/a.md", POST);
    site.write("b.md", POST.replace("A post", "Another"));
    let mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(site.file("a"), mode).expect("a mode");
    };
    mode(0);
    let is_root = fs::read_dir(site.file("a")).is_ok();
    let summary = site.import();
    mode(0o700);
    if !is_root {
        assert_eq!(counts(&summary), [2, 1, 0, 0]);
        assert_eq!(summary.skipped[0].note.what, "cannot be read");
    }
}

/// Each post has one of the written texts, complete.
#[test]
fn a_file_that_changes_while_it_is_read_is_never_half_a_post() {
    let site = Site::new();
    let texts = ["a", "b"].map(|letter| {
        format!("---\ntitle: A post\ndate: 2020-01-01\n---\n{}", letter.repeat(500_000))
    });
    site.write("a.md", &texts[0]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                texts.iter().for_each(|text| site.write("a.md", text));
            }
        });
        for _ in 0..20 {
            let summary = site.import();
            for found in &summary.skipped {
                let what = found.note.what.as_str();
                let known =
                    ["changed while it was read", "file is empty", "front matter has no end"];
                assert!(known.contains(&what), "{found:?}");
            }
            for post in site.posts() {
                let first = post.body.chars().next();
                assert!(post.body.chars().all(|letter| Some(letter) == first));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn twenty_thousand_files_take_a_bounded_summary() {
    let site = Site::new();
    for n in 0..20_000 {
        site.write(&format!("{}/{n}.md", n / 1000), format!("---\ntitle: {n}\n---\n{{{{< x >}}}}"));
    }
    let summary = site.dry_run();
    assert_eq!(counts(&summary)[1], 20_000);
    assert_eq!(notes(&summary).len(), 40_000);
    let mut out = Vec::new();
    let order =
        kilonova::import::Order { path: &site.dir(), media: None, dry_run: true, report: None };
    let stop = AtomicBool::new(false);
    kilonova::import::command(order, &site.database(), &stop, &mut out).expect("a dry run");
    assert!(out.iter().filter(|byte| **byte == b'\n').count() < 60);
}
