//! Overviews of published posts: the tags in use, and the archive. Lists of cards are `PostIndex`.

use askama::Template;
use chrono::Datelike;

use super::super::filters;
use super::{Frame, address};
use crate::models::post::{Line, TagCount};
use crate::models::{Cursor, Page};
use crate::views::{encoded, feeds};

/// The account whose posts a list shows.
#[derive(Clone, Debug)]
pub struct Author {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub username: String,
}

/// `GET /tags`: the tags of published posts.
#[derive(Debug, Template)]
#[template(path = "posts/tags.html")]
pub struct TagIndex {
    /// The page's frame.
    pub frame: Frame,
    /// The last tag of the previous page.
    pub after: Option<String>,
    /// The tags.
    pub tags: Vec<TagCount>,
    /// True if there are further tags.
    pub more: bool,
}

impl TagIndex {
    /// The address of the next page.
    fn next(&self) -> Option<String> {
        let last = self.tags.last().filter(|_| self.more)?;
        Some(address("/tags", &[("after", Some(last.tag.clone()))]))
    }
}

/// `GET /archive`: the published posts of a year, by month.
#[derive(Debug, Template)]
#[template(path = "posts/archive.html")]
pub struct Archive {
    /// The page's frame.
    pub frame: Frame,
    /// The year; `None` if there are no posts.
    pub year: Option<i32>,
    /// All years with posts, newest first.
    pub years: Vec<i32>,
    /// The start of the list; the year's last post if `None`.
    pub cursor: Option<Cursor>,
    /// The posts.
    pub posts: Page<Line>,
}

/// The names of the months.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Archive {
    /// The posts, grouped by month.
    fn months(&self) -> Vec<(&'static str, &[Line])> {
        let same = |a: &Line, b: &Line| a.shown_at.month0() == b.shown_at.month0();
        let name = |month: &[Line]| {
            let number = usize::try_from(month.first()?.shown_at.month0()).ok()?;
            MONTHS.get(number).copied()
        };
        let months = self.posts.items.chunk_by(same);
        months.map(|month| (name(month).unwrap_or_default(), month)).collect()
    }

    /// The address of a year, starting at a cursor.
    pub(super) fn address(&self, year: &i32, cursor: Option<&Cursor>) -> String {
        let cursor = cursor.map(ToString::to_string);
        address("/archive", &[("year", Some(year.to_string())), ("cursor", cursor)])
    }
}

/// The path of a tag's page. Browsers remove the segments `.` and `..` from paths, so these tags
/// have a query parameter instead.
pub fn of_tag(tag: &str) -> String {
    if has_path(tag) {
        format!("/tags/{}", encoded(tag))
    } else {
        address("/", &[("tag", Some(tag.to_owned()))])
    }
}

/// True if a tag has its own page and feed.
pub fn has_path(tag: &str) -> bool {
    !["", ".", ".."].contains(&tag)
}

/// The path of the feed of a tag, if it can have one.
pub(super) fn feed_of_tag(tag: &str) -> Option<String> {
    has_path(tag).then(|| feeds::of_tag(tag))
}

/// The path of an account's page.
pub fn of_author(username: &str) -> String {
    format!("/authors/{}", encoded(username))
}
