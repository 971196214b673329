//! A client's message that arrives in pieces. Keeps only enough to decide whether the message is
//! `ping` and whether a text is valid UTF-8, and a whole short text if there is a listener.

use crate::close::Close;
use crate::presence::TEXT_MAX;

/// The text that gets an answer.
const PING: &[u8] = b"ping";

/// The longest incomplete character, in bytes.
const PART: usize = 3;

/// The pieces received so far.
pub(crate) struct Pieces {
    length: usize,
    text: Option<Text>,
    /// The text so far, if there is a listener and the text is short.
    kept: Option<Vec<u8>>,
}

/// The kind of a complete message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// The text `ping`.
    Ping,
    /// Another text that was kept.
    Text(String),
    /// Anything else.
    Ignored,
}

struct Text {
    /// True while the text is a prefix of `ping`.
    is_ping: bool,
    is_valid: bool,
    /// The bytes of an incomplete character.
    part: [u8; PART],
    in_part: usize,
}

impl Pieces {
    /// An empty text message; `is_heard` keeps a short text for the listener.
    pub(crate) fn of_text(is_heard: bool) -> Pieces {
        let text = Text { is_ping: true, is_valid: true, part: [0; PART], in_part: 0 };
        Pieces { length: 0, text: Some(text), kept: is_heard.then(Vec::new) }
    }

    /// An empty binary message, whose content is ignored.
    pub(crate) fn of_binary() -> Pieces {
        Pieces { length: 0, text: None, kept: None }
    }

    /// Adds a piece; an error if the message has more than `max` bytes.
    pub(crate) fn add(&mut self, piece: &[u8], max: usize) -> Result<(), Close> {
        let before = self.length;
        self.length += piece.len();
        if self.length > max {
            return Err(Close::TooLarge);
        }
        if let Some(text) = &mut self.text {
            text.is_ping &= PING.get(before..self.length) == Some(piece);
            text.is_valid &= text.validate(piece);
        }
        if self.length > TEXT_MAX {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Ends the message. Fails for a text that is not UTF-8.
    pub(crate) fn end(self) -> Result<Whole, Close> {
        match self.text {
            Some(text) if !text.is_valid || text.in_part > 0 => Err(Close::NotText),
            Some(text) if text.is_ping && self.length == PING.len() => Ok(Whole::Ping),
            _ => {
                let kept = self.kept.map(String::from_utf8).transpose();
                Ok(kept.map_err(|_| Close::NotText)?.map_or(Whole::Ignored, Whole::Text))
            }
        }
    }
}

impl Text {
    /// True if the text is valid UTF-8 so far, except for an incomplete character at its end.
    fn validate(&mut self, piece: &[u8]) -> bool {
        let mut rest = piece;
        // Completes an incomplete character, byte by byte.
        while self.in_part > 0 {
            let Some((byte, more)) = rest.split_first() else { return true };
            let mut character = [0; PART + 1];
            character[..self.in_part].copy_from_slice(&self.part[..self.in_part]);
            character[self.in_part] = *byte;
            let length = self.in_part + 1;
            rest = more;
            match std::str::from_utf8(&character[..length]) {
                Ok(_) => self.in_part = 0,
                Err(error) if error.error_len().is_none() && length <= PART => {
                    self.part = [character[0], character[1], character[2]];
                    self.in_part = length;
                }
                Err(_) => return false,
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => true,
            Err(error) if error.error_len().is_none() => {
                let part = rest.get(error.valid_up_to()..).unwrap_or_default();
                self.in_part = part.len();
                self.part[..part.len()].copy_from_slice(part);
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The kind of a text that arrives in pieces of these lengths.
    fn end(text: &[u8], lengths: &[usize]) -> Result<Whole, Close> {
        let (mut pieces, mut rest) = (Pieces::of_text(true), text);
        for length in lengths {
            let (piece, more) = rest.split_at((*length).min(rest.len()));
            pieces.add(piece, usize::MAX)?;
            rest = more;
        }
        pieces.add(rest, usize::MAX)?;
        pieces.end()
    }

    fn whole(text: &[u8]) -> Result<Whole, Close> {
        match std::str::from_utf8(text) {
            Ok("ping") => Ok(Whole::Ping),
            Ok(text) => Ok(Whole::Text(text.to_owned())),
            Err(_) => Err(Close::NotText),
        }
    }

    #[test]
    fn a_text_that_is_long_or_has_no_listener_is_not_kept() {
        let long = [b'x'; TEXT_MAX + 1];
        assert_eq!(end(&long, &[7]), Ok(Whole::Ignored));
        assert!(matches!(end(&long[1..], &[7]), Ok(Whole::Text(_))));
        let mut unheard = Pieces::of_text(false);
        unheard.add(b"x", 1).expect("room");
        assert_eq!(unheard.end(), Ok(Whole::Ignored));
    }

    proptest! {
        #[test]
        fn a_text_is_valid_however_it_is_cut(
            text in prop_oneof!["[a-ÿ€𝄞]{0,9}", Just("ping".to_owned()), "p?i?n?g{0,2}"],
            lengths in prop::collection::vec(0_usize..4, 0..12),
        ) {
            prop_assert_eq!(end(text.as_bytes(), &lengths), whole(text.as_bytes()));
        }

        #[test]
        fn bytes_give_the_same_result_however_they_are_cut(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), Just(0xe2), Just(0x82), Just(0xac), Just(0xf0), Just(0x9d)],
                0..9,
            ),
            lengths in prop::collection::vec(0_usize..4, 0..12),
        ) {
            prop_assert_eq!(end(&bytes, &lengths), whole(&bytes));
        }
    }
}
