//! Turns YAML into nodes. It uses the parser's events, so that texts keep their spelling and
//! entries their lines. Pure, and bounded however far aliases expand.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::node::{Field, Fields, Node};
use super::{Invalid, MAX_DEPTH, MAX_FIELDS, MAX_NODES, Repeated};

/// Maximum bytes of text, with repeated texts counted each time.
const MAX_TEXT: usize = 1024 * 1024;

const TOO_MANY: &str = "a map has too many keys";

/// A list or map that is not complete yet.
enum Open {
    List { values: Vec<Node>, anchor: usize },
    Map { fields: Fields, key: Option<(String, usize)>, merged: Vec<Field>, anchor: usize },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchored: HashMap<usize, Node>,
    nodes: usize,
    bytes: usize,
    repeated: Vec<Repeated>,
    done: Option<Node>,
}

/// Reads a document, which must be a map or empty. Lines are numbered from 1.
pub(super) fn parse(text: &str) -> Result<(Fields, Vec<Repeated>), Invalid> {
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, Options::default()) {
        let (event, span) =
            next.map_err(|error| Invalid { line: error.marker().line(), why: error.info() })?;
        let line = span.start.line();
        let is_end = matches!(event, Event::DocumentEnd);
        builder.take(event, line).map_err(|why| Invalid { line, why: why.to_owned() })?;
        if is_end {
            break;
        }
    }
    match builder.done {
        Some(Node::Map(fields)) => Ok((fields, builder.repeated)),
        Some(Node::Null) | None => Ok((Fields::default(), Vec::new())),
        Some(_) => Err(Invalid { line: 1, why: "it is not a map of keys and values".to_owned() }),
    }
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                if self.is_key() {
                    return self.key(text.into_owned(), style == ScalarStyle::Plain, line);
                }
                let plain = style == ScalarStyle::Plain;
                let is_null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let node = if is_null { Node::Null } else { Node::Text(text.into_owned()) };
                self.add(node, anchor)
            }
            Event::Alias(anchor) => {
                if self.is_key() {
                    return match self.anchored.get(&anchor) {
                        Some(Node::Text(text)) => self.key(text.clone(), false, line),
                        _ => Err("a key is not a text"),
                    };
                }
                let node = self.anchored.get(&anchor).ok_or("an alias contains itself")?;
                self.nodes += count(node);
                self.bytes += bytes(node);
                self.spend()?;
                let node = self.anchored.get(&anchor).cloned().unwrap_or(Node::Null);
                self.add(node, 0)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.start(Open::List { values: Vec::new(), anchor })
            }
            Event::MappingStart(_, anchor, _) => {
                let (fields, merged) = (Fields::default(), Vec::new());
                self.start(Open::Map { fields, key: None, merged, anchor })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { values, anchor }) => self.add(Node::List(values), anchor),
                Some(Open::Map { mut fields, merged, anchor, .. }) => {
                    for field in merged {
                        if !fields.0.iter().any(|known| known.key == field.key) {
                            fields.0.push(field);
                        }
                    }
                    self.add(Node::Map(fields), anchor)
                }
                None => Err("a list or map ends before it begins"),
            },
            _ => Ok(()),
        }
    }

    /// Whether a key comes next.
    fn is_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn key(&mut self, text: String, plain: bool, line: usize) -> Result<(), &'static str> {
        self.bytes += text.len();
        self.spend()?;
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            // No generator has a key that contains a line break.
            let mark = if plain && text == "<<" { "\n<<".to_owned() } else { text };
            *key = Some((mark, line));
        }
        Ok(())
    }

    fn start(&mut self, open: Open) -> Result<(), &'static str> {
        if self.is_key() {
            return Err("a key is not a text");
        }
        self.open.push(open);
        if self.open.len() > MAX_DEPTH { Err("it is nested too deep") } else { Ok(()) }
    }

    /// Adds a complete node to the innermost open list or map.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), &'static str> {
        self.nodes += 1;
        if let Node::Text(text) = &node {
            self.bytes += text.len();
        }
        if anchor != 0 {
            self.nodes += count(&node);
            self.bytes += bytes(&node);
            self.spend()?;
            self.anchored.insert(anchor, node.clone());
        }
        self.spend()?;
        let is_top = self.open.len() == 1;
        match self.open.last_mut() {
            None => self.done = Some(node),
            Some(Open::List { values, .. }) => values.push(node),
            Some(Open::Map { fields, key, merged, .. }) => {
                let (key, line) = key.take().ok_or("a key is not a text")?;
                if key == "\n<<" {
                    for value in node.list() {
                        merged.extend(value.map().ok_or("only maps can be merged")?.0.clone());
                    }
                    return if merged.len() > MAX_FIELDS { Err(TOO_MANY) } else { Ok(()) };
                }
                let is_full = fields.0.len() >= MAX_FIELDS;
                match fields.0.iter_mut().find(|field| field.key == key) {
                    // Ruby's YAML takes the last one; other parsers refuse the file.
                    Some(field) => {
                        if is_top {
                            self.repeated.push(Repeated { line, key });
                        }
                        *field = Field { key: std::mem::take(&mut field.key), line, value: node };
                    }
                    None if is_full => return Err(TOO_MANY),
                    None => fields.0.push(Field { key, line, value: node }),
                }
            }
        }
        Ok(())
    }

    fn spend(&self) -> Result<(), &'static str> {
        if self.nodes > MAX_NODES || self.bytes > MAX_TEXT {
            return Err("its aliases expand to too much");
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    1 + match node {
        Node::List(values) => values.iter().map(count).sum(),
        Node::Map(fields) => fields.0.iter().map(|field| count(&field.value)).sum(),
        Node::Text(_) | Node::Null => 0,
    }
}

fn bytes(node: &Node) -> usize {
    match node {
        Node::Text(text) => text.len(),
        Node::List(values) => values.iter().map(bytes).sum(),
        Node::Map(fields) => {
            fields.0.iter().map(|field| field.key.len() + bytes(&field.value)).sum()
        }
        Node::Null => 0,
    }
}
