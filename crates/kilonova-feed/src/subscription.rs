//! A subscriber without a socket: the events of some channels as a `Stream`. Owns the switch
//! between live events and the log; leaves its buffer to the process groups and reads to `replay`.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use kilonova_pubsub::{Channel, Envelope, Subscription as Messages};

use crate::checked::LogError;
use crate::feed::Inner;
use crate::progress::Progress;
use crate::replay::{Replay, SLICE, Slice, Start};
use crate::session::refused;
use crate::{Error, Event, Log, StartAt, Visibility};

/// The most live events in the buffer; further ones are read from the log. There are few, because
/// each may be large.
const BUFFER: usize = 64;

/// The wait after a failed read of the log.
const RETRY: Duration = Duration::from_secs(1);

/// An item of a [`Subscription`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// The next event that the viewer may see.
    Event(Event),
    /// Every event up to this position was returned: you can resume from it.
    Position(i64),
    /// Events were pruned before they were returned, or the requested position belongs to another
    /// log. Load everything again, from a state that is not older than this position; the
    /// subscription continues after it.
    Resync(i64),
}

/// The events of some channels, each once and in order, for code other than browsers, such as an
/// indexer or a mailer. [`Feed::subscribe`](crate::Feed::subscribe) returns it.
///
/// - **Complete.** It never loses an event: if you read slower than events arrive, it reads them
///   from the log. If the log no longer reaches back that far, it returns one [`Update::Resync`].
/// - **Resumable.** Store the position of the last [`Update::Event`] or [`Update::Position`] in the
///   same transaction as the work that the event caused, and resume from that position.
/// - **Ends with the feed.** It ends when the feed stops or ends, and when the process groups stop.
///   While the log cannot be read, it retries every second.
#[must_use = "a subscription that is dropped leaves its channels"]
pub struct Subscription<L: Log> {
    feed: Arc<Inner<L>>,
    messages: Messages,
    channels: Vec<Channel>,
    viewer: L::Viewer,
    progress: Progress,
    /// The events of the last slice that were not returned yet.
    slice: VecDeque<Event>,
    /// The position that the slice covers, and whether the log ended there.
    reaches: Option<(i64, bool)>,
    reading: Option<Reading<L::Error>>,
    /// The position of a resync to return next.
    resync: Option<i64>,
    /// The last position that was returned.
    told: i64,
    /// The value of `Sockets::breaks` at the last check.
    breaks: u64,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
}

type Reading<E> = Pin<Box<dyn Future<Output = Result<Read, LogError<E>>> + Send>>;

/// The result of a read of the log.
enum Read {
    Slice(Slice),
    Resync(i64),
}

impl<L: Log> Subscription<L> {
    pub(crate) async fn open(
        feed: &Arc<Inner<L>>,
        channels: Vec<Channel>,
        start: StartAt,
        viewer: L::Viewer,
    ) -> Result<Subscription<L>, Error> {
        if *feed.stops().borrow() || feed.status.borrow().ended.is_some() {
            return Err(Error::Stopping);
        }
        let breaks = feed.sockets.breaks();
        let joined: HashSet<_> = channels.iter().chain([&feed.channels.sent]).collect();
        let messages =
            feed.pubsub.subscribe_with_capacity(BUFFER, joined).await.map_err(refused)?;
        let start = match start {
            // A batch that is going out now may have missed this member; `sent` precedes that
            // batch.
            StartAt::Now | StartAt::Latest => Start::After(feed.status.borrow().sent),
            StartAt::After { position, log } => {
                let start = feed.replay.start(position, log.as_deref()).await;
                start.map_err(|error| Error::Log(Box::new(error)))?
            }
        };
        let (progress, resync) = match start {
            Start::After(position) => (Progress::replaying(position), None),
            Start::Resync(position) => (Progress::live(position), Some(position)),
        };
        let (mut status, mut stops) = (feed.status.clone(), feed.stops());
        let over = Box::pin(async move {
            tokio::select! {
                _ = status.wait_for(|status| status.ended.is_some()) => {}
                _ = stops.wait_for(|stop| *stop) => {}
            }
        });
        Ok(Subscription {
            feed: Arc::clone(feed),
            messages,
            channels,
            viewer,
            progress,
            slice: VecDeque::new(),
            reaches: None,
            reading: None,
            resync,
            told: i64::MIN,
            breaks,
            over,
        })
    }

    /// Waits for the next update; `None` at the end. Cancel safe: dropping the future loses no
    /// update.
    pub async fn next(&mut self) -> Option<Update> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The update of an event as the viewer may see it; `None` if the event is hidden.
    fn show(&mut self, event: Event) -> Option<Update> {
        self.told = self.told.max(event.position());
        match self.feed.log().visibility(&self.viewer, &event) {
            Visibility::Whole => Some(Update::Event(event)),
            Visibility::Reduced(reduced) => Some(Update::Event(reduced.at(event.position()))),
            Visibility::Hidden => None,
        }
    }

    /// The update of a position; `None` if it was returned before.
    fn reached(&mut self, position: i64) -> Option<Update> {
        let new = position > self.told;
        self.told = self.told.max(position);
        new.then_some(Update::Position(position))
    }

    /// Handles a live message.
    fn take(&mut self, envelope: &Envelope) -> Option<Update> {
        let breaks = self.feed.sockets.breaks();
        if std::mem::replace(&mut self.breaks, breaks) != breaks {
            // This message may be behind a gap.
            self.progress.falls_back();
        }
        if let Some(event) = Event::of(envelope, self.feed.number) {
            let is_new = self.progress.admits(Some(event.position()));
            return is_new.then(|| self.show(event)).flatten();
        }
        if envelope.lagged().is_some() {
            self.progress.falls_back();
        } else if *envelope.channel() == self.feed.channels.sent
            && let Some(position) = envelope.position()
            && self.progress.confirms(position)
        {
            return self.reached(position);
        }
        None
    }

    /// A read of the next slice, after a pause; `None` when there is nothing to replay.
    fn read_after(&mut self, pause: Duration) -> Option<Reading<L::Error>> {
        let after = self.progress.read_after()?;
        let (replay, channels) = (self.feed.replay.clone(), self.channels.clone());
        Some(Box::pin(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            read(replay, after, channels).await
        }))
    }

    /// Reads the next slice of the log; an error if the log was replaced.
    fn poll_log(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.reading.is_none() {
            self.reading = self.read_after(Duration::ZERO);
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(Ok(())) };
        let outcome = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        match outcome {
            Ok(Read::Slice(slice)) => {
                self.slice = slice.events.into();
                self.reaches = Some((slice.through, slice.end));
            }
            Ok(Read::Resync(position)) => self.resync = Some(self.progress.resyncs(position)),
            Err(error) if error.is_final() => return Poll::Ready(Err(())),
            Err(error) => {
                log::warn!("a subscription retries in {RETRY:?}: {error}");
                self.reading = self.read_after(RETRY);
            }
        }
        Poll::Ready(Ok(()))
    }
}

async fn read<L: Log>(
    replay: Replay<L>,
    after: i64,
    channels: Vec<Channel>,
) -> Result<Read, LogError<L::Error>> {
    if let Some(slice) = replay.next(after, channels, SLICE, true).await? {
        return Ok(Read::Slice(slice));
    }
    Ok(match replay.start(after, None).await? {
        Start::Resync(position) => Read::Resync(position),
        // The events exist after all.
        Start::After(position) => {
            tokio::time::sleep(RETRY).await;
            Read::Slice(Slice { events: Vec::new(), through: position, end: false, room: None })
        }
    })
}

impl<L: Log> Stream for Subscription<L> {
    type Item = Update;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        let this = self.get_mut();
        if this.over.as_mut().poll(cx).is_ready() {
            // A completed future must not be polled again.
            this.over = Box::pin(std::future::ready(()));
            return Poll::Ready(None);
        }
        loop {
            if let Some(position) = this.resync.take() {
                this.told = position;
                return Poll::Ready(Some(Update::Resync(position)));
            }
            if let Some(event) = this.slice.pop_front() {
                if let Some(update) = this.show(event) {
                    return Poll::Ready(Some(update));
                }
                continue;
            }
            if let Some((through, end)) = this.reaches.take() {
                this.progress.replayed(through, end);
                if let Some(update) = this.reached(through) {
                    return Poll::Ready(Some(update));
                }
                continue;
            }
            // Also during a replay: live messages show how far the log must be read.
            match Pin::new(&mut this.messages).poll_next(cx) {
                Poll::Ready(Some(envelope)) => {
                    if let Some(update) = this.take(&envelope) {
                        return Poll::Ready(Some(update));
                    }
                    continue;
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            if !this.progress.is_replaying() {
                return Poll::Pending;
            }
            if ready!(this.poll_log(cx)).is_err() {
                return Poll::Ready(None);
            }
        }
    }
}
