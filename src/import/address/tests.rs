//! Addresses, each with the page of the generator's documentation that specifies it.

use std::path::Path;
use std::rc::Rc;

use crate::import::date;
use crate::import::entry::{Context, Entry};
use crate::import::site::{Config, Content, Generator, Paths, Permalinks, Section, Site};

fn site(generator: Generator, config: Config) -> Site {
    Site { generator, config, ..Site::default() }
}

fn hugo(config: Config) -> Site {
    let content = vec![Content { folder: "content".to_owned(), ..Content::default() }];
    let default_language = "en".to_owned();
    site(Generator::Hugo, Config { content, default_language, ..config })
}

fn zola(config: Config) -> Site {
    Site { generator: Generator::Zola, ..hugo(config) }
}

fn jekyll(pattern: &str, section: Option<&str>) -> Site {
    let pattern = pattern.to_owned();
    let section = section.map(str::to_owned);
    let permalinks = vec![Permalinks { section, path: None, pattern }];
    let content = vec![Content::default()];
    site(Generator::Jekyll, Config { permalinks, content, ..Config::default() })
}

#[track_caller]
fn addresses(site: &Site, path: &str, fields: &str) -> Vec<String> {
    below(&[], site, path, fields)
}

/// The addresses of a page in these sections, the nearest first.
#[track_caller]
fn below(sections: &[&str], site: &Site, path: &str, fields: &str) -> Vec<String> {
    let sections = sections.iter().map(|section| {
        let folders = section.split('/').map(str::to_owned).collect();
        Rc::new(Section { folders, ..Section::default() })
    });
    let sections: Vec<_> = sections.collect();
    let at = date::parse("2001-02-03").expect("a date");
    let title = if fields.contains("Title: ") { "" } else { "title: The Title, 2!\n" };
    let text = format!("---\n{title}{fields}\n---\nb");
    let alone = Context::alone(site, Path::new(path), path, at);
    let context = Context { sections: &sections, ..alone };
    Entry::parse(&text, &context).expect("an entry").addresses
}

/// <https://gohugo.io/content-management/urls/>
#[test]
fn hugo_by_the_path_slug_and_url() {
    let plain = hugo(Config::default());
    for (path, fields, address) in [
        ("content/posts/post-1.md", "", "/posts/post-1/"),
        ("content/posts/Post 1/index.md", "", "/posts/post-1/"),
        ("content/posts/post-1.md", "slug: my-first-post", "/posts/my-first-post/"),
        (
            "content/posts/post-1.md",
            "url: articles/my-first-article",
            "/articles/my-first-article/",
        ),
        ("content/posts/post-1.md", "url: articles/my.html", "/articles/my.html"),
        ("content/example.md", "url: \"my\\\\:example\"", "/my:example/"),
        ("content/a/b.md", "url: /:sections[last]/:slug", "/a/the-title-2/"),
    ] {
        assert_eq!(addresses(&plain, path, fields), [address], "{path} {fields}");
    }
    let based = hugo(Config { base: "/blog".to_owned(), ..Config::default() });
    assert_eq!(addresses(&based, "content/Größe.md", ""), ["/blog/größe/"]);
    let ugly = Paths { ugly: true, keep_case: true, ..Paths::default() };
    let ugly = hugo(Config { paths: ugly, ..Config::default() });
    assert_eq!(addresses(&ugly, "content/posts/Post.md", ""), ["/posts/Post.html"]);
}

/// As of Hugo 0.168.
#[test]
fn hugo_keeps_some_signs_of_names_slugs_and_titles() {
    let plain = hugo(Config::default());
    for (path, fields, address) in [
        ("content/a.md", "slug: My Slug/Here", "/my-slug/here/"),
        ("content/x  y.md", "", "/x--y/"),
        ("content/100%.md", "", "/100/"),
        ("content/C#.md", "", "/c#/"),
        ("content/a.md", "title: \"Hello World: é & C++\"\nurl: /:title/", "/hello-world-é-c/"),
    ] {
        let fields = fields.replace("title: ", "Title: ");
        assert_eq!(addresses(&plain, path, &fields), [address], "{path} {fields}");
    }
    let ugly = Paths { ugly: true, ..Paths::default() };
    let ugly = hugo(Config { paths: ugly, ..Config::default() });
    let bare = Paths { no_accents: true, ..Paths::default() };
    let bare = hugo(Config { paths: bare, ..Config::default() });
    assert_eq!(addresses(&bare, "content/été/ñandú é.md", ""), ["/ete/nandu-e/"]);
    assert_eq!(addresses(&bare, "content/a.md", "url: /é/"), ["/é/"]);
    let aliases = addresses(&ugly, "content/a.md", "aliases: [/old, /x.html]");
    assert_eq!(aliases, ["/a.html", "/old.html", "/x.html"]);
}

#[test]
fn hugo_dates_an_address_by_the_dates_own_offset() {
    let zone = date::Zone::named("Europe/Berlin").expect("a zone");
    let permalinks = vec![Permalinks {
        section: None,
        path: None,
        pattern: "/:year/:month/:day/:slug/".to_owned(),
    }];
    let site = hugo(Config { zone, permalinks, ..Config::default() });
    let own = "slug: x\ndate: 2020-03-01T23:30:00-05:00";
    assert_eq!(addresses(&site, "content/a.md", own), ["/2020/03/01/x/"]);
}

/// <https://gohugo.io/content-management/urls/#aliases>, the table of path types.
#[test]
fn hugos_aliases_are_relative_to_the_site_or_the_page() {
    let languages = vec!["en".to_owned(), "de".to_owned()];
    let paths = Paths { default_in_folder: true, ..Paths::default() };
    let plain = hugo(Config { languages, paths, ..Config::default() });
    assert_eq!(
        addresses(
            &plain,
            "content/examples/example-1.de.md",
            "aliases: [/old-url, old-name, ../old/path]"
        ),
        ["/de/examples/example-1/", "/de/old-url/", "/de/examples/old-name/", "/de/old/path/"]
    );
    let plain = hugo(Config::default());
    assert_eq!(
        addresses(&plain, "content/a.md", "aliases: [/old-url, /x/y.html, '../../../up']"),
        ["/a/", "/old-url/", "/x/y.html", "/up/"]
    );
    // An alias is relative to the permalink.
    let permalink = |pattern: &str| {
        let section = Some("posts".to_owned());
        let known = Permalinks { section, path: None, pattern: pattern.to_owned() };
        hugo(Config { permalinks: vec![known], ..Config::default() })
    };
    for (pattern, expected) in [
        ("/blog/:year/:filename/", ["/blog/2020/a/", "/blog/2020/old/", "/top/"]),
        ("/:filename/", ["/a/", "/old/", "/top/"]),
    ] {
        let fields = "date: 2020-03-01\naliases: [old, /top]";
        assert_eq!(addresses(&permalink(pattern), "content/posts/a.md", fields), expected);
    }
    let own = addresses(&plain, "content/posts/a.md", "url: /x/y.html\naliases: [old]");
    assert_eq!(own, ["/x/y.html", "/x/old/"]);
}

/// <https://gohugo.io/configuration/permalinks/>
#[test]
fn hugos_patterns() {
    let with = |section: &str, pattern: &str| {
        let section = Some(section.to_owned());
        let permalink = Permalinks { section, path: None, pattern: pattern.to_owned() };
        hugo(Config { permalinks: vec![permalink], ..Config::default() })
    };
    let at = "date: 2024-02-09T23:30:00-08:00";
    for (pattern, fields, address) in [
        ("/blog/:year/:month/:slug/", at, "/blog/2024/02/the-title-2/"),
        ("/:06/:1/:2/:title/", at, "/24/2/9/the-title-2/"),
        ("/:section/:contentbasename/", at, "/articles/a-file/"),
        ("/:yearday/:monthname/:day", at, "/40/february/09/"),
        ("/:slugorfilename/", "slug: s", "/s/"),
    ] {
        let site = with("articles", pattern);
        let found = addresses(&site, "content/articles/deep/A file.md", fields);
        assert_eq!(found, [address], "{pattern}");
    }
    // A folder is a section if it has a section file or is at the top.
    let path = "content/articles/a/b/x.md";
    for (sections, all, last) in [
        (&[][..], "/articles/x/", "/articles/x/"),
        (&["articles/a/b", "articles"][..], "/articles/a/b/x/", "/b/x/"),
        (&["articles/a"], "/articles/a/x/", "/a/x/"),
    ] {
        let found = |pattern| below(sections, &with("articles", pattern), path, at);
        assert_eq!(found("/:sections/:filename/"), [all], "{sections:?}");
        assert_eq!(found("/:sections[last]/:filename/"), [last], "{sections:?}");
    }
    let site = with("articles", "/:section/:sections[1:]/:filename");
    let found = below(&["articles/deep"], &site, "content/articles/deep/A file.md", at);
    assert_eq!(found, ["/articles/deep/a-file/"]);
    // A pattern of another section does not apply.
    assert_eq!(
        addresses(&with("other", "/x/:slug"), "content/articles/a.md", ""),
        ["/articles/a/"]
    );
}

/// <https://jekyllrb.com/docs/permalinks/#built-in-formats>
#[test]
fn jekylls_styles() {
    let post = "_posts/2009-04-29-slap-chop.textile.md";
    let at = "date: 2009-04-29 10:11:12 -0700\ncategories: [Food, two words]";
    for (pattern, address) in [
        (
            "/:categories/:year/:month/:day/:title:output_ext",
            "/food/two words/2009/04/29/slap-chop.textile.html",
        ),
        (
            "/:categories/:year/:y_day/:title:output_ext",
            "/food/two words/2009/119/slap-chop.textile.html",
        ),
        ("/:slugified_categories/:title/", "/food/two-words/slap-chop.textile/"),
        ("/:year/W:week/:short_day/:title:output_ext", "/2009/W18/Wed/slap-chop.textile.html"),
        ("/:i_month-:i_day-:short_year/:slug", "/4-29-09/slap-chop-textile"),
        ("/:year_:month/:title", "/2009_04/slap-chop.textile"),
    ] {
        assert_eq!(addresses(&jekyll(pattern, None), post, at), [address], "{pattern}");
    }
}

/// <https://jekyllrb.com/docs/permalinks/>, and the plugin jekyll-redirect-from.
#[test]
fn jekylls_pages_collections_and_own_permalinks() {
    let mut plain = jekyll("/:categories/:year/:month/:day/:title:output_ext", Some("posts"));
    let date = "date: 2020-01-01";
    assert_eq!(
        addresses(&plain, "movies/_posts/2020-01-01-Bride of Chucky.md", date),
        ["/movies/2020/01/01/Bride-of-Chucky.html"]
    );
    assert_eq!(
        addresses(&plain, "_posts/2020-01-01-a.md", "permalink: /about/\nredirect_from: /old"),
        ["/about/", "/old"]
    );
    let pages = Permalinks {
        section: Some("pages".to_owned()),
        path: None,
        pattern: "/:path/:basename:output_ext".to_owned(),
    };
    plain.config.permalinks.push(pages);
    assert_eq!(addresses(&plain, "docs/my page.md", ""), ["/docs/my page.html"]);
    assert_eq!(addresses(&plain, "docs/index.md", ""), ["/docs/"]);
    // 2013-05-06 02:12 in Warsaw is still the fifth in California: the address on Jekyll's own
    // site.
    let mut own = jekyll("/news/:year/:month/:day/:title/", Some("posts"));
    own.config.zone = date::Zone::named("America/Los_Angeles").expect("a zone");
    assert_eq!(
        addresses(
            &own,
            "_posts/2013-05-06-jekyll-1-0-0-released.markdown",
            "date: 2013-05-06 02:12:52 +0200"
        ),
        ["/news/2013/05/05/jekyll-1-0-0-released/"]
    );
}

/// <https://www.getzola.org/documentation/content/page/#output-paths>
#[test]
fn zola_by_the_path_and_the_slug() {
    let plain = zola(Config::default());
    for (path, fields, address) in [
        ("content/blog/2018-10-10-hello-world.md", "", "/blog/hello-world/"),
        ("content/blog/2021-01-23 -hello new world.md", "", "/blog/hello-new-world/"),
        ("content/2018-10-10.md", "", "/2018-10-10/"),
        ("content/about/index.md", "", "/about/"),
        ("content/zines/x.md", "slug: élevage-chèvre", "/zines/elevage-chevre/"),
        ("content/a.md", "path: 2014/12/12/Core-Team", "/2014/12/12/Core-Team/"),
    ] {
        assert_eq!(addresses(&plain, path, fields), [address], "{path} {fields}");
    }
    let keep_signs = Paths { keep_signs: true, ..Paths::default() };
    let safe = zola(Config { paths: keep_signs, ..Config::default() });
    assert_eq!(addresses(&safe, "content/日記.md", ""), ["/日記/"]);
    let languages = vec!["fr".to_owned()];
    let both = zola(Config { languages, ..Config::default() });
    assert_eq!(
        addresses(&both, "content/a.fr.md", "aliases: [b/c, /d.html]"),
        ["/fr/a/", "/b/c/", "/d.html"]
    );
}

#[test]
fn an_unknown_sites_addresses_come_from_its_files() {
    let none = Site::default();
    assert_eq!(
        addresses(
            &none,
            "permalink-and-aliases.md",
            "permalink: /2020/01/old-address/\naliases: [/old/one, /old/two.html]"
        ),
        ["/2020/01/old-address/", "/old/one", "/old/two.html"]
    );
    assert_eq!(addresses(&none, "content/posts/a.md", ""), ["/posts/a/"]);
    assert_eq!(
        addresses(&none, "_posts/2020-01-02-a.md", "date: 2020-01-02"),
        ["/2020/01/02/a.html"]
    );
}

#[test]
fn an_address_is_a_path_on_the_sites_host() {
    let host = hugo(Config { host: "example.org".to_owned(), ..Config::default() });
    for (alias, address) in [
        ("https://Example.org/x%20y/?q#f", Some("/x y/")),
        ("https://other.example/x", None),
        ("/a/../../b", Some("/b/")),
        ("/a//b/", Some("/a/b/")),
        ("/", None),
        ("/a\\\\b", None),
        ("/%00", None),
        ("/%ff", None),
    ] {
        let found = addresses(&host, "content/own.md", &format!("aliases: [\"{alias}\"]"));
        assert_eq!(found.get(1).map(String::as_str), address, "{alias}");
    }
    let many: Vec<String> = (0..500).map(|n| format!("/{n}")).collect();
    let found = addresses(&host, "content/own.md", &format!("aliases: [{}]", many.join(",")));
    assert_eq!(found.len(), 100);
}
