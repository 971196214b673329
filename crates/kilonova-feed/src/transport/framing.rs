//! Finds where requests and their bodies end in a client's input, however it is split. Pure.
//!
//! HTTP's parser reads past a request that is being answered, and its encoder then writes the
//! response by the method, the version and the `Connection` header of the next request. It would
//! also take the first frames after a handshake for another request. So it gets one request at a
//! time.
//!
//! Malformed input is left for the parser to refuse; here it only must not end early. Trailers are
//! the exception: the parser reads only their end, and a lone LF in them may end the request for
//! the proxy in front.

/// The longest part of a line that is inspected, for header names and lengths.
const LOOKED_AT: usize = 64;

/// A body with more chunks than this must have [`WORTH`] bytes per chunk on average. A chunk costs
/// as much as a few kilobytes.
const CHUNKS: u64 = 4096;

const WORTH: u64 = 16;

/// The most bytes of a chunk's size with its extensions, and of all trailers together.
const AROUND: u64 = 8 * 1024;

/// The longest target that HTTP's parser takes, in bytes.
const LONGEST_TARGET: usize = 65_534;

/// The part of a request that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The head, or line ends before it.
    Head,
    /// The body.
    Body,
    /// Nothing: the request is complete.
    Done,
}

/// Follows requests sequentially.
#[derive(Debug)]
pub(super) struct Framing {
    at: At,
    line: Line,
    /// The length of the body, according to the headers so far.
    told: Option<Length>,
    /// The chunks of the body so far, and their bytes.
    chunks: (u64, u64),
    /// The bytes so far of the current chunk's size, or of the trailers.
    around: u64,
    /// The bytes of all bodies so far, without those around chunks.
    data: u64,
    /// The bytes of the request line so far.
    request_line: usize,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Bytes(u64),
    Chunks,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// Before the request line.
    Start,
    RequestLine,
    Headers,
    Bytes(u64),
    ChunkSize,
    /// In a chunk, before its line end.
    Chunk(u64),
    ChunkEnd,
    Trailers(Trailer),
    /// In malformed trailers, which have no end.
    Malformed,
    Done,
}

/// The place in a trailer.
#[derive(Clone, Copy, Debug)]
enum Trailer {
    /// Before a trailer, or at the end of all trailers.
    Start,
    /// In the empty line that ends the trailers.
    Last,
    Name,
    Value,
    /// After the CR that ends a trailer.
    End,
}

impl Trailer {
    /// The place after this byte; `None` if the byte is not allowed here.
    fn then(self, byte: u8) -> Option<At> {
        let next = match (self, byte) {
            (Trailer::Start, b'\r') => Trailer::Last,
            (Trailer::Last, b'\n') => return Some(At::Done),
            (Trailer::Start | Trailer::Name, byte) if is_of_token(byte) => Trailer::Name,
            (Trailer::Name, b':') => Trailer::Value,
            (Trailer::Value, b'\r') => Trailer::End,
            (Trailer::Value, b'\t' | b' '..=b'~' | 0x80..) => Trailer::Value,
            (Trailer::End, b'\n') => Trailer::Start,
            _ => return None,
        };
        Some(At::Trailers(next))
    }
}

/// The beginning of the line that is being read.
#[derive(Debug)]
struct Line {
    bytes: [u8; LOOKED_AT],
    length: usize,
    is_longer: bool,
}

impl Line {
    /// Adds a byte; true if it ends the line.
    fn add(&mut self, byte: u8) -> bool {
        if byte == b'\n' {
            return true;
        }
        if self.is_padded_by(byte) {
            return false;
        }
        match self.bytes.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
            }
            None => self.is_longer = true,
        }
        false
    }

    /// True for white space around a value, and for zeros in front of a length: after the first one
    /// they change nothing, and there may be any number of them.
    fn is_padded_by(&self, byte: u8) -> bool {
        let is_blank = |byte: &u8| matches!(byte, b':' | b' ' | b'\t');
        match (byte, self.bytes.get(..self.length).unwrap_or_default()) {
            (b' ' | b'\t', [.., last]) => is_blank(last),
            (b'0', [b'0']) => true,
            (b'0', [.., before, b'0']) => is_blank(before),
            _ => false,
        }
    }

    /// Takes the inspected part of the line, without its end; true if the line is longer than that.
    fn take(&mut self) -> (&[u8], bool) {
        let line = self.bytes.get(..self.length).unwrap_or_default();
        let is_longer = std::mem::take(&mut self.is_longer);
        self.length = 0;
        (line.strip_suffix(b"\r").unwrap_or(line), is_longer)
    }
}

impl Framing {
    /// Before the first request.
    pub(super) fn new() -> Framing {
        let line = Line { bytes: [0; LOOKED_AT], length: 0, is_longer: false };
        Framing {
            at: At::Start,
            line,
            told: None,
            chunks: (0, 0),
            around: 0,
            data: 0,
            request_line: 0,
        }
    }

    /// The part that comes next.
    pub(super) fn stage(&self) -> Stage {
        match self.at {
            At::Start | At::RequestLine | At::Headers => Stage::Head,
            At::Bytes(_)
            | At::ChunkSize
            | At::Chunk(_)
            | At::ChunkEnd
            | At::Trailers(_)
            | At::Malformed => Stage::Body,
            At::Done => Stage::Done,
        }
    }

    /// True in a chunked body, whose sender chooses the pieces.
    pub(super) fn is_chunked(&self) -> bool {
        self.stage() == Stage::Body && !matches!(self.at, At::Bytes(_))
    }

    /// The bytes of all bodies so far, without those around chunks.
    pub(super) fn data(&self) -> u64 {
        self.data
    }

    /// True when the body has many chunks with almost no data, or too many bytes around them.
    pub(super) fn is_wasteful(&self) -> bool {
        let (count, bytes) = self.chunks;
        self.around > AROUND || count > CHUNKS && bytes < count.saturating_mul(WORTH)
    }

    /// True after malformed trailers.
    pub(super) fn is_malformed(&self) -> bool {
        matches!(self.at, At::Malformed)
    }

    /// Begins the next request.
    pub(super) fn next(&mut self) {
        self.at = At::Start;
        self.line.take();
        self.told = None;
        self.chunks = (0, 0);
        self.around = 0;
        self.request_line = 0;
    }

    /// True for a target that is longer than the parser accepts.
    pub(super) fn has_long_target(&self) -> bool {
        self.request_line > LONGEST_TARGET
    }

    /// Records that HTTP has found the end of the body.
    pub(super) fn end(&mut self) {
        self.at = At::Done;
    }

    /// Returns how many of these bytes belong to the current part. After each call, the caller
    /// checks the stage and passes the remaining bytes again.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> usize {
        let before = self.stage();
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            used += match self.at {
                At::Bytes(left) | At::Chunk(left) => self.skip(left, rest.len()),
                At::Malformed => return bytes.len(),
                _ => self.step(rest[0]),
            };
            if self.stage() != before || self.is_malformed() {
                break;
            }
        }
        used
    }

    /// Skips bytes of a body and returns their number.
    fn skip(&mut self, left: u64, most: usize) -> usize {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(most);
        let left = left - skipped as u64;
        self.data = self.data.saturating_add(skipped as u64);
        self.at = match (self.at, left) {
            (At::Bytes(_), 0) => At::Done,
            (At::Bytes(_), left) => At::Bytes(left),
            (_, 0) => At::ChunkEnd,
            (_, left) => At::Chunk(left),
        };
        skipped
    }

    /// Handles one byte that is not data of a body.
    fn step(&mut self, byte: u8) -> usize {
        if matches!(self.at, At::Start) {
            if matches!(byte, b'\r' | b'\n') {
                return 1;
            }
            self.at = At::RequestLine;
        }
        if matches!(self.at, At::RequestLine) {
            self.request_line = self.request_line.saturating_add(1);
        }
        if matches!(self.at, At::ChunkSize | At::Trailers(_)) {
            self.around = self.around.saturating_add(1);
        }
        if let At::Trailers(trailer) = self.at {
            self.at = trailer.then(byte).unwrap_or(At::Malformed);
            return 1;
        }
        if !self.line.add(byte) {
            return 1;
        }
        let (line, is_longer) = self.line.take();
        self.at = match self.at {
            At::RequestLine => At::Headers,
            At::Headers if line.is_empty() => match self.told {
                None | Some(Length::Bytes(0)) => At::Done,
                Some(Length::Bytes(length)) => At::Bytes(length),
                Some(Length::Chunks) => At::ChunkSize,
            },
            At::Headers => {
                self.told = told(line, is_longer).or(self.told);
                At::Headers
            }
            At::ChunkSize => match chunk_size(line) {
                0 => At::Trailers(Trailer::Start),
                size => {
                    self.around = 0;
                    self.chunks = (self.chunks.0 + 1, self.chunks.1.saturating_add(size));
                    At::Chunk(size)
                }
            },
            At::ChunkEnd => At::ChunkSize,
            at => at,
        };
        1
    }
}

/// RFC 9110, section 5.6.2.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The length of the body, if this header states it. A malformed length counts as endless.
fn told(header: &[u8], is_longer: bool) -> Option<Length> {
    let colon = header.iter().position(|&byte| byte == b':')?;
    let (name, value) = (header.get(..colon)?, header.get(colon + 1..)?);
    if name.eq_ignore_ascii_case(b"transfer-encoding") {
        return Some(Length::Chunks);
    }
    if !name.eq_ignore_ascii_case(b"content-length") {
        return None;
    }
    let value = std::str::from_utf8(value).ok().filter(|_| !is_longer);
    let length = value.and_then(|value| value.trim().parse().ok());
    Some(Length::Bytes(length.unwrap_or(u64::MAX)))
}

/// The size of a chunk, which precedes its extensions. A malformed size counts as endless.
fn chunk_size(line: &[u8]) -> u64 {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let digits = std::str::from_utf8(line.get(..digits).unwrap_or_default());
    digits.ok().and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts of a client's input that arrives in these pieces.
    fn parts(pieces: &[&[u8]]) -> Vec<(Stage, Vec<u8>)> {
        let mut framing = Framing::new();
        let mut parts: Vec<(Stage, Vec<u8>)> = Vec::new();
        let mut fresh = true;
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                if framing.stage() == Stage::Done {
                    framing.next();
                    fresh = true;
                }
                let stage = framing.stage();
                let used = framing.advance(rest);
                assert!(used > 0, "{framing:?}");
                match parts.last_mut().filter(|(last, _)| *last == stage && !fresh) {
                    Some((_, part)) => part.extend(&rest[..used]),
                    None => parts.push((stage, rest[..used].to_vec())),
                }
                fresh = false;
                rest = &rest[used..];
            }
        }
        parts
    }

    fn texts(bytes: &str) -> Vec<String> {
        let parts = parts(&[bytes.as_bytes()]);
        parts.into_iter().map(|(_, part)| String::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn requests_are_told_apart_and_their_bodies_from_their_heads() {
        for requests in [
            &["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n"][..],
            &["\r\n\r\nGET / HTTP/1.1\nHost: a\n\n", "GET /b HTTP/1.0\r\n\r\n"],
            &[
                "POST / HTTP/1.1\r\ncontent-LENGTH:  5 \r\n\r\n",
                "a\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n",
            ],
            &["POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"],
            &[
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "4;x=\"y\"\r\n\r\n\r\n\r\n1\r\nA\r\n0\r\nT: t\r\n\r\n",
                "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            ],
        ] {
            assert_eq!(texts(&requests.concat()), requests);
        }
    }

    #[test]
    fn many_chunks_with_little_in_them_are_wasteful() {
        let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let wasteful = |chunk: &str, count: usize| {
            let mut framing = Framing::new();
            assert_eq!(framing.advance(head), head.len());
            let chunks = chunk.repeat(count);
            assert_eq!(framing.advance(chunks.as_bytes()), chunks.len());
            framing.is_wasteful()
        };
        assert!(wasteful("1\r\nx\r\n", 5000));
        assert!(wasteful("f\r\n123456789012345\r\n", 5000));
        assert!(!wasteful("1\r\nx\r\n", 4000));
        assert!(!wasteful("10\r\n1234567890123456\r\n", 5000));
        for (around, end, count) in
            [("2;yyyyyyyy", "y", 1), ("0000", "0", 1), ("0\r\nT: t", "t", 1), ("0\r\n", "t", 1)]
        {
            assert!(wasteful(&format!("{around}{}", end.repeat(9000)), count), "{around}");
            assert!(!wasteful(&format!("{around}{}", end.repeat(7000)), count), "{around}");
        }
        // The limit of extensions applies to each chunk.
        assert!(!wasteful(&format!("10;{}\r\n1234567890123456\r\n", "y".repeat(1000)), 100));
    }

    #[test]
    fn a_malformed_length_has_no_end() {
        for (head, rest) in [
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "x\r\n\r\n0\r\n\r\n"),
        ] {
            assert_eq!(texts(&format!("{head}{rest}")), [head, rest]);
        }
    }

    #[test]
    fn trailers_end_where_http_ends_them() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let long = format!("0\r\nT: {}\r\n\r\n", "t".repeat(2 * LOOKED_AT));
        for body in ["0\r\n\r\n", "0\r\nT: t\r\nU:\t\u{e9}\r\n\r\n", &long] {
            assert_eq!(texts(&format!("{head}{body}GET")), [head, body, "GET"]);
        }
    }

    #[test]
    fn malformed_trailers_have_no_end() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for trailers in [
            "T: t\n\nGET /",
            "T: t\n\r\nGET /",
            "\nGET /",
            "\rGET /",
            "T: a\rb\r\n\r\n",
            "t t\r\n\r\n",
            "T : t\r\n\r\n",
            ": t\r\n\r\n",
            "\u{e9}: t\r\n\r\n",
            "T\r\n\r\n",
            "T: \0\r\n\r\n",
            "T: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ] {
            let body = format!("0\r\n{trailers}");
            assert_eq!(texts(&format!("{head}{body}")), [head, &body], "{trailers:?}");
            let mut framing = Framing::new();
            assert_eq!(framing.advance(head.as_bytes()), head.len());
            // HTTP gets nothing after the malformed part.
            let used = framing.advance(body.as_bytes());
            assert!(used < body.len() && framing.is_malformed(), "{trailers:?}");
        }
    }

    #[test]
    fn a_length_is_read_however_it_is_padded() {
        for padding in [" ", "\t", "0"].map(|byte| byte.repeat(2 * LOOKED_AT)) {
            let head = format!("POST / HTTP/1.1\r\nContent-Length:{padding}4\r\n\r\n");
            assert_eq!(texts(&format!("{head}\r\n\r\nGET")), [&*head, "\r\n\r\n", "GET"]);
        }
        let behind = " ".repeat(2 * LOOKED_AT);
        let head = format!("POST / HTTP/1.1\r\nContent-Length: 4{behind}\r\n\r\n");
        assert_eq!(texts(&format!("{head}bodyGET")), [&*head, "body", "GET"]);
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = format!("{}4{behind}\r\n\r\n\r\n\r\n0\r\n\r\n", "0".repeat(2 * LOOKED_AT));
        assert_eq!(texts(&format!("{head}{body}GET")), [head, &*body, "GET"]);
    }

    const REQUESTS: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /b HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET \r\n\r\n.\r\n\
        POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789\r\n\r\n\
        56\r\n0\r\n\r\nGET /feed HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";

    proptest! {
        #[test]
        fn requests_are_told_apart_however_they_are_split(
            cuts in prop::collection::vec(0..REQUESTS.len(), 0..12),
        ) {
            let mut cuts = cuts;
            cuts.extend([0, REQUESTS.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> =
                cuts.windows(2).map(|cut| &REQUESTS[cut[0]..cut[1]]).collect();
            prop_assert_eq!(parts(&pieces), parts(&[REQUESTS]));
        }
    }
}
