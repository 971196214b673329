//! The expressions that typed queries parse to.

use proptest::prelude::*;

use super::*;

fn within(scope: Scope, text: &str) -> Expression {
    Expression::Words { scope, terms: analyzer::terms(text), prefix: false }
}

fn words(text: &str) -> Expression {
    within(Scope::Everywhere, text)
}

fn beginning(text: &str) -> Expression {
    let Expression::Words { scope, terms, .. } = words(text) else { unreachable!() };
    Expression::Words { scope, terms, prefix: true }
}

/// The expression of a text that the user has finished typing.
fn parsed(text: &str) -> Expression {
    parse(&format!("{text} ")).unwrap_or_else(|| panic!("{text:?} asks for nothing"))
}

fn all(wanted: Vec<Expression>, unwanted: Vec<Expression>) -> Expression {
    Expression::All { wanted, unwanted }
}

#[test]
fn words_must_all_be_there() {
    assert_eq!(parsed("one two"), all(vec![words("one"), words("two")], vec![]));
    assert_eq!(parsed("one AND two"), parsed("one two"));
    assert_eq!(parsed("+one +two"), parsed("one two"));
}

#[test]
fn or_binds_less_than_and() {
    assert_eq!(parsed("a b OR c"), Expression::Any(vec![parsed("a b"), words("c")]));
    assert_eq!(
        parsed("a (b OR c)"),
        all(vec![words("a"), Expression::Any(vec![words("b"), words("c")])], vec![])
    );
}

#[test]
fn exclusions() {
    let expected = all(vec![words("rust")], vec![words("async")]);
    for text in ["rust -async", "rust NOT async", "rust AND NOT async", "rust (-async)"] {
        assert_eq!(parsed(text), expected, "{text}");
    }
    assert_eq!(parsed("rust NOT NOT async"), parsed("rust async"));
    assert_eq!(
        parsed("rust -(-a -b)"),
        all(vec![words("rust"), Expression::Any(vec![words("a"), words("b")])], vec![])
    );
}

#[test]
fn an_unknown_field_is_literal_text() {
    assert_eq!(parsed("std::fs"), words("std fs"));
    assert_eq!(parsed("C++: why"), all(vec![words("C++"), words("why")], vec![]));
    assert_eq!(parsed("title:"), words("title"));
    assert_eq!(parsed("fn main()"), all(vec![words("fn"), words("main")], vec![]));
    assert_eq!(parsed("(main() x)"), all(vec![words("main"), words("x")], vec![]));
    assert_eq!(parsed("cargo --release ->"), all(vec![words("cargo"), words("release")], vec![]));
    assert_eq!(
        parsed("a:b:c/d*?[x TO y]~9^99"),
        all(vec![words("a b c d x"), words("to"), words("y 9 99")], vec![])
    );
}

#[test]
fn fields_and_phrases() {
    assert_eq!(parsed("title:rust"), within(Scope::Title, "rust"));
    assert_eq!(parsed("title:.NET"), within(Scope::Title, ".NET"));
    assert_eq!(parsed("tag:\"a b\""), within(Scope::Tags, "a b"));
    assert_eq!(parsed("\"borrow the checker\""), words("borrow the checker"));
}

#[test]
fn operators_without_words_are_words() {
    for (text, same) in [
        ("AND", "and"),
        ("OR", "or"),
        ("NOT", "not"),
        ("Salt AND", "Salt and"),
        ("OR a", "or a"),
        ("a OR", "a or"),
        ("a NOT", "a not"),
        ("a AND OR b", "a and OR b"),
        ("AND AND a", "and a"),
        ("(a OR) b", "(a or) b"),
        ("(AND a)", "and a"),
        ("-v", "v"),
        ("-a -b", "a b"),
        ("-a OR b", "a OR b"),
        ("NOT (a)", "a"),
        ("NOT *", "not"),
        ("NOT ( )", "not"),
        ("NOT (* ( ))", "not"),
        ("NOT -()", "not"),
        ("NOT NOT *", "NOT not"),
        ("a OR *", "a or"),
        ("* OR a", "or a"),
        ("a AND ( )", "a and"),
        ("a -( )", "a"),
        ("(hint", "hint"),
        ("hint)", "hint"),
        (")(", "() x"),
        ("a ) b (", "a b"),
        ("((a OR b) c", "(a OR b) c"),
        ("\"unfinished", "unfinished"),
        ("one \"two three", "one two three"),
        ("title:\"two three", "two three"),
        ("one -\"two", "one -two"),
        ("a ( ) b", "a b"),
    ] {
        let expected = if same == "() x" { None } else { Some(parsed(same)) };
        assert_eq!(parse(&format!("{text} ")), expected, "{text}");
    }
    for nothing in
        ["", " ", "!!!", "\0", "()", "( )", "\"\"", "-", "--", "*", "\u{301}", "\u{202e}"]
    {
        assert_eq!(parse(nothing), None, "{nothing:?}");
    }
}

#[test]
fn a_star_and_the_end_of_a_query_find_beginnings() {
    assert_eq!(parse("proc*"), Some(beginning("proc")));
    assert_eq!(parsed("p* x"), all(vec![beginning("p"), words("x")], vec![]));
    assert_eq!(parse("x proc"), Some(all(vec![words("x"), beginning("proc")], vec![])));
    assert_eq!(parse("std::f*"), Some(beginning("std f")));
    assert_eq!(parse("(proc"), Some(beginning("proc")));
    assert_eq!(parse("c+"), Some(beginning("c+")));
    let title =
        Expression::Words { scope: Scope::Title, terms: analyzer::terms("proc"), prefix: true };
    assert_eq!(parse("title:proc"), Some(title));
    for whole in
        ["proc ", "\"proc\"", "(proc)", "proc.", "p", "\"pro*\"", "서울", "서울*", "pro*c "]
    {
        let expected = if whole == "pro*c " { words("pro c") } else { words(whole) };
        assert_eq!(parse(whole), Some(expected), "{whole}");
    }
    // A prefix would exclude more than the user said.
    assert_eq!(parse("rust -proc"), Some(parsed("rust -proc")));
}

#[test]
fn terms_phrases_and_prefixes_are_bounded() {
    let terms = |text: &str| -> usize {
        fn count(expression: &Expression) -> usize {
            match expression {
                Expression::Words { terms, .. } => terms.len(),
                Expression::All { wanted, unwanted } => {
                    wanted.iter().chain(unwanted).map(count).sum()
                }
                Expression::Any(choices) => choices.iter().map(count).sum(),
            }
        }
        parse(text).map_or(0, |expression| count(&expression))
    };
    for part in ["a ", "日", "a OR ", "-b ", "a:", "a* "] {
        assert_eq!(terms(&part.repeat(300)), MAX_TERMS, "{part}");
    }
    let text: Vec<String> = (0..40).map(|n| format!("w{n}")).collect();
    let long = parsed(&format!("\"{}\"", text.join(" ")));
    let sizes: Vec<usize> = long.wanted().iter().map(|(terms, _)| terms.len()).collect();
    assert_eq!(sizes, [&[MAX_IN_ROWS][..], &[1; 40 - MAX_IN_ROWS]].concat());
    let phrases: Vec<String> = (0..16).map(|n| format!("\"a{n} b c d\"")).collect();
    let short = parsed(&phrases.join(" "));
    let sizes = short.wanted().into_iter().map(|(terms, _)| terms.len());
    assert_eq!(sizes.filter(|size| *size > 1).sum::<usize>(), MAX_IN_ROWS);
    let stars = parse(&"ab* ".repeat(100)).unwrap();
    let prefixes = stars.wanted().iter().filter(|(_, prefix)| *prefix).count();
    assert_eq!(prefixes, MAX_PREFIXES);
    // A repeated phrase is looked for once.
    assert_eq!(parsed("\"a b\" \"a b\" c \"b a\""), parsed("\"a b\" c \"b a\""));
    assert_eq!(parsed("c -\"a b\" -\"a b\""), parsed("c -\"a b\""));
    let deep = "(".repeat(400) + "a OR b" + &")".repeat(400);
    assert_eq!(parsed(&deep), parsed("a OR b"));
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn every_mixture_of_operators_finds_its_words(parts in prop::collection::vec(
        prop::sample::select(vec!["(", ")", "\"", "-", "+", " ", "AND ", "OR ", "NOT ", "title:",
            "x ", "🎉", "\0", "*", "[", "a TO b "]), 0..120)) {
        let text = parts.concat();
        if text.chars().any(|c| c.is_alphanumeric()) && !text.contains('"') {
            prop_assert!(parse(&text).is_some(), "{}", text);
        }
    }
}
