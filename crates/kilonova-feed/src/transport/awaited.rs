//! The body of a request that is on its way.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::Payload;
use actix_http::error::PayloadError;
use bytes::Bytes;
use futures_core::Stream;

use super::Activity;

/// A body that tells its connection when a handler waits for more of it: what the connection held
/// back as another request is the body's then.
pub(crate) struct Awaited {
    body: Payload,
    activity: Activity,
}

impl Awaited {
    /// The same body, observed; one that is empty stays as it is.
    pub(crate) fn observe(body: Payload, activity: &Activity) -> Payload {
        match body {
            Payload::None => Payload::None,
            body => {
                activity.has_body();
                Payload::Stream { payload: Box::pin(Awaited { body, activity: activity.clone() }) }
            }
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.activity.awaits_body(false);
    }
}

impl Stream for Awaited {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        self.activity.awaits_body(next.is_pending());
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            self.activity.took(bytes.len());
        }
        next
    }
}
