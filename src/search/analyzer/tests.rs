//! The boundaries of words, and which words are equal.

use proptest::prelude::*;

use super::*;

/// The terms to look for.
fn looked_for(text: &str) -> Vec<String> {
    terms(text).into_iter().map(|term| term.text).collect()
}

/// The indexed terms, each with its place.
fn indexed(text: &str) -> Vec<(usize, String)> {
    let text = composed(text);
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(&text);
    let mut terms = Vec::new();
    while stream.advance() {
        terms.push((stream.token().position, stream.token().text.clone()));
    }
    terms
}

/// True if a query's terms occur in a text at the same distances as in the query.
fn finds(query: &str, text: &str) -> bool {
    let (query, text) = (terms(query), indexed(text));
    let starts = text.iter().map(|(place, _)| *place);
    !query.is_empty()
        && starts.into_iter().any(|start| {
            let offset = start as isize - query[0].place as isize;
            query.iter().all(|term| {
                let place = term.place as isize + offset;
                text.iter().any(|(at, word)| *at as isize == place && *word == term.text)
            })
        })
}

#[track_caller]
fn same(one: &str, other: &str) {
    assert_eq!(looked_for(one), looked_for(other));
    assert!(finds(one, other) && finds(other, one), "{one} {other}");
}

#[track_caller]
fn differ(one: &str, other: &str) {
    assert!(!finds(one, other) && !finds(other, one), "{one} {other}");
}

#[test]
fn words_are_stemmed_lowered_and_folded() {
    assert_eq!(looked_for("Borrowing CAFÉS, cafe\u{301}!"), ["borrow", "cafe", "cafe"]);
}

#[test]
fn a_word_is_indexed_as_its_stem_and_as_it_is() {
    let at = |place, word: &str| (place, word.to_owned());
    assert_eq!(indexed("Rust borrowing"), [at(0, "rust"), at(1, "borrow"), at(1, "borrowing")]);
}

#[test]
fn code_is_cut_at_punctuation() {
    assert_eq!(
        looked_for("std::fs::read_to_string(1.85)"),
        ["std", "fs", "read", "to", "string", "1", "85"]
    );
}

#[test]
fn apostrophes_do_not_make_words_of_endings() {
    assert_eq!(looked_for("Rust's Rust’s l'été don't"), ["rust", "rust", "l", "ete", "don't"]);
}

#[test]
fn signs_make_other_words() {
    assert_eq!(
        looked_for("C++ C# F# .NET AT&T Notepad++ C++17"),
        ["c++", "c#", "f#", ".net", "at&t", "notepad++", "c++", "17"]
    );
    for (query, text) in [
        ("C++", "Templates in C++."),
        ("c++", "(C++17)"),
        ("C＋＋", "C++"),
        ("C#", "Records in C#, again"),
        (".NET", "a .net app"),
        ("net", "a .net app"),
        ("AT&T", "at&t"),
        ("at", "AT&T"),
        ("notepad", "Notepad++"),
        ("issue", "issue#"),
        ("a&b&c", "a&b&c"),
        ("AT&T mobility", "AT&T Mobility"),
    ] {
        assert!(finds(query, text), "{query} in {text}");
    }
    for (query, text) in [
        ("C++", "Pointers in C"),
        ("C", "Templates in C++"),
        ("C", "Records in C#"),
        ("C#", "C++"),
        (".NET", "a net"),
        (".NET", "end.Net f().net 0..net"),
        ("AT&T", "at t"),
        ("AT&T", "AT & T"),
    ] {
        assert!(!finds(query, text), "{query} in {text}");
    }
}

#[test]
fn signs_between_words_are_ignored() {
    assert_eq!(
        looked_for("a+b 1+2 F#m x&&y c+++ 10# ..a"),
        ["a", "b", "1", "2", "f", "m", "x", "y", "c", "10", "a"]
    );
}

#[test]
fn ideographs_and_emoji_are_words() {
    assert_eq!(looked_for("日本 go🎉"), ["日", "本", "go", "🎉"]);
    assert!(finds("👍", "👍🏽") && finds("👩‍💻", "a 👩‍💻 b") && finds("❤", "❤️"));
    assert!(finds("人々", "人々の") && finds("ガーデン", "ｶﾞｰﾃﾞﾝ"));
    differ("ガ", "カ");
}

#[test]
fn any_part_of_a_sentence_without_spaces_is_found() {
    for (query, text) in [
        ("서울", "서울에서 부산까지 기차를 탔습니다"),
        ("기차", "서울에서 부산까지 기차를 탔습니다"),
        // Decomposed, as file systems write it.
        ("서울", "\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}에서"),
        ("ภาษาไทย", "ผมกำลังเรียนภาษาไทยอยู่"),
        ("เรียน", "ผมกำลังเรียนภาษาไทยอยู่"),
        ("ພາສາ", "ຂ້ອຍຮຽນພາສາລາວ"),
        ("ភាសា", "ខ្ញុំរៀនភាសាខ្មែរ"),
        ("မြန်မာ", "ကျွန်တော်မြန်မာစာသင်တယ်"),
    ] {
        assert!(finds(query, text), "{query} in {text}");
    }
    assert!(!finds("부산에서", "서울에서 부산까지"));
    assert!(!finds("ไทยภาษา", "ภาษาไทย"));
}

#[test]
fn arabic_is_found_in_any_of_its_forms() {
    same("الكِتَابُ", "الكتاب");
    same("أحمد إحسان آمن ٱلله", "احمد احسان امن الله");
    same("على مدرسة", "علي مدرسه");
    same("کتابی ۱۲", "كتابي 12");
    same("كـــتاب", "كتاب");
    same("\u{fedf}\u{fe98}\u{fe8e}", "لتا");
    assert!(finds("الكتاب", "الكِتَابُ على الطاولة"));
    same("می\u{200c}خواهم", "میخواهم");
}

#[test]
fn hebrew_is_found_without_points_and_in_final_forms() {
    same("שָׁלוֹם", "שלום");
    same("שלום", "שלומ");
    same("צה״ל", "צהל");
}

#[test]
fn greek_is_found_without_accents_and_with_any_sigma() {
    same("ΟΔΥΣΣΕΎΣ", "οδυσσευς");
    same("λόγος", "ΛΟΓΟΣ");
    same("ᾄδω", "αδω");
}

#[test]
fn cyrillic_letters_keep_their_marks_except_for_yo() {
    same("Ёлка", "елка");
    same("е\u{308}лка", "елка");
    same("за\u{301}мок", "замок");
    same("йод", "И\u{306}од");
    differ("йод", "иод");
    differ("їжа", "іжа");
    differ("ў", "у");
    differ("ќе", "ке");
}

#[test]
fn marks_do_not_split_words() {
    assert_eq!(looked_for("हिन्दी में").len(), 2);
    assert_eq!(looked_for("தமிழ் বাংলা").len(), 2);
    differ("कि", "की");
    same("क्\u{200d}ष", "क्ष");
    same("straße Łódź smørrebrød İstanbul", "STRASSE lodz smorrebrod istanbul");
    same("co\u{ad}operate ﬁne ｆｕｌｌ", "cooperate fine full");
    assert_eq!(looked_for("a\u{200b}b").len(), 2);
}

#[test]
fn terms_are_numbered_from_zero_without_gaps() {
    let places: Vec<usize> = terms("the end of the line").iter().map(|term| term.place).collect();
    assert_eq!(places, [0, 1, 2, 3, 4]);
    let places: Vec<usize> = terms("AT&T and C++ x").iter().map(|term| term.place).collect();
    assert_eq!(places, [0, 2, 3, 4]);
}

#[test]
fn endless_words_are_truncated() {
    assert_eq!(looked_for(&"x".repeat(100_000))[0].len(), fold::LONGEST);
    for flood in ["e\u{301}", "\u{301}", "क्", "서", "a\u{202e}", "👩\u{200d}", "a&", "c+", "#."]
    {
        for (_, term) in indexed(&flood.repeat(50_000)) {
            assert!(term.chars().count() <= 2 * fold::LONGEST + 1, "{flood}");
        }
    }
    assert_eq!(looked_for(&("e".to_owned() + &"\u{301}".repeat(50_000) + " b")), ["e", "b"]);
}

proptest! {
    #[test]
    fn a_text_finds_itself(text in "(\\PC|[ a+#&.é서ไ्\u{301}\u{640}\u{200d}]){0,40}") {
        let indexed = indexed(&text);
        for term in terms(&text) {
            prop_assert!(indexed.contains(&(term.place, term.text.clone())), "{term:?} {indexed:?}");
        }
    }

    #[test]
    fn folding_twice_is_folding_once(word in "\\PC{1,20}") {
        let mut once = String::new();
        fold::fold(&word, &mut once);
        let mut twice = String::new();
        fold::fold(&once, &mut twice);
        prop_assert_eq!(once, twice);
    }
}
