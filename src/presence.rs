//! Tracks who reads a post and who is typing a comment on it, across all nodes.
//!
//! Each socket that requests presence is a member of the post's channel in the process groups.
//! While this node has such a socket, one task monitors the channel and sends changes to the node's
//! sockets, at most once a second. A crowd therefore costs each node one frame per reader and
//! second, and a post without readers costs nothing. This module owns that task and decides who
//! receives what; `room` counts.

mod room;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant as Moment};

use actix::ArbiterHandle;
use diesel::OptionalExtension as _;
use kilonova_feed::limits::Rate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use self::room::Room;
pub(crate) use self::room::Summary;
use crate::access::{self, PostFacts, Status, Viewer};
use crate::db::{self, Db};
use crate::events;
use crate::events::words::READERS;
use crate::models::post;
use crate::pubsub::{self, Change, JoinError, Member, Payload, Subscription};
use crate::site_log::Feed;

/// The minimum interval between two frames about a post.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a reader is shown as typing after the last message that says so.
const TYPES_FOR: Duration = Duration::from_secs(5);

/// A view is a sum of these flags. This one shows names, as signed-in readers see them.
const NAMES: u8 = 1;
/// Shows the presence at a draft.
const DRAFTS: u8 = 2;

/// The posts that this node's sockets are reading. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Inner>);

struct Inner {
    feed: Feed,
    db: Db,
    core: ArbiterHandle,
    attended: Mutex<HashMap<i64, Weak<Attendance>>>,
}

/// A handle on the task of a post, which ends when it is dropped. Each session on the post holds
/// it.
struct Attendance {
    post: i64,
    presence: Weak<Inner>,
    _stop: oneshot::Sender<()>,
}

/// A reader, as described to the members of the channel.
#[derive(Deserialize, Serialize)]
struct Reader {
    /// Distinguishes sockets on all nodes.
    key: u64,
    /// The name of the account, if it is shown.
    name: Option<String>,
}

/// A message from a page whose reader starts or stops typing.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Typing")]
pub(crate) struct Said {
    /// Whether the reader is typing.
    typing: bool,
}

impl Presence {
    /// Starts with no readers. The tasks run on `core`.
    pub fn new(feed: Feed, db: Db, core: ArbiterHandle) -> Presence {
        Presence(Arc::new(Inner { feed, db, core, attended: Mutex::default() }))
    }

    /// Registers a session as a reader of a post that `viewer` sees, with a name or as a guest.
    /// Only signed-in readers see names.
    pub fn attend(
        &self,
        id: i64,
        post: PostFacts,
        viewer: Viewer,
        name: Option<String>,
        is_signed_in: bool,
    ) -> Result<kilonova_feed::Presence, JoinError> {
        let attendance = self.0.attendance(id);
        let key = rand::random();
        let meta = encode(&Reader { key, name });
        let sees_drafts = access::sees(viewer, PostFacts { status: Status::Draft, ..post });
        let view = u8::from(is_signed_in) * NAMES + u8::from(sees_drafts) * DRAFTS;
        let pubsub = self.0.feed.pubsub().clone();
        let rate = Rate::new(1, Moment::now());
        let listener = move |text: &str| {
            let is_typing = serde_json::from_str(text).is_ok_and(|Said { typing }| typing);
            if is_typing && rate.admits(Moment::now()) {
                let told = pubsub.try_broadcast(typing(attendance.post), "typing", encode(&key));
                if let Err(error) = told {
                    log::debug!("cannot announce that a reader is typing: {error}");
                }
            }
        };
        let presence = kilonova_feed::Presence::new(events::presence(id), meta)?;
        Ok(presence.view(view).on_text(listener))
    }
}

impl Inner {
    /// Returns the post's task, and starts it if it is not running.
    fn attendance(self: &Arc<Inner>, post: i64) -> Arc<Attendance> {
        let mut attended = self.attended();
        if let Some(known) = attended.get(&post).and_then(Weak::upgrade) {
            return known;
        }
        let (stop, stopped) = oneshot::channel();
        let new = Arc::new(Attendance { post, presence: Arc::downgrade(self), _stop: stop });
        attended.insert(post, Arc::downgrade(&new));
        drop(attended);
        let (feed, db) = (self.feed.clone(), self.db.clone());
        self.core.spawn(async move {
            tokio::select! {
                _ = stopped => {}
                ended = watch(&feed, &db, post) => {
                    if let Err(error) = ended {
                        log::debug!("presence at post {post} has stopped: {error}");
                    }
                }
            }
        });
        new
    }

    fn attended(&self) -> MutexGuard<'_, HashMap<i64, Weak<Attendance>>> {
        self.attended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let Some(presence) = self.presence.upgrade() else { return };
        let mut attended = presence.attended();
        // Another session may have started a new task in the meantime.
        if attended.get(&self.post).is_some_and(|known| known.strong_count() == 0) {
            attended.remove(&self.post);
        }
    }
}

/// The channel on which nodes announce that a reader is typing.
fn typing(post: i64) -> String {
    format!("typing_{post}")
}

/// Encodes a value that always has a JSON form.
fn encode(value: &impl Serialize) -> Payload {
    Payload::encode(value).unwrap_or_else(|_| Payload::null())
}

fn reader(member: &Member) -> Option<Reader> {
    serde_json::from_str(member.meta()?.as_json()).ok()
}

/// Sends this node's readers of a post the list of its readers, until the future is dropped.
async fn watch(feed: &Feed, db: &Db, post: i64) -> Result<(), pubsub::Error> {
    let pubsub = feed.pubsub();
    let mut typists = None;
    let mut told = Told::default();
    loop {
        if typists.is_none() {
            typists = pubsub.subscribe([typing(post)]).await.ok();
        }
        if typists.is_none() {
            log::debug!("too many channels; typing at post {post} is not shown");
        }
        let mut monitor = pubsub.monitor(events::presence(post)).await?;
        let mut room = Room::default();
        for member in monitor.members() {
            enter(&mut room, member);
        }
        (told.is_due, told.is_owed) = (true, true);
        loop {
            let due = told.next(&room);
            tokio::select! {
                change = monitor.next() => match change {
                    Some(Change::Joined(member)) => {
                        enter(&mut room, &member);
                        // A new reader on this node needs the current state.
                        told.is_owed |= member.recipient().is_some();
                        told.is_due = true;
                    }
                    Some(Change::Left(member)) => {
                        if let Some(Reader { key, .. }) = reader(&member) {
                            room.leave(key);
                        }
                        told.is_due = true;
                    }
                    Some(_) => {}
                    None => break,
                },
                key = next_key(&mut typists) => {
                    room.types(key, Instant::now() + TYPES_FOR);
                    told.is_due = true;
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    room.expire(Instant::now());
                    told.tell(feed, db, post, room.summaries()).await?;
                }
            }
        }
        // The monitor fell behind; start over.
        sleep(PERIOD).await;
    }
}

fn enter(room: &mut Room, member: &Member) {
    if let Some(Reader { key, name }) = reader(member) {
        room.enter(key, name.map(Into::into));
    }
}

/// Returns the next reader who is typing; waits forever without a subscription.
async fn next_key(typing: &mut Option<Subscription>) -> u64 {
    while let Some(subscription) = typing {
        let Some(envelope) = subscription.next().await else { break };
        if let Ok(key) = serde_json::from_str(envelope.payload().as_json()) {
            return key;
        }
    }
    std::future::pending().await
}

/// The state last sent to this node's readers of a post.
#[derive(Default)]
struct Told {
    at: Option<Instant>,
    last: Option<[Payload; 2]>,
    /// Whether the state may have changed since.
    is_due: bool,
    /// Whether a new reader has not received the state yet.
    is_owed: bool,
}

impl Told {
    /// Returns the next time at which there may be a change to send.
    fn next(&self, room: &Room) -> Option<Instant> {
        let earliest = self.at.map_or_else(Instant::now, |at| at + PERIOD);
        match self.is_due {
            true => Some(earliest),
            false => room.next_expiry().map(|expiry| expiry.max(earliest)),
        }
    }

    /// Sends changes to the readers who may see the post. It reads the row each time, because after
    /// a post becomes a draft, only viewers who see drafts are its readers.
    async fn tell(
        &mut self,
        feed: &Feed,
        db: &Db,
        id: i64,
        summaries: [Summary; 2],
    ) -> Result<(), pubsub::Error> {
        let [whole, reduced] = summaries.map(|summary| encode(&summary));
        let is_new = self.last.as_ref().is_none_or(|[before, _]| *before != whole);
        self.is_due = false;
        if !is_new && !self.is_owed {
            return Ok(());
        }
        self.at = Some(Instant::now());
        let facts = db.read(move |c| Ok::<_, db::Error>(post::facts(c, id).optional()?)).await;
        let views = match facts {
            Ok(Some(post)) if post.status.is_public() => {
                [vec![NAMES, NAMES + DRAFTS], vec![0, DRAFTS]]
            }
            Ok(Some(_)) => [vec![NAMES + DRAFTS], vec![DRAFTS]],
            Ok(None) => return Ok(()),
            Err(error) => {
                log::debug!("presence at post {id} is delayed: {error}");
                self.is_due = true;
                return Ok(());
            }
        };
        let [names, guests] = views;
        let versions = [(names, whole.clone()), (guests, reduced.clone())];
        if feed.tell(events::presence(id), READERS, versions).await.is_err() {
            return Err(pubsub::Error::Stopped);
        }
        self.is_owed = false;
        self.last = Some([whole, reduced]);
        Ok(())
    }
}
