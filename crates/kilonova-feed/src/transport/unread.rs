//! The bytes that clients have sent and no handler has taken yet. Owns their limit over all
//! connections; how long they may stay is the deadlines' concern.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The bytes that each connection may have without a share of the budget: an ordinary head.
const FREE: usize = 16 * 1024;

/// The bytes of one share.
const SHARE: u32 = 16 * 1024;

/// The most bytes that HTTP keeps for one connection: a head and the part of a body that waits for
/// its handler. HTTP has its own limit for each.
const MOST: usize = 256 * 1024;

/// The budget of all connections; cheap to clone.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    /// Nothing is unread; `max` bytes may be.
    pub(crate) fn new(max: usize) -> Budget {
        Budget(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }
}

type Acquire = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>>>>;

/// What one connection has of it.
pub(super) struct Unread {
    budget: Budget,
    bytes: usize,
    /// Those of them that followed the last head of a request.
    behind: usize,
    shares: Vec<OwnedSemaphorePermit>,
    waiting: Option<(Acquire, Waker)>,
}

impl Unread {
    pub(super) fn new(budget: Budget) -> Unread {
        Unread { budget, bytes: 0, behind: 0, shares: Vec::new(), waiting: None }
    }

    /// The number of bytes that may be read now, at least one; waits while the budget is used up.
    pub(super) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<usize> {
        if self.bytes >= MOST {
            return Poll::Ready(SHARE as usize);
        }
        loop {
            let allowed = FREE + self.shares.len() * SHARE as usize;
            if self.bytes < allowed {
                return Poll::Ready(allowed - self.bytes);
            }
            let (acquire, waker) = self.waiting.get_or_insert_with(|| {
                let budget = Arc::clone(&self.budget.0);
                (Box::pin(budget.acquire_many_owned(SHARE)), cx.waker().clone())
            });
            waker.clone_from(cx.waker());
            let acquired = ready!(acquire.as_mut().poll(&mut Context::from_waker(cx.waker())));
            self.waiting = None;
            match acquired {
                Ok(share) => self.shares.push(share),
                // Nobody closes the semaphore.
                Err(_) => return Poll::Pending,
            }
        }
    }

    /// These bytes were read.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes = (self.bytes + bytes.len()).min(MOST);
        self.behind = match head_end(bytes) {
            Some(end) => bytes.len() - end,
            None => (self.behind + bytes.len()).min(self.bytes),
        };
    }

    /// A handler has taken so many bytes of a body.
    pub(super) fn take(&mut self, bytes: usize) {
        self.behind = self.behind.saturating_sub(bytes);
        self.keep(self.bytes.saturating_sub(bytes));
    }

    /// All requests so far have their responses: what is left follows the last head.
    pub(super) fn answered(&mut self) {
        self.keep(self.behind);
    }

    /// Everything was taken.
    pub(super) fn clear(&mut self) {
        self.behind = 0;
        self.keep(0);
    }

    /// The shares that it has, after a look at the numbers.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn check(&self) -> usize {
        let allowed = FREE + self.shares.len() * SHARE as usize;
        assert!(self.bytes <= allowed || self.bytes == MOST, "bytes without a share");
        assert!(self.behind <= self.bytes, "more bytes behind the last head than there are");
        self.shares.len()
    }

    /// Gives back the shares that these bytes do not need.
    fn keep(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            return;
        }
        self.bytes = bytes;
        self.shares.truncate(bytes.saturating_sub(FREE).div_ceil(SHARE as usize));
        // A read that waits looks for room again.
        if let Some((_, reader)) = self.waiting.take() {
            reader.wake();
        }
    }
}

/// The end of the last head in these bytes; a body may look as if it had some. One that lies across
/// two reads is not found.
fn head_end(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).rev().find_map(|last| {
        let before = &bytes[..last];
        let ends = bytes[last] == b'\n' && (before.ends_with(b"\n") || before.ends_with(b"\n\r"));
        ends.then_some(last + 1)
    })
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn room(unread: &mut Unread) -> Option<usize> {
        match unread.poll_room(&Context::from_waker(Waker::noop())) {
            Poll::Ready(bytes) => Some(bytes),
            Poll::Pending => None,
        }
    }

    const LONG: [u8; FREE] = [b'x'; FREE];

    #[test]
    fn a_connection_beyond_an_ordinary_head_waits_while_others_have_the_budget() {
        let budget = Budget::new(SHARE as usize);
        let [mut one, mut other] = [0, 1].map(|_| Unread::new(budget.clone()));
        assert_eq!(room(&mut one), Some(FREE));
        one.add(&LONG);
        assert_eq!(room(&mut one), Some(SHARE as usize));
        other.add(&LONG[1..]);
        assert_eq!(room(&mut other), Some(1));
        other.add(b"x");
        assert_eq!(room(&mut other), None);
        // The share of a connection whose bytes were not taken stays.
        one.answered();
        assert_eq!(room(&mut other), None);
        one.clear();
        assert_eq!(room(&mut other), Some(SHARE as usize));
        drop(other);
        one.add(&LONG);
        assert_eq!(room(&mut one), Some(SHARE as usize));
    }

    #[test]
    fn a_connection_whose_bytes_were_taken_needs_no_share() {
        let mut unread = Unread::new(Budget::new(0));
        unread.add(&LONG);
        assert_eq!(room(&mut unread), None);
        unread.take(1000);
        assert_eq!(room(&mut unread), Some(1000));
        unread.clear();
        assert_eq!(room(&mut unread), Some(FREE));
    }

    #[test]
    fn the_head_of_a_request_is_kept_until_its_response() {
        let mut unread = Unread::new(Budget::new(0));
        let request = [&LONG[..FREE - 8], b"\r\n\r\nnext"].concat();
        unread.add(&request);
        assert_eq!(room(&mut unread), None);
        unread.answered();
        assert_eq!(room(&mut unread), Some(FREE - 4));
        assert_eq!(head_end(b"a\n\nb\n"), Some(3));
        assert_eq!(head_end(b"a\nb\r\n"), None);
    }

    #[test]
    fn one_connection_takes_no_more_than_http_keeps_for_it() {
        let budget = Budget::new(1024 * 1024);
        let mut unread = Unread::new(budget.clone());
        for _ in 0..1000 {
            let bytes = room(&mut unread).unwrap();
            unread.add(&LONG[..bytes]);
        }
        assert_eq!(budget.0.available_permits(), 1024 * 1024 - (MOST - FREE));
    }
}
