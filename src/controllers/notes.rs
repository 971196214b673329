//! Notes over JSON, and the writes that the pages share.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::account::{Account, Asker, within};
use super::body::Body;
use super::idempotency::{Created, Once};
use super::request::{self, Query};
use super::respond::{self, Precondition};
use super::users;
use crate::access::Action;
use crate::changeset::Params;
use crate::db::{At, Touches, Tx};
use crate::error::{AppError, AppResult, Found};
use crate::models::note::{self, NewNote, Note, NoteChanges};
use crate::models::now;
use crate::state::State;
use crate::{events, views};

/// GET /api/notes
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    account.permit(Action::ReadNotes)?;
    let query = Query::of(&request)?.only(&["cursor", "limit"])?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let list = state.db.snapshot(move |connection| {
        let page = note::list(connection, cursor, limit)?;
        Ok::<_, AppError>(views::list("notes", &page)?)
    });
    Ok(respond::list(&state.db, list.await?))
}

/// GET /api/notes/{id}
pub async fn show(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    account.permit(Action::ReadNotes)?;
    let note = state.db.snapshot(move |connection| note::get(connection, id).found("note")).await?;
    respond::single(&request, &state.db, &note)
}

/// POST /api/notes
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.permit(Action::WriteNote)?;
    let params = body.json().await?;
    let (author, asker) = (account.user(), account.asker.clone());
    let new = NewNote::changeset_by(&params, author)
        .map_err(|errors| missing(errors.into(), "title, body and author required"))?;
    let once = Once::of(&request, author, &params)?;
    let quota = state.config.quotas.notes;
    let outcome = once.transact(&state.db, Touches::NewRows, move |tx| {
        let note = insert(tx, &asker, quota, new)?;
        let created = Created::of(&note)?.about(events::of_note(note.id));
        Ok(created.at(format!("/api/notes/{}", note.id)))
    });
    Ok(respond::created(&state.db, outcome.await?))
}

/// Writes a new note and announces it.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    asker: &Asker,
    quota: Option<i64>,
    new: NewNote,
) -> AppResult<Note> {
    let viewer = asker.permit(tx.connection, Action::WriteNote, "note")?;
    users::refuse_guest(tx.connection, viewer, new.guest())?;
    within(quota, viewer, "this account has reached its limit of notes", |account, quota| {
        note::has(tx.connection, account, quota)
    })?;
    let note = note::insert(tx.connection, new, now())?;
    tx.announce(events::note_created(&note)?);
    Ok(note)
}

/// PUT /api/notes/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    account.permit_writing()?;
    let params = body.json().await?;
    let note = change(&state, &account, id, &params, Precondition::of(&request))
        .await
        .map_err(|error| missing(error, "title and body required"))?;
    respond::single(&request, &state.db, &note)
}

/// DELETE /api/notes/{id}
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    account.permit_writing()?;
    remove(&state, &account, id, Precondition::of(&request)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Changes a note and announces it, unless nothing changes. A missing note is reported before
/// invalid fields.
pub(super) async fn change(
    state: &State,
    account: &Account,
    id: i64,
    params: &Params,
    precondition: Precondition,
) -> AppResult<At<Note>> {
    let changes = NoteChanges::changeset(params);
    let asker = account.asker.clone();
    state
        .db
        .transaction(move |tx| {
            let note = note::get(tx.connection, id).found("note")?;
            let action = Action::ChangeNote(note.user_id);
            let viewer = asker.permit(tx.connection, action, "note")?;
            precondition.check(&note)?;
            let after = changes.map(|changes| changes.applied(&note));
            if precondition.is_stale(&note)? {
                return respond::settle(note, after.ok());
            }
            let after = after?;
            if after == note {
                return Ok(note);
            }
            let note = note::replace(tx.connection, note, after, viewer.account(), now())?;
            tx.announce(events::note_updated(&note)?);
            Ok(note)
        })
        .await
}

/// Deletes a note and announces it.
pub(super) async fn remove(
    state: &State,
    account: &Account,
    id: i64,
    precondition: Precondition,
) -> AppResult<()> {
    let asker = account.asker.clone();
    state
        .db
        .transaction(move |tx| {
            let note = note::get(tx.connection, id).found("note")?;
            asker.permit(tx.connection, Action::ChangeNote(note.user_id), "note")?;
            precondition.check(&note)?;
            note::delete(tx.connection, id)?;
            tx.announce(events::note_deleted(id)?);
            Ok::<_, AppError>(())
        })
        .await?;
    Ok(())
}

/// Replaces the message for a missing field with the one that the article specifies. Other errors
/// keep their messages.
fn missing(error: AppError, words: &str) -> AppError {
    match error {
        AppError::Invalid(errors)
            if ["title", "body", "author"].iter().any(|field| {
                errors.of(field).iter().any(|message| message == "can't be blank")
            }) =>
        {
            AppError::Unprocessable(words.to_owned())
        }
        other => other,
    }
}
