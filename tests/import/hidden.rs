//! Files that a generator hides, by its configuration or by their place: none of them is published,
//! and each is noted with its reason.

use kilonova::models::post::Status;

use super::site::{Site, notes, reasons};

/// Imports a site of pages with this configuration.
fn import(config: (&str, &str), pages: &[&str]) -> (Site, kilonova::import::Summary) {
    let site = Site::new();
    site.write(config.0, config.1);
    for page in pages {
        site.write(page, format!("---\ntitle: {page}\ndate: 2020-01-01\n---\nb"));
    }
    let summary = site.import();
    (site, summary)
}

/// Checks the reasons for which pages are left out; all others must be published.
#[track_caller]
fn leaves_out(config: (&str, &str), shown: &[&str], left_out: &[(&str, &str)]) {
    let hidden = left_out.iter().map(|(path, _)| *path);
    let pages: Vec<&str> = shown.iter().copied().chain(hidden).collect();
    let (site, summary) = import(config, &pages);
    assert_eq!(reasons(&summary), left_out, "{config:?}");
    let mut posts: Vec<String> = site.posts().into_iter().map(|post| post.title).collect();
    posts.sort();
    assert_eq!(posts, shown, "{config:?}");
    assert!(site.posts().iter().all(|post| post.status == Status::Published), "{config:?}");
    assert!(!summary.lost_something(), "its generator hides them");
}

/// Checks the pages that become drafts, with their reasons; all others must be published.
#[track_caller]
fn makes_drafts(config: (&str, &str), shown: &[&str], drafts: &[(&str, &str)]) {
    let hidden = drafts.iter().map(|(path, _)| *path);
    let pages: Vec<&str> = shown.iter().copied().chain(hidden).collect();
    let (site, summary) = import(config, &pages);
    assert_eq!(notes(&summary), drafts, "{config:?}");
    for post in site.posts() {
        let is_shown = shown.contains(&post.title.as_str());
        let status = if is_shown { Status::Published } else { Status::Draft };
        assert_eq!(post.status, status, "{config:?} {}", post.title);
    }
}

/// <https://gohugo.io/content-management/page-bundles/>
#[test]
fn resources_of_hugos_leaf_bundles_are_not_pages() {
    let why = "a resource of a page bundle, not a page";
    leaves_out(
        ("hugo.toml", "[languages.en]\n[languages.fr]\n"),
        &[
            "content/branch/sibling.md",
            "content/leaf/index.fr.md",
            "content/leaf/index.md",
            "content/other/index.fr.md",
            "content/plain/a.md",
        ],
        &[
            ("content/leaf/below/deep.md", why),
            ("content/leaf/below/index.md", why),
            ("content/leaf/res.fr.md", why),
            ("content/leaf/res.html", why),
            ("content/leaf/res.md", why),
            ("content/other/res.md", why),
        ],
    );
    let site = Site::new();
    site.write("hugo.toml", "title = 'x'");
    site.write("content/b/_index.md", "---\n---\n");
    site.write("content/b/page.md", "---\ntitle: A page\ndate: 2020-01-01\n---\nb");
    site.write("content/h/index.md", "---\nheadless: true\ndate: 2020-01-01\n---\nb");
    site.write("content/h/secret.md", "---\ntitle: S\ndate: 2020-01-01\n---\nb");
    assert_eq!(reasons(&site.import())[1], ("content/h/secret.md", why));
    let statuses: Vec<_> = site.posts().into_iter().map(|post| post.status).collect();
    assert_eq!(statuses, [Status::Published, Status::Draft]);
}

/// <https://gohugo.io/configuration/all/#ignorefiles>
#[test]
fn files_that_hugo_ignores_are_left_out() {
    let why = "ignored by the site's configuration (ignoreFiles)";
    let hidden = [("content/a.skip.md", why), ("content/private/x.md", why)];
    for config in [
        ("hugo.toml", "ignoreFiles = ['\\.skip\\.md$', '/private/']"),
        ("hugo.yaml", "ignorefiles: ['\\.skip\\.md$', 'content/private$']"),
        ("hugo.json", "{\"ignoreFiles\": [\"\\\\.skip\\\\.md$\", \"/private/\"]}"),
        // The location of the site does not matter.
        ("hugo.toml", "ignoreFiles = ['^/[a-z]+/', '\\.skip', 'content/private/']"),
    ] {
        leaves_out(config, &["content/private.md"], &hidden);
    }
    let (_, summary) = import(("hugo.toml", "ignoreFiles = ['(a', 'a{999}{999}']"), &[]);
    let what = "site configuration: invalid pattern";
    assert_eq!(notes(&summary), [("", what), ("", what)]);
}

/// <https://gohugo.io/configuration/module/#mounts>
#[test]
fn files_that_hugo_does_not_mount_are_left_out() {
    let why = "not mounted by the site's configuration (module.mounts)";
    for more in [
        "excludeFiles = ['private/**', '*.skip.md']",
        "excludeFiles = '{private,**.skip.md}'",
        "files = ['! private/**', '! *.skip.md']",
        "includeFiles = ['ok/**', 'ok.md']",
        "files = ['**.md', '!private/**', '!a.skip.md']",
    ] {
        let config = format!("[[module.mounts]]\nsource='content'\ntarget='content'\n{more}");
        leaves_out(
            ("hugo.toml", &config),
            &["content/ok.md", "content/ok/a.md"],
            &[("content/a.skip.md", why), ("content/private/x/y.md", why)],
        );
    }
    let both = "[[module.mounts]]\nsource='content'\ntarget='content'\nincludeFiles='a/**'\n\
                [[module.mounts]]\nsource='content'\ntarget='content/b'\nincludeFiles='b/**'";
    leaves_out(
        ("hugo.toml", both),
        &["content/a/x.md", "content/b/x.md"],
        &[("content/c/x.md", why)],
    );
}

/// <https://gohugo.io/configuration/languages/>
#[test]
fn pages_of_languages_that_hugo_does_not_build_are_drafts() {
    let why = "as a draft: in a language that its site disables";
    for config in [
        "disableLanguages = ['fr']\n[languages.en]\n[languages.fr]\n",
        "disableLanguages = ['FR']",
        "[languages.en]\n[languages.fr]\ndisabled = true\n",
        "[languages.en]\n[languages.fr]\ndisableKinds = ['Page']\n",
    ] {
        makes_drafts(("hugo.toml", config), &["content/a.md"], &[("content/a.fr.md", why)]);
    }
    let folders = "[languages.en]\ncontentDir = 'en'\n[languages.fr]\ncontentDir = 'fr'\n\
                   disabled = true";
    makes_drafts(("hugo.toml", folders), &["en/a.md"], &[("fr/a.md", why)]);
}

/// <https://gohugo.io/configuration/all/#disablekinds>
#[test]
fn pages_are_drafts_where_hugo_makes_none() {
    let why = "as a draft: its site shows only lists of pages";
    let config = ("hugo.toml", "disableKinds = ['taxonomy', 'page']");
    makes_drafts(config, &[], &[("content/a.md", why)]);
    makes_drafts(("hugo.toml", "disableKinds = ['section']"), &["content/a.md"], &[]);
}

/// <https://www.getzola.org/documentation/getting-started/configuration/>
#[test]
fn content_that_zola_ignores_is_left_out() {
    let why = "ignored by the site's configuration (ignored_content)";
    leaves_out(
        ("zola.toml", "base_url = ''\nignored_content = ['*.skip.md', 'private/*', '**/{x,y}']"),
        &["content/a.md", "content/not-private/a.md"],
        &[
            ("content/a.skip.md", why),
            ("content/deep/b.skip.md", why),
            ("content/private/x/a.md", why),
            ("content/y/a.md", why),
        ],
    );
}

/// `EntryFilter` of <https://jekyllrb.com/docs/configuration/options/>
#[test]
fn names_that_jekyll_does_not_read_are_left_out() {
    let (file, folder) =
        ("a file whose name Jekyll does not read", "in a folder that Jekyll does not read");
    let hidden = [
        ("#h.md", file),
        ("_hidden.md", file),
        ("_pages/a.md", folder),
        ("_posts/_x/2020-01-01-a.md", folder),
        ("sub/_partial.md", file),
        ("~t.md", file),
    ];
    leaves_out(("_config.yml", "title: x"), &["_posts/2020-01-01-a.md", "a.md"], &hidden);
    leaves_out(
        ("_config.yml", "include: [_pages, '*_partial.md']"),
        &["_pages/a.md", "sub/_partial.md"],
        &[hidden[0], hidden[1], hidden[3]],
    );
    let config = "collections_dir: all\ncollections: {docs: {output: true}}";
    leaves_out(
        ("_config.yml", config),
        &["all/_docs/a.md", "all/_posts/2020-01-01-a.md"],
        &[("_docs/a.md", folder), ("all/_docs/_a.md", file)],
    );
}

#[test]
fn jekylls_exclusions_are_relative_to_its_source() {
    let why = "excluded by the site's configuration";
    leaves_out(
        ("_config.yml", "source: src\nexclude: [private, /secret.md, '*.skip.md', _posts/old/]"),
        &["src/_posts/2020-01-01-a.md", "src/a.md", "src/sub/private.md"],
        &[
            ("src/_posts/old/2020-01-01-a.md", why),
            ("src/private/a.md", why),
            ("src/secret.md", why),
            ("src/sub/a.skip.md", why),
        ],
    );
    leaves_out(
        ("_config.yml", "exclude: ['drafts/']\ninclude: [drafts/ok.md]"),
        &["drafts.md"],
        &[("drafts/a.md", why)],
    );
}

#[test]
fn pages_that_any_generator_would_hide_are_drafts_on_an_unknown_site() {
    let name = "as a draft: Jekyll does not read this path";
    let beside = "as a draft: next to an index.md, so not a page in Hugo";
    makes_drafts(
        ("notes.txt", ""),
        &["a.md", "bundle/index.md", "index.md"],
        &[("_hidden.md", name), ("bundle/res.md", beside), ("x/_y/a.md", name)],
    );
}

#[test]
fn hugo_pages_in_unsupported_formats_are_noted() {
    let site = Site::new();
    site.write("hugo.toml", "title = 'x'");
    for name in ["content/a.org", "content/b.adoc", "content/c.rst", "content/d.txt", "README.rst"]
    {
        site.write(name, "* A heading");
    }
    site.write("content/e.html", "<p>Text</p>");
    site.write("layouts/e.html", "<p>{{ .Content }}</p>");
    site.write("content/leaf/index.md", "---\ndate: 2020-01-01\n---\nb");
    site.write("content/leaf/x.org", "b");
    site.write("content/leaf/x.html", "<p>A part</p>");
    let summary = site.import();
    let what = "a page in a format that is not read";
    assert_eq!(
        reasons(&summary),
        [
            ("content/a.org", what),
            ("content/b.adoc", what),
            ("content/c.rst", what),
            ("content/e.html", "HTML without front matter"),
            ("content/leaf/x.org", "a resource of a page bundle, not a page"),
        ]
    );
    assert!(summary.lost_something());
}

#[test]
fn a_hugo_page_without_front_matter_is_titled_by_its_file_name() {
    let site = Site::new();
    site.write("hugo.toml", "title = 'x'");
    site.write("content/docs/the-plan.md", "\n\nJust text.\r\nMore.\n");
    let summary = site.import();
    assert!(!summary.lost_something(), "{summary:?}");
    let post = site.posts().remove(0);
    assert_eq!((post.title.as_str(), post.body.as_str()), ("The plan", "Just text.\nMore."));
    assert!(site.led("/docs/the-plan/").is_some());
}

#[test]
fn links_that_lead_nowhere_are_not_counted_as_links_to_this_site() {
    let site = Site::new();
    site.write("a.md", "---\ntitle: A\n---\n[b](/b/) [dead](/nowhere/) [too](gone/)");
    site.write("b.md", "---\ntitle: B\n---\nb");
    let summary = site.import();
    let dead = notes(&summary).into_iter().filter(|(_, what)| what.contains("leads nowhere"));
    assert_eq!((summary.links, dead.count()), (1, 2));
}
