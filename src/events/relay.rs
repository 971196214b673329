//! The relay: the actor that forwards committed events to the process groups, strictly by
//! position.
//!
//! The writer announces what it has committed; what is late, was dropped, or was committed by
//! another process is read from the log. Owns that order and nothing else: who hears an event is
//! the registry's.

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::order::Order;
use super::outage::Outage;
use super::pace::Pace;
use super::recent::Recent;
use super::replay::envelope;
use crate::db::{self, Db};
use crate::events;
use crate::models::event::{self, Event, Subject};
use crate::pubsub::supervise;
use crate::pubsub::{Envelope, Payload, PubSub};

/// How often the log is looked at for events that nobody announced, as another process's are.
const POLL: Duration = Duration::from_millis(100);

/// How long a missing position is waited for before it is read from the log.
const LATE: Duration = Duration::from_millis(50);

/// Events that may wait for an earlier one; the log has those beyond.
const WAITING: usize = 1024;

/// Announcements that may wait in the relay's mailbox; the log has those beyond.
const MAILBOX: usize = 1024;

/// Bytes of their payloads likewise.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Events that go out together at the most.
pub const TOGETHER: usize = 32;

/// Bytes of their payloads, after which no further one goes with them.
const TOGETHER_BYTES: usize = 256 * 1024;

/// Events read from the log at a time.
const PAGE: usize = 200;

/// What a transaction has committed, in order.
#[derive(Message)]
#[rtype(result = "()")]
struct Committed(Vec<Event>);

/// Tells the relay what was committed, whichever relay runs at the time; cheap to clone.
#[derive(Clone, Default)]
pub struct Announcer {
    told: Arc<Mutex<Option<Listeners>>>,
}

/// Who is told.
struct Listeners {
    /// The memory of the newest events, before anyone is answered.
    recent: Recent,
    /// This node's relay.
    relay: Addr<Relay>,
    /// The relays of the other nodes, as members of `events::LOG`.
    pubsub: PubSub,
    log: Arc<str>,
}

/// What other nodes' relays are told: they read the log as far as this. It is a hint, and nothing is
/// lost with it.
#[derive(Serialize, Deserialize)]
struct Announcement {
    /// The log's id: nodes with databases of their own have nothing to tell each other.
    log: String,
    position: i64,
}

impl Announcer {
    /// Tells of committed events, in commit order. Never blocks: a relay that is too busy to be
    /// told, or not there, finds them in the log.
    pub fn announce(&self, events: Vec<Event>) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Listeners { recent, relay, pubsub, log }) = told.as_ref() else { return };
        let position = events.last().map_or(0, |event| event.id);
        recent.committed(&events);
        if relay.try_send(Committed(events)).is_err() {
            log::debug!("the relay was not told: it will read the log");
        }
        let announced = Payload::encode(&Announcement { log: log.to_string(), position })
            .map(|payload| pubsub.try_broadcast(events::LOG, "committed", payload));
        if !matches!(announced, Ok(Ok(()))) {
            log::debug!("other nodes were not told: they will read the log");
        }
    }

    /// Runs relays on the current arbiter, one after the other should one end, until `shutdown`.
    /// Each goes on after what `recent` says has gone out.
    pub async fn keep(self, parts: Parts, shutdown: watch::Receiver<bool>) {
        supervise::keep("the relay", shutdown, || {
            let mut ctx = Context::new();
            ctx.set_mailbox_capacity(MAILBOX);
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Listeners {
                recent: parts.recent.clone(),
                relay: ctx.address(),
                pubsub: parts.pubsub.clone(),
                log: parts.db.log_id().into(),
            });
            Ok::<_, Infallible>((Relay::new(parts.clone()), ctx))
        })
        .await;
    }
}

/// What a relay works with.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub db: Db,
    /// The process groups.
    pub pubsub: PubSub,
    /// The newest events, and how far they have gone out.
    pub recent: Recent,
    /// When a batch has been written.
    pub pace: Pace,
    /// Between words of how far the log has come.
    pub tick: Duration,
    /// Told when the log is no longer the one that it was: its id is another one, or it has lost events that went out.
    pub replaced: Arc<Notify>,
}

/// What an event is about, and whether it may have redacted others.
type Told = (Option<Subject>, bool);

/// The relay actor. One per node.
struct Relay {
    db: Db,
    pubsub: PubSub,
    recent: Recent,
    /// Between words of how far the log has come.
    tick: Duration,
    order: Order<Event>,
    pace: Pace,
    /// A batch is on its way.
    publishing: bool,
    /// It is time to say how far the log has come.
    confirming: bool,
    reading: bool,
    /// The log goes, or may go, further than the last page that was read.
    more: bool,
    /// Another node has committed something since the read that is under way began.
    again: bool,
    /// Said once, not ten times a second.
    outage: Outage,
    /// Told when the log is another one than before.
    replaced: Arc<Notify>,
    gap_timer: Option<SpawnHandle>,
}

impl Relay {
    fn new(Parts { db, pubsub, recent, pace, tick, replaced }: Parts) -> Relay {
        Relay {
            order: Order::after(recent.sent(), WAITING, WAITING_BYTES),
            db,
            pubsub,
            recent,
            tick,
            pace,
            publishing: false,
            confirming: false,
            reading: false,
            more: false,
            again: false,
            outage: Outage::default(),
            replaced,
            gap_timer: None,
        }
    }

    /// Forwards what is in order, unless something is on its way: then that comes first, and what
    /// has come meanwhile follows together.
    fn forward(&mut self, ctx: &mut Context<Self>) {
        if self.publishing {
            return;
        }
        let (mut ready, mut bytes) = (Vec::new(), 0);
        while ready.len() < TOGETHER
            && bytes < TOGETHER_BYTES
            && let Some((_, event)) = self.order.pop()
        {
            bytes += event.payload.len();
            let told = (event.subject(), event.may_redact());
            ready.push((envelope(event), Some(told)));
        }
        if std::mem::take(&mut self.confirming) {
            let confirmed = Envelope::new(events::POSITION, "position", Payload::null())
                .with_position(self.order.last());
            ready.push((confirmed, None));
        }
        self.publish(ready, ctx);
        if self.order.has_gap() {
            if self.gap_timer.is_none() {
                self.gap_timer = Some(ctx.run_later(LATE, |relay, ctx| {
                    relay.gap_timer = None;
                    if relay.order.has_gap() {
                        relay.read(ctx);
                    }
                }));
            }
        } else if let Some(timer) = self.gap_timer.take() {
            ctx.cancel_future(timer);
        }
    }

    /// Hands envelopes to the registry, and lets all who write them have their turn. Those of the
    /// log come with what they are about and whether they may have redacted others.
    fn publish(&mut self, envelopes: Vec<(Envelope, Option<Told>)>, ctx: &mut Context<Self>) {
        let Some(last) = envelopes.last().map(|(envelope, _)| envelope.position()) else { return };
        let (pubsub, recent, pace) = (self.pubsub.clone(), self.recent.clone(), self.pace.clone());
        let publish = async move {
            let begun = Instant::now();
            let mut together = Vec::with_capacity(envelopes.len());
            for (envelope, told) in envelopes {
                if let Some((subject, may_redact)) = told {
                    recent.push(&envelope, subject, may_redact);
                }
                together.push(envelope);
            }
            if pubsub.publish_all(together).await.is_err() {
                log::debug!("the registry has stopped: events stay in the log");
                return;
            }
            recent.mark_sent(last);
            pace.settle(begun).await;
        };
        self.publishing = true;
        ctx.spawn(publish.into_actor(self).map(|(), relay, ctx| {
            relay.publishing = false;
            relay.go_on(ctx);
        }));
    }

    fn take(&mut self, event: Event) {
        self.order.offer(event.id, event.payload.len(), event);
    }

    /// Forwards what there is, and reads on when that was all.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.forward(ctx);
        if self.more && !self.publishing {
            self.read(ctx);
        }
    }

    /// Tells those who resume that nothing up to here is still to come, so that a quiet channel
    /// does not leave them behind. It goes the way of the events, so that it cannot overtake one.
    fn confirm(&mut self, ctx: &mut Context<Self>) {
        self.confirming = true;
        self.forward(ctx);
    }

    /// Tells this node's members, and no others, whether it reaches the database: until it does they hear
    /// nothing of what other nodes commit.
    fn tell_reachable(&self, reachable: bool, ctx: &mut Context<Self>) {
        let pubsub = self.pubsub.clone();
        let told = json!({ "reachable": reachable, "node": pubsub.node() });
        let tell = async move {
            let told = Payload::encode(&told).ok()?;
            pubsub.local_broadcast(events::SYSTEM, "database", told).await.ok()
        };
        ctx.spawn(tell.into_actor(self).map(|told, _, _| {
            if told.is_none() {
                log::debug!("the registry has stopped: nobody is left to be told");
            }
        }));
    }

    /// Reads a page of the log behind what has come out, when there is one.
    fn read(&mut self, ctx: &mut Context<Self>) {
        if self.reading {
            return;
        }
        self.reading = true;
        self.again = false;
        let (last, sent) = (self.order.last(), self.recent.sent());
        let db = self.db.clone();
        let page = async move {
            let own = db.log_id().to_owned();
            db.read(move |connection| {
                let log = event::log(connection)?;
                if log.id != own || log.position < sent {
                    return Ok::<_, db::Error>(None);
                }
                if log.position <= last {
                    return Ok(Some((Vec::new(), true)));
                }
                let slice = event::slice(connection, last, None, PAGE)?;
                Ok(Some((slice.events, slice.end)))
            })
            .await
        };
        ctx.spawn(page.into_actor(self).map(|page, relay, ctx| {
            relay.reading = false;
            match page {
                Ok(None) => relay.replaced.notify_one(),
                Ok(Some((page, end))) => {
                    if relay.outage.lasts() {
                        log::info!("the relay reads the log again");
                    }
                    if relay.outage.worked() {
                        relay.tell_reachable(true, ctx);
                    }
                    for event in page {
                        relay.take(event);
                    }
                    relay.more = !end || relay.again;
                    relay.go_on(ctx);
                }
                Err(error) => {
                    if !relay.outage.lasts() {
                        log::error!("the relay cannot read the log: {error}");
                    }
                    if relay.outage.failed(Instant::now()) {
                        relay.tell_reachable(false, ctx);
                    }
                }
            }
        }));
    }
}

impl Actor for Relay {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (pubsub, address) = (self.pubsub.clone(), ctx.address());
        let join = async move { pubsub.join(events::LOG, address).await };
        ctx.spawn(join.into_actor(self).map(|joined, _, _| {
            if let Err(error) = joined {
                log::warn!("what other nodes commit will be found a little later: {error}");
            }
        }));
        ctx.run_interval(POLL, |relay, ctx| {
            // What is on its way is followed by a look at what there is more.
            if !relay.publishing {
                relay.read(ctx);
            }
        });
        ctx.run_interval(self.tick, |relay, ctx| relay.confirm(ctx));
    }
}

/// Another node has committed something.
impl Handler<Envelope> for Relay {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Self::Context) {
        if !envelope.sender().is_remote() {
            return;
        }
        let told = envelope.payload().decode::<Announcement>();
        if told.is_ok_and(|told| told.log == self.db.log_id() && told.position > self.order.last())
        {
            self.again = true;
            self.more = true;
            self.go_on(ctx);
        }
    }
}

impl Handler<Committed> for Relay {
    type Result = ();

    fn handle(&mut self, Committed(events): Committed, ctx: &mut Self::Context) {
        for event in events {
            self.take(event);
        }
        self.forward(ctx);
    }
}
