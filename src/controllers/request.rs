//! Parses requests: ids in paths, parameters in queries. Checks bounds and returns the API's
//! errors; knows no models.

use std::str::FromStr;

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;

use crate::error::{AppError, AppResult};
use crate::models::Cursor;
use crate::views::encoded;

/// The id in the path's `id` segment. Anything else is 404 for `what`.
pub fn id(request: &HttpRequest, what: &'static str) -> AppResult<i64> {
    request.match_info().get("id").and_then(parse_id).ok_or(AppError::NotFound(what))
}

/// The id at the beginning of the path's `id` segment, and the whole segment: `12-a-slug`.
pub fn id_and_slug<'a>(request: &'a HttpRequest, what: &'static str) -> AppResult<(i64, &'a str)> {
    let whole = request.match_info().get("id").unwrap_or_default();
    let id = whole.split('-').next().and_then(parse_id).ok_or(AppError::NotFound(what))?;
    Ok((id, whole))
}

/// A segment of the path, decoded. The router leaves `%25`, `%2B` and `%2F` encoded, so that a
/// segment can contain a slash. `None` if the result is not valid text.
pub fn part(request: &HttpRequest, name: &str) -> Option<String> {
    let text = percent_decode_str(request.match_info().get(name)?).decode_utf8().ok()?;
    // Databases reject NUL.
    (!text.contains('\0')).then(|| text.into_owned())
}

/// Parses an id in its only form: digits without a sign or leading zeros, at least 1.
pub fn parse_id(text: &str) -> Option<i64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    canonical.then(|| text.parse().ok()).flatten()
}

/// The parameters of a query string.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses a request's query string.
    pub fn of(request: &HttpRequest) -> AppResult<Query> {
        actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map(|query| Query(query.into_inner()))
            .map_err(|_| AppError::Unprocessable("the query string cannot be read".to_owned()))
    }

    /// Fails unless every parameter has one of these names and occurs once. Otherwise a misspelled
    /// or repeated parameter would be ignored silently.
    pub fn only(self, names: &[&str]) -> AppResult<Query> {
        if let Some(name) =
            names.iter().find(|name| self.0.iter().filter(|(key, _)| key == *name).count() > 1)
        {
            return Err(AppError::Unprocessable(format!("{name} is given more than once")));
        }
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            None => Ok(self),
            Some(_) => Err(AppError::Unprocessable(format!(
                "unknown parameter; known ones are [{}]",
                names.join(", ")
            ))),
        }
    }

    /// The first parameter with that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All parameters except those with these names, as a query string, or an empty text.
    pub fn without(&self, names: &[&str]) -> String {
        let left = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let mut text = String::new();
        for (name, value) in left {
            text.push(if text.is_empty() { '?' } else { '&' });
            text += &format!("{}={}", encoded(name), encoded(value));
        }
        text
    }

    /// A parameter in its type, if it is given. NUL is always refused, since databases reject it.
    pub fn parse<T: FromStr>(&self, name: &'static str) -> AppResult<Option<T>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let parsed = if text.contains('\0') { None } else { text.parse().ok() };
        parsed.map(Some).ok_or_else(|| invalid(name))
    }

    /// A position in the log, if it is given: digits. A number that is too large counts as the
    /// highest position.
    pub fn position(&self, name: &'static str) -> AppResult<Option<i64>> {
        self.get(name).map(|text| position(name, text)).transpose()
    }

    /// `limit`: 1 to 100; 20 by default.
    pub fn limit(&self) -> AppResult<usize> {
        match self.position("limit")? {
            None => Ok(20),
            Some(limit @ 1..=100) => Ok(limit as usize),
            Some(_) => Err(invalid("limit")),
        }
    }

    /// `cursor`: the end of the previous page.
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

/// The error for an invalid parameter.
pub fn invalid(name: &str) -> AppError {
    AppError::Unprocessable(format!("{name} is invalid"))
}

#[cfg(test)]
mod tests {
    use super::parse_id;

    #[test]
    fn an_id_has_only_one_form() {
        assert_eq!(parse_id("1"), Some(1));
        assert_eq!(parse_id("9223372036854775807"), Some(i64::MAX));
        for no_id in ["", "0", "-1", "+1", "01", "1 ", "1.0", "abc", "١", "9223372036854775808"] {
            assert_eq!(parse_id(no_id), None, "{no_id:?}");
        }
    }
}
