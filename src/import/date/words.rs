//! Dates in words: `12 October 2024`, `Mon, 02 Jan 2006 15:04:05 MST`, or
//! `October 12th, 2024 at 3:04 pm`. Hugo accepts the layouts of Go's `time` package (RFC 822, 850
//! and 1123, ANSIC, Unix and Ruby dates, `02 Jan 2006`); Jekyll accepts the rest through Ruby's
//! `Time.parse`. Pure.

use chrono::{NaiveDate, NaiveTime};

use super::When;

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];

const DAYS: [&str; 7] =
    ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/// Hours ahead of UTC: the zones of RFC 822, and those of Europe and Japan that Ruby also knows.
/// Zones whose letters are ambiguous are missing.
const ZONES: [(&str, i32); 18] = [
    ("Z", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("JST", 9),
];

#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    time: Option<NaiveTime>,
    afternoon: Option<bool>,
    offset: Option<i32>,
}

/// Reads a text in upper case. Every word must be understood.
pub(super) fn parse(upper: &str) -> Option<When> {
    let mut parts = Parts::default();
    let mut words = Vec::new();
    for word in upper.split(|c: char| c.is_ascii_whitespace() || c == ',') {
        // `02-Jan-06`
        let is_day = word.bytes().filter(|byte| *byte == b'-').count() == 2
            && word.bytes().any(|byte| byte.is_ascii_alphabetic());
        match is_day {
            true => words.extend(word.split('-')),
            false => words.push(word),
        }
    }
    for word in words.into_iter().filter(|word| !word.is_empty()) {
        parts.take(word)?;
    }
    parts.whole()
}

impl Parts {
    fn take(&mut self, word: &str) -> Option<()> {
        if let Some(sign) = word.strip_prefix(['+', '-']).filter(|_| self.time.is_some()) {
            let digits: String = sign.chars().filter(|c| *c != ':').collect();
            let at = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i32>().ok();
            let minutes = match digits.len() {
                2 => at(0..2)? * 60,
                4 => at(0..2)? * 60 + at(2..4)?,
                _ => return None,
            };
            let seconds = if word.starts_with('-') { -minutes * 60 } else { minutes * 60 };
            return set(&mut self.offset, seconds).filter(|()| minutes < 24 * 60);
        }
        if word.contains(':') {
            let time = self.clock(word)?;
            return set(&mut self.time, time);
        }
        if let Some(day) = super::day(word) {
            use chrono::Datelike;
            set(&mut self.year, day.year())?;
            set(&mut self.month, day.month())?;
            return set(&mut self.day, day.day());
        }
        if word.as_bytes().first()?.is_ascii_digit() {
            return self.number(word);
        }
        let word = word.trim_end_matches('.');
        let is = |name: &&str| word.len() >= 3 && name.starts_with(word);
        match word {
            "AT" | "OF" | "THE" => Some(()),
            "AM" | "A.M" => set(&mut self.afternoon, false),
            "PM" | "P.M" => set(&mut self.afternoon, true),
            "SEPT" => set(&mut self.month, 9),
            _ => {
                if let Some(at) = MONTHS.iter().position(is) {
                    return set(&mut self.month, u32::try_from(at).ok()? + 1);
                }
                if DAYS.iter().any(is) || matches!(word, "TUES" | "THUR") {
                    return Some(());
                }
                let zone = ZONES.iter().find(|(name, _)| *name == word);
                let seconds = zone.map(|(_, hours)| hours * 3600)?;
                // `+0200 CEST`: both give the same offset.
                self.offset.get_or_insert(seconds);
                Some(())
            }
        }
    }

    /// `15:04`, `15:04:05.123`, `3:04PM`.
    fn clock(&mut self, word: &str) -> Option<NaiveTime> {
        let (word, half) = match (word.strip_suffix("AM"), word.strip_suffix("PM")) {
            (Some(rest), _) => (rest, Some(false)),
            (_, Some(rest)) => (rest, Some(true)),
            _ => (word, None),
        };
        self.afternoon = half;
        let forms = ["%H:%M:%S%.f", "%H:%M"];
        forms.iter().find_map(|form| NaiveTime::parse_from_str(word, form).ok())
    }

    /// A day if none was read yet, otherwise a year.
    fn number(&mut self, word: &str) -> Option<()> {
        let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (digits, ordinal) = word.split_at(end);
        let number: i32 = digits.get(..digits.len().min(5))?.parse().ok()?;
        match (digits.len(), ordinal) {
            (1 | 2, "ST" | "ND" | "RD" | "TH") => set(&mut self.day, u32::try_from(number).ok()?),
            (1 | 2, "" | ".") if self.day.is_none() => {
                set(&mut self.day, u32::try_from(number).ok()?)
            }
            // Go and Ruby read 69 to 99 as 19xx.
            (2, "") => set(&mut self.year, if number >= 69 { 1900 } else { 2000 } + number),
            (4, "") if self.year == Some(number) => Some(()),
            (4, "") => set(&mut self.year, number),
            _ => None,
        }
    }

    fn whole(self) -> Option<When> {
        let day = NaiveDate::from_ymd_opt(self.year?, self.month?, self.day?)?;
        let time = match (self.time.unwrap_or(NaiveTime::MIN), self.afternoon) {
            (time, None) => time,
            (time, Some(afternoon)) => half_day(time, afternoon)?,
        };
        Some(When { local: day.and_time(time), offset: self.offset })
    }
}

/// Converts a time on the 12-hour clock.
fn half_day(time: NaiveTime, afternoon: bool) -> Option<NaiveTime> {
    use chrono::Timelike;
    let hour = time.hour();
    (1..=12).contains(&hour).then(|| time.with_hour(hour % 12 + if afternoon { 12 } else { 0 }))?
}

/// Sets a part once: a text that gives it twice is not a date.
fn set<T>(part: &mut Option<T>, value: T) -> Option<()> {
    part.is_none().then(|| *part = Some(value))
}
