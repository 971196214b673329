//! The writer's shared commits: a failed transaction does not affect others in its batch.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, mpsc};

use diesel::{Connection as _, RunQueryDsl as _};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use kilonova::db::{self, At, Db, Touches, Tx};
use kilonova::events;
use kilonova::feed::Event;
use kilonova::models::log;
use kilonova::models::note;
use serde_json::json;
use tokio::sync::oneshot;

use super::client::positions;
use super::rows::{Failure, add_note, open};
use crate::databases::Home;
use crate::support::{Site, within};

type Work = Box<dyn FnOnce(&mut Tx<'_>) -> Result<i64, Failure> + Send>;
type Outcome = Result<At<i64>, Failure>;

/// A database that records the events of each commit.
struct Recorded {
    db: Db,
    commits: Arc<Mutex<Vec<Vec<Event>>>>,
    _home: Home,
}

impl Recorded {
    async fn open() -> Recorded {
        let home = Home::new();
        let commits: Arc<Mutex<Vec<Vec<Event>>>> = Arc::default();
        let told = Arc::clone(&commits);
        let on_commit = Box::new(move |events| told.lock().unwrap().push(events));
        let db = open(home.database(), on_commit).await;
        Recorded { db, commits, _home: home }
    }

    /// Runs transactions that are queued together, so that they share one commit.
    async fn together(&self, works: Vec<Work>) -> Vec<Outcome> {
        let gate = hold(&self.db).await;
        let mut waiting: Vec<BoxFuture<'static, Outcome>> = Vec::new();
        for work in works {
            let db = self.db.clone();
            waiting.push(enqueued(async move { db.transaction(work).await }.boxed()).await);
        }
        gate.send(()).unwrap();
        within("the batch is committed", join_all(waiting)).await
    }

    /// The titles of all notes.
    async fn titles(&self) -> Vec<String> {
        let notes = self.db.read(|connection| Ok::<_, Failure>(note::walk(connection, 0, 1000)?));
        notes.await.unwrap().into_iter().map(|note| note.title).collect()
    }

    async fn log(&self) -> Vec<Event> {
        self.db
            .read(|connection| Ok::<_, Failure>(log::after(connection, 0, None, 1000)?.events))
            .await
            .unwrap()
    }
}

/// Keeps the writer busy until something is sent.
pub(super) async fn hold(db: &Db) -> mpsc::Sender<()> {
    let (gate, opened) = mpsc::channel();
    let (entered, inside) = oneshot::channel();
    let db = db.clone();
    actix_web::rt::spawn(async move {
        db.transaction_on(Touches::NewRows, None, move |_| {
            entered.send(()).unwrap();
            // An error means that the test failed and dropped the sender.
            opened.recv().ok();
            Ok::<_, Failure>(())
        })
        .await
    });
    within("the writer is held", inside).await.unwrap();
    gate
}

/// Polls a future once and asserts that it is pending.
pub(super) async fn enqueued<T>(mut future: BoxFuture<'static, T>) -> BoxFuture<'static, T> {
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending(), "the future was ready at once");
        std::task::Poll::Ready(())
    })
    .await;
    future
}

fn good(title: &'static str) -> Work {
    Box::new(move |tx| Ok(add_note(tx, title)?.id))
}

#[actix_web::test]
async fn a_failed_transaction_leaves_the_rest_of_its_batch_alone() {
    let recorded = Recorded::open().await;
    let outcomes = recorded
        .together(vec![
            good("first"),
            Box::new(|tx| {
                add_note(tx, "refused")?;
                Err(Failure::Refused)
            }),
            good("second"),
            // A statement that fails, and a nested transaction whose rollback is ignored.
            Box::new(|tx| {
                add_note(tx, "constraint")?;
                diesel::sql_query("INSERT INTO post_tags (post_id, tag) VALUES (NULL, 'x')")
                    .execute(tx.connection)?;
                Ok(0)
            }),
            Box::new(|tx| {
                let inner: Result<(), Failure> =
                    tx.connection.transaction(|_| Err(Failure::Refused));
                assert!(inner.is_err());
                Ok(add_note(tx, "third")?.id)
            }),
        ])
        .await;
    assert!(matches!(outcomes[1], Err(Failure::Refused)));
    assert!(matches!(outcomes[3], Err(Failure::Query(_))), "{:?}", outcomes[3]);
    let at: Vec<i64> =
        outcomes.into_iter().filter_map(|outcome| Some(outcome.ok()?.position)).collect();
    assert_eq!(at, [1, 2, 3]);
    assert_eq!(recorded.titles().await, ["first", "second", "third"]);
    let commits = recorded.commits.lock().unwrap().clone();
    assert_eq!(commits.len(), 1, "the batch did not share one commit");
    assert_eq!(commits[0], recorded.log().await);
    recorded.db.close().await;
}

#[actix_web::test]
#[expect(clippy::panic, reason = "the test is about a panic")]
async fn a_panic_leaves_the_writer_and_the_rest_of_its_batch_alone() {
    let recorded = Recorded::open().await;
    let outcomes = recorded
        .together(vec![
            good("first"),
            Box::new(|tx| {
                add_note(tx, "panics")?;
                panic!("a transaction's work panics on purpose")
            }),
            good("second"),
            // A panic inside nested transactions, which stay open.
            Box::new(|tx| {
                tx.connection.transaction(|connection| {
                    connection.transaction(|_| -> Result<i64, Failure> {
                        panic!("a nested transaction's work panics on purpose")
                    })
                })
            }),
            good("third"),
        ])
        .await;
    for panicked in [1, 3] {
        let outcome = &outcomes[panicked];
        assert!(matches!(outcome, Err(Failure::Db(db::Error::Panicked))), "{outcome:?}");
    }
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    assert_eq!(recorded.titles().await, ["first", "second", "third"]);
    assert_eq!(recorded.commits.lock().unwrap().len(), 1);
    // The writer continues on the same connection.
    assert_eq!(recorded.db.transaction(good("fourth")).await.unwrap().position, 4);
    assert_eq!(recorded.titles().await.len(), 4);
    recorded.db.close().await;
}

#[actix_web::test]
async fn a_panic_leaves_no_savepoint_open() {
    let recorded = Recorded::open().await;
    let panics: Work = Box::new(|tx| {
        tx.connection
            .transaction(|_| -> Result<i64, Failure> { std::panic::resume_unwind(Box::new(())) })
    });
    let outcome = recorded.db.transaction(panics).await;
    assert!(matches!(outcome, Err(Failure::Db(db::Error::Panicked))), "{outcome:?}");
    recorded.db.transaction(good("kept")).await.unwrap();
    // Another connection sees the row, so it is committed.
    assert_eq!(recorded.titles().await, ["kept"]);
    recorded.db.close().await;
}

#[actix_web::test]
async fn a_deletion_in_the_batch_of_the_creation_redacts_it() {
    let recorded = Recorded::open().await;
    let outcomes = recorded
        .together(vec![
            good("secret"),
            good("kept"),
            Box::new(|tx| {
                note::delete(tx.connection, 1)?;
                tx.announce(events::note_deleted(1).unwrap());
                Ok(1)
            }),
        ])
        .await;
    assert!(outcomes.iter().all(Result::is_ok));
    let log = recorded.log().await;
    assert_eq!(log[0].payload().as_json(), json!({"id": 1, "redacted": true}).to_string());
    assert!(log[1].payload().as_json().contains("kept"));
    assert_eq!(recorded.commits.lock().unwrap().as_slice(), [log], "announced events");
    recorded.db.close().await;
}

#[actix_web::test]
async fn a_bulk_write_may_be_larger_than_one_statement() {
    let recorded = Recorded::open().await;
    let bulk: Work = Box::new(|tx| {
        for _ in 0..5000 {
            let note = add_note(tx, "one of many")?;
            tx.announce(events::note_updated(&note).unwrap());
        }
        Ok(0)
    });
    assert_eq!(recorded.db.transaction(bulk).await.unwrap().position, 10_000);
    assert_eq!(recorded.commits.lock().unwrap()[0].len(), 10_000);
    recorded.db.close().await;
}

/// The same over HTTP: refused and accepted requests in one batch.
#[actix_web::test]
async fn a_refused_request_leaves_the_rest_of_its_batch_alone() {
    const EACH: i64 = 12;
    let site = Site::start().await;
    site.new_post("To be commented on").await;
    let writes = (0..EACH).map(|number| {
        let site = &site;
        async move {
            let comment = json!({"body": format!("Comment {number}")});
            let (bad, note) = (json!({"title": "no"}), json!({"title": "Note", "body": "b"}));
            let answers = tokio::join!(
                site.post("/api/posts/1/comments", &comment),
                site.post("/api/posts/99/comments", &comment),
                site.put("/api/posts/1", &bad),
                site.put("/api/notes/99", &note),
            );
            let (good, missing, invalid, gone) = answers;
            assert_eq!([good, missing, invalid, gone].map(|a| a.status), [201, 404, 422, 404]);
        }
    });
    join_all(writes).await;
    let log = site.get("/api/events?after=1&limit=100").await.json(200);
    assert_eq!(
        positions(log["events"].as_array().unwrap()),
        (2..=1 + 2 * EACH).collect::<Vec<_>>()
    );
    let list = site.get("/api/posts/1/comments?limit=100").await.json(200);
    assert_eq!(list["comments"].as_array().unwrap().len(), EACH as usize);
    site.stop().await;
}
