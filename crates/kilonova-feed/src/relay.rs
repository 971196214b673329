//! The relay: the actor that forwards committed events to the process groups, strictly by
//! position.
//!
//! The application announces what it has committed; the relay reads from the log what is late, was
//! dropped, or was committed by another process. Owns that order and nothing else: the registry
//! knows who hears an event.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use kilonova_pubsub::{Channel, Envelope, Payload, PubSub};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::announcer::Announcement;
use crate::checked::{Checked, LogError};
use crate::order::Order;
use crate::outage::Outage;
use crate::pace::Pace;
use crate::recent::Recent;
use crate::{Event, Log, Page, Sockets};

/// How often the log is read for events that nobody announced, such as another process's.
const POLL: Duration = Duration::from_millis(100);

/// How long the relay waits for a missing position before it reads it from the log.
const LATE: Duration = Duration::from_millis(50);

/// Events that may wait for an earlier one; the relay reads the others from the log.
const WAITING: usize = 1024;

/// Announcements that may wait in the relay's mailbox; the relay reads the others from the log.
pub(crate) const MAILBOX: usize = 1024;

/// Bytes of payloads that may wait for an earlier event.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// The most events that go out together.
pub(crate) const TOGETHER: usize = 32;

/// Bytes of payloads after which no further event goes out with them.
const TOGETHER_BYTES: usize = 256 * 1024;

/// Events read from the log at a time.
const PAGE: usize = 200;

/// What the application has committed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum Committed {
    /// These events, in order.
    Events(Vec<Event>),
    /// Everything up to this position, to be read from the log.
    Through(i64),
}

/// What a relay works with.
pub(crate) struct Parts<L> {
    pub(crate) log: Checked<L>,
    pub(crate) pubsub: PubSub,
    /// The newest events, and how far they have gone out.
    pub(crate) recent: Recent,
    /// When a batch has been written.
    pub(crate) pace: Pace,
    pub(crate) channels: Channels,
    pub(crate) sockets: Sockets,
    /// Between two position frames.
    pub(crate) tick: Duration,
    /// The feed's number.
    pub(crate) feed: u64,
    pub(crate) status: Arc<watch::Sender<Status>>,
    /// The relay stops when this says so, or its sender is gone.
    pub(crate) stops: watch::Receiver<bool>,
}

impl<L> Clone for Parts<L> {
    fn clone(&self) -> Parts<L> {
        Parts {
            log: self.log.clone(),
            pubsub: self.pubsub.clone(),
            recent: self.recent.clone(),
            pace: self.pace.clone(),
            channels: self.channels.clone(),
            sockets: self.sockets.clone(),
            tick: self.tick,
            feed: self.feed,
            status: Arc::clone(&self.status),
            stops: self.stops.clone(),
        }
    }
}

/// The channels that the feed itself uses, named after its log, so that feeds of several logs share
/// a registry, and but for the first after the feed: of two feeds of one log, neither may take how
/// far the other has come for its own.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    /// What was committed, for the relays of other nodes.
    pub(crate) committed: Channel,
    /// How far the log has gone out, now and then: for sockets that resume.
    pub(crate) position: Channel,
    /// The same after every batch: for subscriptions.
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

/// How a feed is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// Everything up to this position has gone out to the members.
    pub(crate) sent: i64,
    /// False once the log could not be read for a second.
    pub(crate) reachable: bool,
    /// Why the feed has ended: the log is no longer the one that it was.
    pub(crate) ended: Option<Arc<str>>,
}

/// Whether a batch is on its way to the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    Idle,
    /// On its way; a position frame is due after it, or not.
    Busy {
        confirm: bool,
    },
}

/// What the relay knows of the log beyond the events that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing, until the next poll.
    Unknown,
    /// The log goes on, or may: it is read when nothing is on its way.
    Behind,
    /// It is being read; and again afterwards, when more was committed since that began.
    Reading { again: bool },
    /// The log is another one. There is nothing to be sent any more.
    Ended,
}

/// The relay actor. One per feed and node.
pub(crate) struct Relay<L> {
    parts: Parts<L>,
    order: Order<Event>,
    outgoing: Outgoing,
    rest: Rest,
    outage: Outage,
    gap_timer: Option<SpawnHandle>,
}

impl<L: Log> Relay<L> {
    /// Goes on after what is known to have gone out.
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

    /// Forwards what is in order, unless a batch is on its way: then that comes first, and what has
    /// come in the meantime follows together.
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

    /// Hands the next batch to the registry, with a position frame behind it when `confirm` says
    /// so, and lets every session write it.
    fn publish(&mut self, confirm: bool, ctx: &mut Context<Self>) {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < TOGETHER
            && bytes < TOGETHER_BYTES
            && let Some((_, event)) = self.order.pop()
        {
            bytes += event.size();
            events.push(event.sent_by(self.parts.feed));
        }
        if events.is_empty() && !confirm {
            return;
        }
        let last = self.order.last();
        // They go the way of the events, so that none can overtake one.
        let at = |channel: &Channel| {
            Envelope::new(channel.clone(), "position", Payload::null()).with_position(last)
        };
        let sent = at(&self.parts.channels.sent);
        let confirmed = confirm.then(|| at(&self.parts.channels.position));
        let Parts { pubsub, recent, pace, status, .. } = self.parts.clone();
        let publish = async move {
            let begun = Instant::now();
            // Before they go out: a subscriber that has joined and finds an event neither here nor
            // in its mailbox would miss it.
            events.iter().for_each(|event| recent.push(event));
            let events = events.iter().map(|event| event.envelope().clone());
            if pubsub.publish_all(events.chain([sent]).chain(confirmed).collect()).await.is_err() {
                log::debug!("the registry has stopped: events stay in the log");
                return;
            }
            recent.mark_sent(last);
            status.send_modify(|status| status.sent = last);
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

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            self.order.offer(event.position(), event.size(), event);
        }
    }

    /// Forwards what there is, and reads on when that was all.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.forward(ctx);
        if self.rest == Rest::Behind && self.outgoing == Outgoing::Idle {
            self.read(ctx);
        }
    }

    /// Tells subscribers that resume that nothing up to here is still to come, so that a quiet
    /// channel does not leave them behind.
    fn confirm(&mut self, ctx: &mut Context<Self>) {
        match &mut self.outgoing {
            Outgoing::Busy { confirm } => *confirm = true,
            Outgoing::Idle if self.rest == Rest::Ended => {}
            Outgoing::Idle => self.publish(true, ctx),
        }
    }

    /// More was committed than the relay has.
    fn is_behind(&mut self, position: i64, ctx: &mut Context<Self>) {
        if position <= self.order.last() {
            return;
        }
        match &mut self.rest {
            Rest::Reading { again } => *again = true,
            Rest::Ended => return,
            rest => *rest = Rest::Behind,
        }
        self.go_on(ctx);
    }

    /// Reads a page of the log after what has come out, when there is one.
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
        self.take(page.events);
        self.go_on(ctx);
    }

    /// A read that `begun` at some time has failed.
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
            log::error!("subscribers have to load everything again: {error}");
            let last = oldest - 1;
            self.parts.recent.skip_to(last);
            self.order = Order::after(last, WAITING, WAITING_BYTES);
            // Before anything behind the gap goes out.
            self.parts.sockets.break_all();
            self.parts.status.send_modify(|status| status.sent = status.sent.max(last));
            return self.read(ctx);
        }
        let failure = self.outage.failed(begun, Instant::now());
        if failure.begins {
            log::error!("new events are not sent until this is over: {error}");
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
                log::warn!("events of other nodes come up to {POLL:?} later: {error}");
            }
        }));
        let mut stops = self.parts.stops.clone();
        let stopping = async move { stops.wait_for(|stop| *stop).await.is_ok() };
        ctx.spawn(stopping.into_actor(self).map(|_, _, ctx| ctx.stop()));
        ctx.run_interval(POLL, |relay, ctx| match (relay.outgoing, relay.rest) {
            (Outgoing::Idle, _) => relay.read(ctx),
            // What is on its way is followed by a look at the rest. Skipping it would put off for
            // good what nobody announced, where something is on its way at each poll.
            (Outgoing::Busy { .. }, Rest::Unknown) => relay.rest = Rest::Behind,
            _ => {}
        });
        ctx.run_interval(self.parts.tick, |relay, ctx| relay.confirm(ctx));
    }
}

/// Another node has committed something.
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
            Committed::Events(events) => {
                self.take(events);
                self.forward(ctx);
            }
            Committed::Through(position) => self.is_behind(position, ctx),
        }
    }
}
