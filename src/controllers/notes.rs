//! Notes over JSON, and the writes that their pages share.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::request::{self, Json, Query};
use crate::app::State;
use crate::changeset::Params;
use crate::error::{AppError, AppResult, Found};
use crate::models::note::{self, NewNote, Note, NoteChanges};
use crate::models::now;
use crate::{events, views};

/// GET /api/notes
pub async fn index(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let query = Query::of(&request)?;
    let (cursor, limit) = (query.cursor()?, query.limit()?);
    let page = state
        .db
        .read(move |connection| Ok::<_, AppError>(note::list(connection, cursor, limit)?))
        .await?;
    Ok(HttpResponse::Ok().json(views::list("notes", &page)))
}

/// GET /api/notes/{id}
pub async fn show(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    let note = state.db.read(move |connection| note::get(connection, id).found("note")).await?;
    Ok(HttpResponse::Ok().json(note))
}

/// POST /api/notes
pub async fn create(state: Data<State>, Json(params): Json) -> AppResult<HttpResponse> {
    let note = insert(&state, &params)
        .await
        .map_err(|error| missing(error, "title, body and author required"))?;
    let location = format!("/api/notes/{}", note.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(note))
}

/// PUT /api/notes/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    Json(params): Json,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    let note = change(&state, id, &params)
        .await
        .map_err(|error| missing(error, "title and body required"))?;
    Ok(HttpResponse::Ok().json(note))
}

/// DELETE /api/notes/{id}
pub async fn delete(state: Data<State>, request: HttpRequest) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    remove(&state, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Writes a new note and announces it.
pub(super) async fn insert(state: &State, params: &Params) -> AppResult<Note> {
    let new = NewNote::changeset(params)?;
    state
        .db
        .transaction(move |tx| {
            let note = note::insert(tx.connection, new, now())?;
            tx.announce(events::note_created(&note)?);
            Ok(note)
        })
        .await
}

/// Changes a note and announces it, unless nothing changes. A note that is not there is told
/// before fields that are not.
pub(super) async fn change(state: &State, id: i64, params: &Params) -> AppResult<Note> {
    let changes = NoteChanges::changeset(params);
    state
        .db
        .transaction(move |tx| {
            let note = note::get(tx.connection, id).found("note")?;
            let (note, changed) = note::update(tx.connection, note, changes?, now())?;
            if changed {
                tx.announce(events::note_updated(&note)?);
            }
            Ok(note)
        })
        .await
}

/// Deletes a note and announces it.
pub(super) async fn remove(state: &State, id: i64) -> AppResult<()> {
    state
        .db
        .transaction(move |tx| {
            note::delete(tx.connection, id).found("note")?;
            tx.announce(events::note_deleted(id)?);
            Ok(())
        })
        .await
}

/// The article's words for a field that is missing; other faults keep the changeset's.
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
