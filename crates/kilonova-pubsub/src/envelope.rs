//! A message as a member receives it. Owns the fields, the notice of a gap, and the encodings that
//! receivers share; leaves delivery to the registry and the shape of frames to the receivers.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use actix::{Message, Recipient};
use bytes::Bytes;

use super::{Channel, NodeId, Payload};

/// The number of encodings of one envelope that can be shared.
const SLOTS: usize = 12;

/// A message as a member of a channel receives it. Cheap to clone: all receivers share one
/// allocation.
#[derive(Clone, Debug)]
pub struct Envelope(Arc<Parts>);

impl Message for Envelope {
    type Result = ();
}

/// The sender of an envelope.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The name of the node that sent the envelope; empty before the envelope is sent.
    pub node: Arc<str>,
    /// The actor that sent the envelope, if the handle named one
    /// ([`PubSub::sent_by`](super::PubSub::sent_by)) and the actor is on this node.
    pub member: Option<Recipient<Envelope>>,
    // The name cannot tell, because two nodes may have the same one.
    remote: bool,
    origin: Option<&'static str>,
}

impl Sender {
    pub(super) fn local(node: Arc<str>, member: Option<Recipient<Envelope>>) -> Sender {
        Sender { node, member, remote: false, origin: None }
    }

    pub(super) fn remote(node: &NodeId) -> Sender {
        Sender { node: Arc::clone(node.name()), member: None, remote: true, origin: None }
    }

    pub(super) fn foreign(node: &NodeId, origin: &'static str) -> Sender {
        Sender { origin: Some(origin), ..Sender::remote(node) }
    }

    /// The kind of the sending cluster, such as `"erlang"`; `None` for senders of these process
    /// groups, which cannot set it.
    pub fn origin(&self) -> Option<&'static str> {
        self.origin
    }

    /// Returns true if another node sent the envelope, even one with the same name.
    pub fn is_remote(&self) -> bool {
        self.remote
    }

    /// Returns true if `member` is the actor that sent the envelope.
    pub fn is(&self, member: &Recipient<Envelope>) -> bool {
        self.member.as_ref() == Some(member)
    }
}

#[derive(Clone, Debug)]
struct Parts {
    channel: Channel,
    sender: Arc<Sender>,
    topic: Arc<str>,
    payload: Payload,
    position: Option<i64>,
    // Set only in `notice`, so that no topic or payload that a broadcaster chooses can imitate a
    // notice.
    lagged: Option<u64>,
    attachment: Option<Arc<dyn Any + Send + Sync>>,
    encodings: [OnceLock<Bytes>; SLOTS],
    // The envelope whose encodings this one shares, if this is a copy for one thread.
    origin: Option<Envelope>,
}

impl Envelope {
    /// Creates an envelope without a position or a sender. The publisher becomes its sender.
    pub fn new(
        channel: impl Into<Channel>,
        topic: impl Into<Arc<str>>,
        payload: Payload,
    ) -> Envelope {
        Envelope(Arc::new(Parts {
            channel: channel.into(),
            sender: nobody(),
            topic: topic.into(),
            payload,
            position: None,
            lagged: None,
            attachment: None,
            encodings: Default::default(),
            origin: None,
        }))
    }

    /// Sets the envelope's position in a log.
    pub fn with_position(self, position: i64) -> Envelope {
        self.changed(|parts| parts.position = Some(position))
    }

    /// Attaches a value that this node's members share. It never goes to other nodes.
    #[doc(hidden)]
    pub fn with_attachment(self, attachment: Arc<dyn Any + Send + Sync>) -> Envelope {
        self.changed(|parts| parts.attachment = Some(attachment))
    }

    /// Sets the envelope's sender.
    pub(super) fn sent_by(self, sender: &Arc<Sender>) -> Envelope {
        let mut shared = self.0;
        let parts = Arc::make_mut(&mut shared);
        parts.origin = None;
        if parts.sender.origin != sender.origin {
            // The encodings may contain the origin.
            parts.encodings = Default::default();
        }
        parts.sender = Arc::clone(sender);
        // The envelope may be a notice that a member passes on to `publish`. A notice applies only
        // to the member that missed the messages.
        parts.lagged = None;
        Envelope(shared)
    }

    /// The notice that a member gets in place of the messages that it missed.
    pub(super) fn notice(channel: &Channel, missed: u64) -> Envelope {
        Envelope::new(channel, "lagged", Payload::null())
            .changed(|parts| parts.lagged = Some(missed))
    }

    fn changed(self, change: impl FnOnce(&mut Parts)) -> Envelope {
        // `make_mut` copies nothing if no one else holds the envelope yet, which is the usual case.
        let mut shared = self.0;
        let parts = Arc::make_mut(&mut shared);
        parts.encodings = Default::default();
        parts.origin = None;
        change(parts);
        Envelope(shared)
    }

    /// The channel that the envelope was sent to; for a notice, the channel of the first missed
    /// message.
    pub fn channel(&self) -> &Channel {
        &self.0.channel
    }

    /// The sender. A notice has none: its node is empty and its member `None`.
    pub fn sender(&self) -> &Sender {
        &self.0.sender
    }

    /// The label that the sender gave the message.
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// The content; `null` for a notice.
    pub fn payload(&self) -> &Payload {
        &self.0.payload
    }

    /// The position in a log, if the envelope has one.
    pub fn position(&self) -> Option<i64> {
        self.0.position
    }

    /// `Some(n)` for the notice that this member missed `n` messages, over all of its channels,
    /// since its previous notice.
    ///
    /// Only the registry creates notices, and sends each only to the member concerned.
    pub fn lagged(&self) -> Option<u64> {
        self.0.lagged
    }

    /// The value set with [`Envelope::with_attachment`].
    #[doc(hidden)]
    pub fn attachment(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.attachment.as_ref()
    }

    /// The encoding in `slot`, made by the first receiver that asks and shared with all others on
    /// every thread.
    ///
    /// Receivers must agree on the encoding that each slot, 0 to 11, holds. For any other slot,
    /// each call encodes again. `encode` must not ask for the same slot, and the encoding must not
    /// depend on the sender: an encoding made before the envelope is sent stays with it.
    pub fn encoded<E: Into<Bytes>>(
        &self,
        slot: usize,
        encode: impl FnOnce(&Envelope) -> E,
    ) -> Bytes {
        match (self.0.encodings.get(slot), &self.0.origin) {
            (Some(encoding), None) => encoding.get_or_init(|| encode(self).into()).clone(),
            (Some(encoding), Some(origin)) => {
                encoding.get_or_init(|| Bytes::from_owner(origin.encoded(slot, encode))).clone()
            }
            (None, _) => encode(self).into(),
        }
    }

    /// Copies the envelope for the receivers of one thread. They share reference counts only with
    /// each other, for the envelope and for its encodings, so no two threads write to the same
    /// memory.
    pub(super) fn for_thread(&self) -> Envelope {
        let mut parts = (*self.0).clone();
        parts.encodings = Default::default();
        parts.origin = Some(self.clone());
        Envelope(Arc::new(parts))
    }
}

fn nobody() -> Arc<Sender> {
    static NOBODY: OnceLock<Arc<Sender>> = OnceLock::new();
    Arc::clone(NOBODY.get_or_init(|| Arc::new(Sender::local("".into(), None))))
}
