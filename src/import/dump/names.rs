//! Names of people, tags and pages in an export, in the form that posts use.

use chrono::NaiveDateTime;

use crate::import::date::{self, When, Zone};
use crate::import::report::Note;

/// A person's name. A program may put an email address there, which its owner never agreed to
/// publish, so such a name is left out.
pub(in crate::import) fn person(name: &str, notes: &mut Vec<Note>) -> Option<String> {
    let words: Vec<&str> = name
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|it| !it.is_empty())
        .collect();
    let name = words.join(" ");
    if name.is_empty() {
        return None;
    }
    if is_email(&name) {
        notes.push(Note::lost("a name that is an email address, left out", ""));
        return None;
    }
    Some(name)
}

/// Whether a word of a text may be an email address.
fn is_email(text: &str) -> bool {
    text.split(' ').any(|word| {
        word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    })
}

/// A time in UTC; `None` if there is none, or MySQL's zero date.
pub(in crate::import) fn time(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    if text.starts_with("0000-00-00") || text.starts_with('-') {
        return None;
    }
    // Old versions of Ghost wrote milliseconds since 1970.
    let is_number = text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        let millis = chrono::DateTime::from_timestamp_millis(text.parse().ok()?)?;
        return date::kept(millis.naive_utc());
    }
    When::parse(text)?.utc(&Zone::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_utc_or_missing() {
        for (text, expected) in [
            ("2019-05-06 07:08:09", Some("2019-05-06 07:08:09")),
            ("2019-05-06T07:08:09.000Z", Some("2019-05-06 07:08:09")),
            ("1557126489000", Some("2019-05-06 07:08:09")),
            ("Mon, 06 May 2019 07:08:09 +0000", Some("2019-05-06 07:08:09")),
            ("0000-00-00 00:00:00", None),
            ("", None),
            ("yesterday", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(time(text).map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_email_address_is_not_a_name() {
        let mut notes = Vec::new();
        assert_eq!(person(" Ada\n Lovelace ", &mut notes).as_deref(), Some("Ada Lovelace"));
        assert_eq!(person("ada @ home", &mut notes).as_deref(), Some("ada @ home"));
        assert_eq!(person("ada@example.org", &mut notes), None);
        assert_eq!(person("Ada <ada@example.org>", &mut notes), None);
        assert_eq!(notes.len(), 2);
        assert!(notes.iter().all(|note| !note.detail.contains('@')));
    }
}
