//! Normalizes the spelling of a word, so that variants in case, diacritics and letter forms become
//! equal.
//!
//! ICU4X applies Unicode's compatibility equivalences. In addition:
//!
//! - Latin and Greek letters lose their marks, and the Greek final sigma becomes a sigma.
//! - Cyrillic ё becomes е. Letters that differ from their base letter, such as й, ї and ў, keep
//!   their mark.
//! - Hebrew loses its points, and final forms become ordinary ones.
//! - Arabic loses its vowel marks and lengthening strokes. All forms of alef become one, final ya
//!   becomes ya, ta marbuta becomes ha, Persian kaf and ya become the Arabic ones, and its digits
//!   become `0` to `9`.
//! - Marks of other scripts distinguish words, and stay.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use unicode_script::{Script, UnicodeScript as _};

/// The most characters of a term; longer words are truncated.
pub(super) const LONGEST: usize = 64;
/// The most characters of a word that are read. One letter may carry thousands of marks.
const LOOKED_AT: usize = 4 * LONGEST;

const COMPATIBLE: DecomposingNormalizerBorrowed<'static> =
    DecomposingNormalizerBorrowed::new_nfkd();
const COMPOSED: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// Appends the normalized spelling of a word to `out`.
pub(super) fn fold(word: &str, out: &mut String) {
    if word.is_ascii() {
        out.extend(word.chars().take(LONGEST).map(|c| c.to_ascii_lowercase()));
        return;
    }
    let mut base = '\0';
    let mut plain = String::new();
    for c in COMPATIBLE.normalize_iter(word.chars().take(LOOKED_AT)) {
        if is_dropped(c, base) {
            continue;
        }
        if !is_accent(c) {
            base = c;
        }
        match letters(c) {
            "" => plain.extend(c.to_lowercase()),
            letters => plain.push_str(letters),
        }
    }
    out.extend(COMPOSED.normalize_iter(plain.chars()).take(LONGEST));
}

/// The letters that replace this one; empty if it stays.
fn letters(c: char) -> &'static str {
    match c {
        'ς' => "σ",
        'Æ' | 'æ' => "ae",
        'Œ' | 'œ' => "oe",
        'ß' | 'ẞ' => "ss",
        'Ø' | 'ø' => "o",
        'Ł' | 'ł' => "l",
        'Đ' | 'đ' | 'Ð' | 'ð' => "d",
        'Þ' | 'þ' => "th",
        'Ħ' | 'ħ' => "h",
        'Ŧ' | 'ŧ' => "t",
        'ı' => "i",
        '’' => "'",
        'ך' => "כ",
        'ם' => "מ",
        'ן' => "נ",
        'ף' => "פ",
        'ץ' => "צ",
        'ٱ' => "ا",
        'ى' | 'ی' => "ي",
        'ة' => "ه",
        'ک' => "ك",
        '٠' | '۰' => "0",
        '١' | '۱' => "1",
        '٢' | '۲' => "2",
        '٣' | '۳' => "3",
        '٤' | '۴' => "4",
        '٥' | '۵' => "5",
        '٦' | '۶' => "6",
        '٧' | '۷' => "7",
        '٨' | '۸' => "8",
        '٩' | '۹' => "9",
        _ => "",
    }
}

/// True if a character after this letter does not distinguish words.
fn is_dropped(c: char, base: char) -> bool {
    match c {
        // In Cyrillic the breve, the macron and the diaeresis form other letters, except ё. The
        // acute forms two; elsewhere it marks the stress.
        '\u{304}' | '\u{306}' if base.script() == Script::Cyrillic => false,
        '\u{308}' if base.script() == Script::Cyrillic => matches!(base, 'е' | 'Е'),
        '\u{301}' if matches!(base, 'г' | 'Г' | 'к' | 'К') => false,
        // The Arabic lengthening stroke; Hebrew geresh and gershayim.
        '\u{640}' | '\u{5f3}' | '\u{5f4}' => true,
        c => is_accent(c) || c.general_category() == GeneralCategory::Format,
    }
}

/// True for marks that readers omit: marks of Latin, Greek and Cyrillic letters, Hebrew points,
/// Arabic vowels, variation selectors.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'
        | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
        | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{8d3}'..='\u{8ff}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{e0100}'..='\u{e01ef}')
}
