//! What an import did: counted, and printed for people with the skipped files by reason.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use super::store::Outcome;

/// What an import did; of a dry run, what it would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Markdown files looked at: the sum of the others.
    pub found: usize,
    /// Posts that were not there.
    pub created: usize,
    /// Posts that were there and said something else.
    pub updated: usize,
    /// Posts that were there and said the same.
    pub unchanged: usize,
    /// Files that became no post.
    pub skipped: Vec<Skipped>,
}

/// A file that became no post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its path below the folder.
    pub path: PathBuf,
    /// Why, in a few words.
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
                self.skip(path, format!("its place is taken by a different post: {id}"))
            }
        }
    }
}

/// Prints a summary.
pub(super) fn print(summary: &Summary, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    let Summary { found, created, updated, unchanged, skipped } = summary;
    if dry_run {
        writeln!(out, "Dry run: nothing is written.")?;
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

/// Text that does nothing to a terminal: names of files may hold escape sequences.
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
            "Dry run: nothing is written.\n\
             4 Markdown file(s): 1 created, 0 updated, 0 unchanged, 3 skipped\n\
             Skipped, no title: 2\n  b.md\n  a\u{fffd}[2J.md\n\
             Skipped, section file: 1\n  _index.md\n"
        );
    }
}
