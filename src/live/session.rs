//! The session: one actor per socket, member of its channels, forwarding what they carry. Owns what a
//! client is sent and when it is closed; leaves bytes and framing to its [`Wire`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use actix::fut::ActorFuture;
use actix::prelude::*;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep};

use super::close::Close;
use super::progress::Progress;
use super::wire::Wire;
use super::{Live, Place, Subscription};
use crate::db;
use crate::error::AppResult;
use crate::events;
use crate::events::relay::TOGETHER;
use crate::events::replay::{Slice, Start};
use crate::pubsub::{Envelope, Lifeline};

/// A mailbox takes a whole batch of the relay's, however little may wait for the socket.
const MAILBOX: usize = TOGETHER;

/// A session that has joined its channels but does not run yet: its mailbox keeps what comes.
pub(super) struct Joined<W: Wire> {
    ctx: Context<Session<W>>,
    live: Arc<Live>,
    subscription: Subscription,
    start: Option<Start>,
    lifeline: Lifeline,
    place: Place,
}

impl<W: Wire> Joined<W> {
    /// Joins the channels. Whatever is committed from then on reaches the session.
    pub(super) async fn join(
        live: &Arc<Live>,
        subscription: Subscription,
        place: Place,
    ) -> AppResult<Joined<W>> {
        let mut ctx = Context::<Session<W>>::new();
        ctx.set_mailbox_capacity(match live.queue.messages {
            // No limit, in actix's words.
            usize::MAX => 0,
            messages => messages.max(MAILBOX),
        });
        let address = ctx.address();
        let lifeline = live.pubsub.lifeline(address.clone());
        let start = live.begin(&subscription, address).await?;
        Ok(Joined { ctx, live: Arc::clone(live), subscription, start, lifeline, place })
    }

    /// Runs the session on the current thread.
    pub(super) fn run(self, mut wire: W) {
        let Joined { ctx, live, subscription, start, lifeline, place } = self;
        let progress = match start {
            None => Progress::live(0),
            Some(Start::After(position)) => Progress::replaying(position),
            Some(Start::Resync(position)) => {
                wire.force(W::resync(position));
                Progress::live(position)
            }
        };
        let next_ping = Instant::now() + live.heartbeat.ping;
        ctx.run(Session {
            wire,
            progress,
            slice: None,
            reading: None,
            closing: false,
            next_ping,
            timer: Box::pin(tokio::time::sleep_until(next_ping)),
            waits: false,
            stopping: Box::pin(live.sockets.closed()),
            listens: false,
            live,
            subscription,
            _lifeline: lifeline,
            _place: place,
        });
    }
}

/// A socket's actor.
pub(super) struct Session<W: Wire> {
    wire: W,
    live: Arc<Live>,
    subscription: Subscription,
    progress: Progress,
    /// The slice whose frames were handed to the wire last: how far it reaches, and whether the
    /// log went no further.
    slice: Option<(i64, bool)>,
    /// The next slice, while it is read.
    reading: Option<Reading>,
    /// The wire has been told to close, and `timer` ends what it does not end itself.
    closing: bool,
    next_ping: Instant,
    timer: Pin<Box<Sleep>>,
    /// The timer wakes the actor when it is time.
    waits: bool,
    stopping: Pin<Box<dyn Future<Output = ()>>>,
    /// `stopping` wakes the actor when the node stops.
    listens: bool,
    /// Leaves all channels when the session ends, however it ends.
    _lifeline: Lifeline,
    _place: Place,
}

/// What time has brought.
enum Time {
    /// Something to do.
    Changed,
    /// The end.
    Up,
}

type Reading = Pin<Box<dyn Future<Output = Result<Slice, db::Error>>>>;

impl<W: Wire> Session<W> {
    /// Hands a frame to the wire. A client that lets too many wait is a slow consumer.
    fn push(&mut self, frame: bytes::Bytes) {
        if self.closing || self.wire.push(&frame, &self.live.queue) {
            return;
        }
        // A batch may be more than may wait: what the socket takes now need not.
        self.wire.relieve();
        if !self.wire.push(&frame, &self.live.queue) {
            log::debug!("a reader is too slow: closed");
            self.close(Close::SlowConsumer);
        }
    }

    /// Begins to end the session. What does not end by itself in time is cut.
    fn close(&mut self, close: Close) {
        if !self.closing {
            self.wire.close(close);
            self.end();
        }
    }

    /// Sends nothing new any more, and leaves only so much time for what is under way.
    fn end(&mut self) {
        self.closing = true;
        self.reading = None;
        self.set_timer(Instant::now() + self.live.heartbeat.grace);
    }

    /// Does all there is to do; `Ready` when the session is over.
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if !self.closing
            && (!std::mem::replace(&mut self.listens, true) || self.live.sockets.closing())
            && self.stopping.as_mut().poll(cx).is_ready()
        {
            self.close(Close::Away);
        }
        loop {
            match self.wire.poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(()),
                Poll::Ready(Err(close)) if self.closing => {
                    log::trace!("a closing socket misbehaves: {}", close.reason());
                    self.wire.cut();
                    return Poll::Ready(());
                }
                Poll::Ready(Err(close)) => self.close(close),
                Poll::Pending if !self.closing && self.wire.is_closing() => self.end(),
                Poll::Pending if self.replay(cx) => {}
                Poll::Pending => match self.watch_time(cx) {
                    Poll::Ready(Time::Up) => {
                        self.wire.cut();
                        return Poll::Ready(());
                    }
                    Poll::Ready(Time::Changed) => {}
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Sees to what is due: a ping, or the end of a socket that is silent or stuck.
    fn watch_time(&mut self, cx: &mut TaskContext<'_>) -> Poll<Time> {
        let heartbeat = self.live.heartbeat;
        let stuck_at = self.wire.blocked().map(|since| since + heartbeat.stall);
        if let Some(stuck_at) = stuck_at
            && !self.closing
            && stuck_at < self.timer.deadline()
        {
            self.set_timer(stuck_at);
        }
        // Polled once is enough, as the task is always the same.
        if self.waits && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            // Without budget it has only put the task off.
            self.waits = has_budget_remaining();
            return Poll::Pending;
        }
        if self.closing {
            return Poll::Ready(Time::Up);
        }
        let now = Instant::now();
        let silent_at = |wire: &W| wire.heard().map(|heard| heard + heartbeat.silence);
        if silent_at(&self.wire).is_some_and(|at| at <= now) {
            log::debug!("a client was silent for {:?}: cut", heartbeat.silence);
            return Poll::Ready(Time::Up);
        }
        if stuck_at.is_some_and(|at| at <= now) {
            log::debug!("a reader has taken nothing for {:?}: closed", heartbeat.stall);
            self.close(Close::SlowConsumer);
            return Poll::Ready(Time::Changed);
        }
        if self.next_ping <= now {
            self.next_ping = now + heartbeat.ping;
            // In its turn, behind what waits: one that takes nothing is closed before the next.
            self.wire.force(W::heartbeat());
        }
        self.set_timer(silent_at(&self.wire).map_or(self.next_ping, |at| at.min(self.next_ping)));
        Poll::Ready(Time::Changed)
    }

    fn set_timer(&mut self, at: Instant) {
        self.timer.as_mut().reset(at);
        self.waits = false;
    }

    /// Goes on with what the client missed, when the wire has taken all of the last slice: a slow
    /// client has one slice in memory, not a million events. True when there is something to write.
    fn replay(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.closing || !self.progress.is_replaying() || !self.wire.is_drained() {
            return false;
        }
        if let Some((through, end)) = self.slice.take() {
            self.progress.replayed(through, end);
        }
        if self.reading.is_none() {
            let Some(after) = self.progress.read_after() else { return false };
            let (live, channels) = (Arc::clone(&self.live), self.subscription.channels.clone());
            self.reading = Some(Box::pin(async move { live.replay.next(after, channels).await }));
        }
        let Some(reading) = &mut self.reading else { return false };
        let Poll::Ready(slice) = reading.as_mut().poll(cx) else { return false };
        self.reading = None;
        match slice {
            Ok(slice) => {
                for envelope in &slice.events {
                    self.wire.force(W::event(envelope, self.subscription.shape));
                }
                self.slice = Some((slice.through, slice.end));
            }
            Err(error) => {
                log::warn!("a replay ended early: {error}");
                self.close(Close::NoLog);
            }
        }
        true
    }
}

impl<W: Wire> Actor for Session<W> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Pump);
    }
}

impl<W: Wire> Handler<Envelope> for Session<W> {
    type Result = ();

    /// Only queues: an actor's mailbox is emptied before its futures run, so everything that came
    /// together is written together.
    fn handle(&mut self, envelope: Envelope, _: &mut Self::Context) {
        if envelope.lagged().is_some() {
            if !self.progress.forgives() {
                self.close(Close::SlowConsumer);
            }
        } else if envelope.channel().as_str() == events::POSITION {
            if let Some(position) = envelope.position()
                && self.progress.confirms(position)
            {
                self.push(W::position(position));
            }
        } else if envelope.position().is_none()
            && envelope.channel().as_str() != events::SYSTEM
            && envelope.sender().is_remote()
        {
            // The other channels' events come from the log, through this node's own relay: no other
            // node can make one up.
            log::debug!("an event of {} that is not of the log is not sent", envelope.channel());
        } else if self.progress.admits(envelope.position()) {
            self.push(W::event(&envelope, self.subscription.shape));
        }
    }
}

/// Runs a session's input and output in its actor.
struct Pump;

impl<W: Wire> ActorFuture<Session<W>> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut Session<W>,
        ctx: &mut Context<Session<W>>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let over = session.poll(cx);
        if over.is_ready() {
            ctx.stop();
        }
        over
    }
}
