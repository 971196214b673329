//! Names of people, tags and pages in an export, as posts may have them.

use chrono::NaiveDateTime;

use crate::import::date::{self, When, Zone};
use crate::import::report::Note;

/// A person's name. Where a program puts an address of e-mail in its place, nobody has said that it
/// may be shown.
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
        notes.push(Note::lost("a name that is an e-mail address, and left out", ""));
        return None;
    }
    Some(name)
}

/// Whether some word of a text may be an address of e-mail.
fn is_email(text: &str) -> bool {
    text.split(' ').any(|word| {
        word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
    })
}

/// A moment of UTC; `None` for none, and for MySQL's zeros.
pub(in crate::import) fn time(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    if text.starts_with("0000-00-00") || text.starts_with('-') {
        return None;
    }
    // Ghost had milliseconds since 1970 once.
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
    fn a_time_is_of_utc_or_none() {
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
    fn an_address_of_e_mail_is_nobodys_name() {
        let mut notes = Vec::new();
        assert_eq!(person(" Ada\n Lovelace ", &mut notes).as_deref(), Some("Ada Lovelace"));
        assert_eq!(person("ada @ home", &mut notes).as_deref(), Some("ada @ home"));
        assert_eq!(person("ada@example.org", &mut notes), None);
        assert_eq!(person("Ada <ada@example.org>", &mut notes), None);
        assert_eq!(notes.len(), 2);
        assert!(notes.iter().all(|note| !note.detail.contains('@')));
    }
}
