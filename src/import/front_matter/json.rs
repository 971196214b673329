//! Turns JSON into nodes: numbers keep the spelling of the file. Pure.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{Field, Fields, Node};
use super::{Invalid, MAX_DEPTH, MAX_FIELDS};

/// Reads the object at the start of the text, and returns its length in bytes. Top-level entries
/// have their own lines; nested entries have the line on which the object begins.
pub(super) fn parse(text: &str) -> Result<(Fields, usize), Invalid> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let invalid = |error: serde_json::Error| Invalid {
        line: error.line().max(1),
        why: words(&error.to_string()).to_owned(),
    };
    let object = values.next().ok_or(Invalid { line: 1, why: "it is empty".to_owned() })?;
    let object = object.map_err(invalid)?.get();
    let end = values.byte_offset();
    match node(object, 0).map_err(invalid)? {
        Node::Map(mut fields) => {
            let mut from = 0;
            for field in &mut fields.0 {
                // Keys come in the file's order.
                let name = serde_json::to_string(&field.key).unwrap_or_default();
                let at = object.get(from..).and_then(|rest| rest.find(&name)).unwrap_or(0);
                from += at;
                field.line =
                    1 + object.get(..from).map_or(0, |before| before.matches('\n').count());
            }
            Ok((fields, end))
        }
        _ => Err(Invalid { line: 1, why: "it is not an object".to_owned() }),
    }
}

/// The message without its position, which the summary gives separately.
fn words(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(words, _)| words)
}

fn node(text: &str, depth: usize) -> Result<Node, serde_json::Error> {
    if depth > MAX_DEPTH {
        return Err(serde_json::Error::custom("it is nested too deep"));
    }
    let mut source = serde_json::Deserializer::from_str(text);
    match text.as_bytes().first() {
        Some(b'{' | b'[') => Collection(depth + 1).deserialize(&mut source),
        Some(b'"') => Ok(Node::Text(serde_json::from_str(text)?)),
        _ if text == "null" => Ok(Node::Null),
        _ => Ok(Node::Text(text.to_owned())),
    }
}

struct Collection(usize);

impl<'de> DeserializeSeed<'de> for Collection {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Node, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collection {
    type Value = Node;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element::<&RawValue>()? {
            values.push(node(value.get(), self.0).map_err(A::Error::custom)?);
        }
        Ok(Node::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Fields::default();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            let value = node(value.get(), self.0).map_err(A::Error::custom)?;
            fields.0.retain(|field| field.key != key);
            fields.0.push(Field { key, line: 1, value });
            if fields.0.len() > MAX_FIELDS {
                return Err(A::Error::custom("an object has too many keys"));
            }
        }
        Ok(Node::Map(fields))
    }
}
