//! A folder of Markdown files and a database, both removed after the test.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use kilonova::changeset::Params;
use kilonova::connection::{Access, Database, DbConnection};
use kilonova::db::{self, Db, is_bare};
use kilonova::export::{self, ExportError};
use kilonova::import::{Finding, ImportError, Order, Summary, command};
use kilonova::models::post::{self, Post, PostChanges};
use kilonova::models::upload::{self, Upload};
use kilonova::models::{log, now, old_address};

use crate::databases::Home;

const EXAMPLES: [(&str, &str); 6] = [
    ("_index.md", "+++\ntitle = \"A blog\"\n+++\n"),
    (
        "dunes.md",
        "+++\npath = \"2023/04/05/dunes\"\ntitle = \"A walk in the dunes\"\nauthors = [\"Ada\", \"Grace\"]\n\
         [taxonomies]\ntags = [\"walks\", \"sand\"]\n+++\n\nSand, mostly.\r\n\r\n    and some code\r\n",
    ),
    (
        "egg/2020-06-07-ei/index.md",
        "\u{feff}---\r\ntitle: \"Ein Ei ist kein Zweifel 🥚\"\r\n---\r\n日本語 e\u{301}\r\n",
    ),
    (
        "hugo.md",
        "---\ntitle: Harbour\ndate: 2021-02-03T04:05:06+02:00\nlastmod: 2022-01-01\ndraft: true\n---\nShips.\n",
    ),
    (
        "jekyll/_posts/2015-09-08-tea.markdown",
        "---\nlayout: post\ntitle:  Tea\ncategories: tea kettles\n---\nHot.\n",
    ),
    ("notes/readme.md", "# Not a post\n"),
];

/// A folder of Markdown files and its database.
pub(crate) struct Site {
    pub(crate) home: Home,
}

impl Site {
    /// An empty folder, and no database.
    pub(crate) fn new() -> Site {
        let site = Site { home: Home::new() };
        std::fs::create_dir(site.dir()).expect("a folder");
        site
    }

    /// An empty folder, with SQLite whichever database the test run uses.
    pub(crate) fn sqlite() -> Site {
        let site = Site { home: Home::sqlite() };
        std::fs::create_dir(site.dir()).expect("a folder");
        site
    }

    /// One post of each kind, and two files that are not posts.
    pub(crate) fn with_examples() -> Site {
        let site = Site::new();
        EXAMPLES.iter().for_each(|(name, text)| site.write(name, text));
        site
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("content")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(crate) fn database(&self) -> Database {
        self.home.database()
    }

    /// Whether nothing has been written, not even a schema.
    pub(crate) fn has_no_database(&self) -> bool {
        self.database().is_missing() || is_bare(&mut self.read()).expect("an answer")
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn try_import(&self, dir: &Path, dry_run: bool) -> Result<Summary, ImportError> {
        let order = Order { path: dir, media: None, dry_run, report: None };
        command(order, &self.database(), &AtomicBool::new(false), &mut io::sink())
    }

    pub(crate) fn import_from(&self, dir: &Path) -> Summary {
        self.try_import(dir, false).expect("an import")
    }

    pub(crate) fn import(&self) -> Summary {
        self.import_from(&self.dir())
    }

    pub(crate) fn dry_run(&self) -> Summary {
        self.try_import(&self.dir(), true).expect("a dry run")
    }

    /// Exports the site to a folder next to its content.
    pub(crate) fn try_export(&self, name: &str) -> Result<PathBuf, ExportError> {
        let to = self.home.path().join(name);
        export::command(&self.database(), &to, &AtomicBool::new(false), &mut io::sink())?;
        Ok(to)
    }

    pub(crate) fn export(&self, name: &str) -> PathBuf {
        self.try_export(name).expect("an export")
    }

    /// Writes to the database as the application does, but without events.
    pub(crate) fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> T + Send + 'static,
    ) -> T {
        let db = Db::open(&self.database(), Box::new(|_| {})).expect("the database");
        let done = db.transaction_blocking(move |tx| Ok::<_, db::Error>(work(tx.connection)));
        let value = done.expect("a transaction").value;
        db.close_blocking();
        value
    }

    /// The address to which an old path leads.
    pub(crate) fn led(&self, path: &str) -> Option<String> {
        old_address::lead(&mut self.read(), path).expect("an answer")
    }

    /// The upload that a destination in a text links to, with its bytes.
    pub(crate) fn uploaded(&self, destination: &str) -> (Upload, Vec<u8>) {
        let digest = *upload::digests(destination).first().expect("an upload");
        let connection = &mut self.read();
        let found = upload::find(connection, digest).expect("an answer").expect("an upload");
        (found, upload::slice(connection, digest, 0).expect("its bytes"))
    }

    pub(crate) fn read(&self) -> DbConnection {
        self.database().open(Access::Read).expect("the database")
    }

    /// All posts, ordered by id.
    pub(crate) fn posts(&self) -> Vec<Post> {
        post::walk(&mut self.read(), 0, 1000).expect("posts")
    }

    /// The topics of all events, in order.
    pub(crate) fn topics(&self) -> Vec<String> {
        let events = log::after(&mut self.read(), 0, None, 1000).expect("events").events;
        events.iter().map(|event| event.topic().to_owned()).collect()
    }

    /// Changes a field of the post with this title, as the application does.
    pub(crate) fn edit(&self, title: &str, field: &str, value: &str) {
        let post = self.posts().into_iter().find(|post| post.title == title).expect("the post");
        let params = Params::from_iter([(field.to_owned(), value.into())]);
        let changes = PostChanges::changeset(&params).expect("valid");
        let db = Db::open(&self.database(), Box::new(|_| {})).expect("the database");
        db.transaction_blocking(move |tx| {
            let after = changes.merged(&post);
            post::update(tx.connection, post, after, None, now())?;
            Ok::<_, db::Error>(())
        })
        .expect("an update");
    }
}

/// The numbers of files found, created, updated and unchanged.
pub(crate) fn counts(summary: &Summary) -> [usize; 4] {
    let Summary { found, created, updated, unchanged, skipped, .. } = summary;
    assert_eq!(*found, created + updated + unchanged + skipped.len());
    [*found, *created, *updated, *unchanged]
}

/// The skipped files with the reasons, in order.
pub(crate) fn reasons(summary: &Summary) -> Vec<(&str, &str)> {
    summary.skipped.iter().map(words).collect()
}

/// The notes on imported files, in order.
pub(crate) fn notes(summary: &Summary) -> Vec<(&str, &str)> {
    summary.noted.iter().map(words).collect()
}

fn words(finding: &Finding) -> (&str, &str) {
    (finding.path.to_str().expect("UTF-8"), finding.note.what.as_str())
}
