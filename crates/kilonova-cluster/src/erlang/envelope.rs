//! The message of `nova_pubsub`: `{nova_pubsub, Channel, Sender, Topic, Payload}`. Owns how topic
//! and payload are read and written; leaves its receivers to the connection.

use kilonova_pubsub::{Envelope, Payload};

use super::json::{self, Refused};
use super::term::{Number, Term, Writer};

/// The maximum length of a topic, in bytes.
const LONGEST_TOPIC: usize = 256;

/// The reason why a message is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("it is not a nova_pubsub message for its receiver's channel")]
    Foreign,
    #[error("its topic is not a text of 1 to 256 bytes without control characters")]
    Topic,
    #[error(transparent)]
    Payload(#[from] Refused),
}

/// Reads a message for the member of a channel.
pub(super) fn read(message: &Term<'_>, channel: &str) -> Result<Envelope, Unread> {
    let [tag, to, Term::Pid(_), topic, payload] = message.elements() else {
        return Err(Unread::Foreign);
    };
    if !tag.is_atom("nova_pubsub") || !to.is_atom(channel) {
        return Err(Unread::Foreign);
    }
    let topic = text(topic).filter(|topic| {
        (1..=LONGEST_TOPIC).contains(&topic.len()) && !topic.chars().any(char::is_control)
    });
    let topic = topic.ok_or(Unread::Topic)?;
    let json = json::from_term(payload)?;
    // Cannot fail: the text was written as JSON.
    let payload = Payload::from_json(json).map_err(|_| Unread::Payload(Refused::Kind("it")))?;
    Ok(Envelope::new(channel, topic, payload))
}

/// Reads a topic: a UTF-8 binary, a list of UTF-8 bytes, or a list of characters.
fn text(term: &Term<'_>) -> Option<String> {
    match term {
        Term::Binary(bytes) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Term::String(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // Each byte is a character below 256.
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        }),
        Term::List(elements) if elements.len() <= LONGEST_TOPIC => {
            let character = |element: &Term<'_>| match element {
                Term::Int(value) => char::from_u32(u32::try_from(*value).ok()?),
                _ => None,
            };
            elements.iter().map(character).collect()
        }
        _ => None,
    }
}

/// An encoded broadcast, the same for all receivers except for the sender's pid.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The term up to the channel. The sender's pid follows.
    before: Vec<u8>,
    /// The topic and the payload.
    after: Vec<u8>,
}

impl Outgoing {
    /// Encodes a broadcast. The topic becomes a list of bytes, because handlers call
    /// `list_to_binary` with it.
    pub(super) fn new(envelope: &Envelope) -> Result<Outgoing, serde_json::Error> {
        let mut before = Writer::versioned();
        before.tuple(5);
        before.atom("nova_pubsub");
        before.atom(envelope.channel().as_str());
        let mut after = Writer::default();
        after.string(envelope.topic().as_bytes());
        json::to_term(envelope.payload().as_json(), &mut after)?;
        Ok(Outgoing { before: before.0, after: after.0 })
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The whole term, sent by this process.
    pub(super) fn sent_by(&self, node: &str, number: Number, creation: u32) -> Vec<u8> {
        let mut writer = Writer(self.before.clone());
        writer.pid(node, number, creation);
        writer.raw(&self.after);
        writer.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::term::{Pid, decode};
    use super::*;

    fn message<'a>(channel: &'a str, topic: Term<'a>, payload: Term<'a>) -> Term<'a> {
        let number = Number { id: 1, serial: 2 };
        let pid = Pid { node: "n@h".into(), number, creation: 3 };
        let (tag, channel) = (Term::atom("nova_pubsub"), Term::atom(channel));
        Term::Tuple(vec![tag, channel, Term::Pid(pid), topic, payload])
    }

    fn topic(topic: Term<'_>) -> Result<String, Unread> {
        let read = read(&message("posts", topic, Term::Int(1)), "posts")?;
        Ok(read.topic().to_owned())
    }

    #[test]
    fn a_topic_is_a_charlist_or_a_binary() {
        let long = Term::List("é🚀".chars().map(|it| Term::Int(u32::from(it).into())).collect());
        assert_eq!(topic(Term::String(b"post_created")).unwrap(), "post_created");
        assert_eq!(topic(Term::Binary(b"post_created")).unwrap(), "post_created");
        assert_eq!(topic(Term::String(&[0xe9])).unwrap(), "é");
        assert_eq!(topic(Term::String("é".as_bytes())).unwrap(), "é");
        assert_eq!(topic(long).unwrap(), "é🚀");
    }

    #[test]
    fn a_topic_that_is_not_a_line_of_text_is_refused() {
        let long = "x".repeat(LONGEST_TOPIC + 1);
        let topics = [
            Term::Int(7),
            Term::atom("created"),
            Term::List(vec![]),
            Term::Binary(b"a\nevent: b"),
            Term::Binary(long.as_bytes()),
            Term::List(vec![Term::Int(-1)]),
            Term::List(vec![Term::Int(0xd800)]),
        ];
        for refused in topics {
            assert_eq!(topic(refused.clone()), Err(Unread::Topic), "{refused:?}");
        }
    }

    #[test]
    fn a_message_of_another_channel_or_shape_is_refused() {
        let posts = message("posts", Term::Binary(b"t"), Term::Int(1));
        assert_eq!(read(&posts, "comments").unwrap_err(), Unread::Foreign);
        assert_eq!(read(&Term::atom("posts"), "posts").unwrap_err(), Unread::Foreign);
        let payload = read(&message("posts", Term::Binary(b"t"), Term::Tuple(vec![])), "posts");
        assert_eq!(payload.unwrap_err(), Unread::Payload(Refused::Kind("a tuple")));
    }

    #[test]
    fn a_broadcast_is_read_as_it_was_written() {
        let payload = Payload::from_json(r#"{"id":1,"title":"é","tags":[]}"#).unwrap();
        let envelope = Envelope::new("posts", "post_created", payload.clone());
        let number = Number { id: 7, serial: 8 };
        let bytes = Outgoing::new(&envelope).unwrap().sent_by("k@h", number, 9);
        let term = decode(&bytes).unwrap();
        assert_eq!(term.elements()[3], Term::String(b"post_created"));
        let back = read(&term, "posts").unwrap();
        assert_eq!((back.topic(), back.payload()), ("post_created", &payload));
    }
}
