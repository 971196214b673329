//! A post is recognised by its file wherever that is, and by its title and date if its file was
//! renamed.

use super::site::{Site, counts};

const POST: &str = "---\ntitle: A post\ndate: 2020-01-01\n---\nBody";

#[test]
fn a_site_imported_from_a_folder_above_or_below_makes_no_duplicates() {
    for config in [("hugo.toml", "title = 'x'"), ("other.txt", "")] {
        let site = Site::new();
        site.write(&format!("blog/{}", config.0), config.1);
        site.write("blog/content/posts/a.md", POST);
        site.write("blog/content/posts/b.md", POST.replace("A post", "Another"));
        assert_eq!(counts(&site.import_from(&site.file("blog/content")))[1], 2);
        for folder in ["blog", "", "blog/content/posts", "blog/content"] {
            let summary = site.import_from(&site.file(folder));
            assert_eq!(counts(&summary), [2, 0, 0, 2], "{folder} {config:?}");
        }
        assert_eq!(site.topics(), ["post_created"; 2], "nothing else was announced");
    }
}

#[test]
fn a_renamed_file_keeps_its_post() {
    let site = Site::new();
    site.write("a.md", POST);
    site.write("undated.md", "---\ntitle: Undated\n---\nBody");
    site.import();
    let before = site.posts();
    std::fs::rename(site.file("a.md"), site.file("b.md")).expect("renamed");
    std::fs::create_dir(site.file("x")).expect("a folder");
    std::fs::rename(site.file("undated.md"), site.file("x/other.md")).expect("renamed");
    assert_eq!(counts(&site.dry_run()), [2, 0, 0, 2]);
    assert_eq!(counts(&site.import()), [2, 0, 0, 2]);
    assert_eq!(site.posts(), before);
    // From then on it is recognised by its new name.
    site.write("b.md", POST.replace("A post", "A new title"));
    assert_eq!(counts(&site.import()), [2, 0, 1, 1]);
}

#[test]
fn a_copy_is_a_new_post() {
    let site = Site::new();
    site.write("a.md", POST);
    site.import();
    site.write("b.md", POST);
    assert_eq!(counts(&site.import()), [2, 1, 0, 1]);
    assert_eq!(counts(&site.import()), [2, 0, 0, 2]);
    // So is a different text with the same title and no date.
    site.write("c.md", "---\ntitle: A post\n---\nElse");
    assert_eq!(counts(&site.import()), [3, 1, 0, 2]);
}

#[test]
fn posts_written_in_the_application_belong_to_no_file() {
    let site = Site::new();
    site.write("a.md", POST);
    site.import();
    site.edit("A post", "title", "Edited here");
    std::fs::rename(site.file("a.md"), site.file("b.md")).expect("renamed");
    assert_eq!(counts(&site.import()), [1, 1, 0, 0], "nothing says that it is the same");
    assert_eq!(site.posts().len(), 2);
}
