//! Every page, with malicious or unusual content.

use chrono::NaiveDateTime;
use serde_json::json;

use super::*;
use crate::access::{BinFacts, Binned};
use crate::changeset::{Errors, Params};
use crate::events::sample::{ChannelSize, IndexerLine, Sample, SlowReader};
use crate::models::bin::{Entry, Facts, Line};
use crate::views::forms::Kept;

const NASTY: &str = "</title></textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)> שלום \u{202e}x 👨‍👩‍👧";

/// The frame of a page where access is open.
fn anyones() -> Frame {
    Frame { viewer: Viewer::Anyone, ..Frame::default() }
}

fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn post(id: i64) -> Post {
    Post {
        id,
        title: NASTY.to_owned(),
        body: NASTY.to_owned(),
        slug: Some("a-slug".to_owned()),
        status: Status::Published,
        author: Some(NASTY.to_owned()),
        user_id: None,
        tags: vec![NASTY.to_owned(), "a&b=c d".to_owned()],
        inserted_at: at("2026-11-22T09:05:07.123456"),
        updated_at: at("2026-11-23T10:00:00"),
        published_at: Some(at("2026-11-22T09:05:07.123456")),
        publish_at: None,
        comments_locked: false,
    }
}

fn comment(id: i64) -> Comment {
    let inserted_at = at("2026-11-22T09:05:07.123456");
    Comment {
        id,
        post_id: 1,
        body: NASTY.to_owned(),
        author: Some(NASTY.to_owned()),
        user_id: None,
        inserted_at,
        state: CommentState::Visible,
    }
}

fn note(id: i64) -> Note {
    let inserted_at = at("2026-11-22T09:05:07.123456");
    Note {
        id,
        title: NASTY.to_owned(),
        body: NASTY.to_owned(),
        user_id: None,
        author: NASTY.to_owned(),
        inserted_at,
        updated_at: inserted_at,
    }
}

fn refused(fields: &[&'static str]) -> (Params, Errors) {
    let mut errors = Errors::default();
    let mut params = Params::new();
    for field in fields {
        errors.add(field, NASTY);
        params.insert((*field).to_owned(), json!(NASTY));
    }
    (params, errors)
}

fn index(tag: Option<&str>, cursor: Option<Cursor>) -> PostIndex {
    let next = Some(Cursor { at: at("2026-11-22T09:05:07.123456"), id: 2 });
    PostIndex {
        frame: Frame { open: true, ..anyones() },
        status: Status::Published,
        tag: tag.map(str::to_owned),
        author: None,
        cursor,
        posts: Page { items: vec![post(2), post(1)], next },
        counts: HashMap::from([(2, 3)]),
        start: None,
    }
}

fn show(form: CommentForm) -> PostShow {
    PostShow {
        frame: anyones(),
        post: post(1),
        cursor: None,
        comments: Page {
            items: vec![comment(1), Comment { author: None, ..comment(2) }],
            next: None,
        },
        count: 2,
        newest: Some((2, None)),
        neighbours: Neighbours::default(),
        form,
    }
}

/// A bin with a deleted post and another account's comment on it, and a deletion to undo.
fn binned(frame: Frame) -> BinPage {
    let facts = post(1).facts();
    let line = |comment_id, thing| Line {
        entry: Entry {
            id: 1,
            post_id: 1,
            comment_id,
            deleted_by: None,
            deleted_at: at("2026-11-22T09:05:07"),
        },
        title: NASTY.to_owned(),
        body: NASTY.to_owned(),
        author: Some(NASTY.to_owned()),
        facts: Facts {
            access: BinFacts { thing, deleted_by: None },
            is_without_post: comment_id.is_some(),
        },
    };
    let items = vec![
        line(None, Binned::Post(facts)),
        line(Some(2), Binned::Comment(comment(2).facts(facts))),
    ];
    let undo = Some(Undo { entry: 1, place: NASTY.to_owned() });
    BinPage {
        frame: Frame { undo, ..frame },
        cursor: None,
        lines: Page { items, next: None },
        kept: None,
        now: at("2026-11-22T09:05:07"),
    }
}

fn saved() -> Saved {
    Saved { by: Some(NASTY.to_owned()), at: at("2026-11-22T09:05:07") }
}

fn unsaved() -> Unsaved {
    Unsaved {
        key: NASTY.to_owned(),
        title: NASTY.to_owned(),
        updated_at: at("2026-11-22T09:05:07"),
    }
}

fn kept() -> Kept {
    Kept { at: at("2026-11-22T09:05:07"), window: NASTY.to_owned() }
}

fn links() -> DraftLinks {
    let at = at("2026-11-22T09:05:07");
    let list = vec![DraftLink { id: 1, inserted_at: at, expires_at: at }];
    DraftLinks { list, may_add: true, fresh: Some(NASTY.to_owned()) }
}

/// The state of a node, every text of which is malicious.
fn overview(frame: Frame) -> Overview {
    let at = at("2026-11-22T09:05:07");
    let slow =
        SlowReader { at, transport: "websocket", channels: vec![NASTY.to_owned()], stalled_ms: 1 };
    let channel = ChannelSize { channel: NASTY.to_owned(), members: 2, local_members: 1 };
    let line = IndexerLine { at, text: NASTY.to_owned() };
    let sample = Sample {
        node: NASTY.to_owned(),
        version: crate::VERSION,
        started_at: at,
        channels: vec![channel],
        slow_readers: vec![slow],
        indexer: vec![line],
        ..Sample::default()
    };
    Overview { frame, sample }
}

fn every_page() -> Vec<String> {
    let frame = Frame { open: true, ..anyones() };
    let (params, errors) =
        refused(&["title", "body", "tags", "status", "author", "username", "email", "password"]);
    let frame = Frame { reader: Reader::Guest, ..frame };
    let login = |form| Login { frame: frame.clone(), may_register: true, form }.render();
    let mut signed_in = show(CommentForm::refused(&params, errors.clone()));
    signed_in.frame.reader = Reader::User(NASTY.to_owned());
    let post_form = || PostForm::refused(&params, errors.clone());
    let note_form = || NoteForm::refused(&params, errors.clone());
    let hit = Hit {
        kind: "post",
        path: "/posts/1".to_owned(),
        title: NASTY.to_owned(),
        snippet: "&lt;b&gt; <mark>x</mark>".to_owned(),
        at: at("2026-11-22T09:05:07"),
    };
    let search = |outcome| Search {
        frame: frame.clone(),
        query: NASTY.to_owned(),
        kind: Some("post"),
        outcome,
    };
    let notes =
        Page { items: vec![note(2), Note { body: NASTY.repeat(100), ..note(1) }], next: None };
    [
        index(Some(NASTY), None).render(),
        show(CommentForm::refused(&params, errors.clone())).render(),
        PostNew { frame: frame.clone(), form: post_form(), unsaved: vec![unsaved()] }.render(),
        PostEdit {
            frame: frame.clone(),
            id: 1,
            form: PostForm { saved: Some(Status::Published), kept: Some(kept()), ..post_form() },
            typed: Some(post_form()),
            links: Some(links()),
        }
        .render(),
        PostAlone { frame: frame.clone(), post: post(1), says: NASTY }.render(),
        NoteIndex { frame: frame.clone(), cursor: None, notes, form: note_form() }.render(),
        NoteShow { frame: frame.clone(), note: note(1) }.render(),
        NoteEdit { frame: frame.clone(), id: 1, form: note_form(), typed: Some(note_form()) }
            .render(),
        login(LoginForm::wrong(&params, Some(NASTY.to_owned()))),
        login(LoginForm::refused(&params, None, errors.clone())),
        Register { frame: frame.clone(), form: RegisterForm::default() }.render(),
        Register {
            frame: frame.clone(),
            form: RegisterForm::refused(&params, Some(NASTY.to_owned()), errors.clone()),
        }
        .render(),
        signed_in.render(),
        search(Outcome::Idle).render(),
        search(Outcome::Invalid(NASTY.to_owned())).render(),
        search(Outcome::Hits {
            hits: vec![hit],
            total: 58,
            is_first: false,
            next: Some(NASTY.to_owned()),
        })
        .render(),
        PostConflict {
            frame: frame.clone(),
            id: 1,
            saved: saved(),
            theirs: PostForm::of(&post(1), NASTY.to_owned()),
            form: post_form(),
        }
        .render(),
        NoteConflict {
            frame: frame.clone(),
            id: 1,
            saved: saved(),
            theirs: NoteForm { body: format!("a\n{NASTY}\nb"), ..NoteForm::default() },
            form: note_form(),
        }
        .render(),
        Unsent {
            frame: frame.clone(),
            title: NASTY.to_owned(),
            problem: Problem { message: NASTY.to_owned(), signs_in: true },
            resend: Some((NASTY.to_owned(), NASTY.to_owned())),
            copy: NASTY.to_owned(),
            lines: vec![("title", "Title", NASTY.to_owned())],
            body: NASTY.to_owned(),
            hidden: vec![("as", NASTY.to_owned())],
        }
        .render(),
        binned(frame.clone()).render(),
        overview(frame.clone()).render(),
        ErrorPage {
            frame: frame.clone(),
            status: 404,
            title: NASTY.to_owned(),
            message: NASTY.to_owned(),
            is_of_form: false,
        }
        .render(),
    ]
    .map(Result::unwrap)
    .into()
}

#[test]
fn nothing_typed_becomes_markup_on_any_page() {
    for page in every_page() {
        let own = ["editor.js", "presence.js", "notes.js", "overview.js", "search.js"];
        let own = own.iter().filter(|name| page.contains(&format!("src=\"/static/{name}")));
        assert_eq!(page.matches("<script").count(), 1 + own.count(), "{page}");
        assert_eq!(page.matches("<h1").count(), 1, "{page}");
        assert_eq!(page.matches("</title>").count(), 1, "{page}");
        assert_eq!(
            page.matches("</textarea>").count(),
            page.matches("<textarea").count(),
            "{page}"
        );
        assert!(!page.contains("onerror=alert(1)>"), "{page}");
        assert!(!page.contains(" style="), "{page}");
    }
}

#[test]
fn no_page_has_an_id_twice_or_a_label_for_nothing() {
    for page in every_page() {
        let ids: Vec<&str> = values(&page, " id=\"");
        for id in &ids {
            assert_eq!(ids.iter().filter(|other| other == &id).count(), 1, "{id} in {page}");
        }
        let references =
            ["for", "aria-describedby", "aria-labelledby"].map(|name| format!(" {name}=\""));
        for list in references.iter().flat_map(|name| values(&page, name)) {
            for id in list.split(' ') {
                assert!(ids.contains(&id), "{id} is not in {page}");
            }
        }
    }
}

fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_address_of_the_next_page_keeps_the_list() {
    let page = index(Some("a&b=c d/ü"), None).render().unwrap();
    let next = "href=\"/tags/a%26b%3Dc%20d%2F%C3%BC?cursor=1795338307123456_2\"";
    assert!(page.contains(next), "{page}");
    assert!(page.contains("href=\"/tags/a%26b%3Dc%20d\""), "{page}");
    assert!(page.contains("data-first>"), "{page}");
    let page = index(None, Some(Cursor { at: at("2026-11-22T00:00:00"), id: 9 })).render().unwrap();
    assert!(!page.contains("data-first"), "{page}");
    assert!(page.contains("<a href=\"/\">Newest posts</a>"), "{page}");
}

#[test]
fn times_are_readable_for_people_and_for_machines() {
    let page = show(CommentForm::default()).render().unwrap();
    assert!(
        page.contains(
            "<time datetime=\"2026-11-22T09:05:07Z\" title=\"22 November 2026, 09:05:07 UTC\">\
             22 November 2026, 09:05 UTC</time>"
        ),
        "{page}"
    );
    assert!(page.contains("22 November 2026, 09:05 UTC"), "{page}");
    assert!(page.contains("Anonymous"), "{page}");
}

#[test]
fn the_bin_says_how_long_something_can_still_be_restored() {
    let page = |now: &str| {
        let kept = Some(chrono::TimeDelta::days(30));
        BinPage { kept, now: at(now), ..binned(anyones()) }.render().unwrap()
    };
    for (now, words) in [
        ("2026-11-22T09:05:08", "30 days left"),
        ("2026-12-20T09:05:07", "2 days left"),
        ("2026-12-21T09:05:07", "1 day left"),
        ("2026-12-22T09:00:00", "less than a day left"),
        ("2026-12-24T09:00:00", "less than a day left"),
    ] {
        assert!(page(now).contains(words), "{now}: {}", page(now));
    }
    assert!(!binned(anyones()).render().unwrap().contains("left</span>"));
}

#[test]
fn a_page_says_that_access_is_open_only_if_it_is() {
    let sentence = "Anyone who can reach this address may read and write.";
    assert!(index(None, None).render().unwrap().contains(sentence));
    assert!(!show(CommentForm::default()).render().unwrap().contains(sentence));
}

#[test]
fn a_refused_form_comes_back_as_typed_with_its_messages() {
    let body = "\n\n  first lines are blank\n";
    let params = json!({"title": "ab", "body": body, "tags": "x, y", "slug": "kept"});
    let serde_json::Value::Object(params) = params else { panic!("an object") };
    let mut errors = Errors::default();
    errors.add("title", "should be at least 3 character(s)");
    let form = PostForm::refused(&params, errors);
    let page = PostNew { frame: anyones(), form, unsaved: Vec::new() }.render().unwrap();
    // The first line break after the tag is not part of the text.
    assert!(page.contains(&format!(">\n{body}</textarea>")), "{page}");
    assert!(page.contains("<li>The title should be at least 3 character(s).</li>"), "{page}");
    assert!(page.contains("aria-describedby=\"post-title-errors\""), "{page}");
    assert!(page.contains("value=\"x, y\"") && page.contains("value=\"kept\""), "{page}");
}
