//! Errors from PostgreSQL: an unsuitable database, an outage, and an invalid request are told
//! apart.

use diesel::RunQueryDsl as _;
use futures_util::FutureExt;
use kilonova::db::Db;
use serde_json::json;

use super::at;
use crate::databases::Home;
use crate::guarantees::rows::{Failure, add_note, open};
use crate::guarantees::writer::{enqueued, hold};
use crate::support::{Site, within};
use kilonova_test::postgres::Cluster;

#[test]
fn a_database_that_is_not_utf8_is_refused() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = encoding.to_lowercase();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'");
        Home::on(&cluster.url()).execute(&create);
        let url = format!("{}/{name}", cluster.url().rsplit_once('/').unwrap().0);
        let refused = Db::open(&at(&url), Box::new(|_| {})).err().unwrap();
        let said = refused.to_string();
        assert!(said.contains(encoding) && said.contains("UTF8"), "{said}");
    }
}

#[test]
fn a_server_works_without_the_right_to_create_tables() {
    let Some((_cluster, home)) = super::start() else { return };
    drop(Db::open(&home.database(), Box::new(|_| {})).unwrap());
    home.execute(
        "CREATE ROLE humble LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO humble",
    );
    let url = home.url().unwrap().replace("postgres@", "humble@");
    let humble = Db::open(&at(&url), Box::new(|_| {})).unwrap();
    let added = humble.transaction_blocking(|tx| add_note(tx, "By a humble one"));
    assert_eq!(added.unwrap().position, 1);
}

/// Only the error code counts, because the server's messages may be in any language.
#[actix_web::test]
async fn outages_faults_and_bad_requests_are_told_apart() {
    let Some((_cluster, home)) = super::start() else { return };
    let site = Site::start_in(home, |_| ()).await;
    let refuse = |code: &str| {
        site.home().execute(&format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'nichts geht mehr' USING ERRCODE = '{code}'; END $$; \
             CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON notes \
             FOR EACH ROW EXECUTE FUNCTION refuse()"
        ));
    };
    let note = json!({"title": "Refused", "body": "b", "author": "A"});
    for (code, status) in [
        ("disk_full", 503),
        ("out_of_memory", 503),
        ("lock_not_available", 503),
        ("query_canceled", 503),
        ("admin_shutdown", 503),
        ("deadlock_detected", 503),
        ("read_only_sql_transaction", 503),
        ("insufficient_privilege", 503),
        ("unique_violation", 500),
        ("check_violation", 500),
    ] {
        refuse(code);
        let answer = site.post("/api/notes", &note).await;
        assert_eq!(answer.status, status, "{code}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503, "{code}");
        assert!(!answer.error(status).contains("nichts"), "{code}: its message was sent on");
    }
    site.home().execute("DROP TRIGGER refuse ON notes");
    site.assert_alive().await;
    // An invalid statement is the application's fault, on reads and on writes.
    site.home().execute("ALTER TABLE notes RENAME COLUMN author TO writer");
    assert_eq!(site.get("/api/notes").await.status, 500);
    assert_eq!(site.post("/api/notes", &note).await.status, 500);
    site.home().execute("ALTER TABLE notes RENAME COLUMN writer TO author");
    site.assert_alive().await;
    site.stop().await;
}

/// After an error, PostgreSQL refuses further statements in the transaction and rolls back on
/// COMMIT.
#[actix_web::test]
async fn work_that_hides_a_failure_is_not_committed() {
    let Some((_cluster, home)) = super::start() else { return };
    let db = open(home.database(), Box::new(|_| {})).await;
    let gate = hold(&db).await;
    const WRONG: &str = "INSERT INTO notes (id, title, body, author, inserted_at, updated_at) \
                 VALUES (1, 't', 'b', 'a', now(), NULL)";
    let hushed = db.clone();
    let hushed = enqueued(
        async move {
            hushed
                .transaction(|tx| {
                    add_note(tx, "gone with the failure")?;
                    assert!(diesel::sql_query(WRONG).execute(tx.connection).is_err());
                    Ok::<_, Failure>(())
                })
                .await
        }
        .boxed(),
    )
    .await;
    let other = db.clone();
    let other = enqueued(
        async move { other.transaction(|tx| Ok::<_, Failure>(add_note(tx, "other")?.id)).await }
            .boxed(),
    )
    .await;
    gate.send(()).unwrap();
    let (hushed, other) = within("the batch ends", async { tokio::join!(hushed, other) }).await;
    let (log, notes) = db
        .read(|connection| {
            let log = kilonova::models::log::state(connection)?.position;
            Ok::<_, Failure>((log, kilonova::models::note::count(connection)?))
        })
        .await
        .unwrap();
    assert_eq!(log, notes, "rows and events differ");
    assert!(hushed.is_err(), "its rows were rolled back, but it succeeded: {hushed:?}");
    assert_eq!(other.is_ok(), notes == 1, "{other:?}");
    db.close().await;
}
