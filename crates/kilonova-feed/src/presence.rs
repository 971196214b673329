//! Presence of sessions on a channel: a session's metadata, the versions of a message that it gets,
//! and the texts that its client sends. Owns the options and the messages; leaves membership to the
//! process groups and sending to the sessions.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use kilonova_pubsub::{Channel, Envelope, JoinError, Meta, Payload};

/// The longest client text that a listener gets, in bytes ([`Presence::on_text`]).
pub const TEXT_MAX: usize = 128;

/// A session's presence on a channel of the process groups, outside any log: for a list of readers,
/// a whiteboard or a game.
///
/// The session is a member of the channel with its metadata, which
/// [`PubSub::get_members`](kilonova_pubsub::PubSub::get_members) and
/// [`PubSub::monitor`](kilonova_pubsub::PubSub::monitor) show on every node. It leaves the channel
/// when its socket closes. On this channel, its client gets only the messages that
/// [`Feed::tell`](crate::Feed::tell) sends on this node: other members of the groups cannot send to
/// clients.
#[derive(Clone, Debug)]
pub struct Presence {
    pub(crate) channel: Channel,
    pub(crate) meta: Meta,
    pub(crate) view: u8,
    pub(crate) listener: Option<Listener>,
}

impl Presence {
    /// Presence on `channel` with this metadata and view 0. Fails if the metadata has more than
    /// [`META_MAX`](kilonova_pubsub::META_MAX) bytes.
    pub fn new(channel: impl Into<Channel>, meta: Payload) -> Result<Presence, JoinError> {
        let meta = Meta::new(meta)?;
        Ok(Presence { channel: channel.into(), meta, view: 0, listener: None })
    }

    /// Sets the view: a number whose meaning the application defines. Sessions with the same view
    /// get the same messages.
    #[must_use]
    pub fn view(self, view: u8) -> Presence {
        Presence { view, ..self }
    }

    /// Calls `listener` with each text that the client sends, except `ping` and texts of more than
    /// [`TEXT_MAX`] bytes. Without a listener, all texts are ignored. Clients of event streams send
    /// no texts.
    ///
    /// Do not trust the text. The listener runs on a thread that serves sockets, up to
    /// [`Limits::client_frames`](crate::Limits) times a second, so it must not block. It is dropped
    /// with the session.
    #[must_use]
    pub fn on_text(self, listener: impl Fn(&str) + Send + Sync + 'static) -> Presence {
        Presence { listener: Some(Listener(Arc::new(Box::new(listener)))), ..self }
    }
}

/// Gets the texts of one client. It is a single pointer, because every socket has room for one.
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
    /// The feed that sends it; other feeds have other shapes.
    feed: u64,
    /// The views that get it.
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
