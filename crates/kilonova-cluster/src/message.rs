//! The messages between nodes: their JSON and its bounds. A message is a list of items. A node
//! skips an item that it does not understand, such as one from a newer version.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use kilonova_pubsub::{Envelope, Joins, Local, Meta, Payload, Step};

/// The maximum size of a message, in bytes.
pub const LARGEST: usize = 1024 * 1024;

/// The size at which a message counts as full, in bytes.
const FULL: usize = 64 * 1024;

/// One part of a message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Item {
    /// The version up to which the sender has sent its members.
    Version(u64),
    /// A request for all of the receiver's members.
    Ask,
    /// A part of the sender's members.
    Members(Part),
    /// Changes to the sender's members, each one version.
    Steps(Steps),
    /// A broadcast to all members of the channel on the receiver.
    Broadcast(Broadcast),
}

/// A part of a node's members.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// The version of all parts together.
    pub(super) version: u64,
    /// The number of this part, from 0.
    pub(super) part: u32,
    /// Whether this is the last part.
    pub(super) last: bool,
    /// The channel, the member's number, and how often it joined.
    pub(super) joins: Vec<(String, u64, u32)>,
    /// The metadata of members that have some.
    #[serde(default, skip_serializing_if = "Metas::is_empty")]
    pub(super) meta: Metas,
}

/// Consecutive changes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Steps {
    /// The version before the changes.
    pub(super) after: u64,
    /// The channel, the member's number, and true for a join.
    pub(super) steps: Vec<(String, u64, bool)>,
    /// The metadata of joining members that have some.
    #[serde(default, skip_serializing_if = "Metas::is_empty")]
    pub(super) meta: Metas,
}

/// The metadata for a list of members: indexes into the list, in ascending order, with JSON. It is
/// a separate list, so that a version without metadata can still read the members.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Metas(Vec<(u32, Payload)>);

impl Metas {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the metadata of member `index` of the list. Returns the bytes that it adds to a
    /// message.
    pub(super) fn push(&mut self, index: usize, meta: Option<&Meta>) -> usize {
        let (Some(meta), Ok(index)) = (meta, u32::try_from(index)) else { return 0 };
        self.0.push((index, meta.payload().clone()));
        meta.len() + 16
    }

    /// Combines the list with its metadata. Skips metadata that is too long, out of order or
    /// without a member.
    pub(super) fn beside<T>(self, list: Vec<T>) -> impl Iterator<Item = (T, Option<Meta>)> {
        let mut metas = self.0.into_iter().peekable();
        list.into_iter().zip(0_u32..).map(move |(member, index)| {
            let mut meta = None;
            while let Some((of, payload)) = metas.next_if(|(of, _)| *of <= index) {
                if of == index {
                    meta = Meta::new(payload).ok();
                }
            }
            (member, meta)
        })
    }
}

/// A broadcast.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Broadcast {
    channel: String,
    topic: String,
    payload: Box<serde_json::value::RawValue>,
}

impl Broadcast {
    pub(super) fn envelope(self) -> Envelope {
        Envelope::new(self.channel, self.topic, Payload::from(self.payload))
    }
}

/// Decodes the items of a message that this version understands. `None` if it is not a message.
pub(super) fn decode(message: &[u8]) -> Option<Vec<Item>> {
    if message.len() > LARGEST {
        return None;
    }
    let items: Vec<&serde_json::value::RawValue> = serde_json::from_slice(message).ok()?;
    Some(items.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect())
}

/// Packs items into as few messages as their size allows.
#[derive(Default)]
pub(super) struct Writer {
    full: Vec<Bytes>,
    open: Vec<u8>,
}

impl Writer {
    /// Adds an item. Returns false, without adding it, if it is too large for a message.
    pub(super) fn push(&mut self, item: &Item) -> bool {
        let Ok(json) = serde_json::to_vec(item) else { return false };
        // 2 for the brackets, or for a comma and a bracket.
        if json.len() + 2 > LARGEST {
            return false;
        }
        if !self.open.is_empty() && self.open.len() + json.len() + 2 > FULL {
            self.close();
        }
        self.open.push(if self.open.is_empty() { b'[' } else { b',' });
        self.open.extend_from_slice(&json);
        true
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.open.push(b']');
            self.full.push(std::mem::take(&mut self.open).into());
        }
    }

    /// The messages, with the items in the order they were added.
    pub(super) fn finish(mut self) -> Vec<Bytes> {
        self.close();
        self.full
    }
}

/// The messages for events on this node, in order. `version` is the last version sent, and is
/// updated.
pub(super) fn tell(happened: Vec<Local>, version: &mut u64) -> Vec<Bytes> {
    let mut writer = Writer::default();
    let mut steps: Option<Steps> = None;
    let mut size = 0;
    for local in happened {
        match local {
            Local::Changed(changed, Step { channel, member, joined, meta }) => {
                let goes_on = changed == *version + 1 && size < FULL / 2;
                if !goes_on && let Some(steps) = steps.take() {
                    writer.push(&Item::Steps(steps));
                }
                *version = changed;
                let told = steps.get_or_insert_with(|| {
                    size = 0;
                    Steps { after: changed - 1, steps: Vec::new(), meta: Metas::default() }
                });
                size += channel.as_str().len() + 32;
                size += told.meta.push(told.steps.len(), meta.as_ref());
                told.steps.push((channel.as_str().to_owned(), member, joined));
            }
            Local::Broadcast(envelope) => {
                if let Some(steps) = steps.take() {
                    writer.push(&Item::Steps(steps));
                }
                let told = writer.push(&Item::Broadcast(Broadcast {
                    channel: envelope.channel().as_str().to_owned(),
                    topic: envelope.topic().to_owned(),
                    payload: serde_json::value::to_raw_value(envelope.payload())
                        .unwrap_or_default(),
                }));
                if !told {
                    log::error!(
                        "a broadcast on {} was not sent to other nodes: it is larger than 1 MiB",
                        envelope.channel()
                    );
                }
            }
        }
    }
    if let Some(steps) = steps {
        writer.push(&Item::Steps(steps));
    }
    writer.finish()
}

/// The messages with all members, each created on demand.
pub(super) fn tell_all(version: u64, joins: Vec<Joins>) -> impl Iterator<Item = Bytes> {
    let mut joins = joins.into_iter().peekable();
    let mut parts = Some(0..);
    std::iter::from_fn(move || {
        let part = parts.as_mut()?.next()?;
        let (mut some, mut metas, mut size) = (Vec::new(), Metas::default(), 0);
        while size < FULL / 2
            && let Some(Joins { channel, member, times, meta }) = joins.next()
        {
            size += channel.as_str().len() + 32 + metas.push(some.len(), meta.as_ref());
            some.push((channel.as_str().to_owned(), member, times));
        }
        let last = joins.peek().is_none();
        if last {
            parts = None;
        }
        Some(single(&Item::Members(Part { version, part, last, joins: some, meta: metas })))
    })
}

/// A message with a single item. If the item is too large, the result is empty, which is not a
/// valid message.
pub(super) fn single(item: &Item) -> Bytes {
    let mut writer = Writer::default();
    writer.push(item);
    writer.finish().pop().unwrap_or_default()
}

#[cfg(test)]
mod tests;
