//! A fragmented message of a client, assembled within a bound.

/// The fragments that have arrived.
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    text: bool,
}

impl Pieces {
    /// An empty text message.
    pub(crate) fn of_text() -> Pieces {
        Pieces { bytes: Vec::new(), text: true }
    }

    /// An empty binary message, whose content is ignored.
    pub(crate) fn of_binary() -> Pieces {
        Pieces { bytes: Vec::new(), text: false }
    }

    /// Adds a fragment; false if the message would exceed `max` bytes.
    #[must_use = "a message that is too large is refused"]
    pub(crate) fn add(&mut self, piece: &[u8], max: usize) -> bool {
        if self.bytes.len() + piece.len() > max {
            return false;
        }
        self.bytes.extend_from_slice(piece);
        true
    }

    /// The complete message, if it is a text.
    pub(crate) fn into_text(self) -> Option<Vec<u8>> {
        self.text.then_some(self.bytes)
    }
}
