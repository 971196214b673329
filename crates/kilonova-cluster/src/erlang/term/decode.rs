//! Reading terms. Owns the limits: no length field may exceed the remaining bytes, and the depth
//! and number of terms are limited.

use std::borrow::Cow;

use super::{DEEPEST, LONGEST_ATOM, MOST, Number, Pid, Term, VERSION, tag};

/// The reason why bytes are not a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Bad {
    #[error("it is truncated")]
    Short,
    #[error("it does not start with the version byte 131")]
    Version,
    #[cfg_attr(not(any(test, feature = "fuzzing")), expect(dead_code, reason = "for `decode`"))]
    #[error("it has bytes after its end")]
    Rest,
    #[error("it nests deeper than 64 terms")]
    Deep,
    #[error("it has more than 1,000,000 terms")]
    Many,
    #[error("it has an atom that is too long or not valid text")]
    Atom,
    #[error("it has the unknown tag {0}")]
    Tag(u8),
    #[error("it has an invalid value")]
    Value,
}

/// Reads one term, which must take up all of `bytes`.
#[cfg(any(test, feature = "fuzzing"))]
pub(in super::super) fn decode(bytes: &[u8]) -> Result<Term<'_>, Bad> {
    let mut reader = Reader::new(bytes);
    let term = reader.versioned()?;
    match reader.rest.is_empty() {
        true => Ok(term),
        false => Err(Bad::Rest),
    }
}

/// Reads consecutive terms. They share the limit on their number.
pub(in super::super) struct Reader<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Reader<'a> {
    pub(in super::super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes, left: MOST }
    }

    /// Reads a term after its version byte.
    pub(in super::super) fn versioned(&mut self) -> Result<Term<'a>, Bad> {
        match self.u8()? {
            VERSION => self.term(DEEPEST),
            _ => Err(Bad::Version),
        }
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Bad> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Bad::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Bad::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, Bad> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, Bad> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Bad> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn length(&mut self) -> Result<usize, Bad> {
        usize::try_from(self.u32()?).map_err(|_| Bad::Short)
    }

    fn term(&mut self, depth: usize) -> Result<Term<'a>, Bad> {
        self.left = self.left.checked_sub(1).ok_or(Bad::Many)?;
        let begin = self.rest;
        let tag = self.u8()?;
        Ok(match tag {
            tag::SMALL_INTEGER => Term::Int(self.u8()?.into()),
            tag::INTEGER => Term::Int(i32::from_be_bytes(self.array()?).into()),
            tag::SMALL_BIG => {
                let count = self.u8()?;
                self.big(count.into())?
            }
            tag::LARGE_BIG => {
                let count = self.length()?;
                self.big(count)?
            }
            tag::NEW_FLOAT => float(f64::from_be_bytes(self.array()?))?,
            tag::FLOAT => {
                let text = std::str::from_utf8(self.take(31)?).map_err(|_| Bad::Value)?;
                float(text.trim_end_matches('\0').parse().map_err(|_| Bad::Value)?)?
            }
            tag::ATOM | tag::ATOM_UTF8 | tag::SMALL_ATOM | tag::SMALL_ATOM_UTF8 => {
                Term::Atom(self.atom(tag)?)
            }
            tag::NEW_PID => Term::Pid(self.pid()?),
            tag::NEWER_REFERENCE => {
                let words = self.u16()?;
                self.node()?;
                // References have up to five words since OTP 24.
                if !(1..=5).contains(&words) {
                    return Err(Bad::Value);
                }
                self.take(4 + 4 * usize::from(words))?;
                Term::Reference(&begin[..begin.len() - self.rest.len()])
            }
            tag::BINARY => {
                let count = self.length()?;
                Term::Binary(self.take(count)?)
            }
            tag::STRING => {
                let count = self.u16()?;
                Term::String(self.take(count.into())?)
            }
            tag::NIL => Term::List(Vec::new()),
            tag::LIST => {
                let count = self.length()?;
                let depth = depth.checked_sub(1).ok_or(Bad::Deep)?;
                let elements = self.terms(count, depth)?;
                match self.term(depth)? {
                    Term::List(end) if end.is_empty() => Term::List(elements),
                    end => Term::Improper(elements, Box::new(end)),
                }
            }
            tag::SMALL_TUPLE => {
                let count = self.u8()?;
                self.tuple(count.into(), depth)?
            }
            tag::LARGE_TUPLE => {
                let count = self.length()?;
                self.tuple(count, depth)?
            }
            tag::MAP => {
                let count = self.length()?;
                let depth = depth.checked_sub(1).ok_or(Bad::Deep)?;
                let mut pairs = Vec::with_capacity(self.room(count)?);
                for _ in 0..count {
                    pairs.push((self.term(depth)?, self.term(depth)?));
                }
                Term::Map(pairs)
            }
            tag::BIT_BINARY => {
                let count = self.length()?;
                self.u8()?;
                self.take(count)?;
                Term::Other("a bit string")
            }
            tag::NEW_FUN => {
                // The size includes itself.
                let size = self.length()?.checked_sub(4).ok_or(Bad::Value)?;
                self.take(size)?;
                Term::Other("a function")
            }
            tag::EXPORT => {
                let depth = depth.checked_sub(1).ok_or(Bad::Deep)?;
                self.terms(3, depth)?;
                Term::Other("a function")
            }
            tag::NEW_PORT | tag::V4_PORT => {
                self.node()?;
                self.take(if tag == tag::NEW_PORT { 8 } else { 12 })?;
                Term::Other("a port")
            }
            tag => return Err(Bad::Tag(tag)),
        })
    }

    /// The capacity to reserve for `count` terms before they are read. Each term has at least one
    /// byte.
    fn room(&self, count: usize) -> Result<usize, Bad> {
        match count {
            _ if count > self.rest.len() => Err(Bad::Short),
            _ if count > self.left => Err(Bad::Many),
            _ => Ok(count.min(1024)),
        }
    }

    fn terms(&mut self, count: usize, depth: usize) -> Result<Vec<Term<'a>>, Bad> {
        let mut terms = Vec::with_capacity(self.room(count)?);
        for _ in 0..count {
            terms.push(self.term(depth)?);
        }
        Ok(terms)
    }

    fn tuple(&mut self, count: usize, depth: usize) -> Result<Term<'a>, Bad> {
        let depth = depth.checked_sub(1).ok_or(Bad::Deep)?;
        Ok(Term::Tuple(self.terms(count, depth)?))
    }

    fn big(&mut self, count: usize) -> Result<Term<'a>, Bad> {
        let sign = self.u8()?;
        let bytes = self.take(count)?;
        let is_negative = match sign {
            0 => false,
            1 => true,
            _ => return Err(Bad::Value),
        };
        let mut low = [0; 8];
        let fits = bytes.len() <= 8;
        if fits {
            low[..bytes.len()].copy_from_slice(bytes);
        }
        let magnitude = u64::from_le_bytes(low);
        let int = match is_negative {
            false => i64::try_from(magnitude).ok(),
            true => 0_i64.checked_sub_unsigned(magnitude),
        };
        Ok(int.filter(|_| fits).map_or(Term::Big(is_negative, bytes), Term::Int))
    }

    /// The node of a pid, a reference or a port.
    fn node(&mut self) -> Result<Cow<'a, str>, Bad> {
        let tag = self.u8()?;
        self.atom(tag)
    }

    fn pid(&mut self) -> Result<Pid<'a>, Bad> {
        let node = self.node()?;
        let number = Number { id: self.u32()?, serial: self.u32()? };
        Ok(Pid { node, number, creation: self.u32()? })
    }

    fn atom(&mut self, tag: u8) -> Result<Cow<'a, str>, Bad> {
        let count = match tag {
            tag::ATOM | tag::ATOM_UTF8 => self.u16()?.into(),
            tag::SMALL_ATOM | tag::SMALL_ATOM_UTF8 => self.u8()?.into(),
            _ => return Err(Bad::Atom),
        };
        let bytes = self.take(count)?;
        let atom = match tag {
            // Latin-1, which OTP 25 still writes where UTF-8 would be the same or longer.
            tag::ATOM | tag::SMALL_ATOM if !bytes.is_ascii() => {
                Cow::Owned(bytes.iter().copied().map(char::from).collect())
            }
            _ => Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| Bad::Atom)?),
        };
        match count <= LONGEST_ATOM || atom.chars().count() <= LONGEST_ATOM {
            true => Ok(atom),
            false => Err(Bad::Atom),
        }
    }
}

/// Erlang has neither infinity nor NaN.
fn float(value: f64) -> Result<Term<'static>, Bad> {
    match value.is_finite() {
        true => Ok(Term::Float(value)),
        false => Err(Bad::Value),
    }
}
