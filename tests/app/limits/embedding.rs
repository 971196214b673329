//! Requests that a text can cause in its readers' browsers.

use crate::support::{Raw, Site};

#[actix_web::test]
async fn pages_and_the_api_cannot_be_embedded() {
    let site = Site::start().await;
    let post = site.new_post("Here").await;
    let status = async |path: &str, kind: &str| {
        let mut raw = Raw::connect(&site).await;
        raw.ask("GET", path, &[("Sec-Fetch-Dest", kind)], b"").await.status
    };
    for path in ["/", "/search?q=x", "/api/search?q=x", &format!("/posts/{}-here", post["id"])] {
        for kind in ["image", "script", "style", "video", "object", "embed", "iframe"] {
            assert_eq!(status(path, kind).await, 403, "{path} as {kind}");
        }
        for kind in ["document", "empty"] {
            assert_eq!(status(path, kind).await, 200, "{path} as {kind}");
        }
    }
    assert_eq!(status("/static/style.css", "style").await, 200);
    assert_eq!(status("/static/icon.svg", "image").await, 200);
    site.stop().await;
}
