//! Who reads a post, and who is typing a comment on it, on all nodes.
//!
//! Each socket that asks for it is a member of the post's channel in the process groups. While this
//! node has such a socket, one task watches the channel and tells the node's own sockets what has
//! changed, at most once a second: a crowd costs each node one frame for each reader and second, and
//! a post that nobody reads costs nothing. Owns that task and who is told what; leaves counting to
//! `room`.

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

/// The time between two frames about a post.
const PERIOD: Duration = Duration::from_secs(1);

/// How long somebody is said to be typing after the last word of it.
const TYPES_FOR: Duration = Duration::from_secs(5);

/// What a session sees is a sum of these: names, as those who are signed in do.
const NAMES: u8 = 1;
/// The presence of a draft.
const DRAFTS: u8 = 2;

/// The posts that this node's sockets are present at. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Inner>);

struct Inner {
    feed: Feed,
    db: Db,
    core: ArbiterHandle,
    attended: Mutex<HashMap<i64, Weak<Attendance>>>,
}

/// The task of a post, which ends with this. Each session at the post holds it.
struct Attendance {
    post: i64,
    presence: Weak<Inner>,
    _stop: oneshot::Sender<()>,
}

/// A reader, as the members of the channel know it.
#[derive(Deserialize, Serialize)]
struct Reader {
    /// Distinguishes sockets on all nodes.
    key: u64,
    /// The name of the account, if it shows it.
    name: Option<String>,
}

/// What a page says while its reader types.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Typing")]
pub(crate) struct Said {
    /// Whether the reader is typing.
    typing: bool,
}

impl Presence {
    /// Nobody is present yet. The tasks run on `core`.
    pub fn new(feed: Feed, db: Db, core: ArbiterHandle) -> Presence {
        Presence(Arc::new(Inner { feed, db, core, attended: Mutex::default() }))
    }

    /// The part of a session in the presence of a post that `viewer` sees: under a name, or as a
    /// guest. Names are for those who are signed in.
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
                    log::debug!("nobody is told that a reader types: {error}");
                }
            }
        };
        let presence = kilonova_feed::Presence::new(events::presence(id), meta)?;
        Ok(presence.view(view).on_text(listener))
    }
}

impl Inner {
    /// The post's task, started if it does not run.
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
                        log::debug!("the readers of post {post} are told nothing more: {error}");
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
        // Another session may have come in between.
        if attended.get(&self.post).is_some_and(|known| known.strong_count() == 0) {
            attended.remove(&self.post);
        }
    }
}

/// The channel of the news that somebody types, which the nodes' tasks hear.
fn typing(post: i64) -> String {
    format!("typing_{post}")
}

/// The JSON of what is always JSON.
fn encode(value: &impl Serialize) -> Payload {
    Payload::encode(value).unwrap_or_else(|_| Payload::null())
}

fn reader(member: &Member) -> Option<Reader> {
    serde_json::from_str(member.meta()?.as_json()).ok()
}

/// Tells this node's readers of a post who else reads it, until it is dropped.
async fn watch(feed: &Feed, db: &Db, post: i64) -> Result<(), pubsub::Error> {
    let pubsub = feed.pubsub();
    let mut typists = None;
    let mut told = Told::default();
    loop {
        if typists.is_none() {
            typists = pubsub.subscribe([typing(post)]).await.ok();
        }
        if typists.is_none() {
            log::debug!("there are too many channels to hear who types at post {post}");
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
                        // A new reader of this node knows nothing yet.
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
        // More has changed than could be followed: looks again.
        sleep(PERIOD).await;
    }
}

fn enter(room: &mut Room, member: &Member) {
    if let Some(Reader { key, name }) = reader(member) {
        room.enter(key, name.map(Into::into));
    }
}

/// The next reader that types; never without a subscription.
async fn next_key(typing: &mut Option<Subscription>) -> u64 {
    while let Some(subscription) = typing {
        let Some(envelope) = subscription.next().await else { break };
        if let Ok(key) = serde_json::from_str(envelope.payload().as_json()) {
            return key;
        }
    }
    std::future::pending().await
}

/// What this node's readers of a post have been told.
#[derive(Default)]
struct Told {
    at: Option<Instant>,
    last: Option<[Payload; 2]>,
    /// Something may have changed since.
    is_due: bool,
    /// Somebody has come who was told nothing.
    is_owed: bool,
}

impl Told {
    /// When there may be something to tell.
    fn next(&self, room: &Room) -> Option<Instant> {
        let earliest = self.at.map_or_else(Instant::now, |at| at + PERIOD);
        match self.is_due {
            true => Some(earliest),
            false => room.next_expiry().map(|expiry| expiry.max(earliest)),
        }
    }

    /// Tells readers what is new, those who see the post. The row is asked each time: a post that has
    /// become a draft has no readers any more but those who see drafts.
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
                log::debug!("the readers of post {id} are told later: {error}");
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
