//! The redaction of earlier events by a deletion.

use kilonova_feed::{NewEvent, Subject};

use crate::support::{Db, Home, Number, event};

fn told(subject: Subject) -> NewEvent {
    event("posts", "a secret text").about(subject)
}

fn payloads<C: Db>(home: &Home<C>) -> Vec<String> {
    home.log().iter().map(|event| event.payload().as_json().to_owned()).collect()
}

const TOLD: &str = r#""a secret text""#;

pub(crate) async fn a_deletion_redacts_the_row_and_its_parts<C: Db>(home: Home<C>)
where
    diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, Number>,
{
    let comment = |id: i64, post: i64| Subject::new("comment", id).within("post", post);
    home.append([
        told(Subject::new("post", 1)),
        told(Subject::new("post", 2)),
        told(comment(5, 1)),
        told(comment(1, 2)),
        told(Subject::new("note", 1)),
        event("posts", "about nothing"),
    ]);
    home.append([told(Subject::new("post", 1)).redacting()]);
    let left = |id: i64| format!("{{\"id\":{id},\"redacted\":true}}");
    assert_eq!(
        payloads(&home),
        [&*left(1), TOLD, &left(5), TOLD, TOLD, r#""about nothing""#, TOLD],
        "the deletion itself keeps its payload"
    );
    home.assert_size();
}

pub(crate) async fn an_event_of_the_same_transaction_is_redacted_too<C: Db>(home: Home<C>)
where
    diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, Number>,
{
    let subject = || Subject::new("post", 1);
    let appended = home.append([told(subject()), told(subject()).redacting(), told(subject())]);
    assert_eq!(home.log(), appended, "the returned events are those of the log");
    assert_eq!(payloads(&home), [r#"{"id":1,"redacted":true}"#, TOLD, TOLD]);
    home.assert_size();
}

pub(crate) async fn an_id_may_be_any_text<C: Db>(home: Home<C>) {
    let ids = ["0f9c", "7", "it's \"quoted\"", "\\", "", "\u{1f680}'; DROP TABLE notes; --"];
    for id in ids {
        home.append([told(Subject::new("post", id))]);
    }
    home.append([told(Subject::new("post", 7))]);
    for id in ids {
        home.append([told(Subject::new("post", id)).redacting()]);
    }
    for (event, id) in home.log().iter().zip(ids) {
        let left: serde_json::Value = event.payload().decode().unwrap();
        assert_eq!(left, serde_json::json!({"id": id, "redacted": true}));
    }
    assert_eq!(home.log()[ids.len()].payload().as_json(), TOLD, "7 is not \"7\"");
}
