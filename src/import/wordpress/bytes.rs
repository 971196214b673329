//! Prepares the bytes of a file for the XML parser: makes them UTF-8, drops the control characters
//! that XML forbids but WordPress writes, counts lines, and bounds the bytes of one event.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// The maximum bytes of one event, such as the text between two tags.
const EVENT: usize = 16 * 1024 * 1024;

/// Counts of the bytes read so far.
#[derive(Default)]
pub(super) struct Counts {
    /// The line of the next byte.
    pub(super) line: Cell<usize>,
    /// The number of sequences that are not UTF-8, and the line of the first.
    pub(super) replaced: Cell<(usize, usize)>,
    /// The number of control characters, and the line of the first.
    pub(super) dropped: Cell<(usize, usize)>,
    /// The bytes read for the current event.
    event: Cell<usize>,
}

impl Counts {
    /// Resets the count of bytes for the next event.
    pub(super) fn next(&self) {
        self.event.set(0);
    }
}

/// Reads cleaned bytes from the input.
pub(super) struct Clean<'a> {
    input: &'a mut dyn BufRead,
    counts: Rc<Counts>,
    clean: Vec<u8>,
    at: usize,
    /// The first bytes of a character whose remaining bytes have not been read yet.
    begun: Vec<u8>,
    is_first: bool,
}

impl<'a> Clean<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead, counts: Rc<Counts>) -> Clean<'a> {
        counts.line.set(1);
        Clean { input, counts, clean: Vec::new(), at: 0, begun: Vec::new(), is_first: true }
    }

    /// Cleans the next piece; returns false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        (self.at, self.clean) = (0, Vec::new());
        while self.clean.is_empty() {
            let piece = self.input.fill_buf()?;
            let length = piece.len();
            let mut bytes = std::mem::take(&mut self.begun);
            bytes.extend_from_slice(piece);
            self.input.consume(length);
            if bytes.is_empty() {
                return Ok(false);
            }
            let mut rest = bytes.as_slice();
            if self.is_first && rest.len() >= 3 {
                rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
                self.is_first = false;
            }
            while !rest.is_empty() {
                let (valid, bad) = match str::from_utf8(rest) {
                    Ok(text) => (text.len(), 0),
                    Err(error) => match error.error_len() {
                        Some(bad) => (error.valid_up_to(), bad),
                        None if length == 0 => {
                            (error.valid_up_to(), rest.len() - error.valid_up_to())
                        }
                        None => {
                            let valid = error.valid_up_to();
                            self.begun = rest.get(valid..).unwrap_or_default().to_vec();
                            (valid, 0)
                        }
                    },
                };
                self.take(rest.get(..valid).unwrap_or_default());
                if bad > 0 {
                    count(&self.counts.replaced, self.line());
                    self.clean.extend_from_slice("\u{fffd}".as_bytes());
                }
                let end = valid + bad;
                rest =
                    if self.begun.is_empty() { rest.get(end..).unwrap_or_default() } else { &[] };
            }
            if length == 0 {
                return Ok(!self.clean.is_empty());
            }
        }
        Ok(true)
    }

    fn take(&mut self, valid: &[u8]) {
        let is_bad = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t');
        let mut parts = valid.split(is_bad);
        self.clean.extend_from_slice(parts.next().unwrap_or_default());
        for part in parts {
            count(&self.counts.dropped, self.line());
            self.clean.extend_from_slice(part);
        }
    }

    /// The line being cleaned.
    fn line(&self) -> usize {
        self.counts.line.get() + self.clean.iter().filter(|byte| **byte == b'\n').count()
    }
}

fn count(of: &Cell<(usize, usize)>, line: usize) {
    let (times, first) = of.get();
    of.set((times + 1, if times == 0 { line } else { first }));
}

impl Read for Clean<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let clean = self.fill_buf()?;
        let length = clean.len().min(bytes.len());
        let (to, from) = (bytes.get_mut(..length), clean.get(..length));
        if let (Some(to), Some(from)) = (to, from) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Clean<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.clean.len() {
            self.refill()?;
        }
        if self.counts.event.get() > EVENT {
            return Err(io::Error::other("a text is longer than 16 MiB"));
        }
        Ok(self.clean.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        let end = (self.at + amount).min(self.clean.len());
        let taken = self.clean.get(self.at..end).unwrap_or_default();
        let lines = taken.iter().filter(|byte| **byte == b'\n').count();
        self.counts.line.set(self.counts.line.get() + lines);
        self.counts.event.set(self.counts.event.get() + taken.len());
        self.at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(bytes: &[u8], piece: usize) -> (String, Rc<Counts>) {
        let counts = Rc::new(Counts::default());
        let mut input = io::BufReader::with_capacity(piece, bytes);
        let mut text = String::new();
        let mut clean = Clean::new(&mut input, Rc::clone(&counts));
        clean.read_to_string(&mut text).expect("UTF-8");
        (text, counts)
    }

    #[test]
    fn any_bytes_become_characters_that_xml_allows() {
        for piece in [1, 2, 3, 7, 64] {
            let (text, counts) =
                cleaned(b"\xef\xbb\xbf<a>\n\xe6\x97\xa5\x07\n\xff\xe6\x97x\xe6", piece);
            let ends = [
                "<a>\n日\n\u{fffd}\u{fffd}x\u{fffd}",
                "\u{feff}<a>\n日\n\u{fffd}\u{fffd}x\u{fffd}",
            ];
            assert!(ends.contains(&text.as_str()), "{piece}: {text:?}");
            assert_eq!(counts.dropped.get(), (1, 2), "{piece}");
            assert_eq!(counts.replaced.get(), (3, 3), "{piece}");
            assert_eq!(counts.line.get(), 3);
        }
    }

    #[test]
    fn an_event_is_bounded() {
        let bytes = vec![b'x'; EVENT + 100_000];
        let counts = Rc::new(Counts::default());
        let mut input = bytes.as_slice();
        let mut clean = Clean::new(&mut input, Rc::clone(&counts));
        assert!(io::copy(&mut clean, &mut io::sink()).is_ok() || counts.event.get() > EVENT);
        clean.clean = vec![b'x'; 10];
        clean.at = 0;
        assert!(clean.fill_buf().is_err());
        counts.next();
        assert!(clean.fill_buf().is_ok());
    }
}
