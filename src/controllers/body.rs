//! Bodies of requests: the limits on their size and memory, and their parsing. Owns the limits;
//! changesets own the rules for the fields.
//!
//! A handler reads the body only after it has decided that the request may be answered.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{self, Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::{StreamExt, stream};
use kilonova_feed::limits::Address;
use percent_encoding::percent_decode_str;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::bodies::Taken;
use crate::changeset::Params;
use crate::config::Config;
use crate::error::{AppError, AppResult};
use crate::state::State;

/// The longest body with a name and a password.
const CREDENTIALS: usize = 4 * 1024;

/// Bodies of at least this size are parsed off the worker.
const LONG_WORK: usize = 64 * 1024;

/// The route that accepts files.
const UPLOADS: &str = "/api/uploads";

/// The most bytes of a form in addition to its file.
const AROUND_FILE: usize = 4 * 1024;

/// The most characters of a field's name that an error message repeats.
const SHOWN: usize = 100;

/// How deep a JSON body may nest.
const MAX_DEPTH: usize = 8;

/// The limit on the body's size for a route, in bytes.
fn limit(route: &str, config: &Config) -> usize {
    match route {
        "/api/session"
        | "/api/users"
        | "/api/tokens"
        | "/api/account/password"
        | "/login"
        | "/register"
        | "/account/password"
        | "/account/tokens" => CREDENTIALS.min(config.max_body),
        UPLOADS => config.max_upload.saturating_add(AROUND_FILE),
        _ => config.max_body,
    }
}

/// The `Content-Length` of a request.
fn told(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Checks the `Content-Length` of a request, before `100 Continue` is sent.
pub fn check(path: &str, headers: &HeaderMap, config: &Config) -> AppResult<()> {
    // Decoded, as the router matches it.
    let limit = limit(&percent_decode_str(path).decode_utf8_lossy(), config);
    match told(headers) {
        Some(length) if length > limit => Err(too_large(limit, config)),
        _ => Ok(()),
    }
}

/// The error for a body over its route's limit. For an upload it names the limit on the picture,
/// without the form around it.
fn too_large(limit: usize, config: &Config) -> AppError {
    let is_upload = limit == config.max_upload.saturating_add(AROUND_FILE);
    AppError::TooLarge(if is_upload { config.max_upload } else { limit })
}

/// A request's body, unread.
pub struct Body {
    payload: Payload,
    headers: HeaderMap,
    limit: usize,
    /// The client's address, if limits apply to it.
    address: Option<IpAddr>,
    state: Data<State>,
    /// Receives a copy of a form's fields, for an error page.
    typed: Option<Typed>,
}

/// The fields of a form, kept in case an error page must show them again.
#[derive(Clone, Default)]
pub(super) struct Typed(Rc<RefCell<Option<Params>>>);

impl Typed {
    /// The fields, if they were read.
    pub(super) fn take(&self) -> Option<Params> {
        self.0.take()
    }
}

impl FromRequest for Body {
    type Error = AppError;
    type Future = Ready<AppResult<Body>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let Some(state) = request.app_data::<Data<State>>() else {
            return ready(Err(AppError::internal("no application state")));
        };
        ready(Ok(Body {
            payload: payload.take(),
            typed: request.extensions().get().cloned(),
            headers: request.headers().clone(),
            limit: limit(&request.match_pattern().unwrap_or_default(), &state.config),
            address: Address::of(request.peer_addr().map(|peer| peer.ip())).counted(),
            state: state.clone(),
        }))
    }
}

impl Body {
    /// The body of a request that was refused before the body was read. It may have at most `most`
    /// bytes.
    pub(super) fn of_refused(
        request: &HttpRequest,
        payload: &mut Payload,
        most: usize,
    ) -> AppResult<Body> {
        let body = Body::from_request(request, payload).into_inner()?;
        Ok(Body { limit: body.limit.min(most), ..body })
    }

    /// The fields of the JSON object in the body. Fails with 415 if the body is not JSON.
    pub async fn json(self) -> AppResult<Params> {
        if !self.is(|subtype, suffix| subtype == "json" || suffix == Some("json")) {
            return Err(AppError::UnsupportedMediaType("expected application/json"));
        }
        self.parse(parse_json).await
    }

    /// The fields of a browser's form, all of them texts. Line breaks become `\n`, so that the same
    /// text has the same value in a form and in JSON.
    pub async fn form(self) -> AppResult<Params> {
        if !self.is(|subtype, _| subtype == "x-www-form-urlencoded") {
            return Err(AppError::UnsupportedMediaType("expected a form"));
        }
        let typed = self.typed.clone();
        let params = self.parse(parse_form).await?;
        if let Some(Typed(typed)) = typed {
            typed.replace(Some(params.clone()));
        }
        Ok(params)
    }

    /// The uploaded file: the body itself, whatever its `Content-Type`, or the only file in a
    /// multipart form. Returned with the memory that it counts for.
    pub async fn file(self) -> AppResult<(Bytes, Taken)> {
        let most = self.state.config.max_upload;
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok());
        let is_form = kind.is_some_and(|kind| kind.trim_start().starts_with("multipart/"));
        let (body, room) = self.read().await?;
        let file = match boundary {
            Some(boundary) => only_file(body, boundary).await?,
            None if is_form => {
                return Err(AppError::BadRequest("the form has no boundary".to_owned()));
            }
            None => body,
        };
        if file.len() > most { Err(AppError::TooLarge(most)) } else { Ok((file, room)) }
    }

    fn is(&self, fits: impl Fn(&str, Option<&str>) -> bool) -> bool {
        let Some(Ok(mime)) = self
            .headers
            .get(header::CONTENT_TYPE)
            .map(|value| value.to_str().unwrap_or("").parse::<mime::Mime>())
        else {
            return false;
        };
        let utf8 = mime.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8);
        utf8 && mime.type_() == mime::APPLICATION
            && fits(mime.subtype().as_str(), mime.suffix().map(|suffix| suffix.as_str()))
    }

    async fn parse(self, parse: fn(&[u8], usize) -> AppResult<Params>) -> AppResult<Params> {
        let max_values = self.state.config.max_values;
        let (body, room) = self.read().await?;
        if body.len() < LONG_WORK {
            return parse(&body, max_values);
        }
        let parsed = web::block(move || {
            let _room = room;
            parse(&body, max_values)
        });
        parsed.await.map_err(AppError::internal)?
    }

    /// Reads the body within the limits of size, memory and time.
    async fn read(self) -> AppResult<(Bytes, Taken)> {
        let timeout = self.state.config.request_timeout;
        match timeout {
            Some(timeout) => tokio::time::timeout(timeout, self.read_slowly())
                .await
                .unwrap_or(Err(AppError::Timeout)),
            None => self.read_slowly().await,
        }
    }

    async fn read_slowly(mut self) -> AppResult<(Bytes, Taken)> {
        let limit = self.limit;
        if told(&self.headers).is_some_and(|length| length > limit) {
            return Err(too_large(limit, &self.state.config));
        }
        let (mut body, mut room) = (BytesMut::new(), Taken::default());
        let mut size = 0_usize;
        while let Some(chunk) = self.payload.next().await {
            let chunk = chunk.map_err(|error| {
                log::debug!("a body cannot be read: {error}");
                AppError::BadRequest("the body is malformed, or ended early".to_owned())
            })?;
            let before = size;
            size = size.saturating_add(chunk.len());
            if size > limit {
                return Err(too_large(limit, &self.state.config));
            }
            self.state.bodies.take(self.address, &mut room, before, chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        Ok((body.freeze(), room))
    }
}

/// The only file in a multipart form.
async fn only_file(body: Bytes, boundary: String) -> AppResult<Bytes> {
    let whole = stream::once(ready(Ok::<_, Infallible>(body)));
    let mut form = multer::Multipart::new(whole, boundary);
    let broken = |error: multer::Error| {
        log::debug!("a form cannot be read: {error}");
        AppError::BadRequest("the form is malformed, or ended early".to_owned())
    };
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.file_name().is_none() {
            continue;
        }
        if file.is_some() {
            return Err(AppError::Unprocessable("expected one file".to_owned()));
        }
        file = Some(field.bytes().await.map_err(broken)?);
    }
    file.ok_or_else(|| AppError::Unprocessable("expected a file in the form".to_owned()))
}

pub(super) fn parse_json(body: &[u8], max_values: usize) -> AppResult<Params> {
    let mut left = max_values;
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = Limited { left: &mut left, depth: 0 }.deserialize(&mut json);
    match value.and_then(|value| json.end().map(|()| value)) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(_) => Err(AppError::Unprocessable("expected a JSON object".to_owned())),
        Err(_) if left == 0 => Err(AppError::Unprocessable("too many values".to_owned())),
        Err(error) => Err(AppError::BadRequest(format!("malformed JSON: {error}"))),
    }
}

pub(super) fn parse_form(body: &[u8], max_values: usize) -> AppResult<Params> {
    let text = std::str::from_utf8(body)
        .map_err(|_| AppError::BadRequest("the form is not UTF-8".to_owned()))?;
    if text.bytes().filter(|byte| *byte == b'&').count() >= max_values {
        return Err(AppError::Unprocessable("too many values".to_owned()));
    }
    let fields = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| AppError::BadRequest("the form cannot be read".to_owned()))?;
    let fields = fields.into_inner().into_iter();
    Ok(fields.map(|(name, value)| (name, value.replace("\r\n", "\n").into())).collect())
}

/// Parses a JSON value with a limited number of values, not a tree of millions: a value of two
/// bytes takes forty times that in memory.
struct Limited<'a> {
    left: &'a mut usize,
    depth: usize,
}

impl Limited<'_> {
    /// The limits for one level deeper.
    fn inner<E: serde::de::Error>(&mut self) -> Result<Limited<'_>, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("nested too deeply"));
        }
        Ok(Limited { left: self.left, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Limited<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        *self.left = self.left.saturating_sub(1);
        if *self.left == 0 {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Limited<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = values.next_element_seed(self.inner()?)? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut values: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = values.next_key::<String>()? {
            if object.contains_key(&key) {
                let shown: String = key.chars().take(SHOWN).collect();
                return Err(A::Error::custom(format!("the field {shown:?} is given twice")));
            }
            object.insert(key, values.next_value_seed(self.inner()?)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MAX_VALUES: usize = 1_000;

    fn read(body: &str) -> Result<Params, String> {
        parse_json(body.as_bytes(), MAX_VALUES).map_err(|error| error.to_string())
    }

    proptest! {
        #[test]
        fn a_small_body_parses_as_with_serde_json(
            fields in prop::collection::hash_map(".*", prop_oneof![
                any::<i64>().prop_map(Value::from),
                any::<u64>().prop_map(Value::from),
                any::<f64>().prop_map(Value::from),
                any::<bool>().prop_map(Value::from),
                ".*".prop_map(Value::from),
                prop::collection::vec(".*", 0..5).prop_map(Value::from),
                Just(json!(null)),
                Just(json!({ "a": [1, { "b": null }] })),
            ], 0..20),
        ) {
            let body = serde_json::to_string(&fields).expect("JSON");
            prop_assert_eq!(Value::Object(read(&body).expect("fields")), serde_json::from_str::<Value>(&body).expect("JSON"));
        }
    }

    #[test]
    fn a_body_with_too_many_values_is_refused_early() {
        let items = vec!["{\"\":0}"; MAX_VALUES].join(",");
        assert_eq!(read(&format!("{{\"x\":[{items}]}}")), Err("too many values".to_owned()));
        let few = vec!["0"; MAX_VALUES - 3].join(",");
        assert!(read(&format!("{{\"x\":[{few}]}}")).is_ok());
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(read(&deep).is_err_and(|error| error.contains("nested too deep")), "{deep}");
    }

    #[test]
    fn a_body_that_is_not_an_object_is_refused() {
        assert_eq!(read("[]"), Err("expected a JSON object".to_owned()));
        for wrong in ["", "{", "{}x", "{\"a\":}", "{\"a\":1,}", "nul"] {
            assert!(read(wrong).is_err_and(|error| error.starts_with("malformed JSON")), "{wrong}");
        }
    }

    #[test]
    fn a_duplicate_field_is_refused_by_name() {
        for body in [r#"{"a":1,"b":{},"a":2}"#, r#"{"x":[{"a":null,"a":null}]}"#] {
            let error = read(body).expect_err("a refusal");
            assert!(error.contains(r#"the field "a" is given twice"#), "{error}");
        }
        assert!(read(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
        let long = "é".repeat(SHOWN * 2);
        let error = read(&format!(r#"{{"{long}":1,"{long}":1}}"#)).expect_err("a refusal");
        assert!(error.chars().count() < SHOWN + 100, "{error}");
    }

    #[test]
    fn a_form_with_too_many_fields_is_refused_early() {
        let error =
            parse_form("a&".repeat(MAX_VALUES).as_bytes(), MAX_VALUES).expect_err("a refusal");
        assert_eq!(error.to_string(), "too many values");
        let form = parse_form(b"title=a%20b&body=x%0D%0Ay&title=c", MAX_VALUES).expect("fields");
        assert_eq!(form.get("body"), Some(&json!("x\ny")));
    }
}
