//! The page of the bin, and the offer to undo a deletion.

use super::{delete, led, page, restore, send};
use crate::support::Site;

#[actix_web::test]
async fn the_bin_lists_the_newest_deletion_first_in_pages() {
    let site = Site::start().await;
    for number in 1..=25 {
        site.new_post(&format!("Number {number};")).await;
        delete(&site, &format!("/posts/{number}")).await;
    }
    let first = page(&site, "/bin").await;
    let titles = |page: &str| {
        let titles = page.split("<b>Number ").skip(1).filter_map(|rest| rest.split(';').next());
        titles.map(|number| number.parse::<i64>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&first), (6..=25).rev().collect::<Vec<_>>());
    let (_, next) = first.split_once("rel=\"next\" href=\"").unwrap();
    let second = page(&site, next.split('"').next().unwrap()).await;
    assert_eq!(titles(&second), [5, 4, 3, 2, 1]);
    assert!(second.contains("30 days left"), "{second}");
    assert!(page(&site, "/").await.contains("href=\"/bin\""), "the page does not link to the bin");
    site.stop().await;
}

#[actix_web::test]
async fn a_deletion_redirects_to_a_page_that_offers_an_undo() {
    let site = Site::start().await;
    site.new_post("Deleted").await;
    site.new_comment(1, "Deleted too").await;
    let to = led(&send(&site, "/comments/1/delete", "").await);
    assert_eq!(to, "/posts/1?binned=1#comments-title");
    let led_on = site.get("/posts/1-deleted?binned=1").await;
    let text = String::from_utf8_lossy(&led_on.body);
    assert!(text.contains("action=\"/bin/1/restore\"") && text.contains("Undo"), "{text}");
    let to = led(&send(&site, "/posts/1/delete", "").await);
    assert_eq!(to, "/?binned=2");
    assert!(page(&site, &to).await.contains("action=\"/bin/2/restore\""));
    // The undo is offered only for an entry that can be restored, never for other values.
    for path in ["/?binned=1", "/?binned=99", "/?binned=02", "/?binned=x", "/?unbinned=2", "/"] {
        assert!(!page(&site, path).await.contains("/restore\""), "{path}");
    }
    assert_eq!(led(&restore(&site, 2).await), "/posts/1");
    assert!(!page(&site, "/?binned=2").await.contains("/restore\""));
    site.stop().await;
}
