//! Takes requests apart: ids in paths, parameters in queries. Everything is bounded and refused in
//! the API's words; nothing here knows a model.

use std::str::FromStr;

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;

use crate::error::{AppError, AppResult};
use crate::models::Cursor;
use crate::views::encoded;

/// The id in the path, named `id`. What is no id finds nothing.
pub fn id(request: &HttpRequest, what: &'static str) -> AppResult<i64> {
    request.match_info().get("id").and_then(parse_id).ok_or(AppError::NotFound(what))
}

/// The id at the beginning of the path's `id`, and all of that: `12-a-slug`.
pub fn id_and_slug<'a>(request: &'a HttpRequest, what: &'static str) -> AppResult<(i64, &'a str)> {
    let whole = request.match_info().get("id").unwrap_or_default();
    let id = whole.split('-').next().and_then(parse_id).ok_or(AppError::NotFound(what))?;
    Ok((id, whole))
}

/// A part of the path, decoded. The router leaves `%25`, `%2B` and `%2F` as they are: one of its
/// parts may have a slash. `None` when it is no text.
pub fn part(request: &HttpRequest, name: &str) -> Option<String> {
    let text = percent_decode_str(request.match_info().get(name)?).decode_utf8().ok()?;
    // No database takes it.
    (!text.contains('\0')).then(|| text.into_owned())
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

    /// The same, when every parameter has one of these names and comes once: a misspelt one, or a
    /// second, would do nothing without a word.
    pub fn only(self, names: &[&str]) -> AppResult<Query> {
        if let Some(name) =
            names.iter().find(|name| self.0.iter().filter(|(key, _)| key == *name).count() > 1)
        {
            return Err(AppError::Unprocessable(format!("{name} is given more than once")));
        }
        match self.0.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            None => Ok(self),
            Some(_) => Err(AppError::Unprocessable(format!(
                "unknown parameter: known are [{}]",
                names.join(", ")
            ))),
        }
    }

    /// The first parameter of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All parameters but those of these names, as a query string; empty for none.
    pub fn without(&self, names: &[&str]) -> String {
        let left = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        let mut text = String::new();
        for (name, value) in left {
            text.push(if text.is_empty() { '?' } else { '&' });
            text += &format!("{}={}", encoded(name), encoded(value));
        }
        text
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
        match self.position("limit")? {
            None => Ok(20),
            Some(limit @ 1..=100) => Ok(limit as usize),
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
