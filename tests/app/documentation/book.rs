//! The pages: each is in the book, each link resolves, each line fits.

use super::markdown::{anchors, blocks, links};
use super::{files, read, root};

/// The address of the repository, for links from the book to its files.
const REPOSITORY: &str = "https://github.com/kilonova-rs/kilonova/";

/// Every document with links, by its path.
fn documents() -> Vec<String> {
    let single = ["README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY"];
    let mut documents: Vec<_> = single.iter().map(|name| format!("{name}.md")).collect();
    documents.extend(files("docs"));
    documents.extend(["benches/README.md".to_owned(), "fuzz/README.md".to_owned()]);
    let crates = root().join("crates").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let readmes = crates.map(|name| format!("crates/{}/README.md", name.to_str().unwrap()));
    documents.extend(readmes.filter(|path| root().join(path).exists()));
    documents
}

/// The path of a link's target in the repository, and its anchor; `None` for other sites.
fn target(document: &str, link: &str) -> Option<(String, Option<String>)> {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if let Some(rest) = path.strip_prefix(REPOSITORY) {
        let kinds = ["blob/main/", "tree/main/"];
        let within = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
        return Some((within.to_owned(), anchor));
    }
    if path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    let mut parts: Vec<&str> = document.split('/').collect();
    if !path.is_empty() {
        parts.pop();
        for part in path.split('/') {
            match part {
                "." | "" => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
    }
    Some((parts.join("/"), anchor))
}

#[test]
fn every_page_is_in_the_summary_once() {
    let summary = links(&read("docs/SUMMARY.md"));
    let mut linked: Vec<_> = summary
        .iter()
        .filter(|(_, link)| !link.is_empty())
        .map(|(_, link)| format!("docs/{link}"))
        .collect();
    linked.sort();
    let mut pages = files("docs");
    pages.retain(|page| page != "docs/SUMMARY.md");
    assert_eq!(linked, pages, "docs/SUMMARY.md has each page of docs/ once, and no other");
}

#[test]
fn every_link_resolves() {
    let mut checked = 0;
    for document in documents() {
        for (line, link) in links(&read(&document)) {
            let Some((path, anchor)) = target(&document, &link) else { continue };
            let at = format!("{document}, line {line}: {link}");
            assert!(root().join(&path).exists(), "{at}: there is no {path}");
            if let Some(anchor) = anchor {
                let known = anchors(&read(&path));
                assert!(known.contains(&anchor), "{at}: the headings of {path} are {known:?}");
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn pages_of_the_book_link_outside_it_by_absolute_addresses() {
    for page in files("docs") {
        for (line, link) in links(&read(&page)) {
            let is_relative = !link.contains("://");
            let leaves = target(&page, &link).is_some_and(|(path, _)| !path.starts_with("docs/"));
            let fix = format!("write {REPOSITORY}blob/main/…");
            assert!(!(is_relative && leaves), "{page}, line {line}: {link} is in no book; {fix}");
        }
    }
}

#[test]
fn lines_have_at_most_a_hundred_columns() {
    // Two documents that grow with every change are exempt.
    let growing = ["ARCHITECTURE.md", "CHANGELOG.md"];
    for document in documents().iter().filter(|document| !growing.contains(&document.as_str())) {
        let mut is_rust = false;
        for (line, text) in read(document).lines().enumerate() {
            // The tutorial's code has rustfmt's lines.
            is_rust = text.starts_with("```rust") || (is_rust && !text.starts_with("```"));
            let is_whole = text.trim_start().starts_with('|') || text.contains("]: https://");
            let length = text.chars().count();
            let at = format!("{document}, line {}", line + 1);
            assert!(is_rust || is_whole || length <= 100, "{at} has {length} columns: {text}");
        }
    }
}

#[test]
fn the_readme_fits_on_three_screens() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 120, "it has {lines} lines");
}

/// The lines of `text`, without their indentation.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_tutorials_code_is_in_the_example() {
    let example = read("examples/nova_articles.rs");
    let example = lines(&example);
    let mut checked = 0;
    for page in files("docs").iter().filter(|page| page.contains("/tutorial-")) {
        for block in blocks(&read(page)).iter().filter(|block| block.language == "rust") {
            let block_lines = lines(&block.text);
            let is_there = example.windows(block_lines.len()).any(|part| part == block_lines);
            assert!(is_there, "{page}, line {}: not in examples/nova_articles.rs", block.line);
            checked += 1;
        }
    }
    assert!(checked > 5, "{checked}");
}

#[test]
fn the_reference_has_every_route_and_close_code() {
    let router = read("src/router.rs");
    let (api, events) = (read("docs/http-api.md"), read("docs/events.md"));
    let routes = router.split("resource(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let routes: Vec<_> = routes.filter(|route| route.starts_with('/')).collect();
    assert!(routes.len() > 60, "{routes:?}");
    for route in routes {
        let is_live = ["/feed", "/notifications", "/posts/{id}/comments/ws"].contains(&route);
        let is_known = if is_live { &events } else { &api }.contains(&format!("{route}`"));
        let is_form = route.matches('/').count() > 1 && !route.starts_with("/api");
        assert!(is_known || is_form, "{route} is in no reference");
    }
    let codes = read("crates/kilonova-feed/src/close.rs");
    let documented = read("docs/close-codes.md");
    let codes = codes.lines().filter_map(|line| line.trim().strip_prefix("/// "));
    let codes = codes.filter_map(|line| line.split_once(": ")).map(|(code, _)| code);
    for code in codes.filter(|code| code.len() == 4 && code.parse::<u16>().is_ok()) {
        assert!(documented.contains(&format!("| {code} ")), "{code} is not in close-codes.md");
    }
}
