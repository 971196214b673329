//! The writes that were acknowledged to a writer, and their comparison with the final state.

use std::collections::BTreeMap;

use actix_web::http::Method;
use rand::RngExt;
use serde_json::{Value, json};

use super::client::{Client, positions};
use crate::support::within;

/// A kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Post,
    Comment,
    Note,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::Comment => "comment",
            Kind::Note => "note",
        }
    }
}

/// A row whose creation was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// A word that occurs in this row's text only.
    pub(super) word: String,
    pub(super) post_id: Option<i64>,
    pub(super) updates: usize,
    pub(super) deleted: bool,
}

/// All acknowledged writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) rows: BTreeMap<(Kind, i64), Row>,
    /// The number of events that these writes caused.
    pub(super) events: usize,
    /// The number of requests that were answered only after a retry.
    pub(super) retried: usize,
}

/// A word that is unique to a row and that no stemmer shortens.
fn word(writer: usize, number: usize) -> String {
    let letters = b"bcdfghjkmnpqrtvw";
    let digits = format!("{writer:01x}{number:04x}");
    let spelt = digits
        .chars()
        .map(|digit| letters[usize::try_from(digit.to_digit(16).unwrap()).unwrap()] as char);
    format!("zq{}", spelt.collect::<String>())
}

/// Writes, edits and deletes at random; every request is sent until it is answered.
pub(super) struct Writer {
    client: Client,
    number: usize,
    words: usize,
    pub(super) ledger: Ledger,
}

impl Writer {
    pub(super) fn new(client: &Client, number: usize) -> Writer {
        Writer { client: client.clone(), number, words: 0, ledger: Ledger::default() }
    }

    /// Sends one random write.
    pub(super) async fn write(&mut self) {
        let living = |kind: Kind, rows: &BTreeMap<(Kind, i64), Row>| {
            let of_kind = rows.iter().filter(|((k, _), row)| *k == kind && !row.deleted);
            of_kind.map(|(key, _)| *key).collect::<Vec<_>>()
        };
        let rows = &self.ledger.rows;
        let all: Vec<_> =
            [Kind::Post, Kind::Comment, Kind::Note].map(|kind| living(kind, rows)).concat();
        let posts = living(Kind::Post, rows);
        let pick = |keys: &[(Kind, i64)]| keys[rand::rng().random_range(0..keys.len())];
        match rand::rng().random_range(0..10) {
            0..=2 => self.create(Kind::Note, None).await,
            3..=4 => self.create(Kind::Post, None).await,
            5..=6 if !posts.is_empty() => self.create(Kind::Comment, Some(pick(&posts).1)).await,
            7..=8 if !all.is_empty() => self.edit(pick(&all)).await,
            9 if !all.is_empty() => self.delete(pick(&all)).await,
            _ => self.create(Kind::Note, None).await,
        }
    }

    fn word(&mut self) -> String {
        self.words += 1;
        word(self.number, self.words)
    }

    async fn create(&mut self, kind: Kind, post_id: Option<i64>) {
        let word = self.word();
        let (path, body) = match (kind, post_id) {
            (Kind::Post, _) => ("/api/posts".to_owned(), json!({"title": word, "body": "b"})),
            (Kind::Note, _) => {
                ("/api/notes".to_owned(), json!({"title": word, "body": "b", "author": "A"}))
            }
            (_, post_id) => {
                (format!("/api/posts/{}/comments", post_id.unwrap()), json!({"body": word}))
            }
        };
        let (reply, tries) =
            self.client.insist(Method::POST, &path, Some(&word), Some(&body)).await;
        assert_eq!(reply.status, 201, "{}", reply.json);
        let id = reply.json["id"].as_i64().unwrap();
        let row = Row { word, post_id, updates: 0, deleted: false };
        assert!(self.ledger.rows.insert((kind, id), row).is_none(), "an id was assigned twice");
        self.ledger.events += if kind == Kind::Comment { 2 } else { 1 };
        self.ledger.retried += usize::from(tries > 1);
    }

    async fn edit(&mut self, (kind, id): (Kind, i64)) {
        let word = self.word();
        let body = match kind {
            Kind::Comment => json!({"body": word}),
            _ => json!({"title": word, "body": "b"}),
        };
        let path = format!("/api/{}s/{id}", kind.name());
        let (reply, tries) = self.client.insist(Method::PUT, &path, None, Some(&body)).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        let row = self.ledger.rows.get_mut(&(kind, id)).unwrap();
        (row.word, row.updates) = (word, row.updates + 1);
        self.ledger.events += 1;
        self.ledger.retried += usize::from(tries > 1);
    }

    async fn delete(&mut self, (kind, id): (Kind, i64)) {
        let path = format!("/api/{}s/{id}", kind.name());
        let (reply, tries) = self.client.insist(Method::DELETE, &path, None, None).await;
        // A deletion whose response was lost is 404 the second time.
        assert!(reply.status == 204 || (reply.status == 404 && tries > 1), "{}", reply.json);
        for ((other, other_id), row) in &mut self.ledger.rows {
            let below = kind == Kind::Post && row.post_id == Some(id);
            row.deleted |= (*other, *other_id) == (kind, id) || below;
        }
        self.ledger.events += 1;
        self.ledger.retried += usize::from(tries > 1);
    }
}

impl Ledger {
    /// Merges another writer's ledger into this one.
    pub(super) fn add(&mut self, other: Ledger) {
        let rows = self.rows.len() + other.rows.len();
        self.rows.extend(other.rows);
        assert_eq!(self.rows.len(), rows, "an id was assigned to two writers");
        self.events += other.events;
        self.retried += other.retried;
    }

    /// Asserts that the rows are exactly those of the acknowledged writes.
    pub(super) async fn assert_rows(&self, client: &Client) {
        let living = |kind: Kind| {
            let of_kind = self.rows.iter().filter(move |((k, _), row)| *k == kind && !row.deleted);
            of_kind.map(|((_, id), row)| (*id, row.word.clone())).collect::<BTreeMap<_, _>>()
        };
        let found = |rows: Vec<Value>, field: &str| {
            let rows = rows.into_iter();
            rows.map(|row| (row["id"].as_i64().unwrap(), row[field].as_str().unwrap().to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(found(client.list("/api/posts", "posts").await, "title"), living(Kind::Post));
        assert_eq!(found(client.list("/api/notes", "notes").await, "title"), living(Kind::Note));
        let mut comments = BTreeMap::new();
        for id in living(Kind::Post).keys() {
            let path = format!("/api/posts/{id}/comments");
            comments.extend(found(client.list(&path, "comments").await, "body"));
        }
        assert_eq!(comments, living(Kind::Comment));
        for ((kind, id), row) in &self.rows {
            if *kind != Kind::Comment {
                let path = format!("/api/{}s/{id}", kind.name());
                let (reply, _) = client.insist(Method::GET, &path, None, None).await;
                assert_eq!(reply.status, if row.deleted { 404 } else { 200 }, "{path}");
            }
        }
    }

    /// Asserts that the log has the events of every acknowledged write once, without gaps. Returns
    /// the log.
    pub(super) async fn assert_log(&self, client: &Client) -> Vec<Value> {
        let log = client.log(0, None).await;
        let count = i64::try_from(self.events).unwrap();
        assert_eq!(positions(&log), (1..=count).collect::<Vec<_>>());
        for ((kind, id), row) in &self.rows {
            let name = kind.name();
            let own = |topic: &str| {
                let topic = format!("{name}_{topic}");
                let of = |event: &&Value| event["event"] == topic && event["data"]["id"] == *id;
                log.iter().filter(of).collect::<Vec<_>>()
            };
            assert_eq!(own("created").len(), 1, "{name} {id}");
            assert_eq!(own("updated").len(), row.updates, "{name} {id}");
            let with_the_post = row.post_id.is_some_and(|id| {
                log.iter().any(|e| e["event"] == "post_deleted" && e["data"]["id"] == id)
            });
            let told = own("deleted").len() + usize::from(with_the_post);
            assert!(if row.deleted { told >= 1 } else { told == 0 }, "{name} {id}");
            if row.deleted {
                for event in own("created").iter().chain(&own("updated")) {
                    assert_eq!(event["data"], json!({"id": id, "redacted": true}));
                }
            } else {
                let newest = own("updated").last().copied().unwrap_or(own("created")[0]).clone();
                assert!(newest["data"].to_string().contains(&row.word), "{newest}");
            }
        }
        log
    }

    /// Asserts that, once the index has caught up, every row is found by its word and no deleted
    /// row is.
    pub(super) async fn assert_index(&self, client: &Client) {
        for ((kind, id), row) in self.rows.iter().filter(|((kind, _), _)| *kind != Kind::Comment) {
            let expected: Vec<_> = if row.deleted { vec![] } else { vec![(kind.name(), *id)] };
            let path = format!("/api/search?q={}", row.word);
            let agrees = async {
                loop {
                    let found = client.get(&path).await;
                    let hits = found["hits"].as_array().unwrap().iter();
                    let hits: Vec<_> = hits
                        .map(|hit| (hit["kind"].as_str().unwrap(), hit["id"].as_i64().unwrap()))
                        .collect();
                    if hits == expected {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            };
            within(&format!("the index agrees about {} {id}", kind.name()), agrees).await;
        }
    }
}
