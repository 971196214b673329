//! Checks that a log keeps its promises. Owns the timeout of a read and the checks of its result;
//! leaves the reaction to a fault to the relay and the sessions.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use kilonova_pubsub::Channel;

use crate::{Event, Log, LogState, Page};

/// The reason why the feed rejects a log or a read of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError<E: std::error::Error + 'static> {
    /// The read returned an error.
    #[error("the log cannot be read: {0}")]
    Failed(#[source] E),
    /// The read took longer than the timeout.
    #[error("reading the log took longer than {0:?}")]
    TimedOut(Duration),
    /// The read panicked.
    #[error("reading the log panicked")]
    Panicked,
    /// The log's id has changed since the start, or the log ends before an event that was already
    /// sent.
    #[error("the log was replaced or restored while the server was running; restart the server")]
    Replaced,
    /// Events were deleted before the feed sent them.
    #[error("events before {oldest} were deleted before they were sent")]
    Pruned {
        /// The first position that the log still has.
        oldest: i64,
    },
    /// The log breaks a promise of [`Log`]; the text says which.
    #[error("the log is broken: {0}")]
    Broken(String),
}

impl<E: std::error::Error + 'static> LogError<E> {
    /// True when no later read can succeed, so that the feed must end.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, LogError::Replaced)
    }
}

/// A log whose results are checked; cheap to clone.
pub(crate) struct Checked<L> {
    log: Arc<L>,
    id: Arc<str>,
    timeout: Duration,
}

impl<L> Clone for Checked<L> {
    fn clone(&self) -> Checked<L> {
        Checked { log: Arc::clone(&self.log), id: Arc::clone(&self.id), timeout: self.timeout }
    }
}

impl<L: Log> Checked<L> {
    /// Reads the state of the log. Later reads must return the same id.
    pub(crate) async fn open(
        log: Arc<L>,
        timeout: Duration,
    ) -> Result<(Checked<L>, LogState), LogError<L::Error>> {
        let state = within(timeout, async { log.state().await }).await?;
        plausible(&state)?;
        Ok((Checked { log, id: Arc::clone(&state.id), timeout }, state))
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(crate) fn log(&self) -> &L {
        &self.log
    }

    /// The state of the log, which must not be before `sent`.
    pub(crate) async fn state(&self, sent: i64) -> Result<LogState, LogError<L::Error>> {
        let state = within(self.timeout, async { self.log.state().await }).await?;
        self.same(&state, sent)?;
        Ok(state)
    }

    /// The events after a position on all channels, without a gap.
    pub(crate) async fn all_after(
        &self,
        position: i64,
        sent: i64,
        limit: usize,
    ) -> Result<Page, LogError<L::Error>> {
        let page = self.after(position, None, limit).await?;
        self.same(&page.state, sent)?;
        if page.state.oldest > position + 1 && page.state.position > position {
            return Err(LogError::Pruned { oldest: page.state.oldest });
        }
        in_order(&page, position, limit)?;
        let expected = position + 1..;
        if let Some((missing, _)) =
            expected.zip(&page.events).find(|(next, event)| event.position() != *next)
        {
            return Err(LogError::Broken(format!("event {missing} is missing")));
        }
        let last = page.events.last().map_or(position, Event::position);
        if page.through > last && page.state.position > position {
            return Err(LogError::Broken(format!("event {} is missing", last + 1)));
        }
        Ok(page)
    }

    /// The events of some channels after a position. `None` when the log no longer reaches back to
    /// that position.
    pub(crate) async fn some_after(
        &self,
        position: i64,
        sent: i64,
        channels: &[Channel],
        limit: usize,
    ) -> Result<Option<Page>, LogError<L::Error>> {
        let page = self.after(position, Some(channels), limit).await?;
        self.same(&page.state, sent)?;
        if page.state.oldest > position + 1 {
            return Ok(None);
        }
        in_order(&page, position, limit)?;
        if let Some(event) = page.events.iter().find(|event| !channels.contains(event.channel())) {
            let (position, channel) = (event.position(), event.channel());
            return Err(LogError::Broken(format!(
                "event {position} of {channel} was not requested"
            )));
        }
        Ok(Some(page))
    }

    async fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> Result<Page, LogError<L::Error>> {
        // Called inside the block, because it may panic before it returns a future.
        within(self.timeout, async { self.log.after(position, channels, limit).await }).await
    }

    fn same(&self, state: &LogState, sent: i64) -> Result<(), LogError<L::Error>> {
        plausible(state)?;
        match state.id == self.id && state.position >= sent {
            true => Ok(()),
            false => Err(LogError::Replaced),
        }
    }
}

/// Rejects a state that no log can be in.
fn plausible<E: std::error::Error + 'static>(state: &LogState) -> Result<(), LogError<E>> {
    let LogState { oldest, position, .. } = state;
    if *position < 0 || *position == i64::MAX || *oldest < 1 || *oldest > position + 1 {
        return Err(LogError::Broken(format!(
            "it cannot begin at position {oldest} and end at {position}"
        )));
    }
    Ok(())
}

/// Checks that positions ascend, start after `position`, and lie within the range that the page
/// covers.
fn in_order<E: std::error::Error + 'static>(
    page: &Page,
    position: i64,
    limit: usize,
) -> Result<(), LogError<E>> {
    let Page { events, through, state } = page;
    if events.len() > limit {
        let count = events.len();
        return Err(LogError::Broken(format!("a page of at most {limit} events has {count}")));
    }
    let mut last = position;
    for event in events {
        if event.position() <= last {
            let next = event.position();
            return Err(LogError::Broken(format!("event {next} comes after event {last}")));
        }
        last = event.position();
    }
    let none = events.is_empty() && state.position <= position;
    if (last > *through && !none) || *through > state.position {
        return Err(LogError::Broken(format!(
            "a page with events up to {last} covers positions up to {through} of {}",
            state.position
        )));
    }
    if *through <= position && state.position > position {
        return Err(LogError::Broken(format!(
            "a page after {position} has no event, but the log ends at {}",
            state.position
        )));
    }
    Ok(())
}

async fn within<T, E: std::error::Error + 'static>(
    timeout: Duration,
    read: impl Future<Output = Result<T, E>>,
) -> Result<T, LogError<E>> {
    let read = AssertUnwindSafe(read).catch_unwind();
    match tokio::time::timeout(timeout, read).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => Err(LogError::Failed(error)),
        Ok(Err(_)) => Err(LogError::Panicked),
        Err(_) => Err(LogError::TimedOut(timeout)),
    }
}

#[cfg(test)]
mod tests;
