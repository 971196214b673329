//! Feeds of posts with the largest and strangest content.

use url::Url;

use super::*;
use crate::reach::{PublicUrl, Reach};

const KEY: Key = [7; 64];

fn address() -> Address {
    let public = PublicUrl::parse("https://example.org/blog");
    let reach = Reach { public, ..Reach::default() };
    Address::of(&reach, ([127, 0, 0, 1], 80).into()).expect("an address")
}

fn head(id: i64, size: usize) -> Head {
    let time = NaiveDateTime::default();
    Head {
        id,
        title: "A post".to_owned(),
        slug: None,
        author: None,
        tags: Vec::new(),
        shown_at: time,
        updated_at: time,
        start: String::new(),
        size,
    }
}

/// The longest text that a field with these limits accepts.
fn longest(character: char, characters: usize, bytes: usize) -> String {
    // Any number of combining marks counts as one character.
    let characters = if character.is_ascii() { characters } else { usize::MAX };
    character.to_string().repeat(characters.min(bytes / character.len_utf8()))
}

fn feed(heads: &[Head], bodies: &HashMap<i64, String>) -> String {
    atom(&Site::default(), &Subject::Site, heads, bodies, &address(), &KEY).expect("a feed")
}

#[test]
fn a_feed_is_bounded_whatever_its_posts_are() {
    let link = "[a](#b)".repeat(19_000);
    for c in ['&', '"', '\u{301}'] {
        for body in [&*link, &"<".repeat(200_000), &"é".repeat(500_000), &"\u{1}".repeat(MAX)] {
            let head = |id| Head {
                title: longest(c, 200, 4096),
                slug: Some(longest(c, 200, 2048)),
                author: Some(longest(c, 1000, 8192)),
                tags: vec![longest(c, 50, 400); 20],
                start: longest(c, START as usize, 2 * START as usize),
                ..head(id, body.len())
            };
            let heads: Vec<_> = (1..=POSTS).map(head).collect();
            let chosen = chosen(&heads);
            assert!(chosen.len() * body.len() <= MAX && !chosen.is_empty());
            let bodies = chosen.into_iter().map(|id| (id, body.to_owned())).collect();
            let xml = feed(&heads, &bodies);
            assert!(xml.len() <= MAX, "{}", xml.len());
            let document = roxmltree::Document::parse(&xml).expect("XML");
            let entries = document.descendants().filter(|node| node.has_tag_name("entry"));
            assert_eq!(entries.count(), 20);
        }
    }
}

#[test]
fn a_post_that_fits_is_chosen_after_one_that_does_not() {
    let heads = [head(1, 10), head(2, MAX), head(3, MAX - 10), head(4, 1)];
    assert_eq!(chosen(&heads), [1, 3]);
}

#[test]
fn a_parser_reads_the_text_without_characters_that_xml_cannot_contain() {
    let text: String = (0..0x300).chain(0xfff0..=0x1_0010).filter_map(char::from_u32).collect();
    let xml = format!("<a b=\"{0}\">{0}</a>", xml(&text));
    let document = roxmltree::Document::parse(&xml).expect("XML");
    let legal = |c: &char| {
        !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}')
            && !matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let expected: String = text.chars().filter(legal).collect();
    assert_eq!(document.root_element().text(), Some(expected.as_str()));
}

#[test]
fn an_id_is_a_unique_uuid() {
    let post = id(&KEY, "post 1");
    assert_eq!(post, id(&KEY, "post 1"));
    assert_ne!(post, id(&KEY, "post 2"));
    assert_ne!(post, id(&[8; 64], "post 1"), "another site's");
    for number in 0..100 {
        let id = id(&KEY, &format!("post {number}"));
        assert!(Url::parse(&id).is_ok());
        let parts: Vec<&str> = id["urn:uuid:".len()..].split('-').collect();
        assert!(parts[2].starts_with('8'), "the version: {id}");
        assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "the variant: {id}");
    }
}
