//! Writes pages in batches, each in one transaction: finds their rows, writes those that differ,
//! and stores their old addresses.

use std::collections::HashSet;
use std::path::PathBuf;

use super::super::report::Note;
use super::super::store::{self, Outcome};
use super::super::{ImportError, Target};
use super::pages::{Batch, Page, Read};
use super::{Import, Users};
use crate::connection::DbConnection;
use crate::db::Tx;
use crate::export::format;
use crate::models::ids::Ids;
use crate::models::old_address::{self, Claimed, Target as Led};

/// The outcome of a page. A page without one is deferred, because its id is in use here.
struct Written {
    path: PathBuf,
    id: i64,
    outcome: Option<(Outcome, Option<i64>)>,
    addresses: usize,
    notes: Vec<Note>,
}

/// One pass over the files.
pub(super) struct Pass {
    /// Whether rows must keep their ids: if so, files that cannot are deferred.
    pub(super) keep: bool,
    pub(super) deferred: Vec<PathBuf>,
    /// The rows already matched or created: no other page may match them.
    taken: HashSet<i64>,
}

impl Pass {
    pub(super) fn keeping() -> Pass {
        Pass { keep: true, deferred: Vec::new(), taken: HashSet::new() }
    }
}

/// Writes a batch.
pub(super) fn write<P: Page>(
    import: &mut Import<'_>,
    batch: &mut Batch<P>,
    pass: &mut Pass,
) -> Result<(), ImportError> {
    let pages = std::mem::take(batch).pages;
    if pages.is_empty() {
        return Ok(());
    }
    // Lost if the transaction fails, but that ends the import.
    let (keep, taken) = (pass.keep, std::mem::take(&mut pass.taken));
    let written = match &mut *import.target {
        Target::Database(db) => db
            .transaction_blocking(move |tx| {
                let mut writer = Writer { keep, taken, users: Users::default(), ids: None };
                let all = pages.into_iter().map(|read| writer.write(tx, read));
                let all = all.collect::<Result<Vec<_>, ImportError>>()?;
                if let Some(ids) = writer.ids {
                    ids.close(tx.connection)?;
                }
                Ok::<_, ImportError>((all, writer.users.missing, writer.taken))
            })
            .map(|committed| committed.value),
        Target::DryRun(connection) => compare(connection.as_mut(), pages, taken),
    };
    let (written, missing, taken) = written.map_err(|error| import.failed(error))?;
    pass.taken = taken;
    if let Some(first) = written.first() {
        let path = first.path.clone();
        import.missing(&path, missing);
    }
    for Written { path, id, outcome, addresses, notes } in written {
        let Some((outcome, row)) = outcome else {
            pass.deferred.push(path);
            continue;
        };
        import.summary.note(&path, notes);
        import.summary.addresses += addresses;
        import.summary.count(path, outcome);
        match P::FOLDER {
            format::POSTS => drop(import.posts.insert(id, row)),
            _ => import.summary.notes += 1,
        }
    }
    Ok(())
}

struct Writer {
    keep: bool,
    taken: HashSet<i64>,
    users: Users,
    ids: Option<Ids>,
}

impl Writer {
    fn write<P: Page>(&mut self, tx: &mut Tx<'_>, read: Read<P>) -> Result<Written, ImportError> {
        let Read { path, page, mut notes } = read;
        let user = self.users.named(tx.connection, page.account())?;
        let known = page.find(tx.connection, &self.taken)?;
        let row = page.row(known.as_ref(), user.as_ref());
        let (outcome, id) = match known {
            Some(known) if known == row => (Outcome::Unchanged, P::id_of(&known)),
            Some(known) => {
                let id = P::id_of(&known);
                page.update(tx, known, row)?;
                (Outcome::Updated, id)
            }
            None if self.keep => {
                let ids = match &mut self.ids {
                    Some(ids) => ids,
                    none => none.insert(Ids::of(tx.connection, P::TABLE)?),
                };
                let Some(id) = ids.take(page.id()) else {
                    let id = page.id();
                    return Ok(Written { path, id, outcome: None, addresses: 0, notes });
                };
                (Outcome::Created, P::id_of(&page.insert(tx, Some(id), row)?))
            }
            None => {
                let id = P::id_of(&page.insert(tx, None, row)?);
                let what = "its id is in use here, so links to that id lead elsewhere";
                notes.push(Note::lost(what, format!("{} is {id} here", page.id())));
                (Outcome::Created, id)
            }
        };
        self.taken.insert(id);
        let mut addresses = 0;
        for alias in page.aliases() {
            let claimed = old_address::claim(tx.connection, alias, Led::Post(id))?;
            store::tell(claimed, alias, &mut addresses, &mut notes);
        }
        let outcome = Some((outcome, Some(id)));
        Ok(Written { path, id: page.id(), outcome, addresses, notes })
    }
}

/// The outcomes of a batch, the accounts that do not exist here, and the rows in use.
type Outcomes = (Vec<Written>, Vec<String>, HashSet<i64>);

/// The outcomes that writing a batch would have, without writing.
fn compare<P: Page>(
    mut connection: Option<&mut DbConnection>,
    pages: Vec<Read<P>>,
    mut taken: HashSet<i64>,
) -> Result<Outcomes, ImportError> {
    let (mut all, mut users) = (Vec::new(), Users::default());
    for Read { path, page, mut notes } in pages {
        let outcome = match connection.as_mut() {
            Some(connection) => {
                let user = users.named(connection, page.account())?;
                page.find(connection, &taken)?.map(|known| {
                    taken.insert(P::id_of(&known));
                    let is_same = page.row(Some(&known), user.as_ref()) == known;
                    let outcome = if is_same { Outcome::Unchanged } else { Outcome::Updated };
                    (outcome, Some(P::id_of(&known)))
                })
            }
            None => None,
        };
        let mut addresses = 0;
        for alias in page.aliases() {
            let claimed = old_address::own(alias).err().unwrap_or(Claimed::Yes);
            store::tell(claimed, alias, &mut addresses, &mut notes);
        }
        let outcome = Some(outcome.unwrap_or((Outcome::Created, None)));
        all.push(Written { path, id: page.id(), outcome, addresses, notes });
    }
    Ok((all, users.missing, taken))
}
