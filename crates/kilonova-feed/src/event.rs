//! Events: committed events of a log, and new events before they are appended. Owns the parts of an
//! event; leaves storage to the log and encoding to `frame`.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use kilonova_pubsub::{Channel, Envelope, Payload};
use serde::Serialize;

use crate::Subject;

/// An event to append to the log; it has no position yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewEvent {
    /// The channel whose subscribers get the event.
    pub channel: Channel,
    /// The kind of event, such as `"post_created"`.
    pub topic: Arc<str>,
    /// The data that subscribers get.
    pub payload: Payload,
    /// The row that the event is about. An event without a subject cannot be redacted.
    pub subject: Option<Subject>,
    /// The readers of the event, in a format that the application defines. Empty by default.
    pub audience: Arc<str>,
    /// True when appending the event redacts the subject's earlier events.
    pub redacts: bool,
}

impl NewEvent {
    /// An event whose payload is the JSON of `payload`; an error if it has no JSON form.
    pub fn new(
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<NewEvent, serde_json::Error> {
        Ok(NewEvent {
            channel: channel.into(),
            topic: topic.into(),
            payload: Payload::encode(payload)?,
            subject: None,
            audience: "".into(),
            redacts: false,
        })
    }

    /// Sets the row that the event is about.
    #[must_use]
    pub fn about(self, subject: Subject) -> NewEvent {
        NewEvent { subject: Some(subject), ..self }
    }

    /// Sets the readers of the event. [`Log::visibility`](crate::Log::visibility) reads the text
    /// from [`Event::audience`].
    #[must_use]
    pub fn for_audience(self, audience: impl Into<Arc<str>>) -> NewEvent {
        NewEvent { audience: audience.into(), ..self }
    }

    /// Marks the event as redacting the earlier events about its subject: in the log, in memory and
    /// in replays their payload becomes `{"id":ID,"redacted":true}`. Use it for deletions.
    #[must_use]
    pub fn redacting(self) -> NewEvent {
        NewEvent { redacts: true, ..self }
    }
}

/// A committed event of a log. Cheap to clone.
#[derive(Clone)]
pub struct Event(Envelope);

/// The parts of an event that its envelope does not have.
struct Details {
    position: i64,
    subject: Option<Subject>,
    audience: Arc<str>,
    redacts: bool,
    inserted_at: Option<SystemTime>,
}

/// The attachment of an event's envelope.
///
/// Feeds may share a registry, channel names and clones of one event. Each feed sends its own
/// envelope, and its sessions accept no other.
struct Attached {
    /// The feed that sends the envelope; 0 before that.
    feed: u64,
    details: Arc<Details>,
}

impl Event {
    /// The event at this position of its log, with no subject and an empty audience.
    pub fn new(
        position: i64,
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Event {
        let new = NewEvent {
            channel: channel.into(),
            topic: topic.into(),
            payload,
            subject: None,
            audience: "".into(),
            redacts: false,
        };
        Event::committed(position, new, None)
    }

    /// The committed form of `new`, with its position and, if the log keeps it, the time of the
    /// write.
    pub fn committed(position: i64, new: NewEvent, inserted_at: Option<SystemTime>) -> Event {
        let NewEvent { channel, topic, payload, subject, audience, redacts } = new;
        let details = Arc::new(Details { position, subject, audience, redacts, inserted_at });
        let envelope = Envelope::new(channel, topic, payload).with_position(position);
        Event::attach(envelope, Attached { feed: 0, details })
    }

    fn attach(envelope: Envelope, attached: Attached) -> Event {
        let attached: Arc<dyn Any + Send + Sync> = Arc::new(attached);
        Event(envelope.with_attachment(attached))
    }

    /// The event of an envelope that this feed sent; `None` for other envelopes.
    pub(crate) fn of(envelope: &Envelope, feed: u64) -> Option<Event> {
        let is_own = attached(envelope).is_some_and(|attached| attached.feed == feed);
        is_own.then(|| Event(envelope.clone()))
    }

    /// The same event in this feed's own envelope.
    pub(crate) fn sent_by(&self, feed: u64) -> Event {
        let details = Arc::clone(self.details());
        Event::attach(self.0.clone(), Attached { feed, details })
    }

    /// True when a feed has sent this envelope, so that only the sessions of that feed encode it.
    pub(crate) fn is_sent(envelope: &Envelope) -> bool {
        attached(envelope).is_some_and(|attached| attached.feed != 0)
    }

    #[expect(clippy::expect_used, reason = "every constructor attaches them")]
    fn details(&self) -> &Arc<Details> {
        &attached(&self.0).expect("an event's envelope has its details").details
    }

    /// The same event with another topic and payload, for viewers with a reduced view.
    #[must_use]
    pub fn with_payload(&self, topic: impl Into<Arc<str>>, payload: Payload) -> Event {
        let new = NewEvent { topic: topic.into(), payload, ..self.without_position() };
        Event::committed(self.position(), new, self.inserted_at())
    }

    /// The same event at another position.
    pub(crate) fn at(self, position: i64) -> Event {
        if self.position() == position {
            return self;
        }
        Event::committed(position, self.without_position(), self.inserted_at())
    }

    fn without_position(&self) -> NewEvent {
        let Details { subject, audience, redacts, .. } = &**self.details();
        NewEvent {
            channel: self.channel().clone(),
            topic: self.topic().into(),
            payload: self.payload().clone(),
            subject: subject.clone(),
            audience: Arc::clone(audience),
            redacts: *redacts,
        }
    }

    /// The position in the log: 1, 2, 3 … without a gap, in commit order.
    pub fn position(&self) -> i64 {
        self.details().position
    }

    /// The channel whose subscribers get the event.
    pub fn channel(&self) -> &Channel {
        self.0.channel()
    }

    /// The kind of event, such as `"post_created"`.
    pub fn topic(&self) -> &str {
        self.0.topic()
    }

    /// The data that subscribers get.
    pub fn payload(&self) -> &Payload {
        self.0.payload()
    }

    /// The row that the event is about.
    pub fn subject(&self) -> Option<&Subject> {
        self.details().subject.as_ref()
    }

    /// The readers of the event, in a format that the application defines.
    pub fn audience(&self) -> &str {
        &self.details().audience
    }

    /// True when the event redacted, or may have redacted, its subject's earlier events.
    pub fn redacts(&self) -> bool {
        self.details().redacts
    }

    /// The time of the write; `None` if the log does not keep it.
    pub fn inserted_at(&self) -> Option<SystemTime> {
        self.details().inserted_at
    }

    /// The envelope that the members of the channel get.
    pub fn envelope(&self) -> &Envelope {
        &self.0
    }

    /// The payload's size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.payload().as_json().len()
    }
}

fn attached(envelope: &Envelope) -> Option<&Attached> {
    envelope.attachment()?.downcast_ref()
}

/// Two events are equal when all parts that a log keeps are equal.
impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        let of = |event: &Event| {
            let Details { position, subject, audience, redacts, inserted_at, .. } =
                &**event.details();
            (*position, subject.clone(), Arc::clone(audience), *redacts, *inserted_at)
        };
        self.channel() == other.channel()
            && self.topic() == other.topic()
            && self.payload().as_json() == other.payload().as_json()
            && of(self) == of(other)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("position", &self.position())
            .field("channel", self.channel())
            .field("topic", &self.topic())
            .field("payload", &self.payload().as_json())
            .field("subject", &self.subject())
            .field("audience", &self.audience())
            .field("redacts", &self.redacts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_gives_its_event_back() {
        let new = NewEvent::new("posts", "post_deleted", &7).expect("JSON");
        let new = new.about(Subject::new("post", 7)).for_audience("public").redacting();
        let event = Event::committed(3, new, Some(SystemTime::UNIX_EPOCH));
        assert!(Event::of(event.envelope(), 1).is_none(), "nobody has sent it");
        // Two feeds of one process may get clones of one event.
        let (one, other) = (event.sent_by(1), event.clone().sent_by(2));
        assert!(Event::of(one.envelope(), 2).is_none(), "it is another feed's");
        for (feed, sent) in [(1, one), (2, other)] {
            let back = Event::of(sent.envelope(), feed).expect("an event");
            assert_eq!(format!("{back:?}"), format!("{event:?}"));
            assert_eq!(back.inserted_at(), Some(SystemTime::UNIX_EPOCH));
        }
        assert!(Event::of(&Envelope::new("posts", "topic", Payload::null()), 1).is_none());
    }
}
