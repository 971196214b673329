//! Takes requests apart: ids in paths, parameters in queries, JSON and forms in bodies. Everything
//! is bounded and refused in the API's words; nothing here knows a model.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde_json::Value;

use crate::changeset::Params;
use crate::error::{AppError, AppResult};
use crate::models::Cursor;
use crate::state::State;

/// Bytes beyond the limit that are still read and thrown away, so that a client that sends before
/// it listens gets to hear the 413.
const DRAINED: usize = 16 * 1024 * 1024;

/// The id in the path, named `id`. What is no id finds nothing.
pub fn id(request: &HttpRequest, what: &'static str) -> AppResult<i64> {
    request.match_info().get("id").and_then(parse_id).ok_or(AppError::NotFound(what))
}

/// An id as it is written: digits without a sign or leading zeros, from 1.
pub fn parse_id(text: &str) -> Option<i64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    canonical.then(|| text.parse().ok()).flatten()
}

/// The parameters of a query string.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a request's.
    pub fn of(request: &HttpRequest) -> AppResult<Query> {
        actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map(|query| Query(query.into_inner()))
            .map_err(|_| AppError::Unprocessable("the query string cannot be read".to_owned()))
    }

    /// The first parameter of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter in its type, when it is there. NUL is in no type: no database takes it.
    pub fn parse<T: FromStr>(&self, name: &'static str) -> AppResult<Option<T>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let parsed = if text.contains('\0') { None } else { text.parse().ok() };
        parsed.map(Some).ok_or_else(|| invalid(name))
    }

    /// A position in the log, when it is there: digits. One beyond any number is from the future.
    pub fn position(&self, name: &'static str) -> AppResult<Option<i64>> {
        self.get(name).map(|text| position(name, text)).transpose()
    }

    /// `limit`: 1 to 100, 20 when it is not given.
    pub fn limit(&self) -> AppResult<usize> {
        match self.parse::<usize>("limit")? {
            None => Ok(20),
            Some(limit @ 1..=100) => Ok(limit),
            Some(_) => Err(invalid("limit")),
        }
    }

    /// `cursor`: where a page before this one ended.
    pub fn cursor(&self) -> AppResult<Option<Cursor>> {
        self.parse("cursor")
    }
}

/// A position as a client writes it.
pub fn position(name: &str, text: &str) -> AppResult<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(name));
    }
    Ok(text.parse().unwrap_or(i64::MAX))
}

/// A parameter that was refused.
pub fn invalid(name: &str) -> AppError {
    AppError::Unprocessable(format!("{name} is invalid"))
}

/// A body of `application/json` that is an object.
pub struct Json(pub Params);

impl FromRequest for Json {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = AppResult<Json>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind =
            content_type(request, |subtype, suffix| subtype == "json" || suffix == Some("json"));
        let body = read(request, payload);
        Box::pin(async move {
            if !kind {
                return Err(AppError::UnsupportedMediaType("expected application/json"));
            }
            match serde_json::from_slice(&body.await?) {
                Ok(Value::Object(params)) => Ok(Json(params)),
                Ok(_) => Err(AppError::Unprocessable("expected a JSON object".to_owned())),
                Err(error) => Err(AppError::BadRequest(format!("malformed JSON: {error}"))),
            }
        })
    }
}

/// A body that a browser's form sends, every field a text. Line breaks become `\n`, as they are
/// when the same text comes as JSON.
pub struct Form(pub Params);

impl FromRequest for Form {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = AppResult<Form>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = content_type(request, |subtype, _| subtype == "x-www-form-urlencoded");
        let body = read(request, payload);
        Box::pin(async move {
            if !kind {
                return Err(AppError::UnsupportedMediaType("expected a form"));
            }
            let body = body.await?;
            let text = std::str::from_utf8(&body)
                .map_err(|_| AppError::BadRequest("the form is not UTF-8".to_owned()))?;
            let fields = actix_web::web::Query::<Vec<(String, String)>>::from_query(text)
                .map_err(|_| AppError::BadRequest("the form cannot be read".to_owned()))?;
            let params = fields.into_inner().into_iter();
            Ok(Form(
                params.map(|(name, value)| (name, value.replace("\r\n", "\n").into())).collect(),
            ))
        })
    }
}

fn content_type(request: &HttpRequest, fits: impl Fn(&str, Option<&str>) -> bool) -> bool {
    let Some(Ok(mime)) = request
        .headers()
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or("").parse::<mime::Mime>())
    else {
        return false;
    };
    let utf8 = mime.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
    utf8 && mime.type_() == mime::APPLICATION
        && fits(mime.subtype().as_str(), mime.suffix().map(|suffix| suffix.as_str()))
}

/// Reads a body within the limits of size and time.
fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = AppResult<Bytes>> + use<> {
    let config = request.app_data::<Data<State>>().map(|state| state.config.clone());
    let mut payload = payload.take();
    async move {
        let config = config.ok_or_else(|| AppError::internal("no application state"))?;
        let limit = config.max_body;
        let whole = async {
            let mut body = BytesMut::new();
            let mut size = 0_usize;
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|error| {
                    AppError::BadRequest(format!("the body cannot be read: {error}"))
                })?;
                size = size.saturating_add(chunk.len());
                if size <= limit {
                    body.extend_from_slice(&chunk);
                } else if size > limit.saturating_add(DRAINED) {
                    break;
                }
            }
            if size > limit { Err(AppError::TooLarge(limit)) } else { Ok(body.freeze()) }
        };
        match config.request_timeout {
            Some(timeout) => {
                tokio::time::timeout(timeout, whole).await.unwrap_or(Err(AppError::Timeout))
            }
            None => whole.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_id;

    #[test]
    fn an_id_is_written_in_one_way_only() {
        assert_eq!(parse_id("1"), Some(1));
        assert_eq!(parse_id("9223372036854775807"), Some(i64::MAX));
        for no_id in ["", "0", "-1", "+1", "01", "1 ", "1.0", "abc", "١", "9223372036854775808"] {
            assert_eq!(parse_id(no_id), None, "{no_id:?}");
        }
    }
}
