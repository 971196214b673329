//! A site that has moved here: its old addresses answer, its texts link to each other, and its
//! pictures are imported.

use super::site::{Site, counts, notes};

/// A GIF of three pixels by two, with a comment.
const GIF: &[u8] = b"GIF89a\x03\0\x02\0\0\0\0\x21\xfe\x05place\0\
                     \x2c\0\0\0\0\x03\0\x02\0\0\x02\x02\x4c\x01\0;";

/// <https://gohugo.io/content-management/urls/>,
/// <https://gohugo.io/content-management/page-bundles/>
#[test]
fn links_pictures_and_addresses_of_a_hugo_site_keep_working() {
    let site = Site::new();
    site.write("hugo.toml", "baseURL = 'https://example.org/'\n");
    site.write("static/img/a b.gif", GIF);
    site.write("static/paper.pdf", "%PDF-1.7 paper");
    site.write("content/posts/first/pic.gif", [GIF, b"more"].concat());
    site.write(
        "content/posts/first/index.md",
        "---\ntitle: First\ndate: 2020-01-01\naliases: [/old/first, /posts/12]\n---\n\
         ![A](pic.gif) ![B](</img/a b.gif> \"t\") [C](../second.md#part) [D](/paper.pdf)\n\
         [E](https://example.com/x.gif) [F](/about/?a=b#c)\n",
    );
    site.write(
        "content/posts/second.md",
        "---\ntitle: Second\ndate: 2020-01-02\nslug: zweiter\n---\n\
         <img src=\"/img/a%20b.gif\" alt=\"\"> [G](first/index.md) [H](gone.md)\n",
    );
    let summary = site.import();
    assert_eq!(counts(&summary), [2, 2, 0, 0]);
    let posts = site.posts();
    let destinations = |body: &str| -> Vec<String> {
        let parts = body.split("](").skip(1);
        parts.map(|part| part.split([')', ' ', '>']).next().unwrap().replace('<', "")).collect()
    };
    let first = destinations(&posts[0].body);
    let [pic, shared, second, paper, other, about] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!(second, "../posts/zweiter/#part");
    assert_eq!((other.as_str(), about.as_str()), ("https://example.com/x.gif", "../about/#c"));
    for (picture, length) in [(pic, GIF.len() - 9), (shared, GIF.len() - 9)] {
        assert!(picture.starts_with("../uploads/") && picture.ends_with(".gif"), "{picture}");
        let (upload, bytes) = site.uploaded(picture);
        assert_eq!((upload.width, upload.height), (Some(3), Some(2)));
        assert_eq!((upload.media_type.as_str(), bytes.len()), ("image/gif", length));
    }
    let (upload, bytes) = site.uploaded(paper);
    assert_eq!((upload.name.as_deref(), &*bytes), (Some("paper.pdf"), &b"%PDF-1.7 paper"[..]));
    assert!(paper.ends_with(".bin"), "{paper}");
    let picture = shared.trim_start_matches("..");
    assert!(posts[1].body.contains(&format!("<img src=\"..{picture}\"")), "{}", posts[1].body);
    assert_eq!(destinations(&posts[1].body)[0], "../posts/first/");
    for (old, new) in [
        ("/posts/first/", "/posts/1-first"),
        ("/old/first", "/posts/1-first"),
        ("/posts/zweiter/", "/posts/2-zweiter"),
        ("/img/a%20b.gif", picture),
        ("/posts/first/pic.gif", pic.trim_start_matches("..")),
        ("/paper.pdf", paper.trim_start_matches("..")),
    ] {
        assert_eq!(site.led(old).as_deref(), Some(new), "{old}");
    }
    assert_eq!(site.led("/posts/12"), None);
    let reserved = ("content/posts/first/index.md", "an old address that this site itself uses");
    assert!(notes(&summary).contains(&reserved), "{:?}", notes(&summary));
    // The second import finds nothing new, and so does a dry run.
    for again in [site.dry_run(), site.import()] {
        assert_eq!(counts(&again), [2, 0, 0, 2]);
        let told = |it: &kilonova::import::Summary| (it.addresses, it.links, it.files);
        assert_eq!(told(&again), told(&summary));
    }
}

#[test]
fn the_first_of_two_pages_with_one_alias_gets_it_and_the_other_is_noted() {
    let site = Site::new();
    site.write("hugo.toml", "");
    for name in ["a", "b"] {
        let page = format!("---\ntitle: {name}\ndate: 2020-01-01\naliases: [/same]\n---\nb");
        site.write(&format!("content/{name}.md"), page);
    }
    let summary = site.import();
    assert_eq!(site.led("/same/").as_deref(), Some("/posts/1-a"));
    let taken = ("content/b.md", "an old address that leads to something else");
    assert!(notes(&summary).contains(&taken), "{:?}", notes(&summary));
    assert!(summary.lost_something());
}

/// A browser resolves a relative link against the page's address.
#[test]
fn links_without_a_file_keep_their_targets_and_dead_links_are_noted() {
    let site = Site::new();
    site.write("hugo.toml", "baseURL = 'https://example.org/'\n");
    site.write(
        "content/posts/first.md",
        "---\ntitle: First\ndate: 2020-01-01\n---\n[a](../second/) [b](gone.png)\n\n[c](/nowhere/)\n\
         [d](/tags/rust/) [e](/index.xml) [f](/old/second.html) [g]({{ x }})\n",
    );
    site.write(
        "content/posts/second.md",
        "---\ntitle: Second\ndate: 2020-01-02\naliases: [/old/second]\n---\n![h](/static/h.png)\n",
    );
    for summary in [site.dry_run(), site.import(), site.import(), site.dry_run()] {
        let dead =
            summary.noted.iter().filter(|found| found.note.what == "a link that leads nowhere");
        let dead: Vec<_> = dead
            .map(|found| (found.path.to_str().unwrap(), found.note.line, &*found.note.detail))
            .collect();
        let first = "content/posts/first.md";
        let expected = [
            (first, Some(5), "/posts/first/gone.png"),
            (first, Some(7), "/nowhere/"),
            ("content/posts/second.md", Some(6), "/static/h.png"),
        ];
        assert_eq!(dead, expected);
        assert!(summary.lost_something());
    }
    let body = &site.posts()[0].body;
    assert!(body.starts_with("[a](../posts/second/) [b](../posts/first/gone.png)"), "{body}");
    assert!(body.trim_end().ends_with("[f](../old/second.html) [g]({{ x }})"), "{body}");
}

/// An earlier import has already brought the page.
#[test]
fn a_link_to_a_page_of_an_earlier_import_leads_there() {
    let site = Site::new();
    site.write("hugo.toml", "");
    site.write("content/a.md", "---\ntitle: First\ndate: 2020-01-01\n---\nb");
    site.import();
    std::fs::remove_file(site.file("content/a.md")).unwrap();
    site.write("content/b.md", "---\ntitle: Second\ndate: 2020-01-02\n---\n[a](/a/) [c](/c/)");
    for summary in [site.dry_run(), site.import()] {
        let dead =
            notes(&summary).into_iter().filter(|(_, what)| *what == "a link that leads nowhere");
        assert_eq!(dead.count(), 1);
    }
}

#[test]
fn files_that_are_not_pictures_are_noted_if_shown_as_pictures() {
    let site = Site::new();
    site.write("hugo.toml", "");
    site.write("static/a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    site.write("static/b.gif", b"GIF89a broken");
    site.write("static/big.gif", vec![0; 11 * 1024 * 1024]);
    std::os::unix::fs::symlink("/etc/passwd", site.file("static/link.gif")).unwrap();
    site.write(
        "content/a.md",
        "---\ntitle: A page\ndate: 2020-01-01\n---\n\
         ![](/a.svg) ![](/b.gif) ![](/big.gif) ![](/link.gif) [](/a.svg)",
    );
    let summary = site.import();
    let told: Vec<_> = notes(&summary).into_iter().map(|(_, what)| what).collect();
    assert_eq!(
        told,
        [
            "a picture in an unknown format",
            "a picture that cannot be read",
            "larger than 10 MiB",
            "a link that leads nowhere",
        ]
    );
    let body = &site.posts()[0].body;
    assert_eq!(body.matches("../uploads/").count(), 3, "{body}");
    assert!(body.contains("(/big.gif)") && !body.contains("passwd"), "{body}");
}
