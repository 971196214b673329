//! Sites in folders, by their generators' documentation.

use std::fs;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a folder"));
        for (name, text) in files {
            let path = folder.0.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().expect("a path").join(name)
    }

    /// The site of `folder`, when `imported` is the imported folder.
    fn site(&self, imported: &str, folder: &str) -> (Rc<Site>, Vec<Finding>) {
        fs::create_dir_all(self.at(folder)).expect("a folder");
        let mut sites = Sites::around(&self.at(imported));
        (sites.of(&self.at(folder)), sites.noted)
    }
}

#[test]
fn a_site_is_recognised_by_its_configuration() {
    for (name, text, generator) in [
        ("hugo.toml", "baseURL = 'https://x.org/b/'", Generator::Hugo),
        ("hugo.yaml", "baseurl: https://x.org/b", Generator::Hugo),
        ("config.json", "{\"baseURL\": \"https://x.org/b\"}", Generator::Hugo),
        ("config/_default/hugo.toml", "baseURL = 'https://x.org/b/'", Generator::Hugo),
        ("config.toml", "base_url = 'https://x.org/b'", Generator::Zola),
        ("zola.toml", "base_url = 'https://x.org/b'", Generator::Zola),
        ("_config.yml", "url: https://x.org\nbaseurl: /b", Generator::Jekyll),
        ("config.toml", "[package]\nname = 'x'", Generator::Unknown),
        ("other.toml", "baseURL = 'https://x.org/b/'", Generator::Unknown),
    ] {
        let folder = Folder::with(&[(name, text)]);
        let (site, noted) = folder.site("", "content/posts");
        assert_eq!((site.generator, noted), (generator, Vec::new()), "{name}");
        if generator != Generator::Unknown {
            assert_eq!((&*site.config.base, &*site.config.host), ("/b", "x.org"), "{name}");
        }
    }
}

#[test]
fn a_site_is_the_same_from_a_folder_above_and_below() {
    let folder = Folder::with(&[
        ("one/hugo.toml", "title = 'x'"),
        ("one/content/posts/a/config.toml", "base_url = 'a site in a site is part of it'"),
        ("two/_config.yml", "title: x"),
    ]);
    for imported in ["", "one", "one/content", "one/content/posts"] {
        let (site, _) = folder.site(imported, "one/content/posts/a");
        assert_eq!((site.generator, &site.root), (Generator::Hugo, &folder.at("one")));
    }
    assert_eq!(folder.site("", "two").0.generator, Generator::Jekyll);
    assert_eq!(folder.site("", "three").0.generator, Generator::Unknown);
    // An unrelated configuration far above does not count.
    assert_eq!(folder.site("one/notes", "one/notes").0.generator, Generator::Unknown);
}

#[test]
fn a_configuration_that_cannot_be_read_is_noted() {
    for (text, what) in [
        ("title = ", "site configuration: not valid TOML"),
        ("timeZone = 'Nowhere/Land'", "site configuration: unknown time zone"),
        ("[[cascade]]\n[cascade.target]\npath = '{a'", "site configuration: invalid pattern"),
        (&"#".repeat(300_000), "site configuration: larger than 256 KiB"),
    ] {
        let (site, noted) = Folder::with(&[("hugo.toml", text)]).site("", "content");
        assert_eq!(site.generator, Generator::Hugo);
        let whats: Vec<&str> = noted.iter().map(|found| found.note.what.as_str()).collect();
        assert_eq!(whats, [what]);
    }
}

/// <https://gohugo.io/configuration/module/#mounts>, <https://gohugo.io/configuration/languages/>
#[test]
fn hugos_folders_of_pages_may_be_elsewhere() {
    let content = |text: &str| {
        let site = Folder::with(&[("hugo.toml", text)]).site("", "x").0;
        site.config.content.clone()
    };
    let one = |folder: &str, target: &str, language: Option<&str>| Content {
        folder: folder.to_owned(),
        target: target.to_owned(),
        language: language.map(str::to_owned),
    };
    assert_eq!(content("title = 'x'"), [one("content", "", None)]);
    assert_eq!(content("contentDir = './text/'"), [one("text", "", None)]);
    assert_eq!(
        content("[[module.mounts]]\nsource = 'content/en'\ntarget = 'content/blog'"),
        [one("content/en", "blog", None)]
    );
    assert_eq!(
        content("[languages.de]\ncontentDir = 'content/de'\n[languages.en]\ncontentDir = 'en'"),
        [one("content/de", "", Some("de")), one("en", "", Some("en"))]
    );
}

#[test]
fn a_file_has_a_place() {
    let hugo = Folder::with(&[("hugo.toml", "[languages.fr]\n[languages.en]")]).site("", "x").0;
    let place = |path: &str| Place::of(&hugo, path);
    let bundle = place("content/posts/my-page/index.fr.md");
    assert_eq!((&*bundle.name, bundle.bundle), ("my-page", true));
    assert_eq!(
        (bundle.folders.join("/"), bundle.language.as_deref()),
        ("posts".into(), Some("fr"))
    );
    assert_eq!(bundle.logical(), "/posts/my-page");
    assert_eq!(place("content/posts/_index.fr.md").kind, Kind::Section);
    assert_eq!(place("content/v1.2.md").name, "v1.2");
    for path in ["archetypes/default.md", "README.md", "themes/x/content/a.md", "contents/a.md"] {
        assert!(matches!(place(path).kind, Kind::Outside(_)), "{path}");
    }
    let text = "collections:\n  docs: {output: true}\nexclude: [drafts, '*.secret.md']";
    let jekyll = Folder::with(&[("_config.yml", text)]).site("", "x").0;
    let kind = |path: &str| Place::of(&jekyll, path).kind;
    assert_eq!(kind("_posts/2020-01-01-a.md"), Kind::Post);
    assert_eq!(kind("x/_drafts/a.md"), Kind::Draft);
    assert_eq!(kind("_docs/x/a.md"), Kind::Document("docs".to_owned()));
    assert_eq!(kind("about.md"), Kind::Page);
    for path in ["_includes/a.md", "drafts/x/a.md", "a.secret.md", "node_modules/x/README.md"] {
        assert!(matches!(kind(path), Kind::Outside(_)), "{path}");
    }
}

#[test]
fn sections_are_read_from_the_top_and_once() {
    let folder = Folder::with(&[
        ("zola.toml", "base_url = ''"),
        ("content/_index.md", "+++\nsort_by = 'date'\n+++\n"),
        ("content/a/_index.md", "+++\ndraft = true\n+++\n"),
        ("content/a/_index.zh.md", "+++\n+++\n"),
        ("content/a/b/x.md", ""),
        ("content/c/_index.md", "+++\n= broken\n+++\n"),
    ]);
    let (site, _) = folder.site("", "content");
    let mut sections = Sections::default();
    let mut paths = |name: &str| -> Vec<(String, bool)> {
        let found = sections.of(&site, &folder.at(name));
        found.iter().map(|section| (section.path.clone(), section.draft)).collect()
    };
    let top = ("content/_index.md".to_owned(), false);
    assert_eq!(paths("content"), std::slice::from_ref(&top));
    assert_eq!(paths("content/a/b"), [("content/a/_index.md".to_owned(), true), top.clone()]);
    assert_eq!(paths("content/c"), [top]);
}
