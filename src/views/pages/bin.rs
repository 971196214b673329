//! The bin, and the notice of a deletion that can be undone.

use askama::Template;
use chrono::{NaiveDateTime, TimeDelta};

use super::super::filters;
use super::{Frame, address};
use crate::access::{self, Action, Binned, Verdict};
use crate::models::bin::Line;
use crate::models::{Cursor, Page};

/// What a page offers to restore, because a form on it has just deleted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// The entry in the bin.
    pub entry: i64,
    /// The path of the page that shows it once it is restored.
    pub place: String,
}

/// `GET /bin`: what its reader has deleted, or has written and others have deleted.
#[derive(Debug, Template)]
#[template(path = "bin.html")]
pub struct BinPage {
    /// The page's frame.
    pub frame: Frame,
    /// Where the list starts; at the newest deletion when not given.
    pub cursor: Option<Cursor>,
    /// The entries.
    pub lines: Page<Line>,
    /// How long an entry is kept; for ever when not given.
    pub kept: Option<TimeDelta>,
    /// The time by the database's clock.
    pub now: NaiveDateTime,
}

impl BinPage {
    /// Whether the reader may restore an entry.
    fn restores(&self, line: &Line) -> bool {
        let may = access::may(self.frame.viewer, Action::Restore(line.facts.access));
        may == Verdict::Allowed && !line.facts.is_without_post
    }

    /// Whether the reader may delete an entry for good.
    fn discards(&self, line: &Line) -> bool {
        let action = Action::Discard(line.facts.access);
        access::may(self.frame.viewer, action) == Verdict::Allowed
    }

    /// The title that the reader may read: not of a post that is another's again.
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

    /// How long an entry can still be restored, in words.
    fn left(&self, line: &Line) -> Option<String> {
        let left = line.entry.deleted_at + self.kept? - self.now;
        Some(match (left.num_hours() + 12) / 24 {
            ..=0 => "less than a day left".to_owned(),
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        })
    }

    /// The address of this list from a place on.
    fn address(&self, cursor: Option<&Cursor>) -> String {
        address("/bin", &[("cursor", cursor.map(ToString::to_string))])
    }
}
