//! Pages of notes.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{ROWS, page, see, to_sign_in};
use crate::access::{self, Action, Viewer};
use crate::changeset::{Errors, Params};
use crate::connection::DbConnection;
use crate::controllers::account::{Account, answer};
use crate::controllers::body::Body;
use crate::controllers::idempotency::{Created, Once};
use crate::controllers::notes;
use crate::controllers::request::{self, Query};
use crate::controllers::respond::{Precondition, version_of};
use crate::db::Touches;
use crate::error::{AppError, AppResult, Found};
use crate::events;
use crate::models::Cursor;
use crate::models::note::{self, NewNote, Note};
use crate::state::State;
use crate::views::forms::NoteForm;
use crate::views::pages::{NoteConflict, NoteEdit, NoteIndex, NoteShow, Saved};

/// GET /notes
pub async fn index(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    account.permit(Action::ReadNotes)?;
    let cursor = Query::of(&request)?.cursor()?;
    index_with(&state, &account, cursor, StatusCode::OK, NoteForm::blank()).await
}

async fn index_with(
    state: &State,
    account: &Account,
    cursor: Option<Cursor>,
    status: StatusCode,
    form: NoteForm,
) -> AppResult<HttpResponse> {
    page(state, account, status, move |connection, frame| {
        Ok(NoteIndex { frame, cursor, notes: note::list(connection, cursor, ROWS)?, form })
    })
    .await
}

/// GET /notes/{id}
pub async fn show(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    account.permit(Action::ReadNotes)?;
    page(&state, &account, StatusCode::OK, move |connection, frame| {
        Ok(NoteShow { frame, note: note::get(connection, id).found("note")? })
    })
    .await
}

/// GET /notes/{id}/edit
pub async fn edit(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    if let Some(login) = to_sign_in(&request, &account) {
        return Ok(login);
    }
    edit_with(&state, &account, id, None).await
}

/// POST /notes/{id}/edit: the form with the last version, beside one that was not saved.
pub async fn edit_beside(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    let typed = NoteForm::refused(&account.writing_form(body).await?, Errors::default());
    edit_with(&state, &account, id, Some(typed)).await
}

async fn edit_with(
    state: &State,
    account: &Account,
    id: i64,
    typed: Option<NoteForm>,
) -> AppResult<HttpResponse> {
    let viewer = account.viewer();
    page(state, account, StatusCode::OK, move |connection, frame| {
        let note = changeable(connection, id, viewer)?;
        let form = NoteForm::of(&note, version_of(&note)?);
        Ok(NoteEdit { frame, id, form, typed })
    })
    .await
}

/// POST /notes
pub async fn create(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.permit(Action::WriteNote)?;
    let params = account.form(body).await?;
    let author = account.user();
    let new = NewNote::changeset_by(&params, author);
    let once = Once::of_form(&request, author, &params)?;
    let (asker, quota) = (account.asker.clone(), state.config.quotas.notes);
    let written = once.transact(&state.db, Touches::NewRows, move |tx| {
        let note = notes::insert(tx, &asker, quota, new?)?;
        let place = format!("/notes#note-{}", note.id);
        Ok(Created::of(&note)?.about(events::of_note(note.id)).at(place))
    });
    match written.await {
        Ok(written) => Ok(see(written.location.unwrap_or_else(|| "/notes".to_owned()))),
        Err(AppError::Invalid(errors)) => refused(&state, &account, &params, errors).await,
        Err(error) => Err(error),
    }
}

/// The form for a new note, as typed, with its errors.
async fn refused(
    state: &State,
    account: &Account,
    params: &Params,
    errors: Errors,
) -> AppResult<HttpResponse> {
    let form = NoteForm::refused(params, errors);
    index_with(state, account, None, StatusCode::UNPROCESSABLE_ENTITY, form).await
}

/// POST /notes/{id}
pub async fn update(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    let id = request::id(&request, "note")?;
    let params = account.writing_form(body).await?;
    match notes::change(&state, &account, id, &params, Precondition::of_form(&params)).await {
        Ok(_) => Ok(see(format!("/notes/{id}"))),
        Err(AppError::Conflict(_)) => conflict(&state, &account, id, params).await,
        Err(AppError::Invalid(errors)) => {
            let form = NoteForm::refused(&params, errors);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page(&state, &account, status, move |_, frame| {
                Ok(NoteEdit { frame, id, form, typed: None })
            })
            .await
        }
        Err(error) => Err(error),
    }
}

/// Both versions, if the form was made from an older one.
async fn conflict(
    state: &State,
    account: &Account,
    id: i64,
    params: Params,
) -> AppResult<HttpResponse> {
    let viewer = account.viewer();
    page(state, account, StatusCode::CONFLICT, move |connection, frame| {
        let note = changeable(connection, id, viewer)?;
        let by = note::editor(connection, id)?;
        let saved = Saved { by, at: note.updated_at };
        let theirs = NoteForm::of(&note, version_of(&note)?);
        let form = theirs.clone().over(&params);
        Ok(NoteConflict { frame, id, saved, theirs, form })
    })
    .await
}

/// A note that this viewer may change.
fn changeable(connection: &mut DbConnection, id: i64, viewer: Viewer) -> AppResult<Note> {
    let note = note::get(connection, id).found("note")?;
    answer(access::may(viewer, Action::ChangeNote(note.user_id)), "note")?;
    Ok(note)
}

/// POST /notes/{id}/delete
pub async fn delete(
    state: Data<State>,
    request: HttpRequest,
    account: Account,
    body: Body,
) -> AppResult<HttpResponse> {
    account.writing_form(body).await?;
    notes::remove(&state, &account, request::id(&request, "note")?, Precondition::none()).await?;
    Ok(see("/notes"))
}
