//! Compares the output of a command with the page, where `…` matches any text.

/// Whether the printed lines match those of the page. A line of only `…` matches any number of
/// lines, any other `…` matches any text in its line. Trailing blank lines are ignored.
pub(super) fn fits(shown: &[String], printed: &[String]) -> bool {
    let (shown, printed) = (trimmed(shown), trimmed(printed));
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first.trim() == "…" => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        (Some((first, shown)), Some((line, printed))) => {
            line_fits(first.trim_end(), line.trim_end()) && fits(shown, printed)
        }
        _ => false,
    }
}

fn trimmed(lines: &[String]) -> &[String] {
    let end = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    &lines[..end]
}

fn line_fits(shown: &str, line: &str) -> bool {
    let Some((before, rest)) = shown.split_once('…') else { return shown == line };
    let Some(mut line) = line.strip_prefix(before) else { return false };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = line.split_once(part) else { return false };
        line = after;
    }
    line.ends_with(last)
}

#[test]
fn only_an_ellipsis_matches_any_text() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let fits = |shown, printed| fits(&lines(shown), &lines(printed));
    assert!(fits("a\n\nb", "a\n\nb\n\n"));
    assert!(fits("{\"id\":1,…}", "{\"id\":1,\"at\":2}"));
    assert!(fits("a … b … c", "a 1 b 2 c"));
    assert!(fits("…\nb\n…", "a\na\nb"));
    assert!(!fits("a", "a\nb"));
    assert!(!fits("a\nb", "a"));
    assert!(!fits("{\"id\":1,…}", "{\"id\":2,\"at\":2}"));
    assert!(!fits("a … b", "a 1 c"));
    assert!(!fits("…\nb", "a\nc"));
}
