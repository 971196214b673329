//! Fuzz targets for values that clients send back: cursors in lists, and tokens.

use chrono::Datelike;

use super::Cursor;
use super::sign_in::Token;

/// A cursor that parses prints as the same text.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
        assert!((1..=9999).contains(&cursor.at.year()));
    }
}

/// A token, as a browser and as a program sends it.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(token) = Token::parse(text) {
        assert_eq!(token.secret(), text);
    }
    if let Some(token) = Token::parse_bearer(text) {
        assert_eq!(token.bearer(), text);
        assert_eq!(Token::parse(text), None, "both a browser's and a program's");
    }
}

#[cfg(test)]
mod tests {
    use kilonova_test::fuzz::drive;

    use super::*;

    #[test]
    fn a_cursor_has_only_one_form() {
        let seeds: &[&[u8]] = &[
            b"1709201472123456_17",
            b"-62135596800000000_1",
            b"253402300799999999_9223372036854775807",
            b"0_0",
            b"+5_7",
            b"05_-0",
            b"_",
            b"+",
        ];
        drive("cursor", cursor, seeds);
    }

    #[test]
    fn a_token_has_only_one_form() {
        let seeds: &[&[u8]] = &[
            b"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            b"kilonova_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            b"kilonova_",
            b"AA",
        ];
        drive("token", token, seeds);
    }
}
