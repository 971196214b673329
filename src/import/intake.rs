//! Takes entries from any source one by one: rejects duplicate identities, compares or writes the
//! rest in batches, and counts them.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;

use super::entry::Entry;
use super::identity::{Folders, Known};
use super::leads::Leads;
use super::media::{self, File};
use super::report::{Finding, Note, Summary};
use super::store::{self, New, Outcome, Written};
use super::{ImportError, Target};
use crate::db;
use crate::models::post;

/// Maximum number of posts in one transaction, which bounds how long a server's writes wait.
pub(super) const BATCH: usize = 100;

/// Bytes of bodies at which a batch is written, which bounds the import's memory.
pub(super) const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Gives the files and pages that an entry links to.
pub(super) trait Source {
    /// The address that a page of the site had.
    fn page(&mut self, path: &str) -> Option<String>;

    /// The bytes of a file of the site.
    fn file(&mut self, path: &str) -> Result<Vec<u8>, Note>;
}

/// Collects entries into batches and a summary. Its memory is bounded by one batch and the summary,
/// plus a hash for each entry.
pub(super) struct Intake<'a> {
    target: &'a mut Target,
    progress: &'a ProgressBar,
    stop: &'a AtomicBool,
    known: Known,
    pub(super) summary: Summary,
    /// Hashes, not the texts, because the number of entries is unbounded.
    seen: HashSet<u64>,
    hasher: RandomState,
    leads: Leads,
    batch: Vec<New>,
    bytes: usize,
}

impl<'a> Intake<'a> {
    pub(super) fn new(
        target: &'a mut Target,
        progress: &'a ProgressBar,
        stop: &'a AtomicBool,
    ) -> Result<Intake<'a>, ImportError> {
        let known = known(target)?;
        Ok(Intake {
            target,
            progress,
            stop,
            known,
            summary: Summary::default(),
            seen: HashSet::new(),
            hasher: RandomState::new(),
            leads: Leads::none(),
            batch: Vec::new(),
            bytes: 0,
        })
    }

    /// Ends the import if a signal asked for it; otherwise counts one step of progress.
    pub(super) fn next(&self) -> Result<(), ImportError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ImportError::Stopped(self.summary.created + self.summary.updated));
        }
        self.progress.inc(1);
        Ok(())
    }

    /// Takes an entry, or the reason why there is none. `folders` is the entry's origin if it comes
    /// from a file in a folder.
    pub(super) fn take(
        &mut self,
        path: PathBuf,
        entry: Result<Entry, Note>,
        folders: Option<Folders>,
        source: &mut dyn Source,
    ) -> Result<(), ImportError> {
        self.summary.found += 1;
        let entry = match entry {
            Ok(entry) => entry,
            Err(note) => {
                self.summary.skip(path, note);
                return Ok(());
            }
        };
        if !self.seen.insert(self.hasher.hash_one(&entry.post.source)) {
            self.summary.skip(path, Note::lost("another file has the same path", ""));
            return Ok(());
        }
        let mut new = New { entry, folders, uploads: BTreeMap::new() };
        self.bring(&mut new, source)?;
        if new.entry.post.body.len() > post::MAX_BODY {
            let what = "the text exceeds 1 MiB once its links lead to this site";
            self.summary.skip(path, Note::lost(what, ""));
            return Ok(());
        }
        self.bytes += new.entry.weight();
        self.batch.push(new);
        if self.batch.len() == BATCH || self.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Rewrites the links of an entry to their targets here, and imports the files among those
    /// targets.
    fn bring(&mut self, new: &mut New, source: &mut dyn Source) -> Result<(), ImportError> {
        let target = &*self.target;
        let brought = media::bring(new, source, |File { upload, .. }| match target {
            Target::Database(db) => store::keep(db, upload),
            Target::DryRun(_) => Ok(()),
        })?;
        self.summary.files += brought.files;
        self.summary.links += brought.links;
        new.uploads = brought.addresses;
        new.entry.addresses.iter().chain(new.uploads.keys()).for_each(|it| self.leads.answers(it));
        self.leads.ask(&new.entry.path, brought.leads);
        Ok(())
    }

    /// Writes the last batch and returns the summary.
    pub(super) fn finish(mut self) -> Result<Summary, ImportError> {
        self.flush()?;
        for asked in self.leads.unanswered() {
            let dead = match &mut *self.target {
                Target::Database(db) => {
                    let dead = db.transaction_blocking(move |tx| {
                        Leads::dead(asked, Some(tx.connection)).map_err(db::Error::of)
                    });
                    dead?.value
                }
                Target::DryRun(connection) => Leads::dead(asked, connection.as_mut())?,
            };
            self.summary.links = self.summary.links.saturating_sub(dead.len());
            for Finding { path, note } in dead {
                self.summary.note(&path, vec![note]);
            }
        }
        self.summary.unlisted += self.leads.unlisted;
        Ok(self.summary)
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        let mut batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let comments =
            batch.iter_mut().map(|New { entry, .. }| std::mem::take(&mut entry.comments));
        let comments: Vec<_> = comments.collect();
        let told = batch.iter_mut().map(|New { entry, .. }| std::mem::take(&mut entry.notes));
        let told: Vec<_> = told.collect();
        let outcomes = match &mut *self.target {
            Target::DryRun(None) => Ok(batch.into_iter().map(store::unwritten).collect()),
            Target::DryRun(Some(connection)) => store::compare(connection, batch, &mut self.known),
            Target::Database(_) if batch.is_empty() => return Ok(()),
            Target::Database(db) => store::write(db, batch, &mut self.known),
        };
        let outcomes = outcomes.map_err(|error| self.interrupted(error))?;
        for ((written, own), comments) in outcomes.into_iter().zip(told).zip(comments) {
            let Written { path, outcome, post, addresses, notes } = written;
            if !matches!(outcome, Outcome::Taken(_)) {
                self.summary.note(&path, own);
                self.summary.note(&path, notes);
                self.summary.addresses += addresses;
                // The post is committed, so the next import continues from here if its comments
                // fail.
                let written = store::comment(self.target, post, comments);
                let written = written.map_err(|error| self.interrupted(error))?;
                self.summary.comments(&path, written);
            }
            self.summary.count(path, outcome);
        }
        Ok(())
    }

    fn interrupted(&self, error: ImportError) -> ImportError {
        super::interrupted(&self.summary, error)
    }

    /// Adds notes on a file that contains entries.
    pub(super) fn note(&mut self, path: &Path, notes: Vec<Note>) {
        self.summary.note(path, notes);
    }
}

/// The posts of earlier imports, read in parts so that a server's writes never wait for all of
/// them.
fn known(target: &mut Target) -> Result<Known, ImportError> {
    const PART: i64 = 1000;
    let mut known = Known::none();
    let mut last = Some(0);
    while let Some(after) = last {
        let part = match target {
            Target::Database(db) => {
                let part = db.transaction_blocking(move |tx| {
                    post::imported(tx.connection, after, PART).map_err(db::Error::of)
                });
                part?.value
            }
            Target::DryRun(Some(connection)) => post::imported(connection, after, PART)?,
            Target::DryRun(None) => Vec::new(),
        };
        last = known.learn(part);
    }
    Ok(known)
}
