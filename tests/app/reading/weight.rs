//! The transferred bytes of a reader's first visit.

use crate::support::{Raw, Site};

/// The addresses of the page's static files, without duplicates.
fn files(page: &str) -> Vec<&str> {
    let mut files: Vec<_> = page
        .match_indices("\"/static/")
        .filter_map(|(start, _)| page.get(start + 1..)?.split('"').next())
        .collect();
    files.sort_unstable();
    files.dedup();
    files
}

#[actix_web::test]
async fn a_first_visit_of_the_front_page_takes_five_requests_and_20_kilobytes() {
    let site = Site::start().await;
    for number in 0..20 {
        site.new_post(&format!("Post {number}")).await;
    }
    let get = async |path: &str, encoding: &str| {
        let headers = [("Accept", "text/html, */*"), ("Accept-Encoding", encoding)];
        let answer = Raw::connect(&site).await.request("GET", path, &headers, b"").await;
        assert_eq!(answer.status, 200, "{path}");
        answer
    };
    let page = get("/", "identity").await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    // Scripts for writers are loaded later, and do not count for a reader.
    let (page, drafts) = (page.replace("data-drafts=\"", "data-drafts=\"later:"), "drafts.js");
    let files = files(&page);
    assert!(files.len() > 2 && files.iter().all(|file| !file.contains(drafts)), "{files:?}");
    // A page is compressed on its way, in chunks.
    let mut connection = Raw::connect(&site).await;
    let headers = [("Accept", "text/html, */*"), ("Accept-Encoding", "gzip")];
    let answer = connection.ask("GET", "/", &headers, b"").await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut bytes = connection.chunked().await.expect("the page").len();
    assert!(bytes > 1000, "a page of {bytes} bytes");
    for file in &files {
        let whole = get(file, "identity").await;
        let small = get(file, "gzip, br").await;
        assert_eq!(small.header("content-encoding"), Some("gzip"), "{file}");
        assert_eq!(small.header("vary"), Some("accept-encoding"), "{file}");
        assert_eq!(small.header("content-type"), whole.header("content-type"), "{file}");
        assert!(small.body.starts_with(b"\x1f\x8b") && small.body.len() < whole.body.len());
        bytes += small.body.len();
    }
    let requests = files.len() + 1;
    // Chromium adds 300 bytes for the headers of each response.
    bytes += 300 * requests;
    assert!(requests <= 5 && bytes <= 20_000, "{requests} requests, {bytes} bytes: {files:?}");
    site.stop().await;
}

#[actix_web::test]
async fn no_page_has_over_60_kilobytes_of_static_files() {
    let site = Site::start().await;
    site.new_post("A post").await;
    site.new_note("A note").await;
    let get = async |path: &str| {
        let headers = [("Accept", "text/html, */*")];
        let answer = Raw::connect(&site).await.request("GET", path, &headers, b"").await;
        assert_eq!(answer.status, 200, "{path}");
        answer.body
    };
    for path in [
        "/",
        "/posts/1-a-post",
        "/posts/new",
        "/posts/1/edit",
        "/notes",
        "/search",
        "/bin",
        "/admin",
    ] {
        let page = String::from_utf8(get(path).await.to_vec()).unwrap();
        let mut bytes = 0;
        for file in files(&page) {
            bytes += get(file).await.len();
        }
        assert!((30_000..60_000).contains(&bytes), "{path} has {bytes} bytes of static files");
    }
    site.stop().await;
}

#[actix_web::test]
async fn a_static_file_without_its_version_is_revalidated() {
    let site = Site::start().await;
    for path in ["/static/client.js", "/static/style.css"] {
        for encoding in ["identity", "gzip"] {
            let get = async |known: &str| {
                let headers = [("Accept-Encoding", encoding), ("If-None-Match", known)];
                Raw::connect(&site).await.request("GET", path, &headers, b"").await
            };
            let first = get("\"other\"").await;
            assert_eq!(first.header("cache-control"), Some("no-cache"));
            let etag = first.header("etag").unwrap();
            assert_eq!(etag.ends_with("-gzip\""), encoding == "gzip", "{etag}");
            let again = get(etag).await;
            assert_eq!((again.status, again.header("etag")), (304, Some(etag)), "{path}");
            assert_eq!(again.header("cache-control"), Some("no-cache"));
            assert_eq!((again.body.len(), again.header("content-encoding")), (0, None));
        }
    }
    site.stop().await;
}
