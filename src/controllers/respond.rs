//! What answers have in common: the position that they are true as of, entity tags, and first
//! answers given again.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::changeset::Params;
use crate::db::{At, Db, Touches, Tx};
use crate::error::{AppError, AppResult};
use crate::models::answer::{Answer, Key};
use crate::models::user::User;
use crate::state::State;

/// The longest `Idempotency-Key`, in bytes.
const MAX_KEY: usize = 255;

/// Says what position of which log an answer is true as of.
pub fn stamp(response: &mut HttpResponseBuilder, db: &Db, position: i64) {
    response.insert_header(("Last-Event-Id", position));
    response.insert_header(("Log-Id", db.log_id()));
}

/// 200 with a list.
pub fn list(db: &Db, position: i64, list: impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    stamp(&mut response, db, position);
    response.json(list)
}

/// 200 with a single thing and its tag, or 304 when the client has it.
pub fn single<T: Serialize>(
    request: &HttpRequest,
    db: &Db,
    thing: &At<T>,
) -> AppResult<HttpResponse> {
    let body = serde_json::to_string(&thing.value)?;
    let etag = etag(&body);
    let known = request.method().is_safe()
        && matches(request.headers(), header::IF_NONE_MATCH, &etag).unwrap_or(false);
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    stamp(&mut response, db, thing.position);
    response.insert_header((header::ETAG, etag));
    // What may be cached must be asked about each time.
    response.insert_header((header::CACHE_CONTROL, "no-cache"));
    if known {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/json").body(body))
}

/// What a client believes that it changes, to be checked in the transaction that changes it.
pub struct Precondition(HeaderMap);

impl Precondition {
    /// Takes a request's `If-Match`.
    pub fn of(request: &HttpRequest) -> Precondition {
        let mut headers = HeaderMap::new();
        for value in request.headers().get_all(header::IF_MATCH) {
            headers.append(header::IF_MATCH, value.clone());
        }
        Precondition(headers)
    }

    /// None: changes whatever is there.
    pub fn none() -> Precondition {
        Precondition(HeaderMap::new())
    }

    /// 412 when the thing is not what the client believes.
    pub fn check(&self, thing: &impl Serialize) -> AppResult<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let etag = etag(&serde_json::to_string(thing)?);
        match matches(&self.0, header::IF_MATCH, &etag) {
            Some(false) => Err(AppError::PreconditionFailed),
            _ => Ok(()),
        }
    }
}

/// Runs a POST's transaction and answers 201, or gives the first answer again to a request that
/// carries the same `Idempotency-Key` as one before, by the same account or none.
pub async fn create<T, F>(
    state: &State,
    request: &HttpRequest,
    by: Option<&User>,
    params: &Params,
    touches: Touches,
    location: fn(&T) -> Option<String>,
    work: F,
) -> AppResult<HttpResponse>
where
    T: Serialize + 'static,
    F: FnOnce(&mut Tx<'_>) -> AppResult<T> + Send + 'static,
{
    let key = key(request, by, params)?;
    let fingerprint = key.as_ref().map(|key| key.fingerprint.clone()).unwrap_or_default();
    let answered = state
        .db
        .transaction_on(touches, key, move |tx| {
            if let Some((first, position)) = tx.first_answer()? {
                if first.fingerprint != fingerprint {
                    return Err(AppError::Unprocessable(
                        "Idempotency-Key was used for another request".to_owned(),
                    ));
                }
                return Ok((first, Some(position)));
            }
            let thing = work(tx)?;
            let body = serde_json::to_string(&thing)?;
            let answer = Answer { fingerprint, location: location(&thing), body };
            tx.keep_answer(&answer)?;
            Ok::<_, AppError>((answer, None))
        })
        .await?;
    let (answer, first) = answered.value;
    let mut response = HttpResponse::Created();
    stamp(&mut response, &state.db, first.unwrap_or(answered.position));
    response.insert_header((header::ETAG, etag(&answer.body)));
    if let Some(location) = answer.location {
        response.insert_header((header::LOCATION, location));
    }
    if first.is_some() {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    Ok(response.content_type("application/json").body(answer.body))
}

fn key(request: &HttpRequest, by: Option<&User>, params: &Params) -> AppResult<Option<Key>> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len()));
    let key = key.ok_or_else(|| super::request::invalid("Idempotency-Key"))?.to_owned();
    let mut told = serde_json::to_string(params)?;
    // What one has written is not the answer to another.
    if let Some(user) = by {
        told.insert_str(0, &format!("{} ", user.id));
    }
    let fingerprint = digest(&told);
    Ok(Some(Key { path: request.path().to_owned(), key, fingerprint }))
}

/// A strong tag of a thing's JSON.
fn etag(json: &str) -> String {
    format!("\"{}\"", &digest(json)[..32])
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a list of tags has this one; `None` when there is no such header.
fn matches(headers: &HeaderMap, name: header::HeaderName, etag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).peekable();
    values.peek()?;
    Some(values.filter_map(|value| value.to_str().ok()).flat_map(|tags| tags.split(',')).any(
        // A compressing proxy may have weakened the tag on its way.
        |tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag,
    ))
}
