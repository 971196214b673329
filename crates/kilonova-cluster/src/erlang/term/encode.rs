//! Writing terms. A caller writes the head of a tuple, list or map, and then its elements.

use super::{Number, Pid, Term, VERSION, tag};

/// The bytes of terms.
#[derive(Debug, Default)]
pub(in super::super) struct Writer(pub(in super::super) Vec<u8>);

impl Writer {
    /// Starts with the version byte of a top-level term.
    pub(in super::super) fn versioned() -> Writer {
        Writer(vec![VERSION])
    }

    pub(in super::super) fn tuple(&mut self, count: u32) {
        match u8::try_from(count) {
            Ok(count) => self.0.extend([tag::SMALL_TUPLE, count]),
            Err(_) => self.head(tag::LARGE_TUPLE, count),
        }
    }

    /// The head of a list that is not empty; its elements and [`Writer::nil`] follow.
    pub(in super::super) fn list(&mut self, count: u32) {
        self.head(tag::LIST, count);
    }

    pub(in super::super) fn nil(&mut self) {
        self.0.push(tag::NIL);
    }

    /// The head of a map; its keys and values follow.
    pub(in super::super) fn map(&mut self, count: u32) {
        self.head(tag::MAP, count);
    }

    /// An atom of at most 255 characters; the caller checks the length.
    pub(in super::super) fn atom(&mut self, name: &str) {
        match u8::try_from(name.len()) {
            Ok(count) => self.0.extend([tag::SMALL_ATOM_UTF8, count]),
            Err(_) => {
                self.0.push(tag::ATOM_UTF8);
                let count = u16::try_from(name.len()).unwrap_or(u16::MAX);
                self.0.extend(count.to_be_bytes());
            }
        }
        self.0.extend(name.as_bytes());
    }

    pub(in super::super) fn int(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            self.0.extend([tag::SMALL_INTEGER, value]);
        } else if let Ok(value) = i32::try_from(value) {
            self.0.push(tag::INTEGER);
            self.0.extend(value.to_be_bytes());
        } else {
            self.big(value < 0, &value.unsigned_abs().to_le_bytes());
        }
    }

    pub(in super::super) fn unsigned(&mut self, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.int(value),
            Err(_) => self.big(false, &value.to_le_bytes()),
        }
    }

    fn big(&mut self, is_negative: bool, bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(count) => self.0.extend([tag::SMALL_BIG, count]),
            Err(_) => self.head(tag::LARGE_BIG, bytes.len() as u32),
        }
        self.0.push(is_negative.into());
        self.0.extend(bytes);
    }

    pub(in super::super) fn float(&mut self, value: f64) {
        self.0.push(tag::NEW_FLOAT);
        self.0.extend(value.to_be_bytes());
    }

    pub(in super::super) fn binary(&mut self, bytes: &[u8]) {
        self.head(tag::BINARY, bytes.len() as u32);
        self.0.extend(bytes);
    }

    /// A list of bytes, like a text in double quotes. More than 65,535 bytes need the long form.
    pub(in super::super) fn string(&mut self, bytes: &[u8]) {
        match u16::try_from(bytes.len()) {
            Ok(0) => self.nil(),
            Ok(count) => {
                self.0.push(tag::STRING);
                self.0.extend(count.to_be_bytes());
                self.0.extend(bytes);
            }
            Err(_) => {
                self.list(bytes.len() as u32);
                for byte in bytes {
                    self.int((*byte).into());
                }
                self.nil();
            }
        }
    }

    pub(in super::super) fn pid(&mut self, node: &str, number: Number, creation: u32) {
        self.0.push(tag::NEW_PID);
        self.atom(node);
        for part in [number.id, number.serial, creation] {
            self.0.extend(part.to_be_bytes());
        }
    }

    /// A reference of this node.
    pub(in super::super) fn reference(&mut self, node: &str, number: u32, creation: u32) {
        self.0.extend([tag::NEWER_REFERENCE, 0, 3]);
        self.atom(node);
        for part in [creation, number, 0, 0] {
            self.0.extend(part.to_be_bytes());
        }
    }

    /// The bytes of an already encoded term.
    pub(in super::super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// A whole term. A skipped term is written as its name.
    pub(in super::super) fn term(&mut self, term: &Term<'_>) {
        match term {
            Term::Atom(name) => self.atom(name),
            Term::Int(value) => self.int(*value),
            Term::Big(is_negative, bytes) => self.big(*is_negative, bytes),
            Term::Float(value) => self.float(*value),
            Term::Pid(Pid { node, number, creation }) => self.pid(node, *number, *creation),
            Term::Reference(bytes) => self.raw(bytes),
            Term::Binary(bytes) => self.binary(bytes),
            Term::String(bytes) => self.string(bytes),
            Term::List(elements) if elements.is_empty() => self.nil(),
            Term::List(elements) => {
                self.list(elements.len() as u32);
                elements.iter().for_each(|element| self.term(element));
                self.nil();
            }
            Term::Improper(elements, end) => {
                self.list(elements.len() as u32);
                elements.iter().for_each(|element| self.term(element));
                self.term(end);
            }
            Term::Tuple(elements) => {
                self.tuple(elements.len() as u32);
                elements.iter().for_each(|element| self.term(element));
            }
            Term::Map(pairs) => {
                self.map(pairs.len() as u32);
                for (key, value) in pairs {
                    self.term(key);
                    self.term(value);
                }
            }
            Term::Other(kind) => self.binary(kind.as_bytes()),
        }
    }

    fn head(&mut self, tag: u8, count: u32) {
        self.0.push(tag);
        self.0.extend(count.to_be_bytes());
    }
}
