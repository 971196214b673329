//! Sessions that are present on a channel: who each says it is, which versions of a message it gets,
//! and what its client says. Owns the options and the messages; leaves membership to the process
//! groups and sending to the sessions.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use kilonova_pubsub::{Channel, Envelope, JoinError, Meta, Payload};

/// The longest text of a client that a listener gets, in bytes ([`Presence::on_text`]).
pub const TEXT_MAX: usize = 128;

/// A session's part in a channel of the process groups, which is in no log: a list of readers, a
/// whiteboard, a game.
///
/// The session is a member of the channel under its metadata, which
/// [`PubSub::get_members`](kilonova_pubsub::PubSub::get_members) and
/// [`PubSub::monitor`](kilonova_pubsub::PubSub::monitor) show on every node, and which goes with its
/// socket. Its client gets what [`Feed::tell`](crate::Feed::tell) sends to the channel on this node,
/// and nothing else: no member of the groups can speak to clients there.
#[derive(Clone, Debug)]
pub struct Presence {
    pub(crate) channel: Channel,
    pub(crate) meta: Meta,
    pub(crate) view: u8,
    pub(crate) listener: Option<Listener>,
}

impl Presence {
    /// A member of `channel` with this metadata, of view 0; an error if the metadata has more than
    /// [`META_MAX`](kilonova_pubsub::META_MAX) bytes.
    pub fn new(channel: impl Into<Channel>, meta: Payload) -> Result<Presence, JoinError> {
        let meta = Meta::new(meta)?;
        Ok(Presence { channel: channel.into(), meta, view: 0, listener: None })
    }

    /// Sets the view: sessions of one view see the same. What a number means is the application's to
    /// say.
    #[must_use]
    pub fn view(self, view: u8) -> Presence {
        Presence { view, ..self }
    }

    /// Calls `listener` with each text that the client sends, if it has at most [`TEXT_MAX`] bytes and
    /// is not `ping`. Longer texts are ignored, as all texts are without a listener. An event stream's
    /// client says nothing.
    ///
    /// The text is a stranger's. The listener runs on a thread that serves sockets, up to
    /// [`Limits::client_frames`](crate::Limits) times a second, so it must not block. It is dropped
    /// with the session.
    #[must_use]
    pub fn on_text(self, listener: impl Fn(&str) + Send + Sync + 'static) -> Presence {
        Presence { listener: Some(Listener(Arc::new(Box::new(listener)))), ..self }
    }
}

/// Hears the texts of one client. One pointer, since each socket has room for one.
#[derive(Clone)]
pub(crate) struct Listener(Arc<Hear>);

type Hear = Box<dyn Fn(&str) + Send + Sync>;

impl Listener {
    pub(crate) fn hear(&self, text: &str) {
        (self.0)(text);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// The attachment of a message.
struct Told {
    /// The feed that sends it; others have other shapes.
    feed: u64,
    /// The views that it is for.
    views: Vec<u8>,
}

/// A message of a feed to the sessions with one of these views.
pub(crate) fn message(
    channel: Channel,
    topic: Arc<str>,
    payload: Payload,
    feed: u64,
    views: Vec<u8>,
) -> Envelope {
    let told: Arc<dyn Any + Send + Sync> = Arc::new(Told { feed, views });
    Envelope::new(channel, topic, payload).with_attachment(told)
}

/// True for a message of a feed.
pub(crate) fn is_told(envelope: &Envelope) -> bool {
    told(envelope).is_some()
}

/// True for a message of this feed to the sessions of this view.
pub(crate) fn is_for(envelope: &Envelope, feed: u64, view: u8) -> bool {
    told(envelope).is_some_and(|told| told.feed == feed && told.views.contains(&view))
}

fn told(envelope: &Envelope) -> Option<&Told> {
    envelope.attachment()?.downcast_ref()
}
