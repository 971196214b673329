//! The index alone: matches, ranking, and what survives restarts and damage.

use super::*;

fn post(id: i64, title: &str, text: &str) -> Document {
    Document {
        kind: Kind::Post,
        id,
        post: None,
        title: title.to_owned(),
        text: text.to_owned(),
        author: None,
        tags: Vec::new(),
    }
}

fn at(position: i64) -> LogPosition {
    LogPosition { log: "a".to_owned(), position }
}

fn comment(id: i64, post_id: i64, text: &str) -> Document {
    Document { kind: Kind::Comment, post: Some(post_id), ..post(id, "", text) }
}

/// The rows that a finished query finds, best first.
fn rows(index: &Index, text: &str) -> Vec<(Kind, i64)> {
    let query = Query::parse(&format!("{text} ")).unwrap();
    let found = index.searchable().search(&query, 100).unwrap();
    assert_eq!(found.total, found.best.len());
    found.best.into_iter().map(|place| place.row().unwrap()).collect()
}

fn ids(index: &Index, text: &str) -> Vec<i64> {
    rows(index, text).into_iter().map(|(_, id)| id).collect()
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
    let found = index.searchable().search(&notes, 9).unwrap();
    assert_eq!(found.best[0].row(), Some((Kind::Note, 1)));
}

#[test]
fn a_query_finds_its_own_signs_first() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(dir.path()).unwrap();
    let titles = [
        "Pointers in C",
        "Templates in C++",
        "Records in C#",
        "Pipelines in F#",
        "A .NET runtime",
        "Casting a net",
        "The AT&T syntax",
        "Meet me at noon",
    ];
    for (id, title) in (1..).zip(titles) {
        index.upsert(&post(id, title, &format!("About {title}."))).unwrap();
    }
    index.commit(&at(8)).unwrap();
    for (query, first) in [
        ("C", 1),
        ("C++", 2),
        ("c++", 2),
        ("C#", 3),
        ("F#", 4),
        (".NET", 5),
        ("AT&T", 7),
        ("at&t", 7),
        ("title:C++", 2),
        ("title:.net", 5),
        ("\"the AT&T syntax\"", 7),
    ] {
        assert_eq!(ids(&index, query), [first], "{query}");
    }
    assert_eq!(ids(&index, "net"), [6, 5]);
    assert_eq!(ids(&index, "about -C++").len(), 7);
}

#[test]
fn words_found_by_prefix_rank_behind_whole_words() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(dir.path()).unwrap();
    index.upsert(&post(1, "Process groups", "Processing std::process::exit")).unwrap();
    index.upsert(&post(2, "Other", &format!("{} proc", "word ".repeat(500)))).unwrap();
    index.upsert(&post(3, "Other", "What is processed")).unwrap();
    index.commit(&at(3)).unwrap();
    let typed = |text: &str| {
        let found = index.searchable().search(&Query::parse(text).unwrap(), 9).unwrap();
        found.best.into_iter().map(|place| place.row().unwrap().1).collect::<Vec<_>>()
    };
    for query in ["proc", "proc*", "PROC", "title:proc OR proc*"] {
        assert_eq!(typed(query)[0], 2, "{query}");
        assert_eq!(typed(query).len(), 3, "{query}");
    }
    assert_eq!(typed("proc* group"), [1]);
    assert_eq!(typed("processi"), [1]);
    assert_eq!(typed("title:proc"), [1]);
    assert_eq!(typed("std::proc"), [1]);
    assert_eq!(typed("process::e*"), [1]);
    assert_eq!(typed("other -proc*"), [0_i64; 0]);
    assert_eq!(typed("\"proc\""), [2]);
    assert_eq!(typed("p"), [0_i64; 0]);
    assert_eq!(typed("p*").len(), 3);
}

#[test]
fn beginnings_of_very_many_words_are_quick() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(dir.path()).unwrap();
    for id in 1..200 {
        let words: String = (0..500).map(|word| format!("a{id}x{word} ")).collect();
        index.upsert(&post(id, "Title", &words)).unwrap();
    }
    index.upsert(&post(200, "Title", "a150y")).unwrap();
    index.upsert(&post(201, "Title", "a150y")).unwrap();
    index.commit(&at(201)).unwrap();
    let began = std::time::Instant::now();
    assert!(ids(&index, &"a* ".repeat(300)).len() < 201);
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
    // The words in the most documents are chosen.
    assert!(ids(&index, "a150*").contains(&200));
}

#[test]
fn pages_follow_each_other_while_the_index_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(dir.path()).unwrap();
    for id in 1..=50 {
        // Many have the same score.
        index.upsert(&post(id, "Title", &"word ".repeat(id as usize % 3 + 1))).unwrap();
    }
    index.commit(&at(50)).unwrap();
    let page = |index: &Index, after: Option<Place>| {
        let query = Query { after, ..Query::parse("word ").unwrap() };
        index.searchable().search(&query, 8).unwrap()
    };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let found = page(&index, after);
        assert_eq!((found.total, found.before), (50, seen.len()));
        let Some(last) = found.best.last() else { break };
        after = Some(*last);
        seen.extend(found.best);
    }
    assert!(seen.is_sorted_by(|one, next| one > next), "each once, best first");

    // The second page does not change when the hits of the first page are removed.
    let second: Vec<_> = seen[8..16].iter().map(|place| place.row()).collect();
    for place in &seen[..8] {
        let (kind, id) = place.row().unwrap();
        index.delete(kind, id);
    }
    index.commit(&at(58)).unwrap();
    let again = page(&index, Some(seen[7]));
    assert_eq!(again.best.iter().map(|place| place.row()).collect::<Vec<_>>(), second);
}

#[test]
fn deleting_a_post_removes_its_comments() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, _) = Index::open(dir.path()).unwrap();
    assert!(!index.has_post(1).unwrap());
    for id in [1, 2] {
        index.upsert(&post(id, "Title", "zinc")).unwrap();
        index.upsert(&comment(10 + id, id, "zinc too")).unwrap();
    }
    assert!(index.has_post(1).unwrap());
    index.commit(&at(4)).unwrap();
    assert_eq!(rows(&index, "zinc").len(), 4);
    // An update keeps the comments.
    index.upsert(&post(1, "Other", "zinc")).unwrap();
    index.commit(&at(5)).unwrap();
    assert_eq!(rows(&index, "zinc").len(), 4);
    index.delete(Kind::Post, 1);
    assert!(!index.has_post(1).unwrap() && index.has_post(2).unwrap());
    index.commit(&at(6)).unwrap();
    let mut left = rows(&index, "zinc");
    left.sort_by_key(|(_, id)| *id);
    assert_eq!(left, [(Kind::Post, 2), (Kind::Comment, 12)]);
    assert!(!index.has_post(1).unwrap() && index.has_post(2).unwrap());
}

#[test]
fn an_index_of_another_analyzer_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    let meta = dir.path().join("meta.json");
    let written = std::fs::read_to_string(&meta).unwrap();
    assert!(written.contains(analyzer::NAME), "the version is stored with the index");
    std::fs::write(&meta, written.replace(analyzer::NAME, "words-1")).unwrap();
    let (index, condition) = Index::open(dir.path()).unwrap();
    assert_eq!((condition, index.position()), (Condition::Outdated, None));
    assert_eq!(ids(&index, "essay"), [0_i64; 0]);
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
fn changes_are_neither_visible_nor_durable_before_the_commit() {
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

/// Truncates, garbles and removes each file of the index.
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
                Condition::Missing | Condition::Outdated | Condition::Damaged(_) => {
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
        index.searchable().search(&Query::parse(text).unwrap(), 100).unwrap();
    }
    let words = "e ".repeat(60);
    index.searchable().search(&Query::parse(&words).unwrap(), 100).unwrap();
    index.searchable().search(&Query::parse(&format!("\"{words}\"")).unwrap(), 100).unwrap();
    assert!(began.elapsed().as_secs() < 5);
}

#[test]
fn scores_of_posts_reveal_neither_the_words_of_notes_nor_their_length() {
    let scores = |of_notes: &str, with_notes: bool| {
        let dir = tempfile::tempdir().unwrap();
        let mut index = filled(dir.path());
        for id in 10..20 {
            let note = Document { kind: Kind::Note, ..post(id, "A note", of_notes) };
            index.upsert(&note).unwrap();
        }
        index.commit(&at(20)).unwrap();
        let mut query = Query::parse("borrow OR essay").unwrap();
        if !with_notes {
            query = query.without(Kind::Note);
        }
        let found = index.searchable().search(&query, 100).unwrap();
        let rows = found.best.into_iter().map(|place| (place.row().unwrap(), place.score));
        rows.filter(|((kind, _), _)| *kind == Kind::Post).collect::<Vec<_>>()
    };
    let of_posts = scores("borrow borrow", false);
    assert_eq!(of_posts.len(), 3);
    assert_eq!(of_posts, scores("wholly unrelated", false));
    assert_eq!(of_posts, scores(&"a long one ".repeat(500), false));
    // A reader who finds both kinds gets scores from both.
    assert_ne!(scores("borrow borrow", true), scores("wholly unrelated", true));
}

#[test]
fn deletions_from_an_empty_index_take_no_memory() {
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
