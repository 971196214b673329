//! Converts JSON to terms and terms to JSON. Owns how each kind of value is converted, and which
//! terms are refused because JSON cannot represent them.
//!
//! | JSON | to Erlang | from Erlang |
//! |---|---|---|
//! | object | map with binary keys | map whose keys are binaries or atoms |
//! | array | list | list |
//! | string | binary | binary in UTF-8, other atoms |
//! | number | integer, float | integer of 64 bits, float |
//! | `true`, `false` | the atoms | the atoms |
//! | `null` | `null` | `null`, `undefined` |
//!
//! A list of small integers stays a list: only a topic is known to be text.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use super::term::{Term, Writer};
use crate::message::LARGEST;

/// The reason why a term has no JSON form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("JSON cannot represent {0}")]
    Kind(&'static str),
    #[error("a binary is not UTF-8")]
    Text,
    #[error("an integer is beyond 64 bits")]
    Integer,
    #[error("a map has a key that is neither a binary nor an atom, or the same key twice")]
    Key,
    #[error("its JSON is longer than 1 MiB")]
    Large,
}

/// Converts a term to JSON text.
pub(super) fn from_term(term: &Term<'_>) -> Result<String, Refused> {
    let mut json = String::new();
    write(term, &mut json)?;
    Ok(json)
}

fn write(term: &Term<'_>, json: &mut String) -> Result<(), Refused> {
    match term {
        Term::Atom(name) => match &**name {
            "null" | "undefined" => json.push_str("null"),
            "true" | "false" => json.push_str(name),
            name => text(name, json),
        },
        Term::Int(value) => json.push_str(&value.to_string()),
        Term::Big(is_negative, bytes) => {
            let value = <[u8; 8]>::try_from(*bytes).map(u64::from_le_bytes);
            match value {
                Ok(value) if !is_negative => json.push_str(&value.to_string()),
                _ => return Err(Refused::Integer),
            }
        }
        Term::Float(value) => {
            let number = serde_json::Number::from_f64(*value).ok_or(Refused::Kind("infinity"))?;
            json.push_str(&number.to_string());
        }
        Term::Binary(bytes) => text(std::str::from_utf8(bytes).map_err(|_| Refused::Text)?, json),
        Term::String(bytes) => {
            array(bytes.iter(), json, |byte, json| {
                json.push_str(&byte.to_string());
                Ok(())
            })?;
        }
        Term::List(elements) => array(elements.iter(), json, write)?,
        Term::Map(pairs) => {
            let mut seen = HashSet::new();
            // Only an atom and a binary can be the same key in JSON.
            let mixed = pairs.iter().any(|(key, _)| matches!(key, Term::Atom(_)));
            json.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                let key = key_of(key)?;
                if index > 0 {
                    json.push(',');
                }
                text(&key, json);
                json.push(':');
                write(value, json)?;
                if mixed && !seen.insert(key) {
                    return Err(Refused::Key);
                }
            }
            json.push('}');
        }
        term => return Err(Refused::Kind(term.kind())),
    }
    match json.len() <= LARGEST {
        true => Ok(()),
        false => Err(Refused::Large),
    }
}

fn array<T>(
    elements: impl Iterator<Item = T>,
    json: &mut String,
    mut write: impl FnMut(T, &mut String) -> Result<(), Refused>,
) -> Result<(), Refused> {
    json.push('[');
    for (index, element) in elements.enumerate() {
        if index > 0 {
            json.push(',');
        }
        write(element, json)?;
    }
    json.push(']');
    Ok(())
}

fn text(text: &str, json: &mut String) {
    json.push_str(&Value::from(text).to_string());
}

fn key_of<'t>(key: &'t Term<'_>) -> Result<Cow<'t, str>, Refused> {
    match key {
        Term::Atom(name) => Ok(Cow::Borrowed(name)),
        Term::Binary(bytes) => {
            std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Refused::Text)
        }
        _ => Err(Refused::Key),
    }
}

/// Writes JSON text as a term. Fails where `serde_json` fails: beyond 128 levels, or for a number
/// that no float can hold.
pub(super) fn to_term(json: &str, writer: &mut Writer) -> Result<(), serde_json::Error> {
    value(&serde_json::from_str(json)?, writer);
    Ok(())
}

fn value(json: &Value, writer: &mut Writer) {
    match json {
        Value::Null => writer.atom("null"),
        Value::Bool(true) => writer.atom("true"),
        Value::Bool(false) => writer.atom("false"),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => writer.int(int),
            (None, Some(int)) => writer.unsigned(int),
            (None, None) => writer.float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => writer.binary(text.as_bytes()),
        Value::Array(elements) if elements.is_empty() => writer.nil(),
        Value::Array(elements) => {
            writer.list(elements.len() as u32);
            elements.iter().for_each(|element| value(element, writer));
            writer.nil();
        }
        Value::Object(members) => {
            writer.map(members.len() as u32);
            for (name, member) in members {
                writer.binary(name.as_bytes());
                value(member, writer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::term::{decode, tests::terms};
    use super::*;

    fn round(json: &str) -> String {
        let mut writer = Writer::versioned();
        to_term(json, &mut writer).unwrap();
        from_term(&decode(&writer.0).unwrap()).unwrap()
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            // For other floats, `serde_json` may be off in the last digit.
            any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_is_the_same_on_its_way_back(json in values()) {
            let back: Value = serde_json::from_str(&round(&json.to_string())).unwrap();
            prop_assert_eq!(back, json);
        }

        #[test]
        fn a_term_becomes_json_or_is_refused(term in terms()) {
            if let Ok(json) = from_term(&term) {
                prop_assert!(serde_json::from_str::<Value>(&json).is_ok(), "{}", json);
            }
        }
    }

    #[test]
    fn keys_are_binaries_or_atoms_and_each_is_there_once() {
        let pair = |key: Term<'static>| (key, Term::Int(1));
        let map = |keys: Vec<Term<'static>>| Term::Map(keys.into_iter().map(pair).collect());
        let both = map(vec![Term::atom("a"), Term::Binary(b"b")]);
        assert_eq!(from_term(&both).unwrap(), r#"{"a":1,"b":1}"#);
        for refused in
            [map(vec![Term::atom("a"), Term::Binary(b"a")]), map(vec![Term::String(b"a")])]
        {
            assert_eq!(from_term(&refused), Err(Refused::Key));
        }
    }

    #[test]
    fn a_term_that_json_cannot_represent_is_refused() {
        let refused = [
            Term::Tuple(vec![]),
            Term::Reference(b""),
            Term::Other("a function"),
            Term::Improper(vec![], Box::new(Term::Int(1))),
            Term::Binary(b"\xff"),
            Term::Big(true, &[0xff; 8]),
            Term::Big(false, &[1; 9]),
        ];
        for term in refused {
            assert!(from_term(&Term::List(vec![term.clone()])).is_err(), "{term:?}");
        }
        assert_eq!(from_term(&Term::Big(false, &[0xff; 8])).unwrap(), u64::MAX.to_string());
        assert_eq!(from_term(&Term::atom("undefined")).unwrap(), "null");
        assert_eq!(from_term(&Term::atom("draft")).unwrap(), r#""draft""#);
    }

    #[test]
    fn json_of_more_than_a_mebibyte_is_refused() {
        let text = "x".repeat(LARGEST / 2).into_bytes();
        let twice = vec![Term::Binary(&text), Term::Binary(&text)];
        assert_eq!(from_term(&Term::List(twice)), Err(Refused::Large));
    }
}
