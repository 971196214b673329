//! The lists of published posts that lead to others: the tags in use and the archive. The lists of cards
//! are `PostIndex`.

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
    /// The tag that this page begins behind.
    pub after: Option<String>,
    /// The tags.
    pub tags: Vec<TagCount>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl TagIndex {
    /// The address of the tags behind the last one here.
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
    /// The year, unless there is no post at all.
    pub year: Option<i32>,
    /// All years that have posts, newest first.
    pub years: Vec<i32>,
    /// Where the list starts; at the year's last post when not given.
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
    /// The posts, by the name of their month.
    fn months(&self) -> Vec<(&'static str, &[Line])> {
        let same = |a: &Line, b: &Line| a.shown_at.month0() == b.shown_at.month0();
        let name = |month: &[Line]| {
            let number = usize::try_from(month.first()?.shown_at.month0()).ok()?;
            MONTHS.get(number).copied()
        };
        let months = self.posts.items.chunk_by(same);
        months.map(|month| (name(month).unwrap_or_default(), month)).collect()
    }

    /// The address of a year, from a place on.
    pub(super) fn address(&self, year: &i32, cursor: Option<&Cursor>) -> String {
        let cursor = cursor.map(ToString::to_string);
        address("/archive", &[("year", Some(year.to_string())), ("cursor", cursor)])
    }
}

/// The path of a tag's page. A browser takes dots alone out of a path, so that such tags have theirs
/// elsewhere.
pub fn of_tag(tag: &str) -> String {
    if has_path(tag) {
        format!("/tags/{}", encoded(tag))
    } else {
        address("/", &[("tag", Some(tag.to_owned()))])
    }
}

/// Whether a tag has a page and a feed of its own.
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
