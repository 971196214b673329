//! A client's message that comes in pieces, put together within a bound.

/// What has come of it.
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    text: bool,
}

impl Pieces {
    /// Nothing yet of a text.
    pub(crate) fn of_text() -> Pieces {
        Pieces { bytes: Vec::new(), text: true }
    }

    /// Nothing yet of a binary message, which nobody reads.
    pub(crate) fn of_binary() -> Pieces {
        Pieces { bytes: Vec::new(), text: false }
    }

    /// Adds a piece; false when all of them are more than `max` bytes.
    #[must_use = "a message that is too large is refused"]
    pub(crate) fn add(&mut self, piece: &[u8], max: usize) -> bool {
        if self.bytes.len() + piece.len() > max {
            return false;
        }
        self.bytes.extend_from_slice(piece);
        true
    }

    /// The whole message, if it is a text.
    pub(crate) fn into_text(self) -> Option<Vec<u8>> {
        self.text.then_some(self.bytes)
    }
}
