//! Dates as written in front matter, file names and paths. Pure.
//!
//! A time without an offset is in the site's time zone, or in UTC if the site has none. A date
//! without a time is the start of that day. The database stores every date returned without loss:
//! years 1 to 9999, whole microseconds, no leap second.

mod words;

use std::str::FromStr;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};

const WITH_OFFSET: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z"];
const WITHOUT: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];

/// A date and time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// The local date and time.
    pub local: NaiveDateTime,
    /// The offset from UTC in seconds, if the text gives one; positive east of Greenwich.
    pub offset: Option<i32>,
}

/// A time zone, for times without an offset.
#[derive(Clone, Debug, Default)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// The zone of this name in the IANA database, or `None`.
    pub fn named(name: &str) -> Option<Zone> {
        TimeZoneDatabase::bundled().get(name).ok().map(|zone| Zone(Some(zone)))
    }

    /// The local time in this zone; `None` if no zone is set.
    fn local(&self, utc: NaiveDateTime) -> Option<NaiveDateTime> {
        let second = utc.and_utc().timestamp();
        let offset = self.0.as_ref()?.to_offset(jiff::Timestamp::from_second(second).ok()?);
        utc.checked_add_signed(chrono::Duration::seconds(i64::from(offset.seconds())))
    }

    /// The offset of a local time from UTC, in seconds. A time skipped by a clock change counts as
    /// one after the change; of two equal times the first counts.
    fn offset(&self, wall: NaiveDateTime) -> Option<i32> {
        let part = |number: u32| i8::try_from(number).ok();
        let local = civil::DateTime::new(
            i16::try_from(wall.year()).ok()?,
            part(wall.month())?,
            part(wall.day())?,
            part(wall.hour())?,
            part(wall.minute())?,
            part(wall.second())?,
            0,
        );
        let zone = self.0.as_ref()?;
        let moment = zone.to_ambiguous_timestamp(local.ok()?).compatible().ok()?;
        i32::try_from(wall.and_utc().timestamp() - moment.as_second()).ok()
    }
}

impl When {
    /// Reads a date in any form that Hugo and Jekyll accept, or in Unix seconds.
    pub fn parse(text: &str) -> Option<When> {
        let text = text.trim();
        if text.len() > 64 || !text.is_ascii() {
            return None;
        }
        let upper = text.to_ascii_uppercase();
        let when = numbers(&upper).or_else(|| words::parse(&upper)).or_else(|| unix(text))?;
        when.utc(&Zone::default()).map(|_| when)
    }

    /// The time in UTC; `None` if the database cannot store it.
    pub fn utc(self, zone: &Zone) -> Option<NaiveDateTime> {
        let offset = self.offset.or_else(|| zone.offset(self.local)).unwrap_or(0);
        kept(self.local.checked_sub_signed(chrono::Duration::seconds(i64::from(offset)))?)
    }

    /// The local time in the site's zone, or as written if the site has none.
    pub fn local_in(self, zone: &Zone) -> NaiveDateTime {
        self.utc(zone).and_then(|utc| zone.local(utc)).unwrap_or(self.local)
    }

    fn naive(local: NaiveDateTime) -> When {
        When { local, offset: None }
    }
}

/// RFC 3339 and variants: with a space, or without seconds or offset.
fn numbers(upper: &str) -> Option<When> {
    let (text, utc) = match upper.strip_suffix('Z').or_else(|| upper.strip_suffix("UTC")) {
        Some(rest) => (rest.trim_end(), true),
        None => (upper, false),
    };
    let text = text.replacen('T', " ", 1);
    // Try both with and without a space before the offset.
    let close = text.replace(" +", "+").replace(" -", "-");
    if let Some(local) = day(&text)
        .or_else(|| WITHOUT.iter().find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok()))
    {
        return Some(When { local, offset: utc.then_some(0) });
    }
    // `2023-01-02 15:04:05 +0000 UTC`, the form in which Go prints a time, has both.
    WITH_OFFSET.iter().find_map(|form| {
        let time = DateTime::<FixedOffset>::parse_from_str(&close, form).ok()?;
        Some(When { local: time.naive_local(), offset: Some(time.offset().local_minus_utc()) })
    })
}

/// `20240229`, or seconds since 1970: Hugo reads numbers as these.
fn unix(text: &str) -> Option<When> {
    if text.len() > 11 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.len() == 8 {
        let day = date(text.get(..4)?, text.get(4..6)?, text.get(6..)?);
        if let Some(day) = day.filter(|day| (1900..2200).contains(&day.year())) {
            return Some(When::naive(day));
        }
    }
    let time = DateTime::from_timestamp(text.parse().ok()?, 0)?;
    Some(When { local: time.naive_utc(), offset: Some(0) })
}

/// `31/12/2024`, which Ruby reads day first.
pub fn day_first(text: &str) -> Option<When> {
    let mut parts = text.trim().splitn(3, '/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    date(year, month, day).map(When::naive)
}

/// Reads a date in UTC.
pub fn parse(text: &str) -> Option<NaiveDateTime> {
    When::parse(text)?.utc(&Zone::default())
}

/// The time as the database stores it; `None` if it cannot.
pub fn kept(time: NaiveDateTime) -> Option<NaiveDateTime> {
    let micros = time.and_utc().timestamp_micros();
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.naive_utc())
        .filter(|time| (1..=9999).contains(&time.year()))
}

/// The date in a path: `2014/12/12/name` anywhere, or the last name that begins with `2014-12-12`.
pub fn in_path(path: &str) -> Option<NaiveDateTime> {
    let names: Vec<&str> = path.split('/').collect();
    names.iter().rev().find_map(|name| in_name(name)).or_else(|| {
        names.windows(3).find_map(|three| {
            let [year, month, last] = three else { return None };
            // `2014/12/12.md` is a file of that day.
            let last = last.split('.').next().unwrap_or(last);
            date(year, month, last)
        })
    })
}

/// Jekyll's `2014-12-12-name.md`, Zola's `2014-12-12_name`, and the bare date.
fn in_name(name: &str) -> Option<NaiveDateTime> {
    split_name(name).map(|(date, _)| date)
}

/// The date at the start of a name, and the rest of the name.
pub fn split_name(name: &str) -> Option<(NaiveDateTime, &str)> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (year, rest) = name.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, rest) = rest.split_at(end);
    if !digits(month) || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Some((date(year, month, day)?, rest))
}

fn day(text: &str) -> Option<NaiveDateTime> {
    let mut parts = text.splitn(3, if text.contains('/') { '/' } else { '-' });
    date(parts.next()?, parts.next()?, parts.next()?)
}

fn date(year: &str, month: &str, day: &str) -> Option<NaiveDateTime> {
    let year = (year.len() == 4).then(|| number(year))??;
    let date = NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)?;
    kept(date.and_time(NaiveTime::MIN))
}

/// Parses at most four digits and nothing else.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
