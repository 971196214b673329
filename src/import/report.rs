//! The result of an import: counted, and printed with the skipped files grouped by reason.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use super::store::Outcome;

/// The result of an import; for a dry run, the result that it would have had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Markdown files: the sum of all below.
    pub found: usize,
    /// New posts.
    pub created: usize,
    /// Existing posts that differed.
    pub updated: usize,
    /// Existing posts that did not differ.
    pub unchanged: usize,
    /// Files without a post.
    pub skipped: Vec<Skipped>,
}

/// A file without a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The path below the imported folder.
    pub path: PathBuf,
    /// The reason, in a few words.
    pub reason: String,
}

impl Summary {
    pub(super) fn skip(&mut self, path: PathBuf, reason: impl Into<String>) {
        self.skipped.push(Skipped { path, reason: reason.into() });
    }

    pub(super) fn count(&mut self, path: PathBuf, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Taken(id) => {
                self.skip(path, format!("post {id} has the same path and another title and date"))
            }
        }
    }
}

/// Prints a summary.
pub(super) fn print(summary: &Summary, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    let Summary { found, created, updated, unchanged, skipped } = summary;
    if dry_run {
        writeln!(out, "Dry run: nothing was written.")?;
    }
    writeln!(
        out,
        "{found} Markdown file(s): {created} created, {updated} updated, {unchanged} unchanged, \
         {} skipped",
        skipped.len()
    )?;
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in skipped {
        let paths = reasons.entry(&file.reason).or_default();
        paths.push(printable(&file.path.to_string_lossy()));
    }
    for (reason, paths) in reasons {
        writeln!(out, "Skipped, {}: {}", printable(reason), paths.len())?;
        for path in paths {
            writeln!(out, "  {path}")?;
        }
    }
    out.flush()
}

/// Replaces control characters: a file's name may hold escape sequences for the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(path: &str, reason: &str) -> Skipped {
        Skipped { path: path.into(), reason: reason.into() }
    }

    #[test]
    fn skipped_files_are_grouped_by_reason_and_leave_the_terminal_alone() {
        let summary = Summary {
            found: 4,
            created: 1,
            skipped: vec![
                skipped("b.md", "no title"),
                skipped("_index.md", "section file"),
                skipped("a\u{1b}[2J.md", "no title"),
            ],
            ..Summary::default()
        };
        let mut out = Vec::new();
        print(&summary, true, &mut out).expect("a vector takes everything");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "Dry run: nothing was written.\n\
             4 Markdown file(s): 1 created, 0 updated, 0 unchanged, 3 skipped\n\
             Skipped, no title: 2\n  b.md\n  a\u{fffd}[2J.md\n\
             Skipped, section file: 1\n  _index.md\n"
        );
    }
}
