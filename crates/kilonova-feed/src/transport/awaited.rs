//! The body of a request while it arrives.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::Payload;
use actix_http::error::PayloadError;
use bytes::Bytes;
use futures_core::Stream;

use super::Activity;
use super::activity::Wanted;

/// A body that tells its connection when a handler waits for more of it, and when no handler will
/// read the rest.
pub(crate) struct Awaited {
    body: Payload,
    activity: Activity,
    /// The number of its request. A body that outlives its request must not affect the body of the
    /// next one.
    request: u64,
    /// True after the end of the body or an error.
    is_complete: bool,
}

impl Awaited {
    /// Observes the body of the request that is being answered. An empty body stays as it is.
    pub(crate) fn observe(body: Payload, activity: &Activity) -> Payload {
        match body {
            Payload::None => Payload::None,
            body => {
                let activity = activity.clone();
                let request = activity.requests();
                let awaited = Awaited { body, activity, request, is_complete: false };
                Payload::Stream { payload: Box::pin(awaited) }
            }
        }
    }

    /// The state of its connection, while the connection still serves this body's request.
    fn activity(&self) -> Option<&Activity> {
        Some(&self.activity).filter(|activity| activity.requests() == self.request)
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // Drops the body first, so that HTTP drops further input.
        self.body = Payload::None;
        if !self.is_complete
            && let Some(activity) = self.activity()
        {
            activity.want(Wanted::Dropped);
        }
    }
}

impl Stream for Awaited {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        let was_complete = self.is_complete;
        self.is_complete |= matches!(next, Poll::Ready(None | Some(Err(_))));
        if let Some(activity) = self.activity() {
            if matches!(next, Poll::Ready(Some(Err(_)))) {
                // The start of the next request is unknown.
                activity.set_last();
            }
            match next {
                Poll::Pending => activity.awaits_body(),
                Poll::Ready(_) if self.is_complete && !was_complete => {
                    activity.want(Wanted::Complete);
                }
                Poll::Ready(_) => {}
            }
        }
        next
    }
}
