//! A fuzz target for the audiences of events as stored in the log.

use super::{Audience, Seen, Viewer};

/// Parses an audience. An unknown one is the most restricted.
pub fn audience(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let audience = Audience::parse(text);
    assert_eq!(Audience::parse(&audience.to_string()), audience);
    let seen = audience.seen_by(Viewer::Nobody);
    let kind = text.split(':').next().unwrap_or_default();
    let expected = match kind {
        "public" => Seen::Whole,
        "withdrawn" | "withheld" => Seen::Gone,
        _ => Seen::Nothing,
    };
    assert_eq!(seen, expected, "what a stranger sees of {audience:?}");
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn an_unknown_audience_is_the_most_restricted() {
        let seeds: &[&[u8]] = &[
            b"public",
            b"account",
            b"draft",
            b"draft:7",
            b"withdrawn:9223372036854775807",
            b"held::7",
            b"withheld:7:",
            b":",
        ];
        drive("audience", audience, seeds);
    }
}
