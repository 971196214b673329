//! The result of an import: counts, and findings (content left out, changed or not understood),
//! printed by kind with file and line.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use super::comments;
use super::store::Outcome;

/// Maximum number of files that the summary lists for each kind; a report lists all.
const LISTED: usize = 20;

/// Maximum number of notes that are kept.
const KEPT: usize = 100_000;

/// Something about a file that the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its kind: the same words for all files.
    pub what: String,
    /// Details of this one; empty if there are none.
    pub detail: String,
    /// The line in the file, if known.
    pub line: Option<usize>,
    /// Whether content was left out or not understood, which makes `--strict` fail.
    pub lost: bool,
}

impl Note {
    /// A note on content that was left out or not understood.
    pub(super) fn lost(what: impl Into<String>, detail: impl Into<String>) -> Note {
        Note { what: what.into(), detail: detail.into(), line: None, lost: true }
    }

    /// A note on a choice made as the site's generator makes it.
    pub(super) fn told(what: impl Into<String>, detail: impl Into<String>) -> Note {
        Note { lost: false, ..Note::lost(what, detail) }
    }

    /// A note on a person who has no account here.
    pub(super) fn without_account(name: String) -> Note {
        let what = "a missing account: add it with `kilonova user add`, and import again";
        Note::lost(what, name)
    }

    /// The same note, on this line.
    pub(super) fn on(self, line: usize) -> Note {
        Note { line: Some(line), ..self }
    }
}

/// A note with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The path relative to the imported folder.
    pub path: PathBuf,
    /// The note.
    pub note: Note,
}

/// The result of an import; for a dry run, the result that the import would have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of files of the kinds that hold pages: the sum of created, updated, unchanged and
    /// skipped.
    pub found: usize,
    /// The number of new posts.
    pub created: usize,
    /// The number of existing posts that differed.
    pub updated: usize,
    /// The number of existing posts that did not differ.
    pub unchanged: usize,
    /// The number of addresses on the old site that now lead to their pages and files here.
    pub addresses: usize,
    /// The number of links and images that now lead to this site.
    pub links: usize,
    /// The number of files imported for those links.
    pub files: usize,
    /// The number of created, updated and unchanged rows that are notes.
    pub notes: usize,
    /// The numbers of new comments, changed comments, and existing comments.
    pub comments: [usize; 3],
    /// Files that were skipped, and why.
    pub skipped: Vec<Finding>,
    /// Notes on the files that have a post.
    pub noted: Vec<Finding>,
    /// The number of findings beyond those that are kept.
    pub unlisted: usize,
}

impl Summary {
    /// Whether content was left out or not understood.
    pub fn lost_something(&self) -> bool {
        self.unlisted > 0 || self.skipped.iter().chain(&self.noted).any(|found| found.note.lost)
    }

    pub(super) fn skip(&mut self, path: PathBuf, note: Note) {
        self.skipped.push(Finding { path, note });
    }

    pub(super) fn note(&mut self, path: &std::path::Path, notes: Vec<Note>) {
        for note in notes {
            match self.noted.len() < KEPT {
                true => self.noted.push(Finding { path: path.to_owned(), note }),
                false => self.unlisted += 1,
            }
        }
    }

    /// Counts the comments of a file's post, and notes those that were refused.
    pub(super) fn comments(&mut self, path: &std::path::Path, written: comments::Written) {
        let comments::Written { created, updated, unchanged, missing, notes, .. } = written;
        for (sum, count) in self.comments.iter_mut().zip([created, updated, unchanged]) {
            *sum += count;
        }
        self.note(path, notes);
        self.note(path, missing.into_iter().map(Note::without_account).collect());
    }

    pub(super) fn count(&mut self, path: PathBuf, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Taken(id) => {
                let what = "a post has the same path but a different title and date";
                self.skip(path, Note::lost(what, format!("post {id}")));
            }
        }
    }
}

/// Prints a summary, with at most 20 files of each kind.
pub(super) fn print(summary: &Summary, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    let Summary { found, created, updated, unchanged, skipped, .. } = summary;
    if dry_run {
        writeln!(out, "Dry run: nothing was written.")?;
    }
    writeln!(
        out,
        "{found} file(s): {created} created, {updated} updated, {unchanged} unchanged, {} skipped",
        skipped.len()
    )?;
    let Summary { addresses, links, files, .. } = summary;
    if summary.notes > 0 {
        writeln!(out, "{} of them are notes", summary.notes)?;
    }
    if addresses + links + files > 0 {
        writeln!(
            out,
            "{addresses} old address(es) lead here; {links} link(s) lead to this site, with {files} \
             file(s) brought along"
        )?;
    }
    if summary.comments != [0; 3] {
        let [created, updated, unchanged] = summary.comments;
        writeln!(out, "comments: {created} created, {updated} updated, {unchanged} unchanged")?;
    }
    list(summary, LISTED, out)?;
    out.flush()
}

/// Writes every finding.
pub(super) fn write_all(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    list(summary, usize::MAX, out)?;
    out.flush()
}

fn list(summary: &Summary, most: usize, out: &mut dyn Write) -> io::Result<()> {
    group("Skipped", &summary.skipped, most, out)?;
    group("Imported", &summary.noted, most, out)?;
    match summary.unlisted {
        0 => Ok(()),
        more => writeln!(out, "… and {more} more notes on imported files"),
    }
}

fn group(head: &str, findings: &[Finding], most: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut kinds: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        kinds.entry(&finding.note.what).or_default().push(finding);
    }
    for (kind, findings) in kinds {
        writeln!(out, "{head}, {}: {}", printable(kind), findings.len())?;
        for Finding { path, note } in findings.iter().take(most) {
            write!(out, "  {}", printable(&path.to_string_lossy()))?;
            if let Some(line) = note.line {
                write!(out, ":{line}")?;
            }
            match note.detail.as_str() {
                "" => writeln!(out)?,
                detail => writeln!(out, ": {}", printable(detail))?,
            }
        }
        if let Some(more @ 1..) = findings.len().checked_sub(most) {
            writeln!(out, "  … and {more} more")?;
        }
    }
    Ok(())
}

/// Replaces control characters: a file's name may hold escape sequences for the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi(c) { '\u{fffd}' } else { c }).collect()
}

/// Characters that change the direction in which a line's letters are displayed.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
