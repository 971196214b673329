//! The text of a summary.

use super::*;

fn found(path: &str, note: Note) -> Finding {
    Finding { path: path.into(), note }
}

fn printed(summary: &Summary, dry_run: bool) -> String {
    let mut out = Vec::new();
    print(summary, dry_run, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("text")
}

#[test]
fn findings_are_grouped_and_leave_the_terminal_alone() {
    let summary = Summary {
        found: 4,
        created: 1,
        skipped: vec![
            found("b.md", Note::lost("no front matter", "")),
            found("_index.md", Note::told("section page", "")),
            found("a\u{1b}[2J\u{202e}.md", Note::lost("no front matter", "")),
        ],
        noted: vec![found("c.md", Note::lost("tag left out", "a\nb").on(3))],
        ..Summary::default()
    };
    assert_eq!(
        printed(&summary, true),
        "Dry run: nothing was written.\n\
         4 file(s): 1 created, 0 updated, 0 unchanged, 3 skipped\n\
         Skipped, no front matter: 2\n  b.md\n  a\u{fffd}[2J\u{fffd}.md\n\
         Skipped, section page: 1\n  _index.md\n\
         Imported, tag left out: 1\n  c.md:3: a\u{fffd}b\n"
    );
}

#[test]
fn the_summary_is_bounded_and_the_report_is_complete() {
    let skipped =
        (0..50).map(|n| found(&format!("{n}.md"), Note::lost("no front matter", ""))).collect();
    let summary = Summary { skipped, ..Summary::default() };
    let printed = printed(&summary, false);
    assert_eq!(printed.lines().count(), 1 + 1 + 20 + 1, "{printed}");
    assert!(printed.ends_with("  … and 30 more\n"), "{printed}");
    let mut out = Vec::new();
    write_all(&summary, &mut out).expect("a vector takes everything");
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 51);
}

#[test]
fn pages_that_a_generator_hides_are_no_loss() {
    let mut summary = Summary::default();
    summary.note("a.md".as_ref(), vec![Note::told("draft", "")]);
    assert!(!summary.lost_something());
    summary.note("a.md".as_ref(), vec![Note::lost("date not understood", "soon")]);
    assert!(summary.lost_something());
}
