//! Parses messages of an event stream (the HTML standard's `text/event-stream`) from chunks of any
//! size. Pure.

/// The longest message, in bytes. A frame has at most a post of a mebibyte, as JSON.
const LONGEST: usize = 16 * 1024 * 1024;

/// A message that has an id, data, or both.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: Option<String>,
    pub(super) data: Option<String>,
}

/// A message is longer than any that a Kilonova server sends.
#[derive(Debug, thiserror::Error)]
#[error("the server sent a message of more than {LONGEST} bytes")]
pub(super) struct TooLong;

/// The parser, with the incomplete message at the end of the stream so far.
#[derive(Default)]
pub(super) struct Messages {
    line: Vec<u8>,
    /// The last byte was `\r`: a `\n` next belongs to the same line end.
    after_return: bool,
    id: Option<String>,
    data: Option<String>,
}

impl Messages {
    /// Takes the next bytes; returns the messages that they complete.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<Vec<Message>, TooLong> {
        let mut messages = Vec::new();
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.line.extend_from_slice(line);
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > LONGEST {
                return Err(TooLong);
            }
            bytes = rest;
            if let Some((&end, rest)) = rest.split_first() {
                self.after_return = end == b'\r';
                bytes = rest;
                messages.extend(self.end_line());
            }
        }
        Ok(messages)
    }

    /// Parses the finished line; an empty line ends a message.
    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let (id, data) = (self.id.take(), self.data.take());
            return (id.is_some() || data.is_some()).then_some(Message { id, data });
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            // The frame repeats `event`; comments and other fields are ignored.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(id: &str, data: &str) -> Message {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Message { id: some(id), data: some(data) }
    }

    #[test]
    fn ids_and_data_are_read_and_comments_are_not() {
        let stream = ": welcome\n\nid: 7\n\nid: 8\r\nevent: post_created\r\ndata: {\"a\":\r\n\
                      data: 1}\r\n\r\n:\n\ndata:x\n\nretry: 5\n\n";
        let found = Messages::default().add(stream.as_bytes()).expect("messages");
        assert_eq!(found, [message("7", ""), message("8", "{\"a\":\n1}"), message("", "x")]);
    }

    #[test]
    fn an_endless_message_is_refused() {
        let mut messages = Messages::default();
        let part = [b'x'; 1024 * 1024];
        let outcome = (0..=16).try_for_each(|_| messages.add(&part).map(drop));
        assert!(outcome.is_err());
        let mut messages = Messages::default();
        let line = [b"data:".as_slice(), &part, b"\n"].concat();
        assert!((0..=16).try_for_each(|_| messages.add(&line).map(drop)).is_err());
    }

    proptest! {
        #[test]
        fn chunk_boundaries_do_not_matter(
            stream in "([a-z]{0,3}|id|data|:|: |\r|\n|\r\n|é){0,40}",
            cuts in prop::collection::vec(0_usize..60, 0..6),
        ) {
            let bytes = stream.as_bytes();
            let whole = Messages::default().add(bytes).expect("messages");
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut messages = Messages::default();
            let parts = cuts.windows(2).flat_map(|cut| {
                messages.add(&bytes[cut[0]..cut[1]]).expect("messages")
            });
            prop_assert_eq!(whole, parts.collect::<Vec<_>>());
        }
    }
}
