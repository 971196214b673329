//! Redacted payloads are not sent any more.

use kilonova_feed::Subject;
use serde_json::json;

use crate::support::{ALL, Fault, Site, Toy, Wish, new_event};

#[actix::test]
async fn a_replay_after_an_announced_redaction_has_no_redacted_payload() {
    for fault in [Fault::Nothing, Fault::Fails] {
        let toy = Toy::new();
        let site = Site::start(&toy).await;
        let feed = site.feed();
        let post = Subject::new("post", 7);
        let told = [
            toy.commit_about("a", "of the post", post.clone()),
            toy.commit_about("a", "of a comment", Subject::new("comment", 1).within("post", 7)),
            toy.commit_about("a", "of another post", Subject::new("post", 8)),
        ];
        feed.committed(told);
        // The events are in memory with their original payloads.
        let mut before = site.open(ALL[0], &Wish::new(&["a"]).after(0)).await;
        assert_eq!(before.event().await.data, json!("of the post"));
        assert_eq!(before.ids(2).await, [2, 3]);

        let deletion = toy.commit_event(new_event("a", "deleted").about(post).redacting());
        toy.set(fault);
        feed.committed([deletion]);
        for transport in ALL {
            let opened = site.try_open(transport, &Wish::new(&["a"]).after(0)).await;
            if fault == Fault::Fails {
                assert_eq!(opened.err(), Some(503), "memory does not serve it");
                continue;
            }
            let mut reader = opened.unwrap_or_else(|status| panic!("{status}"));
            let redacted = json!({"redacted": true});
            for (id, data) in [
                (1, redacted.clone()),
                (2, redacted),
                (3, json!("of another post")),
                (4, json!("deleted")),
            ] {
                let said = reader.event().await;
                assert_eq!((said.id, said.data), (Some(id), data));
            }
        }
        toy.set(Fault::Nothing);
        drop((feed, before));
        site.stop().await;
    }
}
