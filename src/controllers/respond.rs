//! The common parts of JSON responses: the position of the log at which they are true, entity tags
//! and preconditions.

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::Value;

use super::idempotency::Outcome;
use crate::changeset::Params;
use crate::compression::version;
use crate::db::{At, Db};
use crate::error::{AppError, AppResult};
use crate::models::digest;

/// Adds the log and the position at which a response is true.
pub fn stamp(response: &mut HttpResponseBuilder, db: &Db, position: i64) {
    response.insert_header(("Last-Event-Id", position));
    response.insert_header(("Log-Id", db.log_id()));
}

/// 200 with the JSON of a list. The list may be mebibytes, so it is serialized where it was read,
/// off the workers.
pub fn list(db: &Db, list: At<String>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    stamp(&mut response, db, list.position);
    response.content_type("application/json").body(list.value)
}

/// 200 with a single thing and its entity tag, or 304 if the client has this version.
pub fn single<T: Serialize>(
    request: &HttpRequest,
    db: &Db,
    thing: &At<T>,
) -> AppResult<HttpResponse> {
    let body = serde_json::to_string(&thing.value)?;
    let etag = etag(&body);
    let mut known = None;
    // A write has already checked its preconditions in its transaction.
    if request.method().is_safe() {
        if let Some(None) = matching(request.headers(), header::IF_MATCH, &etag) {
            return Err(AppError::PreconditionFailed);
        }
        known = matching(request.headers(), header::IF_NONE_MATCH, &etag).flatten();
    }
    let status = if known.is_some() { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    stamp(&mut response, db, thing.position);
    // Caches must revalidate each time.
    response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    if let Some(known) = known {
        response.insert_header((header::ETAG, if known == "*" { &*etag } else { known }));
        return Ok(response.finish());
    }
    response.insert_header((header::ETAG, etag));
    Ok(response.content_type("application/json").body(body))
}

/// A document that is the same for everyone, or 304 if the client has it.
pub fn revalidated<B: MessageBody + 'static>(
    request: &HttpRequest,
    kind: &str,
    etag: &str,
    body: impl FnOnce() -> B,
) -> HttpResponse {
    match Precondition::of(request).known(etag) {
        Some(known) => unchanged(&known),
        None => document(kind, etag, body()),
    }
}

/// 200 with a document that is the same for everyone. Caches may keep it, and must revalidate it.
pub fn document(kind: &str, etag: &str, text: impl MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, no-cache"))
        .insert_header((header::ETAG, etag))
        .content_type(kind)
        .body(text)
}

/// 304 for a document that the client has.
pub fn unchanged(etag: &str) -> HttpResponse {
    HttpResponse::NotModified()
        .insert_header((header::CACHE_CONTROL, "public, no-cache"))
        .insert_header((header::ETAG, etag))
        .finish()
}

/// The version that a client wants to change, checked in the transaction that changes it.
pub struct Precondition {
    headers: HeaderMap,
    /// The version from which a form was made.
    form: Option<String>,
}

impl Precondition {
    /// The request's `If-Match` and `If-None-Match`.
    pub fn of(request: &HttpRequest) -> Precondition {
        let mut headers = HeaderMap::new();
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            for value in request.headers().get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        Precondition { headers, form: None }
    }

    /// No precondition: any version may be changed.
    pub fn none() -> Precondition {
        Precondition { headers: HeaderMap::new(), form: None }
    }

    /// The version in a form's `version` field. Without that field, any version may be changed.
    pub fn of_form(params: &Params) -> Precondition {
        let form = params.get("version").and_then(Value::as_str).map(ToOwned::to_owned);
        Precondition { form, ..Precondition::none() }
    }

    /// Whether the precondition comes from a form with a version.
    pub fn is_of_form(&self) -> bool {
        self.form.is_some()
    }

    /// Whether a form was made from another version of the thing.
    pub fn is_stale(&self, thing: &impl Serialize) -> AppResult<bool> {
        let Some(form) = &self.form else { return Ok(false) };
        Ok(*form != version_of(thing)?)
    }

    /// The client's entity tag, as it sent it, if the client has this version.
    pub fn known(&self, etag: &str) -> Option<String> {
        let known = matching(&self.headers, header::IF_NONE_MATCH, etag).flatten()?;
        Some(if known == "*" { etag } else { known }.to_owned())
    }

    /// Fails with 412 if the thing's version does not match `If-Match`, or matches `If-None-Match`.
    pub fn check(&self, thing: &impl Serialize) -> AppResult<()> {
        if self.headers.is_empty() {
            return Ok(());
        }
        let etag = etag(&serde_json::to_string(thing)?);
        let is_other = matches!(matching(&self.headers, header::IF_MATCH, &etag), Some(None));
        let is_known =
            matches!(matching(&self.headers, header::IF_NONE_MATCH, &etag), Some(Some(_)));
        if is_other || is_known { Err(AppError::PreconditionFailed) } else { Ok(()) }
    }
}

/// 201 with the thing that a POST created, now or in an earlier request.
pub fn created(db: &Db, outcome: Outcome) -> HttpResponse {
    let mut response = HttpResponse::Created();
    stamp(&mut response, db, outcome.position);
    response.insert_header((header::ETAG, etag(&outcome.body)));
    if let Some(location) = outcome.location {
        response.insert_header((header::LOCATION, location));
    }
    if outcome.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.content_type("application/json").body(outcome.body)
}

const STALE: AppError = AppError::Conflict("it was changed since this form was opened");

/// The thing itself, if a stale form would not change it. Fails with 409 otherwise.
pub(super) fn settle<T: PartialEq>(thing: T, wanted: Option<T>) -> AppResult<T> {
    if wanted.as_ref() == Some(&thing) { Ok(thing) } else { Err(STALE) }
}

/// The version of a thing in forms: its entity tag without the quotes.
pub(super) fn version_of(thing: &impl Serialize) -> AppResult<String> {
    Ok(digest(&serde_json::to_string(thing)?))
}

/// A strong entity tag for a thing's JSON.
pub(super) fn etag(json: &str) -> String {
    format!("\"{}\"", digest(json))
}

/// The entity tag in this header that has the same version, or `*`. `None` if there is no such
/// header; `Some(None)` if no tag matches. `If-Match` ignores weak tags (RFC 9110, section 13.1.1).
pub(super) fn matching<'a>(
    headers: &'a HeaderMap,
    name: header::HeaderName,
    etag: &str,
) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(&name).peekable();
    values.peek()?;
    // A tag from another server may not be UTF-8.
    let tags = values.flat_map(|tags| tags.as_bytes().split(|byte| *byte == b','));
    let tags = tags.filter_map(|tag| std::str::from_utf8(tag).ok());
    let tags = tags.map(str::trim);
    let mut fit = tags.filter(|tag| name != header::IF_MATCH || !tag.starts_with("W/"));
    Some(fit.find(|tag| *tag == "*" || version(tag) == version(etag)))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_tag_that_is_not_utf_8_hides_no_other() {
        let etag = etag("{}");
        for others in [&b""[..], b"\"a\", ", b"\"\xff\", ", b"\xff,"] {
            let tags = [others, etag.as_bytes()].concat();
            let mut headers = HeaderMap::new();
            let tags = HeaderValue::from_bytes(&tags).expect("a header's value");
            headers.insert(header::IF_MATCH, tags);
            let found = matching(&headers, header::IF_MATCH, &etag);
            assert_eq!(found, Some(Some(&*etag)), "{others:?}");
        }
    }
}
