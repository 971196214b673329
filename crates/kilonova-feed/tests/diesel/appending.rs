//! Appending inside the caller's transaction.

use std::collections::BTreeSet;
use std::time::SystemTime;

use diesel::result::Error;
use kilonova_feed::diesel::{Retention, append, holds, is_newer, is_stale, migrate, prune, state};
use kilonova_feed::{Event, NewEvent, Subject};
use serde_json::json;

use crate::support::{Db, Home, Number, event};

pub(crate) async fn an_event_is_committed_with_its_row_or_not_at_all<C: Db>(home: Home<C>)
where
    diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, Number>,
{
    let add = |title: &'static str, fail: bool| {
        home.write(move |connection| {
            connection.batch_execute(&format!("INSERT INTO notes VALUES ('{title}')"))?;
            let appended = append(connection, [event("notes", title)])?;
            if fail { Err(Error::RollbackTransaction) } else { Ok(appended) }
        })
    };
    assert_eq!(add("kept", false).unwrap()[0].position(), 1);
    assert!(add("rolled back", true).is_err());
    assert_eq!(add("kept too", false).unwrap()[0].position(), 2, "there is no gap");
    let told: Vec<_> =
        home.log().iter().map(|event| event.payload().as_json().to_owned()).collect();
    assert_eq!(told, [r#""kept""#, r#""kept too""#]);
    assert_eq!(home.number("SELECT COUNT(*) AS number FROM notes"), 2);
    home.assert_size();
}

pub(crate) async fn nothing_is_appended_outside_of_a_transaction<C: Db>(home: Home<C>) {
    let connection: &mut C = &mut home.pool.get().unwrap();
    let refused = append(connection, [event("notes", "alone")]);
    assert!(matches!(refused, Err(Error::NotInTransaction)), "{refused:?}");
    let refused = prune(connection, Retention { count: Some(0), ..Retention::default() });
    assert!(matches!(refused, Err(Error::NotInTransaction)), "{refused:?}");
    assert_eq!(state(connection).unwrap().position, 0);
}

pub(crate) async fn positions_of_many_writers_have_no_gap_and_no_duplicate<C: Db>(home: Home<C>)
where
    diesel::query_builder::SqlQuery: for<'a> diesel::query_dsl::LoadQuery<'a, C, Number>,
{
    const WRITERS: usize = 6;
    const EACH: usize = 25;
    let positions: Vec<i64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let home = &home;
                scope.spawn(move || -> Vec<i64> {
                    let write = |n: usize| {
                        let count = 1 + (writer + n) % 3;
                        let events = (0..count).map(|_| event("notes", "a note"));
                        // Every seventh transaction is rolled back after it got its positions.
                        home.write(|connection| {
                            let appended = append(connection, events)?;
                            if n % 7 == 3 { Err(Error::RollbackTransaction) } else { Ok(appended) }
                        })
                    };
                    let written = (0..EACH).filter_map(|n| write(n).ok()).flatten();
                    written.map(|event| event.position()).collect()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let different: BTreeSet<_> = positions.iter().copied().collect();
    assert_eq!(different.len(), positions.len(), "a position was given twice");
    let last = i64::try_from(positions.len()).unwrap();
    assert_eq!(different, (1..=last).collect());
    let log: Vec<_> = home.log().iter().map(Event::position).collect();
    assert_eq!(log, (1..=last).collect::<Vec<_>>());
    home.assert_size();
}

pub(crate) async fn migrating_again_changes_nothing<C: Db>(home: Home<C>) {
    home.append([event("notes", "before")]);
    let connection: &mut C = &mut home.pool.get().unwrap();
    let before = state(connection).unwrap();
    assert!(!is_stale(connection).unwrap());
    migrate(connection).unwrap();
    assert_eq!(state(connection).unwrap(), before);
    assert_eq!((before.oldest, before.position), (1, 1));
    assert_eq!(before.id.len(), 32);
}

pub(crate) async fn tables_of_a_newer_version_are_not_migrated<C: Db>(home: Home<C>) {
    let connection: &mut C = &mut home.pool.get().unwrap();
    let insert = |connection: &mut C, version: &str| {
        let insert = "INSERT INTO __diesel_schema_migrations (version) VALUES";
        connection.batch_execute(&format!("{insert} ('{version}')")).unwrap();
    };
    // An application's own migration, which is in the same table.
    insert(connection, "29991231000001");
    assert!(!is_newer(connection).unwrap());
    migrate(connection).unwrap();
    insert(connection, "00000000000999");
    assert!(is_newer(connection).unwrap());
    let refused = migrate(connection).unwrap_err().to_string();
    assert!(refused.contains("a newer version has migrated them"), "{refused}");
}

pub(crate) async fn every_part_of_an_event_is_read_back<C: Db>(home: Home<C>) {
    let payload = json!({"id": 7, "text": "\u{1f680} \"quoted\" \\ \u{0} ünï"});
    let about = Subject::new("comment", 7).within("post", "a-b");
    let full = NewEvent::new("post_comments_7", "new_comment", &payload).unwrap();
    let full = full.about(about).for_audience("author:3").redacting();
    let appended = home.append([full, event("notes", "")]);
    assert_eq!(home.log(), appended);
    let [full, plain] = &appended[..] else { panic!("{appended:?}") };
    assert_eq!(full.payload().decode::<serde_json::Value>().unwrap(), payload);
    assert_eq!(full.subject().unwrap().parent(), Some(("post", "\"a-b\"")));
    assert_eq!((full.audience(), full.redacts()), ("author:3", true));
    assert_eq!((plain.subject(), plain.audience(), plain.redacts()), (None, "", false));
    let age = SystemTime::now().duration_since(full.inserted_at().unwrap()).unwrap();
    assert!(age.as_secs() < 60, "{age:?}");
}

pub(crate) async fn a_commit_whose_answer_was_lost_is_found<C: Db>(home: Home<C>) {
    let committed = home.append([event("notes", "committed")]);
    let mut lost = Vec::new();
    let rolled_back = home.write(|connection| {
        lost = append(connection, [event("notes", "rolled back")])?;
        Err::<(), _>(Error::RollbackTransaction)
    });
    assert!(rolled_back.is_err());
    // Another event has its position by now.
    home.append([event("comments", "another")]);
    let connection: &mut C = &mut home.pool.get().unwrap();
    assert!(holds(connection, &committed[0]).unwrap());
    assert!(!holds(connection, &lost[0]).unwrap());
}
