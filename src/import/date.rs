//! Dates as front matter, file names and paths write them. Pure.
//!
//! A time without an offset is UTC, a day without a time its first moment. Every date given is one
//! that the database keeps as it is: years 1 to 9999, whole microseconds, no leap second.

use std::str::FromStr;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

const WITH_OFFSET: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z"];
const WITHOUT: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];

/// Reads a date: RFC 3339 and its relatives with a space, seconds or offset left out.
pub fn parse(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    let (text, utc) = match upper.strip_suffix('Z').or_else(|| upper.strip_suffix("UTC")) {
        Some(rest) => (rest.trim_end(), true),
        None => (upper.as_str(), false),
    };
    let text = text.replacen('T', " ", 1);
    let naive =
        || WITHOUT.iter().find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok());
    let offset = || {
        // With and without a space before the offset.
        let close = text.replace(" +", "+").replace(" -", "-");
        WITH_OFFSET
            .iter()
            .find_map(|format| DateTime::<FixedOffset>::parse_from_str(&close, format).ok())
            .map(|time| time.naive_utc())
    };
    let found = day(&text).or_else(naive).or_else(|| if utc { None } else { offset() })?;
    kept(found)
}

/// The time as the database keeps it, if it can.
pub fn kept(time: NaiveDateTime) -> Option<NaiveDateTime> {
    let micros = time.and_utc().timestamp_micros();
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.naive_utc())
        .filter(|time| (1..=9999).contains(&time.year()))
}

/// The date in a path of `/` and names: `2014/12/12/name` anywhere, or a name that begins with
/// `2014-12-12`, the last such one.
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
    let (start, rest) = (name.get(..10)?, name.get(10..)?);
    if rest.starts_with(|c: char| c.is_ascii_digit()) { None } else { day(start) }
}

fn day(text: &str) -> Option<NaiveDateTime> {
    let mut parts = text.splitn(3, '-');
    date(parts.next()?, parts.next()?, parts.next()?)
}

fn date(year: &str, month: &str, day: &str) -> Option<NaiveDateTime> {
    let year = (year.len() == 4).then(|| number(year))??;
    let date = NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)?;
    kept(date.and_time(NaiveTime::MIN))
}

/// At most four digits and nothing else.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(time: Option<NaiveDateTime>) -> String {
        time.map_or_else(|| "-".into(), |time| time.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
    }

    #[test]
    fn dates_of_all_three_generators_are_read() {
        for (text, expected) in [
            ("2024-02-29", "2024-02-29T00:00:00"),
            ("2024-2-9", "2024-02-09T00:00:00"),
            ("2024-02-29T10:11:12Z", "2024-02-29T10:11:12"),
            ("2024-02-29t10:11:12.1234567z", "2024-02-29T10:11:12.123456"),
            ("2024-02-29T23:11:12-05:00", "2024-03-01T04:11:12"),
            ("2024-02-29 10:11:12 +0200", "2024-02-29T08:11:12"),
            ("2024-02-29 10:11 +02:00", "2024-02-29T08:11:00"),
            ("2024-02-29 10:11:12+02", "2024-02-29T08:11:12"),
            ("2024-02-29 10:11:12 UTC", "2024-02-29T10:11:12"),
            ("2024-02-29 10:11:12", "2024-02-29T10:11:12"),
            ("2024-02-29 10:11", "2024-02-29T10:11:00"),
            (" 2024-02-29 ", "2024-02-29T00:00:00"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
        ] {
            assert_eq!(iso(parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn invalid_dates_are_none() {
        for text in [
            "",
            "soon",
            "2023-02-29",
            "10:11:12",
            "0000-01-01",
            "99999-01-01",
            "-001-01-01",
            "٢٠٢٤-٠١-٠١",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-01:00",
            "2024-01-01T25:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_path_may_hold_the_date() {
        for (path, expected) in [
            ("2014/12/12/Core-Team", "2014-12-12T00:00:00"),
            ("inside-rust/2024/08/09/async", "2024-08-09T00:00:00"),
            ("_posts/2020-01-02-hello.md", "2020-01-02T00:00:00"),
            ("2020-01-02_hello/index.md", "2020-01-02T00:00:00"),
            ("2020/1/2.md", "2020-01-02T00:00:00"),
            ("2019/01/01/2020-01-02-hello.md", "2020-01-02T00:00:00"),
            ("2020-13-02-hello.md", "-"),
            ("2020-01-021-hello.md", "-"),
            ("2020/01/hello.md", "-"),
            ("hello.md", "-"),
            ("ééééé-é.md", "-"),
            ("", "-"),
        ] {
            assert_eq!(iso(in_path(path)), expected, "{path}");
        }
    }
}
