//! The bytes of heads that HTTP keeps, until their requests have responses. Owns their limit over
//! all connections; leaves their timeout to the deadlines. Bodies wait in the kernel until a
//! handler wants them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The bytes that each connection may have without a share of the budget: an ordinary head.
const FREE: usize = 16 * 1024;

/// The bytes of one share.
const SHARE: u32 = 16 * 1024;

/// The budget of all connections; cheap to clone.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    /// An unused budget of `max` bytes.
    pub(crate) fn new(max: usize) -> Budget {
        Budget(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }
}

type Acquire = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>>>>;

/// One connection's part of the budget.
pub(super) struct Unread {
    budget: Budget,
    bytes: usize,
    shares: Vec<OwnedSemaphorePermit>,
    waiting: Option<Acquire>,
}

impl Unread {
    pub(super) fn new(budget: Budget) -> Unread {
        Unread { budget, bytes: 0, shares: Vec::new(), waiting: None }
    }

    /// The number of bytes that may be read now, at least one; waits while the budget is used up.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        loop {
            let allowed = FREE + self.shares.len() * SHARE as usize;
            if self.bytes < allowed {
                return Poll::Ready(allowed - self.bytes);
            }
            let acquire = self.waiting.get_or_insert_with(|| {
                Box::pin(Arc::clone(&self.budget.0).acquire_many_owned(SHARE))
            });
            let acquired = ready!(acquire.as_mut().poll(cx));
            self.waiting = None;
            match acquired {
                Ok(share) => self.shares.push(share),
                // The semaphore is never closed.
                Err(_) => return Poll::Pending,
            }
        }
    }

    /// Records that bytes were read.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Returns everything to the budget.
    pub(super) fn clear(&mut self) {
        self.bytes = 0;
        self.waiting = None;
        self.shares = Vec::new();
    }

    /// Checks the counts and returns the number of shares.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn check(&self) -> usize {
        let allowed = FREE + self.shares.len() * SHARE as usize;
        assert!(self.bytes <= allowed, "{} bytes in room for {allowed}", self.bytes);
        self.shares.len()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn room(unread: &mut Unread) -> Option<usize> {
        match unread.poll_room(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(bytes) => Some(bytes),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_connection_beyond_an_ordinary_head_waits_while_others_have_the_budget() {
        let budget = Budget::new(SHARE as usize);
        let [mut one, mut other] = [0, 1].map(|_| Unread::new(budget.clone()));
        assert_eq!(room(&mut one), Some(FREE));
        one.add(FREE);
        assert_eq!(room(&mut one), Some(SHARE as usize));
        other.add(FREE - 1);
        assert_eq!(room(&mut other), Some(1));
        other.add(1);
        assert_eq!(room(&mut other), None);
        one.clear();
        assert_eq!(room(&mut other), Some(SHARE as usize));
        drop(other);
        one.add(FREE);
        assert_eq!(room(&mut one), Some(SHARE as usize));
    }

    #[test]
    fn a_connection_that_no_longer_waits_takes_no_share() {
        let budget = Budget::new(SHARE as usize);
        let [mut one, mut other] = [0, 1].map(|_| Unread::new(budget.clone()));
        one.add(FREE);
        assert_eq!(room(&mut one), Some(SHARE as usize));
        other.add(FREE);
        assert_eq!(room(&mut other), None);
        other.clear();
        drop(one);
        assert_eq!(budget.0.available_permits(), SHARE as usize);
    }
}
