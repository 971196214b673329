//! The relay: the actor that forwards committed events to the process groups, strictly by
//! position.
//!
//! The application announces its commits; the relay reads events from the log that are late, were
//! dropped, or were committed by another process. Owns the order of events; leaves their recipients
//! to the registry.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as Moment};

use actix::prelude::*;
use kilonova_pubsub::{Channel, Envelope, Payload, PubSub};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::announcer::Announcement;
use crate::checked::{Checked, LogError};
use crate::frame::Shapes;
use crate::order::Order;
use crate::outage::Outage;
use crate::pace::Pace;
use crate::recent::Recent;
use crate::stats::Tally;
use crate::{Event, Log, Page, Sockets};

/// The interval of reads for unannounced events, such as those of another process.
const POLL: Duration = Duration::from_millis(100);

/// How long the relay waits for a missing position before it reads it from the log.
const LATE: Duration = Duration::from_millis(50);

/// The most events that wait for an earlier one; the relay reads the others from the log.
const WAITING: usize = 1024;

/// The most announcements in the relay's mailbox; the relay reads the others from the log.
pub(crate) const MAILBOX: usize = 1024;

/// The most bytes of payloads that wait for an earlier event.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// The most events in one batch.
pub(crate) const TOGETHER: usize = 32;

/// The bytes of payloads that complete a batch.
pub(crate) const TOGETHER_BYTES: usize = 256 * 1024;

/// The most events in one read of the log.
const PAGE: usize = 200;

/// An announcement of a commit by the application.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum Committed {
    /// These events were committed, and announced at this time. The permit holds the bytes that
    /// they take up in the mailbox.
    Events { events: Vec<Event>, at: Moment, room: OwnedSemaphorePermit },
    /// Every event up to this position was committed; the relay reads them from the log.
    Through(i64),
}

/// The parts that a relay is made of; a restarted relay gets the same.
pub(crate) struct Parts<L> {
    pub(crate) log: Checked<L>,
    pub(crate) pubsub: PubSub,
    /// The newest events, and the position that has gone out.
    pub(crate) recent: Recent,
    /// Waits until the sessions have written a batch.
    pub(crate) pace: Pace,
    pub(crate) shapes: Arc<Shapes>,
    pub(crate) channels: Channels,
    pub(crate) sockets: Sockets,
    pub(crate) tally: Arc<Tally>,
    /// The interval between two position frames.
    pub(crate) tick: Duration,
    /// The feed's number.
    pub(crate) feed: u64,
    pub(crate) status: Arc<watch::Sender<Status>>,
    /// The relay stops when this turns true or its sender is dropped.
    pub(crate) stops: watch::Receiver<bool>,
}

impl<L> Clone for Parts<L> {
    fn clone(&self) -> Parts<L> {
        Parts {
            log: self.log.clone(),
            pubsub: self.pubsub.clone(),
            recent: self.recent.clone(),
            pace: self.pace.clone(),
            shapes: Arc::clone(&self.shapes),
            channels: self.channels.clone(),
            sockets: self.sockets.clone(),
            tally: Arc::clone(&self.tally),
            tick: self.tick,
            feed: self.feed,
            status: Arc::clone(&self.status),
            stops: self.stops.clone(),
        }
    }
}

/// The feed's internal channels. Their names contain the log's id, so that feeds of several logs
/// can share a registry. All but the first contain the feed's number: two feeds of one log must not
/// mix up their positions.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    /// Announcements of commits, for the relays of other nodes.
    pub(crate) committed: Channel,
    /// The position that has gone out, once per tick: for sockets that resume.
    pub(crate) position: Channel,
    /// The same position after every batch: for subscriptions.
    pub(crate) sent: Channel,
}

impl Channels {
    pub(crate) fn of(log: &str, feed: u64) -> Channels {
        Channels {
            committed: format!("feed:{log}:committed").into(),
            position: format!("feed:{log}:{feed}:position").into(),
            sent: format!("feed:{log}:{feed}:sent").into(),
        }
    }
}

/// The status of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// Every event up to this position has gone out to the members.
    pub(crate) sent: i64,
    /// False once the log could not be read for a second.
    pub(crate) reachable: bool,
    /// The reason why the feed ended: the log was replaced or restored.
    pub(crate) ended: Option<Arc<str>>,
}

/// The state of the outgoing batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    Idle,
    /// A batch is on its way to the sessions; `confirm` if a position frame is due after it.
    Busy {
        confirm: bool,
    },
}

/// The state of the log after the events that the relay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Unknown until the next poll.
    Unknown,
    /// The log has, or may have, more events: the relay reads them after the outgoing batch.
    Behind,
    /// A read is running; `again` if more was committed since it began.
    Reading { again: bool },
    /// The log was replaced. The relay sends nothing more.
    Ended,
}

/// The relay actor: one per feed and node.
pub(crate) struct Relay<L> {
    parts: Parts<L>,
    /// Events, each with the time of its commit if it was announced.
    order: Order<(Event, Option<Moment>)>,
    outgoing: Outgoing,
    rest: Rest,
    outage: Outage,
    gap_timer: Option<SpawnHandle>,
}

impl<L: Log> Relay<L> {
    /// Starts after the last position that went out.
    pub(crate) fn new(parts: Parts<L>) -> Relay<L> {
        Relay {
            order: Order::after(parts.recent.sent(), WAITING, WAITING_BYTES),
            parts,
            outgoing: Outgoing::Idle,
            rest: Rest::Unknown,
            outage: Outage::default(),
            gap_timer: None,
        }
    }

    /// Forwards the events that are in order. While a batch is on its way, they wait and follow it
    /// together.
    fn forward(&mut self, ctx: &mut Context<Self>) {
        if self.outgoing == Outgoing::Idle && self.rest != Rest::Ended {
            self.publish(false, ctx);
        }
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

    /// Hands the next batch to the registry, followed by a position frame if `confirm`, and waits
    /// until the sessions have written it.
    fn publish(&mut self, confirm: bool, ctx: &mut Context<Self>) {
        let (mut events, mut times, mut bytes) = (Vec::new(), Vec::new(), 0);
        while events.len() < TOGETHER
            && bytes < TOGETHER_BYTES
            && let Some((_, (event, at))) = self.order.pop()
        {
            times.extend(at);
            bytes += event.size();
            events.push(event.sent_by(self.parts.feed));
        }
        self.count_waiting();
        if events.is_empty() && !confirm {
            return;
        }
        let last = self.order.last();
        // Position frames take the same path as events, so they cannot overtake them.
        let at = |channel: &Channel| {
            Envelope::new(channel.clone(), "position", Payload::null()).with_position(last)
        };
        let sent = at(&self.parts.channels.sent);
        let confirmed = confirm.then(|| at(&self.parts.channels.position));
        let Parts { pubsub, recent, pace, shapes, status, tally, .. } = self.parts.clone();
        let publish = async move {
            shapes.prepare(&events).await;
            let begun = Instant::now();
            // This must happen before the events go out: a subscriber that has just joined and
            // finds an event neither here nor in its mailbox would miss it.
            events.iter().for_each(|event| recent.push(event));
            let events = events.iter().map(|event| event.envelope().clone());
            if pubsub.publish_all(events.chain([sent]).chain(confirmed).collect()).await.is_err() {
                log::debug!("the registry has stopped; events stay in the log");
                return;
            }
            recent.mark_sent(last);
            tally.sent(last);
            times.iter().for_each(|at| tally.broadcasts.time(at.elapsed()));
            status.send_modify(|status| status.sent = status.sent.max(last));
            pace.settle(begun).await;
        };
        self.outgoing = Outgoing::Busy { confirm: false };
        ctx.spawn(publish.into_actor(self).map(|(), relay, ctx| {
            let due = relay.outgoing == Outgoing::Busy { confirm: true };
            relay.outgoing = Outgoing::Idle;
            if due {
                relay.publish(true, ctx);
            }
            relay.go_on(ctx);
        }));
    }

    /// Adds events to the order, with the time of their commit if it is known.
    fn take(&mut self, events: Vec<Event>, at: Option<Moment>) {
        for event in events {
            self.order.offer(event.position(), event.size(), (event, at));
        }
        self.count_waiting();
    }

    fn count_waiting(&self) {
        self.parts.tally.waiting_events.store(self.order.len(), Ordering::Relaxed);
    }

    /// Forwards the waiting events, then reads more from the log if it has more.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.forward(ctx);
        if self.rest == Rest::Behind && self.outgoing == Outgoing::Idle {
            self.read(ctx);
        }
    }

    /// Sends a position frame to subscribers that can resume, so that subscribers of a quiet
    /// channel do not fall behind the log.
    fn confirm(&mut self, ctx: &mut Context<Self>) {
        match &mut self.outgoing {
            Outgoing::Busy { confirm } => *confirm = true,
            Outgoing::Idle if self.rest == Rest::Ended => {}
            Outgoing::Idle => self.publish(true, ctx),
        }
    }

    /// Handles an announcement of a position: reads the log if the relay does not have it.
    fn is_behind(&mut self, position: i64, ctx: &mut Context<Self>) {
        if position <= self.order.last() {
            return;
        }
        self.parts.tally.reached(position);
        match &mut self.rest {
            Rest::Reading { again } => *again = true,
            Rest::Ended => return,
            rest => *rest = Rest::Behind,
        }
        self.go_on(ctx);
    }

    /// Reads the next page of the log, unless a read is running.
    fn read(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.rest, Rest::Reading { .. } | Rest::Ended) {
            return;
        }
        self.rest = Rest::Reading { again: false };
        let (last, sent) = (self.order.last(), self.parts.recent.sent());
        let log = self.parts.log.clone();
        let begun = Instant::now();
        let page = async move { log.all_after(last, sent, PAGE).await };
        ctx.spawn(page.into_actor(self).map(move |page, relay, ctx| {
            let again = relay.rest == Rest::Reading { again: true };
            relay.rest = if again { Rest::Behind } else { Rest::Unknown };
            match page {
                Ok(page) => relay.has_read(page, ctx),
                Err(error) => relay.cannot_read(&error, begun, ctx),
            }
        }));
    }

    fn has_read(&mut self, page: Page, ctx: &mut Context<Self>) {
        if self.outage.worked() {
            log::info!("the log can be read again");
            self.parts.status.send_modify(|status| status.reachable = true);
        }
        if page.through < page.state.position {
            self.rest = Rest::Behind;
        }
        self.parts.tally.reached(page.state.position);
        self.take(page.events, None);
        self.go_on(ctx);
    }

    /// Handles a failed read that began at `begun`.
    fn cannot_read(&mut self, error: &LogError<L::Error>, begun: Instant, ctx: &mut Context<Self>) {
        if error.is_final() {
            self.rest = Rest::Ended;
            log::error!("the feed has ended: {error}");
            let reason: Arc<str> = error.to_string().into();
            self.parts.status.send_modify(|status| status.ended = Some(reason));
            if let Some(timer) = self.gap_timer.take() {
                ctx.cancel_future(timer);
            }
            return;
        }
        if let LogError::Pruned { oldest } = error {
            log::error!("subscribers must load everything again: {error}");
            let last = oldest - 1;
            self.parts.recent.skip_to(last);
            self.parts.tally.sent(last);
            self.order = Order::after(last, WAITING, WAITING_BYTES);
            // This must happen before any event after the gap goes out.
            self.parts.sockets.break_all();
            self.parts.status.send_modify(|status| status.sent = status.sent.max(last));
            return self.read(ctx);
        }
        let failure = self.outage.failed(begun, Instant::now());
        if failure.begins {
            log::error!("new events are not sent until the log can be read: {error}");
        }
        if failure.lasts {
            let unreachable = |status: &mut Status| std::mem::take(&mut status.reachable);
            self.parts.status.send_if_modified(unreachable);
        }
    }
}

impl<L: Log> Actor for Relay<L> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (pubsub, address) = (self.parts.pubsub.clone(), ctx.address());
        let channel = self.parts.channels.committed.clone();
        let join = async move { pubsub.join(channel, address).await };
        ctx.spawn(join.into_actor(self).map(|joined, _, _| {
            if let Err(error) = joined {
                log::warn!("events of other nodes arrive up to {POLL:?} late: {error}");
            }
        }));
        let mut stops = self.parts.stops.clone();
        let stopping = async move { stops.wait_for(|stop| *stop).await.is_ok() };
        ctx.spawn(stopping.into_actor(self).map(|_, _, ctx| ctx.stop()));
        ctx.run_interval(POLL, |relay, ctx| match (relay.outgoing, relay.rest) {
            (Outgoing::Idle, _) => relay.read(ctx),
            // Reads the log after the outgoing batch. If the poll were skipped, unannounced events
            // would wait forever on a feed that has an outgoing batch at every poll.
            (Outgoing::Busy { .. }, Rest::Unknown) => relay.rest = Rest::Behind,
            _ => {}
        });
        ctx.run_interval(self.parts.tick, |relay, ctx| relay.confirm(ctx));
    }
}

/// An announcement of a commit by another node.
impl<L: Log> Handler<Envelope> for Relay<L> {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Self::Context) {
        if !envelope.sender().is_remote() {
            return;
        }
        if let Ok(told) = envelope.payload().decode::<Announcement>()
            && *told.log == **self.parts.log.id()
        {
            self.is_behind(told.position, ctx);
        }
    }
}

impl<L: Log> Handler<Committed> for Relay<L> {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Self::Context) {
        match committed {
            Committed::Events { events, at, room } => {
                self.take(events, Some(at));
                drop(room);
                self.forward(ctx);
            }
            Committed::Through(position) => self.is_behind(position, ctx),
        }
    }
}
