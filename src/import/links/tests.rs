//! Which links of a text lead into the site itself.

use super::*;
use crate::import::site::{Config, Content};

fn site(generator: Generator, content: &str) -> Site {
    let content = vec![Content { folder: content.to_owned(), ..Content::default() }];
    Site { generator, config: Config { content, ..Config::default() }, ..Site::default() }
}

/// The links of a page at `path`, if these files exist.
fn found(site: &Site, path: &str, files: &[&str], body: &str) -> Vec<(String, Target, String)> {
    let place = Place::of(site, path);
    let links = inner(body, site, &place, &|name| files.contains(&name));
    links
        .into_iter()
        .map(|inner| {
            assert_eq!(body.get(inner.link.range.clone()), Some(&*inner.link.destination));
            (inner.link.destination, inner.target, inner.suffix)
        })
        .collect()
}

fn page(path: &str) -> Target {
    Target::Page(path.to_owned())
}

fn file(path: &str) -> Target {
    Target::File(path.to_owned())
}

#[test]
fn every_way_of_writing_a_link_is_found_where_it_is() {
    let none = site(Generator::Unknown, "");
    let body = "[a](b.md) ![x [y](b.md)](<p q.png> \"t\") <img alt='' src=\"p.png\"> [ref][r]\n\n\
                ```\n[no](b.md)\n```\n`[no](b.md)` <a href='b.md'>b</a>\n\n[r]: b.md#part 'T'\n";
    let files = ["b.md", "p q.png", "p.png"];
    let found = found(&none, "a.md", &files, body);
    let destinations: Vec<&str> = found.iter().map(|(destination, ..)| &**destination).collect();
    assert_eq!(destinations, ["b.md", "b.md", "p q.png", "p.png", "b.md", "b.md#part"]);
    assert_eq!(found.last().map(|(.., suffix)| suffix.as_str()), Some("#part"));
}

/// <https://www.getzola.org/documentation/content/linking/#internal-links> and
/// <https://www.getzola.org/documentation/content/overview/#asset-colocation>
#[test]
fn zolas_links_are_relative_to_its_content_folder() {
    let zola = site(Generator::Zola, "content");
    let files = ["content/pages/about.md", "content/x/p.png", "static/s.css", "content/x/index.md"];
    let body =
        "[a](@/pages/about.md#e) ![p](p.png) [s](/s.css) [o](/other/) [u](https://x/y.md) [h](#h)";
    assert_eq!(
        found(&zola, "content/x/index.md", &files, body),
        [
            ("@/pages/about.md#e".to_owned(), page("content/pages/about.md"), "#e".to_owned()),
            ("p.png".to_owned(), file("content/x/p.png"), String::new()),
            ("/s.css".to_owned(), file("static/s.css"), String::new()),
            ("/other/".to_owned(), Target::Address("/other/".to_owned()), String::new()),
        ]
    );
}

/// <https://gohugo.io/methods/shortcode/ref/>: a path from the top, or relative to the page, with
/// or without an extension.
#[test]
fn hugos_and_jekylls_links() {
    let hugo = site(Generator::Hugo, "content");
    let files = ["content/blog/post.md", "content/other/x.md", "static/i.png"];
    let body = "[a](post) [b](/other/x) [c](other/x.md) ![](/i.png)";
    let targets: Vec<Target> =
        found(&hugo, "content/blog/a.md", &files, body).into_iter().map(|it| it.1).collect();
    assert_eq!(
        targets,
        [
            page("content/blog/post.md"),
            page("content/other/x.md"),
            page("content/other/x.md"),
            file("static/i.png")
        ]
    );
    let jekyll = site(Generator::Jekyll, "");
    let files = ["assets/a b.jpg", "_posts/2010-07-21-name-of-post.md"];
    let body = "![](/assets/a%20b.jpg) [p](/_posts/2010-07-21-name-of-post.md)";
    let found = found(&jekyll, "_posts/2011-01-01-x.md", &files, body);
    assert_eq!(found.first().map(|it| &it.1), Some(&file("assets/a b.jpg")));
    assert_eq!(found.get(1).map(|it| &it.1), Some(&page("_posts/2010-07-21-name-of-post.md")));
}

#[test]
fn no_link_leads_out_of_the_site() {
    let none = site(Generator::Unknown, "");
    let asked = std::cell::RefCell::new(Vec::new());
    let place = Place::of(&none, "a/b.md");
    let body =
        "[x](../../../etc/passwd) [y](/../../etc/passwd) [z](a\\\\b) [w](%00) [v](%2e%2e/%2e%2e/x)";
    inner(body, &none, &place, &|name| {
        asked.borrow_mut().push(name.to_owned());
        true
    });
    assert!(asked.borrow().iter().all(|name| !name.contains("..") && !name.starts_with('/')));
}

#[test]
fn links_are_rewritten_in_their_places() {
    let none = site(Generator::Unknown, "");
    let body = "é [a](b.md \"t\") and ![b](c.png), [d](d.md)";
    let place = Place::of(&none, "a.md");
    let links = inner(body, &none, &place, &|name| matches!(name, "b.md" | "c.png"));
    let new = rewritten(body, &links, |inner| match &inner.target {
        Target::Page(path) => Some(format!("/posts/1-{path}")),
        Target::File(_) => Some("/uploads/1".to_owned()),
        Target::Address(_) | Target::Relative => None,
    });
    assert_eq!(new, "é [a](/posts/1-b.md \"t\") and ![b](/uploads/1), [d](d.md)");
}

#[test]
fn many_brackets_take_no_time() {
    let none = site(Generator::Unknown, "");
    let place = Place::of(&none, "a.md");
    let started = std::time::Instant::now();
    for body in ["[a](".repeat(250_000), "![".repeat(500_000), "<a href='x.md'>".repeat(60_000)] {
        assert!(inner(&body, &none, &place, &|_| true).len() <= body.len());
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}

#[test]
fn all_links_of_a_page_are_found_whatever_their_number() {
    let body = "[a](/x) ".repeat(30_000);
    let place = Place::of(&Site::default(), "a.md");
    let mut asked = std::cell::Cell::new(0);
    let found = inner(&body, &Site::default(), &place, &|_| {
        asked.set(asked.get() + 1);
        false
    });
    assert_eq!(found.len(), 30_000);
    assert!(*asked.get_mut() < 100, "the disk is asked once for a destination");
}
