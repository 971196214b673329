//! Where the heads of requests end, in whatever pieces they come; pure.
//!
//! HTTP's parser reads on behind it while an earlier request is being answered, and would take the
//! client's first frames for another request.

/// Looks for upgrade requests in what a client sends.
#[derive(Debug, Default)]
pub(super) struct UpgradeHead {
    /// How much of `NAME` the last bytes are.
    name: usize,
    /// How much of a head's end the last bytes are, since the name was complete.
    end: Option<LineEnd>,
}

const NAME: &[u8] = b"\nupgrade:";

/// The last bytes: nothing of an end, the end of a line, or that and the beginning of another.
/// HTTP's parser takes a line end without its CR, too.
#[derive(Clone, Copy, Debug, Default)]
enum LineEnd {
    #[default]
    None,
    One,
    OneAndCr,
}

impl LineEnd {
    /// Takes the next byte; true if it ends a head.
    fn ends_head(&mut self, byte: u8) -> bool {
        let ends = byte == b'\n' && !matches!(self, LineEnd::None);
        *self = match (byte, *self) {
            _ if ends => LineEnd::None,
            (b'\n', _) => LineEnd::One,
            (b'\r', LineEnd::One) => LineEnd::OneAndCr,
            _ => LineEnd::None,
        };
        ends
    }
}

impl UpgradeHead {
    /// The end of an upgrade request's head in the bytes that follow those of the calls before. It
    /// starts anew behind that end, where the next call must begin.
    ///
    /// A body may look like a head, so what is found may be none.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (index, &byte) in bytes.iter().enumerate() {
            if let Some(end) = &mut self.end {
                if end.ends_head(byte) {
                    *self = UpgradeHead::default();
                    return Some(index + 1);
                }
            } else if byte.to_ascii_lowercase() == NAME[self.name] {
                self.name += 1;
                if self.name == NAME.len() {
                    self.end = Some(LineEnd::None);
                }
            } else {
                self.name = usize::from(byte == b'\n');
            }
        }
        None
    }
}

/// Counts the heads of requests in what a client sends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heads {
    end: LineEnd,
    /// The heads so far; a body may have looked like some.
    count: u64,
    /// Bytes have come behind the last of them.
    begun: bool,
}

impl Heads {
    /// The end of the head that makes them `most`, if it is in these bytes, which follow those of
    /// the calls before.
    pub(super) fn find(&mut self, bytes: &[u8], most: u64) -> Option<usize> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.end.ends_head(byte) {
                self.count += 1;
                self.begun = false;
                if self.count >= most {
                    return Some(index + 1);
                }
            } else {
                self.begun = true;
            }
        }
        None
    }

    /// Whether the last bytes begin another head.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The last bytes were a body.
    pub(super) fn forget(&mut self) {
        self.begun = false;
    }

    /// Corrects the number, after bytes that were a body.
    pub(super) fn set(&mut self, count: u64) {
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HANDSHAKE: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /feed HTTP/1.1\r\nHost: a\r\n\
        uPGRADE: websocket\r\nConnection: Upgrade\r\n\r\n";

    proptest! {
        #[test]
        fn a_head_is_found_in_whatever_pieces_it_comes(
            cuts in prop::collection::vec(0..HANDSHAKE.len() + 20, 0..6),
        ) {
            let mut all = HANDSHAKE.to_vec();
            all.extend([0x81; 20]);
            let mut cuts = cuts;
            cuts.sort_unstable();
            cuts.push(all.len());
            let (mut head, mut from, mut found) = (UpgradeHead::default(), 0, Vec::new());
            for cut in cuts {
                while let Some(end) = head.find(&all[from..cut]) {
                    from += end;
                    found.push(from);
                }
                from = cut;
            }
            prop_assert_eq!(found, [HANDSHAKE.len()]);
        }
    }

    #[test]
    fn a_head_ends_without_carriage_returns_too() {
        let bytes = b"GET / HTTP/1.1\nUpgrade: h2c\nA: b\n\nGET / HTTP/1.1\r\n\r\n";
        let mut head = UpgradeHead::default();
        let end = head.find(bytes).expect("the head of the first request");
        assert!(bytes[end..].starts_with(b"GET"));
        assert_eq!(head.find(&bytes[end..]), None, "the second asks for no upgrade");
    }

    #[test]
    fn other_requests_have_no_such_head() {
        for other in [
            &b"GET / HTTP/1.1\r\nHost: upgrade:\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nX-Upgrade: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nUpgrade : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nUpgrade: a\r\nHost: b\r\n",
        ] {
            assert_eq!(UpgradeHead::default().find(other), None);
        }
    }

    #[test]
    fn heads_are_counted_in_whatever_pieces_they_come() {
        let bytes = b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\nGET";
        for cut in 0..bytes.len() {
            let mut heads = Heads::default();
            let first = heads.find(&bytes[..cut], 2);
            let end = first.or_else(|| heads.find(&bytes[cut..], 2).map(|end| cut + end));
            assert_eq!(end, Some(bytes.len() - 3), "{cut}");
        }
        let mut heads = Heads::default();
        heads.set(7);
        assert_eq!(heads.find(bytes, 8), Some(18));
        assert_eq!(Heads::default().find(b"GET / HTTP/1.1\nA: b\n\nGET", 1), Some(21));
    }

    #[test]
    fn several_heads_are_found_one_after_the_other() {
        let mut head = UpgradeHead::default();
        let bytes = b"\nUpgrade: a\r\r\n\r\n\r\nUpgrade: b\r\n\r\n";
        let first = head.find(bytes).expect("the first");
        assert_eq!(&bytes[first..first + 2], b"\r\n");
        assert_eq!(head.find(&bytes[first..]), Some(bytes.len() - first));
    }
}
