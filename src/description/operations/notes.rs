//! Notes.

use serde_json::json;

use super::{created, page};
use crate::description::operation::Needs::Writer;
use crate::description::operation::Operation;
use crate::description::schemas::Schemas;
use crate::description::{bodies, parameters};
use crate::models::note::Note;

const LIST: &str = "/api/notes";
const ONE: &str = "/api/notes/{id}";

pub(super) fn all(schemas: &mut Schemas, is_open: bool) -> Vec<Operation> {
    let note = schemas.of::<Note>();
    let list = page("notes", note.clone());
    let new = schemas.add("NewNote", bodies::new_note(is_open));
    let changes = schemas.add("NoteChanges", bodies::note_changes());
    let stored = created(schemas, note.clone());
    let mut example = json!({ "title": "A note", "body": "Some *text*." });
    if is_open {
        example["author"] = "Ada".into();
    }
    vec![
        Operation::new("get", LIST, Writer, ["Notes", "listNotes", "List notes"])
            .about("Newest first. Notes are only for accounts, unless access is open.")
            .takes([parameters::limit(), parameters::cursor()])
            .stamped(200, "A page of notes.", list, []),
        Operation::new("post", LIST, Writer, ["Notes", "createNote", "Write a note"])
            .once()
            .body(new, example)
            .stamped(201, "The note.", stored, ["ETag", "Location", "Idempotency-Replayed"]),
        Operation::new("get", ONE, Writer, ["Notes", "getNote", "Read a note"])
            .id("note")
            .conditional()
            .stamped(200, "The note.", note.clone(), ["ETag"]),
        Operation::new("put", ONE, Writer, ["Notes", "updateNote", "Change a note"])
            .about("Both fields are required. For its author and admins.")
            .id("note")
            .conditional()
            .body(changes, json!({ "title": "A note", "body": "Another text." }))
            .stamped(200, "The note.", note, ["ETag"]),
        Operation::new("delete", ONE, Writer, ["Notes", "deleteNote", "Delete a note"])
            .id("note")
            .conditional()
            .done("The note was deleted."),
    ]
}
