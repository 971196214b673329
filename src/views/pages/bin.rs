//! The bin, and the notice of a deletion that can be undone.

use askama::Template;
use chrono::{NaiveDateTime, TimeDelta};

use super::super::filters;
use super::{Frame, address};
use crate::access::{self, Action, Binned, Verdict};
use crate::models::bin::Line;
use crate::models::{Cursor, Page};

/// The deletion that a form on a page has just made, which the page offers to undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// The entry in the bin.
    pub entry: i64,
    /// The path of the page that shows the row after it is restored.
    pub place: String,
}

/// `GET /bin`: the posts and comments that the reader has deleted, or that others have deleted and
/// the reader has written.
#[derive(Debug, Template)]
#[template(path = "bin.html")]
pub struct BinPage {
    /// The page's frame.
    pub frame: Frame,
    /// The start of the list; the newest deletion if `None`.
    pub cursor: Option<Cursor>,
    /// The entries.
    pub lines: Page<Line>,
    /// How long an entry is kept; forever if `None`.
    pub kept: Option<TimeDelta>,
    /// The current time by the database's clock.
    pub now: NaiveDateTime,
}

impl BinPage {
    /// True if the reader may restore an entry.
    fn restores(&self, line: &Line) -> bool {
        let may = access::may(self.frame.viewer, Action::Restore(line.facts.access));
        may == Verdict::Allowed && !line.facts.is_without_post
    }

    /// True if the reader may delete an entry permanently.
    fn discards(&self, line: &Line) -> bool {
        let action = Action::Discard(line.facts.access);
        access::may(self.frame.viewer, action) == Verdict::Allowed
    }

    /// The title, if the reader may read it. A comment has the title of its post, which may be a
    /// draft of another account again.
    fn title<'a>(&self, line: &'a Line) -> Option<&'a str> {
        let shows = match line.facts.access.thing {
            Binned::Post(_) => true,
            Binned::Comment(comment) => {
                access::sees(self.frame.viewer, comment.post) && !line.facts.is_without_post
            }
        };
        shows.then_some(line.title.as_str())
    }

    /// Why the reader may not restore an entry.
    fn reason(&self, line: &Line) -> &'static str {
        let by = line.entry.deleted_by;
        if line.facts.is_without_post {
            "Its post is deleted too."
        } else if by.is_some() && by != self.frame.user() {
            "It was deleted by a moderator."
        } else {
            "This account may not restore it."
        }
    }

    /// The time left to restore an entry, in words.
    fn left(&self, line: &Line) -> Option<String> {
        let left = line.entry.deleted_at + self.kept? - self.now;
        Some(match (left.num_hours() + 12) / 24 {
            ..=0 => "less than a day left".to_owned(),
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        })
    }

    /// The address of this list, starting at a cursor.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        address("/bin", &[("cursor", cursor.map(ToString::to_string))])
    }
}
