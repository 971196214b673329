//! The terms of Erlang's external format that this node reads and writes. Owns the values; leaves
//! reading within bounds to `decode` and writing to `encode`.
//!
//! # Why not a crate
//!
//! `eetf` builds a tree that owns its data. It allocates vectors of whatever length a length field
//! claims, recurses to any depth, and expands compressed terms of any size, so a frame of a few
//! bytes can end the process. This codec borrows from the frame and limits depth, number and size.
//! It needs a third of the tags and no atom table: an atom is a part of the frame, so a million
//! atoms cost nothing after the frame is dropped.

mod decode;
mod encode;
#[cfg(test)]
pub(super) mod tests;

use std::borrow::Cow;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use self::decode::decode;
pub(super) use self::decode::{Bad, Reader};
pub(super) use self::encode::Writer;

/// The first byte of each top-level term.
pub(super) const VERSION: u8 = 131;

/// The maximum depth of nested terms.
pub(super) const DEEPEST: usize = 64;

/// The maximum number of terms in a frame. A term takes at most 64 bytes of memory.
pub(super) const MOST: usize = 1_000_000;

/// The maximum length of an atom, in characters.
pub(super) const LONGEST_ATOM: usize = 255;

mod tag {
    pub(super) const NEW_FLOAT: u8 = 70;
    pub(super) const BIT_BINARY: u8 = 77;
    pub(super) const NEW_PID: u8 = 88;
    pub(super) const NEW_PORT: u8 = 89;
    pub(super) const NEWER_REFERENCE: u8 = 90;
    pub(super) const SMALL_INTEGER: u8 = 97;
    pub(super) const INTEGER: u8 = 98;
    pub(super) const FLOAT: u8 = 99;
    pub(super) const ATOM: u8 = 100;
    pub(super) const SMALL_TUPLE: u8 = 104;
    pub(super) const LARGE_TUPLE: u8 = 105;
    pub(super) const NIL: u8 = 106;
    pub(super) const STRING: u8 = 107;
    pub(super) const LIST: u8 = 108;
    pub(super) const BINARY: u8 = 109;
    pub(super) const SMALL_BIG: u8 = 110;
    pub(super) const LARGE_BIG: u8 = 111;
    pub(super) const NEW_FUN: u8 = 112;
    pub(super) const EXPORT: u8 = 113;
    pub(super) const SMALL_ATOM: u8 = 115;
    pub(super) const MAP: u8 = 116;
    pub(super) const ATOM_UTF8: u8 = 118;
    pub(super) const SMALL_ATOM_UTF8: u8 = 119;
    pub(super) const V4_PORT: u8 = 120;
}

/// A term, which borrows from its frame where possible.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term<'a> {
    Atom(Cow<'a, str>),
    Int(i64),
    /// An integer outside `i64`: whether it is negative, and its bytes in little-endian order.
    Big(bool, &'a [u8]),
    Float(f64),
    Pid(Pid<'a>),
    /// A reference as encoded in the frame, with its tag. It is only sent back.
    Reference(&'a [u8]),
    Binary(&'a [u8]),
    /// A list of bytes. Erlang also encodes a short text like this.
    String(&'a [u8]),
    List(Vec<Term<'a>>),
    /// A list that does not end in the empty list.
    Improper(Vec<Term<'a>>, Box<Term<'a>>),
    Tuple(Vec<Term<'a>>),
    Map(Vec<(Term<'a>, Term<'a>)>),
    /// A skipped term, with a name for messages.
    Other(&'static str),
}

/// A process of any node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pid<'a> {
    pub(super) node: Cow<'a, str>,
    pub(super) number: Number,
    /// The run of the node.
    pub(super) creation: u32,
}

/// A process within one run of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Number {
    pub(super) id: u32,
    pub(super) serial: u32,
}

impl Number {
    /// The member number in the registry.
    pub(super) fn member(self) -> u64 {
        u64::from(self.serial) << 32 | u64::from(self.id)
    }
}

impl<'a> Term<'a> {
    #[cfg(test)]
    pub(super) fn atom(name: &'a str) -> Term<'a> {
        Term::Atom(Cow::Borrowed(name))
    }

    pub(super) fn is_atom(&self, name: &str) -> bool {
        matches!(self, Term::Atom(atom) if atom == name)
    }

    pub(super) fn pid(&self) -> Option<&Pid<'a>> {
        match self {
            Term::Pid(pid) => Some(pid),
            _ => None,
        }
    }

    /// The elements of a tuple. Other terms have none.
    pub(super) fn elements(&self) -> &[Term<'a>] {
        match self {
            Term::Tuple(elements) => elements,
            _ => &[],
        }
    }

    /// The elements of a list. `None` for a list of bytes, whose elements cannot be borrowed.
    pub(super) fn list(&self) -> Option<&[Term<'a>]> {
        match self {
            Term::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The kind of term, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Term::Atom(_) => "an atom",
            Term::Int(_) | Term::Big(..) => "an integer",
            Term::Float(_) => "a float",
            Term::Pid(_) => "a pid",
            Term::Reference(_) => "a reference",
            Term::Binary(_) => "a binary",
            Term::String(_) | Term::List(_) => "a list",
            Term::Improper(..) => "an improper list",
            Term::Tuple(_) => "a tuple",
            Term::Map(_) => "a map",
            Term::Other(kind) => kind,
        }
    }
}
