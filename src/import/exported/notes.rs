//! Notes of an export: how they are recognised, and their rows.

use std::collections::HashSet;

use super::super::ImportError;
use super::fields::{self, Given};
use super::pages::{Page, changed_at};
use crate::changeset::Errors;
use crate::connection::DbConnection;
use crate::db::Tx;
use crate::events;
use crate::export::format::{NOTE_KEYS, NOTES};
use crate::models::note::{self, NewNote, Note};
use crate::models::user::User;

/// A note of an export.
pub(super) struct NotePage {
    /// The note, with the id from the export.
    note: Note,
    account: Option<String>,
}

impl Page for NotePage {
    const FOLDER: &'static str = NOTES;
    const TABLE: &'static str = "notes";
    const KEYS: &'static [&'static str] = &NOTE_KEYS;
    type Row = Note;

    fn parse(given: &Given) -> Result<NotePage, Errors> {
        let mut changeset = fields::changeset(&given.params);
        let id = fields::id(&mut changeset, "id");
        let inserted_at = fields::time(&mut changeset, "inserted_at");
        let updated_at = changeset.time("updated_at").or(inserted_at);
        let account = fields::account(&mut changeset);
        let times = || Some((id?, inserted_at?, updated_at?));
        let (id, inserted_at, updated_at) = changeset.finish(times)?;
        let note = NewNote::changeset(&given.params)?.dated(inserted_at, updated_at);
        Ok(NotePage { note: Note { id, ..note }, account })
    }

    fn id(&self) -> i64 {
        self.note.id
    }

    fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    fn weight(&self) -> usize {
        self.note.body.len()
    }

    fn aliases(&self) -> &[String] {
        &[]
    }

    /// Matches by the note's time, and by its id or its title.
    fn find(
        &self,
        connection: &mut DbConnection,
        taken: &HashSet<i64>,
    ) -> diesel::QueryResult<Option<Note>> {
        let mut all = note::at(connection, self.note.inserted_at)?;
        all.retain(|note| !taken.contains(&note.id));
        let by_id = all.iter().find(|note| note.id == self.note.id);
        let by_title = || all.iter().find(|note| note.title == self.note.title);
        Ok(by_id.or_else(by_title).cloned())
    }

    fn id_of(row: &Note) -> i64 {
        row.id
    }

    fn row(&self, known: Option<&Note>, user: Option<&User>) -> Note {
        let user_id = user.map(|user| user.id);
        let note = self.note.clone();
        match known {
            Some(known) => Note {
                id: known.id,
                updated_at: known.updated_at,
                user_id: user_id.or(known.user_id),
                ..note
            },
            None => Note { user_id, ..note },
        }
    }

    fn insert(&self, tx: &mut Tx<'_>, id: Option<i64>, row: Note) -> Result<Note, ImportError> {
        let note = note::insert_whole(tx.connection, id, row)?;
        tx.announce(events::note_created(&note)?);
        Ok(note)
    }

    fn update(&self, tx: &mut Tx<'_>, before: Note, after: Note) -> Result<(), ImportError> {
        let at = changed_at(before.updated_at, self.note.updated_at);
        let note = note::replace(tx.connection, before, after, None, at)?;
        tx.announce(events::note_updated(&note)?);
        Ok(())
    }
}
