//! Links to addresses of the imported site that no file was found for: whether anything answers
//! there is known only at the end, when every page has its place.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use diesel::QueryResult;

use super::report::{Finding, Note};
use crate::connection::DbConnection;
use crate::models::old_address;

/// Most links that are kept until the end, whatever the number of pages.
const MOST: usize = 100_000;

/// Those that the database is asked about at once: a server's writes do not wait for all.
const PART: usize = 1000;

/// Folders that this site has too, with files of its own alone.
const FILES: [&str; 2] = ["/static/", "/uploads/"];

/// The links, and the addresses that this import knows.
pub(super) struct Leads {
    hasher: RandomState,
    /// Hashes, not the texts: there is no bound on the number of pages.
    known: HashSet<u64>,
    asked: Vec<Asked>,
    /// Links beyond those that are kept.
    pub(super) unlisted: usize,
}

/// A link, and the page that it is on.
pub(super) struct Asked {
    page: PathBuf,
    line: Option<usize>,
    address: String,
}

/// The finding about a link that leads nowhere.
pub(super) fn nowhere(address: &str, line: Option<usize>) -> Note {
    Note { line, ..Note::lost("a link that leads nowhere", address) }
}

impl Leads {
    pub(super) fn none() -> Leads {
        Leads { hasher: RandomState::new(), known: HashSet::new(), asked: Vec::new(), unlisted: 0 }
    }

    /// Something of this import is at this address.
    pub(super) fn answers(&mut self, address: &str) {
        let forms = old_address::normalized(address).map(old_address::forms);
        for form in forms.into_iter().flatten() {
            self.known.insert(self.hasher.hash_one(form));
        }
    }

    /// A page has links to these addresses, on these lines of its file.
    pub(super) fn ask(&mut self, page: &Path, links: Vec<(String, Option<usize>)>) {
        for (address, line) in links {
            match self.asked.len() < MOST {
                true => self.asked.push(Asked { page: page.to_owned(), line, address }),
                false => self.unlisted += 1,
            }
        }
    }

    /// The links that lead to nothing of this import, in parts: what earlier ones brought is in the
    /// database.
    pub(super) fn unanswered(&mut self) -> Vec<Vec<Asked>> {
        let asked = std::mem::take(&mut self.asked).into_iter();
        let mut rest = asked.filter(|link| !self.is_known(&link.address)).peekable();
        let mut parts = Vec::new();
        while rest.peek().is_some() {
            parts.push(rest.by_ref().take(PART).collect());
        }
        parts
    }

    /// Those of them that lead nowhere.
    pub(super) fn dead(
        asked: Vec<Asked>,
        mut connection: Option<&mut DbConnection>,
    ) -> QueryResult<Vec<Finding>> {
        let mut dead = Vec::new();
        for Asked { page, line, address } in &asked {
            let is_known = match &mut connection {
                Some(connection) => old_address::is_known(connection, address)?,
                None => false,
            };
            if !is_known {
                dead.push(Finding { path: page.clone(), note: nowhere(address, *line) });
            }
        }
        Ok(dead)
    }

    fn is_known(&self, address: &str) -> bool {
        let Some(path) = old_address::normalized(address) else { return false };
        let is_own =
            old_address::is_reserved(&path) && !FILES.iter().any(|files| path.starts_with(files));
        is_own
            || old_address::feed(address).is_some()
            || self.known.contains(&self.hasher.hash_one(path))
    }
}
