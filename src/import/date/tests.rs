//! Valid dates of all three generators, and invalid dates.

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
        // <https://gohugo.io/content-management/front-matter/#dates>
        ("2023-10-15T13:18:50-07:00", "2023-10-15T20:18:50"),
        ("2023-10-15T13:18:50-0700", "2023-10-15T20:18:50"),
        ("2023-10-15T13:18:50", "2023-10-15T13:18:50"),
        ("15 Oct 2023", "2023-10-15T00:00:00"),
        // The layouts of Go's `time` package that Hugo tries.
        ("Mon, 02 Jan 2006 15:04:05 MST", "2006-01-02T22:04:05"),
        ("Mon, 02 Jan 2006 15:04:05 -0700", "2006-01-02T22:04:05"),
        ("02 Jan 06 15:04 MST", "2006-01-02T22:04:00"),
        ("Monday, 02-Jan-06 15:04:05 MST", "2006-01-02T22:04:05"),
        ("Mon Jan  2 15:04:05 2006", "2006-01-02T15:04:05"),
        ("Mon Jan  2 15:04:05 MST 2006", "2006-01-02T22:04:05"),
        ("Mon Jan 02 15:04:05 -0700 2006", "2006-01-02T22:04:05"),
        ("2006-01-02 15:04:05 -0700", "2006-01-02T22:04:05"),
        ("1700000000", "2023-11-14T22:13:20"),
        // Forms that Ruby's `Time.parse` accepts for Jekyll.
        ("12 October 2024", "2024-10-12T00:00:00"),
        ("October 12, 2024", "2024-10-12T00:00:00"),
        ("Oct 12th 2024 3:04 pm", "2024-10-12T15:04:00"),
        ("12 October 2024 12:30AM +0200", "2024-10-11T22:30:00"),
        ("2024/10/12 03:04:05 +0100", "2024-10-12T02:04:05"),
        ("20241012", "2024-10-12T00:00:00"),
        ("2024-10-12 3:04 PM", "2024-10-12T15:04:00"),
        // From a post on Jekyll's own site.
        ("2023-01-29 18:30:22 2023 -0800", "2023-01-30T02:30:22"),
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
        "12 October",
        "October 2024",
        "12 13 October 2024",
        "12 October 2024 XYZ",
        "32 October 2024",
        "13:00 pm 1 May 2024",
        "01/02/2024 or so",
        "99999999999999",
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

/// Jekyll's `timezone` and Hugo's `timeZone` apply to times without an offset.
#[test]
fn a_time_without_an_offset_is_in_the_sites_zone() {
    let zone = Zone::named("America/Los_Angeles").expect("a zone");
    let utc = |text: &str| iso(When::parse(text).and_then(|when| when.utc(&zone)));
    assert_eq!(utc("2024-07-01 12:00"), "2024-07-01T19:00:00");
    assert_eq!(utc("2024-01-01 12:00"), "2024-01-01T20:00:00");
    assert_eq!(utc("2024-01-01 12:00 +0000"), "2024-01-01T12:00:00");
    // An hour that does not exist, and one that occurs twice.
    assert_eq!(utc("2024-03-10 02:30"), "2024-03-10T10:30:00");
    assert_eq!(utc("2024-11-03 01:30"), "2024-11-03T08:30:00");
    let local = When::parse("2013-05-06 02:12:52 +0200").map(|when| when.local_in(&zone));
    assert_eq!(iso(local), "2013-05-05T17:12:52");
    assert!(Zone::named("../../etc/passwd").is_none() && Zone::named("").is_none());
}

#[test]
fn a_name_begins_with_a_date() {
    for (name, date, rest) in [
        ("2020-02-02-title", "2020-02-02T00:00:00", "-title"),
        ("2020-2-2_title", "2020-02-02T00:00:00", "_title"),
        ("2020-02-02", "2020-02-02T00:00:00", ""),
    ] {
        let found = split_name(name).expect("a date");
        assert_eq!((iso(Some(found.0)).as_str(), found.1), (date, rest));
    }
    for name in ["title", "2020-13-01-x", "20-01-01-x", "2020-01-001", "é-1-1"] {
        assert_eq!(split_name(name), None, "{name}");
    }
}
