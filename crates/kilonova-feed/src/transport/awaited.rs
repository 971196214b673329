//! The body of a request that is on its way.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::Payload;
use actix_http::error::PayloadError;
use bytes::Bytes;
use futures_core::Stream;

use super::Activity;
use super::activity::Wanted;

/// A body that tells its connection when a handler waits for more of it, and when nobody does any
/// more.
pub(crate) struct Awaited {
    body: Payload,
    activity: Activity,
    /// The number of its request: one that is kept beyond it has no say in the next one's body.
    request: u64,
    /// The end has come, or an error.
    is_complete: bool,
}

impl Awaited {
    /// The same body of the request that is being answered, observed; one that is empty stays as it
    /// is.
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

    /// What happens on its connection, while that is about its request.
    fn activity(&self) -> Option<&Activity> {
        Some(&self.activity).filter(|activity| activity.requests() == self.request)
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // The body first: HTTP drops what comes once it is gone.
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
                // Nobody knows where the next request would begin.
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
