//! The time that it takes to read a text. Words are counted as written, including Markdown's marks
//! and code, because the text is not parsed for it.

/// Words read in a minute.
const WORDS: usize = 220;

/// Characters of Chinese and Japanese, which have no spaces between words, read in a minute.
const CHARACTERS: usize = 450;

/// The minutes that a Markdown text takes to read, rounded up; at least one.
pub fn minutes(markdown: &str) -> usize {
    let (mut words, mut characters) = (0_usize, 0_usize);
    let mut in_word = false;
    for c in markdown.chars() {
        if is_whole(c) {
            characters += 1;
            in_word = false;
        } else if c.is_whitespace() {
            in_word = false;
        } else if !in_word && (c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric()))
        {
            words += 1;
            in_word = true;
        }
    }
    (words * CHARACTERS + characters * WORDS).div_ceil(WORDS * CHARACTERS).max(1)
}

/// Whether a character counts as about a word: Han, Hiragana and Katakana.
fn is_whole(c: char) -> bool {
    matches!(c,
        '\u{3041}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_a_minute_for_each_220_words() {
        assert_eq!(minutes(""), 1);
        assert_eq!(minutes("- * ~ ##\n"), 1);
        assert_eq!(minutes(&"word, ".repeat(220)), 1);
        assert_eq!(minutes(&"(don't) ".repeat(221)), 2);
        assert_eq!(minutes(&"слово\n".repeat(2200)), 10);
    }

    #[test]
    fn a_script_without_spaces_takes_a_minute_for_each_450_characters() {
        assert_eq!(minutes(&"日本語。".repeat(150)), 1);
        assert_eq!(minutes(&"日本語。".repeat(151)), 2);
        assert_eq!(minutes(&format!("{}{}", "word ".repeat(110), "字".repeat(225))), 1);
        assert_eq!(minutes(&format!("{}{}", "word ".repeat(111), "字".repeat(225))), 2);
    }

    #[test]
    fn no_text_is_too_long_to_count() {
        assert_eq!(minutes(&"a ".repeat(512 * 1024)), 2384);
        assert_eq!(minutes(&"x".repeat(1024 * 1024)), 1);
    }
}
