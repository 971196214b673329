//! Prints a frame as one line. Nothing that the server sends can move the cursor or change the
//! terminal. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

/// The most characters of a title or a body.
const TEXT: usize = 80;

/// The most characters of any other part.
const WORD: usize = 64;

/// The line for a frame that arrived at this time.
pub(super) fn of(frame: &Value, now: DateTime<Utc>) -> String {
    let time = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let id = frame["id"].as_i64().map_or_else(|| "-".to_owned(), |id| id.to_string());
    let word = |name: &str| cut(frame[name].as_str().unwrap_or("-"), WORD);
    let text = match (frame["event"].as_str(), frame.get("channel")) {
        (Some("resync"), None) => {
            "events were missed that the server no longer has; live from here".to_owned()
        }
        _ => about(&frame["data"]),
    };
    format!("{time} {id:>6} {:<10} {:<15} {text}", word("channel"), word("event"))
        .trim_end()
        .to_owned()
}

/// A frame as JSON on one line.
pub(super) fn json(frame: &str) -> String {
    // Between tokens any white space will do; within strings JSON escapes these characters.
    let line = frame.replace(['\n', '\r', '\t'], " ");
    let mut safe = String::with_capacity(line.len());
    for character in line.chars() {
        match is_unsafe(character) {
            // JSON escapes UTF-16 code units; a character has at most two.
            true => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                safe.push_str(&format!("\\u{unit:04x}"));
            }),
            false => safe.push(character),
        }
    }
    safe
}

/// A text with every character that could control a terminal escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unsafe(character) {
            true => safe.extend(character.escape_unicode()),
            false => safe.push(character),
        }
    }
    safe
}

/// The title in a payload, else the beginning of its body, else the whole payload.
fn about(data: &Value) -> String {
    let text = |name: &str| data[name].as_str().filter(|text| !text.trim().is_empty());
    match (text("title"), text("body"), data) {
        (Some(text), _, _) | (None, Some(text), _) => cut(text, TEXT),
        (None, None, Value::Null) => String::new(),
        (None, None, data) => cut(&data.to_string(), TEXT),
    }
}

/// The beginning of a text, on one line.
fn cut(text: &str, most: usize) -> String {
    let mut words = text.split_whitespace();
    let mut line = String::new();
    // Reads no more of a text than it shows.
    while line.chars().count() <= most
        && let Some(word) = words.next()
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(most + 1));
    }
    let shown: String = line.chars().take(most).collect();
    let more = if shown.len() < line.len() { "…" } else { "" };
    format!("{}{more}", escaped(&shown))
}

/// True for control characters, and for those that change the text direction or end a line.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(frame: &Value) -> String {
        of(frame, DateTime::from_timestamp(0, 0).expect("a time"))
    }

    #[test]
    fn a_line_has_time_position_channel_event_and_title() {
        let frame = json!({"channel": "posts", "event": "post_created", "id": 12,
                           "data": {"title": "A  title", "body": "b"}});
        assert_eq!(line(&frame), "1970-01-01T00:00:00Z     12 posts      post_created    A title");
        let frame = json!({"channel": "comments", "event": "comment_deleted", "id": 13,
                           "data": {"id": 4, "post_id": 2}});
        assert!(line(&frame).ends_with(r#"comment_deleted {"id":4,"post_id":2}"#));
        let frame = json!({"channel": "comments", "event": "c", "data": {"body": "x".repeat(200)}});
        assert!(
            line(&frame).ends_with(&format!("- comments   c               {}…", "x".repeat(80)))
        );
        assert!(line(&json!({"event": "resync", "id": 9})).contains("9 -          resync"));
    }

    #[test]
    fn nothing_in_a_frame_reaches_the_terminal_as_a_command() {
        let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}a\u{2028}b\r\n\u{7f}";
        let frame = json!({"channel": evil, "event": evil, "id": 1, "data": {"title": evil}});
        let raw = "{\"title\":\"\u{9b}2J\u{202e}\u{7f}\",\n\"b\":1}";
        for printed in [line(&frame), json(&frame.to_string()), json(raw), escaped(evil)] {
            assert!(!printed.chars().any(is_unsafe), "{printed:?}");
        }
        let back: Value = serde_json::from_str(&json(raw)).expect("still JSON");
        assert_eq!(back["title"], "\u{9b}2J\u{202e}\u{7f}");
    }
}
