//! How code is coloured, at what cost, and whether the colours are readable.

use std::time::{Duration, Instant};

use super::*;

/// One name of each language.
pub(in crate::markdown) const NAMES: [&str; 48] = [
    "bash",
    "c",
    "c#",
    "c++",
    "clojure",
    "css",
    "dart",
    "diff",
    "dockerfile",
    "elixir",
    "erlang",
    "go",
    "graphql",
    "groovy",
    "haskell",
    "hcl",
    "html",
    "ini",
    "java",
    "javascript",
    "json",
    "julia",
    "kotlin",
    "lua",
    "makefile",
    "markdown",
    "nginx",
    "nim",
    "nix",
    "objc",
    "ocaml",
    "perl",
    "php",
    "powershell",
    "protobuf",
    "python",
    "r",
    "ruby",
    "rust",
    "scala",
    "scss",
    "sql",
    "swift",
    "toml",
    "typescript",
    "vim",
    "yaml",
    "zig",
];

/// The coloured parts of some code, as `class:text`.
fn coloured(info: &str, code: &str) -> Vec<String> {
    let parts = Colours::new().parts(info, code).unwrap_or_else(|| panic!("{info} is unknown"));
    assert_eq!(parts.iter().map(|(_, part)| *part).collect::<String>(), code, "{info}");
    let coloured = parts.iter().filter_map(|(class, part)| Some(((*class)?, part)));
    coloured.map(|(class, part)| format!("{}:{part}", class.trim_start_matches("hl-"))).collect()
}

#[test]
fn languages_are_known_by_name_and_by_common_aliases() {
    for name in NAMES {
        assert!(language(name).is_some(), "{name}");
    }
    for alias in [
        "rs",
        "rust,ignore",
        "Rust",
        "js {1,3}",
        "js{1,3}",
        "{.python .numberLines}",
        "language-c",
        "golang",
        "cpp",
        "cs",
        "rb",
        "sh",
        "yml",
        "ts",
        "py",
        "kt",
        "ps1",
        "tf",
        "console",
        "f#",
        "liquid",
        "go-html-template {file=\"a.html\"}",
    ] {
        assert!(language(alias).is_some(), "{alias}");
    }
    for unknown in ["", " ", "text", "mermaid", "nosuch", "{}", "rustic", "é"] {
        assert!(language(unknown).is_none(), "{unknown}");
    }
    assert!(language(&"x".repeat(1 << 20)).is_none());
}

#[test]
fn no_two_languages_have_the_same_name() {
    let mut names: Vec<&str> = grammars::all().flat_map(|grammar| grammar.names).copied().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let twice: Vec<_> = names.iter().filter(|name| Lang::from_slug(name).is_some()).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(grammars::all().count() + 12 + 1, NAMES.len());
}

#[test]
fn words_strings_numbers_and_comments_are_told_apart() {
    assert_eq!(
        coloured("c", "#include <a.h>\nint f(char *s) { return 0x1F; } // \"x\"\n"),
        [
            "name:#include",
            "type:int",
            "function:f",
            "type:char",
            "keyword:return",
            "number:0x1F",
            "comment:// \"x\""
        ]
    );
    assert_eq!(
        coloured("go", "func F() error { return `a\n\\` }"),
        ["keyword:func", "function:F", "type:error", "keyword:return", "string:`a\n\\`"]
    );
    assert_eq!(
        coloured("sql", "SELECT a FROM b WHERE c = 'it''s' -- d"),
        [
            "keyword:SELECT",
            "keyword:FROM",
            "keyword:WHERE",
            "string:'it'",
            "string:'s'",
            "comment:-- d"
        ]
    );
    assert_eq!(
        coloured("ruby", "def empty?(a) = @b.nil? # c"),
        ["keyword:def", "function:empty?", "name:@b", "comment:# c"]
    );
    assert_eq!(
        coloured("java", "\"a\\\"b\" 'c' 1.5e-3f"),
        ["string:\"a\\\"b\"", "string:'c'", "number:1.5e-3f"]
    );
    assert_eq!(
        coloured("diff", "--- a\n+++ b\n@@ 1 @@\n-c\n+d\n e\n"),
        ["name:--- a\n", "name:+++ b\n", "function:@@ 1 @@\n", "removed:-c\n", "added:+d\n"]
    );
    assert_eq!(coloured("rust", "let x = 'a;")[0], "keyword:let");
}

#[test]
fn code_without_an_end_and_other_text_stay_complete() {
    for name in NAMES {
        for code in [
            "\"a", "'a\n", "/*", "\"\"\"", "<!--", "\\", "é\\", "\"\\é", "\u{0}", "{-", "0e+",
            "«$é»", "#", "\r\n", "",
        ] {
            coloured(name, code);
        }
    }
}

#[test]
fn each_lexer_takes_time_in_proportion_to_the_code() {
    // A quadratic lexer would take minutes for the longer code.
    let units = [
        "(", "\"", "'", "`", "a", " ", "\\", "<", "{", "/", "a.", "$", "${", "[", "*", "@", "#",
        "-", "=", "0", "//", "/*", "\t", "&", "%", "|", "a:", "<!", "é", "x(", "<a ", "a=\"", "\n",
        "#\n", "```\n", "- ", "<<E\n", "--[[", "r#", "R\"(", "$(", "a-", "0x", "\"\"\"", "`${",
    ];
    let mut slowest = (Duration::ZERO, String::new());
    for name in NAMES {
        let language = language(name).expect(name);
        // Unoptimised code gets less input; hl-lite is always optimised.
        let is_slow = cfg!(debug_assertions) && !matches!(language, Language::Lite(_));
        let bytes = if is_slow { MAX_BYTES / 16 } else { MAX_BYTES };
        for unit in units {
            let code = unit.repeat(bytes / unit.len());
            let started = Instant::now();
            language.parts(&code);
            slowest = slowest.max((started.elapsed(), format!("{name} {unit:?}")));
        }
    }
    assert!(slowest.0.as_millis() < 1_000, "{slowest:?}");
}

/// The luminance of a colour in the stylesheet.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let byte = u8::from_str_radix(&colour[at..at + 2], 16).expect(colour);
        let part = f64::from(byte) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

#[test]
fn every_colour_can_be_read_in_both_themes() {
    let style = include_str!("../../../static/style.css");
    let (light, rest) = style.split_once("@media (prefers-color-scheme: dark)").expect("themes");
    let mut pairs: Vec<(&str, &str)> = CLASSES.iter().map(|class| (*class, "sunken")).collect();
    for kind in ["alert-note", "alert-tip", "alert-important", "alert-warning", "alert-caution"] {
        pairs.extend([(kind, "paper"), (kind, "raised")]);
    }
    for (class, ground) in pairs {
        let (_, rule) = style.split_once(&format!("\n.{class} {{")).expect(class);
        let (_, colours) = rule.split_once("light-dark(").expect(class);
        let (colours, _) = colours.split_once(')').expect(class);
        let (by_day, by_night) = colours.split_once(", ").expect(class);
        for (theme, text) in [(light, by_day), (rest, by_night)] {
            let (_, ground_colour) = theme.split_once(&format!("  --{ground}: #")).expect(ground);
            let (text_light, ground_light) =
                (luminance(&text[1..7]), luminance(&ground_colour[..6]));
            let (most, least) = (text_light.max(ground_light), text_light.min(ground_light));
            let contrast = (most + 0.05) / (least + 0.05);
            assert!(contrast >= 4.5, "{text} of {class} on {ground}: {contrast:.2}");
        }
    }
}
