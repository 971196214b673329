//! Links to addresses of the imported site for which no file was found. Only at the end of an
//! import, when every page has its address, is it known whether they lead anywhere.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use diesel::QueryResult;

use super::report::{Finding, Note};
use crate::connection::DbConnection;
use crate::models::old_address;

/// Maximum number of links kept until the end.
const MOST: usize = 100_000;

/// Links looked up in one transaction, so that a server's writes never wait for all of them.
const PART: usize = 1000;

/// Reserved folders that contain only this site's own files: links into them are not known.
const FILES: [&str; 2] = ["/static/", "/uploads/"];

/// The links, and the addresses that this import provides.
pub(super) struct Leads {
    hasher: RandomState,
    /// Hashes, not the texts: there is no bound on the number of pages.
    known: HashSet<u64>,
    asked: Vec<Asked>,
    /// The number of links beyond `MOST`.
    pub(super) unlisted: usize,
}

/// A link, with the page that contains it.
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

    /// Adds an address that something in this import has.
    pub(super) fn answers(&mut self, address: &str) {
        let forms = old_address::normalized(address).map(old_address::forms);
        for form in forms.into_iter().flatten() {
            self.known.insert(self.hasher.hash_one(form));
        }
    }

    /// Adds the links of a page, with their lines in its file.
    pub(super) fn ask(&mut self, page: &Path, links: Vec<(String, Option<usize>)>) {
        for (address, line) in links {
            match self.asked.len() < MOST {
                true => self.asked.push(Asked { page: page.to_owned(), line, address }),
                false => self.unlisted += 1,
            }
        }
    }

    /// The links that lead to nothing in this import, in parts. The database knows what earlier
    /// imports brought.
    pub(super) fn unanswered(&mut self) -> Vec<Vec<Asked>> {
        let asked = std::mem::take(&mut self.asked).into_iter();
        let mut rest = asked.filter(|link| !self.is_known(&link.address)).peekable();
        let mut parts = Vec::new();
        while rest.peek().is_some() {
            parts.push(rest.by_ref().take(PART).collect());
        }
        parts
    }

    /// The links among these that lead nowhere.
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
