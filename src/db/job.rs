//! A transaction in the writer's queue, with its types erased. Owns how its outcome gets back to
//! the caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::{At, Error, Meter, Touches, Tx};
use crate::logging::RequestId;
use crate::models::stored_response::Key;

/// The outcome that a transaction's caller waits for.
pub(super) type Answer<T, E> = oneshot::Receiver<Result<At<T>, E>>;

/// A transaction in the queue, with its types erased.
pub(super) trait Job: Send {
    fn touches(&self) -> Touches;
    fn key(&self) -> Option<&Key>;
    /// Does the work and keeps its outcome. If it returns false, the caller rolls the writes back.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Answers with the outcome, after the commit. `position` is that of its last event or, if it
    /// has none, of the last event before it.
    fn answer(self: Box<Self>, position: i64);
    /// The request that it belongs to.
    fn request(&self) -> Option<&RequestId>;
    /// Answers that the commit failed.
    fn fail(self: Box<Self>, error: Error);
}

struct Pending<T, E, F> {
    touches: Touches,
    key: Option<Key>,
    work: Option<F>,
    meter: Option<Meter>,
    request: Option<RequestId>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<At<T>, E>>,
}

/// Creates a transaction for the queue, and the receiver of its outcome.
pub(super) fn pending<T, E, F>(
    touches: Touches,
    key: Option<Key>,
    meter: Option<Meter>,
    work: F,
) -> (Box<dyn Job>, Answer<T, E>)
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let request = RequestId::current();
    let work = Some(work);
    (Box::new(Pending { touches, key, work, meter, request, outcome: None, reply }), answer)
}

impl<T, E, F> Job for Pending<T, E, F>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn touches(&self) -> Touches {
        self.touches
    }

    fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let before = tx.written.events.len();
        // The savepoint is rolled back after a panic, so partial work is never visible.
        let done = catch_unwind(AssertUnwindSafe(|| match self.request.clone() {
            Some(request) => request.with(|| work(tx)),
            None => work(tx),
        }));
        let outcome = done.unwrap_or_else(|_| Err(Error::Panicked.into()));
        if let Some(meter) = &self.meter {
            let events = tx.written.events.get(before..).unwrap_or_default();
            let bytes: usize = events.iter().map(|event| event.payload.as_json().len()).sum();
            meter.count(bytes.saturating_add(tx.written.moved));
        }
        self.outcome.insert(outcome).is_ok()
    }

    fn request(&self) -> Option<&RequestId> {
        self.request.as_ref()
    }

    fn answer(self: Box<Self>, position: i64) {
        if let Some(outcome) = self.outcome {
            // The caller may have gone away.
            drop(self.reply.send(outcome.map(|value| At { value, position })));
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        // The work's own error says more than the failed commit.
        let outcome = match self.outcome {
            Some(Err(own)) => Err(own),
            _ => Err(error.into()),
        };
        drop(self.reply.send(outcome));
    }
}
