//! A message as a member gets it. Owns the fields, the notice of a gap, and encodings that
//! receivers share; leaves delivery to the registry and the shape of frames to the receivers.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use actix::{Message, Recipient};
use bytes::Bytes;

use super::{Channel, NodeId, Payload};

/// How many encodings of one envelope can be shared.
const SLOTS: usize = 12;

/// What a member of a channel receives, cheap to clone: one allocation shared by all receivers.
#[derive(Clone, Debug)]
pub struct Envelope(Arc<Parts>);

impl Message for Envelope {
    type Result = ();
}

/// Who sent an envelope.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The name of the node that it was sent on; empty before the envelope is sent.
    pub node: Arc<str>,
    /// The actor that sent it, where the handle named one
    /// ([`PubSub::sent_by`](super::PubSub::sent_by)) and it is of this node.
    pub member: Option<Recipient<Envelope>>,
    // Nodes may have the same name.
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

    /// The kind of cluster, such as `"erlang"`, whose node sent it, where that is not one of these
    /// process groups. No broadcaster of the process groups can set it.
    pub fn origin(&self) -> Option<&'static str> {
        self.origin
    }

    /// Whether another node sent it, whatever that node calls itself.
    pub fn is_remote(&self) -> bool {
        self.remote
    }

    /// Whether `member` is the actor that sent it.
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
    // Private, and set in `notice` alone: no topic or payload that a broadcaster chooses looks like
    // a notice.
    lagged: Option<u64>,
    attachment: Option<Arc<dyn Any + Send + Sync>>,
    encodings: [OnceLock<Bytes>; SLOTS],
    // The envelope whose encodings this one shares, if it is a thread's own.
    origin: Option<Envelope>,
}

impl Envelope {
    /// An envelope without a position, from nobody: who publishes it becomes its sender.
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

    /// The same envelope at this position of a log.
    pub fn with_position(self, position: i64) -> Envelope {
        self.changed(|parts| parts.position = Some(position))
    }

    /// The same envelope with a value that this node's members share. It never goes to other nodes.
    #[doc(hidden)]
    pub fn with_attachment(self, attachment: Arc<dyn Any + Send + Sync>) -> Envelope {
        self.changed(|parts| parts.attachment = Some(attachment))
    }

    /// The same envelope, sent by this sender.
    pub(super) fn sent_by(self, sender: &Arc<Sender>) -> Envelope {
        let mut shared = self.0;
        let parts = Arc::make_mut(&mut shared);
        parts.origin = None;
        if parts.sender.origin != sender.origin {
            // They may name the origin.
            parts.encodings = Default::default();
        }
        parts.sender = Arc::clone(sender);
        // One that went through `publish` before may be a notice that a member passes on: it is
        // news to nobody else.
        parts.lagged = None;
        Envelope(shared)
    }

    /// What a member that missed messages is told instead of them.
    pub(super) fn notice(channel: &Channel, missed: u64) -> Envelope {
        Envelope::new(channel, "lagged", Payload::null())
            .changed(|parts| parts.lagged = Some(missed))
    }

    fn changed(self, change: impl FnOnce(&mut Parts)) -> Envelope {
        // No copy is made for an envelope that nobody else has yet, which is the usual case.
        let mut shared = self.0;
        let parts = Arc::make_mut(&mut shared);
        parts.encodings = Default::default();
        parts.origin = None;
        change(parts);
        Envelope(shared)
    }

    /// The channel that it was sent to; of a notice, the channel of the first message missed.
    pub fn channel(&self) -> &Channel {
        &self.0.channel
    }

    /// Who sent it; of a notice, nobody.
    pub fn sender(&self) -> &Sender {
        &self.0.sender
    }

    /// Its label.
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// What it says; of a notice, `null`.
    pub fn payload(&self) -> &Payload {
        &self.0.payload
    }

    /// Its position in a log, where it has one.
    pub fn position(&self) -> Option<i64> {
        self.0.position
    }

    /// `Some(n)` for the notice that this member missed `n` messages, over all of its channels,
    /// since the last one before it.
    ///
    /// Only the registry makes such envelopes, and only for the member concerned.
    pub fn lagged(&self) -> Option<u64> {
        self.0.lagged
    }

    /// The value of [`Envelope::with_attachment`].
    #[doc(hidden)]
    pub fn attachment(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.attachment.as_ref()
    }

    /// The encoding in `slot`, made by the first receiver that asks and shared with all others, on
    /// every thread.
    ///
    /// Receivers agree on which slot, 0 to 11, holds which shape; for any other slot it is made
    /// anew each time. `encode` must not ask for the same slot itself, and the encoding must not
    /// depend on the sender: one that is made before the envelope is sent stays with it.
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

    /// The same envelope for the receivers of one thread: they count their clones of it and of its
    /// encodings among themselves, so that no two threads write to the same memory.
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
