//! The body of a response. Dropping it ends the answer to its request.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::activity::Answering;

pin_project_lite::pin_project! {
    /// A body that counts its request as being answered until it is dropped.
    pub(crate) struct Answered<B> {
        #[pin]
        body: B,
        answering: Option<Answering>,
    }
}

impl<B> Answered<B> {
    pub(crate) fn new(body: B, answering: Option<Answering>) -> Answered<B> {
        Answered { body, answering }
    }
}

impl<B: MessageBody> MessageBody for Answered<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.project().body.poll_next(cx)
    }
}
