//! The filters of the templates: times, Markdown, XML. Each is a thin wrapper around another
//! module.

use std::sync::Arc;

use askama::filters::Safe;
use askama::{Result, Values, filter_fn};
use chrono::NaiveDateTime;

use super::pages::kinds;
use super::{browsers, feeds};
use crate::markdown::{self, Container};

/// A machine-readable time.
const MACHINE: &str = "%Y-%m-%dT%H:%M:%SZ";

/// The day and minute for readers without scripts.
const MOMENT: &str = "%-d %B %Y, %H:%M UTC";

/// The day in words, `22 November 2026`.
#[filter_fn]
pub(crate) fn day(time: &NaiveDateTime, _: &dyn Values) -> Result<String> {
    Ok(time.format("%-d %B %Y").to_string())
}

/// Day and minute in words, `22 November 2026, 09:30 UTC`.
#[filter_fn]
pub(crate) fn moment(time: &NaiveDateTime, _: &dyn Values) -> Result<String> {
    Ok(time.format(MOMENT).to_string())
}

/// The `<time>` element: day and minute in words, `22 November 2026, 09:30 UTC`, which the page's
/// script converts to the reader's time zone. Its title has the seconds.
#[filter_fn]
pub(crate) fn time(time: &NaiveDateTime, _: &dyn Values) -> Result<Safe<String>> {
    let (machine, exact) = (time.format(MACHINE), time.format("%-d %B %Y, %H:%M:%S UTC"));
    let words = time.format(MOMENT);
    Ok(Safe(format!("<time datetime=\"{machine}\" title=\"{exact}\">{words}</time>")))
}

/// A text escaped for XML, without the characters that XML cannot contain.
#[filter_fn]
pub(crate) fn xml(text: &str, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(feeds::xml(text)))
}

/// The value of a `datetime` attribute, `2026-11-22T09:30:00Z`.
#[filter_fn]
pub(crate) fn datetime(time: &NaiveDateTime, _: &dyn Values) -> Result<String> {
    Ok(time.format(MACHINE).to_string())
}

/// The browser of this `User-Agent`.
#[filter_fn]
pub(crate) fn browser(user_agent: &str, _: &dyn Values) -> Result<String> {
    Ok(browsers::named(user_agent))
}

/// The start of a Markdown text, without markup.
#[filter_fn]
pub(crate) fn excerpt(body: &str, _: &dyn Values) -> Result<String> {
    Ok(markdown::excerpt(body))
}

/// A page's main Markdown text as HTML, for the element with the id `KIND-ID`, on a site below
/// `root`.
#[filter_fn]
pub(crate) fn page(
    body: &str,
    _: &dyn Values,
    kind: &str,
    id: &i64,
    root: &str,
) -> Result<Safe<Arc<str>>> {
    let id = format!("{kind}-{id}");
    Ok(Safe(markdown::render(body, &Container { id: &id, top: 2, is_page: true, root })))
}

/// One of several Markdown texts of a page as HTML, for the element with the id `KIND-ID`. `top` is
/// the level of its topmost headings.
#[filter_fn]
pub(crate) fn part(
    body: &str,
    _: &dyn Values,
    kind: &str,
    id: &i64,
    top: u8,
    root: &str,
) -> Result<Safe<Arc<str>>> {
    let id = format!("{kind}-{id}");
    Ok(Safe(markdown::render(body, &Container { id: &id, top, is_page: false, root })))
}

/// A text, with the parts between backticks as code.
#[filter_fn]
pub(crate) fn spans(text: &str, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(kinds::spans(text)))
}

/// The paragraphs of a text, with the parts between backticks as code.
#[filter_fn]
pub(crate) fn paragraphs(text: &str, _: &dyn Values) -> Result<Safe<String>> {
    Ok(Safe(kinds::paragraphs(text)))
}

/// The day of the month in digits.
#[filter_fn]
pub(crate) fn day_of_month(time: &NaiveDateTime, _: &dyn Values) -> Result<String> {
    Ok(time.format("%-d").to_string())
}

/// How long a Markdown text takes to read, `5 min read`.
#[filter_fn]
pub(crate) fn reading_time(body: &str, _: &dyn Values) -> Result<String> {
    Ok(format!("{} min read", markdown::minutes(body)))
}

/// The path of a tag's page.
#[filter_fn]
pub(crate) fn tag_path(tag: &str, _: &dyn Values) -> Result<String> {
    Ok(super::pages::of_tag(tag))
}

/// The path of the page of an account with this name.
#[filter_fn]
pub(crate) fn author_path(username: &str, _: &dyn Values) -> Result<String> {
    Ok(super::pages::of_author(username))
}

/// The address of a static file.
#[filter_fn]
pub(crate) fn asset(name: &str, _: &dyn Values) -> Result<String> {
    Ok(super::assets::asset(name))
}
