//! The session of one socket: forwards the events of its channels. Owns the frames that a client
//! gets and when its socket closes; leaves bytes and framing to its [`Wire`], and joining channels
//! and its thread to `actor`.

mod actor;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use kilonova_pubsub::{Channel, Envelope};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep};

pub(crate) use self::actor::{Joined, refused};
use crate::checked::LogError;
use crate::close::Close;
use crate::feed::Inner;
use crate::frame::{CONTROL, Shape, Wanted};
use crate::grants::Grant;
use crate::presence::{self, Presence};
use crate::progress::Progress;
use crate::replay::{SLICE, Slice, Start};
use crate::stats::{Frames, Left, Replaying};
use crate::wire::Wire;
use crate::{Event, Log, SessionOptions, StartAt, Visibility};

/// The bytes of a replay that the wire gets at once; the rest of the slice waits.
const AT_ONCE: usize = 64 * 1024;

/// The time after which a slice that its client does not read is released.
const PATIENCE: Duration = Duration::from_secs(1);

/// The fewest events in a slice for a slow client.
const SMALLEST: usize = 4;

/// The state of a socket's actor.
pub(crate) struct Session<W: Wire, L: Log> {
    wire: W,
    feed: Arc<Inner<L>>,
    channels: Box<[Channel]>,
    ephemeral: Box<[Channel]>,
    presence: Option<Box<Presence>>,
    viewer: L::Viewer,
    grant: Option<Grant>,
    shape: Shape,
    /// Set for a slow shape: records that this session uses it.
    wanted: Option<Wanted>,
    /// The number of events in the replay so far. Counted only for slow shapes, whose replays are
    /// bounded.
    missed: usize,
    progress: Progress,
    /// The slice of the replay that is being sent.
    slice: Option<Box<Sending>>,
    /// The most events of the next slice.
    appetite: usize,
    /// True if the client took the last slice in time.
    reads: bool,
    /// The running read of the next slice.
    reading: Option<Reading<L::Error>>,
    /// The wire is closing; `timer` cuts it if it does not end in time.
    closing: bool,
    next_ping: Instant,
    timer: Pin<Box<Sleep>>,
    /// True when the timer is registered to wake the actor.
    waits: bool,
    seat: Seat,
    /// Counts this session as one that replays.
    replaying: Option<Replaying>,
    /// Wakes the actor for work that cannot be done immediately.
    waker: Option<Waker>,
    /// True if messages were received since the last flush.
    unflushed: bool,
}

/// A session's place among the sessions of its feed and its thread.
struct Seat {
    /// The value of `Sockets::breaks` when the session joined.
    breaks: u64,
    /// Decides in which batch the session closes when all sessions close.
    lot: u32,
    /// Counts the frames of the thread's sessions.
    frames: Arc<Frames>,
}

/// The outcome of an elapsed timer.
enum Time {
    /// The session has changed and must be polled again.
    Changed,
    /// The session must end now.
    Up,
}

/// A slice of a replay, of which the wire has a part.
struct Sending {
    /// The events that the wire does not have yet.
    rest: VecDeque<Event>,
    /// The position up to which the wire has every event, and the number of those events.
    sent: i64,
    count: usize,
    /// The position that the slice covers, and whether the log ended there.
    through: i64,
    end: bool,
    /// The bytes of the last part that the wire got.
    part: usize,
    /// When the wire got that part, or was last found to take it too slowly.
    begun: Instant,
    /// The memory of `rest`, and of a last part that is a large frame. `reads` is true if it comes
    /// from the half for clients that read.
    room: Option<OwnedSemaphorePermit>,
    reads: bool,
}

type Reading<E> = Pin<Box<dyn Future<Output = Result<Option<Slice>, LogError<E>>>>>;

impl<W: Wire, L: Log> Session<W, L> {
    fn new(
        wire: W,
        feed: Arc<Inner<L>>,
        options: SessionOptions<L::Viewer>,
        start: Option<Start>,
        wanted: Option<Wanted>,
        seat: Seat,
    ) -> Session<W, L> {
        let SessionOptions { channels, ephemeral, presence, viewer, grant, shape, start: asked } =
            options;
        let next_ping = Instant::now() + feed.heartbeat.ping;
        let mut session = Session {
            wire,
            progress: Progress::live(0),
            slice: None,
            appetite: SLICE,
            reads: false,
            reading: None,
            closing: false,
            next_ping,
            timer: Box::pin(tokio::time::sleep_until(next_ping)),
            waits: false,
            seat,
            replaying: None,
            waker: None,
            unflushed: false,
            feed,
            channels: channels.into(),
            ephemeral: ephemeral.into(),
            presence: presence.map(Box::new),
            viewer,
            grant,
            shape,
            wanted,
            missed: 0,
        };
        match start {
            None => {}
            Some(Start::After(position)) => {
                if asked == StartAt::Latest {
                    session.wire.force(W::position(position));
                }
                session.progress = Progress::replaying(position);
                session.replaying = Some(Replaying::new(&session.feed.tally));
            }
            Some(Start::Resync(position)) => {
                session.feed.tally.resynced();
                session.wire.force(W::resync(position));
                session.progress = Progress::live(position);
            }
        }
        session
    }

    /// The frame of an event as the viewer may see it; `None` if the event is hidden.
    fn show(&self, event: &Event) -> Option<bytes::Bytes> {
        let (shapes, shape) = (&self.feed.shapes, self.shape);
        match self.feed.log().visibility(&self.viewer, event) {
            Visibility::Whole => Some(shapes.frame(event.envelope(), shape, W::FRAMING)),
            Visibility::Reduced(reduced) => {
                // The application may have built it with another position.
                let reduced = reduced.at(event.position());
                Some(shapes.frame(reduced.envelope(), shape, W::FRAMING))
            }
            Visibility::Hidden => None,
        }
    }

    /// Hands a frame to the wire. A client whose backlog is full is a slow consumer.
    fn push(&mut self, frame: bytes::Bytes) {
        if self.closing || self.wire.push(&frame, &self.feed.limits.queue) {
            return;
        }
        // A batch may exceed the backlog: first write the frames that the socket takes now.
        self.wire.relieve();
        if !self.wire.push(&frame, &self.feed.limits.queue) {
            log::debug!("a reader is too slow; closing it");
            self.close(Close::SlowConsumer);
        }
    }

    /// The reason why this socket, or all of them, must close; `None` if it stays open.
    fn ended(&mut self) -> Option<Close> {
        if let Some(grant) = &mut self.grant
            && self.feed.revocations.revoke(grant)
        {
            return Some(Close::Revoked);
        }
        if self.feed.sockets.calls(self.seat.lot) {
            return Some(Close::Away);
        }
        (self.feed.sockets.breaks() != self.seat.breaks).then_some(Close::NoLog)
    }

    /// Starts to close the session; `timer` cuts it if it does not end in time.
    fn close(&mut self, close: Close) {
        if !self.closing {
            self.feed.tally.closed(close);
            if close == Close::SlowConsumer {
                let channels = self.channels.iter().chain(&self.ephemeral);
                let stalled = self.wire.blocked().map(|since| since.elapsed());
                self.feed.tally.slow.add(W::FRAMING, channels, stalled.unwrap_or_default());
            }
            self.wire.close(close);
            self.end();
        }
    }

    /// Stops sending new frames, and limits the time for the queued ones.
    fn end(&mut self) {
        self.closing = true;
        self.reading = None;
        self.slice = None;
        self.replaying = None;
        self.set_timer(Instant::now() + self.feed.heartbeat.grace);
    }

    /// Does all work that is possible now; `Ready` when the session is over.
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        if !self.closing
            && let Some(close) = self.ended()
        {
            self.close(close);
        }
        loop {
            match self.wire.poll(cx) {
                Poll::Ready(Ok(())) => {
                    if !self.closing {
                        self.feed.tally.left(Left::Client);
                    }
                    return Poll::Ready(());
                }
                Poll::Ready(Err(close)) if self.closing => {
                    log::trace!("a closing socket breaks the protocol: {}", close.reason());
                    self.wire.cut();
                    return Poll::Ready(());
                }
                Poll::Ready(Err(close)) => self.close(close),
                Poll::Pending if !self.closing && self.wire.is_closing() => {
                    self.feed.tally.left(Left::Client);
                    self.end();
                }
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

    /// Handles the timers: sends a ping, or ends a socket that is silent or stuck.
    fn watch_time(&mut self, cx: &mut TaskContext<'_>) -> Poll<Time> {
        let heartbeat = self.feed.heartbeat;
        let stuck_at = self.wire.blocked().map(|since| since + heartbeat.stall);
        let holds = |slice: &&Sending| !slice.rest.is_empty() || slice.part > AT_ONCE;
        let given_back_at = self.slice.as_deref().filter(holds);
        let given_back_at = given_back_at.map(|slice| slice.begun + PATIENCE);
        if let Some(at) = stuck_at.into_iter().chain(given_back_at).min()
            && !self.closing
            && at < self.timer.deadline()
        {
            self.set_timer(at);
        }
        // One poll registers the waker, because the task is always the same.
        if self.waits && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            // Without budget, the poll only rescheduled the task and registered no waker.
            self.waits = has_budget_remaining();
            return Poll::Pending;
        }
        if self.closing {
            return Poll::Ready(Time::Up);
        }
        let now = Instant::now();
        let silent_at = |wire: &W| wire.heard().map(|heard| heard + heartbeat.silence);
        if silent_at(&self.wire).is_some_and(|at| at <= now) {
            log::debug!("a client was silent for {:?}; cutting it", heartbeat.silence);
            self.feed.tally.left(Left::Silent);
            return Poll::Ready(Time::Up);
        }
        if stuck_at.is_some_and(|at| at <= now) {
            log::debug!("a client has read nothing for {:?}; closing it", heartbeat.stall);
            self.close(Close::SlowConsumer);
            return Poll::Ready(Time::Changed);
        }
        if self.next_ping <= now {
            self.next_ping = now + heartbeat.ping;
            // The ping goes behind the backlog: a client that reads nothing is closed before the
            // next ping.
            self.wire.force(W::heartbeat());
        }
        self.set_timer(silent_at(&self.wire).map_or(self.next_ping, |at| at.min(self.next_ping)));
        Poll::Ready(Time::Changed)
    }

    fn set_timer(&mut self, at: Instant) {
        self.timer.as_mut().reset(at);
        self.waits = false;
    }

    /// Continues the replay when the wire is drained: a client that reads has one slice in memory,
    /// not a million events. A client that does not read releases even that slice. True when there
    /// is something to write.
    fn replay(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.closing || !self.progress.is_replaying() {
            return false;
        }
        if let Some(mut sending) = self.slice.take() {
            if !self.wire.is_drained() {
                if sending.begun.elapsed() < PATIENCE {
                    self.slice = Some(sending);
                    return false;
                }
                self.reads = false;
                let contended = self.feed.replay.is_contended(sending.reads);
                if sending.part > AT_ONCE {
                    // A frame that has begun must go out whole, so its memory is released only when
                    // its client is cut.
                    let is_stuck = self.wire.blocked().is_some_and(|at| at.elapsed() >= PATIENCE);
                    if is_stuck && contended {
                        log::debug!("cutting a reader that stalls its replay: others wait");
                        self.close(Close::SlowConsumer);
                        // The frame cannot complete, so a close frame would not reach the client.
                        self.set_timer(Instant::now());
                        return true;
                    }
                    sending.begun = Instant::now();
                    self.slice = Some(sending);
                } else if sending.rest.is_empty() {
                    self.slice = Some(sending);
                } else {
                    // Others wait for the memory. The replay continues later from the wire's
                    // position, in smaller steps.
                    self.replayed(sending.sent, false);
                    self.appetite = sending.count.max(SMALLEST);
                }
                return false;
            }
            if sending.rest.is_empty() {
                self.replayed(sending.through, sending.end);
                self.reads = true;
                self.appetite = (self.appetite * 2).min(SLICE);
            } else {
                self.send(&mut sending);
                self.slice = Some(sending);
                return true;
            }
        }
        if !self.wire.is_drained() {
            return false;
        }
        if self.reading.is_none() {
            let Some(after) = self.progress.read_after() else { return false };
            let (replay, channels) = (self.feed.replay.clone(), self.channels.to_vec());
            let reads = self.reads;
            // While others wait, a client that may never read gets only one event.
            let is_little = !reads && replay.is_contended(false);
            let limit = if is_little { 1 } else { self.appetite };
            let prepare = self.wanted.is_some().then(|| self.preparation());
            let reading = async move {
                let slice = replay.next(after, channels, limit, reads).await?;
                match (slice, prepare) {
                    (Some(slice), Some(prepare)) => Ok(Some(prepare(slice).await)),
                    (slice, _) => Ok(slice),
                }
            };
            self.reading = Some(Box::pin(reading));
        }
        let Some(reading) = &mut self.reading else { return false };
        let Poll::Ready(slice) = reading.as_mut().poll(cx) else { return false };
        self.reading = None;
        match slice {
            Ok(Some(slice)) if self.is_too_much(&slice) => {
                let sent = self.feed.status.borrow().sent;
                let position = self.progress.resyncs(sent);
                self.replaying = None;
                self.feed.tally.resynced();
                self.wire.force(W::resync(position));
            }
            Ok(Some(Slice { events, through, end, room })) => {
                let sent = events.first().map_or(through, |event| event.position() - 1);
                let mut sending = Box::new(Sending {
                    rest: events.into(),
                    sent,
                    count: 0,
                    through,
                    end,
                    part: 0,
                    begun: Instant::now(),
                    room,
                    reads: self.reads,
                });
                self.send(&mut sending);
                self.slice = Some(sending);
            }
            Ok(None) => {
                log::debug!("the next events of a replay were pruned; the reader must resync");
                self.close(Close::NoLog);
            }
            Err(error) => {
                log::warn!("a replay failed; closing its socket: {error}");
                self.close(Close::NoLog);
            }
        }
        true
    }
}

impl<W: Wire, L: Log> Session<W, L> {
    /// True if a replay in a slow shape exceeds its bound of one slice.
    fn is_too_much(&mut self, slice: &Slice) -> bool {
        if self.wanted.is_none() {
            return false;
        }
        self.missed += slice.events.len();
        let is_too_much = self.missed + usize::from(!slice.end) > SLICE;
        if is_too_much || slice.end {
            self.missed = 0;
        }
        is_too_much
    }

    /// Encodes the events of a slice that the viewer sees whole, on another thread.
    fn preparation(&self) -> impl AsyncFnOnce(Slice) -> Slice + use<W, L> {
        let (feed, viewer, shape) = (Arc::clone(&self.feed), self.viewer.clone(), self.shape);
        async move |mut slice: Slice| {
            for event in &mut slice.events {
                if Event::of(event.envelope(), feed.number).is_none() {
                    // Only an event that this feed sent keeps its encoding.
                    *event = event.sent_by(feed.number);
                }
            }
            let is_whole =
                |event: &&Event| matches!(feed.log().visibility(&viewer, event), Visibility::Whole);
            let seen = slice.events.iter().filter(is_whole).cloned().collect();
            Arc::clone(&feed.shapes).prepare_for(seen, shape, W::FRAMING).await;
            slice
        }
    }

    /// Records that a slice was sent; the replay may end with it.
    fn replayed(&mut self, through: i64, end: bool) {
        self.progress.replayed(through, end);
        if !self.progress.is_replaying() {
            self.replaying = None;
        }
    }

    /// Hands the next part of a slice to the wire.
    fn send(&mut self, sending: &mut Sending) {
        let mut bytes = 0;
        while bytes < AT_ONCE
            && let Some(event) = sending.rest.pop_front()
        {
            if let Some(frame) = self.show(&event) {
                bytes += frame.len();
                self.wire.force(frame);
                self.seat.frames.add_replayed();
            }
            sending.sent = event.position();
            sending.count += 1;
        }
        (sending.part, sending.begun) = (bytes, Instant::now());
        if sending.rest.is_empty() && bytes <= AT_ONCE {
            sending.room = None;
        }
    }

    /// Handles messages; true if they are the first since the last [`Session::flush`]. A call
    /// without messages checks whether the session must close.
    fn receive(&mut self, envelopes: &[Envelope]) -> bool {
        for envelope in envelopes {
            self.handle(envelope);
        }
        if envelopes.is_empty() {
            let ended = if self.closing { None } else { self.ended() };
            let Some(close) = ended else { return false };
            self.close(close);
            self.wake();
        }
        !std::mem::replace(&mut self.unflushed, true)
    }

    /// Writes the frames of all messages received.
    fn flush(&mut self) {
        self.unflushed = false;
        // Most sockets take everything immediately, so their actors need not run.
        let is_done = !self.closing && !self.progress.is_replaying() && self.wire.relieve();
        if !is_done {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Ends the session after a panic; true if it was ending already.
    fn fail(&mut self) -> bool {
        let was_closing = self.closing;
        self.close(Close::Failed);
        self.wake();
        was_closing
    }

    fn handle(&mut self, envelope: &Envelope) {
        if self.closing {
            return;
        }
        if let Some(close) = self.ended() {
            // This envelope may be behind a gap.
            return self.close(close);
        }
        match Event::of(envelope, self.feed.number) {
            Some(event) => {
                // Replays skip the events of a channel that is only ephemeral, so live must too.
                let follows = self.ephemeral.is_empty() || self.channels.contains(event.channel());
                if follows
                    && self.progress.admits(Some(event.position()))
                    && let Some(frame) = self.show(&event)
                {
                    self.push(frame);
                    if !self.closing {
                        self.seat.frames.add_live();
                    }
                }
            }
            None => self.take(envelope),
        }
    }

    /// Handles the notice that messages were missed.
    fn miss(&mut self) {
        if !self.progress.forgives() {
            self.close(Close::SlowConsumer);
        }
    }

    /// Handles a message that is not an event of the log.
    fn take(&mut self, message: &Envelope) {
        if message.lagged().is_some() {
            self.miss();
        } else if *message.channel() == self.feed.channels.position {
            if let Some(position) = message.position()
                && self.progress.confirms(position)
            {
                self.push(W::position(position));
            }
        } else if message.position().is_none() && self.ephemeral.contains(message.channel()) {
            self.push(self.feed.shapes.frame(message, self.shape, W::FRAMING));
        } else if message.sender().origin().is_some() && self.channels.contains(message.channel()) {
            // It is not an event of the log, so a slow shape has no form for it. A client would
            // mistake a control topic for the feed's own control frame.
            if self.wanted.is_none() && !CONTROL.contains(&message.topic()) {
                self.push(self.feed.shapes.frame(message, self.shape, W::FRAMING));
            }
        } else if let Some(presence) = &self.presence
            && *message.channel() == presence.channel
        {
            if presence::is_for(message, self.feed.number, presence.view) {
                self.push(self.feed.shapes.frame(message, self.shape, W::FRAMING));
            }
        } else {
            // Events come only from the log: another sender cannot forge one.
            log::debug!("a message on {} is not from the log; not sending it", message.channel());
        }
    }
}
