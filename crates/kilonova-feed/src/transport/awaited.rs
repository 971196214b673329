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
    /// The end has come, or an error.
    is_complete: bool,
}

impl Awaited {
    /// The same body, observed; one that is empty stays as it is.
    pub(crate) fn observe(body: Payload, activity: &Activity) -> Payload {
        match body {
            Payload::None => Payload::None,
            body => {
                let activity = activity.clone();
                let awaited = Awaited { body, activity, is_complete: false };
                Payload::Stream { payload: Box::pin(awaited) }
            }
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        // The body first: HTTP drops what comes once it is gone.
        self.body = Payload::None;
        if !self.is_complete {
            self.activity.want(Wanted::Dropped);
        }
    }
}

impl Stream for Awaited {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        match &next {
            Poll::Pending => self.activity.awaits_body(),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(None | Some(Err(_))) if self.is_complete => {}
            Poll::Ready(None | Some(Err(_))) => {
                self.is_complete = true;
                self.activity.want(Wanted::Complete);
            }
        }
        next
    }
}
