//! The index by itself: what is found, what is not, and what survives.

use super::*;

fn post(id: i64, title: &str, text: &str) -> Document {
    Document {
        kind: Kind::Post,
        id,
        title: title.to_owned(),
        text: text.to_owned(),
        author: None,
        tags: Vec::new(),
    }
}

fn at(position: i64) -> LogPosition {
    LogPosition { log: "a".to_owned(), position }
}

fn ids(index: &Index, text: &str) -> Vec<i64> {
    let query = Query::parse(text).unwrap();
    index.searchable().search(&query, 100).unwrap().into_iter().map(|found| found.id).collect()
}

fn filled(dir: &Path) -> Index {
    let (mut index, condition) = Index::open(dir).unwrap();
    assert_eq!(condition, Condition::Missing);
    index
        .upsert(&post(1, "Lifetimes", "The borrow checker is checking borrows of the kernel."))
        .unwrap();
    index.upsert(&post(2, "The borrow checker", "An essay.")).unwrap();
    index.upsert(&post(3, "Files", "Use std::fs, or checker and borrow.")).unwrap();
    let note = Document {
        tags: vec!["async-await".to_owned()],
        author: Some("ferris".to_owned()),
        kind: Kind::Note,
        ..post(1, "A note", "café")
    };
    index.upsert(&note).unwrap();
    index.commit(&at(4)).unwrap();
    index
}

#[test]
fn stems_phrases_fields_and_kinds_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let index = filled(dir.path());
    assert_eq!(ids(&index, "borrowing checkers").len(), 3);
    assert_eq!(ids(&index, "\"borrow checker\""), [2, 1]);
    assert_eq!(ids(&index, "\"borrows of the kernel\""), [1]);
    assert_eq!(ids(&index, "std::fs"), [3]);
    assert_eq!(ids(&index, "\"fs std\""), [0_i64; 0]);
    assert_eq!(ids(&index, "title:borrow"), [2]);
    assert_eq!(ids(&index, "borrow -kernel").len(), 2);
    assert_eq!(ids(&index, "kernel OR essay").len(), 2);
    assert_eq!(ids(&index, "tag:async-await author:Ferris CAFE"), [1]);
    let notes = Query::parse("borrow OR café").unwrap().of_kind(Kind::Note);
    assert_eq!(index.searchable().search(&notes, 9).unwrap()[0].kind, Kind::Note);
}

#[test]
fn an_update_replaces_and_a_deletion_removes_by_kind_and_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path());
    index.upsert(&post(1, "Other", "words")).unwrap();
    index.delete(Kind::Post, 2);
    index.commit(&at(6)).unwrap();
    assert_eq!(ids(&index, "borrow"), [3]);
    assert_eq!(ids(&index, "other"), [1]);
    assert_eq!(ids(&index, "café"), [1]);
}

#[test]
fn nothing_shows_and_nothing_lasts_before_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path());
    index.clear();
    index.upsert(&post(9, "New", "unseen")).unwrap();
    assert_eq!(ids(&index, "unseen"), [0_i64; 0]);
    assert_eq!(ids(&index, "essay"), [2]);
    drop(index);
    let (mut index, condition) = Index::open(dir.path()).unwrap();
    assert_eq!(condition, Condition::Sound);
    assert_eq!(index.position(), Some(&at(4)));
    assert_eq!(ids(&index, "essay"), [2]);
    index.clear();
    index.commit(&at(5)).unwrap();
    assert_eq!(ids(&index, "essay"), [0_i64; 0]);
}

#[test]
fn there_is_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let index = filled(dir.path());
    assert!(matches!(Index::open(dir.path()), Err(OpenError::Busy)));
    assert!(matches!(Index::make(dir.path()), Err(OpenError::Busy)));
    assert_eq!(ids(&index, "essay"), [2]);
}

/// Each file of the index is cut short, garbled and removed.
#[test]
fn damage_to_any_file_is_noticed_or_harmless() {
    let damages: [fn(&Path); 3] = [
        |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
            std::fs::write(path, bytes).unwrap();
        },
        |path| std::fs::remove_file(path).unwrap(),
    ];
    let names = |dir: &Path| {
        let names = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
        names.sort_by_key(|name| name.split('.').next_back().map(str::to_owned));
        names
    };
    let count = {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path()));
        names(dir.path()).len()
    };
    assert!(count > 5);
    for damage in damages {
        for nth in 0..count {
            let dir = tempfile::tempdir().unwrap();
            drop(filled(dir.path()));
            let name = names(dir.path()).remove(nth);
            damage(&dir.path().join(&name));
            let (index, condition) = Index::open(dir.path()).unwrap();
            match condition {
                Condition::Sound => assert_eq!(ids(&index, "essay"), [2], "{name}"),
                Condition::Missing | Condition::Damaged(_) => {
                    assert_eq!(index.position(), None, "{name}")
                }
            }
        }
    }
}

#[test]
fn hostile_queries_are_quick() {
    let dir = tempfile::tempdir().unwrap();
    let index = filled(dir.path());
    let began = std::time::Instant::now();
    for text in [
        "* OR *",
        "a* b*",
        "[* TO *]",
        "{a TO b}",
        "/.*/",
        "\"a b\"~1000000",
        "x^1e38",
        "x^-1",
        "🎉",
        "a\0b",
        "body:[a TO z]",
        "IN [a b]",
        "title:>a",
        "a~2",
        "\\",
        "\\\"",
        "🏴‍☠️ OR 日本語",
        "x:y:z",
        "((a) OR (b)) -((c))",
    ] {
        if let Ok(query) = Query::parse(text) {
            index.searchable().search(&query, 100).unwrap();
        }
    }
    let words = "e ".repeat(60);
    index.searchable().search(&Query::parse(&words).unwrap(), 100).unwrap();
    index.searchable().search(&Query::parse(&format!("\"{words}\"")).unwrap(), 100).unwrap();
    assert!(began.elapsed().as_secs() < 5);
}

#[test]
fn scores_of_posts_tell_neither_the_words_of_notes_nor_their_length() {
    let scores = |of_notes: &str, kind: Option<Kind>| {
        let dir = tempfile::tempdir().unwrap();
        let mut index = filled(dir.path());
        for id in 10..20 {
            let note = Document { kind: Kind::Note, ..post(id, "A note", of_notes) };
            index.upsert(&note).unwrap();
        }
        index.commit(&at(20)).unwrap();
        let mut query = Query::parse("borrow OR essay").unwrap();
        if let Some(kind) = kind {
            query = query.of_kind(kind);
        }
        let found = index.searchable().search(&query, 100).unwrap();
        let posts = found.into_iter().filter(|found| found.kind == Kind::Post);
        posts.map(|found| (found.id, found.score)).collect::<Vec<_>>()
    };
    let of_posts = scores("borrow borrow", Some(Kind::Post));
    assert_eq!(of_posts.len(), 3);
    assert_eq!(of_posts, scores("wholly unrelated", Some(Kind::Post)));
    assert_eq!(of_posts, scores(&"a long one ".repeat(500), Some(Kind::Post)));
    // Who finds both ranks them by both.
    assert_ne!(scores("borrow borrow", None), scores("wholly unrelated", None));
}

#[test]
fn what_is_deleted_from_an_empty_index_takes_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(dir.path()).unwrap();
    for id in 0..2 * PENDING as i64 {
        index.delete(Kind::Post, id);
    }
    assert!(!index.is_full());
    index.upsert(&post(1, "First", "text")).unwrap();
    index.commit(&at(1)).unwrap();
    for id in 2..2 + PENDING as i64 {
        assert!(!index.is_full());
        index.delete(Kind::Post, id);
    }
    assert!(index.is_full());
    index.commit(&at(2)).unwrap();
    assert!(!index.is_full());
    assert_eq!(ids(&index, "first"), [1]);
}
