//! Whole sites, as their generators show them.

use chrono::Utc;
use kilonova::models::post::Status;

use super::site::{Site, counts, notes, reasons};

fn statuses(site: &Site) -> Vec<(String, Status)> {
    site.posts().into_iter().map(|post| (post.title, post.status)).collect()
}

#[track_caller]
fn shows(site: &Site, expected: &[(&str, Status)]) {
    let expected: Vec<_> =
        expected.iter().map(|(title, status)| ((*title).to_owned(), *status)).collect();
    assert_eq!(statuses(site), expected);
}

/// <https://gohugo.io/content-management/front-matter/#cascade>,
/// <https://gohugo.io/content-management/build-options/#example--list-without-publishing>
#[test]
fn hugo_cascades_from_sections_and_from_the_configuration() {
    let site = Site::new();
    site.write("hugo.toml", "[[cascade]]\ndraft = true\n[cascade.target]\npath = '/news/**'\n");
    site.write("archetypes/default.md", b"---\ntitle: {{ replace .Name }}\xff\n---\n");
    site.write("layouts/index.html", "---\n---\n{{ define }}");
    site.write(
        "content/glossary/_index.md",
        "+++\n[[cascade]]\n[cascade.build]\nrender = 'never'\n+++\n",
    );
    let page =
        |title: &str, more: &str| format!("---\ntitle: {title}\ndate: 2020-01-01\n{more}---\nb");
    site.write("content/glossary/a.md", page("In the glossary", ""));
    site.write("content/glossary/b.md", page("Its own build", "build: {render: always}\n"));
    site.write("content/news/a.md", page("In the news", ""));
    site.write("content/news/b.md", page("Its own draft", "draft: false\n"));
    // A draft section in Hugo hides its own page and no other.
    site.write("content/sec/_index.md", "---\ndraft: true\n---\n");
    site.write("content/sec/a.md", page("Below a draft", ""));
    let summary = site.import();
    shows(
        &site,
        &[
            ("In the glossary", Status::Draft),
            ("Its own build", Status::Published),
            ("In the news", Status::Draft),
            ("Its own draft", Status::Published),
            ("Below a draft", Status::Published),
        ],
    );
    assert_eq!(
        notes(&summary),
        [
            ("content/glossary/a.md", "as a draft: never rendered"),
            ("content/news/a.md", "as a draft: draft"),
        ]
    );
    assert_eq!(
        reasons(&summary),
        [
            ("archetypes/default.md", "outside the site's folder of pages"),
            ("content/glossary/_index.md", "a section's list of pages"),
            ("content/sec/_index.md", "a section's list of pages"),
        ]
    );
    assert!(!summary.lost_something(), "all of it is as Hugo has it");
}

/// <https://gohugo.io/content-management/multilingual/#translation-by-file-name>
#[test]
fn a_section_applies_to_pages_in_its_language() {
    let site = Site::new();
    let languages = "[languages.en]\nweight = 1\n[languages.pt-BR]\nweight = 2\n";
    site.write("hugo.toml", format!("baseURL = 'https://example.org/'\n{languages}"));
    let hidden = "---\ncascade: {draft: true}\n---\n";
    site.write("content/a/_index.pt-br.md", hidden);
    site.write("content/b/_index.md", hidden);
    for folder in ["a", "b"] {
        for (name, title) in [("x.md", "English"), ("x.pt-br.md", "Portuguese")] {
            let page = format!("---\ntitle: {title} {folder}\ndate: 2020-01-01\n---\nb");
            site.write(&format!("content/{folder}/{name}"), page);
        }
    }
    site.import();
    shows(
        &site,
        &[
            ("English a", Status::Published),
            ("Portuguese a", Status::Draft),
            ("English b", Status::Draft),
            ("Portuguese b", Status::Published),
        ],
    );
}

/// <https://www.getzola.org/documentation/content/section/#drafting> and `#sorting`
#[test]
fn zolas_draft_sections_hide_the_pages_below_them() {
    let site = Site::new();
    site.write("config.toml", "base_url = 'https://example.org'");
    site.write("content/sec/_index.md", "+++\ndraft = true\n+++\n");
    site.write("content/sec/deep/below.md", "+++\ntitle = 'Below'\ndate = 2020-01-01\n+++\nb");
    site.write("content/blog/_index.md", "+++\nsort_by = 'date'\n+++\nA text.");
    site.write("content/blog/dated.md", "+++\ntitle = 'Dated'\ndate = 2020-01-01\n+++\nb");
    site.write("content/blog/undated.md", "+++\ntitle = 'Undated'\n+++\nb");
    let summary = site.import();
    shows(
        &site,
        &[("Dated", Status::Published), ("Undated", Status::Draft), ("Below", Status::Draft)],
    );
    assert_eq!(reasons(&summary)[0].1, "a section's list of pages, which has a text");
    assert!(summary.lost_something());
}

/// <https://jekyllrb.com/docs/posts/>
#[test]
fn jekylls_posts_and_drafts() {
    let site = Site::new();
    site.write("_config.yml", "title: x\nexclude: [README.md]");
    site.write("_posts/2020-02-02-title-from-the-name.md", "---\n---\nb");
    site.write("_drafts/later.md", "---\ntitle: Later\n---\nb");
    site.write("_posts/no-date.md", "---\ntitle: Passed over\n---\nb");
    site.write("README.md", "---\n---\nb");
    site.write("index.html", "---\ntitle: Home\n---\n{% for post in site.posts %}{% endfor %}");
    let summary = site.import();
    shows(
        &site,
        &[
            ("Later", Status::Draft),
            ("Title From The Name", Status::Published),
            ("Passed over", Status::Draft),
            ("Home", Status::Draft),
        ],
    );
    assert_eq!(reasons(&summary), [("README.md", "excluded by the site's configuration")]);
    assert_eq!(site.posts()[1].inserted_at.to_string(), "2020-02-02 00:00:00");
}

#[test]
fn a_future_page_is_scheduled_and_published_once_its_date_has_passed() {
    let site = Site::new();
    let text = |date: &str| format!("---\ntitle: Embargoed\ndate: {date}\n---\nb");
    site.write("a.md", text("2099-12-31"));
    assert_eq!(notes(&site.import()), [("a.md", "scheduled")]);
    let post = site.posts().remove(0);
    assert_eq!(post.status, Status::Scheduled);
    assert_eq!(post.publish_at.map(|at| at.to_string()), Some("2099-12-31 00:00:00".to_owned()));
    assert_eq!(counts(&site.import()), [1, 0, 0, 1]);
    site.write("a.md", text("2098-12-31"));
    assert_eq!(counts(&site.import()), [1, 0, 1, 0]);
    let yesterday = (Utc::now() - chrono::Duration::days(1)).format("%Y-%m-%d").to_string();
    site.write("a.md", text(&yesterday));
    assert_eq!(counts(&site.import()), [1, 0, 1, 0]);
    assert_eq!(site.posts()[0].status, Status::Published);
    assert!(site.topics().contains(&"post_published".to_owned()));
}

#[test]
fn cases_from_outside_are_imported() {
    let site = Site::new();
    for (name, text) in [
        ("2020-02-02-title-from-the-name.md", "---\ndate: 2020-02-02\n---\nb"),
        ("date-in-words.md", "---\ntitle: A date in words\ndate: 12 October 2024\n---\nb"),
        (
            "hugo-key-case.md",
            "---\ntitle: Not for readers yet\ndate: 2020-01-01\nDraft: true\n---\nb",
        ),
        ("json-front-matter.md", "{\n \"title\": \"JSON\",\n \"date\": \"2020-01-01\"\n}\nb"),
        ("sec/_index.md", "+++\ntitle = \"Draft section\"\ndraft = true\n+++\n"),
        ("sec/below.md", "+++\ntitle = \"Below\"\ndate = 2020-01-01\n+++\nb"),
        ("with-tags.md", "---\ntitle: Tags\ndate: 2020-01-01\ntags: [007, 3.10, 1e3, yes]\n---\nb"),
    ] {
        site.write(name, text);
    }
    let summary = site.import();
    assert!(!summary.lost_something(), "{summary:#?}");
    shows(
        &site,
        &[
            ("Title from the name", Status::Published),
            ("A date in words", Status::Published),
            ("Not for readers yet", Status::Draft),
            ("JSON", Status::Published),
            ("Below", Status::Draft),
            ("Tags", Status::Published),
        ],
    );
    assert_eq!(site.posts()[1].inserted_at.to_string(), "2024-10-12 00:00:00");
    assert_eq!(site.posts()[5].tags, ["007", "3.10", "1e3", "yes"]);
}

#[test]
fn a_dry_run_reports_the_same_as_the_import() {
    let site = Site::with_examples();
    site.write("future.md", "---\ntitle: Future\ndate: 2099-01-01\n---\n{{< x >}}");
    site.write("bad.md", "---\ntitle: [\n---\nb");
    let dry = site.dry_run();
    let real = site.import();
    assert_eq!(dry, real);
    assert!(real.lost_something());
}
